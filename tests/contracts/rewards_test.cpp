// What every reward profile of the registry must hold to.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <set>

#include "core/rng.h"
#include "sim/reward.h"

namespace regulus::sim {
namespace {

AssignmentFacts any_facts(Rng& rng) {
  return {.km = rng.uniform(0, 27),
          .late_minutes = rng.chance(0.4) ? 0 : rng.uniform(0, 90),
          .priority = static_cast<int>(rng.between(1, 5)),
          .fast = rng.chance(0.5),
          .outbound = rng.chance(0.5),
          .regular = rng.chance(0.5)};
}

DayFacts any_day(Rng& rng) {
  DayFacts day{.assignments = static_cast<int>(rng.below(60)),
               .cancellations = static_cast<int>(rng.below(60)),
               .open = static_cast<int>(rng.below(10)),
               .km = 0,
               .std_of_loads = rng.uniform(0, 2),
               .std_of_trips = rng.uniform(0, 5)};
  day.late = static_cast<int>(rng.below(static_cast<std::uint64_t>(day.assignments) + 1));
  day.km = day.assignments * rng.uniform(1, 20);
  return day;
}

RC_GTEST_PROP(Rewards, are_finite_everywhere, (std::uint64_t luck)) {
  Rng rng(luck);
  for (RewardProfile const* p : reward_profiles()) {
    RC_ASSERT(std::isfinite(p->assignment(any_facts(rng))));
    RC_ASSERT(std::isfinite(p->end_of_day(any_day(rng))));
    RC_ASSERT(std::isfinite(p->end_of_day({})));
  }
}

RC_GTEST_PROP(Rewards, never_pay_for_being_late, (std::uint64_t luck)) {
  Rng rng(luck);
  for (RewardProfile const* p : reward_profiles()) {
    AssignmentFacts const earlier = any_facts(rng);
    AssignmentFacts later = earlier;
    later.late_minutes += rng.uniform(0, 30);
    RC_ASSERT(p->assignment(later) <= p->assignment(earlier));
    RC_ASSERT(p->counts_as_late(later) >= p->counts_as_late(earlier));
    DayFacts const day = any_day(rng);
    DayFacts worse = day;
    worse.late = std::min(day.assignments, day.late + 1);
    RC_ASSERT(p->end_of_day(worse) <= p->end_of_day(day));
  }
}

RC_GTEST_PROP(Rewards, never_pay_for_a_longer_empty_drive_or_a_slower_answer, (std::uint64_t luck)) {
  Rng rng(luck);
  for (RewardProfile const* p : reward_profiles()) {
    AssignmentFacts const near = any_facts(rng);
    AssignmentFacts far = near;
    far.km += rng.uniform(0, 10);
    RC_ASSERT(p->assignment(far) <= p->assignment(near));
    AssignmentFacts slow = near;
    slow.fast = false;
    RC_ASSERT(p->assignment(slow) <= p->assignment(near));
    AssignmentFacts emergency = near;
    emergency.regular = false;
    RC_ASSERT(p->assignment(emergency) <= p->assignment(near));
  }
}

TEST(Rewards, never_pay_for_an_expiry_and_charge_more_for_a_higher_priority) {
  for (RewardProfile const* p : reward_profiles()) {
    for (int priority = 1; priority <= 5; ++priority) {
      EXPECT_LT(p->expiry(priority), 0) << p->name;
      if (priority > 1) {
        EXPECT_LE(p->expiry(priority), p->expiry(priority - 1)) << p->name;
      }
    }
  }
}

RC_GTEST_PROP(Rewards, an_expiry_never_improves_the_end_of_the_day, (std::uint64_t luck)) {
  Rng rng(luck);
  for (RewardProfile const* p : reward_profiles()) {
    DayFacts const day = any_day(rng);
    DayFacts worse = day;
    ++worse.cancellations;
    RC_ASSERT(p->end_of_day(worse) <= p->end_of_day(day));
  }
}

TEST(Rewards, waiting_is_worth_less_than_the_best_assignment_and_an_invalid_choice_less_than_any_wait_for_nothing) {
  for (RewardProfile const* p : reward_profiles()) {
    for (int open = 0; open <= 25; ++open) {
      EXPECT_LE(p->wait(open), 0) << p->name;
      EXPECT_LE(p->wait(open + 1), p->wait(open)) << p->name;
      EXPECT_LT(p->wait(open), p->assignment({.km = 3, .priority = 1, .fast = true})) << p->name;
    }
    EXPECT_LT(p->invalid(), p->wait(0)) << p->name;
  }
}

TEST(Rewards, have_names_of_their_own_and_a_share_of_regular_drivers) {
  std::set<std::string_view> names;
  for (RewardProfile const* p : reward_profiles()) {
    names.insert(p->name);
    EXPECT_GT(p->regular_share, 0);
    EXPECT_LE(p->regular_share, 1);
  }
  EXPECT_EQ(names.size(), reward_profiles().size());
}

}  // namespace
}  // namespace regulus::sim
