// Uniform random sampling of one parameter, as Optuna's random sampler draws it; also the start-up of the TPE.
#pragma once

#include "domain/trial.h"
#include "tune/uniform_source.h"

namespace regulus::tune {

// Numbers take one uniform, uniform on the (logarithmic) scale with half a step of room at each end. A categorical
// takes one for each choice, of which the largest wins. A single value takes none.
double random_value(Distribution const& distribution, UniformSource& source);

}  // namespace regulus::tune
