#include "nn/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nn/training.h"
#include "tests/nn/twin.h"

namespace regulus::nn {
namespace {

constexpr int rows = 7;

std::vector<Shape> const& shapes() {
  static std::vector<Shape> const all{
      {.inputs = 5, .hidden = {}, .outputs = 3},
      {.inputs = 5, .hidden = {}, .outputs = 1},
      {.inputs = 6, .hidden = {9}, .outputs = 4},
      {.inputs = 6, .hidden = {20, 17}, .outputs = 2},
      {.inputs = 6, .hidden = {20, 17}, .outputs = 5, .layer_norm = true},
      {.inputs = 6, .hidden = {20, 17}, .outputs = 5, .dropout = 0.3F},
      {.inputs = 6, .hidden = {18, 33, 8}, .outputs = 1, .layer_norm = true, .dropout = 0.2F},
      {.inputs = 40, .hidden = {64, 64}, .outputs = 1},
  };
  return all;
}

std::string describe(Shape const& shape) {
  std::string text = std::to_string(shape.inputs);
  for (int width : shape.hidden) text += "-" + std::to_string(width);
  text += "-" + std::to_string(shape.outputs);
  return text + (shape.layer_norm ? " LayerNorm" : "") + (shape.dropout > 0 ? " dropout" : "");
}

// A network whose biases, gains and shifts are not their initial zeros and ones, so that an error in them shows.
Network shaken(Shape const& shape) {
  Network network(shape, Rng(3).stream(Purpose::weights));
  Rng rng(5);
  for (float& p : network.parameters()) p += static_cast<float>(0.1 * rng.normal());
  return network;
}

double size_of_largest(Reals const& values) {
  double largest = 0;
  for (double v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

// Relative to the largest entry: single entries may cancel to nothing, where a relative error means nothing.
void expect_close(std::span<float const> actual, Reals const& expected, double tolerance, std::string const& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double const scale = size_of_largest(expected);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * scale) << what << ", entry " << i;
  }
}

// d of the loss Σ_r d[r] · output[r][column[r]], some of it zero.
struct Chosen {
  std::vector<int> column;
  std::vector<float> d;
};
Chosen chosen(Shape const& shape) {
  Chosen c;
  Rng rng(11);
  for (int r = 0; r < rows; ++r) {
    c.column.push_back(static_cast<int>(rng.below(static_cast<std::uint64_t>(shape.outputs))));
    c.d.push_back(r == 2 ? 0.0F : static_cast<float>(rng.normal()));
  }
  return c;
}

TEST(Network, the_naive_twins_gradients_are_those_of_finite_differences) {
  for (Shape const& shape : shapes()) {
    SCOPED_TRACE(describe(shape));
    Network const network = shaken(shape);
    Twin twin(network);
    Matrix const input = random_matrix(rows, shape.inputs, Rng(1));
    Matrix const d = random_matrix(rows, shape.outputs, Rng(2));
    auto const kept = twin.draw_kept(rows, Rng(9));
    auto const kept_of = [&](int r) { return shape.dropout > 0 ? &kept[static_cast<std::size_t>(r)] : nullptr; };

    Reals gradients(twin.parameters.size(), 0.0);
    for (int r = 0; r < rows; ++r) twin.backward(reals(input.row(r)), kept_of(r), reals(d.row(r)), gradients);
    auto const loss = [&] {
      double sum = 0;
      for (int r = 0; r < rows; ++r) {
        Reals const outputs = twin.forward(reals(input.row(r)), kept_of(r));
        for (int o = 0; o < shape.outputs; ++o) sum += d.row(r)[o] * outputs[o];
      }
      return sum;
    };
    double const scale = size_of_largest(gradients);
    constexpr double h = 1e-5;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      double const kept_parameter = twin.parameters[i];
      twin.parameters[i] = kept_parameter + h;
      double const above = loss();
      twin.parameters[i] = kept_parameter - h;
      double const below = loss();
      twin.parameters[i] = kept_parameter;
      ASSERT_NEAR(gradients[i], (above - below) / (2 * h), 1e-6 * scale) << "parameter " << i;
    }
  }
}

TEST(Network, outputs_and_dense_gradients_are_the_twins) {
  for (Shape const& shape : shapes()) {
    SCOPED_TRACE(describe(shape));
    Network const network = shaken(shape);
    Twin const twin(network);
    Matrix const input = random_matrix(rows, shape.inputs, Rng(1));
    Matrix const d = random_matrix(rows, shape.outputs, Rng(2));
    auto const kept = twin.draw_kept(rows, Rng(9));

    Tape tape;
    Rng stream(9);
    Matrix outputs;
    network.head(network.body_for_training(input, tape, stream), outputs);
    std::vector<float> gradients(network.parameters().size(), 0.5F);  // what was there stays: gradients are added
    network.backward(tape, d, gradients);

    Reals expected(gradients.size(), 0.0), expected_outputs;
    for (int r = 0; r < rows; ++r) {
      Reals const* mask = shape.dropout > 0 ? &kept[static_cast<std::size_t>(r)] : nullptr;
      Reals const row = twin.forward(reals(input.row(r)), mask);
      expected_outputs.insert(expected_outputs.end(), row.begin(), row.end());
      twin.backward(reals(input.row(r)), mask, reals(d.row(r)), expected);
    }
    expect_close({outputs.data(), outputs.size()}, expected_outputs, 2e-6, "outputs");
    for (double& g : expected) g += 0.5;
    expect_close(gradients, expected, 2e-6, "gradients");
  }
}

TEST(Network, gradients_of_chosen_outputs_are_the_twins) {
  for (Shape const& shape : shapes()) {
    SCOPED_TRACE(describe(shape));
    Network const network = shaken(shape);
    Twin const twin(network);
    Matrix const input = random_matrix(rows, shape.inputs, Rng(1));
    Chosen const at = chosen(shape);
    auto const kept = twin.draw_kept(rows, Rng(9));

    Tape tape;
    Rng stream(9);
    network.body_for_training(input, tape, stream);
    std::vector<float> gradients(network.parameters().size(), 0.0F);
    network.backward_at(tape, at.column, at.d, gradients);

    Reals expected(gradients.size(), 0.0);
    for (int r = 0; r < rows; ++r) {
      Reals d(static_cast<std::size_t>(shape.outputs), 0.0);
      d[static_cast<std::size_t>(at.column[r])] = at.d[r];
      twin.backward(reals(input.row(r)), shape.dropout > 0 ? &kept[static_cast<std::size_t>(r)] : nullptr, d, expected);
    }
    expect_close(gradients, expected, 2e-6, "gradients");
  }
}

TEST(Network, a_pass_without_dropout_can_be_followed_backward_too) {
  Shape const shape{.inputs = 6, .hidden = {20, 17}, .outputs = 5, .dropout = 0.3F};
  Network const network = shaken(shape);
  Twin const twin(network);
  Matrix const input = random_matrix(rows, shape.inputs, Rng(1));
  Chosen const at = chosen(shape);
  Tape tape;
  Rng stream(9);
  network.body_for_training(input, tape, stream);  // leaves its scale behind unless the next pass resets it
  network.body(input, tape);
  std::vector<float> gradients(network.parameters().size(), 0.0F);
  network.backward_at(tape, at.column, at.d, gradients);
  Reals expected(gradients.size(), 0.0);
  for (int r = 0; r < rows; ++r) {
    Reals d(static_cast<std::size_t>(shape.outputs), 0.0);
    d[static_cast<std::size_t>(at.column[r])] = at.d[r];
    twin.backward(reals(input.row(r)), nullptr, d, expected);
  }
  expect_close(gradients, expected, 2e-6, "gradients");
}

TEST(Network, one_output_a_row_is_that_column_of_the_head) {
  for (Shape const& shape : shapes()) {
    SCOPED_TRACE(describe(shape));
    Network const network = shaken(shape);
    Matrix const input = random_matrix(rows, shape.inputs, Rng(1));
    Chosen const at = chosen(shape);
    Tape tape;
    MatrixView const hidden = network.body(input, tape);
    Matrix outputs;
    network.head(hidden, outputs);
    std::vector<float> values(rows);
    network.head_at(hidden, at.column, values);
    Reals expected;
    for (int r = 0; r < rows; ++r) expected.push_back(outputs.row(r)[at.column[r]]);
    expect_close(values, expected, 1e-6, "values");
  }
}

TEST(Network, one_adam_step_changes_every_block_and_none_with_learning_rate_zero) {
  for (Shape const& shape : shapes()) {
    SCOPED_TRACE(describe(shape));
    Network network = shaken(shape);
    std::vector<float> const before(network.parameters().begin(), network.parameters().end());
    Matrix const input = random_matrix(rows, shape.inputs, Rng(1));
    Chosen const at = chosen(shape);
    Tape tape;
    Rng stream(9);
    network.body_for_training(input, tape, stream);
    std::vector<float> gradients(before.size(), 0.0F);
    network.backward_at(tape, at.column, at.d, gradients);

    Adam(before.size(), {}).step(network.parameters(), gradients, 0.0F);
    EXPECT_TRUE(std::ranges::equal(network.parameters(), before));
    Adam(before.size(), {}).step(network.parameters(), gradients, 1e-3F);
    for (Block const& block : network.blocks()) {
      auto const now = network.parameters().subspan(block.offset, block.size());
      EXPECT_FALSE(std::ranges::equal(now, std::span(before).subspan(block.offset, block.size()))) << block.name;
    }
  }
}

TEST(Network, dropout_exists_only_in_training_passes) {
  Network const network({.inputs = 8, .hidden = {32, 32}, .outputs = 4, .dropout = 0.5F}, Rng(1));
  Matrix const input = random_matrix(3, 8, Rng(2));
  Tape tape;
  Matrix first;
  network.head(network.body(input, tape), first);
  Rng stream(4);
  for (int call = 0; call < 50; ++call) {
    Matrix noisy, again;
    network.head(network.body_for_training(input, tape, stream), noisy);
    EXPECT_FALSE(std::ranges::equal(noisy.row(0), first.row(0)));
    network.head(network.body(input, tape), again);
    for (int r = 0; r < 3; ++r) EXPECT_TRUE(std::ranges::equal(again.row(r), first.row(r)));
  }
}

// 2 · 20,000 units at p = 0.25: the dropped share has standard deviation √(0.25 · 0.75 / 40,000) = 0.0022.
TEST(Network, dropout_drops_the_given_share_and_scales_up_the_rest) {
  Network network({.inputs = 1, .hidden = {200, 200}, .outputs = 1, .dropout = 0.25F}, Rng(1));
  for (Block const& block : network.blocks()) {  // every unit outputs exactly 1 without dropout
    std::ranges::fill(network.parameters().subspan(block.offset, block.size()), block.rows == 1 ? 1.0F : 0.0F);
  }
  Matrix const input = random_matrix(100, 1, Rng(2));
  Tape tape;
  Rng stream(4);
  network.body_for_training(input, tape, stream);
  int dropped = 0;
  for (Matrix const& hidden : tape.hidden) {
    for (int r = 0; r < hidden.rows(); ++r) {
      for (float unit : hidden.row(r)) {
        EXPECT_TRUE(unit == 0.0F || unit == 1.0F / 0.75F) << unit;
        dropped += unit == 0.0F ? 1 : 0;
      }
    }
  }
  EXPECT_NEAR(dropped / 40'000.0, 0.25, 4 * 0.0022);
}

TEST(Network, initial_weights_are_xavier_uniform_with_zero_biases_and_unit_gains) {
  Network const network({.inputs = 30, .hidden = {50}, .outputs = 10, .layer_norm = true}, Rng(1));
  ASSERT_EQ(network.blocks().size(), 6U);
  EXPECT_EQ(network.blocks()[0].name, "layers.0.weight");
  EXPECT_EQ(network.blocks()[5].name, "head.bias");
  std::size_t end = 0;
  for (Block const& block : network.blocks()) {
    EXPECT_EQ(block.offset, end) << block.name;
    end += block.size();
    auto const values = network.parameters().subspan(block.offset, block.size());
    if (block.rows > 1) {
      double const bound = std::sqrt(6.0 / (block.rows + block.cols));
      auto const [low, high] = std::ranges::minmax(values);
      EXPECT_GE(low, -bound);
      EXPECT_LE(high, bound);
      EXPECT_LT(low, -0.95 * bound);
      EXPECT_GT(high, 0.95 * bound);
    } else {
      float const value = block.name == "layers.0.norm.weight" ? 1.0F : 0.0F;
      EXPECT_TRUE(std::ranges::all_of(values, [=](float v) { return v == value; })) << block.name;
    }
  }
  EXPECT_EQ(end, network.parameters().size());
}

TEST(Network, the_benchmark_network_has_as_many_parameters_as_its_shape_says) {
  // 122·512 + 512 + 512·256 + 256 + 256·128 + 128 + 128·201 + 201 = 253,129
  EXPECT_EQ(Network({.inputs = 122, .hidden = {512, 256, 128}, .outputs = 201}, Rng(1)).parameters().size(), 253'129U);
}

TEST(Network, a_nan_in_the_input_reaches_the_output) {
  Network const network({.inputs = 3, .hidden = {8, 8}, .outputs = 2}, Rng(1));
  Matrix input = random_matrix(2, 3, Rng(2));
  input.row(1)[0] = std::nanf("");
  Tape tape;
  Matrix outputs;
  network.head(network.body(input, tape), outputs);
  EXPECT_FALSE(std::isnan(outputs.row(0)[0]));
  EXPECT_TRUE(std::isnan(outputs.row(1)[0]));
}

// Not bit for bit: which of oneDNN's kernels computes a row depends on the number of rows and, without AVX-512, on its
// place.
TEST(Network, a_row_has_the_same_outputs_alone_and_anywhere_in_a_batch) {
  for (Shape const& shape : {Shape{.inputs = 40, .hidden = {64, 64}, .outputs = 1},
                             Shape{.inputs = 122, .hidden = {512, 256, 128}, .outputs = 201},
                             Shape{.inputs = 40, .hidden = {64, 64}, .outputs = 2, .layer_norm = true}}) {
    SCOPED_TRACE(describe(shape));
    Network const network = shaken(shape);
    for (int n : {2, 3, 8, 15, 16, 17, 33, 100}) {
      Matrix const input = random_matrix(n, shape.inputs, Rng(2));
      Tape tape;
      Matrix outputs, alone;
      network.head(network.body(input, tape), outputs);
      double const scale = size_of_largest(reals({outputs.data(), outputs.size()}));
      for (int r = 0; r < n; ++r) {
        network.head(network.body({input.row(r).data(), 1, shape.inputs}, tape), alone);
        for (int o = 0; o < shape.outputs; ++o) ASSERT_NEAR(alone.row(0)[o], outputs.row(r)[o], 2e-6 * scale);
      }
    }
  }
}

TEST(BestColumn, is_the_first_of_the_highest_allowed_values) {
  std::vector<float> const values{3, 9, 5, 5, -1};
  EXPECT_EQ(best_column(values, std::vector<std::uint8_t>{1, 1, 1, 1, 1}), 1);
  EXPECT_EQ(best_column(values, std::vector<std::uint8_t>{1, 0, 1, 1, 1}), 2);
  EXPECT_EQ(best_column(values, std::vector<std::uint8_t>{0, 0, 0, 0, 1}), 4);
  EXPECT_EQ(best_column(values, std::vector<std::uint8_t>{0, 0, 0, 0, 0}), -1);
}

TEST(BestColumn, prefers_any_number_to_nan) {
  float const nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
  std::vector<std::uint8_t> const all{1, 1, 1}, but_first{0, 1, 1};
  EXPECT_EQ(best_column(std::vector<float>{nan, -infinity, nan}, all), 1);
  EXPECT_EQ(best_column(std::vector<float>{5, nan, nan}, but_first), 1);
}

TEST(BestColumn, agrees_with_a_plain_search_at_every_length) {
  Rng rng(3);
  for (std::size_t n = 1; n < 70; ++n) {
    std::vector<float> values(n);
    std::vector<std::uint8_t> mask(n);
    int expected = -1;
    for (std::size_t c = 0; c < n; ++c) {
      values[c] = static_cast<float>(rng.between(-5, 5));
      mask[c] = rng.chance(0.3) ? 1 : 0;
      if (mask[c] != 0 && (expected < 0 || values[c] > values[expected])) expected = static_cast<int>(c);
    }
    EXPECT_EQ(best_column(values, mask), expected) << n;
  }
}

}  // namespace
}  // namespace regulus::nn
