// tests/peers/test_onnx.py has the onnx package and onnxruntime read these files; here are the bytes and the refusals.
#include "nn/onnx.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/files.h"
#include "nn/kernels.h"

namespace regulus::nn::onnx {
namespace {

// "08 'ab' FF": bytes in hexadecimal, words as they are.
std::string bytes_of(std::string const& description) {
  std::istringstream words(description);
  std::string bytes;
  for (std::string word; words >> word;) {
    if (word.starts_with('\'')) {
      bytes += word.substr(1, word.size() - 2);
    } else {
      bytes += static_cast<char>(std::stoi(word, nullptr, 16));
    }
  }
  return bytes;
}

Network network_of(Shape const& shape) { return {shape, Rng(1)}; }

Graph graph_of(Network const& network) {
  Graph graph;
  graph.name = "g";
  graph.inputs = {{"x", Type::float32, {"batch", std::int64_t{network.shape().inputs}}}};
  graph.outputs = {{"y", Type::float32, {"batch", std::int64_t{network.shape().outputs}}}};
  append(graph, network, {.input = "x", .output = "y", .prefix = ""});
  return graph;
}

std::vector<std::string> operations_of(Graph const& graph) {
  std::vector<std::string> operations;
  for (Node const& node : graph.nodes) operations.push_back(node.operation);
  return operations;
}

// y = 2x − 1, written out by hand from onnx.proto: each key is field number · 8 + wire type (0 varint, 2 delimited),
// and each delimited field says its length.
TEST(Onnx, bytes_of_a_tiny_network_are_those_of_the_format) {
  Network network = network_of({.inputs = 1, .hidden = {}, .outputs = 1});
  network.parameters()[0] = 2;
  network.parameters()[1] = -1;
  Graph graph = graph_of(network);
  graph.producer_version = "1";
  graph.documentation = "d";
  graph.metadata = {{"k", "v"}};
  std::string const expected = bytes_of(
      "08 08 12 07 'regulus' 1A 01 '1' 32 01 'd' "                                  // version, producer, text
      "3A A1 01 "                                                                   // graph of 161 bytes
      "0A 36 0A 01 'x' 0A 0B 'head.weight' 0A 09 'head.bias' 12 01 'y' 1A 01 'y' "  // node: inputs, output, name
      "22 04 'Gemm' 2A 0D 0A 06 'transB' 18 01 A0 01 02 "                           // transB = 1, an integer
      "12 01 'g' "                                                                  //
      "2A 19 08 01 08 01 10 01 42 0B 'head.weight' 4A 04 00 00 00 40 "              // 1 × 1 floats: 2
      "2A 15 08 01 10 01 42 09 'head.bias' 4A 04 00 00 80 BF "                      // 1 float: −1
      "5A 18 0A 01 'x' 12 13 0A 11 08 01 12 0D 0A 07 12 05 'batch' 0A 02 08 01 "    // x: floats [batch, 1]
      "62 18 0A 01 'y' 12 13 0A 11 08 01 12 0D 0A 07 12 05 'batch' 0A 02 08 01 "    // y
      "42 02 10 11 "                                                                // operator set 17
      "72 06 0A 01 'k' 12 01 'v'");
  EXPECT_EQ(encode(graph), expected);
  EXPECT_EQ(encode(graph), encode(graph));
}

TEST(Onnx, every_kind_of_constant_and_attribute_is_written) {
  Graph graph;
  graph.name = "g";
  graph.constants = {{"c", {2}, std::vector<std::int64_t>{-1, 258}}};
  graph.nodes = {{.operation = "F",
                  .inputs = {},
                  .output = "o",
                  .attributes = {{"a", std::int64_t{-1}}, {"b", 1.0F}, {"i", std::vector<std::int64_t>{0, 3}}}}};
  std::string const bytes = encode(graph);
  for (char const* part : {
           "08 02 10 07 42 01 'c' 4A 10 FF FF FF FF FF FF FF FF 02 01 00 00 00 00 00 00",  // −1, 258 as int64
           "2A 11 0A 01 'a' 18 FF FF FF FF FF FF FF FF FF 01 A0 01 02",                    // −1: ten bytes of varint
           "2A 0B 0A 01 'b' 15 00 00 80 3F A0 01 01",                                      // 1 as fixed32
           "2A 0A 0A 01 'i' 40 00 40 03 A0 01 07",                                         // 0 is written too
       }) {
    EXPECT_NE(bytes.find(bytes_of(part)), std::string::npos) << part;
  }
}

TEST(Onnx, a_network_becomes_its_layers_in_order) {
  EXPECT_EQ(operations_of(graph_of(network_of({.inputs = 3, .hidden = {4, 2}, .outputs = 5}))),
            (std::vector<std::string>{"Gemm", "Relu", "Gemm", "Relu", "Gemm"}));
  Graph const normed = graph_of(network_of({.inputs = 3, .hidden = {4}, .outputs = 5, .layer_norm = true}));
  EXPECT_EQ(operations_of(normed), (std::vector<std::string>{"Gemm", "LayerNormalization", "Relu", "Gemm"}));
  EXPECT_EQ(std::get<float>(normed.nodes[1].attributes[1].value), kernels::layer_norm_epsilon);
}

TEST(Onnx, constants_are_the_networks_blocks) {
  Network const network = network_of({.inputs = 3, .hidden = {4, 2}, .outputs = 1, .layer_norm = true});
  Graph const graph = graph_of(network);
  ASSERT_EQ(graph.constants.size(), network.blocks().size());
  for (Block const& block : network.blocks()) {
    auto const found = std::ranges::find(graph.constants, block.name, &Constant::name);
    ASSERT_NE(found, graph.constants.end()) << block.name;
    auto const values = network.parameters().subspan(block.offset, block.size());
    EXPECT_TRUE(std::ranges::equal(std::get<std::vector<float>>(found->values), values)) << block.name;
  }
  // One output of one row is a matrix all the same.
  EXPECT_EQ(std::ranges::find(graph.constants, "head.weight", &Constant::name)->shape,
            (std::vector<std::int64_t>{1, 2}));
}

TEST(Onnx, two_networks_fit_into_one_graph) {
  Network const network = network_of({.inputs = 3, .hidden = {4}, .outputs = 3});
  Graph graph = graph_of(network);
  append(graph, network, {.input = "y", .output = "z", .prefix = "second."});
  std::set<std::string> names{"x"};
  for (Constant const& constant : graph.constants) EXPECT_TRUE(names.insert(constant.name).second) << constant.name;
  for (Node const& node : graph.nodes) {
    for (std::string const& input : node.inputs) EXPECT_TRUE(names.contains(input)) << input;
    EXPECT_TRUE(names.insert(node.output).second) << node.output;
  }
}

TEST(Onnx, a_file_holds_the_encoded_bytes) {
  auto const folder = std::filesystem::path(testing::TempDir()) / "onnx_test";
  Graph const graph = graph_of(network_of({.inputs = 2, .hidden = {3}, .outputs = 1}));
  ASSERT_TRUE(write(folder / "agent.onnx", graph));
  EXPECT_EQ(read_file(folder / "agent.onnx").take(), encode(graph));
  // Neither a folder of that name nor a file where a folder should be can be written to.
  for (auto const& path : {folder, folder / "agent.onnx" / "agent.onnx"}) {
    Status const refused = write(path, graph);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::io);
    EXPECT_NE(refused.error().message.find("onnx_test"), std::string::npos) << refused.error().message;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace regulus::nn::onnx
