// vroom_output of dispatch/vroom.h: a plan as VROOM tells it.
#include <fmt/format.h>

#include <algorithm>

#include "dispatch/vroom.h"
#include "domain/impossible.h"
#include "domain/leg_hours.h"

namespace regulus::dispatch {

namespace {

// Seconds and metres of a route as VROOM adds them up.
struct Sums {
  Seconds service = 0, duration = 0, waiting = 0;
  Metres distance = 0;
  void operator+=(Sums const& o) {
    service += o.service, duration += o.duration, waiting += o.waiting, distance += o.distance;
  }
};

class Writer {
 public:
  Writer(Day const& day, TravelTimes const& times, VroomNames const& names, PlanReport const& report)
      : day_(day), times_(times), names_(names), report_(report) {}

  Json output(Plan const& plan);

 private:
  Json location(Place place) const {
    Point const& p = day_.places[static_cast<std::size_t>(place)];
    return Json(Json::Array{p.longitude, p.latitude});
  }
  void put_place(Json& json, Place place) const {
    if (names_.has_coordinates) json["location"] = location(place);
    if (names_.has_indices) json["location_index"] = place;
  }
  static Json amount(Seats const& seats) {
    return Json(
        Json::Array{static_cast<int>(seats.of[0]), static_cast<int>(seats.of[1]), static_cast<int>(seats.of[2])});
  }
  Json route(DriverRoute const& route, std::size_t driver, Sums& sums);
  void add_unassigned(Json& list, BookingId id, std::string const& reason) const;
  std::string reason(std::size_t booking) const;

  Day const& day_;
  TravelTimes const& times_;
  VroomNames const& names_;
  PlanReport const& report_;
};

Json Writer::route(DriverRoute const& planned, std::size_t position, Sums& sums) {
  Driver const& driver = day_.drivers[position];
  DriverOutcome const& did = report_.outcome.drivers[position];
  Json steps = Json::array();
  Place here = driver.start;
  Seconds free = did.left;
  Seats load, carried;
  auto const add = [&](Json step, Place place, Seconds arrival, Seconds start, Seconds service) {
    put_place(step, place);
    step["arrival"] = arrival;
    step["duration"] = sums.duration;
    step["distance"] = sums.distance;
    step["setup"] = 0;
    step["service"] = service;
    step["waiting_time"] = start - arrival;
    step["load"] = amount(load);
    step["violations"] = Json::array();
    sums.service += service;
    sums.waiting += start - arrival;
    steps.push_back(std::move(step));
    here = place;
    free = start + service;
  };
  auto const drive = [&](Place to, int hour) {
    Leg const leg = times_.leg(here, to, hour);
    sums.duration += leg.seconds;
    sums.distance += leg.metres;
    return free + leg.seconds;
  };
  add(Json::object({{"type", "start"}}), driver.start, did.left, did.left, 0);
  for (Stop const& stop : planned.stops) {
    if (stop.kind == StopKind::rest) {
      auto const k = static_cast<std::size_t>(stop.index);
      add(Json::object({{"type", "break"}, {"id", names_.breaks[position][k]}}), here, free, stop.planned,
          driver.breaks[k].duration);
      continue;
    }
    auto const at = static_cast<std::size_t>(day_.booking_position(stop.index));
    Booking const& b = day_.bookings[at];
    LegHours const hours = leg_hours(b, b.pickup_window, b.dropoff_window, times_);
    bool const pickup = stop.kind == StopKind::pickup;
    Place const place = pickup ? b.pickup : b.dropoff;
    Seconds const arrival = drive(place, pickup ? hours.pickup : hours.dropoff);
    if (pickup) {
      load += b.seats;
      carried += b.seats;
    } else {
      load -= b.seats;
    }
    Json step = Json::object({{"type", pickup ? "pickup" : "delivery"},
                              {"id", pickup ? names_.tasks[at].pickup : names_.tasks[at].delivery}});
    if (!b.reference.empty()) step["description"] = b.reference;
    if (stop.locked) step["locked"] = true;
    add(std::move(step), place, arrival, stop.planned, pickup ? b.pickup_service : b.dropoff_service);
  }
  if (driver.end != no_place) {
    Seconds const arrival = drive(driver.end, hour_of_day(driver.shift.end));
    add(Json::object({{"type", "end"}}), driver.end, arrival, arrival, 0);
  }
  Totals totals;
  auto const type = static_cast<std::size_t>(driver.type);
  totals.driven = did.driven;
  totals.paid[type] = did.back - did.left;
  totals.called_out[type] = 1;
  totals.overtime = std::max<Seconds>(0, did.back - driver.shift.end);
  Json json = Json::object({{"vehicle", driver.id},
                            {"cost", cost_of(totals, day_.weights).total()},
                            {"description", driver.name},
                            {"setup", 0},
                            {"service", sums.service},
                            {"duration", sums.duration},
                            {"waiting_time", sums.waiting},
                            {"distance", sums.distance},
                            {"delivery", amount(carried)},
                            {"pickup", amount(carried)},
                            {"steps", std::move(steps)},
                            {"violations", Json::array()}});
  return json;
}

std::string Writer::reason(std::size_t position) const {
  Booking const& b = day_.bookings[position];
  auto const reasons = why_impossible(day_, b, leg_hours(b, b.pickup_window, b.dropoff_window, times_).direct);
  return reasons.empty() ? "no place was found for it among the rides of this plan" : reasons.front();
}

void Writer::add_unassigned(Json& list, BookingId id, std::string const& why) const {
  auto const at = static_cast<std::size_t>(day_.booking_position(id));
  Booking const& b = day_.bookings[at];
  for (bool const pickup : {true, false}) {
    Json task = Json::object({{"id", pickup ? names_.tasks[at].pickup : names_.tasks[at].delivery},
                              {"type", pickup ? "pickup" : "delivery"}});
    put_place(task, pickup ? b.pickup : b.dropoff);
    if (!b.reference.empty()) task["description"] = b.reference;
    task["reason"] = why;
    list.push_back(std::move(task));
  }
}

Json Writer::output(Plan const& plan) {
  Sums sums;
  Json routes = Json::array(), unassigned = Json::array(), violations = Json::array();
  for (DriverRoute const& planned : plan.routes) {
    auto const position = static_cast<std::size_t>(day_.driver_position(planned.driver));
    if (report_.outcome.drivers[position].left == never) continue;
    Sums of_route;
    routes.push_back(route(planned, position, of_route));
    sums += of_route;
  }
  for (BookingId id : plan.overflow) add_unassigned(unassigned, id, "is given to a partner");
  for (BookingId id : plan.unserved) {
    add_unassigned(unassigned, id, reason(static_cast<std::size_t>(day_.booking_position(id))));
  }
  for (PlanViolation const& v : report_.violations) {
    violations.push_back(Json::object({{"cause", v.rule}, {"duration", v.by}, {"description", to_text(v)}}));
  }
  Seats carried;
  std::int64_t priority = 0;
  for (std::size_t i = 0; i < day_.bookings.size(); ++i) {
    if (report_.outcome.bookings[i].status != BookingStatus::completed) continue;
    carried += day_.bookings[i].seats;
    priority += 25 * (day_.bookings[i].priority - 1);
  }
  Json summary = Json::object({{"cost", report_.kpi.cost.total()},
                               {"routes", routes.as_array().size()},
                               {"unassigned", unassigned.as_array().size()},
                               {"delivery", amount(carried)},
                               {"pickup", amount(carried)},
                               {"setup", 0},
                               {"service", sums.service},
                               {"duration", sums.duration},
                               {"waiting_time", sums.waiting},
                               {"priority", priority},
                               {"distance", sums.distance},
                               {"violations", std::move(violations)}});
  return Json::object({{"code", 0},
                       {"summary", std::move(summary)},
                       {"unassigned", std::move(unassigned)},
                       {"routes", std::move(routes)}});
}

}  // namespace

Json vroom_output(Day const& day, TravelTimes const& times, VroomNames const& names, Plan const& plan,
                  PlanReport const& report) {
  return Writer(day, times, names, report).output(plan);
}

}  // namespace regulus::dispatch
