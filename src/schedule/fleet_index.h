// The cheapest insertion of one booking among all vehicles, exactly, in well under a millisecond for a large fleet.
//
// The answer is that of best_insertion_by_trying() over every vehicle, ties included: lowest cost, then lowest vehicle,
// then earlier pickup, then earlier drop-off. The way there is shorter:
//
// 1. Each vehicle keeps its route spelled out, with the earliest arrival and the latest departure that windows and legs
//    allow at each stop. A gap whose neighbours cannot meet the request's windows is passed over without computing a
//    leg: the cone of what is reachable in time, then, with the legs, in place.
// 2. What is left gets a lower bound of what it would cost: driving, matching and call-out exactly, lateness and
//    overtime of the earliest arrivals, the shortest possible paid time and rides.
// 3. Candidates are evaluated exactly, by the very passes of evaluate(), in the order of their bounds, until the next
//    bound is above the best cost found.
//
// No step needs the triangle inequality: a bound never uses a leg that the insertion replaces.
//
// The index follows an instance that grows during a day. It keeps a reference to the instance and reads a request when
// it is asked about it, so nodes and requests may be appended at any time. What it keeps of a vehicle is a copy made by
// set_route(): after any change of a vehicle's use or of a node in its route, set the route again. A vehicle whose
// route was never set, or was forgotten, takes no part.
//
// Not thread-safe: a question uses the index's workspace.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "schedule/instance.h"
#include "schedule/route.h"

namespace regulus::schedule {

class FleetIndex {
 public:
  explicit FleetIndex(Instance const& instance);
  ~FleetIndex();
  FleetIndex(FleetIndex&&) noexcept;
  FleetIndex& operator=(FleetIndex&&) = delete;

  // What the vehicle drives from now on. Bug check: the route is feasible. Linear in its length, but for the check that
  // nothing is in it twice.
  void set_route(std::int32_t vehicle, std::span<std::int32_t const> nodes);
  // The vehicle's `earliest` has risen, nothing else has changed, and the route is still feasible: cheaper than setting
  // it again, for the work is done when a request comes that the vehicle may take.
  void leaves_later(std::int32_t vehicle);
  void forget(std::int32_t vehicle);

  std::span<std::int32_t const> route(std::int32_t vehicle) const;
  RouteCost const& cost(std::int32_t vehicle) const;  // of the route as it is set

  // Nothing: no vehicle can take it.
  std::optional<Insertion> best(std::int32_t request);
  // The best insertion on each vehicle, cheapest first, of the `count` cheapest vehicles.
  std::vector<Insertion> best_of_each(std::int32_t request, std::size_t count);

  // What the last question took.
  struct Work {
    std::int64_t vehicles = 0;   // that were not ruled out as a whole
    std::int64_t bounded = 0;    // pairs of positions that got a bound
    std::int64_t evaluated = 0;  // pairs that were evaluated exactly
  };
  Work const& work() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace regulus::schedule
