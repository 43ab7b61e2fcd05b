#include "nn/model_file.h"
#include "tests/app/support.h"

namespace regulus::app {
namespace {

TEST(Export, writes_beside_the_model_and_says_what_goes_in_and_out) {
  Workspace workspace;
  train_small(workspace);
  Json const answer = workspace.succeed({"export", model_file, "--json"}).json();
  EXPECT_EQ(answer.find("output")->as_string(), "data/rl/models/dqn_best.onnx");
  EXPECT_TRUE(*answer.find("inputs") == Json::array_of(std::vector<std::string>{"rows", "baseline"}));
  EXPECT_TRUE(*answer.find("outputs") == Json::array_of(std::vector<std::string>{"values", "choice"}));
  EXPECT_FALSE(answer.has("states"));
  std::string const bytes = workspace.bytes("data/rl/models/dqn_best.onnx");
  for (char const* part : {"regulus", "classic-pairs-2", "layers.0.weight", "reward_scale", "ArgMax"})
    EXPECT_NE(bytes.find(part), std::string::npos) << part;
  EXPECT_FALSE(workspace.has("data/rl/models/dqn_best.states.safetensors"));
  // Again, elsewhere: the same bytes.
  workspace.succeed({"export", model_file, "--output", "out/agent.onnx"});
  EXPECT_EQ(workspace.bytes("out/agent.onnx"), bytes);
}

TEST(Export, states_are_as_many_as_asked_for_and_begin_with_the_first_test_day) {
  Workspace workspace;
  train_small(workspace, {"--network", "slots"});
  Json const answer =
      workspace.succeed({"export", model_file, "--output", "a.onnx", "--states", "40", "--json"}).json();
  EXPECT_TRUE(*answer.find("inputs") == Json::array_of(std::vector<std::string>{"observation", "legal"}));
  EXPECT_EQ(answer.find("states")->find("output")->as_string(), "a.states.safetensors");
  nn::ModelFile const states = nn::read_model(workspace.path("a.states.safetensors")).take();
  // 4 · 3 + 4 · 4 + 2 features, 3 · 4 + 1 actions.
  EXPECT_EQ(states.find("observation")->shape, (std::vector<std::int64_t>{40, 30}));
  EXPECT_EQ(states.find("legal")->shape, (std::vector<std::int64_t>{40, 13}));
  // 12 steps of 30 features a day: from the second day on, the states are those of a start one day later.
  workspace.succeed(
      {"export", model_file, "--states", "28", "--states-output", "later.safetensors", "--seed", "900001"});
  std::vector<float> const all = states.find("observation")->values;
  EXPECT_EQ(nn::read_model(workspace.path("later.safetensors")).take().find("observation")->values,
            std::vector<float>(all.begin() + 360, all.end()));
}

TEST(Export, what_cannot_be_read_or_written_is_named_and_nothing_is_touched) {
  Workspace workspace;
  train_small(workspace);
  workspace.put("text.safetensors", "dear aunt,");
  workspace.put("a_file", "x");
  workspace.refuse({"export"}, 2, {"file", "required"});
  workspace.refuse({"export", "none.safetensors"}, 2, {"none.safetensors", "No such file"});
  workspace.refuse({"export", "text.safetensors"}, 1, {"text.safetensors"});
  workspace.refuse({"export", model_file, "--output", "a_file/agent.onnx"}, 1, {"a_file"});
  workspace.refuse({"export", model_file, "--output", "data"}, 1, {"data", "folder"});
  workspace.refuse({"export", model_file, "--states", "0"}, 2, {"--states", "0"});
  workspace.refuse({"export", model_file, "--states-output", "s"}, 2, {"--states-output", "--states N"});
  workspace.refuse({"export", model_file, "--scenario", "geneva-medical"}, 2, {"--scenario", "classic"});
}

TEST(Export, never_replaces_the_model) {
  Workspace workspace;
  train_small(workspace);
  workspace.refuse({"export", model_file, "--output", "data/rl/../rl/models/dqn_best.safetensors"}, 2,
                   {"--output", "the model itself"});
  workspace.refuse({"export", model_file, "--states", "5", "--states-output", model_file}, 2,
                   {"--states-output", "the model itself"});
  workspace.refuse({"export", model_file, "--output", "a", "--states", "5", "--states-output", "./a"}, 2,
                   {"--states-output", "where the network goes"});
}

}  // namespace
}  // namespace regulus::app
