#include "tune/bench.h"

#include <fmt/format.h>

#include <chrono>

#include "core/stats.h"
#include "tune/sampler.h"

namespace regulus::tune {
namespace {

SearchSpace mixed_space(int dimensions) {
  SearchSpace space;
  for (int d = 0; d < dimensions; ++d) {
    std::string const name = fmt::format("p{:03}", d);
    switch (d % 5) {
      case 2:
        space.emplace(name, FloatDistribution{.low = 1e-5, .high = 1e-1, .log = true, .step = {}});
        break;
      case 3:
        space.emplace(name, IntDistribution{.low = 1, .high = 256, .log = false, .step = 1});
        break;
      case 4:
        space.emplace(name, CategoricalDistribution{{Json("a"), Json("b"), Json("c")}});
        break;
      default:
        space.emplace(name, FloatDistribution{.low = 0, .high = 1, .log = false, .step = {}});
    }
  }
  return space;
}

// A bowl: the objective only has to draw the sampler together somewhere.
double bowl(std::map<std::string, double> const& params) {
  double sum = 0;
  for (auto const& [name, value] : params) sum += (value - 0.3) * (value - 0.3);
  return sum;
}

}  // namespace

double sampler_ms(int trials, int dimensions) {
  SearchSpace const space = mixed_space(dimensions);
  auto const sampler = make_sampler("tpe").take();
  std::vector<Trial> history;
  for (int number = 0; number < trials; ++number) {
    Trial trial;
    trial.number = number;
    trial.state = TrialState::complete;
    trial.params = sampler->propose(space, history, proposal_rng(1, number), Direction::minimize);
    trial.distributions = space;
    trial.values = {bowl(trial.params)};
    history.push_back(std::move(trial));
  }
  std::vector<double> elapsed_ms;
  for (int i = 0; i < 25; ++i) {
    auto const start = std::chrono::steady_clock::now();
    auto const params = sampler->propose(space, history, proposal_rng(2, i), Direction::minimize);
    std::chrono::duration<double, std::milli> const elapsed = std::chrono::steady_clock::now() - start;
    if (params.size() == space.size()) elapsed_ms.push_back(elapsed.count());
  }
  return median(elapsed_ms);
}

}  // namespace regulus::tune
