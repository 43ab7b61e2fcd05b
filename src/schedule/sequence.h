// A route spelled out position by position, and the passes over it: where every time and every cost of this library
// comes from. evaluate() spells out a list of nodes; the insertion index keeps routes spelled out and edits them.
//
// Internal to the library.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "schedule/instance.h"
#include "schedule/route.h"

namespace regulus::schedule {

// One stop with all that the passes read of its node and its request.
struct Position {
  NodeKind kind = NodeKind::pickup;
  std::uint8_t hour = 0;
  std::int32_t node = -1;
  std::int32_t partner = -1;  // position of the drop-off of a pickup, or of the pickup of a drop-off; -1: none
  Place place = no_place;     // a rest has none
  Leg leg;                    // that leads here
  Ticks earliest = 0;
  Ticks latest = forever;  // with the ride limit of a rider on board
  Ticks service = 0;
  Ticks due = forever;
  Ticks promised = forever;
  Ticks promise_slack = 0;
  Money late_rate = 0;
  Money promise_rate = 0;
  // Of a request, at both of its positions.
  Ticks max_ride = forever;
  Ticks direct = 0;
  Ticks boarded = 0;  // of a rider on board
  Money excess_rate = 0;
};

struct Sequence {
  std::int32_t vehicle = -1;
  bool used = false;  // under way, or somebody has to be fetched or brought
  std::vector<Position> at;
  Leg way_back;
  Money matching = 0;
};

struct Refusal {
  Violation violation = Violation::none;
  std::int32_t node = -1;
};

Position position_of(Instance const& instance, std::int32_t node);

// Checks order, rests, locks, who may ride where and with whom; then looks up the legs.
Refusal spell_out(Instance const& instance, std::int32_t vehicle, std::span<std::int32_t const> nodes, Sequence& s);

// `base` with a request's pickup as position `pickup_at` and its drop-off as position `dropoff_at` of `s`. Whether
// everybody fits is the caller's business; only legs next to the new stops are looked up.
void insert(Instance const& instance, Sequence const& base, std::int32_t request, std::size_t pickup_at,
            std::size_t dropoff_at, Sequence& s);

// Starts of service, and what the passes know of them.
struct Starts {
  Ticks leave = 0;
  Ticks back = 0;
  std::vector<Ticks> start;
  // Services and legs from the departure to each position, and to the end: start - path rises along the route by the
  // time that is spent waiting.
  std::vector<Ticks> path;
};

// The earliest solution of the system of differences, or the first thing that cannot hold.
Refusal earliest_starts(Instance const& instance, Sequence const& s, Starts& t);

// Delays what can be delayed for nothing (route.h).
void delay_for_nothing(Instance const& instance, Sequence const& s, Starts& t);

RouteCost cost_of(Instance const& instance, Sequence const& s, Starts const& t);

}  // namespace regulus::schedule
