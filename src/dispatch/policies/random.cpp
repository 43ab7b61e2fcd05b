// Each booking at a place drawn evenly among all legal ones: what chance alone achieves.
#include "dispatch/instance_of.h"
#include "dispatch/policy_append.h"

namespace regulus::dispatch {

namespace {

std::vector<schedule::Insertion> legal_insertions(schedule::Instance const& instance, Solution const& plan,
                                                  std::int32_t request) {
  std::vector<schedule::Insertion> legal;
  for (std::size_t v = 0; v < plan.routes.size(); ++v) {
    auto const vehicle = static_cast<std::int32_t>(v);
    auto const stops = static_cast<std::int32_t>(plan.routes[v].size());
    for (auto i = static_cast<std::int32_t>(instance.vehicles[v].locked.size()); i <= stops; ++i) {
      for (std::int32_t j = i + 1; j <= stops + 1; ++j) {
        schedule::Insertion const tried{vehicle, i, j, 0};
        auto const route = inserted(instance, plan.routes[v], request, tried);
        if (schedule::evaluate(instance, vehicle, route).violation == schedule::Violation::none) legal.push_back(tried);
      }
    }
  }
  return legal;
}

class Random final : public Policy {
 public:
  Decision decide(Situation const& situation, Rng rng) const override {
    if (situation.fleet.undecided.empty()) return {};
    Question const question = instance_of(situation, situation.fleet.undecided);
    Solution plan = question.present;
    for (std::int32_t request : question.present.left_out) {
      auto const legal = legal_insertions(question.instance, plan, request);
      if (!legal.empty()) insert(question.instance, plan, request, legal[rng.below(legal.size())]);
    }
    return decision_of(situation, question, plan);
  }
};

}  // namespace

std::unique_ptr<Policy> make_random(PolicySettings const&) { return std::make_unique<Random>(); }

}  // namespace regulus::dispatch
