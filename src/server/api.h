// The programming interface as a table: what is offered where, to whom, and by which function.
//
// endpoints.def lists every operation with its route, the scope a token needs and what it does to the database. api.cpp
// does, once for all of them, what no operation may forget: authentication, rate limits, the tenant's border, strict
// JSON, idempotency keys, preconditions, the audit trail's transaction, and problems in the reader's language. An
// operation is then a function of a few lines over one transaction.
//
//   tells   need no database, and answer when it does not.
//   reads   run on one consistent view, at once.
//   writes  are a job of the writer: whatever they do is one transaction with their audit row, their events and the
//           answer kept under the idempotency key; a problem undoes all of it. The answer leaves after the commit.
//   turns   are writes of the switch, whose first part waits for nobody: turn_off_at_once.
//   works   take long (a decision, a file): they run on a thread of the pool and write for themselves.
//
// Another tenant's things do not exist: the answer is the same 404, byte for byte, as for what is nowhere.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/json.h"
#include "server/civil_time.h"
#include "server/http/language.h"
#include "server/http/message.h"
#include "server/http/problem.h"
#include "server/http/rate_limit.h"
#include "store/database.h"
#include "store/rows.h"
#include "store/tokens.h"

namespace regulus::server {

class Router;  // http/router.h
class Server;  // server.h

// A request that has passed the door.
struct Call {
  Request request;
  Pairs path;                              // variables of the route
  store::Token token;                      // of an operation with a scope; empty otherwise
  std::optional<RateLimit::Answer> quota;  // what the limits leave this token
  std::int64_t company = 0;                // of the path, when it has one: exists and is the token's
  Json body;                               // null when the operation takes none or it is not JSON
  Language language = Language::english;
  Instant now = 0;
  // How many requests to turn off this process had seen when this one came (Server::force_off), itself included.
  std::uint64_t offs_asked = 0;
  // What is to happen once the transaction of a writing operation is on disk; dropped when it is undone.
  mutable std::vector<std::function<void()>> after_commit;

  std::string const& variable(std::string_view name) const;  // bug check: the route has it
  // A variable that must be a whole number from 1 on; nothing for anything else: then there is nothing there.
  std::optional<std::int64_t> number(std::string_view name) const;
  std::string const* query(std::string_view name) const { return find_value(request.query, name); }
  // Text in the reader's language.
  std::string say(std::string_view english, std::string_view french) const {
    return std::string(language == Language::french ? french : english);
  }
};

using Outcome = std::variant<Response, Problem>;

// Answers.
Response json_response(int status, Json const& json);
// With an ETag; 304 when the request's If-None-Match says that it has this version already.
Response versioned_response(Call const& call, int status, Json const& json, std::int64_t version);
std::string etag_of(std::int64_t version);

// Problems. A detail or a message is in the reader's language, or in English: then it is told in French to whoever
// wants that, if faults.def has it.
Problem not_found();
Problem problem_with(ProblemCode code, std::string detail);
MemberProblem member_problem(std::string pointer, std::string code, std::string message);
Problem invalid_member(std::string pointer, std::string code, std::string message);
// An error of ours that names "path = value reason" as a problem with the member.
Problem invalid_body(Error const& error);
Problem conflict(std::string detail);
Problem problem_of(Error const& error);

// The outcome as the answer to the request, a problem in the reader's language.
void answer(Reply const& reply, Call const& call, Outcome outcome);
// What `ask` makes of one consistent view of the database, for an operation that works on a thread of the pool.
Outcome in_one_view(Server& server, std::function<Outcome(store::Transaction&)> const& ask);

// If-Match against a row's version. `required`: 428 without it; otherwise a missing one is fine.
std::optional<Problem> check_version(Call const& call, std::int64_t version, bool required);

// A page of a list: ?limit= (1 to 500, default 100) and ?after=, an opaque cursor. What a cursor of the list says:
enum class CursorKind : std::uint8_t {
  number,           // an id or a sequence
  place,            // a time and an id, for a list in that order
  place_of_number,  // the same where ids are numbers
  text,             // an id; the list looks at it itself
};
struct Page {
  int limit = 100;
  std::string after = {};                                          // the decoded cursor; "": from the start
  std::int64_t number = std::numeric_limits<std::int64_t>::min();  // of it: the number or the time
  std::string id = {};                                             // of a place
};
// Problems: a limit out of range, and a cursor that is not of this kind.
std::variant<Page, Problem> page_of(Call const& call, CursorKind kind = CursorKind::place);
Problem foreign_cursor(Call const& call);
// The whole text as a decimal number, with a sign or without; nothing for anything else.
std::optional<std::int64_t> number_in(std::string_view text);
// A place in a list as text that says nothing to anybody else, and back; nothing for what is none.
std::string cursor_of(std::string_view text);
std::optional<std::string> text_of_cursor(std::string_view cursor);
// The same for a list in the order of (time, id).
std::string place_of(std::int64_t at_us, std::string_view id);
store::Cursor<std::string> rows_after(Page const& page);
// {"items": […], "next": "/…?after=…" or null}; `last`: the cursor of the last item when there may be more.
Json page_json(Call const& call, Json items, std::string const& last, bool more);
// The answer with such a page; there may be more when it is full.
Response page_response(Call const& call, Page const& page, Json items, std::string const& last);

enum class Effect : std::uint8_t { none, read, write, work };
enum class BodyKind : std::uint8_t { none, json, csv };

using Tell = Outcome (*)(Server&, Call const&);
using Read = Outcome (*)(Server&, Call const&, store::Transaction&);
using Write = Outcome (*)(Server&, Call const&, store::Transaction&);
using Work = void (*)(Server&, std::shared_ptr<Call const>, Reply);

struct Operation {
  std::string_view id;     // as OpenAPI's operationId
  std::string_view route;  // "GET /api/v1/companies/{company}"
  std::string_view scope;  // "": nobody needs a token; "*": any token
  BodyKind body = BodyKind::none;
  Effect effect = Effect::read;
  Tell tell = nullptr;      // of none
  Read transact = nullptr;  // of read and write
  Work work = nullptr;
  bool turns = false;  // turn_off_at_once goes before it

  // Whether the process is alive and ready: a monitor may ask as often as it likes.
  constexpr bool is_health() const { return id == "healthz" || id == "readyz"; }
  constexpr bool is_metrics() const { return id == "prometheus"; }
};
std::span<Operation const> operations();
// The routes of those that are offered; what a route stands for is its operation's place in the list.
Router routes_of(std::function<bool(Operation const&)> const& is_offered);
// The first part of every request of the switch, before it queues for the writer: if it is to turn off and may, the
// company is off in this process from here on, however long the writer takes. What it says wrong, the second part
// tells. In endpoints/rl.cpp.
void turn_off_at_once(Server& server, Call& call, store::Transaction& view);
// Every scope that there is, sorted: what operations need, and the two of the switch, which decides for itself.
std::vector<std::string> all_scopes();

// Keeps an answer under the request's Idempotency-Key, if it has one, for an operation that writes for itself: in the
// transaction of its effect. Every other operation need not think of it.
void remember(store::Transaction& tx, Call const& call, Response const& response);

// Body limits by route, for the listener.
std::int64_t body_limit(std::string_view method, std::string_view path);

}  // namespace regulus::server
