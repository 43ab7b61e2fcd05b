#include "domain/day_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "core/config.h"
#include "domain/json_reader.h"
#include "domain/json_writer.h"

namespace regulus {

namespace {

constexpr std::string_view day_format = "regulus-day-1";
constexpr std::string_view plan_format = "regulus-plan-1";
constexpr std::array<std::string_view, seat_kinds> seat_names = {"ambulatory", "wheelchair", "stretcher"};

// ---- writing: what equals its default is left out ----

Json skills_json(Day const& day, Skills skills) {
  Json names = Json::array();
  for (std::size_t k = 0; k < 64; ++k) {
    if ((skills >> k & 1U) == 0) continue;
    REGULUS_CHECK(k < day.skill_names.size());
    names.push_back(day.skill_names[k]);
  }
  return names;
}

// A seed of 64 bits does not always fit the integers of JSON.
Json seed_json(std::uint64_t seed) {
  if (std::in_range<std::int64_t>(seed)) return {static_cast<std::int64_t>(seed)};
  return {std::to_string(seed)};
}

Json driver_json(Day const& day, Driver const& d) {
  Driver const usual;
  Json json = Json::object({{"id", d.id}});
  put(json, "name", d.name, usual.name);
  json["type"] = enum_names(d.type)[static_cast<std::size_t>(d.type)];
  Json layouts = Json::array();
  for (Seats const& layout : d.vehicle.layouts) layouts.push_back(to_json(layout));
  json["vehicle"] = Json::object({{"name", d.vehicle.name}, {"layouts", layouts}});
  if (d.skills != 0) json["skills"] = skills_json(day, d.skills);
  json["shift"] = window_json(d.shift);
  put(json, "max_overtime", d.max_overtime, usual.max_overtime);
  if (!d.breaks.empty()) {
    Json breaks = Json::array();
    for (Break const& b : d.breaks) {
      breaks.push_back(Json::object({{"window", window_json(b.window)}, {"duration", b.duration}}));
    }
    json["breaks"] = breaks;
  }
  json["start"] = d.start;
  put(json, "end", d.end, usual.end);
  return json;
}

Json booking_json(Day const& day, Booking const& b) {
  Booking const usual;
  Json json = Json::object({{"id", b.id}});
  put(json, "reference", b.reference, usual.reference);
  json["class"] = enum_names(b.booking_class)[static_cast<std::size_t>(b.booking_class)];
  json["pickup"] = b.pickup;
  json["dropoff"] = b.dropoff;
  put(json, "pickup_window", b.pickup_window, usual.pickup_window);
  put(json, "dropoff_window", b.dropoff_window, usual.dropoff_window);
  json["seats"] = to_json(b.seats);
  put(json, "companions", b.companions, usual.companions);
  put(json, "pickup_service", b.pickup_service, usual.pickup_service);
  put(json, "dropoff_service", b.dropoff_service, usual.dropoff_service);
  put(json, "max_ride", b.max_ride, usual.max_ride);
  put(json, "max_ride_ratio", b.max_ride_ratio, usual.max_ride_ratio);
  put(json, "priority", b.priority, usual.priority);
  if (b.skills != 0) json["skills"] = skills_json(day, b.skills);
  put(json, "exclusive", b.exclusive, usual.exclusive);
  put(json, "preferred", b.preferred, usual.preferred);
  put(json, "forbidden", b.forbidden, usual.forbidden);
  put(json, "required", b.required, usual.required);
  put(json, "linked", b.linked, usual.linked);
  if (b.known_from != usual.known_from) json["known_from"] = moment_json(b.known_from);
  return json;
}

Json forecast_json(DemandForecast const& forecast) {
  Json rides = Json::array();
  for (DemandForecast::Ride const& r : forecast.rides) {
    Json ride = Json::object({{"pickup", r.pickup}, {"dropoff", r.dropoff}, {"seats", to_json(r.seats)}});
    put(ride, "weight", r.weight, 1.0);
    rides.push_back(std::move(ride));
  }
  return Json::object({{"per_hour", Json::array_of(forecast.per_hour)},
                       {"rides", std::move(rides)},
                       {"lead", forecast.lead},
                       {"window", forecast.window},
                       {"call_after", forecast.call_after},
                       {"call_spread", forecast.call_spread}});
}

Json reality_json(Reality const& reality) {
  Json json = Json::object({{"seed", seed_json(reality.seed)}});
  put(json, "noise", reality.noise, 0.0);
  put(json, "traffic", reality.traffic, TravelTimes::all_day());
  BookingReality const usual;
  Json bookings = Json::array();
  for (BookingReality const& b : reality.bookings) {
    Json one = Json::object({{"id", b.id}});
    if (b.cancelled_at != never) one["cancelled_at"] = moment_json(b.cancelled_at);
    put(one, "no_show", b.no_show, usual.no_show);
    put(one, "ready_delay", b.ready_delay, usual.ready_delay);
    if (b.calls_at != never) one["calls_at"] = moment_json(b.calls_at);
    put(one, "service_factor", b.service_factor, usual.service_factor);
    bookings.push_back(one);
  }
  json["bookings"] = bookings;
  Json drivers = Json::array();
  for (DriverReality const& d : reality.drivers) {
    Json one = Json::object({{"id", d.id}});
    put(one, "late_start", d.late_start, Seconds{0});
    if (d.sick_from != never) one["sick_from"] = moment_json(d.sick_from);
    drivers.push_back(one);
  }
  json["drivers"] = drivers;
  return json;
}

// ---- reading ----

void read_seats(JsonReader const& at, Seats& out) {
  at.keys({}, {seat_names[0], seat_names[1], seat_names[2]});
  for (std::size_t k = 0; k < seat_kinds; ++k) at.get(seat_names[k], out.of[k]);
}

void read_skills(JsonReader const& at, Day const& day, Skills& out) {
  at.items([&](JsonReader const& item) {
    std::string name;
    item.value(name);
    auto const found = std::ranges::find(day.skill_names, name);
    if (found == day.skill_names.end()) {
      return item.fail("is none of skill_names" + suggestion(name, day.skill_names) + "; add it there or correct it");
    }
    out |= Skills{1} << (found - day.skill_names.begin());
  });
}

template <class T, std::size_t n>
void read_array(JsonReader const& at, std::array<T, n>& out) {
  if (!at.json().is_array() || at.json().as_array().size() != n) {
    return at.fail(fmt::format("is no list of {} numbers, one an hour", n));
  }
  std::size_t i = 0;
  at.items([&](JsonReader const& item) { item.value(out[i++]); });
}

template <class T>
void read_list(JsonReader const& at, std::vector<T>& out) {
  at.items([&out](JsonReader const& item) {
    T value{};
    item.value(value);
    out.push_back(std::move(value));
  });
}

// A duration, or null for no limit.
void read_limit(JsonReader const& at, Seconds& out) {
  if (at.json().is_null()) {
    out = never;
  } else {
    at.value(out);
  }
}

void read_driver(JsonReader const& at, Day const& day, Driver& d) {
  at.keys({"id", "vehicle", "shift", "start"}, {"name", "type", "skills", "max_overtime", "breaks", "end"});
  at.get("id", d.id);
  at.get("name", d.name);
  at.get("type", d.type);
  at.in("vehicle", [&](JsonReader const& vehicle) {
    vehicle.keys({"layouts"}, {"name"});
    vehicle.get("name", d.vehicle.name);
    vehicle.each("layouts", [&](JsonReader const& item) { read_seats(item, d.vehicle.layouts.emplace_back()); });
  });
  at.in("skills", [&](JsonReader const& skills) { read_skills(skills, day, d.skills); });
  at.in("shift", [&](JsonReader const& shift) { shift.window(d.shift); });
  at.get("max_overtime", d.max_overtime);
  at.each("breaks", [&](JsonReader const& item) {
    Break& b = d.breaks.emplace_back();
    item.keys({"window", "duration"}, {});
    item.in("window", [&](JsonReader const& window) { window.window(b.window); });
    item.get("duration", b.duration);
  });
  at.get("start", d.start);
  at.get("end", d.end);
}

void read_booking(JsonReader const& at, Day const& day, Booking& b) {
  at.keys({"id", "class", "pickup", "dropoff", "seats"},
          {"reference", "pickup_window", "dropoff_window", "companions", "pickup_service", "dropoff_service",
           "max_ride", "max_ride_ratio", "priority", "skills", "exclusive", "preferred", "forbidden", "required",
           "linked", "known_from"});
  at.get("id", b.id);
  at.get("reference", b.reference);
  at.get("class", b.booking_class);
  at.get("pickup", b.pickup);
  at.get("dropoff", b.dropoff);
  at.in("pickup_window", [&](JsonReader const& window) { window.window(b.pickup_window); });
  at.in("dropoff_window", [&](JsonReader const& window) { window.window(b.dropoff_window); });
  at.in("seats", [&](JsonReader const& seats) { read_seats(seats, b.seats); });
  at.get("companions", b.companions);
  at.get("pickup_service", b.pickup_service);
  at.get("dropoff_service", b.dropoff_service);
  at.in("max_ride", [&](JsonReader const& limit) { read_limit(limit, b.max_ride); });
  at.get("max_ride_ratio", b.max_ride_ratio);
  at.get("priority", b.priority);
  at.in("skills", [&](JsonReader const& skills) { read_skills(skills, day, b.skills); });
  at.get("exclusive", b.exclusive);
  at.in("preferred", [&](JsonReader const& list) { read_list(list, b.preferred); });
  at.in("forbidden", [&](JsonReader const& list) { read_list(list, b.forbidden); });
  at.in("required", [&](JsonReader const& list) { read_list(list, b.required); });
  at.get("linked", b.linked);
  at.in("known_from", [&](JsonReader const& moment) { moment.moment(b.known_from); });
}

void read_forecast(JsonReader const& at, DemandForecast& forecast) {
  at.keys({}, {"per_hour", "rides", "lead", "window", "call_after", "call_spread"});
  at.in("per_hour", [&](JsonReader const& list) { read_array(list, forecast.per_hour); });
  at.each("rides", [&](JsonReader const& item) {
    DemandForecast::Ride& r = forecast.rides.emplace_back();
    item.keys({"pickup", "dropoff"}, {"seats", "weight"});
    item.get("pickup", r.pickup);
    item.get("dropoff", r.dropoff);
    item.in("seats", [&](JsonReader const& seats) {
      r.seats = {};
      read_seats(seats, r.seats);
    });
    item.get("weight", r.weight);
  });
  at.get("lead", forecast.lead);
  at.get("window", forecast.window);
  at.get("call_after", forecast.call_after);
  at.get("call_spread", forecast.call_spread);
}

void read_seed(JsonReader const& at, std::uint64_t& out) {
  if (!at.json().is_string()) return at.value(out);
  std::string const& text = at.json().as_string();
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) at.fail("is no seed; write a whole number of 64 bits");
}

void read_reality(JsonReader const& at, Reality& reality) {
  at.keys({}, {"seed", "noise", "traffic", "bookings", "drivers"});
  at.in("seed", [&](JsonReader const& seed) { read_seed(seed, reality.seed); });
  at.get("noise", reality.noise);
  at.in("traffic", [&](JsonReader const& list) { read_array(list, reality.traffic); });
  at.each("bookings", [&](JsonReader const& item) {
    BookingReality& b = reality.bookings.emplace_back();
    item.keys({"id"}, {"cancelled_at", "no_show", "ready_delay", "calls_at", "service_factor"});
    item.get("id", b.id);
    item.in("cancelled_at", [&](JsonReader const& moment) { moment.moment(b.cancelled_at); });
    item.get("no_show", b.no_show);
    item.get("ready_delay", b.ready_delay);
    item.in("calls_at", [&](JsonReader const& moment) { moment.moment(b.calls_at); });
    item.get("service_factor", b.service_factor);
  });
  at.each("drivers", [&](JsonReader const& item) {
    DriverReality& d = reality.drivers.emplace_back();
    item.keys({"id"}, {"late_start", "sick_from"});
    item.get("id", d.id);
    item.get("late_start", d.late_start);
    item.in("sick_from", [&](JsonReader const& moment) { moment.moment(d.sick_from); });
  });
}

void check_format(JsonReader const& at, std::string_view expected) {
  at.in("format", [&](JsonReader const& format) {
    if (format.json() != Json(expected)) format.fail(fmt::format("is not {}", expected));
  });
}

}  // namespace

void read_stop(JsonReader const& at, Stop& stop) {
  at.keys({"kind"}, {"booking", "break", "locked", "planned"});
  at.get("kind", stop.kind);
  std::string_view const named = stop.kind == StopKind::rest ? "break" : "booking";
  std::string_view const other = stop.kind == StopKind::rest ? "booking" : "break";
  if (!at.has(named) || at.has(other)) return at.fail(fmt::format("must name its \"{}\" and no \"{}\"", named, other));
  at.in(named, [&](JsonReader const& index) {
    std::int64_t whole = 0;
    if (index.integer(stop.kind == StopKind::rest ? 0 : 1, std::numeric_limits<std::int32_t>::max(), whole)) {
      stop.index = static_cast<std::int32_t>(whole);
    }
  });
  at.get("locked", stop.locked);
  at.in("planned", [&](JsonReader const& moment) { moment.moment(stop.planned); });
}

Json to_json(Seats const& seats) {
  Json json = Json::object();
  for (std::size_t k = 0; k < seat_kinds; ++k) {
    if (seats.of[k] != 0) json[seat_names[k]] = static_cast<int>(seats.of[k]);
  }
  return json;
}

Json to_json(Stop const& stop) {
  Json json = Json::object({{"kind", enum_names(stop.kind)[static_cast<std::size_t>(stop.kind)]},
                            {stop.kind == StopKind::rest ? "break" : "booking", stop.index}});
  if (stop.planned != never) json["planned"] = clock_text(stop.planned);
  if (stop.locked) json["locked"] = true;
  return json;
}

std::string clock_text(Seconds moment) {
  Seconds const s = std::abs(moment);
  return fmt::format("{}{:02}:{:02}:{:02}", moment < 0 ? "-" : "", s / one_hour, s / 60 % 60, s % 60);
}

Result<Seconds> parse_clock(std::string_view text) {
  auto const wrong = [text] { return invalid(fmt::format("\"{}\" is no time; write HH:MM:SS or HH:MM", text)); };
  std::string_view rest = text;
  bool const negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  std::array<Seconds, 3> parts{};
  std::size_t count = 0;
  while (true) {
    std::size_t const colon = rest.find(':');
    std::string_view const part = rest.substr(0, colon);
    // Hours of a moment that fits into a number of seconds; minutes and seconds have two digits below 60.
    bool const digits = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits || count == 3 || part.size() > (count == 0 ? 11U : 2U) || (count > 0 && part.size() != 2))
      return wrong();
    std::from_chars(part.data(), part.data() + part.size(), parts[count]);
    if (count > 0 && parts[count] > 59) return wrong();
    ++count;
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (count < 2) return wrong();
  Seconds const moment = parts[0] * one_hour + parts[1] * one_minute + parts[2];
  return negative ? -moment : moment;
}

Json to_json(Day const& day, bool with_reality) {
  Json json = Json::object({{"format", day_format}, {"name", day.name}, {"date", day.date}});
  ObjectiveWeights weights = day.weights;
  json["weights"] = to_json(settings(weights));
  json["speeds"] = Json::object({{"detour", day.speeds.detour},
                                 {"start_seconds", day.speeds.start_seconds},
                                 {"kmh", Json::array_of(day.speeds.kmh)}});
  json["partner"] = Json::object(
      {{"rides", day.partner.rides}, {"notice", day.partner.notice}, {"wheelchairs", day.partner.wheelchairs}});
  json["lock_horizon"] = day.lock_horizon;
  json["no_show_wait"] = day.no_show_wait;
  json["skill_names"] = Json::array_of(day.skill_names);
  Json places = Json::array();
  for (Point const& p : day.places) places.push_back(Json(Json::Array{p.longitude, p.latitude}));
  json["places"] = std::move(places);
  Json drivers = Json::array();
  for (Driver const& d : day.drivers) drivers.push_back(driver_json(day, d));
  json["drivers"] = std::move(drivers);
  Json bookings = Json::array();
  for (Booking const& b : day.bookings) bookings.push_back(booking_json(day, b));
  json["bookings"] = std::move(bookings);
  if (day.forecast != DemandForecast{}) json["forecast"] = forecast_json(day.forecast);
  if (with_reality && day.reality != Reality{}) json["reality"] = reality_json(day.reality);
  return json;
}

Result<Day> day_of(Json const& json) {
  Status status = ok();
  Day day;
  JsonReader const at(json, status);
  at.keys({"format", "places", "drivers", "bookings"}, {"name", "date", "weights", "speeds", "partner", "lock_horizon",
                                                        "no_show_wait", "skill_names", "forecast", "reality"});
  check_format(at, day_format);
  at.get("name", day.name);
  at.get("date", day.date);
  at.in("weights", [&](JsonReader const& weights) {
    if (Status read = apply_json(settings(day.weights), weights.json()); !read && status) {
      status = read.error().in("weights");
    }
  });
  at.in("speeds", [&](JsonReader const& speeds) {
    speeds.keys({}, {"detour", "start_seconds", "kmh"});
    speeds.get("detour", day.speeds.detour);
    speeds.get("start_seconds", day.speeds.start_seconds);
    speeds.in("kmh", [&](JsonReader const& list) { read_array(list, day.speeds.kmh); });
  });
  at.in("partner", [&](JsonReader const& partner) {
    partner.keys({}, {"rides", "notice", "wheelchairs"});
    partner.get("rides", day.partner.rides);
    partner.get("notice", day.partner.notice);
    partner.get("wheelchairs", day.partner.wheelchairs);
  });
  at.get("lock_horizon", day.lock_horizon);
  at.get("no_show_wait", day.no_show_wait);
  at.in("skill_names", [&](JsonReader const& list) { read_list(list, day.skill_names); });
  at.each("places", [&](JsonReader const& item) {
    if (!item.json().is_array() || item.json().as_array().size() != 2) {
      return item.fail("is no place; write [longitude, latitude]");
    }
    std::array<double, 2> degrees{};
    std::size_t i = 0;
    item.items([&](JsonReader const& number) { number.value(degrees[i++]); });
    day.places.push_back({.latitude = degrees[1], .longitude = degrees[0]});
  });
  at.each("drivers", [&](JsonReader const& item) { read_driver(item, day, day.drivers.emplace_back()); });
  at.each("bookings", [&](JsonReader const& item) { read_booking(item, day, day.bookings.emplace_back()); });
  at.in("forecast", [&](JsonReader const& forecast) { read_forecast(forecast, day.forecast); });
  at.in("reality", [&](JsonReader const& reality) { read_reality(reality, day.reality); });
  if (!status) return status.error();
  if (Status const sound = check_day(day); !sound) return sound.error();
  return day;
}

Result<Day> parse_day(std::string_view text) {
  Result<Json> const json = parse_json(text);
  if (!json) return json.error();
  return day_of(*json);
}

Json to_json(Plan const& plan) {
  Json routes = Json::array();
  for (DriverRoute const& route : plan.routes) {
    Json stops = Json::array();
    for (Stop const& stop : route.stops) stops.push_back(to_json(stop));
    routes.push_back(Json::object({{"driver", route.driver}, {"stops", std::move(stops)}}));
  }
  return Json::object({{"format", plan_format},
                       {"routes", std::move(routes)},
                       {"overflow", Json::array_of(plan.overflow)},
                       {"unserved", Json::array_of(plan.unserved)}});
}

Result<Plan> plan_of(Json const& json) {
  Status status = ok();
  Plan plan;
  JsonReader const at(json, status);
  at.keys({"format", "routes"}, {"overflow", "unserved"});
  check_format(at, plan_format);
  at.each("routes", [&](JsonReader const& item) {
    item.keys({"driver", "stops"}, {});
    DriverId const before = plan.routes.empty() ? 0 : plan.routes.back().driver;
    DriverRoute& route = plan.routes.emplace_back();
    item.in("driver", [&](JsonReader const& driver) {
      driver.value(route.driver);
      if (route.driver <= before) driver.fail("is not above the driver before; list each driver once, by id");
    });
    item.each("stops", [&](JsonReader const& stop) {
      bool const may_be_locked = route.stops.empty() || route.stops.back().locked;
      read_stop(stop, route.stops.emplace_back());
      if (route.stops.back().locked && !may_be_locked) stop.fail("is locked behind a stop that is not; lock that too");
    });
  });
  for (auto const& [key, list] : {std::pair{"overflow", &plan.overflow}, {"unserved", &plan.unserved}}) {
    at.in(key, [&, ids = list](JsonReader const& items) { read_list(items, *ids); });
  }
  if (!status) return status.error();
  return plan;
}

Result<Plan> parse_plan(std::string_view text) {
  Result<Json> const json = parse_json(text);
  if (!json) return json.error();
  return plan_of(*json);
}

}  // namespace regulus
