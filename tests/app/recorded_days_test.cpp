// A company's own days through the commands: a learned value is trained on some of them and judged on others.
#include "sim/scenario.h"
#include "tests/app/support.h"

namespace regulus::app {
namespace {

TEST(RecordedDays, are_learned_on_and_judged_like_a_family) {
  Workspace workspace;
  for (int k = 0; k < 6; ++k) {
    std::string const day = fmt::format("days/valais/2026-03-{:02}.json", k + 1);
    workspace.succeed({"scenario", "generate", "geneva-medical", "--seed", std::to_string(k), "--output", day});
  }
  Words const here{"--scenario", "./days/valais"};
  std::string const model = "data/rl/models/dqn_best.safetensors";
  workspace.succeed(Words{"train", "--episodes", "3", "--warmup-episodes", "3", "--eval-episodes", "2",
                          "--eval-interval", "3", "--buffer-size", "500", "--confirm-episodes", "4", "--final-episodes",
                          "3"} +
                    here);
  // Played, evaluated and judged on the newest day.
  Outcome const played =
      workspace.succeed(Words{"simulate", "--policy", "dqn:" + model, "--days", "3", "--json"} + here);
  EXPECT_EQ(played.json().find("days")->as_integer(), 3);
  workspace.succeed(Words{"evaluate", "--model", model, "--episodes", "3"});
  Outcome const judged = workspace.run(Words{"gate", model, "--days", "2", "--rules", "insertion", "--json"} + here);
  EXPECT_EQ(judged.json().find("families")->as_array()[0].find("family")->as_string(), "valais") << judged;
}

TEST(RecordedDays, that_are_too_few_are_refused_before_anything_is_done) {
  Workspace workspace;
  workspace.succeed({"scenario", "generate", "geneva-medical", "--seed", "1", "--output", "days/one.json"});
  for (char const* command : {"train", "tune", "simulate"}) {
    Outcome const refused = workspace.run({command, "--scenario", "./days"});
    EXPECT_EQ(refused.exit_code, 2) << refused;
    EXPECT_NE(refused.err.find("1 days"), std::string::npos) << refused;
  }
}

}  // namespace
}  // namespace regulus::app
