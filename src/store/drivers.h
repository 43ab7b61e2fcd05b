// Drivers of a company: what is known of them, where they were seen last, and what they will do.
//
// A position comes every few seconds and a route with every decision, so they change without the driver's version; a
// route has its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "domain/fleet.h"
#include "store/sqlite.h"

namespace regulus::store {

struct StoredPosition {
  double latitude = 0;  // degrees
  double longitude = 0;
  std::int64_t at_us = 0;
  friend bool operator==(StoredPosition const&, StoredPosition const&) = default;
};

struct StoredDriver {
  std::int64_t company = 0;
  DriverId id = 0;
  std::string name{};
  Json body = Json::object();  // of the domain's Driver, with places as coordinates
  std::optional<StoredPosition> position{};
  bool available = true;
  std::int64_t version = 1;
  friend bool operator==(StoredDriver const&, StoredDriver const&) = default;
};

// Writes everything but the version; an id of 0 is given the company's next number. Errors: not_found (company),
// conflict (id taken).
Result<StoredDriver> add_driver(Transaction& tx, StoredDriver const& driver);
Result<StoredDriver> load_driver(Transaction& tx, std::int64_t company, DriverId id);
// By id, those after `after`.
std::vector<StoredDriver> list_drivers(Transaction& tx, std::int64_t company, DriverId after, int limit);
// Writes name, body and available. Errors: not_found, conflict.
Result<StoredDriver> update_driver(Transaction& tx, StoredDriver const& driver,
                                   std::optional<std::int64_t> expected_version);
// An older position than the one that is there is ignored: messages overtake each other. Errors: not_found.
Status note_position(Transaction& tx, std::int64_t company, DriverId driver, StoredPosition const& position);

struct StoredRoute {
  std::int64_t company = 0;
  DriverId driver = 0;
  Json stops = Json::array();  // of the domain's Route, in order
  std::int64_t version = 0;    // 0: the driver never had one
  std::int64_t updated_us = 0;
  friend bool operator==(StoredRoute const&, StoredRoute const&) = default;
};

// A driver without a route has an empty one of version 0. Errors: not_found (driver).
Result<StoredRoute> load_route(Transaction& tx, std::int64_t company, DriverId driver);
// The routes of a company, by driver.
std::vector<StoredRoute> list_routes(Transaction& tx, std::int64_t company);
// Replaces the stops. Errors: not_found (driver), conflict.
Result<StoredRoute> put_route(Transaction& tx, StoredRoute route, std::optional<std::int64_t> expected_version,
                              std::int64_t now_us);

}  // namespace regulus::store
