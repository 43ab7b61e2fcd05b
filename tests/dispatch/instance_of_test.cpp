#include "dispatch/instance_of.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "domain/kpi.h"
#include "tests/support/random_situations.h"

namespace regulus::dispatch {
namespace {

using regulus::testing::RandomWorld;

// Plays a random day up to a random moment with some policy, asking it now and then.
void play(RandomWorld& world, Policy const& policy, int rounds, Rng rng) {
  for (int k = 0; k < rounds; ++k) {
    Decision const decision =
        policy.decide(world.situation(), rng.stream(Purpose::policy, static_cast<std::uint64_t>(k)));
    Status const legal = check_decision(world.situation(), decision);
    ASSERT_TRUE(legal) << legal.error().message;
    world.carry_out(decision);
    world.advance(world.fleet.now + rng.between(300, 6'000));
  }
}

RC_GTEST_PROP(InstanceOf, the_present_plan_is_always_feasible_and_asks_for_nothing, ()) {
  auto const seed = *rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 40);
  RandomWorld world(seed, {.drivers = 3, .bookings = 10});
  auto const policy = make_policy("random", {}).take();
  play(world, *policy, *rc::gen::inRange(1, 9), Rng(seed));
  Question const question = instance_of(world.situation(), world.fleet.undecided);
  for (std::size_t v = 0; v < question.present.routes.size(); ++v) {
    auto const outcome =
        schedule::evaluate(question.instance, static_cast<std::int32_t>(v), question.present.routes[v]);
    RC_ASSERT(outcome.violation == schedule::Violation::none);
  }
  RC_ASSERT(decision_of(world.situation(), question, question.present).routes.empty());
}

// What the kernel says that a plan costs is what the day's scorecard says when everything goes as planned. Rates by the
// second are rounded to a thousandth of a cent: at most 0.1 % of anything.
RC_GTEST_PROP(InstanceOf, prices_a_plan_as_the_scorecard_does, ()) {
  auto const seed = *rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 40);
  RandomWorld world(seed, {.drivers = 3, .bookings = 8, .surprises = false});
  for (Booking& booking : world.day.bookings) booking.linked = 0;  // is priced by who drives the other leg at present
  for (Driver& driver : world.day.drivers) driver.breaks.clear();
  world.fleet.partner_left = 0;
  world.advance(6 * one_hour);
  auto const policy = make_policy("random", {}).take();
  world.carry_out(policy->decide(world.situation(), Rng(seed)));
  for (BookingState& state : world.fleet.bookings) {
    state.promised_driver = 0;
    state.promised_pickup = never;
  }
  std::vector<std::int32_t> const left_out = world.fleet.undecided;
  Question const planned = instance_of(world.situation(), left_out);

  Outcome outcome{.bookings = world.fleet.bookings, .drivers = std::vector<DriverOutcome>(world.day.drivers.size())};
  for (std::size_t v = 0; v < planned.present.routes.size(); ++v) {
    auto const& nodes = planned.present.routes[v];
    if (nodes.empty()) continue;
    auto const plan = schedule::evaluate(planned.instance, static_cast<std::int32_t>(v), nodes);
    outcome.drivers[v] = {plan.timing.leave, plan.timing.back, plan.timing.metres, 0};
    for (std::size_t k = 0; k < nodes.size(); ++k) {
      schedule::Node const& node = planned.instance.nodes[static_cast<std::size_t>(nodes[k])];
      BookingState& state =
          outcome.bookings[static_cast<std::size_t>(planned.booking_of[static_cast<std::size_t>(node.request)])];
      state.status = BookingStatus::completed;
      if (node.kind == schedule::NodeKind::pickup) {
        state.picked_up = plan.timing.start[k];
        state.boarded = state.picked_up + node.service;
      } else {
        state.dropped_off = plan.timing.start[k];
      }
    }
  }
  // Who was not offered is not this plan's business.
  for (std::size_t b = 0; b < outcome.bookings.size(); ++b) {
    auto const position = static_cast<std::int32_t>(b);
    bool const offered = std::ranges::find(planned.booking_of, position) != planned.booking_of.end();
    if (!offered) outcome.bookings[b].status = BookingStatus::cancelled;
  }
  Cost const cost = cost_of(totals_of(world.day, world.times, outcome), world.day.weights);
  double const kernel = static_cast<double>(cost_of(planned.instance, planned.present)) / 1'000;
  RC_ASSERT(std::abs(kernel - static_cast<double>(cost.total())) <= 10 + 0.001 * kernel);
}

TEST(RandomSituations, show_everything_that_a_translation_must_respect) {
  int on_board = 0, under_way = 0, serving = 0, resting = 0, locked = 0, late = 0, promised = 0, ill = 0, open = 0;
  auto const policy = make_policy("random", {}).take();
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RandomWorld world(seed, {.drivers = 3, .bookings = 10});
    play(world, *policy, 6, Rng(seed));
    open += static_cast<int>(world.fleet.undecided.size());
    for (DriverState const& driver : world.fleet.drivers) {
      on_board += driver.on_board.empty() ? 0 : 1;
      under_way += driver.under_way ? 1 : 0;
      serving += driver.serving_since < never ? 1 : 0;
      ill += driver.available ? 0 : 1;
      for (Stop const& stop : driver.stops) {
        resting += stop.kind == StopKind::rest ? 1 : 0;
        locked += stop.locked ? 1 : 0;
        late += stop.planned < world.fleet.now ? 1 : 0;
      }
    }
    for (BookingState const& state : world.fleet.bookings) promised += state.promised_driver != 0 ? 1 : 0;
  }
  for (int count : {on_board, under_way, serving, resting, locked, late, promised, ill, open}) EXPECT_GT(count, 10);
}

}  // namespace
}  // namespace regulus::dispatch
