// Tokens of the programming interface: "regulus_live_" + 30 random letters and digits + 6 that check them.
//
// The shape is GitHub's (github.blog, 5 April 2021): underscores let a double click select all of it, and the CRC-32 at
// the end rejects typing errors and guesses without asking the database and lets secret scanners find a leaked token
// without false alarms. 30 characters of 62 are 178 bits of chance, so SHA-256 keeps them as well as a slow hash would:
// the database never holds a secret. A token is looked up by the first eight bytes of its hash and then compared in
// constant time. The secret is returned once, when it is made.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/database.h"
#include "store/sqlite.h"

namespace regulus::store {

// What a new token may do.
struct TokenRights {
  std::string name{};                                    // for people
  std::vector<std::string> scopes{};                     // "bookings.write"; what they mean is the server's business
  std::optional<std::vector<std::int64_t>> companies{};  // none: all of them
  std::optional<std::int64_t> expires_us{};              // none: never; otherwise not valid from this moment on
  std::string created_by{};
  friend bool operator==(TokenRights const&, TokenRights const&) = default;
};

struct Token {
  std::string id{};  // "tok_01J…"
  TokenRights rights;
  std::int64_t created_us = 0;
  std::optional<std::int64_t> last_used_us{};  // rounded down to the hour
  std::optional<std::int64_t> revoked_us{};    // not valid from this moment on
  bool is_valid_at(std::int64_t now_us) const {
    return (!rights.expires_us || now_us < *rights.expires_us) && (!revoked_us || now_us < *revoked_us);
  }
  bool is_for(std::int64_t company) const;
  bool has_scope(std::string_view scope) const;
};

struct IssuedToken {
  Token token;
  std::string secret{};  // shown once, stored nowhere
};

// Fills with randomness: random_bytes of store/hash.h, or a stream in a test.
using FillRandom = std::function<void(std::span<std::uint8_t>)>;

// The secret alone; and whether a text has the shape and the check of one, which asks no database.
std::string make_secret(FillRandom const& random);
bool is_well_formed_secret(std::string_view text);

// Errors: invalid for an empty name or no scope.
Result<IssuedToken> create_token(Transaction& tx, TokenRights const& rights, std::int64_t now_us,
                                 FillRandom const& random);

// Whose secret it is; none when it is nobody's, revoked or expired. The two take the same path, so an answer does not
// tell which.
Result<std::optional<Token>> find_token(Transaction& tx, std::string_view secret, std::int64_t now_us);

// Whether note_use would write: in an hour in which the token was not used yet.
bool is_use_news(Token const& token, std::int64_t now_us);
void note_use(Transaction& tx, std::string const& id, std::int64_t now_us);

// Takes effect on the next request. Errors: not_found; conflict when it is revoked already.
Result<Token> revoke_token(Transaction& tx, std::string const& id, std::int64_t now_us);

// A new token with the same rights; the old one ends after `overlap_us`, 0 is at once. Errors as revoke_token.
Result<IssuedToken> rotate_token(Transaction& tx, std::string const& id, std::int64_t now_us, std::int64_t overlap_us,
                                 FillRandom const& random);

Result<Token> load_token(Transaction& tx, std::string const& id);
// Oldest first, those after the one named (empty: from the start), at most `limit`.
std::vector<Token> list_tokens(Transaction& tx, std::string const& after, int limit);

}  // namespace regulus::store
