#include "domain/units.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace regulus {

double great_circle(Point const& a, Point const& b) {
  constexpr double radius = 6'371'008.8;
  constexpr double degree = std::numbers::pi / 180;
  double const half_lat = std::sin((b.latitude - a.latitude) * degree / 2);
  double const half_lon = std::sin((b.longitude - a.longitude) * degree / 2);
  double const h =
      half_lat * half_lat + std::cos(a.latitude * degree) * std::cos(b.latitude * degree) * half_lon * half_lon;
  return 2 * radius * std::asin(std::min(1.0, std::sqrt(h)));
}

int hour_of_day(Seconds moment) { return moment < 0 ? 0 : static_cast<int>(moment / one_hour % 24); }

}  // namespace regulus
