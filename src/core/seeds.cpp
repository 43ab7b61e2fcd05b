#include "core/seeds.h"

#include "core/check.h"
#include "core/rng.h"

namespace regulus {

SeedRange seed_range(Role role) {
  switch (role) {
    case Role::test:
      return {900'000, 100'000};
    case Role::validate:
      return {1'000'000, 1'000'000};
    case Role::tune:
      return {1'000'000'000, 1'000'000'000};
    case Role::select:
      return {2'000'000'000, 1'000'000'000};
    case Role::warmup:
      return {3'000'000'000, 1'000'000'000};
    case Role::train:
      return {1ULL << 40, 1ULL << 40};
  }
  check_failed("role is known", __FILE__, __LINE__);
}

std::uint64_t scenario_seed(Role role, std::uint64_t base_seed, std::uint64_t index) {
  SeedRange const range = seed_range(role);
  REGULUS_CHECK(index < range.count);
  bool const common = role == Role::test || role == Role::validate;
  std::uint64_t const offset = common ? 0 : mix(base_seed, static_cast<std::uint64_t>(role)) % range.count;
  return range.first + (offset + index) % range.count;
}

}  // namespace regulus
