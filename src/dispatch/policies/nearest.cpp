// The rule of the telephone: when a ride is due, whoever can be there first takes it, after what he has to do already.
#include <tuple>

#include "dispatch/policy_append.h"

namespace regulus::dispatch {

namespace {

// For a ride that lies far ahead everybody is there in time: then the shortest way counts.
auto rank(Appended const& a) { return std::tuple(a.pickup_at, a.empty_drive, a.where.vehicle); }

class Nearest final : public Policy {
 public:
  Decision decide(Situation const& situation, Rng) const override {
    return append_what_is_due(situation, by_booking,
                              [](Appended const& a, Appended const& b) { return rank(a) < rank(b); });
  }
};

}  // namespace

std::unique_ptr<Policy> make_nearest(PolicySettings const&) { return std::make_unique<Nearest>(); }

}  // namespace regulus::dispatch
