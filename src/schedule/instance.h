// A dial-a-ride problem in the form in which the schedule kernel and the optimiser read it: nodes, requests, vehicles.
//
// One form for everything: a company's day (seconds and thousandths of a cent), a replan with riders on board and
// locked stops, and the published benchmarks (1e-5 of their unit, which are then both time and cost). All numbers are
// integers. Filled in by whoever knows the question (dispatch/instance_of.h, dispatch/benchmark.h), read by everybody
// else.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "domain/fleet.h"
#include "domain/travel_times.h"

namespace regulus::schedule {

using Ticks = std::int64_t;
using Money = std::int64_t;  // thousandths of a cent, or the benchmark's unit
inline constexpr Ticks forever = std::int64_t{1} << 52;
inline constexpr Money impossible = std::int64_t{1} << 52;

enum class NodeKind : std::uint8_t { pickup, dropoff, rest };

// One possible stop. Service starts inside [earliest, latest], which is hard; from `due` on, each tick costs late_rate.
struct Node {
  NodeKind kind = NodeKind::pickup;
  std::uint8_t hour = 0;      // of the legs that lead here
  Place place = no_place;     // a rest has none: it is taken where the previous stop was
  std::int32_t request = -1;  // or the vehicle's rest number
  Ticks earliest = 0;
  Ticks latest = forever;
  Ticks service = 0;
  Ticks due = forever;
  Money late_rate = 0;  // for each tick after due
  // A promise: each tick that the start lies further than `promise_slack` from `promised` costs promise_rate.
  Ticks promised = forever;  // forever: no promise
  Ticks promise_slack = 0;
  Money promise_rate = 0;
};

struct Request {
  std::int32_t pickup = -1;   // node; -1 when already on board
  std::int32_t dropoff = -1;  // node
  Seats seats;
  bool exclusive = false;
  Ticks max_ride = forever;     // from end of pickup service to start of drop-off service
  Ticks boarded = 0;            // end of pickup service of a rider on board
  Ticks direct = 0;             // ride time that costs nothing
  Money excess_rate = 0;        // for each tick on board beyond direct
  Money left_out = impossible;  // price of serving it not at all (or by a partner, when that is cheaper)
  // What the choice of vehicle adds; `impossible` forbids it. Empty: every vehicle, at no extra price.
  std::vector<Money> on_vehicle;
};

struct Rest {
  std::int32_t node = -1;
};

struct VehicleUse {
  Place start = no_place;
  Place end = no_place;          // no_place: ends at the last stop
  std::uint8_t end_hour = 0;     // hour of the leg to `end`
  Ticks earliest = 0;            // leaves `start` not before
  Ticks latest = forever;        // is at `end` by then
  bool started = false;          // already under way: leaving later saves no paid time, paid since `earliest`
  Ticks max_duration = forever;  // from leaving start to reaching end
  std::vector<Seats> layouts;
  Money fixed = 0;     // for being used at all
  Money per_tick = 0;  // paid time between leaving and being back
  Ticks overtime_after = forever;
  Money overtime_rate = 0;             // on top, for each tick after overtime_after
  std::int32_t trips = 0;              // rides of this vehicle that are not in the instance; for load_weight
  std::vector<Rest> rests;             // every one must be in the vehicle's route, in this order
  std::vector<std::int32_t> on_board;  // requests whose drop-off must be in the vehicle's route
  std::vector<std::int32_t> locked;    // nodes that every route of this vehicle begins with, in order
};

struct Instance {
  TravelTimes const* times = nullptr;
  std::vector<Node> nodes;
  std::vector<Request> requests;
  std::vector<VehicleUse> vehicles;
  Money per_metre = 0;    // for each unit of distance
  Money load_weight = 0;  // × Σ over vehicles (trips − mean trips)²

  Money on_vehicle(std::int32_t request, std::int32_t vehicle) const {
    auto const& prices = requests[static_cast<std::size_t>(request)].on_vehicle;
    return prices.empty() ? 0 : prices[static_cast<std::size_t>(vehicle)];
  }
};

}  // namespace regulus::schedule
