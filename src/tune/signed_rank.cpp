#include "tune/signed_rank.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/stats.h"

namespace regulus::tune {
namespace {

constexpr std::size_t exact_limit = 50;

// P(sum of a random subset of {1 … n} >= least): counts subsets by sum, one rank at a time. 2^50 and its parts are
// exact doubles.
double exact_p(std::size_t n, std::size_t least) {
  std::vector<double> subsets(n * (n + 1) / 2 + 1, 0.0);
  subsets[0] = 1;
  for (std::size_t rank = 1; rank <= n; ++rank) {
    for (std::size_t sum = subsets.size(); sum-- > rank;) subsets[sum] += subsets[sum - rank];
  }
  double count = 0;
  for (std::size_t sum = least; sum < subsets.size(); ++sum) count += subsets[sum];
  return std::ldexp(count, -static_cast<int>(n));
}

}  // namespace

double signed_rank_p(std::span<double const> differences) {
  if (differences.empty()) return 1;
  std::vector<double> sorted(differences.begin(), differences.end());
  std::ranges::sort(sorted, {}, [](double d) { return std::abs(d); });

  // Ties share the mean of their ranks; zeros are the lowest tie, and half of their ranks count as positive.
  double positive = 0, tie_sum = 0;
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin;
    while (end < sorted.size() && std::abs(sorted[end]) == std::abs(sorted[begin])) ++end;
    auto const tied = static_cast<double>(end - begin);
    double const rank = static_cast<double>(begin + end + 1) / 2;
    for (std::size_t i = begin; i < end; ++i) positive += sorted[i] > 0 ? rank : (sorted[i] == 0 ? rank / 2 : 0);
    tie_sum += tied * tied * tied - tied;
    begin = end;
  }

  auto const n = static_cast<double>(sorted.size());
  if (sorted.size() <= exact_limit && tie_sum == 0 && sorted.front() != 0) {
    return exact_p(sorted.size(), static_cast<std::size_t>(positive));
  }
  double const mean = n * (n + 1) / 4;
  double const variance = (n * (n + 1) * (2 * n + 1) - tie_sum / 2) / 24;
  return normal_cdf((mean - positive) / std::sqrt(variance));
}

}  // namespace regulus::tune
