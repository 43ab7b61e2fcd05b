#include "domain/travel_times.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "core/check.h"

namespace regulus {

TravelTimes TravelTimes::straight_line(std::vector<Point> const& places, SpeedProfile const& profile) {
  constexpr double degree = std::numbers::pi / 180;
  TravelTimes times;
  times.count_ = places.size();
  times.directions_.reserve(places.size());
  for (Point const& place : places) {
    double const lat = place.latitude * degree, lon = place.longitude * degree;
    times.directions_.push_back({std::cos(lat) * std::cos(lon), std::cos(lat) * std::sin(lon), std::sin(lat)});
  }
  times.detour_ = profile.detour;
  times.start_seconds_ = profile.start_seconds;
  for (std::size_t h = 0; h < 24; ++h) times.seconds_per_metre_[h] = 3.6 / profile.kmh[h];
  return times;
}

TravelTimes TravelTimes::table(std::size_t places, std::vector<std::int32_t> seconds, std::vector<std::int32_t> metres,
                               std::vector<std::uint8_t> estimated, std::array<double, 24> const& traffic) {
  REGULUS_CHECK(places > 0 && seconds.size() == places * places && metres.size() == seconds.size());
  REGULUS_CHECK(estimated.empty() || estimated.size() == seconds.size());
  TravelTimes times;
  times.count_ = places;
  times.seconds_ = std::move(seconds);
  times.metres_ = std::move(metres);
  times.estimated_ = std::move(estimated);
  times.traffic_ = traffic;
  return times;
}

}  // namespace regulus
