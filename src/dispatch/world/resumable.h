// A fleet as a world can go on from it.
//
// A simulated world leaves no contradictions in its snapshots. A company's store may: it holds what people reported, in
// the order in which they did, and what was changed by hand. Policies go by the plans and do not mind; the mechanics of
// a day do, because every status follows from another. So a snapshot is made consistent first (what must hold is in
// sim/invariants.h), and one that is consistent stays as it is.
//
//   plans win    whoever is in a driver's plan is that driver's ride, with the status that belongs to it: assigned, on
//                its way, on board. What stands in two plans stays in the first, riders on board before others; a stop
//                without its other end, or of nothing that exists, is left out
//   facts win    what a driver is found doing says what he is, not his status: under way, there, serving, at rest
//   out of play  a booking that is on its way by one word and in nobody's plan is called off; so is one that is over,
//                without a driver or a time that could be charged. It costs all decisions the same
//   open         are all that are known, ready and pending
//
// Nothing when a plan cannot be driven even if everybody is late (too many on board, a rider who rides alone and does
// not), or when a booking that is to be decided about is not open. Whoever asks has to do without the future then.
#pragma once

#include <optional>

#include "domain/snapshot.h"

namespace regulus::dispatch {

std::optional<FleetSnapshot> resumable(Situation const& situation);

}  // namespace regulus::dispatch
