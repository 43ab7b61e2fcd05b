// What a day would have cost somebody who knew everything: who cancels, who does not show up, when each patient calls,
// how long each leg really takes at its hour. The reference at the other end from `wait`.
#pragma once

#include <cstdint>

#include "domain/day.h"
#include "domain/objective.h"
#include "domain/travel_times.h"

namespace regulus::sim {

struct Clairvoyant {
  Cost cost;
  std::int64_t iterations = 0;
};
// A long search over the whole day; deterministic for a number of iterations. An upper bound of the best possible cost,
// and in practice below what any policy reaches.
Clairvoyant clairvoyant(Day const& day, TravelTimes const& expected, std::int64_t iterations, std::uint64_t seed);

}  // namespace regulus::sim
