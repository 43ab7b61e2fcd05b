#include "tune/samplers/tpe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "tune/parzen.h"
#include "tune/sampler.h"
#include "tune/samplers/random.h"
#include "tune/space.h"

namespace regulus::tune {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool informs(Trial const& trial) { return trial.state == TrialState::complete || trial.state == TrialState::pruned; }

// Smaller is better.
double loss_of(double value, Direction direction) {
  if (std::isnan(value)) return infinity;
  return direction == Direction::minimize ? value : -value;
}

// Complete trials rank by value and before all pruned ones, whose order is (last step, latest first; value there).
using Rank = std::tuple<int, double, double>;

Rank rank_of(Trial const& trial, Direction direction) {
  if (trial.state == TrialState::complete)
    return {0, 0, trial.values.empty() ? infinity : loss_of(trial.values.front(), direction)};
  if (trial.intermediate.empty()) return {1, 1, 0};
  auto const& [step, value] = *trial.intermediate.rbegin();
  return {1, -static_cast<double>(step), loss_of(value, direction)};
}

// The columns of the trials that have all parameters of the space. Both maps are ordered by name, so one walk finds
// all.
Points observations_of(std::span<Trial const* const> trials, SearchSpace const& space) {
  Points columns(space.size());
  for (auto& column : columns) column.reserve(trials.size());
  std::vector<double> row(space.size());
  for (Trial const* trial : trials) {
    auto param = trial->params.begin();
    std::size_t filled = 0;
    for (auto const& [name, distribution] : space) {
      int order = -1;
      while (param != trial->params.end() && (order = param->first.compare(name)) < 0) ++param;
      if (order != 0 || !is_observable(distribution, param->second)) break;
      row[filled++] = param->second;
    }
    if (filled < space.size()) continue;
    for (std::size_t d = 0; d < row.size(); ++d) columns[d].push_back(row[d]);
  }
  return columns;
}

class TpeSampler final : public Sampler {
 public:
  explicit TpeSampler(SamplerConfig const& config) : config_(config) {}

  std::map<std::string, double> propose(SearchSpace const& space, std::span<Trial const> visible, Rng rng,
                                        Direction direction) const override {
    RngSource source(rng);
    bool const starting = std::ranges::count_if(visible, informs) < config_.tpe_startup_trials;
    std::map<std::string, double> params;
    Split split;
    if (!starting) {
      split = split_trials(visible, direction);
      SearchSpace const joint = config_.tpe_multivariate ? joint_space(space, visible) : SearchSpace{};
      if (!joint.empty()) params = tpe_proposal(split, joint, config_.tpe_candidates, source);
    }
    for (auto const& [name, distribution] : space) {
      if (params.contains(name)) continue;
      if (starting || is_single(distribution)) {
        params.emplace(name, random_value(distribution, source));
      } else {
        params.merge(tpe_proposal(split, {{name, distribution}}, config_.tpe_candidates, source));
      }
    }
    return params;
  }

 private:
  SamplerConfig config_;
};

}  // namespace

Split split_trials(std::span<Trial const> visible, Direction direction) {
  std::vector<std::pair<Rank, Trial const*>> ranked;
  Split split;
  for (Trial const& trial : visible) {
    if (informs(trial)) ranked.emplace_back(rank_of(trial, direction), &trial);
    if (trial.state == TrialState::running) split.bad.push_back(&trial);
  }
  auto const good =
      std::min<std::size_t>(static_cast<std::size_t>(std::ceil(0.1 * static_cast<double>(ranked.size()))), 25);
  std::ranges::stable_sort(ranked, {}, [](auto const& entry) { return entry.first; });
  for (std::size_t i = 0; i < ranked.size(); ++i) (i < good ? split.good : split.bad).push_back(ranked[i].second);
  // The weights of the kernels go by age.
  auto const number = [](Trial const* trial) { return trial->number; };
  std::ranges::stable_sort(split.good, {}, number);
  std::ranges::stable_sort(split.bad, {}, number);
  return split;
}

SearchSpace joint_space(SearchSpace const& wanted, std::span<Trial const> visible) {
  SearchSpace joint;
  for (auto const& [name, distribution] : wanted) {
    if (!is_single(distribution)) joint.emplace(name, distribution);
  }
  for (Trial const& trial : visible) {
    if (!informs(trial)) continue;
    auto known = trial.distributions.begin();
    for (auto entry = joint.begin(); entry != joint.end();) {
      while (known != trial.distributions.end() && known->first < entry->first) ++known;
      bool const same =
          known != trial.distributions.end() && known->first == entry->first && known->second == entry->second;
      entry = same ? std::next(entry) : joint.erase(entry);
    }
  }
  return joint;
}

std::map<std::string, double> tpe_proposal(Split const& split, SearchSpace const& space, int candidates,
                                           UniformSource& source) {
  ParzenEstimator const good(space, observations_of(split.good, space));
  ParzenEstimator const bad(space, observations_of(split.bad, space));
  Points const points = good.sample(static_cast<std::size_t>(candidates), source);
  std::vector<double> const log_good = good.log_density(points);
  std::vector<double> const log_bad = bad.log_density(points);

  std::size_t best = 0;
  for (std::size_t i = 1; i < log_good.size(); ++i) {
    if (log_good[i] - log_bad[i] > log_good[best] - log_bad[best]) best = i;
  }
  std::map<std::string, double> params;
  std::size_t column = 0;
  for (auto const& [name, distribution] : space) params.emplace_hint(params.end(), name, points[column++][best]);
  return params;
}

std::unique_ptr<Sampler> make_tpe_sampler(SamplerConfig const& config) { return std::make_unique<TpeSampler>(config); }

}  // namespace regulus::tune
