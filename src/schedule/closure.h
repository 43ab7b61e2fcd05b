// Whether a request fits into a route at a pair of positions, in constant time and exactly.
//
// The start times of a route obey differences t(b) - t(a) >= w (route.h). The longest paths between all pairs of
// variables, their closure, say everything that these imply; it is computed once for a route, by linear passes from
// each variable. An insertion replaces one or two legs by detours over two new variables, so a contradiction, a cycle
// whose sum is positive, must run through the new ones; between them it follows old longest paths. Folding these paths
// into a matrix of the new variables alone, two of them (a third one when a rest's place changes), leaves a test of a
// few dozen additions (compare the resource pairs of Gschwind and Drexl 2019, "Adaptive large neighborhood search with
// a constant-time feasibility test for the dial-a-ride problem", Transportation Science 53).
//
// The old legs that an insertion replaces stay among the old paths. They add nothing as long as the detour is no
// shorter than the leg. Where it is (travel times without the triangle inequality), `yes` is still certain, and what
// would be `no` is `unknown`: ask evaluate().
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "schedule/instance.h"
#include "schedule/sequence.h"

namespace regulus::schedule {

enum class Fit : std::uint8_t { yes, no, unknown };

class Closure {
 public:
  // Bug check: the route is feasible. The instance must outlive the closure.
  Closure(Instance const& instance, std::int32_t vehicle, std::span<std::int32_t const> nodes);

  // Positions as in Insertion. Constant time, but for a rest looked through.
  Fit times_fit(std::int32_t request, std::size_t pickup_at, std::size_t dropoff_at) const;

  // Who may ride, seats, who rides alone, rests and locks: the greatest drop-off position that a pickup at `pickup_at`
  // allows, or 0 when none. Linear in the distance between the two.
  std::size_t last_dropoff(std::int32_t request, std::size_t pickup_at) const;

  // Both.
  Fit fits(std::int32_t request, std::size_t pickup_at, std::size_t dropoff_at) const;

 private:
  Ticks path(std::size_t from, std::size_t to) const { return longest_[from * variables_ + to]; }
  void close();
  bool relax(std::span<Ticks> row) const;

  Instance const& instance_;
  Sequence s_;
  std::vector<std::int32_t> riders_, alone_;  // on board before each position
  std::vector<Seats> load_;
  std::vector<Ticks> step_;  // from the departure (0) or stop k - 1 to the next; legs and service
  bool closed_ = false;      // an unused vehicle's rests may leave no solution
  // Variables: 0 is the origin of time, 1 the departure, k + 2 the start at position k, the last one the return.
  std::size_t variables_ = 0;
  std::vector<Ticks> longest_;
};

}  // namespace regulus::schedule
