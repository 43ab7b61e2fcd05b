// Uniform over all actions, invalid ones included: the predecessor's baseline.
#include "sim/classic_policy.h"

namespace regulus::sim {
namespace {
class Random : public ClassicPolicy {
 public:
  int choose(ClassicWorld const& world, Rng rng) const override {
    return static_cast<int>(rng.below(static_cast<std::uint64_t>(world.action_count())));
  }
};
}  // namespace

std::unique_ptr<ClassicPolicy> make_random();
std::unique_ptr<ClassicPolicy> make_random() { return std::make_unique<Random>(); }

}  // namespace regulus::sim
