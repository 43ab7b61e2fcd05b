// The classic world as a learning environment: where bookings become vectors.
//
// slots: the predecessor's observation (4N + 4M + 2 floats) and a mask over its N·M + 1 actions. pairs: a row of
// features for each legal choice, wait first. A row describes the state after the choice as far as it is known now: the
// reward earned at once, what is left for the others, and which expiries have become unavoidable. Features are scaled
// to about 1 by constants written here; the schema's name goes into every model file and changes with them.
//
// The known part of a row's value (the baseline to which a pairs network adds what it learned) is, in points:
//   reward now + the rest of the day by ClassicOutlook
//   + what moving this driver changes for the other open bookings, each weighted by its chance of being served later
//   + what it changes for bookings to come: the reward for nearness over the square, for those of the next few steps
//   + the end-of-day bonus that the day is heading for.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "lab/classic_outlook.h"
#include "rl/environment.h"
#include "rl/q_network.h"
#include "sim/classic.h"
#include "sim/classic_policy.h"

namespace regulus::lab {

// Names the meaning of the features: "classic-slots-1", "classic-pairs-2".
std::string_view classic_schema(rl::NetworkKind kind);

class ClassicEnvironment : public rl::Environment {
 public:
  ClassicEnvironment(sim::ClassicConfig const& config, rl::NetworkKind kind);

  int width() const override;
  int actions() const override;
  void reset(std::uint64_t seed) override { world_.reset(seed); }
  void observe(rl::Observation& out) const override { describe(world_, out, actions_of_rows_); }
  rl::StepResult step(int choice) override;
  int suggested_choice() const override;

  sim::ClassicWorld const& world() const { return world_; }
  // The action behind a choice of the latest observation.
  int action_of_choice(int choice) const;

  // Describes any world, for policies that act in one they do not own; `actions` receives the action of each row
  // (pairs).
  void describe(sim::ClassicWorld const& world, rl::Observation& out, std::vector<int>& actions) const;

 private:
  void describe_pairs(sim::ClassicWorld const& world, rl::Observation& out, std::vector<int>& actions) const;

  sim::ClassicWorld world_;
  rl::NetworkKind kind_;
  std::shared_ptr<ClassicOutlook const> outlook_;  // pairs only
  std::unique_ptr<sim::ClassicPolicy> rule_;
  mutable std::vector<int> actions_of_rows_;  // of the latest observe()
};

// Least expiry penalty that must fall due when one open booking can be served each step: unit jobs with deadlines and
// weights, solved exactly by taking the dearest first into the latest free step (Lawler 1976, matroid greedy).
// deadlines[i] = number of steps in which job i can still be served (0: already lost).
double unavoidable_loss(std::span<int const> deadlines, std::span<double const> penalties);

}  // namespace regulus::lab
