// What the rest of a classic day is worth, as far as it can be known beforehand.
//
// One booking can be served a step, so the open bookings and those still to come compete for steps. The outlook draws
// sample days of demand once, from seeds that no training, tuning or test day has; for a given state it schedules the
// open bookings together with what each sample day would still bring, at best, and averages (hindsight optimisation:
// Chong, Givan and Chang 2000). Worth is counted with the driver who serves a booking best at present; that drivers
// move, and that nobody foresees the arrivals it schedules, is left to the learner.
//
// Immutable after construction; may be asked from many threads.
#pragma once

#include <span>
#include <vector>

#include "sim/classic.h"

namespace regulus::lab {

// An open booking and the facts of serving it now with the driver who does it best.
struct OpenBooking {
  sim::ClassicWorld::Booking const* booking;
  sim::AssignmentFacts best;
};

struct Outlook {
  double rest = 0;    // points from the next step to the last, when no open booking is served in this one
  double served = 0;  // bookings served in that time
  double lost = 0;    // bookings that expire in that time or are still open at its end
  // For each open booking: what serving it now, instead of leaving it to the next steps, changes in `rest`.
  std::vector<double> relief;
  std::vector<double> chance_later;  // and the share of sample days in which it would be served later
};

class ClassicOutlook {
 public:
  explicit ClassicOutlook(sim::ClassicConfig const& config);

  Outlook ask(sim::ClassicWorld const& world, std::span<OpenBooking const> open) const;

  // Bookings expected to appear in the next `steps` steps of a day without limit of slots.
  double arrivals(int step, int steps) const;
  // Reward of serving a booking in a step to come, by the traffic of that time.
  double reward_at(int step, sim::AssignmentFacts facts, sim::ClassicWorld::Booking const& booking) const;
  // Decisions, that of `step` included, in which an open booking can still be served.
  static int steps_left(sim::ClassicWorld::Booking const& booking);
  // What an open booking costs when it is never served: nothing, if the day ends before it expires.
  double penalty(int step, sim::ClassicWorld::Booking const& booking) const;
  // The drive at which a booking still to come is valued.
  double typical_km() const { return typical_km_; }
  int steps() const { return static_cast<int>(minutes_a_km_.size()); }

 private:
  // A booking of a sample day: worth when served `k` steps after it appeared, penalty saved included.
  struct Arrival {
    int step;
    double penalty;
    std::vector<float> values;
  };
  struct SampleDay {
    std::vector<Arrival> arrivals;  // in the order of their steps
    std::vector<int> first;         // first[t]: the first arrival not before step t
  };

  Arrival arrival_of(int step, sim::ClassicWorld::Booking const& booking) const;

  sim::RewardProfile const* profile_;
  int slots_;
  double typical_km_;
  std::vector<double> minutes_a_km_;  // by step
  std::vector<SampleDay> days_;
};

}  // namespace regulus::lab
