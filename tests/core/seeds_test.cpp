#include "core/seeds.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace regulus {
namespace {

std::vector<Role> const roles{Role::train, Role::tune, Role::select, Role::validate, Role::test, Role::warmup};

TEST(Seeds, roles_never_share_a_scenario_seed) {
  for (Role const a : roles) {
    for (Role const b : roles) {
      if (a == b) continue;
      SeedRange const ra = seed_range(a);
      SeedRange const rb = seed_range(b);
      EXPECT_TRUE(ra.first + ra.count <= rb.first || rb.first + rb.count <= ra.first);
    }
  }
}

RC_GTEST_PROP(Seeds, every_scenario_seed_lies_in_its_roles_range, ()) {
  Role const role = *rc::gen::elementOf(roles);
  SeedRange const range = seed_range(role);
  auto const index = *rc::gen::arbitrary<std::uint64_t>() % range.count;
  std::uint64_t const seed = scenario_seed(role, *rc::gen::arbitrary<std::uint64_t>(), index);
  RC_ASSERT(seed >= range.first);
  RC_ASSERT(seed < range.first + range.count);
}

TEST(Seeds, days_of_one_role_and_base_seed_do_not_repeat) {
  for (Role const role : roles) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < 10'000; ++i) seen.insert(scenario_seed(role, 42, i));
    EXPECT_EQ(seen.size(), 10'000U);
  }
}

TEST(Seeds, another_base_seed_trains_on_other_days) {
  EXPECT_NE(scenario_seed(Role::train, 1, 0), scenario_seed(Role::train, 2, 0));
  EXPECT_NE(scenario_seed(Role::tune, 1, 0), scenario_seed(Role::tune, 2, 0));
}

TEST(Seeds, test_and_validation_days_are_the_same_for_every_base_seed) {
  EXPECT_EQ(scenario_seed(Role::test, 1, 0), 900'000U);
  EXPECT_EQ(scenario_seed(Role::test, 2, 999), 900'999U);
  EXPECT_EQ(scenario_seed(Role::validate, 1, 7), scenario_seed(Role::validate, 2, 7));
}

TEST(SeedsDeathTest, an_index_outside_the_range_is_a_bug_of_ours) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH((void)scenario_seed(Role::test, 1, 100'000), "internal error: index < range.count");
}

}  // namespace
}  // namespace regulus
