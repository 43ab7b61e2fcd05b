// Asynchronous successive halving: at each rung only the best one in eta goes on, and the next rung is eta times
// longer.
//
// Li et al. 2020, "A system for massively parallel hyperparameter tuning"; rules as in Optuna. The value with which a
// trial reached rung r is stored as its system attribute completed_rung_<r>; the trials that have it, finished or not,
// compete there.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "tune/pruner.h"

namespace regulus::tune {
namespace {

std::string rung_attribute(int rung) { return fmt::format("completed_rung_{}", rung); }

std::optional<double> value_at_rung(Trial const& trial, int rung) {
  auto const found = trial.system_attributes.find(rung_attribute(rung));
  if (found == trial.system_attributes.end() || !found->second.is_number()) return std::nullopt;
  return found->second.as_number();
}

class HalvingPruner final : public Pruner {
 public:
  explicit HalvingPruner(PrunerConfig const& config) : config_(config) {}

  Verdict judge(Trial const& current, std::span<Trial const> visible, Direction direction) const override {
    Verdict verdict;
    int const first_rung_step = minimum_resource(current.number, visible);
    if (current.intermediate.empty() || first_rung_step == 0) return verdict;
    auto const [step, value] = *current.intermediate.rbegin();

    int rung = 0;
    while (value_at_rung(current, rung)) ++rung;
    while (step >= first_rung_step * std::pow(config_.halving_reduction_factor, config_.halving_minimum_rate + rung)) {
      // A diverged run is pruned here and leaves no trace: an infinity could not be stored, and a resumed study would
      // differ.
      verdict.prune = !std::isfinite(value) || !is_promoted(current.number, value, rung, visible, direction);
      if (std::isfinite(value)) verdict.system_attributes[rung_attribute(rung)] = Json(value);
      if (verdict.prune) break;
      ++rung;
    }
    return verdict;
  }

 private:
  // 0 while it cannot be told. Asked anew each time: a pruner has no memory in which to freeze the first answer.
  int minimum_resource(int number, std::span<Trial const> visible) const {
    if (config_.halving_minimum_resource > 0) return config_.halving_minimum_resource;
    int longest = -1;
    for (Trial const& trial : visible) {
      if (trial.number != number && trial.state == TrialState::complete && !trial.intermediate.empty()) {
        longest = std::max(longest, trial.intermediate.rbegin()->first);
      }
    }
    return longest < 0 ? 0 : std::max(1, longest / 100);
  }

  bool is_promoted(int number, double value, int rung, std::span<Trial const> visible, Direction direction) const {
    double const sign = direction == Direction::minimize ? 1 : -1;
    std::vector<double> competitors{sign * value};
    for (Trial const& trial : visible) {
      auto const other = value_at_rung(trial, rung);
      if (other && trial.number != number && !std::isnan(*other)) competitors.push_back(sign * *other);
    }
    if (competitors.size() <= static_cast<std::size_t>(config_.halving_bootstrap_count)) return false;
    std::size_t const promoted = competitors.size() / static_cast<std::size_t>(config_.halving_reduction_factor);
    std::ranges::sort(competitors);
    return sign * value <= competitors[promoted > 0 ? promoted - 1 : 0];
  }

  PrunerConfig config_;
};

}  // namespace

std::unique_ptr<Pruner> make_halving_pruner(PrunerConfig const& config) {
  return std::make_unique<HalvingPruner>(config);
}

}  // namespace regulus::tune
