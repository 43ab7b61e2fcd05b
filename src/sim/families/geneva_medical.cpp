// A small company of medical transport, calibrated to the aggregates of its 215 operating days of 2025: visits and
// rides a day, hours of outbound pickups, round minutes, lengths, and how much of it the ten busiest clients are
// (docs/scenarios.md has the figures). Clients ask for 9 or 13 o'clock; most returns have no time until they call.
#include "sim/families/families.h"

namespace regulus::sim {

DemandConfig geneva_medical() {
  DemandConfig c;
  c.calendar = {
      .weekdays = {20, 20, 21, 22, 20, 3, 2}, .weekday_percent = {112, 92, 103, 110, 98, 33, 31}, .day_spread = 0.3};
  c.clients = {.company = 262, .visits = 10.7, .regulars = 14, .regular_days = 5, .attendance = 0.8, .pool = 1'000};
  c.trips.round_trips = 0.839;
  c.trips.returns_only = 0.003;
  c.trips.will_calls = 0.7;
  c.trips.hours = {0, 0, 0, 0, 0, 0, 3, 23, 55, 207, 136, 68, 60, 213, 123, 75, 26, 8, 3, 0, 0, 0, 0, 0};
  c.trips.gap_minutes = {75, 130, 190, 245, 280, 320, 370, 415, 435, 455, 480};
  c.trips.last_return_hour = 18;
  c.geography = {.latitude = 46.2044,
                 .longitude = 6.1432,
                 .radius_km = 9,
                 .facilities = 10,
                 .to_facility = 0.92,
                 .trip_metres = {500,   1'100, 1'500, 1'800, 2'150,  2'500,  2'900,  3'300,  3'750,  4'250, 4'800,
                                 5'700, 6'900, 8'200, 9'500, 10'600, 10'900, 11'200, 11'500, 12'600, 16'000}};
  c.needs = {.wheelchair = 0.15,
             .stretcher = 0.01,
             .companion = 0.1,
             .wheelchair_companion = 0.28,
             .skilled = 0.1,
             .exclusive = 0.15,
             .preferring = 0.25,
             .priorities = {84, 8, 4, 3, 1}};
  c.service = {.kerb_seconds = 180, .facility_seconds = 180};
  // Three regular drivers, one who comes on most days, and the owner, who drives when nobody else can.
  c.fleet = {.shifts = {0, 420, 960, 1, 0, 480, 1'020, 1, 0, 570, 1'110, 1, 1, 480, 1'080, 1, 2, 420, 1'140, 1},
             .occasional_present = 0.7,
             .emergency_present = 0.8,
             .vans = 0.5,
             .stretcher_vans = 0.5,
             .trained = 0.6,
             .from_home = 0.4,
             .partner_rides = 2};
  return c;
}

DemandConfig geneva_medical_scarce() {
  DemandConfig c = geneva_medical();
  c.fleet.shifts = {0, 420, 960, 1, 0, 540, 1'080, 1, 1, 480, 1'080, 1};
  c.fleet.vans = 0.67;
  c.fleet.partner_rides = 0;
  return c;
}

DemandConfig geneva_medical_tight() {
  DemandConfig c = geneva_medical();
  c.service.appointment_window = 20;
  c.service.pickup_window = 15;
  c.service.max_ride = 40;
  return c;
}

DemandConfig geneva_medical_late_notice() {
  DemandConfig c = geneva_medical();
  c.notice = {.same_day = 1, .notice_minutes = {45, 60, 90, 120, 240}};
  return c;
}

DemandConfig geneva_medical_traffic() {
  DemandConfig c = geneva_medical();
  c.surprises.rush = 0.6;
  c.surprises.leg_noise = 0.3;
  return c;
}

DemandConfig geneva_medical_will_call() {
  DemandConfig c = geneva_medical();
  c.trips.will_calls = 1;
  c.surprises.call_spread = 0.6;
  return c;
}

}  // namespace regulus::sim
