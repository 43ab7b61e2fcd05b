#include "lab/gate.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace regulus::lab {
namespace {

// Days that cost this much; twenty rides each, of which all were on time, and nothing else that anybody minds.
PolicyDays costing(std::string name, std::vector<double> const& costs) {
  PolicyDays policy;
  policy.name = std::move(name);
  for (auto& figure : policy.figures) figure.assign(costs.size(), 0);
  policy.figures[static_cast<std::size_t>(GateFigure::cost)] = costs;
  for (GateFigure const f : {GateFigure::wanted, GateFigure::on_time})
    policy.figures[static_cast<std::size_t>(f)].assign(costs.size(), 20);
  policy.decide_ms_p99 = 1;
  return policy;
}

std::vector<double>& figure_of(PolicyDays& policy, GateFigure figure) {
  return policy.figures[static_cast<std::size_t>(figure)];
}

GateFamily family(std::string name, std::vector<double> const& candidate, std::vector<double> const& rule) {
  return {.name = std::move(name),
          .candidates = {costing("new", candidate)},
          .rules = {costing("old", rule)},
          .clairvoyant = {}};
}

// A tenth cheaper on each of four days.
GateFamily cheaper(std::string name = "town") {
  return family(std::move(name), {90, 180, 270, 90}, {100, 200, 300, 100});
}

GateVerdict judged(std::vector<GateFamily> const& families, std::vector<std::int64_t> const& parameters = {},
                   GateLimits const& limits = {}) {
  return judge(families, parameters, limits, 7);
}

GateCheck check_of(GateVerdict const& verdict, std::string const& id) {
  auto const found = std::ranges::find(verdict.checks, id, &GateCheck::id);
  EXPECT_NE(found, verdict.checks.end()) << id;
  return found == verdict.checks.end() ? GateCheck{} : *found;
}

std::vector<std::string> failed(GateVerdict const& verdict) {
  std::vector<std::string> ids;
  for (GateCheck const& check : verdict.checks) {
    if (!check.passed) ids.push_back(check.id);
  }
  return ids;
}

using Failed = std::vector<std::string>;

TEST(PolicyDays, take_from_a_day_what_is_judged) {
  std::vector<sim::PlayedDay> days(2);
  sim::PlayedDay& day = days[1];
  day.kpi.cost.driving = 700;
  day.kpi.cost.lateness = 50;
  day.kpi.requested = 9;
  day.kpi.cancelled = 2;
  day.kpi.on_time = 5;
  day.kpi.unserved = 1;
  day.kpi.late = {60, 90, 0, 30};
  day.kpi.mean_ride_ratio = 1.25;
  day.kpi.most_trips = 4;
  day.kpi.fewest_trips = 1;
  day.refused_decisions = 3;
  day.decide_ms = {2, 2, 2};
  PolicyDays const policy = policy_days("new", days);
  EXPECT_EQ(policy.name, "new");
  std::vector<double> figures;
  for (auto const& figure : policy.figures) {
    ASSERT_EQ(figure.size(), 2U);
    EXPECT_EQ(figure[0], 0);
    figures.push_back(figure[1]);
  }
  // cost, wanted, on time, unserved, late by class in minutes, ride ratio, spread.
  EXPECT_EQ(figures, (std::vector<double>{750, 7, 5, 1, 1, 1.5, 0, 0.5, 1.25, 3}));
  EXPECT_EQ(policy.refused_decisions, 3);
  EXPECT_EQ(policy.decide_ms_p99, 2);
}

TEST(BestRule, is_the_cheapest_on_these_days_and_the_first_of_equals) {
  GateFamily town = family("town", {1, 1}, {300, 100});
  town.rules.push_back(costing("better", {100, 200}));
  town.rules.push_back(costing("equal", {200, 100}));
  EXPECT_EQ(best_rule(town), 1U);
}

TEST(Saving, is_a_share_of_the_means_and_not_a_mean_of_shares) {
  // 1 - (90 + 300) / (100 + 300) = 0.025; the mean of 0.1 and 0 would be 0.05.
  Saving const saving = saving_of(family("town", {90, 300}, {100, 300}), 1);
  EXPECT_NEAR(saving.mean, 0.025, 1e-12);
  // A replicate has the first day twice (one in four), each once or the second twice: 0.1, 0.025 or 0.
  EXPECT_NEAR(saving.ci95.low, 0, 1e-12);
  EXPECT_NEAR(saving.ci95.high, 0.1, 1e-12);
}

TEST(Saving, resamples_training_seeds_too) {
  GateFamily town = family("town", {80, 80}, {100, 100});
  town.candidates.push_back(costing("again", {100, 100}));
  // The good training twice, each once, the bad one twice: 0.2, 0.1 or 0, whatever the days.
  Saving const saving = saving_of(town, 1);
  EXPECT_DOUBLE_EQ(saving.mean, 0.1);
  EXPECT_NEAR(saving.ci95.low, 0, 1e-12);
  EXPECT_NEAR(saving.ci95.high, 0.2, 1e-12);
}

TEST(Saving, against_a_rule_that_costs_nothing_is_nothing) {
  EXPECT_EQ(saving_of(family("town", {0, 0}, {0, 0}), 1).mean, 0);
  EXPECT_EQ(saving_of(family("town", {0, 5}, {0, 0}), 1).mean, -1);
}

TEST(OverallSaving, counts_a_small_family_like_a_large_one) {
  // 0.1 of a little and -0.05 of a lot: 0.025.
  std::vector<GateFamily> const two{family("village", {9, 9}, {10, 10}),
                                    family("city", {10'500, 21'000}, {10'000, 20'000})};
  Saving const saving = overall_saving(two, 1);
  EXPECT_NEAR(saving.mean, 0.025, 1e-12);
  EXPECT_NEAR(saving.ci95.low, 0.025, 1e-12);
  EXPECT_NEAR(saving.ci95.high, 0.025, 1e-12);
}

TEST(OverallSaving, draws_the_same_trainings_in_every_family_and_other_days_in_each) {
  std::vector<GateFamily> trainings, days;
  for (char const* name : {"north", "east", "south", "west"}) {
    trainings.push_back(family(name, {80, 80}, {100, 100}));
    trainings.back().candidates.push_back(costing("again", {100, 100}));
    days.push_back(family(name, {90, 300}, {100, 300}));
  }
  // The bad training twice in all four families: one replicate in four, so nothing is inside the interval. Drawn family
  // by family it would be one in 256.
  EXPECT_NEAR(overall_saving(trainings, 1).ci95.low, 0, 1e-12);
  // The days that save nothing in all four families: one in 256, outside.
  EXPECT_GT(overall_saving(days, 1).ci95.low, 1e-3);
  EXPECT_LT(overall_saving(days, 1).ci95.high, 0.1 - 1e-3);
}

TEST(Gate, says_the_same_for_the_same_seed_and_of_a_family_whoever_else_plays) {
  GateFamily const town = family("town", {90, 300, 120, 150}, {100, 300, 140, 130});
  std::vector<GateFamily> const alone{town}, with_others{cheaper("village"), town};
  EXPECT_EQ(to_json(judged(alone)), to_json(judged(alone)));
  Json const in_company = to_json(judged(with_others));
  EXPECT_EQ(in_company.find("families")->as_array()[1], to_json(judged(alone)).find("families")->as_array()[0]);
}

TEST(GapClosed, is_measured_from_insertion_to_perfect_knowledge) {
  GateFamily town = family("town", {140, 160}, {100, 100});
  EXPECT_FALSE(gap_closed(town));
  town.clairvoyant = {50, 150};
  EXPECT_FALSE(gap_closed(town));
  town.rules.push_back(costing("insertion", {150, 250}));
  // Means 200, 150 and 100.
  EXPECT_DOUBLE_EQ(gap_closed(town).value_or(9), 0.5);
}

TEST(Gate, passes_who_is_cheaper_everywhere_and_leaves_nobody_worse_off) {
  GateVerdict const verdict = judged({cheaper("town"), cheaper("village")});
  EXPECT_TRUE(verdict.passed);
  EXPECT_EQ(failed(verdict), Failed{});
  EXPECT_NEAR(verdict.overall.mean, 0.1, 1e-12);
  EXPECT_EQ(verdict.rows.size(), 2U);
  EXPECT_EQ(verdict.rows[0].on_time_share, 1);
  EXPECT_FALSE(check_of(verdict, "parameters").skipped.empty());
  EXPECT_EQ(to_json(verdict).find("verdict")->as_string(), "pass");
}

TEST(Gate, fails_who_saves_nothing_for_certain) {
  // Cheaper on average, but on one day of four only.
  GateVerdict const verdict = judged({family("town", {50, 100, 100, 100}, {100, 100, 100, 100})});
  EXPECT_EQ(failed(verdict), Failed{"overall_saving"});
  EXPECT_NEAR(verdict.overall.mean, 0.125, 1e-12);
  EXPECT_FALSE(verdict.passed);
  // The same as the rule is no reason to change.
  EXPECT_EQ(failed(judged({family("town", {100, 100}, {100, 100})})), Failed{"overall_saving"});
}

TEST(Gate, fails_who_is_dearer_by_more_than_a_hundredth_in_one_family) {
  GateFamily const good = cheaper();
  EXPECT_EQ(failed(judged({good, family("village", {1'009, 1'009}, {1'000, 1'000})})), Failed{});
  GateVerdict const verdict = judged({good, family("village", {1'011, 1'011}, {1'000, 1'000})});
  EXPECT_EQ(failed(verdict), Failed{"worst_family"});
  GateCheck const check = check_of(verdict, "worst_family");
  EXPECT_EQ(check.family, "village");
  EXPECT_NEAR(check.figure, -0.011, 1e-12);
  EXPECT_EQ(check.limit, -0.01);
  EXPECT_EQ(check.failed_in, Failed{"village"});
}

TEST(GuardRails, tolerate_by_ride_or_by_the_rules_own_figure) {
  auto const rail = [](GateFigure figure) { return *std::ranges::find(guard_rails(), figure, &GuardRail::figure); };
  GateFamily town = cheaper();
  // Twenty rides a day: 20 / 500, 20 × 0.05 minutes, and what does not depend on rides.
  EXPECT_DOUBLE_EQ(tolerance(rail(GateFigure::unserved), town), 0.04);
  EXPECT_DOUBLE_EQ(tolerance(rail(GateFigure::late_outbound), town), 1);
  EXPECT_DOUBLE_EQ(tolerance(rail(GateFigure::ride_ratio), town), 0.05);
  EXPECT_DOUBLE_EQ(tolerance(rail(GateFigure::load_spread), town), 1);
  // 200 minutes late: a twentieth is 10. Thirty trips apart: a tenth is 3.
  figure_of(town.rules[0], GateFigure::late_outbound) = {100, 300, 200, 200};
  figure_of(town.rules[0], GateFigure::load_spread) = {30, 30, 30, 30};
  EXPECT_DOUBLE_EQ(tolerance(rail(GateFigure::late_outbound), town), 10);
  EXPECT_DOUBLE_EQ(tolerance(rail(GateFigure::load_spread), town), 3);
}

TEST(GuardRails, break_only_when_worse_by_more_than_tolerated_and_for_certain) {
  for (GuardRail const& rail : guard_rails()) {
    std::string const id(enum_names(rail.figure)[static_cast<std::size_t>(rail.figure)]);
    GateFamily town = cheaper();
    double const limit = tolerance(rail, town);
    auto& worse = figure_of(town.candidates[0], rail.figure);
    worse.assign(4, 1.5 * limit);
    GateVerdict const verdict = judged({cheaper("village"), town});
    EXPECT_EQ(failed(verdict), Failed{id});
    EXPECT_EQ(check_of(verdict, id).failed_in, Failed{"town"}) << id;
    EXPECT_EQ(check_of(verdict, id).family, "town") << id;
    // Certain, but so little that nobody notices.
    worse.assign(4, 0.9 * limit);
    EXPECT_EQ(failed(judged({town})), Failed{}) << id;
    // More than that, but on one day of four.
    worse = {8 * limit, 0, 0, 0};
    EXPECT_EQ(failed(judged({town})), Failed{}) << id;
    // Better.
    figure_of(town.rules[0], rail.figure).assign(4, 9 * limit);
    EXPECT_EQ(failed(judged({town})), Failed{}) << id;
  }
}

TEST(GuardRails, show_the_family_in_which_one_is_broken_before_one_that_came_further_by_chance) {
  GateFamily chance = cheaper("chance"), certain = cheaper("certain");
  figure_of(chance.candidates[0], GateFigure::load_spread) = {100, 0, 0, 0};
  figure_of(certain.candidates[0], GateFigure::load_spread).assign(4, 2);
  for (auto const& order : {std::vector{chance, certain}, std::vector{certain, chance}}) {
    GateCheck const check = check_of(judged(order), "load_spread");
    EXPECT_EQ(check.family, "certain");
    EXPECT_EQ(check.figure, 2);
    EXPECT_EQ(check.failed_in, Failed{"certain"});
  }
}

TEST(Gate, compares_with_the_best_rule_and_not_with_the_kindest) {
  GateFamily town = cheaper();
  figure_of(town.candidates[0], GateFigure::unserved).assign(4, 1);
  figure_of(town.rules[0], GateFigure::unserved).assign(4, 1);
  town.rules.push_back(costing("dear and kind", {900, 900, 900, 900}));
  EXPECT_EQ(failed(judged({town})), Failed{});
}

TEST(Gate, gives_as_long_to_decide_as_the_slowest_rule_takes_or_as_is_said) {
  GateFamily town = cheaper();
  town.rules.push_back(costing("slow", {900, 900, 900, 900}));
  town.rules[1].decide_ms_p99 = 5;
  town.candidates[0].decide_ms_p99 = 5;
  EXPECT_EQ(failed(judged({town})), Failed{});
  town.candidates.push_back(town.candidates[0]);
  town.candidates[1].decide_ms_p99 = 6;
  GateVerdict const verdict = judged({town});
  EXPECT_EQ(failed(verdict), Failed{"decide_ms_p99"});
  EXPECT_EQ(check_of(verdict, "decide_ms_p99").figure, 6);
  EXPECT_EQ(check_of(verdict, "decide_ms_p99").limit, 5);
  EXPECT_EQ(failed(judged({town}, {}, {.max_decide_ms = 6})), Failed{});
}

TEST(Gate, fails_whose_decisions_were_refused) {
  GateFamily town = cheaper();
  town.candidates[0].refused_decisions = 1;
  EXPECT_EQ(failed(judged({town})), Failed{"refused_decisions"});
  town.candidates[0].refused_decisions = 0;
  town.rules[0].refused_decisions = 1;  // not the candidate's
  EXPECT_EQ(failed(judged({town})), Failed{});
}

TEST(Gate, fails_a_model_that_is_too_large) {
  EXPECT_EQ(failed(judged({cheaper()}, {25'000})), Failed{});
  GateVerdict const verdict = judged({cheaper()}, {24'000, 25'001});
  EXPECT_EQ(failed(verdict), Failed{"parameters"});
  EXPECT_EQ(check_of(verdict, "parameters").figure, 25'001);
  EXPECT_EQ(to_json(verdict).find("verdict")->as_string(), "fail");
}

TEST(Gate, says_what_each_training_saves_by_itself) {
  GateFamily town = family("town", {80, 80}, {100, 100});
  town.candidates.push_back(costing("again", {100, 100}));
  GateFamily village = family("village", {90, 90}, {100, 100});
  village.candidates.push_back(costing("again", {110, 110}));
  std::vector<double> const by_training = judged({town, village}).saving_by_candidate;
  ASSERT_EQ(by_training.size(), 2U);
  EXPECT_NEAR(by_training[0], 0.15, 1e-12);   // (0.2 + 0.1) / 2
  EXPECT_NEAR(by_training[1], -0.05, 1e-12);  // (0 - 0.1) / 2
}

}  // namespace
}  // namespace regulus::lab
