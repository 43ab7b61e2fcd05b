// The framing gate: the bytes of a request's head in, one of "not yet", a head, or a reason to refuse it out.
//
// Request smuggling, header shadowing and hanging parsers all live on bytes that two programs read differently. So this
// is the only parser of heads here, it takes a subset of HTTP/1.1 that leaves nothing to interpretation, and it repairs
// nothing: exactly one Host; Authorization, Content-Length, Content-Type, If-Match and Idempotency-Key at most once; no
// Transfer-Encoding at all (a body has a Content-Length or there is none); lines end in CR LF; no folded lines, no
// blank before a colon, no control bytes but tabs in values; a target in origin form (target.h); limits below.
// RFC 9112 §2.2, §3, §5, §6 and RFC 9110 §5, §7.2, §8.6, §10.1.1 allow each of these refusals.
//
// It is a function of the bytes alone and reads from left to right: a verdict depends on nothing beyond the place where
// it was reached. Hence the same bytes get the same verdict however they are cut into packets, and a verdict on the
// beginning of what has arrived stays the verdict when more arrives. Tests and the fuzzer check exactly that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "server/http/fault.h"
#include "server/http/message.h"

namespace regulus::server {

constexpr std::size_t longest_head = 8192;    // bytes, from the method to the empty line and with it; beyond: 431
constexpr std::size_t longest_target = 2048;  // bytes, as sent; beyond: 414
constexpr std::size_t longest_method = 16;
constexpr int most_headers = 64;                                        // lines; beyond: 431
constexpr std::int64_t largest_content_length = std::int64_t{1} << 53;  // what JavaScript's numbers hold

struct Head {
  std::string method;
  std::string target;  // as sent
  std::string path;    // decoded once
  Pairs query;
  Pairs headers;                    // names in lower case, values trimmed
  std::int64_t content_length = 0;  // bytes of the body; 0 if there is none
  bool keep_alive = false;          // HTTP/1.1 and no "Connection: close"
  bool expects_continue = false;    // wants "100 Continue" before it sends the body
  std::size_t size = 0;             // bytes this head takes; the body begins there
  friend bool operator==(Head const&, Head const&) = default;
};

struct Incomplete {
  friend bool operator==(Incomplete, Incomplete) = default;
};

struct Rejection {
  Fault fault;
  Language language = Language::english;  // as far as Accept-Language had come
  friend bool operator==(Rejection const&, Rejection const&) = default;
};

using Verdict = std::variant<Incomplete, Head, Rejection>;

// `bytes` is what has arrived since the last request ended; anything may follow the head. Costs at most longest_head
// steps, whatever arrives.
Verdict read_head(std::string_view bytes);

}  // namespace regulus::server
