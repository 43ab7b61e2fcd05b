// Solutions as decisions, and whether a decision may be carried out.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "dispatch/instance_of.h"
#include "dispatch/policy.h"

namespace regulus::dispatch {

using schedule::NodeKind;
using schedule::Violation;

namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

bool same_stop(Stop const& a, Stop const& b) { return a.kind == b.kind && a.index == b.index; }

// How many rests at the beginning of the route are over before anybody has to leave: who has not left needs no break.
std::size_t rests_at_home(Question const& question, std::int32_t vehicle, std::vector<std::int32_t> const& nodes,
                          schedule::Timing const& timing) {
  schedule::VehicleUse const& use = question.instance.vehicles[at(vehicle)];
  if (use.started || !use.locked.empty()) return 0;
  std::size_t first = 0;
  while (first < nodes.size() && question.instance.nodes[at(nodes[first])].kind == NodeKind::rest) ++first;
  bool const waits = first < nodes.size() && timing.start[first] > timing.arrive[first];
  return first == nodes.size() || waits ? first : 0;
}

Route stops_of(Situation const& situation, Question const& question, std::int32_t vehicle,
               std::vector<std::int32_t> const& nodes) {
  Day const& day = *situation.fleet.day;
  auto const plan = schedule::evaluate(question.instance, vehicle, nodes);
  REGULUS_CHECK(plan.violation == Violation::none);
  std::size_t const locked = question.instance.vehicles[at(vehicle)].locked.size();
  Seconds const horizon = situation.fleet.now + day.lock_horizon;
  Route stops;
  bool all_locked = true;
  for (std::size_t k = rests_at_home(question, vehicle, nodes, plan.timing); k < nodes.size(); ++k) {
    schedule::Node const& node = question.instance.nodes[at(nodes[k])];
    Stop stop;
    switch (node.kind) {
      case NodeKind::rest:
        stop.kind = StopKind::rest;
        stop.index = question.break_of[at(vehicle)][at(node.request)];
        break;
      case NodeKind::pickup:
      case NodeKind::dropoff:
        stop.kind = node.kind == NodeKind::pickup ? StopKind::pickup : StopKind::dropoff;
        stop.index = day.bookings[at(question.booking_of[at(node.request)])].id;
        break;
    }
    stop.planned = plan.timing.start[k];
    all_locked = all_locked && (k < locked || stop.planned <= horizon);
    stop.locked = all_locked;
    stops.push_back(stop);
  }
  return stops;
}

// Somebody whom a partner has to be told of now or never.
struct Due {
  std::int32_t booking;
  Cents unserved;  // the class and priority's share of the price: the rest is the same for everybody
};

}  // namespace

Decision decision_of(Situation const& situation, Question const& question, Solution const& solution) {
  Day const& day = *situation.fleet.day;
  Seconds const now = situation.fleet.now;
  Decision decision;
  for (std::size_t v = 0; v < solution.routes.size(); ++v) {
    if (solution.routes[v] == question.present.routes[v]) continue;
    auto const vehicle = static_cast<std::int32_t>(v);
    decision.routes.push_back(
        {day.drivers[at(question.driver_of[v])].id, stops_of(situation, question, vehicle, solution.routes[v])});
  }

  std::vector<Due> due;
  for (std::int32_t request : solution.left_out) {
    std::int32_t const booking = question.booking_of[at(request)];
    if (question.partner_is_cheaper[at(request)]) {
      Seconds const call = last_call(situation, booking) - one_minute;
      if (now >= call) {
        due.push_back({booking, unserved_price(day.weights, day.bookings[at(booking)], 0)});
        continue;
      }
      decision.wake_at = std::min(decision.wake_at, call);
      continue;
    }
    Seconds const latest = latest_pickup(situation, booking);
    if (now > latest) {
      decision.unserved.push_back(day.bookings[at(booking)].id);
    } else {
      decision.wake_at = std::min(decision.wake_at, latest + 1);
    }
  }
  std::ranges::sort(due, {}, [](Due const& d) { return std::pair(-d.unserved, d.booking); });
  for (std::size_t k = 0; k < due.size(); ++k) {
    BookingId const id = day.bookings[at(due[k].booking)].id;
    if (k < at(situation.fleet.partner_left)) {
      decision.overflow.push_back(id);
    } else if (Seconds const latest = latest_pickup(situation, due[k].booking); now > latest) {
      decision.unserved.push_back(id);
    } else {
      decision.wake_at = std::min(decision.wake_at, latest + 1);
    }
  }
  std::ranges::sort(decision.overflow);
  std::ranges::sort(decision.unserved);
  return decision;
}

namespace {

std::string_view reason(Violation violation) {
  switch (violation) {
    case Violation::none:
      return "nothing is wrong";
    case Violation::order:
      return "a ride has no pickup, no drop-off, or them in the wrong order";
    case Violation::window:
      return "it is reached after the last moment";
    case Violation::capacity:
      return "no seat layout of the vehicle holds who is on board";
    case Violation::exclusive:
      return "somebody who rides alone does not";
    case Violation::ride_time:
      return "the ride takes longer than it may";
    case Violation::duration:
      return "the driver is away for too long";
    case Violation::shift:
      return "the driver is back after the end of the shift";
    case Violation::vehicle:
      return "this driver may not take it";
    case Violation::lock:
      return "locked stops are not the beginning of the route";
    case Violation::rest:
      return "a break is missing, out of order, or with somebody on board";
  }
  return "";
}

class Checker {
 public:
  Checker(Situation const& situation, Decision const& decision)
      : situation_(situation), day_(*situation.fleet.day), decision_(decision) {}

  Status check() {
    if (decision_.wake_at <= situation_.fleet.now) {
      return invalid(fmt::format("wake_at = {} is not after now = {}", decision_.wake_at, situation_.fleet.now));
    }
    for (DriverRoute const& route : decision_.routes) {
      if (Status s = check_driver(route); !s) return s;
    }
    for (DriverRoute const& route : decision_.routes) {
      if (Status s = check_stops(route); !s) return s;
    }
    if (Status s = check_given_up(); !s) return s;
    return check_routes();
  }

 private:
  BookingState const& state(std::int32_t booking) const { return situation_.fleet.bookings[at(booking)]; }

  Status check_driver(DriverRoute const& route) {
    std::int32_t const position = day_.driver_position(route.driver);
    if (position < 0) return invalid(fmt::format("driver {} does not exist", route.driver));
    if (!drivers_.empty() && position <= drivers_.back()) {
      return invalid(fmt::format("driver {} is out of order or named twice", route.driver));
    }
    drivers_.push_back(position);
    DriverState const& driver = situation_.fleet.drivers[at(position)];
    if (!driver.available) return invalid(fmt::format("driver {} is not available", route.driver));
    for (std::size_t k = 0; k < driver.stops.size(); ++k) {
      if (!driver.stops[k].locked && !(k == 0 && driver.under_way)) break;
      if (k >= route.stops.size() || !same_stop(driver.stops[k], route.stops[k])) {
        return invalid(fmt::format("driver {}: stop {} ({} of {}) is locked and must stay where it is", route.driver, k,
                                   enum_names(StopKind{})[static_cast<std::size_t>(driver.stops[k].kind)],
                                   driver.stops[k].index));
      }
    }
    return ok();
  }

  // Every stop is of a booking that is this driver's, or free to be taken.
  Status check_stops(DriverRoute const& route) {
    DriverState const& driver = situation_.fleet.drivers[at(day_.driver_position(route.driver))];
    Driver const& owner = day_.drivers[at(day_.driver_position(route.driver))];
    for (Stop const& stop : route.stops) {
      if (stop.kind == StopKind::rest) {
        if (stop.index < 0 || at(stop.index) >= owner.breaks.size()) {
          return invalid(fmt::format("driver {}: there is no break {}", route.driver, stop.index));
        }
        bool const planned = std::ranges::any_of(driver.stops, [&](Stop const& s) { return same_stop(s, stop); });
        if (!planned && (driver.breaks_taken >> stop.index & 1U) != 0) {
          return invalid(fmt::format("driver {}: break {} has been taken", route.driver, stop.index));
        }
        continue;
      }
      auto const wrong = [&](std::string_view why) {
        return invalid(fmt::format("driver {}, booking {}: {}", route.driver, stop.index, why));
      };
      std::int32_t const booking = day_.booking_position(stop.index);
      if (booking < 0) return wrong("does not exist");
      if (stop.kind == StopKind::dropoff && std::ranges::find(driver.on_board, stop.index) != driver.on_board.end()) {
        continue;
      }
      if (stop.kind == StopKind::dropoff) continue;  // its pickup says the rest; the kernel sees that there is one
      if (!state(booking).known) return wrong("is not known yet");
      if (!state(booking).ready) return wrong("is not ready: the patient has not called");
      if (std::ranges::find(taken_, stop.index) != taken_.end()) return wrong("is in two routes, or twice in one");
      taken_.push_back(stop.index);
      bool const planned_here = std::ranges::any_of(driver.stops, [&](Stop const& s) { return same_stop(s, stop); });
      if (planned_here) continue;
      if (!is_open(state(booking).status)) {
        return wrong(fmt::format("is {} and no longer open",
                                 enum_names(BookingStatus{})[static_cast<std::size_t>(state(booking).status)]));
      }
      offered_.push_back(booking);
      std::int32_t const holder = day_.driver_position(state(booking).driver);
      if (state(booking).status == BookingStatus::assigned && holder >= 0 &&
          std::ranges::find(drivers_, holder) == drivers_.end()) {
        return wrong(fmt::format("is still in the plan of driver {}", state(booking).driver));
      }
    }
    return ok();
  }

  Status check_given_up() {
    std::int32_t given = 0;
    std::vector<BookingId> seen;
    auto const check_one = [&](BookingId id) -> Status {
      std::int32_t const booking = day_.booking_position(id);
      if (booking < 0) return invalid(fmt::format("booking {} does not exist", id));
      if (!state(booking).known || !is_open(state(booking).status)) {
        return invalid(fmt::format("booking {} is not known or not open and cannot be given up", id));
      }
      if (std::ranges::find(seen, id) != seen.end() || std::ranges::find(taken_, id) != taken_.end()) {
        return invalid(fmt::format("booking {} is given up, and planned or given up again", id));
      }
      seen.push_back(id);
      std::int32_t const holder = day_.driver_position(state(booking).driver);
      if (state(booking).status == BookingStatus::assigned && holder >= 0 &&
          std::ranges::find(drivers_, holder) == drivers_.end()) {
        return invalid(
            fmt::format("booking {} is given up and still in the plan of driver {}", id, state(booking).driver));
      }
      return ok();
    };
    for (BookingId id : decision_.overflow) {
      if (Status s = check_one(id); !s) return s;
      std::int32_t const booking = day_.booking_position(id);
      if (++given > situation_.fleet.partner_left || !partner_takes(situation_, booking)) {
        return invalid(fmt::format("booking {}: partners take {} more rides and {} wheelchairs", id,
                                   situation_.fleet.partner_left, day_.partner.wheelchairs ? "also" : "no"));
      }
      if (situation_.fleet.now > last_call(situation_, booking)) {
        return invalid(fmt::format("booking {}: a partner had to be told by {}, and it is {}", id,
                                   last_call(situation_, booking), situation_.fleet.now));
      }
    }
    for (BookingId id : decision_.unserved) {
      if (Status s = check_one(id); !s) return s;
      Seconds const latest = latest_pickup(situation_, day_.booking_position(id));
      if (situation_.fleet.now <= latest) {
        return invalid(
            fmt::format("booking {} may still be picked up until {}; it is {}", id, latest, situation_.fleet.now));
      }
    }
    return ok();
  }

  // Times, seats and shifts, by the kernel.
  Status check_routes() const {
    Question const question = instance_of(situation_, drivers_, offered_);
    schedule::Instance instance = question.instance;
    std::vector<std::int32_t> request_of(day_.bookings.size(), -1);
    for (std::size_t r = 0; r < question.booking_of.size(); ++r) {
      request_of[at(question.booking_of[r])] = static_cast<std::int32_t>(r);
    }
    for (std::size_t v = 0; v < decision_.routes.size(); ++v) {
      DriverRoute const& route = decision_.routes[v];
      std::vector<std::int32_t> nodes;
      std::vector<schedule::Rest> rests;
      for (Stop const& stop : route.stops) {
        std::int32_t node = -1;
        if (stop.kind == StopKind::rest) {
          node = rest_node(question, v, stop.index, instance);
          rests.push_back({node});
        } else if (std::int32_t const r = request_of[at(day_.booking_position(stop.index))]; r >= 0) {
          schedule::Request const& request = instance.requests[at(r)];
          node = stop.kind == StopKind::pickup ? request.pickup : request.dropoff;
        }
        if (node < 0) {
          return invalid(fmt::format("driver {}: {} of {} has no place in this plan", route.driver,
                                     enum_names(StopKind{})[static_cast<std::size_t>(stop.kind)], stop.index));
        }
        nodes.push_back(node);
      }
      if (Status s = check_breaks(question, v); !s) return s;
      instance.vehicles[v].rests = rests;
      auto const outcome = schedule::evaluate(instance, static_cast<std::int32_t>(v), nodes);
      if (outcome.violation == Violation::none) continue;
      std::string where;
      if (outcome.node >= 0 && instance.nodes[at(outcome.node)].kind != NodeKind::rest) {
        std::int32_t const request = instance.nodes[at(outcome.node)].request;
        where = fmt::format(", booking {}", day_.bookings[at(question.booking_of[at(request)])].id);
      }
      return invalid(fmt::format("driver {}{}: {}", route.driver, where, reason(outcome.violation)));
    }
    return ok();
  }

  // A break that stands in the plan of a driver who has left home stays in it. One that never found a place there is
  // forgotten rather than a passenger.
  Status check_breaks(Question const& question, std::size_t vehicle) const {
    DriverRoute const& route = decision_.routes[vehicle];
    DriverState const& driver = situation_.fleet.drivers[at(question.driver_of[vehicle])];
    if (driver.left_start == never) return ok();
    for (std::int32_t const number : question.break_of[vehicle]) {
      auto const is_it = [&](Stop const& stop) { return stop.kind == StopKind::rest && stop.index == number; };
      if (std::ranges::any_of(driver.stops, is_it) && std::ranges::none_of(route.stops, is_it)) {
        return invalid(fmt::format("driver {}: break {} is in the plan and is left out", route.driver, number));
      }
    }
    return ok();
  }

  // The node of a driver's break: as the present plan has it, or else a new one.
  std::int32_t rest_node(Question const& question, std::size_t vehicle, std::int32_t number,
                         schedule::Instance& instance) const {
    auto const& breaks = question.break_of[vehicle];
    auto const known = std::ranges::find(breaks, number);
    if (known != breaks.end()) {
      return question.instance.vehicles[vehicle].rests[static_cast<std::size_t>(known - breaks.begin())].node;
    }
    Break const& pause = day_.drivers[at(question.driver_of[vehicle])].breaks[at(number)];
    schedule::Node node;
    node.kind = NodeKind::rest;
    node.earliest = pause.window.start;
    node.latest = pause.window.end;
    node.service = pause.duration;
    instance.nodes.push_back(node);
    return static_cast<std::int32_t>(instance.nodes.size()) - 1;
  }

  Situation const& situation_;
  Day const& day_;
  Decision const& decision_;
  std::vector<std::int32_t> drivers_;  // positions of whom the decision names
  std::vector<std::int32_t> offered_;  // bookings that come to them from elsewhere
  std::vector<BookingId> taken_;       // picked up in the decision's routes
};

}  // namespace

Status check_decision(Situation const& situation, Decision const& decision) {
  return Checker(situation, decision).check();
}

}  // namespace regulus::dispatch
