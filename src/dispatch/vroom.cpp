#include "dispatch/vroom.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/config.h"
#include "domain/json_reader.h"

namespace regulus::dispatch {

namespace {

constexpr std::int16_t plenty = 100;  // seats of a vehicle without capacity

class Reader {
 public:
  Reader(VroomProblem& out, Status& status) : out_(out), day_(out.day), status_(status) {}

  void read(JsonReader const& at);

 private:
  struct Vehicle {
    Driver driver;
    std::vector<std::int64_t> breaks;
    Json const* steps = nullptr;
  };

  void read_vehicle(JsonReader const& at, Vehicle& v);
  void read_break(JsonReader const& at, Vehicle& v);
  void read_shipment(JsonReader const& at);
  void read_steps(JsonReader const& at, Vehicle const& v, DriverRoute& route);
  void read_matrices(JsonReader const& at);
  Window windows(JsonReader const& at, std::string_view key);
  void seats(JsonReader const& at, Seats& out);
  Skills skills(JsonReader const& at);
  Place place(JsonReader const& at, std::string_view coordinates, std::string_view index);
  void task(JsonReader const& at, Place& where, Window& window, Seconds& service, std::int64_t& id);
  template <class T>
  void neutral(JsonReader const& at, std::string_view key, T const& only);
  template <class Id>
  void ids(JsonReader const& at, std::string_view key, std::vector<Id>& out);

  VroomProblem& out_;
  Day& day_;
  Status& status_;
  std::size_t matrix_ = 0;  // places of the matrix; 0: coordinates
  bool amounts_ = false;    // any vehicle has a capacity
  std::map<std::pair<double, double>, Place> place_of_;
  std::map<std::int64_t, std::size_t> pickup_of_, delivery_of_;  // VROOM's ids to positions of bookings
};

// A member that VROOM has and we have not: it may be there when it changes nothing.
template <class T>
void Reader::neutral(JsonReader const& at, std::string_view key, T const& only) {
  at.in(key, [&](JsonReader const& member) {
    Json const& value = member.json();
    bool const same = value == Json(only) ||
                      (value.is_number() && Json(only).is_number() && value.as_number() == Json(only).as_number());
    if (!same) member.fail("is not supported; leave it out");
  });
}

template <class Id>
void Reader::ids(JsonReader const& at, std::string_view key, std::vector<Id>& out) {
  at.each(key, [&](JsonReader const& item) { item.value(out.emplace_back()); });
}

Window Reader::windows(JsonReader const& at, std::string_view key) {
  Window window;
  at.in(key, [&](JsonReader const& list) {
    if (!list.json().is_array() || list.json().as_array().size() != 1) {
      return list.fail("must hold one window; split the shipment or choose one");
    }
    list.items([&](JsonReader const& item) { item.window(window); });
  });
  return window;
}

void Reader::seats(JsonReader const& at, Seats& out) {
  if (!at.json().is_array() || at.json().as_array().empty() || at.json().as_array().size() > seat_kinds) {
    return at.fail("is no list of one to three numbers: ambulatory, wheelchair, stretcher");
  }
  std::size_t k = 0;
  at.items([&](JsonReader const& item) { item.value(out.of[k++]); });
}

Skills Reader::skills(JsonReader const& at) {
  Skills all = 0;
  at.each("skills", [&](JsonReader const& item) {
    std::int64_t number = 0;
    item.value(number);
    std::string const name = std::to_string(number);
    auto& names = day_.skill_names;
    auto const found = std::ranges::find(names, name);
    if (found == names.end() && names.size() == 64) return item.fail("is the 65th skill; there may be 64");
    all |= Skills{1} << (found - names.begin());
    if (found == names.end()) names.push_back(name);
  });
  return all;
}

Place Reader::place(JsonReader const& at, std::string_view coordinates, std::string_view index) {
  Place found = no_place;
  Point point;
  at.in(coordinates, [&](JsonReader const& pair) {
    if (!pair.json().is_array() || pair.json().as_array().size() != 2) {
      return pair.fail("is no place; write [longitude, latitude]");
    }
    std::size_t i = 0;
    pair.items([&](JsonReader const& number) { number.value(i++ == 0 ? point.longitude : point.latitude); });
    if (matrix_ > 0) return;
    auto const [at_row, fresh] =
        place_of_.try_emplace({point.latitude, point.longitude}, static_cast<Place>(day_.places.size()));
    if (fresh) day_.places.push_back(point);
    found = at_row->second;
  });
  at.in(index, [&](JsonReader const& number) {
    if (matrix_ == 0) return number.fail("has no meaning without matrices; give coordinates or matrices");
    std::int64_t row = 0;
    if (!number.integer(0, static_cast<std::int64_t>(matrix_) - 1, row)) return;
    found = static_cast<Place>(row);
    if (at.has(coordinates)) day_.places[static_cast<std::size_t>(row)] = point;
  });
  if (status_ && matrix_ > 0 && found == no_place && at.has(coordinates)) {
    at.fail(fmt::format("has no {}; with matrices every place needs one", index));
  }
  return found;
}

void Reader::read_break(JsonReader const& at, Vehicle& v) {
  at.keys({"id", "time_windows"}, {"service", "description", "max_load"});
  Break& pause = v.driver.breaks.emplace_back();
  at.get("id", v.breaks.emplace_back());
  pause.window = windows(at, "time_windows");
  at.get("service", pause.duration);
}

void Reader::read_vehicle(JsonReader const& at, Vehicle& v) {
  at.keys({"id"}, {"profile",      "description",    "start",        "start_index", "end",       "end_index",
                   "capacity",     "layouts",        "skills",       "time_window", "breaks",    "speed_factor",
                   "steps",        "type_of_driver", "max_overtime", "setup",       "max_tasks", "max_travel_time",
                   "max_distance", "costs",          "type"});
  for (std::string_view const key : {"max_tasks", "max_travel_time", "max_distance", "costs", "type"}) {
    neutral(at, key, nullptr);
  }
  neutral(at, "speed_factor", 1);
  Driver& d = v.driver;
  at.get("id", d.id);
  if (status_ && d.id <= 0) at.fail(fmt::format("has id {}; number vehicles from 1", d.id));
  at.get("description", d.name);
  at.get("type_of_driver", d.type);
  at.get("max_overtime", d.max_overtime);
  d.start = place(at, "start", "start_index");
  if (status_ && d.start == no_place) at.fail("has no start; say where the day begins");
  d.end = place(at, "end", "end_index");
  if (at.has("capacity") && at.has("layouts")) at.fail("has both capacity and layouts; leave one out");
  at.in("capacity", [&](JsonReader const& list) { seats(list, d.vehicle.layouts.emplace_back()); });
  at.each("layouts", [&](JsonReader const& list) { seats(list, d.vehicle.layouts.emplace_back()); });
  amounts_ = amounts_ || !d.vehicle.layouts.empty();
  if (d.vehicle.layouts.empty()) d.vehicle.layouts = {Seats{{plenty, plenty, plenty}}};
  d.skills = skills(at);
  d.shift = {0, 2 * day_length};
  at.in("time_window", [&](JsonReader const& window) { window.window(d.shift); });
  at.each("breaks", [&](JsonReader const& item) { read_break(item, v); });
  at.in("steps", [&](JsonReader const& steps) { v.steps = &steps.json(); });
}

void Reader::task(JsonReader const& at, Place& where, Window& window, Seconds& service, std::int64_t& id) {
  at.keys({"id"}, {"location", "location_index", "setup", "service", "service_per_type", "setup_per_type",
                   "time_windows", "description"});
  neutral(at, "setup", 0);
  neutral(at, "service_per_type", nullptr);
  neutral(at, "setup_per_type", nullptr);
  at.get("id", id);
  where = place(at, "location", "location_index");
  if (status_ && where == no_place) at.fail("has no location; say where it is");
  window = windows(at, "time_windows");
  at.get("service", service);
}

void Reader::read_shipment(JsonReader const& at) {
  at.keys({"pickup", "delivery"},
          {"amount", "skills", "priority", "max_ride_time", "max_ride_ratio", "exclusive", "exclusive_group", "class",
           "companions", "preferred_vehicles", "forbidden_vehicles", "required_vehicles", "promise"});
  Booking b;
  VroomNames::Task task_ids;
  at.in("pickup", [&](JsonReader const& end) {
    task(end, b.pickup, b.pickup_window, b.pickup_service, task_ids.pickup);
    end.get("description", b.reference);
  });
  at.in("delivery",
        [&](JsonReader const& end) { task(end, b.dropoff, b.dropoff_window, b.dropoff_service, task_ids.delivery); });
  std::size_t const position = day_.bookings.size();
  if (status_ && !pickup_of_.emplace(task_ids.pickup, position).second) {
    at.fail(fmt::format("has pickup id {}, which another shipment has", task_ids.pickup));
  }
  if (status_ && !delivery_of_.emplace(task_ids.delivery, position).second) {
    at.fail(fmt::format("has delivery id {}, which another shipment has", task_ids.delivery));
  }
  b.id = static_cast<BookingId>(position) + 1;
  at.in("amount", [&](JsonReader const& list) { seats(list, b.seats); });
  if (!at.has("amount") && !amounts_) b.seats[SeatKind::ambulatory] = 1;
  if (status_ && b.seats == Seats{}) at.fail("has no amount; say how many people ride");
  b.skills = skills(at);
  std::int64_t priority = 0;
  at.in("priority", [&](JsonReader const& value) { value.integer(0, 100, priority); });
  b.priority = 1 + static_cast<std::int32_t>(priority / 25);  // 0 to 100 as 1 to 5
  at.get("max_ride_time", b.max_ride);
  at.get("max_ride_ratio", b.max_ride_ratio);
  at.get("exclusive", b.exclusive);
  b.exclusive = b.exclusive || at.has("exclusive_group");
  at.get("class", b.booking_class);
  at.get("companions", b.companions);
  ids(at, "preferred_vehicles", b.preferred);
  ids(at, "forbidden_vehicles", b.forbidden);
  ids(at, "required_vehicles", b.required);
  VroomPromise promise;
  at.in("promise", [&](JsonReader const& said) {
    said.keys({}, {"vehicle", "time"});
    said.in("vehicle", [&](JsonReader const& vehicle) {
      vehicle.value(promise.driver);
      if (status_ && day_.driver_position(promise.driver) < 0) vehicle.fail("is no vehicle");
    });
    said.in("time", [&](JsonReader const& time) { time.moment(promise.pickup); });
  });
  day_.bookings.push_back(std::move(b));
  out_.names.tasks.push_back(task_ids);
  out_.promises.push_back(promise);
}

void Reader::read_steps(JsonReader const& at, Vehicle const& v, DriverRoute& route) {
  bool locked = true;
  at.items([&](JsonReader const& step) {
    step.keys({"type"}, {"id", "locked", "description"});
    std::string type;
    step.get("type", type);
    if (type == "start" || type == "end") return;
    Stop stop;
    std::int64_t id = 0;
    if (!step.has("id")) return step.fail("has no id; name the task");
    step.get("id", id);
    step.get("locked", stop.locked);
    if (stop.locked && !locked) return step.fail("is locked behind a step that is not; lock that too");
    locked = stop.locked;
    if (type == "break") {
      auto const found = std::ranges::find(v.breaks, id);
      if (found == v.breaks.end()) return step.fail("is no break of this vehicle");
      stop.kind = StopKind::rest;
      stop.index = static_cast<std::int32_t>(found - v.breaks.begin());
    } else if (type == "pickup" || type == "delivery") {
      auto const& known = type == "pickup" ? pickup_of_ : delivery_of_;
      auto const found = known.find(id);
      if (found == known.end()) return step.fail(fmt::format("is no {} of a shipment", type));
      stop.kind = type == "pickup" ? StopKind::pickup : StopKind::dropoff;
      stop.index = day_.bookings[found->second].id;
    } else {
      return step.fail("has a type that is none of start, pickup, delivery, break, end");
    }
    route.stops.push_back(stop);
  });
}

void Reader::read_matrices(JsonReader const& at) {
  if (!at.json().is_object() || at.json().as_object().size() != 1) {
    return at.fail("must hold the matrices of one profile");
  }
  at.in(at.json().as_object().front().first, [&](JsonReader const& profile) {
    profile.keys({"durations"}, {"distances"});
    auto const square = [&](std::string_view key, std::vector<std::int32_t>& cells) {
      profile.in(key, [&](JsonReader const& rows) {
        std::size_t const side = rows.json().is_array() ? rows.json().as_array().size() : 0;
        if (side == 0 || (matrix_ != 0 && side != matrix_)) return rows.fail("is no square matrix of the others' size");
        matrix_ = side;
        rows.items([&](JsonReader const& row) {
          if (!row.json().is_array() || row.json().as_array().size() != side) {
            return row.fail(fmt::format("is no row of {} numbers", side));
          }
          row.items([&](JsonReader const& cell) {
            std::int64_t value = 0;
            if (cell.integer(0, 10'000'000, value)) cells.push_back(static_cast<std::int32_t>(value));
          });
        });
      });
    };
    std::vector<std::int32_t> seconds, metres;
    square("durations", seconds);
    square("distances", metres);
    if (!status_) return;
    if (metres.empty()) metres.assign(seconds.size(), 0);
    out_.times = TravelTimes::table(matrix_, std::move(seconds), std::move(metres));
    day_.places.resize(matrix_);
    out_.names.has_indices = true;
  });
}

void Reader::read(JsonReader const& at) {
  at.keys({"vehicles", "shipments"}, {"jobs", "matrices", "weights"});
  at.in("jobs", [&](JsonReader const& jobs) {
    if (jobs.json() != Json::array()) {
      jobs.fail("is not supported: a job has one place and a ride has two; write it as a shipment");
    }
  });
  // VROOM's windows are hard.
  ObjectiveWeights& w = day_.weights;
  w.max_late_outbound = w.max_late_inbound = w.max_late_will_call = w.max_late_on_demand = 0;
  w.tolerated_outbound = w.tolerated_inbound = w.tolerated_will_call = w.tolerated_on_demand = 0;
  at.in("weights", [&](JsonReader const& weights) {
    if (Status read = apply_json(settings(w), weights.json()); !read && status_) status_ = read.error().in("weights");
  });
  at.in("matrices", [&](JsonReader const& matrices) { read_matrices(matrices); });
  std::vector<Vehicle> vehicles;
  at.each("vehicles", [&](JsonReader const& item) { read_vehicle(item, vehicles.emplace_back()); });
  std::ranges::stable_sort(vehicles, {}, [](Vehicle const& v) { return v.driver.id; });
  for (Vehicle const& v : vehicles) {
    day_.drivers.push_back(v.driver);
    out_.names.breaks.push_back(v.breaks);
  }
  at.each("shipments", [&](JsonReader const& item) { read_shipment(item); });
  out_.names.has_coordinates = std::ranges::any_of(day_.places, [](Point const& p) { return p != Point{}; });
  if (!status_) return;
  for (Vehicle const& v : vehicles) {
    if (v.steps == nullptr) continue;
    DriverRoute& route = out_.given.routes.emplace_back();
    route.driver = v.driver.id;
    Status read = ok();
    read_steps(JsonReader(*v.steps, read), v, route);
    if (!read) status_ = read.error().in(fmt::format("steps of vehicle {}", v.driver.id));
    if (!status_) return;
  }
}

}  // namespace

VroomNames names_of(Day const& day) {
  VroomNames names;
  for (Booking const& b : day.bookings) names.tasks.push_back({b.id, b.id});
  for (Driver const& d : day.drivers) {
    auto& numbers = names.breaks.emplace_back();
    for (std::size_t k = 0; k < d.breaks.size(); ++k) numbers.push_back(static_cast<std::int64_t>(k) + 1);
  }
  return names;
}

bool is_vroom(Json const& json) { return json.has("vehicles") && !json.has("format"); }

Result<VroomProblem> read_vroom(Json const& json) {
  VroomProblem problem;
  Status status = ok();
  Reader(problem, status).read(JsonReader(json, status));
  if (!status) return status.error();
  if (Status const sound = check_day(problem.day); !sound) return sound.error();
  return problem;
}

}  // namespace regulus::dispatch
