#include "schedule/sequence.h"

#include <algorithm>

namespace regulus::schedule {

namespace {

Node const& node_at(Instance const& instance, std::int32_t node) {
  return instance.nodes[static_cast<std::size_t>(node)];
}
Request const& request_at(Instance const& instance, std::int32_t request) {
  return instance.requests[static_cast<std::size_t>(request)];
}
VehicleUse const& use_of(Instance const& instance, Sequence const& s) {
  return instance.vehicles[static_cast<std::size_t>(s.vehicle)];
}

bool contains(std::span<std::int32_t const> numbers, std::int32_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

// Order, rests, locks and who may ride in this vehicle; links pickups with drop-offs.
Refusal check_structure(Instance const& instance, Sequence& s, std::span<std::int32_t const> nodes) {
  VehicleUse const& use = use_of(instance, s);
  if (use.locked.size() > nodes.size()) return {Violation::lock, use.locked[nodes.size()]};
  for (std::size_t k = 0; k < use.locked.size(); ++k) {
    if (nodes[k] != use.locked[k]) return {Violation::lock, nodes[k]};
  }
  std::size_t rests = 0;
  std::size_t open = 0;  // pickups without a drop-off so far
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    auto const before = nodes.first(k);
    if (contains(before, nodes[k])) return {Violation::order, nodes[k]};
    Node const& node = node_at(instance, nodes[k]);
    switch (node.kind) {
      case NodeKind::rest:
        if (rests >= use.rests.size() || use.rests[rests].node != nodes[k]) return {Violation::rest, nodes[k]};
        ++rests;
        break;
      case NodeKind::pickup: {
        Money const price = instance.on_vehicle(node.request, s.vehicle);
        if (price >= impossible) return {Violation::vehicle, nodes[k]};
        s.matching += price;
        s.used = true;
        ++open;
        break;
      }
      case NodeKind::dropoff: {
        s.used = true;
        Request const& request = request_at(instance, node.request);
        if (request.pickup < 0) {
          if (!contains(use.on_board, node.request)) return {Violation::vehicle, nodes[k]};
          break;
        }
        auto const pickup = std::find(before.begin(), before.end(), request.pickup);
        if (pickup == before.end()) return {Violation::order, nodes[k]};
        auto const p = static_cast<std::size_t>(pickup - before.begin());
        s.at[k].partner = static_cast<std::int32_t>(p);
        s.at[p].partner = static_cast<std::int32_t>(k);
        --open;
        break;
      }
    }
  }
  if (open > 0) {
    auto const alone = std::find_if(s.at.begin(), s.at.end(),
                                    [](Position const& at) { return at.kind == NodeKind::pickup && at.partner < 0; });
    return {Violation::order, alone->node};
  }
  for (std::int32_t rider : use.on_board) {
    std::int32_t const dropoff = request_at(instance, rider).dropoff;
    if (!contains(nodes, dropoff)) return {Violation::order, dropoff};
  }
  if (rests < use.rests.size()) return {Violation::rest, use.rests[rests].node};
  return {};
}

Refusal check_load(Instance const& instance, Sequence const& s) {
  VehicleUse const& use = use_of(instance, s);
  Seats load;
  int riders = 0, alone = 0;
  for (std::int32_t rider : use.on_board) {
    Request const& request = request_at(instance, rider);
    load += request.seats;
    ++riders;
    alone += request.exclusive ? 1 : 0;
  }
  for (Position const& at : s.at) {
    if (at.kind == NodeKind::rest) {
      if (riders > 0) return {Violation::rest, at.node};
      continue;
    }
    Request const& request = request_at(instance, node_at(instance, at.node).request);
    if (at.kind == NodeKind::dropoff) {
      load -= request.seats;
      --riders;
      alone -= request.exclusive ? 1 : 0;
      continue;
    }
    load += request.seats;
    ++riders;
    alone += request.exclusive ? 1 : 0;
    if (alone > 0 && riders > 1) return {Violation::exclusive, at.node};
    bool const fits =
        std::any_of(use.layouts.begin(), use.layouts.end(), [&](Seats const& layout) { return load.fits(layout); });
    if (!fits) return {Violation::capacity, at.node};
  }
  return {};
}

// A rest is taken where the stop before it was.
void look_up_legs(Instance const& instance, Sequence& s) {
  VehicleUse const& use = use_of(instance, s);
  Place here = use.start;
  for (Position& at : s.at) {
    if (at.place == no_place) continue;
    at.leg = instance.times->leg(here, at.place, at.hour);
    here = at.place;
  }
  s.way_back = use.end == no_place ? Leg{} : instance.times->leg(here, use.end, use.end_hour);
}

// The leg to position k and, over rests, the leg onwards from it.
void look_up_legs_around(Instance const& instance, Sequence& s, std::size_t k) {
  VehicleUse const& use = use_of(instance, s);
  Place before = use.start;
  for (std::size_t b = k; b-- > 0;) {
    if (s.at[b].place == no_place) continue;
    before = s.at[b].place;
    break;
  }
  s.at[k].leg = instance.times->leg(before, s.at[k].place, s.at[k].hour);
  std::size_t next = k + 1;
  while (next < s.at.size() && s.at[next].place == no_place) ++next;
  if (next < s.at.size()) {
    s.at[next].leg = instance.times->leg(s.at[k].place, s.at[next].place, s.at[next].hour);
  } else if (use.end != no_place) {
    s.way_back = instance.times->leg(s.at[k].place, use.end, use.end_hour);
  }
}

// Moves every start that is too early for what stands before it.
void push(Starts& t, std::size_t from) {
  std::size_t const n = t.start.size();
  if (n == 0) {
    t.back = t.leave + t.path[0];
    return;
  }
  Ticks free = from == 0 ? t.leave : t.start[from - 1] - t.path[from - 1];  // start - path of the stop before
  for (std::size_t k = from; k < n; ++k) {
    free = std::max(free, t.start[k] - t.path[k]);
    t.start[k] = free + t.path[k];
  }
  t.back = free + t.path[n];
}

// How far the start at `k` (or, for k = -1, the departure) may move without making anybody later than due, than
// promised or than before, without overtime that was not there, and without a longer ride for anybody who boarded
// earlier.
Ticks slack_after(VehicleUse const& use, Sequence const& s, Starts const& t, std::int32_t k) {
  bool const departure = k < 0;
  Ticks const free = departure ? t.leave : t.start[static_cast<std::size_t>(k)] - t.path[static_cast<std::size_t>(k)];
  Ticks slack = forever;
  for (std::size_t j = departure ? 0 : static_cast<std::size_t>(k); j < s.at.size(); ++j) {
    Position const& at = s.at[j];
    Ticks const start = t.start[j];
    Ticks bound = std::min(at.latest, std::max(at.due, start));
    if (at.promised < forever) bound = std::min(bound, std::max(at.promised + at.promise_slack, start));
    // Who boards at k or later gets a ride that is at most as long as before.
    if (at.kind == NodeKind::dropoff && at.partner < k) {
      auto const p = static_cast<std::size_t>(at.partner);
      Ticks const boarded = at.partner < 0 ? at.boarded : t.start[p] + s.at[p].service;
      if (at.max_ride < forever) bound = std::min(bound, boarded + at.max_ride);
      if (at.excess_rate > 0) bound = std::min(bound, std::max(boarded + at.direct, start));
    } else if (at.kind == NodeKind::dropoff && at.partner < 0 && at.excess_rate > 0) {
      bound = std::min(bound, std::max(at.boarded + at.direct, start));
    }
    slack = std::min(slack, bound - t.path[j] - free);
  }
  Ticks back = std::min(use.latest, std::max(use.overtime_after, t.back));
  if (!departure && use.max_duration < forever) back = std::min(back, t.leave + use.max_duration);
  return std::min(slack, back - t.path[s.at.size()] - free);
}

// A stop that would start earlier than was promised.
Ticks early(Position const& at, Ticks start) {
  return at.promised < forever && at.promise_rate > 0 ? at.promised - at.promise_slack - start : 0;
}

}  // namespace

Position position_of(Instance const& instance, std::int32_t number) {
  Node const& node = node_at(instance, number);
  Position at;
  at.kind = node.kind;
  at.hour = node.hour;
  at.node = number;
  at.place = node.place;
  at.earliest = node.earliest;
  at.latest = node.latest;
  at.service = node.service;
  at.due = node.due;
  at.promised = node.promised;
  at.promise_slack = node.promise_slack;
  at.late_rate = node.late_rate;
  at.promise_rate = node.promise_rate;
  if (node.kind == NodeKind::rest) return at;
  Request const& request = request_at(instance, node.request);
  at.max_ride = request.max_ride;
  at.direct = request.direct;
  at.boarded = request.boarded;
  at.excess_rate = request.excess_rate;
  if (request.pickup < 0 && request.max_ride < forever) {
    at.latest = std::min(at.latest, request.boarded + request.max_ride);
  }
  return at;
}

Refusal spell_out(Instance const& instance, std::int32_t vehicle, std::span<std::int32_t const> nodes, Sequence& s) {
  s.vehicle = vehicle;
  s.used = use_of(instance, s).started;
  s.matching = 0;
  s.at.clear();
  for (std::int32_t node : nodes) s.at.push_back(position_of(instance, node));
  Refusal refusal = check_structure(instance, s, nodes);
  if (refusal.violation == Violation::none) refusal = check_load(instance, s);
  if (refusal.violation == Violation::none) look_up_legs(instance, s);
  return refusal;
}

void insert(Instance const& instance, Sequence const& base, std::int32_t request, std::size_t pickup_at,
            std::size_t dropoff_at, Sequence& s) {
  Request const& wanted = request_at(instance, request);
  s.vehicle = base.vehicle;
  s.used = true;
  s.matching = base.matching + instance.on_vehicle(request, base.vehicle);
  s.way_back = base.way_back;
  auto const from = base.at.begin();
  auto const p = static_cast<std::ptrdiff_t>(pickup_at), d = static_cast<std::ptrdiff_t>(dropoff_at);
  s.at.assign(from, from + p);
  s.at.push_back(position_of(instance, wanted.pickup));
  s.at.insert(s.at.end(), from + p, from + (d - 1));
  s.at.push_back(position_of(instance, wanted.dropoff));
  s.at.insert(s.at.end(), from + (d - 1), base.at.end());
  auto const moved = [&](std::int32_t old) {
    return old < 0 ? old : old + (old >= p ? 1 : 0) + (old >= d - 1 ? 1 : 0);
  };
  for (Position& at : s.at) at.partner = moved(at.partner);
  s.at[pickup_at].partner = static_cast<std::int32_t>(dropoff_at);
  s.at[dropoff_at].partner = static_cast<std::int32_t>(pickup_at);
  look_up_legs_around(instance, s, pickup_at);
  look_up_legs_around(instance, s, dropoff_at);
}

Refusal earliest_starts(Instance const& instance, Sequence const& s, Starts& t) {
  VehicleUse const& use = use_of(instance, s);
  std::size_t const n = s.at.size();
  t.leave = use.earliest;
  t.start.resize(n);
  t.path.resize(n + 1);
  Ticks path = 0;
  for (std::size_t k = 0; k < n; ++k) {
    path += s.at[k].leg.seconds;
    t.path[k] = path;
    path += s.at[k].service;
    t.start[k] = s.at[k].earliest;
  }
  t.path[n] = path + s.way_back.seconds;
  // A ride limit (or the limit of the whole duration) can lift a stop before it. Each pass settles at least one of
  // them, unless they lift each other for ever. What windows and legs refuse shows in the first pass; later, the last
  // limit that lifted anything is to blame.
  std::size_t const limits = n / 2 + 2;
  std::int32_t const last = n == 0 ? -1 : s.at[n - 1].node;
  Refusal blame;
  for (std::size_t pass = 0;; ++pass) {
    push(t, 0);
    for (std::size_t k = 0; k < n; ++k) {
      if (t.start[k] <= s.at[k].latest) continue;
      if (pass > 0) return blame;
      bool const ride = t.start[k] <= node_at(instance, s.at[k].node).latest;
      return {ride ? Violation::ride_time : Violation::window, s.at[k].node};
    }
    if (t.back > use.latest) return pass > 0 ? blame : Refusal{Violation::shift, last};
    Refusal lifted;
    if (use.max_duration < forever && t.back - t.leave > use.max_duration) {
      lifted = {Violation::duration, last};
      if (use.started) return lifted;
      t.leave = t.back - use.max_duration;
    }
    for (std::size_t k = n; k-- > 0;) {
      Position const& at = s.at[k];
      if (at.kind != NodeKind::dropoff || at.partner < 0 || at.max_ride >= forever) continue;
      auto const p = static_cast<std::size_t>(at.partner);
      Ticks const needed = t.start[k] - at.max_ride - s.at[p].service;
      if (t.start[p] >= needed) continue;
      t.start[p] = needed;
      lifted = {Violation::ride_time, at.node};
    }
    if (lifted.violation == Violation::none) return {};
    blame = lifted;
    if (pass > limits) return blame;
  }
}

void delay_for_nothing(Instance const& instance, Sequence const& s, Starts& t) {
  VehicleUse const& use = use_of(instance, s);
  std::size_t const n = s.at.size();
  if (!use.started) {
    // Waiting that need not be paid; beyond that, departure and return move alike, which only a promise is worth. A
    // later departure cannot break a ride limit: a push that reaches a drop-off has pushed its pickup at least as far.
    Ticks wanted = t.back - t.path[n] - t.leave;
    for (std::size_t k = 0; k < n; ++k) {
      Ticks const ahead = early(s.at[k], t.start[k]);
      if (ahead > 0) wanted = std::max(wanted, t.start[k] - t.path[k] - t.leave + ahead);
    }
    if (wanted > 0) {
      Ticks const delay = std::min(wanted, slack_after(use, s, t, -1));
      if (delay > 0) {
        t.leave += delay;
        push(t, 0);
      }
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    Position const& at = s.at[k];
    if (at.kind != NodeKind::pickup) continue;
    auto const d = static_cast<std::size_t>(at.partner);
    Ticks wanted = early(at, t.start[k]);
    if (wanted > 0 && at.promise_rate < use.per_tick) {
      wanted = std::min(wanted, t.back - t.path[n] - (t.start[k] - t.path[k]));  // not worth a later return
    }
    if (at.excess_rate > 0) {
      Ticks const waiting = t.start[d] - t.path[d] - (t.start[k] - t.path[k]);
      Ticks const excess = t.start[d] - t.start[k] - at.service - at.direct;
      wanted = std::max(wanted, std::min(waiting, excess));
    }
    if (wanted <= 0) continue;
    Ticks const delay = std::min(wanted, slack_after(use, s, t, static_cast<std::int32_t>(k)));
    if (delay <= 0) continue;
    t.start[k] += delay;
    push(t, k + 1);
  }
}

RouteCost cost_of(Instance const& instance, Sequence const& s, Starts const& t) {
  VehicleUse const& use = use_of(instance, s);
  RouteCost cost;
  std::int64_t metres = s.way_back.metres;
  for (std::size_t k = 0; k < s.at.size(); ++k) {
    Position const& at = s.at[k];
    Ticks const start = t.start[k];
    metres += at.leg.metres;
    cost.lateness += std::max<Ticks>(0, start - at.due) * at.late_rate;
    if (at.promised < forever) {
      Ticks const moved = std::max(start - at.promised, at.promised - start) - at.promise_slack;
      cost.promises += std::max<Ticks>(0, moved) * at.promise_rate;
    }
    if (at.kind != NodeKind::dropoff || at.excess_rate == 0) continue;
    auto const p = static_cast<std::size_t>(at.partner);
    Ticks const boarded = at.partner < 0 ? at.boarded : t.start[p] + s.at[p].service;
    cost.excess += std::max<Ticks>(0, start - boarded - at.direct) * at.excess_rate;
  }
  cost.driving = metres * instance.per_metre;
  cost.paid = use.fixed + (t.back - t.leave) * use.per_tick +
              std::max<Ticks>(0, t.back - use.overtime_after) * use.overtime_rate;
  cost.matching = s.matching;
  return cost;
}

}  // namespace regulus::schedule
