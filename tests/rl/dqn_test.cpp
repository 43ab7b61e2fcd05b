#include "rl/dqn.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/toy_environments.h"

namespace regulus::rl {
namespace {

using toys::pairs;
using toys::slots;

// Settings under which an update can be followed by hand.
AgentConfig plain_agent() {
  AgentConfig agent;
  agent.learning_rate = 0.5;
  agent.learning_rate_end = 1;
  agent.gamma = 0.5;
  agent.batch_size = 1;
  agent.adam_epsilon = 1e-8;
  agent.averaging = 0;
  agent.guided_exploration = 0;
  return agent;
}

ReplayConfig one_step(int size) {
  ReplayConfig replay;
  replay.buffer_size = size;
  replay.n_step = 1;
  return replay;
}

Observation state(std::vector<float> features) {
  Observation o;
  o.rows = 1;
  o.features = std::move(features);
  o.legal = {1, 1};
  return o;
}

// Weights of the linear model by name: W[action][feature], b[action].
void set_weights(Dqn& learner, std::vector<float> const& weights) {
  std::ranges::copy(weights, learner.online().network().parameters().begin());
}

std::vector<float> weights_of(QNetwork const& network) {
  auto const p = network.network().parameters();
  return {p.begin(), p.end()};
}

std::string bytes_of(Dqn const& learner) {
  ArchiveWriter out;
  learner.save(out);
  return std::move(out).finish();
}

// Two states A = (1, 0) and B = (0, 1), two actions, Q(s, a) = W[a] · s + b[a].
//
//   W = [0.4  1.5]   b = [0.2]      Q(A) = (0.6, 0.3)
//       [0.1  1.4]       [0.2]      Q(B) = (1.7, 1.6)
//
// The target network keeps these values throughout. Two updates with learning rate 1/2, gamma 1/2:
//
// 1. B, action 1, reward 3, end. Error 1.6 - 3 = -1.4: Huber's linear part, loss 1.4 - 0.5 = 0.9, derivative -1.
//    Gradients: W[1][B] -1, b[1] -1. Norm sqrt 2. Adam's first step is the sign: both grow by 0.5.
//    Now Q(B) = (1.7, 2.6): the online network prefers action 1 in B, the target network still action 0.
//
// 2. A, action 0, reward 0.1, to B. Double: the online choice 1, valued by the target network at 1.6:
//    target 0.1 + 0.8 = 0.9. (Plain DQN: the target's own best 1.7: 0.95.) Error 0.6 - 0.9 = -0.3, loss 0.045,
//    derivative -0.3. Gradients: W[0][A] -0.3, b[0] -0.3, others 0. Norm 0.3 sqrt 2.
//    Adam's second step: m = 0.1 g, v = 0.001 g²; corrections 1 - 0.81 = 0.19 and 1 - 0.998001 = 0.001999.
//    W[0][A] and b[0]: step 0.5 · (0.1/0.19) / sqrt(0.001/0.001999) = 0.5 · 0.5263158 / 0.7072835 = 0.3720685.
//    W[1][B] and b[1]: m = 0.9 · 0.1, v = 0.999 · 0.001: 0.5 · (0.09/0.19) / sqrt(0.000999/0.001999)
//      = 0.5 · 0.4736842 / 0.7069297 = 0.3350293.
class TwoUpdates : public ::testing::TestWithParam<bool> {};

TEST_P(TwoUpdates, equal_pencil_and_paper) {
  bool const is_double = GetParam();
  AgentConfig agent = plain_agent();
  agent.double_dqn = is_double;
  agent.target_update_steps = 1'000;
  // Two places: the second transition and the state that closes its episode push the first one out.
  Dqn learner(agent, slots({}), one_step(2), 2, 2, Rng(1));
  std::vector<float> const start{0.4F, 1.5F, 0.1F, 1.4F, 0.2F, 0.2F};
  ASSERT_EQ(learner.online().network().blocks().size(), 2U);
  ASSERT_EQ(learner.online().network().blocks()[0].rows, 2);
  // The target network starts as the online one: give both the start by a stored learner.
  {
    ArchiveWriter out;
    out.tag("learner");
    for (int i = 0; i < 3; ++i) out.put(start);
    nn::Adam(start.size(), {.epsilon = 1e-8F}).save(out);
    out.put(1.0F);
    out.put(std::int64_t{0});
    out.put(1.0);
    auto reader = ArchiveReader::open(std::move(out).finish()).take();
    learner.load_learner(reader);
    ASSERT_TRUE(reader.finish());
  }

  learner.remember(state({0, 1}), 1, {.reward = 3, .terminal = true, .over = true});
  UpdateReport const first = learner.update(0);
  EXPECT_NEAR(first.loss, 0.9, 1e-6);
  EXPECT_NEAR(first.mean_abs_error, 1.4, 1e-6);
  EXPECT_NEAR(first.grad_norm, std::sqrt(2), 1e-6);
  std::vector<float> const after_first{0.4F, 1.5F, 0.1F, 1.9F, 0.2F, 0.7F};
  for (std::size_t i = 0; i < start.size(); ++i)
    EXPECT_NEAR(weights_of(learner.online())[i], after_first[i], 1e-6) << i;
  EXPECT_EQ(weights_of(learner.target()), start);

  learner.remember(state({1, 0}), 0, {.reward = 0.1, .over = true});
  learner.close_episode(state({0, 1}));
  ASSERT_EQ(learner.replay().ready(), 1U);
  UpdateReport const second = learner.update(0);
  double const error = is_double ? 0.3 : 0.35;
  EXPECT_NEAR(second.mean_abs_error, error, 1e-6);
  EXPECT_NEAR(second.loss, error * error / 2, 1e-6);
  EXPECT_NEAR(second.grad_norm, error * std::sqrt(2), 1e-6);
  // Adam's step does not depend on the gradient's length, so both kinds end at the same weights.
  std::vector<double> const after_second{0.4 + 0.3720685, 1.5, 0.1, 1.9 + 0.3350293, 0.2 + 0.3720685, 0.7 + 0.3350293};
  for (std::size_t i = 0; i < start.size(); ++i)
    EXPECT_NEAR(weights_of(learner.online())[i], after_second[i], 1e-6) << i;
  EXPECT_EQ(weights_of(learner.target()), start);
}
INSTANTIATE_TEST_SUITE_P(DoubleAndPlain, TwoUpdates, ::testing::Bool());

TEST(Dqn, the_gradient_is_clipped_to_its_norm_and_the_report_tells_the_norm_before) {
  AgentConfig agent = plain_agent();
  agent.huber_delta = 100;
  agent.max_grad_norm = 1;
  agent.adam_epsilon = 1;  // so large that Adam's step shows the gradient's size
  Dqn learner(agent, slots({}), one_step(4), 2, 2, Rng(1));
  set_weights(learner, {0, 0, 0, 0, 0, 0});
  learner.remember(state({1, 0}), 0, {.reward = 30, .terminal = true, .over = true});
  UpdateReport const report = learner.update(0);
  // Error -30, gradients -30 at W[0][A] and b[0]: norm 42.43, clipped to -0.7071 each.
  EXPECT_NEAR(report.grad_norm, 42.42641, 1e-4);
  // Adam: 0.5 · 0.7071 / (0.7071 + 1) = 0.2071.
  EXPECT_NEAR(weights_of(learner.online())[0], 0.2071068, 1e-6);
}

TEST(Dqn, rewards_are_divided_by_the_reward_scale) {
  AgentConfig agent = plain_agent();
  Dqn learner(agent, slots({}), one_step(4), 2, 2, Rng(1));
  learner.set_reward_scale(50);
  set_weights(learner, {0, 0, 0, 0, 0, 0});
  learner.remember(state({1, 0}), 0, {.reward = 30, .terminal = true, .over = true});
  EXPECT_NEAR(learner.update(0).mean_abs_error, 0.6, 1e-6);
}

TEST(Dqn, the_target_network_is_copied_every_so_many_updates_and_not_between) {
  AgentConfig agent = plain_agent();
  agent.target_update_steps = 3;
  Dqn learner(agent, slots({8}), one_step(4), 2, 2, Rng(1));
  learner.remember(state({1, 0}), 0, {.reward = 30, .terminal = true, .over = true});
  auto const start = weights_of(learner.target());
  for (int i = 1; i <= 7; ++i) {
    auto const before = weights_of(learner.target());
    learner.update(0);
    if (i % 3 == 0) {
      EXPECT_EQ(weights_of(learner.target()), weights_of(learner.online()));
    } else {
      EXPECT_EQ(weights_of(learner.target()), before);
    }
  }
  EXPECT_NE(weights_of(learner.target()), start);
}

TEST(Dqn, a_soft_target_moves_by_its_share_at_every_update) {
  AgentConfig agent = plain_agent();
  agent.tau = 0.25;
  Dqn learner(agent, slots({}), one_step(4), 2, 2, Rng(1));
  learner.remember(state({1, 0}), 0, {.reward = 30, .terminal = true, .over = true});
  auto const before = weights_of(learner.target());
  learner.update(0);
  auto const online = weights_of(learner.online());
  auto const target = weights_of(learner.target());
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_NEAR(target[i], before[i] + 0.25F * (online[i] - before[i]), 1e-6);
}

TEST(Dqn, the_learning_rate_falls_linearly_and_the_rate_factor_scales_it) {
  // Adam's first step has the length of the learning rate: 0.5 · (1 - 0.9 · 0.5) · 0.3 = 0.0825.
  AgentConfig agent = plain_agent();
  agent.learning_rate_end = 0.1;
  Dqn learner(agent, slots({}), one_step(4), 2, 2, Rng(1));
  set_weights(learner, {0, 0, 0, 0, 0, 0});
  learner.remember(state({1, 0}), 0, {.reward = 30, .terminal = true, .over = true});
  learner.set_rate_factor(0.3);
  learner.update(0.5);
  EXPECT_NEAR(weights_of(learner.online())[0], 0.0825, 1e-6);
}

struct Variant {
  char const* name;
  NetworkConfig network;
  bool prioritized = false;
};
std::ostream& operator<<(std::ostream& out, Variant const& variant) { return out << variant.name; }

NetworkConfig with(NetworkConfig network, bool dueling, bool layer_norm, double dropout) {
  network.dueling = dueling;
  network.layer_norm = layer_norm;
  network.dropout = dropout;
  return network;
}

class EveryNetwork : public ::testing::TestWithParam<Variant> {
 protected:
  static constexpr int width = 5;
  int actions() const { return GetParam().network.kind == NetworkKind::slots ? 4 : 0; }
  Observation random(Rng& rng) const {
    return toys::random_observation(rng, GetParam().network.kind, width, actions());
  }
  int legal_choice(Rng& rng, Observation const& o) const {
    int choice = 0;
    do choice = static_cast<int>(rng.below(static_cast<std::uint64_t>(o.choices())));
    while (!o.is_legal(choice));
    return choice;
  }
  Dqn learner(AgentConfig const& agent, std::uint64_t seed) const {
    ReplayConfig replay = one_step(64);
    replay.n_step = 2;
    replay.prioritized = GetParam().prioritized;
    return {agent, GetParam().network, replay, width, actions(), Rng(seed)};
  }
  void live(Dqn& who, Rng& rng, int steps) const {
    Observation o = random(rng);
    for (int i = 0; i < steps; ++i) {
      bool const terminal = rng.chance(0.1);
      bool const cut = !terminal && rng.chance(0.1);
      int const choice = who.act(o, 0.3, legal_choice(rng, o));
      who.remember(o, choice, {.reward = rng.normal(), .elapsed = 1, .terminal = terminal, .over = terminal || cut});
      o = random(rng);
      if (cut) {
        who.close_episode(o);
        o = random(rng);
      }
      if (who.can_learn()) who.update(i / 1000.0);
    }
  }
};

TEST_P(EveryNetwork, learns_in_every_block_of_weights_and_in_none_with_a_learning_rate_of_zero) {
  for (double rate : {0.0, 0.01}) {
    AgentConfig agent = plain_agent();
    agent.learning_rate = rate;
    agent.batch_size = 32;
    Dqn who = learner(agent, 3);
    Rng rng(4);
    for (int i = 0; i < 60; ++i) {
      Observation const o = random(rng);
      who.remember(o, legal_choice(rng, o), {.reward = rng.normal(), .terminal = rng.chance(0.1)});
    }
    auto const before = weights_of(who.online());
    // A residual network's head starts at zero and hands no gradient on: the layers below move from the second update.
    bool const residual = GetParam().network.kind == NetworkKind::pairs && GetParam().network.pairs.residual;
    for (int i = 0; i < (residual ? 2 : 1); ++i) ASSERT_TRUE(who.update(0).finite);
    auto const after = weights_of(who.online());
    for (nn::Block const& block : who.online().network().blocks()) {
      bool changed = false;
      for (std::size_t i = block.offset; i < block.offset + block.size(); ++i) changed |= before[i] != after[i];
      EXPECT_EQ(changed, rate > 0) << block.name;
    }
  }
}

TEST_P(EveryNetwork, never_chooses_explores_or_bootstraps_an_illegal_choice) {
  AgentConfig agent = plain_agent();
  Dqn who = learner(agent, 5);
  if (GetParam().network.kind == NetworkKind::pairs) return;  // every row is legal
  // Illegal choices are given the highest values.
  Rng rng(6);
  QScratch scratch;
  std::vector<Observation> batch(64);
  std::vector<Observation const*> pointers(64);
  std::vector<int> choices(64);
  constexpr int rounds = 250;
  for (int round = 0; round < rounds; ++round) {
    for (float& w : who.online().network().parameters()) w = static_cast<float>(rng.normal() * 3);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      batch[i] = random(rng);
      pointers[i] = &batch[i];
      ASSERT_TRUE(batch[i].is_legal(who.act(batch[i], 0, -1)));
      ASSERT_TRUE(batch[i].is_legal(who.act(batch[i], 1, -1)));
      ASSERT_TRUE(batch[i].is_legal(who.act_greedily(batch[i])));
      auto const values = who.online().values(batch[i], scratch);
      for (int c = 0; c < batch[i].choices(); ++c)
        ASSERT_EQ(std::isinf(values[static_cast<std::size_t>(c)]), !batch[i].is_legal(c));
    }
    who.online().best_choices(pointers, scratch, choices);
    for (std::size_t i = 0; i < batch.size(); ++i) ASSERT_TRUE(batch[i].is_legal(choices[i]));
  }
}

TEST_P(EveryNetwork, chooses_a_legal_action_even_when_every_weight_is_no_number) {
  Dqn who = learner(plain_agent(), 5);
  for (float& w : who.online().network().parameters()) w = std::numeric_limits<float>::quiet_NaN();
  Rng rng(6);
  for (int i = 0; i < 200; ++i) {
    Observation const o = random(rng);
    ASSERT_TRUE(o.is_legal(who.act(o, 0, -1)));
  }
}

TEST_P(EveryNetwork, a_batch_gives_the_choices_and_values_that_each_state_gives_alone) {
  Dqn who = learner(plain_agent(), 5);
  for (float& w : who.online().network().parameters()) w *= 2;
  Rng rng(8);
  std::vector<Observation> states;
  std::vector<Observation const*> pointers;
  for (int i = 0; i < 50; ++i) states.push_back(random(rng));
  for (auto const& s : states) pointers.push_back(&s);
  std::vector<int> choices(50);
  std::vector<float> values(50);
  QScratch scratch;
  who.online().best_choices(pointers, scratch, choices);
  who.online().values_at(pointers, choices, scratch, values);
  QScratch alone;
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(choices[i], who.online().best_choice(states[i], alone));
    float const value = who.online().values(states[i], alone)[static_cast<std::size_t>(choices[i])];
    EXPECT_NEAR(values[i], value, 1e-4 * (1 + std::abs(value)));
  }
}

TEST_P(EveryNetwork, is_deterministic_when_evaluated_though_training_drops_units) {
  Dqn who = learner(plain_agent(), 9);
  Rng rng(10);
  live(who, rng, 80);
  Observation const o = random(rng);
  int const first = who.act_greedily(o);
  QScratch scratch;
  auto const values = who.evaluator().values(o, scratch);
  std::vector<float> const kept(values.begin(), values.end());
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(who.act_greedily(o), first);
    auto const again = who.evaluator().values(o, scratch);
    EXPECT_EQ(std::vector<float>(again.begin(), again.end()), kept);
  }
}

TEST_P(EveryNetwork, a_restored_learner_continues_bit_for_bit_from_any_moment) {
  AgentConfig agent;
  agent.batch_size = 16;
  agent.target_update_steps = 7;
  Rng rng(11);
  for (int moment : {0, 3, 40, 41, 63, 64, 65, 66, 100, 157}) {
    Dqn first = learner(agent, 12);
    if (moment % 2 == 0) first.set_reward_scale(3);
    live(first, rng, moment);
    Dqn second = learner(agent, 99);
    auto reader = ArchiveReader::open(bytes_of(first)).take();
    second.load(reader);
    ASSERT_TRUE(reader.finish());
    ASSERT_TRUE(bytes_of(first) == bytes_of(second)) << moment;
    Rng again = rng;
    live(first, rng, 50);
    live(second, again, 50);
    ASSERT_TRUE(bytes_of(first) == bytes_of(second)) << moment;
  }
}

TEST_P(EveryNetwork, a_rollback_restores_weights_and_moments_and_leaves_the_replay) {
  AgentConfig agent;
  agent.batch_size = 16;
  Dqn who = learner(agent, 12);
  Rng rng(13);
  live(who, rng, 80);
  ArchiveWriter good;
  who.save_learner(good);
  std::string const bytes = std::move(good).finish();
  auto const weights = weights_of(who.online());
  std::int64_t const updates = who.updates();
  live(who, rng, 40);
  std::size_t const ready = who.replay().ready();
  EXPECT_NE(weights_of(who.online()), weights);
  auto reader = ArchiveReader::open(bytes).take();
  who.load_learner(reader);
  ASSERT_TRUE(reader.finish());
  EXPECT_EQ(weights_of(who.online()), weights);
  EXPECT_EQ(who.updates(), updates);
  EXPECT_EQ(who.replay().ready(), ready);
  ArchiveWriter again;
  who.save_learner(again);
  EXPECT_TRUE(std::move(again).finish() == bytes);
}

INSTANTIATE_TEST_SUITE_P(
    All, EveryNetwork,
    ::testing::Values(Variant{"slots", slots({16, 8})}, Variant{"linear_slots", slots({})},
                      Variant{"dueling_slots", with(slots({16}), true, false, 0)},
                      Variant{"slots_with_everything", with(slots({16, 8}), true, true, 0.2), true},
                      Variant{"pairs", pairs({16, 8}, false)}, Variant{"residual_pairs", pairs({16, 8})},
                      Variant{"dueling_pairs", with(pairs({16}, false), true, false, 0)},
                      Variant{"pairs_with_everything", with(pairs({16, 8}), true, true, 0.2), true}),
    [](auto const& each) { return std::string(each.param.name); });

TEST(Dqn, refuses_a_stored_learner_of_another_size) {
  Dqn const large(plain_agent(), slots({8}), one_step(64), 2, 2, Rng(1));
  Dqn small(plain_agent(), slots({4}), one_step(64), 2, 2, Rng(1));
  auto reader = ArchiveReader::open(bytes_of(large)).take();
  small.load(reader);
  EXPECT_FALSE(reader.finish());
}

TEST(Dqn, weights_stay_intact_when_the_loss_is_no_number) {
  AgentConfig agent = plain_agent();
  Dqn learner(agent, slots({4}), one_step(64), 2, 2, Rng(1));
  learner.remember(state({1, 0}), 0,
                   {.reward = std::numeric_limits<double>::quiet_NaN(), .terminal = true, .over = true});
  auto const before = weights_of(learner.online());
  EXPECT_FALSE(learner.update(0).finite);
  EXPECT_EQ(weights_of(learner.online()), before);
  EXPECT_EQ(weights_of(learner.target()), before);
}

TEST(Dqn, exploring_is_uniform_over_legal_actions_and_guided_in_its_share) {
  AgentConfig agent = plain_agent();
  agent.guided_exploration = 0.5;
  Dqn learner(agent, slots({}), one_step(64), 2, 5, Rng(1));
  Observation o = state({1, 0});
  o.legal = {1, 0, 1, 1, 0};
  std::vector<int> counts(5, 0);
  for (int i = 0; i < 30'000; ++i) ++counts[static_cast<std::size_t>(learner.act(o, 1, 2))];
  // A sixth each by chance, and half of all by suggestion; five standard deviations of a count are about 430.
  EXPECT_NEAR(counts[0], 5'000, 430);
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[2], 20'000, 430);
  EXPECT_NEAR(counts[3], 5'000, 430);
  EXPECT_EQ(counts[4], 0);
}

// One state, three choices of which only row 1 is ever tried; it earns 5 points more than is known of it.
TEST(Dqn, anchored_to_the_known_part_keeps_the_rank_of_choices_never_tried) {
  auto const gap_after_training = [](double anchoring) {
    AgentConfig agent = plain_agent();
    agent.learning_rate = 0.01;
    agent.learning_rate_end = 0;
    agent.batch_size = 8;
    agent.anchoring = anchoring;
    Dqn learner(agent, pairs({16}), one_step(64), 3, 0, Rng(3));
    Observation o;
    o.rows = 3;
    o.features = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    o.baseline = {1, 2, 3};
    for (int i = 0; i < 64; ++i) learner.remember(o, 1, {.reward = 7, .elapsed = 1, .terminal = true, .over = true});
    for (int i = 0; i < 2000; ++i) learner.update(i / 2000.0);
    QScratch scratch;
    auto const q = learner.online().values(o, scratch);
    EXPECT_NEAR(q[1], 7, 0.05);  // what was tried is learned, anchored or not
    // How far the learned part of the others lies from that of the choice taken.
    return std::max(std::abs((q[0] - 1) - (q[1] - 2)), std::abs((q[2] - 3) - (q[1] - 2)));
  };
  float const free = gap_after_training(0);
  float const anchored = gap_after_training(100);
  EXPECT_GT(free, 1.0F);
  EXPECT_LT(anchored, 0.1F);
}

}  // namespace
}  // namespace regulus::rl
