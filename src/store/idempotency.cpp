#include "store/idempotency.h"

#include "store/rows.h"

namespace regulus::store {
namespace {

// Headers as they are stored: a list of pairs, since one may occur twice.
Json::Array pairs_of(Transaction& tx, std::string const& text) {
  Json const headers = json_of(tx, text);
  bool whole = headers.is_array();
  if (whole) {
    for (Json const& header : headers.as_array()) {
      whole = whole && header.is_array() && header.as_array().size() == 2 && header.as_array()[0].is_string() &&
              header.as_array()[1].is_string();
    }
  }
  if (whole) return headers.as_array();
  tx.fail({ErrorKind::corrupt, "the headers of a remembered answer are damaged"});
  return {};
}

}  // namespace

Result<Repeat> look_up_request(Transaction& tx, RequestKey const& key, Digest const& body, std::int64_t now_us) {
  Repeat repeat = FreshRequest{};
  tx.query(
      "SELECT body_hash, status, headers, body FROM idempotency "
      "WHERE token = ? AND endpoint = ? AND idempotency_key = ? AND created > ?",
      {key.token, key.endpoint, key.key, now_us - answers_kept_us}, [&](Row const& row) {
        if (row.blob(0) != bytes_of(body)) {
          repeat = MismatchedBody{};
          return;
        }
        StoredAnswer answer{.status = static_cast<int>(row.integer(1)), .headers = {}, .body = row.blob(3)};
        for (Json const& header : pairs_of(tx, row.text(2))) {
          answer.headers.emplace_back(header.as_array()[0].as_string(), header.as_array()[1].as_string());
        }
        repeat = std::move(answer);
      });
  return checked(tx, std::move(repeat));
}

void remember_answer(Transaction& tx, RequestKey const& key, Digest const& body, StoredAnswer const& answer,
                     std::int64_t now_us) {
  Json headers = Json::array();
  for (auto const& [name, value] : answer.headers) headers.push_back(Json::Array{name, value});
  std::string const text = headers.dump();
  tx.run(
      "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (token, endpoint, idempotency_key) "
      "DO UPDATE SET body_hash = excluded.body_hash, status = excluded.status, headers = excluded.headers, "
      "body = excluded.body, created = excluded.created",
      {key.token, key.endpoint, key.key, Blob{bytes_of(body)}, answer.status, text, Blob{answer.body}, now_us});
}

std::int64_t prune_answers(Transaction& tx, std::int64_t now_us) {
  return tx.run("DELETE FROM idempotency WHERE created <= ?", {now_us - answers_kept_us});
}

}  // namespace regulus::store
