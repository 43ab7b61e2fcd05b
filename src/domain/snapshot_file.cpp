#include "domain/snapshot_file.h"

#include <fmt/format.h>

#include "domain/day_file.h"
#include "domain/json_reader.h"
#include "domain/json_writer.h"

namespace regulus {

namespace {

void read_moment(JsonReader const& at, std::string_view key, Seconds& out) {
  at.in(key, [&](JsonReader const& moment) { moment.moment(out); });
}

void read(JsonReader const& at, DriverState& state) {
  at.keys({}, {"status", "available", "anchor", "free_at", "left_start", "stops", "under_way", "arrived",
               "serving_since", "on_board", "trips", "breaks_taken", "version"});
  at.get("status", state.status);
  at.get("available", state.available);
  at.get("anchor", state.anchor);
  read_moment(at, "free_at", state.free_at);
  read_moment(at, "left_start", state.left_start);
  at.each("stops", [&](JsonReader const& stop) { read_stop(stop, state.stops.emplace_back()); });
  at.get("under_way", state.under_way);
  read_moment(at, "arrived", state.arrived);
  read_moment(at, "serving_since", state.serving_since);
  at.each("on_board", [&](JsonReader const& id) { id.value(state.on_board.emplace_back()); });
  at.get("trips", state.trips);
  at.get("breaks_taken", state.breaks_taken);
  at.get("version", state.version);
}

void read(JsonReader const& at, BookingState& state) {
  at.keys({}, {"status", "known", "ready", "driver", "promised_driver", "promised_pickup", "boarded", "picked_up",
               "dropped_off", "pickup_window", "dropoff_window"});
  at.get("status", state.status);
  at.get("known", state.known);
  at.get("ready", state.ready);
  at.get("driver", state.driver);
  at.get("promised_driver", state.promised_driver);
  read_moment(at, "promised_pickup", state.promised_pickup);
  read_moment(at, "boarded", state.boarded);
  read_moment(at, "picked_up", state.picked_up);
  read_moment(at, "dropped_off", state.dropped_off);
  at.in("pickup_window", [&](JsonReader const& window) { window.window(state.pickup_window); });
  at.in("dropoff_window", [&](JsonReader const& window) { window.window(state.dropoff_window); });
}

// What a driver's state names must be of the day.
void check_names(JsonReader const& at, DriverState const& state, Day const& day, Driver const& driver) {
  if (state.anchor < no_place || state.anchor >= static_cast<Place>(day.places.size())) {
    return at.fail(fmt::format("names place {}, and the day has {}", state.anchor, day.places.size()));
  }
  for (Stop const& stop : state.stops) {
    bool const known = stop.kind == StopKind::rest ? static_cast<std::size_t>(stop.index) < driver.breaks.size()
                                                   : day.booking_position(stop.index) >= 0;
    if (!known) return at.fail(fmt::format("names {}, which the day has not", to_json(stop).dump()));
  }
  for (BookingId id : state.on_board) {
    if (day.booking_position(id) < 0) return at.fail(fmt::format("has booking {} on board, which the day has not", id));
  }
}

template <class State>
Result<State> one_of(Json const& json) {
  Status status = ok();
  State state;
  read(JsonReader(json, status), state);
  if (!status) return status.error();
  return state;
}

}  // namespace

Json to_json(DriverState const& state) {
  static DriverState const usual;
  Json json = Json::object();
  put(json, "status", state.status, usual.status);
  put(json, "available", state.available, usual.available);
  put(json, "anchor", state.anchor, usual.anchor);
  put_moment(json, "free_at", state.free_at, usual.free_at);
  put_moment(json, "left_start", state.left_start, usual.left_start);
  if (!state.stops.empty()) {
    Json stops = Json::array();
    for (Stop const& stop : state.stops) stops.push_back(to_json(stop));
    json["stops"] = std::move(stops);
  }
  put(json, "under_way", state.under_way, usual.under_way);
  put_moment(json, "arrived", state.arrived, usual.arrived);
  put_moment(json, "serving_since", state.serving_since, usual.serving_since);
  put(json, "on_board", state.on_board, usual.on_board);
  put(json, "trips", state.trips, usual.trips);
  put(json, "breaks_taken", state.breaks_taken, usual.breaks_taken);
  put(json, "version", state.version, usual.version);
  return json;
}

Json to_json(BookingState const& state) {
  static BookingState const usual;
  Json json = Json::object();
  put(json, "status", state.status, usual.status);
  put(json, "known", state.known, usual.known);
  put(json, "ready", state.ready, usual.ready);
  put(json, "driver", state.driver, usual.driver);
  put(json, "promised_driver", state.promised_driver, usual.promised_driver);
  put_moment(json, "promised_pickup", state.promised_pickup, usual.promised_pickup);
  put_moment(json, "boarded", state.boarded, usual.boarded);
  put_moment(json, "picked_up", state.picked_up, usual.picked_up);
  put_moment(json, "dropped_off", state.dropped_off, usual.dropped_off);
  put(json, "pickup_window", state.pickup_window, usual.pickup_window);
  put(json, "dropoff_window", state.dropoff_window, usual.dropoff_window);
  return json;
}

Json to_json(FleetSnapshot const& fleet) {
  Json drivers = Json::array(), bookings = Json::array();
  for (DriverState const& state : fleet.drivers) drivers.push_back(to_json(state));
  for (BookingState const& state : fleet.bookings) bookings.push_back(to_json(state));
  return Json::object({{"now", fleet.now},
                       {"version", fleet.version},
                       {"partner_left", fleet.partner_left},
                       {"drivers", std::move(drivers)},
                       {"bookings", std::move(bookings)},
                       {"undecided", Json::array_of(fleet.undecided)}});
}

Result<DriverState> driver_state_of(Json const& json) { return one_of<DriverState>(json); }
Result<BookingState> booking_state_of(Json const& json) { return one_of<BookingState>(json); }

Result<FleetSnapshot> snapshot_of(Json const& json, Day const& day) {
  Status status = ok();
  FleetSnapshot fleet;
  fleet.day = &day;
  JsonReader const at(json, status);
  at.keys({"now", "version", "partner_left", "drivers", "bookings", "undecided"}, {});
  at.get("now", fleet.now);
  at.get("version", fleet.version);
  at.get("partner_left", fleet.partner_left);
  at.each("drivers", [&](JsonReader const& item) {
    if (fleet.drivers.size() >= day.drivers.size()) return item.fail("is one driver more than the day has");
    read(item, fleet.drivers.emplace_back());
    if (status) check_names(item, fleet.drivers.back(), day, day.drivers[fleet.drivers.size() - 1]);
  });
  at.each("bookings", [&](JsonReader const& item) {
    if (fleet.bookings.size() >= day.bookings.size()) return item.fail("is one booking more than the day has");
    read(item, fleet.bookings.emplace_back());
  });
  at.each("undecided", [&](JsonReader const& item) {
    std::int64_t position = 0;
    std::int64_t const least = fleet.undecided.empty() ? 0 : fleet.undecided.back() + 1;
    if (item.integer(least, static_cast<std::int64_t>(day.bookings.size()) - 1, position)) {
      fleet.undecided.push_back(static_cast<std::int32_t>(position));
    }
  });
  if (status && (fleet.drivers.size() != day.drivers.size() || fleet.bookings.size() != day.bookings.size())) {
    return invalid(fmt::format("a snapshot of {} drivers and {} bookings for a day of {} and {}", fleet.drivers.size(),
                               fleet.bookings.size(), day.drivers.size(), day.bookings.size()));
  }
  if (!status) return status.error();
  return fleet;
}

}  // namespace regulus
