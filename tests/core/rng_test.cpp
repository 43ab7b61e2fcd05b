#include "core/rng.h"

#include <gtest/gtest.h>

#include <set>

#include "core/seeds.h"

namespace regulus {
namespace {

TEST(Rng, streams_of_different_purposes_and_indices_differ) {
  Rng const root(7);
  std::set<std::uint64_t> first;
  for (std::uint64_t i = 0; i < 100; ++i) {
    first.insert(root.stream(Purpose::demand, i).next());
    first.insert(root.stream(Purpose::trips, i).next());
  }
  EXPECT_EQ(first.size(), 200U);
}

TEST(Rng, below_is_uniform_enough) {
  Rng rng(1);
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 70'000; ++i) ++counts[rng.below(7)];
  double chi_squared = 0;
  for (int c : counts) chi_squared += (c - 10'000.0) * (c - 10'000.0) / 10'000.0;
  EXPECT_LT(chi_squared, 22.5);  // 6 degrees of freedom, p = 0.001
}

TEST(Rng, the_first_value_of_seed_zero_is_the_published_one) {
  // SplitMix64 with state 0 starts with 0xE220A8397B1DCDAF (reference implementation by Vigna).
  EXPECT_EQ(Rng(0).next(), 0xE220A8397B1DCDAFULL);
}

TEST(Seeds, roles_never_share_a_scenario_seed) {
  std::vector<Role> const roles{Role::train, Role::tune, Role::select, Role::validate, Role::test, Role::warmup};
  for (Role a : roles) {
    for (Role b : roles) {
      if (a == b) continue;
      SeedRange const ra = seed_range(a);
      SeedRange const rb = seed_range(b);
      EXPECT_TRUE(ra.first + ra.count <= rb.first || rb.first + rb.count <= ra.first);
    }
  }
}

TEST(Seeds, test_days_are_the_public_ones_for_every_base_seed) {
  EXPECT_EQ(scenario_seed(Role::test, 1, 0), 900'000U);
  EXPECT_EQ(scenario_seed(Role::test, 2, 999), 900'999U);
}

}  // namespace
}  // namespace regulus
