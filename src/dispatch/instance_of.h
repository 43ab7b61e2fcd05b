// A situation as a dial-a-ride problem, and its solution as plans again.
//
// What the translation has to respect: the stop under way and locked stops stay first; riders on board are delivered by
// who carries them; a promise that can no longer be kept does not make the plan infeasible (a window that the present
// plan misses is widened to what the present plan reaches); a booking that is not ready or not open is not a request.
//
//   service     starts within [window start, window end + max_late]; after window end + tolerated each second costs
//   a ride      takes at most min(max_ride, max_ride_ratio × direct), and costs by the second beyond the direct ride
//   left out    costs what a partner takes, when one still can, and what his rides are worth beyond that
//               (partner_premium.h), or else the price of serving nobody
//   a driver    is paid from leaving (or, when already out, from now) to being back; the call-out of one who has not
//               left yet is still to be paid
//   a rest      is one of the driver's breaks that is not taken yet. One whose window is over is forgotten, and a
//               driver whose whole day, as far as anybody knows, begins after it needs none
//
// Drivers who are not available (sick, gone home) are no vehicles: they finish what is on board, and nobody may plan
// with them. All money is in thousandths of a cent.
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
  Solution present;                                 // the plans as they stand; undecided bookings are left out
  std::vector<std::int32_t> booking_of;             // position in Day::bookings, by request
  std::vector<std::int32_t> driver_of;              // position in Day::drivers, by vehicle
  std::vector<bool> partner_is_cheaper;             // by request: left out means overflow
  schedule::Money partner_premium = 0;              // what such a ride costs beyond the partner's bill
  std::vector<std::vector<std::int32_t>> break_of;  // number in Driver::breaks, by vehicle and its rest
};

// `bookings`: positions of open bookings that may be (re)planned besides those in plans; usually fleet.undecided.
Question instance_of(Situation const& situation, std::span<std::int32_t const> bookings);
// The same with some drivers only, by position, ascending, for whoever judges or times their routes and nobody else's:
// what it costs to leave somebody out is not computed.
Question instance_of(Situation const& situation, std::span<std::int32_t const> drivers,
                     std::span<std::int32_t const> bookings);

// The same with some drivers only, everything priced, for whoever searches among them.
Question instance_around(Situation const& situation, std::span<std::int32_t const> drivers,
                         std::span<std::int32_t const> bookings);

// The routes that differ from the present ones, with planned times from the kernel, and what becomes of who is left
// out. Nobody is given away before it is necessary: who is left out stays undecided until a partner has to be told, and
// goes to the partner then, while there are rides left; until its latest pickup has passed, and is unserved then.
Decision decision_of(Situation const& situation, Question const& question, Solution const& solution);

// `never` stays never.
constexpr Seconds after(Seconds moment, Seconds more) { return moment >= never ? never : moment + more; }

// After this moment nobody can pick the booking up in time for what may still be planned.
Seconds latest_pickup(Situation const& situation, std::int32_t booking);
// Until this moment a partner can still be told of the booking.
Seconds last_call(Situation const& situation, std::int32_t booking);
// Whether a partner takes such rides and has one left.
bool partner_takes(Situation const& situation, std::int32_t booking);
// That, and there is still time to tell him.
bool partner_can_take(Situation const& situation, std::int32_t booking);

}  // namespace regulus::dispatch
