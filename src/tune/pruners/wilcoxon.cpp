// Prunes a trial that is significantly worse than the best one on the instances both have seen.
//
// Steps are instances (seeds, days), so the test pairs like with like and the luck of the instance cancels. Rules as in
// Optuna: one-sided signed-rank test, and never against a trial whose mean so far is at least as good as the best
// trial's. The smallest p-value of n pairs is 2^-n: at the usual threshold of 0.1 nothing is pruned before the fourth
// instance. Neither the luck that made the best trial the best nor the repeated looks are corrected for.
#include <algorithm>
#include <cmath>

#include "core/stats.h"
#include "tune/pruner.h"
#include "tune/signed_rank.h"

namespace regulus::tune {
namespace {

std::vector<double> reports_of(Trial const& trial) {
  std::vector<double> values;
  for (auto const& [instance, value] : trial.intermediate) values.push_back(value);
  return values;
}

bool all_finite(std::vector<double> const& values) {
  return std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
}

class WilcoxonPruner final : public Pruner {
 public:
  explicit WilcoxonPruner(PrunerConfig const& config) : config_(config) {}
  Granularity granularity() const override { return Granularity::per_instance; }

  Verdict judge(Trial const& current, std::span<Trial const> visible, Direction direction) const override {
    double const sign = direction == Direction::minimize ? 1 : -1;  // from here on smaller is better
    Trial const* best = nullptr;
    for (Trial const& trial : visible) {
      if (trial.state != TrialState::complete || trial.number == current.number || trial.values.empty()) continue;
      if (std::isnan(trial.values.front())) continue;
      if (best == nullptr || sign * trial.values.front() < sign * best->values.front()) best = &trial;
    }
    if (best == nullptr || best->intermediate.empty()) return {};
    std::vector<double> const ours = reports_of(current);
    std::vector<double> const theirs = reports_of(*best);
    if (!all_finite(ours) || !all_finite(theirs)) return {};

    std::vector<double> worse_by;
    for (auto const& [instance, value] : current.intermediate) {
      auto const pair = best->intermediate.find(instance);
      if (pair != best->intermediate.end()) worse_by.push_back(sign * (value - pair->second));
    }
    if (worse_by.size() < static_cast<std::size_t>(std::max(2, config_.wilcoxon_startup_steps))) return {};
    if (sign * mean(ours) <= sign * mean(theirs)) return {};
    return {.prune = signed_rank_p(worse_by) < config_.wilcoxon_p_threshold, .system_attributes = {}};
  }

 private:
  PrunerConfig config_;
};

}  // namespace

std::unique_ptr<Pruner> make_wilcoxon_pruner(PrunerConfig const& config) {
  return std::make_unique<WilcoxonPruner>(config);
}

}  // namespace regulus::tune
