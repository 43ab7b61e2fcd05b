// Why no plan whatever can serve a booking with this fleet: the reasons that need no search.
#pragma once

#include <string>
#include <vector>

#include "domain/day.h"
#include "domain/travel_times.h"

namespace regulus {

// Reasons as ends of a sentence, empty when there is none. A day without drivers is asked about times alone. `direct`
// is the booking's ride without detour.
std::vector<std::string> why_impossible(Day const& day, Booking const& booking, Leg const& direct);

}  // namespace regulus
