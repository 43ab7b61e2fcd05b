// A policy behind a guard: every answer is checked before anybody sees it, and best insertion answers in place of an
// illegal one.
//
// For policies that were learned rather than proven: whatever is in a model's file, nobody is sent where he cannot go,
// and no ride is lost because of it. Decision::replaced says why an answer is not the guarded policy's own. A policy
// that throws is replaced too. How long it takes is not for a policy to know: whoever calls it watches the clock.
#pragma once

#include <memory>

#include "dispatch/policy.h"

namespace regulus::dispatch {

class Guarded final : public Policy {
 public:
  explicit Guarded(std::unique_ptr<Policy> guarded);

  Decision decide(Situation const& situation, Rng rng) const override;
  Seconds batch() const override { return guarded_->batch(); }

 private:
  std::unique_ptr<Policy> guarded_;
  std::unique_ptr<Policy> rule_;
};

}  // namespace regulus::dispatch
