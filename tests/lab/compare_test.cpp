#include "lab/compare.h"

#include <gtest/gtest.h>

#include "tests/lab/builders.h"

namespace regulus::lab {
namespace {

PairedDifference of(double low, double high) { return {.mean = (low + high) / 2, .ci95 = {low, high}}; }

TEST(Compare, calls_better_only_what_lies_above_zero_as_a_whole) {
  EXPECT_EQ(verdict_of(of(1, 3)), Verdict::better);
  EXPECT_EQ(verdict_of(of(-3, -1)), Verdict::worse);
  EXPECT_EQ(verdict_of(of(-1, 9)), Verdict::undecided);
  EXPECT_EQ(verdict_of(of(0, 0)), Verdict::undecided);
  EXPECT_EQ(verdict_of(of(0, 5)), Verdict::undecided);
}

TEST(Compare, duels_the_trained_with_each_other_and_with_every_rule_on_the_same_days) {
  CompareOptions options;
  options.baseline = a_small_config();
  options.episodes = 3;
  options.seeds = 2;
  options.test_days = 15;
  options.optimized = options.baseline;
  options.optimized->agent.gamma = 0.5;
  options.threads = 2;
  Result<Comparison> const c = compare(options);
  ASSERT_TRUE(c) << c.error().message;
  std::size_t rules = 0;
  for (Contestant const& contestant : c->contestants) {
    EXPECT_EQ(contestant.days.size(), contestant.trained ? 2U : 1U) << contestant.name;
    for (auto const& row : contestant.days) EXPECT_EQ(row.size(), 15U);
    rules += contestant.trained ? 0 : 1;
  }
  EXPECT_EQ(c->duels.size(), 1 + 2 * rules);
  for (Duel const& d : c->duels) {
    double const lead = c->find(d.candidate)->summary().reward.mean - c->find(d.reference)->summary().reward.mean;
    EXPECT_NEAR(d.difference.mean, lead, 1e-9) << d.candidate << " and " << d.reference;
  }
  // The offered demand is the day's, whoever plays it.
  Contestant const& first = c->contestants.front();
  for (Contestant const& contestant : c->contestants) {
    for (std::size_t day = 0; day < 15; ++day) EXPECT_EQ(contestant.days[0][day].offered, first.days[0][day].offered);
  }
}

TEST(Compare, of_configurations_that_contradict_themselves_trains_nothing) {
  CompareOptions options;
  options.baseline = a_small_config();
  options.optimized = options.baseline;
  options.optimized->agent.batch_size = 4000;
  Result<Comparison> const c = compare(options);
  ASSERT_FALSE(c);
  EXPECT_TRUE(c.error().message.starts_with("tuned: agent.batch_size = 4000")) << c.error().message;
}

}  // namespace
}  // namespace regulus::lab
