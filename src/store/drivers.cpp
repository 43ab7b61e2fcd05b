#include "store/drivers.h"

#include "store/counters.h"
#include "store/rows.h"

namespace regulus::store {
namespace {

constexpr std::string_view select =
    "SELECT company, id, name, body, latitude, longitude, position_at, available, version FROM drivers";

StoredDriver driver_from(Transaction& tx, Row const& row) {
  StoredDriver driver{.company = row.integer(0),
                      .id = static_cast<DriverId>(row.integer(1)),
                      .name = row.text(2),
                      .body = json_of(tx, row.text(3)),
                      .position = {},
                      .available = row.integer(7) != 0,
                      .version = row.integer(8)};
  if (!row.is_null(6)) {
    driver.position = StoredPosition{.latitude = row.real(4), .longitude = row.real(5), .at_us = row.integer(6)};
  }
  return driver;
}

std::string name_of(std::int64_t company, DriverId id) { return fmt::format("driver {} of company {}", id, company); }

StoredRoute route_from(Transaction& tx, Row const& row) {
  return {.company = row.integer(0),
          .driver = static_cast<DriverId>(row.integer(1)),
          .stops = json_of(tx, row.text(2)),
          .version = row.integer(3),
          .updated_us = row.integer(4)};
}

}  // namespace

Result<StoredDriver> load_driver(Transaction& tx, std::int64_t company, DriverId id) {
  std::optional<StoredDriver> found;
  tx.query(fmt::format("{} WHERE company = ? AND id = ?", select), {company, id},
           [&](Row const& row) { found = driver_from(tx, row); });
  return found_or(tx, std::move(found), name_of(company, id));
}

std::vector<StoredDriver> list_drivers(Transaction& tx, std::int64_t company, DriverId after, int limit) {
  std::vector<StoredDriver> drivers;
  tx.query(fmt::format("{} WHERE company = ? AND id > ? ORDER BY id LIMIT ?", select),
           {company, after, rows_of_page(limit)}, [&](Row const& row) { drivers.push_back(driver_from(tx, row)); });
  return drivers;
}

Result<StoredDriver> add_driver(Transaction& tx, StoredDriver const& driver) {
  if (Status const known = check_company(tx, driver.company); !known) return known.error();
  Result<std::int32_t> const id = number_for(tx, driver.company, "next_driver", driver.id);
  if (!id) return id.error();
  if (tx.integer("SELECT 1 FROM drivers WHERE company = ? AND id = ?", {driver.company, *id})) {
    return Error{ErrorKind::conflict, name_of(driver.company, *id) + " exists already"};
  }
  std::string const body = driver.body.dump();
  tx.run("INSERT INTO drivers (company, id, name, body, available, version) VALUES (?, ?, ?, ?, ?, 1)",
         {driver.company, *id, driver.name, body, driver.available ? 1 : 0});
  if (driver.position) {
    Status const noted = note_position(tx, driver.company, *id, *driver.position);
    if (!noted) return noted.error();
  }
  return load_driver(tx, driver.company, *id);
}

Result<StoredDriver> update_driver(Transaction& tx, StoredDriver const& driver,
                                   std::optional<std::int64_t> expected_version) {
  Result<StoredDriver> const present = load_driver(tx, driver.company, driver.id);
  if (!present) return present;
  Status const same = check_version(name_of(driver.company, driver.id), present->version, expected_version);
  if (!same) return same.error();
  std::string const body = driver.body.dump();
  tx.run("UPDATE drivers SET name = ?, body = ?, available = ?, version = version + 1 WHERE company = ? AND id = ?",
         {driver.name, body, driver.available ? 1 : 0, driver.company, driver.id});
  return load_driver(tx, driver.company, driver.id);
}

Status note_position(Transaction& tx, std::int64_t company, DriverId driver, StoredPosition const& position) {
  std::int64_t const changed = tx.run(
      "UPDATE drivers SET latitude = ?, longitude = ?, position_at = ? "
      "WHERE company = ? AND id = ? AND (position_at IS NULL OR position_at <= ?)",
      {position.latitude, position.longitude, position.at_us, company, driver, position.at_us});
  if (tx.failed()) return tx.error();
  if (changed > 0) return ok();
  Result<StoredDriver> const present = load_driver(tx, company, driver);
  return present ? ok() : Status(present.error());
}

Result<StoredRoute> load_route(Transaction& tx, std::int64_t company, DriverId driver) {
  std::optional<StoredRoute> found;
  tx.query("SELECT company, driver, stops, version, updated FROM routes WHERE company = ? AND driver = ?",
           {company, driver}, [&](Row const& row) { found = route_from(tx, row); });
  if (!found) {
    Result<StoredDriver> const present = load_driver(tx, company, driver);
    if (!present) return present.error();
    found = StoredRoute{.company = company, .driver = driver};
  }
  return checked(tx, *found);
}

std::vector<StoredRoute> list_routes(Transaction& tx, std::int64_t company) {
  std::vector<StoredRoute> routes;
  tx.query("SELECT company, driver, stops, version, updated FROM routes WHERE company = ? ORDER BY driver", {company},
           [&](Row const& row) { routes.push_back(route_from(tx, row)); });
  return routes;
}

Result<StoredRoute> put_route(Transaction& tx, StoredRoute route, std::optional<std::int64_t> expected_version,
                              std::int64_t now_us) {
  std::optional<std::int64_t> const version =
      tx.integer("SELECT version FROM routes WHERE company = ? AND driver = ?", {route.company, route.driver});
  if (!version) {
    Result<StoredDriver> const present = load_driver(tx, route.company, route.driver);
    if (!present) return present.error();
  }
  std::string const name = "the route of " + name_of(route.company, route.driver);
  if (Status const same = check_version(name, version.value_or(0), expected_version); !same) return same.error();
  std::string const stops = route.stops.dump();
  tx.run(
      "INSERT INTO routes (company, driver, stops, version, updated) VALUES (?, ?, ?, 1, ?) "
      "ON CONFLICT (company, driver) DO UPDATE SET stops = excluded.stops, version = routes.version + 1, "
      "updated = excluded.updated",
      {route.company, route.driver, stops, now_us});
  route.version = version.value_or(0) + 1;
  route.updated_us = now_us;
  return checked(tx, std::move(route));
}

}  // namespace regulus::store
