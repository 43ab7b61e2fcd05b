#include "travel/cell_cache.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "travel/circuit_breaker.h"

namespace regulus::travel {
namespace {

CellCache::Key key(int k) { return {static_cast<std::uint64_t>(k), 7, 12}; }

TEST(CellCache, forgets_the_leg_that_was_not_used_for_longest) {
  CellCache cache(2);
  cache.put(key(1), {10, 100});
  cache.put(key(2), {20, 200});
  EXPECT_EQ(cache.find(key(1)), (CellCache::Cell{10, 100}));  // now 2 is the older one
  cache.put(key(3), {30, 300});
  EXPECT_FALSE(cache.find(key(2)));
  EXPECT_TRUE(cache.find(key(1)));
  EXPECT_TRUE(cache.find(key(3)));
}

TEST(CellCache, tells_directions_and_hours_apart) {
  CellCache cache(10);
  cache.put({1, 2, 8}, {10, 100});
  EXPECT_FALSE(cache.find({2, 1, 8}));
  EXPECT_FALSE(cache.find({1, 2, 9}));
  EXPECT_TRUE(cache.find({1, 2, 8}));
}

TEST(CellCache, of_no_capacity_keeps_nothing) {
  CellCache cache(0);
  cache.put(key(1), {10, 100});
  EXPECT_FALSE(cache.find(key(1)));
}

// The twin: a list in order of use.
RC_GTEST_PROP(CellCache, agrees_with_a_list_in_order_of_use, ()) {
  auto const capacity = static_cast<std::size_t>(*rc::gen::inRange(1, 6));
  auto const steps = *rc::gen::container<std::vector<std::pair<int, bool>>>(
      rc::gen::pair(rc::gen::inRange(0, 9), rc::gen::arbitrary<bool>()));
  CellCache cache(capacity);
  std::vector<std::pair<int, std::int32_t>> twin;  // most recent first
  std::int32_t value = 0;
  for (auto const& [k, is_put] : steps) {
    auto const found = std::ranges::find(twin, k, &std::pair<int, std::int32_t>::first);
    if (is_put) {
      if (found != twin.end()) twin.erase(found);
      twin.insert(twin.begin(), {k, ++value});
      if (twin.size() > capacity) twin.pop_back();
      cache.put(key(k), {value, value});
    } else {
      auto const cell = cache.find(key(k));
      RC_ASSERT(cell.has_value() == (found != twin.end()));
      if (cell) {
        RC_ASSERT(cell->seconds == found->second);
        std::rotate(twin.begin(), found, found + 1);
      }
    }
    RC_ASSERT(cache.size() == twin.size());
  }
}

CircuitBreaker::Moment at(int milliseconds) {
  return CircuitBreaker::Moment{} + std::chrono::milliseconds(1'000'000 + milliseconds);
}

TEST(CircuitBreaker, lets_everybody_ask_until_the_third_failure_in_a_row) {
  CircuitBreaker breaker;
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(breaker.allows(at(i)));
    breaker.failed(at(i));
  }
  EXPECT_TRUE(breaker.allows(at(2)));
  breaker.succeeded();
  for (int i = 3; i < 6; ++i) {
    EXPECT_TRUE(breaker.allows(at(i))) << "a success starts the count anew";
    breaker.failed(at(i));
  }
  EXPECT_FALSE(breaker.allows(at(6)));
}

TEST(CircuitBreaker, sends_one_probe_after_the_pause) {
  CircuitBreaker breaker;
  for (int i = 0; i < 3; ++i) breaker.failed(at(0));
  EXPECT_FALSE(breaker.allows(at(4'999)));
  EXPECT_TRUE(breaker.allows(at(5'000)));
  EXPECT_FALSE(breaker.allows(at(5'000))) << "the probe is under way";
  breaker.failed(at(5'100));
  EXPECT_FALSE(breaker.allows(at(10'099)));
  EXPECT_TRUE(breaker.allows(at(10'100)));
  breaker.succeeded();
  EXPECT_TRUE(breaker.allows(at(10'100)));
  EXPECT_TRUE(breaker.allows(at(10'100)));
}

}  // namespace
}  // namespace regulus::travel
