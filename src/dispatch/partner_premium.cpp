#include "dispatch/partner_premium.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "dispatch/futures.h"
#include "dispatch/instance_of.h"
#include "dispatch/ride.h"
#include "domain/leg_hours.h"

namespace regulus::dispatch {

namespace {

// The rest of the day by the hour, and whether nobody is on duty then.
class Nights {
 public:
  explicit Nights(Situation const& situation) : now_(situation.fleet.now) {
    Day const& day = *situation.fleet.day;
    for (Seconds from = now_; from < end_of_service; from += one_hour) {
      bool on_duty = false;
      for (std::size_t d = 0; d < day.drivers.size() && !on_duty; ++d) {
        Window const& shift = day.drivers[d].shift;
        on_duty = situation.fleet.drivers[d].available && shift.start <= from && from + one_hour <= shift.end;
      }
      nobody_.push_back(!on_duty);
    }
  }

  // The chance of an event to come while nobody is on duty; `after` is its chance to come after a moment.
  template <class After>
  double chance_of(After const& after) const {
    double sum = 0, left = 1;
    for (std::size_t k = 0; k < nobody_.size() && left > 0; ++k) {
      double const next = after(hour(k + 1));
      if (nobody_[k]) sum += left - next;
      left = next;
    }
    return sum;
  }

  // How many new requests are to be expected then, until midnight.
  double requests(DemandForecast const& forecast) const {
    double sum = 0;
    for (std::size_t k = 0; k < nobody_.size() && hour(k) < 24 * one_hour; ++k) {
      if (nobody_[k]) sum += forecast.per_hour[static_cast<std::size_t>(hour_of_day(hour(k)))];
    }
    return sum;
  }

 private:
  Seconds hour(std::size_t k) const { return now_ + static_cast<Seconds>(k) * one_hour; }

  Seconds now_;
  std::vector<bool> nobody_;  // by hour from now on
};

}  // namespace

double chance_of_at_least(int count, std::span<double const> events, double poisson_mean) {
  if (count <= 0) return 1;
  // The chances of 0 to count - 1; what leaves this range does not come back.
  auto const n = static_cast<std::size_t>(count);
  std::vector<double> fewer(n);
  double term = std::exp(-poisson_mean);
  for (std::size_t k = 0; k < n; ++k) {
    fewer[k] = term;
    term *= poisson_mean / static_cast<double>(k + 1);
  }
  for (double const p : events) {
    for (std::size_t k = n; k-- > 0;) fewer[k] = fewer[k] * (1 - p) + (k > 0 ? fewer[k - 1] * p : 0);
  }
  double sum = 0;
  for (double const p : fewer) sum += p;
  return std::clamp(1 - sum, 0.0, 1.0);
}

schedule::Money partner_premium(Situation const& situation) {
  FleetSnapshot const& fleet = situation.fleet;
  if (fleet.partner_left <= 0) return 0;
  Day const& day = *fleet.day;
  Cents const dearest = dearest_ride(day);
  Nights const nights(situation);
  std::vector<double> needs;
  double expected = 0, worth = 0;
  auto const count = [&](Booking const& booking, Metres direct, double chance) {
    Cents const saved = unserved_price(day.weights, booking, dearest) - partner_price(day.weights, booking, direct);
    worth += chance * static_cast<double>(std::max<Cents>(0, saved));
    expected += chance;
  };

  // Step 1. Patients who will call.
  for (std::size_t b = 0; b < day.bookings.size(); ++b) {
    Booking const& booking = day.bookings[b];
    BookingState const& state = fleet.bookings[b];
    bool const waits = booking.booking_class == BookingClass::will_call && state.known && !state.ready &&
                       state.status == BookingStatus::pending;
    bool const in_time = wait_after_call(booking) >= day.partner.notice;
    if (!waits || !in_time || !partner_takes(situation, static_cast<std::int32_t>(b))) continue;
    CallStillToCome const call(call_forecast(situation, booking), fleet.now);
    double const chance = nights.chance_of([&](Seconds moment) { return call.after(moment); });
    needs.push_back(chance);
    count(booking, leg_hours(booking, state.pickup_window, state.dropoff_window, situation.times).direct.metres,
          chance);
  }

  // Step 2. New requests.
  bool const in_time = day.forecast.lead + day.forecast.window >= day.partner.notice;
  double const new_requests = in_time ? nights.requests(day.forecast) : 0;
  Booking ordinary;
  ordinary.booking_class = BookingClass::on_demand;
  if (new_requests > 0) count(ordinary, 0, new_requests);
  if (expected <= 0) return 0;
  worth /= expected;
  return static_cast<schedule::Money>(
      std::llround(1000 * worth * chance_of_at_least(fleet.partner_left, needs, new_requests)));
}

}  // namespace regulus::dispatch
