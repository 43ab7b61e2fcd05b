// FleetSnapshot: everything that a dispatch decision may know, and nothing that only the future knows.
//
// Canonical order (drivers and bookings by id) is an invariant: equal facts give equal bytes. Expected times only; what
// traffic will really be, who will not show up and when a patient will call are not here (domain/day.h, Reality).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "domain/day.h"
#include "domain/fleet.h"
#include "domain/lifecycle.h"
#include "domain/travel_times.h"

namespace regulus {

// What has happened to one booking.
struct BookingState {
  BookingStatus status = BookingStatus::pending;
  bool known = false;               // dispatch has heard of it
  bool ready = true;                // a will-call return whose patient has not called yet is not ready: nothing to plan
  DriverId driver = 0;              // assigned to, or served by; 0 is nobody
  DriverId promised_driver = 0;     // who the client was told; 0: nothing promised yet
  Seconds promised_pickup = never;  // when; never: nothing promised yet
  Seconds boarded = never;          // end of pickup service
  Seconds picked_up = never;        // start of pickup service
  Seconds dropped_off = never;      // start of drop-off service
  // The windows as they stand: a will-call return's begin when the patient calls.
  Window pickup_window;
  Window dropoff_window;
};

// Where one driver stands and what is planned.
struct DriverState {
  DriverStatus status = DriverStatus::off;
  bool available = true;  // false: sick, or the day is over; gets nothing more
  // From here on the rest of the plan is counted: at `anchor`, free to leave at `free_at` (expected; in the past for a
  // driver who idles). While driving or serving, the stop in progress is stops.front(), locked, and anchor is where it
  // came from, with free_at the moment it left.
  Place anchor = no_place;
  Seconds free_at = 0;
  Seconds left_start = never;  // when the day began with leaving the start place; never: not yet
  Route stops;                 // still to be completed, in order; locked ones first
  bool under_way = false;      // stops.front() is being driven to, waited for or served
  Seconds arrived = never;     // at stops.front(), when already there
  Seconds serving_since = never;
  std::vector<BookingId> on_board;
  std::int32_t trips = 0;          // rides completed, on board or assigned today
  std::uint32_t breaks_taken = 0;  // bit k: Driver::breaks[k] is over or under way
  std::uint64_t version = 0;       // rises with every change of this driver's state
};

struct FleetSnapshot {
  Seconds now = 0;
  std::uint64_t version = 0;
  Day const* day = nullptr;             // drivers, bookings, places, weights; never its Reality
  std::vector<DriverState> drivers;     // parallel to day->drivers
  std::vector<BookingState> bookings;   // parallel to day->bookings
  std::vector<std::int32_t> undecided;  // positions in `bookings` that are known, ready and pending, ascending
  std::int32_t partner_left = 0;        // rides that partners still take today
};

// What a policy may keep from one decision to the next in order to answer faster. It never changes an answer.
struct Memo {
  Memo() = default;
  Memo(Memo const&) = delete;
  Memo& operator=(Memo const&) = delete;
  virtual ~Memo() = default;
};

// The question put to a policy. A caller who will ask again passes the same place for a memo each time; it belongs to
// one policy and one run.
struct Situation {
  FleetSnapshot const& fleet;
  TravelTimes const& times;
  std::unique_ptr<Memo>* memo = nullptr;
};

}  // namespace regulus
