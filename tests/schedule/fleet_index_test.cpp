#include "schedule/fleet_index.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/schedule/random_world.h"

namespace regulus::schedule::test {
namespace {

bool same(Insertion const& a, Insertion const& b) {
  return a.vehicle == b.vehicle && a.pickup_at == b.pickup_at && a.dropoff_at == b.dropoff_at && a.cost == b.cost;
}

// The twin: every pair of positions of every vehicle.
std::vector<Insertion> by_trying(Instance const& x, std::vector<Nodes> const& routes, std::int32_t request) {
  std::vector<Insertion> all;
  for (std::size_t v = 0; v < routes.size(); ++v) {
    auto const found = best_insertion_by_trying(x, static_cast<std::int32_t>(v), routes[v], request);
    if (found) all.push_back(*found);
  }
  std::stable_sort(all.begin(), all.end(), [](Insertion const& a, Insertion const& b) { return a.cost < b.cost; });
  return all;
}

// The routes that the world forces, or nothing when they cannot be driven.
std::optional<std::vector<Nodes>> forced(World const& world, Rng& rng) {
  std::vector<Nodes> routes;
  for (std::size_t v = 0; v < world.instance.vehicles.size(); ++v) {
    routes.push_back(random_route(world, static_cast<std::int32_t>(v), {}, rng));
    Evaluation const e = evaluate(world.instance, static_cast<std::int32_t>(v), routes.back());
    if (e.violation != Violation::none) return std::nullopt;
  }
  return routes;
}

void insert_into(Instance const& x, Nodes& route, Insertion const& where, std::int32_t request) {
  route.insert(route.begin() + where.pickup_at, request_of(x, request).pickup);
  route.insert(route.begin() + where.dropoff_at, request_of(x, request).dropoff);
}

// Fills a world request by request and holds every answer of the index against the twin's.
void expect_exact(World& world, Rng& rng) {
  Instance& x = world.instance;
  std::optional<std::vector<Nodes>> start = forced(world, rng);
  if (!start) return;
  std::vector<Nodes> routes = *start;
  FleetIndex index(x);
  for (std::size_t v = 0; v < routes.size(); ++v) index.set_route(static_cast<std::int32_t>(v), routes[v]);
  for (std::size_t r = 0; r < x.requests.size(); ++r) {
    auto const request = static_cast<std::int32_t>(r);
    if (x.requests[r].pickup < 0) continue;
    std::vector<Insertion> const expected = by_trying(x, routes, request);
    std::optional<Insertion> const best = index.best(request);
    ASSERT_EQ(best.has_value(), !expected.empty());
    if (!best) continue;
    ASSERT_TRUE(same(*best, expected.front()))
        << "cost " << best->cost << " on " << best->vehicle << " at " << best->pickup_at << ", " << best->dropoff_at
        << "; by trying " << expected.front().cost << " on " << expected.front().vehicle << " at "
        << expected.front().pickup_at << ", " << expected.front().dropoff_at;
    std::vector<Insertion> const two = index.best_of_each(request, 2);
    ASSERT_EQ(two.size(), std::min<std::size_t>(2, expected.size()));
    for (std::size_t k = 0; k < two.size(); ++k) {
      ASSERT_TRUE(same(two[k], expected[k]))
          << "number " << k << ": cost " << two[k].cost << " on " << two[k].vehicle << " at " << two[k].pickup_at
          << ", " << two[k].dropoff_at << "; by trying " << expected[k].cost << " on " << expected[k].vehicle << " at "
          << expected[k].pickup_at << ", " << expected[k].dropoff_at;
    }
    ASSERT_EQ(index.best_of_each(request, 100).size(), expected.size());
    // Not always the best one: routes should differ from what greedy makes.
    Insertion const& taken = expected[rng.below(expected.size())];
    auto const v = static_cast<std::size_t>(taken.vehicle);
    insert_into(x, routes[v], taken, request);
    if (rng.chance(0.2)) {  // the vehicle's next stop cannot be changed any more
      x.vehicles[v].locked.assign(routes[v].begin(), routes[v].begin() + 1);
    }
    index.set_route(taken.vehicle, routes[v]);
    ASSERT_EQ(index.cost(taken.vehicle), evaluate(x, taken.vehicle, routes[v]).cost);
  }
}

RC_GTEST_PROP(FleetIndex, answers_what_trying_everything_answers, (std::uint64_t seed)) {
  Rng rng = Rng(seed).stream(Purpose::test);
  auto const world = random_world({.vehicles = 3, .requests = 14}, rng.stream(Purpose::demand));
  expect_exact(*world, rng);
  RC_ASSERT(!testing::Test::HasFatalFailure());
}

RC_GTEST_PROP(FleetIndex, needs_no_triangle_inequality, (std::uint64_t seed)) {
  Rng rng = Rng(seed).stream(Purpose::test);
  auto const world = random_world({.vehicles = 3, .requests = 14, .detours_pay = true}, rng.stream(Purpose::demand));
  expect_exact(*world, rng);
  RC_ASSERT(!testing::Test::HasFatalFailure());
}

RC_GTEST_PROP(FleetIndex, is_exact_without_prices_where_everything_ties, (std::uint64_t seed)) {
  Rng rng = Rng(seed).stream(Purpose::test);
  auto const world = random_world({.vehicles = 4, .requests = 12, .priced = false}, rng.stream(Purpose::demand));
  expect_exact(*world, rng);
  RC_ASSERT(!testing::Test::HasFatalFailure());
}

TEST(FleetIndex, follows_an_instance_that_grows_and_forgets_a_vehicle) {
  World world({{0, 0}, {10, 0}, {20, 0}});
  world.instance.per_metre = 1;
  VehicleUse use;
  use.start = use.end = 0;
  world.add(use);
  FleetIndex index(world.instance);
  Node in, out;
  in.place = 1;
  out.place = 2;
  std::int32_t const r = world.add(in, out);
  EXPECT_FALSE(index.best(r).has_value()) << "no vehicle takes part yet";
  index.set_route(0, {});
  EXPECT_EQ(index.best(r)->cost, 10 * 40);  // out to place 2 and home again
  use.start = use.end = 1;
  std::int32_t const nearer = world.add(use);
  index.set_route(nearer, {});
  EXPECT_EQ(index.best(r)->vehicle, nearer);
  index.forget(nearer);
  EXPECT_EQ(index.best(r)->vehicle, 0);
  Nodes const both{world.pickup(r), world.dropoff(r)};
  index.set_route(0, both);
  EXPECT_EQ(index.cost(0).driving, 400);
  std::int32_t const again = world.add(in, out);
  EXPECT_EQ(index.best(again)->cost, 0);  // along the way
}

}  // namespace
}  // namespace regulus::schedule::test
