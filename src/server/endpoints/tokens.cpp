// Tokens: who may do what, for which companies, until when.
//
// Nobody gives what he does not have: a token makes only tokens whose scopes and companies are among its own, and which
// end no later than it does. It sees the tokens of its companies; all others do not exist for it.
//
// A secret is in one answer and nowhere else. So these operations take no Idempotency-Key: the answer that is kept
// under one would be the secret in clear, in a database that holds none, and a repeated answer without it would look
// like success to somebody who has nothing. Who loses an answer finds the token in the list, revokes it and makes
// another.
#include "server/tokens.h"

#include <algorithm>

#include "core/config.h"
#include "domain/json_reader.h"
#include "server/server.h"
#include "store/companies.h"

namespace regulus::server {

namespace {

constexpr std::size_t most_companies = 100;
constexpr std::size_t most_scopes = 100;
constexpr std::int64_t longest_overlap_s = 7 * 86'400;

Json moment_json(std::optional<std::int64_t> const& moment) { return moment ? Json(instant_text(*moment)) : Json(); }

}  // namespace

// Without the secret, which no function here has but the two that make one.
Json token_json(store::Token const& token) {
  store::TokenRights const& rights = token.rights;
  return Json::object({{"id", token.id},
                       {"name", rights.name},
                       {"scopes", Json::array_of(rights.scopes)},
                       {"companies", rights.companies ? Json::array_of(*rights.companies) : Json()},
                       {"expires", moment_json(rights.expires_us)},
                       {"created_by", rights.created_by},
                       {"created", instant_text(token.created_us)},
                       {"last_used", moment_json(token.last_used_us)},
                       {"revoked", moment_json(token.revoked_us)}});
}

std::string object_of(store::Token const& token) { return "token/" + token.id; }

namespace {

// Whether every company of the token is one of the caller's.
bool is_visible(Call const& call, store::Token const& token) {
  if (!call.token.rights.companies) return true;
  if (!token.rights.companies) return false;
  return std::ranges::all_of(*token.rights.companies, [&](std::int64_t company) { return call.token.is_for(company); });
}

// The token of the path, when it is there for the caller.
Result<store::Token> token_of(Call const& call, store::Transaction& tx) {
  Result<store::Token> token = store::load_token(tx, call.variable("token"));
  if (token && !is_visible(call, *token)) return Error{ErrorKind::not_found, "no such token"};
  return token;
}

// A right that the caller lacks.
std::optional<Problem> beyond_his_own(Call const& call, store::TokenRights const& rights) {
  auto const refuse = [&](std::string english, std::string french) {
    return Problem{.code = ProblemCode::forbidden, .detail = call.say(english, french)};
  };
  for (std::string const& scope : rights.scopes) {
    if (!call.token.has_scope(scope)) {
      return refuse(fmt::format("this token lacks the scope {} and cannot give it", scope),
                    fmt::format("ce jeton n’a pas la portée {} et ne peut pas la donner", scope));
    }
  }
  if (!rights.companies && call.token.rights.companies) {
    return refuse("this token is for some companies and cannot give all of them",
                  "ce jeton vaut pour certaines entreprises et ne peut pas les donner toutes");
  }
  for (std::int64_t const company : rights.companies.value_or(std::vector<std::int64_t>{})) {
    if (!call.token.is_for(company)) {
      return refuse(fmt::format("this token is not for company {} and cannot give it", company),
                    fmt::format("ce jeton ne vaut pas pour l’entreprise {} et ne peut pas la donner", company));
    }
  }
  auto const& until = call.token.rights.expires_us;
  if (until && (!rights.expires_us || *rights.expires_us > *until)) {
    return refuse(fmt::format("this token ends at {}; what it makes cannot last longer", instant_text(*until)),
                  fmt::format("ce jeton se termine le {}\u202F; ce qu’il crée ne peut pas durer plus longtemps",
                              instant_text(*until)));
  }
  return std::nullopt;
}

std::optional<Problem> no_key(Call const& call) {
  if (call.request.header("idempotency-key") == nullptr) return std::nullopt;
  return Problem{
      .code = ProblemCode::invalid_body,
      .detail = call.say("send no Idempotency-Key here: its answer holds a secret, which is kept nowhere; if an "
                         "answer is lost, revoke the token and make another",
                         "n’envoyez pas d’Idempotency-Key ici\u00A0: la réponse contient un secret, qui n’est "
                         "conservé nulle part\u202F; si une réponse se perd, révoquez le jeton et créez-en un "
                         "autre")};
}

// The only answer with a secret in it; nothing between here and the client may keep it.
Response with_secret(store::IssuedToken const& issued) {
  Json json = token_json(issued.token);
  json["secret"] = issued.secret;
  Response response = json_response(201, json);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

void read_scopes(JsonReader const& list, std::vector<std::string>& scopes) {
  std::vector<std::string> const known = all_scopes();
  list.items([&](JsonReader const& item) {
    std::string scope;
    item.value(scope);
    if (std::ranges::find(known, scope) == known.end()) {
      return item.fail(
          fmt::format("is no scope{}; the scopes are {}", suggestion(scope, known), fmt::join(known, ", ")));
    }
    if (std::ranges::find(scopes, scope) != scopes.end()) return item.fail("stands there twice");
    if (scopes.size() == most_scopes) return list.fail(fmt::format("has more than {} scopes", most_scopes));
    scopes.push_back(std::move(scope));
  });
  if (list.json().is_array() && list.json().as_array().empty()) list.fail("has no scope; give at least one");
}

void read_companies(JsonReader const& list, std::optional<std::vector<std::int64_t>>& companies) {
  if (list.json().is_null()) return;
  companies.emplace();
  list.items([&](JsonReader const& item) {
    std::int64_t company = 0;
    if (!item.integer(1, std::int64_t{1} << 53, company)) return;
    if (std::ranges::find(*companies, company) != companies->end()) return item.fail("stands there twice");
    if (companies->size() == most_companies) {
      return list.fail(fmt::format("has more than {} companies; write null for all of them", most_companies));
    }
    companies->push_back(company);
  });
  if (companies->empty()) list.fail("has no company; give at least one, or null for all of them");
}

}  // namespace

Outcome list_tokens(Server&, Call const& call, store::Transaction& tx) {
  auto const page = page_of(call, CursorKind::text);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  int const limit = std::get<Page>(page).limit;
  std::string last = std::get<Page>(page).after;
  if (!last.empty() && !last.starts_with("tok_")) return foreign_cursor(call);
  Json items = Json::array();
  bool more = true;
  while (more && items.as_array().size() < static_cast<std::size_t>(limit)) {
    auto const tokens = store::list_tokens(tx, last, limit);
    more = tokens.size() == static_cast<std::size_t>(limit);
    for (store::Token const& token : tokens) {
      if (items.as_array().size() == static_cast<std::size_t>(limit)) {
        more = true;
        break;
      }
      last = token.id;
      if (is_visible(call, token)) items.push_back(token_json(token));
    }
  }
  if (tx.failed()) return problem_of(tx.error());
  return json_response(200, page_json(call, std::move(items), last, more));
}

// {"name", "scopes", "companies": [1] or null for all, "expires": a time or null for never}.
Outcome create_token(Server& server, Call const& call, store::Transaction& tx) {
  if (auto const problem = no_key(call)) return *problem;
  Status status = ok();
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  store::TokenRights rights{.created_by = call.token.id};
  at.keys({"name", "scopes", "companies"}, {"expires"});
  at.in("name", [&](JsonReader const& name) {
    name.value(rights.name);
    if (rights.name.empty() || rights.name.size() > 200) name.fail("is no name of 1 to 200 bytes");
  });
  at.in("scopes", [&](JsonReader const& list) { read_scopes(list, rights.scopes); });
  at.in("companies", [&](JsonReader const& list) { read_companies(list, rights.companies); });
  at.in("expires", [&](JsonReader const& moment) {
    if (moment.json().is_null()) return;
    std::string text;
    moment.value(text);
    Result<Instant> const instant = parse_instant(text);
    if (!instant) return moment.fail("is no time; write it as 2026-03-01T08:15:00Z, or null for never");
    if (*instant <= call.now) return moment.fail("is over already; give a time to come");
    rights.expires_us = *instant;
  });
  if (!status) return invalid_body(status.error());
  if (auto problem = beyond_his_own(call, rights)) return *std::move(problem);
  for (std::int64_t const company : rights.companies.value_or(std::vector<std::int64_t>{})) {
    if (store::load_company(tx, company)) continue;
    if (tx.failed()) return problem_of(tx.error());
    return invalid_member(
        "/companies", "unknown-company",
        call.say(fmt::format("company {} does not exist; take one from /api/v1/companies", company),
                 fmt::format("l’entreprise {} n’existe pas\u202F; prenez-en une de /api/v1/companies", company)));
  }
  Result<store::IssuedToken> const issued = store::create_token(tx, rights, call.now, server.random());
  if (!issued) return problem_of(issued.error());
  server.record(tx, call, "token.create", object_of(issued->token), {}, token_json(issued->token));
  return with_secret(*issued);
}

Outcome revoke_token(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::Token> const before = token_of(call, tx);
  if (!before) return problem_of(before.error());
  Result<store::Token> const token = store::revoke_token(tx, before->id, call.now);
  if (!token) return problem_of(token.error());
  Json const json = token_json(*token);
  server.record(tx, call, "token.revoke", object_of(*token), token_json(*before), json);
  return json_response(200, json);
}

// A new secret with the same rights; the old one ends at once, or after ?overlap_seconds=.
Outcome rotate_token(Server& server, Call const& call, store::Transaction& tx) {
  if (auto const problem = no_key(call)) return *problem;
  Result<store::Token> const before = token_of(call, tx);
  if (!before) return problem_of(before.error());
  // Who rotates gets a secret in his hands: he may not get one that can do more than he.
  if (auto problem = beyond_his_own(call, before->rights)) return *std::move(problem);
  if (!before->is_valid_at(call.now)) {
    return conflict(call.say(fmt::format("token {} is not valid any more; make another", before->id),
                             fmt::format("le jeton {} n’est plus valable\u202F; créez-en un autre", before->id)));
  }
  std::int64_t overlap_s = 0;
  if (std::string const* text = call.query("overlap_seconds")) {
    Result<Json> const number = parse_json(*text);
    bool const whole = number && number->is_integer();
    if (!whole || number->as_integer() < 0 || number->as_integer() > longest_overlap_s) {
      return Problem{
          .code = ProblemCode::invalid_body,
          .detail = call.say(
              fmt::format("overlap_seconds = {} is no whole number from 0 to {}", *text, longest_overlap_s),
              fmt::format("overlap_seconds = {} n’est pas un nombre entier de 0 à {}", *text, longest_overlap_s))};
    }
    overlap_s = number->as_integer();
  }
  Result<store::IssuedToken> const issued =
      store::rotate_token(tx, before->id, call.now, overlap_s * one_second, server.random());
  if (!issued) return problem_of(issued.error());
  Result<store::Token> const old = store::load_token(tx, before->id);
  if (!old) return problem_of(old.error());
  server.record(tx, call, "token.rotate", object_of(*before), token_json(*before), token_json(*old),
                "replaced by " + issued->token.id);
  server.record(tx, call, "token.create", object_of(issued->token), {}, token_json(issued->token));
  return with_secret(*issued);
}

}  // namespace regulus::server
