// Float and Int under one roof: the bounds, grid and scale that sampling and density estimation work on.
#pragma once

#include <algorithm>
#include <cmath>

#include "domain/trial.h"

namespace regulus::tune {

struct NumericDomain {
  double low = 0, high = 1;  // external, high on the grid
  double step = 0;           // 0 for a continuous one
  bool log = false;

  // The model's bounds: half a step wider on both sides, so that the end values get as much room as the others; ln for
  // log.
  double model_low() const { return to_model(low - step / 2); }
  double model_high() const { return to_model(high + step / 2); }
  double to_model(double x) const { return log ? std::log(x) : x; }
  // Back from the model: onto the grid (halves to even), inside the bounds.
  double from_model(double y) const {
    double const x = log ? std::exp(y) : y;
    return std::clamp(step > 0 ? low + std::nearbyint((x - low) / step) * step : x, low, high);
  }
};

// Precondition: the distribution is no categorical.
NumericDomain numeric_domain(Distribution const& distribution);

}  // namespace regulus::tune
