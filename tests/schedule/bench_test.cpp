#include "schedule/bench.h"

#include <gtest/gtest.h>

namespace regulus::schedule {
namespace {

TEST(InsertionBenchmark, plans_most_of_a_small_day_and_agrees_with_trying_everything) {
  InsertionBenchmark const b =
      run_insertion_benchmark({.drivers = 6, .bookings = 60, .questions = 30, .checked = 30, .seed = 3});
  EXPECT_GT(b.planned, 40);
  EXPECT_EQ(b.checked, 30);
  EXPECT_EQ(b.equal, 30);
  EXPECT_EQ(b.question_us.size(), 30u);
  EXPECT_GT(b.evaluated, 0);
}

}  // namespace
}  // namespace regulus::schedule
