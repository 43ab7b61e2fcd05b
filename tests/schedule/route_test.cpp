#include "schedule/route.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include "tests/schedule/random_world.h"

namespace regulus::schedule::test {
namespace {

// Four places on a line, 10 ticks apart: the depot 0, and 1, 2, 3.
std::vector<std::pair<int, int>> const line{{0, 0}, {10, 0}, {20, 0}, {30, 0}};

Node at(Place place, Ticks earliest = 0, Ticks latest = forever, Ticks service = 0) {
  Node node;
  node.place = place;
  node.earliest = earliest;
  node.latest = latest;
  node.service = service;
  return node;
}

VehicleUse from_depot() {
  VehicleUse use;
  use.start = use.end = 0;
  return use;
}

TEST(Route, drives_as_early_as_it_can_and_leaves_as_late_as_waiting_allows) {
  World world(line);
  std::int32_t const v = world.add(from_depot());
  // Pickup at 1 from 100 on, 5 ticks to board; drop-off at 3, 20 ticks away, 5 to alight; 30 back to the depot.
  std::int32_t const r = world.add(at(1, 100, 200, 5), at(3, 0, forever, 5));
  Evaluation const e = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)});
  ASSERT_EQ(e.violation, Violation::none);
  // Leaving at 0 would mean 90 ticks of waiting; leaving at 90 none.
  EXPECT_EQ(e.timing.leave, 90);
  EXPECT_EQ(e.timing.arrive, (std::vector<Ticks>{100, 125}));
  EXPECT_EQ(e.timing.start, (std::vector<Ticks>{100, 125}));
  EXPECT_EQ(e.timing.back, 160);
  EXPECT_EQ(e.timing.metres, 10 * (10 + 20 + 30));
}

TEST(Route, waits_for_the_window_of_a_later_stop_and_delays_the_first_pickup_only_until_it_is_due) {
  World world(line);
  world.instance.per_metre = 2;
  VehicleUse use = from_depot();
  use.per_tick = 3;
  std::int32_t const v = world.add(use);
  Node early = at(1, 0, 100), late = at(2, 100, 200);
  early.due = 40;  // later costs 7 a tick, up to the hard end at 100
  early.late_rate = 7;
  std::int32_t const a = world.add(early, at(2)), b = world.add(late, at(3));
  Evaluation const e =
      evaluate(world.instance, v, Nodes{world.pickup(a), world.dropoff(a), world.pickup(b), world.dropoff(b)});
  ASSERT_EQ(e.violation, Violation::none);
  // The earliest: 10, 20, wait 80 until 100, 110, back at 140. The departure moves by 30, until the first pickup is
  // due.
  EXPECT_EQ(e.timing.leave, 30);
  EXPECT_EQ(e.timing.start, (std::vector<Ticks>{40, 50, 100, 110}));
  EXPECT_EQ(e.timing.back, 140);
  EXPECT_EQ(e.cost.paid, 3 * 110);
  EXPECT_EQ(e.cost.lateness, 0);
  EXPECT_EQ(e.cost.driving, 2 * 10 * 60);
}

TEST(Route, lateness_costs_from_the_due_moment_to_the_start_and_the_hard_end_stands) {
  World world(line);
  std::int32_t const v = world.add(from_depot());
  Node in = at(1, 0, 12);
  in.due = 5;
  in.late_rate = 4;
  std::int32_t const r = world.add(in, at(2));
  Evaluation const e = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)});
  ASSERT_EQ(e.violation, Violation::none);
  EXPECT_EQ(e.cost.lateness, 5 * 4);  // there at 10, due at 5
  world.instance.nodes[static_cast<std::size_t>(world.pickup(r))].latest = 9;
  Evaluation const missed = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)});
  EXPECT_EQ(missed.violation, Violation::window);
  EXPECT_EQ(missed.node, world.pickup(r));
}

TEST(Route, a_pickup_waits_so_that_the_rider_need_not) {
  World world(line);
  std::int32_t const v = world.add(from_depot());
  Request request;
  request.direct = 10;
  request.excess_rate = 2;
  // Picked up at 10 and let out not before 50: 30 ticks too long on board. Boarding at 40 makes the ride direct.
  std::int32_t const r = world.add(at(1), at(2, 50), request);
  VehicleUse& use = world.instance.vehicles[0];
  use.started = true;  // the departure cannot move
  Evaluation const e = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)});
  ASSERT_EQ(e.violation, Violation::none);
  EXPECT_EQ(e.timing.leave, 0);
  EXPECT_EQ(e.timing.start, (std::vector<Ticks>{40, 50}));
  EXPECT_EQ(e.cost.excess, 0);
}

TEST(Route, a_rider_on_board_is_not_kept_longer_for_somebody_elses_shorter_ride) {
  World world(line);
  VehicleUse use = from_depot();
  use.started = true;
  std::int32_t const v = world.add(use);
  Request rider;
  rider.boarded = 0;
  rider.direct = 30;
  rider.excess_rate = 1;
  std::int32_t const old = world.add_on_board(v, at(3), rider);
  Request request;
  request.direct = 20;
  request.excess_rate = 5;
  std::int32_t const r = world.add(at(1), at(3, 60), request);
  Evaluation const e = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(old), world.dropoff(r)});
  ASSERT_EQ(e.violation, Violation::none);
  // 10, 30, wait at 3 until 60. Delaying the pickup would shorten a ride of 50 by up to 30, but keep the one on board.
  EXPECT_EQ(e.timing.start, (std::vector<Ticks>{10, 30, 60}));
  EXPECT_EQ(e.cost.excess, (60 - 10 - 20) * 5);
}

TEST(Route, a_ride_limit_lifts_the_pickup_or_refuses) {
  World world(line);
  std::int32_t const v = world.add(from_depot());
  Request request;
  request.max_ride = 15;
  std::int32_t const r = world.add(at(1, 0, 30), at(2, 50, 60), request);
  // Let out from 50 on, so on board from 35 on at the earliest; but the pickup closes at 30.
  Evaluation const e = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)});
  EXPECT_EQ(e.violation, Violation::ride_time);
  EXPECT_EQ(e.node, world.dropoff(r));
  world.instance.nodes[static_cast<std::size_t>(world.pickup(r))].latest = 35;
  Evaluation const just = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)});
  ASSERT_EQ(just.violation, Violation::none);
  EXPECT_EQ(just.timing.start, (std::vector<Ticks>{35, 50}));
  world.instance.requests[0].max_ride = 9;  // the direct ride takes 10
  EXPECT_EQ(evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)}).violation, Violation::ride_time);
}

TEST(Route, a_limit_on_the_duration_delays_the_departure_or_refuses) {
  World world(line);
  VehicleUse use = from_depot();
  use.max_duration = 60;
  std::int32_t const v = world.add(use);
  std::int32_t const r = world.add(at(1, 100), at(3));
  Nodes const nodes{world.pickup(r), world.dropoff(r)};
  EXPECT_EQ(evaluate(world.instance, v, nodes).timing.leave, 90);  // 10 + 20 + 30 ticks of driving, none to spare
  world.instance.vehicles[0].max_duration = 59;
  EXPECT_EQ(evaluate(world.instance, v, nodes).violation, Violation::duration);
}

TEST(Route, paid_time_counts_from_the_departure_and_overtime_on_top) {
  World world(line);
  VehicleUse use = from_depot();
  use.fixed = 1000;
  use.per_tick = 3;
  use.overtime_after = 50;
  use.overtime_rate = 5;
  use.latest = 60;
  std::int32_t const v = world.add(use);
  std::int32_t const r = world.add(at(1), at(3));
  Nodes const nodes{world.pickup(r), world.dropoff(r)};
  EXPECT_EQ(evaluate(world.instance, v, nodes).cost.paid, 1000 + 60 * 3 + 10 * 5);
  world.instance.vehicles[0].latest = 59;
  EXPECT_EQ(evaluate(world.instance, v, nodes).violation, Violation::shift);
  EXPECT_EQ(evaluate(world.instance, v, {}).cost, RouteCost{}) << "a vehicle that stays at home costs nothing";
}

TEST(Route, a_promise_is_kept_by_leaving_later) {
  World world(line);
  VehicleUse use = from_depot();
  use.per_tick = 1;
  std::int32_t const v = world.add(use);
  Node in = at(1);
  in.promised = 100;
  in.promise_slack = 5;
  in.promise_rate = 2;
  std::int32_t const r = world.add(in, at(2));
  Evaluation const e = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)});
  ASSERT_EQ(e.violation, Violation::none);
  EXPECT_EQ(e.timing.leave, 85);  // at the pickup at 95, five before what was promised
  EXPECT_EQ(e.cost.promises, 0);
  EXPECT_EQ(e.cost.paid, 40);
  // A vehicle under way pays for the waiting, and a tick of waiting costs less than a tick of a moved promise.
  world.instance.vehicles[0].started = true;
  Evaluation const waits = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)});
  EXPECT_EQ(waits.timing.start[0], 95);
  // Dearer than the promise, it does not wait: there at 10, 85 ticks too early.
  world.instance.vehicles[0].per_tick = 3;
  Evaluation const goes = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)});
  EXPECT_EQ(goes.timing.start[0], 10);
  EXPECT_EQ(goes.cost.promises, 85 * 2);
}

TEST(Route, seats_convert_but_one_layout_must_hold_everybody) {
  World world(line);
  VehicleUse use = from_depot();
  use.layouts = {Seats{{4, 0, 0}}, Seats{{2, 1, 0}}};
  std::int32_t const v = world.add(use);
  Request two, wheelchair;
  two.seats = Seats{{2, 0, 0}};
  wheelchair.seats = Seats{{0, 1, 0}};
  std::int32_t const a = world.add(at(1), at(3), two), b = world.add(at(1), at(3), two);
  std::int32_t const w = world.add(at(2), at(3), wheelchair);
  auto const ride = [&](std::initializer_list<std::int32_t> riders) {
    Nodes nodes;
    for (std::int32_t r : riders) nodes.push_back(world.pickup(r));
    for (std::int32_t r : riders) nodes.push_back(world.dropoff(r));
    return evaluate(world.instance, v, nodes);
  };
  EXPECT_EQ(ride({a, b}).violation, Violation::none);  // four seats
  EXPECT_EQ(ride({a, w}).violation, Violation::none);  // two seats and the wheelchair's place
  EXPECT_EQ(ride({a, b, w}).violation, Violation::capacity);
  EXPECT_EQ(ride({a, b, w}).node, world.pickup(w));
}

TEST(Route, who_rides_alone_rides_alone) {
  World world(line);
  std::int32_t const v = world.add(from_depot());
  Request alone;
  alone.exclusive = true;
  std::int32_t const a = world.add(at(1), at(2), alone), b = world.add(at(2), at(3));
  Nodes const after{world.pickup(a), world.dropoff(a), world.pickup(b), world.dropoff(b)};
  Nodes const during{world.pickup(a), world.pickup(b), world.dropoff(a), world.dropoff(b)};
  EXPECT_EQ(evaluate(world.instance, v, after).violation, Violation::none);
  EXPECT_EQ(evaluate(world.instance, v, during).violation, Violation::exclusive);
}

TEST(Route, a_rest_is_taken_where_the_vehicle_is_and_with_nobody_on_board) {
  World world(line);
  std::int32_t const v = world.add(from_depot());
  std::int32_t const rest = world.add_rest(v, at(no_place, 50, 100, 30));
  std::int32_t const r = world.add(at(1), at(2)), late = world.add(at(3), at(1));
  Nodes const nodes{world.pickup(r), world.dropoff(r), rest, world.pickup(late), world.dropoff(late)};
  Evaluation const e = evaluate(world.instance, v, nodes);
  ASSERT_EQ(e.violation, Violation::none);
  // Leaves at 30 to be at 1 at 40 and at 2 at 50: rests there from 50 to 80; 10 to place 3; 20 to place 1; 10 home.
  EXPECT_EQ(e.timing.leave, 30);
  EXPECT_EQ(e.timing.start, (std::vector<Ticks>{40, 50, 50, 90, 110}));
  EXPECT_EQ(e.timing.back, 120);
  EXPECT_EQ(evaluate(world.instance, v, Nodes{world.pickup(r), rest, world.dropoff(r)}).violation, Violation::rest);
  EXPECT_EQ(evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)}).violation, Violation::rest);
}

TEST(Route, locked_stops_come_first_and_riders_on_board_are_delivered) {
  World world(line);
  std::int32_t const v = world.add(from_depot());
  std::int32_t const r = world.add(at(1), at(2)), other = world.add(at(1), at(2));
  std::int32_t const rider = world.add_on_board(v, at(3), {});
  world.instance.vehicles[0].locked = {world.pickup(r)};
  Nodes const good{world.pickup(r), world.dropoff(rider), world.dropoff(r)};
  EXPECT_EQ(evaluate(world.instance, v, good).violation, Violation::none);
  EXPECT_EQ(evaluate(world.instance, v, Nodes{world.dropoff(rider), world.pickup(r), world.dropoff(r)}).violation,
            Violation::lock);
  Evaluation const left = evaluate(world.instance, v, Nodes{world.pickup(r), world.dropoff(r)});
  EXPECT_EQ(left.violation, Violation::order);
  EXPECT_EQ(left.node, world.dropoff(rider));
  EXPECT_EQ(evaluate(world.instance, v,
                     Nodes{world.pickup(r), world.dropoff(rider), world.pickup(other), world.dropoff(other),
                           world.dropoff(r), world.pickup(other), world.dropoff(other)})
                .violation,
            Violation::order)
      << "nobody is driven twice";
}

TEST(Route, a_vehicle_that_may_not_take_the_request_is_named) {
  World world(line);
  world.add(from_depot());
  world.add(from_depot());
  Request request;
  request.on_vehicle = {impossible, 30};
  std::int32_t const r = world.add(at(1), at(2), request);
  Nodes const nodes{world.pickup(r), world.dropoff(r)};
  EXPECT_EQ(evaluate(world.instance, 0, nodes).violation, Violation::vehicle);
  EXPECT_EQ(evaluate(world.instance, 1, nodes).cost.matching, 30);
}

// What must hold of every evaluation, whatever the world.
void expect_right(Instance const& x, std::int32_t v, Nodes const& nodes) {
  Evaluation const e = evaluate(x, v, nodes);
  ASSERT_EQ(e.violation == Violation::none, feasible_by_definition(x, v, nodes));
  if (e.violation != Violation::none) {
    return;
  }
  Times const times{e.timing.leave, e.timing.back, e.timing.start};
  ASSERT_EQ(e.cost, cost_by_definition(x, v, nodes, times));
  if (!is_used(x, v, nodes)) return;
  ASSERT_TRUE(satisfies(x, v, nodes, times));
  Times const earliest = *earliest_by_bellman_ford(x, v, nodes);
  RouteCost const plain = cost_by_definition(x, v, nodes, earliest);
  ASSERT_LE(e.cost.total(), plain.total());
  ASSERT_EQ(e.cost.lateness, plain.lateness);
}

RC_GTEST_PROP(Route, is_feasible_exactly_when_its_differences_have_a_solution, (std::uint64_t seed)) {
  Rng rng = Rng(seed).stream(Purpose::test);
  auto const world = random_world({.requests = 5, .detours_pay = rng.chance(0.3)}, rng.stream(Purpose::demand));
  std::int32_t const all[] = {0, 1, 2, 3, 4, 5};
  std::size_t const on_board = world->instance.vehicles[0].on_board.size();
  for (std::size_t n = 0; n <= 5; ++n) {
    for (int attempt = 0; attempt < 6; ++attempt) {
      Nodes const route = random_route(*world, 0, std::span(all).subspan(on_board, n), rng);
      expect_right(world->instance, 0, route);
      RC_ASSERT(!testing::Test::HasFatalFailure());
    }
  }
}

RC_GTEST_PROP(Route, the_textbooks_eight_steps_agree_about_windows_and_ride_limits, (std::uint64_t seed)) {
  Rng rng = Rng(seed).stream(Purpose::test);
  auto const world =
      random_world({.requests = 5, .priced = false, .rests = false, .durations = false}, rng.stream(Purpose::demand));
  std::int32_t const all[] = {0, 1, 2, 3, 4};
  for (std::size_t n = 1; n <= 5; ++n) {
    for (int attempt = 0; attempt < 6; ++attempt) {
      Nodes const route = random_route(*world, 0, std::span(all).first(n), rng);
      if (!structure_holds(world->instance, 0, route)) continue;
      RC_ASSERT((evaluate(world->instance, 0, route).violation == Violation::none) ==
                feasible_by_eight_steps(world->instance, 0, route));
    }
  }
}

// All ways to drive `left` after `done`, whether they make sense or not.
void every_order(Instance const& x, std::int32_t v, Nodes& done, Nodes left, std::int64_t& feasible) {
  if (left.empty()) {
    expect_right(x, v, done);
    feasible += evaluate(x, v, done).violation == Violation::none ? 1 : 0;
    return;
  }
  for (std::size_t k = 0; k < left.size(); ++k) {
    if (testing::Test::HasFatalFailure()) return;
    Nodes rest = left;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(k));
    done.push_back(left[k]);
    every_order(x, v, done, rest, feasible);
    done.pop_back();
  }
}

TEST(Route, every_plan_of_every_small_world_is_judged_rightly) {
  std::int64_t feasible = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    auto const world = random_world({.vehicles = 3, .requests = 3}, Rng(seed));
    Instance const& x = world->instance;
    for (std::int32_t v = 0; v < 3; ++v) {
      for (unsigned subset = 0; subset < 8; ++subset) {
        Nodes nodes;
        for (Rest const& rest : x.vehicles[static_cast<std::size_t>(v)].rests) nodes.push_back(rest.node);
        for (std::int32_t r : x.vehicles[static_cast<std::size_t>(v)].on_board) nodes.push_back(world->dropoff(r));
        std::int32_t booking = 0;
        for (std::size_t r = 0; r < x.requests.size(); ++r) {
          if (x.requests[r].pickup < 0) continue;
          if ((subset >> booking++ & 1U) == 0) continue;
          nodes.push_back(x.requests[r].pickup);
          nodes.push_back(x.requests[r].dropoff);
        }
        Nodes done;
        every_order(x, v, done, nodes, feasible);
        ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed << ", vehicle " << v;
      }
    }
  }
  EXPECT_GT(feasible, 200);
}

TEST(BestInsertionByTrying, takes_the_cheapest_gap_and_of_equals_the_earliest) {
  World world(line);
  world.instance.per_metre = 1;
  world.instance.load_weight = 7;
  VehicleUse use = from_depot();
  use.trips = 2;
  std::int32_t const v = world.add(use);
  std::int32_t const far = world.add(at(1), at(3)), near = world.add(at(1), at(2));
  Nodes const route{world.pickup(far), world.dropoff(far)};
  // On the way out: no metre more. Trips: two elsewhere and one here, so 7 × (2 × 3 + 1).
  auto const found = best_insertion_by_trying(world.instance, v, route, near);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->cost, 49);
  EXPECT_EQ(found->pickup_at, 0);
  EXPECT_EQ(found->dropoff_at, 2);  // its pickup, the other's pickup, its drop-off
  world.instance.requests[static_cast<std::size_t>(near)].on_vehicle = {impossible};
  EXPECT_FALSE(best_insertion_by_trying(world.instance, v, route, near).has_value());
}

}  // namespace
}  // namespace regulus::schedule::test
