// Drivers: who drives what and when, where they are, and what they report of their stops.
#include <algorithm>
#include <utility>

#include "domain/json_reader.h"
#include "server/live.h"
#include "server/server.h"
#include "store/drivers.h"

namespace regulus::server {

namespace {

constexpr std::size_t most_positions = 500;
constexpr Instant clocks_differ = 5 * 60 * one_second;  // at most, between a driver's device and us

Json driver_json(store::StoredDriver const& driver) {
  Json json = Json::object({{"id", driver.id}});
  for (auto const& [key, value] : driver.body.as_object()) json[key] = value;
  json["available"] = driver.available;
  json["position"] = driver.position ? Json::object({{"latitude", driver.position->latitude},
                                                     {"longitude", driver.position->longitude},
                                                     {"at", instant_text(driver.position->at_us)}})
                                     : Json();
  json["version"] = driver.version;
  return json;
}

// Of the path: a driver of the company.
Result<store::StoredDriver> driver_of(Call const& call, store::Transaction& tx) {
  auto const id = call.number("driver");
  if (!id || *id > std::numeric_limits<DriverId>::max()) return Error{ErrorKind::not_found, "no such driver"};
  return store::load_driver(tx, call.company, static_cast<DriverId>(*id));
}

std::string object_of(Call const& call, DriverId driver) {
  return fmt::format("company/{}/driver/{}", call.company, driver);
}

// A body without the id that it may name.
Json without_id(Json body) {
  if (body.is_object()) std::erase_if(body.as_object(), [](auto const& member) { return member.first == "id"; });
  return body;
}

// What he has not begun today goes back, and somebody else is looked for.
std::optional<Problem> release(Server& server, Call const& call, store::Transaction& tx, DriverId driver) {
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  Result<TimeZone> const zone = TimeZone::named(company->time_zone);
  if (!zone) return problem_of(zone.error());
  When const today{.date = zone->date_of(call.now), .now = call.now};
  Result<LoadedDay> day = load_day(tx, call.company, today.date, call.now);
  if (!day) return problem_of(day.error());
  day->desk->release(driver);
  if (Status const kept = keep_day(server, tx, *day, call.now); !kept) return problem_of(kept.error());
  if (day->settings.auto_dispatch) {
    call.after_commit.emplace_back([&server, id = call.company, today] { decide_soon(server, id, today, "driver"); });
  }
  return std::nullopt;
}

Outcome keep(Server& server, Call const& call, store::Transaction& tx, store::StoredDriver const& before,
             DriverBody const& body, std::string const& action) {
  store::StoredDriver driver = before;
  driver.name = body.driver.name;
  driver.body = to_json(body);
  driver.available = body.available;
  Result<store::StoredDriver> const changed = store::update_driver(tx, driver, before.version);
  if (!changed) return problem_of(changed.error());
  server.record(tx, call, action, object_of(call, driver.id), driver_json(before), driver_json(*changed));
  if (before.available && !body.available) {
    if (auto problem = release(server, call, tx, driver.id)) return *std::move(problem);
  }
  server.tell(tx, call.company, "driver.changed", Json::object({{"driver", driver.id}}), call.now);
  return versioned_response(call, 200, driver_json(*changed), changed->version);
}

}  // namespace

Outcome list_drivers(Server&, Call const& call, store::Transaction& tx) {
  auto const page = page_of(call, CursorKind::number);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  Page const& wanted = std::get<Page>(page);
  if (!wanted.after.empty() && !std::in_range<DriverId>(wanted.number)) return foreign_cursor(call);
  DriverId const after = wanted.after.empty() ? 0 : static_cast<DriverId>(wanted.number);
  auto const drivers = store::list_drivers(tx, call.company, after, wanted.limit);
  if (tx.failed()) return problem_of(tx.error());
  Json items = Json::array();
  for (store::StoredDriver const& driver : drivers) items.push_back(driver_json(driver));
  std::string const last = drivers.empty() ? "" : std::to_string(drivers.back().id);
  return page_response(call, wanted, std::move(items), last);
}

Outcome create_driver(Server& server, Call const& call, store::Transaction& tx) {
  Status status = ok();
  std::int64_t id = 0;
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  at.in("id", [&](JsonReader const& wanted) { wanted.integer(1, std::numeric_limits<DriverId>::max(), id); });
  if (!status) return invalid_body(status.error());
  Result<DriverBody> const body = driver_body_of(without_id(call.body));
  if (!body) return invalid_body(body.error());
  Result<store::StoredDriver> const made = store::add_driver(tx, {.company = call.company,
                                                                  .id = static_cast<DriverId>(id),
                                                                  .name = body->driver.name,
                                                                  .body = to_json(*body),
                                                                  .available = body->available});
  if (!made) return problem_of(made.error());
  server.record(tx, call, "driver.create", object_of(call, made->id), {}, driver_json(*made));
  server.tell(tx, call.company, "driver.created", Json::object({{"driver", made->id}}), call.now);
  Response response = versioned_response(call, 201, driver_json(*made), made->version);
  response.headers.emplace_back("Location", fmt::format("/api/v1/companies/{}/drivers/{}", call.company, made->id));
  return response;
}

Outcome get_driver(Server&, Call const& call, store::Transaction& tx) {
  Result<store::StoredDriver> const driver = driver_of(call, tx);
  if (!driver) return problem_of(driver.error());
  return versioned_response(call, 200, driver_json(*driver), driver->version);
}

Outcome change_driver(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::StoredDriver> const driver = driver_of(call, tx);
  if (!driver) return problem_of(driver.error());
  if (auto const problem = check_version(call, driver->version, false)) return *problem;
  if (!call.body.is_object())
    return invalid_member("", "type", call.say("the body is no object", "le corps n’est pas un objet"));
  // A merge patch of the top level (RFC 7396): what is named is replaced.
  Json merged = driver->body;
  for (auto const& [key, value] : call.body.as_object()) merged[key] = value;
  Result<DriverBody> const body = driver_body_of(merged);
  if (!body) return invalid_body(body.error());
  return keep(server, call, tx, *driver, *body, "driver.change");
}

// A driver with a past is not deleted but taken out of service: his rides keep their driver.
Outcome delete_driver(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::StoredDriver> const driver = driver_of(call, tx);
  if (!driver) return problem_of(driver.error());
  if (auto const problem = check_version(call, driver->version, false)) return *problem;
  Result<DriverBody> body = driver_body_of(driver->body);
  if (!body) return problem_of(body.error());
  body->available = false;
  return keep(server, call, tx, *driver, *body, "driver.delete");
}

Outcome put_shift(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::StoredDriver> const driver = driver_of(call, tx);
  if (!driver) return problem_of(driver.error());
  if (auto const problem = check_version(call, driver->version, false)) return *problem;
  Json merged = driver->body;
  merged["shift"] = call.body;
  Result<DriverBody> const body = driver_body_of(merged);
  if (!body) return invalid_body(body.error());
  return keep(server, call, tx, *driver, *body, "driver.shift");
}

// Positions in the order in which they were measured; what is older than the one that is there is not applied. There is
// an event for the last one, unless it is of the same second as the one before: devices may report more often than
// anybody looks.
Outcome add_positions(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::StoredDriver> const driver = driver_of(call, tx);
  if (!driver) return problem_of(driver.error());
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  // A position that is ahead of time would hide every true one after it. Companies for tests live in other times.
  Instant const latest = company->is_test ? std::numeric_limits<Instant>::max() : call.now + clocks_differ;
  Status status = ok();
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  std::vector<store::StoredPosition> positions;
  at.keys({"positions"}, {});
  at.in("positions", [&](JsonReader const& list) {
    if (list.json().is_array() && list.json().as_array().size() > most_positions) {
      return list.fail(fmt::format("has more than {} positions", most_positions));
    }
    list.items([&](JsonReader const& item) {
      store::StoredPosition& p = positions.emplace_back();
      item.keys({"latitude", "longitude", "at"}, {});
      item.get("latitude", p.latitude);
      item.get("longitude", p.longitude);
      item.in("at", [&](JsonReader const& moment) {
        std::string text;
        moment.value(text);
        Result<Instant> const instant = parse_instant(text);
        if (!instant) return moment.fail("is no time; write it as 2026-03-01T08:15:00Z");
        if (*instant > latest) return moment.fail("is more than 5 minutes ahead of now; set the device's clock");
        p.at_us = *instant;
      });
      bool const on_earth = p.latitude >= -90 && p.latitude <= 90 && p.longitude >= -180 && p.longitude <= 180;
      if (!on_earth) item.fail("is not on the earth");
    });
  });
  if (!status) return invalid_body(status.error());
  std::optional<store::StoredPosition> last = driver->position;
  std::int64_t accepted = 0;
  for (store::StoredPosition const& position : positions) {
    if (last && position.at_us < last->at_us) continue;
    if (Status const noted = store::note_position(tx, call.company, driver->id, position); !noted) {
      return problem_of(noted.error());
    }
    last = position;
    ++accepted;
  }
  auto const second_of = [](store::StoredPosition const& p) { return p.at_us / one_second; };
  if (accepted > 0 && (!driver->position || second_of(*driver->position) != second_of(*last))) {
    server.tell(tx, call.company, "driver.position",
                Json::object({{"driver", driver->id}, {"latitude", last->latitude}, {"longitude", last->longitude}}),
                call.now);
  }
  return json_response(200, Json::object({{"accepted", accepted}}));
}

}  // namespace regulus::server
