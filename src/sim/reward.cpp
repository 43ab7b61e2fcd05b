#include "sim/reward.h"

#include <array>

namespace regulus::sim {

#define REWARD(variable) extern RewardProfile const variable;
#include "sim/rewards.def"
#undef REWARD

std::span<RewardProfile const* const> reward_profiles() {
  static constexpr std::array profiles = {
#define REWARD(variable) &variable,
#include "sim/rewards.def"
#undef REWARD
  };
  return profiles;
}

}  // namespace regulus::sim
