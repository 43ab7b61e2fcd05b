#include "server/improvement.h"

#include "dispatch/policy_neighbourhood.h"
#include "dispatch/search.h"

namespace regulus::server {

namespace {

class Improvement final : public dispatch::Policy {
 public:
  Improvement(std::int64_t iterations, std::function<bool()> go_on)
      : iterations_(iterations), go_on_(std::move(go_on)) {}

  dispatch::Decision decide(Situation const& situation, Rng rng) const override {
    std::optional<dispatch::Question> const around = dispatch::question_around(situation);
    if (!around) return {};
    if (dispatch::cost_of_routes(around->instance, around->present.routes) >= dispatch::no_plan) return {};
    dispatch::SearchOptions options;
    options.iterations = iterations_;
    bool whole = true;
    if (go_on_) options.go_on = [&] { return whole = whole && go_on_(); };
    dispatch::Solution const better = dispatch::improve(around->instance, around->present, options, rng);
    // Asked again, it would answer something else.
    if (!whole) return {};
    if (better.cost >= dispatch::cost_of(around->instance, around->present)) return {};
    return dispatch::decision_of(situation, *around, better);
  }

 private:
  std::int64_t iterations_;
  std::function<bool()> go_on_;
};

}  // namespace

Arm improvement(std::int64_t iterations, std::function<bool()> go_on) {
  return {
      .name = "improve", .model_hash = "", .policy = std::make_shared<Improvement const>(iterations, std::move(go_on))};
}

}  // namespace regulus::server
