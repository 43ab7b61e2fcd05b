// Whenever something is open or somebody will be late, the plans that it concerns are reconsidered: what is new is put
// where it costs least, then a large neighbourhood search moves whatever may still be moved. What was promised has its
// price, so it is not moved lightly.
#include "dispatch/instance_of.h"
#include "dispatch/policy_neighbourhood.h"

namespace regulus::dispatch {

namespace {

class LargeNeighbourhoods final : public Policy {
 public:
  explicit LargeNeighbourhoods(PolicySettings const& settings) : settings_(settings) {}

  Decision decide(Situation const& situation, Rng rng) const override {
    bool const open = !situation.fleet.undecided.empty();
    std::optional<Question> const around = question_now(situation);
    if (!around) return open ? insertion_->decide(situation, rng) : Decision{};
    Question const& question = *around;
    Solution const first = construct(question.instance, question.present, 1);
    SearchOptions options;
    options.iterations = steps_now(situation, settings_.iterations);
    options.seconds = settings_.seconds;
    return decision_of(situation, question, improve(question.instance, first, options, rng));
  }

 private:
  PolicySettings settings_;
  std::unique_ptr<Policy> insertion_ = make_policy("insertion", {}).take();
};

}  // namespace

std::unique_ptr<Policy> make_lns(PolicySettings const& settings) {
  return std::make_unique<LargeNeighbourhoods>(settings);
}

}  // namespace regulus::dispatch
