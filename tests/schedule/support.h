// Small worlds for tests of the schedule kernel, and its independent twins: naive checks of a sequence, Bellman and
// Ford's algorithm on its difference constraints, and the textbook's eight steps.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "schedule/instance.h"
#include "schedule/route.h"

namespace regulus::schedule::test {

using Nodes = std::vector<std::int32_t>;

// Places on a grid of streets: a leg takes as many ticks as it crosses blocks, and ten metres for each.
class World {
 public:
  explicit World(std::vector<std::pair<int, int>> const& places,
                 std::array<double, 24> const& traffic = TravelTimes::all_day()) {
    std::vector<std::int32_t> seconds, metres;
    for (auto const& a : places) {
      for (auto const& b : places) {
        seconds.push_back(std::abs(a.first - b.first) + std::abs(a.second - b.second));
        metres.push_back(10 * seconds.back());
      }
    }
    times_ = TravelTimes::table(places.size(), std::move(seconds), std::move(metres), {}, traffic);
    instance.times = &times_;
  }
  World(World const&) = delete;
  World& operator=(World const&) = delete;

  Instance instance;

  std::int32_t add(VehicleUse use) {
    if (use.layouts.empty()) use.layouts = {Seats{{4, 0, 0}}};
    instance.vehicles.push_back(std::move(use));
    return static_cast<std::int32_t>(instance.vehicles.size()) - 1;
  }
  // A request with its two nodes; `pickup` and `dropoff` need no kind and no request number.
  std::int32_t add(Node pickup, Node dropoff, Request request = {}) {
    auto const number = static_cast<std::int32_t>(instance.requests.size());
    if (request.seats == Seats{}) request.seats = Seats{{1, 0, 0}};
    pickup.kind = NodeKind::pickup;
    dropoff.kind = NodeKind::dropoff;
    pickup.request = dropoff.request = number;
    request.pickup = static_cast<std::int32_t>(instance.nodes.size());
    request.dropoff = request.pickup + 1;
    instance.nodes.push_back(pickup);
    instance.nodes.push_back(dropoff);
    instance.requests.push_back(std::move(request));
    return number;
  }
  // Somebody who already sits in `vehicle`.
  std::int32_t add_on_board(std::int32_t vehicle, Node dropoff, Request request) {
    auto const number = static_cast<std::int32_t>(instance.requests.size());
    if (request.seats == Seats{}) request.seats = Seats{{1, 0, 0}};
    dropoff.kind = NodeKind::dropoff;
    dropoff.request = number;
    request.pickup = -1;
    request.dropoff = static_cast<std::int32_t>(instance.nodes.size());
    instance.nodes.push_back(dropoff);
    instance.requests.push_back(std::move(request));
    instance.vehicles[static_cast<std::size_t>(vehicle)].on_board.push_back(number);
    return number;
  }
  std::int32_t add_rest(std::int32_t vehicle, Node rest) {
    VehicleUse& use = instance.vehicles[static_cast<std::size_t>(vehicle)];
    rest.kind = NodeKind::rest;
    rest.place = no_place;
    rest.request = static_cast<std::int32_t>(use.rests.size());
    auto const number = static_cast<std::int32_t>(instance.nodes.size());
    instance.nodes.push_back(rest);
    use.rests.push_back({number});
    return number;
  }
  std::int32_t pickup(std::int32_t request) const {
    return instance.requests[static_cast<std::size_t>(request)].pickup;
  }
  std::int32_t dropoff(std::int32_t request) const {
    return instance.requests[static_cast<std::size_t>(request)].dropoff;
  }

 private:
  TravelTimes times_;
};

inline Node const& node_of(Instance const& x, std::int32_t n) { return x.nodes[static_cast<std::size_t>(n)]; }
inline Request const& request_of(Instance const& x, std::int32_t r) { return x.requests[static_cast<std::size_t>(r)]; }

// Position in the route, or -1.
inline std::int32_t where(std::span<std::int32_t const> nodes, std::int32_t node) {
  auto const found = std::find(nodes.begin(), nodes.end(), node);
  return found == nodes.end() ? -1 : static_cast<std::int32_t>(found - nodes.begin());
}

// Everything but time, straight from the meaning of each field.
inline bool structure_holds(Instance const& x, std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  VehicleUse const& use = x.vehicles[static_cast<std::size_t>(vehicle)];
  if (nodes.size() < use.locked.size() || !std::equal(use.locked.begin(), use.locked.end(), nodes.begin()))
    return false;
  Nodes rests, wanted_rests;
  for (Rest const& rest : use.rests) wanted_rests.push_back(rest.node);
  for (std::int32_t n : nodes) {
    if (std::count(nodes.begin(), nodes.end(), n) != 1) return false;
    if (node_of(x, n).kind == NodeKind::rest) rests.push_back(n);
  }
  if (rests != wanted_rests) return false;
  auto const riders_after = [&](std::int32_t k) {  // requests on board once stop k is done
    Nodes riders;
    for (std::size_t r = 0; r < x.requests.size(); ++r) {
      Request const& request = x.requests[r];
      std::int32_t const out = where(nodes, request.dropoff);
      bool const in =
          request.pickup < 0 ? out >= 0 : where(nodes, request.pickup) >= 0 && where(nodes, request.pickup) <= k;
      if (in && out > k) riders.push_back(static_cast<std::int32_t>(r));
    }
    return riders;
  };
  for (std::size_t r = 0; r < x.requests.size(); ++r) {
    Request const& request = x.requests[r];
    std::int32_t const out = where(nodes, request.dropoff);
    if (request.pickup < 0) {
      if ((out >= 0) != (where(use.on_board, static_cast<std::int32_t>(r)) >= 0)) return false;
      continue;
    }
    std::int32_t const in = where(nodes, request.pickup);
    if ((in >= 0) != (out >= 0) || in > out) return false;
    if (in >= 0 && x.on_vehicle(static_cast<std::int32_t>(r), vehicle) >= impossible) return false;
  }
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    Node const& node = node_of(x, nodes[k]);
    Nodes const riders = riders_after(static_cast<std::int32_t>(k));
    if (node.kind == NodeKind::rest && !riders.empty()) return false;
    if (node.kind != NodeKind::pickup) continue;
    Seats load;
    bool alone = false;
    for (std::int32_t r : riders) {
      load += request_of(x, r).seats;
      alone = alone || request_of(x, r).exclusive;
    }
    if (alone && riders.size() > 1) return false;
    if (std::none_of(use.layouts.begin(), use.layouts.end(), [&](Seats const& s) { return load.fits(s); }))
      return false;
  }
  return true;
}

inline bool is_used(Instance const& x, std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  return x.vehicles[static_cast<std::size_t>(vehicle)].started ||
         std::any_of(nodes.begin(), nodes.end(), [&](std::int32_t n) { return node_of(x, n).kind != NodeKind::rest; });
}

// The legs to each position, and back.
inline std::vector<Leg> legs_of(Instance const& x, std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  VehicleUse const& use = x.vehicles[static_cast<std::size_t>(vehicle)];
  std::vector<Leg> legs;
  Place here = use.start;
  for (std::int32_t n : nodes) {
    Place const there = node_of(x, n).place == no_place ? here : node_of(x, n).place;
    legs.push_back(x.times->leg(here, there, node_of(x, n).hour));
    here = there;
  }
  legs.push_back(use.end == no_place ? Leg{} : x.times->leg(here, use.end, use.end_hour));
  return legs;
}

// t(to) - t(from) >= least.
struct Difference {
  std::size_t from, to;
  Ticks least;
};

// Variables: 0 is the origin of time, 1 the departure, 2 … n + 1 the stops, n + 2 the return.
inline std::vector<Difference> differences(Instance const& x, std::int32_t vehicle,
                                           std::span<std::int32_t const> nodes) {
  VehicleUse const& use = x.vehicles[static_cast<std::size_t>(vehicle)];
  std::vector<Leg> const legs = legs_of(x, vehicle, nodes);
  std::size_t const back = nodes.size() + 2;
  std::vector<Difference> all{{0, 1, use.earliest}, {back, 0, -use.latest}, {back, 1, -use.max_duration}};
  if (use.started) all.push_back({1, 0, -use.earliest});
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    Node const& node = node_of(x, nodes[k]);
    std::size_t const here = k + 2;
    all.push_back({0, here, node.earliest});
    all.push_back({here, 0, -node.latest});
    all.push_back({here - 1, here, (k == 0 ? 0 : node_of(x, nodes[k - 1]).service) + legs[k].seconds});
    if (node.kind != NodeKind::dropoff) continue;
    Request const& request = request_of(x, node.request);
    if (request.pickup < 0) {
      all.push_back({here, 0, -(request.boarded + request.max_ride)});
    } else {
      auto const boards = static_cast<std::size_t>(where(nodes, request.pickup));
      all.push_back({here, boards + 2, -(node_of(x, request.pickup).service + request.max_ride)});
    }
  }
  Ticks const last = nodes.empty() ? 0 : node_of(x, nodes.back()).service;
  all.push_back({back - 1, back, last + legs.back().seconds});
  return all;
}

struct Times {
  Ticks leave = 0, back = 0;
  std::vector<Ticks> start;
};

// The earliest solution of the differences, by as many rounds as there are variables; nothing when there is none.
inline std::optional<Times> earliest_by_bellman_ford(Instance const& x, std::int32_t vehicle,
                                                     std::span<std::int32_t const> nodes) {
  std::vector<Difference> const all = differences(x, vehicle, nodes);
  std::vector<Ticks> t(nodes.size() + 3, -forever * 4);
  t[0] = 0;
  for (std::size_t round = 0; round <= t.size(); ++round) {
    bool moved = false;
    for (Difference const& d : all) {
      if (t[d.from] + d.least <= t[d.to]) continue;
      t[d.to] = t[d.from] + d.least;
      moved = true;
    }
    if (!moved) return Times{t[1], t.back(), std::vector<Ticks>(t.begin() + 2, t.end() - 1)};
  }
  return std::nullopt;
}

// Whether the sequence can be driven, by the naive checks and Bellman and Ford.
inline bool feasible_by_definition(Instance const& x, std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  if (!structure_holds(x, vehicle, nodes)) return false;
  return !is_used(x, vehicle, nodes) || earliest_by_bellman_ford(x, vehicle, nodes).has_value();
}

inline bool satisfies(Instance const& x, std::int32_t vehicle, std::span<std::int32_t const> nodes,
                      Times const& times) {
  std::vector<Ticks> t{0, times.leave};
  t.insert(t.end(), times.start.begin(), times.start.end());
  t.push_back(times.back);
  std::vector<Difference> const all = differences(x, vehicle, nodes);
  return std::all_of(all.begin(), all.end(), [&](Difference const& d) { return t[d.to] - t[d.from] >= d.least; });
}

// What given times cost, term by term.
inline RouteCost cost_by_definition(Instance const& x, std::int32_t vehicle, std::span<std::int32_t const> nodes,
                                    Times const& times) {
  VehicleUse const& use = x.vehicles[static_cast<std::size_t>(vehicle)];
  RouteCost cost;
  if (!is_used(x, vehicle, nodes)) return cost;
  for (Leg const& leg : legs_of(x, vehicle, nodes)) cost.driving += leg.metres * x.per_metre;
  cost.paid = use.fixed + use.per_tick * (times.back - times.leave);
  if (times.back > use.overtime_after) cost.paid += use.overtime_rate * (times.back - use.overtime_after);
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    Node const& node = node_of(x, nodes[k]);
    Ticks const start = times.start[k];
    if (start > node.due) cost.lateness += node.late_rate * (start - node.due);
    if (node.promised < forever && std::abs(start - node.promised) > node.promise_slack) {
      cost.promises += node.promise_rate * (std::abs(start - node.promised) - node.promise_slack);
    }
    if (node.kind == NodeKind::pickup) cost.matching += x.on_vehicle(node.request, vehicle);
    if (node.kind != NodeKind::dropoff) continue;
    Request const& request = request_of(x, node.request);
    Ticks const boarded = request.pickup < 0 ? request.boarded
                                             : times.start[static_cast<std::size_t>(where(nodes, request.pickup))] +
                                                   node_of(x, request.pickup).service;
    if (start - boarded > request.direct) cost.excess += request.excess_rate * (start - boarded - request.direct);
  }
  return cost;
}

// Cordeau and Laporte (2003), section 4, for a route of pickups and drop-offs without a limit on its duration: whether
// the schedule of the eight steps keeps windows and ride limits.
inline bool feasible_by_eight_steps(Instance const& x, std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  VehicleUse const& use = x.vehicles[static_cast<std::size_t>(vehicle)];
  std::vector<Leg> const legs = legs_of(x, vehicle, nodes);
  std::size_t const n = nodes.size();
  Ticks leave = use.earliest;  // Step 1.
  std::vector<Ticks> begin(n + 1), wait(n + 1);
  auto const window = [&](std::size_t k) {
    if (k == n) return std::pair{Ticks{0}, use.latest};
    return std::pair{node_of(x, nodes[k]).earliest, node_of(x, nodes[k]).latest};
  };
  auto const service = [&](std::size_t k) { return k == n ? 0 : node_of(x, nodes[k]).service; };
  auto const boards = [&](std::size_t k) -> std::int32_t {  // of a drop-off the position of its pickup
    if (k == n || node_of(x, nodes[k]).kind != NodeKind::dropoff) return -1;
    return where(nodes, request_of(x, node_of(x, nodes[k]).request).pickup);
  };
  auto const ride = [&](std::size_t k) {
    auto const p = static_cast<std::size_t>(boards(k));
    return begin[k] - begin[p] - service(p);
  };
  auto const limit = [&](std::size_t k) { return request_of(x, node_of(x, nodes[k]).request).max_ride; };
  auto const forward = [&](std::size_t from) {  // Steps 2, 5 and 7c.
    for (std::size_t k = from; k <= n; ++k) {
      Ticks const arrive = (k == 0 ? leave : begin[k - 1] + service(k - 1)) + legs[k].seconds;
      begin[k] = std::max(arrive, window(k).first);
      wait[k] = begin[k] - arrive;
    }
  };
  auto const slack = [&](std::ptrdiff_t from) {  // Steps 3 (from the departure, -1) and 7a.
    Ticks waited = 0, least = forever;
    for (std::ptrdiff_t k = std::max<std::ptrdiff_t>(from, 0); k <= static_cast<std::ptrdiff_t>(n); ++k) {
      auto const at = static_cast<std::size_t>(k);
      if (k > from) waited += wait[at];
      Ticks room = window(at).second - begin[at];
      if (boards(at) >= 0 && boards(at) < from) room = std::min(room, limit(at) - ride(at));
      least = std::min(least, waited + std::max<Ticks>(0, room));
    }
    return least;
  };
  auto const waiting_after = [&](std::size_t from) {
    Ticks sum = 0;
    for (std::size_t k = from; k <= n; ++k) sum += wait[k];
    return sum;
  };
  auto const rides_hold = [&] {
    for (std::size_t k = 0; k < n; ++k) {
      if (boards(k) >= 0 && ride(k) > limit(k)) return false;
    }
    return true;
  };
  forward(0);
  for (std::size_t k = 0; k <= n; ++k) {
    if (begin[k] > window(k).second) return false;
  }
  leave += std::min(slack(-1), waiting_after(0));  // Steps 3 and 4.
  forward(0);
  for (std::size_t k = 0; k < n && !rides_hold(); ++k) {  // Step 7.
    if (node_of(x, nodes[k]).kind != NodeKind::pickup) continue;
    begin[k] += std::min(slack(static_cast<std::ptrdiff_t>(k)), waiting_after(k + 1));
    forward(k + 1);
  }
  return rides_hold();
}

}  // namespace regulus::schedule::test
