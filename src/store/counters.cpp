#include "store/counters.h"

#include <fmt/format.h>

#include <limits>

namespace regulus::store {
namespace {

// Ids of rows are kept beside the totals, under names that counters_of() does not show.
constexpr std::string_view id_prefix = "next_";

}  // namespace

std::int64_t count(Transaction& tx, std::int64_t company, std::string_view name, std::int64_t by, std::int64_t now_us) {
  return tx
      .integer(
          "INSERT INTO counters (company, name, value, since) VALUES (?, ?, ?, ?) ON CONFLICT (company, name) "
          "DO UPDATE SET value = counters.value + excluded.value RETURNING value",
          {company, name, by, now_us})
      .value_or(0);
}

std::vector<Counter> counters_of(Transaction& tx, std::int64_t company) {
  std::vector<Counter> counters;
  tx.query("SELECT company, name, value, since FROM counters WHERE company = ? ORDER BY name", {company},
           [&](Row const& row) {
             if (row.text(1).starts_with(id_prefix)) return;
             counters.push_back({row.integer(0), row.text(1), row.integer(2), row.integer(3)});
           });
  return counters;
}

void reset_counter(Transaction& tx, std::int64_t company, std::string_view name, std::int64_t now_us) {
  tx.run("UPDATE counters SET value = 0, since = ? WHERE company = ? AND name = ?", {now_us, company, name});
}

Status check_company(Transaction& tx, std::int64_t company) {
  bool const known = tx.integer("SELECT 1 FROM companies WHERE id = ?", {company}).has_value();
  if (tx.failed()) return tx.error();
  if (!known) return Error{ErrorKind::not_found, fmt::format("there is no company {}", company)};
  return ok();
}

Result<std::int32_t> number_for(Transaction& tx, std::int64_t company, std::string_view counter, std::int32_t wanted) {
  if (wanted < 0) return invalid(fmt::format("id: {} is negative; leave it out for the next number", wanted));
  std::int64_t const highest =
      tx.integer("SELECT value FROM counters WHERE company = ? AND name = ?", {company, counter}).value_or(0);
  std::int64_t const number = wanted > 0 ? wanted : highest + 1;
  if (number > std::numeric_limits<std::int32_t>::max()) return invalid("id: no number is left for this company");
  if (number > highest) count(tx, company, counter, number - highest, 0);
  if (tx.failed()) return tx.error();
  return static_cast<std::int32_t>(number);
}

}  // namespace regulus::store
