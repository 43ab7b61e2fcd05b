// Rule-based dispatchers of the classic environment, by name.
//
// A policy is a const function from a world (which it must not change) to an action. Each is one file in policies/ and
// one line in classic_policies.def.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "sim/classic.h"

namespace regulus::sim {

class ClassicPolicy {
 public:
  virtual ~ClassicPolicy() = default;
  // Rng by value: the same inputs give the same answer.
  virtual int choose(ClassicWorld const& world, Rng rng) const = 0;
};

std::vector<std::string> classic_policy_names();
Result<std::unique_ptr<ClassicPolicy>> make_classic_policy(std::string_view name);

// The driver nearest to a booking's pickup among those that may legally take it, or -1. Lowest index on ties.
int nearest_driver(ClassicWorld const& world, int slot);

// The weights of `score_rule`: the legal pair with the highest
//   reward now + urgency · |expiry penalty| · exp(−minutes left / horizon) − distance · km − load · trips held −
//   last_place.
// Found by the tuner, on tuning days:
//   regulus tune --policy score_rule --trials 400 --eval-episodes 400 --pruner none --seed 7 --select-top 10
//     --select-seeds 1 --select-days 2000
struct ScoreRuleConfig {
  double urgency = 5.2;
  double horizon = 12.8;
  double distance = 5.9;
  double load = 5.9;
  double last_place = 2.5;

  static constexpr auto fields() {
    return std::tuple{
        field(&ScoreRuleConfig::urgency, "urgency", "Points per point of expiry penalty that is about to fall due.",
              range(0, 100), tunable(0.0, 8.0)),
        field(&ScoreRuleConfig::horizon, "horizon", "Minutes over which urgency fades.", range(0.1, 1000),
              tunable_log(3.0, 60.0)),
        field(&ScoreRuleConfig::distance, "distance", "Points lost a kilometre of empty drive.", range(-100, 100),
              tunable(-1.0, 8.0)),
        field(&ScoreRuleConfig::load, "load", "Points lost per trip that the driver already holds.", range(-100, 100),
              tunable(-5.0, 30.0)),
        field(&ScoreRuleConfig::last_place, "last_place", "Points lost when the driver's last place is taken.",
              range(-200, 200), tunable(-10.0, 40.0)),
    };
  }
};
static_assert(describes_every_member<ScoreRuleConfig>());

std::unique_ptr<ClassicPolicy> make_score_rule(ScoreRuleConfig const& config);

// One day from reset to its end.
ClassicDay play_day(ClassicWorld& world, ClassicPolicy const& policy, std::uint64_t seed);

}  // namespace regulus::sim
