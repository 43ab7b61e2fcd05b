// HTTP to one server, over one connection that is kept, with one deadline for everything.
//
// A road server may be slow, gone or mad, and a dispatch decision must not notice. So the deadline is a moment, not a
// pause: connecting, writing and every byte of reading end by it, however the bytes drip. An answer may hold at most
// largest_body bytes; a longer one is given up at its header. Names are resolved once, when the client is opened,
// because a resolver cannot be interrupted.
//
// The connection serves at most 512 requests (OSRM's limit). A server may close an idle connection at any time; a kept
// one that turns out to be closed before the answer began is opened anew, once. Nothing throws.
//
// Not thread-safe; each thread has a client of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace regulus::travel {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// "http://host[:port][/prefix]". Errors: another scheme, user names, a port that is none.
struct Url {
  std::string host;  // IPv6 addresses stand in brackets
  std::uint16_t port = 80;
  std::string prefix;  // "" or "/road", no slash at the end
  friend bool operator==(Url const&, Url const&) = default;
};
Result<Url> parse_url(std::string_view text);

class HttpClient {
 public:
  static constexpr std::size_t largest_body = 4 << 20;
  static constexpr int requests_per_connection = 512;

  // Errors: invalid, a URL that is none; io, a name that nobody knows.
  static Result<HttpClient> open(std::string_view url);
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&& other) noexcept;
  ~HttpClient();

  // `target` is what follows the prefix: "/table/v1/…". Any status is an answer. Errors: io.
  Result<HttpAnswer> get(std::string_view target, std::chrono::steady_clock::time_point deadline);
  Result<HttpAnswer> post_json(std::string_view target, std::string body,
                               std::chrono::steady_clock::time_point deadline);
  // `method`: "PUT", "PATCH", …
  Result<HttpAnswer> send_json(std::string_view method, std::string_view target, std::string body,
                               std::chrono::steady_clock::time_point deadline);
  // From now on every request carries "Authorization: Bearer <token>"; empty: none does.
  void authorize(std::string token);
  std::int64_t connections_made() const;

 private:
  struct Connection;
  explicit HttpClient(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace regulus::travel
