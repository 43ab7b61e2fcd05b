// The normal distribution in logarithms, where plain probabilities underflow.
//
// A step of an integer parameter may lie a hundred widths away from a kernel; its mass is then e^-5000, and only the
// logarithm can tell it from another such mass.
#pragma once

namespace regulus::tune {

// ln Phi(x). Relative error below 1e-13 for x in [-1e8, 0].
double log_normal_cdf(double x);

// ln(Phi(b) - Phi(a)); minus infinity when a >= b.
double log_normal_mass(double a, double b);

// x with ln Phi(x) = log_probability <= 0.
double inverse_log_normal_cdf(double log_probability);

// The q-quantile of the standard normal restricted to [a, b], q in [0, 1].
double truncated_normal_quantile(double q, double a, double b);

}  // namespace regulus::tune
