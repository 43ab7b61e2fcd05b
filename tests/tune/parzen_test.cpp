#include "tune/parzen.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/tune/builders.h"
#include "tests/tune/golden.h"
#include "tune/gaussian.h"
#include "tune/space.h"

namespace regulus::tune {
namespace {

SearchSpace golden_space(Json const& names) {
  SearchSpace space;
  for (Json const& name : names.as_array()) {
    space.emplace(name.as_string(), *distribution_from_json(at(at(golden(), "space"), name.as_string())));
  }
  return space;
}

TEST(Parzen, densities_equal_those_of_the_reference) {
  int cases = 0;
  for (Json const& c : at(golden(), "parzen").as_array()) {
    SearchSpace const space = golden_space(at(c, "params"));
    Points observations, points;
    for (auto const& [name, distribution] : space) {
      observations.push_back(numbers(at(at(c, "obs"), name)));
      points.emplace_back();
      for (Json const& x : at(c, "x").as_array()) points.back().push_back(at(x, name).as_number());
    }
    std::vector<double> const expected = numbers(at(c, "log_pdf"));
    std::vector<double> const computed = ParzenEstimator(space, observations).log_density(points);
    ASSERT_EQ(computed.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(computed[i], expected[i], 1e-9 * std::abs(expected[i]))
          << "n = " << at(c, "n").dump() << ", point " << i;
    }
    ++cases;
  }
  EXPECT_EQ(cases, 9);
}

TEST(Parzen, weights_equal_those_of_the_reference) {
  for (Json const& c : at(golden(), "parzen").as_array()) {
    std::vector<double> const expected = numbers(at(c, "weights"));
    std::vector<double> const computed = time_weights(static_cast<std::size_t>(at(c, "n").as_integer()));
    ASSERT_EQ(computed.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(computed[i], expected[i], 1e-12 * expected[i]);
  }
}

TEST(Parzen, kernels_equal_those_of_the_reference) {
  int compared = 0;
  for (Json const& c : at(golden(), "parzen").as_array()) {
    if (!c.has("kernels")) continue;
    for (auto const& [name, distribution] : golden_space(at(c, "params"))) {
      Json const& kernels = at(at(c, "kernels"), name);
      if (std::holds_alternative<CategoricalDistribution>(distribution)) continue;
      NumericKernels const computed = numeric_kernels(distribution, numbers(at(at(c, "obs"), name)));
      std::vector<double> const centre = numbers(at(kernels, "mu"));
      std::vector<double> const width = numbers(at(kernels, "sigma"));
      ASSERT_EQ(computed.centre.size(), centre.size());
      for (std::size_t j = 0; j < centre.size(); ++j) {
        EXPECT_NEAR(computed.centre[j], centre[j], 1e-12 * (1 + std::abs(centre[j]))) << name << j;
        EXPECT_NEAR(computed.width[j], width[j], 1e-12 * width[j]) << name << j;
        ++compared;
      }
    }
  }
  EXPECT_EQ(compared, 5 * 3 + 5 * 6);  // five numeric parameters, with 2 and 5 observations and the prior
}

TEST(Parzen, two_observations_are_each_others_neighbours) {
  // Widths are the distance 3.4658362 + 2.9028259 = 6.3686621 for both; the prior spans the range.
  NumericKernels const kernels = numeric_kernels(real(-5, 5), std::vector{3.4658362, -2.9028259});
  EXPECT_NEAR(kernels.width[0], 6.3686621, 1e-12);
  EXPECT_NEAR(kernels.width[1], 6.3686621, 1e-12);
  EXPECT_EQ(kernels.centre[2], 0);
  EXPECT_EQ(kernels.width[2], 10);
}

TEST(Parzen, the_masses_of_a_grid_sum_to_one) {
  SearchSpace const space{{"choice", one_of({Json("a"), Json("b"), Json("c")})},
                          {"count", log_whole(1, 40)},
                          {"share", stepped(0, 1, 0.25)}};
  ParzenEstimator const estimator(space, {{0, 2, 2}, {3, 17, 40}, {0, 0.25, 0.25}});
  double total = 0;
  for (double choice = 0; choice < 3; ++choice) {
    for (double count = 1; count <= 40; ++count) {
      for (double share = 0; share <= 1; share += 0.25) {
        total += std::exp(estimator.log_density({{choice}, {count}, {share}}).front());
      }
    }
  }
  EXPECT_NEAR(total, 1, 1e-12);
}

TEST(Parzen, skipping_far_kernels_changes_no_digit_that_matters) {
  // The naive twin: every kernel, every factor, no skipping.
  SearchSpace const space{{"a", real(0, 1)}, {"n", whole(0, 1000)}};
  RngSource source(Rng(3));
  Points observations(2);
  for (int i = 0; i < 400; ++i) {
    observations[0].push_back(source.uniform());
    observations[1].push_back(std::floor(1001 * source.uniform()));
  }
  Points points(2);
  for (int i = 0; i < 50; ++i) {
    points[0].push_back(source.uniform());
    points[1].push_back(std::floor(1001 * source.uniform()));
  }
  std::vector<double> const fast = ParzenEstimator(space, observations).log_density(points);
  std::vector<double> const weights = time_weights(400);
  NumericKernels const a = numeric_kernels(space.at("a"), observations[0]);
  NumericKernels const n = numeric_kernels(space.at("n"), observations[1]);
  for (std::size_t i = 0; i < 50; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j <= 400; ++j) {
      auto const z = [j](NumericKernels const& k, double x) { return (x - k.centre[j]) / k.width[j]; };
      double const density = std::exp(-0.5 * z(a, points[0][i]) * z(a, points[0][i])) / std::sqrt(2 * M_PI) /
                             a.width[j] / std::exp(log_normal_mass(z(a, a.low), z(a, a.high)));
      double const mass = std::exp(log_normal_mass(z(n, points[1][i] - 0.5), z(n, points[1][i] + 0.5)) -
                                   log_normal_mass(z(n, n.low), z(n, n.high)));
      sum += weights[j] * density * mass;
    }
    EXPECT_NEAR(fast[i], std::log(sum), 1e-10);
  }
}

TEST(Parzen, an_observation_outside_the_bounds_still_yields_points_inside) {
  SearchSpace const space{{"a", real(0, 1)}};
  ParzenEstimator const estimator(space, {{-300, 7, 7, 7, 7}});
  RngSource source(Rng(1));
  Points const points = estimator.sample(1000, source);
  for (double x : points[0]) EXPECT_TRUE(x >= 0 && x <= 1) << x;
  for (double density : estimator.log_density(points)) EXPECT_TRUE(std::isfinite(density));
}

TEST(Parzen, samples_follow_the_density) {
  // Mass of [0, 0.5] by sampling and by integrating the density with the midpoint rule.
  SearchSpace const space{{"a", real(0, 1)}};
  ParzenEstimator const estimator(space, {{0.1, 0.15, 0.8}});
  RngSource source(Rng(5));
  double inside = 0;
  Points const points = estimator.sample(200'000, source);
  for (double x : points[0]) inside += x < 0.5 ? 1 : 0;
  double integral = 0;
  for (int i = 0; i < 2000; ++i) integral += std::exp(estimator.log_density({{(i + 0.5) / 4000}}).front()) / 4000;
  EXPECT_NEAR(inside / 200'000, integral, 0.004);  // 3.5 standard errors of 0.0011
}

}  // namespace
}  // namespace regulus::tune
