#include "core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>

#include "core/rng.h"

namespace regulus {
namespace {

TEST(Parallel, every_index_is_worked_on_exactly_once) {
  for (int const threads : {1, 2, 7, 100}) {
    std::vector<std::atomic<int>> visits(1'000);
    parallel_for(visits.size(), threads, [&](std::size_t i) { ++visits[i]; });
    for (auto const& count : visits) EXPECT_EQ(count, 1);
  }
}

TEST(Parallel, results_stand_at_their_index) {
  auto const squares = parallel_map(100, 4, [](std::size_t i) { return i * i; });
  for (std::size_t i = 0; i < squares.size(); ++i) EXPECT_EQ(squares[i], i * i);
}

TEST(Parallel, any_number_of_threads_gives_the_same_bytes) {
  auto const run = [](int threads) {
    return parallel_map(200, threads, [](std::size_t i) {
      Rng rng = Rng(7).stream(Purpose::test, i);
      double sum = 0;
      for (std::size_t n = 0; n < 1'000 + i; ++n) sum += rng.normal();
      return sum;
    });
  };
  auto const alone = run(1);
  EXPECT_EQ(run(2), alone);
  EXPECT_EQ(run(16), alone);
}

TEST(Parallel, the_exception_of_the_lowest_index_is_rethrown_after_all_work_is_done) {
  for (int const threads : {1, 4}) {
    std::atomic<int> done{0};
    try {
      parallel_for(100, threads, [&](std::size_t i) {
        ++done;
        if (i == 80 || i == 30 || i == 99) throw std::runtime_error("index " + std::to_string(i));
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (std::runtime_error const& problem) {
      EXPECT_STREQ(problem.what(), "index 30");
    }
    EXPECT_EQ(done, 100);
  }
}

TEST(Parallel, no_more_threads_work_than_allowed) {
  std::mutex mutex;
  std::set<std::thread::id> seen;
  parallel_for(500, 3, [&](std::size_t) {
    std::lock_guard const lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  EXPECT_LE(seen.size(), 3U);
}

TEST(Parallel, one_thread_works_in_order_in_the_callers_own) {
  std::vector<std::size_t> order;
  std::thread::id const caller = std::this_thread::get_id();
  parallel_for(5, 1, [&](std::size_t i) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(i);
  });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST(Parallel, nothing_to_do_is_fine_and_zero_threads_means_one) {
  parallel_for(0, 4, [](std::size_t) { FAIL(); });
  EXPECT_TRUE(parallel_map(0, 4, [](std::size_t i) { return i; }).empty());
  EXPECT_EQ(parallel_map(3, 0, [](std::size_t i) { return i; }), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_GE(core_count(), 1);
}

}  // namespace
}  // namespace regulus
