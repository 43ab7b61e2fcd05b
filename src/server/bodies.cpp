#include "server/bodies.h"

#include <fmt/format.h>

#include <algorithm>

#include "domain/day_file.h"
#include "domain/json_reader.h"

namespace regulus::server {

namespace {

constexpr std::size_t longest_text = 200;
constexpr std::size_t longest_list = 64;
// Somebody with an appointment and no other wish is fetched at most this long before it begins to be too early.
constexpr Instant usual_lead = 90 * 60 * one_second;
constexpr std::array<std::string_view, seat_kinds> seat_names = {"ambulatory", "wheelchair", "stretcher"};

void read_text(JsonReader const& at, std::string_view key, std::string& out) {
  at.in(key, [&](JsonReader const& text) {
    text.value(out);
    if (out.size() > longest_text) text.fail(fmt::format("has {} bytes; at most {}", out.size(), longest_text));
  });
}

void read_point(JsonReader const& at, std::string_view key, Point& out) {
  at.in(key, [&](JsonReader const& point) {
    point.keys({"latitude", "longitude"}, {});
    point.get("latitude", out.latitude);
    point.get("longitude", out.longitude);
    if (!(out.latitude >= -90 && out.latitude <= 90)) {
      point.in("latitude", [](JsonReader const& x) { x.fail("is outside -90 to 90 degrees"); });
    }
    if (!(out.longitude >= -180 && out.longitude <= 180)) {
      point.in("longitude", [](JsonReader const& x) { x.fail("is outside -180 to 180 degrees"); });
    }
  });
}

void read_seats(JsonReader const& at, Seats& out) {
  at.keys({}, {seat_names[0], seat_names[1], seat_names[2]});
  std::int64_t all = 0;
  for (std::size_t k = 0; k < seat_kinds; ++k) {
    at.in(seat_names[k], [&](JsonReader const& seats) {
      std::int64_t count = 0;
      if (seats.integer(0, 100, count)) out.of[k] = static_cast<std::int16_t>(count);
      all += count;
    });
  }
  if (all == 0) at.fail("has no seat; give at least one of ambulatory, wheelchair and stretcher");
}

void read_seconds(JsonReader const& at, std::string_view key, Seconds& out) {
  at.in(key, [&](JsonReader const& seconds) { seconds.integer(0, day_length, out); });
}

void check_length(JsonReader const& list) {
  if (list.json().is_array() && list.json().as_array().size() > longest_list) {
    list.fail(fmt::format("has {} items; at most {}", list.json().as_array().size(), longest_list));
  }
}

void read_names(JsonReader const& at, std::string_view key, std::vector<std::string>& out) {
  at.in(key, [&](JsonReader const& list) {
    check_length(list);
    list.items([&](JsonReader const& item) {
      std::string name;
      item.value(name);
      if (name.empty() || name.size() > longest_text) return item.fail("is no name of 1 to 200 bytes");
      if (std::ranges::find(out, name) != out.end()) return item.fail("stands there twice");
      out.push_back(std::move(name));
    });
  });
}

void read_ids(JsonReader const& at, std::string_view key, std::vector<DriverId>& out) {
  at.in(key, [&](JsonReader const& list) {
    check_length(list);
    list.items([&](JsonReader const& item) {
      std::int64_t id = 0;
      if (item.integer(1, std::numeric_limits<DriverId>::max(), id)) out.push_back(static_cast<DriverId>(id));
    });
  });
}

// "HH:MM" or "HH:MM:SS", hours up to 47 for what ends after midnight.
void read_clock(JsonReader const& at, std::string_view key, Seconds& out) {
  at.in(key, [&](JsonReader const& clock) {
    if (!clock.json().is_string()) return clock.fail("is no time of day; write HH:MM");
    Result<Seconds> const read = parse_clock(clock.json().as_string());
    if (!read || *read < 0 || *read >= 2 * day_length) return clock.fail("is no time of day; write HH:MM, up to 47:59");
    out = *read;
  });
}

void read_span(JsonReader const& at, Window& out) {
  read_clock(at, "from", out.start);
  read_clock(at, "to", out.end);
  if (out.end < out.start) at.fail("ends before it starts");
}

std::optional<Instant> read_instant(JsonReader const& at) {
  if (!at.json().is_string()) {
    at.fail("is no time; write it as 2026-03-01T08:15:00Z or with an offset");
    return std::nullopt;
  }
  Result<Instant> const read = parse_instant(at.json().as_string());
  if (!read) {
    at.fail("is no time; write it as 2026-03-01T08:15:00Z or with an offset");
    return std::nullopt;
  }
  return *read;
}

void read_window(JsonReader const& at, InstantWindow& out) {
  if (!at.json().is_array() || at.json().as_array().size() != 2) return at.fail("is no window; write [from, to]");
  bool first = true;
  at.items([&](JsonReader const& end) {
    if (!std::exchange(first, false)) {
      if (!end.json().is_null()) out.to = read_instant(end);
    } else if (auto const from = read_instant(end)) {
      out.from = *from;
    }
  });
  if (out.to && *out.to < out.from) at.fail("ends before it starts");
}

std::vector<std::string> names_of(Day const& day, Skills skills) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < day.skill_names.size(); ++k) {
    if ((skills >> k & 1U) != 0) names.push_back(day.skill_names[k]);
  }
  return names;
}

Json clock_json(Seconds moment) { return {clock_text(moment)}; }
Json window_json(InstantWindow const& window) {
  return {Json::Array{Json(instant_text(window.from)), window.to ? Json(instant_text(*window.to)) : Json()}};
}

}  // namespace

Json to_json(Point const& point) {
  return Json::object({{"latitude", point.latitude}, {"longitude", point.longitude}});
}

Result<DriverBody> driver_body_of(Json const& json) {
  Status status = ok();
  JsonReader const at(json, status, WholeNumbers::as_integers_only);
  DriverBody body;
  Driver& d = body.driver;
  at.keys({"name", "vehicle", "shift", "start"}, {"type", "skills", "max_overtime", "breaks", "end", "available"});
  read_text(at, "name", d.name);
  at.get("type", d.type);
  at.in("vehicle", [&](JsonReader const& vehicle) {
    vehicle.keys({"layouts"}, {"name"});
    read_text(vehicle, "name", d.vehicle.name);
    vehicle.in("layouts", [&](JsonReader const& layouts) {
      check_length(layouts);
      layouts.items([&](JsonReader const& layout) { read_seats(layout, d.vehicle.layouts.emplace_back()); });
      if (d.vehicle.layouts.empty())
        layouts.fail("is empty; give what the vehicle offers, such as [{\"ambulatory\": 4}]");
    });
  });
  read_names(at, "skills", body.skills);
  at.in("shift", [&](JsonReader const& shift) {
    shift.keys({"from", "to"}, {});
    read_span(shift, d.shift);
  });
  read_seconds(at, "max_overtime", d.max_overtime);
  at.in("breaks", [&](JsonReader const& breaks) {
    check_length(breaks);
    breaks.items([&](JsonReader const& item) {
      Break& b = d.breaks.emplace_back();
      item.keys({"from", "to", "duration"}, {});
      read_span(item, b.window);
      read_seconds(item, "duration", b.duration);
    });
    if (d.breaks.size() > 8) breaks.fail("has more than 8 breaks");
  });
  read_point(at, "start", body.start);
  at.in("end", [&](JsonReader const& end) {
    if (end.json().is_null()) return;
    read_point(at, "end", body.end.emplace());
  });
  at.get("available", body.available);
  if (!status) return status.error();
  return body;
}

Json to_json(DriverBody const& body) {
  Driver const& d = body.driver;
  Json layouts = Json::array(), breaks = Json::array();
  for (Seats const& layout : d.vehicle.layouts) layouts.push_back(regulus::to_json(layout));
  for (Break const& b : d.breaks) {
    breaks.push_back(Json::object(
        {{"from", clock_json(b.window.start)}, {"to", clock_json(b.window.end)}, {"duration", b.duration}}));
  }
  return Json::object({{"name", d.name},
                       {"type", enum_names(d.type)[static_cast<std::size_t>(d.type)]},
                       {"vehicle", Json::object({{"name", d.vehicle.name}, {"layouts", std::move(layouts)}})},
                       {"skills", Json::array_of(body.skills)},
                       {"shift", Json::object({{"from", clock_json(d.shift.start)}, {"to", clock_json(d.shift.end)}})},
                       {"max_overtime", d.max_overtime},
                       {"breaks", std::move(breaks)},
                       {"start", to_json(body.start)},
                       {"end", body.end ? to_json(*body.end) : Json()},
                       {"available", body.available}});
}

Result<BookingBody> booking_body_of(Json const& json) {
  Status status = ok();
  JsonReader const at(json, status, WholeNumbers::as_integers_only);
  BookingBody body;
  Booking& b = body.booking;
  b.seats = Seats{{1, 0, 0}};
  at.keys({"class", "pickup", "dropoff"},
          {"reference", "pickup_window", "dropoff_window", "seats", "companions", "pickup_service", "dropoff_service",
           "max_ride", "max_ride_ratio", "priority", "skills", "exclusive", "preferred", "forbidden", "required",
           "linked", "ready"});
  read_text(at, "reference", b.reference);
  at.get("class", b.booking_class);
  read_point(at, "pickup", body.pickup);
  read_point(at, "dropoff", body.dropoff);
  bool const has_pickup_window = at.has("pickup_window");
  at.in("pickup_window", [&](JsonReader const& window) { read_window(window, body.pickup_window); });
  at.in("dropoff_window", [&](JsonReader const& window) { read_window(window, body.dropoff_window.emplace()); });
  if (!has_pickup_window && !body.dropoff_window) at.fail("has neither pickup_window nor dropoff_window; give one");
  at.in("seats", [&](JsonReader const& seats) {
    b.seats = {};
    read_seats(seats, b.seats);
  });
  at.in("companions", [&](JsonReader const& companions) {
    std::int64_t count = 0;
    if (companions.integer(0, 20, count)) b.companions = static_cast<std::int32_t>(count);
  });
  read_seconds(at, "pickup_service", b.pickup_service);
  read_seconds(at, "dropoff_service", b.dropoff_service);
  at.in("max_ride", [&](JsonReader const& limit) {
    if (!limit.json().is_null()) limit.integer(1, day_length, b.max_ride);
  });
  at.in("max_ride_ratio", [&](JsonReader const& ratio) {
    ratio.value(b.max_ride_ratio);
    bool const sensible = b.max_ride_ratio == 0 || (b.max_ride_ratio >= 1 && b.max_ride_ratio <= 100);
    if (!sensible) ratio.fail("is neither 0 nor 1 to 100");
  });
  at.in("priority", [&](JsonReader const& priority) {
    std::int64_t level = 1;
    if (priority.integer(1, 5, level)) b.priority = static_cast<std::int32_t>(level);
  });
  read_names(at, "skills", body.skills);
  at.get("exclusive", b.exclusive);
  read_ids(at, "preferred", b.preferred);
  read_ids(at, "forbidden", b.forbidden);
  read_ids(at, "required", b.required);
  at.in("linked", [&](JsonReader const& linked) {
    std::int64_t id = 0;
    if (linked.integer(0, std::numeric_limits<BookingId>::max(), id)) b.linked = static_cast<BookingId>(id);
  });
  body.ready = b.booking_class != BookingClass::will_call;
  at.get("ready", body.ready);
  if (!status) return status.error();
  if (!has_pickup_window) {
    Instant const arrives = body.dropoff_window->from;
    body.pickup_window = {std::max<Instant>(0, arrives - usual_lead), body.dropoff_window->to};
  }
  return body;
}

Json to_json(BookingBody const& body) {
  Booking const& b = body.booking;
  return Json::object({{"reference", b.reference},
                       {"class", enum_names(b.booking_class)[static_cast<std::size_t>(b.booking_class)]},
                       {"pickup", to_json(body.pickup)},
                       {"dropoff", to_json(body.dropoff)},
                       {"pickup_window", window_json(body.pickup_window)},
                       {"dropoff_window", window_json(body.dropoff_window.value_or(
                                              InstantWindow{body.pickup_window.from, std::nullopt}))},
                       {"seats", regulus::to_json(b.seats)},
                       {"companions", b.companions},
                       {"pickup_service", b.pickup_service},
                       {"dropoff_service", b.dropoff_service},
                       {"max_ride", b.max_ride == never ? Json() : Json(b.max_ride)},
                       {"max_ride_ratio", b.max_ride_ratio},
                       {"priority", b.priority},
                       {"skills", Json::array_of(body.skills)},
                       {"exclusive", b.exclusive},
                       {"preferred", Json::array_of(b.preferred)},
                       {"forbidden", Json::array_of(b.forbidden)},
                       {"required", Json::array_of(b.required)},
                       {"linked", b.linked},
                       {"ready", body.ready}});
}

DriverBody driver_body_of(Day const& day, Driver const& driver) {
  DriverBody body;
  body.driver = driver;
  body.driver.id = 0;
  body.driver.skills = 0;
  body.driver.start = body.driver.end = no_place;
  body.skills = names_of(day, driver.skills);
  body.start = day.places[static_cast<std::size_t>(driver.start)];
  if (driver.end != no_place) body.end = day.places[static_cast<std::size_t>(driver.end)];
  return body;
}

BookingBody booking_body_of(Day const& day, Booking const& booking, TimeZone const& zone, std::string const& date) {
  auto const instants = [&](Window const& window) {
    return InstantWindow{.from = zone.instant_of(window.start, date),
                         .to = window.end == never ? std::optional<Instant>{} : zone.instant_of(window.end, date)};
  };
  BookingBody body;
  body.booking = booking;
  body.booking.id = body.booking.linked = 0;
  body.booking.skills = 0;
  body.booking.pickup = body.booking.dropoff = no_place;
  body.booking.pickup_window = body.booking.dropoff_window = {};
  body.skills = names_of(day, booking.skills);
  body.pickup = day.places[static_cast<std::size_t>(booking.pickup)];
  body.dropoff = day.places[static_cast<std::size_t>(booking.dropoff)];
  body.pickup_window = instants(booking.pickup_window);
  body.dropoff_window = instants(booking.dropoff_window);
  body.ready = booking.booking_class != BookingClass::will_call;
  return body;
}

Booking booking_on(BookingBody const& body, TimeZone const& zone, std::string const& date) {
  Booking booking = body.booking;
  auto const moments = [&](InstantWindow const& window) {
    return Window{zone.moment_of(window.from, date), window.to ? zone.moment_of(*window.to, date) : never};
  };
  booking.pickup_window = moments(body.pickup_window);
  booking.dropoff_window =
      body.dropoff_window ? moments(*body.dropoff_window) : Window{booking.pickup_window.start, never};
  return booking;
}

}  // namespace regulus::server
