// A rural service, invented: everything is far away, drivers begin at home, and a partner takes what is left.
#include "sim/families/families.h"

namespace regulus::sim {

DemandConfig valley() {
  DemandConfig c;
  c.clients = {.company = 29, .visits = 36, .regulars = 20, .regular_days = 4, .attendance = 0.85, .pool = 600};
  c.trips.on_demand = 0.1;
  c.trips.round_trips = 0.8;
  c.trips.returns_only = 0.05;
  c.trips.will_calls = 0.3;
  c.trips.hours = {0, 0, 0, 0, 0, 0, 20, 70, 150, 180, 130, 70, 60, 120, 110, 60, 20, 10, 0, 0, 0, 0, 0, 0};
  c.trips.gap_minutes = {60, 100, 150, 200, 240, 300, 360};
  c.geography = {.latitude = 46.25,
                 .longitude = 7.45,
                 .radius_km = 26,
                 .speed = 1.7,
                 .facilities = 5,
                 .to_facility = 0.85,
                 .trip_metres = {1'000, 5'000, 8'000, 11'000, 14'000, 17'000, 20'000, 24'000, 29'000, 35'000, 48'000}};
  c.needs = {.wheelchair = 0.15,
             .stretcher = 0.01,
             .companion = 0.15,
             .skilled = 0.05,
             .exclusive = 0.03,
             .preferring = 0.3,
             .priorities = {80, 12, 5, 2, 1}};
  c.service.pickup_window = 45;
  c.service.on_demand_window = 40;
  c.notice = {.same_day = 0.25, .notice_minutes = {60, 120, 180, 300}};
  c.fleet = {.shifts = {0, 390, 930, 2, 0, 450, 990, 3, 0, 570, 1'140, 2, 1, 480, 1'020, 2, 2, 420, 1'140, 1},
             .occasional_present = 0.8,
             .vans = 0.4,
             .stretcher_vans = 0.3,
             .trained = 0.5,
             .from_home = 0.8,
             .partner_rides = 6};
  return c;
}

}  // namespace regulus::sim
