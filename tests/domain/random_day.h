// Days and plans with anything in them that may be there, for properties (rapidcheck draws inside a property only).
#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

#include "domain/day.h"

namespace regulus {

inline Window some_window() {
  Seconds const start = *rc::gen::inRange<Seconds>(-7'200, 100'000);
  bool const open = *rc::gen::weightedElement<bool>({{4, false}, {1, true}});
  return {start, open ? never : start + *rc::gen::inRange<Seconds>(0, 40'000)};
}

inline Seats some_seats() {
  Seats seats;
  for (std::int16_t& n : seats.of) n = *rc::gen::inRange<std::int16_t>(0, 4);
  if (seats == Seats{}) seats.of[0] = 1;
  return seats;
}

inline std::vector<std::int32_t> some_ids(int count) {
  std::vector<std::int32_t> ids;
  for (int i = 0, id = 0; i < count; ++i) ids.push_back(id += *rc::gen::inRange(1, 4));
  return ids;
}

template <class T>
std::vector<T> some_of(std::vector<T> const& all) {
  std::vector<T> chosen;
  for (T const& one : all) {
    if (*rc::gen::weightedElement<bool>({{3, false}, {1, true}})) chosen.push_back(one);
  }
  return chosen;
}

inline Skills some_skills(std::vector<std::string> const& names) {
  Skills skills = 0;
  for (std::size_t k = 0; k < names.size(); ++k) skills |= static_cast<Skills>(*rc::gen::inRange(0, 2)) << k;
  return skills;
}

inline Reality some_reality(std::vector<std::int32_t> const& drivers, std::vector<std::int32_t> const& bookings) {
  Reality reality;
  reality.seed = *rc::gen::arbitrary<std::uint64_t>();
  reality.noise = *rc::gen::inRange(0, 100) / 100.0;
  for (double& factor : reality.traffic) factor = *rc::gen::inRange(80, 200) / 100.0;
  auto const sometimes = [] { return *rc::gen::inRange(0, 2) == 0 ? never : *rc::gen::inRange<Seconds>(-600, 90'000); };
  for (BookingId id : some_of(bookings)) {
    reality.bookings.push_back({.id = id,
                                .cancelled_at = sometimes(),
                                .no_show = *rc::gen::arbitrary<bool>(),
                                .ready_delay = *rc::gen::inRange<Seconds>(0, 900),
                                .calls_at = sometimes(),
                                .service_factor = *rc::gen::inRange(50, 200) / 100.0});
  }
  for (DriverId id : some_of(drivers)) {
    reality.drivers.push_back({.id = id, .late_start = *rc::gen::inRange<Seconds>(0, 900), .sick_from = sometimes()});
  }
  return reality;
}

inline Day some_day() {
  Day day;
  day.name = *rc::gen::element<std::string>("", "Lausanne, mardi", "\"quoted\"\n");
  day.date = *rc::gen::element<std::string>("", "2025-03-04");
  int const places = *rc::gen::inRange(1, 8);
  for (int i = 0; i < places; ++i) {
    day.places.push_back({.latitude = 46 + *rc::gen::inRange(0, 10'000) / 20'011.0,
                          .longitude = 6 + *rc::gen::inRange(0, 10'000) / 20'011.0});
  }
  auto const place = [places] { return static_cast<Place>(*rc::gen::inRange(0, places)); };
  for (int k = *rc::gen::inRange(0, 4); k > 0; --k) day.skill_names.push_back("skill " + std::to_string(k));
  day.speeds.detour = 1 + *rc::gen::inRange(0, 100) / 77.0;
  day.speeds.kmh[8] = *rc::gen::inRange(10, 80);
  day.partner = {
      .rides = *rc::gen::inRange(0, 5), .notice = *rc::gen::inRange<Seconds>(0, 3'600), .wheelchairs = false};
  day.weights.km = *rc::gen::inRange(0, 1'000);
  day.weights.priority_factor = *rc::gen::inRange(0, 100) / 30.0;
  day.lock_horizon = *rc::gen::inRange<Seconds>(0, 3'600);
  day.no_show_wait = *rc::gen::inRange<Seconds>(0, 3'600);

  auto const drivers = some_ids(*rc::gen::inRange(0, 4)), bookings = some_ids(*rc::gen::inRange(0, 6));
  for (DriverId id : drivers) {
    Driver d;
    d.id = id;
    d.name = *rc::gen::element<std::string>("", "Chauffeur é");
    d.type = *rc::gen::element(DriverType::regular, DriverType::occasional, DriverType::emergency);
    d.vehicle = {.name = "van", .layouts = {some_seats(), some_seats()}};
    d.skills = some_skills(day.skill_names);
    d.shift = some_window();
    d.shift.end = std::min(d.shift.end, d.shift.start + 30'000);
    d.max_overtime = *rc::gen::inRange<Seconds>(0, 3'600);
    if (*rc::gen::arbitrary<bool>()) d.breaks.push_back({some_window(), *rc::gen::inRange<Seconds>(0, 3'600)});
    d.start = place();
    d.end = *rc::gen::arbitrary<bool>() ? place() : no_place;
    day.drivers.push_back(d);
  }
  for (BookingId id : bookings) {
    Booking b;
    b.id = id;
    b.reference = *rc::gen::element<std::string>("", "A-17", "réf");
    b.booking_class = *rc::gen::element(BookingClass::outbound, BookingClass::inbound, BookingClass::will_call,
                                        BookingClass::on_demand);
    b.pickup = place();
    b.dropoff = place();
    b.pickup_window = some_window();
    b.dropoff_window = some_window();
    b.seats = some_seats();
    b.companions = *rc::gen::inRange(0, 3);
    b.pickup_service = *rc::gen::inRange<Seconds>(0, 900);
    b.dropoff_service = *rc::gen::inRange<Seconds>(0, 900);
    b.max_ride = *rc::gen::arbitrary<bool>() ? never : *rc::gen::inRange<Seconds>(0, 7'200);
    b.max_ride_ratio = *rc::gen::inRange(0, 30) / 10.0;
    b.priority = *rc::gen::inRange(1, 6);
    b.skills = some_skills(day.skill_names);
    b.exclusive = *rc::gen::arbitrary<bool>();
    b.preferred = some_of(drivers);
    b.forbidden = some_of(drivers);
    b.required = some_of(drivers);
    b.linked = bookings.front() == id || *rc::gen::arbitrary<bool>() ? 0 : bookings.front();
    b.known_from = *rc::gen::inRange<Seconds>(-90'000, 90'000);
    day.bookings.push_back(b);
  }
  if (*rc::gen::arbitrary<bool>()) {
    day.forecast.per_hour[9] = *rc::gen::inRange(0, 100) / 7.0;
    for (int rides = *rc::gen::inRange(0, 3); rides > 0; --rides) {
      day.forecast.rides.push_back({place(), place(), some_seats(), *rc::gen::inRange(1, 5) / 2.0});
    }
    day.forecast.lead = *rc::gen::inRange<Seconds>(0, 3'600);
    day.forecast.call_spread = *rc::gen::inRange(0, 30) / 10.0;
  }
  if (*rc::gen::arbitrary<bool>()) day.reality = some_reality(drivers, bookings);
  return day;
}

inline Plan some_plan() {
  Plan plan;
  for (DriverId id : some_ids(*rc::gen::inRange(0, 4))) {
    DriverRoute& route = plan.routes.emplace_back();
    route.driver = id;
    bool locked = *rc::gen::arbitrary<bool>();
    for (int stops = *rc::gen::inRange(0, 6); stops > 0; --stops) {
      Stop stop;
      stop.kind = *rc::gen::element(StopKind::pickup, StopKind::dropoff, StopKind::rest);
      stop.index = *rc::gen::inRange(stop.kind == StopKind::rest ? 0 : 1, 9);
      stop.locked = locked;
      stop.planned = *rc::gen::arbitrary<bool>() ? never : *rc::gen::inRange<Seconds>(-600, 100'000);
      route.stops.push_back(stop);
      locked = locked && *rc::gen::arbitrary<bool>();
    }
  }
  plan.overflow = some_ids(*rc::gen::inRange(0, 3));
  plan.unserved = some_ids(*rc::gen::inRange(0, 3));
  return plan;
}

}  // namespace regulus
