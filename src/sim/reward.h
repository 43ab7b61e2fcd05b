// Reward profiles of the classic environment, by name: what an assignment, a wait, an expiry and the end of a day are
// worth.
//
// A profile is a set of pure functions of facts; it sees no world. New profiles are one file in rewards/ and one line
// in rewards.def. Minutes, kilometres, points.
#pragma once

#include <span>
#include <string_view>

namespace regulus::sim {

struct AssignmentFacts {
  double km = 0;            // empty drive from the driver to the pickup
  double late_minutes = 0;  // arrival after the end of the pickup window; 0 when on time
  int priority = 1;         // 1 to 5
  bool fast = false;        // within the first half of the pickup window
  bool outbound = true;     // else a return trip
  bool regular = true;      // regular driver, else emergency driver
};

struct DayFacts {
  int assignments = 0;
  int late = 0;           // as the profile counts it
  int cancellations = 0;  // bookings that expired
  int open = 0;           // neither assigned nor expired at the end
  double km = 0;
  double std_of_loads = 0;  // current loads (population standard deviation over drivers)
  double std_of_trips = 0;  // assignments of the day per driver

  double completion() const {
    int const all = assignments + cancellations + open;
    return all > 0 ? static_cast<double>(assignments) / all : 0;
  }
  double km_per_assignment() const { return assignments > 0 ? km / assignments : 0; }
  double late_share() const { return assignments > 0 ? static_cast<double>(late) / assignments : 0; }
};

struct RewardProfile {
  std::string_view name;
  double regular_share;  // of drivers, the first ones by index
  double (*assignment)(AssignmentFacts const&);
  bool (*counts_as_late)(AssignmentFacts const&);
  double (*wait)(int open_bookings);
  double (*invalid)();
  double (*expiry)(int priority);
  double (*end_of_day)(DayFacts const&);
};

// The end of a day as V1 and V2 see it.
double early_end_of_day(DayFacts const& day);

// All profiles, in the order of rewards.def.
std::span<RewardProfile const* const> reward_profiles();

}  // namespace regulus::sim
