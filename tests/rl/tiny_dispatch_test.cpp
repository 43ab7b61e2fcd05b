// How far a trained dispatcher is from the best there is, on days so small that the best is known exactly.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <numeric>

#include "rl/dqn.h"
#include "tests/support/sanitized.h"
#include "tests/support/tiny_dispatch.h"
#include "tests/support/toy_environments.h"

namespace regulus::rl {
namespace {

using tiny::Booking;
using tiny::Choice;
using tiny::Problem;
using tiny::State;
using tiny::States;
using tiny::TinyDispatch;

// The tables of three drivers have ten times as many states as those of two.
constexpr int largest_fleet = is_sanitized ? 2 : tiny::most_drivers;

// One driver in zone 0 of three, who must reach a booking within 1 step, and one ride of the partner. The first booking
// leads from 1 to 0, the second from 2 to 1 or from 0 to 1, each half of the time.
Problem two_bookings() {
  Problem p;
  p.zones = 3;
  p.partner_rides = 1;
  p.patience = 1;
  p.grace = 1;
  p.driving_price = 4;
  p.partner_price = 3;
  p.refusal_price = 20;
  p.gaps = {3, 3};
  p.demand.assign(2, std::vector<double>(9, 0.0));
  p.demand[0][p.index(1, 0)] = 1;
  p.demand[1][p.index(2, 1)] = 0.5;
  p.demand[1][p.index(0, 1)] = 0.5;
  return p;
}

// The driver drives 1 step to the first booking (4), rides for 2 and is free again in zone 0 when the second appears,
// 3 steps later. There he is on the spot (0), but two steps from zone 2, which is too far: partner (3), or refusal (20)
// when the partner's ride is gone. From the start, then:
//   driver:  4 + (3 + 0) / 2  =  5.5, the best
//   partner: 3 + (20 + 0) / 2 = 13, which is the cheapest at first
//   refuse: 20 + (3 + 0) / 2  = 21.5
TEST(TinyDispatch, costs_what_was_worked_out_by_hand) {
  Problem const problem = two_bookings();
  States const states(problem, 1);
  State const start{.event = 0, .partner_left = 1, .size = 1};
  auto const best = tiny::costs_to_come(problem, states);
  EXPECT_DOUBLE_EQ(best[states.number(start)], 5.5);
  std::vector<Choice> choices;
  problem.choices(start, {1, 0}, choices);
  ASSERT_EQ(choices.size(), 3U);
  EXPECT_DOUBLE_EQ(choices[0].cost + best[states.number(choices[0].next)], 21.5);
  EXPECT_DOUBLE_EQ(choices[1].cost + best[states.number(choices[1].next)], 5.5);
  EXPECT_DOUBLE_EQ(choices[2].cost + best[states.number(choices[2].next)], 13);
  std::vector<double> const none(states.count(), 0.0);
  EXPECT_DOUBLE_EQ(tiny::costs_to_come(problem, states, &none)[states.number(start)], 13);
}

// Busy for 1 step in zone 1, booked from 3 to 0 with 3 steps until the next booking: 2 steps of driving at 2, there
// after 3, which is 2 beyond the grace at 2: 8. The ride takes 4, so he is free in zone 0 in 3 + 4 - 3 = 4 steps.
TEST(TinyDispatch, a_choice_costs_driving_and_waiting_and_keeps_the_driver_busy) {
  Problem const problem = tiny::tiny_day();
  State const state{.event = 0, .partner_left = 1, .size = 2, .drivers = {{{0, 7}, {1, 1}}}};
  std::vector<Choice> choices;
  problem.choices(state, {3, 0}, choices);
  ASSERT_EQ(choices.size(), 3U);  // the first driver would need 10 steps
  EXPECT_EQ(choices[0].cost, problem.refusal_price);
  EXPECT_EQ(choices[0].next, (State{.event = 1, .partner_left = 1, .size = 2, .drivers = {{{0, 4}, {1, 0}}}}));
  EXPECT_EQ(choices[1].cost, 8);
  EXPECT_EQ(choices[1].next, (State{.event = 1, .partner_left = 1, .size = 2, .drivers = {{{0, 4}, {0, 4}}}}));
  EXPECT_EQ(choices[2].cost, problem.partner_price);
  EXPECT_EQ(choices[2].next, (State{.event = 1, .partner_left = 0, .size = 2, .drivers = {{{0, 4}, {1, 0}}}}));
}

TEST(TinyDispatch, refusing_is_dearer_than_serving) {
  Problem const problem = tiny::tiny_day();
  int const slowest =
      problem.driving_price * (problem.zones - 1) + problem.late_price * (problem.patience - problem.grace);
  EXPECT_GT(problem.refusal_price, slowest);
  EXPECT_GT(problem.refusal_price, problem.partner_price);
}

TEST(TinyDispatch, every_state_has_its_number) {
  Problem const problem = tiny::tiny_day();
  for (int size = 1; size <= largest_fleet; ++size) {
    States const states(problem, size);
    EXPECT_LT(states.count(), 200'000U);
    for (std::size_t i = 0; i < states.count(); i += 7) ASSERT_EQ(states.number(states.at(i)), i);
  }
}

// The least cost to come by trying everything, without a table.
double by_trying(Problem const& problem, State const& state) {
  if (state.event == problem.events()) return 0;
  double sum = 0;
  std::vector<Choice> choices;
  for (Booking b; b.from < problem.zones; ++b.from) {
    for (b.to = 0; b.to < problem.zones; ++b.to) {
      double const probability = problem.probability(state.event, b);
      if (probability == 0) continue;
      problem.choices(state, b, choices);
      double least = 1e300;
      for (Choice const& c : choices) least = std::min(least, c.cost + by_trying(problem, c.next));
      sum += probability * least;
    }
  }
  return sum;
}

TEST(TinyDispatch, the_least_cost_is_what_trying_everything_finds) {
  Problem const problem = tiny::tiny_day();
  for (int size = 1; size <= largest_fleet; ++size) {
    States const states(problem, size);
    auto const best = tiny::costs_to_come(problem, states);
    Rng rng(static_cast<std::uint64_t>(size));
    for (int i = 0; i < 20; ++i) {
      State state = tiny::random_start(problem, size, rng);
      state.event = problem.events() - (i == 0 && !is_sanitized ? 3 : 2);
      ASSERT_NEAR(best[states.number(state)], by_trying(problem, state), 1e-9);
    }
  }
}

TEST(TinyDispatch, no_outlook_beats_the_true_one) {
  Problem const problem = tiny::tiny_day();
  States const states(problem, 2);
  auto const best = tiny::costs_to_come(problem, states);
  Rng rng(3);
  for (double noise : {0.0, 1.0, 10.0}) {
    std::vector<double> outlook = best;
    for (double& cost : outlook) cost += noise * rng.normal();
    auto const costs = tiny::costs_to_come(problem, states, &outlook);
    double sum = 0;
    for (std::size_t i = 0; i < states.count(); ++i) {
      ASSERT_GE(costs[i], best[i] - 1e-9);
      sum += costs[i] - best[i];
    }
    if (noise == 0) {
      EXPECT_NEAR(sum, 0, 1e-6);
    } else {
      EXPECT_GT(sum, 0);
    }
  }
}

// What the environment deals and what the recursion expects are the same days.
TEST(TinyDispatch, days_played_cost_on_average_what_is_expected) {
  Problem const problem = tiny::tiny_day();
  States const states(problem, 2);
  std::vector<double> const none(states.count(), 0.0);
  State const start{.event = 0, .partner_left = 2, .size = 2, .drivers = {{{0, 0}, {2, 1}}}};
  double const expected = tiny::costs_to_come(problem, states, &none)[states.number(start)];
  TinyDispatch environment(problem);
  constexpr int days = 20'000;
  double sum = 0;
  double squares = 0;
  for (std::uint64_t day = 0; day < days; ++day) {
    environment.start_at(start, day);
    double cost = 0;
    for (bool over = false; !over;) {
      StepResult const result = environment.step(environment.suggested_choice());
      cost -= result.reward;
      over = result.over;
    }
    sum += cost;
    squares += cost * cost;
  }
  double const mean = sum / days;
  double const error = std::sqrt((squares / days - mean * mean) / days);
  EXPECT_NEAR(mean, expected, 4 * error);
}

AgentConfig agent_of_a_tiny_day() {
  AgentConfig agent;
  agent.learning_rate = 0.002;
  agent.gamma = 1;
  // Rare refusals are dear, and their mean counts, not the median: with 0.1 a mean regret of 1.9 % is left.
  agent.huber_delta = 10;
  agent.guided_exploration = 0;
  // Every choice is tried often. An anchor holds what is learned of a choice to that of its neighbours, which here is
  // all there is to learn: with 1, 3.7 % is left, with 300 (the default) 9.8 % of the rule's 10.5 %.
  agent.anchoring = 0;
  return agent;
}

Dqn learner_of_a_tiny_day(AgentConfig const& agent, int steps, std::uint64_t seed) {
  ReplayConfig replay;
  replay.buffer_size = steps;
  replay.n_step = 1;  // longer windows carry the costs of exploring into the values: with 3, 3.9 % is left
  Dqn learner(agent, toys::pairs({64, 64}), replay, tiny::width_of(tiny::tiny_day()), 0, Rng(seed));
  learner.set_reward_scale(20);
  return learner;
}

TEST(TinyDispatchAgent, untrained_it_takes_the_cheapest_choice) {
  Dqn learner = learner_of_a_tiny_day(agent_of_a_tiny_day(), 64, 1);
  TinyDispatch environment(tiny::tiny_day());
  Rng rng(2);
  Observation state;
  int decisions = 0;
  for (std::uint64_t day = 0; day < 1'000; ++day) {
    environment.reset(day);
    for (bool over = false; !over; ++decisions) {
      environment.observe(state);
      ASSERT_EQ(learner.act_greedily(state), environment.suggested_choice());
      over = environment.step(static_cast<int>(rng.below(static_cast<std::uint64_t>(state.rows)))).over;
    }
  }
  EXPECT_GT(decisions, 5'000);
}

// Neither the order of drivers nor how many rows stand beside a row changes what the row is worth.
TEST(TinyDispatchAgent, shuffling_choices_shuffles_values_and_company_does_not_matter) {
  TinyDispatch environment(tiny::tiny_day());
  int const width = environment.width();
  Rng rng(3);
  QNetwork network(toys::pairs({64, 64}), width, 0, rng);
  for (float& w : network.network().parameters()) w = static_cast<float>(0.3 * rng.normal());
  auto const rows_of = [&](Observation const& o, std::vector<int> const& rows) {
    Observation out;
    out.rows = static_cast<int>(rows.size());
    for (int r : rows) {
      auto const from = o.features.begin() + static_cast<std::ptrdiff_t>(r) * width;
      out.features.insert(out.features.end(), from, from + width);
      out.baseline.push_back(o.baseline[static_cast<std::size_t>(r)]);
    }
    return out;
  };
  QScratch scratch;
  Observation state;
  for (std::uint64_t day = 0; day < 300; ++day) {
    environment.reset(day);
    environment.observe(state);
    auto const view = network.values(state, scratch);
    std::vector<float> const values(view.begin(), view.end());
    std::vector<int> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    rng.shuffle(std::span(order));
    auto const shuffled = network.values(rows_of(state, order), scratch);
    for (std::size_t i = 0; i < order.size(); ++i) {
      ASSERT_EQ(shuffled[i], values[static_cast<std::size_t>(order[i])]);
    }
    for (int r = 0; r < state.rows; ++r) {
      ASSERT_NEAR(network.values(rows_of(state, {r}), scratch)[0], values[static_cast<std::size_t>(r)], 1e-4);
    }
  }
}

struct Regret {
  double mean = 0;
  double worst = 0;
};

// The exact side of the matter: the tables of every size of fleet, and 1,000 moments of a day from which costs are
// compared, in turn with each size.
class Examination {
 public:
  Examination() {
    for (int size = 1; size <= largest_fleet; ++size) {
      states_.emplace_back(problem_, size);
      best_.push_back(tiny::costs_to_come(problem_, states_.back()));
    }
    Rng const root(20'000);
    for (int i = 0; i < 1'000; ++i) {
      Rng rng = root.stream(Purpose::test, static_cast<std::uint64_t>(i));
      starts_.push_back(tiny::random_start(problem_, 1 + i % largest_fleet, rng));
    }
  }

  Problem const& problem() const { return problem_; }
  States const& states(int size) const { return states_[static_cast<std::size_t>(size - 1)]; }

  // One outlook for each size of fleet. The excess of expected cost over the least possible, as a share of that.
  Regret regret(std::vector<std::vector<double>> const& outlooks) const {
    std::vector<std::vector<double>> costs;
    for (std::size_t i = 0; i < states_.size(); ++i) {
      costs.push_back(tiny::costs_to_come(problem_, states_[i], &outlooks[i]));
    }
    Regret regret;
    for (State const& s : starts_) {
      auto const i = static_cast<std::size_t>(s.size - 1);
      std::size_t const number = states_[i].number(s);
      double const share = costs[i][number] / best_[i][number] - 1;
      regret.mean += share / static_cast<double>(starts_.size());
      regret.worst = std::max(regret.worst, share);
    }
    return regret;
  }

  std::vector<std::vector<double>> no_outlook() const {
    std::vector<std::vector<double>> none;
    for (States const& s : states_) none.emplace_back(s.count(), 0.0);
    return none;
  }

  // The cost that a network expects to come: all that it adds to the cost at once.
  std::vector<std::vector<double>> outlook_of(QNetwork const& network) const {
    constexpr std::size_t rows_a_pass = 4'096;
    std::vector<std::vector<double>> all;
    QScratch scratch;
    Observation rows;
    for (States const& states : states_) {
      std::vector<double>& outlook = all.emplace_back();
      while (outlook.size() < states.count()) {
        std::size_t const first = outlook.size();
        std::size_t const end = std::min(first + rows_a_pass, states.count());
        rows.features.clear();
        rows.rows = static_cast<int>(end - first);
        for (std::size_t i = first; i < end; ++i) tiny::append_features(problem_, states.at(i), rows.features);
        for (float value : network.values(rows, scratch)) {
          outlook.push_back(-static_cast<double>(value * network.reward_scale()));
        }
      }
    }
    return all;
  }

 private:
  Problem problem_ = tiny::tiny_day();
  std::vector<States> states_;
  std::vector<std::vector<double>> best_;
  std::vector<State> starts_;
};

// The rule of the cheapest choice gives the partner's rides away when a driver would have cost little more. Without
// room between it and the best, the next test would say nothing.
TEST(TinyDispatchAgent, the_cheapest_choice_is_far_from_the_best) {
  Examination const examination;
  Regret const greedy = examination.regret(examination.no_outlook());
  std::printf("cheapest choice: mean regret %.2f %%, worst %.1f %%\n", 100 * greedy.mean, 100 * greedy.worst);
  EXPECT_GT(greedy.mean, 0.08);
  EXPECT_GT(greedy.worst, 0.3);
}

// Each of the seeds 1 to 8 gets there, with a mean regret of 0.59 to 0.75 %. Fresh outcomes matter more than updates:
// as many updates on an eighth of the steps leave 1.3 to 1.5 %, since the luck of every booking remembered is learnt by
// heart.
TEST(TinyDispatchAgent, trained_it_is_within_a_hundredth_of_the_best) {
  int const steps = is_sanitized ? 8'000 : 120'000;
  Dqn learner = learner_of_a_tiny_day(agent_of_a_tiny_day(), steps, 1);
  TinyDispatch environment(tiny::tiny_day());
  toys::Lessons lessons;
  lessons.steps = steps;
  lessons.warm_up = 1'000;
  lessons.epsilon_end = 1;  // the values of the best choices are learnt from any
  lessons.steps_an_update = 8;
  toys::learn(learner, environment, lessons, 1'001);

  Examination const examination;
  auto const outlook = examination.outlook_of(learner.evaluator());
  Regret const trained = examination.regret(outlook);
  std::printf("trained: mean regret %.2f %%, worst %.1f %%\n", 100 * trained.mean, 100 * trained.worst);
  EXPECT_LE(trained.mean, is_sanitized ? 0.04 : 0.01);
  EXPECT_LE(trained.worst, 0.25);

  // What was examined is what acts: its choices are those of the table, but for the rounding of equals.
  Observation state;
  int decisions = 0;
  for (std::uint64_t day = 0; day < 500; ++day) {
    environment.reset(1'000'000 + day);
    int const size = environment.state().size;
    if (size > largest_fleet) continue;
    States const& states = examination.states(size);
    auto const& costs = outlook[static_cast<std::size_t>(size - 1)];
    for (bool over = false; !over; ++decisions) {
      environment.observe(state);
      auto const& choices = environment.choices();
      auto const cost = [&](std::size_t c) { return choices[c].cost + costs[states.number(choices[c].next)]; };
      auto const acted = static_cast<std::size_t>(learner.act_greedily(state));
      ASSERT_NEAR(cost(acted), cost(tiny::least(choices, states, costs)), 1e-3);
      over = environment.step(static_cast<int>(acted)).over;
    }
  }
  EXPECT_GT(decisions, is_sanitized ? 1'000 : 2'000);
}

}  // namespace
}  // namespace regulus::rl
