#include "domain/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/config.h"
#include "domain/day_file.h"

namespace regulus {

namespace {

constexpr std::size_t shown_of_a_value = 80;
// Hours have at most eleven digits: what is read as seconds can be written as a time of day again.
constexpr Seconds furthest = 100'000'000'000 * one_hour;

std::string shortened(Json const& value) {
  std::string text = value.is_object() || value.is_array() ? std::string(value.kind()) : value.dump();
  if (text.size() <= shown_of_a_value) return text;
  std::size_t cut = shown_of_a_value;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;  // not inside a UTF-8 character
  return text.substr(0, cut) + "…";
}

}  // namespace

std::string JsonReader::path() const {
  if (parent_ == nullptr) return "the document";
  std::string const before = parent_->parent_ == nullptr ? "" : parent_->path();
  if (index_ >= 0) return fmt::format("{}[{}]", before, index_);
  return before.empty() ? std::string(key_) : fmt::format("{}.{}", before, key_);
}

void JsonReader::fail(std::string_view why) const {
  if (status_) status_ = invalid(fmt::format("{} = {} {}", path(), shortened(json_), why));
}

void JsonReader::keys(std::initializer_list<std::string_view> required,
                      std::initializer_list<std::string_view> optional) const {
  if (!status_) return;
  if (!json_.is_object()) return fail("is no object");
  auto const holds = [](auto const& list, std::string_view key) { return std::ranges::find(list, key) != list.end(); };
  for (std::string_view const key : required) {
    if (!json_.has(key)) {
      status_ = invalid(fmt::format("{} has no \"{}\"; add it", path(), key));
      return;
    }
  }
  for (auto const& [key, member] : json_.as_object()) {
    if (holds(required, key) || holds(optional, key)) continue;
    std::vector<std::string> known(required.begin(), required.end());
    known.insert(known.end(), optional.begin(), optional.end());
    status_ = invalid(
        fmt::format("{}: key \"{}\" is not known{}; remove or correct it", path(), key, suggestion(key, known)));
    return;
  }
}

void JsonReader::value(bool& out) const {
  if (!json_.is_bool()) return fail("is not true or false");
  out = json_.as_bool();
}

void JsonReader::value(std::string& out) const {
  if (!json_.is_string()) return fail("is no text");
  out = json_.as_string();
}

void JsonReader::value(double& out) const {
  if (!json_.is_number()) return fail("is no number");
  out = json_.as_number();
}

bool JsonReader::integer(std::int64_t low, std::int64_t high, std::int64_t& out) const {
  auto const whole = whole_number(json_);
  if (!whole) {
    fail("is no whole number");
  } else if (whole_numbers_ == WholeNumbers::as_integers_only && !json_.is_integer()) {
    fail("is written as a real; write a whole number without a point or an exponent");
  } else if (*whole < low || *whole > high) {
    fail(fmt::format("is outside {} to {}", low, high));
  } else {
    out = *whole;
    return true;
  }
  return false;
}

void JsonReader::moment(Seconds& out) const {
  if (json_.is_null()) {
    out = never;
  } else if (json_.is_string()) {
    Result<Seconds> const read = parse_clock(json_.as_string());
    if (!read) return fail("is no time; write HH:MM:SS, HH:MM or seconds since midnight");
    out = *read;
  } else if (auto const whole = whole_number(json_);
             whole && *whole > -furthest && *whole < furthest &&
             (json_.is_integer() || whole_numbers_ == WholeNumbers::as_reals_too)) {
    out = *whole;
  } else {
    fail("is no time; write HH:MM:SS, HH:MM or seconds since midnight");
  }
}

void JsonReader::window(Window& out) const {
  if (!json_.is_array() || json_.as_array().size() != 2) return fail("is no window; write [from, to]");
  int end = 0;
  Window read;
  items([&](JsonReader const& item) {
    if (end++ > 0) return item.moment(read.end);
    item.moment(read.start);
    if (read.start == never) item.fail("is no time that a window could start at; write HH:MM:SS");
  });
  out = read;
}

}  // namespace regulus
