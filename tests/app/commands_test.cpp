// What every command has in common.
#include "tests/app/support.h"
#include "tests/support/sanitized.h"

namespace regulus::app {
namespace {

Words const names{"tune", "compare", "train", "evaluate", "export", "simulate", "report", "config", "bench"};

TEST(Commands, all_are_listed_and_explain_themselves_with_an_example) {
  Workspace workspace;
  std::string const overview = workspace.succeed({"--help"}).out;
  for (std::string const& name : names) {
    EXPECT_NE(overview.find("\n  " + name), std::string::npos) << name;
    std::string const help = workspace.succeed({name, "--help"}).out;
    EXPECT_NE(help.find("\n  regulus " + name), std::string::npos) << name << " shows no example";
    for (char const* flag : {"--json", "--seed", "--scenario"})
      EXPECT_NE(help.find(flag), std::string::npos) << name << flag;
  }
  EXPECT_TRUE(workspace.succeed({"--version"}).out.starts_with("regulus "));
  Outcome const nothing = workspace.run({});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_NE(nothing.out.find("tune"), std::string::npos);
  EXPECT_TRUE(workspace.files().empty());
}

TEST(Commands, all_take_json_seed_and_scenario_and_stay_silent_on_stderr) {
  Workspace workspace;
  train_small(workspace);
  workspace.succeed(
      Words{"tune", "--trials", "2", "--policy", "score_rule", "--eval-episodes", "3", "--validate-seeds", "1"});
  std::map<std::string, Words> const shortest{
      {"tune",
       {"--trials", "2", "--policy", "score_rule", "--eval-episodes", "3", "--validate-seeds", "1", "--study-name",
        "two"}},
      {"compare", Words{"--episodes", "2", "--training-seeds", "1", "--test-days", "3", "--warmup-episodes", "2",
                        "--optimal-config", "data/rl/models/dqn_config.json"} +
                      small_world},
      {"train", Words{"--episodes", "2"} + small_training},
      {"evaluate", {"--episodes", "2"}},
      {"export", {model_file, "--states", "2"}},
      {"simulate", {"--episodes", "2"}},
      {"report", {"--study", "dqn_optimization"}},
      {"config", {"print"}},
      {"bench", is_sanitized ? Words{"--signature"} : Words{"--seconds", "1"}},
  };
  for (std::string const& name : names) {
    Words const words = Words{name, "--json", "--seed", "7", "--scenario", "classic"} + shortest.at(name);
    Outcome const o = workspace.succeed(words);  // which expects an empty stderr
    EXPECT_TRUE(o.json().is_object() && !o.json().has("error")) << o;
  }
}

TEST(Commands, bench_prints_its_keys_and_one_signature) {
  Workspace workspace;
  std::string const signature = workspace.succeed({"bench", "--signature"}).out;
  EXPECT_EQ(signature.size(), 17U);  // 16 digits and a line end
  if (is_sanitized) return;
  Json const b = workspace.succeed({"bench", "--json", "--seconds", "1"}).json();
  for (char const* key : {"classic_steps_per_s", "update_gflops", "gemm_gflops", "act_us"}) {
    ASSERT_TRUE(b.has(key)) << key;
    EXPECT_GT(b.find(key)->as_number(), 0) << key;
  }
  EXPECT_FALSE(b.find("update_ms")->as_object().empty());
  EXPECT_EQ(b.find("signature")->as_string() + "\n", signature);
}

TEST(Commands, a_result_that_nobody_takes_is_an_error) {
  Workspace workspace;
  for (Words const& words : {Words{"config", "docs"}, Words{"simulate", "--episodes", "2", "--json"}}) {
    Outcome const o = workspace.run(words, {.stdout_file = "/dev/full"});
    EXPECT_EQ(o.exit_code, 1) << o;
    EXPECT_NE(o.err.find("standard output"), std::string::npos) << o;
  }
}

TEST(Commands, the_largest_seed_is_recorded_as_it_was_given) {
  Workspace workspace;
  std::string const largest = "9223372036854775807";
  train_small(workspace, {"--seed", largest});
  EXPECT_NE(workspace.bytes("data/rl/logs/metrics_20231114_221320.json").find("\"seed\": " + largest),
            std::string::npos);
  workspace.succeed({"evaluate", "--episodes", "2", "--seed", largest});
}

}  // namespace
}  // namespace regulus::app
