// One service day of one company: fleet, bookings, places, weights and, for a simulation, what will really happen.
//
// A Day is what `regulus import` and `regulus scenario generate` write and what every other command reads
// (domain/day_file.h, format "regulus-day-1"). Ids are positive and unique; drivers and bookings are sorted by id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "domain/fleet.h"
#include "domain/objective.h"
#include "domain/travel_times.h"
#include "domain/units.h"

namespace regulus {

// Somebody else who takes rides for money.
struct Partner {
  std::int32_t rides = 0;   // at most this many a day; 0: no partner
  Seconds notice = 1'800;   // must be told this long before the pickup window ends
  bool wheelchairs = true;  // takes wheelchairs and stretchers
  friend bool operator==(Partner const&, Partner const&) = default;
};

// What will really happen to one booking. Hidden from every policy.
struct BookingReality {
  BookingId id = 0;
  Seconds cancelled_at = never;  // the client calls it off
  bool no_show = false;          // nobody is at the pickup
  Seconds ready_delay = 0;       // comes out this long after the window's start at the earliest
  Seconds calls_at = never;      // a will-call patient calls
  double service_factor = 1;     // of pickup and drop-off service
  friend bool operator==(BookingReality const&, BookingReality const&) = default;
};
struct DriverReality {
  DriverId id = 0;
  Seconds late_start = 0;     // begins the shift this much later
  Seconds sick_from = never;  // finishes what is on board, then goes home
  friend bool operator==(DriverReality const&, DriverReality const&) = default;
};
struct Reality {
  std::uint64_t seed = 0;                                   // keys the noise of every leg
  double noise = 0;                                         // standard deviation of the logarithm of a leg's duration
  std::array<double, 24> traffic = TravelTimes::all_day();  // of the hour in which a leg is really driven
  std::vector<BookingReality> bookings;                     // by id; a booking that is missing meets no surprise
  std::vector<DriverReality> drivers;
  friend bool operator==(Reality const&, Reality const&) = default;
};

// What dispatch expects of requests that nobody has made yet, from the company's own past. It is knowledge, not the
// future: a policy may read it. Empty (no rides, or nothing per hour): no new requests are expected.
struct DemandForecast {
  // A ride as somebody might ask for it; one is drawn for each expected request, in proportion to its weight.
  struct Ride {
    Place pickup = no_place;
    Place dropoff = no_place;
    Seats seats{{1, 0, 0}};
    double weight = 1;
    friend bool operator==(Ride const&, Ride const&) = default;
  };
  std::array<double, 24> per_hour{};  // expected number of requests that are first heard of in each hour of the day
  std::vector<Ride> rides;
  Seconds lead = 0;        // such a request's pickup window starts this long after dispatch hears of it
  Seconds window = 1'800;  // and is this long
  // A will-call patient calls this long after being dropped off at the appointment, in the median; the logarithm of
  // that time has this standard deviation.
  Seconds call_after = 5'400;
  double call_spread = 0.4;
  friend bool operator==(DemandForecast const&, DemandForecast const&) = default;
};

struct Day {
  std::string name;
  std::string date;  // ISO 8601, or empty
  std::vector<Point> places;
  std::vector<Driver> drivers;
  std::vector<Booking> bookings;
  std::vector<std::string> skill_names;  // bit k of Skills
  SpeedProfile speeds;                   // what dispatch believes about travel
  Partner partner;
  ObjectiveWeights weights;
  DemandForecast forecast;
  Seconds lock_horizon = 600;  // stops that start within this time are locked
  Seconds no_show_wait = 600;  // how long a driver waits for a passenger beyond the window's start
  Reality reality;
  friend bool operator==(Day const&, Day const&) = default;

  // Position by id, or -1.
  std::int32_t driver_position(DriverId id) const;
  std::int32_t booking_position(BookingId id) const;
};

// Finds what makes a day meaningless: unsorted or double ids, unknown places, windows that end before they start,
// negative durations, links to nothing. Names field and value. A booking that is merely impossible to serve is legal.
Status check_day(Day const& day);

// The widest of the day: for unserved_price.
Cents dearest_ride(Day const& day);

}  // namespace regulus
