// Training on days of the dispatch world.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/seeds.h"
#include "lab/scenarios.h"
#include "lab/train.h"
#include "tests/lab/builders.h"

namespace regulus::lab {
namespace {

Config a_small_dispatch_config() {
  Config c = dispatch_defaults("geneva-medical");
  c.network.pairs.pair_hidden_sizes = {8};
  c.agent.batch_size = 8;
  c.agent.updates_per_step = 1;
  c.agent.learning_rate = 5e-3;
  c.replay.buffer_size = 2'000;
  c.training.episodes = 6;
  c.training.warmup_episodes = 4;
  c.training.eval_interval = 3;
  c.training.eval_episodes = 3;
  c.training.save_interval = 2;
  c.training.confirm_candidates = 1;
  c.training.confirm_episodes = 1;
  c.training.final_episodes = 2;
  c.sentinel.probe_states = 8;
  c.sentinel.probe_interval = 20;
  return c;
}

TrainOptions options_in(TemporaryFolder const& folder) {
  return {.config = a_small_dispatch_config(),
          .seed = 8,
          .folders = {folder.path("models"), folder.path("logs"), folder.path("tensorboard")},
          .stamp = "20260101_000000",
          .timestamp = "2026-01-01T00:00:00Z",
          .resume = false,
          .threads = 2};
}

// Every file of the models' folder, by name.
std::map<std::string, std::string> models_in(TemporaryFolder const& folder) {
  std::map<std::string, std::string> files;
  for (auto const& entry : std::filesystem::directory_iterator(folder.path("models"))) {
    files[entry.path().filename().string()] = read_file(entry.path()).take();
  }
  return files;
}

// Thrown out of a training, as nothing is that the program does by itself: the process is gone.
struct Killed {};

TEST(DispatchTraining, killed_and_resumed_equals_a_whole_one) {
  TemporaryFolder whole, broken;
  Result<TrainOutcome> const all = train(options_in(whole));
  ASSERT_TRUE(all) << all.error().message;
  TrainOptions options = options_in(broken);
  EXPECT_THROW(train(options,
                     [](int done, int, std::optional<double>) {
                       if (done == 5) throw Killed{};
                     }),
               Killed);
  options.resume = true;
  options.config.reset();
  options.seed.reset();
  Result<TrainOutcome> const rest = train(options);
  ASSERT_TRUE(rest) << rest.error().message;
  auto const a = models_in(whole), b = models_in(broken);
  ASSERT_EQ(a.size(), b.size());
  for (auto const& [name, bytes] : a) EXPECT_TRUE(b.contains(name) && b.at(name) == bytes) << name;
  EXPECT_EQ(rest->best.reward.mean, all->best.reward.mean);
  EXPECT_EQ(rest->trust, all->trust);
}

TEST(DispatchTraining, delivers_a_network_that_is_what_its_figures_say) {
  TemporaryFolder folder;
  Result<TrainOutcome> const o = train(options_in(folder));
  ASSERT_TRUE(o) << o.error().message;
  auto const days = scenario_seeds(Role::validate, 8, a_small_dispatch_config().training.final_episodes);
  Result<Model> best = load_model(o->best_file);
  ASSERT_TRUE(best) << best.error().message;
  EXPECT_EQ(best->config.scenario, "geneva-medical");
  EXPECT_EQ(best->trust, o->trust);
  EXPECT_EQ(best->fleet.fewest, 3);
  EXPECT_EQ(best->fleet.most, 5);
  EXPECT_EQ(mean(rewards_of(play_days(model_players(std::make_shared<Model const>(best.take())), days, 1))),
            o->best.reward.mean);
  std::vector<std::string> rules;
  for (auto const& [name, lead] : o->leads) rules.push_back(name);
  for (char const* rule : {"insertion", "lns", "lns_futures"}) {
    EXPECT_NE(std::ranges::find(rules, rule), rules.end()) << rule;
  }
}

TEST(DispatchModel, saved_and_loaded_plays_the_same_days) {
  TemporaryFolder folder;
  TrainingRun run(a_small_dispatch_config(), 3);
  run.run_episode();
  Model model = *run.snapshot();
  model.trust = 0.6;
  ASSERT_TRUE(save_model(folder.path("m.safetensors"), model));
  Result<Model> loaded = load_model(folder.path("m.safetensors"));
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(to_json(loaded->config).dump(), to_json(model.config).dump());
  EXPECT_EQ(loaded->seed, 3U);
  EXPECT_EQ(loaded->episodes, 1);
  EXPECT_EQ(loaded->trust, dispatch::Trust(0.6));
  EXPECT_EQ(loaded->network.reward_scale(), model.network.reward_scale());
  EXPECT_TRUE(std::ranges::equal(loaded->network.network().parameters(), model.network.network().parameters()));
  auto const days = scenario_seeds(Role::test, 0, 6);
  auto const here = std::make_shared<Model const>(model), there = std::make_shared<Model const>(loaded.take());
  EXPECT_EQ(rewards_of(play_days(model_players(there, Use::insertion), days, 2)),
            rewards_of(play_days(model_players(here, Use::insertion), days, 1)));
  // Dispatch reads the very same file.
  auto const value = dispatch::load_value_model(folder.path("m.safetensors"));
  ASSERT_TRUE(value) << value.error().message;
  std::vector<float> const row(dispatch::plan_features, 0.5F);
  EXPECT_EQ((*value)->value(row), dispatch::ValueModel(value_network(model)).value(row));
}

TEST(DispatchModel, of_the_classic_world_is_refused_by_its_format) {
  TemporaryFolder folder;
  TrainingRun run(a_small_config(), 3);
  ASSERT_TRUE(save_model(folder.path("m.safetensors"), *run.snapshot()));
  auto const value = dispatch::load_value_model(folder.path("m.safetensors"));
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().kind, ErrorKind::invalid);
  for (char const* said : {"format", "regulus-dqn-1", "regulus-dispatch-1", "m.safetensors"}) {
    EXPECT_NE(value.error().message.find(said), std::string::npos) << value.error().message;
  }
}

TEST(DispatchTraining, refuses_networks_that_are_no_value_of_plans) {
  auto const said = [](std::function<void(Config&)> const& change) {
    Config config = a_small_dispatch_config();
    change(config);
    Status const checked = check_consistent(config);
    return checked ? "accepted" : checked.error().message;
  };
  ASSERT_EQ(said([](Config&) {}), "accepted");
  for (auto const& [setting, message] : {std::pair{"dueling", said([](Config& c) { c.network.dueling = true; })},
                                         {"layer_norm", said([](Config& c) { c.network.layer_norm = true; })},
                                         {"residual", said([](Config& c) { c.network.pairs.residual = false; })},
                                         {"pairs", said([](Config& c) { c.network.kind = rl::NetworkKind::slots; })}}) {
    EXPECT_NE(message.find(setting), std::string::npos) << message;
    EXPECT_NE(message.find("geneva-medical"), std::string::npos) << message;
  }
  std::string const large = said([](Config& c) { c.network.pairs.pair_hidden_sizes = {256, 256}; });
  EXPECT_NE(large.find("pair_hidden_sizes"), std::string::npos) << large;
  EXPECT_NE(large.find("25000"), std::string::npos) << large;
  std::string const unknown = said([](Config& c) { c.scenario = "geneva-medcal"; });
  EXPECT_NE(unknown.find("geneva-medical"), std::string::npos) << unknown;
}

}  // namespace
}  // namespace regulus::lab
