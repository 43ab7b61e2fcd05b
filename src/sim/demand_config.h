// The settings of the process that makes days (sim/demand.h). A named family is one set of these.
//
// Three forms recur. Weights are counts whose sum does not matter: 24 of them are hours of the day. Quantiles are at
// least two ascending values, evenly spaced in probability, with straight lines between them: 21 of them are the
// minimum, the 5 % quantile, … and the maximum, which is the form in which benchmarks/demand keeps its distances.
// Everything else is a number, whose unit its help text names. None of this may be tuned: it is the question.
#pragma once

#include <tuple>
#include <vector>

#include "core/fields.h"

namespace regulus::sim {

struct CalendarConfig {
  std::vector<int> weekdays = {1, 1, 1, 1, 1, 0, 0};
  std::vector<int> weekday_percent = {100, 100, 100, 100, 100, 100, 100};
  double day_spread = 0.1;

  static constexpr auto fields() {
    using C = CalendarConfig;
    return std::tuple{
        field(&C::weekdays, "weekdays", "Weights with which a day is a Monday … a Sunday.", range(0, 1'000)),
        field(&C::weekday_percent, "weekday_percent", "Visits on a Monday … a Sunday, in per cent of `visits`.",
              range(0, 1'000)),
        field(&C::day_spread, "day_spread", "Standard deviation of the logarithm of a day's demand.", range(0, 1)),
    };
  }
};
static_assert(describes_every_member<CalendarConfig>());

// A visit is what one client wants of a day: an outbound ride and a return, or a single ride.
struct ClientsConfig {
  int company = 1;
  double visits = 100;
  int regulars = 0;
  double regular_days = 5;
  double attendance = 0.8;
  int pool = 1'000;

  static constexpr auto fields() {
    using C = ClientsConfig;
    return std::tuple{
        field(&C::company, "company", "Seed of places and clients, which are the same on all days of a family."),
        field(&C::visits, "visits", "Mean visits of a day of 100 per cent.", range(0, 20'000)),
        field(&C::regulars, "regulars", "Clients with a standing order.", range(0, 5'000)),
        field(&C::regular_days, "regular_days",
              "Days a week of the busiest regular; the k-th rides k^-0.4 times as often, at least once.", range(1, 5)),
        field(&C::attendance, "attendance", "Chance that a regular rides on a day of the order.", range(0, 1)),
        field(&C::pool, "pool", "All other clients, each as likely as the next.", range(1, 1'000'000)),
    };
  }
};
static_assert(describes_every_member<ClientsConfig>());

struct TripsConfig {
  double on_demand = 0;
  double round_trips = 0.84;
  double returns_only = 0.003;
  double will_calls = 0.5;
  std::vector<int> hours = std::vector<int>(24, 1);
  std::vector<int> minutes = {40, 23, 24, 9, 4};
  std::vector<int> gap_minutes = {60, 255, 450};
  int last_return_hour = 19;

  static constexpr auto fields() {
    using C = TripsConfig;
    return std::tuple{
        field(&C::on_demand, "on_demand", "Share of visits that are one ride, as soon as possible.", range(0, 1)),
        field(&C::round_trips, "round_trips", "Share of the other visits that are there and back.", range(0, 1)),
        field(&C::returns_only, "returns_only", "Share of the other visits that are a ride back only.", range(0, 1)),
        field(&C::will_calls, "will_calls", "Share of returns whose time nobody knows until the client calls.",
              range(0, 1)),
        field(&C::hours, "hours", "Weights of the hours of the first ride's requested pickup.", at_least(0)),
        field(&C::minutes, "minutes", "Weights of a requested minute: :00, :15, :30, :45, another multiple of five.",
              at_least(0)),
        field(&C::gap_minutes, "gap_minutes", "Quantiles of the time from outbound to return pickup, in minutes.",
              range(15, 1'440)),
        field(&C::last_return_hour, "last_return_hour", "No return begins later than this.", range(1, 24)),
    };
  }
};
static_assert(describes_every_member<TripsConfig>());

struct GeographyConfig {
  double latitude = 46.2;
  double longitude = 6.14;
  double radius_km = 10;
  double speed = 1;
  int facilities = 8;
  double to_facility = 0.9;
  std::vector<int> trip_metres = {500, 5'000, 15'000};

  static constexpr auto fields() {
    using C = GeographyConfig;
    return std::tuple{
        field(&C::latitude, "latitude", "Of the town's centre, in degrees.", range(-80, 80)),
        field(&C::longitude, "longitude", "Of the town's centre, in degrees.", range(-180, 180)),
        field(&C::radius_km, "radius_km", "Homes lie within this of the centre where the trip's length allows.",
              range(0.1, 200)),
        field(&C::speed, "speed", "How fast one drives, as a multiple of SpeedProfile's European city.", range(0.3, 4)),
        field(&C::facilities, "facilities",
              "Hospitals, clinics, stations: the k-th attracts k^-0.7 times as many as the first.", range(1, 200)),
        field(&C::to_facility, "to_facility", "Share of rides between a home and a facility; the rest join two homes.",
              range(0, 1)),
        field(&C::trip_metres, "trip_metres", "Quantiles of a trip's great-circle length, in metres.",
              range(0, 200'000)),
    };
  }
};
static_assert(describes_every_member<GeographyConfig>());

struct NeedsConfig {
  double wheelchair = 0.2;
  double stretcher = 0;
  double companion = 0.09;
  double wheelchair_companion = 0.28;
  double skilled = 0;
  double exclusive = 0;
  double preferring = 0;
  std::vector<int> priorities = {1};

  static constexpr auto fields() {
    using C = NeedsConfig;
    return std::tuple{
        field(&C::wheelchair, "wheelchair", "Share of clients who stay in a wheelchair.", range(0, 1)),
        field(&C::stretcher, "stretcher", "Share of clients who lie.", range(0, 1)),
        field(&C::companion, "companion", "Share of the others who bring somebody.", range(0, 1)),
        field(&C::wheelchair_companion, "wheelchair_companion", "Share of those in a wheelchair who bring somebody.",
              range(0, 1)),
        field(&C::skilled, "skilled", "Share of clients who need a trained attendant.", range(0, 1)),
        field(&C::exclusive, "exclusive", "Share of clients who ride alone.", range(0, 1)),
        field(&C::preferring, "preferring", "Share of clients who prefer one of the regular drivers.", range(0, 1)),
        field(&C::priorities, "priorities", "Weights of the priorities 1, 2, …", range(0, 1'000'000)),
    };
  }
};
static_assert(describes_every_member<NeedsConfig>());

struct ServiceConfig {
  int kerb_seconds = 120;
  int facility_seconds = 120;
  int wheelchair_seconds = 180;
  int stretcher_seconds = 480;
  int appointment_window = 45;
  int pickup_window = 30;
  int on_demand_window = 15;
  int pickup_lead = 45;
  int max_ride = 60;
  double max_ride_ratio = 3;

  static constexpr auto fields() {
    using C = ServiceConfig;
    return std::tuple{
        field(&C::kerb_seconds, "kerb_seconds", "Getting in or out of a car, in seconds.", range(0, 3'600)),
        field(&C::facility_seconds, "facility_seconds", "On top at a facility's door, in seconds.", range(0, 3'600)),
        field(&C::wheelchair_seconds, "wheelchair_seconds", "On top with a wheelchair, in seconds.", range(0, 3'600)),
        field(&C::stretcher_seconds, "stretcher_seconds", "On top with a stretcher, in seconds.", range(0, 3'600)),
        field(&C::appointment_window, "appointment_window", "Minutes before the appointment from which one may arrive.",
              range(1, 240)),
        field(&C::pickup_window, "pickup_window", "Minutes that a return may have to wait.", range(1, 240)),
        field(&C::on_demand_window, "on_demand_window", "Minutes that a ride on demand may have to wait.",
              range(1, 240)),
        field(&C::pickup_lead, "pickup_lead",
              "Minutes from the requested pickup to the appointment; more, in quarters, where the ride is longer.",
              range(5, 240)),
        field(&C::max_ride, "max_ride", "Minutes on board that everybody accepts.", range(5, 600)),
        field(&C::max_ride_ratio, "max_ride_ratio",
              "On a ride too long for that: this multiple of the direct one, as a limit of its own.", range(1, 10)),
    };
  }
};
static_assert(describes_every_member<ServiceConfig>());

struct NoticeConfig {
  double same_day = 0.1;
  std::vector<int> notice_minutes = {60, 150, 360};

  static constexpr auto fields() {
    using C = NoticeConfig;
    return std::tuple{
        field(&C::same_day, "same_day", "Share of visits without a standing order that are booked on the day.",
              range(0, 1)),
        field(&C::notice_minutes, "notice_minutes",
              "Quantiles of their notice before the requested pickup, in minutes; on demand there is none.",
              range(0, 1'440)),
    };
  }
};
static_assert(describes_every_member<NoticeConfig>());

// What dispatch does not know.
struct SurprisesConfig {
  double cancelled = 0.1;
  double cancelled_late = 0.455;
  int late_minutes = 120;
  double no_show = 0.021;
  std::vector<int> ready_minutes = {0, 0, 0, 0, 0, 0, 1, 2, 4, 6, 9};
  double call_spread = 0.3;
  double service_spread = 0.25;
  double driver_late = 0.03;
  double driver_sick = 0.005;
  double rush = 0.15;
  double leg_noise = 0.12;

  static constexpr auto fields() {
    using C = SurprisesConfig;
    return std::tuple{
        field(&C::cancelled, "cancelled", "Share of visits that are called off.", range(0, 1)),
        field(&C::cancelled_late, "cancelled_late", "Share of them that are called off late.", range(0, 1)),
        field(&C::late_minutes, "late_minutes", "Late is within this of the requested pickup, in minutes.",
              range(1, 1'440)),
        field(&C::no_show, "no_show", "Share of rides for which nobody comes; the return is then called off.",
              range(0, 1)),
        field(&C::ready_minutes, "ready_minutes",
              "Quantiles of a return's delay at the door, in minutes; beyond ten the driver leaves.", range(0, 240)),
        field(&C::call_spread, "call_spread",
              "Standard deviation of the logarithm of a will-call's stay over the client's usual stay.", range(0, 2)),
        field(&C::service_spread, "service_spread", "Standard deviation of the logarithm of a service time's factor.",
              range(0, 2)),
        field(&C::driver_late, "driver_late", "Chance that a driver starts 5 to 30 minutes late.", range(0, 1)),
        field(&C::driver_sick, "driver_sick", "Chance that a driver goes home sick during the shift.", range(0, 1)),
        field(&C::rush, "rush", "Mean share by which rush hours are slower than dispatch believes.", range(0, 3)),
        field(&C::leg_noise, "leg_noise", "Standard deviation of the logarithm of a leg's duration.", range(0, 1)),
    };
  }
};
static_assert(describes_every_member<SurprisesConfig>());

struct FleetConfig {
  std::vector<int> shifts = {0, 420, 960, 4};
  double occasional_present = 1;
  double emergency_present = 1;
  double vans = 0.3;
  double stretcher_vans = 0;
  double trained = 0.5;
  double from_home = 0;
  int break_minutes = 30;
  int overtime_minutes = 60;
  int partner_rides = 0;

  static constexpr auto fields() {
    using C = FleetConfig;
    return std::tuple{
        field(&C::shifts, "shifts",
              "Fours: type (0 regular, 1 occasional, 2 emergency), start and end in minutes since midnight, drivers.",
              range(0, 2'160)),
        field(&C::occasional_present, "occasional_present", "Chance that an occasional driver is there.", range(0, 1)),
        field(&C::emergency_present, "emergency_present", "Chance that an emergency driver is there.", range(0, 1)),
        field(&C::vans, "vans", "Share of vehicles that take wheelchairs.", range(0, 1)),
        field(&C::stretcher_vans, "stretcher_vans", "Share of vehicles that take a stretcher as well.", range(0, 1)),
        field(&C::trained, "trained", "Share of drivers who are trained attendants.", range(0, 1)),
        field(&C::from_home, "from_home", "Share of drivers whose day starts and ends at home, not at the depot.",
              range(0, 1)),
        field(&C::break_minutes, "break_minutes", "Pause in a shift of more than six hours, in minutes; 0 is none.",
              range(0, 120)),
        field(&C::overtime_minutes, "overtime_minutes", "Overtime that may be planned, in minutes.", range(0, 480)),
        field(&C::partner_rides, "partner_rides", "Rides a day that a partner takes.", range(0, 10'000)),
    };
  }
};
static_assert(describes_every_member<FleetConfig>());

struct DemandConfig {
  CalendarConfig calendar;
  ClientsConfig clients;
  TripsConfig trips;
  GeographyConfig geography;
  NeedsConfig needs;
  ServiceConfig service;
  NoticeConfig notice;
  SurprisesConfig surprises;
  FleetConfig fleet;

  static constexpr auto fields() {
    using C = DemandConfig;
    return std::tuple{
        field(&C::calendar, "calendar", "Which days there are."),
        field(&C::clients, "clients", "Who rides, and how often."),
        field(&C::trips, "trips", "Which rides, and when."),
        field(&C::geography, "geography", "From where to where."),
        field(&C::needs, "needs", "What clients need."),
        field(&C::service, "service", "How long things take, and how long one may wait."),
        field(&C::notice, "notice", "How early dispatch hears of it."),
        field(&C::surprises, "surprises", "What nobody knows in advance."),
        field(&C::fleet, "fleet", "Who drives."),
    };
  }
};
static_assert(describes_every_member<DemandConfig>());

}  // namespace regulus::sim
