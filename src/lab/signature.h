// One number that says whether the program still behaves the same, and the speeds of its parts.
#pragma once

#include <cstdint>
#include <string>

namespace regulus::lab {

// A hash over days played by every rule, proposals of the sampler, updates of networks and a short training. The same
// in debug, release and sanitizer builds on one machine; a change of behaviour changes it.
std::string behaviour_signature();

// Steps a second of the classic environment on one thread with random_valid, days started anew included: the median of
// five measurements.
double classic_steps_per_second();

}  // namespace regulus::lab
