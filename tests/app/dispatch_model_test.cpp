// A learned value from its training to its verdict.
#include "tests/app/support.h"

namespace regulus::app {
namespace {

Words const medical{"--scenario", "geneva-medical"};

void train_small_value(Workspace& workspace) {
  workspace.succeed(Words{"train", "--episodes", "3"} + medical +
                    Words{"--warmup-episodes",    "3", "--eval-interval",    "3", "--eval-episodes",  "2",
                          "--confirm-candidates", "1", "--confirm-episodes", "2", "--final-episodes", "2",
                          "--pair-hidden-sizes",  "8", "--batch-size",       "8", "--buffer-size",    "2000",
                          "--probe-states",       "8", "--updates-per-step", "1"});
}

TEST(DispatchModel, is_trained_evaluated_played_exported_and_judged) {
  Workspace workspace;
  train_small_value(workspace);
  ASSERT_TRUE(workspace.has(model_file));

  // What evaluate says on its days is what they cost when the policy plays them.
  Outcome const evaluated = workspace.succeed({"evaluate", "--model", model_file, "--episodes", "4", "--json"});
  EXPECT_LT(evaluated.number({"dqn", "reward", "mean"}), 0);
  Outcome const again =
      workspace.succeed({"evaluate", "--model", model_file, "--episodes", "4", "--json", "--threads", "1"});
  EXPECT_EQ(again.out, evaluated.out);

  for (std::string const policy : {"dqn:", "dqn_insertion:"}) {
    workspace.succeed(Words{"simulate", "--policy", policy + model_file} + medical);
  }

  workspace.succeed({"export", model_file, "--output", "value.onnx"});
  EXPECT_NE(workspace.bytes("value.onnx").find("regulus-plan-features-2"), std::string::npos);

  // Three days pass no verdict, but one is given.
  Outcome const judged = workspace.run(
      Words{"gate", model_file, "--days", "3", "--rules", "insertion", "--max-decide-ms", "100000"} + medical);
  EXPECT_TRUE(judged.exit_code == 0 || judged.exit_code == 3) << judged;
  std::string const record = model_file + ".gate.json";
  ASSERT_TRUE(workspace.has(record)) << judged;
  EXPECT_TRUE(parse_json(workspace.bytes(record)));
}

TEST(DispatchModel, is_refused_where_it_does_not_belong) {
  Workspace workspace;
  train_small(workspace);  // of the classic world
  auto const simulate = [](std::string const& policy) { return Words{"simulate", "--policy", policy} + medical; };
  workspace.refuse(simulate("dqn:missing"), 2, {"missing"});
  workspace.refuse(simulate("lns:x"), 2, {"lns:x", "dqn"});
  workspace.refuse(simulate("dqn:" + model_file), 2, {"format", "regulus-dqn-1", "regulus-dispatch-1"});
  workspace.refuse(Words{"train", "--dueling", "--episodes", "3"} + medical, 2, {"geneva-medical", "dueling"});
  workspace.refuse({"train", "--scenario", "geneva-medcal", "--episodes", "3"}, 2, {"geneva-medical"});
}

}  // namespace
}  // namespace regulus::app
