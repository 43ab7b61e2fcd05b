#include "tune/pruner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/rng.h"
#include "core/stats.h"
#include "tests/tune/builders.h"
#include "tune/signed_rank.h"

namespace regulus::tune {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::unique_ptr<Pruner> a_pruner(std::string const& name, PrunerConfig const& config = {}) {
  return make_pruner(name, config).take();
}

// Reports the values one by one at steps 0, 1, 2, … and notes each decision; nobody stops in between.
std::vector<bool> decisions(Pruner const& pruner, std::vector<Trial> const& visible, std::vector<double> const& values,
                            Direction direction) {
  std::vector<bool> out;
  Trial current = a_trial(100, TrialState::running);
  for (std::size_t step = 0; step < values.size(); ++step) {
    current.intermediate[static_cast<int>(step)] = values[step];
    Verdict const verdict = pruner.judge(current, visible, direction);
    for (auto const& [name, value] : verdict.system_attributes) current.system_attributes[name] = value;
    out.push_back(verdict.prune);
  }
  return out;
}

// Six complete curves i, i + 1, i + 2 for i = 0 … 5: the medians at steps 0, 1, 2 are 2.5, 3.5, 4.5.
std::vector<Trial> six_curves() {
  std::vector<Trial> trials;
  trials.reserve(6);
  for (int i = 0; i < 6; ++i) {
    trials.push_back(a_trial(i, TrialState::complete, {i + 2.0}, {{0, i}, {1, i + 1.0}, {2, i + 2.0}}));
  }
  return trials;
}

TEST(MedianPruner, prunes_what_is_worse_at_its_best_than_half_at_this_step) {
  auto const median = a_pruner("median");
  EXPECT_EQ(decisions(*median, six_curves(), {2.0, 3.4, 4.49}, Direction::maximize), (std::vector{true, true, true}));
  EXPECT_EQ(decisions(*median, six_curves(), {2.5, 3.5, 4.5}, Direction::maximize), (std::vector{false, false, false}));
  EXPECT_EQ(decisions(*median, six_curves(), {3, 3, 9}, Direction::minimize), (std::vector{true, false, false}));
}

TEST(MedianPruner, looks_once_in_each_interval_after_the_warm_up) {
  PrunerConfig config;
  config.pruner_warmup_steps = 1;
  config.pruner_interval_steps = 2;
  EXPECT_EQ(decisions(*a_pruner("median", config), six_curves(), {-9, -9, -9}, Direction::maximize),
            (std::vector{false, true, false}));
}

TEST(MedianPruner, waits_for_enough_complete_trials_and_does_not_count_pruned_ones) {
  std::vector<Trial> trials = six_curves();
  trials[0].state = TrialState::pruned;
  trials[1].state = TrialState::fail;
  EXPECT_EQ(decisions(*a_pruner("median"), trials, {-9}, Direction::maximize), std::vector{false});
  PrunerConfig config;
  config.pruner_startup_trials = 4;
  EXPECT_EQ(decisions(*a_pruner("median", config), trials, {-9}, Direction::maximize), std::vector{true});
}

TEST(MedianPruner, needs_a_reference_at_this_very_step) {
  std::vector<Trial> trials = six_curves();
  for (Trial& trial : trials) trial.intermediate.erase(1);
  EXPECT_EQ(decisions(*a_pruner("median"), trials, {-9, -9, -9}, Direction::maximize),
            (std::vector{true, false, true}));
}

TEST(MedianPruner, a_trial_that_reported_nothing_but_nan_is_pruned) {
  EXPECT_EQ(decisions(*a_pruner("median"), six_curves(), {nan, 9, nan}, Direction::maximize),
            (std::vector{true, false, false}));
}

TEST(PercentilePruner, keeps_the_best_quarter) {
  // Values 0 … 5 at step 0, maximise: the best quarter begins at the 75th percentile, 3.75.
  auto const quarter = a_pruner("percentile");
  EXPECT_EQ(decisions(*quarter, six_curves(), {3.74}, Direction::maximize), std::vector{true});
  EXPECT_EQ(decisions(*quarter, six_curves(), {3.76}, Direction::maximize), std::vector{false});
  // Minimise: the 25th percentile, 1.25.
  EXPECT_EQ(decisions(*quarter, six_curves(), {1.26}, Direction::minimize), std::vector{true});
  EXPECT_EQ(decisions(*quarter, six_curves(), {1.24}, Direction::minimize), std::vector{false});
}

Trial at_rung(int number, int rung, double value, TrialState state = TrialState::pruned) {
  Trial trial = a_trial(number, state);
  trial.system_attributes["completed_rung_" + std::to_string(rung)] = Json(value);
  return trial;
}

PrunerConfig halving_from_step_one() {
  PrunerConfig config;
  config.halving_minimum_resource = 1;
  return config;
}

TEST(HalvingPruner, promotes_the_best_one_in_four) {
  // Eight at rung 0 with the current one: floor(8 / 4) = 2 go on, and a tie with the second goes on too.
  std::vector<Trial> trials;
  trials.reserve(7);
  for (int i = 0; i < 7; ++i) trials.push_back(at_rung(i, 0, i));  // 0 … 6
  auto const halving = a_pruner("halving", halving_from_step_one());
  Trial current = a_trial(7, TrialState::running, {}, {{1, 5.0}});
  EXPECT_FALSE(halving->judge(current, trials, Direction::maximize).prune);  // second best of 0 1 2 3 4 5 5 6
  current.intermediate[1] = 4.9;
  EXPECT_TRUE(halving->judge(current, trials, Direction::maximize).prune);
  current.intermediate[1] = 1.0;
  EXPECT_FALSE(halving->judge(current, trials, Direction::minimize).prune);
}

TEST(HalvingPruner, hands_back_the_value_at_each_completed_rung) {
  auto const halving = a_pruner("halving", halving_from_step_one());
  Trial current = a_trial(0, TrialState::running, {}, {{1, 0.5}});
  Verdict verdict = halving->judge(current, {}, Direction::maximize);
  EXPECT_FALSE(verdict.prune);
  EXPECT_EQ(verdict.system_attributes, (std::map<std::string, Json>{{"completed_rung_0", Json(0.5)}}));
  current.system_attributes = verdict.system_attributes;
  current.intermediate[3] = 0.6;  // below the next rung at 4: no decision
  EXPECT_TRUE(halving->judge(current, {}, Direction::maximize).system_attributes.empty());
  current.intermediate[16] = 0.7;  // reaches rung 1 (4) and rung 2 (16) at once
  verdict = halving->judge(current, {}, Direction::maximize);
  EXPECT_EQ(verdict.system_attributes,
            (std::map<std::string, Json>{{"completed_rung_1", Json(0.7)}, {"completed_rung_2", Json(0.7)}}));
}

TEST(HalvingPruner, takes_a_hundredth_of_the_longest_complete_trial_as_its_first_rung) {
  auto const halving = a_pruner("halving");
  Trial const current = a_trial(9, TrialState::running, {}, {{2, 1.0}});
  EXPECT_TRUE(halving->judge(current, {}, Direction::maximize).system_attributes.empty());  // cannot be told yet
  std::vector<Trial> const trials{a_trial(0, TrialState::complete, {1.0}, {{350, 1.0}})};   // first rung at 3
  EXPECT_TRUE(halving->judge(current, trials, Direction::maximize).system_attributes.empty());
  Trial const later = a_trial(9, TrialState::running, {}, {{3, 1.0}});
  EXPECT_EQ(halving->judge(later, trials, Direction::maximize).system_attributes.size(), 1U);
}

TEST(HalvingPruner, prunes_nan_at_a_rung_and_waits_for_the_bootstrap_count) {
  auto const halving = a_pruner("halving", halving_from_step_one());
  EXPECT_TRUE(halving->judge(a_trial(1, TrialState::running, {}, {{1, nan}}), {}, Direction::maximize).prune);
  PrunerConfig config = halving_from_step_one();
  config.halving_bootstrap_count = 1;
  Trial const current = a_trial(1, TrialState::running, {}, {{1, 5.0}});
  EXPECT_TRUE(a_pruner("halving", config)->judge(current, {}, Direction::maximize).prune);
  EXPECT_FALSE(a_pruner("halving", config)->judge(current, std::vector{at_rung(0, 0, 1)}, Direction::maximize).prune);
}

TEST(HalvingPruner, a_minimum_rate_leaves_out_the_first_rungs) {
  PrunerConfig config = halving_from_step_one();
  config.halving_minimum_rate = 2;  // first rung at 1 · 4²
  auto const halving = a_pruner("halving", config);
  Trial current = a_trial(1, TrialState::running, {}, {{15, 5.0}});
  EXPECT_TRUE(halving->judge(current, {}, Direction::maximize).system_attributes.empty());
  current.intermediate[16] = 5.0;
  EXPECT_EQ(halving->judge(current, {}, Direction::maximize).system_attributes.size(), 1U);
}

TEST(WilcoxonPruner, cannot_prune_before_the_fourth_instance) {
  // Worse on each of n instances has p = 2^-n: 0.125 for three, 0.0625 for four.
  std::vector<Trial> const best{a_trial(0, TrialState::complete, {1.0}, {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}})};
  auto const wilcoxon = a_pruner("wilcoxon");
  EXPECT_EQ(wilcoxon->granularity(), Granularity::per_instance);
  EXPECT_EQ(decisions(*wilcoxon, best, {2, 4, 6, 8, 10}, Direction::minimize),
            (std::vector{false, false, false, true, true}));
  EXPECT_EQ(decisions(*wilcoxon, best, {0, 0.5, 1, 0.5, 0}, Direction::maximize),
            (std::vector{false, false, false, true, true}));
}

TEST(WilcoxonPruner, a_trial_whose_mean_is_no_worse_is_kept) {
  // Worse on instances 1 … 4 by 1 to 4, but the best trial had a disaster on instance 9 that raises its mean to 22.
  std::vector<Trial> const best{
      a_trial(0, TrialState::complete, {22.0}, {{1, 1.0}, {2, 2.0}, {3, 3.0}, {4, 4.0}, {9, 100.0}})};
  Trial const current = a_trial(5, TrialState::running, {}, {{1, 2.0}, {2, 4.0}, {3, 6.0}, {4, 8.0}});
  EXPECT_FALSE(a_pruner("wilcoxon")->judge(current, best, Direction::minimize).prune);
}

TEST(WilcoxonPruner, compares_with_the_best_complete_trial_and_gives_up_on_infinities) {
  std::map<int, double> const good{{0, 1}, {1, 2}, {2, 3}, {3, 4}};
  std::map<int, double> const bad{{0, 11}, {1, 12.5}, {2, 13}, {3, 15}};
  Trial const current = a_trial(9, TrialState::running, {}, {{0, 2}, {1, 4}, {2, 6}, {3, 8}});
  std::vector<Trial> trials{a_trial(0, TrialState::complete, {12.875}, bad),
                            a_trial(1, TrialState::complete, {2.5}, good)};
  auto const wilcoxon = a_pruner("wilcoxon");
  EXPECT_TRUE(wilcoxon->judge(current, trials, Direction::minimize).prune);
  trials[1].state = TrialState::running;
  EXPECT_FALSE(wilcoxon->judge(current, trials, Direction::minimize).prune);
  trials[1].state = TrialState::complete;
  trials[1].intermediate[7] = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(wilcoxon->judge(current, trials, Direction::minimize).prune);
}

// Every assignment of signs to the ranks, the naive way.
double brute_force_p(std::vector<double> const& differences) {
  std::vector<double> sizes(differences);
  for (double& size : sizes) size = std::abs(size);
  std::ranges::sort(sizes);
  double observed = 0;
  for (double d : differences) {
    if (d > 0) observed += static_cast<double>(std::ranges::find(sizes, d) - sizes.begin() + 1);
  }
  double count = 0;
  unsigned const all = 1U << differences.size();
  for (unsigned signs = 0; signs < all; ++signs) {
    double sum = 0;
    for (std::size_t i = 0; i < differences.size(); ++i)
      sum += ((signs >> i) & 1U) != 0 ? static_cast<double>(i + 1) : 0;
    count += sum >= observed ? 1 : 0;
  }
  return count / all;
}

TEST(SignedRank, equals_the_enumeration_of_all_signs) {
  Rng rng(11);
  for (int n = 1; n <= 12; ++n) {
    for (int repeat = 0; repeat < 10; ++repeat) {
      std::vector<double> differences(static_cast<std::size_t>(n));
      for (double& difference : differences) difference = rng.uniform(-1, 1.5);
      EXPECT_DOUBLE_EQ(signed_rank_p(differences), brute_force_p(differences));
    }
  }
}

TEST(SignedRank, zeros_and_ties_go_by_the_normal_approximation) {
  // 0, 0, 1, -2, 2, 2: ranks 1.5 1.5 3 5 5 5. Positive: 3 + 5 + 5 + half of 3 = 14.5; mean 6·7/4 = 10.5; variance
  // (6·7·13 - ((2³ - 2) + (3³ - 3)) / 2) / 24 = (546 - 15) / 24 = 22.125; z = 4 / 4.7037 = 0.85039.
  EXPECT_NEAR(signed_rank_p(std::vector<double>{0, 0, 1, -2, 2, 2}), 1 - normal_cdf(4 / std::sqrt(22.125)), 1e-12);
  EXPECT_NEAR(signed_rank_p(std::vector<double>{0, 0, 0}), 0.5, 1e-12);
}

TEST(SignedRank, the_exact_and_the_approximate_form_meet_at_fifty) {
  Rng rng(12);
  std::vector<double> differences(50);
  for (double& difference : differences) difference = rng.uniform(-1, 1.4);
  double const exact = signed_rank_p(differences);
  differences.push_back(rng.uniform(-1e-6, 1e-6));  // rank 1 of 51: as good as nothing
  EXPECT_NEAR(signed_rank_p(differences), exact, 0.01);
}

TEST(Pruners, an_unknown_name_is_answered_with_the_known_ones) {
  auto const pruner = make_pruner("medain");
  ASSERT_FALSE(pruner);
  EXPECT_EQ(pruner.error().message,
            "unknown pruner medain (known: none, median, percentile, halving, wilcoxon), did you mean median?");
}

}  // namespace
}  // namespace regulus::tune
