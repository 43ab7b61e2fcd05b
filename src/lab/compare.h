// Default against tuned configuration, on the same environment, beside every reference rule.
//
// Both are trained from scratch with the same agent seeds and play the same test days, which nothing trained or chose
// on. Differences are paired by day and resampled over training seeds and days. The verdict may be "no difference
// shown".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lab/config.h"
#include "lab/evaluate.h"
#include "lab/training_run.h"

namespace regulus::lab {

struct CompareOptions {
  Config baseline;
  std::optional<Config> optimized;
  int episodes = 200;  // of training, each
  int seeds = 5;       // trainings of each configuration
  int test_days = 1000;
  std::uint64_t seed = 42;
  int threads = 1;
  std::string timestamp;
};

struct Contestant {
  std::string name;
  bool trained = false;
  std::vector<std::vector<sim::ClassicDay>> days;  // by training seed (one row for a rule), by test day
  std::vector<std::vector<double>> curves;         // by training seed: mean evaluation every tenth of the training
  Ledger ledger;

  Runs rewards() const;
  Summary summary() const;  // over all days of all seeds
};

struct Duel {
  std::string candidate, reference;
  PairedDifference difference;
};

enum class Verdict : std::uint8_t { better, worse, undecided };
Verdict verdict_of(PairedDifference const& difference);

struct Comparison {
  CompareOptions options;
  std::vector<Contestant> contestants;  // trained ones first
  std::vector<Duel> duels;
  std::vector<int> curve_episodes;
  std::string verdict;

  Contestant const* find(std::string const& name) const;
};

// Errors: invalid (the two configurations are not of one environment), interrupted.
Result<Comparison> compare(CompareOptions const& options,
                           std::function<void(int done, int total)> const& progress = {});

// The predecessor's keys, then intervals, seeds, budget and environment.
Json comparison_json(Comparison const& comparison);

}  // namespace regulus::lab
