#include "tune/gaussian.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace regulus::tune {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Gaussian, the_logarithm_of_the_cdf_is_right_where_the_cdf_underflows) {
  EXPECT_NEAR(log_normal_cdf(0), std::log(0.5), 1e-16);
  // Tabulated: Phi(-10) = 7.619853024160527e-24; log Phi(-40) = -804.6084420137538.
  EXPECT_NEAR(log_normal_cdf(-10), std::log(7.619853024160527e-24), 1e-12);
  EXPECT_NEAR(log_normal_cdf(-40), -804.6084420137538, 1e-9);
  EXPECT_NEAR(log_normal_cdf(10), -7.619853024160527e-24, 1e-37);
}

TEST(Gaussian, the_two_forms_agree_where_they_meet) {
  // At -20 the series takes over from erfc: the value just left must be the tangent's.
  double const step = 1e-9;
  double const slope = 20.0498;  // phi/Phi at -20
  EXPECT_NEAR(log_normal_cdf(-20 - step) + slope * step, log_normal_cdf(-20 + step) - slope * step, 1e-11);
}

TEST(Gaussian, masses_are_those_of_the_cdf_and_mirror) {
  EXPECT_NEAR(log_normal_mass(-1, 1), std::log(0.6826894921370859), 1e-14);
  EXPECT_NEAR(log_normal_mass(1, 2), std::log(0.1359051219832778), 1e-14);
  EXPECT_EQ(log_normal_mass(30, 31), log_normal_mass(-31, -30));
  EXPECT_NEAR(log_normal_mass(30, infinity), log_normal_cdf(-30), 1e-10);
  EXPECT_EQ(log_normal_mass(-infinity, infinity), 0);
  EXPECT_EQ(log_normal_mass(2, 2), -infinity);
  // A thin slice far out has the density times its thickness: phi(50) · 1e-3, to first order in the thickness.
  EXPECT_NEAR(log_normal_mass(50 - 5e-4, 50 + 5e-4), -1250 - 0.5 * std::log(2 * M_PI) + std::log(1e-3), 1e-3);
}

TEST(Gaussian, the_inverse_undoes_the_cdf) {
  for (double x : {-300.0, -40.0, -20.0, -8.0, -3.0, -1.0, -0.1, 0.0, 0.1, 1.0, 3.0, 5.0}) {
    EXPECT_NEAR(inverse_log_normal_cdf(log_normal_cdf(x)), x, 1e-9 * (1 + std::abs(x))) << x;
  }
}

TEST(Gaussian, the_inverse_is_finite_around_the_centre) {
  // Half a probability, give or take a rounding error: the place where the two halves of the inverse hand over to each
  // other.
  double p = -std::numbers::ln2;
  for (int i = 0; i < 4; ++i) p = std::nextafter(p, -1.0);
  for (int i = 0; i < 8; ++i, p = std::nextafter(p, 0.0)) EXPECT_NEAR(inverse_log_normal_cdf(p), 0, 1e-14);
}

TEST(Gaussian, truncated_quantiles_split_the_mass) {
  for (auto [a, b] : {std::pair{-1.0, 2.0}, {0.0, 1.0}, {5.0, 6.0}, {-40.0, -30.0}, {30.0, 40.0}, {-8.0, 8.0}}) {
    EXPECT_NEAR(truncated_normal_quantile(0, a, b), a, 1e-9 * (1 + std::abs(a)));
    EXPECT_NEAR(truncated_normal_quantile(1, a, b), b, 1e-9 * (1 + std::abs(b)));
    for (double q : {0.1, 0.5, 0.9}) {
      double const x = truncated_normal_quantile(q, a, b);
      EXPECT_NEAR(std::exp(log_normal_mass(a, x) - log_normal_mass(a, b)), q, 1e-9) << a << ' ' << b;
    }
  }
}

}  // namespace
}  // namespace regulus::tune
