// What turns a gradient into a step: Huber loss, global-norm clipping, Adam, target updates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/archive.h"

namespace regulus::nn {

// Huber loss with threshold delta and its derivative (Huber 1964): quadratic within delta, linear beyond; the scale is
// that of PyTorch's HuberLoss, so delta = 1 equals SmoothL1.
struct LossValue {
  float loss, derivative;
};
LossValue huber(float error, float delta);

// The Euclidean norm. Sums in double, in index order within fixed lanes.
double norm(std::span<float const> gradients);
// Scales the gradient to norm at most `limit`; returns the norm before. A learner that wants to save the pass hands
// limit / norm to Adam::step instead.
double clip_norm(std::span<float> gradients, double limit);

// Adam (Kingma and Ba 2015, algorithm 1) in one pass over the parameters; epsilon outside the root, as PyTorch has it.
class Adam {
 public:
  struct Options {
    float beta1 = 0.9F, beta2 = 0.999F, epsilon = 1e-8F;
    float weight_decay = 0;  // decoupled (Loshchilov and Hutter 2019); 0 is plain Adam
  };
  Adam() = default;
  Adam(std::size_t parameters, Options options) : options_(options), first_(parameters), second_(parameters) {}

  // gradient_scale multiplies each gradient on the way in (clipping without a pass of its own).
  void step(std::span<float> parameters, std::span<float const> gradients, float learning_rate,
            float gradient_scale = 1.0F);

  void save(ArchiveWriter& out) const;
  void load(ArchiveReader& in);

 private:
  Options options_;
  std::vector<float> first_, second_;
  std::int64_t steps_ = 0;
};

// target += tau · (online − target); tau = 1 copies exactly.
void move_towards(std::span<float> target, std::span<float const> online, float tau);

}  // namespace regulus::nn
