#include "app/issue_token.h"

#include "server/server.h"
#include "server/tokens.h"
#include "store/audit_log.h"
#include "store/hash.h"

namespace regulus::app {

namespace {

struct Change {
  std::string actor, action;
  Json before, after;
  server::Instant at = 0;
};

void record(store::Transaction& tx, store::Token const& token, Change change) {
  store::append_audit(tx, {.company = std::nullopt,
                           .actor = std::move(change.actor),
                           .action = std::move(change.action),
                           .object = server::object_of(token),
                           .before = std::move(change.before),
                           .after = std::move(change.after),
                           .reason = "",
                           .request_id = "none",
                           .at = change.at});
}

}  // namespace

Result<store::IssuedToken> issue_token(store::Database& database, store::TokenRights const& rights) {
  server::Instant const now = server::system_now();
  return database.write_and_wait([&](store::Transaction& tx) -> Result<store::IssuedToken> {
    auto made = store::create_token(tx, rights, now, [](std::span<std::uint8_t> bytes) { store::random_bytes(bytes); });
    if (!made) return made;
    record(tx, made->token,
           {.actor = rights.created_by,
            .action = "token.create",
            .before = {},
            .after = server::token_json(made->token),
            .at = now});
    return made;
  });
}

Result<store::Token> revoke_token(store::Database& database, std::string const& id, std::string const& actor) {
  server::Instant const now = server::system_now();
  return database.write_and_wait([&](store::Transaction& tx) -> Result<store::Token> {
    auto const before = store::load_token(tx, id);
    if (!before) return before.error();
    auto after = store::revoke_token(tx, id, now);
    if (!after) return after;
    record(tx, *after,
           {.actor = actor,
            .action = "token.revoke",
            .before = server::token_json(*before),
            .after = server::token_json(*after),
            .at = now});
    return after;
  });
}

}  // namespace regulus::app
