// What a client is told: who comes, and when.
//
// He is told when the booking is first in a plan and the pickup lies within `promise_horizon`; what was promised stays
// promised. The same for the simulated world and for a company's store.
#pragma once

#include "domain/snapshot.h"

namespace regulus {

inline constexpr Seconds promise_horizon = 24 * one_hour;
// A pickup that moves by no more than this has kept its promise.
inline constexpr Seconds promise_slack = 5 * one_minute;

// Whether a pickup planned for `planned` is near enough to be promised.
constexpr bool is_promised_by(Seconds now, Seconds planned) {
  return planned != never && planned - now <= promise_horizon;
}

// Promises the driver whose booking it is, unless something was promised before.
inline void promise(BookingState& booking, Seconds planned) {
  if (booking.promised_driver != 0) return;
  booking.promised_driver = booking.driver;
  booking.promised_pickup = planned;
}

inline void withdraw_promise(BookingState& booking) {
  booking.promised_driver = 0;
  booking.promised_pickup = never;
}

}  // namespace regulus
