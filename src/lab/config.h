// The whole configuration of a training run, and the files it comes from.
//
// A file may be a configuration as `config print` writes it, or what `tune` wrote: then its "config" is read first and
// its "best_params" on top, so that every tuned parameter is applied as tuned. A flag beats the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <tuple>

#include "core/config.h"
#include "rl/dqn.h"
#include "rl/sentinel.h"
#include "sim/classic.h"

namespace regulus::lab {

// As a teacher: the environment's own rule.
inline constexpr std::string_view rule_as_teacher = "rule";

struct TrainingConfig {
  int episodes = 1000;
  int warmup_episodes = 100;
  double warmup_exploration = 0.3;
  std::string teacher{rule_as_teacher};
  int pretraining_updates = 0;
  int eval_interval = 50;
  int eval_episodes = 100;
  int save_interval = 100;
  int confirm_candidates = 3;
  int confirm_episodes = 400;
  int final_episodes = 500;
  int patience = 0;

  static constexpr auto fields() {
    return std::tuple{
        field(&TrainingConfig::episodes, "episodes", "Days to learn on.", range(1, 10'000'000)),
        field(&TrainingConfig::warmup_episodes, "warmup_episodes",
              "Days played by the rule before learning: they fix the reward scale, the sentinel's probe states and the "
              "first replay.",
              range(1, 100'000)),
        field(&TrainingConfig::warmup_exploration, "warmup_exploration",
              "Share of random choices in the days of warm-up.", range(0, 1)),
        field(&TrainingConfig::teacher, "teacher",
              "Who plays the days of warm-up: rule (the cheapest choice), or on the dispatch world any policy, such as "
              "lns_futures."),
        field(&TrainingConfig::pretraining_updates, "pretraining_updates",
              "Gradient steps on the days of warm-up alone, before the agent plays.", range(0, 1'000'000)),
        field(&TrainingConfig::eval_interval, "eval_interval", "Days between two evaluations.", range(1, 1'000'000)),
        field(&TrainingConfig::eval_episodes, "eval_episodes", "Days of an evaluation; always the same ones.",
              range(1, 100'000)),
        field(&TrainingConfig::save_interval, "save_interval", "Days between two checkpoints.", range(1, 1'000'000)),
        field(&TrainingConfig::confirm_candidates, "confirm_candidates",
              "The best evaluations whose networks are compared again at the end.", range(1, 20)),
        field(&TrainingConfig::confirm_episodes, "confirm_episodes", "Fresh days on which they are compared.",
              range(1, 100'000)),
        field(&TrainingConfig::final_episodes, "final_episodes", "Days, used for nothing else, of the reported figure.",
              range(2, 100'000)),
        field(&TrainingConfig::patience, "patience",
              "Evaluations without a new best after which training stops; 0 never.", range(0, 1'000'000)),
    };
  }
  friend bool operator==(TrainingConfig const&, TrainingConfig const&) = default;
};
static_assert(describes_every_member<TrainingConfig>());

struct Config {
  std::string scenario = "classic";
  sim::ClassicConfig environment;
  rl::NetworkConfig network;
  rl::AgentConfig agent;
  rl::ReplayConfig replay;
  TrainingConfig training;
  rl::SentinelConfig sentinel;

  static constexpr auto fields() {
    return std::tuple{
        field(&Config::scenario, "scenario",
              "What is learned on: classic, or families of days with commas between, which take turns so that each "
              "asks for as many rides as any other."),
        field(&Config::environment, "environment", ""),
        field(&Config::network, "network", ""),
        field(&Config::agent, "agent", ""),
        field(&Config::replay, "replay", ""),
        field(&Config::training, "training", ""),
        field(&Config::sentinel, "sentinel", ""),
    };
  }
};
static_assert(describes_every_member<Config>());

Json to_json(Config const& config);

// Applies a configuration document or a tuner's output. On an error `config` is as it was.
Status apply_document(Config& config, Json const& document);
Status apply_file(Config& config, std::filesystem::path const& path);

// What no field alone can tell: batch larger than the buffer, window longer than the buffer, …
Status check_consistent(Config const& config);

// "10 drivers × 20 slots, 2 h, V1"
std::string describe(sim::ClassicConfig const& environment);
// The same, or "days of geneva-medical; …"
std::string describe(Config const& config);
// ok when both are the same problem; otherwise names every setting that differs, with both values. `a_name` and
// `b_name` say whose they are ("the model", "the command line").
Status same_environment(sim::ClassicConfig const& a, std::string const& a_name, sim::ClassicConfig const& b,
                        std::string const& b_name);

// The dimensions that a study of this network searches: all tunable settings but those of the other network shape.
std::vector<TunedDimension> tuned_dimensions(Config const& config);

}  // namespace regulus::lab
