// Each booking where it costs least, or left out when that is cheaper still; the one that is due first goes first.
#include <algorithm>

#include "dispatch/instance_of.h"
#include "dispatch/policy_append.h"

namespace regulus::dispatch {

namespace {

class CheapestInsertion final : public Policy {
 public:
  Decision decide(Situation const& situation, Rng) const override {
    if (situation.fleet.undecided.empty()) return {};
    Question const question = instance_of(situation, situation.fleet.undecided);
    Solution plan = question.present;
    for (std::int32_t request : by_deadline(question, question.present.left_out)) {
      std::optional<schedule::Insertion> best;
      for (std::size_t v = 0; v < plan.routes.size(); ++v) {
        auto const tried = schedule::best_insertion_by_trying(question.instance, static_cast<std::int32_t>(v),
                                                              plan.routes[v], request);
        if (tried && (!best || tried->cost < best->cost)) best = tried;
      }
      if (best && best->cost <= question.instance.requests[static_cast<std::size_t>(request)].left_out) {
        insert(question.instance, plan, request, *best);
      }
    }
    return decision_of(situation, question, plan);
  }
};

}  // namespace

std::unique_ptr<Policy> make_insertion(PolicySettings const&) { return std::make_unique<CheapestInsertion>(); }

}  // namespace regulus::dispatch
