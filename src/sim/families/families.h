// The settings of each named family (sim/scenario.h), by the company whose variants they are: one file for each.
//
// A variant is its base with one thing changed, so that a comparison of the two says what that thing costs.
#pragma once

#include "sim/demand_config.h"

namespace regulus::sim {

#define FAMILY(name, config, summary) DemandConfig config();
#include "sim/families.def"
#undef FAMILY

}  // namespace regulus::sim
