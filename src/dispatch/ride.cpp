#include "dispatch/ride.h"

#include <algorithm>

#include "dispatch/instance_of.h"
#include "domain/leg_hours.h"
#include "domain/promise.h"

namespace regulus::dispatch {

using schedule::Money;
using schedule::Node;
using schedule::NodeKind;
using schedule::Ticks;

namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

Node stop_of(ObjectiveWeights const& weights, BookingClass kind, Window const& window) {
  Node node;
  node.earliest = window.start;
  node.due = after(window.end, weights.tolerated(kind));
  node.latest = after(window.end, std::max(weights.max_late(kind), weights.tolerated(kind)));
  node.late_rate = by_second(weights.late_minute(kind), one_minute);
  return node;
}

bool holds(std::vector<DriverId> const& list, DriverId id) { return std::ranges::find(list, id) != list.end(); }

}  // namespace

DriverId driver_of_linked(FleetSnapshot const& fleet, Booking const& booking) {
  if (booking.linked == 0) return 0;
  std::int32_t const outbound = fleet.day->booking_position(booking.linked);
  return outbound < 0 ? 0 : fleet.bookings[at(outbound)].driver;
}

Ride ride_of(Situation const& situation, Booking const& booking, BookingState const& state) {
  ObjectiveWeights const& weights = situation.fleet.day->weights;
  LegHours const hours = leg_hours(booking, state.pickup_window, state.dropoff_window, situation.times);
  Ride ride;
  ride.pickup = stop_of(weights, booking.booking_class, state.pickup_window);
  ride.pickup.kind = NodeKind::pickup;
  ride.pickup.hour = hours.pickup;
  ride.pickup.place = booking.pickup;
  ride.pickup.service = booking.pickup_service;
  if (state.promised_pickup < never) {
    ride.pickup.promised = state.promised_pickup;
    ride.pickup.promise_slack = promise_slack;
    ride.pickup.promise_rate = by_second(weights.change_minute, one_minute);
  }
  ride.dropoff = stop_of(weights, booking.booking_class, state.dropoff_window);
  ride.dropoff.kind = NodeKind::dropoff;
  ride.dropoff.hour = hours.dropoff;
  ride.dropoff.place = booking.dropoff;
  ride.dropoff.service = booking.dropoff_service;

  schedule::Request& request = ride.request;
  request.seats = booking.seats;
  request.exclusive = booking.exclusive;
  request.direct = hours.direct.seconds;
  request.excess_rate = by_second(weights.excess_ride, one_minute);
  if (booking.max_ride < never) request.max_ride = booking.max_ride;
  if (booking.max_ride_ratio > 0) {
    auto const scaled = static_cast<Ticks>(booking.max_ride_ratio * static_cast<double>(request.direct));
    request.max_ride = std::min(request.max_ride, scaled);
  }
  ride.partner = thousandths(partner_price(weights, booking, hours.direct.metres));
  return ride;
}

std::vector<Money> prices_on_vehicles(Situation const& situation, Booking const& booking, BookingState const& state,
                                      std::span<std::int32_t const> drivers) {
  Day const& day = *situation.fleet.day;
  DriverId const other_leg = driver_of_linked(situation.fleet, booking);
  bool const matters = booking.skills != 0 || !booking.preferred.empty() || !booking.forbidden.empty() ||
                       !booking.required.empty() || other_leg != 0 || state.promised_driver != 0;
  std::vector<Money> prices;
  if (!matters) return prices;
  prices.assign(drivers.size(), 0);
  for (std::size_t v = 0; v < drivers.size(); ++v) {
    Driver const& driver = day.drivers[at(drivers[v])];
    bool const allowed = (booking.skills & ~driver.skills) == 0 && !holds(booking.forbidden, driver.id) &&
                         (booking.required.empty() || holds(booking.required, driver.id));
    if (!allowed && state.driver != driver.id) {
      prices[v] = schedule::impossible;
      continue;
    }
    if (!booking.preferred.empty() && !holds(booking.preferred, driver.id)) {
      prices[v] += thousandths(day.weights.unpreferred_driver);
    }
    if (other_leg != 0 && other_leg != driver.id) prices[v] += thousandths(day.weights.other_return_driver);
    if (state.promised_driver != 0 && state.promised_driver != driver.id) {
      prices[v] += thousandths(day.weights.change_driver);
    }
  }
  return prices;
}

}  // namespace regulus::dispatch
