// Putting back who is left out.
#pragma once

#include <cstdint>
#include <vector>

#include "core/rng.h"
#include "dispatch/search/plan.h"

namespace regulus::dispatch {

struct RecreateRules {
  bool new_vehicles = true;   // may use vehicles that are not used yet
  double blink = 0.01;        // chance that a route is overlooked
  bool blink_places = false;  // overlook single places as well
};

class Recreator {
 public:
  explicit Recreator(schedule::Compiled const& compiled) : compiled_(&compiled) {}

  // One after the other, in an order drawn by lot, each where it costs least; it stays out when that is cheaper.
  void greedy(Plan& plan, RecreateRules const& rules, Rng& rng);
  // Always the one that would lose most by waiting: the sum of what its second, third, … `regret`-th best route costs
  // more than its best. `noise` scales every cost by up to that share.
  void by_regret(Plan& plan, int regret, RecreateRules const& rules, double noise, Rng& rng);

 private:
  bool worth_it(Plan const& plan, std::int32_t request, schedule::Money cost) const;
  void sort_by_lot(Plan const& plan, Rng& rng);

  schedule::Compiled const* compiled_;
  std::vector<std::int32_t> order_;
  std::vector<std::int64_t> key_;
  std::vector<schedule::Insertion> best_;  // request by request of order_, vehicle by vehicle
};

}  // namespace regulus::dispatch
