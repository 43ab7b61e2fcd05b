// Strict reading of a JSON document, member by member.
//
// A reader is a place in the document: it reads values and remembers, for the whole document, the first thing that was
// wrong, as "path = value reason; remedy". After that every read leaves its target as it was, so that callers read
// straight through and ask once at the end:
//
//   Status status = ok();
//   JsonReader const at(json, status);
//   at.keys({"id"}, {"name"});
//   at.get("id", driver.id);
//   at.each("breaks", [&](JsonReader const& item) { … });
//   if (!status) return status.error();
//
// Readers point to their parents, from which the path is put together when it is needed: they live on the stack, inside
// the call that made them.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/json.h"
#include "core/result.h"
#include "domain/units.h"

namespace regulus {

// Whether 64.0 is the whole number 64: it is in files, where other programs write every number as a real, and is not in
// what a client sends, which says exactly what it means.
enum class WholeNumbers : std::uint8_t { as_reals_too, as_integers_only };

class JsonReader {
 public:
  JsonReader(Json const& document, Status& status, WholeNumbers whole_numbers = WholeNumbers::as_reals_too)
      : json_(document), status_(status), whole_numbers_(whole_numbers) {}

  Json const& json() const { return json_; }
  bool has(std::string_view key) const { return json_.has(key); }
  // "bookings[3].seats"; "the document" at the top.
  std::string path() const;
  // Refuses this value: "path = value <why>".
  void fail(std::string_view why) const;

  // Here must be an object with all of `required` and nothing beyond these and `optional`.
  void keys(std::initializer_list<std::string_view> required, std::initializer_list<std::string_view> optional) const;

  // The member, when there is one: of the right kind and in the range of the type.
  template <class T>
  void get(std::string_view key, T& out) const {
    in(key, [&out](JsonReader const& member) { member.value(out); });
  }
  template <class Read>
  void in(std::string_view key, Read const& read) const {
    if (Json const* member = json_.find(key)) {
      JsonReader const child(*this, *member, key, -1);
      if (status_) read(child);
    }
  }
  // Every item of the list under `key`, when there is one.
  template <class Read>
  void each(std::string_view key, Read const& read) const {
    in(key, [&read](JsonReader const& list) { list.items(read); });
  }
  // Every item of the list that is here.
  template <class Read>
  void items(Read const& read) const {
    if (!json_.is_array()) return fail("is no list");
    std::int64_t index = 0;
    for (Json const& item : json_.as_array()) {
      JsonReader const child(*this, item, {}, index++);
      if (!status_) return;
      read(child);
    }
  }

  // The value that is here.
  void value(bool& out) const;
  void value(std::string& out) const;
  void value(double& out) const;
  template <std::integral T>
  void value(T& out) const {
    std::int64_t whole = 0;
    std::int64_t const low = std::is_signed_v<T> ? static_cast<std::int64_t>(std::numeric_limits<T>::min()) : 0;
    std::int64_t const high = std::in_range<std::int64_t>(std::numeric_limits<T>::max())
                                  ? static_cast<std::int64_t>(std::numeric_limits<T>::max())
                                  : std::numeric_limits<std::int64_t>::max();
    if (integer(low, high, whole)) out = static_cast<T>(whole);
  }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void value(Enum& out) const {
    auto const names = enum_names(Enum{});
    std::string known;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (json_.is_string() && json_.as_string() == names[i]) {
        out = static_cast<Enum>(i);
        return;
      }
      known.append(" ").append(names[i]);
    }
    fail("is none of" + known);
  }
  // A moment: "HH:MM:SS", "HH:MM" or seconds; null is `never`.
  void moment(Seconds& out) const;
  // [from, to]; a null end is `never`.
  void window(Window& out) const;
  bool integer(std::int64_t low, std::int64_t high, std::int64_t& out) const;

 private:
  JsonReader(JsonReader const& parent, Json const& json, std::string_view key, std::int64_t index)
      : json_(json),
        status_(parent.status_),
        whole_numbers_(parent.whole_numbers_),
        parent_(&parent),
        key_(key),
        index_(index) {}

  Json const& json_;
  Status& status_;
  WholeNumbers whole_numbers_;
  JsonReader const* parent_ = nullptr;
  std::string_view key_;
  std::int64_t index_ = -1;
};

}  // namespace regulus
