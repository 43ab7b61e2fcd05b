#include "store/companies.h"

#include "store/rows.h"

namespace regulus::store {
namespace {

constexpr std::string_view select =
    "SELECT id, name, time_zone, is_test, scenario, settings, mode, model_id, mode_version, mode_since, "
    "fallback_reason, fallback_since, version, created FROM companies";

Company company_from(Transaction& tx, Row const& row) {
  return {.id = row.integer(0),
          .name = row.text(1),
          .time_zone = row.text(2),
          .is_test = row.integer(3) != 0,
          .scenario = row.text(4),
          .settings = json_of(tx, row.text(5)),
          .mode = enum_of<Mode>(tx, row.text(6)),
          .model_id = row.text_or_none(7),
          .mode_version = row.integer(8),
          .mode_since_us = row.integer(9),
          .fallback_reason = row.text_or_none(10),
          .fallback_since_us = row.integer_or_none(11),
          .version = row.integer(12),
          .created_us = row.integer(13)};
}

std::string name_of(std::int64_t id) { return fmt::format("company {}", id); }

}  // namespace

Result<Company> load_company(Transaction& tx, std::int64_t id) {
  auto const found = tx.remembered(name_of(id), [&] {
    std::optional<Company> row_of_it;
    tx.query(fmt::format("{} WHERE id = ?", select), {id}, [&](Row const& row) { row_of_it = company_from(tx, row); });
    return row_of_it;
  });
  return found_or(tx, *found, name_of(id));
}

std::vector<Company> list_companies(Transaction& tx, std::int64_t after, int limit) {
  std::vector<Company> companies;
  tx.query(fmt::format("{} WHERE id > ? ORDER BY id LIMIT ?", select), {after, rows_of_page(limit)},
           [&](Row const& row) { companies.push_back(company_from(tx, row)); });
  return companies;
}

Result<Company> add_company(Transaction& tx, Company const& company, std::int64_t now_us) {
  if (company.id < 1) return invalid(fmt::format("id: {} is below 1", company.id));
  if (tx.integer("SELECT 1 FROM companies WHERE id = ?", {company.id})) {
    return Error{ErrorKind::conflict, name_of(company.id) + " exists already"};
  }
  std::string const settings = company.settings.dump();
  tx.run(
      "INSERT INTO companies (id, name, time_zone, is_test, scenario, settings, mode, mode_version, mode_since, "
      "version, created) VALUES (?, ?, ?, ?, ?, ?, 'off', 1, ?, 1, ?)",
      {company.id, company.name, company.time_zone, company.is_test ? 1 : 0, company.scenario, settings, now_us,
       now_us});
  return load_company(tx, company.id);
}

Result<Company> update_company(Transaction& tx, Company const& company, std::optional<std::int64_t> expected_version) {
  Result<Company> const present = load_company(tx, company.id);
  if (!present) return present;
  Status const same = check_version(name_of(company.id), present->version, expected_version);
  if (!same) return same.error();
  std::string const settings = company.settings.dump();
  tx.run("UPDATE companies SET name = ?, time_zone = ?, scenario = ?, settings = ?, version = version + 1 WHERE id = ?",
         {company.name, company.time_zone, company.scenario, settings, company.id});
  return load_company(tx, company.id);
}

Result<Company> set_mode(Transaction& tx, ModeChange const& change, std::optional<std::int64_t> expected_mode_version,
                         std::int64_t now_us) {
  Result<Company> const present = load_company(tx, change.company);
  if (!present) return present;
  Status const same =
      check_version("the mode of " + name_of(change.company), present->mode_version, expected_mode_version);
  if (!same) return same.error();
  if (change.mode != Mode::off && !change.model_id) return invalid("model_id: none given; only 'off' needs no model");
  if (change.model_id && !tx.integer("SELECT 1 FROM models WHERE id = ?", {*change.model_id})) {
    if (tx.failed()) return tx.error();
    return Error{ErrorKind::not_found, "there is no model " + *change.model_id};
  }
  tx.run(
      "UPDATE companies SET mode = ?, model_id = ?, mode_version = mode_version + 1, mode_since = ?, "
      "fallback_reason = NULL, fallback_since = NULL WHERE id = ?",
      {word_of(change.mode), or_null(change.model_id), now_us, change.company});
  return load_company(tx, change.company);
}

Result<Company> set_fallback(Transaction& tx, std::int64_t company, std::optional<std::string> const& reason,
                             std::int64_t now_us) {
  if (reason) {
    tx.run("UPDATE companies SET fallback_reason = ?, fallback_since = ? WHERE id = ? AND fallback_reason IS NULL",
           {*reason, now_us, company});
  } else {
    tx.run("UPDATE companies SET fallback_reason = NULL, fallback_since = NULL WHERE id = ?", {company});
  }
  return load_company(tx, company);
}

}  // namespace regulus::store
