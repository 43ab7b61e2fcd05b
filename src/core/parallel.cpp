#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace regulus {

int core_count() { return static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

void parallel_for(std::size_t count, int threads, std::function<void(std::size_t)> const& work) {
  std::vector<std::exception_ptr> problems(count);
  std::atomic<std::size_t> next{0};
  auto const run = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        problems[i] = std::current_exception();
      }
    }
  };
  std::size_t const helpers = std::min<std::size_t>(count, static_cast<std::size_t>(std::max(threads, 1)));
  if (helpers <= 1) {
    run();
  } else {
    std::vector<std::jthread> pool;
    for (std::size_t i = 0; i < helpers; ++i) pool.emplace_back(run);
  }
  for (auto const& problem : problems) {
    if (problem) std::rethrow_exception(problem);
  }
}

}  // namespace regulus
