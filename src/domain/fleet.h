// The nouns of dispatch: who drives what, who wants to go where, and what is planned.
//
// Plain values. Bookings and drivers are what is known of them and never change during a day; what happens to them
// stands in BookingState and DriverState (domain/snapshot.h). Places are rows of the travel times of the day, so that
// nobody compares coordinates.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/units.h"

namespace regulus {

using DriverId = std::int32_t;
using BookingId = std::int32_t;
using Place = std::int32_t;  // row of Day::places and of TravelTimes
inline constexpr Place no_place = -1;

enum class SeatKind : std::uint8_t { ambulatory, wheelchair, stretcher };
inline constexpr std::size_t seat_kinds = 3;

// Seats of each kind: what a booking takes, what is on board, or what a vehicle offers in one layout.
struct Seats {
  std::array<std::int16_t, seat_kinds> of{};

  std::int16_t& operator[](SeatKind kind) { return of[static_cast<std::size_t>(kind)]; }
  std::int16_t operator[](SeatKind kind) const { return of[static_cast<std::size_t>(kind)]; }
  Seats& operator+=(Seats const& other) {
    for (std::size_t k = 0; k < seat_kinds; ++k) of[k] = static_cast<std::int16_t>(of[k] + other.of[k]);
    return *this;
  }
  Seats& operator-=(Seats const& other) {
    for (std::size_t k = 0; k < seat_kinds; ++k) of[k] = static_cast<std::int16_t>(of[k] - other.of[k]);
    return *this;
  }
  // Kind by kind: a walking passenger does not fit on a wheelchair's place.
  bool fits(Seats const& layout) const {
    return of[0] <= layout.of[0] && of[1] <= layout.of[1] && of[2] <= layout.of[2];
  }
  friend bool operator==(Seats const&, Seats const&) = default;
};

// Places convert: {4 ambulatory} and {2 ambulatory, 1 wheelchair} are two layouts of one vehicle. The crew may change
// the layout at any stop, so what is on board must fit at least one of them at all times.
struct Vehicle {
  std::string name;
  std::vector<Seats> layouts;
  bool fits(Seats const& load) const {
    for (Seats const& layout : layouts) {
      if (load.fits(layout)) return true;
    }
    return false;
  }
  friend bool operator==(Vehicle const&, Vehicle const&) = default;
};

// Skills as bits; Day::skill_names gives bit k its name.
using Skills = std::uint64_t;

enum class DriverType : std::uint8_t { regular, occasional, emergency };
constexpr std::array<std::string_view, 3> enum_names(DriverType) { return {"regular", "occasional", "emergency"}; }

// A pause of `duration` that starts inside `window`, taken wherever the driver is after a stop, with nobody on board.
struct Break {
  Window window;
  Seconds duration = 0;
  friend bool operator==(Break const&, Break const&) = default;
};

struct Driver {
  DriverId id = 0;
  std::string name;
  DriverType type = DriverType::regular;
  Vehicle vehicle;
  Skills skills = 0;
  Window shift;              // leaves the start place not before shift.start, is back by shift.end + max_overtime
  Seconds max_overtime = 0;  // time after shift.end that may be planned; it costs extra
  std::vector<Break> breaks;
  Place start = no_place;
  Place end = no_place;  // no_place: the day ends at the last stop
  friend bool operator==(Driver const&, Driver const&) = default;
};

enum class BookingClass : std::uint8_t {
  outbound,   // to an appointment: the drop-off window is what matters
  inbound,    // the return from one, at a known time
  will_call,  // a return whose time is known when the patient calls
  on_demand,  // as soon as possible
};
inline constexpr std::size_t booking_classes = 4;
constexpr std::array<std::string_view, booking_classes> enum_names(BookingClass) {
  return {"outbound", "inbound", "will_call", "on_demand"};
}

struct Booking {
  BookingId id = 0;
  std::string reference;  // the company's own word for it; never a person's name
  BookingClass booking_class = BookingClass::on_demand;
  Place pickup = no_place;
  Place dropoff = no_place;
  // Service starts inside these. Being late after a window's end is possible at a price (Objective), being early is
  // not: the vehicle waits.
  Window pickup_window;
  Window dropoff_window;
  Seats seats;  // companions included
  std::int32_t companions = 0;
  Seconds pickup_service = 0;
  Seconds dropoff_service = 0;
  Seconds max_ride = never;   // from the end of pickup service to the start of drop-off service
  double max_ride_ratio = 0;  // the same as a multiple of the direct ride; 0 is no such limit
  std::int32_t priority = 1;  // 1 is ordinary, 5 the most urgent
  Skills skills = 0;          // all of them are needed
  bool exclusive = false;     // nobody else on board
  std::vector<DriverId> preferred;
  std::vector<DriverId> forbidden;
  std::vector<DriverId> required;  // when not empty, only these
  BookingId linked = 0;            // the outbound leg of this return; 0 is none
  Seconds known_from = 0;          // dispatch hears of it at this moment
  friend bool operator==(Booking const&, Booking const&) = default;
};

enum class StopKind : std::uint8_t { pickup, dropoff, rest };
constexpr std::array<std::string_view, 3> enum_names(StopKind) { return {"pickup", "dropoff", "rest"}; }

// One step of a driver's plan. `index` is the booking's id, or for a rest the number of the break in Driver::breaks.
struct Stop {
  StopKind kind = StopKind::pickup;
  std::int32_t index = 0;
  bool locked = false;      // neither moved nor removed by any policy; locked stops are a prefix of the plan
  Seconds planned = never;  // expected start of service, by the schedule kernel
  friend bool operator==(Stop const&, Stop const&) = default;
};

// What one driver will do from now on, in order.
using Route = std::vector<Stop>;

// The plan of a whole fleet.
struct DriverRoute {
  DriverId driver = 0;
  Route stops;
  friend bool operator==(DriverRoute const&, DriverRoute const&) = default;
};
struct Plan {
  std::vector<DriverRoute> routes;  // by driver id
  std::vector<BookingId> overflow;  // given to a partner
  std::vector<BookingId> unserved;  // neither planned nor given away
  friend bool operator==(Plan const&, Plan const&) = default;
};

}  // namespace regulus
