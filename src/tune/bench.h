// How long a proposal takes, for the benchmark report.
#pragma once

namespace regulus::tune {

// Milliseconds for one TPE proposal: median over 25 proposals after a study of so many complete trials, which the
// sampler itself proposed, so that the history is crowded where a real one is. Of the dimensions two in five are real,
// one in five each logarithmic, whole and a choice.
double sampler_ms(int trials, int dimensions);

}  // namespace regulus::tune
