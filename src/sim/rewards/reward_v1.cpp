// V1, the profile of 20 October: points for each good thing about an assignment. The slope of lateness is not recorded;
// 2 points a minute reproduces the published figures.
#include <algorithm>

#include "sim/reward.h"

namespace regulus::sim {
namespace {

double assignment(AssignmentFacts const& a) {
  double points = 50;
  points -= std::min(100.0, 2.0 * a.late_minutes);
  if (a.km < 5) points += 10 + 10 * (5 - a.km) / 5;
  if (a.priority >= 4) points += 4 * a.priority;
  if (a.fast) points += 15;
  return points;
}

}  // namespace

extern RewardProfile const reward_v1;
RewardProfile const reward_v1{
    .name = "V1",
    .regular_share = 1.0,
    .assignment = assignment,
    .counts_as_late = [](AssignmentFacts const& a) { return a.late_minutes > 0; },
    .wait = [](int) { return -1.0; },
    .invalid = [] { return -10.0; },
    .expiry = [](int priority) { return -200.0 * priority / 5; },
    .end_of_day = early_end_of_day,
};

}  // namespace regulus::sim
