#include "lab/config.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/lab/builders.h"

namespace regulus::lab {
namespace {

Json json(std::string const& text) { return parse_json(text).take(); }

std::string refusal(Status const& status) { return status ? "accepted" : status.error().message; }

TEST(LabConfig, written_and_read_back_is_the_same) {
  Config const c = a_small_config(rl::NetworkKind::slots);
  Config read;
  ASSERT_TRUE(apply_document(read, to_json(c)));
  EXPECT_EQ(to_json(read).dump(), to_json(c).dump());
}

TEST(LabConfig, of_a_tuners_output_applies_the_base_first_and_then_every_tuned_parameter) {
  Config c;
  ASSERT_TRUE(apply_document(c, json(R"({
    "best_reward": 1.5, "n_trials_total": 3,
    "best_params": {"gamma": 0.91, "batch_size": 128.0, "hidden_size_2": 64, "double_dqn": false},
    "config": {"agent": {"gamma": 0.5, "huber_delta": 2}, "network": {"slots": {"hidden_sizes": [32, 32, 32]}}}})")));
  EXPECT_EQ(c.agent.gamma, 0.91);
  EXPECT_EQ(c.agent.huber_delta, 2);
  EXPECT_EQ(c.agent.batch_size, 128);  // a study stores integers as reals
  EXPECT_FALSE(c.agent.double_dqn);
  EXPECT_EQ(c.network.slots.hidden_sizes, (std::vector{32, 64, 32}));
}

TEST(LabConfig, of_the_predecessor_has_parameters_alone) {
  Config c;
  ASSERT_TRUE(apply_document(c, json(R"({"best_params": {"learning_rate": 0.002, "epsilon_decay": 0.99}})")));
  EXPECT_EQ(c.agent.learning_rate, 0.002);
}

TEST(LabConfig, stays_as_it_was_when_a_document_is_refused) {
  Config c = a_small_config();
  std::string const before = to_json(c).dump();
  EXPECT_NE(refusal(apply_document(c, json(R"({"agent": {"gamma": 0.5, "batch_size": 0}})"))).find("batch_size"),
            std::string::npos);
  EXPECT_NE(refusal(apply_document(c, json(R"({"config": {"agent": {"gamma": 0.5}}, "best_params": null})")))
                .find("no complete trial"),
            std::string::npos);
  EXPECT_EQ(to_json(c).dump(), before);
}

TEST(LabConfig, is_refused_when_two_settings_contradict_each_other) {
  struct Case {
    std::function<void(Config&)> spoil;
    std::vector<std::string> said;
  };
  std::vector<Case> const cases{
      {[](Config& c) { c.agent.batch_size = 301; }, {"301", "300"}},
      {[](Config& c) {
         c.replay.buffer_size = 64;
         c.replay.n_step = 64;
       },
       {"n_step = 64", "buffer_size = 64"}},
      {[](Config& c) {
         c.agent.epsilon_start = 0.1;
         c.agent.epsilon_end = 0.2;
       },
       {"epsilon_end = 0.2", "epsilon_start = 0.1"}},
      {[](Config& c) { c.network.pairs.pair_hidden_sizes = std::vector<int>(9, 8); }, {"pair_hidden_sizes", "9"}},
  };
  EXPECT_TRUE(check_consistent(a_small_config()));
  for (Case const& wrong : cases) {
    Config c = a_small_config();
    wrong.spoil(c);
    std::string const message = refusal(check_consistent(c));
    for (std::string const& text : wrong.said) EXPECT_NE(message.find(text), std::string::npos) << message;
  }
}

TEST(LabConfig, says_in_what_two_environments_differ) {
  sim::ClassicConfig a;
  sim::ClassicConfig b;
  EXPECT_TRUE(same_environment(a, "A", b, "B"));
  b.num_drivers = 7;
  b.reward = sim::RewardVersion::v2;
  EXPECT_EQ(refusal(same_environment(a, "A", b, "B")),
            "not the same environment: num_drivers = 10 in A but 7 in B; reward = \"V1\" in A but \"V2\" in B");
  EXPECT_EQ(describe(b), "7 drivers × 20 slots, 2 h, V2");
}

TEST(LabConfig, searches_the_layers_of_its_own_network_and_never_the_environment) {
  auto const names = [](rl::NetworkKind kind) {
    Config c;
    c.network.kind = kind;
    std::vector<std::string> all;
    for (TunedDimension const& d : tuned_dimensions(c)) all.push_back(d.name);
    return all;
  };
  auto const has = [](std::vector<std::string> const& all, std::string const& name) {
    return std::ranges::find(all, name) != all.end();
  };
  auto const pairs = names(rl::NetworkKind::pairs);
  auto const slots = names(rl::NetworkKind::slots);
  EXPECT_TRUE(has(pairs, "pair_hidden_size_1") && !has(pairs, "hidden_size_1"));
  EXPECT_TRUE(has(slots, "hidden_size_1") && has(slots, "hidden_size_3") && !has(slots, "pair_hidden_size_1"));
  sim::ClassicConfig environment;
  for (Setting const& s : settings(environment)) {
    EXPECT_FALSE(has(pairs, s.name) || has(slots, s.name)) << s.name;
  }
  for (char const* wanted :
       {"learning_rate", "gamma", "batch_size", "epsilon_start", "epsilon_end", "epsilon_decay", "buffer_size",
        "target_update_steps", "double_dqn", "dueling", "prioritized", "n_step", "dropout"}) {
    EXPECT_TRUE(has(slots, wanted)) << wanted;
  }
}

}  // namespace
}  // namespace regulus::lab
