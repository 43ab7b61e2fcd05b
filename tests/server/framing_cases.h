// Requests that other servers read in two ways, with the one right answer: the fourteen on which four libraries of
// Debian 12 were compared, and every oversize that a head can have. Used on the gate alone and over a socket.
#pragma once

#include <string>
#include <vector>

namespace regulus::server {

struct FramingCase {
  std::string name;
  std::string bytes;
  int status = 0;
};

inline std::vector<FramingCase> framing_cases() {
  std::string const post = "POST /echo HTTP/1.1\r\nHost: h\r\n";
  std::string const chunks = "5\r\nhello\r\n0\r\n\r\n";
  std::string many;
  for (int i = 0; i < 101; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
  return {
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
}

}  // namespace regulus::server
