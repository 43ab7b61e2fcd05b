// What must hold of a day at any moment, whatever the policy does: the watchdog of simulations and tests.
//
//   time does not go back; everything stands in canonical order
//   a booking's status moves forward only, and agrees with where it is: in exactly one plan while it is assigned, on
//   its way or on board, in none otherwise; undecided are exactly those that are known, ready and pending a pickup
//   stands before its drop-off, riders on board have a drop-off only what is on board fits a layout, at every stop; who
//   rides alone does; a rest finds nobody on board locked stops stand first; one leaves the plan only when its booking
//   is over or its driver ill, and none overtakes another only the first stop is under way, and the driver's status
//   says so nothing has a time that lies ahead: whatever has happened happened by now
#pragma once

#include <vector>

#include "core/result.h"
#include "domain/snapshot.h"

namespace regulus::sim {

class Invariants {
 public:
  // `day` must outlive this.
  explicit Invariants(Day const& day) : day_(day) {}

  // To be called after every event and decision: remembers what it saw. Names what does not hold, and of whom.
  Status check(FleetSnapshot const& fleet);

 private:
  Status check_driver(FleetSnapshot const& fleet, std::size_t d);
  Status check_booking(FleetSnapshot const& fleet, std::size_t b);
  Status check_history(FleetSnapshot const& fleet);

  Day const& day_;
  std::vector<DriverId> plan_of_;  // by booking; scratch
  FleetSnapshot before_;
  bool seen_ = false;
};

}  // namespace regulus::sim
