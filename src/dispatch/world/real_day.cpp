#include "dispatch/world/real_day.h"

#include <algorithm>
#include <cmath>

#include "core/rng.h"

namespace regulus::dispatch {

RealDay::RealDay(Day const& day, Reality const& reality, TravelTimes const& expected)
    : day_(day), reality_(reality), expected_(expected) {
  for (Booking const& b : day.bookings) bookings_.push_back({.id = b.id});
  for (BookingReality const& b : reality.bookings) {
    bookings_[static_cast<std::size_t>(day.booking_position(b.id))] = b;
  }
  // A patient of whom nothing is told calls when expected.
  for (std::size_t i = 0; i < bookings_.size(); ++i) {
    if (bookings_[i].calls_at == never) bookings_[i].calls_at = day.bookings[i].pickup_window.start;
  }
  for (Driver const& d : day.drivers) drivers_.push_back({.id = d.id});
  for (DriverReality const& d : reality.drivers) {
    drivers_[static_cast<std::size_t>(day.driver_position(d.id))] = d;
  }
}

double RealDay::luck(Errand errand, std::int32_t id) const {
  if (reality_.noise == 0) return 1;
  std::uint64_t const key = mix(static_cast<std::uint64_t>(id), static_cast<std::uint64_t>(errand));
  return std::exp(reality_.noise * Rng(reality_.seed).stream(Purpose::traffic, key).normal());
}

Seconds RealDay::leg(Place from, Place to, Seconds departure, Errand errand, std::int32_t id) const {
  if (from == to) return 0;
  int const hour = hour_of_day(departure);
  double const factor = reality_.traffic[static_cast<std::size_t>(hour)] * luck(errand, id);
  return std::llround(static_cast<double>(expected_.seconds(from, to, hour)) * factor);
}

Seconds RealDay::pickup_service(std::int32_t position) const {
  auto const expected = static_cast<double>(day_.bookings[static_cast<std::size_t>(position)].pickup_service);
  return std::llround(expected * booking(position).service_factor);
}

Seconds RealDay::dropoff_service(std::int32_t position) const {
  auto const expected = static_cast<double>(day_.bookings[static_cast<std::size_t>(position)].dropoff_service);
  return std::llround(expected * booking(position).service_factor);
}

CalledWindows windows_after_call(Booking const& booking, Seconds call) {
  constexpr Seconds longest = 30 * one_minute;
  CalledWindows windows{booking.pickup_window, booking.dropoff_window};
  Seconds const moved = call - windows.pickup.start;
  windows.pickup = {call, call + std::min(longest, windows.pickup.end - windows.pickup.start)};
  windows.dropoff.start += moved;
  if (windows.dropoff.end < never) windows.dropoff.end += moved;
  return windows;
}

}  // namespace regulus::dispatch
