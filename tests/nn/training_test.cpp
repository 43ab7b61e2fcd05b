#include "nn/training.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/rng.h"

namespace regulus::nn {
namespace {

std::vector<float> normals(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(n);
  for (float& v : values) v = static_cast<float>(rng.normal());
  return values;
}

TEST(Huber, is_half_the_square_within_delta_and_linear_beyond) {
  // δ = 1: 0.5 · 0.5² = 0.125; 1 · (3 − 0.5) = 2.5. δ = 2: 0.5 · 1.5² = 1.125; 2 · (5 − 1) = 8.
  EXPECT_EQ(huber(0.5F, 1).loss, 0.125F);
  EXPECT_EQ(huber(0.5F, 1).derivative, 0.5F);
  EXPECT_EQ(huber(-3.0F, 1).loss, 2.5F);
  EXPECT_EQ(huber(-3.0F, 1).derivative, -1.0F);
  EXPECT_EQ(huber(1.5F, 2).loss, 1.125F);
  EXPECT_EQ(huber(1.5F, 2).derivative, 1.5F);
  EXPECT_EQ(huber(5.0F, 2).loss, 8.0F);
  EXPECT_EQ(huber(5.0F, 2).derivative, 2.0F);
  EXPECT_EQ(huber(2.0F, 2).loss, 2.0F);  // both formulas meet: 0.5 · 4 = 2 · (2 − 1)
  EXPECT_EQ(huber(0.0F, 1).derivative, 0.0F);
}

TEST(Huber, of_nan_is_nan) { EXPECT_TRUE(std::isnan(huber(std::nanf(""), 1).loss)); }

TEST(ClipNorm, scales_a_long_gradient_to_the_limit_and_leaves_a_short_one) {
  std::vector<float> gradient{3, 0, -4};  // norm 5
  EXPECT_EQ(clip_norm(gradient, 10), 5.0);
  EXPECT_EQ(gradient, (std::vector<float>{3, 0, -4}));
  EXPECT_EQ(clip_norm(gradient, 2.5), 5.0);
  EXPECT_EQ(gradient, (std::vector<float>{1.5, 0, -2}));
}

TEST(ClipNorm, sums_in_double_at_every_length) {
  for (std::size_t n : {0U, 1U, 15U, 16U, 17U, 100U, 1'000U, 253'129U}) {
    std::vector<float> gradient = normals(n, 3);
    double sum = 0;
    for (float g : gradient) sum += static_cast<double>(g) * g;
    EXPECT_NEAR(clip_norm(gradient, 1e9), std::sqrt(sum), 1e-12 * std::sqrt(sum)) << n;
  }
}

// Algorithm 1 of Kingma and Ba in double, with the decoupled decay of Loshchilov and Hutter before it.
struct TextbookAdam {
  std::vector<double> m, v;
  int t = 0;
  void step(std::vector<double>& w, std::vector<double> const& g, Adam::Options const& options, double learning_rate) {
    m.resize(w.size());
    v.resize(w.size());
    ++t;
    double const beta1 = options.beta1, beta2 = options.beta2;
    for (std::size_t i = 0; i < w.size(); ++i) {
      w[i] -= learning_rate * options.weight_decay * w[i];
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      double const m_hat = m[i] / (1 - std::pow(beta1, t));
      double const v_hat = v[i] / (1 - std::pow(beta2, t));
      w[i] -= learning_rate * m_hat / (std::sqrt(v_hat) + options.epsilon);
    }
  }
};

void expect_textbook(Adam::Options const& options, std::size_t n) {
  constexpr float learning_rate = 1e-2F;
  std::vector<float> w = normals(n, 1);
  std::vector<double> expected(w.begin(), w.end());
  Adam adam(n, options);
  TextbookAdam textbook;
  for (int t = 0; t < 200; ++t) {
    std::vector<float> const gradient = normals(n, 100 + static_cast<std::uint64_t>(t));
    adam.step(w, gradient, learning_rate, 0.25F);
    std::vector<double> scaled(gradient.begin(), gradient.end());
    for (double& g : scaled) g *= 0.25;
    textbook.step(expected, scaled, options, learning_rate);
  }
  // 200 roundings of a weight of size about 1, half a unit in the last place (6e-8) each, add up to about 8e-7.
  for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(w[i], expected[i], 4e-6) << "weight " << i << " of " << n;
}

TEST(Adam, follows_the_textbook_in_double) {
  for (std::size_t n : {1U, 15U, 16U, 33U, 1'000U}) expect_textbook({}, n);
}

TEST(Adam, follows_the_textbook_with_other_constants) {
  expect_textbook({.beta1 = 0.5F, .beta2 = 0.9F, .epsilon = 1e-3F, .weight_decay = 0.1F}, 100);
}

// First step: m̂ = g and v̂ = g², so every weight moves by the learning rate against its gradient, whatever the
// gradient's size.
TEST(Adam, first_step_has_the_length_of_the_learning_rate) {
  std::vector<float> w{1, 1, 1};
  Adam(3, {}).step(w, std::vector<float>{100, -0.01F, 0}, 0.125F);
  EXPECT_FLOAT_EQ(w[0], 0.875F);
  EXPECT_NEAR(w[1], 1.125F, 1e-6);
  EXPECT_EQ(w[2], 1.0F);
}

TEST(Adam, with_a_gradient_scale_equals_scaling_the_gradient_first) {
  std::vector<float> const gradient = normals(100, 4);
  std::vector<float> scaled = gradient;
  for (float& g : scaled) g *= 0.3F;
  std::vector<float> a = normals(100, 5), b = a;
  Adam(100, {}).step(a, gradient, 1e-3F, 0.3F);
  Adam(100, {}).step(b, scaled, 1e-3F);
  EXPECT_EQ(a, b);
}

TEST(Adam, a_nan_gradient_shows_in_its_weight_alone) {
  std::vector<float> w(20, 1.0F), gradient(20, 1.0F);
  gradient[3] = std::numeric_limits<float>::quiet_NaN();
  Adam(20, {}).step(w, gradient, 0.1F);
  for (std::size_t i = 0; i < w.size(); ++i) EXPECT_EQ(std::isnan(w[i]), i == 3) << i;
}

// 0.9^1000 = 1.7e-46 is below every float, yet 0.9 · (smallest denormal) rounds back to it: without care it would stay
// forever.
TEST(Adam, moments_of_a_weight_without_gradient_reach_zero_instead_of_denormals) {
  std::vector<float> w{1};
  Adam adam(1, {});
  adam.step(w, std::vector<float>{1}, 1e-3F);
  for (int t = 0; t < 1000; ++t) adam.step(w, std::vector<float>{0}, 1e-3F);
  ArchiveWriter out;
  adam.save(out);
  auto in = ArchiveReader::open(std::move(out).finish());
  ASSERT_TRUE(in);
  Adam::Options options;
  std::vector<float> first, second;
  in->tag("adam");
  in->get(options);
  in->get(first);
  in->get(second);
  EXPECT_EQ(first, std::vector<float>{0});
  EXPECT_NEAR(second[0], 1e-3 * std::pow(0.999, 1000), 1e-7);
}

TEST(Adam, stopped_saved_and_resumed_goes_on_bit_for_bit) {
  std::vector<float> w = normals(77, 6);
  Adam adam(77, {.weight_decay = 0.01F});
  for (std::uint64_t t = 0; t < 5; ++t) adam.step(w, normals(77, t), 1e-2F);
  ArchiveWriter out;
  adam.save(out);
  auto in = ArchiveReader::open(std::move(out).finish());
  ASSERT_TRUE(in);
  Adam resumed(77, {});
  resumed.load(*in);
  ASSERT_TRUE(in->finish());
  std::vector<float> resumed_w = w;
  for (std::uint64_t t = 5; t < 10; ++t) {
    adam.step(w, normals(77, t), 1e-2F);
    resumed.step(resumed_w, normals(77, t), 1e-2F);
  }
  EXPECT_EQ(w, resumed_w);
}

TEST(Adam, refuses_the_state_of_another_network) {
  ArchiveWriter out;
  Adam(3, {}).save(out);
  auto in = ArchiveReader::open(std::move(out).finish());
  ASSERT_TRUE(in);
  Adam other(4, {});
  other.load(*in);
  ASSERT_FALSE(in->finish());
  EXPECT_EQ(in->finish().error().kind, ErrorKind::corrupt);
  std::vector<float> w(4, 1.0F);
  other.step(w, w, 0.1F);  // and can still be used
}

TEST(MoveTowards, goes_the_given_part_of_the_way_and_copies_exactly_at_one) {
  std::vector<float> target{0, 4, 1e8F};
  std::vector<float> const online{8, 0, 0.1F};
  move_towards(target, online, 0.25F);
  EXPECT_EQ(target[0], 2.0F);
  EXPECT_EQ(target[1], 3.0F);
  move_towards(target, online, 1.0F);
  EXPECT_EQ(target, online);  // 1e8 + (0.1 − 1e8) would be 0
}

}  // namespace
}  // namespace regulus::nn
