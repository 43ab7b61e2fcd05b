#include "server/http/language.h"

#include <algorithm>
#include <optional>
#include <string>

#include "server/http/text.h"

namespace regulus::server {

namespace {

// "0.8" as 800; nothing if it is no weight (RFC 9110 §12.4.2: 0 or 1 and at most three digits after the point).
std::optional<int> thousandths(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int value = (text[0] - '0') * 1000;
  if (text.size() == 1) return value;
  if (text[1] != '.') return std::nullopt;
  int worth = 100;
  for (char const c : text.substr(2)) {
    if (c < '0' || c > '9') return std::nullopt;
    value += (c - '0') * worth;
    worth /= 10;
  }
  return value <= 1000 ? std::optional(value) : std::nullopt;
}

struct Range {
  std::string tag;  // in lower case
  int weight = 1000;
};

std::optional<Range> read_range(std::string_view text) {
  std::size_t const semicolon = text.find(';');
  Range range{.tag = lower(trimmed(text.substr(0, semicolon)))};
  if (semicolon == std::string_view::npos) return range;
  std::string_view const parameter = trimmed(text.substr(semicolon + 1));
  if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) return std::nullopt;
  auto const weight = thousandths(parameter.substr(2));
  if (!weight) return std::nullopt;
  range.weight = *weight;
  return range;
}

bool speaks(std::string_view tag, std::string_view primary) {
  return tag.starts_with(primary) && (tag.size() == primary.size() || tag[primary.size()] == '-');
}

}  // namespace

Language language_of(std::string_view accept_language) {
  struct Wish {
    std::optional<int> weight;
    int place = 0;
  };
  Wish english, french, other;
  int place = 0;
  for_each_item(accept_language, [&](std::string_view item) {
    auto const range = read_range(item);
    if (!range) return;
    Wish* const wish = speaks(range->tag, "en")   ? &english
                       : speaks(range->tag, "fr") ? &french
                       : range->tag == "*"        ? &other
                                                  : nullptr;
    if (wish && (!wish->weight || range->weight > *wish->weight)) *wish = {range->weight, place};
    ++place;
  });
  if (!english.weight) english = {other.weight.value_or(0), place};
  if (!french.weight) french = {other.weight.value_or(0), place + 1};
  if (*english.weight != *french.weight) return *french.weight > *english.weight ? Language::french : Language::english;
  return french.place<english.place&& * french.weight> 0 ? Language::french : Language::english;
}

std::string_view tag_of(Language language) { return language == Language::french ? "fr" : "en"; }

}  // namespace regulus::server
