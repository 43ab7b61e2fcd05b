#include "core/rng.h"

#include <cmath>
#include <numbers>

namespace regulus {

__extension__ using uint128 = unsigned __int128;

std::uint64_t Rng::below(std::uint64_t n) {
  uint128 product = static_cast<uint128>(next()) * n;
  if (static_cast<std::uint64_t>(product) < n) {
    // The low word falls into the incomplete last interval with probability < n / 2^64: draw again then.
    std::uint64_t const threshold = -n % n;
    while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<uint128>(next()) * n;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Rng::normal() {
  double const radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace regulus
