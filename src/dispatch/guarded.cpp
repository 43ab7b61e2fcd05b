#include "dispatch/guarded.h"

#include <exception>

namespace regulus::dispatch {

Guarded::Guarded(std::unique_ptr<Policy> guarded)
    : guarded_(std::move(guarded)), rule_(make_policy("insertion", {}).take()) {}

Decision Guarded::decide(Situation const& situation, Rng rng) const {
  std::string reason;
  try {
    Decision answer = guarded_->decide(situation, rng);
    Status const legal = check_decision(situation, answer);
    if (legal) return answer;
    reason = "illegal: " + legal.error().message;
  } catch (std::exception const& thrown) {
    reason = std::string("failed: ") + thrown.what();
  }
  Decision answer = rule_->decide(situation, rng);
  answer.replaced = std::move(reason);
  return answer;
}

}  // namespace regulus::dispatch
