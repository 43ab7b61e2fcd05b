// A day of the dispatch world as a learning environment: one step is one choice for one booking.
//
// Whenever a policy would be asked, the undecided bookings come one after the other, the one that is due first first;
// between them no time passes. A choice is a row of features of the fleet after it (dispatch/learned/draft.h), its
// known part the price of the cheapest choice minus its own: following the known part alone is best insertion.
//
// Rewards are the objective and nothing else, in francs. With
//
//   J = what has been spent + what the plans are expected to cost + the price of everybody left without a driver
//       + the price of the cheapest choice of the booking asked about
//
// the reward of a step is J before it minus J at the next one, and at the end of the day minus what the day really
// cost. J is a potential in the sense of Ng, Harada and Russell (1999): the sum over a day is J at its beginning minus
// the day's cost, whatever J is, so no approximation in J changes which policy is best; it only moves what is known at
// once to where it is decided.
//
// Elapsed time is in hours.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dispatch/learned/draft.h"
#include "domain/day.h"
#include "rl/environment.h"
#include "sim/simulator.h"

namespace regulus::lab {

// The day of a scenario seed.
using DayMaker = std::function<Day(std::uint64_t seed)>;

class DispatchEnvironment final : public rl::Environment {
 public:
  // `teacher`: whose plans suggested_choice follows; none: the cheapest choice.
  explicit DispatchEnvironment(DayMaker make_day, std::unique_ptr<dispatch::Policy> teacher = nullptr);
  ~DispatchEnvironment() override;

  int width() const override { return dispatch::plan_features; }
  int actions() const override { return 0; }
  // A day on which nothing is ever to be decided has one choice, which ends it.
  void reset(std::uint64_t seed) override;
  void observe(rl::Observation& out) const override;
  rl::StepResult step(int choice) override;
  int suggested_choice() const override;

  // Of the day, once it is over: in francs.
  double cost() const { return cost_; }
  Seconds now() const;

 private:
  struct Playing;
  // Goes on to the next booking to be decided; false: the day is over.
  bool advance();
  double potential();  // francs

  DayMaker make_day_;
  std::unique_ptr<dispatch::Policy> teacher_;
  std::unique_ptr<Playing> playing_;
  double potential_ = 0;
  double cost_ = 0;
  bool over_ = true;
};

}  // namespace regulus::lab
