#include "server/civil_time.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <optional>

#include "core/check.h"

namespace regulus::server {

namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using SysTime = std::chrono::time_point<std::chrono::system_clock, microseconds>;

// The digits at [from, from + count) as a number; nothing when one is none.
std::optional<int> digits(std::string_view text, std::size_t from, std::size_t count) {
  if (from + count > text.size()) return std::nullopt;
  int value = 0;
  for (char const c : text.substr(from, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = 10 * value + (c - '0');
  }
  return value;
}

std::optional<date::year_month_day> calendar_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  auto const year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  if (!year || !month || !day || *year < 1970) return std::nullopt;
  date::year_month_day const ymd{date::year{*year}, date::month{static_cast<unsigned>(*month)},
                                 date::day{static_cast<unsigned>(*day)}};
  return ymd.ok() ? std::optional(ymd) : std::nullopt;
}

// "Z" or "+hh:mm" in seconds.
std::optional<int> offset_of(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  auto const hours = digits(text, 1, 2), minutes = digits(text, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  int const size = 3'600 * *hours + 60 * *minutes;
  return text[0] == '-' ? -size : size;
}

// An instant's date must be a date in every zone, from fourteen hours ahead of UTC to twelve behind it: a day in from
// both ends of the calendar. 1970-01-02 and 9999-12-30, each at midnight UTC.
constexpr std::int64_t first_second = 86'400;
constexpr std::int64_t end_second = 253'402'128'000;

std::optional<Instant> instant_in(std::string_view text) {
  if (text.size() < 20 || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  auto const day = calendar_date(text.substr(0, 10));
  auto const hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!day || !hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  std::size_t at = 19;
  std::int64_t fraction = 0;
  if (text[at] == '.') {
    std::int64_t unit = 100'000;
    std::size_t const first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
      fraction += (text[at] - '0') * unit;
    if (at == first) return std::nullopt;
  }
  auto const offset = offset_of(text.substr(at));
  if (!offset) return std::nullopt;
  std::int64_t const whole = std::int64_t{86'400} * date::sys_days(*day).time_since_epoch().count() + 3'600 * *hour +
                             60 * *minute + *second - *offset;
  if (whole < first_second || whole >= end_second) return std::nullopt;
  return whole * one_second + fraction;
}

date::time_zone const& zone_at(void const* zone) {
  REGULUS_CHECK(zone != nullptr);
  return *static_cast<date::time_zone const*>(zone);
}

Instant count_of(SysTime time) { return time.time_since_epoch().count(); }

// Local noon of a day.
Instant noon_of(date::time_zone const& zone, date::local_days day) {
  return count_of(std::chrono::floor<microseconds>(zone.to_sys(day + std::chrono::hours(12), date::choose::earliest)));
}

Instant moment_zero_of(date::time_zone const& zone, date::local_days day) {
  return noon_of(zone, day) - day_length / 2 * one_second;
}

Instant begin_of_day(date::time_zone const& zone, date::local_days day) {
  Instant const midnight = count_of(std::chrono::floor<microseconds>(zone.to_sys(day, date::choose::earliest)));
  return std::max(midnight, moment_zero_of(zone, day));
}

// Bug check: it is a date.
date::local_days day_of(std::string const& date) {
  auto const day = calendar_date(date);
  REGULUS_CHECK(day.has_value());
  return date::local_days(*day);
}

}  // namespace

std::string instant_text(Instant instant) {
  SysTime const time{microseconds(instant)};
  auto const day = std::chrono::floor<date::days>(time);
  date::year_month_day const ymd{day};
  std::int64_t const of_day = (time - day).count();
  std::int64_t const s = of_day / one_second, fraction = of_day % one_second;
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(ymd.year()),
                  static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()), s / 3'600, s / 60 % 60, s % 60);
  if (fraction != 0) text += fmt::format(".{:06}", fraction);
  return text + "Z";
}

Result<Instant> parse_instant(std::string_view text) {
  if (auto const read = instant_in(text)) return *read;
  return invalid(fmt::format("\"{}\" is no time; write it as 2026-03-01T08:15:00Z or with an offset", text));
}

bool is_date(std::string_view text) { return calendar_date(text).has_value(); }

Result<TimeZone> TimeZone::named(std::string const& name) {
  TimeZone zone;
  try {
    zone.zone_ = date::locate_zone(name);
  } catch (std::bad_alloc const&) {
    throw;  // that says nothing about the name
  } catch (std::exception const&) {
    return invalid(fmt::format("\"{}\" is no time zone; write a name of the IANA table, such as Europe/Zurich", name));
  }
  zone.name_ = name;
  return zone;
}

std::string TimeZone::date_of(Instant instant) const {
  date::time_zone const& zone = zone_at(zone_);
  date::local_days day = std::chrono::floor<date::days>(zone.to_local(SysTime{microseconds(instant)}));
  if (instant < begin_of_day(zone, day)) day -= date::days(1);
  date::year_month_day const ymd{day};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                     static_cast<unsigned>(ymd.day()));
}

Instant TimeZone::begin_of(std::string const& date) const { return begin_of_day(zone_at(zone_), day_of(date)); }

Instant TimeZone::end_of(std::string const& date) const {
  return begin_of_day(zone_at(zone_), day_of(date) + date::days(1));
}

Seconds TimeZone::moment_of(Instant instant, std::string const& date) const {
  std::int64_t const since = instant - noon_of(zone_at(zone_), day_of(date));
  return day_length / 2 + std::chrono::floor<seconds>(microseconds(since)).count();
}

Instant TimeZone::instant_of(Seconds moment, std::string const& date) const {
  return noon_of(zone_at(zone_), day_of(date)) + (moment - day_length / 2) * one_second;
}

}  // namespace regulus::server
