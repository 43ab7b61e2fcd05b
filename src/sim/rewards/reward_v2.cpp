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

double end_of_day(DayFacts const& day) {
  double points = 100 * day.completion();
  if (day.std_of_loads < 1.5) points += 50;
  if (day.km_per_assignment() < 5) points += 30;  // a day without assignments counts as 0 km, as published figures show
  if (day.late_share() > 0.20) points -= 50;
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
    .end_of_day = end_of_day,
};

}  // namespace regulus::sim
