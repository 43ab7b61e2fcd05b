// A fleet for rides that came without drivers: an import of taxi rides, say.
#pragma once

#include <cstdint>

#include "domain/day.h"

namespace regulus::sim {

// Replaces the day's drivers by this many, or with 0 by as many as its demand asks for: 1.3 for each ride that is being
// fetched or on board, in each ten minutes. Cars of four seats (and what else somebody of that day needs), shifts of at
// most nine hours where most rides are without a driver yet, starting at pickups drawn by `seed` and ending at the last
// stop. Everything else stays as it is; no booking may name a driver. A day without bookings gets no drivers. Same day,
// same arguments, same fleet.
void fleet_for_rides(Day& day, int drivers, std::uint64_t seed);

}  // namespace regulus::sim
