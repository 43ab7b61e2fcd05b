#include <random>
#include <set>

#include "lab/config.h"
#include "lab/event_file.h"
#include "lab/model.h"
#include "tests/app/support.h"

namespace regulus::app {
namespace {

std::string const checkpoint = "data/rl/models/dqn_checkpoint.rgls";
std::string const events = "data/rl/tensorboard/dqn_20231114_221320/events.out.tfevents.0.regulus";
std::string const metrics = "data/rl/logs/metrics_20231114_221320.json";  // of SOURCE_DATE_EPOCH 1700000000

// What must be equal in two runs: every file but the event file, whose events carry the time of day, and the metrics
// without how long it took. Half-written files of a killed process are nobody's result.
std::map<std::string, std::string> results_of(Workspace const& workspace) {
  auto all = workspace.files();
  std::erase_if(all,
                [](auto const& file) { return file.first == events || file.first.find(".tmp-") != std::string::npos; });
  auto const found = all.find(metrics);
  if (found != all.end()) {
    Json document = parse_json(found->second).take();
    document["wall_seconds"] = Json();
    found->second = document.dump();
  }
  return all;
}

void expect_equal_results(Workspace const& resumed, Workspace const& uninterrupted) {
  auto const a = results_of(resumed);
  auto const b = results_of(uninterrupted);
  auto const names = [](auto const& files) {
    Words all;
    for (auto const& [name, bytes] : files) all.push_back(name);
    return all;
  };
  EXPECT_EQ(names(a), names(b));
  for (auto const& [name, bytes] : b) {
    auto const found = a.find(name);
    EXPECT_TRUE(found != a.end() && found->second == bytes) << name << " differs";
  }
}

// (tag, step) → how often.
std::map<std::pair<std::string, std::int64_t>, int> scalars_of(Workspace const& workspace) {
  std::map<std::pair<std::string, std::int64_t>, int> counts;
  auto const read = lab::read_scalars(workspace.path(events));
  EXPECT_TRUE(read);
  if (read) {
    for (auto const& scalar : *read) ++counts[{scalar.tag, scalar.step}];
  }
  return counts;
}

void expect_each_step_once(Workspace const& workspace, int episodes) {
  auto const counts = scalars_of(workspace);
  for (auto const& [what, count] : counts) EXPECT_EQ(count, 1) << what.first << " " << what.second;
  for (int step = 0; step < episodes; ++step) EXPECT_TRUE(counts.contains({"Training/Reward", step})) << step;
  EXPECT_FALSE(counts.contains({"Training/Reward", episodes}));
}

struct Shape {
  char const* name;
  Words flags;
};
std::ostream& operator<<(std::ostream& stream, Shape const& shape) { return stream << shape.name; }

class TrainOf : public ::testing::TestWithParam<Shape> {
 protected:
  Words const command_ = Words{"train", "--episodes", "24", "--seed", "5"} + small_training + GetParam().flags;
};

INSTANTIATE_TEST_SUITE_P(Networks, TrainOf,
                         ::testing::Values(Shape{"pairs", {"--network", "pairs", "--prioritized"}},
                                           Shape{"slots",
                                                 {"--network", "slots", "--dueling", "--prioritized", "--dropout",
                                                  "0.1", "--layer-norm", "--tau", "0.01"}}),
                         [](auto const& tested) { return tested.param.name; });

TEST_P(TrainOf, killed_again_and_again_and_resumed_writes_the_same_bytes) {
  Workspace whole;
  whole.succeed(command_);
  Workspace killed;
  std::mt19937 dice(11);  // NOLINT(cert-msc51-cpp): the same points each time
  int kills = 0;
  Words command = command_;
  // Each life ends a few moments after one more of its models has appeared, the last one while the best is chosen.
  for (std::string const milestone : {"dqn_checkpoint.rgls", "dqn_ep0003.safetensors", "dqn_ep0009.safetensors",
                                      "dqn_ep0012.safetensors", "dqn_ep0021.safetensors", "dqn_final.safetensors"}) {
    Child life = killed.start(command);
    int more = static_cast<int>(dice() % 8);
    life.until([&] { return killed.has("data/rl/models/" + milestone) && more-- == 0; });
    life.signal(SIGKILL);
    Outcome const end = life.wait();
    kills += end.exit_code == 128 + SIGKILL ? 1 : 0;
    ASSERT_TRUE(end.exit_code == 128 + SIGKILL || end.exit_code == 0) << end;
    ASSERT_TRUE(killed.has(checkpoint)) << milestone;
    command = {"train", "--resume"};
  }
  EXPECT_GE(kills, 3) << "the program was too fast for this test to mean anything";
  killed.succeed(command);
  expect_equal_results(killed, whole);
  expect_each_step_once(killed, 24);
  EXPECT_TRUE(scalars_of(killed) == scalars_of(whole));
}

TEST_P(TrainOf, interrupted_by_ctrl_c_says_how_to_continue_and_continues_to_the_same_bytes) {
  Workspace whole;
  whole.succeed(command_);
  Workspace stopped;
  Child life = stopped.start(command_);
  ASSERT_TRUE(life.until([&] { return stopped.has("data/rl/models/dqn_ep0006.safetensors"); }));
  life.signal(SIGINT);
  Outcome const end = life.wait();
  EXPECT_EQ(end.exit_code, 130) << end;
  EXPECT_NE(end.err.find("--resume"), std::string::npos) << end;
  EXPECT_FALSE(stopped.has(metrics));
  // The command that was given, with --resume, is as good as --resume alone.
  stopped.succeed(command_ + Words{"--resume"});
  expect_equal_results(stopped, whole);
  expect_each_step_once(stopped, 24);
}

TEST(Train, on_another_number_of_threads_writes_the_same_bytes) {
  Workspace one;
  Workspace three;
  one.succeed(Words{"train", "--episodes", "9", "--threads", "1"} + small_training);
  three.succeed(Words{"train", "--episodes", "9", "--threads", "3"} + small_training);
  expect_equal_results(one, three);
}

TEST(Train, killed_before_its_first_models_can_be_resumed) {
  Words const command = Words{"train", "--episodes", "9", "--save-interval", "1000"} + small_world +
                        Words{"--eval-episodes", "4", "--confirm-episodes", "4", "--final-episodes", "4"};
  Workspace whole;
  whole.succeed(command);
  Workspace killed;
  Child life = killed.start(command);
  ASSERT_TRUE(life.until([&] { return killed.has("data/rl/models/dqn_config.json"); }));
  life.signal(SIGKILL);
  ASSERT_EQ(life.wait().exit_code, 128 + SIGKILL);
  killed.succeed({"train", "--resume"});
  expect_equal_results(killed, whole);
}

TEST(Train, a_new_run_killed_early_is_not_continued_as_the_old_one) {
  Workspace workspace;
  train_small(workspace);
  Words const command = Words{"train", "--episodes", "500", "--gamma", "0.91"} + small_training;
  Child life = workspace.start(command);
  ASSERT_TRUE(
      life.until([&] { return workspace.bytes("data/rl/models/dqn_config.json").find("0.91") != std::string::npos; }));
  life.signal(SIGKILL);
  life.wait();
  workspace.refuse(Words{"train", "--resume", "--episodes", "500", "--gamma", "0.5"} + small_training, 2,
                   {"gamma", "0.5", "0.91"});
}

TEST(Train, a_new_run_of_the_same_second_starts_its_events_anew) {
  Workspace workspace;
  train_small(workspace);
  train_small(workspace, {"--seed", "9"});
  expect_each_step_once(workspace, 6);
}

TEST(Train, resumed_after_its_end_changes_nothing) {
  Workspace workspace;
  train_small(workspace);
  auto const before = results_of(workspace);
  workspace.succeed({"train", "--resume"});
  EXPECT_TRUE(results_of(workspace) == before);
}

TEST(Train, resume_with_other_settings_is_refused_naming_both) {
  Workspace workspace;
  train_small(workspace, {"--gamma", "0.95", "--seed", "31"});
  Words const same = Words{"train", "--resume", "--episodes", "6"} + small_training;
  workspace.refuse(same + Words{"--gamma", "0.5"}, 2, {"agent.gamma", "0.5", "0.95", "checkpoint"});
  workspace.refuse({"train", "--resume", "--seed", "77"}, 2, {"--seed 77", "31"});
  Workspace empty;
  empty.refuse({"train", "--resume"}, 2, {"nothing to resume", "dqn_checkpoint.rgls"});
}

TEST(Train, a_damaged_checkpoint_is_refused_and_left_alone) {
  Workspace workspace;
  train_small(workspace);
  std::string const good = workspace.bytes(checkpoint);
  ASSERT_GT(good.size(), 1000U);
  Words damaged{"",
                good.substr(0, 3),
                good.substr(0, good.size() / 2),
                good.substr(0, good.size() - 1),
                good + "x",
                "this is a letter to my aunt",
                "{}"};
  for (std::size_t i = 0; i < 40; ++i) {
    damaged.push_back(good);
    damaged.back()[i * (good.size() - 1) / 39] ^= 0x20;
  }
  for (std::string const& bytes : damaged) {
    workspace.put(checkpoint, bytes);
    workspace.refuse({"train", "--resume"}, 1, {"dqn_checkpoint.rgls"});
  }
}

TEST(Train, metrics_have_the_predecessors_keys_and_say_how_the_figures_came_about) {
  Workspace workspace;
  train_small(workspace);
  Json const m = parse_json(workspace.bytes(metrics)).take();
  for (char const* key :
       {"timestamp", "episodes", "learning_rate", "gamma", "epsilon_decay", "batch_size", "final_epsilon",
        "training_steps", "best_eval_reward", "final_eval", "episode_rewards", "seed", "environment", "config"}) {
    EXPECT_TRUE(m.has(key)) << key;
  }
  for (char const* key : {"avg_reward", "std_reward", "min_reward", "max_reward", "avg_steps", "avg_assignments",
                          "avg_late_pickups", "ci95"}) {
    EXPECT_TRUE(m.find("final_eval")->has(key)) << key;
  }
  EXPECT_EQ(m.find("episode_rewards")->as_array().size(), 6U);
  EXPECT_EQ(m.find("environment")->find("num_drivers")->as_integer(), 3);
  EXPECT_EQ(m.find("timestamp")->as_string(), "2023-11-14T22:13:20Z");
  // The scalars of the predecessor, the averages once there are days enough.
  std::set<std::string> tags;
  for (auto const& [what, count] : scalars_of(workspace)) tags.insert(what.first);
  EXPECT_EQ(tags, (std::set<std::string>{"Training/Reward", "Training/Epsilon", "Training/Loss", "Training/Steps",
                                         "Training/BufferSize", "Evaluation/AvgReward", "Evaluation/StdReward",
                                         "Evaluation/AvgSteps"}));
}

TEST(Train, applies_every_tuned_parameter_of_what_tune_wrote) {
  for (std::string const network : {"pairs", "slots"}) {
    Workspace workspace;
    Json const tuned = workspace
                           .succeed(Words{"tune",
                                          "--json",
                                          "--trials",
                                          "2",
                                          "--episodes",
                                          "2",
                                          "--eval-episodes",
                                          "2",
                                          "--sampler",
                                          "random",
                                          "--jobs",
                                          "1",
                                          "--select-top",
                                          "1",
                                          "--select-seeds",
                                          "1",
                                          "--validate-seeds",
                                          "1",
                                          "--warmup-episodes",
                                          "2",
                                          "--network",
                                          network} +
                                    small_world)
                           .json();
    Json const* const best = tuned.find("best_params");
    ASSERT_TRUE(best != nullptr && best->is_object());
    workspace.succeed(Words{"train", "--config", "data/rl/optimal_config.json", "--episodes", "2", "--eval-episodes",
                            "2", "--confirm-episodes", "2", "--final-episodes", "2"});
    lab::Config used;
    ASSERT_TRUE(lab::apply_document(used, *parse_json(workspace.bytes(metrics)).take().find("config")));
    int layers = 0;
    for (auto const& [name, value] : best->as_object()) {
      std::string const stem = network == "pairs" ? "pair_hidden_size_" : "hidden_size_";
      if (name.starts_with(stem)) {
        auto const layer = static_cast<std::size_t>(std::stoi(name.substr(stem.size()))) - 1;
        ASSERT_LT(layer, used.network.hidden().size());
        EXPECT_EQ(used.network.hidden()[layer], value.as_number()) << name;
        ++layers;
        continue;
      }
      auto const leaves = settings(used);
      auto const leaf = std::ranges::find(leaves, name, &Setting::name);
      ASSERT_NE(leaf, leaves.end()) << name;
      Json const applied = leaf->get();
      EXPECT_TRUE(applied == value ||
                  (applied.is_number() && value.is_number() && applied.as_number() == value.as_number()))
          << name << " is " << applied.dump() << ", tuned " << value.dump();
    }
    EXPECT_EQ(layers, static_cast<int>(used.network.hidden().size()));
    EXPECT_EQ(used.environment.num_drivers, 3);
    // The model says so too.
    Result<lab::Model> const model = lab::load_model(workspace.path(model_file));
    ASSERT_TRUE(model);
    EXPECT_TRUE(model->config.network == used.network && model->config.agent == used.agent &&
                model->config.replay == used.replay);
  }
}

TEST(Train, a_flag_beats_an_environment_variable_beats_the_file_beats_the_default) {
  Workspace workspace;
  workspace.put("c.json", R"({"agent": {"gamma": 0.91, "batch_size": 9, "epsilon_end": 0.02}})");
  Words const command = Words{"config", "print", "--json", "--config", "c.json", "--gamma", "0.93"};
  Start const how{.environment = {"REGULUS_AGENT_GAMMA=0.92", "REGULUS_AGENT_BATCH_SIZE=10"}};
  Json const agent = *workspace.succeed(command, how).json().find("agent");
  EXPECT_EQ(agent.find("gamma")->as_number(), 0.93);
  EXPECT_EQ(agent.find("batch_size")->as_integer(), 10);
  EXPECT_EQ(agent.find("epsilon_end")->as_number(), 0.02);
}

TEST(Train, on_a_full_disk_says_so_and_the_last_good_files_stay_whole) {
  Workspace workspace;
  train_small(workspace);
  auto const before = workspace.files();
  // Smaller than a checkpoint, larger than a configuration.
  ASSERT_GT(before.at(checkpoint).size(), 20'000U);
  Outcome const failed =
      workspace.run(Words{"train", "--episodes", "6", "--seed", "2", "--tensorboard-dir", "other"} + small_training,
                    {.largest_file = 20'000});
  EXPECT_EQ(failed.exit_code, 1) << failed;
  EXPECT_NE(failed.err.find("File too large"), std::string::npos) << failed;
  EXPECT_NE(failed.err.find("dqn_"), std::string::npos) << failed;
  EXPECT_TRUE(workspace.bytes(checkpoint) == before.at(checkpoint));
  for (auto const& [name, bytes] : workspace.files()) EXPECT_EQ(name.find(".tmp-"), std::string::npos) << name;
  workspace.succeed({"train", "--resume"});
}

}  // namespace
}  // namespace regulus::app
