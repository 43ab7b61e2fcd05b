// The search in the background as somebody who can be asked again: what it changed is a decision like any other.
#pragma once

#include <cstdint>
#include <functional>

#include "server/arms.h"

namespace regulus::server {

// A large neighbourhood search over the plans as they stand, for so many iterations. Its answer changes nothing unless
// the plans become cheaper by it. `go_on` as SearchOptions has it: a search that was ended early changes nothing.
Arm improvement(std::int64_t iterations, std::function<bool()> go_on = {});

}  // namespace regulus::server
