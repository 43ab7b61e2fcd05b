// Uniform over the valid pairs; waits only when there is none.
//
// Counts free drivers and open bookings and picks the k-th of each: no list of pairs is built.
#include "sim/classic_policy.h"

namespace regulus::sim {
namespace {

class RandomValid : public ClassicPolicy {
 public:
  int choose(ClassicWorld const& world, Rng rng) const override {
    if (world.config().mask == MaskRule::on_time) return choose_listed(world, rng);
    int free = 0;
    int open = 0;
    for (auto const& driver : world.drivers()) free += driver.available ? 1 : 0;
    for (auto const& booking : world.bookings()) open += booking.assigned ? 0 : 1;
    if (free == 0 || open == 0) return ClassicWorld::wait;
    auto const pick = static_cast<int>(rng.below(static_cast<std::uint64_t>(free) * static_cast<std::uint64_t>(open)));
    return world.action_of(kth(world.drivers(), pick / open, [](auto const& d) { return d.available; }),
                           kth(world.bookings(), pick % open, [](auto const& b) { return !b.assigned; }));
  }

 private:
  // With a stricter mask the legal pairs are no product of drivers and bookings.
  static int choose_listed(ClassicWorld const& world, Rng rng) {
    std::vector<int> legal;
    world.legal_actions(legal);
    return legal.size() == 1 ? ClassicWorld::wait : legal[1 + rng.below(legal.size() - 1)];
  }

  template <class Items, class Test>
  static int kth(Items const& items, int k, Test test) {
    int index = 0;
    for (auto const& item : items) {
      if (test(item) && k-- == 0) return index;
      ++index;
    }
    return index;
  }
};

}  // namespace

std::unique_ptr<ClassicPolicy> make_random_valid();
std::unique_ptr<ClassicPolicy> make_random_valid() { return std::make_unique<RandomValid>(); }

}  // namespace regulus::sim
