// What became of a day, and the numbers that people ask for. For a simulated day and for a real one.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/json.h"
#include "domain/day.h"
#include "domain/snapshot.h"

namespace regulus {

// What one driver did.
struct DriverOutcome {
  Seconds left = never;  // the start place; never: not used
  Seconds back = never;  // at the end place, or the end of the last service
  Metres driven = 0;
  Metres driven_empty = 0;  // with nobody on board
};

// A day that is over, or a plan read as if everything went as planned.
struct Outcome {
  std::vector<BookingState> bookings;  // parallel to Day::bookings
  std::vector<DriverOutcome> drivers;  // parallel to Day::drivers
  std::int64_t changed_drivers = 0;    // promises broken, counted when they were
  Seconds moved_promises = 0;          // beyond five minutes each
};

// Direct rides come from `times`, which are the expected ones. A booking that is still open counts as unserved; one
// that was cancelled, or whose passenger did not show up, costs what was driven for it and no more.
Totals totals_of(Day const& day, TravelTimes const& times, Outcome const& outcome);

// The day's scorecard. Shares are of requested bookings that were not cancelled, unless the name says otherwise.
struct Kpi {
  Cost cost;
  std::int64_t requested = 0, served = 0, partner = 0, unserved = 0, cancelled = 0, no_show = 0;
  std::int64_t on_time = 0;      // served, neither pickup nor drop-off later than tolerated
  double mean_late_minutes = 0;  // of served rides, beyond the windows' ends
  double p95_late_minutes = 0;
  std::array<Seconds, booking_classes> late{};  // of served rides by BookingClass, both ends, beyond what is tolerated
  double mean_ride_ratio = 0;                   // time on board over the direct ride
  double mean_wait_minutes = 0;                 // pickup after the pickup window's start
  double driven_km = 0, empty_share = 0;
  double rides_per_paid_hour = 0;
  double drivers_used = 0;
  std::int64_t most_trips = 0, fewest_trips = 0;  // of drivers on duty
  double changed_promises = 0;                    // share of promised bookings whose driver changed
};
Kpi kpi_of(Day const& day, TravelTimes const& times, Outcome const& outcome);
Json to_json(Kpi const& kpi);
Json to_json(Cost const& cost);
// One number for each booking class, under its name.
Json by_class_json(std::array<double, booking_classes> const& numbers);

}  // namespace regulus
