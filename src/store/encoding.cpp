#include "store/encoding.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

namespace regulus::store {
namespace {

constexpr std::array<std::string_view, 5> state_names = {"RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"};

// `width` digits at `at`, or nothing.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t width) {
  if (at + width > text.size()) return std::nullopt;
  int value = 0;
  for (char c : text.substr(at, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = 10 * value + (c - '0');
  }
  return value;
}

// Strict JSON from Python's: the three names of non-finite numbers, outside of strings, become null.
std::string without_bare_numbers(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      out += text.substr(i, 2);
      ++i;
      continue;
    }
    if (text[i] == '"') quoted = !quoted;
    bool replaced = false;
    for (std::string_view name : {"NaN", "Infinity", "-Infinity"}) {
      if (!quoted && text.substr(i).starts_with(name)) {
        out += "null";
        i += name.size() - 1;
        replaced = true;
        break;
      }
    }
    if (!replaced) out += text[i];
  }
  return out;
}

}  // namespace

std::string timestamp_text(std::int64_t microseconds) {
  using namespace std::chrono;
  sys_time<std::chrono::microseconds> const time{std::chrono::microseconds{microseconds}};
  auto const day = floor<days>(time);
  year_month_day const date{day};
  hh_mm_ss const clock{time - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::int64_t timestamp_us(std::string_view text) {
  using namespace std::chrono;
  auto const year_digits = digits(text, 0, 4);
  auto const month_digits = digits(text, 5, 2);
  auto const day_digits = digits(text, 8, 2);
  auto const hour = digits(text, 11, 2);
  auto const minute = digits(text, 14, 2);
  auto const second = digits(text, 17, 2);
  if (!year_digits || !month_digits || !day_digits || !hour || !minute || !second) return 0;
  year_month_day const date{year{*year_digits}, month{static_cast<unsigned>(*month_digits)},
                            day{static_cast<unsigned>(*day_digits)}};
  if (!date.ok()) return 0;
  std::int64_t fraction = 0;
  std::int64_t unit = 100'000;
  for (std::size_t i = 20; i < text.size() && text[19] == '.' && unit > 0; ++i, unit /= 10) {
    auto const digit = digits(text, i, 1);
    if (!digit) break;
    fraction += *digit * unit;
  }
  auto const whole = sys_days{date} + hours{*hour} + minutes{*minute} + seconds{*second};
  return duration_cast<microseconds>(whole.time_since_epoch()).count() + fraction;
}

std::string_view state_name(TrialState state) { return state_names[static_cast<std::size_t>(state)]; }

std::optional<TrialState> state_from(std::string_view name) {
  for (std::size_t i = 0; i < state_names.size(); ++i) {
    if (state_names[i] == name) return static_cast<TrialState>(i);
  }
  return std::nullopt;
}

std::string_view direction_name(Direction direction) {
  return direction == Direction::minimize ? "MINIMIZE" : "MAXIMIZE";
}

StoredReal stored_real(double value) {
  if (std::isnan(value)) return {std::nullopt, "NAN"};
  if (std::isinf(value)) return {std::nullopt, value > 0 ? "INF_POS" : "INF_NEG"};
  return {value, "FINITE"};
}

std::optional<double> real_from(std::optional<double> value, std::string_view type) {
  if (type == "FINITE") return value;
  if (type == "INF_POS") return std::numeric_limits<double>::infinity();
  if (type == "INF_NEG") return -std::numeric_limits<double>::infinity();
  if (type == "NAN") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

Json attribute_from(std::string_view text) {
  Result<Json> strict = parse_json(text);
  if (strict) return strict.take();
  Result<Json> lenient = parse_json(without_bare_numbers(text));
  return lenient ? lenient.take() : Json();
}

Result<Distribution> distribution_from(std::string_view text) { return distribution_from_json(attribute_from(text)); }

}  // namespace regulus::store
