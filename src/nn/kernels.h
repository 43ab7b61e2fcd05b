// The element-wise work between the matrix products: bias, ReLU, LayerNorm and their gradients.
//
// Internal to nn. Each loop exists for several instruction sets and the processor's best is chosen at run time. Sums
// run in sixteen fixed lanes, so that debug, release and sanitizer builds give the same bytes on one machine.
#pragma once

#include <cstddef>

#include "core/rng.h"

namespace regulus::nn::kernels {

// y[i] += a · x[i]
void add_scaled(float* y, float a, float const* x, std::size_t n);
float dot(float const* a, float const* b, std::size_t n);

// The highest value whose mask is not 0; −∞ if there is none. NaNs never count.
float highest(float const* values, unsigned char const* mask, std::size_t n);

// values[r][c] += bias[c]
void add_bias(float* values, int rows, int cols, float const* bias);
// values[r][c] = max(0, values[r][c] + bias[c])
void add_bias_relu(float* values, int rows, int cols, float const* bias);
// sums[c] += Σ_r values[r][c]
void add_column_sums(float const* values, int rows, int cols, float* sums);
// Each value becomes 0 with this probability, else scale · value; one draw a value, in order.
void dropout(float* values, std::size_t n, float probability, float scale, Rng& rng);
// The way back through ReLU and dropout: gradient[r][c] becomes scale · gradient[r][c] where the unit was active, else
// 0. Its column sums are added to `bias_gradient`.
void relu_backward(float* gradient, float const* hidden, int rows, int cols, float scale, float* bias_gradient);

// LayerNorm (Ba, Kiros, Hinton 2016) of each row of values + bias, then ReLU: hidden = max(0, gain · x̂ + shift). Keeps
// x̂ and 1/σ for the way back.
constexpr float layer_norm_epsilon = 1e-5F;  // added to the variance
struct LayerNorm {
  float const *bias, *gain, *shift;
};
void layer_norm_relu(float* values, int rows, int cols, LayerNorm const& parameters, float* normalized,
                     float* inverse_std);
// In place: the gradient by LayerNorm's output becomes that by its input. Adds the gradients of gain and shift.
void layer_norm_backward(float* gradient, int rows, int cols, float const* gain, float const* normalized,
                         float const* inverse_std, float* gain_gradient);

struct AdamStep {
  float beta1, beta2, epsilon, step_size, root_scale, decay, gradient_scale;
};
void adam(float* parameters, float const* gradients, float* first, float* second, std::size_t n, AdamStep const& step);

double sum_of_squares(float const* values, std::size_t n);
void scale(float* values, float factor, std::size_t n);
// y += tau · (x − y)
void move_towards(float* y, float const* x, float tau, std::size_t n);

}  // namespace regulus::nn::kernels
