// A city's paratransit. Lengths, passenger types and trips a day are those of benchmarks/demand/chattanooga_*.csv (its
// working days, which are the days with 90 trips or more); the hours are such that outbound rides and returns together
// meet chattanooga_hour_histogram.csv. The longest trip is 18 km: a straight line from the 95 % quantile to the one
// outlier of 37.6 km would make too many long ones. Round trips and regular clients, which that source lost, are added.
#include "sim/families/families.h"

namespace regulus::sim {

DemandConfig paratransit() {
  DemandConfig c;
  c.calendar.day_spread = 0.12;
  c.clients = {.company = 23, .visits = 105, .regulars = 60, .regular_days = 5, .attendance = 0.8, .pool = 3'000};
  c.trips.round_trips = 0.75;
  c.trips.returns_only = 0.01;
  c.trips.will_calls = 0.2;
  c.trips.hours = {0, 0, 0, 0, 28, 53, 30, 83, 124, 183, 168, 34, 53, 66, 79, 39, 0, 30, 0, 12, 4, 14, 0, 1};
  c.trips.gap_minutes = {60, 105, 150, 185, 220, 250, 285, 325, 370, 420, 480};
  c.trips.last_return_hour = 17;
  c.geography = {.latitude = 35.05,
                 .longitude = -85.27,
                 .radius_km = 13,
                 .speed = 1.4,
                 .facilities = 25,
                 .to_facility = 0.8,
                 .trip_metres = {41,    943,   1'433, 1'907, 2'361, 2'777, 3'165,  3'529,  3'880,  4'240, 4'650,
                                 5'142, 5'762, 6'548, 7'373, 8'301, 9'361, 10'476, 11'755, 13'339, 18'000}};
  c.needs = {.wheelchair = 0.199,
             .companion = 0.0915,
             .wheelchair_companion = 0.28,
             .exclusive = 0.02,
             .preferring = 0.05,
             .priorities = {90, 7, 3}};
  c.notice = {.same_day = 0.12, .notice_minutes = {60, 90, 150, 240, 360}};
  // Vans all, as such services have them: 2.2 rides an hour on duty is the agencies' usual figure.
  c.fleet = {.shifts = {0, 240, 720, 2, 0, 360, 870, 3, 0, 450, 960, 4, 0, 540, 1'080, 3, 0, 840, 1'380, 2},
             .vans = 0.8,
             .trained = 1};
  return c;
}

DemandConfig paratransit_scarce() {
  DemandConfig c = paratransit();
  c.fleet.shifts = {0, 240, 720, 1, 0, 360, 870, 2, 0, 450, 960, 3, 0, 540, 1'080, 2, 0, 840, 1'380, 1};
  return c;
}

DemandConfig paratransit_traffic() {
  DemandConfig c = paratransit();
  c.surprises.rush = 0.5;
  c.surprises.leg_noise = 0.25;
  return c;
}

DemandConfig paratransit_wheelchairs() {
  DemandConfig c = paratransit();
  c.needs.wheelchair = 0.5;
  c.fleet.vans = 0.6;
  return c;
}

}  // namespace regulus::sim
