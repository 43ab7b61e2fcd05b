#include "rl/q_network_onnx.h"

#include <limits>

namespace regulus::rl {
namespace {

using nn::onnx::Attribute;
using nn::onnx::Graph;
using nn::onnx::Type;

constexpr std::int64_t one = 1;

std::string number(Graph& graph, std::string name, float value) {
  graph.constants.push_back({name, {}, std::vector{value}});
  return name;
}

std::string integers(Graph& graph, std::string name, std::vector<std::int64_t> values) {
  graph.constants.push_back({name, {static_cast<std::int64_t>(values.size())}, std::move(values)});
  return name;
}

// Returns the output's name.
std::string add(Graph& graph, std::string operation, std::vector<std::string> inputs, std::string output,
                std::vector<Attribute> attributes = {}) {
  graph.nodes.push_back({std::move(operation), std::move(inputs), output, std::move(attributes)});
  return output;
}

// Columns [first, end) of a matrix.
std::string columns(Graph& graph, std::string const& matrix, std::int64_t first, std::int64_t end,
                    std::string const& name) {
  return add(graph, "Slice",
             {matrix, integers(graph, name + ".first", {first}), integers(graph, name + ".end", {end}),
              integers(graph, name + ".axis", {1})},
             name);
}

void add_pairs(Graph& graph, QNetwork const& network) {
  bool const dueling = network.config().dueling;
  bool const residual = network.config().pairs.residual;
  graph.inputs = {{"rows", Type::float32, {"choices", std::int64_t{network.width()}}}};
  if (residual) graph.inputs.push_back({"baseline", Type::float32, {"choices"}});
  graph.outputs = {{"values", Type::float32, {"choices"}}, {"choice", Type::int64, {}}};
  nn::onnx::append(graph, network.network(), {.input = "rows", .output = "outputs", .prefix = ""});

  // 1. One number a row; what is added to each is kept apart, as in QNetwork::combine, so that it rounds alike.
  std::string const flat = integers(graph, "flat", {-1});
  std::string const advantage_column = dueling ? columns(graph, "outputs", 0, 1, "advantage_column") : "outputs";
  std::string const advantage =
      add(graph, "Reshape", {advantage_column, flat}, dueling || residual ? "advantage" : "values");
  std::string added;

  // 2. Dueling: the value of the state, which row 0 knows, less the mean advantage.
  if (dueling) {
    std::string const value_column = columns(graph, "outputs", 1, 2, "value_column");
    std::string const first_value = add(graph, "Slice",
                                        {value_column, integers(graph, "row_first", {0}),
                                         integers(graph, "row_end", {1}), integers(graph, "row_axis", {0})},
                                        "first_value");
    std::string const state_value = add(graph, "Reshape", {first_value, flat}, "state_value");
    std::string const mean = add(graph, "ReduceMean", {advantage}, "mean_advantage",
                                 {{"axes", std::vector<std::int64_t>{0}}, {"keepdims", one}});
    added = add(graph, "Sub", {state_value, mean}, "offset");
  }

  // 3. The known part.
  if (residual) {
    std::string const scale = number(graph, "reward_scale", network.reward_scale());
    std::string const known = add(graph, "Div", {"baseline", scale}, "known_part");
    added = dueling ? add(graph, "Add", {added, known}, "offset_and_known_part") : known;
  }
  if (!added.empty()) add(graph, "Add", {advantage, added}, "values");
  add(graph, "ArgMax", {"values"}, "choice", {{"axis", std::int64_t{0}}, {"keepdims", std::int64_t{0}}});
}

void add_slots(Graph& graph, QNetwork const& network) {
  bool const dueling = network.config().dueling;
  std::int64_t const actions = network.actions();
  graph.inputs = {{"observation", Type::float32, {"states", std::int64_t{network.width()}}},
                  {"legal", Type::boolean, {"states", actions}}};
  graph.outputs = {{"values", Type::float32, {"states", actions}}, {"choice", Type::int64, {"states"}}};
  nn::onnx::append(graph, network.network(), {.input = "observation", .output = "outputs", .prefix = ""});

  // 1. Dueling: the value of the state less the mean advantage over legal actions.
  std::string values = "outputs";
  if (dueling) {
    std::string const advantage = columns(graph, "outputs", 0, actions, "advantage");
    std::string const state_value = columns(graph, "outputs", actions, actions + 1, "state_value");
    std::string const zero = number(graph, "zero", 0);
    std::string const axis = integers(graph, "actions_axis", {1});
    std::string const legal_advantage = add(graph, "Where", {"legal", advantage, zero}, "legal_advantage");
    std::string const sum = add(graph, "ReduceSum", {legal_advantage, axis}, "sum_advantage", {{"keepdims", one}});
    std::string const ones =
        add(graph, "Cast", {"legal"}, "legal_ones", {{"to", static_cast<std::int64_t>(Type::float32)}});
    std::string const count = add(graph, "ReduceSum", {ones, axis}, "legal_count", {{"keepdims", one}});
    std::string const mean = add(graph, "Div", {sum, count}, "mean_advantage");
    std::string const offset = add(graph, "Sub", {state_value, mean}, "offset");
    values = add(graph, "Add", {advantage, offset}, "all_values");
  }

  // 2. Nothing illegal is ever the best.
  std::string const never = number(graph, "illegal_value", -std::numeric_limits<float>::infinity());
  add(graph, "Where", {"legal", values, never}, "values");
  add(graph, "ArgMax", {"values"}, "choice", {{"axis", one}, {"keepdims", std::int64_t{0}}});
}

}  // namespace

nn::onnx::Graph onnx_graph(QNetwork const& network) {
  Graph graph;
  graph.name = network.architecture();
  switch (network.config().kind) {
    case NetworkKind::pairs:
      graph.documentation =
          "Values of the choices open to a dispatcher, scaled (reward / reward_scale), and the index of the best. One "
          "row of features for each choice; row 0 is the one that is always there.";
      if (network.config().pairs.residual)
        graph.documentation += " baseline: what is known of each choice's value, in reward units.";
      add_pairs(graph, network);
      break;
    case NetworkKind::slots:
      graph.documentation =
          "Values of a dispatcher's actions, scaled (reward / reward_scale), minus infinity where illegal, and the "
          "index "
          "of the best.";
      add_slots(graph, network);
      break;
  }
  return graph;
}

}  // namespace regulus::rl
