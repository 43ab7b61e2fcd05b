#include "lab/classic_outlook.h"

#include <gtest/gtest.h>

#include <vector>

namespace regulus::lab {
namespace {

using sim::ClassicWorld;

std::vector<OpenBooking> open_bookings(ClassicWorld const& world) {
  std::vector<OpenBooking> open;
  for (auto const& booking : world.bookings()) {
    if (!booking.assigned) open.push_back({&booking, {.km = 2, .priority = booking.priority}});
  }
  return open;
}

// Waits until `minute`, so that only open bookings are there.
ClassicWorld at_minute(sim::ClassicConfig const& config, std::uint64_t seed, int minute) {
  ClassicWorld world(config);
  world.reset(seed);
  while (world.minute() < minute) world.step(ClassicWorld::wait);
  return world;
}

TEST(ClassicOutlook, nothing_is_to_come_at_the_last_decision_but_the_expiries_of_that_step) {
  ClassicOutlook const outlook{sim::ClassicConfig{}};
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    ClassicWorld const world = at_minute({}, seed, 115);
    auto const open = open_bookings(world);
    Outlook const answer = outlook.ask(world, open);
    // A booking with at most 5 minutes left expires in this very step, at 40 points a priority; the others outlive the
    // day.
    double expiring = 0;
    for (std::size_t k = 0; k < open.size(); ++k) {
      double const penalty = open[k].booking->minutes_left <= 5 ? 40.0 * open[k].booking->priority : 0;
      expiring += penalty;
      EXPECT_DOUBLE_EQ(answer.relief[k], penalty);
    }
    EXPECT_DOUBLE_EQ(answer.rest, -expiring);
    EXPECT_EQ(answer.served, 0);
  }
}

TEST(ClassicOutlook, expects_the_documented_number_of_arrivals) {
  // From 08:05 to 09:25 17 steps with probability 0.5 and from 09:30 to 09:55 6 steps with 0.2 (the draw at 10:00 comes
  // too late for anybody), 2 bookings on average: 19.4. Sample days keep the middle of strata, hence the tolerance.
  ClassicOutlook const outlook{sim::ClassicConfig{}};
  EXPECT_NEAR(outlook.arrivals(0, 24), 19.4, 1.5);
  EXPECT_EQ(outlook.arrivals(23, 24), 0);
  EXPECT_DOUBLE_EQ(outlook.arrivals(0, 10) + outlook.arrivals(10, 14), outlook.arrivals(0, 24));
}

TEST(ClassicOutlook, serving_a_booking_now_is_never_worse_for_the_rest_than_losing_it) {
  ClassicOutlook const outlook{sim::ClassicConfig{}};
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    ClassicWorld const world = at_minute({}, seed, 30);
    auto const open = open_bookings(world);
    Outlook const answer = outlook.ask(world, open);
    for (std::size_t k = 0; k < open.size(); ++k) {
      // Relief is the penalty saved less what the booking would have earned later, penalty saved included: at most the
      // penalty, and at least minus the best reward there is (50 + 20 + 20 + 15).
      EXPECT_LE(answer.relief[k], outlook.penalty(6, *open[k].booking) + 1e-3);
      EXPECT_GE(answer.relief[k], -105);
      EXPECT_GE(answer.chance_later[k], 0);
      EXPECT_LE(answer.chance_later[k], 1);
    }
  }
}

TEST(ClassicOutlook, a_reward_to_come_follows_the_traffic_of_its_time) {
  ClassicOutlook const outlook{sim::ClassicConfig{}};
  ClassicWorld::Booking booking;
  booking.window = 20;
  booking.created = 40;
  booking.window_end = 60;
  sim::AssignmentFacts const facts{.km = 6};
  // 08:50, 18 km/h: 6 km take 20 minutes, arrival 09:10, 10 late: 50 − 20 + 15 (in the first half of the window).
  EXPECT_DOUBLE_EQ(outlook.reward_at(10, facts, booking), 45);
  // 09:00, 25.5 km/h: 14.12 minutes, late by as much, no longer fast.
  EXPECT_NEAR(outlook.reward_at(12, facts, booking), 50 - 2 * 6 * 60 / 25.5, 1e-9);
}

TEST(ClassicOutlook, longer_days_and_other_profiles_have_an_outlook_too) {
  for (auto const reward : {sim::RewardVersion::v1, sim::RewardVersion::v2, sim::RewardVersion::v3_3}) {
    sim::ClassicConfig const config{
        .num_drivers = 3, .max_bookings = 25, .simulation_hours = 8, .reward = reward, .reset_bug = false};
    ClassicOutlook const outlook(config);
    ClassicWorld world(config);
    world.reset(5);
    while (!world.done()) {
      auto const open = open_bookings(world);
      EXPECT_EQ(outlook.ask(world, open).relief.size(), open.size());
      world.step(ClassicWorld::wait);
    }
  }
}

}  // namespace
}  // namespace regulus::lab
