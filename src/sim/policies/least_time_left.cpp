// The open booking that expires first, given to the nearest free driver.
#include "sim/classic_policy.h"

namespace regulus::sim {
namespace {

class LeastTimeLeft : public ClassicPolicy {
 public:
  int choose(ClassicWorld const& world, Rng) const override {
    int best = ClassicWorld::wait;
    int least = 0;
    for (int slot = 0; slot < static_cast<int>(world.bookings().size()); ++slot) {
      auto const& booking = world.bookings()[static_cast<std::size_t>(slot)];
      if (booking.assigned || (best != ClassicWorld::wait && booking.minutes_left >= least)) continue;
      int const driver = nearest_driver(world, slot);
      if (driver < 0) continue;
      best = world.action_of(driver, slot);
      least = booking.minutes_left;
    }
    return best;
  }
};

}  // namespace

std::unique_ptr<ClassicPolicy> make_least_time_left();
std::unique_ptr<ClassicPolicy> make_least_time_left() { return std::make_unique<LeastTimeLeft>(); }

}  // namespace regulus::sim
