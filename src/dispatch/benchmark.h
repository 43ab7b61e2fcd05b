// The published benchmarks: dial-a-ride instances of Cordeau and Laporte, pickups and deliveries of Li and Lim.
//
// A dial-a-ride file begins with `vehicles requests duration capacity ride_time`; one row for each stop follows:
// `id x y service load earliest latest`, first the depot, then n pickups, then their n drop-offs, then (in some) the
// depot again. The second number is n in the a- and b-files and 2n in the pr-files. A file of Li and Lim begins with
// `vehicles capacity speed`; its rows are `id x y demand earliest latest service pickup delivery`, in any order.
// Driving takes the Euclidean distance, in double precision, and costs as much.
//
// The optimiser gets whole numbers, 1e-5 of the unit: costs rounded to the nearest, durations rounded up, so that what
// it finds feasible is feasible. The checker does not use them: it reads the files' numbers and adds up doubles.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "dispatch/search.h"
#include "domain/travel_times.h"
#include "schedule/instance.h"

namespace regulus::dispatch {

enum class BenchmarkKind : std::uint8_t { darp, pdptw };

struct BenchmarkRow {
  double x = 0, y = 0, service = 0, earliest = 0, latest = 0;
  int load = 0;
};

struct Benchmark {
  BenchmarkKind kind = BenchmarkKind::darp;
  int vehicles = 0;
  int capacity = 0;
  double max_duration = 0, max_ride = 0;  // 0: no limit
  std::vector<BenchmarkRow> rows;         // by id; 0 is the depot
  struct Pair {
    int pickup = 0, delivery = 0;  // rows
  };
  std::vector<Pair> requests;  // by row of the pickup
};

// Both formats; the number of words in the first line tells which. Errors name line, value and remedy.
Result<Benchmark> read_benchmark(std::string_view text);

// As the optimiser reads it. Node k is row k + 1; travel times belong to it.
struct BenchmarkProblem {
  TravelTimes times;
  schedule::Instance instance;
};
std::unique_ptr<BenchmarkProblem> problem_of(Benchmark const& benchmark);

// {"format": "regulus-solution-1", "instance": …, "routes": [{"nodes": […], "starts": […], "leave": t, "back": t}]}:
// rows of the file and moments in its unit. Unused vehicles are not mentioned.
Json solution_to_json(BenchmarkProblem const& problem, Solution const& solution, std::string_view name);

struct BenchmarkReport {
  int requests = 0, vehicles = 0;
  double distance = 0;
};
// Every constraint again, in doubles, from the file's own numbers. Errors name route, stop and what does not hold.
Result<BenchmarkReport> check_benchmark_solution(std::string_view instance_text, std::string_view solution_text);

// Best-known values: "instance,value,kind,source".
struct BestKnown {
  std::string instance;
  double value = 0;
  int vehicles = 0;  // 0: not stated
  bool optimal = false;
};
Result<std::vector<BestKnown>> read_best_known_csv(std::string_view text);
// {"lc101": {"solved_with_vehicles": 10, "best_known_cost": 828.94}, …}
Result<std::vector<BestKnown>> read_best_known_json(std::string_view text);

}  // namespace regulus::dispatch
