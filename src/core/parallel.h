// Work spread over threads with results placed by index, so that 1 and 16 threads give the same bytes.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <type_traits>
#include <vector>

namespace regulus {

// Cores of this machine, at least 1.
int core_count();

// Calls work(i) once for each i in [0, count) on at most `threads` threads. Rethrows the first exception in index
// order.
void parallel_for(std::size_t count, int threads, std::function<void(std::size_t)> const& work);

// results[i] = make(i).
template <class Make>
auto parallel_map(std::size_t count, int threads, Make const& make) {
  using Made = decltype(make(std::size_t{0}));
  static_assert(!std::is_same_v<Made, bool>,
                "neighbours in a vector of bool share a byte, which two threads may not write");
  std::vector<Made> results(count);
  parallel_for(count, threads, [&](std::size_t i) { results[i] = make(i); });
  return results;
}

}  // namespace regulus
