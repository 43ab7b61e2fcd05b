// The rule of the telephone: when a ride is due, whoever can be there first takes it, after what he has to do already.
#include <algorithm>
#include <tuple>

#include "dispatch/instance_of.h"
#include "dispatch/policy_append.h"

namespace regulus::dispatch {

namespace {

// For a ride that lies far ahead everybody is there in time: then the shortest way counts.
auto rank(Appended const& a) { return std::tuple(a.pickup_at, a.empty_drive, a.where.vehicle); }

class Nearest final : public Policy {
 public:
  Decision decide(Situation const& situation, Rng) const override {
    Due const due = due_at(situation);
    Decision decision;
    decision.wake_at = due.next;
    if (due.bookings.empty()) return decision;
    Question const question = instance_of(situation, due.bookings);
    Solution plan = question.present;
    for (std::int32_t request : question.present.left_out) {
      std::optional<Appended> first;
      for (std::size_t v = 0; v < plan.routes.size(); ++v) {
        auto const tried = append(question.instance, static_cast<std::int32_t>(v), plan.routes[v], request);
        if (tried && (!first || rank(*tried) < rank(*first))) first = tried;
      }
      if (first) insert(question.instance, plan, request, first->where);
    }
    decision = decision_of(situation, question, plan);
    decision.wake_at = std::min(decision.wake_at, due.next);
    return decision;
  }
};

}  // namespace

std::unique_ptr<Policy> make_nearest(PolicySettings const&) { return std::make_unique<Nearest>(); }

}  // namespace regulus::dispatch
