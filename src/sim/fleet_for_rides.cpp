#include "sim/fleet_for_rides.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/rng.h"
#include "domain/leg_hours.h"

namespace regulus::sim {

namespace {

constexpr Seconds step = 10 * one_minute;
constexpr Seconds longest_shift = 9 * one_hour;
constexpr double drivers_for_each_ride = 1.3;  // somebody is always on the way to a pickup
constexpr Seconds fetching = 6 * one_minute;   // about what that takes
constexpr double worth_a_shift = 3;            // half an hour of work

struct Busy {
  Seconds from = 0, to = 0;
};

// When each ride would keep a driver busy if it were driven at once.
std::vector<Busy> busy_times(Day const& day) {
  TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
  std::vector<Busy> busy;
  for (Booking const& b : day.bookings) {
    Seconds const direct = leg_hours(b, b.pickup_window, b.dropoff_window, times).direct.seconds;
    Seconds const ride = b.pickup_service + direct + b.dropoff_service;
    bool const by_dropoff = b.dropoff_window.end != never;
    Seconds const from =
        by_dropoff ? std::max(b.pickup_window.start, b.dropoff_window.end - ride) : b.pickup_window.start;
    busy.push_back({from - fetching, from + ride});
  }
  return busy;
}

// What a shift over these ten minutes is worth: a driver where one is missing; a thousandth of that against standing by
// where there are too many already, so that surplus drivers spread as well.
double worth(std::vector<double> const& missing, std::size_t from, std::size_t length) {
  double sum = 0;
  for (std::size_t k = from; k < from + length; ++k)
    sum += missing[k] > 0 ? std::min(missing[k], 1.0) : missing[k] / 1e3;
  return sum;
}

// One car that takes whoever rides that day.
Vehicle car_for(Day const& day) {
  Seats most{{4, 0, 0}};
  for (Booking const& b : day.bookings) {
    for (std::size_t k = 0; k < seat_kinds; ++k) most.of[k] = std::max(most.of[k], b.seats.of[k]);
  }
  Vehicle car{"car", {Seats{{most.of[0], 0, 0}}}};
  for (SeatKind const kind : {SeatKind::wheelchair, SeatKind::stretcher}) {
    if (most[kind] == 0) continue;
    Seats layout{{2, 0, 0}};
    layout[kind] = most[kind];
    car.layouts.push_back(layout);
  }
  return car;
}

}  // namespace

void fleet_for_rides(Day& day, int drivers, std::uint64_t seed) {
  REGULUS_CHECK(drivers >= 0);
  day.drivers.clear();
  if (day.bookings.empty()) return;

  // Step 1. How many drivers each ten minutes of the day ask for, on average over the ten minutes.
  std::vector<Busy> const busy = busy_times(day);
  Seconds const first = std::ranges::min(busy, {}, &Busy::from).from;
  Seconds const last = std::ranges::max(busy, {}, &Busy::to).to;
  auto const slots = static_cast<std::size_t>((last - first) / step) + 1;
  std::vector<double> missing(slots, 0);
  for (Busy const& b : busy) {
    for (auto k = static_cast<std::size_t>((b.from - first) / step); k < slots; ++k) {
      Seconds const slot = first + static_cast<Seconds>(k) * step;
      if (slot >= b.to) break;
      Seconds const inside = std::min(b.to, slot + step) - std::max(b.from, slot);
      missing[k] += drivers_for_each_ride * static_cast<double>(inside) / step;
    }
  }

  // Step 2. One shift after the other where it is worth most: peaks get most drivers, every hour somebody.
  auto const length = std::min(slots, static_cast<std::size_t>(longest_shift / step));
  std::vector<Seconds> starts;
  while (drivers == 0 || starts.size() < static_cast<std::size_t>(drivers)) {
    std::size_t best = 0;
    double most = worth(missing, 0, length);
    for (std::size_t from = 1; from + length <= slots; ++from) {
      double const here = worth(missing, from, length);
      if (here <= most) continue;
      best = from;
      most = here;
    }
    if (drivers == 0 && !starts.empty() && most < worth_a_shift) break;
    for (std::size_t k = best; k < best + length; ++k) missing[k] -= 1;
    starts.push_back(first + static_cast<Seconds>(best) * step);
  }
  std::ranges::sort(starts);

  // Step 3. They wait where rides begin.
  Vehicle const car = car_for(day);
  Skills skills = 0;
  for (Booking const& b : day.bookings) skills |= b.skills;
  Rng rng = Rng(seed).stream(Purpose::fleet);
  for (Seconds const start : starts) {
    Driver d;
    d.id = static_cast<DriverId>(day.drivers.size()) + 1;
    d.name = fmt::format("car {}", d.id);
    d.vehicle = car;
    d.skills = skills;
    d.shift = {start, start + static_cast<Seconds>(length) * step};
    d.max_overtime = one_hour;
    d.start = day.bookings[rng.below(day.bookings.size())].pickup;
    day.drivers.push_back(std::move(d));
  }
}

}  // namespace regulus::sim
