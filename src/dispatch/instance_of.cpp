#include "dispatch/instance_of.h"

#include <algorithm>

#include "dispatch/translation.h"
#include "domain/leg_hours.h"

namespace regulus::dispatch {

namespace {

Question translate(Situation const& situation, std::vector<std::int32_t> drivers,
                   std::span<std::int32_t const> bookings, Translation::Prices prices) {
  std::erase_if(drivers,
                [&](std::int32_t d) { return !situation.fleet.drivers[static_cast<std::size_t>(d)].available; });
  Translation translation(situation, std::move(drivers), prices);
  auto const vehicles = static_cast<std::int32_t>(translation.question().driver_of.size());
  for (std::int32_t v = 0; v < vehicles; ++v) translation.write_driver(situation, v);
  std::vector<std::int32_t> offers(bookings.begin(), bookings.end());
  std::erase_if(offers, [&](std::int32_t booking) { return translation.in_plan(booking); });
  std::ranges::sort(offers);
  offers.erase(std::unique(offers.begin(), offers.end()), offers.end());
  for (std::int32_t booking : offers) {
    translation.question().present.left_out.push_back(translation.write_offer(situation, booking));
  }
  Seconds const first_offer = first_opening(situation, offers);
  for (std::int32_t v = 0; v < vehicles; ++v) {
    translation.write_rests(situation, v, translation.rests_wanted(situation, v, first_offer));
  }
  return std::move(translation.question());
}

}  // namespace

Question instance_of(Situation const& situation, std::span<std::int32_t const> bookings) {
  std::vector<std::int32_t> everybody(situation.fleet.drivers.size());
  for (std::size_t d = 0; d < everybody.size(); ++d) everybody[d] = static_cast<std::int32_t>(d);
  return translate(situation, std::move(everybody), bookings, Translation::Prices::all);
}

Question instance_of(Situation const& situation, std::span<std::int32_t const> drivers,
                     std::span<std::int32_t const> bookings) {
  return translate(situation, {drivers.begin(), drivers.end()}, bookings, Translation::Prices::moving);
}

Question instance_around(Situation const& situation, std::span<std::int32_t const> drivers,
                         std::span<std::int32_t const> bookings) {
  return translate(situation, {drivers.begin(), drivers.end()}, bookings, Translation::Prices::all);
}

Seconds latest_pickup(Situation const& situation, std::int32_t position) {
  Booking const& booking = situation.fleet.day->bookings[static_cast<std::size_t>(position)];
  BookingState const& state = situation.fleet.bookings[static_cast<std::size_t>(position)];
  Seconds const late = situation.fleet.day->weights.max_late(booking.booking_class);
  Seconds const direct = leg_hours(booking, state.pickup_window, state.dropoff_window, situation.times).direct.seconds;
  Seconds const by_dropoff = after(state.dropoff_window.end, late - direct - booking.pickup_service);
  return std::min(after(state.pickup_window.end, late), by_dropoff);
}

Seconds last_call(Situation const& situation, std::int32_t position) {
  BookingState const& state = situation.fleet.bookings[static_cast<std::size_t>(position)];
  return after(state.pickup_window.end, -situation.fleet.day->partner.notice);
}

bool partner_takes(Situation const& situation, std::int32_t position) {
  Seats const& seats = situation.fleet.day->bookings[static_cast<std::size_t>(position)].seats;
  bool const special = seats[SeatKind::wheelchair] > 0 || seats[SeatKind::stretcher] > 0;
  return situation.fleet.partner_left > 0 && (!special || situation.fleet.day->partner.wheelchairs);
}

bool partner_can_take(Situation const& situation, std::int32_t position) {
  return partner_takes(situation, position) && situation.fleet.now <= last_call(situation, position);
}

}  // namespace regulus::dispatch
