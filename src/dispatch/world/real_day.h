// What a day really does, looked up by position: its Reality with every gap filled in.
//
// A leg takes what is expected at the hour in which it is driven, times the traffic of that hour, times luck:
//
//   seconds = expected(hour of departure) × traffic[hour of departure] × exp(noise × z),  z standard normal
//
// z is drawn from the day's seed and the errand: the way to booking 7's pickup has the same luck whoever drives it and
// whenever, so two policies meet the same day.
#pragma once

#include <cstdint>
#include <vector>

#include "domain/day.h"
#include "domain/travel_times.h"

namespace regulus::dispatch {

enum class Errand : std::uint8_t { pickup, dropoff, home };

class RealDay {
 public:
  // All must outlive this. The reality is the day's own, or another one of the same day.
  RealDay(Day const& day, TravelTimes const& expected) : RealDay(day, day.reality, expected) {}
  RealDay(Day const& day, Reality const& reality, TravelTimes const& expected);

  BookingReality const& booking(std::int32_t position) const { return bookings_[static_cast<std::size_t>(position)]; }
  DriverReality const& driver(std::int32_t position) const { return drivers_[static_cast<std::size_t>(position)]; }

  // `id` is the booking's for a pickup or drop-off and the driver's for the way home.
  Seconds leg(Place from, Place to, Seconds departure, Errand errand, std::int32_t id) const;
  // The factor by which the errand's own luck stretches its leg.
  double luck(Errand errand, std::int32_t id) const;

  // Service as it really takes.
  Seconds pickup_service(std::int32_t position) const;
  Seconds dropoff_service(std::int32_t position) const;

 private:
  Day const& day_;
  Reality const& reality_;
  TravelTimes const& expected_;
  std::vector<BookingReality> bookings_;
  std::vector<DriverReality> drivers_;
};

// A will-call return's windows once its patient has called. The length of the stated pickup window stays, but nobody
// who is ready is asked to wait longer than half an hour; the drop-off window moves along.
struct CalledWindows {
  Window pickup, dropoff;
};
CalledWindows windows_after_call(Booking const& booking, Seconds call);

}  // namespace regulus::dispatch
