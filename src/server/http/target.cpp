#include "server/http/target.h"

#include <optional>

#include "server/http/text.h"

namespace regulus::server {

namespace {

// RFC 3986 §3.3, `pchar` without the percent sign.
bool may_stand(char c) { return is_digit(c) || is_letter(c) || is_one_of(c, "-._~!$&'()*+,;=:@"); }

enum class Part { path, query };

// Escapes resolved, once. Nothing if a character may not stand here, an escape is none, or what comes out is a control
// byte, not UTF-8 or, in a path, a slash or backslash that was not one before.
std::optional<std::string> decoded(std::string_view text, Part part) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      int const high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
      int const low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      if (is_control(c) || (part == Part::path && (c == '/' || c == '\\'))) return std::nullopt;
      i += 2;
    } else if (part == Part::query && c == '+') {
      c = ' ';
    } else if (!may_stand(c) && c != '/' && !(part == Part::query && c == '?')) {
      return std::nullopt;
    }
    out += c;
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

bool has_dots(std::string_view path) {
  for (std::size_t start = 1; start <= path.size();) {
    std::size_t const end = std::min(path.find('/', start), path.size());
    std::string_view const segment = path.substr(start, end - start);
    if (segment == "." || segment == "..") return true;
    start = end + 1;
  }
  return false;
}

bool is_unreserved(char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

std::string escaped(std::string_view text, char kept) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (char const c : text) {
    if (is_unreserved(c) || c == kept) {
      out += c;
    } else {
      auto const byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

}  // namespace

std::variant<Target, Fault> read_target(std::string_view text) {
  if (!text.starts_with('/')) return Fault::target_form;
  std::size_t const question = text.find('?');
  Target target;
  auto path = decoded(text.substr(0, question), Part::path);
  if (!path) return Fault::target_encoding;
  if (has_dots(*path)) return Fault::target_dots;
  target.path = std::move(*path);
  for (std::size_t start = question == std::string_view::npos ? text.size() : question + 1; start < text.size();) {
    std::size_t const end = std::min(text.find('&', start), text.size());
    std::string_view const pair = text.substr(start, end - start);
    start = end + 1;
    if (pair.empty()) continue;
    std::size_t const equals = std::min(pair.find('='), pair.size());
    auto name = decoded(pair.substr(0, equals), Part::query);
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())), Part::query);
    if (!name || !value) return Fault::target_encoding;
    target.query.emplace_back(std::move(*name), std::move(*value));
  }
  return target;
}

std::string escaped_path(std::string_view path) { return escaped(path, '/'); }
std::string escaped_value(std::string_view value) { return escaped(value, '-'); }

}  // namespace regulus::server
