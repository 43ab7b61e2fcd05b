#include "schedule/route.h"

#include <algorithm>
#include <vector>

#include "core/check.h"

namespace regulus::schedule {

namespace {

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

// The sequence with everything that does not depend on the start times.
struct Sequence {
  Instance const& instance;
  VehicleUse const& vehicle;
  std::span<std::int32_t const> nodes;
  std::vector<Leg> legs;             // to position k; one more for the way back
  std::vector<std::size_t> partner;  // of a drop-off: the position of its pickup, or nowhere for a rider on board
  std::vector<std::size_t> dropoff;  // of a pickup: the position of its drop-off
  std::vector<Ticks> latest;         // of position k, with the ride limits of riders on board

  Node const& node(std::size_t k) const { return instance.nodes[static_cast<std::size_t>(nodes[k])]; }
  Request const& request(std::size_t k) const { return instance.requests[static_cast<std::size_t>(node(k).request)]; }
  // From the start of service at k to the arrival at k + 1, or back.
  Ticks step(std::size_t k) const { return node(k).service + legs[k + 1].seconds; }
};

bool used(VehicleUse const& vehicle, Sequence const& s) {
  return vehicle.started || std::any_of(s.nodes.begin(), s.nodes.end(), [&](std::int32_t n) {
           return s.instance.nodes[static_cast<std::size_t>(n)].kind != NodeKind::rest;
         });
}

struct Refusal {
  Violation violation = Violation::none;
  std::int32_t node = -1;
};

// Order, rests, locks, who may ride where.
Refusal check_structure(Sequence& s, std::int32_t vehicle) {
  std::size_t const n = s.nodes.size();
  if (s.vehicle.locked.size() > n) return {Violation::lock, s.vehicle.locked[n]};
  for (std::size_t k = 0; k < s.vehicle.locked.size(); ++k) {
    if (s.nodes[k] != s.vehicle.locked[k]) return {Violation::lock, s.nodes[k]};
  }
  s.partner.assign(n, nowhere);
  s.dropoff.assign(n, nowhere);
  std::size_t rests = 0;
  std::size_t open = 0;  // pickups without a drop-off so far
  for (std::size_t k = 0; k < n; ++k) {
    Node const& node = s.node(k);
    if (std::find(s.nodes.begin(), s.nodes.begin() + static_cast<std::ptrdiff_t>(k), s.nodes[k]) !=
        s.nodes.begin() + static_cast<std::ptrdiff_t>(k)) {
      return {Violation::order, s.nodes[k]};
    }
    switch (node.kind) {
      case NodeKind::rest:
        if (rests >= s.vehicle.rests.size() || s.vehicle.rests[rests].node != s.nodes[k]) {
          return {Violation::rest, s.nodes[k]};
        }
        ++rests;
        break;
      case NodeKind::pickup:
        if (s.instance.on_vehicle(node.request, vehicle) >= impossible) return {Violation::vehicle, s.nodes[k]};
        ++open;
        break;
      case NodeKind::dropoff: {
        Request const& request = s.request(k);
        if (request.pickup < 0) {
          auto const& here = s.vehicle.on_board;
          if (std::find(here.begin(), here.end(), node.request) == here.end()) return {Violation::vehicle, s.nodes[k]};
          break;
        }
        auto const before = s.nodes.begin() + static_cast<std::ptrdiff_t>(k);
        auto const pickup = std::find(s.nodes.begin(), before, request.pickup);
        if (pickup == before) return {Violation::order, s.nodes[k]};
        s.partner[k] = static_cast<std::size_t>(pickup - s.nodes.begin());
        s.dropoff[s.partner[k]] = k;
        --open;
        break;
      }
    }
  }
  if (open > 0) {
    for (std::size_t k = 0; k < n; ++k) {
      if (s.node(k).kind == NodeKind::pickup && s.dropoff[k] == nowhere) return {Violation::order, s.nodes[k]};
    }
  }
  for (std::int32_t rider : s.vehicle.on_board) {
    std::int32_t const dropoff = s.instance.requests[static_cast<std::size_t>(rider)].dropoff;
    if (std::find(s.nodes.begin(), s.nodes.end(), dropoff) == s.nodes.end()) return {Violation::order, dropoff};
  }
  if (rests < s.vehicle.rests.size()) return {Violation::rest, s.vehicle.rests[rests].node};
  return {};
}

Refusal check_load(Sequence const& s) {
  Seats load;
  int riders = 0, alone = 0;
  for (std::int32_t rider : s.vehicle.on_board) {
    Request const& request = s.instance.requests[static_cast<std::size_t>(rider)];
    load += request.seats;
    ++riders;
    alone += request.exclusive ? 1 : 0;
  }
  for (std::size_t k = 0; k < s.nodes.size(); ++k) {
    Node const& node = s.node(k);
    if (node.kind == NodeKind::rest) {
      if (riders > 0) return {Violation::rest, s.nodes[k]};
      continue;
    }
    Request const& request = s.request(k);
    if (node.kind == NodeKind::dropoff) {
      load -= request.seats;
      --riders;
      alone -= request.exclusive ? 1 : 0;
      continue;
    }
    load += request.seats;
    ++riders;
    alone += request.exclusive ? 1 : 0;
    if (alone > 0 && riders > 1) return {Violation::exclusive, s.nodes[k]};
    bool const fits = std::any_of(s.vehicle.layouts.begin(), s.vehicle.layouts.end(),
                                  [&](Seats const& layout) { return load.fits(layout); });
    if (!fits) return {Violation::capacity, s.nodes[k]};
  }
  return {};
}

void measure(Sequence& s) {
  std::size_t const n = s.nodes.size();
  s.legs.resize(n + 1);
  s.latest.resize(n);
  Place here = s.vehicle.start;
  for (std::size_t k = 0; k < n; ++k) {
    Node const& node = s.node(k);
    Place const there = node.place == no_place ? here : node.place;
    s.legs[k] = s.instance.times->leg(here, there, node.hour);
    here = there;
    s.latest[k] = node.latest;
    if (node.kind == NodeKind::dropoff) {
      Request const& request = s.request(k);
      if (request.pickup < 0 && request.max_ride < forever) {
        s.latest[k] = std::min(s.latest[k], request.boarded + request.max_ride);
      }
    }
  }
  s.legs[n] = s.vehicle.end == no_place ? Leg{} : s.instance.times->leg(here, s.vehicle.end, s.vehicle.end_hour);
}

Ticks back_of(Sequence const& s, Ticks leave, std::vector<Ticks> const& start) {
  std::size_t const n = s.nodes.size();
  return n == 0 ? leave + s.legs[0].seconds : start[n - 1] + s.step(n - 1);
}

// Moves every start that is too early for what stands before it. From position `from` on.
void push(Sequence const& s, Ticks leave, std::vector<Ticks>& start, std::size_t from) {
  for (std::size_t k = from; k < start.size(); ++k) {
    Ticks const arrive = k == 0 ? leave + s.legs[0].seconds : start[k - 1] + s.step(k - 1);
    start[k] = std::max(start[k], arrive);
  }
}

// The earliest solution of the system of differences, or the first thing that cannot hold.
Refusal earliest_schedule(Sequence const& s, Ticks& leave, std::vector<Ticks>& start) {
  std::size_t const n = s.nodes.size();
  leave = s.vehicle.earliest;
  start.resize(n);
  for (std::size_t k = 0; k < n; ++k) start[k] = s.node(k).earliest;
  // A ride limit (or the limit of the whole duration) can lift a stop before it. Each pass settles at least one of
  // them, unless they lift each other for ever.
  std::size_t const limits = n / 2 + 2;
  for (std::size_t pass = 0;; ++pass) {
    push(s, leave, start, 0);
    for (std::size_t k = 0; k < n; ++k) {
      if (start[k] > s.latest[k]) {
        bool const ride = s.latest[k] < s.node(k).latest && start[k] <= s.node(k).latest;
        return {ride ? Violation::ride_time : Violation::window, s.nodes[k]};
      }
    }
    Ticks const back = back_of(s, leave, start);
    if (back > s.vehicle.latest) return {Violation::shift, n == 0 ? -1 : s.nodes[n - 1]};
    bool moved = false;
    std::int32_t blame = -1;
    for (std::size_t k = n; k-- > 0;) {
      if (s.partner[k] == nowhere) continue;
      Request const& request = s.request(k);
      if (request.max_ride >= forever) continue;
      std::size_t const p = s.partner[k];
      Ticks const needed = start[k] - request.max_ride - s.node(p).service;
      if (start[p] < needed) {
        start[p] = needed;
        moved = true;
        blame = s.nodes[k];
      }
    }
    bool too_long = false;
    if (s.vehicle.max_duration < forever && back - leave > s.vehicle.max_duration) {
      if (s.vehicle.started) return {Violation::duration, n == 0 ? -1 : s.nodes[n - 1]};
      leave = back - s.vehicle.max_duration;
      moved = too_long = true;
    }
    if (!moved) return {};
    if (pass > limits) {
      return too_long && blame < 0 ? Refusal{Violation::duration, s.nodes[n - 1]}
                                   : Refusal{Violation::ride_time, blame};
    }
  }
}

// How far the start at `k` (or, for k = nowhere, the departure) may move without making anybody later than due, than
// promised or than before, and without a longer ride for anybody who boarded earlier. `idle` gets the waiting that such
// a move would use up.
Ticks slack_after(Sequence const& s, Ticks leave, std::vector<Ticks> const& start, std::size_t k, Ticks& idle) {
  std::size_t const n = start.size();
  std::size_t const first = k == nowhere ? 0 : k;
  Ticks waited = 0, slack = forever;
  for (std::size_t j = first; j < n; ++j) {
    if (j != k) {
      Ticks const arrive = j == 0 ? leave + s.legs[0].seconds : start[j - 1] + s.step(j - 1);
      waited += start[j] - arrive;
    }
    Node const& node = s.node(j);
    Ticks bound = std::min(s.latest[j], std::max(node.due, start[j]));
    if (node.promised < forever) bound = std::min(bound, std::max(node.promised + node.promise_slack, start[j]));
    if (node.kind == NodeKind::dropoff) {
      Request const& request = s.request(j);
      bool const boarded_before = s.partner[j] == nowhere || k == nowhere || s.partner[j] < k;
      if (boarded_before && k != nowhere) {
        Ticks const boarded =
            s.partner[j] == nowhere ? request.boarded : start[s.partner[j]] + s.node(s.partner[j]).service;
        if (request.max_ride < forever) bound = std::min(bound, boarded + request.max_ride);
        if (request.excess_rate > 0) bound = std::min(bound, std::max(boarded + request.direct, start[j]));
      } else if (s.partner[j] == nowhere && request.excess_rate > 0) {
        bound = std::min(bound, std::max(request.boarded + request.direct, start[j]));
      }
    }
    slack = std::min(slack, waited + bound - start[j]);
  }
  Ticks const back = back_of(s, leave, start);
  slack = std::min(slack, waited + std::min(s.vehicle.latest, std::max(s.vehicle.overtime_after, back)) - back);
  if (k != nowhere && s.vehicle.max_duration < forever) {
    slack = std::min(slack, waited + leave + s.vehicle.max_duration - back);
  }
  idle = waited;
  return slack;
}

// Delays what can be delayed for nothing: the departure, then each pickup in the order of the route.
void compress(Sequence const& s, Ticks& leave, std::vector<Ticks>& start) {
  Ticks idle = 0;
  if (!s.vehicle.started) {
    Ticks const slack = slack_after(s, leave, start, nowhere, idle);
    Ticks const delay = std::min(slack, idle);
    if (delay > 0) {
      // A later departure must not pull a rider's limit: starts only move as far as the departure pushes them, and a
      // pickup's push moves its own drop-off at most as much.
      leave += delay;
      push(s, leave, start, 0);
    }
  }
  for (std::size_t k = 0; k < start.size(); ++k) {
    Node const& node = s.node(k);
    if (node.kind != NodeKind::pickup) continue;
    Ticks const slack = slack_after(s, leave, start, k, idle);
    // Waiting between this pickup and its drop-off is time on board that need not be.
    Ticks wanted = idle;
    if (node.promised < forever) wanted = std::max(wanted, node.promised - node.promise_slack - start[k]);
    Ticks const delay = std::min(slack, wanted);
    if (delay <= 0) continue;
    start[k] += delay;
    push(s, leave, start, k + 1);
  }
}

}  // namespace

Evaluation evaluate(Instance const& instance, std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  VehicleUse const& use = instance.vehicles[static_cast<std::size_t>(vehicle)];
  Sequence s{instance, use, nodes, {}, {}, {}, {}};
  Evaluation result;
  auto const refuse = [&](Refusal const& refusal) {
    result.violation = refusal.violation;
    result.node = refusal.node;
    return refusal.violation != Violation::none;
  };
  if (refuse(check_structure(s, vehicle)) || refuse(check_load(s))) return result;
  measure(s);
  Timing& timing = result.timing;
  if (!used(use, s)) {
    timing.leave = timing.back = use.earliest;
    timing.arrive.assign(nodes.size(), use.earliest);
    for (std::size_t k = 0; k < nodes.size(); ++k) timing.start.push_back(std::max(use.earliest, s.node(k).earliest));
    return result;
  }
  if (refuse(earliest_schedule(s, timing.leave, timing.start))) return result;
  compress(s, timing.leave, timing.start);

  std::size_t const n = nodes.size();
  timing.back = back_of(s, timing.leave, timing.start);
  timing.arrive.resize(n);
  RouteCost& cost = result.cost;
  for (Leg const& leg : s.legs) timing.metres += leg.metres;
  cost.driving = timing.metres * instance.per_metre;
  cost.paid = use.fixed + (timing.back - timing.leave) * use.per_tick +
              std::max<Ticks>(0, timing.back - use.overtime_after) * use.overtime_rate;
  for (std::size_t k = 0; k < n; ++k) {
    Node const& node = s.node(k);
    Ticks const start = timing.start[k];
    timing.arrive[k] = k == 0 ? timing.leave + s.legs[0].seconds : timing.start[k - 1] + s.step(k - 1);
    cost.lateness += std::max<Ticks>(0, start - node.due) * node.late_rate;
    if (node.promised < forever) {
      Ticks const moved = std::max(start - node.promised, node.promised - start) - node.promise_slack;
      cost.promises += std::max<Ticks>(0, moved) * node.promise_rate;
    }
    if (node.kind == NodeKind::pickup) cost.matching += instance.on_vehicle(node.request, vehicle);
    if (node.kind != NodeKind::dropoff) continue;
    Request const& request = s.request(k);
    Ticks const boarded =
        s.partner[k] == nowhere ? request.boarded : timing.start[s.partner[k]] + s.node(s.partner[k]).service;
    cost.excess += std::max<Ticks>(0, start - boarded - request.direct) * request.excess_rate;
  }
  return result;
}

std::optional<Insertion> best_insertion_by_trying(Instance const& instance, std::int32_t vehicle,
                                                  std::span<std::int32_t const> nodes, std::int32_t request) {
  Evaluation const before = evaluate(instance, vehicle, nodes);
  REGULUS_CHECK(before.violation == Violation::none);
  Request const& wanted = instance.requests[static_cast<std::size_t>(request)];
  VehicleUse const& use = instance.vehicles[static_cast<std::size_t>(vehicle)];
  std::int64_t trips = use.trips;
  for (std::int32_t n : nodes) trips += instance.nodes[static_cast<std::size_t>(n)].kind == NodeKind::pickup ? 1 : 0;
  Money const load = instance.load_weight * (2 * trips + 1);
  std::optional<Insertion> best;
  std::vector<std::int32_t> tried;
  for (std::size_t i = use.locked.size(); i <= nodes.size(); ++i) {
    for (std::size_t j = i + 1; j <= nodes.size() + 1; ++j) {
      tried.assign(nodes.begin(), nodes.end());
      tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(i), wanted.pickup);
      tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(j), wanted.dropoff);
      Evaluation const after = evaluate(instance, vehicle, tried);
      if (after.violation != Violation::none) continue;
      Money const cost = after.cost.total() - before.cost.total() + load;
      if (!best || cost < best->cost) {
        best = Insertion{vehicle, static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), cost};
      }
    }
  }
  return best;
}

}  // namespace regulus::schedule
