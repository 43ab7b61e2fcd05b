// Drivers and bookings as the API writes them, and as dispatch knows them.
//
// The API's JSON speaks of places by coordinates and of times by RFC 3339; a service day speaks of rows of a table and
// of seconds since midnight. A body that was read is complete and consistent in itself; whether the drivers it names
// exist, only the store can tell. Unknown members, wrong kinds and impossible values are errors that name path, value
// and remedy. A body that is written reads back to itself, so the store keeps what the API shows.
//
// Driver   {"name", "type", "vehicle": {"name", "layouts": [{"ambulatory": 4}]}, "skills": ["oxygen"],
//           "shift": {"from": "07:00", "to": "15:30"}, "max_overtime": seconds,
//           "breaks": [{"from": "11:00", "to": "13:00", "duration": seconds}],
//           "start": {"latitude", "longitude"}, "end": {…} or null, "available": true}
// Booking  {"reference", "class", "pickup": {"latitude", "longitude"}, "dropoff": {…},
//           "pickup_window": [from, to], "dropoff_window": [from, to or null], "seats": {"wheelchair": 1},
//           "companions", "pickup_service": seconds, "dropoff_service", "max_ride", "max_ride_ratio", "priority",
//           "skills", "exclusive", "preferred", "forbidden", "required", "linked", "ready"}
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "domain/day.h"
#include "domain/fleet.h"
#include "domain/units.h"
#include "server/civil_time.h"

namespace regulus::server {

struct DriverBody {
  Driver driver;  // id, places and skills are empty; shift and breaks are moments of any day
  std::vector<std::string> skills;
  Point start;
  std::optional<Point> end;  // none: the day ends at the last stop
  bool available = true;     // false: gets nothing more
};

// Both ends included.
struct InstantWindow {
  Instant from = 0;
  std::optional<Instant> to;  // none: no limit
  friend bool operator==(InstantWindow const&, InstantWindow const&) = default;
};

struct BookingBody {
  Booking booking;  // id, places, skills and windows are empty
  std::vector<std::string> skills;
  Point pickup, dropoff;
  InstantWindow pickup_window;  // worked out from the other when only that is given
  std::optional<InstantWindow> dropoff_window;
  bool ready = true;  // false: a return whose time is not known yet
};

Result<DriverBody> driver_body_of(Json const& json);
Result<BookingBody> booking_body_of(Json const& json);
Json to_json(DriverBody const& body);
Json to_json(BookingBody const& body);

// The other way: drivers and bookings of a day, as somebody would write them to the API. What they name by number
// (linked bookings) stays behind.
DriverBody driver_body_of(Day const& day, Driver const& driver);
BookingBody booking_body_of(Day const& day, Booking const& booking, TimeZone const& zone, std::string const& date);

// The booking on a service day; places and skills are left to whoever puts the day together.
Booking booking_on(BookingBody const& body, TimeZone const& zone, std::string const& date);

// {"latitude", "longitude"}.
Json to_json(Point const& point);

}  // namespace regulus::server
