// What a day costs, in cents. Every policy minimises it, every report prints it, every checker adds it up again: there
// is no second measure of quality.
//
// The weights are settings like any other and live in one versioned file (`regulus config print --scenario …`,
// key "objective"). Costs are linear in what was driven, paid and suffered, so the optimiser uses the same numbers per
// second and per metre, in thousandths of a cent (schedule/instance.h), and the report rounds each component once.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <tuple>

#include "core/fields.h"
#include "domain/fleet.h"
#include "domain/units.h"

namespace regulus {

struct ObjectiveWeights {
  int version = 1;
  int km = 70;               // cents for each kilometre driven
  int regular_hour = 3'200;  // cents for each hour between leaving the start place and being back
  int occasional_hour = 3'600;
  int emergency_hour = 4'200;
  int occasional_call_out = 1'000;  // cents for each day on which such a driver is used at all
  int emergency_call_out = 3'000;
  int overtime_hour = 2'000;  // on top, for each hour after the end of the shift
  int late_outbound = 300;    // cents for each minute after a window's end
  int late_inbound = 80;
  int late_will_call = 80;
  int late_on_demand = 100;
  int tolerated_outbound = 0;  // seconds after a window's end that cost nothing
  int tolerated_inbound = 900;
  int tolerated_will_call = 900;
  int tolerated_on_demand = 300;
  int max_late_outbound = 900;  // seconds after a window's end that may still be planned
  int max_late_inbound = 2'700;
  int max_late_will_call = 3'600;
  int max_late_on_demand = 1'800;
  int excess_ride = 25;            // cents for each minute on board beyond the direct ride
  int unserved_outbound = 20'000;  // cents, on top of the dearest feasible ride of the day
  int unserved_inbound = 15'000;
  int unserved_will_call = 15'000;
  int unserved_on_demand = 5'000;
  double priority_factor = 0.5;    // each step of priority above 1 adds this share
  int partner_base = 4'500;        // cents for a ride given to a partner
  int partner_km = 420;            // and for each kilometre of it
  int partner_wheelchair = 3'000;  // on top, when anybody needs more than a seat
  int change_driver = 800;         // another driver than the promised one
  int change_minute = 60;          // each minute by which the promised pickup moves beyond the first five
  int unpreferred_driver = 300;    // a preferred driver exists and another one comes
  int other_return_driver = 400;   // the return is driven by somebody else than the outbound leg
  int unfair = 60;                 // cents for each squared trip of a driver's distance from the mean load

  static constexpr auto fields() {
    using W = ObjectiveWeights;
    constexpr Range money = range(0, 10'000'000);
    return std::tuple{
        field(&W::version, "version", "Version of the meaning of these weights.", range(1, 1)),
        field(&W::km, "km", "Cents for each kilometre driven.", money),
        field(&W::regular_hour, "regular_hour", "Cents for each paid hour of a regular driver.", money),
        field(&W::occasional_hour, "occasional_hour", "Cents for each paid hour of an occasional driver.", money),
        field(&W::emergency_hour, "emergency_hour", "Cents for each paid hour of an emergency driver.", money),
        field(&W::occasional_call_out, "occasional_call_out", "Cents for using an occasional driver at all.", money),
        field(&W::emergency_call_out, "emergency_call_out", "Cents for using an emergency driver at all.", money),
        field(&W::overtime_hour, "overtime_hour", "Cents on top for each hour after the shift.", money),
        field(&W::late_outbound, "late_outbound", "Cents for each minute late, outbound.", money),
        field(&W::late_inbound, "late_inbound", "Cents for each minute late, inbound.", money),
        field(&W::late_will_call, "late_will_call", "Cents for each minute late, will-call.", money),
        field(&W::late_on_demand, "late_on_demand", "Cents for each minute late, on demand.", money),
        field(&W::tolerated_outbound, "tolerated_outbound", "Seconds late that cost nothing, outbound.", money),
        field(&W::tolerated_inbound, "tolerated_inbound", "Seconds late that cost nothing, inbound.", money),
        field(&W::tolerated_will_call, "tolerated_will_call", "Seconds late that cost nothing, will-call.", money),
        field(&W::tolerated_on_demand, "tolerated_on_demand", "Seconds late that cost nothing, on demand.", money),
        field(&W::max_late_outbound, "max_late_outbound", "Seconds late that may be planned, outbound.", money),
        field(&W::max_late_inbound, "max_late_inbound", "Seconds late that may be planned, inbound.", money),
        field(&W::max_late_will_call, "max_late_will_call", "Seconds late that may be planned, will-call.", money),
        field(&W::max_late_on_demand, "max_late_on_demand", "Seconds late that may be planned, on demand.", money),
        field(&W::excess_ride, "excess_ride", "Cents for each minute on board beyond the direct ride.", money),
        field(&W::unserved_outbound, "unserved_outbound", "Cents for an unserved outbound ride.", money),
        field(&W::unserved_inbound, "unserved_inbound", "Cents for an unserved inbound ride.", money),
        field(&W::unserved_will_call, "unserved_will_call", "Cents for an unserved will-call return.", money),
        field(&W::unserved_on_demand, "unserved_on_demand", "Cents for an unserved ride on demand.", money),
        field(&W::priority_factor, "priority_factor", "Share added by each step of priority above 1.", range(0, 10)),
        field(&W::partner_base, "partner_base", "Cents for a ride given to a partner.", money),
        field(&W::partner_km, "partner_km", "Cents for each kilometre of a partner's ride.", money),
        field(&W::partner_wheelchair, "partner_wheelchair", "Cents on top for a wheelchair or stretcher.", money),
        field(&W::change_driver, "change_driver", "Cents for changing a promised driver.", money),
        field(&W::change_minute, "change_minute", "Cents for each minute a promise moves beyond five.", money),
        field(&W::unpreferred_driver, "unpreferred_driver", "Cents when no preferred driver comes.", money),
        field(&W::other_return_driver, "other_return_driver", "Cents when the return has another driver.", money),
        field(&W::unfair, "unfair", "Cents for each squared trip from the mean load of drivers on duty.", money),
    };
  }
  int hour_rate(DriverType type) const;   // cents
  int call_out(DriverType type) const;    // cents
  int late_minute(BookingClass c) const;  // cents
  Seconds tolerated(BookingClass c) const;
  Seconds max_late(BookingClass c) const;
  int unserved(BookingClass c) const;  // cents
  friend bool operator==(ObjectiveWeights const&, ObjectiveWeights const&) = default;
};
static_assert(describes_every_member<ObjectiveWeights>());

// What a day amounted to, in the units in which it happened. Sums of whole numbers: their order does not matter.
struct Totals {
  Metres driven = 0;
  std::array<Seconds, 3> paid{};             // by DriverType
  std::array<std::int64_t, 3> called_out{};  // drivers used, by DriverType
  Seconds overtime = 0;
  std::array<Seconds, booking_classes> late{};  // beyond what is tolerated
  Seconds excess_ride = 0;
  std::int64_t unserved_cents = 0;  // Σ unserved_price
  std::int64_t partner_cents = 0;   // Σ partner_price
  std::int64_t changed_drivers = 0;
  Seconds moved_promises = 0;  // beyond five minutes each
  std::int64_t unpreferred = 0;
  std::int64_t other_return_driver = 0;
  std::int64_t trips = 0;          // rides served by own drivers
  std::int64_t squared_trips = 0;  // Σ over drivers on duty of trips²
  std::int64_t drivers = 0;        // on duty
};

// Each component rounded to the cent once; total is their sum.
struct Cost {
  Cents driving = 0, paid_time = 0, lateness = 0, excess_ride = 0, unserved = 0, partner = 0, promises = 0,
        matching = 0, unfairness = 0;
  Cents total() const {
    return driving + paid_time + lateness + excess_ride + unserved + partner + promises + matching + unfairness;
  }
  friend bool operator==(Cost const&, Cost const&) = default;
};
Cost cost_of(Totals const& totals, ObjectiveWeights const& weights);

// An upper bound of what serving one ride inside its windows can add to the cost of a day whose places are at most
// `longest` apart: four legs driven, the paid time of a whole shift with overtime, its call-out, the ride's own
// excess, every preference ignored and the unfairest driver of a day of `bookings`. Refusing costs more than this
// (unserved_price), so refusing a ride is always dearer than serving it feasibly.
Cents dearest_ride(ObjectiveWeights const& weights, Metres longest, Seconds longest_shift, std::int64_t bookings);
Cents unserved_price(ObjectiveWeights const& weights, Booking const& booking, Cents dearest);
Cents partner_price(ObjectiveWeights const& weights, Booking const& booking, Metres direct);

}  // namespace regulus
