#include "dispatch/futures.h"

#include <algorithm>
#include <cmath>

namespace regulus::dispatch {

namespace {

constexpr Seconds longest_wait = 30 * one_minute;

// Who booked a time for the return knows better than the average of all patients.
constexpr double booked_spread = 0.35;

Seconds sample_call(Situation const& situation, Booking const& inbound, Rng& rng) {
  CallForecast const stay = call_forecast(situation, inbound);
  for (int attempt = 0; attempt < 32; ++attempt) {
    double const length = static_cast<double>(stay.median) * std::exp(stay.spread * rng.normal());
    Seconds const call = stay.from + std::llround(length);
    if (call > situation.fleet.now) return call;
  }
  // Longer than almost everybody: any moment now.
  return situation.fleet.now + rng.between(1, longest_wait);
}

Booking called(Booking booking, Seconds call) {
  Seconds const moved = call - booking.pickup_window.start;
  booking.pickup_window = {call, call + wait_after_call(booking)};
  booking.dropoff_window.start += moved;
  if (booking.dropoff_window.end < never) booking.dropoff_window.end += moved;
  booking.known_from = call;
  return booking;
}

// Knuth's product of uniforms, in pieces small enough not to underflow.
std::int64_t sample_poisson(double mean, Rng& rng) {
  std::int64_t count = 0;
  while (mean > 0) {
    double const piece = std::min(mean, 50.0);
    mean -= piece;
    double const floor = std::exp(-piece);
    for (double product = rng.uniform(); product > floor; product *= rng.uniform()) ++count;
  }
  return count;
}

class NewClients {
 public:
  explicit NewClients(Day const& day) : forecast_(day.forecast) {
    for (DemandForecast::Ride const& ride : forecast_.rides) {
      total_ += ride.weight;
      up_to_.push_back(total_);
    }
    // Getting in and out takes as long as it does for those who have booked.
    for (Booking const& booking : day.bookings) {
      pickup_service_ += booking.pickup_service;
      dropoff_service_ += booking.dropoff_service;
    }
    auto const count = static_cast<Seconds>(std::max<std::size_t>(day.bookings.size(), 1));
    pickup_service_ /= count;
    dropoff_service_ /= count;
  }

  void sample(Seconds from, Seconds until, Rng& rng, std::vector<Booking>& future) const {
    if (total_ <= 0) return;
    while (from < until) {
      Seconds const next = std::min(until, (from / one_hour + 1) * one_hour);
      double const rate = forecast_.per_hour[static_cast<std::size_t>(hour_of_day(from))] / one_hour;
      std::int64_t const count = sample_poisson(rate * static_cast<double>(next - from), rng);
      for (std::int64_t k = 0; k < count; ++k) future.push_back(client(rng.between(from + 1, next), rng));
      from = next;
    }
  }

 private:
  Booking client(Seconds known_from, Rng& rng) const {
    auto const drawn = std::ranges::upper_bound(up_to_, rng.uniform() * total_);
    std::size_t const index = std::min(static_cast<std::size_t>(drawn - up_to_.begin()), up_to_.size() - 1);
    DemandForecast::Ride const& ride = forecast_.rides[index];
    Booking booking;
    booking.booking_class = BookingClass::on_demand;
    booking.pickup = ride.pickup;
    booking.dropoff = ride.dropoff;
    booking.seats = ride.seats;
    booking.pickup_service = pickup_service_;
    booking.dropoff_service = dropoff_service_;
    booking.pickup_window = {known_from + forecast_.lead, known_from + forecast_.lead + forecast_.window};
    booking.known_from = known_from;
    return booking;
  }

  DemandForecast const& forecast_;
  std::vector<double> up_to_;
  double total_ = 0;
  Seconds pickup_service_ = 0, dropoff_service_ = 0;
};

}  // namespace

Seconds wait_after_call(Booking const& inbound) {
  return std::min(longest_wait, inbound.pickup_window.end - inbound.pickup_window.start);
}

CallForecast call_forecast(Situation const& situation, Booking const& inbound) {
  Day const& day = *situation.fleet.day;
  std::int32_t const position = inbound.linked == 0 ? -1 : day.booking_position(inbound.linked);
  Seconds const usual = day.forecast.call_after;
  double const spread = day.forecast.call_spread;
  if (position < 0) return {inbound.pickup_window.start - usual, usual, std::min(spread, booked_spread)};
  Booking const& outbound = day.bookings[static_cast<std::size_t>(position)];
  BookingState const& state = situation.fleet.bookings[static_cast<std::size_t>(position)];
  Seconds appointment = outbound.dropoff_window.end < never ? outbound.dropoff_window.end : outbound.pickup_window.end;
  Seconds const booked = inbound.pickup_window.start - appointment;
  // Who arrives late for the appointment leaves it late.
  if (state.dropped_off < never) appointment = std::max(appointment, state.dropped_off);
  return booked > 0 ? CallForecast{appointment, booked, std::min(spread, booked_spread)}
                    : CallForecast{appointment, usual, spread};
}

double CallStillToCome::unconditional(Seconds moment) const {
  if (moment <= stay_.from) return 1;
  double const z =
      std::log(static_cast<double>(moment - stay_.from) / static_cast<double>(std::max<Seconds>(1, stay_.median))) /
      std::max(0.05, stay_.spread);
  return 0.5 * std::erfc(z / std::sqrt(2.0));
}

std::vector<Booking> sample_future(Situation const& situation, Seconds until, Rng rng) {
  Day const& day = *situation.fleet.day;
  FleetSnapshot const& fleet = situation.fleet;
  std::vector<Booking> future;
  for (std::size_t b = 0; b < day.bookings.size(); ++b) {
    Booking const& booking = day.bookings[b];
    bool const waited_for = booking.booking_class == BookingClass::will_call && fleet.bookings[b].known &&
                            !fleet.bookings[b].ready && fleet.bookings[b].status == BookingStatus::pending;
    if (!waited_for) continue;
    // Each patient's own stream: who is waited for does not depend on who else is.
    Rng coin = rng.stream(Purpose::futures, static_cast<std::uint64_t>(booking.id));
    Seconds const call = sample_call(situation, booking, coin);
    if (call <= until) future.push_back(called(booking, call));
  }
  NewClients(day).sample(fleet.now, until, rng, future);
  std::ranges::stable_sort(future, {}, &Booking::known_from);
  return future;
}

}  // namespace regulus::dispatch
