// The reward formulas at points worked by hand.
#include "sim/reward.h"

#include <gtest/gtest.h>

#include "sim/classic.h"

namespace regulus::sim {
namespace {

RewardProfile const& profile(RewardVersion version) { return *reward_profiles()[static_cast<std::size_t>(version)]; }

AssignmentFacts facts(double km, double late, int priority, bool fast, bool outbound = true, bool regular = true) {
  return {.km = km, .late_minutes = late, .priority = priority, .fast = fast, .outbound = outbound, .regular = regular};
}

TEST(Reward, the_versions_find_their_profiles) {
  EXPECT_EQ(profile(RewardVersion::v1).name, "V1");
  EXPECT_EQ(profile(RewardVersion::v2).name, "V2");
  EXPECT_EQ(profile(RewardVersion::v3_3).name, "V3.3");
}

TEST(Reward, v1_assignment) {
  auto const& p = profile(RewardVersion::v1);
  EXPECT_DOUBLE_EQ(p.assignment(facts(10, 0, 3, false)), 50);
  // 50 + (10 + 10 · (5 - 2) / 5) + 4 · 5 + 15 = 101
  EXPECT_DOUBLE_EQ(p.assignment(facts(2, 0, 5, true)), 101);
  // 50 - 2 · 12.5 + 4 · 4 = 41
  EXPECT_DOUBLE_EQ(p.assignment(facts(5, 12.5, 4, false)), 41);
  // Lateness costs 100 at most: 50 - 100 + 15 = -35
  EXPECT_DOUBLE_EQ(p.assignment(facts(15, 80, 1, true)), -35);
}

TEST(Reward, v2_assignment) {
  auto const& p = profile(RewardVersion::v2);
  // 100 - 10 / 20 = 99.5
  EXPECT_DOUBLE_EQ(p.assignment(facts(10, 0, 3, false)), 99.5);
  // 100 - 2 / 20 + 16 + 20 + 15 = 150.9
  EXPECT_DOUBLE_EQ(p.assignment(facts(2, 0, 5, true)), 150.9);
  // 100 - 50 - 0.75 = 49.25
  EXPECT_DOUBLE_EQ(p.assignment(facts(15, 80, 1, false)), 49.25);
}

TEST(Reward, v3_3_assignment) {
  auto const& p = profile(RewardVersion::v3_3);
  // 500 - 10 / 20 + 20 = 519.5; an emergency driver lacks the 20.
  EXPECT_DOUBLE_EQ(p.assignment(facts(10, 0, 3, false)), 519.5);
  EXPECT_DOUBLE_EQ(p.assignment(facts(10, 0, 3, false, true, false)), 499.5);
  // 500 - 5 · 8 - 0.2 + 10 + 20 = 489.8
  EXPECT_DOUBLE_EQ(p.assignment(facts(4, 8, 3, false)), 489.8);
  // Outbound lateness costs 150 at most.
  EXPECT_DOUBLE_EQ(p.assignment(facts(10, 45, 3, false)), 369.5);
  // Return trips: free to 15 minutes, then 1 a minute to 25, then 2.5 a minute from the first one, 100 at most.
  EXPECT_DOUBLE_EQ(p.assignment(facts(10, 15, 3, false, false)), 519.5);
  EXPECT_DOUBLE_EQ(p.assignment(facts(10, 20, 3, false, false)), 514.5);
  EXPECT_DOUBLE_EQ(p.assignment(facts(10, 30, 3, false, false)), 444.5);
  EXPECT_DOUBLE_EQ(p.assignment(facts(10, 60, 3, false, false)), 419.5);
}

TEST(Reward, v3_3_counts_late_what_its_rules_call_late) {
  auto const& p = profile(RewardVersion::v3_3);
  EXPECT_TRUE(p.counts_as_late(facts(1, 0.1, 1, false)));
  EXPECT_FALSE(p.counts_as_late(facts(1, 0, 1, false)));
  EXPECT_FALSE(p.counts_as_late(facts(1, 30, 1, false, false)));
  EXPECT_TRUE(p.counts_as_late(facts(1, 30.1, 1, false, false)));
  EXPECT_TRUE(profile(RewardVersion::v1).counts_as_late(facts(1, 0.1, 1, false, false)));
}

TEST(Reward, waiting_invalid_choices_and_expiry) {
  for (auto version : {RewardVersion::v1, RewardVersion::v2}) {
    EXPECT_EQ(profile(version).wait(0), -1);
    EXPECT_EQ(profile(version).wait(7), -1);
  }
  EXPECT_EQ(profile(RewardVersion::v3_3).wait(7), -70);
  for (RewardProfile const* p : reward_profiles()) EXPECT_EQ(p->invalid(), -10);
  EXPECT_EQ(profile(RewardVersion::v1).expiry(5), -200);
  EXPECT_EQ(profile(RewardVersion::v1).expiry(1), -40);
  EXPECT_EQ(profile(RewardVersion::v2).expiry(5), -60);
  EXPECT_EQ(profile(RewardVersion::v3_3).expiry(2), -80);
}

// 12 assigned, 3 expired, 1 open: completion 12 / 16 = 0.75. 48 km: 4 each.
DayFacts a_day() {
  return {
      .assignments = 12, .late = 2, .cancellations = 3, .open = 1, .km = 48, .std_of_loads = 1.4, .std_of_trips = 1.4};
}

TEST(Reward, v1_and_v2_end_of_day) {
  for (auto version : {RewardVersion::v1, RewardVersion::v2}) {
    auto const& p = profile(version);
    EXPECT_DOUBLE_EQ(p.end_of_day(a_day()), 75 + 50 + 30);  // late share 0.167
    DayFacts day = a_day();
    day.late = 3;  // 0.25
    EXPECT_DOUBLE_EQ(p.end_of_day(day), 75 + 50 + 30 - 50);
    day.std_of_loads = 1.5;
    day.km = 60;
    EXPECT_DOUBLE_EQ(p.end_of_day(day), 75 - 50);
    // A day of waiting: nothing served, even loads, no kilometres.
    EXPECT_DOUBLE_EQ(p.end_of_day({.cancellations = 20}), 80);
  }
}

TEST(Reward, v3_3_end_of_day) {
  auto const& p = profile(RewardVersion::v3_3);
  // -70 · 3 + 50 + 80 + 50 - 100 = -130 (late share 0.167 > 0.15)
  EXPECT_DOUBLE_EQ(p.end_of_day(a_day()), -130);
  DayFacts day = a_day();
  day.late = 0;
  day.cancellations = 0;
  day.open = 0;          // completion 1: 300
  day.std_of_trips = 2;  // 40
  day.km = 72;           // 6 each: 25
  EXPECT_DOUBLE_EQ(p.end_of_day(day), 365);
  day.open = 2;            // 12 / 14 = 0.857: 150
  day.std_of_trips = 2.5;  // -40
  day.km = 84;             // 7 each: nothing
  EXPECT_DOUBLE_EQ(p.end_of_day(day), 110);
  day.open = 5;  // 12 / 17 = 0.706: -200
  EXPECT_DOUBLE_EQ(p.end_of_day(day), -240);
}

}  // namespace
}  // namespace regulus::sim
