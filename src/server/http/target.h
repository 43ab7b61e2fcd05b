// The target of a request, "/api/v1/bookings?after=x" (RFC 9112 §3.2.1, origin form), read strictly.
//
// Decoded once, and such that whoever reads the result later cannot see another path than the router did: an escaped
// slash, a backslash, a segment "." or ".." however written, a control byte and what is not UTF-8 are refused, not
// repaired. Characters outside RFC 3986's alphabet have to be escaped.
//
// The query is read as forms are written (WHATWG URL, application/x-www-form-urlencoded): "&" between pairs, the first
// "=" ends the name, "+" is a space. So a plus sign in a time zone is written %2B.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "server/http/fault.h"
#include "server/http/message.h"

namespace regulus::server {

struct Target {
  std::string path;
  Pairs query;
  friend bool operator==(Target const&, Target const&) = default;
};

// Faults: target_form, target_encoding, target_dots. Length is the caller's affair.
std::variant<Target, Fault> read_target(std::string_view text);

// Writes a path or one name or value of a query so that read_target gives the same back: every byte outside RFC 3986's
// unreserved ones is escaped, in a path slashes are kept.
std::string escaped_path(std::string_view path);
std::string escaped_value(std::string_view value);

}  // namespace regulus::server
