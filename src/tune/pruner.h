// Pruners stop trials that are not worth finishing.
//
// Like a sampler, a pruner is a function of what it is shown. What Optuna's successive halving writes into the trial as
// it goes (the value at each completed rung) comes back as part of the verdict, for the caller to store: the pruner
// itself keeps nothing.
//
// To add one: a file pruners/<name>.cpp that defines make_<name>_pruner, a line in pruners.def; contract tests come for
// free.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/fields.h"
#include "domain/trial.h"

namespace regulus::tune {

struct Verdict {
  bool prune = false;
  std::map<std::string, Json> system_attributes;  // to be written into the current trial, whatever the decision
};

// What a step of the reports means to a pruner.
enum class Granularity : std::uint8_t {
  per_checkpoint,  // training progress: the value at step s continues the value at step s - 1
  per_instance,    // one scenario or seed each: values are compared pair by pair, in any order
};

class Pruner {
 public:
  virtual ~Pruner() = default;
  virtual Granularity granularity() const { return Granularity::per_checkpoint; }

  // Asked after each report. `current` holds all reports so far, the latest at its highest step; without any it is
  // kept. `visible` follows tune/schedule.h; a trial with the current number in it is ignored.
  virtual Verdict judge(Trial const& current, std::span<Trial const> visible, Direction direction) const = 0;
};

struct PrunerConfig {
  double pruner_percentile = 25;
  int pruner_startup_trials = 5;
  int pruner_warmup_steps = 0;
  int pruner_interval_steps = 1;
  int pruner_minimum_trials = 1;
  int halving_minimum_resource = 0;
  int halving_reduction_factor = 4;
  int halving_minimum_rate = 0;
  int halving_bootstrap_count = 0;
  double wilcoxon_p_threshold = 0.1;
  int wilcoxon_startup_steps = 2;

  static constexpr auto fields() {
    return std::tuple{
        field(&PrunerConfig::pruner_percentile, "pruner_percentile",
              "percentile: a trial is kept while it is among this best share of the complete ones, in percent.",
              range(0, 100)),
        field(&PrunerConfig::pruner_startup_trials, "pruner_startup_trials",
              "median, percentile: complete trials needed before anything is pruned.", range(0, 10'000)),
        field(&PrunerConfig::pruner_warmup_steps, "pruner_warmup_steps",
              "median, percentile: steps of a trial before it can be pruned.", at_least(0)),
        field(&PrunerConfig::pruner_interval_steps, "pruner_interval_steps",
              "median, percentile: one decision in each interval of so many steps.", at_least(1)),
        field(&PrunerConfig::pruner_minimum_trials, "pruner_minimum_trials",
              "median, percentile: complete trials that must have reported the same step.", at_least(1)),
        field(&PrunerConfig::halving_minimum_resource, "halving_minimum_resource",
              "halving: step of the first rung; 0 takes a hundredth of the longest complete trial.", at_least(0)),
        field(&PrunerConfig::halving_reduction_factor, "halving_reduction_factor",
              "halving: one in so many trials is promoted to the next rung, which is so many times longer.",
              range(2, 1'000)),
        field(&PrunerConfig::halving_minimum_rate, "halving_minimum_rate", "halving: leaves out the first rungs.",
              range(0, 20)),
        field(&PrunerConfig::halving_bootstrap_count, "halving_bootstrap_count",
              "halving: trials that must reach a rung before any is promoted from it.", at_least(0)),
        field(&PrunerConfig::wilcoxon_p_threshold, "wilcoxon_p_threshold",
              "wilcoxon: prune below this probability that the trial is not worse than the best one.", range(0, 1)),
        field(&PrunerConfig::wilcoxon_startup_steps, "wilcoxon_startup_steps",
              "wilcoxon: instances in common with the best trial needed before a decision.", at_least(0)),
    };
  }
};
static_assert(describes_every_member<PrunerConfig>());

// Errors: invalid, naming the known pruners.
Result<std::unique_ptr<Pruner>> make_pruner(std::string_view name, PrunerConfig const& config = {});
std::vector<std::string> pruner_names();

}  // namespace regulus::tune
