// What every pruner of the registry must hold to.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "core/rng.h"
#include "tests/tune/builders.h"
#include "tune/pruner.h"

namespace regulus::tune {
namespace {

double any_value(Rng& rng) {
  switch (rng.below(8)) {
    case 0:
      return std::numeric_limits<double>::quiet_NaN();
    case 1:
      return std::numeric_limits<double>::infinity();
    case 2:
      return -std::numeric_limits<double>::infinity();
    case 3:
      return 1;
    default:
      return rng.normal();
  }
}

double finite_value(Rng& rng) { return rng.chance(0.2) ? 1 : rng.normal(); }

Trial any_trial(int number, Rng& rng, double (*value)(Rng&)) {
  Trial trial = a_trial(number, static_cast<TrialState>(rng.below(5)));
  for (std::uint64_t r = rng.below(8); r > 0; --r) trial.intermediate[static_cast<int>(rng.below(12))] = value(rng);
  if (trial.state == TrialState::complete && rng.chance(0.9)) trial.values = {value(rng)};
  for (int rung = 0; rung < 2; ++rung) {
    if (rng.chance(0.6)) trial.system_attributes["completed_rung_" + std::to_string(rung)] = Json(value(rng));
  }
  if (rng.chance(0.05)) trial.system_attributes["completed_rung_0"] = Json("no number");
  return trial;
}

std::vector<Trial> any_history(Rng& rng, double (*value)(Rng&)) {
  std::vector<Trial> history;
  auto const size = static_cast<int>(rng.below(30));
  history.reserve(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) history.push_back(any_trial(i, rng, value));
  return history;
}

Direction any_direction(Rng& rng) { return rng.chance(0.5) ? Direction::minimize : Direction::maximize; }

Trial running_with_reports(int number, Rng& rng, double (*value)(Rng&)) {
  Trial trial = a_trial(number, TrialState::running);
  for (int step = 0; step < 12; ++step) {
    if (rng.chance(0.7)) trial.intermediate[step] = value(rng);
  }
  return trial;
}

RC_GTEST_PROP(Pruners, answer_on_any_history_and_always_the_same, (std::uint64_t luck)) {
  Rng rng(luck);
  std::vector<Trial> const history = any_history(rng, any_value);
  Trial const current = running_with_reports(100, rng, any_value);
  Direction const direction = any_direction(rng);
  for (std::string const& name : pruner_names()) {
    auto const pruner = make_pruner(name).take();
    Verdict const first = pruner->judge(current, history, direction);
    Verdict const again = make_pruner(name).take()->judge(current, history, direction);
    RC_ASSERT(first.prune == again.prune);
    RC_ASSERT(first.system_attributes == again.system_attributes);
  }
}

RC_GTEST_PROP(Pruners, never_prune_the_only_trial, (std::uint64_t luck)) {
  Rng rng(luck);
  Trial const current = running_with_reports(3, rng, finite_value);
  for (std::string const& name : pruner_names()) {
    RC_ASSERT(!make_pruner(name).take()->judge(current, {}, any_direction(rng)).prune);
  }
}

RC_GTEST_PROP(Pruners, never_prune_what_has_not_reported, (std::uint64_t luck)) {
  Rng rng(luck);
  std::vector<Trial> const history = any_history(rng, any_value);
  for (std::string const& name : pruner_names()) {
    RC_ASSERT(!make_pruner(name).take()->judge(a_trial(100, TrialState::running), history, any_direction(rng)).prune);
  }
}

RC_GTEST_PROP(Pruners, never_prune_what_is_better_than_all_others_at_every_step, (std::uint64_t luck)) {
  Rng rng(luck);
  std::vector<Trial> const history = any_history(rng, finite_value);
  Direction const direction = any_direction(rng);
  Trial current = running_with_reports(100, rng, finite_value);
  for (auto& [step, value] : current.intermediate) value += direction == Direction::maximize ? 100 : -100;
  for (std::string const& name : pruner_names()) {
    RC_ASSERT(!make_pruner(name).take()->judge(current, history, direction).prune);
  }
}

RC_GTEST_PROP(Pruners, ignore_an_earlier_record_of_the_trial_itself, (std::uint64_t luck)) {
  Rng rng(luck);
  std::vector<Trial> history = any_history(rng, finite_value);
  Trial const current = running_with_reports(100, rng, finite_value);
  Direction const direction = any_direction(rng);
  std::vector<bool> before;
  for (std::string const& name : pruner_names())
    before.push_back(make_pruner(name).take()->judge(current, history, direction).prune);
  history.push_back(any_trial(100, rng, finite_value));
  std::vector<bool> after;
  for (std::string const& name : pruner_names())
    after.push_back(make_pruner(name).take()->judge(current, history, direction).prune);
  RC_ASSERT(before == after);
}

}  // namespace
}  // namespace regulus::tune
