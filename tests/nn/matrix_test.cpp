#include "nn/matrix.h"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "core/rng.h"
#include "tests/nn/twin.h"

namespace regulus::nn {
namespace {

double entry(MatrixView m, Op op, int r, int c) { return op == Op::plain ? m.row(r)[c] : m.row(c)[r]; }

RC_GTEST_PROP(Matrix, products_are_those_of_the_triple_loop_in_double, ()) {
  int const m = *rc::gen::inRange(0, 40), n = *rc::gen::inRange(0, 40), k = *rc::gen::inRange(0, 200);
  Op const a_op = *rc::gen::element(Op::plain, Op::transposed), b_op = *rc::gen::element(Op::plain, Op::transposed);
  bool const accumulate = *rc::gen::arbitrary<bool>();
  Rng const rng(*rc::gen::arbitrary<std::uint64_t>());
  Matrix const a = a_op == Op::plain ? random_matrix(m, k, rng) : random_matrix(k, m, rng);
  Matrix const b = b_op == Op::plain ? random_matrix(k, n, rng) : random_matrix(n, k, rng);
  Matrix c = random_matrix(m, n, rng.stream(Purpose::test));
  Matrix const before = c;
  multiply(a, a_op, b, b_op, c.data(), accumulate);
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      double sum = accumulate ? before.row(i)[j] : 0.0, size = std::abs(sum);
      for (int l = 0; l < k; ++l) {
        double const term = entry(a, a_op, i, l) * entry(b, b_op, l, j);
        sum += term;
        size += std::abs(term);
      }
      // The usual bound of a float sum of k terms, relative to the sum of their sizes, with room.
      RC_ASSERT(std::abs(c.row(i)[j] - sum) <= 1.2e-7 * (4 + std::sqrt(k)) * size);
    }
  }
}

TEST(Matrix, products_are_the_same_bits_on_every_thread_and_at_every_address) {
  Matrix const a = random_matrix(64, 122, Rng(1)), b = random_matrix(512, 122, Rng(2));
  Matrix expected(64, 512);
  multiply(a, Op::plain, b, Op::transposed, expected.data());
  std::vector<std::vector<float>> results(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < results.size(); ++t) {
      threads.emplace_back([&, t] {
        std::vector<float> shifted(a.size() + t + 1);  // the same numbers, at another distance from a cache line
        std::copy_n(a.data(), a.size(), shifted.data() + t + 1);
        results[t].resize(expected.size());
        multiply({shifted.data() + t + 1, 64, 122}, Op::plain, b, Op::transposed, results[t].data());
      });
    }
  }
  for (auto const& result : results) EXPECT_TRUE(std::equal(result.begin(), result.end(), expected.data()));
}

TEST(Matrix, a_buffer_that_shrinks_and_grows_back_keeps_its_memory) {
  Matrix m(10, 10);
  float const* where = m.data();
  m.resize(3, 4);
  EXPECT_EQ(m.size(), 12U);
  m.resize(10, 10);
  EXPECT_EQ(m.data(), where);
}

}  // namespace
}  // namespace regulus::nn
