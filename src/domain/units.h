// Time, distance and money of the dispatch world, and points on the earth.
//
// A moment is a whole number of seconds since midnight at the start of the service day, in local time; a ride that ends
// after the next midnight simply has a moment above 86,400. Distances are whole metres, money whole cents.
#pragma once

#include <cstdint>

namespace regulus {

using Seconds = std::int64_t;
using Metres = std::int64_t;
using Cents = std::int64_t;

inline constexpr Seconds one_minute = 60;
inline constexpr Seconds one_hour = 3'600;
inline constexpr Seconds day_length = 86'400;
// Later than every moment, and small enough to be added to one.
inline constexpr Seconds never = std::int64_t{1} << 52;

// Both ends included. start <= end, unless a comment says that an empty one is possible.
struct Window {
  Seconds start = 0;
  Seconds end = never;
  friend bool operator==(Window const&, Window const&) = default;
};

// Degrees, WGS 84.
struct Point {
  double latitude = 0;
  double longitude = 0;
  friend bool operator==(Point const&, Point const&) = default;
};

// Great-circle distance on a sphere of radius 6,371,008.8 m (the mean radius of WGS 84), in metres.
double great_circle(Point const& a, Point const& b);

// The hour of the day of a moment, 0 to 23; moments after midnight wrap round, moments before it count as hour 0.
int hour_of_day(Seconds moment);

}  // namespace regulus
