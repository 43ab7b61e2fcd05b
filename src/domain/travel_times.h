// How long and how far it is between two places of a day. Data, not a callback: a decision asks no server.
//
// Two shapes. A table holds measured cells (a road server's answer, a recording). Straight lines compute a cell from
// coordinates when asked, because ten thousand places would make a table of a hundred million cells:
//
//   metres  = detour × great circle
//   seconds = start_seconds + metres / speed[hour]        (both rounded up)
//
// A table's seconds are multiplied by traffic[hour]. The hour of a leg is the hour in which its destination is due, not
// the hour in which it happens to be driven: then the length of a leg does not depend on the schedule, and the schedule
// kernel's systems of differences stay exact (schedule/route.h).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/fleet.h"
#include "domain/units.h"

namespace regulus {

struct Leg {
  Seconds seconds = 0;
  Metres metres = 0;
  friend bool operator==(Leg const&, Leg const&) = default;
};

// Fitted to observed rides by `regulus travel fit`; the defaults are a European city's.
struct SpeedProfile {
  double detour = 1.35;
  double start_seconds = 60;  // leaving the kerb, and finding the door
  std::array<double, 24> kmh = {32, 32, 32, 32, 32, 30, 28, 25, 23, 25, 26, 26,
                                25, 26, 26, 25, 24, 22, 23, 26, 28, 30, 31, 32};
  friend bool operator==(SpeedProfile const&, SpeedProfile const&) = default;
};

class TravelTimes {
 public:
  TravelTimes() = default;

  static TravelTimes straight_line(std::vector<Point> const& places, SpeedProfile const& profile);

  // seconds and metres row by row, places × places, each non-negative; `estimated` marks cells that no road server
  // answered for (empty: none). traffic multiplies seconds by hour.
  static TravelTimes table(std::size_t places, std::vector<std::int32_t> seconds, std::vector<std::int32_t> metres,
                           std::vector<std::uint8_t> estimated = {}, std::array<double, 24> const& traffic = all_day());

  std::size_t places() const { return count_; }
  bool is_table() const { return !seconds_.empty(); }

  // hour in 0 … 23. The leg from a place to itself is nothing.
  Leg leg(Place from, Place to, int hour) const;
  Seconds seconds(Place from, Place to, int hour) const { return leg(from, to, hour).seconds; }
  bool estimated(Place from, Place to) const {
    return !estimated_.empty() && estimated_[static_cast<std::size_t>(from) * count_ + static_cast<std::size_t>(to)];
  }

  static constexpr std::array<double, 24> all_day() {
    std::array<double, 24> ones{};
    ones.fill(1.0);
    return ones;
  }

 private:
  struct Direction {  // unit vector from the centre of the earth
    double x, y, z;
  };
  std::size_t count_ = 0;
  std::vector<Direction> directions_;
  double detour_ = 1, start_seconds_ = 0;
  std::array<double, 24> seconds_per_metre_{};
  std::vector<std::int32_t> seconds_, metres_;
  std::vector<std::uint8_t> estimated_;
  std::array<double, 24> traffic_ = all_day();
};

inline Leg TravelTimes::leg(Place from, Place to, int hour) const {
  if (from == to) return {};
  auto const a = static_cast<std::size_t>(from), b = static_cast<std::size_t>(to);
  auto const h = static_cast<std::size_t>(hour);
  if (is_table()) {
    std::size_t const cell = a * count_ + b;
    double const scaled = seconds_[cell] * traffic_[h];
    auto whole = static_cast<Seconds>(scaled);
    return {whole + (static_cast<double>(whole) < scaled), metres_[cell]};
  }
  // The chord c of the unit sphere subtends 2 asin(c / 2) = c + c³/24 + …; the next term is below a millimetre for
  // distances up to 500 km.
  Direction const& p = directions_[a];
  Direction const& q = directions_[b];
  double const dx = p.x - q.x, dy = p.y - q.y, dz = p.z - q.z;
  double const square = dx * dx + dy * dy + dz * dz;
  double const metres = 6'371'008.8 * detour_ * __builtin_sqrt(square) * (1.0 + square / 24.0);
  double const exact = start_seconds_ + metres * seconds_per_metre_[h];
  auto const whole = static_cast<Seconds>(exact);
  auto const whole_metres = static_cast<Metres>(metres);
  return {whole + (static_cast<double>(whole) < exact), whole_metres + (static_cast<double>(whole_metres) < metres)};
}

}  // namespace regulus
