#include "domain/objective.h"

#include <array>
#include <cmath>

namespace regulus {

namespace {

// a × b / c to the nearest whole number, halves up; a, b >= 0, c > 0.
Cents scaled(std::int64_t a, std::int64_t b, std::int64_t c) {
  __extension__ using Wide = __int128;
  return static_cast<Cents>((static_cast<Wide>(a) * b * 2 + c) / (2 * static_cast<Wide>(c)));
}

constexpr std::array all_classes = {BookingClass::outbound, BookingClass::inbound, BookingClass::will_call,
                                    BookingClass::on_demand};
constexpr std::array all_types = {DriverType::regular, DriverType::occasional, DriverType::emergency};

}  // namespace

int ObjectiveWeights::hour_rate(DriverType type) const {
  switch (type) {
    case DriverType::regular:
      return regular_hour;
    case DriverType::occasional:
      return occasional_hour;
    case DriverType::emergency:
      return emergency_hour;
  }
  return 0;
}

int ObjectiveWeights::call_out(DriverType type) const {
  switch (type) {
    case DriverType::regular:
      return 0;
    case DriverType::occasional:
      return occasional_call_out;
    case DriverType::emergency:
      return emergency_call_out;
  }
  return 0;
}

int ObjectiveWeights::late_minute(BookingClass c) const {
  switch (c) {
    case BookingClass::outbound:
      return late_outbound;
    case BookingClass::inbound:
      return late_inbound;
    case BookingClass::will_call:
      return late_will_call;
    case BookingClass::on_demand:
      return late_on_demand;
  }
  return 0;
}

Seconds ObjectiveWeights::tolerated(BookingClass c) const {
  switch (c) {
    case BookingClass::outbound:
      return tolerated_outbound;
    case BookingClass::inbound:
      return tolerated_inbound;
    case BookingClass::will_call:
      return tolerated_will_call;
    case BookingClass::on_demand:
      return tolerated_on_demand;
  }
  return 0;
}

Seconds ObjectiveWeights::max_late(BookingClass c) const {
  switch (c) {
    case BookingClass::outbound:
      return max_late_outbound;
    case BookingClass::inbound:
      return max_late_inbound;
    case BookingClass::will_call:
      return max_late_will_call;
    case BookingClass::on_demand:
      return max_late_on_demand;
  }
  return 0;
}

int ObjectiveWeights::unserved(BookingClass c) const {
  switch (c) {
    case BookingClass::outbound:
      return unserved_outbound;
    case BookingClass::inbound:
      return unserved_inbound;
    case BookingClass::will_call:
      return unserved_will_call;
    case BookingClass::on_demand:
      return unserved_on_demand;
  }
  return 0;
}

Cost cost_of(Totals const& totals, ObjectiveWeights const& weights) {
  Cost cost;
  cost.driving = scaled(totals.driven, weights.km, 1'000);
  for (DriverType type : all_types) {
    auto const t = static_cast<std::size_t>(type);
    cost.paid_time += scaled(totals.paid[t], weights.hour_rate(type), one_hour);
    cost.paid_time += totals.called_out[t] * weights.call_out(type);
  }
  cost.paid_time += scaled(totals.overtime, weights.overtime_hour, one_hour);
  for (BookingClass c : all_classes) {
    cost.lateness += scaled(totals.late[static_cast<std::size_t>(c)], weights.late_minute(c), one_minute);
  }
  cost.excess_ride = scaled(totals.excess_ride, weights.excess_ride, one_minute);
  cost.unserved = totals.unserved_cents;
  cost.partner = totals.partner_cents;
  cost.promises =
      totals.changed_drivers * weights.change_driver + scaled(totals.moved_promises, weights.change_minute, one_minute);
  cost.matching =
      totals.unpreferred * weights.unpreferred_driver + totals.other_return_driver * weights.other_return_driver;
  // Σ (n - mean)² = Σ n² - (Σ n)² / drivers
  if (totals.drivers > 0) {
    cost.unfairness =
        scaled(totals.squared_trips * totals.drivers - totals.trips * totals.trips, weights.unfair, totals.drivers);
  }
  return cost;
}

Cents dearest_ride(ObjectiveWeights const& weights, Metres longest, Seconds longest_shift, std::int64_t bookings) {
  Cents dearest_hour = 0, dearest_call = 0;
  for (DriverType type : all_types) {
    dearest_hour = std::max<Cents>(dearest_hour, weights.hour_rate(type));
    dearest_call = std::max<Cents>(dearest_call, weights.call_out(type));
  }
  // Each end of the ride lies between two stops: two new legs each for at most one that is spared.
  Cents const driving = scaled(4 * longest, weights.km, 1'000);
  Cents const paid = scaled(longest_shift, dearest_hour + weights.overtime_hour, one_hour) + dearest_call;
  Cents const ride = scaled(longest_shift, weights.excess_ride, one_minute);
  // One more trip for somebody with n - 1 of them and a mean of nothing adds n² - (n - 1)² < 2n squared trips.
  Cents const unfair = 2 * bookings * weights.unfair;
  return driving + paid + ride + weights.change_driver + weights.unpreferred_driver + weights.other_return_driver +
         unfair;
}

Cents unserved_price(ObjectiveWeights const& weights, Booking const& booking, Cents dearest) {
  double const factor = 1 + weights.priority_factor * (booking.priority - 1);
  return dearest + 1 + std::llround(weights.unserved(booking.booking_class) * factor);
}

Cents partner_price(ObjectiveWeights const& weights, Booking const& booking, Metres direct) {
  bool const special = booking.seats[SeatKind::wheelchair] > 0 || booking.seats[SeatKind::stretcher] > 0;
  return weights.partner_base + scaled(direct, weights.partner_km, 1'000) + (special ? weights.partner_wheelchair : 0);
}

}  // namespace regulus
