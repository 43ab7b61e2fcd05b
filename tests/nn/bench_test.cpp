#include "nn/bench.h"

#include <gtest/gtest.h>

#include <thread>

namespace regulus::nn {
namespace {

TEST(TrainingSignature, is_the_same_again_and_on_another_thread) {
  std::uint64_t const first = training_signature();
  std::uint64_t second = 0;
  std::jthread([&] { second = training_signature(); }).join();
  EXPECT_EQ(first, second);
  RecordProperty("signature", std::to_string(first));
}

TEST(Benchmark, measures_every_batch_size) {
  Benchmark const result = run_benchmark(0.01);
  ASSERT_EQ(result.updates.size(), 4U);
  EXPECT_EQ(result.updates.front().batch, 32);
  EXPECT_EQ(result.updates.back().batch, 256);
  for (auto const& update : result.updates) EXPECT_GT(update.median_ms, 0);
  EXPECT_GT(result.update_gflops, 0);
  EXPECT_GT(result.gemm_gflops, 0);
  EXPECT_GT(result.act_us, 0);
}

}  // namespace
}  // namespace regulus::nn
