// The density of parameter points seen so far: a mixture with one kernel per observation and one for the prior.
//
// Each kernel is a product over the parameters, so that values which occur together stay together. The rules (weights
// by age, widths from the neighbours, half a step of room around grids) are those of Optuna 5;
// tests/golden/tpe_golden.json pins them. Bergstra, Bardenet, Bengio, Kégl 2011, "Algorithms for hyper-parameter
// optimization"; Watanabe 2023, "Tree-structured Parzen estimator: understanding its algorithm components", for what
// each rule does.
#pragma once

#include <span>
#include <vector>

#include "domain/trial.h"
#include "tune/numeric_domain.h"
#include "tune/uniform_source.h"

namespace regulus::tune {

// One column of internal values for each parameter, in the order of the search space; columns are equally long.
using Points = std::vector<std::vector<double>>;

// Weights of so many observations in order of time, the prior last; they sum to 1. The newest 25 and the prior weigh
// the same, older ones less, linearly down to 1/k of that.
std::vector<double> time_weights(std::size_t observations);

// Centres and widths of the kernels of one numeric parameter in order of observation, the prior last; in ln for log
// parameters.
struct NumericKernels {
  std::vector<double> centre, width;
  double low = 0, high = 1;  // where the kernels are cut off
};
NumericKernels numeric_kernels(Distribution const& distribution, std::span<double const> observations);

class ParzenEstimator {
 public:
  // Observations in order of time; numbers must be finite, positive for log parameters, and indices of choices valid.
  // They may lie outside the bounds, as an enqueued trial may. No parameter may be single.
  ParzenEstimator(SearchSpace const& space, Points const& observations);

  Points sample(std::size_t count, UniformSource& source) const;

  // Natural logarithm of the density (of the mass, for grids) at each point; continuous log parameters without the
  // Jacobian, which cancels in every ratio.
  std::vector<double> log_density(Points const& points) const;

 private:
  struct Numeric {
    std::size_t column;
    NumericDomain domain;
    NumericKernels kernels;
    std::vector<double> inverse_width;
  };
  struct Choice {
    std::size_t column;
    std::size_t choices;
    std::vector<double> observed;  // by kernel, without the prior
    double hit, miss, prior;       // probability of the observed choice, of another one; of any, in the prior
    double log_hit, log_miss, log_prior;
  };

  // `sum` with the grids and choices of one kernel at point i added; stops early once the sum is below `floor`, which
  // further factors could only lower.
  double complete(std::size_t kernel, Points const& points, std::size_t i, double sum, double floor) const;

  std::size_t columns_;
  std::vector<double> weights_;
  std::vector<double>
      log_constant_;              // by kernel: ln of the weight and of every factor that does not depend on the point
  std::vector<Numeric> numeric_;  // both in order of name
  std::vector<Choice> choices_;
};

}  // namespace regulus::tune
