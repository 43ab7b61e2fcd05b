#include "domain/kpi.h"

#include <algorithm>

#include "core/check.h"
#include "core/stats.h"
#include "domain/leg_hours.h"

namespace regulus {

namespace {

enum class End : std::uint8_t { served, partner, unserved, cancelled, no_show };

// What a booking came to. Whatever is not over when the day is, nobody has served.
End end_of(BookingState const& state) {
  switch (state.status) {
    case BookingStatus::completed:
      return End::served;
    case BookingStatus::partner:
      return End::partner;
    case BookingStatus::cancelled:
      return End::cancelled;
    case BookingStatus::no_show:
      return End::no_show;
    case BookingStatus::pending:
    case BookingStatus::assigned:
    case BookingStatus::en_route:
    case BookingStatus::waiting:
    case BookingStatus::on_board:
    case BookingStatus::unserved:
      return End::unserved;
  }
  return End::unserved;
}

Seconds beyond(Seconds moment, Seconds end) { return std::max<Seconds>(0, moment - end); }

// How late a ride was at its two ends, beyond the windows and `tolerated` more.
struct Lateness {
  Seconds pickup, dropoff;
};
Lateness lateness_of(BookingState const& state, Seconds tolerated) {
  return {beyond(state.picked_up, state.pickup_window.end + tolerated),
          beyond(state.dropped_off, state.dropoff_window.end + tolerated)};
}

Leg direct_ride(Booking const& booking, BookingState const& state, TravelTimes const& times) {
  return leg_hours(booking, state.pickup_window, state.dropoff_window, times).direct;
}

std::vector<std::int64_t> trips_by_driver(Day const& day, Outcome const& outcome) {
  std::vector<std::int64_t> trips(day.drivers.size());
  for (BookingState const& state : outcome.bookings) {
    if (end_of(state) != End::served) continue;
    std::int32_t const driver = day.driver_position(state.driver);
    REGULUS_CHECK(driver >= 0 && "a ride that was served was served by one of the day's drivers");
    ++trips[static_cast<std::size_t>(driver)];
  }
  return trips;
}

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

Totals totals_of(Day const& day, TravelTimes const& times, Outcome const& outcome) {
  REGULUS_CHECK(outcome.bookings.size() == day.bookings.size() && outcome.drivers.size() == day.drivers.size());
  Totals totals;
  for (std::size_t i = 0; i < day.drivers.size(); ++i) {
    Driver const& driver = day.drivers[i];
    DriverOutcome const& did = outcome.drivers[i];
    if (did.left == never) continue;
    auto const type = static_cast<std::size_t>(driver.type);
    totals.driven += did.driven;
    totals.paid[type] += did.back - did.left;
    totals.called_out[type] += 1;
    totals.overtime += beyond(did.back, driver.shift.end);
  }

  Cents const dearest = dearest_ride(day);
  for (std::size_t i = 0; i < day.bookings.size(); ++i) {
    Booking const& booking = day.bookings[i];
    BookingState const& state = outcome.bookings[i];
    switch (end_of(state)) {
      case End::served: {
        Lateness const late = lateness_of(state, day.weights.tolerated(booking.booking_class));
        totals.late[static_cast<std::size_t>(booking.booking_class)] += late.pickup + late.dropoff;
        totals.excess_ride += beyond(state.dropped_off - state.boarded, direct_ride(booking, state, times).seconds);
        if (!booking.preferred.empty() && std::ranges::find(booking.preferred, state.driver) == booking.preferred.end())
          ++totals.unpreferred;
        if (std::int32_t const outbound = day.booking_position(booking.linked); outbound >= 0) {
          BookingState const& first = outcome.bookings[static_cast<std::size_t>(outbound)];
          if (end_of(first) == End::served && first.driver != state.driver) ++totals.other_return_driver;
        }
        break;
      }
      case End::partner:
        totals.partner_cents += partner_price(day.weights, booking, direct_ride(booking, state, times).metres);
        break;
      case End::unserved:
        totals.unserved_cents += unserved_price(day.weights, booking, dearest);
        break;
      case End::cancelled:
      case End::no_show:
        break;
    }
  }

  totals.changed_drivers = outcome.changed_drivers;
  totals.moved_promises = outcome.moved_promises;
  totals.drivers = static_cast<std::int64_t>(day.drivers.size());
  for (std::int64_t const trips : trips_by_driver(day, outcome)) {
    totals.trips += trips;
    totals.squared_trips += trips * trips;
  }
  return totals;
}

Kpi kpi_of(Day const& day, TravelTimes const& times, Outcome const& outcome) {
  Totals const totals = totals_of(day, times, outcome);
  Kpi kpi;
  kpi.cost = cost_of(totals, day.weights);
  kpi.late = totals.late;
  kpi.requested = static_cast<std::int64_t>(day.bookings.size());
  std::vector<double> late_minutes, ride_ratios, wait_minutes;
  std::int64_t promised = 0;
  for (std::size_t i = 0; i < day.bookings.size(); ++i) {
    Booking const& booking = day.bookings[i];
    BookingState const& state = outcome.bookings[i];
    promised += state.promised_driver != 0;
    switch (end_of(state)) {
      case End::served: {
        ++kpi.served;
        Lateness const untolerated = lateness_of(state, day.weights.tolerated(booking.booking_class));
        kpi.on_time += untolerated.pickup == 0 && untolerated.dropoff == 0;
        Lateness const late = lateness_of(state, 0);
        late_minutes.push_back(static_cast<double>(std::max(late.pickup, late.dropoff)) / 60);
        if (Seconds const direct = direct_ride(booking, state, times).seconds; direct > 0) {
          ride_ratios.push_back(static_cast<double>(state.dropped_off - state.boarded) / static_cast<double>(direct));
        }
        // A ride that is pinned by its appointment alone has no moment from which its passenger waits.
        if (state.pickup_window.end != never) {
          wait_minutes.push_back(static_cast<double>(state.picked_up - state.pickup_window.start) / 60);
        }
        break;
      }
      case End::partner:
        ++kpi.partner;
        break;
      case End::unserved:
        ++kpi.unserved;
        break;
      case End::cancelled:
        ++kpi.cancelled;
        break;
      case End::no_show:
        ++kpi.no_show;
        break;
    }
  }
  kpi.mean_late_minutes = mean(late_minutes);
  kpi.p95_late_minutes = late_minutes.empty() ? 0 : quantile(late_minutes, 0.95);
  kpi.mean_ride_ratio = mean(ride_ratios);
  kpi.mean_wait_minutes = mean(wait_minutes);

  Metres empty = 0;
  Seconds paid = 0;
  std::int64_t used = 0;
  for (DriverOutcome const& did : outcome.drivers) {
    if (did.left == never) continue;
    empty += did.driven_empty;
    paid += did.back - did.left;
    ++used;
  }
  kpi.driven_km = static_cast<double>(totals.driven) / 1'000;
  kpi.empty_share = share(static_cast<double>(empty), static_cast<double>(totals.driven));
  kpi.rides_per_paid_hour = share(static_cast<double>(kpi.served), static_cast<double>(paid) / one_hour);
  kpi.drivers_used = static_cast<double>(used);
  if (auto const trips = trips_by_driver(day, outcome); !trips.empty()) {
    kpi.most_trips = std::ranges::max(trips);
    kpi.fewest_trips = std::ranges::min(trips);
  }
  kpi.changed_promises = share(static_cast<double>(outcome.changed_drivers), static_cast<double>(promised));
  return kpi;
}

Json to_json(Cost const& cost) {
  return Json::object({{"driving", cost.driving},
                       {"paid_time", cost.paid_time},
                       {"lateness", cost.lateness},
                       {"excess_ride", cost.excess_ride},
                       {"unserved", cost.unserved},
                       {"partner", cost.partner},
                       {"promises", cost.promises},
                       {"matching", cost.matching},
                       {"unfairness", cost.unfairness},
                       {"total", cost.total()}});
}

Json by_class_json(std::array<double, booking_classes> const& numbers) {
  Json json = Json::object();
  auto const names = enum_names(BookingClass{});
  for (std::size_t i = 0; i < booking_classes; ++i) json[names[i]] = numbers[i];
  return json;
}

Json to_json(Kpi const& kpi) {
  std::array<double, booking_classes> late_minutes{};
  for (std::size_t i = 0; i < booking_classes; ++i) late_minutes[i] = static_cast<double>(kpi.late[i]) / 60;
  auto const wanted = static_cast<double>(kpi.requested - kpi.cancelled);
  return Json::object({{"cost_cents", to_json(kpi.cost)},
                       {"requested", kpi.requested},
                       {"served", kpi.served},
                       {"partner", kpi.partner},
                       {"unserved", kpi.unserved},
                       {"cancelled", kpi.cancelled},
                       {"no_show", kpi.no_show},
                       {"on_time", kpi.on_time},
                       {"served_share", share(static_cast<double>(kpi.served), wanted)},
                       {"on_time_share", share(static_cast<double>(kpi.on_time), wanted)},
                       {"mean_late_minutes", kpi.mean_late_minutes},
                       {"p95_late_minutes", kpi.p95_late_minutes},
                       {"late_minutes_by_class", by_class_json(late_minutes)},
                       {"mean_ride_ratio", kpi.mean_ride_ratio},
                       {"mean_wait_minutes", kpi.mean_wait_minutes},
                       {"driven_km", kpi.driven_km},
                       {"empty_share_of_km", kpi.empty_share},
                       {"rides_per_paid_hour", kpi.rides_per_paid_hour},
                       {"drivers_used", kpi.drivers_used},
                       {"most_trips", kpi.most_trips},
                       {"fewest_trips", kpi.fewest_trips},
                       {"changed_share_of_promises", kpi.changed_promises}});
}

}  // namespace regulus
