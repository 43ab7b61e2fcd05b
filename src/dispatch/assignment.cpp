#include "dispatch/assignment.h"

#include <limits>

#include "core/check.h"

namespace regulus::dispatch {

std::vector<std::int32_t> cheapest_assignment(std::size_t rows, std::size_t columns,
                                              std::span<std::int64_t const> cost) {
  REGULUS_CHECK(rows <= columns && cost.size() == rows * columns);
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::vector<std::int64_t> row_price(rows, 0), column_price(columns, 0);
  std::vector<std::size_t> row_of(columns, none);
  std::vector<std::int64_t> distance(columns);
  std::vector<std::size_t> before(columns);  // the column that the shortest path reaches this one from
  std::vector<char> reached(columns);

  for (std::size_t first = 0; first < rows; ++first) {
    // Step 1. Shortest paths in reduced costs from the new row, until they reach a column that is free.
    distance.assign(columns, far);
    before.assign(columns, none);
    reached.assign(columns, 0);
    std::vector<std::size_t> settled;
    std::size_t row = first, column = none;
    std::int64_t so_far = 0;
    do {
      std::size_t next = none;
      for (std::size_t c = 0; c < columns; ++c) {
        if (reached[c] != 0) continue;
        std::int64_t const through = so_far + cost[row * columns + c] - row_price[row] - column_price[c];
        if (through < distance[c]) {
          distance[c] = through;
          before[c] = column;
        }
        if (next == none || distance[c] < distance[next]) next = c;
      }
      column = next;
      so_far = distance[column];
      reached[column] = 1;
      settled.push_back(column);
      row = row_of[column];
    } while (row != none);
    // Step 2. Prices that keep every reduced cost from becoming negative.
    row_price[first] += so_far;
    for (std::size_t c : settled) {
      if (row_of[c] != none) row_price[row_of[c]] += so_far - distance[c];
      column_price[c] -= so_far - distance[c];
    }
    // Step 3. Along the path everybody moves on by one.
    for (std::size_t c = column; c != none; c = before[c]) {
      row_of[c] = before[c] == none ? first : row_of[before[c]];
    }
  }
  std::vector<std::int32_t> column_of(rows, -1);
  for (std::size_t c = 0; c < columns; ++c) {
    if (row_of[c] != none) column_of[row_of[c]] = static_cast<std::int32_t>(c);
  }
  return column_of;
}

}  // namespace regulus::dispatch
