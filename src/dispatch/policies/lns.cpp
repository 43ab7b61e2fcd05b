// Whenever something is open, the whole plan is reconsidered: what is new is put where it costs least, then a large
// neighbourhood search moves whatever may still be moved. What was promised has its price, so it is not moved lightly.
#include "dispatch/instance_of.h"

namespace regulus::dispatch {

namespace {

class LargeNeighbourhoods final : public Policy {
 public:
  explicit LargeNeighbourhoods(PolicySettings const& settings) : settings_(settings) {}

  Decision decide(Situation const& situation, Rng rng) const override {
    if (situation.fleet.undecided.empty()) return {};
    Question const question = instance_of(situation, situation.fleet.undecided);
    Solution const first = construct(question.instance, question.present, 1);
    SearchOptions options;
    options.iterations = settings_.iterations;
    options.seconds = settings_.seconds;
    return decision_of(situation, question, improve(question.instance, first, options, rng));
  }

 private:
  PolicySettings settings_;
};

}  // namespace

std::unique_ptr<Policy> make_lns(PolicySettings const& settings) {
  return std::make_unique<LargeNeighbourhoods>(settings);
}

}  // namespace regulus::dispatch
