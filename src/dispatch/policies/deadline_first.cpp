// Of the rides that are due, whoever must be fetched first is given first, to the driver who can add the ride to the
// end of his plan most cheaply.
#include "dispatch/policy_append.h"

namespace regulus::dispatch {

namespace {

class DeadlineFirst final : public Policy {
 public:
  Decision decide(Situation const& situation, Rng) const override {
    return append_what_is_due(situation, by_deadline,
                              [](Appended const& a, Appended const& b) { return a.where.cost < b.where.cost; });
  }
};

}  // namespace

std::unique_ptr<Policy> make_deadline_first(PolicySettings const&) { return std::make_unique<DeadlineFirst>(); }

}  // namespace regulus::dispatch
