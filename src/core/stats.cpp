#include "core/stats.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "core/check.h"
#include "core/rng.h"

namespace regulus {
namespace {

std::vector<double> column_means(Runs const& runs) {
  std::vector<double> means(runs.front().size(), 0.0);
  for (auto const& row : runs) {
    for (std::size_t i = 0; i < means.size(); ++i) means[i] += row[i];
  }
  for (double& m : means) m /= static_cast<double>(runs.size());
  return means;
}

double correlation_of(std::span<double const> a, std::span<double const> b) {
  double const ma = mean(a);
  double const mb = mean(b);
  double sab = 0, saa = 0, sbb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sab += (a[i] - ma) * (b[i] - mb);
    saa += (a[i] - ma) * (a[i] - ma);
    sbb += (b[i] - mb) * (b[i] - mb);
  }
  return saa > 0 && sbb > 0 ? sab / std::sqrt(saa * sbb) : 0;
}

}  // namespace

double mean(std::span<double const> values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<double const> values) {
  if (values.size() < 2) return 0;
  double const m = mean(values);
  double sum = 0;
  for (double v : values) sum += (v - m) * (v - m);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  double const at = q * static_cast<double>(values.size() - 1);
  auto const below = static_cast<std::size_t>(at);
  std::size_t const above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

double interquartile_mean(std::vector<double> values) {
  std::ranges::sort(values);
  std::size_t const drop = values.size() / 4;
  return mean(std::span(values).subspan(drop, values.size() - 2 * drop));
}

Interval mean_interval(std::span<double const> values) {
  double const m = mean(values);
  if (values.size() < 2) return {m, m};
  auto const n = static_cast<double>(values.size());
  double const half = student_t(0.95, n - 1) * standard_deviation(values) / std::sqrt(n);
  return {m - half, m + half};
}

double student_t(double confidence, double degrees_of_freedom) {
  return boost::math::quantile(boost::math::students_t(degrees_of_freedom), 0.5 + confidence / 2);
}

double normal_cdf(double x) { return boost::math::cdf(boost::math::normal(), x); }

PairedDifference paired_difference(Runs const& a, Runs const& b, std::uint64_t seed) {
  REGULUS_CHECK(!a.empty() && !b.empty() && !a.front().empty() && a.front().size() == b.front().size());
  std::size_t const scenarios = a.front().size();
  PairedDifference out;
  std::vector<double> const a_means = column_means(a);
  std::vector<double> const b_means = column_means(b);
  out.mean = mean(a_means) - mean(b_means);
  out.correlation = correlation_of(a_means, b_means);

  double above = 0;
  for (auto const& row_a : a) {
    for (auto const& row_b : b) {
      for (std::size_t i = 0; i < scenarios; ++i) above += row_a[i] > row_b[i] ? 1.0 : row_a[i] == row_b[i] ? 0.5 : 0.0;
    }
  }
  out.probability_of_improvement = above / static_cast<double>(a.size() * b.size() * scenarios);

  // Resample both layers of randomness: training seeds on each side, then scenarios common to both (learning rests on
  // both).
  constexpr int replicates = 2000;
  Rng rng = Rng(seed).stream(Purpose::bootstrap);
  std::vector<double> differences(replicates);
  std::vector<double> weight_a(a.size());
  std::vector<double> weight_b(b.size());
  auto const resample = [&](std::vector<double>& weights) {
    std::ranges::fill(weights, 0.0);
    for (std::size_t i = 0; i < weights.size(); ++i) weights[rng.below(weights.size())] += 1.0;
  };
  std::vector<double> per_scenario(scenarios);
  for (double& difference : differences) {
    resample(weight_a);
    resample(weight_b);
    std::ranges::fill(per_scenario, 0.0);
    for (std::size_t r = 0; r < a.size(); ++r) {
      if (weight_a[r] == 0) continue;
      double const w = weight_a[r] / static_cast<double>(a.size());
      for (std::size_t i = 0; i < scenarios; ++i) per_scenario[i] += w * a[r][i];
    }
    for (std::size_t r = 0; r < b.size(); ++r) {
      if (weight_b[r] == 0) continue;
      double const w = weight_b[r] / static_cast<double>(b.size());
      for (std::size_t i = 0; i < scenarios; ++i) per_scenario[i] -= w * b[r][i];
    }
    double sum = 0;
    for (std::size_t i = 0; i < scenarios; ++i) sum += per_scenario[rng.below(scenarios)];
    difference = sum / static_cast<double>(scenarios);
  }
  out.ci95 = {quantile(differences, 0.025), quantile(differences, 0.975)};
  return out;
}

}  // namespace regulus
