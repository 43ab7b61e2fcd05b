#include "server/http/framing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/http/target.h"
#include "server/http/text.h"
#include "tests/server/framing_cases.h"

namespace regulus::server {
namespace {

Head accepted(std::string_view bytes) {
  Verdict const verdict = read_head(bytes);
  EXPECT_TRUE(std::holds_alternative<Head>(verdict)) << bytes;
  return std::holds_alternative<Head>(verdict) ? std::get<Head>(verdict) : Head{};
}

std::optional<Fault> fault_of(std::string_view bytes) {
  Verdict const verdict = read_head(bytes);
  Rejection const* const rejection = std::get_if<Rejection>(&verdict);
  return rejection ? std::optional(rejection->fault) : std::nullopt;
}

std::string with(std::string_view lines) { return fmt::format("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", lines); }
std::string to(std::string_view target) { return fmt::format("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", target); }

TEST(FramingGate, accepts_a_plain_request_and_says_where_it_ends) {
  std::string const text =
      "POST /api/v1/caf%C3%A9?after=a%26b&x HTTP/1.1\r\nHost: h:80\r\nContent-Length: 3\r\nX-Word: \t two words "
      "\r\n\r\n";
  Head const head = accepted(text + "abcGET");
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/api/v1/caf%C3%A9?after=a%26b&x");
  EXPECT_EQ(head.path, "/api/v1/café");
  EXPECT_EQ(head.query, (Pairs{{"after", "a&b"}, {"x", ""}}));
  EXPECT_EQ(head.headers, (Pairs{{"host", "h:80"}, {"content-length", "3"}, {"x-word", "two words"}}));
  EXPECT_EQ(head.content_length, 3);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.expects_continue);
  EXPECT_EQ(head.size, text.size());
}

TEST(FramingGate, answers_every_case_of_the_table_as_the_table_says) {
  EXPECT_GE(framing_cases().size(), 200U);
  for (FramingCase const& c : framing_cases()) {
    auto const fault = fault_of(c.bytes);
    if (c.status == 413) {  // the listener's: the head is sound
      EXPECT_FALSE(fault) << c.name;
    } else {
      ASSERT_TRUE(fault) << c.name;
      EXPECT_EQ(status_of(problem_of(*fault)), c.status) << c.name;
    }
  }
}

TEST(FramingGate, refuses_what_could_be_read_in_two_ways_and_names_it) {
  struct Case {
    std::string bytes;
    Fault fault;
  };
  std::string const nul(1, '\0');
  for (Case const& c : std::vector<Case>{
           {"\r\nGET / HTTP/1.1\r\n", Fault::leading_blank},
           {" GET / HTTP/1.1\r\n", Fault::leading_blank},
           {"GET /\r\n", Fault::request_line},
           {"GET  / HTTP/1.1\r\n", Fault::request_line},
           {"GET / HTTP/1.1 \r\n", Fault::request_line},
           {"GET / http/1.1\r\n", Fault::request_line},
           {"GET\t/ HTTP/1.1\r\n", Fault::request_line},
           {"G(T / HTTP/1.1\r\n", Fault::request_line},
           {"GET / HTTP/1.2\r\n", Fault::version},
           {"PRI * HTTP/2.0\r\n", Fault::version},
           {to("http://h/"), Fault::target_form},
           {to("*"), Fault::target_form},
           {to("h:443"), Fault::target_form},
           {to("/a/../b"), Fault::target_dots},
           {to("/a/%2e%2E/b"), Fault::target_dots},
           {to("/.."), Fault::target_dots},
           {to("/./a"), Fault::target_dots},
           {to("/a%2Fb"), Fault::target_encoding},
           {to("/a%5Cb"), Fault::target_encoding},
           {to("/a%00"), Fault::target_encoding},
           {to("/?a=%00"), Fault::target_encoding},
           {to("/a%0D%0Ab"), Fault::target_encoding},
           {to("/%zz"), Fault::target_encoding},
           {to("/%4"), Fault::target_encoding},
           {to("/%"), Fault::target_encoding},
           {to("/%FF"), Fault::target_encoding},
           {to("/%C0%AE"), Fault::target_encoding},
           {to("/a#b"), Fault::target_encoding},
           {to("/a\\b"), Fault::target_encoding},
           {to("/caf\xC3\xA9"), Fault::target_encoding},
           {with(": x\r\n"), Fault::header_name},
           {with("no colon\r\n"), Fault::header_name},
           {with("X Y: z\r\n"), Fault::header_name},
           {with("X\t: z\r\n"), Fault::header_name},
           {with("X: a\r\n b\r\n"), Fault::folded_line},
           {with("X: a\r\n\tb\r\n"), Fault::folded_line},
           {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", Fault::folded_line},
           {with("X: a\rb\r\n"), Fault::bare_carriage_return},
           {with("X: a\r\r\n"), Fault::bare_carriage_return},
           {with("X: a\n"), Fault::bare_line_feed},
           {with("X: " + nul + "\r\n"), Fault::control_byte},
           {with("X: \x7F\r\n"), Fault::control_byte},
           {with("X: \x1B[2J\r\n"), Fault::control_byte},
           {with("X: \xFF\r\n"), Fault::header_value},
           {with("Connection: keep alive\r\n"), Fault::header_value},
           {with("Content-Length: 1\r\ncontent-length: 1\r\n"), Fault::repeated_header},
           {with("Content-Type: a\r\nContent-Type: a\r\n"), Fault::repeated_header},
           {with("If-Match: \"1\"\r\nIf-Match: \"2\"\r\n"), Fault::repeated_header},
           {with("Idempotency-Key: 1\r\nIDEMPOTENCY-KEY: 1\r\n"), Fault::repeated_header},
           {with("Content-Length:\r\n"), Fault::content_length},
           {with("Content-Length: +1\r\n"), Fault::content_length},
           {with("Content-Length: -1\r\n"), Fault::content_length},
           {with("Content-Length: 1, 1\r\n"), Fault::content_length},
           {with("Content-Length: 0x1\r\n"), Fault::content_length},
           {with("Content-Length: 1 1\r\n"), Fault::content_length},
           {with("Content-Length: 9007199254740993\r\n"), Fault::content_length},     // 2^53 + 1
           {with("Content-Length: 9223372036854775808\r\n"), Fault::content_length},  // 2^63
           {with("Content-Length: 18446744073709551617\r\n"), Fault::content_length},
           {with("Transfer-Encoding: identity\r\n"), Fault::transfer_encoding},
           {with("Expect: 200-ok\r\n"), Fault::expectation},
           {"GET / HTTP/1.1\r\nHost:\r\n\r\n", Fault::host},
           {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Fault::host},
           {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", Fault::host},
           {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Fault::host},
           {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", Fault::host},
           {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Fault::host},
           {"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", Fault::host},
           {"GET / HTTP/1.0\r\n\r\n", Fault::missing_host},
       }) {
    auto const fault = fault_of(c.bytes);
    ASSERT_TRUE(fault) << c.bytes;
    EXPECT_EQ(*fault, c.fault) << c.bytes << "\nrefused because: " << detail_of(*fault, Language::english);
  }
}

TEST(FramingGate, accepts_what_only_looks_odd) {
  EXPECT_EQ(accepted(to("/a/..b/c...")).path, "/a/..b/c...");
  EXPECT_EQ(accepted(to("/a%2520b")).path, "/a%20b");  // decoded once
  EXPECT_EQ(accepted(to("/?q=a+b%2Bc&&=v&/?=%2e%2e")).query, (Pairs{{"q", "a b+c"}, {"", "v"}, {"/?", ".."}}));
  EXPECT_EQ(accepted(with("Content-Length: 9007199254740992\r\n")).content_length, 9007199254740992);  // 2^53
  EXPECT_EQ(accepted(with("Content-Length: 007\r\n")).content_length, 7);
  EXPECT_EQ(*find_value(accepted(with("X:\r\n")).headers, "x"), "");
  EXPECT_EQ(*find_value(accepted(with("X: a\tb\r\n")).headers, "x"), "a\tb");
  EXPECT_EQ(*find_value(accepted("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n").headers, "host"), "[::1]:8080");
  EXPECT_EQ(accepted(with("X: 1\r\nX: 2\r\n")).headers.size(), 3U);
}

TEST(FramingGate, keeps_a_connection_only_for_the_new_version_and_without_close) {
  EXPECT_TRUE(accepted(with("Connection: Keep-Alive\r\n")).keep_alive);
  EXPECT_FALSE(accepted(with("Connection: foo, CLOSE\r\n")).keep_alive);
  EXPECT_FALSE(accepted(with("Connection: close\r\nConnection: keep-alive\r\n")).keep_alive);
  EXPECT_FALSE(accepted("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST(FramingGate, heeds_an_expectation_of_the_new_version_only) {
  EXPECT_TRUE(accepted(with("Expect: 100-Continue\r\n")).expects_continue);
  EXPECT_FALSE(accepted("GET / HTTP/1.0\r\nHost: h\r\nExpect: anything\r\n\r\n").expects_continue);
}

TEST(FramingGate, has_a_limit_for_the_target_of_two_kilobytes) {
  // One slash and 2,047 letters.
  EXPECT_EQ(accepted(to("/" + std::string(2047, 'a'))).path.size(), 2048U);
  EXPECT_EQ(fault_of(to("/" + std::string(2048, 'a'))), Fault::target_too_long);
  EXPECT_EQ(fault_of("GET /" + std::string(2048, 'a')), Fault::target_too_long) << "before the line has ended";
}

TEST(FramingGate, has_a_limit_for_the_head_of_eight_kilobytes) {
  std::string const around = with("X: \r\n");
  std::string const fits = with("X: " + std::string(8192 - around.size(), 'a') + "\r\n");
  ASSERT_EQ(fits.size(), 8192U);
  EXPECT_EQ(accepted(fits).size, 8192U);
  std::string const too_long = with("X: " + std::string(8193 - around.size(), 'a') + "\r\n");
  EXPECT_EQ(fault_of(too_long), Fault::head_too_long);
  EXPECT_EQ(fault_of(with("X: " + std::string(100'000, 'a'))), Fault::head_too_long);
}

TEST(FramingGate, has_a_limit_of_sixty_four_header_lines) {
  std::string lines;
  for (int i = 0; i < 63; ++i) lines += "A: b\r\n";
  EXPECT_EQ(accepted(with(lines)).headers.size(), 64U);  // with Host
  EXPECT_EQ(fault_of(with(lines + "A: b\r\n")), Fault::too_many_headers);
}

TEST(FramingGate, knows_the_readers_language_as_far_as_it_was_told) {
  EXPECT_EQ(std::get<Rejection>(read_head(with("Accept-Language: fr\r\nTransfer-Encoding: chunked\r\n"))).language,
            Language::french);
  EXPECT_EQ(std::get<Rejection>(read_head(with("Transfer-Encoding: chunked\r\nAccept-Language: fr\r\n"))).language,
            Language::english);
}

// --- properties
// -------------------------------------------------------------------------------------------------------

// Requests put together from sound and unsound pieces, so that both verdicts are common.
std::string some_request() {
  static std::vector<std::string> const starts = {"GET / HTTP/1.1\r\n",       "POST /a/b?c=%20d HTTP/1.1\r\n",
                                                  "PUT /%C3%A9 HTTP/1.0\r\n", "GET /a/../b HTTP/1.1\r\n",
                                                  "GET  / HTTP/1.1\r\n",      "GET / HTTP/1.1\n",
                                                  "DELETE /x?& HTTP/3.0\r\n"};
  static std::vector<std::string> const lines = {"Host: h\r\n",
                                                 "Host: [::1]:1\r\n",
                                                 "Content-Length: 12\r\n",
                                                 "Authorization: Bearer x\r\n",
                                                 "Accept-Language: fr\r\n",
                                                 "X:\t a b \r\n",
                                                 "Connection: close\r\n",
                                                 "Expect: 100-continue\r\n",
                                                 "Accept: */*\r\n",
                                                 "Transfer-Encoding: chunked\r\n",
                                                 " folded\r\n",
                                                 "X : y\r\n",
                                                 "X: y\n",
                                                 "X: y\r"};
  std::string text = *rc::gen::weightedElement<std::string>(
      {{8, starts[0]}, {8, starts[1]}, {4, starts[2]}, {1, starts[3]}, {1, starts[4]}, {1, starts[5]}, {1, starts[6]}});
  if (*rc::gen::inRange(0, 5) > 0) text += "Host: h\r\n";
  for (int i = *rc::gen::inRange(0, 6); i > 0; --i) {
    bool const sound = *rc::gen::inRange(0, 8) > 0;
    text += lines[*rc::gen::inRange<std::size_t>(sound ? 2 : 0, sound ? 9 : lines.size())];
  }
  text += "\r\n";
  for (int i = *rc::gen::weightedElement<int>({{6, 0}, {1, 1}, {1, 2}}); i > 0; --i) {
    text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
  }
  return text + *rc::gen::element<std::string>("", "rest", "\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

RC_GTEST_PROP(FramingGateProperty, gives_the_same_verdict_however_the_bytes_are_cut, ()) {
  std::string const text = some_request();
  Verdict const whole = read_head(text);
  RC_CLASSIFY(std::holds_alternative<Head>(whole), "accepted");
  bool decided = false;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    Verdict const part = read_head(std::string_view(text).substr(0, size));
    if (!std::holds_alternative<Incomplete>(part)) {
      RC_ASSERT(part == whole);
      decided = true;
    } else {
      RC_ASSERT(!decided);
    }
  }
}

std::string written_again(Head const& head, bool is_new) {
  std::string text = head.method + " " + escaped_path(head.path);
  char sign = '?';
  for (auto const& [name, value] : head.query) {
    text += sign + escaped_value(name) + "=" + escaped_value(value);
    sign = '&';
  }
  text += is_new ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n";
  for (auto const& [name, value] : head.headers) text += name + ": " + value + "\r\n";
  return text + "\r\n";
}

RC_GTEST_PROP(FramingGateProperty, reads_what_it_accepted_the_same_when_it_is_written_again, ()) {
  std::string const text = some_request();
  Verdict const verdict = read_head(text);
  RC_PRE(std::holds_alternative<Head>(verdict));
  Head const& first = std::get<Head>(verdict);
  std::string const again = written_again(first, text.find("HTTP/1.1\r\n") < first.size);
  Verdict const repeated = read_head(again);
  RC_ASSERT(std::holds_alternative<Head>(repeated));
  Head const& second = std::get<Head>(repeated);
  RC_ASSERT(second.size == again.size());
  RC_ASSERT(second.method == first.method);
  RC_ASSERT(second.path == first.path);
  RC_ASSERT(second.query == first.query);
  RC_ASSERT(second.headers == first.headers);
  RC_ASSERT(second.content_length == first.content_length);
  RC_ASSERT(second.keep_alive == first.keep_alive);
  RC_ASSERT(second.expects_continue == first.expects_continue);
}

// The naive twin: cuts the text at its first empty line and splits at every CR LF, which the gate never does.
RC_GTEST_PROP(FramingGateProperty, finds_the_headers_that_a_naive_split_finds, ()) {
  std::string const text = some_request();
  Verdict const verdict = read_head(text);
  RC_PRE(std::holds_alternative<Head>(verdict));
  Head const& head = std::get<Head>(verdict);
  std::size_t const end = text.find("\r\n\r\n");
  RC_ASSERT(head.size == end + 4);
  Pairs expected;
  std::size_t start = text.find("\r\n") + 2;
  while (start < end) {
    std::size_t const stop = text.find("\r\n", start);
    std::string const line = text.substr(start, stop - start);
    std::size_t const colon = line.find(':');
    expected.emplace_back(lower(line.substr(0, colon)), trimmed(std::string_view(line).substr(colon + 1)));
    start = stop + 2;
  }
  RC_ASSERT(head.headers == expected);
  std::string const first_line = text.substr(0, text.find("\r\n"));
  RC_ASSERT(first_line.starts_with(head.method + " " + head.target + " HTTP/1."));
}

}  // namespace
}  // namespace regulus::server
