// One vehicle's sequence of stops and what it means in time, load and money. Nobody else computes times.
//
// The start times t of a fixed sequence obey a system of difference constraints: windows, t(k+1) >= t(k) + service +
// travel, and, for a rider whose pickup is stop i and drop-off stop j, t(j) <= t(i) + service(i) + max_ride. The
// solutions form a lattice: when there is one, there is an earliest one, in which everything happens as early as it
// can. Starting from it, stops are delayed where that costs nobody else anything, in the order of Cordeau and Laporte's
// eight steps (2003, "A tabu search heuristic for the static multi-vehicle dial-a-ride problem", Transportation
// Research B 37, section 4): the departure, to shorten the paid time, then each pickup, to shorten the ride of whoever
// boards there (by the waiting before the drop-off, and not below the direct ride), and either for a promise; never so
// far that anybody becomes later than due or than before, or starts overtime. That schedule is what a route costs.
//
// Whether a sequence can be driven is decided exactly. Its cost is that of one good schedule: never above the cost of
// the earliest one, with the least possible lateness, but where two riders' excess rides compete for the same minutes
// not always the cheapest there is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "schedule/instance.h"

namespace regulus::schedule {

// Why a sequence cannot be driven; the first reason found, in the order of the sequence.
enum class Violation : std::uint8_t {
  none,
  order,      // a drop-off before its pickup, a stop twice, a pickup without its drop-off
  window,     // `node` is reached after its latest
  capacity,   // no layout holds who is on board after `node`
  exclusive,  // somebody who rides alone does not
  ride_time,  // the ride that ends at `node` is longer than allowed, whatever the departure
  duration,   // the vehicle is away longer than allowed
  shift,      // the vehicle is back too late
  vehicle,    // `node`'s request must not be on this vehicle
  lock,       // the locked stops are not the beginning of the route
  rest,       // a rest is missing, out of order, or with somebody on board
};

struct Timing {
  Ticks leave = 0;            // departure from the start place
  Ticks back = 0;             // at the end place, or the end of the last service
  std::vector<Ticks> arrive;  // by position
  std::vector<Ticks> start;   // of service, by position
  std::int64_t metres = 0;
};

struct RouteCost {
  Money driving = 0;
  Money paid = 0;  // fixed, time and overtime
  Money lateness = 0;
  Money excess = 0;
  Money promises = 0;  // moved promises
  Money matching = 0;  // on_vehicle
  Money total() const { return driving + paid + lateness + excess + promises + matching; }
  friend bool operator==(RouteCost const&, RouteCost const&) = default;
};

struct Evaluation {
  Violation violation = Violation::none;
  std::int32_t node = -1;  // where
  Timing timing;           // meaningful when violation is none
  RouteCost cost;          // without the load term, which belongs to the whole plan
};

// The reference: linear passes until nothing moves. Exact. A vehicle that has not started and has no rider to fetch
// costs nothing, whatever rests it was given.
Evaluation evaluate(Instance const& instance, std::int32_t vehicle, std::span<std::int32_t const> nodes);

// Where a request goes in a route: the pickup becomes the stop at position `pickup_at`, the drop-off the stop at
// position `dropoff_at` of the new route, so pickup_at < dropoff_at.
struct Insertion {
  std::int32_t vehicle = -1;
  std::int32_t pickup_at = -1;
  std::int32_t dropoff_at = -1;
  // What the route costs more, with on_vehicle, and load_weight × (2 n + 1) for a vehicle with n trips so far: the mean
  // of the fleet rises alike wherever the request goes.
  Money cost = impossible;
  friend bool operator==(Insertion const&, Insertion const&) = default;
};

// The cheapest feasible insertion of `request` into the route, by trying every pair of positions with evaluate(): the
// naive twin of every fast search. Ties go to the earlier pickup, then the earlier drop-off. Nothing: none is feasible.
std::optional<Insertion> best_insertion_by_trying(Instance const& instance, std::int32_t vehicle,
                                                  std::span<std::int32_t const> nodes, std::int32_t request);

}  // namespace regulus::schedule
