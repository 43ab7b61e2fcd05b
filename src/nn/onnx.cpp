#include "nn/onnx.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <string_view>

#include "core/check.h"
#include "core/files.h"
#include "core/protobuf.h"
#include "nn/kernels.h"

namespace regulus::nn::onnx {
namespace {

using namespace protobuf;

// The messages, named as in onnx.proto; the numbers are its field numbers.

std::string type_proto(Value const& value) {
  std::string shape;  // TensorShapeProto
  for (Dimension const& dimension : value.shape) {
    std::string one;
    if (auto const* size = std::get_if<std::int64_t>(&dimension)) put_integer(one, 1, *size);
    if (auto const* name = std::get_if<std::string>(&dimension)) put_bytes(one, 2, *name);
    put_bytes(shape, 1, one);
  }
  std::string tensor;
  put_integer(tensor, 1, static_cast<std::int64_t>(value.type));
  put_bytes(tensor, 2, shape);
  std::string type;
  put_bytes(type, 1, tensor);
  return type;
}

std::string value_info_proto(Value const& value) {
  std::string info;
  put_bytes(info, 1, value.name);
  put_bytes(info, 2, type_proto(value));
  return info;
}

std::string tensor_proto(Constant const& constant) {
  std::size_t size = 1;
  for (std::int64_t extent : constant.shape) size *= static_cast<std::size_t>(extent);
  std::string raw;
  Type type = Type::float32;
  if (auto const* floats = std::get_if<std::vector<float>>(&constant.values)) {
    REGULUS_CHECK(floats->size() == size);
    raw.reserve(4 * size);
    for (float value : *floats) put_little_endian(raw, std::bit_cast<std::uint32_t>(value), 4);
  }
  if (auto const* integers = std::get_if<std::vector<std::int64_t>>(&constant.values)) {
    REGULUS_CHECK(integers->size() == size);
    type = Type::int64;
    for (std::int64_t value : *integers) put_little_endian(raw, static_cast<std::uint64_t>(value), 8);
  }
  std::string tensor;
  for (std::int64_t extent : constant.shape) put_integer(tensor, 1, extent);
  put_integer(tensor, 2, static_cast<std::int64_t>(type));
  put_bytes(tensor, 8, constant.name);
  put_bytes(tensor, 9, raw);
  return tensor;
}

std::string attribute_proto(Attribute const& attribute) {
  enum Kind : std::uint8_t { real = 1, integer = 2, integers = 7 };  // AttributeProto.AttributeType
  std::string out;
  put_bytes(out, 1, attribute.name);
  Kind kind = integer;
  if (auto const* value = std::get_if<float>(&attribute.value)) {
    kind = real;
    put_key(out, 2, fixed32);
    put_little_endian(out, std::bit_cast<std::uint32_t>(*value), 4);
  }
  if (auto const* value = std::get_if<std::int64_t>(&attribute.value)) put_integer(out, 3, *value);
  if (auto const* values = std::get_if<std::vector<std::int64_t>>(&attribute.value)) {
    kind = integers;
    for (std::int64_t value : *values) put_integer(out, 8, value);
  }
  put_integer(out, 20, kind);
  return out;
}

std::string node_proto(Node const& node) {
  std::string out;
  for (std::string const& input : node.inputs) put_bytes(out, 1, input);
  put_bytes(out, 2, node.output);
  put_bytes(out, 3, node.output);
  put_bytes(out, 4, node.operation);
  for (Attribute const& attribute : node.attributes) put_bytes(out, 5, attribute_proto(attribute));
  return out;
}

std::string graph_proto(Graph const& graph) {
  std::string out;
  for (Node const& node : graph.nodes) put_bytes(out, 1, node_proto(node));
  put_bytes(out, 2, graph.name);
  for (Constant const& constant : graph.constants) put_bytes(out, 5, tensor_proto(constant));
  for (Value const& input : graph.inputs) put_bytes(out, 11, value_info_proto(input));
  for (Value const& output : graph.outputs) put_bytes(out, 12, value_info_proto(output));
  return out;
}

}  // namespace

void append(Graph& graph, Network const& network, Names const& names) {
  // A block as a constant; a matrix is out × in, which Gemm reads transposed.
  auto const constant = [&](std::string const& block_name, bool matrix = false) {
    auto const block = std::ranges::find(network.blocks(), block_name, &Block::name);
    REGULUS_CHECK(block != network.blocks().end());
    auto const values = network.parameters().subspan(block->offset, block->size());
    std::vector<std::int64_t> shape{block->cols};
    if (matrix) shape = {block->rows, block->cols};
    graph.constants.push_back(
        {names.prefix + block_name, std::move(shape), std::vector<float>(values.begin(), values.end())});
    return graph.constants.back().name;
  };
  auto const linear = [&](std::string const& input, std::string const& layer, std::string const& output) {
    graph.nodes.push_back({.operation = "Gemm",
                           .inputs = {input, constant(layer + ".weight", true), constant(layer + ".bias")},
                           .output = output,
                           .attributes = {{"transB", std::int64_t{1}}}});
  };

  std::string previous = names.input;
  for (std::size_t k = 0; k < network.shape().hidden.size(); ++k) {
    std::string const layer = fmt::format("layers.{}", k);
    std::string const name = names.prefix + layer;
    linear(previous, layer, name + ".linear");
    previous = name + ".linear";
    if (network.shape().layer_norm) {
      graph.nodes.push_back({.operation = "LayerNormalization",
                             .inputs = {previous, constant(layer + ".norm.weight"), constant(layer + ".norm.bias")},
                             .output = name + ".norm",
                             .attributes = {{"axis", std::int64_t{-1}}, {"epsilon", kernels::layer_norm_epsilon}}});
      previous = name + ".norm";
    }
    graph.nodes.push_back({.operation = "Relu", .inputs = {previous}, .output = name + ".relu"});
    previous = name + ".relu";
  }
  linear(previous, "head", names.output);
}

std::string encode(Graph const& graph) {
  std::string model;
  put_integer(model, 1, ir_version);
  put_bytes(model, 2, "regulus");
  put_bytes(model, 3, graph.producer_version);
  put_bytes(model, 6, graph.documentation);
  put_bytes(model, 7, graph_proto(graph));
  std::string operators;  // OperatorSetIdProto of the standard domain, whose name is empty
  put_integer(operators, 2, operator_set);
  put_bytes(model, 8, operators);
  for (auto const& [key, value] : graph.metadata) {
    std::string entry;
    put_bytes(entry, 1, key);
    put_bytes(entry, 2, value);
    put_bytes(model, 14, entry);
  }
  return model;
}

Status write(std::filesystem::path const& path, Graph const& graph) {
  std::string const bytes = encode(graph);
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return invalid(
        fmt::format("{}: the network takes {} bytes, and an ONNX file holds no more than 2 GB; train a "
                    "smaller one",
                    path.string(), bytes.size()));
  }
  return write_file(path, bytes);
}

}  // namespace regulus::nn::onnx
