#include "nn/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace regulus::nn::kernels {
namespace {

constexpr std::size_t lane_count = 16;

// Sixteen partial sums, added up pairwise: a fixed order, whatever the optimiser.
template <class Number>
struct Lanes {
  std::array<Number, lane_count> sums{};
  Number total() const {
    auto level = sums;
    for (std::size_t width = lane_count / 2; width > 0; width /= 2) {
      for (std::size_t l = 0; l < width; ++l) level[l] += level[l + width];
    }
    return level[0];
  }
};

template <class Number, class Term>
inline __attribute__((always_inline)) Number sum_in_lanes(std::size_t n, Term term) {
  Lanes<Number> lanes;
  std::size_t i = 0;
  for (; i + lane_count <= n; i += lane_count) {
    for (std::size_t l = 0; l < lane_count; ++l) lanes.sums[l] += term(i + l);
  }
  for (std::size_t l = 0; i < n; ++i, ++l) lanes.sums[l] += term(i);
  return lanes.total();
}

}  // namespace

// The attribute compiles a function for each of these processors; the loader picks one. The empty comments keep it on a
// line.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void add_scaled(float* y, float a, float const* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] += a * x[i];
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
float dot(float const* a, float const* b, std::size_t n) {
  return sum_in_lanes<float>(n, [=](std::size_t i) { return a[i] * b[i]; });
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
float highest(float const* values, unsigned char const* mask, std::size_t n) {
  std::array<float, lane_count> lanes;
  lanes.fill(-std::numeric_limits<float>::infinity());
  auto const take = [&](std::size_t l, std::size_t i) {
    lanes[l] = mask[i] != 0 && values[i] > lanes[l] ? values[i] : lanes[l];
  };
  std::size_t i = 0;
  for (; i + lane_count <= n; i += lane_count) {
    for (std::size_t l = 0; l < lane_count; ++l) take(l, i + l);
  }
  for (std::size_t l = 0; i < n; ++i, ++l) take(l, i);
  return *std::max_element(lanes.begin(), lanes.end());
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void add_bias(float* values, int rows, int cols, float const* bias) {
  for (int r = 0; r < rows; ++r, values += cols) {
    for (int c = 0; c < cols; ++c) values[c] += bias[c];
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void add_bias_relu(float* values, int rows, int cols, float const* bias) {
  for (int r = 0; r < rows; ++r, values += cols) {
    for (int c = 0; c < cols; ++c) {
      float const sum = values[c] + bias[c];
      values[c] = sum < 0 ? 0 : sum;  // in this order a NaN stays one, for the divergence sentinel to see
    }
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void add_column_sums(float const* values, int rows, int cols, float* sums) {
  for (int r = 0; r < rows; ++r, values += cols) {
    for (int c = 0; c < cols; ++c) sums[c] += values[c];
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void dropout(float* values, std::size_t n, float probability, float scale, Rng& rng) {
  Rng stream = rng;
  for (std::size_t i = 0; i < n; ++i) {
    float const kept = scale * values[i];
    values[i] = stream.chance(probability) ? 0 : kept;
  }
  rng = stream;
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void relu_backward(float* gradient, float const* hidden, int rows, int cols, float scale, float* bias_gradient) {
  for (int r = 0; r < rows; ++r, gradient += cols, hidden += cols) {
    for (int c = 0; c < cols; ++c) {
      float const g = hidden[c] > 0 ? scale * gradient[c] : 0;
      gradient[c] = g;
      bias_gradient[c] += g;
    }
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void layer_norm_relu(float* values, int rows, int cols, LayerNorm const& parameters, float* normalized,
                     float* inverse_std) {
  auto const n = static_cast<std::size_t>(cols);
  auto const [bias, gain, shift] = parameters;
  for (int r = 0; r < rows; ++r, values += n, normalized += n) {
    for (std::size_t c = 0; c < n; ++c) values[c] += bias[c];
    float const mean = sum_in_lanes<float>(n, [=](std::size_t c) { return values[c]; }) / static_cast<float>(cols);
    float const variance =
        sum_in_lanes<float>(n, [=](std::size_t c) { return (values[c] - mean) * (values[c] - mean); }) /
        static_cast<float>(cols);
    float const scale = 1.0F / std::sqrt(variance + layer_norm_epsilon);
    inverse_std[r] = scale;
    for (std::size_t c = 0; c < n; ++c) {
      normalized[c] = (values[c] - mean) * scale;
      float const sum = normalized[c] * gain[c] + shift[c];
      values[c] = sum < 0 ? 0 : sum;
    }
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void layer_norm_backward(float* gradient, int rows, int cols, float const* gain, float const* normalized,
                         float const* inverse_std, float* gain_gradient) {
  auto const n = static_cast<std::size_t>(cols);
  for (int r = 0; r < rows; ++r, gradient += n, normalized += n) {
    for (std::size_t c = 0; c < n; ++c) {
      gain_gradient[c] += gradient[c] * normalized[c];
      gradient[c] *= gain[c];
    }
    float const mean = sum_in_lanes<float>(n, [=](std::size_t c) { return gradient[c]; }) / static_cast<float>(cols);
    float const slope =
        sum_in_lanes<float>(n, [=](std::size_t c) { return gradient[c] * normalized[c]; }) / static_cast<float>(cols);
    for (std::size_t c = 0; c < n; ++c) gradient[c] = inverse_std[r] * (gradient[c] - mean - normalized[c] * slope);
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void adam(float* __restrict parameters, float const* __restrict gradients, float* __restrict first,
          float* __restrict second, std::size_t n, AdamStep const& step) {
  auto const [beta1, beta2, epsilon, step_size, root_scale, decay, gradient_scale] = step;
  float const rest1 = 1.0F - beta1;
  float const rest2 = 1.0F - beta2;
  // A moment that only decays would end as a denormal number for good, which some processors compute with a hundred
  // times slower; at this size it has long ceased to matter beside epsilon.
  constexpr float nothing = 1e-30F;
  for (std::size_t i = 0; i < n; ++i) {
    float const g = gradients[i] * gradient_scale;
    float const m = beta1 * first[i] + rest1 * g;
    float const v = beta2 * second[i] + rest2 * g * g;
    first[i] = std::abs(m) < nothing ? 0 : m;
    second[i] = v < nothing ? 0 : v;
    float const change = step_size * m / (std::sqrt(v) * root_scale + epsilon);
    parameters[i] -= decay * parameters[i] + change;
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
double
sum_of_squares(float const* values, std::size_t n) {
  return sum_in_lanes<double>(n, [=](std::size_t i) { return static_cast<double>(values[i]) * values[i]; });
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void scale(float* values, float factor, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) values[i] *= factor;
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]  //
void move_towards(float* y, float const* x, float tau, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] += tau * (x[i] - y[i]);
}

}  // namespace regulus::nn::kernels
