#include "tune/pruners/percentile.h"

#include <algorithm>
#include <cmath>

#include "core/stats.h"

namespace regulus::tune {
namespace {

class PercentilePruner final : public Pruner {
 public:
  PercentilePruner(double percentile, PrunerConfig const& config) : percentile_(percentile), config_(config) {}

  Verdict judge(Trial const& current, std::span<Trial const> visible, Direction direction) const override {
    if (!is_due(current)) return {};
    int const step = current.intermediate.rbegin()->first;
    double const sign = direction == Direction::minimize ? 1 : -1;  // from here on smaller is better

    int complete = 0, at_this_step = 0;
    std::vector<double> reference;
    for (Trial const& trial : visible) {
      if (trial.state != TrialState::complete || trial.number == current.number) continue;
      ++complete;
      auto const report = trial.intermediate.find(step);
      if (report == trial.intermediate.end()) continue;
      ++at_this_step;
      if (!std::isnan(report->second)) reference.push_back(sign * report->second);
    }
    if (complete < std::max(1, config_.pruner_startup_trials) || at_this_step < config_.pruner_minimum_trials)
      return {};

    double best = std::nan("");
    for (auto const& [s, value] : current.intermediate) best = std::fmin(best, sign * value);  // fmin ignores NaN
    if (std::isnan(best)) return {.prune = true, .system_attributes = {}};
    return {.prune = !reference.empty() && best > quantile(reference, percentile_ / 100), .system_attributes = {}};
  }

 private:
  // Past the warm-up, and the first report of its interval.
  bool is_due(Trial const& current) const {
    if (current.intermediate.empty()) return false;
    auto const latest = current.intermediate.rbegin();
    int const warmup = config_.pruner_warmup_steps;
    int const interval = config_.pruner_interval_steps;
    if (latest->first < warmup) return false;
    int const interval_start = (latest->first - warmup) / interval * interval + warmup;
    auto const before = std::next(latest);
    return before == current.intermediate.rend() || before->first < interval_start;
  }

  double percentile_;
  PrunerConfig config_;
};

}  // namespace

std::unique_ptr<Pruner> make_percentile_pruner(double percentile, PrunerConfig const& config) {
  return std::make_unique<PercentilePruner>(percentile, config);
}
std::unique_ptr<Pruner> make_percentile_pruner(PrunerConfig const& config) {
  return make_percentile_pruner(config.pruner_percentile, config);
}
std::unique_ptr<Pruner> make_median_pruner(PrunerConfig const& config) { return make_percentile_pruner(50, config); }

}  // namespace regulus::tune
