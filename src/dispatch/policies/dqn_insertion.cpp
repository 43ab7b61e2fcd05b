// Best insertion corrected by a learned value: of each booking's choices the one whose price and value together are
// best. An untrained value is 0, and then this is `insertion`, as it is for fleets of a size on which nothing was
// trained.
#include "dispatch/learned/draft.h"
#include "dispatch/learned/value_model.h"

namespace regulus::dispatch {

namespace {

class LearnedInsertion final : public Policy {
 public:
  explicit LearnedInsertion(std::shared_ptr<ValueModel const> model)
      : model_(std::move(model)), rule_(make_policy("insertion", {}).take()) {}

  Decision decide(Situation const& situation, Rng rng) const override {
    auto const opinion = model_ ? model_->opinion_on(situation.fleet) : std::nullopt;
    if (!opinion) return rule_->decide(situation, rng);
    if (situation.fleet.undecided.empty()) return {};
    std::unique_ptr<Memo> fresh;
    Draft draft(situation, LiveQuestion::of(situation, fresh));
    while (draft.next()) draft.take(best_of(draft, *opinion));
    return draft.decision();
  }

 private:
  static std::size_t best_of(Draft const& draft, Opinion const& opinion) {
    std::size_t best = 0;
    double highest = 0;
    for (std::size_t c = 0; c < draft.choices().size(); ++c) {
      auto const row = std::span(draft.rows()).subspan(c * plan_features, plan_features);
      double const value = thousandths_per_franc * opinion.value(row) - static_cast<double>(draft.choices()[c].price);
      if (c > 0 && value <= highest) continue;
      best = c;
      highest = value;
    }
    return best;
  }

  std::shared_ptr<ValueModel const> model_;
  std::unique_ptr<Policy> rule_;
};

}  // namespace

std::unique_ptr<Policy> make_dqn_insertion(PolicySettings const& settings) {
  return std::make_unique<LearnedInsertion>(settings.model);
}

}  // namespace regulus::dispatch
