// Random small worlds in which about every second random route can be driven, so that properties meet both sides.
#pragma once

#include <utility>

#include "tests/schedule/support.h"

namespace regulus::schedule::test {

struct Mix {
  int vehicles = 1;
  int requests = 4;
  bool priced = true;        // lateness, excess rides, promises, paid time
  bool rests = true;         // and riders on board, and vehicles under way
  bool durations = true;     // limits of the whole duration
  bool detours_pay = false;  // legs by the hour of their destination: some detours are shorter than the direct leg
};

inline std::unique_ptr<World> random_world(Mix const& mix, Rng rng) {
  std::vector<std::pair<int, int>> places;
  for (int k = 0; k < 7; ++k) places.emplace_back(rng.between(0, 12), rng.between(0, 12));
  std::array<double, 24> traffic = TravelTimes::all_day();
  if (mix.detours_pay) traffic = {1, 0.4, 2.2, 0.7, 1.5};
  auto world = std::make_unique<World>(places, traffic);
  Instance& x = world->instance;
  auto const hour = [&] { return static_cast<std::uint8_t>(mix.detours_pay ? rng.below(5) : 0); };
  auto const place = [&] { return static_cast<Place>(rng.below(places.size())); };
  auto const direct = [&](Place a, Place b) { return x.times->seconds(a, b, 0); };
  if (mix.priced) {
    x.per_metre = rng.between(0, 5);
    x.load_weight = rng.chance(0.5) ? rng.between(1, 200) : 0;
  }
  for (int v = 0; v < mix.vehicles; ++v) {
    VehicleUse use;
    use.start = place();
    use.end = rng.chance(0.2) ? no_place : place();
    use.end_hour = hour();
    use.earliest = rng.between(-20, 30);
    use.latest = use.earliest + rng.between(100, 400);
    if (mix.durations && rng.chance(0.4)) use.max_duration = rng.between(60, 300);
    use.started = mix.rests && rng.chance(0.25);
    use.layouts = {Seats{{3, 0, 0}}, Seats{{1, 1, 0}}};
    if (rng.chance(0.2)) use.layouts = {Seats{{1, 1, 1}}};
    use.trips = static_cast<std::int32_t>(rng.below(4));
    if (mix.priced) {
      use.fixed = rng.between(0, 100);
      use.per_tick = rng.between(0, 12);
      use.overtime_after = use.latest - rng.between(0, 120);
      use.overtime_rate = rng.between(0, 9);
    }
    std::int32_t const number = world->add(use);
    if (mix.rests && rng.chance(0.4)) {
      Node rest;
      rest.earliest = use.earliest + rng.between(20, 120);
      rest.latest = rest.earliest + rng.between(20, 120);
      rest.service = rng.between(5, 20);
      rest.hour = hour();
      world->add_rest(number, rest);
    }
    if (mix.rests && rng.chance(0.3)) {
      Node out;
      out.place = place();
      out.hour = hour();
      out.latest = use.earliest + rng.between(20, 80);
      out.service = rng.between(0, 3);
      Request rider;
      rider.boarded = use.earliest - rng.between(0, 15);
      rider.max_ride = rng.chance(0.5) ? forever : rng.between(20, 60);
      rider.direct = rng.between(5, 15);
      rider.excess_rate = mix.priced ? rng.between(0, 6) : 0;
      world->add_on_board(number, out, rider);
    }
  }
  for (int r = 0; r < mix.requests; ++r) {
    Node in, out;
    in.place = place();
    out.place = place();
    in.hour = hour();
    out.hour = hour();
    in.service = rng.between(0, 4);
    out.service = rng.between(0, 4);
    Ticks const ride = direct(in.place, out.place);
    Ticks const wanted = rng.between(0, 60 * mix.requests / mix.vehicles);
    in.earliest = wanted - rng.between(0, 10);
    in.latest = wanted + rng.between(0, 60);
    if (rng.chance(0.6)) {
      out.earliest = wanted + ride + rng.between(-20, 25);
      out.latest = out.earliest + rng.between(0, 80);
    }
    Request request;
    request.seats = rng.chance(0.25) ? Seats{{0, 1, 0}} : Seats{{static_cast<std::int16_t>(rng.between(1, 2)), 0, 0}};
    request.exclusive = rng.chance(0.15);
    request.direct = ride;
    if (rng.chance(0.7)) request.max_ride = ride + rng.between(0, 20);
    if (mix.priced) {
      request.excess_rate = rng.between(0, 6);
      for (Node* node : {&in, &out}) {
        if (rng.chance(0.6)) {
          node->due = node->earliest + rng.between(0, 20);
          node->late_rate = rng.between(0, 9);
        }
        if (rng.chance(0.3)) {
          node->promised = wanted + rng.between(-5, 40);
          node->promise_slack = rng.between(0, 5);
          node->promise_rate = rng.between(0, 14);
        }
      }
      if (rng.chance(0.4)) {
        for (int v = 0; v < mix.vehicles; ++v) {
          request.on_vehicle.push_back(rng.chance(0.15) ? impossible : rng.between(0, 50));
        }
      }
    }
    world->add(in, out, request);
  }
  return world;
}

// A route that a person might try: some requests, rests and riders in the order in which they are wanted, with a few
// neighbours swapped. Mostly well formed.
inline Nodes random_route(World const& world, std::int32_t vehicle, std::span<std::int32_t const> requests, Rng& rng) {
  Instance const& x = world.instance;
  VehicleUse const& use = x.vehicles[static_cast<std::size_t>(vehicle)];
  std::vector<std::pair<Ticks, std::int32_t>> wanted;
  for (std::int32_t r : requests) {
    Request const& request = request_of(x, r);
    Ticks const from = node_of(x, request.pickup).earliest + rng.between(0, 20);
    wanted.emplace_back(from, request.pickup);
    wanted.emplace_back(std::max(from, node_of(x, request.dropoff).earliest) + rng.between(1, 20), request.dropoff);
  }
  for (Rest const& rest : use.rests)
    wanted.emplace_back(node_of(x, rest.node).earliest + rng.between(0, 20), rest.node);
  for (std::int32_t r : use.on_board) wanted.emplace_back(use.earliest + rng.between(0, 20), request_of(x, r).dropoff);
  std::sort(wanted.begin(), wanted.end());
  Nodes nodes;
  for (auto const& [when, node] : wanted) nodes.push_back(node);
  if (nodes.size() > 1 && rng.chance(0.5)) {
    std::size_t const k = rng.below(nodes.size() - 1);
    std::swap(nodes[k], nodes[k + 1]);
  }
  return nodes;
}

}  // namespace regulus::schedule::test
