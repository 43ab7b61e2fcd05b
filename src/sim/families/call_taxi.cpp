// A metropolis's call taxis for the disabled, around the clock. Hours, lengths and shifts are those of one day in
// Seoul: benchmarks/demand/seoul_*.csv (shifts that cross midnight are two there, and here). The source does not say
// who sits in a wheelchair: 60 % is assumed. The longest trip is 30 km, not the one of 43.9 km: a straight line to it
// from the 95 % quantile would make too many long ones.
#include "sim/families/families.h"

namespace regulus::sim {

DemandConfig call_taxi() {
  DemandConfig c;
  c.calendar.day_spread = 0.05;
  c.clients = {.company = 53, .visits = 6'000, .regulars = 0, .pool = 80'000};
  c.trips.on_demand = 1;
  c.trips.hours = {3,   3,   6,   7,   25,  27,  128, 720, 438, 279, 429, 584,
                   572, 486, 825, 631, 325, 171, 104, 78,  85,  41,  17,  18};
  c.geography = {.latitude = 37.55,
                 .longitude = 126.99,
                 .radius_km = 16,
                 .facilities = 60,
                 .to_facility = 0.6,
                 .trip_metres = {0,     821,   1'237, 1'598, 1'920, 2'238, 2'570,  2'948,  3'347,  3'788, 4'301,
                                 4'789, 5'437, 6'244, 7'224, 8'260, 9'715, 11'415, 14'104, 17'956, 30'000}};
  c.needs = {.wheelchair = 0.6, .companion = 0.3, .wheelchair_companion = 0.3, .exclusive = 0.5};
  c.service.kerb_seconds = 120;
  c.service.facility_seconds = 60;
  c.service.on_demand_window = 30;
  c.fleet.shifts = {0, 0,    60,   15, 0, 0,    300,  4,  0, 0,    360,  1,  0, 0,    420,  7,   0, 0,    480,  2,
                    0, 0,    540,  1,  0, 0,    720,  8,  0, 60,   780,  2,  0, 120,  840,  2,   0, 180,  900,  2,
                    0, 240,  960,  2,  0, 300,  1020, 1,  0, 360,  900,  3,  0, 420,  960,  210, 0, 480,  1020, 89,
                    0, 540,  1080, 8,  0, 600,  1140, 59, 0, 660,  1200, 2,  0, 720,  1260, 127, 0, 780,  1320, 17,
                    0, 840,  1380, 4,  0, 900,  1440, 17, 0, 960,  1440, 15, 0, 1020, 1440, 4,   0, 1080, 1440, 1,
                    0, 1140, 1440, 7,  0, 1200, 1440, 2,  0, 1260, 1440, 1};
  c.fleet.vans = 0.91;
  c.fleet.break_minutes = 45;
  return c;
}

}  // namespace regulus::sim
