#include "lab/trust.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include "core/rng.h"
#include "core/stats.h"
#include "lab/scenarios.h"

namespace regulus::lab {
namespace {

std::vector<std::size_t> all_of(std::size_t count) {
  std::vector<std::size_t> days(count);
  std::iota(days.begin(), days.end(), std::size_t{0});
  return days;
}

TEST(ChosenTrust, is_that_of_the_highest_mean) {
  std::vector<TrustTrial> const trials = {{0, {10, 20, 30}}, {0.3, {12, 23, 31}}, {1, {11, 21, 31}}};
  EXPECT_EQ(chosen_trust(trials, all_of(3)), 0.3);
  // On the last day alone the third says as much, but one day says nothing.
  std::vector<std::size_t> const last = {2};
  EXPECT_EQ(chosen_trust(trials, last), 0);
}

// Leads 4, 1 and 1: the mean is 2, the standard deviation sqrt(3), the standard error 1; with 4, 1.1 and 1.1 the mean
// is above two of it.
TEST(ChosenTrust, is_none_unless_the_lead_is_above_two_standard_errors) {
  std::vector<TrustTrial> trials = {{0, {10, 20, 30}}, {0.3, {14, 21, 31}}};
  EXPECT_EQ(chosen_trust(trials, all_of(3)), 0);
  trials[1].rewards = {14, 21.1, 31.1};
  EXPECT_EQ(chosen_trust(trials, all_of(3)), 0.3);
}

TEST(ChosenTrust, is_the_lower_of_equals) {
  std::vector<TrustTrial> const trials = {{1, {11, 22, 33}}, {0, {10, 20, 30}}, {0.3, {11, 22, 33}}};
  EXPECT_EQ(chosen_trust(trials, all_of(3)), 0.3);
}

TEST(ChosenTrust, is_chosen_for_each_family_and_the_least_of_all_elsewhere) {
  std::vector<std::size_t> const family_of_day = {0, 1, 0, 1, 0, 1, 0, 1};
  std::vector<TrustTrial> const trials = {{0, {0, 0, 0, 0, 0, 0, 0, 0}}, {0.3, {3, -1, 4, -1, 3, -2, 4, -1}}};
  dispatch::Trust const trust = chosen_trust(trials, family_of_day, {"good", "bad"});
  EXPECT_EQ(trust.in("good"), 0.3);
  EXPECT_EQ(trust.in("bad"), 0);
  EXPECT_EQ(trust.in("never seen"), 0);
  dispatch::Trust const single = chosen_trust(trials, std::vector<std::size_t>(8, 0), {"one"});
  EXPECT_EQ(single.in("one"), single.in("never seen"));
}

// Where nothing is gained, next to nothing is believed: of a hundred kinds of day on which the value is worth nothing,
// two standard errors let two or three through for each trial.
RC_GTEST_PROP(ChosenTrust, is_seldom_any_where_nothing_is_gained, (std::uint64_t seed)) {
  Rng rng(seed);
  int believed = 0;
  for (int kind = 0; kind < 100; ++kind) {
    std::vector<TrustTrial> trials = {{0, std::vector<double>(50)}, {0.15, {}}, {0.3, {}}};
    for (std::size_t t = 1; t < trials.size(); ++t) {
      for (int day = 0; day < 50; ++day) trials[t].rewards.push_back(rng.normal());
    }
    believed += chosen_trust(trials, all_of(50)) > 0 ? 1 : 0;
  }
  RC_ASSERT(believed < 20);
}

}  // namespace
}  // namespace regulus::lab
