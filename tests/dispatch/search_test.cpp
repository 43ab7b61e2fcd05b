#include "dispatch/search.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "dispatch/benchmark.h"
#include "dispatch/search/pool.h"
#include "tests/schedule/random_world.h"

namespace regulus::dispatch {
namespace {

using schedule::evaluate;
using schedule::impossible;
using schedule::Instance;
using schedule::Money;
using schedule::Node;
using schedule::NodeKind;
using schedule::Request;
using schedule::VehicleUse;
using schedule::Violation;
using schedule::test::Mix;
using schedule::test::Nodes;
using schedule::test::World;

SearchOptions limited_to(std::int64_t iterations) {
  SearchOptions options;
  options.iterations = iterations;
  return options;
}

// The cheapest route of `vehicle` that serves exactly `requests`, by every order of stops; `impossible`: none.
class EveryRoute {
 public:
  EveryRoute(Instance const& x, std::int32_t vehicle, Nodes const& requests) : x_(x), vehicle_(vehicle) {
    VehicleUse const& use = x.vehicles[static_cast<std::size_t>(vehicle)];
    route_ = use.locked;
    auto const is_locked = [&](std::int32_t n) { return std::ranges::find(use.locked, n) != use.locked.end(); };
    for (std::int32_t const r : requests) {
      Request const& request = x.requests[static_cast<std::size_t>(r)];
      for (std::int32_t const n : {request.pickup, request.dropoff}) {
        if (!is_locked(n)) stops_.push_back(n);
      }
    }
    for (std::int32_t const r : use.on_board) {
      if (!is_locked(x.requests[static_cast<std::size_t>(r)].dropoff)) {
        stops_.push_back(x.requests[static_cast<std::size_t>(r)].dropoff);
      }
    }
    for (auto const& rest : use.rests) {
      if (!is_locked(rest.node)) stops_.push_back(rest.node);
    }
    extend();
  }
  Money best = impossible;

 private:
  void extend() {
    if (route_.size() == stops_.size() + x_.vehicles[static_cast<std::size_t>(vehicle_)].locked.size()) {
      auto const e = evaluate(x_, vehicle_, route_);
      if (e.violation == Violation::none) best = std::min(best, e.cost.total());
      return;
    }
    for (std::int32_t const n : stops_) {
      if (std::ranges::find(route_, n) != route_.end()) continue;
      Node const& node = x_.nodes[static_cast<std::size_t>(n)];
      if (node.kind == NodeKind::dropoff) {
        std::int32_t const pickup = x_.requests[static_cast<std::size_t>(node.request)].pickup;
        if (pickup >= 0 && std::ranges::find(route_, pickup) == route_.end()) continue;
      }
      route_.push_back(n);
      extend();
      route_.pop_back();
    }
  }
  Instance const& x_;
  std::int32_t vehicle_;
  Nodes stops_, route_;
};

Nodes free_requests(Instance const& x) {
  Nodes free;
  for (std::size_t r = 0; r < x.requests.size(); ++r) {
    if (x.requests[r].pickup >= 0) free.push_back(static_cast<std::int32_t>(r));
  }
  return free;
}

// The cheapest plan, by every assignment of requests to vehicles or to nobody; `impossible`: no plan.
Money cheapest_plan(Instance const& x) {
  Nodes const free = free_requests(x);
  std::size_t const subsets = std::size_t{1} << free.size();
  auto const vehicles = x.vehicles.size();
  std::vector<Money> route(vehicles * subsets);
  for (std::size_t v = 0; v < vehicles; ++v) {
    for (std::size_t s = 0; s < subsets; ++s) {
      Nodes served;
      for (std::size_t k = 0; k < free.size(); ++k) {
        if (s >> k & 1) served.push_back(free[k]);
      }
      route[v * subsets + s] = EveryRoute(x, static_cast<std::int32_t>(v), served).best;
    }
  }
  Money best = impossible;
  std::vector<std::size_t> subset(vehicles, 0);
  Money left_out = 0;
  auto const close = [&] {
    Money cost = left_out;
    std::int64_t trips = 0, squared = 0;
    for (std::size_t v = 0; v < vehicles; ++v) {
      if (route[v * subsets + subset[v]] >= impossible) return;
      cost += route[v * subsets + subset[v]];
      auto const here = x.vehicles[v].trips + std::popcount(subset[v]);
      trips += here;
      squared += std::int64_t{here} * here;
    }
    auto const n = static_cast<std::int64_t>(vehicles);
    best = std::min(best, cost + x.load_weight * (n * squared - trips * trips) / n);
  };
  auto const assign = [&](auto const& self, std::size_t k) -> void {
    if (k == free.size()) return close();
    for (std::size_t v = 0; v < vehicles; ++v) {
      subset[v] |= std::size_t{1} << k;
      self(self, k + 1);
      subset[v] &= ~(std::size_t{1} << k);
    }
    Money const price = x.requests[static_cast<std::size_t>(free[k])].left_out;
    left_out += price;
    self(self, k + 1);
    left_out -= price;
  };
  assign(assign, 0);
  return best;
}

// Leaving somebody out costs more or less than serving.
std::unique_ptr<World> a_world(Mix const& mix, Rng rng) {
  auto world = schedule::test::random_world(mix, rng.stream(Purpose::test, 1));
  if (!mix.priced) world->instance.per_metre = 3;
  for (Request& request : world->instance.requests) request.left_out = rng.between(200, 4'000);
  return world;
}

bool has_forced_routes(Instance const& x) {
  for (std::size_t v = 0; v < x.vehicles.size(); ++v) {
    if (EveryRoute(x, static_cast<std::int32_t>(v), {}).best >= impossible) return false;
  }
  return true;
}

void expect_sound(Instance const& x, Solution const& s) {
  std::vector<int> times(x.requests.size(), 0);
  for (std::size_t v = 0; v < s.routes.size(); ++v) {
    RC_ASSERT(evaluate(x, static_cast<std::int32_t>(v), s.routes[v]).violation == Violation::none);
    for (std::int32_t const n : s.routes[v]) {
      Node const& node = x.nodes[static_cast<std::size_t>(n)];
      if (node.kind == NodeKind::dropoff) ++times[static_cast<std::size_t>(node.request)];
    }
  }
  for (std::int32_t const r : s.left_out) ++times[static_cast<std::size_t>(r)];
  RC_ASSERT(std::ranges::all_of(times, [](int n) { return n == 1; }));
  RC_ASSERT(std::ranges::is_sorted(s.left_out));
  RC_ASSERT(s.cost == cost_of(x, s));
}

void expect_optimum(Mix const& mix, std::uint64_t seed) {
  auto const world = a_world(mix, Rng(seed));
  Instance const& x = world->instance;
  RC_PRE(has_forced_routes(x));
  Solution const found = improve(x, construct(x, forced_routes(x), 2), limited_to(3'000), Rng(seed));
  expect_sound(x, found);
  RC_ASSERT(found.cost == cheapest_plan(x));
}

RC_GTEST_PROP(Search, finds_the_optimum_of_tiny_priced_worlds, (std::uint64_t seed)) {
  expect_optimum({.vehicles = 2, .requests = 3}, seed);
}
RC_GTEST_PROP(Search, finds_the_optimum_of_tiny_pure_worlds, (std::uint64_t seed)) {
  expect_optimum({.vehicles = 3, .requests = 3, .priced = false, .rests = false}, seed);
}
RC_GTEST_PROP(Search, finds_the_optimum_of_tiny_worlds_with_short_cuts, (std::uint64_t seed)) {
  expect_optimum({.vehicles = 2, .requests = 2, .detours_pay = true}, seed);
}

TEST(Search, finds_the_optimum_of_four_requests_and_three_vehicles) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    auto const world = a_world({.vehicles = 3, .requests = 4, .rests = false}, Rng(seed));
    Instance const& x = world->instance;
    Solution const found = improve(x, construct(x, forced_routes(x), 2), limited_to(3'000), Rng(seed));
    EXPECT_EQ(found.cost, cheapest_plan(x)) << "seed " << seed;
  }
}

// A world whose first route is partly locked, and a plan for it.
struct Locked {
  std::unique_ptr<World> world;
  Solution plan;
};
std::optional<Locked> a_locked_world(Mix const& mix, Rng rng) {
  Locked l{a_world(mix, rng), {}};
  Instance& x = l.world->instance;
  if (!has_forced_routes(x)) return std::nullopt;
  l.plan = construct(x, forced_routes(x), 1);
  for (std::size_t v = 0; v < x.vehicles.size(); ++v) {
    auto const& route = l.plan.routes[v];
    auto const count = static_cast<std::ptrdiff_t>(rng.below(route.size() + 1));
    x.vehicles[v].locked.assign(route.begin(), route.begin() + count);
  }
  return l;
}

RC_GTEST_PROP(Search, keeps_locks_riders_and_rests_and_never_gets_worse, (std::uint64_t seed)) {
  auto const l = a_locked_world({.vehicles = 3, .requests = 7, .detours_pay = seed % 4 == 0}, Rng(seed));
  RC_PRE(l.has_value());
  Instance const& x = l->world->instance;
  Money const before = cost_of(x, l->plan);
  Solution const after = improve(x, l->plan, limited_to(200), Rng(seed));
  expect_sound(x, after);
  RC_ASSERT(after.cost <= before);
}

RC_GTEST_PROP(Search, says_the_same_for_the_same_seed, (std::uint64_t seed)) {
  auto const l = a_locked_world({.vehicles = 2, .requests = 6}, Rng(seed));
  RC_PRE(l.has_value());
  Solution const one = improve(l->world->instance, l->plan, limited_to(100), Rng(seed));
  Solution const two = improve(l->world->instance, l->plan, limited_to(100), Rng(seed));
  RC_ASSERT(one.routes == two.routes);
  RC_ASSERT(one.left_out == two.left_out);
}

RC_GTEST_PROP(Search, forces_what_locks_demand_and_nothing_else, (std::uint64_t seed)) {
  auto const l = a_locked_world({.vehicles = 2, .requests = 4}, Rng(seed));
  RC_PRE(l.has_value());
  Instance const& x = l->world->instance;
  Solution const forced = forced_routes(x);
  // Legs may be longer without a stop before a rest; then a plan may need what is not forced.
  RC_PRE(forced.cost < no_plan);
  expect_sound(x, forced);
  for (std::size_t v = 0; v < x.vehicles.size(); ++v) {
    auto const& locked = x.vehicles[v].locked;
    for (std::int32_t const n : forced.routes[v]) {
      Node const& node = x.nodes[static_cast<std::size_t>(n)];
      if (node.kind == NodeKind::rest || std::ranges::find(locked, n) != locked.end()) continue;
      RC_ASSERT(node.kind == NodeKind::dropoff);
      std::int32_t const pickup = x.requests[static_cast<std::size_t>(node.request)].pickup;
      RC_ASSERT(pickup < 0 || std::ranges::find(locked, pickup) != locked.end());
    }
  }
}

// Four places on a line, ten apart; the depot is the first.
std::vector<std::pair<int, int>> const line{{0, 0}, {10, 0}, {20, 0}, {30, 0}};
Node at(Place place, schedule::Ticks earliest, schedule::Ticks latest) {
  Node node;
  node.place = place;
  node.earliest = earliest;
  node.latest = latest;
  return node;
}
VehicleUse from_depot() {
  VehicleUse use;
  use.start = use.end = 0;
  return use;
}

TEST(Search, constructs_by_regret_what_plain_insertion_misses) {
  // One vehicle with one seat and two requests that do not fit together: 1 → 2 may be left out for 50, 2 → 3 for 900.
  // Either costs at most 600 (to block 30 and back, ten metres a block).
  World world(line);
  world.instance.per_metre = 1;
  VehicleUse use = from_depot();
  use.layouts = {Seats{{1, 0, 0}}};
  world.add(use);
  Request cheap, dear;
  cheap.left_out = 50;
  dear.left_out = 900;
  world.add(at(1, 10, 10), at(2, 20, 20), cheap);
  world.add(at(2, 20, 20), at(3, 30, 30), dear);
  Instance const& x = world.instance;
  Solution const s = construct(x, forced_routes(x), 2);
  // Serving the dear one costs 600; the cheap one on its way would cost nothing more, and their stops at block 20 fall
  // together: drop-off first.
  EXPECT_EQ(s.routes[0], (Nodes{0, 1, 2, 3}));
  EXPECT_EQ(s.cost, 600);
  EXPECT_TRUE(s.left_out.empty());
}

TEST(Search, leaves_out_who_costs_less_left_out) {
  // Going to block 30 and back costs 600, leaving out 500.
  World world(line);
  world.instance.per_metre = 1;
  world.add(from_depot());
  Request request;
  request.left_out = 500;
  world.add(at(1, 0, 100), at(3, 0, 100), request);
  Solution const s = improve(world.instance, forced_routes(world.instance), limited_to(50), Rng(1));
  EXPECT_EQ(s.left_out, Nodes{0});
  EXPECT_EQ(s.cost, 500);
}

TEST(Search, evens_out_loads_when_they_have_a_price) {
  // Two vehicles at the depot, two requests from the depot to block 10 at different hours. One vehicle drives both for
  // the same distance as two vehicles. With (2, 0) trips the load term is 100 × 2 = 200, with (1, 1) it is 0.
  World world(line);
  world.instance.per_metre = 1;
  world.instance.load_weight = 100;
  world.add(from_depot());
  world.add(from_depot());
  world.add(at(0, 0, 0), at(1, 10, 10));
  world.add(at(0, 100, 100), at(1, 110, 110));
  Solution const s =
      improve(world.instance, construct(world.instance, forced_routes(world.instance), 1), limited_to(200), Rng(1));
  EXPECT_EQ(s.cost, 400);
  EXPECT_EQ(s.routes[0].size(), 2U);
  EXPECT_EQ(s.routes[1].size(), 2U);
}

TEST(Search, uses_fewer_vehicles_even_where_that_costs_more) {
  // Requests 1 → 1' at block 30 and 2 at the depot's side; each has a vehicle that starts beside it, so two vehicles
  // cost 0 and one has to drive from block 0 to block 30.
  World world(line);
  world.instance.per_metre = 1;
  for (Place const place : {0, 3}) {
    VehicleUse use;
    use.start = place;
    world.add(use);
  }
  world.add(at(0, 0, 1000), at(0, 0, 1000));
  world.add(at(3, 0, 1000), at(3, 0, 1000));
  Instance const& x = world.instance;
  Solution const start = construct(x, forced_routes(x), 1);
  EXPECT_EQ(improve(x, start, limited_to(500), Rng(1)).cost, 0);
  SearchOptions options = limited_to(500);
  options.fewer_vehicles = true;
  Solution const few = improve(x, start, options, Rng(1));
  EXPECT_EQ(few.cost, 300);
  EXPECT_EQ(std::ranges::count_if(few.routes, [](Nodes const& r) { return !r.empty(); }), 1);
}

TEST(Search, hands_back_what_has_no_schedule) {
  // Somebody on board has to be at block 30 by 5.
  World world(line);
  world.instance.per_metre = 1;
  world.add(from_depot());
  world.add_on_board(0, at(3, 0, 5), {});
  Solution const forced = forced_routes(world.instance);
  EXPECT_EQ(forced.cost, no_plan);
  EXPECT_EQ(construct(world.instance, forced, 2).cost, no_plan);
  EXPECT_EQ(improve(world.instance, forced, limited_to(10), Rng(1)).cost, no_plan);
}

TEST(Search, reports_every_better_plan_in_order) {
  auto const world = a_world({.vehicles = 3, .requests = 8, .rests = false}, Rng(5));
  Instance const& x = world->instance;
  std::vector<Money> costs;
  Solution const start = construct(x, forced_routes(x), 1);
  SearchOptions options = limited_to(500);
  options.on_better = [&](Solution const& s, double) { costs.push_back(s.cost); };
  Solution const best = improve(x, start, options, Rng(1));
  EXPECT_TRUE(std::ranges::is_sorted(costs, std::ranges::greater()));
  if (!costs.empty()) {
    EXPECT_LT(costs.front(), start.cost);
    EXPECT_EQ(costs.back(), best.cost);
  }
}

RC_GTEST_PROP(Search, ends_with_what_it_has_when_it_may_not_go_on, (std::uint64_t seed)) {
  auto const world = a_world({.vehicles = 3, .requests = 8, .rests = false}, Rng(seed));
  Instance const& x = world->instance;
  Solution const start = construct(x, forced_routes(x), 1);
  RC_PRE(start.cost < no_plan);
  int const patience = *rc::gen::inRange(0, 100);
  int asked = 0;
  Money best_so_far = start.cost;
  SearchOptions options = limited_to(500);
  options.fewer_vehicles = *rc::gen::arbitrary<bool>();
  options.on_better = [&](Solution const& s, double) { best_so_far = s.cost; };
  options.go_on = [&] { return ++asked <= patience; };
  Solution const ended = improve(x, start, options, Rng(seed));
  expect_sound(x, ended);
  RC_ASSERT(asked <= patience + 1);
  RC_ASSERT(ended.cost == best_so_far);
}

TEST(Search, is_the_same_search_when_it_is_always_told_to_go_on) {
  auto const world = a_world({.vehicles = 3, .requests = 8, .rests = false}, Rng(6));
  Instance const& x = world->instance;
  Solution const start = construct(x, forced_routes(x), 1);
  SearchOptions options = limited_to(500);
  int asked = 0;
  options.go_on = [&] { return ++asked > 0; };
  EXPECT_EQ(improve(x, start, options, Rng(1)).routes, improve(x, start, limited_to(500), Rng(1)).routes);
  EXPECT_GE(asked, 500);
}

// Every route of every vehicle goes into the pool, in every order of its stops.
void note_every_route(Instance const& x, schedule::Compiled const& compiled, RoutePool& pool) {
  schedule::Workspace work(compiled);
  for (std::int32_t v = 0; v < compiled.vehicles(); ++v) {
    schedule::Tour tour(compiled, v);
    Nodes route;
    auto const extend = [&](auto const& self) -> void {
      bool const closed = std::ranges::all_of(
          route, [&](std::int32_t n) { return std::ranges::find(route, compiled.stop(n).partner) != route.end(); });
      if (closed && work.obeys_loads(v, route) && tour.assign(route, work)) pool.note(tour);
      for (std::int32_t n = 0; n < compiled.nodes(); ++n) {
        if (std::ranges::find(route, n) != route.end()) continue;
        schedule::CompiledStop const& stop = compiled.stop(n);
        if (stop.kind == NodeKind::dropoff && std::ranges::find(route, stop.partner) == route.end()) continue;
        if (x.on_vehicle(stop.request, v) >= impossible) continue;
        route.push_back(n);
        self(self);
        route.pop_back();
      }
    };
    extend(extend);
  }
}

RC_GTEST_PROP(RoutePool, puts_the_cheapest_plan_together_when_it_has_seen_every_route, (std::uint64_t seed)) {
  auto const world = a_world({.vehicles = 2, .requests = 3, .priced = false, .rests = false}, Rng(seed));
  Instance const& x = world->instance;
  schedule::Compiled const compiled(x);
  RoutePool pool(compiled);
  RC_PRE(pool.usable());
  note_every_route(x, compiled, pool);
  Money const cheapest = cheapest_plan(x);
  auto const found = pool.combine(cheapest + 1'000);
  RC_ASSERT(found.has_value());
  expect_sound(x, *found);
  RC_ASSERT(found->cost == cheapest);
  RC_ASSERT(!pool.combine(cheapest));
}

TEST(Search, says_the_same_for_the_same_seed_when_it_cools_several_times) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    auto const world = a_world({.vehicles = 3, .requests = 4, .priced = false, .rests = false}, Rng(seed));
    Instance const& x = world->instance;
    Solution const start = construct(x, forced_routes(x), 1);
    Solution const one = improve(x, start, limited_to(20'000), Rng(seed));
    Solution const two = improve(x, start, limited_to(20'000), Rng(seed));
    EXPECT_EQ(one.cost, cheapest_plan(x));
    EXPECT_EQ(one.routes, two.routes);
  }
}

}  // namespace
}  // namespace regulus::dispatch
