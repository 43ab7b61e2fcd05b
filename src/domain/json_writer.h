// Writing of the documents that JsonReader reads: moments as clock texts, and only what is not as usual.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/json.h"
#include "domain/day_file.h"
#include "domain/units.h"

namespace regulus {

// "08:05:30"; null is never.
inline Json moment_json(Seconds moment) { return moment == never ? Json() : Json(clock_text(moment)); }
// [from, to].
inline Json window_json(Window const& w) { return Json(Json::Array{moment_json(w.start), moment_json(w.end)}); }

// Adds the member unless it is as usual: enums by name, windows and lists as lists, the rest as it is.
template <class T>
void put(Json& json, std::string_view key, T const& value, T const& usual) {
  if (value == usual) return;
  if constexpr (std::is_enum_v<T>) {
    json[key] = enum_names(value)[static_cast<std::size_t>(value)];
  } else if constexpr (std::is_same_v<T, Window>) {
    json[key] = window_json(value);
  } else if constexpr (requires { value.begin(); } && !std::is_same_v<T, std::string>) {
    json[key] = Json::array_of(value);
  } else {
    json[key] = value;
  }
}

// The same for a moment, which is a number of seconds like a duration, and written otherwise.
inline void put_moment(Json& json, std::string_view key, Seconds moment, Seconds usual) {
  if (moment != usual) json[key] = moment_json(moment);
}

}  // namespace regulus
