// The Wilcoxon signed-rank test, one-sided: are paired differences more positive than chance would make them?
//
// Wilcoxon 1945, "Individual comparisons by ranking methods".
#pragma once

#include <span>

namespace regulus::tune {

// Probability, if every sign were a fair coin, of a rank sum of the positive differences at least as large as this one.
// Exact for up to 50 differences without zeros and ties; otherwise by the normal approximation with half the ranks of
// the zeros on either side and the variance corrected for ties. 1 for no differences; they must not be NaN.
double signed_rank_p(std::span<double const> differences);

}  // namespace regulus::tune
