// A multi-layer perceptron: linear layers with ReLU between, optional LayerNorm before each ReLU and dropout after it.
//
// Layer k computes h_k = dropout(relu(layer_norm(h_{k-1} · W_kᵀ + b_k))); the last layer (the head) is linear. All
// parameters lie in one contiguous vector, so that an optimiser, a soft target update and a checkpoint are one loop
// over floats. Inference never applies dropout: it exists only in a training pass, which is handed a random stream.
//
// A Network is immutable during passes; each thread brings its own Tape. Networks are copied by value (a target network
// is a copy).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/rng.h"
#include "nn/matrix.h"

namespace regulus::nn {

struct Shape {
  int inputs = 0;
  std::vector<int> hidden;  // may be empty: a linear model
  int outputs = 0;
  bool layer_norm = false;
  float dropout = 0;  // probability of dropping a hidden unit in a training pass
  friend bool operator==(Shape const&, Shape const&) = default;
};

// One named block of the parameter vector, as it is stored in a model file: "layers.0.weight" is out × in, row-major.
struct Block {
  std::string name;
  std::size_t offset = 0;
  int rows = 0, cols = 0;  // biases and LayerNorm gains have rows = 1
  std::size_t size() const { return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols); }
};

// What a pass leaves behind: activations of every layer. Reused between passes without allocating.
struct Tape {
  MatrixView input;                // not owned; must stay alive until backward
  std::vector<Matrix> normalized;  // LayerNorm's x̂ (only with layer_norm)
  std::vector<std::vector<float>> inverse_std;
  std::vector<Matrix> hidden;    // after ReLU and dropout
  std::vector<Matrix> gradient;  // scratch of backward
  float kept_scale = 1;          // what dropout multiplied the kept units by
};

class Network {
 public:
  Network() = default;
  // Xavier-uniform weights, zero biases, LayerNorm gains 1; drawn from `rng` in the order of the blocks.
  Network(Shape shape, Rng rng);

  Shape const& shape() const { return shape_; }
  std::vector<Block> const& blocks() const { return blocks_; }
  std::span<float> parameters() { return parameters_; }
  std::span<float const> parameters() const { return parameters_; }

  // Inference of the body: input (batch × inputs) to the last hidden activations (batch × hidden.back()), valid until
  // the tape's next pass. Without hidden layers it is the input itself.
  MatrixView body(MatrixView input, Tape& tape) const;
  // The same for training: applies dropout drawn from `rng`.
  MatrixView body_for_training(MatrixView input, Tape& tape, Rng& rng) const;

  // All outputs: batch × outputs.
  void head(MatrixView hidden, Matrix& outputs) const;
  // One output a row: values[r] = hidden[r] · W[column[r]] + b[column[r]]. Exact, without the columns nobody asked for.
  void head_at(MatrixView hidden, std::span<int const> column, std::span<float> values) const;

  // Adds to `gradients` (one float a parameter) the gradient of Σ_r d[r] · output[r][column[r]] and continues through
  // the body that produced the tape (which must come from body_for_training or body on the same parameters).
  void backward_at(Tape& tape, std::span<int const> column, std::span<float const> d, std::span<float> gradients) const;
  // The same for a dense output gradient (batch × outputs).
  void backward(Tape& tape, MatrixView d_outputs, std::span<float> gradients) const;

 private:
  // Where one linear layer and its LayerNorm lie in the parameter vector.
  struct Layer {
    int inputs = 0, outputs = 0;
    std::size_t weight = 0, bias = 0, gain = 0, shift = 0;
  };
  MatrixView weight(Layer const& layer) const {
    return {parameters_.data() + layer.weight, layer.outputs, layer.inputs};
  }
  MatrixView pass(MatrixView input, Tape& tape, Rng* dropout) const;
  // From the gradient by the last hidden activations, in tape.gradient.back(), to those of all layers of the body.
  void backward_body(Tape& tape, std::span<float> gradients) const;

  Shape shape_;
  std::vector<Block> blocks_;
  std::vector<Layer> layers_;  // the head is the last
  std::vector<float> parameters_;
};

// The first of the highest values among those whose mask is not 0; −1 if the mask is all 0. A NaN is chosen only where
// nothing but NaNs is left.
int best_column(std::span<float const> values, std::span<std::uint8_t const> mask);

}  // namespace regulus::nn
