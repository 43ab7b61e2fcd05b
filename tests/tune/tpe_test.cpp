#include "tune/samplers/tpe.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/tune/builders.h"
#include "tests/tune/golden.h"
#include "tune/samplers/random.h"
#include "tune/space.h"

namespace regulus::tune {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<int> numbers_of(std::vector<Trial const*> const& trials) {
  std::vector<int> out;
  out.reserve(trials.size());
  for (Trial const* trial : trials) out.push_back(trial->number);
  return out;
}

// The five parameters of the reference runs.
SearchSpace dqn_like() {
  return {{"batch", log_whole(16, 512)},
          {"gamma", real(0.9, 0.999)},
          {"lr", log_real(1e-5, 0.1)},
          {"net", one_of({Json("small"), Json("medium"), Json("big")})},
          {"train_freq", whole(1, 16)}};
}

// Plays the reference run with our algorithms and its generators: the random sampler and the TPE each have one, both
// seeded 42.
void expect_the_run(std::string const& name, bool multivariate) {
  SearchSpace const space = dqn_like();
  Json const& runs = at(golden(), "seeded_runs");
  NumpySource random_source(42);
  NumpySource tpe_source(42);
  std::vector<Trial> trials;
  for (Json const& expected : at(runs, name).as_array()) {
    Trial trial = a_trial(static_cast<int>(trials.size()), TrialState::complete, {at(expected, "value").as_number()});
    Split const split = split_trials(trials, Direction::minimize);
    if (trials.size() >= 10 && multivariate) {
      ASSERT_EQ(joint_space(space, trials), space);
      trial.params = tpe_proposal(split, space, 24, tpe_source);
    }
    for (Json const& suggested : at(runs, "suggest_order").as_array()) {
      std::string const& parameter = suggested.as_string();
      if (trials.size() < 10) {
        trial.params[parameter] = random_value(space.at(parameter), random_source);
      } else if (!multivariate) {
        trial.params.merge(tpe_proposal(split, {{parameter, space.at(parameter)}}, 24, tpe_source));
      }
    }
    for (auto const& [parameter, distribution] : space) {
      double const want = *internal_value(distribution, at(at(expected, "params"), parameter));
      double const got = trial.params.at(parameter);
      bool const log_float = parameter == "lr";
      if (trials.size() >= 10) {
        EXPECT_NEAR(got, want, 1e-6 * std::abs(want)) << parameter << " of trial " << trial.number;
      } else if (log_float) {
        EXPECT_TRUE(std::nextafter(got, want) == want) << parameter << " of trial " << trial.number;
      } else {
        EXPECT_EQ(got, want) << parameter << " of trial " << trial.number;
      }
    }
    trial.distributions = space;
    trials.push_back(std::move(trial));
  }
  EXPECT_EQ(trials.size(), 16U);
}

TEST(Tpe, the_multivariate_reference_run_is_reproduced) { expect_the_run("v5_default_seed42", true); }
TEST(Tpe, the_univariate_reference_run_is_reproduced) { expect_the_run("univariate_seed42", false); }

TEST(Split, one_in_ten_is_good_and_at_most_twenty_five) {
  std::vector<std::pair<int, std::size_t>> const cases{{0, 0},  {1, 1},    {10, 1},   {11, 2},
                                                       {20, 2}, {100, 10}, {241, 25}, {400, 25}};
  for (auto const& [trials, good] : cases) {
    std::vector<Trial> visible;
    visible.reserve(static_cast<std::size_t>(trials));
    for (int i = 0; i < trials; ++i) visible.push_back(a_trial(i, TrialState::complete, {static_cast<double>(i % 7)}));
    EXPECT_EQ(split_trials(visible, Direction::minimize).good.size(), good) << trials;
  }
}

TEST(Split, complete_trials_rank_by_value_then_pruned_ones_by_how_far_they_came) {
  // Eleven finished trials, so two are good. Each case lets the first two of the ranking be seen.
  std::vector<Trial> visible{
      a_trial(0, TrialState::pruned, {}, {{1, 0.0}}),            // an early end with a splendid value
      a_trial(1, TrialState::pruned, {}, {{1, 0.0}, {9, 5.0}}),  // later
      a_trial(2, TrialState::pruned, {}, {{9, 4.0}}),            // as late, better
      a_trial(3, TrialState::pruned, {}, {}),                    // never reported
      a_trial(4, TrialState::pruned, {}, {{9, nan}}),
      a_trial(5, TrialState::complete, {100.0}),
  };
  for (int i = 6; i < 11; ++i) visible.push_back(a_trial(i, TrialState::pruned, {}, {{2, 1.0}}));
  EXPECT_EQ(numbers_of(split_trials(visible, Direction::minimize).good), (std::vector<int>{2, 5}));
  EXPECT_EQ(numbers_of(split_trials(visible, Direction::maximize).good), (std::vector<int>{1, 5}));
}

TEST(Split, a_value_that_is_no_number_is_the_worst) {
  std::vector<Trial> visible{a_trial(0, TrialState::complete, {nan}), a_trial(1, TrialState::complete, {-1e300})};
  EXPECT_EQ(numbers_of(split_trials(visible, Direction::maximize).good), (std::vector<int>{1}));
  EXPECT_EQ(numbers_of(split_trials(visible, Direction::minimize).good), (std::vector<int>{1}));
}

TEST(Split, running_trials_count_as_bad_and_failed_ones_not_at_all) {
  std::vector<Trial> const visible{a_trial(0, TrialState::running), a_trial(1, TrialState::complete, {1.0}),
                                   a_trial(2, TrialState::fail), a_trial(3, TrialState::complete, {2.0})};
  Split const split = split_trials(visible, Direction::minimize);
  EXPECT_EQ(numbers_of(split.good), (std::vector<int>{1}));
  EXPECT_EQ(numbers_of(split.bad), (std::vector<int>{0, 3}));
}

TEST(Split, equal_values_keep_the_order_of_trials_for_both_directions) {
  std::vector<Trial> visible;
  visible.reserve(10);
  for (int i = 0; i < 10; ++i) visible.push_back(a_trial(i, TrialState::complete, {1.0}));
  EXPECT_EQ(numbers_of(split_trials(visible, Direction::minimize).good), (std::vector<int>{0}));
  EXPECT_EQ(numbers_of(split_trials(visible, Direction::maximize).good), (std::vector<int>{0}));
}

TEST(JointSpace, keeps_what_all_finished_trials_share) {
  Distribution const wide = real(0, 2);
  Distribution const unit = real(0, 1);
  Distribution const single = whole(3, 3);
  SearchSpace const wanted{{"a", unit}, {"b", unit}, {"c", unit}, {"d", single}};
  Trial full = a_trial(0, TrialState::complete, {1.0});
  full.distributions = wanted;
  Trial changed = a_trial(1, TrialState::pruned);
  changed.distributions = {{"a", unit}, {"b", wide}, {"c", unit}};
  Trial failed = a_trial(2, TrialState::fail);
  EXPECT_EQ(joint_space(wanted, std::vector{full, changed, failed}), (SearchSpace{{"a", unit}, {"c", unit}}));
  EXPECT_EQ(joint_space(wanted, std::vector{full}), (SearchSpace{{"a", unit}, {"b", unit}, {"c", unit}}));
}

TEST(Tpe, proposals_gather_where_the_good_trials_are) {
  SearchSpace const space{{"x", real(0, 1)}};
  std::vector<Trial> trials;
  for (int i = 0; i < 50; ++i) {
    double const x = (i + 0.5) / 50;
    trials.push_back(a_trial(i, TrialState::complete, {std::abs(x - 0.3)}));
    trials.back().params = {{"x", x}};
    trials.back().distributions = space;
  }
  RngSource source(Rng(1));
  Split const split = split_trials(trials, Direction::minimize);
  int near = 0;
  for (int i = 0; i < 100; ++i) near += std::abs(tpe_proposal(split, space, 24, source).at("x") - 0.3) < 0.1 ? 1 : 0;
  EXPECT_GE(near, 95);
}

}  // namespace
}  // namespace regulus::tune
