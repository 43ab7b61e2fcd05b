// One learner learning day after day: the core that `train`, `tune` and `compare` share.
//
// Days come from the training seeds of the run's own seed; the days of warm-up from a range of their own. A run is a
// function of (configuration, seed): two runs with the same are equal to the last bit, on any thread, and one restored
// by load() continues as if it had never stopped. It touches no file and no clock.
//
// The divergence sentinel watches; on an alarm the learner goes back to its last good state and learns more slowly.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/archive.h"
#include "lab/config.h"
#include "lab/evaluate.h"
#include "lab/model.h"
#include "rl/dqn.h"
#include "rl/environment.h"
#include "rl/sentinel.h"

namespace regulus::lab {

struct EpisodeRecord {
  double reward = 0;
  double epsilon = 0;      // share of exploring choices in this day
  double loss = 0;         // mean over the day's updates
  std::int64_t steps = 0;  // no padding: records are stored byte by byte
  std::int64_t buffer = 0;
};

// What a run has cost so far.
struct Ledger {
  std::int64_t environment_steps = 0;
  std::int64_t gradient_steps = 0;
  std::int64_t evaluation_steps = 0;
  double cpu_seconds = 0;
  double wall_seconds = 0;

  Ledger& operator+=(Ledger const& other);
};

// What a pairs agent plays by before it has learned anything: the known part of each pair's value.
inline constexpr std::string_view untrained_name = "untrained";
PolicyFactory untrained_policy(Config const& config, std::uint64_t seed);

// Measures what a piece of work costs on the calling thread.
class Stopwatch {
 public:
  Stopwatch();
  // Writes the seconds since construction into the ledger.
  void read(Ledger& ledger) const;

 private:
  double cpu_;
  std::chrono::steady_clock::time_point wall_;
};

// What a configuration learns on.
std::unique_ptr<rl::Environment> make_environment(Config const& config);

class TrainingRun {
 public:
  // Plays the days of warm-up at once.
  TrainingRun(Config const& config, std::uint64_t seed);

  EpisodeRecord run_episode();
  int episode() const { return episode_; }  // days learned on

  // The network to evaluate, as a model that shares nothing with the run.
  std::shared_ptr<Model const> snapshot() const;

  // Plays these days greedily and tells the sentinel, which compares with the best evaluation so far: always the same
  // days. Returns the reward of each day.
  std::vector<double> evaluate(std::span<std::uint64_t const> days, int threads);
  // True when the sentinel gave up: too many rollbacks. The run must end.
  bool stopped() const { return stopped_; }
  std::vector<std::string> const& events() const { return events_; }  // alarms and warnings, in words
  int rollbacks() const { return sentinel_.rollbacks(); }

  Config const& config() const { return config_; }
  std::uint64_t seed() const { return seed_; }
  std::int64_t environment_steps() const { return environment_steps_; }
  std::int64_t evaluation_steps() const { return evaluation_steps_; }
  std::int64_t gradient_steps() const { return dqn_.updates(); }
  rl::Dqn const& learner() const { return dqn_; }

  void save(ArchiveWriter& out) const;
  void load(ArchiveReader& in);

 private:
  void warm_up();
  void pretrain();
  void learn();
  void update();
  void read_probes();
  // After an alarm: back to the last good learner, learning more slowly, or stop.
  void respond();

  Config config_;
  std::uint64_t seed_;
  Rng root_;
  std::unique_ptr<rl::Environment> environment_;
  dispatch::FleetSizes fleet_;  // of a dispatch run
  rl::Dqn dqn_;
  rl::Sentinel sentinel_;
  std::vector<rl::Observation> probes_;
  std::string good_state_;  // of the learner, to roll back to

  std::vector<double> best_scores_;  // of the best evaluation so far, by day

  int episode_ = 0;
  double epsilon_;
  double owed_updates_ = 0;  // fraction of an update carried to the next step
  std::int64_t environment_steps_ = 0;
  std::int64_t evaluation_steps_ = 0;
  bool stopped_ = false;
  std::vector<std::string> events_;

  // Of the day being played.
  rl::Observation observation_;
  rl::QScratch scratch_;
  std::vector<rl::StepResult> day_steps_;
  double day_loss_ = 0;
  int day_updates_ = 0;
};

}  // namespace regulus::lab
