// What an agent saw and what it chose, as a file: with it another program can prove that it reads the agent as we do.
//
// The file is a safetensors file (nn/model_file.h), all numbers F32; integers in it are exact. Tensors, for n states:
//   pairs:  rows [all rows, width], baseline [all rows] if observations bring one, rows_of_state [n]
//           values [all rows], choice [n], an index among the state's own rows
//   slots:  observation [n, width], legal [n, actions] (0 or 1)
//           values [n, actions], −infinity where illegal, choice [n]
// Names are those of the ONNX graph's inputs and outputs (rl/q_network_onnx.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/model_file.h"
#include "rl/environment.h"
#include "rl/q_network.h"

namespace regulus::rl {

struct Decision {
  Observation observation;
  std::vector<float> values;  // one a choice, scaled
  int choice = 0;
};

// Plays the greedy agent on the days first_seed, first_seed + 1, … until it has made `count` decisions.
std::vector<Decision> greedy_decisions(QNetwork const& network, Environment& environment, std::uint64_t first_seed,
                                       std::size_t count);

// All of one shape: the same kind, width and number of actions, and either all with a baseline or none. At least one.
nn::ModelFile decisions_file(std::span<Decision const> decisions);

}  // namespace regulus::rl
