// Learned values without any learning: small networks with random weights, loud enough to change decisions.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "dispatch/learned/plan_features.h"
#include "dispatch/learned/value_model.h"

namespace regulus::testing {

inline dispatch::ValueNetwork a_random_value(std::uint64_t seed, std::vector<int> hidden = {12, 6}) {
  dispatch::ValueNetwork value;
  Rng rng = Rng(seed).stream(Purpose::test);
  value.network = nn::Network({.inputs = dispatch::plan_features, .hidden = std::move(hidden), .outputs = 1}, rng);
  for (float& weight : value.network.parameters()) weight += static_cast<float>(0.05 * rng.normal());
  value.reward_scale = 40;
  value.trust = 0.7;
  return value;
}

// The weights and the bias of the last layer are 0: a value that has seen everything and says nothing.
inline dispatch::ValueNetwork with_a_silent_head(dispatch::ValueNetwork value) {
  auto const& blocks = value.network.blocks();
  for (std::size_t k = blocks.size() - 2; k < blocks.size(); ++k) {
    std::ranges::fill(value.network.parameters().subspan(blocks[k].offset, blocks[k].size()), 0.0F);
  }
  return value;
}

inline std::shared_ptr<dispatch::ValueModel const> model_of(dispatch::ValueNetwork const& value) {
  return std::make_shared<dispatch::ValueModel const>(value);
}

}  // namespace regulus::testing
