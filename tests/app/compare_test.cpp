#include "tests/app/support.h"

namespace regulus::app {
namespace {

Words const short_compare =
    Words{"compare",           "--json", "--episodes",      "4", "--training-seeds",    "2", "--test-days",    "20",
          "--warmup-episodes", "3",      "--eval-episodes", "3", "--pair-hidden-sizes", "8", "--hidden-sizes", "8,8"} +
    small_world;

std::string const result_file = "data/rl/comparison_results.json";
// As tune writes it, with a parameter that makes a difference.
std::string const tuned = R"({"best_params": {"gamma": 0.5},
  "config": {"environment": {"num_drivers": 3, "max_bookings": 4, "simulation_hours": 1}}})";

// Without what depends on the machine.
Json numbers_of(Json document) {
  document["command"] = Json();
  for (char const* who : {"baseline", "optimized"}) {
    if (document[who].is_object()) document[who]["cpu_seconds"] = Json();
  }
  return document;
}

TEST(Compare, without_a_tuned_configuration_compares_the_default_with_the_rules) {
  Workspace workspace;
  Json const result = workspace.succeed(short_compare).json();
  EXPECT_TRUE(result == parse_json(workspace.bytes(result_file)).take());
  EXPECT_TRUE(result.find("optimized") != nullptr && result.find("optimized")->is_null());
  EXPECT_TRUE(result.find("improvement") != nullptr && result.find("improvement")->is_null());
  for (char const* key : {"mean_reward", "std_reward", "min_reward", "max_reward", "median_reward", "mean_assignments",
                          "mean_late_pickups", "mean_distance", "training_episodes", "mean_by_seed"}) {
    EXPECT_TRUE(result.find("baseline")->has(key)) << key;
  }
  EXPECT_EQ(result.find("baseline")->find("training_episodes")->as_integer(), 4);
  EXPECT_TRUE(result.has("timestamp"));
  for (char const* rule : {"wait", "random", "random_valid", "nearest", "least_time_left", "score_rule"}) {
    EXPECT_TRUE(result.find("references")->has(rule)) << rule;
  }
}

TEST(Compare, shows_default_tuned_and_every_rule_with_paired_intervals_and_a_verdict) {
  Workspace workspace;
  workspace.put("tuned.json", tuned);
  Json const result = workspace.succeed(short_compare + Words{"--optimal-config", "tuned.json"}).json();
  ASSERT_TRUE(result.find("optimized")->is_object());
  for (char const* key : {"reward_percent", "distance_percent", "late_pickups_absolute", "reward_ci95"}) {
    EXPECT_TRUE(result.find("improvement")->has(key)) << key;
  }
  double const lead = result.find("optimized")->find("mean_reward")->as_number() -
                      result.find("baseline")->find("mean_reward")->as_number();
  EXPECT_NEAR(result.find("improvement")->find("reward_absolute")->as_number(), lead, 1e-9);
  // Every sentence of the verdict says what its interval says.
  std::string const verdict = result.find("verdict")->as_string();
  EXPECT_NE(verdict.find("tuned"), std::string::npos);
  EXPECT_NE(verdict.find("95 % interval"), std::string::npos);
  Json const& d = result.find("differences")->as_array().front();
  EXPECT_EQ(d.find("candidate")->as_string() + "/" + d.find("reference")->as_string(), "tuned/default");
  double const low = d.find("ci95")->as_array()[0].as_number();
  double const high = d.find("ci95")->as_array()[1].as_number();
  EXPECT_LE(low, high);
  std::string const expected = low > 0    ? "tuned is better than default"
                               : high < 0 ? "tuned is worse than default"
                                          : "No difference shown between tuned and default";
  EXPECT_EQ(verdict.substr(0, expected.size()), expected);
  EXPECT_EQ(result.find("configs")->find("optimized")->find("agent")->find("gamma")->as_number(), 0.5);
}

TEST(Compare, a_configuration_against_itself_shows_no_difference) {
  Workspace workspace;
  workspace.put("same.json", "{}");
  Json const result = workspace.succeed(short_compare + Words{"--optimal-config", "same.json"}).json();
  EXPECT_EQ(result.find("improvement")->find("reward_absolute")->as_number(), 0);
  EXPECT_TRUE(result.find("verdict")->as_string().starts_with("No difference shown between tuned and default"));
}

TEST(Compare, on_one_and_two_threads_finds_the_same_numbers) {
  Workspace workspace;
  workspace.put("data/rl/optimal_config.json", tuned);  // where it is looked for when not named
  Json const one = numbers_of(workspace.succeed(short_compare + Words{"--threads", "1"}).json());
  Json const two = numbers_of(workspace.succeed(short_compare + Words{"--threads", "2"}).json());
  EXPECT_TRUE(one.find("optimized")->is_object());
  EXPECT_EQ(one.dump(), two.dump());
}

TEST(Compare, another_environment_is_refused_naming_both) {
  Workspace workspace;
  workspace.put("data/rl/optimal_config.json", tuned);
  workspace.refuse({"compare", "--episodes", "2"}, 2, {"num_drivers = 3", "10"});
  workspace.refuse({"compare", "--episodes", "2", "--num-drivers", "7"}, 2, {"num_drivers = 3", "7"});
  workspace.refuse({"compare", "--optimal-config", "missing.json"}, 2, {"missing.json"});
}

}  // namespace
}  // namespace regulus::app
