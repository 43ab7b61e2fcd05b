// Days for the simulator's tests: places on a road on which neighbours are ten minutes and five kilometres apart, one
// company's ordinary fleet, and days on which everything that can go wrong does.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "core/rng.h"
#include "domain/day.h"
#include "domain/travel_times.h"

namespace regulus::sim {

constexpr Seconds at(int hour, int minute) { return hour * one_hour + minute * one_minute; }

inline TravelTimes road(std::size_t places) {
  std::vector<std::int32_t> seconds, metres;
  for (std::size_t a = 0; a < places; ++a) {
    for (std::size_t b = 0; b < places; ++b) {
      auto const apart = static_cast<std::int32_t>(a > b ? a - b : b - a);
      seconds.push_back(600 * apart);
      metres.push_back(5'000 * apart);
    }
  }
  return TravelTimes::table(places, seconds, metres);
}

inline Day on_the_road(std::size_t places) {
  Day day;
  day.name = "on the road";
  for (std::size_t p = 0; p < places; ++p) day.places.push_back({46.2, 6.1 + 0.05 * static_cast<double>(p)});
  return day;
}

inline Driver a_driver(DriverId id, Place home, Window shift) {
  Driver driver;
  driver.id = id;
  driver.vehicle.layouts = {Seats{{3, 0, 0}}};
  driver.shift = shift;
  driver.start = driver.end = home;
  return driver;
}

// Known from the start, ten minutes of pickup window, two minutes to get in and one to get out.
inline Booking a_booking(BookingId id, Place pickup, Place dropoff, Seconds time) {
  Booking booking;
  booking.id = id;
  booking.booking_class = BookingClass::inbound;
  booking.pickup = pickup;
  booking.dropoff = dropoff;
  booking.pickup_window = {time, time + 600};
  booking.seats = Seats{{1, 0, 0}};
  booking.pickup_service = 120;
  booking.dropoff_service = 60;
  return booking;
}

// A small company's day with a fault of every kind somewhere: no-shows, cancellations at any moment, calls that come
// late or not at all, drivers who oversleep or fall ill, jams, long services.
inline Day troubled_day(std::uint64_t seed, int drivers = 4, int bookings = 25) {
  Rng rng = Rng(seed).stream(Purpose::test);
  Day day;
  day.name = "troubled";
  for (int p = 0; p < 14; ++p) day.places.push_back({46.15 + rng.uniform(0, 0.1), 6.1 + rng.uniform(0, 0.15)});
  auto const place = [&] { return static_cast<Place>(rng.below(day.places.size())); };
  auto const chance_of = [&](double p, Seconds low, Seconds high) {
    return rng.chance(p) ? rng.between(low, high) : never;
  };
  day.skill_names = {"stairs"};
  day.partner = {.rides = static_cast<std::int32_t>(rng.below(4)), .wheelchairs = rng.chance(0.5)};
  day.lock_horizon = rng.between(0, 1'800);
  day.no_show_wait = rng.between(0, 900);
  for (int d = 1; d <= drivers; ++d) {
    Seconds const from = rng.between(at(5, 0), at(9, 0));
    Driver driver = a_driver(d, place(), {from, from + rng.between(4 * one_hour, 10 * one_hour)});
    driver.type = static_cast<DriverType>(rng.below(3));
    driver.max_overtime = rng.between(0, 3'600);
    driver.vehicle.layouts = {Seats{{4, 0, 0}}, Seats{{2, 1, 0}}};
    driver.skills = rng.below(2);
    if (rng.chance(0.3)) driver.end = no_place;
    if (rng.chance(0.5)) driver.breaks.push_back({{at(11, 0), at(13, 0)}, 1'800});
    if (rng.chance(0.2)) driver.breaks.push_back({{at(14, 0), at(15, 0)}, 600});
    day.drivers.push_back(driver);
    day.reality.drivers.push_back({.id = d,
                                   .late_start = rng.chance(0.3) ? rng.between(1, 3'600) : 0,
                                   .sick_from = chance_of(0.25, at(4, 0), at(18, 0))});
  }
  for (int b = 1; b <= bookings; ++b) {
    Seconds const from = rng.between(at(6, 0), at(16, 0));
    Booking booking = a_booking(b, place(), place(), from);
    booking.booking_class = static_cast<BookingClass>(rng.below(booking_classes));
    booking.pickup_window.end = from + rng.between(0, 2'400);
    if (rng.chance(0.4)) booking.dropoff_window = {from + rng.between(0, 1'200), from + rng.between(1'800, 5'400)};
    if (rng.chance(0.1)) booking.pickup_window.end = never;
    if (rng.chance(0.2)) booking.seats = Seats{{0, 1, 0}};
    booking.pickup_service = rng.between(0, 300);
    booking.dropoff_service = rng.between(0, 300);
    if (rng.chance(0.4)) booking.max_ride = rng.between(600, 3'600);
    if (rng.chance(0.3)) booking.max_ride_ratio = 2;
    booking.priority = static_cast<std::int32_t>(rng.between(1, 5));
    booking.skills = rng.chance(0.2) ? 1 : 0;
    booking.exclusive = rng.chance(0.1);
    auto const somebody = [&] { return static_cast<DriverId>(rng.between(1, drivers)); };
    if (rng.chance(0.2)) booking.preferred = {somebody()};
    if (rng.chance(0.1)) booking.forbidden = {somebody()};
    if (b > 1 && rng.chance(0.3)) booking.linked = b - 1;
    booking.known_from = rng.chance(0.5) ? -rng.between(0, 2 * day_length) : from - rng.between(0, 7'200);
    day.bookings.push_back(booking);
    if (rng.chance(0.2)) continue;  // of whom nothing is told
    day.reality.bookings.push_back({.id = b,
                                    .cancelled_at = chance_of(0.2, booking.known_from - 600, from + 3'600),
                                    .no_show = rng.chance(0.1),
                                    .ready_delay = rng.chance(0.2) ? rng.between(0, 1'200) : 0,
                                    .calls_at = chance_of(0.8, from - 1'800, from + 3'600),
                                    .service_factor = rng.uniform(0.5, 3)});
  }
  day.reality.seed = seed;
  day.reality.noise = rng.uniform(0, 0.4);
  for (double& factor : day.reality.traffic) factor = rng.uniform(0.8, 1.6);
  return day;
}

}  // namespace regulus::sim
