// The life of a booking and of a driver's day, in one place: for the simulated world and for a company's store.
//
//   pending ──> assigned ──> en_route ──> waiting ──> on_board ──> completed
//     │ ^          │ ^          │            │
//     │ └──────────┘ │          │            └──> no_show
//     ├──> partner   └── reassigned (another driver, or back to pending)
//     ├──> unserved
//     └──> cancelled  (also from assigned, en_route and waiting)
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace regulus {

enum class BookingStatus : std::uint8_t {
  pending,   // known, no driver
  assigned,  // in a driver's plan
  en_route,  // its driver is on the way to the pickup
  waiting,   // its driver is at the pickup: waiting, or loading
  on_board,
  completed,
  partner,   // given to a partner company
  unserved,  // nobody came
  cancelled,
  no_show,
};
inline constexpr std::size_t booking_statuses = 10;
constexpr std::array<std::string_view, booking_statuses> enum_names(BookingStatus) {
  return {"pending",   "assigned", "en_route", "waiting",   "on_board",
          "completed", "partner",  "unserved", "cancelled", "no_show"};
}

// Whether a booking may go from one status to the other; staying is no change and not legal.
bool may_become(BookingStatus from, BookingStatus to);
// No status follows.
bool is_final(BookingStatus status);
// A policy may still decide about it: pending or assigned.
bool is_open(BookingStatus status);

enum class DriverStatus : std::uint8_t { off, idle, driving, waiting, serving, resting, sick };
inline constexpr std::size_t driver_statuses = 7;
constexpr std::array<std::string_view, driver_statuses> enum_names(DriverStatus) {
  return {"off", "idle", "driving", "waiting", "serving", "resting", "sick"};
}
bool may_become(DriverStatus from, DriverStatus to);

}  // namespace regulus
