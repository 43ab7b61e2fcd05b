// Rides on demand in a town, invented: nobody books ahead, so that everything hangs on where the cars are.
#include "sim/families/families.h"

namespace regulus::sim {

namespace {

DemandConfig on_demand() {
  DemandConfig c;
  c.clients = {.company = 31, .visits = 800, .regulars = 0, .pool = 200'000};
  c.calendar.day_spread = 0.08;
  c.trips.on_demand = 1;
  c.geography = {.latitude = 45.76,
                 .longitude = 4.85,
                 .radius_km = 5,
                 .speed = 1.15,
                 .facilities = 15,
                 .to_facility = 0.45,
                 .trip_metres = {400, 900, 1'300, 1'700, 2'100, 2'500, 3'000, 3'600, 4'400, 5'600, 8'500}};
  c.needs = {.wheelchair = 0.03, .companion = 0.25, .exclusive = 0.3};
  c.service.kerb_seconds = 45;
  c.service.facility_seconds = 30;
  c.service.max_ride = 40;
  c.service.max_ride_ratio = 2.5;
  c.surprises.cancelled = 0.06;
  c.surprises.no_show = 0.02;
  c.fleet.vans = 0.15;
  return c;
}

}  // namespace

DemandConfig city() {
  DemandConfig c = on_demand();
  c.trips.hours = {0, 0, 0, 0, 0, 10, 30, 70, 90, 60, 40, 40, 45, 45, 40, 45, 60, 90, 85, 55, 40, 30, 25, 0};
  c.fleet.shifts = {0, 300, 840, 8, 0, 360, 900, 12, 0, 600, 1'140, 6, 0, 840, 1'440, 14};
  return c;
}

DemandConfig city_scarce() {
  DemandConfig c = city();
  c.fleet.shifts = {0, 300, 840, 6, 0, 360, 900, 9, 0, 600, 1'140, 5, 0, 840, 1'440, 10};
  return c;
}

DemandConfig city_evening() {
  DemandConfig c = on_demand();
  c.clients.visits = 170;
  c.trips.hours = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 25, 35, 22, 15, 18, 32, 20};
  c.fleet.shifts = {0, 960, 1'470, 10};
  c.fleet.break_minutes = 0;
  return c;
}

DemandConfig city_evening_scarce() {
  DemandConfig c = city_evening();
  c.fleet.shifts = {0, 960, 1'470, 7};
  return c;
}

}  // namespace regulus::sim
