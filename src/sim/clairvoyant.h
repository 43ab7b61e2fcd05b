// What a day would have cost somebody who knew everything: who cancels, who does not show up, when each patient calls,
// how long each leg really takes at its hour. The reference at the other end from `wait`.
//
// The whole day becomes one dial-a-ride problem and is searched for a long time; the plan found is priced with the very
// totals that a simulated day is priced with. What is known, and where it is approximate:
//
//   who cancels or does not come is left out and costs nothing; a will-call return's windows are those after the call;
//   nobody is fetched before being ready; services take as long as they will
//   a leg takes what is expected × traffic × luck, as in dispatch/world/real_day.h, but all at the hour in which its
//   destination is due (domain/travel_times.h), where the simulated driver meets the traffic of the hour in which he
//   leaves; on a day of more than 2,000 bookings and drivers every leg takes what is expected
//   a late driver starts late; one who will fall ill is back by then
//   no promise is made, so none is broken; drivers go home when their last ride is over
//   a ride may take as long as its real direct way, whatever its limit, as in a simulated jam; windows stay hard at
//   max_late, so the reference gives a few rides up that a policy, already on its way, serves very late
//   partners take as many rides as they do, those first whose refusal costs most; returns are charged when they are not
//   driven by the outbound leg's driver: both by repeating the search with the prices of its last answer
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
