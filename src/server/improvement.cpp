#include "server/improvement.h"

#include "dispatch/policy_neighbourhood.h"
#include "dispatch/search.h"

namespace regulus::server {

namespace {

class Improvement final : public dispatch::Policy {
 public:
  explicit Improvement(std::int64_t iterations) : iterations_(iterations) {}

  dispatch::Decision decide(Situation const& situation, Rng rng) const override {
    std::optional<dispatch::Question> const around = dispatch::question_around(situation);
    if (!around) return {};
    if (dispatch::cost_of_routes(around->instance, around->present.routes) >= dispatch::no_plan) return {};
    dispatch::SearchOptions options;
    options.iterations = iterations_;
    dispatch::Solution const better = dispatch::improve(around->instance, around->present, options, rng);
    if (better.cost >= dispatch::cost_of(around->instance, around->present)) return {};
    return dispatch::decision_of(situation, *around, better);
  }

 private:
  std::int64_t iterations_;
};

}  // namespace

Arm improvement(std::int64_t iterations) {
  return {.name = "improve", .model_hash = "", .policy = std::make_shared<Improvement const>(iterations)};
}

}  // namespace regulus::server
