#include "domain/csv_values.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>

#include "domain/day_file.h"

namespace regulus {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The number that the whole text is: digits and nothing else.
template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  for (std::size_t i = at; i < at + count; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
  }
  return number_of<int>(text.substr(at, count));
}

// Of a date of ten characters; nothing when it is none.
std::optional<DayNumber> ten_characters(std::string_view text) {
  if (text.size() != 10) return std::nullopt;
  std::optional<int> year, month, day;
  if (text[4] == '-' && text[7] == '-') {
    year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  } else if (text[2] == '.' && text[5] == '.') {
    day = digits(text, 0, 2), month = digits(text, 3, 2), year = digits(text, 6, 4);
  }
  if (!year || !month || !day) return std::nullopt;
  std::chrono::year_month_day const date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

// "8h05" is "8:05", "8h" is "8:00"; fractions of a second are cut off.
std::string with_colons(std::string_view text) {
  if (std::size_t const point = text.find('.'); point != std::string_view::npos && point + 1 < text.size() &&
                                                text.find_first_not_of("0123456789", point + 1) == text.npos) {
    text = text.substr(0, point);
  }
  std::string clock;
  for (char const c : text) clock += c == 'h' || c == 'H' ? ':' : c;
  if (clock.ends_with(':') && !text.ends_with(':')) clock += "00";
  return clock;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  std::size_t const from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

Result<DayNumber> parse_date(std::string_view text) {
  if (auto const date = ten_characters(text)) return *date;
  bool const slashes = text.find('/') != std::string_view::npos;
  return invalid(slashes ? "is no date that reads the same everywhere; write 2025-03-04 or 04.03.2025"
                         : "is no date of the calendar; write 2025-03-04 or 04.03.2025");
}

std::string date_text(DayNumber date) {
  std::chrono::year_month_day const ymd{std::chrono::sys_days{std::chrono::days{date}}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                     static_cast<unsigned>(ymd.day()));
}

Result<DatedTime> parse_dated_time(std::string_view text) {
  DatedTime read;
  std::string_view rest = text;
  std::size_t const date_end = text.find_first_of("T ");
  if (text.substr(0, date_end).size() >= 8 && text.substr(0, date_end).find_first_of("-./") != std::string_view::npos &&
      text.substr(0, date_end).find_first_of(":h") == std::string_view::npos) {
    Result<DayNumber> const date = parse_date(text.substr(0, date_end));
    if (!date) return date.error();
    read.date = *date;
    if (date_end == std::string_view::npos) return read;
    rest = trimmed(text.substr(date_end + 1));
  }
  if (!rest.empty() && is_digit(rest.front()) && rest.find_first_of("Zz+-") != std::string_view::npos) {
    return invalid("has a time zone; write local time without one");
  }
  Result<Seconds> const clock = parse_clock(with_colons(rest));
  if (!clock || *clock < 0 || *clock > 2 * day_length) {
    return invalid("is no time; write 08:05, 08:05:30, 8h05 or 2025-03-04T08:05:30");
  }
  read.clock = *clock;
  return read;
}

std::optional<double> parse_decimal(std::string_view text, bool decimal_comma) {
  std::string number;
  for (char const c : text) number += decimal_comma && c == ',' ? '.' : c;
  auto const value = number_of<double>(number);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_whole(std::string_view text) { return number_of<std::int64_t>(text); }

std::optional<Seconds> parse_duration(std::string_view text) {
  std::size_t const unit = text.find_first_not_of("0123456789");
  auto const amount = number_of<std::int64_t>(text.substr(0, unit));
  if (!amount || *amount > day_length) return std::nullopt;
  std::string_view const name = unit == std::string_view::npos ? "" : trimmed(text.substr(unit));
  if (name.empty() || name == "s") return *amount;
  if (name == "min" || name == "m") return *amount * one_minute;
  if (name == "h") return *amount * one_hour;
  return std::nullopt;
}

std::optional<bool> parse_flag(std::string_view text) {
  std::string const word = column_key(text);
  for (std::string_view const yes : {"1", "yes", "y", "true", "x", "oui", "o", "vrai"}) {
    if (word == yes) return true;
  }
  for (std::string_view const no : {"0", "no", "n", "false", "non", "faux"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

std::string column_key(std::string_view name) {
  // The letters of U+00C0 to U+00FF without their accents, as UTF-8 writes them behind 0xC3.
  constexpr std::string_view plain = "aaaaaaaceeeeiiiidnooooo_ouuuuy_saaaaaaaceeeeiiiidnooooo_ouuuuy_y";
  static_assert(plain.size() == 64);
  std::string key;
  for (std::size_t i = 0; i < name.size(); ++i) {
    char const c = name[i];
    auto const next = i + 1 < name.size() ? static_cast<unsigned char>(name[i + 1]) : 0U;
    if (c == '\xC3' && next >= 0x80 && next < 0xC0) {
      key += plain[next - 0x80];
      ++i;
    } else if (c >= 'A' && c <= 'Z') {
      key += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || is_digit(c) || static_cast<unsigned char>(c) >= 0x80) {
      key += c;
    } else if (!key.empty() && key.back() != '_') {
      key += '_';
    }
  }
  while (key.ends_with('_')) key.pop_back();
  return key;
}

}  // namespace regulus
