// Action values and the greedy choice as an ONNX graph: what QNetwork::values and best_choice compute, for programs
// that bring features and want a decision.
//
// pairs:  rows [choices, width]; with `residual` also baseline [choices], the known part in reward units
//         → values [choices], choice (one number)
// slots:  observation [states, width], legal [states, actions]; as many states at once as the caller likes
//         → values [states, actions], −infinity where illegal, choice [states]
//
// Values are scaled (reward / reward_scale), choice is the highest value's index, the lowest on ties. There must be at
// least one row, and one legal action in each state. Values may differ from ours in their last bits, because another
// program adds the products in another order.
#pragma once

#include "nn/onnx.h"
#include "rl/q_network.h"

namespace regulus::rl {

// The caller fills in version and metadata.
nn::onnx::Graph onnx_graph(QNetwork const& network);

}  // namespace regulus::rl
