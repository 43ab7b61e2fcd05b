#include "tune/importance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/rng.h"
#include "tests/tune/builders.h"

namespace regulus::tune {
namespace {

double share_of(std::vector<Importance> const& importances, std::string const& name) {
  for (Importance const& importance : importances) {
    if (importance.name == name) return importance.share;
  }
  return std::nan("");
}

std::vector<Trial> random_trials(SearchSpace const& space, int count, std::uint64_t seed,
                                 std::function<double(std::map<std::string, double> const&)> const& value) {
  Rng rng(seed);
  std::vector<Trial> trials;
  for (int i = 0; i < count; ++i) {
    Trial trial = a_trial(i, TrialState::complete);
    for (auto const& [name, distribution] : space) {
      if (auto const* f = std::get_if<FloatDistribution>(&distribution)) {
        trial.params[name] =
            f->log ? std::exp(rng.uniform(std::log(f->low), std::log(f->high))) : rng.uniform(f->low, f->high);
      } else {
        trial.params[name] = static_cast<double>(rng.below(3));
      }
    }
    trial.distributions = space;
    trial.values = {value(trial.params)};
    trials.push_back(std::move(trial));
  }
  return trials;
}

TEST(Importance, a_small_case_by_hand) {
  // Ten trials, the best one is number 0. In x five of ten have choice 0, as the best has; in y two of ten, and the
  // best has choice 1. With the prior: x all (5.5, 5.5) / 11, best (1.5, 0.5) / 2: 0.5 · 0.5² + 0.5 · 0.5² = 1/4. y all
  // (2.5, 8.5) / 11, best (0.25, 0.75): (1/44)² · 44/10 + (1/44)² · 44/34 = 1/440 + 1/1496 = 1/340. Shares 85/86 and
  // 1/86.
  SearchSpace const space{{"x", one_of({Json("a"), Json("b")})}, {"y", one_of({Json("a"), Json("b")})}};
  std::vector<Trial> trials;
  for (int i = 0; i < 10; ++i) {
    trials.push_back(a_trial(i, TrialState::complete, {static_cast<double>(i)}));
    trials.back().params = {{"x", i < 5 ? 0.0 : 1.0}, {"y", i == 3 || i == 4 ? 0.0 : 1.0}};
  }
  std::vector<Importance> const found = importances(trials, space, Direction::minimize);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "x");
  EXPECT_NEAR(found[0].share, 85.0 / 86, 1e-12);
  EXPECT_NEAR(found[1].share, 1.0 / 86, 1e-12);
  EXPECT_TRUE(found[0].ci95.low <= found[0].share && found[0].share <= found[0].ci95.high);
}

TEST(Importance, what_alone_decides_takes_nearly_all_and_the_irrelevant_nearly_nothing) {
  SearchSpace const space{
      {"decides", log_real(1e-5, 1e-1)}, {"noise", real(0, 1)}, {"whim", one_of({Json(1), Json(2), Json(3)})}};
  auto const trials =
      random_trials(space, 400, 3, [](auto const& params) { return std::abs(std::log10(params.at("decides")) + 3); });
  std::vector<Importance> const found = importances(trials, space, Direction::minimize);
  EXPECT_EQ(found[0].name, "decides");
  EXPECT_GT(found[0].share, 0.9);
  EXPECT_GT(found[0].ci95.low, 0.8);
  EXPECT_LT(share_of(found, "noise"), 0.08);
  EXPECT_LT(share_of(found, "whim"), 0.08);
  EXPECT_NEAR(share_of(found, "decides") + share_of(found, "noise") + share_of(found, "whim"), 1, 1e-12);
}

TEST(Importance, the_direction_decides_which_trials_are_good) {
  // High values need a = 2 and any b; low values need b near 0 and any a.
  SearchSpace const space{{"a", one_of({Json(1), Json(2), Json(3)})}, {"b", real(0, 1)}};
  auto const trials = random_trials(space, 500, 4, [](auto const& params) {
    return params.at("b") < 0.1 ? -1 + params.at("b") : (params.at("a") == 1 ? 1 : 0) + 0.0;
  });
  EXPECT_EQ(importances(trials, space, Direction::minimize)[0].name, "b");
  EXPECT_EQ(importances(trials, space, Direction::maximize)[0].name, "a");
}

TEST(Importance, only_complete_trials_with_finite_values_count) {
  SearchSpace const space{{"x", real(0, 1)}, {"fixed", whole(3, 3)}};
  auto trials = random_trials({{"x", real(0, 1)}}, 50, 5, [](auto const& params) { return params.at("x"); });
  std::vector<Importance> const before = importances(trials, space, Direction::minimize);
  EXPECT_EQ(share_of(before, "x"), 1);
  EXPECT_EQ(share_of(before, "fixed"), 0);
  Trial odd = trials.front();
  for (double value : {std::nan(""), -std::numeric_limits<double>::infinity()}) {
    odd.values = {value};
    trials.push_back(odd);
  }
  odd.values = {-5};
  odd.state = TrialState::pruned;
  trials.push_back(odd);
  std::vector<Importance> const after = importances(trials, space, Direction::minimize);
  EXPECT_EQ(after[0].ci95.low, before[0].ci95.low);
  EXPECT_EQ(after[0].share, before[0].share);
}

TEST(Importance, nothing_is_claimed_from_nothing) {
  SearchSpace const space{{"x", real(0, 1)}};
  EXPECT_EQ(importances({}, space, Direction::minimize)[0].share, 0);
}

}  // namespace
}  // namespace regulus::tune
