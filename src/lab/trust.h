// How far to go along with a learned value, chosen for each kind of day on days of selection.
//
// Not at all is among the choices and is given up only for something that chance would seldom make so much better:
// the best of several noisy means flatters itself, and whoever promises not to be worse must not follow every lead.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dispatch/learned/value_model.h"

namespace regulus::lab {

// What the search earned on the days of selection when it believed so much.
struct TrustTrial {
  double trust = 0;
  std::vector<double> rewards;  // by day, the same days for every trial
};

// Of the trials on the days of one kind, given by position: the trust of the highest mean, the lower of equals, when
// its paired lead over trust 0 is above two standard errors; otherwise 0. Bug check: a trial of trust 0 is among them.
double chosen_trust(std::span<TrustTrial const> trials, std::span<std::size_t const> days);

// For each family; `family_of_day` is the position of the family to which each day of selection belongs. Days of any
// other kind get the least of all.
dispatch::Trust chosen_trust(std::span<TrustTrial const> trials, std::span<std::size_t const> family_of_day,
                             std::vector<std::string> const& families);

}  // namespace regulus::lab
