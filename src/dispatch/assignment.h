// The cheapest way to give each row a column of its own.
//
// Shortest augmenting paths with potentials (Kuhn 1955; Jonker and Volgenant 1987, "A shortest augmenting path
// algorithm for dense and sparse linear assignment problems"): O(rows² × columns).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace regulus::dispatch {

// `cost` is row by row; rows <= columns. Returns each row's column. Sums of costs must fit: |cost| < 2^52 / rows.
std::vector<std::int32_t> cheapest_assignment(std::size_t rows, std::size_t columns,
                                              std::span<std::int64_t const> cost);

}  // namespace regulus::dispatch
