// Where the sampling algorithms take their uniform numbers from.
//
// In the product this is a stream of our own Rng. The indirection exists for one reason: the reference runs of Optuna
// draw from NumPy's Mersenne Twister, whose state lives on from trial to trial, and the tests hold the very same
// algorithms against them.
#pragma once

#include "core/rng.h"

namespace regulus::tune {

class UniformSource {
 public:
  virtual ~UniformSource() = default;
  virtual double uniform() = 0;  // in [0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
};

class RngSource final : public UniformSource {
 public:
  explicit RngSource(Rng rng) : rng_(rng) {}
  using UniformSource::uniform;
  double uniform() override { return rng_.uniform(); }

 private:
  Rng rng_;
};

}  // namespace regulus::tune
