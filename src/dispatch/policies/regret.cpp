// The whole plan made anew at every decision, always placing next who would lose most by waiting (regret-3, Potvin and
// Rousseau 1993); the old plan stays where the new one is no better.
#include "dispatch/instance_of.h"

namespace regulus::dispatch {

namespace {

class Regret final : public Policy {
 public:
  Decision decide(Situation const& situation, Rng) const override {
    if (situation.fleet.undecided.empty()) return {};
    Question const question = instance_of(situation, situation.fleet.undecided);
    Solution const added = construct(question.instance, question.present, 3);
    // Somebody who is so late that only the present order of stops still works leaves nothing to plan anew.
    Solution const forced = forced_routes(question.instance);
    if (forced.cost >= no_plan) return decision_of(situation, question, added);
    Solution const anew = construct(question.instance, forced, 3);
    bool const better = cost_of(question.instance, anew) < cost_of(question.instance, added);
    return decision_of(situation, question, better ? anew : added);
  }
};

}  // namespace

std::unique_ptr<Policy> make_regret(PolicySettings const&) { return std::make_unique<Regret>(); }

}  // namespace regulus::dispatch
