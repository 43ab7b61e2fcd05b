// A response as bytes (RFC 9112 §4, §6), with what every response of this server carries.
//
// Date, X-Request-Id, X-Content-Type-Options: nosniff, Referrer-Policy: no-referrer, Cache-Control: no-store and a
// Content-Security-Policy under which nothing is loaded and nobody frames it. A response that names one of them itself
// keeps its own: the dashboard's pages have another policy than the API's answers. The length is always announced; only
// an event stream ends with its connection. Control bytes in a header become blanks, so that no value from outside can
// begin a header of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace regulus::server {

struct Envelope {
  std::string_view request_id;
  std::int64_t unix_s = 0;  // for Date
  bool keep_alive = false;
  bool without_body = false;  // the answer to a HEAD: the length is the body's, the body stays here
};

// Everything that is sent; of an event stream the head.
std::string response_bytes(Response const& response, Envelope const& envelope);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7), from 1970 to 9999.
std::string http_date(std::int64_t unix_s);

}  // namespace regulus::server
