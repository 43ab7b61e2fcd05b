// A trained agent as a file: network weights with everything needed to use them rightly, and nothing to use them
// wrongly.
//
// Metadata of the safetensors file: "format" (regulus-dqn-1), "architecture" and its "architecture_hash", "schema"
// (meaning of the features), "config" (the full configuration), "environment" (its part that must fit), "reward",
// "reward_scale", "seeds", "episodes" (days learned on).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "dispatch/learned/value_model.h"
#include "lab/config.h"
#include "rl/q_network.h"
#include "sim/classic_policy.h"

namespace regulus::lab {

struct Model {
  Config config;
  std::uint64_t seed = 0;
  int episodes = 0;
  rl::QNetwork network;
  dispatch::Trust trust{};     // of a dispatch model: how much of what was learned is believed
  dispatch::FleetSizes fleet;  // of a dispatch model: on which it was trained
};

// A dispatch model as dispatch knows it (dispatch/learned/value_model.h); its file says "trust" beside the above, and
// no environment.
dispatch::ValueNetwork value_network(Model const& model);

// The metadata above, for every file that carries this model.
std::map<std::string, std::string> metadata_of(Model const& model);

Status save_model(std::filesystem::path const& path, Model const& model);

// Errors: not_found, corrupt (damaged, or weights that do not fit the architecture named), invalid (another program's
// file, another schema).
Result<Model> load_model(std::filesystem::path const& path);

// The greedy agent as a policy. Not thread-safe (it owns its buffers): every thread makes its own.
std::unique_ptr<sim::ClassicPolicy> make_model_policy(std::shared_ptr<Model const> model);

}  // namespace regulus::lab
