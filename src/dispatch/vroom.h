// VROOM's JSON, read into a day and written from a plan, so that whoever uses that solver can change over.
//
// Input: vehicles (capacity, skills, time_window, breaks, steps) and shipments (pickup, delivery, amount, skills,
// priority), with coordinates or with matrices. An amount has up to three numbers: ambulatory, wheelchair, stretcher.
// Time windows are hard, as VROOM means them: nothing may be planned late. Moments are seconds of one day. Regulus adds
//
//   shipment   max_ride_time, max_ride_ratio, exclusive or exclusive_group, class, companions,
//              preferred_vehicles, forbidden_vehicles, required_vehicles, promise {"vehicle", "time"}
//   vehicle    layouts (several capacities that convert into each other), type_of_driver, max_overtime
//   step       locked: neither moved nor removed; locked steps come first
//   top level  weights, the prices of domain/objective.h
//
// and refuses, by name, what it would have to ignore: jobs (one place has no ride), set-up times, several time windows,
// VROOM's own costs and limits. Output: VROOM's, with a `reason` for each unassigned task, costs in cents.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "dispatch/plan_check.h"
#include "domain/day.h"
#include "domain/fleet.h"
#include "domain/travel_times.h"

namespace regulus::dispatch {

// What VROOM calls things.
struct VroomNames {
  struct Task {
    std::int64_t pickup = 0, delivery = 0;
  };
  std::vector<Task> tasks;                           // by position of the booking
  std::vector<std::vector<std::int64_t>> breaks;     // by position of the driver, then by number of the break
  bool has_coordinates = true, has_indices = false;  // of locations
};
// For a day that did not come from VROOM: ids of bookings, numbers of breaks from 1.
VroomNames names_of(Day const& day);

struct VroomPromise {
  DriverId driver = 0;     // 0: of no driver
  Seconds pickup = never;  // never: of no time
};

struct VroomProblem {
  Day day;
  std::optional<TravelTimes> times;    // of `matrices`; nothing: from the coordinates
  Plan given;                          // `steps`, without planned times
  std::vector<VroomPromise> promises;  // by position of the booking
  VroomNames names;
};

// Whether a document looks like VROOM's input rather than ours.
bool is_vroom(Json const& json);
// Errors name path, value and remedy.
Result<VroomProblem> read_vroom(Json const& json);

// `report` is check_plan's of this plan.
Json vroom_output(Day const& day, TravelTimes const& times, VroomNames const& names, Plan const& plan,
                  PlanReport const& report);

}  // namespace regulus::dispatch
