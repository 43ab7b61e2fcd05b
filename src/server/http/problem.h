// Errors as RFC 9457 writes them: application/problem+json in English or French.
//
//   {"type":"/problems/invalid-body","title":"…","status":422,"detail":"…","instance":"req_…","code":"invalid-body",
//    "errors":[{"pointer":"/pickup/lat","code":"range","message":"…"}]}
//
// `code` and `type` never change with the language; title, detail and messages do. `instance` is the request's id, the
// same as in X-Request-Id, so that a person can read it to us over the telephone. `errors` stands only where something
// is wrong with certain members of a body (JSON Pointer, RFC 6901). An internal error has no detail: what happened is
// in the log, under that id.
//
// The list of codes is problems.def. Headers that a status demands are part of the problem: WWW-Authenticate with 401,
// Allow with 405, Retry-After with 429 and 503.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/language.h"
#include "server/http/message.h"

namespace regulus::server {

enum class ProblemCode {
#define PROBLEM(name, code, status, english, french) name,
#include "server/http/problems.def"
#undef PROBLEM
};

struct MemberProblem {
  std::string pointer;  // "/stops/0/lat"; "" is the whole body
  std::string code;     // stable: "missing", "range", "unknown-member"
  std::string message;  // in the reader's language
  // The same in French, for whoever does not know yet who reads: `message` is in English then. "": see above.
  std::string french = {};
};

struct Problem {
  ProblemCode code = ProblemCode::internal;
  std::string detail = {};  // in the reader's language; "" to leave it out
  std::string french = {};  // of the detail, as a member's
  std::vector<MemberProblem> errors = {};
  std::vector<std::string> allow = {};    // with 405: the methods that are offered; may be empty
  std::optional<int> retry_after_s = {};  // with 429 and 503; 1 if nobody says
};

int status_of(ProblemCode code);
std::string_view name_of(ProblemCode code);  // "invalid-json"
std::string_view title_of(ProblemCode code, Language language);
// Every code there is, in the order of problems.def.
std::vector<ProblemCode> all_problem_codes();

// Whole response; the listener adds what every response has.
Response problem_response(Problem const& problem, Language language, std::string_view request_id);
// In the language the request asks for.
Response problem_response(Problem const& problem, Request const& request);

}  // namespace regulus::server
