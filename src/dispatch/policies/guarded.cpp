// Without another policy's name it guards best insertion, which is best insertion.
#include "dispatch/guarded.h"

namespace regulus::dispatch {

std::unique_ptr<Policy> make_guarded(PolicySettings const& settings) {
  return std::make_unique<Guarded>(make_policy("insertion", settings).take());
}

}  // namespace regulus::dispatch
