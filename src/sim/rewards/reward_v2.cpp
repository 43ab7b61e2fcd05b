// V2, the profile of 21 October: twice the points for an assignment, half the cost of lateness, driving costs, expiry
// is cheap.
#include <algorithm>

#include "sim/reward.h"

namespace regulus::sim {
namespace {

double assignment(AssignmentFacts const& a) {
  double points = 100;
  points -= std::min(50.0, a.late_minutes);
  points -= a.km / 20;
  if (a.km < 5) points += 10 + 10 * (5 - a.km) / 5;
  if (a.priority >= 4) points += 4 * a.priority;
  if (a.fast) points += 15;
  return points;
}

}  // namespace

extern RewardProfile const reward_v2;
RewardProfile const reward_v2{
    .name = "V2",
    .regular_share = 1.0,
    .assignment = assignment,
    .counts_as_late = [](AssignmentFacts const& a) { return a.late_minutes > 0; },
    .wait = [](int) { return -1.0; },
    .invalid = [] { return -10.0; },
    .expiry = [](int priority) { return -60.0 * priority / 5; },
    .end_of_day = early_end_of_day,
};

}  // namespace regulus::sim
