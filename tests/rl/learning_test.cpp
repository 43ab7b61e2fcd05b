// Learning on problems whose answer is known: unit tests of the parts cannot show that they learn together.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "rl/dqn.h"
#include "tests/support/sanitized.h"
#include "tests/support/toy_environments.h"

namespace regulus::rl {
namespace {

using toys::pairs;
using toys::slots;
using toys::TabularProblem;

AgentConfig toy_agent() {
  AgentConfig agent;
  agent.learning_rate = 0.01;
  agent.learning_rate_end = 0.01;
  agent.gamma = 0.9;
  agent.batch_size = 64;
  agent.target_update_steps = 50;
  agent.huber_delta = 10;
  agent.guided_exploration = 0;
  agent.averaging = 0.99;
  return agent;
}

ReplayConfig toy_replay(int n_step = 1) {
  ReplayConfig replay;
  replay.buffer_size = 20'000;
  replay.n_step = n_step;
  return replay;
}

// Largest |Q - Q*| of the evaluated network over legal choices.
double largest_error(Dqn const& learner, TabularProblem const& problem) {
  auto const q = problem.solve();
  QScratch scratch;
  double error = 0;
  for (int s = 0; s < problem.states; ++s) {
    auto const values = learner.evaluator().values(problem.observe(s), scratch);
    for (int a = 0; a < problem.actions; ++a) {
      if (!problem.is_legal(s, a)) continue;
      double const value = values[static_cast<std::size_t>(a)];
      error = std::max(error, std::abs(value - q[problem.index(s, a)]));
    }
  }
  return error;
}

// Every outcome as often as its probability says (a multiple of 1/parts): the replay then is the problem itself, and no
// luck of exploration stands between Q and Q*.
void remember_everything(Dqn& learner, TabularProblem const& problem, int parts) {
  for (int s = 0; s < problem.states; ++s) {
    for (int a = 0; a < problem.actions; ++a) {
      for (auto const& o : problem.at(s, a)) {
        for (auto n = std::lround(o.probability * parts); n > 0; --n) {
          learner.remember(problem.observe(s), a,
                           {.reward = o.reward, .elapsed = o.elapsed, .terminal = o.terminal, .over = true});
          if (!o.terminal) learner.close_episode(problem.observe(o.next));
        }
      }
    }
  }
}

void update_many(Dqn& learner, int updates) {
  for (int i = 0; i < updates; ++i) learner.update(static_cast<double>(i) / updates);
}

// Two states; action 0 stays, action 1 changes the state. Staying in 1 pays 1, everything else nothing:
// Q*(1, stay) = 1 / (1 - 0.9) = 10, Q*(0, change) = 0.9 · 10 = 9, Q*(0, stay) = Q*(1, change) = 0.9 · 9 = 8.1.
TabularProblem two_state_chain() {
  TabularProblem p(2, 2, 0.9);
  p.at(0, 0) = {{.next = 0}};
  p.at(0, 1) = {{.next = 1}};
  p.at(1, 0) = {{.next = 1, .reward = 1}};
  p.at(1, 1) = {{.next = 0}};
  return p;
}

TEST(KnownValues, value_iteration_finds_the_values_of_the_chain) {
  auto const q = two_state_chain().solve();
  EXPECT_NEAR(q[0], 8.1, 1e-9);
  EXPECT_NEAR(q[1], 9, 1e-9);
  EXPECT_NEAR(q[2], 10, 1e-9);
  EXPECT_NEAR(q[3], 8.1, 1e-9);
}

TEST(KnownValues, a_linear_learner_that_plays_the_chain_learns_them) {
  AgentConfig agent = toy_agent();
  agent.learning_rate = 0.05;
  Dqn learner(agent, slots({}), toy_replay(), 2, 2, Rng(1));
  toys::TabularEnvironment environment(two_state_chain(), 0, 20);
  toys::Lessons lessons;
  lessons.steps = 8'000;
  lessons.epsilon_end = 1;
  toys::learn(learner, environment, lessons, 1);
  EXPECT_LT(largest_error(learner, two_state_chain()), 0.01);
}

// A frozen lake of 4 × 4: start at 0, holes at 5, 7, 11 and 12, the goal at 15 pays 1. The ice is slippery: a third
// each for the direction chosen and the two beside it.
TabularProblem frozen_lake() {
  TabularProblem p(16, 4, 0.95);
  auto const moved = [](int s, int direction) {
    int const row = s / 4;
    int const col = s % 4;
    switch (direction) {
      case 0:
        return row * 4 + std::max(col - 1, 0);
      case 1:
        return std::min(row + 1, 3) * 4 + col;
      case 2:
        return row * 4 + std::min(col + 1, 3);
      default:
        return std::max(row - 1, 0) * 4 + col;
    }
  };
  auto const is_end = [](int s) { return s == 5 || s == 7 || s == 11 || s == 12 || s == 15; };
  for (int s = 0; s < 16; ++s) {
    for (int a = 0; a < 4; ++a) {
      if (is_end(s)) {
        p.at(s, a) = {{.next = s, .terminal = true}};
        continue;
      }
      for (int slip : {3, 0, 1}) {
        int const next = moved(s, (a + slip) % 4);
        p.at(s, a).push_back(
            {.next = next, .probability = 1.0 / 3, .reward = next == 15 ? 1.0 : 0.0, .terminal = is_end(next)});
      }
    }
  }
  return p;
}

TEST(KnownValues, the_frozen_lake_is_learnt) {
  AgentConfig agent = toy_agent();
  agent.gamma = 0.95;
  agent.learning_rate = 0.003;
  agent.learning_rate_end = 0.03;
  agent.batch_size = 128;
  agent.averaging = 0.9995;
  Dqn learner(agent, slots({}), toy_replay(), 16, 4, Rng(2));
  remember_everything(learner, frozen_lake(), 3);
  update_many(learner, 20'000);
  EXPECT_LT(largest_error(learner, frozen_lake()), 0.01);
}

// 50 states and 4 actions, some of them illegal: each ends, or leads to one state nine times of ten and to another
// else, after 1 or 2 units of time.
TabularProblem random_problem(std::uint64_t seed) {
  TabularProblem p(50, 4, 0.6);
  Rng rng(seed);
  auto const any_state = [&] { return static_cast<int>(rng.below(50)); };
  for (int s = 0; s < p.states; ++s) {
    auto const always = static_cast<int>(rng.below(4));
    for (int a = 0; a < p.actions; ++a) {
      if (a != always && rng.chance(0.3)) continue;
      double const reward = rng.uniform();
      double const elapsed = rng.chance(0.3) ? 2 : 1;
      if (rng.chance(0.1)) {
        p.at(s, a) = {{.next = s, .reward = reward, .terminal = true}};
      } else {
        p.at(s, a) = {{.next = any_state(), .probability = 0.9, .reward = reward, .elapsed = elapsed},
                      {.next = any_state(), .probability = 0.1, .reward = reward, .elapsed = elapsed}};
      }
    }
  }
  return p;
}

TEST(KnownValues, a_random_problem_of_fifty_states_is_learnt) {
  TabularProblem const problem = random_problem(3);
  AgentConfig agent = toy_agent();
  agent.gamma = 0.6;
  agent.learning_rate = 0.003;
  agent.learning_rate_end = 0.02;
  agent.batch_size = 128;
  agent.averaging = 0.9995;
  Dqn learner(agent, slots({}), toy_replay(), 50, 4, Rng(3));
  remember_everything(learner, problem, 10);
  update_many(learner, 20'000);
  EXPECT_LT(largest_error(learner, problem), 0.01);
}

// Quick: 10 points after one unit of time, worth 0.9 · 10 = 9. Slow: 12 points after ten units, worth 0.9^10 · 12 =
// 4.184. Without elapsed time slow would win by 10.8 to 9.
TEST(KnownValues, elapsed_time_discounts_and_turns_the_choice) {
  TabularProblem p(3, 2, 0.9);
  p.at(0, 0) = {{.next = 1, .elapsed = 1}};
  p.at(0, 1) = {{.next = 2, .elapsed = 10}};
  for (int a : {0, 1}) {
    p.at(1, a) = {{.next = 1, .reward = 10, .terminal = true}};
    p.at(2, a) = {{.next = 2, .reward = 12, .terminal = true}};
  }
  for (int n_step : {1, 2}) {
    AgentConfig agent = toy_agent();
    agent.learning_rate = 0.05;
    Dqn learner(agent, slots({}), toy_replay(n_step), 3, 2, Rng(4));
    toys::TabularEnvironment environment(p, 0, 0);
    toys::Lessons lessons;
    lessons.steps = 6'000;
    lessons.epsilon_end = 1;
    toys::learn(learner, environment, lessons, 5);
    QScratch scratch;
    auto const values = learner.evaluator().values(p.observe(0), scratch);
    EXPECT_NEAR(values[0], 9, 0.01);
    EXPECT_NEAR(values[1], 4.184, 0.01);
    EXPECT_EQ(learner.act_greedily(p.observe(0)), 0);
  }
}

// State 0 leads to state 1, where action 0 pays 1 and action 1 is illegal; the network is made to value it at 100. A
// bootstrap that forgets the mask carries the 100 into Q(0, 0) = 0.9 · 1.
TEST(KnownValues, an_illegal_action_of_huge_value_does_not_leak_through_the_bootstrap) {
  TabularProblem p(2, 2, 0.9);
  p.at(0, 0) = {{.next = 1}};
  p.at(0, 1) = {{.next = 0, .reward = 0.5, .terminal = true}};
  p.at(1, 0) = {{.next = 1, .reward = 1, .terminal = true}};
  for (bool is_double : {true, false}) {
    AgentConfig agent = toy_agent();
    agent.double_dqn = is_double;
    agent.learning_rate = 0.05;
    Dqn learner(agent, slots({}), toy_replay(), 2, 2, Rng(6));
    // W[1][state 1], in row-major order of [action][state].
    learner.online().network().parameters()[3] = 100;
    toys::TabularEnvironment environment(p, 0, 0);
    toys::Lessons lessons;
    lessons.steps = 6'000;
    lessons.epsilon_end = 1;
    toys::learn(learner, environment, lessons, 7);
    EXPECT_GT(learner.online().network().parameters()[3], 90);  // nothing has ever taught it otherwise
    EXPECT_LT(largest_error(learner, p), 0.01);
  }
}

TEST(Learning, the_identity_is_learnt_with_and_without_a_mask) {
  for (bool masked : {false, true}) {
    AgentConfig agent = toy_agent();
    agent.gamma = 0.5;
    Dqn learner(agent, slots({32}), toy_replay(3), 6, 6, Rng(8));
    toys::IdentityEnvironment environment(6, masked);
    toys::Lessons lessons;
    lessons.steps = 4'000;
    toys::learn(learner, environment, lessons, 9);
    int right = 0;
    Observation state;
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
      environment.reset(1'000'000 + seed);
      environment.observe(state);
      right += environment.points(learner.act_greedily(state)) == environment.best_points() ? 1 : 0;
    }
    EXPECT_GE(right, 950) << (masked ? "masked" : "open");
  }
}

TEST(Learning, a_contextual_bandit_is_learnt_by_both_networks) {
  for (bool candidates : {false, true}) {
    AgentConfig agent = toy_agent();
    Dqn learner(agent, candidates ? pairs({32, 32}) : slots({32, 32}), toy_replay(), 4, candidates ? 0 : 3, Rng(10));
    toys::BanditEnvironment environment(candidates);
    toys::Lessons lessons;
    lessons.steps = 6'000;
    toys::learn(learner, environment, lessons, 11);
    int right = 0;
    Observation state;
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
      environment.reset(1'000'000 + seed);
      environment.observe(state);
      right += environment.worth(learner.act_greedily(state)) == environment.best_worth() ? 1 : 0;
    }
    EXPECT_GE(right, 950) << (candidates ? "candidates" : "slots");
  }
}

TEST(CartPole, moves_by_the_equations) {
  // From rest at angle 0, force 10: push = 10 / 1.1 = 9.090909; angular = -9.090909 / (0.5 (4/3 - 0.1/1.1)) =
  // -14.634146; linear = 9.090909 + 0.05 · 14.634146 / 1.1 = 9.756098. Euler's step of 0.02 s moves speeds first.
  toys::CartPole pole;
  pole.reset(1);
  toys::CartPole copy = pole;
  copy.step(1);
  EXPECT_DOUBLE_EQ(copy.position(), pole.position() + 0.02 * pole.velocity());
  EXPECT_DOUBLE_EQ(copy.angle(), pole.angle() + 0.02 * pole.spin());
  EXPECT_NEAR(copy.velocity() - pole.velocity(), 0.02 * 9.756098, 2e-3);
  EXPECT_NEAR(copy.spin() - pole.spin(), 0.02 * -14.634146, 3e-2);
}

// What an agent of this seed earns over 100 episodes after at most `steps` steps. The moment to stop is chosen on some
// episodes and judged on others.
double cart_pole_return(std::uint64_t seed, int steps) {
  AgentConfig agent;
  agent.learning_rate = 0.001;
  agent.gamma = 0.99;
  agent.batch_size = 64;
  agent.target_update_steps = 250;
  agent.guided_exploration = 0;
  agent.averaging = 0.999;
  Dqn learner(agent, slots({64, 64}), toy_replay(3), 4, 2, Rng(seed));
  toys::CartPole environment;
  toys::CartPole evaluation;
  toys::Lessons lessons;
  lessons.steps = steps;
  lessons.warm_up = 1'000;
  lessons.epsilon_end = 0.02;
  lessons.epsilon_share = 0.2;
  lessons.steps_an_update = 2;
  auto const mean_return = [&](std::uint64_t luck, int episodes) {
    double sum = 0;
    for (int e = 0; e < episodes; ++e)
      sum += toys::play_greedily(learner, evaluation, mix(luck, static_cast<std::uint64_t>(e)));
    return sum / episodes;
  };
  toys::learn(learner, environment, lessons, 100 + seed,
              [&](toys::Moment const& moment) { return moment.step % 1'000 != 999 || mean_return(7'777, 40) < 495; });
  return mean_return(8'888, 100);
}

// Solved as in Gymnasium: a mean return of 475 over 100 episodes, within 50,000 steps. Which seeds get there depends on
// the last bits of the processor's matrix products, since the learner passes through better and worse networks; on the
// processors tried it were three or more of these five.
TEST(CartPole, is_solved_within_50000_steps_by_two_seeds_of_five) {
  if (is_sanitized) {
    double best = 0;  // falling over at random earns about 20; most seeds pass 90 after this short time
    for (std::uint64_t seed = 1; seed <= 3; ++seed) best = std::max(best, cart_pole_return(seed, 8'000));
    EXPECT_GE(best, 60);
    return;
  }
  std::vector<double> returns;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) returns.push_back(cart_pole_return(seed, 50'000));
  EXPECT_GE(std::ranges::count_if(returns, [](double r) { return r >= 475; }), 2) << ::testing::PrintToString(returns);
}

}  // namespace
}  // namespace regulus::rl
