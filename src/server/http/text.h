// The alphabets and lists of HTTP's grammar (RFC 9110 §5.6), on bytes.
//
// No locale: std::isalnum and its kin answer differently depending on what a library has set, and two readers of one
// request that differ is what the framing gate is there to prevent.
#pragma once

#include <string>
#include <string_view>

namespace regulus::server {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
// NUL to US and DEL, the tab among them.
constexpr bool is_control(char c) { return (c >= 0 && c < ' ') || c == '\x7F'; }
constexpr bool is_one_of(char c, std::string_view alphabet) {
  for (char const letter : alphabet) {
    if (letter == c) return true;
  }
  return false;
}
// One of `token` (RFC 9110 §5.6.2): what methods and header names are made of.
constexpr bool is_token(char c) { return is_digit(c) || is_letter(c) || is_one_of(c, "!#$%&'*+-.^_`|~"); }

constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline std::string lower(std::string_view text) {
  std::string low(text);
  for (char& c : low) c = lower(c);
  return low;
}

// Without the blanks around it.
constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The items of a list with commas (RFC 9110 §5.6.1), trimmed; empty ones are passed over.
template <class Visit>
void for_each_item(std::string_view list, Visit visit) {
  while (!list.empty()) {
    std::size_t const comma = list.find(',');
    std::string_view const item = trimmed(list.substr(0, comma));
    if (!item.empty()) visit(item);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
}

// RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
constexpr bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto const byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
    unsigned const first = byte(i);
    int const more = first < 0x80                    ? 0
                     : first >= 0xC2 && first < 0xE0 ? 1
                     : first >= 0xE0 && first < 0xF0 ? 2
                     : first >= 0xF0 && first < 0xF5 ? 3
                                                     : -1;
    if (more < 0) return false;
    for (int k = 1; k <= more; ++k) {
      if ((byte(i + static_cast<std::size_t>(k)) & 0xC0U) != 0x80U) return false;
    }
    unsigned const second = byte(i + 1);
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
        (first == 0xF4 && second > 0x8F))
      return false;
    i += static_cast<std::size_t>(more) + 1;
  }
  return true;
}

}  // namespace regulus::server
