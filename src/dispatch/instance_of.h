// A situation as a dial-a-ride problem, and its solution as plans again.
//
// What the translation has to respect: the stop under way and locked stops stay first; riders on board are delivered by
// who carries them; a promise that can no longer be kept does not make the plan infeasible (a window that the present
// plan misses is widened to what the present plan reaches); a booking that is not ready or not open is not a request.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dispatch/policy.h"
#include "dispatch/search.h"
#include "domain/snapshot.h"
#include "schedule/instance.h"

namespace regulus::dispatch {

struct Question {
  schedule::Instance instance;
  Solution present;                      // the plans as they stand; undecided bookings are left out
  std::vector<std::int32_t> booking_of;  // position in Day::bookings, by request
  std::vector<std::int32_t> driver_of;   // position in Day::drivers, by vehicle
  std::vector<bool> partner_is_cheaper;  // by request: left out means overflow
};

// `bookings`: positions of open bookings that may be (re)planned besides those in plans; usually fleet.undecided.
Question instance_of(Situation const& situation, std::span<std::int32_t const> bookings);

// The routes that differ from the present ones, with planned times from the kernel, and what becomes of who is left
// out: overflow where that is cheaper and possible; otherwise it stays undecided, and becomes unserved once its latest
// pickup has passed.
Decision decision_of(Situation const& situation, Question const& question, Solution const& solution);

}  // namespace regulus::dispatch
