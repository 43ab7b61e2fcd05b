// In which hour the legs of a ride count, and how long and far it is without detour.
//
// The hour of a leg is the hour in which its destination is due (domain/travel_times.h): the pickup's when its window
// opens, the drop-off's one direct ride later. A ride that only its drop-off window pins to the day is counted back
// from there. Planner, simulator and scorecard all ask here, so that they mean the same direct ride.
#pragma once

#include <algorithm>

#include "domain/fleet.h"
#include "domain/travel_times.h"

namespace regulus {

struct LegHours {
  std::uint8_t pickup = 0;
  std::uint8_t dropoff = 0;
  Leg direct;  // from pickup to drop-off, at the drop-off's hour
};

// The windows as they stand; a will-call return's are known when the patient calls.
inline LegHours leg_hours(Booking const& booking, Window const& pickup, Window const& dropoff,
                          TravelTimes const& times) {
  Seconds const rough = times.seconds(booking.pickup, booking.dropoff, hour_of_day(pickup.start));
  Seconds const before = booking.pickup_service + rough;
  Seconds const from = pickup.end < never ? pickup.start : std::max(pickup.start, dropoff.start - before);
  LegHours hours;
  hours.pickup = static_cast<std::uint8_t>(hour_of_day(from));
  hours.dropoff = static_cast<std::uint8_t>(hour_of_day(from + rough));
  hours.direct = times.leg(booking.pickup, booking.dropoff, hours.dropoff);
  return hours;
}

}  // namespace regulus
