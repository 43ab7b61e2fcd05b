// One declaration per setting.
//
// A config is an aggregate with in-class defaults and one static fields(); from it come the flag, the JSON key, the
// environment variable, the message when a value is out of range, a row of the reference page and, for tunable fields,
// a dimension of the search space:
//
//   struct ReplayConfig {
//     int buffer_size = 100'000;
//     float per_alpha = 0.6f;
//     static constexpr auto fields() {
//       return std::tuple{
//           field(&ReplayConfig::buffer_size, "buffer_size", "Transitions kept.", range(1'000, 2'000'000)),
//           field(&ReplayConfig::per_alpha, "per_alpha", "0 is uniform.", range(0, 1), tunable(0.4, 0.8)),
//       };
//     }
//   };
//   static_assert(describes_every_member<ReplayConfig>());
//
// settings(config) flattens it into a list of type-erased Settings that read and write the config in place; everything
// that works on configs (core/config.h) works on that list. Member types: bool, int, float, double, std::string,
// std::vector<int>, an enum with enum_names(), and nested configs.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace regulus {

// What a field declares besides its name and meaning.
struct FieldOptions {
  double lowest = -std::numeric_limits<double>::infinity();  // valid values, both ends included;
  double highest = std::numeric_limits<double>::infinity();  // for lists: each element

  enum class Tuning : std::uint8_t { none, uniform, log, among, on_off, per_layer };
  Tuning tuning = Tuning::none;
  double tune_low = 0;
  double tune_high = 0;
  // among: the candidate values. per_layer: candidates of layer k are [k * per_layer_count, (k + 1) * per_layer_count).
  std::array<double, 12> candidates{};
  std::size_t candidate_count = 0;
  std::size_t per_layer_count = 0;
};

struct Range {
  double low, high;
};
constexpr Range range(double low, double high) { return {low, high}; }
constexpr Range at_least(double low) { return {low, std::numeric_limits<double>::infinity()}; }

struct Tunable {
  FieldOptions::Tuning tuning;
  double low = 0, high = 0;
  std::array<double, 12> candidates{};
  std::size_t count = 0, per_layer = 0;
};
constexpr Tunable tunable(double low, double high) {
  return {.tuning = FieldOptions::Tuning::uniform, .low = low, .high = high};
}
constexpr Tunable tunable_log(double low, double high) {
  return {.tuning = FieldOptions::Tuning::log, .low = low, .high = high};
}
constexpr Tunable tunable_flag() { return {.tuning = FieldOptions::Tuning::on_off}; }
template <class... Values>
constexpr Tunable tunable_among(Values... values) {
  return {.tuning = FieldOptions::Tuning::among,
          .candidates = {static_cast<double>(values)...},
          .count = sizeof...(values)};
}
// A list whose every element (layer) is a dimension of its own, named <field without plural s>_1, _2, …
template <std::size_t N, class... Layers>
constexpr Tunable tunable_layers(std::array<double, N> first, Layers... rest) {
  Tunable t{.tuning = FieldOptions::Tuning::per_layer, .per_layer = N};
  for (auto const& layer : {first, rest...}) {
    for (double value : layer) t.candidates[t.count++] = value;
  }
  return t;
}

template <class Config, class T>
struct Field {
  T Config::*member;
  std::string_view name;
  std::string_view help;
  FieldOptions options;
};

namespace detail {
constexpr void apply(FieldOptions& options, Range range) {
  options.lowest = range.low;
  options.highest = range.high;
}
constexpr void apply(FieldOptions& options, Tunable const& t) {
  options.tuning = t.tuning;
  options.tune_low = t.low;
  options.tune_high = t.high;
  options.candidates = t.candidates;
  options.candidate_count = t.count;
  options.per_layer_count = t.per_layer;
}

// Only ever named in an unevaluated aggregate initialisation, where the conversion has to be implicit.
struct ConvertsToAnything {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};
template <class T, class... Args>
constexpr std::size_t count_members() {
  if constexpr (requires { T{Args{}..., ConvertsToAnything{}}; }) {
    return count_members<T, Args..., ConvertsToAnything>();
  } else {
    return sizeof...(Args);
  }
}
}  // namespace detail

template <class Config, class T, class... Options>
constexpr Field<Config, T> field(T Config::*member, std::string_view name, std::string_view help, Options... options) {
  Field<Config, T> f{member, name, help, {}};
  (detail::apply(f.options, options), ...);
  return f;
}

template <class T>
concept Configurable = requires {
  T::fields();
};

// True when fields() lists as many members as the aggregate has: a forgotten member does not compile.
template <Configurable T>
consteval bool describes_every_member() {
  return detail::count_members<T>() == std::tuple_size_v<decltype(T::fields())>;
}

enum class SettingType : std::uint8_t { flag, integer, real, text, choice, list };

// One leaf of a config: knows its path ("replay.per_alpha"), reads and writes the member it was made for.
struct Setting {
  std::string path;
  std::string name;  // last part of the path; unique within a config
  std::string help;
  SettingType type = SettingType::text;
  FieldOptions options;
  std::vector<std::string> choices;  // of an enum
  std::function<Json()> get;
  // Writes after checking type and range; on error nothing is written and the message names path and value.
  std::function<Status(Json const&)> set;
};

Status check_number(Setting const& setting, double value);
Status wrong_kind(Setting const& setting, Json const& value, std::string_view expected);
// The integer that the value is; 64.0 is the integer 64, because a study stores every number as a real.
std::optional<std::int64_t> whole_number(Json const& value);
// The real with the fewest digits that reads back as the same float: 0.6 for 0.6f, not 0.6000000238418579.
double shortest(float value);
inline double shortest(double value) { return value; }

namespace detail {

template <class T>
Setting make_setting(std::string path, std::string_view name, std::string_view help, FieldOptions const& options,
                     T& member) {
  Setting s;
  s.path = std::move(path);
  s.name = name;
  s.help = help;
  s.options = options;
  T* const target = &member;
  if constexpr (std::is_same_v<T, bool>) {
    s.type = SettingType::flag;
    s.get = [target] { return Json(*target); };
    s.set = [s, target](Json const& value) -> Status {
      if (!value.is_bool()) return wrong_kind(s, value, "true or false");
      *target = value.as_bool();
      return ok();
    };
  } else if constexpr (std::is_integral_v<T>) {
    s.type = SettingType::integer;
    s.get = [target] { return Json(static_cast<std::int64_t>(*target)); };
    s.set = [s, target](Json const& value) -> Status {
      auto const integer = whole_number(value);
      if (!integer) return wrong_kind(s, value, "an integer");
      if (Status in_range = check_number(s, value.as_number()); !in_range) return in_range;
      if (!std::in_range<T>(*integer)) return wrong_kind(s, value, "an integer of ordinary size");
      *target = static_cast<T>(*integer);
      return ok();
    };
  } else if constexpr (std::is_floating_point_v<T>) {
    s.type = SettingType::real;
    s.get = [target] { return Json(shortest(*target)); };
    s.set = [s, target](Json const& value) -> Status {
      if (!value.is_number()) return wrong_kind(s, value, "a number");
      if (Status in_range = check_number(s, value.as_number()); !in_range) return in_range;
      if (std::abs(value.as_number()) > static_cast<double>(std::numeric_limits<T>::max())) {
        return wrong_kind(s, value, "a number of ordinary size");
      }
      *target = static_cast<T>(value.as_number());
      return ok();
    };
  } else if constexpr (std::is_same_v<T, std::string>) {
    s.type = SettingType::text;
    s.get = [target] { return Json(*target); };
    s.set = [s, target](Json const& value) -> Status {
      if (!value.is_string()) return wrong_kind(s, value, "a text");
      *target = value.as_string();
      return ok();
    };
  } else if constexpr (std::is_same_v<T, std::vector<int>>) {
    s.type = SettingType::list;
    s.get = [target] { return Json::array_of(*target); };
    s.set = [s, target](Json const& value) -> Status {
      if (!value.is_array()) return wrong_kind(s, value, "a list of integers");
      std::vector<int> items;
      for (Json const& item : value.as_array()) {
        auto const integer = whole_number(item);
        if (!integer) return wrong_kind(s, value, "a list of integers");
        if (Status in_range = check_number(s, item.as_number()); !in_range) return in_range;
        if (!std::in_range<int>(*integer)) return wrong_kind(s, value, "a list of integers of ordinary size");
        items.push_back(static_cast<int>(*integer));
      }
      *target = std::move(items);
      return ok();
    };
  } else {
    static_assert(std::is_enum_v<T>,
                  "a setting is a bool, a number, a text, a list of int or an enum with enum_names()");
    s.type = SettingType::choice;
    for (std::string_view choice : enum_names(T{})) s.choices.emplace_back(choice);
    s.get = [target] { return Json(enum_names(T{})[static_cast<std::size_t>(*target)]); };
    s.set = [s, target](Json const& value) -> Status {
      if (value.is_string()) {
        auto const names = enum_names(T{});
        for (std::size_t i = 0; i < std::size(names); ++i) {
          if (names[i] == value.as_string()) {
            *target = static_cast<T>(i);
            return ok();
          }
        }
      }
      std::string expected = "one of";
      for (std::string const& choice : s.choices) expected += " " + choice;
      return wrong_kind(s, value, expected);
    };
  }
  return s;
}

template <Configurable Config>
void collect(Config& config, std::string const& prefix, std::vector<Setting>& out) {
  std::apply(
      [&](auto const&... each) {
        auto const one = [&](auto const& f) {
          std::string path = prefix.empty() ? std::string(f.name) : prefix + "." + std::string(f.name);
          auto& member = config.*(f.member);
          if constexpr (Configurable<std::remove_reference_t<decltype(member)>>) {
            collect(member, path, out);
          } else {
            out.push_back(make_setting(std::move(path), f.name, f.help, f.options, member));
          }
        };
        (one(each), ...);
      },
      Config::fields());
}

}  // namespace detail

// The leaves of a config in declaration order. They point into `config`, which must outlive them and not move.
template <Configurable Config>
std::vector<Setting> settings(Config& config) {
  std::vector<Setting> out;
  detail::collect(config, "", out);
  return out;
}

}  // namespace regulus
