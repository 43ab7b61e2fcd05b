#include "lab/evaluate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "tests/lab/builders.h"

namespace regulus::lab {
namespace {

TEST(Evaluate, plays_each_seed_at_its_place_on_any_number_of_threads) {
  sim::ClassicConfig const world = a_small_config().environment;
  PolicyFactory const policy = make_policy_factory("random_valid", world).take();
  auto const seeds = scenario_seeds(Role::test, 0, 130);  // more than a few chunks of days
  std::atomic<int> told = 0;
  auto const all = rewards_of(play_days(policy, world, seeds, 4, [&] { ++told; }));
  EXPECT_EQ(told, 130);
  EXPECT_EQ(all, rewards_of(play_days(policy, world, seeds, 1)));
  for (std::size_t i : {std::size_t{0}, std::size_t{24}, std::size_t{25}, std::size_t{129}}) {
    EXPECT_EQ(all[i], rewards_of(play_days(policy, world, std::vector{seeds[i]}, 1)).front());
  }
  EXPECT_TRUE(play_days(policy, world, {}, 2).empty());
}

TEST(Evaluate, sums_days_up_as_on_paper) {
  // Two days. Assigned 3 and 1, late 1 and 1, expired 1 and 3, refused 0 and 2, offered 5 and 7.
  std::vector<sim::ClassicDay> const days{{.reward = 10,
                                           .steps = 12,
                                           .assignments = 3,
                                           .late_pickups = 1,
                                           .cancellations = 1,
                                           .refused = 0,
                                           .offered = 5,
                                           .open = 1,
                                           .invalid = 0,
                                           .distance_km = 4},
                                          {.reward = 30,
                                           .steps = 12,
                                           .assignments = 1,
                                           .late_pickups = 1,
                                           .cancellations = 3,
                                           .refused = 2,
                                           .offered = 7,
                                           .open = 1,
                                           .invalid = 0,
                                           .distance_km = 8}};
  Summary const s = summarize(days);
  EXPECT_EQ(s.episodes, 2);
  EXPECT_EQ(s.reward.mean, 20);
  EXPECT_EQ(s.reward.median, 20);
  EXPECT_EQ(s.reward.min, 10);
  EXPECT_EQ(s.reward.max, 30);
  EXPECT_NEAR(s.reward.std, 14.1421356, 1e-6);  // sqrt(((10-20)^2 + (30-20)^2) / 1)
  // t of one degree of freedom is 12.7062; standard error 10.
  EXPECT_NEAR(s.reward.ci95.low, 20 - 127.062, 1e-2);
  EXPECT_NEAR(s.reward.ci95.high, 20 + 127.062, 1e-2);
  EXPECT_EQ(s.assignments.total, 4);
  EXPECT_EQ(s.distance.mean, 6);
  EXPECT_EQ(s.completion.mean, 0.5);   // (3/4 + 1/4) / 2
  EXPECT_EQ(s.late_pickup_rate, 0.5);  // 2 of 4
  EXPECT_NEAR(s.served.mean, (0.6 + 1.0 / 7) / 2, 1e-12);
  // The predecessor's files give rates in percent.
  Json const file = evaluation_json(s);
  EXPECT_EQ(file.find("completion_rate")->find("mean")->as_number(), 50);
  EXPECT_EQ(file.find("assignments")->find("total")->as_number(), 4);
  EXPECT_EQ(simulate_json(s).find("completion_rate")->as_number(), 0.5);
  EXPECT_EQ(summarize({}).episodes, 0);
}

TEST(Evaluate, knows_its_policies_by_name) {
  sim::ClassicConfig const world;
  for (std::string const& name : sim::classic_policy_names()) EXPECT_TRUE(make_policy_factory(name, world)) << name;
  auto const said = [&](std::string const& name) {
    auto const policy = make_policy_factory(name, world);
    return policy ? "accepted" : policy.error().message;
  };
  EXPECT_NE(said("scorerule").find("did you mean score_rule?"), std::string::npos);
  EXPECT_NE(said("model:none.safetensors").find("none.safetensors"), std::string::npos);
  EXPECT_NE(said("score_rule:none.json").find("none.json"), std::string::npos);
}

TEST(Evaluate, plays_score_rule_with_the_weights_of_a_file) {
  TemporaryFolder folder;
  sim::ClassicConfig const world = a_small_config().environment;
  auto const seeds = scenario_seeds(Role::test, 0, 60);
  auto const play = [&](std::string const& document) {
    EXPECT_TRUE(write_file(folder.path("w.json"), document));
    return rewards_of(
        play_days(make_policy_factory("score_rule:" + folder.path("w.json").string(), world).take(), world, seeds, 1));
  };
  auto const usual = rewards_of(play_days(make_policy_factory("score_rule", world).take(), world, seeds, 1));
  EXPECT_EQ(play("{}"), usual);
  EXPECT_NE(play(R"({"best_params": {"distance": -50, "urgency": 0}})"), usual);
  EXPECT_EQ(play(R"({"best_params": {"distance": -50, "urgency": 0}})"), play(R"({"distance": -50, "urgency": 0})"));
  EXPECT_TRUE(write_file(folder.path("w.json"), R"({"distnace": 1})"));
  auto const wrong = make_policy_factory("score_rule:" + folder.path("w.json").string(), world);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("did you mean distance?"), std::string::npos);
}

TEST(Evaluate, days_of_different_roles_never_meet) {
  std::vector<std::uint64_t> seen;
  for (Role role : {Role::train, Role::tune, Role::select, Role::validate, Role::test, Role::warmup}) {
    auto const seeds = scenario_seeds(role, 12345, 500);
    seen.insert(seen.end(), seeds.begin(), seeds.end());
  }
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

}  // namespace
}  // namespace regulus::lab
