// `regulus token create|list|revoke`: rights of whoever talks to the server. Works while the server runs and while it
// does not.
#include <fmt/format.h>

#include <algorithm>

#include "app/command.h"
#include "app/database_flag.h"
#include "app/issue_token.h"
#include "server/server.h"
#include "server/tokens.h"

namespace regulus::app {

namespace {

constexpr server::Instant one_day = 86'400 * server::one_second;
constexpr char const* actor = "command line";

struct State {
  DatabaseFlag database;
  std::string action, name = "command line", id;
  std::vector<std::int64_t> companies;
  std::vector<std::string> scopes;
  int days = 0;
};

Status create(Common const& common, State const& state, store::Database& database) {
  if (state.scopes.empty()) {
    return invalid(fmt::format("--scopes is missing; name some of {}, or all", fmt::join(server::all_scopes(), ", ")));
  }
  std::vector<std::string> const known = server::all_scopes();
  std::vector<std::string> scopes = state.scopes;
  if (scopes == std::vector<std::string>{"all"}) scopes = known;
  for (std::string const& scope : scopes) {
    if (std::ranges::binary_search(known, scope)) continue;
    return invalid(fmt::format("--scopes: {} is not known{} (known: {})", scope, suggestion(scope, known),
                               fmt::join(known, ", ")));
  }
  store::TokenRights rights{
      .name = state.name, .scopes = scopes, .companies = {}, .expires_us = {}, .created_by = actor};
  if (!state.companies.empty()) rights.companies = state.companies;
  if (state.days > 0) rights.expires_us = server::system_now() + state.days * one_day;
  auto const issued = issue_token(database, rights);
  if (!issued) return issued.error();
  Json json = server::token_json(issued->token);
  json["secret"] = issued->secret;
  return print_result(common, json,
                      fmt::format("{}\n  {} with {}; this is the only time it is shown", issued->secret,
                                  issued->token.id, fmt::join(scopes, ", ")));
}

Status list(Common const& common, store::Database& database) {
  Json items = Json::array();
  std::string text;
  Status const read = database.read([&](store::Transaction& tx) {
    std::string after;
    while (true) {
      auto const page = store::list_tokens(tx, after, 500);
      for (store::Token const& token : page) {
        items.push_back(server::token_json(token));
        text += fmt::format("{}  {}  {}{}\n", token.id, token.rights.name, fmt::join(token.rights.scopes, ","),
                            token.revoked_us ? "  revoked" : "");
        after = token.id;
      }
      if (page.size() < 500) break;
    }
    return ok();
  });
  if (!read) return read;
  return print_result(common, Json::object({{"tokens", std::move(items)}}), text.empty() ? "no tokens" : text);
}

Status revoke(Common const& common, State const& state, store::Database& database) {
  if (state.id.empty()) return invalid("ID is missing; regulus token list shows them");
  auto const revoked = revoke_token(database, state.id, actor);
  if (!revoked) return revoked.error();
  return print_result(common, server::token_json(*revoked), fmt::format("{} is revoked", revoked->id));
}

Status run(Common const& common, State const& state) {
  Result<std::filesystem::path> const path = state.database.path();
  if (!path) return path.error();
  Result<std::unique_ptr<store::Database>> database = store::Database::open(*path);
  if (!database) return database.error();
  if (state.action == "create") return create(common, state, **database);
  if (state.action == "list") return list(common, **database);
  return revoke(common, state, **database);
}

}  // namespace

Run add_token(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("action", state->action, "create, list or revoke")->required()->one_of({"create", "list", "revoke"});
  flags.add("id", state->id, "revoke: the token's id");
  state->database.declare(flags);
  flags.add("--company", state->companies, "Companies it is for, with commas between; without it, all")
      ->separated_by(',');
  flags.add("--scopes", state->scopes, "What it may do, with commas between, or all")->separated_by(',');
  flags.add("--name", state->name, "For people")->shows_default();
  flags.add("--days", state->days, "Days until it expires; 0: never")->between(0, 3'650)->shows_default();
  flags.footer(
      "Examples:\n  regulus token create --company 1 --scopes rl:read,rl:write,rl:off,bookings:write\n"
      "  regulus token list\n  regulus token revoke tok_01J…");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
