// A network as an ONNX file, for programs that run networks and know nothing of ours.
//
// ONNX (github.com/onnx/onnx, onnx/onnx.proto) is a graph of named operations in protobuf wire format, of which a dozen
// messages are enough for what is here; we write them ourselves. Written is IR version 8 with operator set 17, the
// first that has LayerNormalization (ONNX 1.12, 2022); every runtime since reads it. Nothing here reads ONNX.
//
// A graph's nodes stand in the order in which they can run: each reads inputs, constants and outputs of nodes before
// it. Names are unique within a graph. Fields are written in the order of their numbers and nothing is left to chance,
// so the same graph gives the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/result.h"
#include "nn/network.h"

namespace regulus::nn::onnx {

constexpr int ir_version = 8;
constexpr int operator_set = 17;

// As TensorProto.DataType numbers them.
enum class Type : std::uint8_t { float32 = 1, int64 = 7, boolean = 9 };

// A number, or a name for one that every run may choose; equal names mean equal numbers.
using Dimension = std::variant<std::int64_t, std::string>;

struct Value {
  std::string name;
  Type type = Type::float32;
  std::vector<Dimension> shape;  // empty: a single number
};

struct Constant {
  std::string name;
  std::vector<std::int64_t> shape;
  std::variant<std::vector<float>, std::vector<std::int64_t>> values;
};

struct Attribute {
  std::string name;
  std::variant<std::int64_t, float, std::vector<std::int64_t>> value;
};

// Named after its output.
struct Node {
  std::string operation;  // "Gemm", as the operator set calls it
  std::vector<std::string> inputs;
  std::string output;
  std::vector<Attribute> attributes = {};
};

struct Graph {
  std::string name;
  std::string documentation;
  std::string producer_version;
  std::vector<Value> inputs, outputs;
  std::vector<Constant> constants;
  std::vector<Node> nodes;
  std::map<std::string, std::string> metadata;
};

struct Names {
  std::string input;   // [batch, inputs]; must be there already
  std::string output;  // [batch, outputs]
  std::string prefix;  // of everything in between, for graphs with several networks
};

// Appends an inference pass of the network. Constants are called like the network's blocks ("layers.0.weight"), so that
// they can be compared with those of the model file.
void append(Graph& graph, Network const& network, Names const& names);

std::string encode(Graph const& graph);

// Atomic, see core/files.h. Errors: io; invalid, when the file would be larger than the 2 GB of a protobuf message.
Status write(std::filesystem::path const& path, Graph const& graph);

}  // namespace regulus::nn::onnx
