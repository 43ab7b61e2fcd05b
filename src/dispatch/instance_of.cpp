#include "dispatch/instance_of.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "domain/leg_hours.h"

namespace regulus::dispatch {

using schedule::Money;
using schedule::Node;
using schedule::NodeKind;
using schedule::Ticks;

namespace {

constexpr std::int32_t nobody = -1;
constexpr Seconds promise_slack = 5 * one_minute;

Money thousandths(Cents cents) { return cents * 1'000; }
// Of a price by the hour or minute, for one second, to the nearest thousandth.
Money by_second(Cents cents, Seconds per) { return (thousandths(cents) + per / 2) / per; }
Money by_metre(Cents cents_per_km) { return cents_per_km; }  // a thousandth of a kilometre, a thousandth of a cent

Ticks after(Seconds moment, Seconds more) { return moment >= never ? schedule::forever : moment + more; }

// Builds a question driver by driver and booking by booking.
class Translation {
 public:
  explicit Translation(Situation const& situation)
      : situation_(situation), day_(*situation.fleet.day), weights_(day_.weights), dearest_(dearest_ride(day_)) {
    request_of_.assign(day_.bookings.size(), nobody);
    question_.instance.times = &situation.times;
    question_.instance.per_metre = by_metre(weights_.km);
    question_.instance.load_weight = thousandths(weights_.unfair);
  }

  void offer(std::int32_t booking) {
    if (request_of_[at(booking)] == nobody) offered_.push_back(booking);
  }

  // Plans first, then what is offered: a booking in a plan is not left out even if it is offered too.
  void add_driver(std::int32_t position) {
    DriverState const& state = situation_.fleet.drivers[at(position)];
    if (!state.available) return;
    auto const vehicle = static_cast<std::int32_t>(question_.driver_of.size());
    question_.driver_of.push_back(position);
    question_.instance.vehicles.emplace_back();
    question_.present.routes.emplace_back();
    question_.break_of.emplace_back();
    add_route(position, vehicle);
  }

  Question finish() {
    std::ranges::sort(offered_);
    for (std::int32_t booking : offered_) {
      if (request_of_[at(booking)] != nobody) continue;
      question_.present.left_out.push_back(add_request(booking, false));
    }
    for (std::size_t r = 0; r < question_.booking_of.size(); ++r) price_vehicles(static_cast<std::int32_t>(r));
    for (std::size_t v = 0; v < question_.driver_of.size(); ++v) {
      widen(static_cast<std::int32_t>(v));
      add_rests(static_cast<std::int32_t>(v));
    }
    return std::move(question_);
  }

 private:
  static std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }
  schedule::Instance& instance() { return question_.instance; }
  std::vector<std::int32_t>& route(std::int32_t vehicle) { return question_.present.routes[at(vehicle)]; }

  std::int32_t add_node(Node const& node) {
    instance().nodes.push_back(node);
    return static_cast<std::int32_t>(instance().nodes.size()) - 1;
  }

  Node stop_of(Booking const& booking, Window const& window) const {
    Node node;
    node.earliest = window.start;
    node.due = after(window.end, weights_.tolerated(booking.booking_class));
    node.latest = after(window.end,
                        std::max(weights_.max_late(booking.booking_class), weights_.tolerated(booking.booking_class)));
    node.late_rate = by_second(weights_.late_minute(booking.booking_class), one_minute);
    return node;
  }

  std::int32_t add_request(std::int32_t position, bool on_board) {
    Booking const& booking = day_.bookings[at(position)];
    BookingState const& state = situation_.fleet.bookings[at(position)];
    LegHours const hours = leg_hours(booking, state.pickup_window, state.dropoff_window, situation_.times);
    auto const index = static_cast<std::int32_t>(instance().requests.size());
    request_of_[at(position)] = index;

    schedule::Request request;
    request.seats = booking.seats;
    request.exclusive = booking.exclusive;
    request.direct = hours.direct.seconds;
    request.excess_rate = by_second(weights_.excess_ride, one_minute);
    if (booking.max_ride < never) request.max_ride = booking.max_ride;
    if (booking.max_ride_ratio > 0) {
      auto const scaled = static_cast<Ticks>(booking.max_ride_ratio * static_cast<double>(request.direct));
      request.max_ride = std::min(request.max_ride, scaled);
    }
    request.boarded = on_board ? state.boarded : 0;

    Money const unserved = thousandths(unserved_price(weights_, booking, dearest_));
    Money const partner = thousandths(partner_price(weights_, booking, hours.direct.metres));
    bool const cheaper = partner < unserved && is_open(state.status) && partner_takes(situation_, position) &&
                         situation_.fleet.now <= last_call(situation_, position);
    request.left_out = cheaper ? partner : unserved;

    if (!on_board) {
      Node pickup = stop_of(booking, state.pickup_window);
      pickup.kind = NodeKind::pickup;
      pickup.hour = hours.pickup;
      pickup.place = booking.pickup;
      pickup.request = index;
      pickup.service = booking.pickup_service;
      if (state.promised_pickup < never) {
        pickup.promised = state.promised_pickup;
        pickup.promise_slack = promise_slack;
        pickup.promise_rate = by_second(weights_.change_minute, one_minute);
      }
      request.pickup = add_node(pickup);
    }
    Node dropoff = stop_of(booking, state.dropoff_window);
    dropoff.kind = NodeKind::dropoff;
    dropoff.hour = hours.dropoff;
    dropoff.place = booking.dropoff;
    dropoff.request = index;
    dropoff.service = booking.dropoff_service;
    request.dropoff = add_node(dropoff);

    instance().requests.push_back(request);
    question_.booking_of.push_back(position);
    question_.partner_is_cheaper.push_back(cheaper);
    return index;
  }

  std::int32_t add_rest(std::int32_t position, std::int32_t vehicle, std::int32_t number) {
    Break const& pause = day_.drivers[at(position)].breaks[at(number)];
    auto& rests = instance().vehicles[at(vehicle)].rests;
    Node node;
    node.kind = NodeKind::rest;
    node.request = static_cast<std::int32_t>(rests.size());
    node.earliest = pause.window.start;
    node.latest = pause.window.end;
    node.service = pause.duration;
    rests.push_back({add_node(node)});
    question_.break_of[at(vehicle)].push_back(number);
    return rests.back().node;
  }

  // The vehicle where it stands, and the stops of its plan as nodes.
  void add_route(std::int32_t position, std::int32_t vehicle) {
    Driver const& driver = day_.drivers[at(position)];
    DriverState const& state = situation_.fleet.drivers[at(position)];
    Seconds const now = situation_.fleet.now;
    std::int32_t fetched = 0;
    for (Stop const& stop : state.stops) {
      if (stop.kind == StopKind::rest) {
        route(vehicle).push_back(add_rest(position, vehicle, stop.index));
        continue;
      }
      std::int32_t const booking = day_.booking_position(stop.index);
      REGULUS_CHECK(booking >= 0);
      bool const boarded = std::ranges::find(state.on_board, stop.index) != state.on_board.end();
      if (request_of_[at(booking)] == nobody) add_request(booking, boarded);
      std::int32_t const request = request_of_[at(booking)];
      if (boarded) instance().vehicles[at(vehicle)].on_board.push_back(request);
      fetched += stop.kind == StopKind::pickup ? 1 : 0;
      schedule::Request const& wanted = instance().requests[at(request)];
      route(vehicle).push_back(stop.kind == StopKind::pickup ? wanted.pickup : wanted.dropoff);
    }

    schedule::VehicleUse& use = instance().vehicles[at(vehicle)];
    bool const has_left = state.left_start < never;
    use.start = state.anchor == no_place ? driver.start : state.anchor;
    use.end = driver.end;
    use.end_hour = static_cast<std::uint8_t>(hour_of_day(driver.shift.end));
    use.earliest = state.under_way ? state.free_at : std::max(now, state.free_at);
    if (!has_left) use.earliest = std::max(use.earliest, driver.shift.start);
    use.latest = driver.shift.end + driver.max_overtime;
    use.started = has_left;
    use.layouts = driver.vehicle.layouts;
    use.fixed = has_left ? 0 : thousandths(weights_.call_out(driver.type));
    use.per_tick = by_second(weights_.hour_rate(driver.type), one_hour);
    use.overtime_after = driver.shift.end;
    use.overtime_rate = by_second(weights_.overtime_hour, one_hour);
    use.trips = std::max(0, state.trips - fetched);

    std::size_t locked = 0;
    while (locked < state.stops.size() && (state.stops[locked].locked || (locked == 0 && state.under_way))) ++locked;
    use.locked.assign(route(vehicle).begin(), route(vehicle).begin() + static_cast<std::ptrdiff_t>(locked));
    if (state.under_way && !route(vehicle).empty())
      place_under_way(state, use, instance().nodes[at(route(vehicle)[0])]);
  }

  // The stop in progress: what is known of it replaces what was expected.
  void place_under_way(DriverState const& state, schedule::VehicleUse& use, Node& front) const {
    Seconds const now = situation_.fleet.now;
    if (state.serving_since < never) {
      if (front.place != no_place) use.start = front.place;
      use.earliest = front.earliest = state.serving_since;
      front.latest = std::max(front.latest, state.serving_since);
      front.service = std::max(front.service, now - state.serving_since);
      return;
    }
    if (state.arrived < never) {
      if (front.place != no_place) use.start = front.place;
      use.earliest = state.arrived;
    }
    front.earliest = std::max(front.earliest, now);
  }

  // Whether all that the driver may be asked to do begins after the break.
  bool day_begins_after(Break const& pause, std::int32_t vehicle) {
    if (instance().vehicles[at(vehicle)].started) return false;
    auto const begins_later = [&](std::int32_t node) {
      return instance().nodes[at(node)].earliest > pause.window.end + pause.duration;
    };
    for (std::int32_t node : route(vehicle)) {
      if (instance().nodes[at(node)].kind == NodeKind::pickup && !begins_later(node)) return false;
    }
    return std::ranges::all_of(question_.present.left_out,
                               [&](std::int32_t r) { return begins_later(instance().requests[at(r)].pickup); });
  }

  // Breaks that are still to be taken and in no plan yet, each where it costs least.
  void add_rests(std::int32_t vehicle) {
    std::int32_t const position = question_.driver_of[at(vehicle)];
    Driver const& driver = day_.drivers[at(position)];
    DriverState const& state = situation_.fleet.drivers[at(position)];
    for (std::size_t k = 0; k < driver.breaks.size(); ++k) {
      auto const number = static_cast<std::int32_t>(k);
      auto const& planned = question_.break_of[at(vehicle)];
      bool const taken = (state.breaks_taken >> k & 1U) != 0;
      if (taken || std::ranges::find(planned, number) != planned.end()) continue;
      if (driver.breaks[k].window.end < situation_.fleet.now) continue;
      if (day_begins_after(driver.breaks[k], vehicle)) continue;
      add_rest(position, vehicle, number);
      place_rest(vehicle);
    }
  }

  // Puts the rest that was added last into the present route, behind the other rests.
  void place_rest(std::int32_t vehicle) {
    schedule::VehicleUse& use = instance().vehicles[at(vehicle)];
    std::int32_t const rest = use.rests.back().node;
    std::vector<std::int32_t>& nodes = route(vehicle);
    std::size_t first = use.locked.size();
    for (std::size_t k = first; k < nodes.size(); ++k) {
      if (instance().nodes[at(nodes[k])].kind == NodeKind::rest) first = k + 1;
    }
    std::size_t best = nodes.size() + 1;
    Money cheapest = schedule::impossible;
    for (std::size_t k = first; k <= nodes.size(); ++k) {
      std::vector<std::int32_t> tried = nodes;
      tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(k), rest);
      auto const outcome = schedule::evaluate(instance(), vehicle, tried);
      if (outcome.violation == schedule::Violation::none && outcome.cost.total() < cheapest) {
        best = k;
        cheapest = outcome.cost.total();
      }
    }
    if (best <= nodes.size()) {
      nodes.insert(nodes.begin() + static_cast<std::ptrdiff_t>(best), rest);
      return;
    }
    // There is no place for it in this plan: passengers come first.
    use.rests.pop_back();
    instance().nodes.pop_back();
    question_.break_of[at(vehicle)].pop_back();
  }

  // What the choice of driver adds to each request.
  void price_vehicles(std::int32_t index) {
    std::int32_t const position = question_.booking_of[at(index)];
    Booking const& booking = day_.bookings[at(position)];
    BookingState const& state = situation_.fleet.bookings[at(position)];
    schedule::Request& request = instance().requests[at(index)];
    if (request.pickup < 0) return;
    DriverId const partner_leg = driver_of_linked(booking);
    bool const matters = booking.skills != 0 || !booking.preferred.empty() || !booking.forbidden.empty() ||
                         !booking.required.empty() || partner_leg != 0 || state.promised_driver != 0;
    if (!matters) return;
    request.on_vehicle.assign(question_.driver_of.size(), 0);
    for (std::size_t v = 0; v < question_.driver_of.size(); ++v) {
      Driver const& driver = day_.drivers[at(question_.driver_of[v])];
      auto const holds = [&](std::vector<DriverId> const& list) {
        return std::ranges::find(list, driver.id) != list.end();
      };
      Money& price = request.on_vehicle[v];
      bool const allowed = (booking.skills & ~driver.skills) == 0 && !holds(booking.forbidden) &&
                           (booking.required.empty() || holds(booking.required));
      if (!allowed && state.driver != driver.id) {
        price = schedule::impossible;
        continue;
      }
      if (!booking.preferred.empty() && !holds(booking.preferred)) price += thousandths(weights_.unpreferred_driver);
      if (partner_leg != 0 && partner_leg != driver.id) price += thousandths(weights_.other_return_driver);
      if (state.promised_driver != 0 && state.promised_driver != driver.id)
        price += thousandths(weights_.change_driver);
    }
  }

  // Who drives, or drove, the outbound leg of this return.
  DriverId driver_of_linked(Booking const& booking) const {
    if (booking.linked == 0) return 0;
    std::int32_t const outbound = day_.booking_position(booking.linked);
    return outbound < 0 ? 0 : situation_.fleet.bookings[at(outbound)].driver;
  }

  // Makes room for what the present plan does anyway. First the windows and the way home, as early as the plan can be
  // driven; if that is not enough, the limits of its rides too.
  void widen(std::int32_t vehicle) {
    for (bool const rides : {false, true}) {
      if (schedule::evaluate(instance(), vehicle, route(vehicle)).violation == schedule::Violation::none) return;
      widen_to_earliest(vehicle, rides);
    }
  }

  void widen_to_earliest(std::int32_t vehicle, bool rides) {
    schedule::VehicleUse& use = instance().vehicles[at(vehicle)];
    Ticks clock = use.earliest;
    Place here = use.start;
    std::vector<Ticks> boarded(instance().requests.size(), schedule::forever);
    for (std::int32_t index : route(vehicle)) {
      Node& node = instance().nodes[at(index)];
      if (node.place != no_place) {
        clock += instance().times->seconds(here, node.place, node.hour);
        here = node.place;
      }
      clock = std::max(clock, node.earliest);
      node.latest = std::max(node.latest, clock);
      if (node.kind == NodeKind::pickup) boarded[at(node.request)] = clock + node.service;
      if (node.kind == NodeKind::dropoff) {
        schedule::Request& request = instance().requests[at(node.request)];
        bool const aboard = request.pickup < 0;
        Ticks const since = aboard ? request.boarded : boarded[at(node.request)];
        if ((rides || aboard) && request.max_ride < schedule::forever) {
          request.max_ride = std::max(request.max_ride, clock - since);
        }
      }
      clock += node.service;
    }
    if (use.end != no_place) clock += instance().times->seconds(here, use.end, use.end_hour);
    use.latest = std::max(use.latest, clock);
  }

  Situation const& situation_;
  Day const& day_;
  ObjectiveWeights const& weights_;
  Cents dearest_;
  Question question_;
  std::vector<std::int32_t> request_of_;  // by position of the booking
  std::vector<std::int32_t> offered_;
};

}  // namespace

Question instance_of(Situation const& situation, std::span<std::int32_t const> drivers,
                     std::span<std::int32_t const> bookings) {
  Translation translation(situation);
  for (std::int32_t position : drivers) translation.add_driver(position);
  for (std::int32_t position : bookings) translation.offer(position);
  return translation.finish();
}

Question instance_of(Situation const& situation, std::span<std::int32_t const> bookings) {
  std::vector<std::int32_t> everybody(situation.fleet.drivers.size());
  for (std::size_t d = 0; d < everybody.size(); ++d) everybody[d] = static_cast<std::int32_t>(d);
  return instance_of(situation, everybody, bookings);
}

Seconds latest_pickup(Situation const& situation, std::int32_t position) {
  Booking const& booking = situation.fleet.day->bookings[static_cast<std::size_t>(position)];
  BookingState const& state = situation.fleet.bookings[static_cast<std::size_t>(position)];
  Seconds const late = situation.fleet.day->weights.max_late(booking.booking_class);
  Seconds const direct = leg_hours(booking, state.pickup_window, state.dropoff_window, situation.times).direct.seconds;
  Seconds const by_dropoff = after(state.dropoff_window.end, late - direct - booking.pickup_service);
  return std::min(after(state.pickup_window.end, late), by_dropoff);
}

Seconds last_call(Situation const& situation, std::int32_t position) {
  BookingState const& state = situation.fleet.bookings[static_cast<std::size_t>(position)];
  return after(state.pickup_window.end, -situation.fleet.day->partner.notice);
}

bool partner_takes(Situation const& situation, std::int32_t position) {
  Seats const& seats = situation.fleet.day->bookings[static_cast<std::size_t>(position)].seats;
  bool const special = seats[SeatKind::wheelchair] > 0 || seats[SeatKind::stretcher] > 0;
  return situation.fleet.partner_left > 0 && (!special || situation.fleet.day->partner.wheelchairs);
}

}  // namespace regulus::dispatch
