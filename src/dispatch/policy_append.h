// Taking a booking after all that a driver has to do already: what a dispatcher at the telephone does.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dispatch/instance_of.h"
#include "dispatch/search.h"
#include "schedule/instance.h"
#include "schedule/route.h"

namespace regulus::dispatch {

// The pickup and drop-off of one request as the last ride of a vehicle.
struct Appended {
  schedule::Insertion where;      // cost as everywhere: what the route costs more
  schedule::Ticks pickup_at = 0;  // start of service
  schedule::Ticks empty_drive = 0;
};

// Rests after the last ride stay where they are or come before the new one, whichever lets it be picked up earlier.
// Nothing: it cannot be done.
std::optional<Appended> append(schedule::Instance const& instance, std::int32_t vehicle,
                               std::span<std::int32_t const> nodes, std::int32_t request);

// The route with the request where `insertion` says.
std::vector<std::int32_t> inserted(schedule::Instance const& instance, std::span<std::int32_t const> nodes,
                                   std::int32_t request, schedule::Insertion const& insertion);
// The same for a solution; the request is no longer left out.
void insert(schedule::Instance const& instance, Solution& solution, std::int32_t request,
            schedule::Insertion const& insertion);

// Who appends must not give an afternoon's rides away in the morning: whatever is booked at noon would find nobody. So
// rides are given when they are due, two hours before their pickup becomes too late.
inline constexpr Seconds give_ahead = 2 * one_hour;
// Of those that are due, each in the order of `order` goes behind the plan of the vehicle whose offer is better than
// every other's; the decision asks again when the next one is due.
using Order = std::vector<std::int32_t> (*)(Question const&, std::span<std::int32_t const> requests);
using Better = bool (*)(Appended const& a, Appended const& b);
Decision append_what_is_due(Situation const& situation, Order order, Better better);

// Requests, those first whose last moment for a pickup comes first; ties by booking.
std::vector<std::int32_t> by_deadline(Question const& question, std::span<std::int32_t const> requests);
// Requests as they are: by booking.
std::vector<std::int32_t> by_booking(Question const& question, std::span<std::int32_t const> requests);

}  // namespace regulus::dispatch
