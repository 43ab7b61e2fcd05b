// Everything at once, invented: 5,000 bookings and 200 drivers, for measuring speed.
#include "sim/families/families.h"

namespace regulus::sim {

DemandConfig big_city() {
  DemandConfig c;
  c.calendar.day_spread = 0.02;
  c.clients = {
      .company = 41, .visits = 3'400, .regulars = 1'500, .regular_days = 5, .attendance = 0.8, .pool = 100'000};
  c.trips.on_demand = 0.35;
  c.trips.round_trips = 0.75;
  c.trips.returns_only = 0.02;
  c.trips.will_calls = 0.2;
  c.trips.hours = {0, 0, 0, 0, 5, 15, 45, 80, 100, 105, 85, 60, 60, 75, 75, 60, 55, 60, 45, 25, 20, 15, 10, 5};
  c.trips.gap_minutes = {60, 105, 150, 185, 220, 250, 285, 325, 370, 420, 480};
  c.geography = {.latitude = 48.86,
                 .longitude = 2.35,
                 .radius_km = 9,
                 .facilities = 40,
                 .to_facility = 0.7,
                 .trip_metres = {300, 900, 1'400, 1'900, 2'400, 2'900, 3'500, 4'200, 5'100, 6'500, 12'000}};
  c.needs = {.wheelchair = 0.12,
             .stretcher = 0.002,
             .companion = 0.12,
             .wheelchair_companion = 0.28,
             .skilled = 0.05,
             .exclusive = 0.05,
             .preferring = 0.02,
             .priorities = {90, 6, 3, 1}};
  c.service.kerb_seconds = 75;
  c.service.facility_seconds = 60;
  c.service.wheelchair_seconds = 120;
  c.notice = {.same_day = 0.3, .notice_minutes = {45, 90, 150, 240, 360}};
  c.fleet = {.shifts = {0, 300, 840, 30, 0, 390, 930, 50, 0, 480, 1'020, 50, 0, 630, 1'170, 40, 0, 840, 1'440, 30},
             .vans = 0.4,
             .stretcher_vans = 0.1,
             .trained = 0.4,
             .from_home = 0.3};
  return c;
}

}  // namespace regulus::sim
