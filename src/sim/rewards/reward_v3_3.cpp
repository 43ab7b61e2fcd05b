// V3.3: outbound trips must be on time, returns are tolerated 15 minutes late, regular drivers come first, and the end
// of the day weighs heavily.
#include <algorithm>

#include "sim/reward.h"

namespace regulus::sim {
namespace {

double lateness(AssignmentFacts const& a) {
  double const late = a.late_minutes;
  if (a.outbound) return -std::min(150.0, 5 * late);
  if (late <= 15) return 0;
  if (late <= 25) return -(late - 15);
  return -std::min(100.0, 2.5 * late);
}

double assignment(AssignmentFacts const& a) {
  double points = 500 + lateness(a) - a.km / 20;
  if (a.km < 5) points += 10;
  if (a.regular) points += 20;
  return points;
}

double end_of_day(DayFacts const& day) {
  double points = -70.0 * day.cancellations;
  double const completion = day.completion();
  points += completion >= 0.95 ? 300 : completion >= 0.85 ? 150 : completion >= 0.75 ? 50 : -200;
  points += day.std_of_trips < 1.5 ? 80 : day.std_of_trips < 2.5 ? 40 : -40;
  if (day.assignments > 0) points += day.km_per_assignment() < 5 ? 50 : day.km_per_assignment() < 7 ? 25 : 0;
  if (day.late_share() > 0.15) points -= 100;
  return points;
}

}  // namespace

extern RewardProfile const reward_v3_3;
RewardProfile const reward_v3_3{
    .name = "V3.3",
    .regular_share = 0.75,
    .assignment = assignment,
    .counts_as_late = [](AssignmentFacts const& a) { return a.outbound ? a.late_minutes > 0 : a.late_minutes > 30; },
    .wait = [](int open_bookings) { return -10.0 * open_bookings; },
    .invalid = [] { return -10.0; },
    .expiry = [](int priority) { return -200.0 * priority / 5; },
    .end_of_day = end_of_day,
};

}  // namespace regulus::sim
