#include "dispatch/policy.h"

namespace regulus::dispatch {

namespace {

class Wait final : public Policy {
 public:
  Decision decide(Situation const&, Rng) const override { return {}; }
};

}  // namespace

std::unique_ptr<Policy> make_wait(PolicySettings const&) { return std::make_unique<Wait>(); }

}  // namespace regulus::dispatch
