#include "tests/app/support.h"
#include "tests/support/sanitized.h"

namespace regulus::app {
namespace {

TEST(Evaluate, writes_the_predecessors_keys_and_every_rule_beside_the_model) {
  Workspace workspace;
  train_small(workspace);
  Words const command = {"evaluate", "--json", "--episodes", "30", "--compare-baseline", "--save-results", "e/r.json"};
  Json const result = workspace.succeed(command + Words{"--threads", "1"}).json();
  EXPECT_TRUE(result == parse_json(workspace.bytes("e/r.json")).take());
  EXPECT_EQ(result.find("model")->as_string(), model_file);
  EXPECT_EQ(result.find("episodes")->as_integer(), 30);
  auto const expect_keys = [](Json const& of, char const* part, std::vector<char const*> const& keys) {
    ASSERT_TRUE(of.has(part)) << part;
    for (char const* key : keys) EXPECT_TRUE(of.find(part)->has(key)) << part << "." << key;
  };
  for (char const* who : {"dqn", "baseline"}) {
    Json const& figures = *result.find(who);
    expect_keys(figures, "reward", {"mean", "std", "min", "max", "median", "ci95"});
    expect_keys(figures, "steps", {"mean", "std"});
    expect_keys(figures, "assignments", {"mean", "std", "total"});
    expect_keys(figures, "late_pickups", {"mean", "std", "total"});
    expect_keys(figures, "cancellations", {"mean", "std", "total"});
    expect_keys(figures, "distance", {"mean", "total"});
    expect_keys(figures, "completion_rate", {"mean", "std"});
    EXPECT_TRUE(figures.has("late_pickup_rate") && figures.has("episodes"));
    EXPECT_EQ(figures.find("steps")->find("mean")->as_number(), 12);  // an hour of steps of five minutes
    double const total = figures.find("assignments")->find("total")->as_number();
    EXPECT_DOUBLE_EQ(figures.find("assignments")->find("mean")->as_number() * 30, total);
  }
  // The paired lead is the difference of the means: the days are the same.
  for (auto const& [rule, figures] : result.find("references")->as_object()) {
    double const difference = result.find("dqn")->find("reward")->find("mean")->as_number() -
                              figures.find("reward")->find("mean")->as_number();
    EXPECT_NEAR(figures.find("lead_of_model")->find("mean")->as_number(), difference, 1e-9) << rule;
  }
  EXPECT_TRUE(*result.find("baseline") == *result.find("references")->find("random"));
  EXPECT_EQ(workspace.succeed(command + Words{"--threads", "3"}).out, result.dump() + "\n");
  // simulate plays the same days with the same model.
  Outcome const simulated = workspace.succeed(
      Words{"simulate", "--json", "--policy", "model:" + model_file, "--episodes", "30"} + small_world);
  EXPECT_EQ(simulated.number({"reward", "mean"}), result.find("dqn")->find("reward")->find("mean")->as_number());
}

TEST(Simulate, prints_the_promised_keys_and_the_same_numbers_on_any_number_of_threads) {
  Workspace workspace;
  for (std::string const rule : {"wait", "random", "random_valid", "nearest", "least_time_left", "score_rule"}) {
    Words const command = {"simulate", "--json", "--policy", rule, "--episodes", "60"};
    Outcome const one = workspace.succeed(command + Words{"--threads", "1"});
    EXPECT_EQ(workspace.succeed(command + Words{"--threads", "4"}).out, one.out);
    Json const result = one.json();
    EXPECT_EQ(result.find("policy")->as_string(), rule);
    EXPECT_EQ(result.find("episodes")->as_integer(), 60);
    for (char const* key :
         {"assignments", "late_pickups", "cancellations", "refused", "distance_km", "completion_rate"})
      EXPECT_TRUE(result.has(key) && result.find(key)->is_number()) << key;
    for (char const* key : {"mean", "std", "ci95"}) EXPECT_TRUE(result.find("reward")->has(key)) << key;
    EXPECT_EQ(result.find("seed")->as_integer(), 900'000);
  }
  EXPECT_TRUE(workspace.files().empty());
}

// The table of the specification's section 1.8, 10 × 20, two hours, V1.
TEST(Simulate, rules_earn_what_the_specification_says) {
  Workspace workspace;
  for (auto const& [rule, reward] : std::map<std::string, double>{
           {"random", -1943}, {"random_valid", 454}, {"nearest", 986}, {"least_time_left", 1475}}) {
    Outcome const o = workspace.succeed(
        {"simulate", "--json", "--policy", rule, "--episodes", is_sanitized ? "600" : "3000", "--seed", "900000"});
    EXPECT_NEAR(o.number({"reward", "mean"}), reward, 50) << rule;
  }
}

TEST(Simulate, environment_variables_and_flags_reach_the_world) {
  Workspace workspace;
  Words const command = {"simulate", "--json", "--episodes", "2"};
  Start const how{.environment = {"REGULUS_ENVIRONMENT_NUM_DRIVERS=5"}};
  EXPECT_EQ(workspace.succeed(command, how).number({"environment", "num_drivers"}), 5);
  EXPECT_EQ(workspace.succeed(command + Words{"--num-drivers", "6"}, how).number({"environment", "num_drivers"}), 6);
  workspace.refuse(command, 2, {"REGULUS_ENVIRONMENT_NUM_DRIVERS", "environment.num_drivers", "0"},
                   {.environment = {"REGULUS_ENVIRONMENT_NUM_DRIVERS=0"}});
}

TEST(Evaluate, a_model_of_another_environment_is_refused_naming_both) {
  Workspace workspace;
  train_small(workspace);
  workspace.refuse({"evaluate", "--num-drivers", "4"}, 2, {"num_drivers = 3", "the model", "4"});
  workspace.refuse({"evaluate", "--reward", "V2"}, 2, {"reward = \"V1\"", "\"V2\""});
  workspace.refuse({"evaluate"}, 2, {"max_bookings = 4", "9"}, {.environment = {"REGULUS_ENVIRONMENT_MAX_BOOKINGS=9"}});
  workspace.refuse({"simulate", "--policy", "model:" + model_file}, 2, {"num_drivers = 3", "10"});
  workspace.refuse({"simulate", "--policy", "model:" + model_file, "--reward", "V3.3", "--num-drivers", "3",
                    "--max-bookings", "4", "--simulation-hours", "1"},
                   2, {"reward = \"V1\"", "\"V3.3\""});
}

TEST(Evaluate, a_damaged_model_is_refused_and_left_alone) {
  Workspace workspace;
  train_small(workspace);
  std::string const good = workspace.bytes(model_file);
  ASSERT_GT(good.size(), 1000U);
  Words damaged{"",  good.substr(0, 4), good.substr(0, 200), good.substr(0, good.size() - 1), good + '\0', "a letter\n",
                "{}"};
  for (std::size_t at = 0; at < good.size(); at += is_sanitized ? 970 : 97) {
    damaged.push_back(good);
    damaged.back()[at] ^= 0x10;
  }
  damaged.push_back(good);
  for (std::size_t at = 0; at < good.size(); at += 97) damaged.back()[at] ^= 0x01;
  for (std::string const& bytes : damaged) {
    workspace.put(model_file, bytes);
    Outcome const o = workspace.run({"evaluate", "--episodes", "2", "--json"});
    EXPECT_TRUE(o.exit_code == 1 || o.exit_code == 2) << o;
    EXPECT_NE(o.err.find("dqn_best.safetensors"), std::string::npos) << o;
    EXPECT_EQ(workspace.bytes(model_file), bytes);
    Json const printed = o.json();
    Json const* const error = printed.find("error");
    ASSERT_NE(error, nullptr) << o;
    EXPECT_NE(o.err.find(error->find("message")->as_string()), std::string::npos);
  }
  std::filesystem::remove(workspace.path(model_file));
  workspace.refuse({"evaluate"}, 2, {"dqn_best.safetensors", "No such file"});
  std::filesystem::create_directory(workspace.path(model_file));
  workspace.refuse({"evaluate"}, 1, {"dqn_best.safetensors", "directory"});
}

}  // namespace
}  // namespace regulus::app
