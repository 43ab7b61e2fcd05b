// Means, intervals and paired comparisons.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace regulus {

struct Interval {
  double low = 0, high = 0;
};

double mean(std::span<double const> values);                // 0 for none
double standard_deviation(std::span<double const> values);  // with n - 1; 0 for fewer than two
double median(std::vector<double> values);                  // 0 for none
// Linear interpolation between order statistics (R type 7); q in [0, 1].
double quantile(std::vector<double> values, double q);
// Mean of the middle half: floor(n/4) values dropped at each end (Agarwal et al. 2021).
double interquartile_mean(std::vector<double> values);

// Student's t interval of a mean at 95 %; degenerate (mean, mean) for fewer than two values.
Interval mean_interval(std::span<double const> values);

// Two-sided quantile of Student's t: P(|T| <= t) = confidence.
double student_t(double confidence, double degrees_of_freedom);
double normal_cdf(double x);

// A policy's results over training seeds × scenarios, rows[seed][scenario]; every row has the same scenarios in the
// same order.
using Runs = std::vector<std::vector<double>>;

// 95 % percentile interval of the mean of a - b, resampling training seeds and scenarios (both axes, 2,000 replicates).
// Either side may have one row (a rule has no training seed); then only the other's seeds are resampled.
struct PairedDifference {
  double mean = 0;
  Interval ci95;
  double probability_of_improvement = 0;  // share of scenarios (and seed pairs) in which a is above b, ties half
  double correlation = 0;                 // of the per-scenario means; what common random numbers bought
};
PairedDifference paired_difference(Runs const& a, Runs const& b, std::uint64_t seed);

}  // namespace regulus
