#include "dispatch/policy.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "dispatch/instance_of.h"
#include "tests/support/random_situations.h"

namespace regulus::dispatch {
namespace {

// Two drivers in one street, 1 km between places 0 and 1; a booking at eight from 0 to 1.
struct Street {
  Street() {
    day.places = {{46.2, 6.14}, {46.208993, 6.14}};
    day.speeds.detour = 1;
    for (DriverId id : {1, 2}) {
      Driver driver;
      driver.id = id;
      driver.vehicle.layouts = {Seats{{2, 0, 0}}};
      driver.shift = {7 * one_hour, 15 * one_hour};
      driver.start = 0;
      driver.breaks = {{{11 * one_hour, 12 * one_hour}, 1'800}};
      day.drivers.push_back(driver);
      DriverState state;
      state.anchor = 0;
      state.free_at = driver.shift.start;
      fleet.drivers.push_back(state);
    }
    for (BookingId id : {7, 8, 9}) {
      Booking booking;
      booking.id = id;
      booking.pickup = 0;
      booking.dropoff = 1;
      booking.seats = Seats{{1, 0, 0}};
      booking.pickup_window = {8 * one_hour, 8 * one_hour + 600};
      day.bookings.push_back(booking);
      BookingState state;
      state.known = true;
      state.pickup_window = booking.pickup_window;
      fleet.bookings.push_back(state);
      fleet.undecided.push_back(static_cast<std::int32_t>(day.bookings.size()) - 1);
    }
    times = TravelTimes::straight_line(day.places, day.speeds);
    fleet.day = &day;
    fleet.now = 7 * one_hour;
  }
  Street(Street const&) = delete;
  Street& operator=(Street const&) = delete;

  Situation situation() const { return {fleet, times}; }
  std::string refusal(Decision const& decision) const {
    Status const status = check_decision(situation(), decision);
    return status ? "" : status.error().message;
  }

  Day day;
  TravelTimes times;
  FleetSnapshot fleet;
};

Stop pickup(BookingId id) { return {StopKind::pickup, id}; }
Stop dropoff(BookingId id) { return {StopKind::dropoff, id}; }

TEST(CheckDecision, lets_pass_what_can_be_driven) {
  Street street;
  EXPECT_EQ(street.refusal({.routes = {{1, {pickup(7), dropoff(7), {StopKind::rest, 0}}}}}), "");
}

TEST(CheckDecision, keeps_the_break_that_stands_in_the_plan_of_a_driver_who_has_left) {
  Street street;
  Stop const rest{StopKind::rest, 0};
  DriverState& driver = street.fleet.drivers[0];
  driver.stops = {rest};
  driver.left_start = 7 * one_hour;
  EXPECT_EQ(street.refusal({.routes = {{1, {pickup(7), dropoff(7), rest}}}}), "");
  EXPECT_EQ(street.refusal({.routes = {{1, {pickup(7), dropoff(7)}}}}),
            "driver 1: break 0 is in the plan and is left out");
  // The other driver's break is his own affair, and whoever is still at home needs none on the road.
  EXPECT_EQ(street.refusal({.routes = {{2, {pickup(7), dropoff(7)}}}}), "");
  driver.left_start = never;
  EXPECT_EQ(street.refusal({.routes = {{1, {pickup(7), dropoff(7)}}}}), "");
}

TEST(CheckDecision, lets_pass_a_plan_without_a_break_that_has_no_place) {
  Street street;
  EXPECT_EQ(street.refusal({.routes = {{1, {pickup(7), dropoff(7)}}}}), "");
}

TEST(CheckDecision, names_driver_booking_and_reason) {
  Street street;
  struct Case {
    Decision decision;
    std::string part;
  };
  Case const cases[] = {
      {{.routes = {{3, {}}}}, "driver 3 does not exist"},
      {{.routes = {{2, {}}, {1, {}}}}, "driver 1 is out of order"},
      {{.routes = {{1, {pickup(5), dropoff(5)}}}}, "driver 1, booking 5: does not exist"},
      {{.routes = {{1, {pickup(7)}}}}, "driver 1, booking 7: a ride has no pickup, no drop-off"},
      {{.routes = {{1, {dropoff(7), pickup(7)}}}}, "driver 1, booking 7: a ride has no pickup, no drop-off"},
      {{.routes = {{1, {pickup(7), dropoff(7)}}, {2, {pickup(7), dropoff(7)}}}}, "booking 7: is in two routes"},
      {{.routes = {{1, {pickup(7), pickup(8), pickup(9), dropoff(7), dropoff(8), dropoff(9)}}}},
       "booking 9: no seat layout"},
      {{.routes = {{1, {{StopKind::rest, 1}}}}}, "driver 1: there is no break 1"},
      {{.overflow = {7}}, "booking 7: partners take 0 more rides"},
      {{.unserved = {7}}, "booking 7 may still be picked up until"},
      {{.unserved = {6}}, "booking 6 does not exist"},
      {{.wake_at = 7 * one_hour}, "wake_at = 25200 is not after now = 25200"},
  };
  for (Case const& c : cases) {
    EXPECT_NE(street.refusal(c.decision).find(c.part), std::string::npos)
        << "wanted: " << c.part << "\ngot: " << street.refusal(c.decision);
  }
}

TEST(CheckDecision, keeps_locks_and_what_others_hold) {
  Street street;
  street.fleet.drivers[0].stops = {pickup(7), dropoff(7)};
  street.fleet.drivers[0].stops[0].locked = true;
  street.fleet.bookings[0].status = BookingStatus::assigned;
  street.fleet.bookings[0].driver = 1;
  street.fleet.undecided = {1, 2};
  EXPECT_NE(street.refusal({.routes = {{1, {}}}}).find("driver 1: stop 0 (pickup of 7) is locked"), std::string::npos);
  EXPECT_NE(street.refusal({.routes = {{2, {pickup(7), dropoff(7)}}}})
                .find("driver 2, booking 7: is still in the plan of driver 1"),
            std::string::npos);
  EXPECT_EQ(street.refusal({.routes = {{1, {pickup(7), pickup(8), dropoff(7), dropoff(8)}}}}), "");
}

TEST(CheckDecision, refuses_what_is_not_known_or_not_ready_or_no_longer_open) {
  Street street;
  street.fleet.bookings[0].known = false;
  street.fleet.bookings[1].ready = false;
  street.fleet.bookings[2].status = BookingStatus::cancelled;
  EXPECT_NE(street.refusal({.routes = {{1, {pickup(7), dropoff(7)}}}}).find("is not known yet"), std::string::npos);
  EXPECT_NE(street.refusal({.routes = {{1, {pickup(8), dropoff(8)}}}}).find("is not ready"), std::string::npos);
  EXPECT_NE(street.refusal({.routes = {{1, {pickup(9), dropoff(9)}}}}).find("is cancelled"), std::string::npos);
}

TEST(DecisionOf, gives_to_a_partner_at_the_last_call_and_not_before) {
  Street street;
  street.day.partner = {.rides = 1, .notice = 1'800};
  street.fleet.partner_left = 1;
  for (DriverState& driver : street.fleet.drivers) driver.available = false;
  // The window ends at 8:10, a partner must hear by 7:40, and one minute is kept in hand.
  auto const policy = make_policy("insertion", {}).take();
  Decision const early = policy->decide(street.situation(), Rng(1));
  EXPECT_TRUE(early.overflow.empty());
  EXPECT_EQ(early.wake_at, 7 * one_hour + 39 * one_minute);
  street.fleet.now = early.wake_at;
  Decision const due = policy->decide(street.situation(), Rng(1));
  EXPECT_EQ(due.overflow, (std::vector<BookingId>{7}));
  EXPECT_EQ(check_decision(street.situation(), due) ? "" : "refused", std::string());
}

TEST(DecisionOf, gives_up_when_nobody_can_come_in_time_and_not_before) {
  Street street;
  for (DriverState& driver : street.fleet.drivers) driver.available = false;
  auto const policy = make_policy("insertion", {}).take();
  // On demand: half an hour after the window's end at 8:10 is the last moment that may be planned.
  Seconds const latest = 8 * one_hour + 40 * one_minute;
  street.fleet.now = latest;
  Decision const still = policy->decide(street.situation(), Rng(1));
  EXPECT_TRUE(still.unserved.empty());
  EXPECT_EQ(still.wake_at, latest + 1);
  street.fleet.now = latest + 1;
  EXPECT_EQ(policy->decide(street.situation(), Rng(1)).unserved, (std::vector<BookingId>{7, 8, 9}));
}

TEST(DecisionOf, sends_nobody_to_a_break_before_the_day_begins) {
  Street street;
  for (std::size_t b : {0U, 1U, 2U}) {
    street.day.bookings[b].pickup_window =
        street.fleet.bookings[b].pickup_window = {14 * one_hour, 14 * one_hour + 600};
  }
  Decision const decision = make_policy("insertion", {}).take()->decide(street.situation(), Rng(1));
  ASSERT_FALSE(decision.routes.empty());
  EXPECT_EQ(decision.routes[0].stops.front().kind, StopKind::pickup);
  EXPECT_EQ(decision.routes[0].stops.front().planned, 14 * one_hour);
}

TEST(LiveQuestion, offers_a_refused_booking_again_when_somebody_becomes_free) {
  // One driver, everybody rides alone and within one minute: there is room for one of the three.
  Street street;
  street.fleet.drivers[1].available = false;
  street.day.weights.max_late_on_demand = street.day.weights.tolerated_on_demand = 0;
  for (std::size_t b : {0U, 1U, 2U}) {
    street.day.bookings[b].exclusive = true;
    street.fleet.bookings[b].pickup_window.end = street.fleet.bookings[b].pickup_window.start + 60;
  }
  auto const policy = make_policy("insertion", {}).take();
  std::unique_ptr<Memo> memo;
  Decision const first = policy->decide({street.fleet, street.times, &memo}, Rng(1));
  ASSERT_EQ(first.routes.size(), 1U);
  street.fleet.drivers[0].stops = first.routes[0].stops;
  street.fleet.drivers[0].version = 1;
  street.fleet.bookings[0].status = BookingStatus::assigned;
  street.fleet.bookings[0].driver = 1;
  street.fleet.undecided = {1, 2};
  EXPECT_TRUE(policy->decide({street.fleet, street.times, &memo}, Rng(1)).routes.empty());
  // Booking 7 is called off.
  street.fleet.drivers[0].stops.clear();
  street.fleet.drivers[0].version = 2;
  street.fleet.bookings[0].status = BookingStatus::cancelled;
  Decision const second = policy->decide({street.fleet, street.times, &memo}, Rng(1));
  ASSERT_EQ(second.routes.size(), 1U);
  EXPECT_TRUE(std::ranges::any_of(second.routes[0].stops, [](Stop const& stop) { return stop.index == 8; }));
}

// All plans of a tiny world: every request left out or inserted anywhere, one after the other.
schedule::Money cheapest_of_all_plans(schedule::Instance const& instance, Solution const& plan) {
  schedule::Money best = cost_of(instance, plan);
  if (plan.left_out.empty()) return best;
  // The order of insertion does not matter: every sequence can be built by inserting the requests in a fixed order,
  // unless a part of it has no schedule, which needs legs that are shorter by a detour.
  Solution rest = plan;
  std::int32_t const request = rest.left_out.front();
  rest.left_out.erase(rest.left_out.begin());
  schedule::Request const& wanted = instance.requests[static_cast<std::size_t>(request)];
  Solution given_up = rest;
  best = std::min(best, cheapest_of_all_plans(instance, given_up) + wanted.left_out);
  for (std::size_t v = 0; v < rest.routes.size(); ++v) {
    for (std::size_t i = instance.vehicles[v].locked.size(); i <= rest.routes[v].size(); ++i) {
      for (std::size_t j = i + 1; j <= rest.routes[v].size() + 1; ++j) {
        Solution next = rest;
        auto& route = next.routes[v];
        route.insert(route.begin() + static_cast<std::ptrdiff_t>(i), wanted.pickup);
        route.insert(route.begin() + static_cast<std::ptrdiff_t>(j), wanted.dropoff);
        auto const outcome = schedule::evaluate(instance, static_cast<std::int32_t>(v), route);
        if (outcome.violation == schedule::Violation::none)
          best = std::min(best, cheapest_of_all_plans(instance, next));
      }
    }
  }
  return best;
}

// A decision in the numbers of the question that it answers.
Solution solution_of(Question const& question, Day const& day, Decision const& decision) {
  Solution solution = question.present;
  for (DriverRoute const& route : decision.routes) {
    auto const vehicle = std::ranges::find(question.driver_of, day.driver_position(route.driver));
    auto& nodes = solution.routes[static_cast<std::size_t>(vehicle - question.driver_of.begin())];
    nodes.clear();
    for (Stop const& stop : route.stops) {
      auto const r = std::ranges::find(question.booking_of, day.booking_position(stop.index));
      auto const index = static_cast<std::int32_t>(r - question.booking_of.begin());
      schedule::Request const& request = question.instance.requests[static_cast<std::size_t>(index)];
      nodes.push_back(stop.kind == StopKind::pickup ? request.pickup : request.dropoff);
      std::erase(solution.left_out, index);
    }
  }
  return solution;
}

TEST(LargeNeighbourhoods, finds_the_cheapest_of_all_plans_of_tiny_worlds) {
  int worlds = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    regulus::testing::RandomWorld world(seed, {.drivers = 1 + static_cast<int>(seed % 3), .bookings = 3});
    world.fleet.partner_left = 0;
    for (Driver& driver : world.day.drivers) driver.breaks.clear();
    world.advance(7 * one_hour);
    if (world.fleet.undecided.empty()) continue;
    ++worlds;
    Question const question = instance_of(world.situation(), world.fleet.undecided);
    Decision const decision = make_policy("lns", {.iterations = 300}).take()->decide(world.situation(), Rng(seed));
    EXPECT_EQ(cost_of(question.instance, solution_of(question, world.day, decision)),
              cheapest_of_all_plans(question.instance, question.present))
        << "seed " << seed;
  }
  EXPECT_GT(worlds, 30);
}

// Driver 1 has booking 7 in his plan and comes from 60 km away; driver 2 stands beside the passenger.
TEST(Delay, moves_a_late_drivers_rides_to_who_can_be_there_in_time) {
  for (std::string const name : {"lns", "lns_futures"}) {
    Street street;
    street.day.places.push_back({46.74, 6.14});
    street.times = TravelTimes::straight_line(street.day.places, street.day.speeds);
    for (Driver& driver : street.day.drivers) driver.breaks.clear();
    street.fleet.now = 7 * one_hour + 1'800;
    street.fleet.undecided.clear();
    street.fleet.bookings[1].status = street.fleet.bookings[2].status = BookingStatus::cancelled;
    street.fleet.bookings[0].status = BookingStatus::assigned;
    street.fleet.bookings[0].driver = 1;
    DriverState& driver = street.fleet.drivers[0];
    driver.stops = {pickup(7), dropoff(7)};
    driver.left_start = 7 * one_hour;
    auto const policy = make_policy(name, {}).take();
    EXPECT_TRUE(policy->decide(street.situation(), Rng(1)).routes.empty()) << name << ": nobody is late";
    driver.anchor = 2;
    Decision const decision = policy->decide(street.situation(), Rng(1));
    ASSERT_EQ(decision.routes.size(), 2U) << name;
    EXPECT_TRUE(decision.routes[0].stops.empty());
    EXPECT_EQ(decision.routes[1].driver, 2);
    EXPECT_EQ(decision.routes[1].stops.size(), 2U);
    EXPECT_EQ(street.refusal(decision), "");
  }
}

}  // namespace
}  // namespace regulus::dispatch
