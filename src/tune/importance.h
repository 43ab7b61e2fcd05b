// How much each parameter matters for getting into the best tenth of the trials.
//
// PED-ANOVA (Watanabe, Bansal, Hutter 2023, "PED-ANOVA: Efficiently quantifying hyperparameter importance in arbitrary
// subspaces"): for each parameter compare the density of its values among the best trials with that among all of them,
// by the Pearson divergence. A parameter whose good values look like all values does not matter. Needs no model of the
// objective.
//
// With few trials the figure is noisy; the interval says how noisy: trials are resampled with replacement and
// everything is computed again.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/stats.h"
#include "domain/trial.h"

namespace regulus::tune {

struct Importance {
  std::string name;
  double share = 0;  // of the sum over all parameters; all zero when nothing can be told
  Interval ci95;     // percentile bootstrap of the share
};

struct ImportanceOptions {
  double best_share = 0.1;  // of the trials that count as good
  int replicates = 200;
  std::uint64_t seed = 0;
};

// Largest share first, ties by name. Only complete trials with a finite value count, for each parameter those that hold
// it.
std::vector<Importance> importances(std::span<Trial const> trials, SearchSpace const& space, Direction direction,
                                    ImportanceOptions const& options = {});

}  // namespace regulus::tune
