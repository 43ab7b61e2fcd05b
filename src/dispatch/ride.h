// What one booking means to the schedule kernel: its two stops, its request, its prices.
#pragma once

#include <span>
#include <vector>

#include "domain/snapshot.h"
#include "schedule/instance.h"

namespace regulus::dispatch {

// Prices in thousandths of a cent.
constexpr schedule::Money thousandths(Cents cents) { return cents * 1'000; }
// Of a price by the hour or minute, for one second, to the nearest thousandth.
constexpr schedule::Money by_second(Cents cents, Seconds per) { return (thousandths(cents) + per / 2) / per; }
// A thousandth of a kilometre for a thousandth of the price.
constexpr schedule::Money by_metre(Cents cents_per_km) { return cents_per_km; }

// Without numbers of nodes and request, without the prices of vehicles and of being left out.
struct Ride {
  schedule::Node pickup, dropoff;
  schedule::Request request;
  schedule::Money partner = 0;
};
// Windows and promises are the state's.
Ride ride_of(Situation const& situation, Booking const& booking, BookingState const& state);

// Who drives, or drove, the outbound leg of this return; 0: nobody, or it is none.
DriverId driver_of_linked(FleetSnapshot const& fleet, Booking const& booking);

// What the choice of each driver adds, by position in `drivers`; empty when it never matters.
std::vector<schedule::Money> prices_on_vehicles(Situation const& situation, Booking const& booking,
                                                BookingState const& state, std::span<std::int32_t const> drivers);

}  // namespace regulus::dispatch
