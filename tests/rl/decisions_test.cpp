#include "rl/decisions.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/toy_environments.h"

namespace regulus::rl {
namespace {

using toys::pairs;
using toys::slots;

QNetwork random_network(NetworkConfig const& config, int width, int actions) {
  Rng rng(1);
  QNetwork network(config, width, actions, rng);
  for (float& w : network.network().parameters()) w = static_cast<float>(rng.normal());
  return network;
}

TEST(Decisions, are_the_networks_own_on_consecutive_days) {
  QNetwork const network = random_network(slots({8}), 6, 6);
  toys::IdentityEnvironment environment(6, true);  // 20 steps a day
  auto const decisions = greedy_decisions(network, environment, 3, 30);
  ASSERT_EQ(decisions.size(), 30U);
  QScratch scratch;
  for (Decision const& decision : decisions) {
    EXPECT_EQ(decision.choice, network.best_choice(decision.observation, scratch));
    EXPECT_TRUE(std::ranges::equal(decision.values, network.values(decision.observation, scratch)));
    EXPECT_TRUE(decision.observation.is_legal(decision.choice));
  }
  // The 21st is the first of the next day.
  auto const next = greedy_decisions(network, environment, 4, 1);
  EXPECT_EQ(decisions[20].observation.features, next[0].observation.features);
  EXPECT_EQ(decisions[20].observation.legal, next[0].observation.legal);
}

TEST(Decisions, of_fixed_actions_become_one_row_a_state) {
  QNetwork const network = random_network(slots({8}), 6, 6);
  toys::IdentityEnvironment environment(6, true);
  auto const decisions = greedy_decisions(network, environment, 1, 25);
  nn::ModelFile const file = decisions_file(decisions);
  ASSERT_EQ(file.tensors.size(), 4U);
  EXPECT_EQ(file.find("observation")->shape, (std::vector<std::int64_t>{25, 6}));
  EXPECT_EQ(file.find("legal")->shape, (std::vector<std::int64_t>{25, 6}));
  EXPECT_EQ(file.find("values")->shape, (std::vector<std::int64_t>{25, 6}));
  EXPECT_EQ(file.find("choice")->shape, (std::vector<std::int64_t>{25}));
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    EXPECT_EQ(file.find("choice")->values[i], static_cast<float>(decisions[i].choice));
    for (std::size_t a = 0; a < 6; ++a) {
      EXPECT_EQ(file.find("legal")->values[6 * i + a], static_cast<float>(decisions[i].observation.legal[a]));
      EXPECT_EQ(std::isinf(file.find("values")->values[6 * i + a]), decisions[i].observation.legal[a] == 0);
    }
  }
}

// Two states by hand: three candidates, then one.
TEST(Decisions, of_candidates_lie_one_below_the_other) {
  std::vector<Decision> const decisions{
      {.observation = {.rows = 3, .features = {1, 2, 3, 4, 5, 6}, .legal = {}, .baseline = {10, 20, 30}},
       .values = {0.5, 0.75, 0.25},
       .choice = 1},
      {.observation = {.rows = 1, .features = {7, 8}, .legal = {}, .baseline = {40}}, .values = {1.5}, .choice = 0}};
  nn::ModelFile const file = nn::decode_safetensors(nn::encode_safetensors(decisions_file(decisions))).take();
  ASSERT_EQ(file.tensors.size(), 5U);
  EXPECT_EQ(file.metadata.at("format"), "regulus-decisions-1");
  EXPECT_EQ(file.find("rows")->shape, (std::vector<std::int64_t>{4, 2}));
  EXPECT_EQ(file.find("rows")->values, (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(file.find("baseline")->values, (std::vector<float>{10, 20, 30, 40}));
  EXPECT_EQ(file.find("rows_of_state")->values, (std::vector<float>{3, 1}));
  EXPECT_EQ(file.find("values")->values, (std::vector<float>{0.5, 0.75, 0.25, 1.5}));
  EXPECT_EQ(file.find("choice")->values, (std::vector<float>{1, 0}));
}

TEST(Decisions, without_a_baseline_name_none) {
  QNetwork const network = random_network(pairs({8}, false), 4, 0);
  toys::BanditEnvironment environment(true);
  EXPECT_EQ(decisions_file(greedy_decisions(network, environment, 1, 5)).find("baseline"), nullptr);
}

}  // namespace
}  // namespace regulus::rl
