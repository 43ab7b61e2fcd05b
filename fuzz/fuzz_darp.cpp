// Any bytes as an instance file, and what follows a zero byte as its solution: refused with a text, or read and, when
// small, turned into a problem whose solution passes the judge.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dispatch/benchmark.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace regulus;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  std::size_t const end = std::min(text.find('\0'), size);
  std::string_view const instance = text.substr(0, end);
  if (end < size) {
    auto const report = dispatch::check_benchmark_solution(instance, text.substr(end + 1));
    REGULUS_CHECK(report || !report.error().message.empty());
  }
  auto const benchmark = dispatch::read_benchmark(instance);
  if (!benchmark) {
    REGULUS_CHECK(!benchmark.error().message.empty());
    return 0;
  }
  if (benchmark->rows.size() > 12 || benchmark->vehicles > 4) return 0;
  auto const problem = dispatch::problem_of(*benchmark);
  auto const found = dispatch::construct(problem->instance, dispatch::forced_routes(problem->instance), 2);
  auto const written = dispatch::solution_to_json(*problem, found, "fuzz").dump();
  auto const report = dispatch::check_benchmark_solution(instance, written);
  REGULUS_CHECK(report || !found.left_out.empty());
  return 0;
}
