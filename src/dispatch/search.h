// Large neighbourhood search for dial-a-ride: the optimiser behind every policy that looks beyond one insertion, and
// behind the benchmarks.
//
// Remove some requests, put them back better, keep the result when it is good enough (Shaw 1998; Ropke and Pisinger
// 2006, "An adaptive large neighborhood search heuristic for the pickup and delivery problem with time windows").
// Locked nodes, riders on board and rests stay where they must. Deterministic for a number of iterations; with a time
// limit, whatever was reached by then.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/rng.h"
#include "schedule/instance.h"
#include "schedule/route.h"

namespace regulus::dispatch {

struct Solution {
  std::vector<std::vector<std::int32_t>> routes;  // nodes, by vehicle
  std::vector<std::int32_t> left_out;             // requests, ascending
  schedule::Money cost = 0;                       // routes, load term and the price of what is left out
};

class Appraiser;  // dispatch/search/appraiser.h

struct SearchOptions {
  std::int64_t iterations = 1'000'000'000;
  double seconds = 0;           // 0: no time limit
  bool fewer_vehicles = false;  // the number of vehicles used comes before the cost (Li and Lim)
  std::function<void(Solution const&, double seconds)> on_better;  // may be empty
  // Asked between iterations, and may take its time; false: the search ends with what it has. May be empty.
  std::function<bool()> go_on;
  Appraiser* appraiser = nullptr;  // the answer is then never worse by cost and opinion together
};

// The cost of a solution with a route that has no schedule. construct() and improve() hand such a one back as it came.
inline constexpr schedule::Money no_plan = std::int64_t{1} << 62;

// What these routes cost with the load term, from the reference evaluation. Bug check: they are feasible.
schedule::Money cost_of_routes(schedule::Instance const& instance, std::span<std::vector<std::int32_t> const> routes);
// The same with the price of whom the solution leaves out.
schedule::Money cost_of(schedule::Instance const& instance, Solution const& solution);

// The routes that the instance forces and nothing else: locked nodes, drop-offs of riders on board, rests; in the
// cheapest order. Cost no_plan when some vehicle's stops have no schedule in any order.
Solution forced_routes(schedule::Instance const& instance);

// Puts every request that is left out where it costs least, the one with the greatest regret first (Potvin and
// Rousseau 1993); regret 1 is plain best insertion.
Solution construct(schedule::Instance const& instance, Solution start, int regret);

// Improves a feasible solution; the answer is never worse.
Solution improve(schedule::Instance const& instance, Solution const& start, SearchOptions const& options, Rng rng);

}  // namespace regulus::dispatch
