#include "tune/gaussian.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace regulus::tune {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double inverse_sqrt2 = 1 / std::numbers::sqrt2;
constexpr double half_log_two_pi = 0.91893853320467274178;

// ln(e^a + e^b)
double log_add(double a, double b) {
  double const larger = std::max(a, b);
  if (larger == -infinity) return larger;
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

// x <= 0 (up to rounding) with ln Phi(x) = target. ln Phi is concave and increasing, so Newton's iteration comes from
// the left after its first step and never overshoots again.
double left_inverse(double target) {
  double x = -std::sqrt(-2 * target);
  for (int i = 0; i < 100; ++i) {
    double const log_cdf = log_normal_cdf(x);
    double const log_slope = -0.5 * x * x - half_log_two_pi - log_cdf;
    double const step = (log_cdf - target) * std::exp(-log_slope);
    x -= step;
    if (std::abs(step) <= 1e-15 * (1 + std::abs(x))) break;
  }
  return x;
}

}  // namespace

double log_normal_cdf(double x) {
  if (x > 5) return std::log1p(-0.5 * std::erfc(x * inverse_sqrt2));
  if (x > -20) return std::log(0.5 * std::erfc(-x * inverse_sqrt2));
  // Phi(x) = phi(x)/|x| · (1 - 1/x² + 1·3/x⁴ - 1·3·5/x⁶ + …), asymptotic: add terms while they shrink (Abramowitz and
  // Stegun 26.2.12). At x = -20 the smallest term is far below the rounding error.
  double const inverse_square = 1 / (x * x);
  double sum = 1, term = 1;
  for (int k = 1; k < 40 && std::abs(term) > 1e-17; ++k) {
    term *= -(2 * k - 1) * inverse_square;
    sum += term;
  }
  return -0.5 * x * x - std::log(-x) - half_log_two_pi + std::log(sum);
}

double log_normal_mass(double a, double b) {
  if (!(a < b)) return -infinity;
  if (a > 0) return log_normal_mass(-b, -a);
  // Across the centre the error function does not cancel, and the result is at least ln of the smaller side.
  if (b > 0) return std::log(0.5 * (std::erf(b * inverse_sqrt2) - std::erf(a * inverse_sqrt2)));
  if (a > -20) return std::log(0.5 * (std::erfc(-b * inverse_sqrt2) - std::erfc(-a * inverse_sqrt2)));
  double const upper = log_normal_cdf(b);
  double const lower = a == -infinity ? a : log_normal_cdf(a);
  return upper + std::log1p(-std::exp(lower - upper));
}

double inverse_log_normal_cdf(double log_probability) {
  if (log_probability >= 0) return infinity;
  if (log_probability == -infinity) return log_probability;
  // Right of the centre, mirror: there ln Phi is flat and Newton's steps would be wild.
  if (log_probability > -std::numbers::ln2) return -left_inverse(std::log(-std::expm1(log_probability)));
  return left_inverse(log_probability);
}

double truncated_normal_quantile(double q, double a, double b) {
  if (a >= 0) return -truncated_normal_quantile(1 - q, -b, -a);
  double const target = log_add(log_normal_cdf(a), std::log(q) + log_normal_mass(a, b));
  return std::clamp(inverse_log_normal_cdf(target), a, b);
}

}  // namespace regulus::tune
