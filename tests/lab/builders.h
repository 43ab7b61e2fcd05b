// A small world and a training that takes moments, with everything in it that a real one has.
#pragma once

#include "core/files.h"
#include "lab/config.h"
#include "tests/support/temporary_folder.h"

namespace regulus::lab {

inline Config a_small_config(rl::NetworkKind kind = rl::NetworkKind::pairs) {
  Config c;
  c.environment.num_drivers = 3;
  c.environment.max_bookings = 4;
  c.environment.simulation_hours = 1;
  c.network.kind = kind;
  c.network.slots.hidden_sizes = {8, 8};
  c.network.pairs.pair_hidden_sizes = {8};
  c.agent.batch_size = 8;
  c.agent.updates_per_step = 1;
  c.replay.buffer_size = 300;
  c.training.episodes = 12;
  c.training.warmup_episodes = 4;
  c.training.eval_interval = 3;
  c.training.eval_episodes = 4;
  c.training.save_interval = 5;
  c.training.confirm_episodes = 5;
  c.training.final_episodes = 6;
  c.sentinel.probe_states = 8;
  c.sentinel.probe_interval = 20;
  return c;
}

using testing::TemporaryFolder;

}  // namespace regulus::lab
