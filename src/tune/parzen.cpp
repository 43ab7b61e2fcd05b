#include "tune/parzen.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>

#include "tune/gaussian.h"

namespace regulus::tune {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double half_log_two_pi = 0.91893853320467274178;
constexpr std::size_t flat_weights = 25;
// Kernels this far below the largest, in ln, add less than 3e-20 of it each: a thousand of them do not reach the last
// digit.
constexpr double negligible = 45;

// First index whose running sum exceeds u times the total.
std::size_t pick(std::vector<double> const& running_sum, double u) {
  double const total = running_sum.back();
  auto const at = std::ranges::upper_bound(running_sum, u, {}, [total](double sum) { return sum / total; });
  return std::min(static_cast<std::size_t>(at - running_sum.begin()), running_sum.size() - 1);
}

// The indices in ascending order of value, equal ones in the order given. A radix sort, eight bits at a time: a
// proposal sorts a thousand numbers for each parameter, and comparisons that no processor can foresee would be the
// largest part of its cost.
std::vector<std::uint32_t> ascending(std::span<double const> values) {
  struct Key {
    std::uint64_t bits;  // their unsigned order is the order of the reals
    std::uint32_t index;
  };
  std::vector<Key> keys(values.size()), moved(values.size());
  for (std::uint32_t j = 0; j < keys.size(); ++j) {
    auto const bits = std::bit_cast<std::uint64_t>(values[j] + 0.0);  // + 0.0 makes one zero of two
    keys[j] = {(bits >> 63) != 0 ? ~bits : bits | (1ULL << 63), j};
  }
  for (unsigned shift = 0; shift < 64; shift += 8) {
    std::array<std::uint32_t, 257> start{};
    for (Key const& key : keys) ++start[((key.bits >> shift) & 255) + 1];
    if (std::ranges::find(start, keys.size()) != start.end()) continue;  // all alike in these bits
    std::partial_sum(start.begin(), start.end(), start.begin());
    for (Key const& key : keys) moved[start[(key.bits >> shift) & 255]++] = key;
    keys.swap(moved);
  }
  std::vector<std::uint32_t> order;
  order.reserve(keys.size());
  for (Key const& key : keys) order.push_back(key.index);
  return order;
}

}  // namespace

std::vector<double> time_weights(std::size_t observations) {
  std::vector<double> weights(observations + 1, 1.0);
  if (observations > flat_weights) {
    std::size_t const old = observations - flat_weights;
    double const first = 1 / static_cast<double>(observations);
    for (std::size_t i = 0; i < old; ++i) {
      weights[i] = old == 1 ? first : first + (1 - first) * static_cast<double>(i) / static_cast<double>(old - 1);
    }
  }
  double const total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= total;
  return weights;
}

NumericKernels numeric_kernels(Distribution const& distribution, std::span<double const> observations) {
  NumericDomain const domain = numeric_domain(distribution);
  std::size_t const k = observations.size();
  NumericKernels kernels{.centre = std::vector<double>(k + 1),
                         .width = std::vector<double>(k + 1),
                         .low = domain.model_low(),
                         .high = domain.model_high()};
  double const range = kernels.high - kernels.low;

  // Ties keep the order of observation, so that equal histories give equal kernels on any machine.
  for (std::size_t j = 0; j < k; ++j) kernels.centre[j] = domain.to_model(observations[j]);
  std::vector<std::uint32_t> const order = ascending({kernels.centre.data(), k});
  auto const sorted = [&](std::size_t i) { return kernels.centre[order[i]]; };

  // As wide as the gap to the farther neighbour; the ends of the range are neighbours only of a lone observation.
  double const narrowest = range / static_cast<double>(std::min<std::size_t>(100, k + 2));
  for (std::size_t i = 0; i < k; ++i) {
    double const below = sorted(i) - (i > 0 ? sorted(i - 1) : kernels.low);
    double const above = (i + 1 < k ? sorted(i + 1) : kernels.high) - sorted(i);
    double gap = std::max(below, above);
    if (k >= 2 && i == 0) gap = above;
    if (k >= 2 && i + 1 == k) gap = below;
    kernels.width[order[i]] = std::clamp(gap, narrowest, range);
  }
  kernels.centre[k] = (kernels.low + kernels.high) / 2;
  kernels.width[k] = range;
  return kernels;
}

ParzenEstimator::ParzenEstimator(SearchSpace const& space, Points const& observations) : columns_(space.size()) {
  std::size_t const k = observations.empty() ? 0 : observations.front().size();
  weights_ = time_weights(k);
  for (double weight : weights_) log_constant_.push_back(std::log(weight));

  std::size_t column = 0;
  for (auto const& [name, distribution] : space) {
    auto const& values = observations[column];
    if (auto const* categorical = std::get_if<CategoricalDistribution>(&distribution)) {
      auto const choices = static_cast<double>(categorical->choices.size());
      double const share = 1 / static_cast<double>(k + 1);
      Choice choice{.column = column,
                    .choices = categorical->choices.size(),
                    .observed = values,
                    .hit = (1 + share) / (1 + choices * share),
                    .miss = share / (1 + choices * share),
                    .prior = 1 / choices,
                    .log_hit = 0,
                    .log_miss = 0,
                    .log_prior = 0};
      choice.log_hit = std::log(choice.hit);
      choice.log_miss = std::log(choice.miss);
      choice.log_prior = std::log(choice.prior);
      choices_.push_back(std::move(choice));
    } else {
      Numeric numeric{.column = column,
                      .domain = numeric_domain(distribution),
                      .kernels = numeric_kernels(distribution, values),
                      .inverse_width = std::vector<double>(k + 1)};
      double last_width = 1, log_last_width = 0;  // in a crowd nearly all kernels have the narrowest width
      for (std::size_t j = 0; j <= k; ++j) {
        double const width = numeric.kernels.width[j];
        double const centre = numeric.kernels.centre[j];
        numeric.inverse_width[j] = 1 / width;
        double const a = (numeric.kernels.low - centre) / width;
        double const b = (numeric.kernels.high - centre) / width;
        // Beyond 8.5 widths nothing is cut off that a double could tell.
        if (a > -8.5 || b < 8.5) log_constant_[j] -= log_normal_mass(a, b);
        if (width != last_width) {
          last_width = width;
          log_last_width = std::log(width);
        }
        if (numeric.domain.step == 0) log_constant_[j] -= log_last_width + half_log_two_pi;
      }
      numeric_.push_back(std::move(numeric));
    }
    ++column;
  }
}

Points ParzenEstimator::sample(std::size_t count, UniformSource& source) const {
  // Step 1. Which kernel each point comes from.
  std::vector<double> running_sum(weights_.size());
  std::partial_sum(weights_.begin(), weights_.end(), running_sum.begin());
  std::vector<std::size_t> kernels(count);
  for (std::size_t& kernel : kernels) kernel = pick(running_sum, source.uniform());

  // Step 2. The choices, then the numbers: the order of the draws is part of what the reference runs pin down.
  Points points(columns_, std::vector<double>(count));
  for (Choice const& choice : choices_) {
    for (std::size_t i = 0; i < count; ++i) {
      double const u = source.uniform();
      bool const prior = kernels[i] == choice.observed.size();
      double sum = 0;
      std::size_t index = 0;
      for (; index + 1 < choice.choices; ++index) {
        bool const hit = !prior && choice.observed[kernels[i]] == static_cast<double>(index);
        sum += prior ? choice.prior : (hit ? choice.hit : choice.miss);
        if (u <= sum) break;
      }
      points[choice.column][i] = static_cast<double>(index);
    }
  }
  for (Numeric const& numeric : numeric_) {
    NumericKernels const& mixture = numeric.kernels;
    for (std::size_t i = 0; i < count; ++i) {
      double const centre = mixture.centre[kernels[i]];
      double const width = mixture.width[kernels[i]];
      double const z =
          truncated_normal_quantile(source.uniform(), (mixture.low - centre) / width, (mixture.high - centre) / width);
      points[numeric.column][i] = numeric.domain.from_model(centre + width * z);
    }
  }
  return points;
}

double ParzenEstimator::complete(std::size_t kernel, Points const& points, std::size_t i, double sum,
                                 double floor) const {
  for (Choice const& choice : choices_) {
    if (kernel == choice.observed.size()) {
      sum += choice.log_prior;
    } else {
      sum += choice.observed[kernel] == points[choice.column][i] ? choice.log_hit : choice.log_miss;
    }
  }
  for (Numeric const& numeric : numeric_) {
    if (numeric.domain.step == 0) continue;
    if (sum < floor) return sum;
    double const x = points[numeric.column][i];
    double const half = numeric.domain.step / 2;
    double const centre = numeric.kernels.centre[kernel];
    double const scale = numeric.inverse_width[kernel];
    sum += log_normal_mass((numeric.domain.to_model(x - half) - centre) * scale,
                           (numeric.domain.to_model(x + half) - centre) * scale);
  }
  return sum;
}

std::vector<double> ParzenEstimator::log_density(Points const& points) const {
  std::size_t const count = points.empty() ? 0 : points.front().size();
  std::size_t const kernels = weights_.size();
  std::vector<double> densities(count);
  std::vector<double> terms(kernels);
  for (std::size_t i = 0; i < count; ++i) {
    // Step 1. The continuous parameters, kernel by kernel in one straight loop each.
    terms = log_constant_;
    for (Numeric const& numeric : numeric_) {
      if (numeric.domain.step > 0) continue;
      double const x = numeric.domain.to_model(points[numeric.column][i]);
      double const* const centre = numeric.kernels.centre.data();
      double const* const scale = numeric.inverse_width.data();
      for (std::size_t j = 0; j < kernels; ++j) {
        double const z = (x - centre[j]) * scale[j];
        terms[j] -= 0.5 * z * z;
      }
    }
    // Step 2. The rest costs more, and each factor is at most 1: completing the most promising kernel first tells how
    // large a term must be to count, and most kernels are far away.
    auto const leader = static_cast<std::size_t>(std::ranges::max_element(terms) - terms.begin());
    double largest = complete(leader, points, i, terms[leader], -infinity);
    for (std::size_t j = 0; j < kernels; ++j) {
      double const floor = largest - negligible;
      if (terms[j] < floor) continue;
      terms[j] = complete(j, points, i, terms[j], floor);
      largest = std::max(largest, terms[j]);
    }
    // Step 3. Sum relative to the largest term, which cannot overflow.
    double sum = 0;
    for (double term : terms) {
      if (term >= largest - negligible) sum += std::exp(term - largest);
    }
    densities[i] = largest == -infinity ? largest : largest + std::log(sum);
  }
  return densities;
}

}  // namespace regulus::tune
