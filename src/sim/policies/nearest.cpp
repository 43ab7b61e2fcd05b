// The free driver and open booking with the shortest empty drive.
#include "sim/classic_policy.h"

namespace regulus::sim {
namespace {

class Nearest : public ClassicPolicy {
 public:
  int choose(ClassicWorld const& world, Rng) const override {
    int best = ClassicWorld::wait;
    double best_km = 0;
    for (int slot = 0; slot < static_cast<int>(world.bookings().size()); ++slot) {
      int const driver = nearest_driver(world, slot);
      if (driver < 0) continue;
      double const km = ClassicWorld::distance_km(world.drivers()[static_cast<std::size_t>(driver)].at,
                                                  world.bookings()[static_cast<std::size_t>(slot)].pickup);
      if (best == ClassicWorld::wait || km < best_km) {
        best = world.action_of(driver, slot);
        best_km = km;
      }
    }
    return best;
  }
};

}  // namespace

std::unique_ptr<ClassicPolicy> make_nearest();
std::unique_ptr<ClassicPolicy> make_nearest() { return std::make_unique<Nearest>(); }

}  // namespace regulus::sim
