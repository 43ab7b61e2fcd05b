#include "nn/training.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "nn/kernels.h"

namespace regulus::nn {

LossValue huber(float error, float delta) {
  float const size = std::abs(error);
  if (size <= delta) return {0.5F * error * error, error};
  return {delta * (size - 0.5F * delta), std::copysign(delta, error)};
}

double norm(std::span<float const> gradients) {
  return std::sqrt(kernels::sum_of_squares(gradients.data(), gradients.size()));
}

double clip_norm(std::span<float> gradients, double limit) {
  double const before = norm(gradients);
  if (before > limit) kernels::scale(gradients.data(), static_cast<float>(limit / before), gradients.size());
  return before;
}

void Adam::step(std::span<float> parameters, std::span<float const> gradients, float learning_rate,
                float gradient_scale) {
  REGULUS_CHECK(parameters.size() == first_.size() && gradients.size() == first_.size());
  ++steps_;
  // Algorithm 1's bias corrections, moved out of the loop: m̂ / (√v̂ + ε) = (m / c1) / (√v / √c2 + ε).
  double const correction1 = 1.0 - std::pow(static_cast<double>(options_.beta1), static_cast<double>(steps_));
  double const correction2 = 1.0 - std::pow(static_cast<double>(options_.beta2), static_cast<double>(steps_));
  kernels::adam(parameters.data(), gradients.data(), first_.data(), second_.data(), parameters.size(),
                {.beta1 = options_.beta1,
                 .beta2 = options_.beta2,
                 .epsilon = options_.epsilon,
                 .step_size = static_cast<float>(learning_rate / correction1),
                 .root_scale = static_cast<float>(1.0 / std::sqrt(correction2)),
                 .decay = learning_rate * options_.weight_decay,
                 .gradient_scale = gradient_scale});
}

void Adam::save(ArchiveWriter& out) const {
  out.tag("adam");
  out.put(options_);
  out.put(first_);
  out.put(second_);
  out.put(steps_);
}

void Adam::load(ArchiveReader& in) {
  std::size_t const parameters = first_.size();
  in.tag("adam");
  in.get(options_);
  in.get(first_);
  in.get(second_);
  in.get(steps_);
  if (first_.size() != parameters || second_.size() != parameters) {
    in.fail();
    first_.assign(parameters, 0.0F);
    second_.assign(parameters, 0.0F);
  }
}

void move_towards(std::span<float> target, std::span<float const> online, float tau) {
  REGULUS_CHECK(target.size() == online.size());
  // A copy must be exact, which target + (online − target) is not.
  if (tau == 1.0F) {
    std::ranges::copy(online, target.begin());
    return;
  }
  kernels::move_towards(target.data(), online.data(), tau, target.size());
}

}  // namespace regulus::nn
