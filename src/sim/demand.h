// The generating process of a company's days: clients, rides, surprises and a fleet, all from one seed.
//
// A company (sim/company.h) fixes depot, facilities and clients, so that the same people come again on other days:
// regulars by their standing orders, the others by chance. A day's seed decides which day of the week it is, who rides,
// and everything that nobody knows beforehand. The whole day is drawn at once, before anything is decided, and each
// visit's draws come from a stream of their own: two families that differ only in traffic, say, have the same rides on
// the same seed.
//
// An outbound ride is bound by its appointment: drop-off within [appointment - appointment_window, appointment], the
// pickup anywhere from which that can be reached. A return is bound by its pickup: [time, time + pickup_window]. A
// will-call return is known as early as its outbound ride, with the client's usual time in its windows, and becomes
// ready when the client calls (BookingReality::calls_at). Calibration is by family: docs/scenarios.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/result.h"
#include "domain/day.h"
#include "sim/demand_config.h"

namespace regulus::sim {

// What the ranges of single settings cannot say: lengths of lists, quantiles that ascend, shares that add up to at most
// one. Names setting, value and remedy.
Status check_demand(DemandConfig const& config);

// Bug check: check_demand(config) holds. The day passes check_day. The same at any number of threads and, up to the
// last bit of a sine or logarithm of another mathematical library, on every machine.
Day generate_day(std::string_view name, DemandConfig const& config, std::uint64_t seed);

}  // namespace regulus::sim
