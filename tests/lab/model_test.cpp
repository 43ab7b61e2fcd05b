#include "lab/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lab/evaluate.h"
#include "lab/training_run.h"
#include "nn/model_file.h"
#include "tests/lab/builders.h"

namespace regulus::lab {
namespace {

class ModelOf : public ::testing::TestWithParam<rl::NetworkKind> {
 protected:
  ModelOf()
      : run_(
            [] {
              Config c = a_small_config(GetParam());
              c.network.dueling = true;
              c.network.layer_norm = true;
              return c;
            }(),
            3) {
    run_.run_episode();
    model_ = run_.snapshot();
    EXPECT_TRUE(save_model(file(), *model_));
  }
  std::filesystem::path file() const { return folder_.path("m.safetensors"); }
  // The file with one thing changed.
  Result<Model> reloaded(std::function<void(nn::ModelFile&)> const& change) const {
    nn::ModelFile content = nn::read_model(file()).take();
    change(content);
    std::filesystem::path const other = folder_.path("other.safetensors");
    EXPECT_TRUE(nn::write_model(other, content));
    return load_model(other);
  }

  TemporaryFolder folder_;
  TrainingRun run_;
  std::shared_ptr<Model const> model_;
};
INSTANTIATE_TEST_SUITE_P(Networks, ModelOf, ::testing::Values(rl::NetworkKind::pairs, rl::NetworkKind::slots),
                         [](auto const& tested) {
                           return std::string(rl::enum_names(tested.param)[static_cast<std::size_t>(tested.param)]);
                         });

TEST_P(ModelOf, saved_and_loaded_has_the_same_weights_configuration_and_play) {
  Result<Model> const loaded = load_model(file());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(to_json(loaded->config).dump(), to_json(model_->config).dump());
  EXPECT_EQ(loaded->seed, 3U);
  EXPECT_EQ(loaded->episodes, 1);
  EXPECT_EQ(loaded->network.reward_scale(), model_->network.reward_scale());
  auto const a = loaded->network.network().parameters();
  auto const b = model_->network.network().parameters();
  EXPECT_TRUE(std::ranges::equal(a, b));
  auto const days = scenario_seeds(Role::test, 0, 10);
  auto const& world = model_->config.environment;
  EXPECT_EQ(rewards_of(play_days(model_factory(std::make_shared<Model const>(*loaded)), world, days, 1)),
            rewards_of(play_days(model_factory(model_), world, days, 1)));
}

// Play through the policy is play through the learner's own environment: nothing is described twice.
TEST_P(ModelOf, plays_as_the_training_run_evaluates) {
  auto const days = scenario_seeds(Role::test, 0, 10);
  EXPECT_EQ(rewards_of(play_days(model_factory(model_), model_->config.environment, days, 2)), run_.evaluate(days, 1));
}

TEST_P(ModelOf, with_anything_wrong_is_refused_with_the_reason) {
  auto const expect_refused = [&](ErrorKind kind, std::string const& said,
                                  std::function<void(nn::ModelFile&)> const& change) {
    Result<Model> const loaded = reloaded(change);
    ASSERT_FALSE(loaded) << said;
    EXPECT_EQ(static_cast<int>(loaded.error().kind), static_cast<int>(kind)) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find(said), std::string::npos) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find("other.safetensors"), std::string::npos);
  };
  ASSERT_TRUE(reloaded([](nn::ModelFile&) {}));
  for (char const* key : {"format", "config", "seeds", "episodes", "reward_scale", "schema", "architecture_hash"}) {
    expect_refused(ErrorKind::invalid, key, [&](nn::ModelFile& f) { f.metadata.erase(key); });
  }
  expect_refused(ErrorKind::invalid, "regulus-dqn-9", [](nn::ModelFile& f) { f.metadata["format"] = "regulus-dqn-9"; });
  expect_refused(ErrorKind::invalid, "schema is elsewhere",
                 [](nn::ModelFile& f) { f.metadata["schema"] = "elsewhere"; });
  expect_refused(ErrorKind::invalid, "architecture hash",
                 [](nn::ModelFile& f) { f.metadata["architecture_hash"] = "0"; });
  expect_refused(ErrorKind::invalid, "reward_scale = 0", [](nn::ModelFile& f) { f.metadata["reward_scale"] = "0"; });
  expect_refused(ErrorKind::invalid, "agent.gamma = 3",
                 [](nn::ModelFile& f) { f.metadata["config"] = R"({"agent": {"gamma": 3}})"; });
  // Another world needs another network.
  expect_refused(ErrorKind::invalid, GetParam() == rl::NetworkKind::slots ? "architecture hash" : "num_drivers",
                 [](nn::ModelFile& f) {
                   Json config = parse_json(f.metadata["config"]).take();
                   config["environment"]["num_drivers"] = GetParam() == rl::NetworkKind::slots ? 9 : 0;
                   f.metadata["config"] = config.dump();
                 });
  expect_refused(ErrorKind::corrupt, "tensors", [](nn::ModelFile& f) { f.tensors.pop_back(); });
  expect_refused(ErrorKind::corrupt, "another size", [](nn::ModelFile& f) {
    f.tensors.front().shape = {1};
    f.tensors.front().values.resize(1);
  });
  for (float weight : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    expect_refused(ErrorKind::corrupt, "no finite number",
                   [&](nn::ModelFile& f) { f.tensors.back().values.front() = weight; });
  }
}

}  // namespace
}  // namespace regulus::lab
