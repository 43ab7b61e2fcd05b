// What the tables of the server's database have in common: words for enums, JSON in a column, versions, pages.
//
// A row that cannot be read fails its transaction with `corrupt`: it is never half read, and nothing is assumed.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/json.h"
#include "store/sqlite.h"

namespace regulus::store {

// Where the next page of a list begins: after this row, in the order of (time, id). The default is before the first.
template <class Id>
struct Cursor {
  std::int64_t at_us = std::numeric_limits<std::int64_t>::min();
  Id id{};
};
inline constexpr int longest_page = 500;
// A list gives at least one row and at most longest_page, whatever was asked for.
inline int rows_of_page(int limit) { return std::clamp(limit, 1, longest_page); }

template <class Enum>
std::string_view word_of(Enum value) {
  return enum_names(value)[static_cast<std::size_t>(value)];
}
template <class Enum>
Enum enum_of(Transaction& tx, std::string_view word) {
  auto const names = enum_names(Enum{});
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == word) return static_cast<Enum>(i);
  }
  tx.fail({ErrorKind::corrupt, fmt::format("a row holds the word '{}', which is none of its column's", word)});
  return Enum{};
}

inline Json json_of(Transaction& tx, std::string const& text) {
  Result<Json> json = parse_json(text);
  if (json) return json.take();
  tx.fail({ErrorKind::corrupt, "a row holds text that is not JSON: " + json.error().message});
  return {};
}
inline std::optional<Json> json_of(Transaction& tx, std::optional<std::string> const& text) {
  return text ? std::optional(json_of(tx, *text)) : std::nullopt;
}
inline std::optional<std::string> text_of(std::optional<Json> const& json) {
  return json ? std::optional(json->dump()) : std::nullopt;
}

// The transaction's error, or the value.
template <class T>
Result<T> checked(Transaction& tx, T value) {
  if (tx.failed()) return tx.error();
  return value;
}
template <class T>
Result<T> found_or(Transaction& tx, std::optional<T> value, std::string const& what) {
  if (tx.failed()) return tx.error();
  if (!value) return Error{ErrorKind::not_found, "there is no " + what};
  return std::move(*value);
}

// Whether the row is still as the caller saw it. Nobody expects anything: it may be of any version.
inline Status check_version(std::string const& what, std::int64_t version, std::optional<std::int64_t> expected) {
  if (!expected || *expected == version) return ok();
  return Error{ErrorKind::conflict,
               fmt::format("{} is of version {}, not {}: somebody changed it meanwhile", what, version, *expected)};
}

}  // namespace regulus::store
