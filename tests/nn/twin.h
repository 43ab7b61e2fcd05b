// The naive twin of nn::Network: the same formulas in double, one row at a time, with nothing shared and nothing
// clever.
//
// network_test checks the twin's gradients against finite differences, and the network against the twin.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/rng.h"
#include "nn/network.h"

namespace regulus::nn {

using Reals = std::vector<double>;

class Twin {
 public:
  explicit Twin(Network const& network) : network_(&network) {
    parameters.assign(network.parameters().begin(), network.parameters().end());
  }

  struct Step {
    Reals normalized, hidden, slope;  // x̂; the layer's output; d output / d (output before ReLU and dropout)
    double inverse_std = 1;
  };

  // All outputs of one row. `dropout` is drawn layer by layer; steps, if wanted, get what backward needs.
  Reals forward(Reals row, Reals const* kept = nullptr, std::vector<Step>* steps = nullptr) const {
    std::size_t at = 0;
    Shape const& shape = network_->shape();
    for (std::size_t k = 0; k < shape.hidden.size(); ++k) {
      Step step;
      Reals z = linear(k, row);
      if (shape.layer_norm) {
        double mean = 0, variance = 0;
        for (double v : z) mean += v / static_cast<double>(z.size());
        for (double v : z) variance += (v - mean) * (v - mean) / static_cast<double>(z.size());
        step.inverse_std = 1 / std::sqrt(variance + 1e-5);
        for (std::size_t c = 0; c < z.size(); ++c) {
          step.normalized.push_back((z[c] - mean) * step.inverse_std);
          z[c] = step.normalized[c] * gain(k)[c] + shift(k)[c];
        }
      }
      for (double& v : z) {
        double const scale = kept == nullptr ? 1 : (*kept)[at++];
        step.slope.push_back(v > 0 ? scale : 0);
        v *= step.slope.back();
      }
      step.hidden = row = z;
      if (steps != nullptr) steps->push_back(step);
    }
    return linear(shape.hidden.size(), row);
  }

  // Adds to `gradients` the gradient of Σ_o d[o] · output[o] of one row.
  void backward(Reals const& row, Reals const* kept, Reals d, Reals& gradients) const {
    std::vector<Step> steps;
    forward(row, kept, &steps);
    for (std::size_t k = steps.size() + 1; k-- > 0;) {
      Reals const& input = k == 0 ? row : steps[k - 1].hidden;
      double* const g = gradients.data();
      if (k < steps.size()) {
        Step const& step = steps[k];
        for (std::size_t c = 0; c < d.size(); ++c) d[c] *= step.slope[c];
        if (network_->shape().layer_norm) {
          double mean = 0, slope = 0;
          for (std::size_t c = 0; c < d.size(); ++c) {
            g[offset(k, "norm.weight") + c] += d[c] * step.normalized[c];
            g[offset(k, "norm.bias") + c] += d[c];
            d[c] *= gain(k)[c];
            mean += d[c] / static_cast<double>(d.size());
            slope += d[c] * step.normalized[c] / static_cast<double>(d.size());
          }
          for (std::size_t c = 0; c < d.size(); ++c) {
            d[c] = step.inverse_std * (d[c] - mean - step.normalized[c] * slope);
          }
        }
      }
      Reals before(input.size(), 0.0);
      for (std::size_t o = 0; o < d.size(); ++o) {
        g[offset(k, "bias") + o] += d[o];
        for (std::size_t i = 0; i < input.size(); ++i) {
          g[offset(k, "weight") + o * input.size() + i] += d[o] * input[i];
          before[i] += d[o] * parameters[offset(k, "weight") + o * input.size() + i];
        }
      }
      d = before;
    }
  }

  // What dropout multiplies each hidden unit by, row by row, in the order in which the network draws: layer by layer,
  // all rows of a layer before the next layer.
  std::vector<Reals> draw_kept(int rows, Rng rng) const {
    Shape const& shape = network_->shape();
    std::vector<Reals> kept(static_cast<std::size_t>(rows));
    for (int width : shape.hidden) {
      for (Reals& row : kept) {
        for (int c = 0; c < width; ++c) row.push_back(rng.chance(shape.dropout) ? 0 : 1 / (1 - double{shape.dropout}));
      }
    }
    return kept;
  }

  Reals parameters;

 private:
  std::size_t offset(std::size_t layer, std::string const& part) const {
    std::string const name =
        (layer == network_->shape().hidden.size() ? "head" : "layers." + std::to_string(layer)) + "." + part;
    for (Block const& block : network_->blocks()) {
      if (block.name == name) return block.offset;
    }
    throw std::out_of_range("no block " + name);
  }
  double const* gain(std::size_t layer) const { return parameters.data() + offset(layer, "norm.weight"); }
  double const* shift(std::size_t layer) const { return parameters.data() + offset(layer, "norm.bias"); }
  Reals linear(std::size_t layer, Reals const& input) const {
    Shape const& shape = network_->shape();
    int const width = layer == shape.hidden.size() ? shape.outputs : shape.hidden[layer];
    Reals out(parameters.begin() + static_cast<std::ptrdiff_t>(offset(layer, "bias")),
              parameters.begin() + static_cast<std::ptrdiff_t>(offset(layer, "bias")) + width);
    double const* w = parameters.data() + offset(layer, "weight");
    for (double& sum : out) {
      for (double x : input) sum += *w++ * x;
    }
    return out;
  }

  Network const* network_;
};

// Rows of standard normal numbers.
inline Matrix random_matrix(int rows, int cols, Rng rng) {
  Matrix matrix(rows, cols);
  for (int r = 0; r < rows; ++r) {
    for (float& v : matrix.row(r)) v = static_cast<float>(rng.normal());
  }
  return matrix;
}

inline Reals reals(std::span<float const> row) { return {row.begin(), row.end()}; }

}  // namespace regulus::nn
