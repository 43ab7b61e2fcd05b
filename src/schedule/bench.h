// How long one insertion into a large fleet takes, on a day like a company's.
//
// A made-up city of 20 × 15 km with hospitals, three shifts, seats of all kinds, pickup windows of 10 to 20 minutes
// over sixteen hours, appointments, ride limits and the default prices of a day. The bookings are planned one after the
// other by the insertion index itself; then as many questions again as asked for meet the full plans.
#pragma once

#include <cstdint>
#include <vector>

#include "domain/travel_times.h"
#include "schedule/instance.h"

namespace regulus::schedule {

struct InsertionBenchmarkOptions {
  std::int32_t drivers = 200;
  std::int32_t bookings = 5000;
  std::int32_t questions = 2000;  // put to the full plans
  std::int32_t checked = 4;       // of them, held against trying everything
  std::uint64_t seed = 1;
};

struct InsertionBenchmark {
  std::int64_t planned = 0;          // of the bookings
  std::vector<double> filling_us;    // each insertion while the plans fill
  std::vector<double> question_us;   // each question to the full plans
  std::vector<double> processor_us;  // the same in processor time, which others on the machine do not lengthen
  double vehicles = 0, bounded = 0, evaluated = 0;  // means per question (FleetIndex::Work)
  std::int64_t most_evaluated = 0;
  double set_route_us = 0;  // mean, of a full plan
  double stops = 0;         // mean, of a plan
  // Whether one pair of positions is feasible, on full plans: by evaluate(), by linear passes over a route that is
  // spelled out already, and by its closure.
  double evaluate_ns = 0, passes_ns = 0, closure_ns = 0;
  double closure_us = 0;                // computing one closure
  std::int32_t checked = 0, equal = 0;  // against best_insertion_by_trying
  double by_trying_ms = 0;              // mean of one check
};
InsertionBenchmark run_insertion_benchmark(InsertionBenchmarkOptions const& options);

// The day behind the benchmark: the first `bookings` requests are to be planned, the others are the questions. Its
// instance points to `times`.
struct BenchmarkDay {
  TravelTimes times;
  Instance instance;
};
void make_benchmark_day(InsertionBenchmarkOptions const& options, BenchmarkDay& day);

}  // namespace regulus::schedule
