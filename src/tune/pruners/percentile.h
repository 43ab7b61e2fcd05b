// Prunes a trial that is worse, so far at its best, than most complete trials were at the same step.
//
// Golovin et al. 2017, "Google Vizier", median stopping; conditions as in Optuna. Best-so-far against same-step values
// is lopsided on purpose: one good report protects a noisy curve. Pruned trials are not compared with.
#pragma once

#include "tune/pruner.h"

namespace regulus::tune {

// Keeps the best `percentile` percent; the median pruner is this at 50.
std::unique_ptr<Pruner> make_percentile_pruner(double percentile, PrunerConfig const& config);

}  // namespace regulus::tune
