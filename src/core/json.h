// Json: a value of a JSON document, with objects that keep the order of their keys.
//
// A plain value type; the parser and the writer behind parse_json and dump are a library's, seen only by json.cpp.
// Numbers keep their kind: 3 is an integer, 3.0 a real. Reals are written with the fewest digits that read back to the
// same bits; NaN and infinities, which JSON lacks, are written as null.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.h"

namespace regulus {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  // What a variant generates is long and used in nearly every file: it is generated once, in json.cpp.
  Json() = default;
  Json(Json const& other);
  Json(Json&&) noexcept;
  Json& operator=(Json const&);
  Json& operator=(Json&&) noexcept;
  ~Json();
  Json(std::nullptr_t) {}                                         // NOLINT(google-explicit-constructor): a value type
  Json(bool value) : value_(value) {}                             // NOLINT(google-explicit-constructor)
  Json(int value) : value_(static_cast<std::int64_t>(value)) {}   // NOLINT(google-explicit-constructor)
  Json(long value) : value_(static_cast<std::int64_t>(value)) {}  // NOLINT(google-explicit-constructor)
  Json(long long value) : value_(static_cast<std::int64_t>(value)) {}  // NOLINT(google-explicit-constructor)
  Json(unsigned value) : Json(static_cast<std::int64_t>(value)) {}     // NOLINT(google-explicit-constructor)
  Json(unsigned long value) { set(value); }                            // NOLINT(google-explicit-constructor)
  Json(unsigned long long value) { set(value); }                       // NOLINT(google-explicit-constructor)
  Json(double value) : value_(value) {}                                // NOLINT(google-explicit-constructor)
  Json(char const* text);                                              // NOLINT(google-explicit-constructor)
  Json(std::string text);                                              // NOLINT(google-explicit-constructor)
  Json(std::string_view text);                                         // NOLINT(google-explicit-constructor)
  Json(Array items);                                                   // NOLINT(google-explicit-constructor)
  Json(Object members);                                                // NOLINT(google-explicit-constructor)

  static Json array();
  static Json object();
  static Json object(std::initializer_list<std::pair<std::string, Json>> members);
  template <class Range>
  static Json array_of(Range const& items) {
    Array array;
    for (auto const& item : items) array.emplace_back(item);
    return Json(std::move(array));
  }

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  // Each is_… must hold before its accessor; as_number also reads an integer.
  bool as_bool() const { return get<bool>(); }
  std::int64_t as_integer() const { return get<std::int64_t>(); }
  double as_number() const { return is_integer() ? static_cast<double>(as_integer()) : get<double>(); }
  std::string const& as_string() const { return get<std::string>(); }
  Array const& as_array() const { return get<Array>(); }
  Array& as_array() { return const_cast<Array&>(std::as_const(*this).as_array()); }
  Object const& as_object() const { return get<Object>(); }
  Object& as_object() { return const_cast<Object&>(std::as_const(*this).as_object()); }

  // The member of an object, or null when this is no object or has no such key.
  Json const* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  // The member; added as null when absent. On a null value makes an object of it.
  Json& operator[](std::string_view key);
  void push_back(Json item);

  // One line without spaces, or indented by `indent` spaces a level.
  std::string dump(int indent = -1) const;
  // "a number", "a list", … for messages.
  std::string_view kind() const;

  friend bool operator==(Json const&, Json const&);

 private:
  // An unsigned number that no signed one holds becomes a real, as it does when it is read.
  void set(unsigned long long value) {
    if (std::in_range<std::int64_t>(value)) {
      value_ = static_cast<std::int64_t>(value);
    } else {
      value_ = static_cast<double>(value);
    }
  }
  template <class T>
  T const& get() const {
    REGULUS_CHECK(std::holds_alternative<T>(value_));
    return *std::get_if<T>(&value_);
  }

  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value_ = nullptr;
};

// Reads one JSON document. Errors name line and column. Duplicate keys, trailing text, nesting beyond 200 levels and
// text that is not UTF-8 are errors.
Result<Json> parse_json(std::string_view text);

}  // namespace regulus
