// Any bytes as the head of a request: the gate gives the same verdict however they are cut, never asks for more than a
// head may hold, and what it accepts has what it promises and is read by two other parsers (Boost.Beast's and Node's
// http-parser) as the same request that ends at the same byte and has a body of the same length. What the gate refuses
// they may accept: that is what the gate is for.
#include <http_parser.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "core/check.h"
#include "server/http/framing.h"
#include "server/http/target.h"
#include "server/http/text.h"

namespace {

using namespace regulus;
using namespace regulus::server;

void check_promises(Head const& head, std::string_view bytes) {
  REGULUS_CHECK(head.size <= longest_head && head.size <= bytes.size());
  REGULUS_CHECK(bytes.substr(0, head.size).ends_with("\r\n\r\n"));
  REGULUS_CHECK(!head.method.empty() && std::ranges::all_of(head.method, is_token));
  REGULUS_CHECK(head.target.size() <= longest_target);
  REGULUS_CHECK(head.path.starts_with('/') && is_utf8(head.path) && std::ranges::none_of(head.path, is_control));
  REGULUS_CHECK((head.path + "/").find("/../") == std::string::npos);
  REGULUS_CHECK(head.content_length >= 0 && head.content_length <= largest_content_length);
  REGULUS_CHECK(head.headers.size() <= static_cast<std::size_t>(most_headers));
  for (std::string_view const name :
       {"host", "authorization", "content-length", "content-type", "if-match", "idempotency-key"}) {
    REGULUS_CHECK(std::ranges::count(head.headers, name,
                                     [](auto const& header) -> std::string_view { return header.first; }) <= 1);
  }
  REGULUS_CHECK(find_value(head.headers, "host") && !find_value(head.headers, "transfer-encoding"));
  for (auto const& [name, value] : head.headers) {
    REGULUS_CHECK(!name.empty() && name == lower(name) && std::ranges::all_of(name, is_token));
    REGULUS_CHECK(is_utf8(value) && value == trimmed(value));
    REGULUS_CHECK(std::ranges::none_of(value, [](char c) { return is_control(c) && c != '\t'; }));
  }
  auto const target = read_target(escaped_path(head.path));
  REGULUS_CHECK(std::get<Target>(target).path == head.path);
  // Alone, without what follows it, it is the same head.
  REGULUS_CHECK(read_head(bytes.substr(0, head.size)) == Verdict(head));
}

void check_against_beast(Head const& head, std::string_view bytes) {
  namespace http = boost::beast::http;
  http::request_parser<http::empty_body> parser;
  parser.body_limit(boost::none);
  boost::system::error_code problem;
  std::size_t const used = parser.put(boost::asio::buffer(bytes.data(), head.size), problem);
  if (problem && find_value(head.headers, "proxy-connection")) return;  // it reads one as a Connection, which it is not
  REGULUS_CHECK(!problem && parser.is_header_done() && used == head.size);
  auto const& other = parser.get();
  REGULUS_CHECK(std::string_view(other.method_string()) == head.method);
  REGULUS_CHECK(std::string_view(other.target()) == head.target);
  REGULUS_CHECK(!parser.chunked());
  REGULUS_CHECK(static_cast<std::int64_t>(parser.content_length().value_or(0)) == head.content_length);
  REGULUS_CHECK(parser.keep_alive() || !head.keep_alive);
  Pairs fields;
  for (auto const& field : other) fields.emplace_back(lower(std::string_view(field.name_string())), field.value());
  // Beast keeps lines of one name together; the order between names means nothing (RFC 9110 §5.3).
  Pairs ours = head.headers;
  std::ranges::stable_sort(fields, {}, [](auto const& pair) { return pair.first; });
  std::ranges::stable_sort(ours, {}, [](auto const& pair) { return pair.first; });
  REGULUS_CHECK(fields == ours);
}

// What http-parser read.
struct Peer {
  int requests = 0, heads = 0, ended = 0;
  std::string method, target;
  std::uint64_t length = 0;
};

Peer& of(http_parser const* parser) { return *static_cast<Peer*>(parser->data); }

void check_against_http_parser(Head const& head, std::string_view bytes) {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_message_begin = [](http_parser* parser) { return ++of(parser).requests, 0; };
  settings.on_url = [](http_parser* parser, char const* at, std::size_t size) {
    return of(parser).target.append(at, size), 0;
  };
  settings.on_headers_complete = [](http_parser* parser) {
    Peer& peer = of(parser);
    ++peer.heads;
    peer.method = http_method_str(static_cast<http_method>(parser->method));
    peer.length = parser->content_length == ULLONG_MAX ? 0 : parser->content_length;
    return 0;
  };
  settings.on_message_complete = [](http_parser* parser) { return ++of(parser).ended, 0; };
  Peer peer;
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = &peer;
  std::size_t const used = http_parser_execute(&parser, &settings, bytes.data(), head.size);
  http_errno const problem = HTTP_PARSER_ERRNO(&parser);
  // It has a list of methods, and a target of its own for one of them.
  if (problem == HPE_INVALID_METHOD || head.method == "CONNECT") return;
  REGULUS_CHECK(problem == HPE_OK && used == head.size && peer.requests == 1 && peer.heads == 1);
  REGULUS_CHECK(peer.method == head.method && peer.target == head.target);
  REGULUS_CHECK(peer.length == static_cast<std::uint64_t>(head.content_length));
  REGULUS_CHECK(peer.ended == (head.content_length == 0 ? 1 : 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const bytes(reinterpret_cast<char const*>(data), size);
  Verdict const whole = read_head(bytes);
  if (Head const* const head = std::get_if<Head>(&whole)) {
    check_promises(*head, bytes);
    check_against_beast(*head, bytes);
    check_against_http_parser(*head, bytes);
  }
  if (std::holds_alternative<Incomplete>(whole)) REGULUS_CHECK(size < longest_head);
  // A few cuts, elsewhere for every input: parsing again is what takes the time here.
  constexpr std::size_t cuts = 5;
  std::size_t const offset = std::hash<std::string_view>()(bytes) % (size / cuts + 1);
  bool is_decided = false;
  for (std::size_t cut = offset; cut <= size; cut += size / cuts + 1) {
    Verdict const part = read_head(bytes.substr(0, cut));
    bool const is_open = std::holds_alternative<Incomplete>(part);
    REGULUS_CHECK(is_open ? !is_decided : part == whole);
    is_decided = is_decided || !is_open;
  }
  return 0;
}
