// Always waits: the floor.
#include "sim/classic_policy.h"

namespace regulus::sim {
namespace {
class Wait : public ClassicPolicy {
 public:
  int choose(ClassicWorld const&, Rng) const override { return ClassicWorld::wait; }
};
}  // namespace

std::unique_ptr<ClassicPolicy> make_wait();
std::unique_ptr<ClassicPolicy> make_wait() { return std::make_unique<Wait>(); }

}  // namespace regulus::sim
