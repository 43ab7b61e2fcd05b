// The roads of a made-up town, as a formula that any provider of a test can answer by: ten seconds a hundred metres
// towards the north-east, eleven otherwise; three metres a second.
#pragma once

#include <cmath>

#include "travel/provider.h"

namespace regulus::travel {

inline Cells road_twin(Rectangle const& asked) {
  Cells cells;
  for (Point const& from : asked.sources) {
    for (Point const& to : asked.targets) {
      double const slow = to.latitude + to.longitude > from.latitude + from.longitude ? 0.10 : 0.11;
      auto const seconds = static_cast<std::int32_t>(std::lround(slow * great_circle(from, to)));
      cells.seconds.push_back(seconds);
      cells.metres.push_back(3 * seconds);
    }
  }
  return cells;
}

}  // namespace regulus::travel
