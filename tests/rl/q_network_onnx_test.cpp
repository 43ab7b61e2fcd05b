// What the graphs look like; that onnxruntime computes the same with them is shown by tests/peers/test_onnx.py.
#include "rl/q_network_onnx.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/toy_environments.h"

namespace regulus::rl {
namespace {

using nn::onnx::Dimension;
using nn::onnx::Graph;
using nn::onnx::Type;
using toys::pairs;
using toys::slots;

std::vector<std::string> names_of(std::vector<nn::onnx::Value> const& values) {
  std::vector<std::string> names;
  for (auto const& value : values) names.push_back(value.name);
  return names;
}

QNetwork network_of(NetworkConfig config, bool dueling, bool layer_norm) {
  config.dueling = dueling;
  config.layer_norm = layer_norm;
  return {config, 5, config.kind == NetworkKind::slots ? 3 : 0, Rng(1)};
}

TEST(QNetworkOnnx, every_node_reads_what_stands_before_it_and_every_output_is_computed) {
  for (NetworkConfig const& config : {pairs({8}), pairs({8}, false), slots({8, 4}), pairs({})}) {
    for (bool const dueling : {false, true}) {
      for (bool const layer_norm : {false, true}) {
        Graph const graph = onnx_graph(network_of(config, dueling, layer_norm));
        std::set<std::string> known;
        std::set<std::string> read;
        for (auto const& input : graph.inputs) EXPECT_TRUE(known.insert(input.name).second) << input.name;
        for (auto const& constant : graph.constants) EXPECT_TRUE(known.insert(constant.name).second) << constant.name;
        for (auto const& node : graph.nodes) {
          for (std::string const& input : node.inputs) {
            EXPECT_TRUE(known.contains(input)) << graph.name << ": " << node.operation << " reads " << input;
            read.insert(input);
          }
          EXPECT_TRUE(known.insert(node.output).second) << graph.name << ": " << node.output << " twice";
        }
        for (auto const& output : graph.outputs) EXPECT_TRUE(known.contains(output.name)) << output.name;
        for (auto const& input : graph.inputs) EXPECT_TRUE(read.contains(input.name)) << input.name;
        for (auto const& constant : graph.constants) EXPECT_TRUE(read.contains(constant.name)) << constant.name;
      }
    }
  }
}

TEST(QNetworkOnnx, pairs_read_rows_and_the_known_part_only_where_it_counts) {
  Graph const residual = onnx_graph(network_of(pairs({8}), false, false));
  EXPECT_EQ(names_of(residual.inputs), (std::vector<std::string>{"rows", "baseline"}));
  EXPECT_EQ(residual.inputs[0].shape, (std::vector<Dimension>{"choices", std::int64_t{5}}));
  EXPECT_EQ(residual.inputs[1].shape, (std::vector<Dimension>{"choices"}));
  EXPECT_EQ(names_of(residual.outputs), (std::vector<std::string>{"values", "choice"}));
  EXPECT_EQ(residual.outputs[1].type, Type::int64);
  EXPECT_TRUE(residual.outputs[1].shape.empty());
  Graph const plain = onnx_graph(network_of(pairs({8}, false), false, false));
  EXPECT_EQ(names_of(plain.inputs), (std::vector<std::string>{"rows"}));
}

TEST(QNetworkOnnx, slots_read_an_observation_and_what_is_legal) {
  Graph const graph = onnx_graph(network_of(slots({8}), true, false));
  EXPECT_EQ(names_of(graph.inputs), (std::vector<std::string>{"observation", "legal"}));
  EXPECT_EQ(graph.inputs[0].shape, (std::vector<Dimension>{"states", std::int64_t{5}}));
  EXPECT_EQ(graph.inputs[1].shape, (std::vector<Dimension>{"states", std::int64_t{3}}));
  EXPECT_EQ(graph.inputs[1].type, Type::boolean);
  // The fourth output of the network, the value of the state, is none of the graph's.
  EXPECT_EQ(graph.outputs[0].shape, (std::vector<Dimension>{"states", std::int64_t{3}}));
  EXPECT_EQ(graph.outputs[1].shape, (std::vector<Dimension>{"states"}));
}

TEST(QNetworkOnnx, the_known_part_is_divided_by_the_reward_scale) {
  QNetwork network = network_of(pairs({8}), false, false);
  network.set_reward_scale(37.5F);
  Graph const graph = onnx_graph(network);
  auto const scale = std::ranges::find(graph.constants, "reward_scale", &nn::onnx::Constant::name);
  ASSERT_NE(scale, graph.constants.end());
  EXPECT_EQ(std::get<std::vector<float>>(scale->values), std::vector<float>{37.5F});
  auto const division = std::ranges::find(graph.nodes, "Div", &nn::onnx::Node::operation);
  ASSERT_NE(division, graph.nodes.end());
  EXPECT_EQ(division->inputs, (std::vector<std::string>{"baseline", "reward_scale"}));
}

}  // namespace
}  // namespace regulus::rl
