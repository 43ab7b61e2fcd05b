// Where a fleet stands in the middle of a plan that is carried out to the second.
//
// What a command line knows of a running day: the plan and the time. Every driver leaves as the plan says, drives on as
// soon as a stop is served, waits at the next one, and starts every service when it was planned. A server has real
// reports instead and does not need this.
#pragma once

#include <vector>

#include "core/result.h"
#include "domain/day.h"
#include "domain/snapshot.h"
#include "domain/travel_times.h"

namespace regulus::dispatch {

struct AsPlanned {
  FleetSnapshot fleet;
  std::vector<Route> behind;  // by position of the driver: stops that are over, locked
};

// All bookings are known and ready. A stop is locked when `plan` says so or when it starts within the day's lock
// horizon of `now`. Bookings that the plan gives to a partner stay there; those it names as unserved, or not at all,
// are open. Errors: a plan that names drivers, bookings or breaks that do not exist, a booking in two routes, or, for a
// driver who has left by `now`, stops without planned starts. `day` must outlive the answer.
Result<AsPlanned> as_planned(Day const& day, TravelTimes const& times, Plan const& plan, Seconds now);

// Before the first driver leaves, and so early that nothing is locked by it.
Seconds before_the_day(Day const& day);

}  // namespace regulus::dispatch
