// The legal pair with the best weighted sum of reward now, urgency, distance and load: the agent's real opponent.
#include <cmath>

#include "sim/classic_policy.h"

namespace regulus::sim {
namespace {

class ScoreRule : public ClassicPolicy {
 public:
  explicit ScoreRule(ScoreRuleConfig const& config) : config_(config) {}

  int choose(ClassicWorld const& world, Rng) const override {
    int best = ClassicWorld::wait;
    double best_score = 0;
    for (int slot = 0; slot < static_cast<int>(world.bookings().size()); ++slot) {
      auto const& booking = world.bookings()[static_cast<std::size_t>(slot)];
      if (booking.assigned) continue;
      double const due = -world.expiry_penalty(booking.priority) * std::exp(-booking.minutes_left / config_.horizon);
      for (int driver = 0; driver < world.config().num_drivers; ++driver) {
        if (!world.is_valid_pair(driver, slot) || !world.is_legal(world.action_of(driver, slot))) continue;
        AssignmentFacts const facts = world.facts(driver, slot);
        int const load = world.drivers()[static_cast<std::size_t>(driver)].load;
        double const score = world.assignment_reward(facts) + config_.urgency * due - config_.distance * facts.km -
                             config_.load * load - (load == ClassicWorld::places - 1 ? config_.last_place : 0);
        if (best == ClassicWorld::wait || score > best_score) {
          best = world.action_of(driver, slot);
          best_score = score;
        }
      }
    }
    return best;
  }

 private:
  ScoreRuleConfig config_;
};

}  // namespace

std::unique_ptr<ClassicPolicy> make_score_rule(ScoreRuleConfig const& config) {
  return std::make_unique<ScoreRule>(config);
}
std::unique_ptr<ClassicPolicy> make_score_rule();
std::unique_ptr<ClassicPolicy> make_score_rule() { return make_score_rule(ScoreRuleConfig{}); }

}  // namespace regulus::sim
