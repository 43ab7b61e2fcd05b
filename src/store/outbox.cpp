#include "store/outbox.h"

#include "store/rows.h"

namespace regulus::store {

std::int64_t Outbox::append(Transaction& tx, std::int64_t company, std::string_view type, Json const& data,
                            std::int64_t now_us) const {
  std::int64_t const sequence = tx.integer(
                                      "INSERT INTO outbox_heads (company, last) VALUES (?, 1) "
                                      "ON CONFLICT (company) DO UPDATE SET last = outbox_heads.last + 1 RETURNING last",
                                      {company})
                                    .value_or(0);
  std::string const text = data.dump();
  tx.run("INSERT INTO outbox (company, sequence, type, data, at) VALUES (?, ?, ?, ?, ?)",
         {company, sequence, type, text, now_us});
  if (committed_) tx.after_commit([this, company, sequence] { committed_(company, sequence); });
  return sequence;
}

EventPage events_after(Transaction& tx, std::int64_t company, std::int64_t after, int limit) {
  EventPage page;
  page.last = tx.integer("SELECT last FROM outbox_heads WHERE company = ?", {company}).value_or(0);
  tx.query(
      "SELECT company, sequence, type, data, at FROM outbox WHERE company = ? AND sequence > ? "
      "ORDER BY sequence LIMIT ?",
      {company, after, rows_of_page(limit)}, [&](Row const& row) {
        page.events.push_back({row.integer(0), row.integer(1), row.text(2), json_of(tx, row.text(3)), row.integer(4)});
      });
  bool const is_gap = page.events.empty() ? after != page.last : page.events.front().sequence != after + 1;
  if (is_gap) {
    page.reset = true;
    page.events.clear();
  }
  return page;
}

std::map<std::int64_t, std::int64_t> newest_events(Transaction& tx) {
  std::map<std::int64_t, std::int64_t> newest;
  tx.query("SELECT company, last FROM outbox_heads", {},
           [&](Row const& row) { newest[row.integer(0)] = row.integer(1); });
  return newest;
}

std::int64_t prune_events(Transaction& tx, std::int64_t now_us) {
  return tx.run("DELETE FROM outbox WHERE at < ?", {now_us - events_kept_us});
}

}  // namespace regulus::store
