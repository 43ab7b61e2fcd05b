#include "tune/schedule.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/stats.h"
#include "tests/tune/builders.h"
#include "tune/pruner.h"
#include "tune/sampler.h"
#include "tune/samplers/random.h"
#include "tune/uniform_source.h"

namespace regulus::tune {
namespace {

// Eight parameters as an agent has them, with an optimum inside, two of them interacting. The loss is 0 at best.
SearchSpace eight_parameters() {
  return {{"batch", log_whole(16, 512)},
          {"dropout", real(0, 0.5)},
          {"epsilon", real(0.01, 0.2)},
          {"gamma", real(0.9, 0.999)},
          {"learning_rate", log_real(1e-5, 1e-1)},
          {"net", one_of({Json(32), Json(64), Json(128)})},
          {"tau", log_real(1e-4, 1.0)},
          {"train_every", whole(1, 16)}};
}

double loss(std::map<std::string, double> const& p) {
  double const rate = std::log10(p.at("learning_rate")) + 3;
  double const batch = std::log2(p.at("batch") / 64);
  double const interaction = rate - 0.3 * batch;  // larger batches bear larger rates
  double const gamma = (p.at("gamma") - 0.975) / 0.03;
  double const tau = (std::log10(p.at("tau")) + 2) / 2;
  return std::abs(interaction) + 0.3 * std::abs(batch) + std::abs(gamma) + 0.7 * std::abs(tau) + p.at("dropout") +
         (p.at("net") == 1 ? 0 : 0.4) + 0.05 * std::abs(p.at("train_every") - 4);
}

// Quality in standard deviations of random configurations above their mean.
struct Scale {
  double mean, deviation;
  double quality(double l) const { return (mean - l) / deviation; }
};
Scale random_scale() {
  RngSource source(Rng(99));
  std::vector<double> losses;
  for (int i = 0; i < 20'000; ++i) {
    std::map<std::string, double> params;
    for (auto const& [name, distribution] : eight_parameters()) params[name] = random_value(distribution, source);
    losses.push_back(loss(params));
  }
  return {mean(losses), standard_deviation(losses)};
}

// A study on simulated workers that take turns at random: who reports, starts or crashes next is drawn from `order`,
// and must not matter. Whatever a trial is comes from its parameters and its number alone.
struct Simulation {
  std::string sampler = "tpe";
  std::string pruner = "none";
  int trials = 60;
  int workers = 1;
  int lag = default_lag;
  double noise = 0.5;
  int reports = 6;
  std::uint64_t seed = 1;
  std::uint64_t order = 1;
  double crash_probability = 0;
};

double report_of(Simulation const& setup, Trial const& trial, int step) {
  static Scale const scale = random_scale();
  Rng rng =
      Rng(setup.seed)
          .stream(Purpose::test, static_cast<std::uint64_t>(trial.number) * 1000 + static_cast<std::uint64_t>(step));
  double const learned = 1 - std::exp(-3.0 * (step + 1) / setup.reports);
  return scale.quality(loss(trial.params)) * learned + setup.noise * rng.normal();
}

std::vector<Trial> simulate(Simulation const& setup) {
  SearchSpace const space = eight_parameters();
  auto const sampler = make_sampler(setup.sampler).take();
  auto const pruner = make_pruner(setup.pruner).take();
  Rng order(setup.order);
  std::vector<Trial> table;
  std::vector<int> busy(static_cast<std::size_t>(setup.workers), -1);  // the trial of each worker
  for (;;) {
    int const next = static_cast<int>(table.size());
    bool const can_start = next < setup.trials && may_start(next, table, setup.lag);
    if (next == setup.trials && std::ranges::count(busy, -1) == setup.workers) return table;
    int& mine = busy[order.below(busy.size())];
    if (mine < 0) {
      if (!can_start) continue;
      Trial trial = a_trial(next, TrialState::running);
      trial.params = sampler->propose(space, visible_to(next, table, setup.lag), proposal_rng(setup.seed, next),
                                      Direction::maximize);
      trial.distributions = space;
      table.push_back(std::move(trial));
      mine = next;
      continue;
    }
    Trial& trial = table[static_cast<std::size_t>(mine)];
    if (order.chance(
            setup.crash_probability)) {  // the worker dies and somebody starts the trial again from its parameters
      trial.intermediate.clear();
      trial.system_attributes.clear();
      continue;
    }
    int const step = static_cast<int>(trial.intermediate.size());
    double const value = report_of(setup, trial, step);
    trial.intermediate[step] = value;
    Verdict const verdict = pruner->judge(trial, visible_to(mine, table, setup.lag), Direction::maximize);
    for (auto const& [name, attribute] : verdict.system_attributes) trial.system_attributes[name] = attribute;
    if (verdict.prune || step + 1 == setup.reports) {
      trial.values = {value};
      trial.state = verdict.prune ? TrialState::pruned : TrialState::complete;
      if (trial.number % 13 == 7) {  // as if the training had failed at its end; the parameters stay
        trial.values.clear();
        trial.state = TrialState::fail;
      }
      mine = -1;
    }
  }
}

// The number of the first trial that differs, or -1.
int first_difference(std::vector<Trial> const& a, std::vector<Trial> const& b) {
  if (a.size() != b.size()) return static_cast<int>(std::min(a.size(), b.size()));
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return static_cast<int>(i);
  }
  return -1;
}

TEST(Schedule, a_trial_starts_once_all_trials_a_lag_back_have_finished) {
  auto const with = [](std::vector<TrialState> const& states) {
    std::vector<Trial> trials;
    for (TrialState state : states) {
      trials.push_back(a_trial(static_cast<int>(trials.size()), state));
      trials.back().params["x"] = 1;
    }
    return trials;
  };
  auto const run = TrialState::running;
  auto const done = TrialState::complete;
  EXPECT_TRUE(may_start(0, {}, 4));
  EXPECT_FALSE(may_start(1, {}, 4));  // trial 0 has no parameters yet
  EXPECT_TRUE(may_start(3, with({run, run, run}), 4));
  EXPECT_FALSE(may_start(4, with({run, done, done, done}), 4));
  EXPECT_TRUE(may_start(4, with({done, run, run, run}), 4));
  EXPECT_TRUE(may_start(4, with({TrialState::fail, run, run, run}), 4));
  EXPECT_TRUE(may_start(1, with({done}), 1));
  EXPECT_FALSE(may_start(1, with({run}), 1));
}

TEST(Schedule, trials_within_the_lag_are_seen_as_running_and_later_ones_not_at_all) {
  std::vector<Trial> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(a_trial(i, TrialState::complete, {1.0 * i}, {{1, 2.0}}));
    all.back().params["x"] = i;
    all.back().distributions["x"] = real(0, 9);
    all.back().system_attributes["completed_rung_0"] = Json(2.0);
  }
  std::vector<Trial> const visible = visible_to(4, all, 3);
  ASSERT_EQ(visible.size(), 4U);
  EXPECT_EQ(visible[1], all[1]);
  for (int i : {2, 3}) {
    Trial expected = a_trial(i, TrialState::running);
    expected.params["x"] = i;
    expected.distributions["x"] = real(0, 9);
    EXPECT_EQ(visible[static_cast<std::size_t>(i)], expected);
  }
}

RC_GTEST_PROP(Schedule, what_a_trial_sees_does_not_depend_on_the_state_of_later_ones, ()) {
  int const lag = *rc::gen::inRange(1, 9);
  int const number = *rc::gen::inRange(0, 20);
  auto const table = [&](std::uint64_t luck) {
    Rng rng(luck);
    std::vector<Trial> trials;
    for (int i = 0; i < number + 5; ++i) {
      bool const settled = i <= number - lag;
      Trial trial = a_trial(i, settled ? TrialState::complete : static_cast<TrialState>(rng.below(4)));
      if (settled || rng.chance(0.5)) trial.values = {settled ? i : rng.uniform()};
      trial.params["x"] = i;
      if (!settled) {
        trial.intermediate[static_cast<int>(rng.below(5))] = rng.normal();
        trial.system_attributes["completed_rung_0"] = Json(rng.normal());
        trial.finished_us = static_cast<std::int64_t>(rng.next() >> 1U);
      }
      trials.push_back(std::move(trial));
    }
    rng.shuffle(std::span(trials));
    return trials;
  };
  RC_ASSERT(visible_to(number, table(*rc::gen::arbitrary<std::uint64_t>()), lag) ==
            visible_to(number, table(*rc::gen::arbitrary<std::uint64_t>()), lag));
}

TEST(LaggedStudy, any_number_of_workers_finishing_in_any_order_gives_the_same_table) {
  for (std::string const& pruner : pruner_names()) {
    Simulation setup;
    setup.pruner = pruner;
    std::vector<Trial> const reference = simulate(setup);
    ASSERT_EQ(reference.size(), 60U);
    if (pruner != "none") {
      EXPECT_GT(std::ranges::count(reference, TrialState::pruned, &Trial::state), 0) << pruner;
    }
    for (int workers : {1, 2, 4, 8}) {
      setup.workers = workers;
      setup.order = 100 + static_cast<std::uint64_t>(workers);
      EXPECT_EQ(first_difference(simulate(setup), reference), -1) << pruner << " with " << workers << " workers";
    }
  }
}

TEST(LaggedStudy, crashes_change_nothing) {
  Simulation setup;
  setup.pruner = "halving";
  std::vector<Trial> const reference = simulate(setup);
  setup.workers = 4;
  setup.crash_probability = 0.1;
  setup.order = 5;
  EXPECT_EQ(first_difference(simulate(setup), reference), -1);
}

TEST(LaggedStudy, the_lag_is_part_of_the_study) {
  // The comparison above could not fail if the lag had no effect.
  Simulation one, four;
  one.lag = 1;
  EXPECT_NE(first_difference(simulate(one), simulate(four)), -1);
}

// Share of the workers' time that is worked when trial t waits for trials up to t - lag; durations with a spread like
// pruned and unpruned trainings.
double utilisation(int workers, int lag, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<double> free_at(static_cast<std::size_t>(workers), 0.0);
  std::vector<double> settled_at;  // by trial: when it and all before it have finished
  double worked = 0;
  for (std::size_t t = 0; t < 400; ++t) {
    double const duration = std::exp(0.5 * rng.normal());
    auto const worker = std::ranges::min_element(free_at);
    double const known = t >= static_cast<std::size_t>(lag) ? settled_at[t - static_cast<std::size_t>(lag)] : 0;
    *worker = std::max(*worker, known) + duration;
    settled_at.push_back(settled_at.empty() ? *worker : std::max(settled_at.back(), *worker));
    worked += duration;
  }
  return worked / (workers * settled_at.back());
}

// Prints the table of docs/decisions/0003-lagged-information.md. REGULUS_STUDIES sets the number of studies a cell.
TEST(LaggedStudy, the_price_of_the_lag_is_small) {
  char const* const wanted = std::getenv("REGULUS_STUDIES");
  int const studies = wanted != nullptr ? std::atoi(wanted) : 12;
  std::vector<int> const lags =
      wanted != nullptr ? std::vector{1, 2, 4, 8, 16, 0} : std::vector{1, 4, 0};  // 0: random sampling
  Scale const scale = random_scale();
  fmt::print("true quality of the best of 100 trials (best attainable {:.2f}, random sampling in the last column)\n",
             scale.quality(0));
  std::map<int, std::vector<double>> by_lag;
  for (double noise : {0.0, 0.5, 1.0}) {
    std::string line = fmt::format("noise {:.1f}:", noise);
    for (int lag : lags) {
      std::vector<double> qualities;
      for (int study = 0; study < studies; ++study) {
        Simulation setup;
        setup.sampler = lag == 0 ? "random" : "tpe";
        setup.trials = 100;
        setup.lag = std::max(1, lag);
        setup.noise = noise;
        setup.reports = 1;
        setup.seed = static_cast<std::uint64_t>(study);
        std::vector<Trial> const table = simulate(setup);
        Trial const* best = nullptr;
        for (Trial const& trial : table) {
          if (trial.state == TrialState::complete && (best == nullptr || trial.values > best->values)) best = &trial;
        }
        ASSERT_NE(best, nullptr);
        qualities.push_back(scale.quality(loss(best->params)));
        by_lag[lag].push_back(qualities.back());
      }
      double const error = standard_deviation(qualities) / std::sqrt(studies);
      line +=
          fmt::format("  {} {:.3f} ± {:.3f}", lag == 0 ? "random" : fmt::format("W={}", lag), mean(qualities), error);
    }
    fmt::print("{}\n", line);
  }
  for (int workers : {2, 4, 8}) {
    std::string line = fmt::format("{} workers busy:", workers);
    for (int lag : {2, 4, 8, 16}) {
      double sum = 0;
      for (std::uint64_t seed = 0; seed < 20; ++seed) sum += utilisation(workers, lag, seed);
      if (lag >= workers) line += fmt::format("  W={} {:.0f} %", lag, 100 * sum / 20);
    }
    fmt::print("{}\n", line);
  }
  // With a lag of 4 the model must still be worth having: far better than random, close to no lag at all.
  EXPECT_GT(mean(by_lag[4]), mean(by_lag[0]) + 0.5 * (mean(by_lag[1]) - mean(by_lag[0])));
}

}  // namespace
}  // namespace regulus::tune
