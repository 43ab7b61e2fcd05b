#include "store/suggestions.h"

#include "store/bookings.h"
#include "store/drivers.h"

namespace regulus::store {
namespace {

constexpr std::string_view select =
    "SELECT id, company, booking, driver, decision, status, reason, decided_by, created, expires, version "
    "FROM suggestions";

Suggestion suggestion_from(Transaction& tx, Row const& row) {
  return {.id = row.text(0),
          .company = row.integer(1),
          .booking = static_cast<BookingId>(row.integer(2)),
          .driver = static_cast<DriverId>(row.integer(3)),
          .decision = row.text(4),
          .status = enum_of<SuggestionStatus>(tx, row.text(5)),
          .reason = row.text_or_none(6),
          .decided_by = row.text_or_none(7),
          .created_us = row.integer(8),
          .expires_us = row.integer(9),
          .version = row.integer(10)};
}

}  // namespace

Result<Suggestion> add_suggestion(Transaction& tx, Suggestion suggestion, std::int64_t now_us, Entropy const& entropy) {
  auto const booking = load_booking(tx, suggestion.company, suggestion.booking);
  if (!booking) return booking.error();
  auto const driver = load_driver(tx, suggestion.company, suggestion.driver);
  if (!driver) return driver.error();
  auto const decision =
      tx.integer("SELECT 1 FROM decisions WHERE id = ? AND company = ?", {suggestion.decision, suggestion.company});
  if (tx.failed()) return tx.error();
  if (!decision) return Error{ErrorKind::not_found, "there is no decision " + suggestion.decision};
  suggestion.id = make_id("sug", now_us, entropy);
  tx.run(
      "INSERT INTO suggestions (id, company, booking, driver, decision, status, created, expires, version) "
      "VALUES (?, ?, ?, ?, ?, 'open', ?, ?, 1)",
      {suggestion.id, suggestion.company, suggestion.booking, suggestion.driver, suggestion.decision, now_us,
       suggestion.expires_us});
  return load_suggestion(tx, suggestion.company, suggestion.id);
}

Result<Suggestion> load_suggestion(Transaction& tx, std::int64_t company, std::string const& id) {
  std::optional<Suggestion> found;
  tx.query(fmt::format("{} WHERE id = ? AND company = ?", select), {id, company},
           [&](Row const& row) { found = suggestion_from(tx, row); });
  return found_or(tx, std::move(found), "suggestion " + id);
}

Result<Suggestion> close_suggestion(Transaction& tx, Verdict const& verdict,
                                    std::optional<std::int64_t> expected_version, std::int64_t now_us) {
  if (verdict.status == SuggestionStatus::open) return invalid("status: a suggestion cannot be opened again");
  Result<Suggestion> const present = load_suggestion(tx, verdict.company, verdict.id);
  if (!present) return present;
  std::string const name = "suggestion " + verdict.id;
  if (present->status != SuggestionStatus::open) {
    return Error{ErrorKind::conflict, fmt::format("{} is {} already", name, word_of(present->status))};
  }
  if (verdict.status != SuggestionStatus::expired && now_us >= present->expires_us) {
    return Error{ErrorKind::conflict, name + " has expired"};
  }
  if (Status const same = check_version(name, present->version, expected_version); !same) return same.error();
  tx.run("UPDATE suggestions SET status = ?, decided_by = ?, reason = ?, version = version + 1 WHERE id = ?",
         {word_of(verdict.status), verdict.by, or_null(verdict.reason), verdict.id});
  return load_suggestion(tx, verdict.company, verdict.id);
}

std::vector<Suggestion> expire_suggestions(Transaction& tx, std::int64_t now_us, int limit) {
  std::vector<Suggestion> over;
  tx.query(fmt::format("{} WHERE status = 'open' AND expires <= ? ORDER BY expires, id LIMIT ?", select),
           {now_us, rows_of_page(limit)}, [&](Row const& row) { over.push_back(suggestion_from(tx, row)); });
  for (Suggestion& suggestion : over) {
    tx.run("UPDATE suggestions SET status = 'expired', version = version + 1 WHERE id = ?", {suggestion.id});
    suggestion.status = SuggestionStatus::expired;
    ++suggestion.version;
  }
  return over;
}

std::vector<Suggestion> suggestions_of(Transaction& tx, std::int64_t company, BookingId booking) {
  std::vector<Suggestion> suggestions;
  tx.query(fmt::format("{} WHERE company = ? AND booking = ? ORDER BY created, id", select), {company, booking},
           [&](Row const& row) { suggestions.push_back(suggestion_from(tx, row)); });
  return suggestions;
}

std::vector<Suggestion> list_suggestions(Transaction& tx, std::int64_t company, Cursor<std::string> const& after,
                                         int limit) {
  std::vector<Suggestion> suggestions;
  tx.query(fmt::format("{} WHERE company = ? AND (created, id) > (?, ?) ORDER BY created, id LIMIT ?", select),
           {company, after.at_us, after.id, rows_of_page(limit)},
           [&](Row const& row) { suggestions.push_back(suggestion_from(tx, row)); });
  return suggestions;
}

}  // namespace regulus::store
