// Of the rides that are due, whoever must be fetched first is given first, to the driver who can add the ride to the
// end of his plan most cheaply.
#include <algorithm>

#include "dispatch/instance_of.h"
#include "dispatch/policy_append.h"

namespace regulus::dispatch {

namespace {

class DeadlineFirst final : public Policy {
 public:
  Decision decide(Situation const& situation, Rng) const override {
    Due const due = due_at(situation);
    Decision decision;
    decision.wake_at = due.next;
    if (due.bookings.empty()) return decision;
    Question const question = instance_of(situation, due.bookings);
    Solution plan = question.present;
    for (std::int32_t request : by_deadline(question, question.present.left_out)) {
      std::optional<Appended> cheapest;
      for (std::size_t v = 0; v < plan.routes.size(); ++v) {
        auto const tried = append(question.instance, static_cast<std::int32_t>(v), plan.routes[v], request);
        if (tried && (!cheapest || tried->where.cost < cheapest->where.cost)) cheapest = tried;
      }
      if (cheapest) insert(question.instance, plan, request, cheapest->where);
    }
    decision = decision_of(situation, question, plan);
    decision.wake_at = std::min(decision.wake_at, due.next);
    return decision;
  }
};

}  // namespace

std::unique_ptr<Policy> make_deadline_first(PolicySettings const&) { return std::make_unique<DeadlineFirst>(); }

}  // namespace regulus::dispatch
