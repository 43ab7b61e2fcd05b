// Which seeds are for what: the one place that keeps training, tuning, selection, validation and test days apart.
//
// Scenario seeds (the day) and agent seeds (weights, exploration, replay) are separate axes. Ranges are disjoint by
// construction; scenario_seed checks that an index stays inside its range.
#pragma once

#include <cstdint>

namespace regulus {

enum class Role : std::uint64_t {
  train,     // episodes that a learner learns on
  tune,      // episodes that a study's objective is measured on
  select,    // chooses among checkpoints and among the top configurations
  validate,  // the figure that tune and train report; nothing is chosen on it
  test,      // 900000…: comparison and evaluation; nothing trains or chooses here
  warmup,    // heuristic episodes that estimate the reward scale and fill the replay
};

// First seed of a role's range and its length. Test seeds are the public range 900000 to 999999.
struct SeedRange {
  std::uint64_t first;
  std::uint64_t count;
};
SeedRange seed_range(Role role);

// The index-th scenario seed of a role for one base seed: base seeds shift the days inside the role's range, except for
// `test` and `validate`, whose days are the same for everybody so that results stay comparable.
std::uint64_t scenario_seed(Role role, std::uint64_t base_seed, std::uint64_t index);

}  // namespace regulus
