// Requests that other servers read in two ways, with the one right answer: the fourteen on which four libraries of
// Debian 12 were compared, every oversize that a head can have, and what follows from a rule. Used on the gate alone
// and over a socket.
#pragma once

#include <string>
#include <vector>

namespace regulus::server {

struct FramingCase {
  std::string name;
  std::string bytes;
  int status = 0;
};

// Every header that may stand there once, twice; every control byte wherever it must not be; lengths that are none.
inline std::vector<FramingCase> generated_framing_cases() {
  std::vector<FramingCase> cases;
  auto const with = [](std::string const& lines) { return "GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n"; };
  struct Once {
    std::string name, value, other;
  };
  for (Once const& h : {Once{"Host", "h", "g"}, Once{"Authorization", "Bearer a", "Bearer b"},
                        Once{"Content-Length", "0", "1"}, Once{"Content-Type", "text/csv", "application/json"},
                        Once{"If-Match", "\"1\"", "\"2\""}, Once{"Idempotency-Key", "1", "2"}}) {
    std::string const first = h.name == "Host" ? "" : h.name + ": " + h.value + "\r\n";
    std::string loud = h.name;
    for (char& c : loud) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    cases.push_back({h.name + " again", with(first + h.name + ": " + h.value + "\r\n"), 400});
    cases.push_back({h.name + " with another value", with(first + h.name + ": " + h.other + "\r\n"), 400});
    cases.push_back({h.name + " in capitals", with(first + loud + ": " + h.value + "\r\n"), 400});
    cases.push_back({h.name + " after another", with(first + "X: y\r\n" + h.name + ": " + h.other + "\r\n"), 400});
    cases.push_back({h.name + " without a value", with(first + h.name + ":\r\n"), 400});
  }
  std::vector<int> bytes = {0x7F, 0x80, 0xFF};
  for (int byte = 0; byte < 0x20; ++byte) bytes.push_back(byte);
  for (int const byte : bytes) {
    std::string const b(1, static_cast<char>(byte)), name = " with byte " + std::to_string(byte);
    std::string const rest = " HTTP/1.1\r\nHost: h\r\n\r\n";
    cases.push_back({"a method" + name, "G" + b + "T /" + rest, 400});
    cases.push_back({"a target" + name, "GET /a" + b + "b" + rest, 400});
    cases.push_back({"a header's name" + name, with("X" + b + "Y: z\r\n"), 400});
    if (b != "\t") cases.push_back({"a header's value" + name, with("X: a" + b + "b\r\n"), 400});
  }
  for (char const c : std::string("(),/;<=>?@[\\]{}\"")) {
    std::string const b(1, c), name = " with " + b;
    cases.push_back({"a method" + name, "G" + b + "T / HTTP/1.1\r\nHost: h\r\n\r\n", 400});
    cases.push_back({"a header's name" + name, with("X" + b + "Y: z\r\n"), 400});
  }
  for (std::string const length : {"+0", "-0", "1.0", "1e0", "0x0", "0, 0", "0 0", "0;", "zero", "9007199254740993"}) {
    cases.push_back({"length " + length, with("Content-Length: " + length + "\r\n"), 400});
  }
  for (std::string const coding : {"chunked", "Chunked", "gzip", "identity", "gzip, chunked", "chunked, chunked", ""}) {
    cases.push_back({"coding " + coding, with("Transfer-Encoding: " + coding + "\r\n"), 400});
  }
  for (std::string const version : {"0.9", "1.2", "2.0", "3.0", "9.9"}) {
    cases.push_back({"version " + version, "GET / HTTP/" + version + "\r\nHost: h\r\n\r\n", 505});
  }
  return cases;
}

inline std::vector<FramingCase> framing_cases() {
  std::string const post = "POST /echo HTTP/1.1\r\nHost: h\r\n";
  std::string const chunks = "5\r\nhello\r\n0\r\n\r\n";
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
  std::vector<FramingCase> cases = {
      {"gzip_then_length", post + "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", 400},
      {"length_then_chunked", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 400},
      {"chunked_then_length", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunks, 400},
      {"two_lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400},
      {"xchunked", post + "Transfer-Encoding: xchunked\r\n\r\n" + chunks, 400},
      {"space_before_colon", post + "Content-Length : 5\r\n\r\nhello", 400},
      {"bare_line_feeds", "GET / HTTP/1.1\nHost: h\n\n", 400},
      {"folded_header", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400},
      {"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two_hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: g\r\n\r\n", 400},
      {"two_authorizations", "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
       400},
      {"nul_in_header", "GET / HTTP/1.1\r\nHost: h\r\nX: a" + std::string(1, '\0') + "b\r\n\r\n", 400},
      {"nine_kilobyte_header", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(9216, 'a') + "\r\n\r\n", 431},
      {"body_over_limit", post + "Content-Length: 65537\r\n\r\n", 413},
      {"plain_chunked", post + "Transfer-Encoding: chunked\r\n\r\n" + chunks, 400},
      {"chunk_bomb", post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 400},
      {"target_of_8_kilobytes_and_1", "GET /" + std::string(8192, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
      {"head_of_8_kilobytes_and_1", "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(8192 - 31, 'a') + "\r\n\r\n", 431},
      {"headers_101", "GET / HTTP/1.1\r\nHost: h\r\n" + many + "\r\n", 431},
      {"length_2_to_63", post + "Content-Length: 9223372036854775808\r\n\r\n", 400},
      {"version_2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"unknown_expectation", post + "Expect: applause\r\nContent-Length: 5\r\n\r\n", 417},
  };
  for (FramingCase& c : generated_framing_cases()) cases.push_back(std::move(c));
  return cases;
}

}  // namespace regulus::server
