// A study from its first trial to the figure it may be quoted with.
//
// 1. Search: workers claim trials from the store, propose by the sampler from what the lag rule lets them see, run the
// subject
//    on the tuning days, report, prune, finish. Same seed, same table of trials, at any number of workers and processes
//    and after any crash.
// 2. Select: the best few by the tuning score run again with fresh agent seeds on the selection days; the best mean
// wins.
// 3. Validate: the winner and the default run with agent seeds and on days that have chosen nothing. Only this figure
// is
//    reported as the study's result; its distance to the score that won the search is printed as optimism.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/seeds.h"
#include "core/stats.h"
#include "domain/trial.h"
#include "lab/training_run.h"

namespace regulus::lab {

// Where a run of a subject tells how it is going; true means stop.
// `values` are rewards by day, always of the same days in the same order.
using Reporter = std::function<bool(int step, std::vector<double> const& values)>;

struct SubjectResult {
  std::vector<double> rewards;  // by day
  Ledger ledger;
  bool stopped = false;  // by the reporter; rewards are then those of the last report
};

// What a study tunes: something with parameters that plays days.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual std::vector<TunedDimension> dimensions() const = 0;
  // Runs with these parameters (a flat object) and evaluates on `days` days of the role. Thread-safe. `report` may be
  // empty.
  virtual Result<SubjectResult> run(Json const& params, std::uint64_t agent_seed, Role role, int days,
                                    Reporter const& report) const = 0;
  // What must be the same when a study is continued: environment, network, budget, everything that is not tuned.
  virtual Json identity() const = 0;
};

// Trains a Double-DQN agent for `episodes` days, reporting every `report_interval` days.
std::unique_ptr<Subject> make_dqn_subject(Config const& config, int episodes, int report_interval,
                                          std::uint64_t study_seed);
// Plays by score_rule with the weights proposed; nothing to train.
std::unique_ptr<Subject> make_score_rule_subject(sim::ClassicConfig const& environment, std::uint64_t study_seed);

struct StudyOptions {
  std::string name;
  std::string storage;
  int trials = 50;
  int eval_episodes = 20;
  std::string sampler = "tpe";
  std::string pruner = "median";
  int jobs = 1;
  int lag = 0;  // 0: the default of tune/schedule.h, or that of the study continued
  std::uint64_t seed = 42;
  int select_top = 5;
  int select_seeds = 3;
  int select_days = 200;
  int validate_seeds = 5;
  int validate_days = 500;
};

struct Candidate {
  int trial = -1;  // -1: the default configuration
  Json params;
  double tuning_score = 0;
  std::vector<std::vector<double>> select_rewards;  // by agent seed, by day
};

struct StudyOutcome {
  StudyInfo info;
  std::vector<Trial> trials;
  std::vector<Candidate> candidates;  // those selected among, best tuning score first
  std::size_t winner = 0;             // index in candidates
  double selection_score = 0;
  std::vector<std::vector<double>> validation;  // of the winner, by agent seed, by day
  std::vector<std::vector<double>> default_validation;
  PairedDifference winner_minus_default;
  int resumed_trials = 0;  // trials that existed before this call
  Ledger search, select, validate;

  double validation_score() const;
  double optimism() const { return candidates[winner].tuning_score - validation_score(); }
};

// What a watcher is told; called from any thread, one call at a time.
struct StudyProgress {
  std::function<void(int done, int total, std::optional<double> best)> trials;
  std::function<void(std::string const& phase, int done, int total)> phases;
};

// Errors: invalid (another study of that name, bad sampler, …), corrupt or io (the store), interrupted (Ctrl-C: running
// trials were put back into the queue).
Result<StudyOutcome> run_study(Subject const& subject, StudyOptions const& options, StudyProgress const& progress);

// The tuner's output file: the predecessor's keys, then intervals, seeds, budget and environment.
Json study_json(StudyOutcome const& outcome, Config const* config);

}  // namespace regulus::lab
