#include "nn/bench.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <functional>

#include "core/rng.h"
#include "core/stats.h"
#include "nn/matrix.h"
#include "nn/network.h"
#include "nn/training.h"

namespace regulus::nn {
namespace {

Shape const large{.inputs = 122, .hidden = {512, 256, 128}, .outputs = 201};
constexpr int standard_batch = 64;

// A batch of made-up transitions.
struct Batch {
  Batch(Shape const& shape, int rows, Rng rng) : state(rows, shape.inputs), next_state(rows, shape.inputs) {
    for (Matrix* matrix : {&state, &next_state}) {
      for (float& v : std::span(matrix->data(), matrix->size())) v = static_cast<float>(rng.normal());
    }
    for (int r = 0; r < rows; ++r) {
      action.push_back(static_cast<int>(rng.below(static_cast<std::uint64_t>(shape.outputs))));
      reward.push_back(static_cast<float>(rng.normal()));
      discount.push_back(rng.chance(0.98) ? 0.95F : 0.0F);
      for (int a = 0; a < shape.outputs; ++a) legal.push_back(a + 1 == shape.outputs || rng.chance(0.3) ? 1 : 0);
    }
  }
  std::span<std::uint8_t const> legal_in(int row) const {
    std::size_t const width = legal.size() / action.size();
    return std::span(legal).subspan(static_cast<std::size_t>(row) * width, width);
  }
  Matrix state, next_state;
  std::vector<int> action;
  std::vector<float> reward, discount;  // discount: 0 where the episode ended
  std::vector<std::uint8_t> legal;
};

// One learner with all its buffers.
class Learner {
 public:
  explicit Learner(Shape const& shape)
      : online_(shape, Rng(7).stream(Purpose::weights)),
        target_(online_),
        adam_(online_.parameters().size(), {}),
        gradients_(online_.parameters().size()),
        dropout_(Rng(7).stream(Purpose::dropout)) {}

  void update(Batch const& batch) {
    int const rows = batch.state.rows();
    auto const n = static_cast<std::size_t>(rows);
    best_.resize(n);
    goal_.resize(n);
    value_.resize(n);
    online_.head(online_.body(batch.next_state, tape_), outputs_);
    for (int r = 0; r < rows; ++r) {
      best_[r] = best_column(outputs_.row(r), batch.legal_in(r));
    }
    target_.head_at(target_.body(batch.next_state, tape_), best_, goal_);
    online_.head_at(online_.body_for_training(batch.state, tape_, dropout_), batch.action, value_);
    for (std::size_t r = 0; r < n; ++r) {
      float const error = value_[r] - (batch.reward[r] + batch.discount[r] * goal_[r]);
      value_[r] = huber(error, 1.0F).derivative / static_cast<float>(rows);
    }
    std::ranges::fill(gradients_, 0.0F);
    online_.backward_at(tape_, batch.action, value_, gradients_);
    double const length = norm(gradients_);
    adam_.step(online_.parameters(), gradients_, 1e-4F, length > 10 ? static_cast<float>(10 / length) : 1.0F);
  }

  int act(Batch const& batch, int row) {
    online_.head(online_.body({batch.state.row(row).data(), 1, batch.state.cols()}, tape_), outputs_);
    return best_column(outputs_.row(0), batch.legal_in(row));
  }

  Network const& online() const { return online_; }

 private:
  Network online_, target_;
  Adam adam_;
  std::vector<float> gradients_;
  Rng dropout_;
  Tape tape_;
  Matrix outputs_;
  std::vector<int> best_;
  std::vector<float> goal_, value_;
};

// The matrix products of one update, dense: three forward passes, and the gradients by the weights and by all layers'
// inputs but the first's. They share operands as the update does: two networks, and a set of activations for each pass.
class Products {
 public:
  Products(Shape const& shape, int rows) {
    std::vector<int> widths{shape.inputs};
    widths.insert(widths.end(), shape.hidden.begin(), shape.hidden.end());
    widths.push_back(shape.outputs);
    auto const ones = [](int r, int c) {
      Matrix matrix(r, c);
      std::fill_n(matrix.data(), matrix.size(), 1.0F);
      return matrix;
    };
    for (std::size_t k = 0; k < widths.size(); ++k) {
      for (auto* layers : {&online_pass_, &target_pass_, &gradient_}) layers->push_back(ones(rows, widths[k]));
      if (k == 0) continue;
      for (auto* weights : {&online_, &target_, &weight_gradient_}) weights->push_back(ones(widths[k], widths[k - 1]));
      flops_ += 2.0 * rows * widths[k] * widths[k - 1] * (k == 1 ? 4 : 5);
    }
  }

  void run() {
    forward(online_, online_pass_);
    forward(target_, target_pass_);
    forward(online_, online_pass_);
    for (std::size_t k = online_.size(); k-- > 0;) {
      multiply(gradient_[k + 1], Op::transposed, online_pass_[k], Op::plain, weight_gradient_[k].data());
      if (k > 0) multiply(gradient_[k + 1], Op::plain, online_[k], Op::plain, gradient_[k].data());
    }
  }
  double flops() const { return flops_; }

 private:
  using Matrices = std::vector<Matrix>;
  static void forward(Matrices const& weights, Matrices& pass) {
    for (std::size_t k = 0; k < weights.size(); ++k) {
      multiply(pass[k], Op::plain, weights[k], Op::transposed, pass[k + 1].data());
    }
  }

  Matrices online_, target_, weight_gradient_, online_pass_, target_pass_, gradient_;
  double flops_ = 0;
};

using Clock = std::chrono::steady_clock;

double seconds_of(std::function<void()> const& work) {
  auto const start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Median seconds of each of several pieces of work, which take turns: whatever slows the machine meanwhile slows all
// alike.
template <std::size_t count>
std::array<double, count> median_seconds(double seconds, std::array<std::function<void()>, count> const& work) {
  constexpr int warm_up = 10;
  std::array<std::vector<double>, count> samples;
  auto const end = Clock::now() + std::chrono::duration<double>(seconds);
  for (int round = 0; round <= warm_up || Clock::now() < end; ++round) {
    for (std::size_t i = 0; i < count; ++i) {
      double const took = seconds_of(work[i]);
      if (round >= warm_up) samples[i].push_back(took);
    }
  }
  std::array<double, count> medians{};
  for (std::size_t i = 0; i < count; ++i) medians[i] = median(samples[i]);
  return medians;
}

}  // namespace

Benchmark run_benchmark(double seconds) {
  Benchmark result;
  double const share = seconds / 6;
  for (int rows : {32, standard_batch, 128, 256}) {
    Learner learner(large);
    Batch const batch(large, rows, Rng(rows));
    auto const [update] = median_seconds<1>(share, {[&] { learner.update(batch); }});
    result.updates.push_back({rows, 1e3 * update});
  }
  Learner learner(large);
  Batch const batch(large, standard_batch, Rng(1));
  Products products(large, standard_batch);
  auto const [update, gemm] = median_seconds<2>(share, {[&] { learner.update(batch); }, [&] { products.run(); }});
  result.update_gflops = products.flops() / update * 1e-9;
  result.gemm_gflops = products.flops() / gemm * 1e-9;

  int row = 0;
  auto const [act] = median_seconds<1>(share, {[&] {
                                         row = (row + 1) % standard_batch;
                                         learner.act(batch, row);
                                       }});
  result.act_us = 1e6 * act;
  return result;
}

std::uint64_t training_signature() {
  std::uint64_t hash = 0;
  for (Shape const& shape :
       {Shape{.inputs = 13, .hidden = {40, 24}, .outputs = 6, .layer_norm = true, .dropout = 0.1F}, large}) {
    Learner learner(shape);
    for (int update = 0; update < 20; ++update) {
      learner.update(Batch(shape, 32, Rng(7).stream(Purpose::replay, static_cast<std::uint64_t>(update))));
    }
    for (float p : learner.online().parameters()) hash = mix(hash, std::bit_cast<std::uint32_t>(p));
  }
  return hash;
}

}  // namespace regulus::nn
