// Training with everything around it: files, evaluations, the choice of the best network, resume.
//
// In `models`: dqn_ep%04d.safetensors at every save interval, dqn_best.safetensors (the best evaluation so far; at the
// end the network that wins again on fresh days), dqn_final.safetensors, dqn_checkpoint.rgls (everything),
// dqn_config.json. In `logs`: metrics_<stamp>.json. In `tensorboard`: dqn_<stamp>/ with the predecessor's scalars.
//
// A run killed at any point and resumed writes the same model, checkpoint and metrics bytes as one that was not, but
// for the times in the metrics.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/stats.h"
#include "lab/config.h"
#include "lab/evaluate.h"
#include "lab/training_run.h"

namespace regulus::lab {

struct TrainFolders {
  std::filesystem::path models = "data/rl/models";
  std::filesystem::path logs = "data/rl/logs";
  std::filesystem::path tensorboard = "data/rl/tensorboard";
};

struct TrainOptions {
  std::optional<Config> config;  // none: the defaults, or with resume whatever the checkpoint holds
  std::optional<std::uint64_t> seed;
  TrainFolders folders;
  std::string stamp;      // YYYYmmdd_HHMMSS of a new run
  std::string timestamp;  // ISO 8601, for the metrics
  bool resume = false;
  int threads = 1;
};

struct TrainOutcome {
  Config config;
  std::uint64_t seed = 0;
  std::string stamp;
  std::vector<EpisodeRecord> episodes;
  struct Evaluation {
    std::int64_t episode = 0;  // no padding: it is stored byte by byte
    double mean = 0, std = 0, steps = 0;
  };
  std::vector<Evaluation> evaluations;
  int best_episode = 0;     // after how many days the best network was taken
  dispatch::Trust trust{};  // of a dispatch model, as chosen
  Summary best, final_network;
  std::vector<std::string> events;  // of the sentinel
  // Lead of the best network over each reference rule on the same validation days.
  std::vector<std::pair<std::string, PairedDifference>> leads;
  std::filesystem::path metrics_file, best_file, final_file;
  Ledger ledger;
  Json metrics;
};

// `on_episode`(done, total, latest evaluation or nothing). Errors: invalid, not_found (no checkpoint to resume),
// corrupt, io, interrupted (Ctrl-C: a checkpoint was written).
Result<TrainOutcome> train(TrainOptions const& options,
                           std::function<void(int, int, std::optional<double>)> const& on_episode = {});

}  // namespace regulus::lab
