#include "server/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/check.h"
#include "server/faults.h"
#include "server/http/router.h"
#include "server/http/target.h"
#include "server/server.h"
#include "store/companies.h"
#include "store/hash.h"
#include "store/idempotency.h"

namespace regulus::server {

#define TELLS(id, route) Outcome id(Server&, Call const&);
#define READS(id, route, scope) Outcome id(Server&, Call const&, store::Transaction&);
#define WRITES(id, route, scope, body) Outcome id(Server&, Call const&, store::Transaction&);
#define TURNS(id, route, scope, body) WRITES(id, route, scope, body)
#define WORKS(id, route, scope, body) void id(Server&, std::shared_ptr<Call const>, Reply);
#include "server/endpoints.def"
#undef TELLS
#undef READS
#undef WRITES
#undef TURNS
#undef WORKS

namespace {

constexpr Operation telling(std::string_view id, std::string_view route, Tell tell) {
  return {.id = id, .route = route, .scope = "", .effect = Effect::none, .tell = tell};
}
constexpr Operation reading(std::string_view id, std::string_view route, std::string_view scope, Read read) {
  return {.id = id, .route = route, .scope = scope, .effect = Effect::read, .transact = read};
}
constexpr Operation writing(std::string_view id, std::string_view route, std::string_view scope, BodyKind body,
                            Write write, bool turns = false) {
  return {.id = id,
          .route = route,
          .scope = scope,
          .body = body,
          .effect = Effect::write,
          .transact = write,
          .turns = turns};
}
constexpr Operation working(std::string_view id, std::string_view route, std::string_view scope, BodyKind body,
                            Work work) {
  return {.id = id, .route = route, .scope = scope, .body = body, .effect = Effect::work, .work = work};
}

constexpr Operation table[] = {
#define TELLS(id, route) telling(#id, route, id),
#define READS(id, route, scope) reading(#id, route, scope, id),
#define WRITES(id, route, scope, body) writing(#id, route, scope, BodyKind::body, id),
#define TURNS(id, route, scope, body) writing(#id, route, scope, BodyKind::body, id, true),
#define WORKS(id, route, scope, body) working(#id, route, scope, BodyKind::body, id),
#include "server/endpoints.def"
#undef TELLS
#undef READS
#undef WRITES
#undef TURNS
#undef WORKS
};
// What a request is counted and logged as that wants no operation.
constexpr Operation no_operation{.id = "none", .route = "", .scope = ""};

constexpr std::int64_t usual_body = 64 * 1'024;
constexpr std::int64_t largest_import = 16 * 1'024 * 1'024;
constexpr std::size_t longest_key = 255;

Router const& all_routes() {
  static Router const routes = routes_of([](Operation const&) { return true; });
  return routes;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  bool const plain = !text.empty() && text.front() != '0' && text.front() != '-';
  return plain ? number_in(text) : std::nullopt;
}

// The secret of "Authorization: Bearer <secret>"; "" when there is none.
std::string_view bearer(Request const& request) {
  std::string const* const header = request.header("authorization");
  if (header == nullptr) return {};
  std::string_view text = *header;
  constexpr std::string_view scheme = "bearer ";
  if (text.size() <= scheme.size()) return {};
  bool const ours = std::ranges::equal(text.substr(0, scheme.size()), scheme,
                                       [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  return ours ? text.substr(scheme.size()) : std::string_view{};
}

bool is_media_type(Request const& request, std::string_view wanted) {
  std::string const* const header = request.header("content-type");
  if (header == nullptr) return false;
  std::string type = header->substr(0, header->find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return type == wanted;
}

// Reads the body as the operation wants it.
std::optional<Problem> read_body(Operation const& operation, Call& call) {
  Request const& request = call.request;
  if (operation.body == BodyKind::none) {
    if (request.body.empty()) return std::nullopt;
    return invalid_member("", "unexpected",
                          call.say("this operation takes no body", "cette opération ne prend pas de corps"));
  }
  bool const csv = operation.body == BodyKind::csv;
  if (!is_media_type(request, csv ? "text/csv" : "application/json")) {
    return Problem{.code = ProblemCode::unsupported_media_type,
                   .detail = call.say(csv ? "send text/csv" : "send application/json",
                                      csv ? "envoyez du text/csv" : "envoyez de l’application/json")};
  }
  if (csv) return std::nullopt;
  // Files may begin with a byte-order mark; a body has a length and a type and needs none (RFC 8259 §8.1).
  if (request.body.starts_with("\xEF\xBB\xBF")) {
    return Problem{.code = ProblemCode::invalid_json,
                   .detail = call.say("the body begins with a byte-order mark; leave it out",
                                      "le corps commence par un indicateur d’ordre des octets\u202F; retirez-le")};
  }
  Result<Json> json = parse_json(request.body);
  if (!json) return problem_with(ProblemCode::invalid_json, json.error().message);
  call.body = json.take();
  return std::nullopt;
}

Response finish(Outcome outcome, Request const& request) {
  if (auto* response = std::get_if<Response>(&outcome)) return std::move(*response);
  return problem_response(std::get<Problem>(outcome), request);
}

store::StoredAnswer stored(Response const& response) {
  store::StoredAnswer answer{.status = response.status, .headers = response.headers, .body = response.body};
  answer.headers.emplace_back("content-type", response.content_type);
  return answer;
}

Response replayed(store::StoredAnswer answer) {
  Response response{.status = answer.status, .body = std::move(answer.body)};
  for (auto& [name, value] : answer.headers) {
    if (name == "content-type") {
      response.content_type = std::move(value);
    } else {
      response.headers.emplace_back(name, std::move(value));
    }
  }
  response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

std::string const* idempotency_key(Call const& call) {
  return call.request.method == "POST" ? call.request.header("idempotency-key") : nullptr;
}

store::RequestKey request_key(Call const& call) {
  return {call.token.id, call.request.method + " " + call.request.path, *idempotency_key(call)};
}

// Of what is asked: the body and, in any order, the query, since dry_run=true asks for something else than
// dry_run=false.
store::Digest digest_of(Request const& request) {
  if (request.query.empty()) return store::sha256(request.body);
  Pairs query = request.query;
  std::ranges::sort(query);
  std::string text;
  for (auto const& [name, value] : query) text += escaped_value(name) + "=" + escaped_value(value) + "&";
  return store::sha256(text + "\n" + request.body);
}

// The answer that a repeated request gets, or nothing for one that was not seen yet.
std::optional<Outcome> answered_before(Call const& call, store::Transaction& tx) {
  std::string const* const key = idempotency_key(call);
  if (key == nullptr) return std::nullopt;
  if (key->empty() || key->size() > longest_key) {
    return Problem{
        .code = ProblemCode::invalid_body,
        .detail = call.say("Idempotency-Key has 1 to 255 characters", "Idempotency-Key a de 1 à 255 caractères")};
  }
  auto seen = store::look_up_request(tx, request_key(call), digest_of(call.request), call.now);
  if (!seen) return problem_of(seen.error());
  if (auto* answer = std::get_if<store::StoredAnswer>(&*seen)) return replayed(std::move(*answer));
  if (std::holds_alternative<store::MismatchedBody>(*seen)) {
    return Problem{.code = ProblemCode::invalid_body,
                   .detail = call.say("this Idempotency-Key was used with another body or query",
                                      "cette Idempotency-Key a servi avec un autre corps ou d’autres paramètres")};
  }
  return std::nullopt;
}

// One writing operation inside its job.
Outcome write_once(Server& server, Operation const& operation, Call const& call, store::Transaction& tx) {
  if (auto before = answered_before(call, tx)) return *std::move(before);
  Outcome outcome = operation.transact(server, call, tx);
  if (auto const* response = std::get_if<Response>(&outcome)) remember(tx, call, *response);
  return outcome;
}

// A long operation on a thread of the pool. Its answer is kept once it is there; whoever repeats the request while it
// runs is told to wait.
void work_once(Server& server, Operation const& operation, std::shared_ptr<Call const> const& call,
               Reply const& reply) {
  if (idempotency_key(*call) == nullptr) return operation.work(server, call, reply);
  std::optional<Outcome> before;
  Status const read = server.database().read([&](store::Transaction& tx) {
    before = answered_before(*call, tx);
    return ok();
  });
  if (!read) return reply(problem_response(problem_of(read.error()), call->request));
  if (before) return reply(finish(*std::move(before), call->request));
  store::RequestKey const key = request_key(*call);
  auto const turn = server.turn_at(fmt::format("key/{}/{}/{}", key.token, key.endpoint, key.key));
  if (!turn) {
    return reply(problem_response(
        conflict(call->say("the same request is still being answered", "la même requête est encore en cours")),
        call->request));
  }
  operation.work(server, call, [&server, call, reply, turn](Response response) {
    Status const kept = server.database().write_and_wait([&](store::Transaction& tx) {
      if (!answered_before(*call, tx)) remember(tx, *call, response);
      return ok();
    });
    turn->end();
    reply(kept ? std::move(response) : problem_response(problem_of(kept.error()), call->request));
  });
}

}  // namespace

std::span<Operation const> operations() { return table; }

Router routes_of(std::function<bool(Operation const&)> const& is_offered) {
  Router routes;
  int place = 0;
  for (Operation const& operation : operations()) {
    if (is_offered(operation)) routes.add(operation.route, place);
    ++place;
  }
  return routes;
}

void remember(store::Transaction& tx, Call const& call, Response const& response) {
  if (idempotency_key(call) == nullptr || response.status >= 400 || response.events) return;
  store::remember_answer(tx, request_key(call), digest_of(call.request), stored(response), call.now);
}

std::vector<std::string> all_scopes() {
  std::set<std::string> scopes = {"rl:off", "rl:write"};
  for (Operation const& operation : operations()) {
    if (!operation.scope.empty() && operation.scope != "*") scopes.emplace(operation.scope);
  }
  return {scopes.begin(), scopes.end()};
}

std::int64_t body_limit(std::string_view method, std::string_view path) {
  auto const match = all_routes().find(method, path);
  auto const* found = std::get_if<Router::Match>(&match);
  if (found == nullptr) return usual_body;
  return operations()[static_cast<std::size_t>(found->route)].body == BodyKind::csv ? largest_import : usual_body;
}

std::string const& Call::variable(std::string_view name) const {
  std::string const* const value = find_value(path, name);
  REGULUS_CHECK(value != nullptr);
  return *value;
}

std::optional<std::int64_t> Call::number(std::string_view name) const { return whole_number(variable(name)); }

Response json_response(int status, Json const& json) {
  return {.status = status, .content_type = "application/json", .body = json.dump() + "\n"};
}

std::string etag_of(std::int64_t version) { return fmt::format("\"{}\"", version); }

namespace {

// Whether a list of entity tags, or "*", names this one (RFC 9110 §13.1). A weak tag, W/"3", is good enough for what is
// only read (`weak`), and never for what is written.
bool names_tag(std::string_view list, std::string_view tag, bool weak) {
  for (std::string_view rest = list; !rest.empty();) {
    std::size_t const end = std::min(rest.find(','), rest.size());
    std::string_view item = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (weak && item.starts_with("W/")) item.remove_prefix(2);
    if (item == tag || item == "*") return true;
  }
  return false;
}

}  // namespace

Response versioned_response(Call const& call, int status, Json const& json, std::int64_t version) {
  std::string const tag = etag_of(version);
  std::string const* const known = call.request.header("if-none-match");
  bool const unchanged =
      status == 200 && call.request.method == "GET" && known != nullptr && names_tag(*known, tag, true);
  Response response = unchanged ? Response{.status = 304} : json_response(status, json);
  response.headers.emplace_back("ETag", tag);
  return response;
}

Problem not_found() { return {.code = ProblemCode::not_found}; }

Problem problem_with(ProblemCode code, std::string detail) {
  std::string french = fault_in_french(detail);
  return {.code = code, .detail = std::move(detail), .french = std::move(french)};
}

MemberProblem member_problem(std::string pointer, std::string code, std::string message) {
  std::string french = fault_in_french(message);
  return {.pointer = std::move(pointer),
          .code = std::move(code),
          .message = std::move(message),
          .french = std::move(french)};
}

Problem invalid_member(std::string pointer, std::string code, std::string message) {
  return {.code = ProblemCode::invalid_body,
          .errors = {member_problem(std::move(pointer), std::move(code), std::move(message))}};
}

Problem invalid_body(Error const& error) {
  // "path[3].name = value reason; remedy" by JsonReader: the path becomes a JSON Pointer.
  std::string const& text = error.message;
  std::size_t const end = text.find(' ');
  std::string_view path = std::string_view(text).substr(0, end);
  if (path.ends_with(':')) path.remove_suffix(1);  // "path: key … is not known"
  std::string pointer;
  if (path != "the") {
    std::string step;
    auto const close = [&] {
      if (!step.empty()) pointer += "/" + std::exchange(step, "");
    };
    for (char const c : path) {
      if (c == '.' || c == '[' || c == ']') {
        close();
      } else {
        step += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);  // RFC 6901, section 3
      }
    }
    close();
  }
  return invalid_member(std::move(pointer), "invalid", error.message);
}

Problem conflict(std::string detail) { return problem_with(ProblemCode::conflict, std::move(detail)); }

Problem problem_of(Error const& error) {
  switch (error.kind) {
    case ErrorKind::invalid:
      return problem_with(ProblemCode::invalid_body, error.message);
    case ErrorKind::not_found:
      return not_found();
    case ErrorKind::conflict:
      return conflict(error.message);
    case ErrorKind::full:
      return {.code = ProblemCode::storage_full};
    case ErrorKind::busy:
      return {.code = ProblemCode::not_ready, .retry_after_s = 1};
    case ErrorKind::io:
      return {.code = ProblemCode::not_ready, .retry_after_s = 5};
    case ErrorKind::corrupt:
    case ErrorKind::interrupted:
      return {.code = ProblemCode::internal};
  }
  return {.code = ProblemCode::internal};
}

std::optional<Problem> check_version(Call const& call, std::int64_t version, bool required) {
  std::string const* const wanted = call.request.header("if-match");
  if (wanted == nullptr) {
    if (!required) return std::nullopt;
    return Problem{.code = ProblemCode::precondition_required};
  }
  if (names_tag(*wanted, etag_of(version), false)) return std::nullopt;
  return Problem{.code = ProblemCode::precondition_failed};
}

std::string cursor_of(std::string_view text) {
  std::string cursor;
  for (char const c : text) cursor += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return cursor;
}

std::optional<std::string> text_of_cursor(std::string_view cursor) {
  if (cursor.size() % 2 != 0 || cursor.size() > 2 * longest_key) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < cursor.size(); i += 2) {
    unsigned value = 0;
    auto const [end, error] = std::from_chars(cursor.data() + i, cursor.data() + i + 2, value, 16);
    if (error != std::errc{} || end != cursor.data() + i + 2) return std::nullopt;
    text += static_cast<char>(value);
  }
  return text;
}

std::string place_of(std::int64_t at_us, std::string_view id) { return fmt::format("{}:{}", at_us, id); }

store::Cursor<std::string> rows_after(Page const& page) { return {.at_us = page.number, .id = page.id}; }

void answer(Reply const& reply, Call const& call, Outcome outcome) { reply(finish(std::move(outcome), call.request)); }

Outcome in_one_view(Server& server, std::function<Outcome(store::Transaction&)> const& ask) {
  std::optional<Outcome> outcome;
  Status const read = server.database().read([&](store::Transaction& tx) {
    outcome = ask(tx);
    return ok();
  });
  return read ? *std::move(outcome) : Outcome(problem_of(read.error()));
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole ? std::optional(value) : std::nullopt;
}

Problem foreign_cursor(Call const& call) {
  return {.code = ProblemCode::invalid_body,
          .detail = call.say("after is no cursor of this list; take it from \"next\"",
                             "after n’est pas un curseur de cette liste\u202F; prenez-le de «\u00A0next\u00A0»")};
}

namespace {

// Whether the decoded cursor is of this kind; fills in what it says.
bool read_cursor(CursorKind kind, Page& page) {
  if (kind == CursorKind::text) return !page.after.empty();
  std::size_t const colon = page.after.find(':');
  bool const has_id = colon != std::string::npos && colon + 1 < page.after.size();
  if (has_id != (kind != CursorKind::number)) return false;
  auto const number = number_in(std::string_view(page.after).substr(0, has_id ? colon : std::string::npos));
  if (!number) return false;
  page.number = *number;
  if (has_id) page.id = page.after.substr(colon + 1);
  return kind != CursorKind::place_of_number || number_in(page.id).has_value();
}

}  // namespace

std::variant<Page, Problem> page_of(Call const& call, CursorKind kind) {
  Page page;
  if (std::string const* limit = call.query("limit")) {
    auto const number = whole_number(*limit);
    if (!number || *number > 500) {
      return Problem{.code = ProblemCode::invalid_body,
                     .detail = call.say(fmt::format("limit = {} is no whole number from 1 to 500", *limit),
                                        fmt::format("limit = {} n’est pas un nombre entier de 1 à 500", *limit))};
    }
    page.limit = static_cast<int>(*number);
  }
  if (std::string const* after = call.query("after")) {
    auto decoded = text_of_cursor(*after);
    if (!decoded) return foreign_cursor(call);
    page.after = *std::move(decoded);
    if (!read_cursor(kind, page)) return foreign_cursor(call);
  }
  return page;
}

Json page_json(Call const& call, Json items, std::string const& last, bool more) {
  Json next;
  if (more) {
    std::string link = call.request.path + "?";
    for (auto const& [name, value] : call.request.query) {
      if (name != "after") link += escaped_value(name) + "=" + escaped_value(value) + "&";
    }
    next = link + "after=" + cursor_of(last);
  }
  return Json::object({{"items", std::move(items)}, {"next", std::move(next)}});
}

Response page_response(Call const& call, Page const& page, Json items, std::string const& last) {
  bool const full = items.as_array().size() == static_cast<std::size_t>(page.limit);
  return json_response(200, page_json(call, std::move(items), last, full));
}

// Those who have not shown who they are share the bucket of their address.
std::optional<Problem> Server::asks_too_often(Request const& asked) {
  auto const allowed = strangers_.take(asked.peer, options_.monotonic_ns());
  if (allowed.allowed) return std::nullopt;
  return Problem{.code = ProblemCode::rate_limited, .retry_after_s = static_cast<int>(allowed.retry_after_s())};
}

Problem Server::stranger(Request const& asked) {
  return asks_too_often(asked).value_or(Problem{.code = ProblemCode::unauthenticated});
}

// Whether the secret is one that nobody has shown yet, from an address that has used up its bucket. Such a guess need
// not reach the database; who was let in before is not shut out by a stranger behind the same address.
bool Server::is_guessing(Request const& asked, std::string_view secret) {
  if (!strangers_.is_empty(asked.peer, options_.monotonic_ns())) return false;
  std::unique_lock const lock(admitted_mutex_);
  return !admitted_.contains(store::sha256(secret));
}

void Server::note_admitted(std::string_view secret) {
  constexpr std::size_t most = 10'000;
  store::Digest const digest = store::sha256(secret);
  std::unique_lock const lock(admitted_mutex_);
  if (admitted_.size() >= most) admitted_.clear();
  admitted_.insert(digest);
}

std::optional<Problem> Server::admit(Operation const& operation, Call& call, std::string_view secret,
                                     store::Transaction& tx) {
  if (!operation.scope.empty()) {
    auto const token = store::find_token(tx, secret, call.now);
    if (!token) return problem_of(token.error());
    if (!*token) return stranger(call.request);
    call.token = **token;
    note_admitted(secret);
    RateLimit::Answer const& quota = call.quota.emplace(callers_.take(call.token.id, options_.monotonic_ns()));
    if (!quota.allowed) {
      return Problem{.code = ProblemCode::rate_limited, .retry_after_s = static_cast<int>(quota.retry_after_s())};
    }
    if (store::is_use_news(call.token, call.now)) {
      database().write(
          [id = call.token.id, now = call.now](store::Transaction& writing) {
            store::note_use(writing, id, now);
            return ok();
          },
          [](Status const&) {});
    }
  }
  // Another tenant's company is nowhere.
  if (find_value(call.path, "company") != nullptr) {
    auto const company = call.number("company");
    if (!company || !call.token.is_for(*company)) return not_found();
    auto const there = store::load_company(tx, *company);
    if (!there) return problem_of(there.error());
    call.company = *company;
  }
  if (!operation.scope.empty() && operation.scope != "*" && !call.token.has_scope(operation.scope)) {
    return Problem{
        .code = ProblemCode::forbidden,
        .detail = call.say("it lacks the scope ", "il lui manque la portée ") + std::string(operation.scope)};
  }
  return std::nullopt;
}

void Server::handle(Request&& request, Reply reply, Door door) {
  ++asked_;
  Instant const now = this->now();
  auto call = std::make_shared<Call>();
  call->now = now;
  std::string const* const accept = request.header("accept-language");
  call->language = language_of(accept == nullptr ? "" : *accept);
  call->request = std::move(request);
  Request const& asked = call->request;
  auto const refuse = [&](Problem const& problem) {
    measured(no_operation, call, std::move(reply))(problem_response(problem, asked));
  };

  // Step 1. What is wanted.
  Router const& routes = door == Door::metrics ? metrics_routes_ : front_routes_;
  auto match = routes.find(asked.method, asked.path);
  if (std::holds_alternative<Router::NotFound>(match)) return refuse(not_found());
  if (auto* wrong = std::get_if<Router::WrongMethod>(&match)) {
    return refuse({.code = ProblemCode::method_not_allowed, .allow = std::move(wrong->allowed)});
  }
  auto& found = std::get<Router::Match>(match);
  Operation const& operation = operations()[static_cast<std::size_t>(found.route)];
  call->path = std::move(found.parameters);
  reply = measured(operation, call, std::move(reply));
  // What asks for no token is as much work for us, and nobody has said who he is.
  bool const is_limited = operation.scope.empty() && !operation.is_health() && door == Door::front;
  try {
    if (auto const problem = is_limited ? asks_too_often(asked) : std::nullopt) {
      return reply(problem_response(*problem, asked));
    }
    serve(operation, call, reply);
  } catch (std::exception const&) {  // whoever lets go of the reply last answers
  }
}

void Server::serve(Operation const& operation, std::shared_ptr<Call> const& call, Reply const& reply) {
  Request const& asked = call->request;
  auto const refuse = [&](Problem const& problem) { reply(problem_response(problem, asked)); };

  // Step 2. Who wants it, and whether that is there for him. What only reads is answered from the same view, and what
  // must not wait for the writer is done there.
  bool const speaks_first = operation.effect == Effect::read || operation.turns;
  std::optional<Outcome> outcome;
  std::string_view const secret = operation.scope.empty() ? std::string_view() : bearer(asked);
  if (!operation.scope.empty() && !store::is_well_formed_secret(secret)) return refuse(stranger(asked));
  if (!operation.scope.empty() && is_guessing(asked, secret)) return refuse(stranger(asked));
  bool const asks_database = speaks_first || !secret.empty() || find_value(call->path, "company") != nullptr;
  if (asks_database) {
    Status const read = database().read([&](store::Transaction& tx) {
      if (auto problem = admit(operation, *call, secret, tx)) {
        outcome = *std::move(problem);
      } else if (auto said = speaks_first ? read_body(operation, *call) : std::nullopt) {
        outcome = *std::move(said);
      } else if (operation.effect == Effect::read) {
        outcome = operation.transact(*this, *call, tx);
      } else if (operation.turns && !answered_before(*call, tx)) {
        turn_off_at_once(*this, *call, tx);
      }
      return ok();
    });
    if (!read) return refuse(problem_of(read.error()));
  }
  if (outcome) return answer(reply, *call, *std::move(outcome));

  // Step 3. What he says.
  if (auto const problem = speaks_first ? std::nullopt : read_body(operation, *call)) return refuse(*problem);

  // Step 4. Doing it.
  switch (operation.effect) {
    case Effect::none:
      return answer(reply, *call, operation.tell(*this, *call));
    case Effect::read:
      return;  // answered in step 2
    case Effect::write: {
      auto written = std::make_shared<std::optional<Outcome>>();
      database().write(
          [this, &operation, call, written](store::Transaction& tx) -> Status {
            *written = write_once(*this, operation, *call, tx);
            // A problem undoes what was written on the way to it. Who could not read on has not found a problem.
            if (tx.failed()) written->reset();
            if (tx.failed() || std::holds_alternative<Problem>(**written)) return invalid("refused");
            for (auto& task : call->after_commit) tx.after_commit(std::move(task));
            return ok();
          },
          [call, written, reply](Status const& committed) {
            bool const refused = *written && std::holds_alternative<Problem>(**written);
            if (!committed && !refused) return reply(problem_response(problem_of(committed.error()), call->request));
            reply(finish(std::move(**written), call->request));
          });
      return;
    }
    case Effect::work: {
      bool const accepted = pool().run([this, &operation, call, reply] { work_once(*this, operation, call, reply); });
      if (!accepted) return refuse({.code = ProblemCode::not_ready, .retry_after_s = 1});
      return;
    }
  }
}

}  // namespace regulus::server
