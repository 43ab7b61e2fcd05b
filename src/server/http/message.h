// A request and a response as values, and the shape of whoever turns one into the other.
//
// What is in a Request has passed the framing gate (framing.h) and the body limit: names are lower case, the path is
// decoded once and has no ".." in it, path, query and header values are UTF-8 without control bytes, and the body has
// exactly the length that was announced. Nothing about its meaning was checked.
//
// A handler may answer at once or later, from any thread, and at most once; a second answer is dropped. One that lets
// go of its Reply without answering has answered 500. A Reply may outlive the connection and the listener: then the
// answer goes nowhere.
//
// May be included by everybody in this library; it sees no sockets.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace regulus::server {

class EventStream;  // events.h

// In the order in which they came; a name may occur more than once.
using Pairs = std::vector<std::pair<std::string, std::string>>;

// The first value under a name, or null.
inline std::string const* find_value(Pairs const& pairs, std::string_view name) {
  auto const found = std::ranges::find_if(pairs, [name](auto const& pair) { return pair.first == name; });
  return found == pairs.end() ? nullptr : &found->second;
}

struct Request {
  std::string method;  // as sent, "GET"; upper case matters (RFC 9110 §9.1)
  std::string path;    // "/api/v1/companies/7", percent-decoded once
  Pairs query;         // decoded, "+" is a space
  Pairs headers;       // names in lower case, values without blanks around them
  std::string body;    // any bytes
  std::string peer;    // the address of the other end of the socket, "127.0.0.1"; a proxy's if there is one
  std::string id;      // of this request, also sent back as X-Request-Id; made here, never taken from the client

  // The first value of a header, or null. `name` is in lower case.
  std::string const* header(std::string_view name) const { return find_value(headers, name); }
};

struct Response {
  int status = 200;
  std::string content_type = {};  // "" with no body
  // Beyond what the listener adds itself (response.h); one that is named here replaces the listener's own.
  Pairs headers = {};
  std::string body = {};
  // If set, the body is what is pushed into it, until it is closed; `body` and `content_type` are not used.
  std::shared_ptr<EventStream> events = {};
};

using Reply = std::function<void(Response)>;
// Called in a thread of the listener, which serves other connections with it: what may take long goes elsewhere. Who
// throws has answered 500.
using Handler = std::function<void(Request&&, Reply)>;

}  // namespace regulus::server
