#include "store/tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/json.h"
#include "store/hash.h"
#include "store/ids.h"

namespace regulus::store {
namespace {

constexpr std::string_view brand = "regulus_live_";
constexpr std::string_view letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t random_length = 30;
constexpr std::size_t check_length = 6;  // 62^6 > 2^32
constexpr std::size_t lookup_length = 8;
constexpr std::int64_t hour_us = 3'600'000'000;

std::string check_of(std::string_view text) {
  std::string check(check_length, letters[0]);
  std::uint32_t rest = crc32(text);
  for (std::size_t i = check_length; i-- > 0; rest /= 62) check[i] = letters[rest % 62];
  return check;
}

std::string text_of(std::vector<std::string> const& list) { return Json::array_of(list).dump(); }
std::optional<std::string> text_of(std::optional<std::vector<std::int64_t>> const& list) {
  return list ? std::optional(Json::array_of(*list).dump()) : std::nullopt;
}

constexpr std::string_view columns =
    "id, name, scopes, companies, created_by, expires, created, last_used, revoked, hash";

// A list that cannot be read gives no right at all: the transaction fails.
Token token_from(Transaction& tx, Row const& row) {
  Token token;
  token.id = row.text(0);
  token.rights.name = row.text(1);
  auto const damaged = [&] { tx.fail({ErrorKind::corrupt, fmt::format("the row of token {} is damaged", token.id)}); };
  Result<Json> const scopes = parse_json(row.text(2));
  if (!scopes || !scopes->is_array()) return damaged(), token;
  for (Json const& scope : scopes->as_array()) {
    if (!scope.is_string()) return damaged(), token;
    token.rights.scopes.push_back(scope.as_string());
  }
  if (!row.is_null(3)) {
    Result<Json> const companies = parse_json(row.text(3));
    if (!companies || !companies->is_array()) return damaged(), token;
    token.rights.companies.emplace();
    for (Json const& company : companies->as_array()) {
      if (!company.is_integer()) return damaged(), token;
      token.rights.companies->push_back(company.as_integer());
    }
  }
  token.rights.created_by = row.text(4);
  token.rights.expires_us = row.integer_or_none(5);
  token.created_us = row.integer(6);
  token.last_used_us = row.integer_or_none(7);
  token.revoked_us = row.integer_or_none(8);
  return token;
}

}  // namespace

bool Token::is_for(std::int64_t company) const {
  return !rights.companies || std::ranges::find(*rights.companies, company) != rights.companies->end();
}
bool Token::has_scope(std::string_view scope) const {
  return std::ranges::find(rights.scopes, scope) != rights.scopes.end();
}

std::string make_secret(FillRandom const& random) {
  std::string secret(brand);
  while (secret.size() < brand.size() + random_length) {
    std::array<std::uint8_t, 32> bytes{};
    random(bytes);
    for (std::uint8_t byte : bytes) {
      // Six bits are 64 values; the last two are thrown away, so that every letter is as likely.
      std::size_t const letter = byte >> 2;
      if (letter < letters.size() && secret.size() < brand.size() + random_length) secret += letters[letter];
    }
  }
  return secret + check_of(secret);
}

bool is_well_formed_secret(std::string_view text) {
  if (text.size() != brand.size() + random_length + check_length || !text.starts_with(brand)) return false;
  std::string_view const body = text.substr(0, brand.size() + random_length);
  if (body.substr(brand.size()).find_first_not_of(letters) != std::string_view::npos) return false;
  return text.substr(body.size()) == check_of(body);
}

Result<IssuedToken> create_token(Transaction& tx, TokenRights const& rights, std::int64_t now_us,
                                 FillRandom const& random) {
  if (rights.name.empty()) return invalid("name: is empty; say what the token is for");
  if (rights.scopes.empty()) return invalid("scopes: none given; a token without any may do nothing");
  Entropy entropy{};
  random(entropy);
  IssuedToken issued{.token = {.id = make_id("tok", now_us, entropy),
                               .rights = rights,
                               .created_us = now_us,
                               .last_used_us = {},
                               .revoked_us = {}},
                     .secret = make_secret(random)};
  Digest const hash = sha256(issued.secret);
  std::string const scopes = text_of(rights.scopes);
  std::optional<std::string> const companies = text_of(rights.companies);
  tx.run(
      "INSERT INTO tokens (id, lookup, hash, name, scopes, companies, created_by, created, expires) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {issued.token.id, Blob{bytes_of(hash).substr(0, lookup_length)}, Blob{bytes_of(hash)}, rights.name, scopes,
       or_null(companies), rights.created_by, now_us, or_null(rights.expires_us)});
  if (tx.failed()) return tx.error();
  return issued;
}

Result<std::optional<Token>> find_token(Transaction& tx, std::string_view secret, std::int64_t now_us) {
  struct Hashed {
    std::string hash;
    Token token;
  };
  Digest const hash = sha256(secret);
  std::string_view const lookup = bytes_of(hash).substr(0, lookup_length);
  auto const rows = tx.remembered(fmt::format("token {}", lookup), [&] {
    std::vector<Hashed> all;
    tx.query(fmt::format("SELECT {} FROM tokens WHERE lookup = ?", columns), {Blob{lookup}},
             [&](Row const& row) { all.push_back({.hash = row.blob(9), .token = token_from(tx, row)}); });
    return all;
  });
  if (tx.failed()) return tx.error();
  std::optional<Token> found;
  for (Hashed const& row : *rows) {
    bool const is_it = equal_in_constant_time(row.hash, bytes_of(hash));
    if (is_it && row.token.is_valid_at(now_us)) found = row.token;
  }
  return found;
}

bool is_use_news(Token const& token, std::int64_t now_us) {
  return !token.last_used_us || *token.last_used_us < now_us - now_us % hour_us;
}

void note_use(Transaction& tx, std::string const& id, std::int64_t now_us) {
  std::int64_t const hour = now_us - now_us % hour_us;
  tx.run("UPDATE tokens SET last_used = ? WHERE id = ? AND (last_used IS NULL OR last_used < ?)", {hour, id, hour});
}

Result<Token> load_token(Transaction& tx, std::string const& id) {
  std::optional<Token> found;
  tx.query(fmt::format("SELECT {} FROM tokens WHERE id = ?", columns), {id},
           [&](Row const& row) { found = token_from(tx, row); });
  if (tx.failed()) return tx.error();
  if (!found) return Error{ErrorKind::not_found, fmt::format("there is no token {}", id)};
  return *found;
}

Result<Token> revoke_token(Transaction& tx, std::string const& id, std::int64_t now_us) {
  Result<Token> token = load_token(tx, id);
  if (!token) return token;
  if (token->revoked_us && *token->revoked_us <= now_us) {
    return Error{ErrorKind::conflict, fmt::format("token {} is revoked already", id)};
  }
  token->revoked_us = now_us;
  tx.run("UPDATE tokens SET revoked = ? WHERE id = ?", {now_us, id});
  if (tx.failed()) return tx.error();
  return token;
}

Result<IssuedToken> rotate_token(Transaction& tx, std::string const& id, std::int64_t now_us, std::int64_t overlap_us,
                                 FillRandom const& random) {
  Result<Token> const old = load_token(tx, id);
  if (!old) return old.error();
  if (old->revoked_us) return Error{ErrorKind::conflict, fmt::format("token {} is revoked already", id)};
  tx.run("UPDATE tokens SET revoked = ? WHERE id = ?", {now_us + overlap_us, id});
  return create_token(tx, old->rights, now_us, random);
}

std::vector<Token> list_tokens(Transaction& tx, std::string const& after, int limit) {
  std::vector<Token> tokens;
  tx.query(fmt::format("SELECT {} FROM tokens WHERE id > ? ORDER BY id LIMIT ?", columns), {after, limit},
           [&](Row const& row) { tokens.push_back(token_from(tx, row)); });
  return tokens;
}

}  // namespace regulus::store
