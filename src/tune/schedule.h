// The lagged-information rule: why a study gives the same table with one worker and with eight.
//
// The usual tuner proposes from whatever results have arrived, so the proposal depends on which worker was faster. Here
// trial t is proposed and pruned from exactly the results of trials 0 … t - W, W being the lag of the study, and knows
// of trials t - W + 1 … t - 1 only their parameters, as if they were still running. Whoever finishes first then changes
// nothing, a crashed worker's trial can be run again to the same end, and up to W trials run at once. The price is a
// model that is W - 1 results behind; docs/decisions/0003-lagged-information.md measures it.
#pragma once

#include <span>
#include <vector>

#include "domain/trial.h"

namespace regulus::tune {

constexpr int default_lag = 4;

// True when trials 0 … number - lag have all finished and number - lag + 1 … number - 1 have their parameters: only
// then are the facts that trial `number` may use complete. `all` in any order; lag >= 1.
bool may_start(int number, std::span<Trial const> all, int lag);

// What trial `number` may see, in order of number: the trials up to number - lag as they are; those between as running,
// with parameters only, whatever their true state; itself and later ones never. Requires may_start.
std::vector<Trial> visible_to(int number, std::span<Trial const> all, int lag);

}  // namespace regulus::tune
