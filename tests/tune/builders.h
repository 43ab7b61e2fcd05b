// Distributions and trials that show only what a test is about.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "domain/trial.h"

namespace regulus::tune {

inline Distribution real(double low, double high) { return FloatDistribution{low, high, false, {}}; }
inline Distribution log_real(double low, double high) { return FloatDistribution{low, high, true, {}}; }
inline Distribution stepped(double low, double high, double step) { return FloatDistribution{low, high, false, step}; }
inline Distribution whole(std::int64_t low, std::int64_t high, std::int64_t step = 1) {
  return IntDistribution{low, high, false, step};
}
inline Distribution log_whole(std::int64_t low, std::int64_t high) { return IntDistribution{low, high, true, 1}; }
inline Distribution one_of(std::vector<Json> choices) { return CategoricalDistribution{std::move(choices)}; }

inline Trial a_trial(int number, TrialState state, std::vector<double> values = {},
                     std::map<int, double> reports = {}) {
  Trial trial;
  trial.number = number;
  trial.state = state;
  trial.values = std::move(values);
  trial.intermediate = std::move(reports);
  return trial;
}

}  // namespace regulus::tune
