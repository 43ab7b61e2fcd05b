#include "rl/sentinel.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <memory>

#include "core/stats.h"
#include "tests/support/sanitized.h"
#include "tests/support/toy_environments.h"

namespace regulus::rl {
namespace {

using toys::pairs;
using toys::slots;

constexpr double norm_limit = 10;

UpdateReport report(double error, double norm = 1) {
  return {.loss = error, .mean_abs_error = error, .grad_norm = norm, .finite = true};
}

ProbeReading reading(double lowest, double highest, std::vector<int> choices = {0}) {
  ProbeReading r;
  r.lowest = lowest;
  r.highest = highest;
  r.choices = std::move(choices);
  return r;
}

void see_returns(Sentinel& sentinel, double low, double high) {
  for (int i = 0; i < 10; ++i) sentinel.on_returns(std::vector<double>{low, high});
}

TEST(Sentinel, raises_s0_at_once_on_a_number_that_is_none) {
  Sentinel by_update({}, norm_limit);
  UpdateReport bad = report(1);
  bad.finite = false;
  by_update.on_update(bad, 17);
  ASSERT_TRUE(by_update.alarm());
  EXPECT_EQ(by_update.alarm()->id(), "S0");
  EXPECT_EQ(by_update.alarm()->updates, 17);
  EXPECT_TRUE(by_update.alarm()->message.starts_with("S0 at update 17: "));

  Sentinel by_probe({}, norm_limit);
  ProbeReading r = reading(0, 1);
  r.finite = false;
  by_probe.on_probe(r, 500, 0.1);
  ASSERT_TRUE(by_probe.alarm());
  EXPECT_EQ(by_probe.alarm()->id(), "S0");
}

TEST(Sentinel, raises_s1_at_the_second_reading_in_a_row_beyond_half_a_range) {
  // Returns from -2 to 6: range 8, limits -6 and 10.
  Sentinel sentinel({}, norm_limit);
  see_returns(sentinel, -2, 6);
  sentinel.on_probe(reading(-6, 10), 500, 0.1);
  EXPECT_FALSE(sentinel.is_suspicious());
  sentinel.on_probe(reading(-1, 10.1), 1000, 0.1);
  EXPECT_TRUE(sentinel.is_suspicious());
  EXPECT_FALSE(sentinel.alarm());
  sentinel.on_probe(reading(-1, 9.9), 1500, 0.1);
  EXPECT_FALSE(sentinel.is_suspicious());
  sentinel.on_probe(reading(-6.1, 1), 2000, 0.1);
  sentinel.on_probe(reading(-1, 10.1), 2500, 0.1);
  ASSERT_TRUE(sentinel.alarm());
  EXPECT_EQ(sentinel.alarm()->message, "S1 at update 2500: highest Q 10.1 is above 10 (returns seen: -2 to 6)");
}

TEST(Sentinel, s1_grows_with_the_returns_seen_and_waits_for_ten_episodes) {
  Sentinel sentinel({}, norm_limit);
  for (int i = 0; i < 9; ++i) sentinel.on_returns(std::vector<double>{0, 1});
  for (int i = 1; i < 5; ++i) sentinel.on_probe(reading(-100, 100), std::int64_t{500} * i, 0.1);
  EXPECT_FALSE(sentinel.alarm());
  sentinel.on_returns(std::vector<double>{70});
  // Limits -35 and 105.
  for (int i = 5; i < 9; ++i) sentinel.on_probe(reading(-34, 104), std::int64_t{500} * i, 0.1);
  EXPECT_FALSE(sentinel.alarm());
}

TEST(Sentinel, where_the_network_starts_is_no_divergence) {
  Sentinel sentinel({}, norm_limit);
  see_returns(sentinel, 0, 1);
  sentinel.on_probe(reading(-20, 30), 0, 0);
  for (int i = 1; i < 5; ++i) sentinel.on_probe(reading(-20, 30), std::int64_t{500} * i, 0.1);
  EXPECT_FALSE(sentinel.is_suspicious());
}

TEST(Sentinel, raises_s2_at_the_third_evaluation_whose_values_promise_too_much) {
  // Returns 1 and 5: deviation 2.828, half of it 1.414. Values 1.5 above on average are too much, 1.3 are not.
  std::vector<double> const returns{1, 5};
  std::vector<double> const modest{2.3, 6.3};
  std::vector<double> const proud{2.0, 7.0};
  Sentinel sentinel({}, norm_limit);
  auto const evaluate = [&](std::vector<double> const& values, int updates) {
    sentinel.on_evaluation({.values = values, .returns = returns, .scores = {}, .best_scores = {}}, updates);
  };
  evaluate(proud, 1);
  evaluate(proud, 2);
  evaluate(modest, 3);
  EXPECT_FALSE(sentinel.is_suspicious());
  evaluate(proud, 4);
  evaluate(proud, 5);
  EXPECT_FALSE(sentinel.alarm());
  evaluate(proud, 6);
  ASSERT_TRUE(sentinel.alarm());
  EXPECT_EQ(sentinel.alarm()->id(), "S2");
  EXPECT_EQ(sentinel.alarm()->updates, 6);
}

// The error is 0.2 for 1,000 updates, then `factor` times as large. After n of these the smoothed error is
// 0.2 (factor - (factor - 1) 0.99^n). It passes 1.0 = 5 · 0.2 when 0.99^n < (factor - 5) / (factor - 1).
std::int64_t s3_fires_at(double factor, int updates) {
  Sentinel sentinel({}, norm_limit);
  for (int i = 1; i <= updates; ++i) {
    sentinel.on_update(report(i <= 1000 ? 0.2 : 0.2 * factor), i);
    if (sentinel.alarm()) {
      EXPECT_EQ(sentinel.alarm()->id(), "S3");
      return i;
    }
  }
  return 0;
}

TEST(Sentinel, raises_s3_when_errors_stay_five_times_their_least_for_two_thousand_updates) {
  // Factor 25: 0.99^n < 20/24, n = 19 (0.99^18 = 0.8345, 0.99^19 = 0.8262): above from update 1019, and 2,000 of them
  // in a row are complete at update 3018.
  EXPECT_EQ(s3_fires_at(25, 10'000), 3018);
  // Factor 6: 0.99^n < 1/5, n = 161 (0.99^160 = 0.2003): 1161, complete at 3160.
  EXPECT_EQ(s3_fires_at(6, 10'000), 3160);
  EXPECT_EQ(s3_fires_at(4.9, 10'000), 0);
}

TEST(Sentinel, s3_does_not_compare_noise) {
  // Errors that fell to 0.001 may grow to 0.4 without a word: all below 0.1 counts as 0.1.
  Sentinel sentinel({}, norm_limit);
  for (int i = 1; i <= 10'000; ++i) sentinel.on_update(report(i < 2'000 ? 0.001 : 0.4), i);
  EXPECT_FALSE(sentinel.is_suspicious());
}

TEST(Sentinel, s3_would_have_stopped_the_predecessors_run) {
  // Loss 263 at episode 100, 6,695 at 500, 59,826 at 1,000, of 96 updates each, on the linear part of the Huber loss:
  // error and loss are the same number. Interpolated in the logarithm. 5 · 263 is passed near episode
  // 100 + 400 · ln 5 / ln(6695 / 263) = 299; 2,000 updates are 21 episodes.
  Sentinel sentinel({}, norm_limit);
  for (int update = 1; update <= 95'937; ++update) {
    double const episode = update / 96.0;
    double loss = 263;
    if (episode > 500) {
      loss = 6695 * std::pow(59826.0 / 6695, (episode - 500) / 500);
    } else if (episode > 100) {
      loss = 263 * std::pow(6695.0 / 263, (episode - 100) / 400);
    }
    sentinel.on_update(report(loss), update);
    if (sentinel.alarm()) break;
  }
  ASSERT_TRUE(sentinel.alarm());
  EXPECT_EQ(sentinel.alarm()->id(), "S3");
  EXPECT_NEAR(static_cast<double>(sentinel.alarm()->updates) / 96, 299 + 21, 3);
}

TEST(Sentinel, warns_s4_when_nearly_every_gradient_is_clipped) {
  Sentinel sentinel({}, norm_limit);
  for (int i = 1; i <= 1'000; ++i) sentinel.on_update(report(0.5, i % 10 == 0 ? 9 : 11), i);
  EXPECT_TRUE(sentinel.take_warnings().empty());  // 90 %, not more
  for (int i = 1'001; i <= 2'000; ++i) sentinel.on_update(report(0.5, i % 11 == 0 ? 9 : 11), i);
  auto const warnings = sentinel.take_warnings();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0].id(), "S4");
  EXPECT_EQ(warnings[0].updates, 2'000);
  EXPECT_TRUE(sentinel.take_warnings().empty());
  EXPECT_FALSE(sentinel.alarm());
}

TEST(Sentinel, warns_s5_when_choices_keep_changing_in_the_second_half) {
  std::vector<int> const before(10, 0);
  std::vector<int> after = before;
  for (int i : {0, 1, 2}) after[static_cast<std::size_t>(i)] = 1;
  std::vector<int> more = after;
  more[3] = 1;
  for (auto const& [choices, progress, warned] :
       {std::tuple{after, 0.6, false}, {more, 0.6, true}, {more, 0.4, false}}) {
    Sentinel sentinel({}, norm_limit);
    sentinel.on_probe(reading(0, 1, before), 500, progress);
    sentinel.on_probe(reading(0, 1, more), 1000, progress);
    EXPECT_TRUE(sentinel.take_warnings().empty());  // not yet 1,000 updates apart
    sentinel.on_probe(reading(0, 1, choices), 1500, progress);
    EXPECT_EQ(!sentinel.take_warnings().empty(), warned);
  }
}

TEST(Sentinel, warns_s6_of_silent_units_and_of_features_that_collapse) {
  Sentinel sentinel({}, norm_limit);
  ProbeReading r = reading(0, 1);
  r.dead_share = 0.5;
  r.rank_share = 0.1;
  sentinel.on_probe(r, 500, 0);
  EXPECT_TRUE(sentinel.take_warnings().empty());
  r.dead_share = 0.51;
  sentinel.on_probe(r, 1000, 0);
  ASSERT_EQ(sentinel.take_warnings().size(), 1U);
  sentinel.on_probe(r, 1500, 0);
  EXPECT_TRUE(sentinel.take_warnings().empty());  // said 500 updates ago
  r.dead_share = 0;
  r.rank_share = 0.09;
  sentinel.on_probe(r, 2000, 0);
  ASSERT_EQ(sentinel.take_warnings().size(), 1U);
}

TEST(Sentinel, raises_s7_at_the_second_evaluation_surely_below_the_best) {
  // Differences -1, -2, -3: mean -2, deviation 1, error 0.577. The interval of the second evaluation has confidence
  // 1 - 0.05/2, t(2) = 6.205: ± 3.58, upper end above 0.
  // Differences -2, -2.3, -2.6: mean -2.3, deviation 0.3, error 0.1732. Fourth evaluation: confidence 1 - 0.05/4,
  // t(2) = 8.860: ± 1.535, upper end -0.765.
  std::vector<double> const best{10, 10, 10};
  std::vector<double> const perhaps{9, 8, 7};
  std::vector<double> const surely{8, 7.7, 7.4};
  Sentinel sentinel({}, norm_limit);
  auto const evaluate = [&](std::vector<double> const& scores, int updates) {
    sentinel.on_evaluation({.values = {}, .returns = {}, .scores = scores, .best_scores = best}, updates);
  };
  evaluate(surely, 1);
  EXPECT_TRUE(sentinel.is_suspicious());
  evaluate(perhaps, 2);
  EXPECT_FALSE(sentinel.is_suspicious());
  evaluate(surely, 3);
  evaluate(surely, 4);
  ASSERT_TRUE(sentinel.alarm());
  EXPECT_EQ(sentinel.alarm()->message,
            "S7 at update 4: the score is below the best by 2.3 (interval 0.7654 to 3.835) in 2 evaluations");
}

TEST(Sentinel, keeps_the_first_alarm_until_rolled_back_and_gives_up_at_the_fourth) {
  Sentinel sentinel({}, norm_limit);
  UpdateReport bad = report(1);
  bad.finite = false;
  for (int alarm = 1; alarm <= 4; ++alarm) {
    sentinel.on_update(bad, std::int64_t{10} * alarm);
    sentinel.on_update(bad, std::int64_t{10} * alarm + 1);
    ASSERT_TRUE(sentinel.alarm());
    EXPECT_EQ(sentinel.alarm()->updates, 10 * alarm);
    EXPECT_EQ(sentinel.gave_up(), alarm == 4);
    if (alarm == 4) break;
    sentinel.rolled_back();
    EXPECT_FALSE(sentinel.alarm());
    EXPECT_FALSE(sentinel.is_suspicious());
    EXPECT_EQ(sentinel.rollbacks(), alarm);
  }
}

TEST(Sentinel, says_nothing_when_it_is_off) {
  SentinelConfig config;
  config.enabled = false;
  Sentinel sentinel(config, norm_limit);
  UpdateReport bad = report(1, 1e9);
  for (int i = 1; i <= 1'000; ++i) sentinel.on_update(bad, i);
  bad.finite = false;
  sentinel.on_update(bad, 1'001);
  EXPECT_FALSE(sentinel.alarm());
  EXPECT_TRUE(sentinel.take_warnings().empty());
  EXPECT_FALSE(sentinel.probe_is_due(500));
}

RC_GTEST_PROP(Sentinel, continues_bit_for_bit_after_a_save, (std::uint64_t luck)) {
  SentinelConfig config;
  config.error_patience = 20;
  config.clip_window = 30;
  config.probe_interval = 10;
  auto const live = [](Sentinel& s, Rng& rng, int from, int to) {
    for (int i = from; i < to; ++i) {
      UpdateReport r = report(rng.chance(0.5) ? 0.1 : 3, rng.uniform(8, 13));
      r.finite = !rng.chance(0.002);
      s.on_update(r, std::int64_t{100} * i);
      s.on_returns(std::vector<double>{rng.normal()});
      ProbeReading p = reading(-rng.uniform(0, 5), rng.uniform(0, 5), {static_cast<int>(rng.below(3)), 1});
      p.dead_share = rng.uniform();
      if (s.probe_is_due(i)) s.on_probe(p, std::int64_t{100} * i, 0.7);
      if (s.alarm() && rng.chance(0.2)) s.rolled_back();
      if (rng.chance(0.05)) s.take_warnings();
    }
  };
  auto const bytes_of = [](Sentinel const& s) {
    ArchiveWriter out;
    s.save(out);
    return std::move(out).finish();
  };
  Rng rng(luck);
  auto const moment = static_cast<int>(rng.below(200));
  Sentinel first(config, norm_limit);
  live(first, rng, 0, moment);
  Sentinel second(config, norm_limit);
  Rng other(3);
  live(second, other, 0, 60);
  auto reader = ArchiveReader::open(bytes_of(first)).take();
  second.load(reader);
  RC_ASSERT(static_cast<bool>(reader.finish()));
  Rng again = rng;
  live(first, rng, moment, moment + 100);
  live(second, again, moment, moment + 100);
  bool const equal = bytes_of(first) == bytes_of(second);
  RC_ASSERT(equal);
}

TEST(DiscountedReturns, sum_what_follows_by_elapsed_time) {
  // gamma 1/2, scale 2: 8 (after 1 unit) 4 (after 2) 16, end. 16/2 = 8; (4 + 16/4)/2 = 4; (8 + 8/2)/2 = 6.
  std::vector<StepResult> const episode{
      {.reward = 8, .elapsed = 1}, {.reward = 4, .elapsed = 2}, {.reward = 16, .terminal = true}};
  EXPECT_EQ(discounted_returns(episode, 0.5, 2), (std::vector<double>{6, 4, 8}));
}

TEST(DiscountedReturns, go_on_at_the_mean_pace_after_a_limit_of_time) {
  // 1 a step for ever at gamma 0.9 is worth 10 from everywhere.
  std::vector<StepResult> const episode(7, {.reward = 1, .over = false});
  for (double g : discounted_returns(episode, 0.9, 1)) EXPECT_NEAR(g, 10, 1e-12);
}

TEST(EffectiveRank, counts_the_singular_values_that_hold_99_percent) {
  nn::Matrix m(6, 5);
  auto const set = [&](std::vector<float> const& diagonal) {
    std::fill(m.data(), m.data() + m.size(), 0.0F);
    for (std::size_t i = 0; i < diagonal.size(); ++i) m.row(static_cast<int>(i))[i] = diagonal[i];
  };
  set({});
  EXPECT_EQ(effective_rank(m), 0);
  set({3});
  EXPECT_EQ(effective_rank(m), 1);
  set({1, 1, 1, 1, 1});
  EXPECT_EQ(effective_rank(m), 5);
  set({100, 10, 0.5});  // 110 of 110.5 is 99.5 %
  EXPECT_EQ(effective_rank(m), 2);
  set({100, 10, 1.5});  // 110 of 111.5 is 98.7 %
  EXPECT_EQ(effective_rank(m), 3);
}

RC_GTEST_PROP(EffectiveRank, does_not_change_when_the_matrix_is_rotated, (std::uint64_t luck)) {
  // Rotations leave singular values alone; products of rank k are seen as k at most.
  Rng rng(luck);
  constexpr int n = 9;
  auto const k = static_cast<int>(rng.between(1, n));
  nn::Matrix a(20, k);
  nn::Matrix b(k, n);
  for (std::size_t i = 0; i < a.size(); ++i) a.data()[i] = static_cast<float>(rng.normal());
  for (std::size_t i = 0; i < b.size(); ++i) b.data()[i] = static_cast<float>(rng.normal());
  nn::Matrix m(20, n);
  nn::multiply(a, nn::Op::plain, b, nn::Op::plain, m.data());
  int const rank = effective_rank(m);
  RC_ASSERT(rank <= k);
  for (int turn = 0; turn < 20; ++turn) {
    auto const i = rng.below(n);
    auto const j = (i + 1 + rng.below(n - 1)) % n;
    double const angle = rng.uniform(0, 6.28);
    for (int r = 0; r < 20; ++r) {
      auto const row = m.row(r);
      auto const x = static_cast<double>(row[i]);
      auto const y = static_cast<double>(row[j]);
      row[i] = static_cast<float>(std::cos(angle) * x - std::sin(angle) * y);
      row[j] = static_cast<float>(std::sin(angle) * x + std::cos(angle) * y);
    }
  }
  RC_ASSERT(std::abs(effective_rank(m) - rank) <= 1);
}

TEST(Probe, reads_extremes_choices_and_silent_units) {
  // One hidden layer of 2 units: relu(x), relu(-x - 10): the second is silent for |x| < 10.
  QNetwork network(slots({2}), 1, 3, Rng(1));
  std::ranges::copy(std::vector<float>{1, -1, 0, -10, 1, 0, 2, 0, 3, 0, 0, -4, 5},
                    network.network().parameters().begin());
  std::vector<Observation> states(2);
  for (std::size_t i = 0; i < 2; ++i) {
    states[i].rows = 1;
    states[i].features = {static_cast<float>(i + 1)};
    states[i].legal = {1, 1, 0};
  }
  // Q(x) = (x, 2x - 4, illegal): (1, -2) and (2, 0).
  QScratch scratch;
  ProbeReading const r = probe(network, states, scratch);
  EXPECT_TRUE(r.finite);
  EXPECT_EQ(r.lowest, -2);
  EXPECT_EQ(r.highest, 2);
  EXPECT_EQ(r.choices, (std::vector<int>{0, 0}));
  EXPECT_EQ(r.dead_share, 0.5);
  EXPECT_EQ(r.rank_share, 0.5);
}

TEST(Probe, sees_a_weight_that_is_no_number_even_where_a_relu_hides_it) {
  for (NetworkConfig const& config : {slots({8, 8}), pairs({8, 8})}) {
    int const actions = config.kind == NetworkKind::slots ? 3 : 0;
    QNetwork network(config, 4, actions, Rng(1));
    Rng rng(2);
    std::vector<Observation> states;
    for (int i = 0; i < 20; ++i) states.push_back(toys::random_observation(rng, config.kind, 4, actions));
    QScratch scratch;
    EXPECT_TRUE(probe(network, states, scratch).finite);
    network.network().parameters()[0] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(probe(network, states, scratch).finite);
  }
}

// How a run is spoilt, from `onset` updates on.
enum class Disaster : std::uint8_t { none, blind_target_and_fast, no_number, flipped_reward };

struct Story {
  std::optional<Alarm> alarm;
  std::int64_t updates = 0;
};

// A toy of each kind, with the rewards of about 1 that the reward scale provides.
std::unique_ptr<Environment> toy(int kind) {
  switch (kind) {
    case 0:
      return std::make_unique<toys::IdentityEnvironment>(25, true);
    case 1:
      return std::make_unique<toys::BanditEnvironment>(true);
    case 2:
      return std::make_unique<toys::BanditEnvironment>(false);
    default: {
      // A walk on a line of 8: left and right, 1 at the right end, -1 at the left.
      toys::TabularProblem p(8, 2, 0.9);
      for (int s = 0; s < 8; ++s) {
        p.at(s, 0) = {{.next = std::max(s - 1, 0), .reward = s == 1 ? -1.0 : 0.0, .terminal = s <= 1}};
        p.at(s, 1) = {{.next = std::min(s + 1, 7), .reward = s == 6 ? 1.0 : 0.0, .terminal = s >= 6}};
      }
      return std::make_unique<toys::TabularEnvironment>(p, 3, 40);
    }
  }
}

// Trains as the training loop does: returns and probe states from 30 days of play before the first update, a reading
// and an evaluation every `interval` updates.
Story run(int kind, Disaster disaster, int onset, std::uint64_t seed, int updates, int interval) {
  auto const environment = toy(kind);
  bool const candidates = environment->actions() == 0;
  AgentConfig agent;
  agent.learning_rate = 0.001;
  agent.gamma = 0.9;
  agent.batch_size = 32;
  agent.target_update_steps = 100;
  agent.guided_exploration = 0;
  agent.averaging = 0.99;
  if (disaster == Disaster::blind_target_and_fast) {
    agent.learning_rate = 0.067;
    agent.gamma = 0.99;
    agent.target_update_steps = 10;
  }
  ReplayConfig replay;
  replay.buffer_size = disaster == Disaster::flipped_reward ? 300 : 2'000;
  Dqn learner(agent, candidates ? pairs({16, 16}) : slots({16, 16}), replay, environment->width(),
              environment->actions(), Rng(seed));
  SentinelConfig config;
  config.probe_states = 32;
  config.probe_interval = interval;
  Sentinel sentinel(config, agent.max_grad_norm);
  Rng rng = Rng(seed).stream(Purpose::probe);
  QScratch scratch;
  Observation state;
  std::vector<StepResult> episode;
  std::vector<Observation> probes;
  std::uint64_t day = 0;
  std::vector<double> best;

  auto const restart = [&] {
    if (!episode.empty()) sentinel.on_returns(discounted_returns(episode, agent.gamma, 1));
    episode.clear();
    environment->reset(mix(seed, ++day));
    environment->observe(state);
  };
  auto const evaluate = [&] {
    auto const days = toy(kind);
    std::vector<double> scores;
    std::vector<double> values;
    std::vector<double> returns;
    for (std::uint64_t d = 0; d < 20; ++d) {
      days->reset(mix(12'345, d));
      std::vector<StepResult> steps;
      Observation o;
      double score = 0;
      do {
        days->observe(o);
        auto const q = learner.evaluator().values(o, scratch);
        int const choice = learner.evaluator().best_choice(o, scratch);
        values.push_back(q[static_cast<std::size_t>(choice)]);
        steps.push_back(days->step(choice));
        score += steps.back().reward;
      } while (!steps.back().over);
      auto const g = discounted_returns(steps, agent.gamma, 1);
      returns.insert(returns.end(), g.begin(), g.end());
      scores.push_back(score);
    }
    sentinel.on_evaluation({.values = values, .returns = returns, .scores = scores, .best_scores = best},
                           learner.updates());
    if (best.empty() || mean(scores) > mean(best)) best = scores;
  };

  restart();
  int warm_days = 30;
  for (int step = 0; learner.updates() < updates && !sentinel.alarm(); ++step) {
    bool const warm = warm_days > 0;
    int const choice =
        learner.act(state, warm ? 1 : std::max(0.05, 1 - 2 * static_cast<double>(learner.updates()) / updates), 0);
    StepResult result = environment->step(choice);
    episode.push_back(result);
    if (probes.size() < 32 && rng.chance(0.3)) probes.push_back(state);

    // What the learner remembers is spoilt; what the sentinel sees of returns is true.
    bool const spoilt = learner.updates() >= onset;
    Observation remembered = state;
    if (disaster == Disaster::blind_target_and_fast) std::ranges::fill(remembered.legal, std::uint8_t{1});
    if (disaster == Disaster::flipped_reward && spoilt) result.reward = -result.reward;
    learner.remember(remembered, choice, result);
    environment->observe(state);
    if (result.over) {
      if (!result.terminal) {
        Observation last = state;
        if (disaster == Disaster::blind_target_and_fast) std::ranges::fill(last.legal, std::uint8_t{1});
        learner.close_episode(last);
      }
      if (warm && --warm_days == 0) sentinel.on_probe(probe(learner.online(), probes, scratch), 0, 0);
      restart();
    }
    if (warm || probes.size() < 32 || !learner.can_learn()) continue;
    if (disaster == Disaster::no_number && learner.updates() == onset)
      learner.online().network().parameters()[0] = std::numeric_limits<float>::quiet_NaN();
    double const progress = static_cast<double>(learner.updates()) / updates;
    sentinel.on_update(learner.update(progress), learner.updates());
    if (sentinel.probe_is_due(learner.updates()))
      sentinel.on_probe(probe(learner.online(), probes, scratch), learner.updates(), progress);
    if (learner.updates() % interval == 0) evaluate();
  }
  return {sentinel.alarm(), learner.updates()};
}

// Readings and evaluations every 125 updates, so that the patience of each signal fits into 500 updates.
constexpr int closely = 125;

TEST(SentinelRuns, at_most_two_of_two_hundred_healthy_runs_raise_an_alarm) {
  int alarms = 0;
  std::string heard;
  for (std::uint64_t seed = 0; seed < (is_sanitized ? 24 : 200); ++seed) {
    Story const story = run(static_cast<int>(seed % 4), Disaster::none, 0, seed, 3'000, seed % 8 < 4 ? 500 : closely);
    alarms += story.alarm ? 1 : 0;
    if (story.alarm) heard += story.alarm->message + '\n';
  }
  EXPECT_LE(alarms, 2) << heard;
}

TEST(SentinelRuns, weights_that_are_no_numbers_are_noticed_at_once) {
  for (int kind = 0; kind < 4; ++kind) {
    Story const story = run(kind, Disaster::no_number, 700, 1, 3'000, 500);
    ASSERT_TRUE(story.alarm);
    EXPECT_EQ(story.alarm->id(), "S0");
    EXPECT_LE(story.updates, 701);
  }
}

// Values start at zero and need some hundred updates before they promise too much.
TEST(SentinelRuns, a_blind_target_with_a_learning_rate_67_times_too_high_is_noticed) {
  int within_500 = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Story const story = run(0, Disaster::blind_target_and_fast, 0, seed, 6'000, closely);
    ASSERT_TRUE(story.alarm) << seed;
    EXPECT_LE(story.updates, 1'000) << story.alarm->message;
    within_500 += story.updates <= 500 ? 1 : 0;
  }
  EXPECT_GE(within_500, 14);
}

TEST(SentinelRuns, a_reward_that_changes_its_sign_is_noticed_within_500_updates) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Story const story = run(static_cast<int>(seed % 4), Disaster::flipped_reward, 2'000, seed, 8'000, closely);
    ASSERT_TRUE(story.alarm) << seed;
    EXPECT_GT(story.updates, 2'000) << seed << story.alarm->message;
    EXPECT_LE(story.updates, 2'500) << seed << story.alarm->message;
  }
}

}  // namespace
}  // namespace regulus::rl
