// The search in the background as somebody who can be asked again: what it changed is a decision like any other.
#pragma once

#include <cstdint>

#include "server/arms.h"

namespace regulus::server {

// A large neighbourhood search over the plans as they stand, for so many iterations. Its answer changes nothing unless
// the plans become cheaper by it.
Arm improvement(std::int64_t iterations);

}  // namespace regulus::server
