#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "dispatch/assignment.h"

namespace regulus::dispatch {
namespace {

std::int64_t total(std::span<std::int64_t const> cost, std::size_t columns, std::span<std::int32_t const> column_of) {
  std::int64_t sum = 0;
  for (std::size_t r = 0; r < column_of.size(); ++r) sum += cost[r * columns + static_cast<std::size_t>(column_of[r])];
  return sum;
}

// Every choice of distinct columns.
std::int64_t cheapest_by_trying(std::size_t rows, std::size_t columns, std::span<std::int64_t const> cost) {
  std::vector<std::int32_t> order(columns);
  std::iota(order.begin(), order.end(), 0);
  std::int64_t best = std::numeric_limits<std::int64_t>::max();
  do {
    best = std::min(best, total(cost, columns, std::span(order).first(rows)));
  } while (std::ranges::next_permutation(order).found);
  return best;
}

TEST(Assignment, gives_up_the_best_pair_when_the_rest_gains_more) {
  // Row 0 would like column 0 best, but row 1 needs it more: 2 + 1 = 3 against 1 + 9 = 10.
  std::vector<std::int64_t> const cost = {1, 2, 1, 9};
  EXPECT_EQ(cheapest_assignment(2, 2, cost), (std::vector<std::int32_t>{1, 0}));
}

TEST(Assignment, of_nobody_is_empty) { EXPECT_TRUE(cheapest_assignment(0, 3, {}).empty()); }

RC_GTEST_PROP(Assignment, costs_what_the_cheapest_of_all_costs, ()) {
  auto const columns = *rc::gen::inRange<std::size_t>(1, 7);
  auto const rows = *rc::gen::inRange<std::size_t>(0, columns + 1);
  auto const cost =
      *rc::gen::container<std::vector<std::int64_t>>(rows * columns, rc::gen::inRange<std::int64_t>(-50, 50));
  auto const found = cheapest_assignment(rows, columns, cost);
  std::vector<std::int32_t> distinct = found;
  std::ranges::sort(distinct);
  RC_ASSERT(std::ranges::adjacent_find(distinct) == distinct.end());
  RC_ASSERT(total(cost, columns, found) == cheapest_by_trying(rows, columns, cost));
}

}  // namespace
}  // namespace regulus::dispatch
