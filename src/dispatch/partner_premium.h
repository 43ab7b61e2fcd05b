// What a ride given to the partner costs beyond his bill.
//
// A partner takes so many rides a day. One that he has taken because he was a franc cheaper is missing in the evening,
// when a patient calls whom no own driver can fetch any more. So his rides are protected as an airline protects seats
// (Littlewood 1972: sell cheaply only for more than the worth of the late passenger times the chance that he comes and
// finds nothing): the premium is
//
//   P(at least as many rides of the day need him as he still takes) × (what such a ride costs unserved - his bill)
//
// A ride needs him when it comes up while nobody is on duty, in time for him to be told. Which rides may come is the
// forecast's (futures.h): patients who will call, and new requests. That drivers on duty may all be engaged is left
// out: it made no difference (docs/decisions/0018).
#pragma once

#include <span>

#include "domain/snapshot.h"
#include "schedule/instance.h"

namespace regulus::dispatch {

// P(a sum of independent events with these probabilities, and of a Poisson variable, is at least `count`).
double chance_of_at_least(int count, std::span<double const> events, double poisson_mean);

// In thousandths of a cent; 0 where there is no partner, or he has no ride left.
schedule::Money partner_premium(Situation const& situation);

}  // namespace regulus::dispatch
