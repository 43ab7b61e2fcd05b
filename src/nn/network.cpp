#include "nn/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "nn/kernels.h"

namespace regulus::nn {

Network::Network(Shape shape, Rng rng) : shape_(std::move(shape)) {
  REGULUS_CHECK(shape_.inputs > 0 && shape_.outputs > 0);
  REGULUS_CHECK(std::ranges::all_of(shape_.hidden, [](int width) { return width > 0; }));
  REGULUS_CHECK(shape_.dropout >= 0 && shape_.dropout < 1);

  std::size_t end = 0;
  auto const add_block = [&](std::string name, int rows, int cols) {
    blocks_.push_back({std::move(name), end, rows, cols});
    end += blocks_.back().size();
    return blocks_.back().offset;
  };
  int inputs = shape_.inputs;
  for (std::size_t k = 0; k < shape_.hidden.size(); ++k) {
    Layer layer{.inputs = inputs, .outputs = shape_.hidden[k]};
    layer.weight = add_block(fmt::format("layers.{}.weight", k), layer.outputs, layer.inputs);
    layer.bias = add_block(fmt::format("layers.{}.bias", k), 1, layer.outputs);
    if (shape_.layer_norm) {
      layer.gain = add_block(fmt::format("layers.{}.norm.weight", k), 1, layer.outputs);
      layer.shift = add_block(fmt::format("layers.{}.norm.bias", k), 1, layer.outputs);
    }
    layers_.push_back(layer);
    inputs = layer.outputs;
  }
  Layer head{.inputs = inputs, .outputs = shape_.outputs};
  head.weight = add_block("head.weight", head.outputs, head.inputs);
  head.bias = add_block("head.bias", 1, head.outputs);
  layers_.push_back(head);

  parameters_.assign(end, 0.0F);
  for (Layer const& layer : layers_) {
    // Glorot and Bengio 2010: uniform in ±√(6 / (inputs + outputs)).
    double const bound = std::sqrt(6.0 / (layer.inputs + layer.outputs));
    for (float& w : parameters().subspan(layer.weight, weight(layer).size())) {
      w = static_cast<float>(rng.uniform(-bound, bound));
    }
    if (shape_.layer_norm && &layer != &layers_.back()) {
      std::ranges::fill(parameters().subspan(layer.gain, static_cast<std::size_t>(layer.outputs)), 1.0F);
    }
  }
}

MatrixView Network::body(MatrixView input, Tape& tape) const { return pass(input, tape, nullptr); }

MatrixView Network::body_for_training(MatrixView input, Tape& tape, Rng& rng) const {
  return pass(input, tape, shape_.dropout > 0 ? &rng : nullptr);
}

MatrixView Network::pass(MatrixView input, Tape& tape, Rng* dropout) const {
  REGULUS_CHECK(input.cols == shape_.inputs);
  std::size_t const depth = shape_.hidden.size();
  tape.input = input;
  tape.hidden.resize(depth);
  tape.normalized.resize(shape_.layer_norm ? depth : 0);
  tape.inverse_std.resize(shape_.layer_norm ? depth : 0);
  tape.kept_scale = dropout != nullptr ? 1.0F / (1.0F - shape_.dropout) : 1.0F;

  MatrixView previous = input;
  for (std::size_t k = 0; k < depth; ++k) {
    Layer const& layer = layers_[k];
    float const* bias = parameters_.data() + layer.bias;
    Matrix& hidden = tape.hidden[k];
    hidden.resize(input.rows, layer.outputs);
    multiply(previous, Op::plain, weight(layer), Op::transposed, hidden.data());
    if (shape_.layer_norm) {
      tape.normalized[k].resize(input.rows, layer.outputs);
      tape.inverse_std[k].resize(static_cast<std::size_t>(input.rows));
      kernels::layer_norm_relu(
          hidden.data(), hidden.rows(), hidden.cols(),
          {.bias = bias, .gain = parameters_.data() + layer.gain, .shift = parameters_.data() + layer.shift},
          tape.normalized[k].data(), tape.inverse_std[k].data());
    } else {
      kernels::add_bias_relu(hidden.data(), hidden.rows(), hidden.cols(), bias);
    }
    if (dropout != nullptr) {
      kernels::dropout(hidden.data(), hidden.size(), shape_.dropout, tape.kept_scale, *dropout);
    }
    previous = hidden;
  }
  return previous;
}

void Network::head(MatrixView hidden, Matrix& outputs) const {
  Layer const& head = layers_.back();
  REGULUS_CHECK(hidden.cols == head.inputs);
  outputs.resize(hidden.rows, head.outputs);
  multiply(hidden, Op::plain, weight(head), Op::transposed, outputs.data());
  kernels::add_bias(outputs.data(), outputs.rows(), outputs.cols(), parameters_.data() + head.bias);
}

void Network::head_at(MatrixView hidden, std::span<int const> column, std::span<float> values) const {
  Layer const& head = layers_.back();
  auto const rows = static_cast<std::size_t>(hidden.rows);
  REGULUS_CHECK(hidden.cols == head.inputs && column.size() == rows && values.size() == rows);
  MatrixView const weights = weight(head);
  float const* bias = parameters_.data() + head.bias;
  for (int r = 0; r < hidden.rows; ++r) {
    int const c = column[r];
    REGULUS_CHECK(c >= 0 && c < head.outputs);
    values[r] = kernels::dot(hidden.row(r).data(), weights.row(c).data(), hidden.row(r).size()) + bias[c];
  }
}

void Network::backward_at(Tape& tape, std::span<int const> column, std::span<float const> d,
                          std::span<float> gradients) const {
  Layer const& head = layers_.back();
  MatrixView const hidden = tape.hidden.empty() ? tape.input : tape.hidden.back().view();
  auto const rows = static_cast<std::size_t>(hidden.rows);
  auto const width = static_cast<std::size_t>(head.inputs);
  REGULUS_CHECK(column.size() == rows && d.size() == rows && gradients.size() == parameters_.size());
  MatrixView const weights = weight(head);
  Matrix* d_hidden = nullptr;
  if (!tape.hidden.empty()) {
    tape.gradient.resize(tape.hidden.size());
    d_hidden = &tape.gradient.back();
    d_hidden->resize(hidden.rows, hidden.cols);
  }
  for (int r = 0; r < hidden.rows; ++r) {
    int const c = column[r];
    REGULUS_CHECK(c >= 0 && c < head.outputs);
    kernels::add_scaled(gradients.data() + head.weight + static_cast<std::size_t>(c) * width, d[r],
                        hidden.row(r).data(), width);
    gradients[head.bias + static_cast<std::size_t>(c)] += d[r];
    if (d_hidden == nullptr) continue;
    std::ranges::fill(d_hidden->row(r), 0.0F);
    kernels::add_scaled(d_hidden->row(r).data(), d[r], weights.row(c).data(), width);
  }
  backward_body(tape, gradients);
}

void Network::backward(Tape& tape, MatrixView d_outputs, std::span<float> gradients) const {
  Layer const& head = layers_.back();
  MatrixView const hidden = tape.hidden.empty() ? tape.input : tape.hidden.back().view();
  REGULUS_CHECK(d_outputs.rows == hidden.rows && d_outputs.cols == head.outputs &&
                gradients.size() == parameters_.size());
  multiply(d_outputs, Op::transposed, hidden, Op::plain, gradients.data() + head.weight, true);
  kernels::add_column_sums(d_outputs.data, d_outputs.rows, d_outputs.cols, gradients.data() + head.bias);
  if (tape.hidden.empty()) return;
  tape.gradient.resize(tape.hidden.size());
  Matrix& d_hidden = tape.gradient.back();
  d_hidden.resize(hidden.rows, hidden.cols);
  multiply(d_outputs, Op::plain, weight(head), Op::plain, d_hidden.data());
  backward_body(tape, gradients);
}

void Network::backward_body(Tape& tape, std::span<float> gradients) const {
  for (std::size_t k = tape.hidden.size(); k-- > 0;) {
    Layer const& layer = layers_[k];
    Matrix& gradient = tape.gradient[k];
    int const rows = gradient.rows();
    // Step 1. Back through dropout and ReLU; what stands before them is a bias or LayerNorm's shift.
    kernels::relu_backward(gradient.data(), tape.hidden[k].data(), rows, layer.outputs, tape.kept_scale,
                           gradients.data() + (shape_.layer_norm ? layer.shift : layer.bias));
    // Step 2. Back through LayerNorm.
    if (shape_.layer_norm) {
      kernels::layer_norm_backward(gradient.data(), rows, layer.outputs, parameters_.data() + layer.gain,
                                   tape.normalized[k].data(), tape.inverse_std[k].data(),
                                   gradients.data() + layer.gain);
      kernels::add_column_sums(gradient.data(), rows, layer.outputs, gradients.data() + layer.bias);
    }
    // Step 3. The weights' gradient, and the one by the layer's input, which the first layer's data do not need.
    MatrixView const input = k == 0 ? tape.input : tape.hidden[k - 1].view();
    multiply(gradient, Op::transposed, input, Op::plain, gradients.data() + layer.weight, true);
    if (k == 0) continue;
    tape.gradient[k - 1].resize(rows, layer.inputs);
    multiply(gradient, Op::plain, weight(layer), Op::plain, tape.gradient[k - 1].data());
  }
}

int best_column(std::span<float const> values, std::span<std::uint8_t const> mask) {
  REGULUS_CHECK(values.size() == mask.size());
  float const highest = kernels::highest(values.data(), mask.data(), values.size());
  for (std::size_t c = 0; c < values.size(); ++c) {
    if (mask[c] != 0 && values[c] == highest) return static_cast<int>(c);
  }
  auto const allowed = std::ranges::find_if(mask, [](std::uint8_t m) { return m != 0; });
  return allowed == mask.end() ? -1 : static_cast<int>(allowed - mask.begin());
}

}  // namespace regulus::nn
