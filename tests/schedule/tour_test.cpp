#include "schedule/tour.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include "tests/schedule/random_world.h"

namespace regulus::schedule {
namespace {

using test::Mix;
using test::Nodes;
using test::World;

// A feasible route of some of the requests, and somebody who is not in it.
struct Setting {
  std::unique_ptr<World> world;
  Nodes route;
  std::int32_t newcomer = 0;
};

std::optional<Setting> a_setting(Mix const& mix, Rng rng) {
  Setting s{test::random_world(mix, rng.stream(Purpose::test, 1)), {}, 0};
  Instance& x = s.world->instance;
  if (!mix.priced) x.per_metre = 3;
  std::vector<std::int32_t> free;
  for (std::size_t r = 0; r < x.requests.size(); ++r) {
    if (x.requests[r].pickup >= 0) free.push_back(static_cast<std::int32_t>(r));
  }
  rng.shuffle(std::span(free));
  s.newcomer = free.back();
  free.pop_back();
  free.resize(rng.below(free.size() + 1));
  s.route = test::random_route(*s.world, 0, free, rng);
  if (evaluate(x, 0, s.route).violation != Violation::none) return std::nullopt;
  // Some of a route's beginning may be locked.
  if (rng.chance(0.3)) {
    auto const count = static_cast<std::ptrdiff_t>(rng.below(s.route.size() + 1));
    x.vehicles[0].locked.assign(s.route.begin(), s.route.begin() + count);
  }
  return s;
}

// A pure world: nothing has a price but distance, vehicles and who drives whom.
Mix pure(int requests) { return {.requests = requests, .priced = false}; }
Mix priced(int requests) { return {.requests = requests}; }
Mix with_short_cuts(int requests) { return {.requests = requests, .detours_pay = true}; }

void expect_price_of_reference(Mix const& mix, std::uint64_t seed) {
  auto const s = a_setting(mix, Rng(seed));
  RC_PRE(s.has_value());
  Compiled const compiled(s->world->instance);
  RC_ASSERT(compiled.pure() == !mix.priced);
  Workspace work(compiled);
  Tour tour(compiled, 0);
  RC_ASSERT(tour.assign(s->route, work));
  RC_ASSERT(tour.cost() == evaluate(s->world->instance, 0, s->route).cost.total());
}

RC_GTEST_PROP(Tour, costs_what_the_reference_says_when_time_has_a_price, (std::uint64_t seed)) {
  expect_price_of_reference(priced(5), seed);
}
RC_GTEST_PROP(Tour, costs_what_the_reference_says_when_only_distance_has_one, (std::uint64_t seed)) {
  expect_price_of_reference(pure(5), seed);
}
RC_GTEST_PROP(Tour, costs_what_the_reference_says_when_detours_pay, (std::uint64_t seed)) {
  expect_price_of_reference(with_short_cuts(5), seed);
}

// Feasible or not, for any well-formed sequence.
RC_GTEST_PROP(Workspace, prices_and_refuses_as_the_reference_does, (std::uint64_t seed)) {
  Rng rng(seed);
  auto const world = test::random_world({.requests = 6, .detours_pay = rng.chance(0.3)}, rng.stream(Purpose::test, 1));
  std::vector<std::int32_t> everybody;
  for (std::size_t r = 0; r < world->instance.requests.size(); ++r) {
    if (world->instance.requests[r].pickup >= 0) everybody.push_back(static_cast<std::int32_t>(r));
  }
  rng.shuffle(std::span(everybody));
  everybody.resize(rng.below(everybody.size() + 1));
  Nodes const route = test::random_route(*world, 0, everybody, rng);
  RC_PRE(test::structure_holds(world->instance, 0, route));
  Compiled const compiled(world->instance);
  Workspace work(compiled);
  RC_ASSERT(work.obeys_loads(0, route));
  Evaluation const e = evaluate(world->instance, 0, route);
  RC_ASSERT(work.price(0, route) == (e.violation == Violation::none ? e.cost.total() : impossible));
}

void expect_best_insertion_of_reference(Mix const& mix, std::uint64_t seed) {
  auto const s = a_setting(mix, Rng(seed));
  RC_PRE(s.has_value());
  auto const expected = best_insertion_by_trying(s->world->instance, 0, s->route, s->newcomer);
  Compiled const compiled(s->world->instance);
  Workspace work(compiled);
  Tour tour(compiled, 0);
  RC_ASSERT(tour.assign(s->route, work));
  Insertion const found = tour.best_insertion(s->newcomer, work);
  RC_ASSERT((found.cost < impossible) == expected.has_value());
  if (!expected) return;
  RC_ASSERT(found.cost == expected->cost);
  RC_ASSERT(found.pickup_at == expected->pickup_at);
  RC_ASSERT(found.dropoff_at == expected->dropoff_at);
}

RC_GTEST_PROP(Tour, finds_the_best_insertion_when_time_has_a_price, (std::uint64_t seed)) {
  expect_best_insertion_of_reference(priced(6), seed);
}
RC_GTEST_PROP(Tour, finds_the_best_insertion_when_only_distance_has_one, (std::uint64_t seed)) {
  expect_best_insertion_of_reference(pure(6), seed);
}
RC_GTEST_PROP(Tour, finds_the_best_insertion_when_detours_pay, (std::uint64_t seed)) {
  expect_best_insertion_of_reference(with_short_cuts(6), seed);
}

// Loose stops: whoever is on board and every rest, taken out and put back, cost at most what they did.
RC_GTEST_PROP(Tour, puts_a_loose_stop_back_at_its_best_place, (std::uint64_t seed)) {
  auto s = a_setting({.requests = 4}, Rng(seed));
  RC_PRE(s.has_value());
  Instance& x = s->world->instance;
  x.vehicles[0].locked.clear();
  Nodes loose;
  for (std::int32_t const rider : x.vehicles[0].on_board) loose.push_back(test::request_of(x, rider).dropoff);
  for (Rest const& rest : x.vehicles[0].rests) loose.push_back(rest.node);
  RC_PRE(!loose.empty());
  std::int32_t const node = loose[seed % loose.size()];
  Nodes rest_of_route = s->route;
  std::erase(rest_of_route, node);

  std::optional<Money> expected;
  std::size_t expected_at = 0;
  for (std::size_t k = 0; k <= rest_of_route.size(); ++k) {
    Nodes tried = rest_of_route;
    tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(k), node);
    Evaluation const e = evaluate(x, 0, tried);
    if (e.violation != Violation::none || (expected && e.cost.total() >= *expected)) continue;
    expected = e.cost.total();
    expected_at = k;
  }
  Compiled const compiled(x);
  Workspace work(compiled);
  Tour tour(compiled, 0);
  RC_PRE(tour.assign(rest_of_route, work));
  Insertion const found = tour.best_position(node, work);
  RC_ASSERT(expected.has_value());
  RC_ASSERT(found.dropoff_at == static_cast<std::int32_t>(expected_at));
  RC_ASSERT(tour.cost() + found.cost == *expected);
}

Node at(Place place, Ticks earliest, Ticks latest, Ticks service = 0) {
  Node node;
  node.place = place;
  node.earliest = earliest;
  node.latest = latest;
  node.service = service;
  return node;
}
VehicleUse between(Place start, Place end) {
  VehicleUse use;
  use.start = start;
  use.end = end;
  return use;
}
Request riding_at_most(Ticks ride) {
  Request request;
  request.max_ride = ride;
  return request;
}

TEST(Compiled, narrows_windows_by_what_a_ride_limit_implies) {
  // Places 0 and 10 blocks to the right, the depot at 0. The pickup may be served in [0, 100], its service takes 2, the
  // ride at most 15, the drop-off lies in [50, 60].
  World world({{0, 0}, {10, 0}});
  world.add(between(0, 0));
  world.add(at(0, 0, 100, 2), at(1, 50, 60), riding_at_most(15));
  Compiled const compiled(world.instance);
  ASSERT_TRUE(compiled.pure());
  EXPECT_EQ(compiled.stop(0).earliest, 50 - 15 - 2);
  EXPECT_EQ(compiled.stop(0).latest, 60 - 10 - 2);
  EXPECT_EQ(compiled.stop(1).earliest, 50);
  EXPECT_EQ(compiled.stop(1).latest, 60);
  EXPECT_TRUE(compiled.stop(1).limited) << "from 33 + 2 to 60 are 25, more than 15";
}

TEST(Compiled, forgets_a_ride_limit_that_cannot_bind) {
  // Served in [0, 20] and [10, 30]: no ride is longer than 30.
  World world({{0, 0}, {10, 0}});
  world.add(between(0, 0));
  world.add(at(0, 0, 20), at(1, 10, 30), riding_at_most(30));
  EXPECT_FALSE(Compiled(world.instance).stop(1).limited);
}

TEST(Compiled, knows_vehicles_that_are_the_same) {
  World world({{0, 0}, {10, 0}});
  for (int k = 0; k < 3; ++k) world.add(between(0, 0));
  world.add(between(1, 0));
  Request picky;
  picky.on_vehicle = {5, 5, 7, 5};
  world.add(at(0, 0, 100), at(1, 0, 100), picky);
  Compiled const compiled(world.instance);
  EXPECT_EQ(compiled.twin(1), 0);
  EXPECT_EQ(compiled.twin(2), 2) << "driving the request has another price there";
  EXPECT_EQ(compiled.twin(3), 3) << "it starts elsewhere";
}

TEST(Tour, knows_that_a_longer_ride_may_lift_a_pickup) {
  // Depot and A at block 0, B at 10, C at 20. A rides to C, at most 25; C opens at 100, so A is lifted from 0 to 75.
  // A newcomer at B (free at any time, no service) costs nothing on the way.
  World world({{0, 0}, {10, 0}, {20, 0}});
  world.instance.per_metre = 1;
  world.add(between(0, 0));
  world.add(at(0, 0, 200), at(2, 100, 200), riding_at_most(25));
  world.add(at(1, 0, 70), at(2, 0, 300));
  Compiled const compiled(world.instance);
  Workspace work(compiled);
  Tour tour(compiled, 0);
  ASSERT_TRUE(tour.assign(Nodes{0, 1}, work));
  EXPECT_EQ(tour.cost(), 400);
  // The newcomer closes at 70, but A is picked up at 75 at the earliest. So B comes before A: 10 there, 10 back, and
  // its drop-off at C is on the way.
  Insertion const found = tour.best_insertion(1, work);
  EXPECT_EQ(found.cost, 200);
  EXPECT_EQ(found.pickup_at, 0);
  EXPECT_EQ(found.dropoff_at, 2);
}

}  // namespace
}  // namespace regulus::schedule
