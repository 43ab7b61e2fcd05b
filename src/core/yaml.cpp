#include "core/yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace regulus {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Words that are no texts: null and the truth values of YAML 1.2 and 1.1, in any case.
bool is_word_of_yaml(std::string_view text) {
  static constexpr std::array words =
      std::to_array<std::string_view>({"null", "true", "false", "yes", "no", "on", "off", "y", "n"});
  return std::ranges::any_of(words, [text](std::string_view word) {
    return std::ranges::equal(text, word, [](char a, char b) { return (is_letter(a) ? a | 0x20 : a) == b; });
  });
}

// Whether the text, bare, is read as itself (YAML 1.2, section 7.3.3). No number and no date begins like this.
bool is_bare(std::string_view text) {
  if (text.empty() || !(is_letter(text.front()) || text.front() == '/' || text.front() == '$')) return false;
  if (text.back() == ' ' || text.back() == ':') return false;
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos) return false;
  bool const is_printed = std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7F'; });
  return is_printed && !is_word_of_yaml(text);
}

// JSON lets these stand, and YAML's readers take them for line ends, for a byte-order mark or for nothing printable.
std::string quoted(std::string const& text) {
  std::string const json = Json(text).dump();
  std::string out;
  auto const follows = [&json](std::size_t at, std::string_view bytes) {
    return json.compare(at, bytes.size(), bytes) == 0;
  };
  for (std::size_t i = 0; i < json.size(); ++i) {
    auto const second = i + 1 < json.size() ? static_cast<unsigned char>(json[i + 1]) : 0U;
    if (json[i] == '\x7F') {
      out += "\\u007f";
    } else if (json[i] == '\xC2' && second >= 0x80 && second < 0xA0) {  // U+0080 to U+009F
      out += fmt::format("\\u{:04x}", second);
      i += 1;
    } else if (follows(i, "\xE2\x80\xA8") || follows(i, "\xE2\x80\xA9")) {
      out += json[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (follows(i, "\xEF\xBB\xBF")) {
      out += "\\ufeff";
      i += 2;
    } else {
      out += json[i];
    }
  }
  return out;
}

std::string text_of(std::string const& text) { return is_bare(text) ? text : quoted(text); }

// YAML 1.1 wants a point in "1.0e+20".
std::string number_of(Json const& value) {
  std::string text = value.dump();
  std::size_t const exponent = text.find('e');
  bool const lacks_point = exponent != std::string::npos && text.find('.') == std::string::npos;
  if (lacks_point) text.insert(exponent, ".0");
  return text;
}

bool is_nested(Json const& value) {
  return (value.is_array() && !value.as_array().empty()) || (value.is_object() && !value.as_object().empty());
}

std::string scalar(Json const& value) {
  if (value.is_string()) return text_of(value.as_string());
  return value.is_number() ? number_of(value) : value.dump();  // of containers only the empty ones
}

// Each line of a container begins with `indent` spaces, but the first, which follows what the caller has written.
void write(Json const& value, std::size_t indent, std::string& out) {
  std::string const margin(indent, ' ');
  bool is_first = true;
  auto const begin_line = [&] { out += std::exchange(is_first, false) ? "" : margin; };
  if (value.is_array()) {
    for (Json const& item : value.as_array()) {
      begin_line();
      out += "- ";
      if (is_nested(item)) {
        write(item, indent + 2, out);
      } else {
        out += scalar(item) + "\n";
      }
    }
    return;
  }
  for (auto const& [key, member] : value.as_object()) {
    begin_line();
    out += text_of(key) + ":";
    if (is_nested(member)) {
      out.append("\n").append(indent + 2, ' ');
      write(member, indent + 2, out);
    } else {
      out += " " + scalar(member) + "\n";
    }
  }
}

}  // namespace

std::string yaml_text(Json const& value) {
  std::string out;
  if (!is_nested(value)) return scalar(value) + "\n";
  write(value, 0, out);
  return out;
}

}  // namespace regulus
