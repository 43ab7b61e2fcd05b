// Whether a plan can be driven and what it costs, added up by somebody who did not make it.
//
// The checker shares the nouns, the travel times and the price list with the planner (domain/), and nothing else: it
// does not include schedule/, so an error of the kernel cannot vouch for itself. It takes the planned starts of service
// as they are and verifies them one by one; it neither moves nor repairs anything. A plan without violations is a
// certificate: whoever drives it as written keeps every limit and costs `cost`.
//
// What must hold
//   every booking is planned once, given to a partner once, or named as unserved once
//   a stop starts inside its window, or late by no more than may be planned, and not before the driver can be there
//   a driver leaves not before the shift, as late as the first stop allows, and is back by its end and the overtime
//   who is on board fits one layout; who rides alone does; nobody is on board during a break
//   a ride takes at most max_ride and max_ride_ratio times the direct ride
//   a break starts in its window; only who has the time at home, before leaving or after being back, may do without
//   skills, forbidden and required drivers are respected; a partner's rides and wheelchairs too
//   with `locked`: its locked stops are still the beginning of their drivers' routes, in the same order
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"
#include "domain/day.h"
#include "domain/fleet.h"
#include "domain/kpi.h"
#include "domain/travel_times.h"

namespace regulus::dispatch {

struct PlanViolation {
  DriverId driver = 0;    // 0: of no driver
  std::int32_t stop = 0;  // of the driver's route, from 1; 0: of none
  BookingId booking = 0;  // 0: of none
  Seconds by = 0;         // by how many seconds; 0 where time is not the matter
  std::string rule;       // "window", "travel", "seats", …
  std::string what;       // the sentence
};

struct PlanReport {
  std::vector<PlanViolation> violations;
  Outcome outcome;  // as if everything went as planned
  Kpi kpi;          // with the cost; meaningful when nothing is violated
  bool feasible() const { return violations.empty(); }
};

// `locked`: an earlier plan, or nullptr. `times` are those of the day's places.
PlanReport check_plan(Day const& day, TravelTimes const& times, Plan const& plan, Plan const* locked = nullptr);

std::string to_text(PlanViolation const& violation);
Json to_json(PlanReport const& report);

}  // namespace regulus::dispatch
