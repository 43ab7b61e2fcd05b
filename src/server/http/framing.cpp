#include "server/http/framing.h"

#include <algorithm>
#include <array>
#include <optional>

#include "server/http/target.h"
#include "server/http/text.h"

namespace regulus::server {

namespace {

// A step either found nothing wrong, or a fault.
using Step = std::optional<Fault>;

// Those that may stand once. Two of the first would be two sites, of the second two people, of the third two lengths.
constexpr std::array<std::string_view, 7> once = {"host",     "authorization",   "content-length", "content-type",
                                                  "if-match", "idempotency-key", "expect"};

// uri-host [":" port] (RFC 9110 §7.2): a name or IPv4 address, or an IPv6 address in brackets.
bool is_host(std::string_view text) {
  std::size_t const bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return false;
  std::size_t const colon = text.find(':', bracket);
  std::string_view const name = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    std::string_view const port = text.substr(colon + 1);
    if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, is_digit)) return false;
  }
  if (bracket > 0) {
    return name.size() > 2 && name.ends_with(']') && std::ranges::all_of(name.substr(1, name.size() - 2), [](char c) {
             return hex_value(c) >= 0 || c == ':' || c == '.';
           });
  }
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return is_digit(c) || is_letter(c) || c == '-' || c == '.' || c == '_';
  });
}

std::optional<std::int64_t> content_length(std::string_view text) {
  if (text.empty() || text.size() > 16 || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::int64_t value = 0;
  for (char const c : text) value = value * 10 + (c - '0');
  return value <= largest_content_length ? std::optional(value) : std::nullopt;
}

// Whether "Connection: …" asks to close; nothing if it is no list of words.
std::optional<bool> asks_to_close(std::string_view connection) {
  bool is_sound = true, close = false;
  for_each_item(connection, [&](std::string_view item) {
    is_sound = is_sound && std::ranges::all_of(item, is_token);
    close = close || lower(item) == "close";
  });
  return is_sound ? std::optional(close) : std::nullopt;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : all_(bytes.size()), bytes_(bytes.substr(0, longest_head)) {}

  Verdict read() {
    // 1. The request line, whose target has a limit of its own that is found before the line has ended.
    Line line = next_line();
    if (Step const fault = check_start(line.text)) return rejected(*fault);
    if (line.fault) return rejected(*line.fault);
    if (!line.ended) return unfinished();
    if (Step const fault = read_request_line(line.text)) return rejected(*fault);
    // 2. Header lines up to the empty one.
    for (int count = 1;; ++count) {
      line = next_line();
      if (line.fault) return rejected(*line.fault);
      if (!line.ended) return unfinished();
      if (line.text.empty()) break;
      if (count > most_headers) return rejected(Fault::too_many_headers);
      if (Step const fault = read_header(line.text)) return rejected(*fault);
    }
    // 3. What only the whole head can miss.
    if (!find_value(head_.headers, "host")) return rejected(Fault::missing_host);
    head_.keep_alive = head_.keep_alive && is_new_;
    head_.expects_continue = head_.expects_continue && is_new_;  // RFC 9110 §10.1.1: ignored from HTTP/1.0
    head_.size = at_;
    return std::move(head_);
  }

 private:
  struct Line {
    std::string_view text;  // up to the first control byte
    bool ended = false;     // in CR LF, which was consumed
    Step fault;             // another control byte ended it
  };

  // Tabs are blanks inside a header value and nowhere else; the steps after this one refuse them there.
  Line next_line() {
    std::size_t end = at_;
    while (end < bytes_.size() && (!is_control(bytes_[end]) || bytes_[end] == '\t')) ++end;
    Line line{.text = bytes_.substr(at_, end - at_), .ended = false, .fault = std::nullopt};
    if (end == bytes_.size()) return line;
    if (bytes_[end] == '\n') {
      line.fault = Fault::bare_line_feed;
    } else if (bytes_[end] != '\r') {
      line.fault = Fault::control_byte;
    } else if (end + 1 < bytes_.size()) {
      if (bytes_[end + 1] == '\n') {
        line.ended = true;
        at_ = end + 2;
      } else {
        line.fault = Fault::bare_carriage_return;
      }
    }
    return line;
  }

  Verdict unfinished() const {
    if (all_ >= longest_head) return rejected(Fault::head_too_long);
    return Incomplete{};
  }

  Rejection rejected(Fault fault) const {
    std::string const* const wish = find_value(head_.headers, "accept-language");
    return {fault, wish ? language_of(*wish) : Language::english};
  }

  // What can be wrong with the beginning of a request line, whether or not the rest has arrived.
  static Step check_start(std::string_view text) {
    std::size_t const space = text.find(' ');
    if (space == 0) return Fault::leading_blank;
    std::string_view const method = text.substr(0, space);
    if (method.size() > longest_method || !std::ranges::all_of(method, is_token)) return Fault::request_line;
    if (space == std::string_view::npos) return std::nullopt;
    std::string_view const rest = text.substr(space + 1);
    if (std::min(rest.find(' '), rest.size()) > longest_target) return Fault::target_too_long;
    return std::nullopt;
  }

  // method SP target SP version (RFC 9112 §3), with one space each. The version comes first: what another version
  // means by its target is not ours to judge.
  Step read_request_line(std::string_view text) {
    if (text.empty()) return Fault::leading_blank;
    std::size_t const first = text.find(' ');
    if (first == std::string_view::npos) return Fault::request_line;
    std::size_t const second = text.find(' ', first + 1);
    if (second == std::string_view::npos) return Fault::request_line;
    std::string_view const version = text.substr(second + 1);
    bool const is_version = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                            version[6] == '.' && is_digit(version[7]);
    if (!is_version) return Fault::request_line;
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return Fault::version;
    is_new_ = version == "HTTP/1.1";
    head_.keep_alive = true;
    head_.method = text.substr(0, first);
    head_.target = text.substr(first + 1, second - first - 1);
    auto target = read_target(head_.target);
    if (Fault const* const fault = std::get_if<Fault>(&target)) return *fault;
    head_.path = std::move(std::get<Target>(target).path);
    head_.query = std::move(std::get<Target>(target).query);
    return std::nullopt;
  }

  Step read_header(std::string_view text) {
    if (is_blank(text.front())) return Fault::folded_line;
    std::size_t const colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0) return Fault::header_name;
    std::string_view const written = text.substr(0, colon);
    if (!std::ranges::all_of(written, is_token)) return Fault::header_name;
    std::string const name = lower(written);
    std::string_view const value = trimmed(text.substr(colon + 1));
    if (!is_utf8(value)) return Fault::header_value;
    if (name == "transfer-encoding") return Fault::transfer_encoding;
    if (std::ranges::find(once, name) != once.end() && find_value(head_.headers, name)) return Fault::repeated_header;
    if (Step const fault = heed(name, value)) return fault;
    head_.headers.emplace_back(name, value);
    return std::nullopt;
  }

  // The few headers that decide where this request ends and what becomes of the connection.
  Step heed(std::string_view name, std::string_view value) {
    if (name == "host") return is_host(value) ? Step() : Fault::host;
    if (name == "content-length") {
      auto const length = content_length(value);
      if (!length) return Fault::content_length;
      head_.content_length = *length;
    } else if (name == "connection") {
      auto const close = asks_to_close(value);
      if (!close) return Fault::header_value;
      if (*close) head_.keep_alive = false;
    } else if (name == "expect" && is_new_) {
      if (lower(value) != "100-continue") return Fault::expectation;
      head_.expects_continue = true;
    }
    return std::nullopt;
  }

  std::size_t all_;  // bytes that have arrived
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool is_new_ = false;  // HTTP/1.1
  Head head_;
};

}  // namespace

Verdict read_head(std::string_view bytes) { return Reader(bytes).read(); }

}  // namespace regulus::server
