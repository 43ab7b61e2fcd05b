// A fleet for a day that has rides and no drivers: recorded rides say nothing of who drove them.
#pragma once

#include <cstdint>

#include "domain/day.h"

namespace regulus::sim {

// Replaces the day's drivers by `drivers` new ones, with shifts where the rides are; 0: as many as the demand needs.
// Adds their depot to the places. The day has rides; afterwards it passes check_day. Same day, same arguments, same
// fleet.
void fleet_for_rides(Day& day, int drivers, std::uint64_t seed);

}  // namespace regulus::sim
