#include "dispatch/translation.h"

#include <algorithm>

#include "core/check.h"
#include "dispatch/partner_premium.h"
#include "dispatch/ride.h"

namespace regulus::dispatch {

using schedule::Money;
using schedule::Node;
using schedule::NodeKind;
using schedule::Ticks;
using schedule::Violation;

namespace {

constexpr std::int32_t nobody = -1;

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

}  // namespace

Translation::Translation(Situation const& situation, std::vector<std::int32_t> drivers, Prices prices)
    : prices_(prices) {
  Day const& day = *situation.fleet.day;
  if (prices != Prices::moving) dearest_ = dearest_ride(day);
  price_partner(situation);
  request_of_.assign(day.bookings.size(), nobody);
  in_plan_.assign(day.bookings.size(), false);
  instance().times = &situation.times;
  instance().per_metre = by_metre(day.weights.km);
  instance().load_weight = thousandths(day.weights.unfair);
  instance().vehicles.resize(drivers.size());
  question_.present.routes.resize(drivers.size());
  question_.break_of.resize(drivers.size());
  holds_until_.resize(drivers.size());
  for (std::int32_t position : drivers) rest_of_.emplace_back(day.drivers[at(position)].breaks.size(), nobody);
  question_.driver_of = std::move(drivers);
}

void Translation::price_partner(Situation const& situation) {
  if (prices_ != Prices::moving) question_.partner_premium = partner_premium(situation);
}

std::int32_t Translation::write_offer(Situation const& situation, std::int32_t booking) {
  REGULUS_CHECK(!in_plan(booking));
  Offer const now = offer_of(situation, booking);
  std::int32_t const known = request_of(booking);
  if (known != nobody && offered_[at(known)] == now) return known;
  std::int32_t const index = write_request(situation, booking, Role::offered);
  offered_[at(index)] = now;
  return index;
}

Translation::Offer Translation::offer_of(Situation const& situation, std::int32_t position) const {
  BookingState const& state = situation.fleet.bookings[at(position)];
  bool const partner = is_open(state.status) && partner_can_take(situation, position);
  return {.valid = true,
          .partner = partner,
          .premium = partner ? question_.partner_premium : 0,
          .driver = state.driver,
          .promised_driver = state.promised_driver,
          .other_leg = driver_of_linked(situation.fleet, situation.fleet.day->bookings[at(position)]),
          .promised_pickup = state.promised_pickup,
          .pickup_window = state.pickup_window,
          .dropoff_window = state.dropoff_window};
}

Seconds first_opening(Situation const& situation, std::span<std::int32_t const> bookings) {
  Seconds first = never;
  for (std::int32_t b : bookings) first = std::min(first, situation.fleet.bookings[at(b)].pickup_window.start);
  return first;
}

std::int32_t Translation::write_request(Situation const& situation, std::int32_t position, Role role) {
  Booking const& booking = situation.fleet.day->bookings[at(position)];
  BookingState const& state = situation.fleet.bookings[at(position)];
  std::int32_t& index = request_of_[at(position)];
  if (index == nobody) {
    index = static_cast<std::int32_t>(instance().requests.size());
    instance().requests.emplace_back();
    auto const first = static_cast<std::int32_t>(instance().nodes.size());
    instance().nodes.resize(instance().nodes.size() + 2);
    nodes_of_.push_back({first, first + 1});
    offered_.emplace_back();
    question_.booking_of.push_back(position);
    question_.partner_is_cheaper.push_back(false);
  }
  Nodes const nodes = nodes_of_[at(index)];
  offered_[at(index)].valid = false;
  Ride ride = ride_of(situation, booking, state);
  ride.pickup.request = ride.dropoff.request = index;
  ride.request.pickup = role == Role::on_board ? nobody : nodes.pickup;
  ride.request.dropoff = nodes.dropoff;
  ride.request.boarded = role == Role::on_board ? state.boarded : 0;
  bool const priced = role == Role::offered || (role == Role::planned && prices_ != Prices::of_offers);
  if (priced && prices_ != Prices::moving) {
    Money const unserved = thousandths(unserved_price(situation.fleet.day->weights, booking, dearest_));
    bool const cheaper = ride.partner < unserved && offer_of(situation, position).partner;
    ride.request.left_out = cheaper ? std::min(ride.partner + question_.partner_premium, unserved) : unserved;
    question_.partner_is_cheaper[at(index)] = cheaper;
  }
  if (priced) ride.request.on_vehicle = prices_on_vehicles(situation, booking, state, question_.driver_of);
  node(nodes.pickup) = ride.pickup;
  node(nodes.dropoff) = ride.dropoff;
  request(index) = std::move(ride.request);
  return index;
}

std::int32_t Translation::add_rest(std::int32_t vehicle, std::int32_t number) {
  std::int32_t& index = rest_of_[at(vehicle)][at(number)];
  if (index == nobody) {
    index = static_cast<std::int32_t>(instance().nodes.size());
    instance().nodes.emplace_back();
  }
  auto& rests = instance().vehicles[at(vehicle)].rests;
  node(index) = {};
  node(index).kind = NodeKind::rest;
  node(index).request = static_cast<std::int32_t>(rests.size());
  rests.push_back({index});
  question_.break_of[at(vehicle)].push_back(number);
  return index;
}

void Translation::clear_driver(std::int32_t vehicle) {
  instance().vehicles[at(vehicle)] = {};
  question_.break_of[at(vehicle)].clear();
  for (std::int32_t n : route(vehicle)) {
    if (node(n).kind != NodeKind::rest) in_plan_[at(question_.booking_of[at(node(n).request)])] = false;
  }
  route(vehicle).clear();
}

bool Translation::write_driver(Situation const& situation, std::int32_t vehicle) {
  Day const& day = *situation.fleet.day;
  std::int32_t const position = question_.driver_of[at(vehicle)];
  Driver const& driver = day.drivers[at(position)];
  DriverState const& state = situation.fleet.drivers[at(position)];
  Seconds const now = situation.fleet.now;
  std::vector<std::int32_t>& nodes = route(vehicle);
  REGULUS_CHECK(nodes.empty());
  if (!state.available) return true;

  std::int32_t fetched = 0;
  for (Stop const& stop : state.stops) {
    if (stop.kind == StopKind::rest) {
      std::int32_t const rest = add_rest(vehicle, stop.index);
      Break const& pause = driver.breaks[at(stop.index)];
      node(rest).earliest = pause.window.start;
      node(rest).latest = pause.window.end;
      node(rest).service = pause.duration;
      nodes.push_back(rest);
      continue;
    }
    std::int32_t const booking = day.booking_position(stop.index);
    REGULUS_CHECK(booking >= 0);
    bool const boarded = std::ranges::find(state.on_board, stop.index) != state.on_board.end();
    if (!in_plan(booking)) write_request(situation, booking, boarded ? Role::on_board : Role::planned);
    in_plan_[at(booking)] = true;
    std::int32_t const r = request_of(booking);
    if (boarded) instance().vehicles[at(vehicle)].on_board.push_back(r);
    fetched += stop.kind == StopKind::pickup ? 1 : 0;
    nodes.push_back(stop.kind == StopKind::pickup ? nodes_of_[at(r)].pickup : nodes_of_[at(r)].dropoff);
  }

  schedule::VehicleUse& use = instance().vehicles[at(vehicle)];
  bool const has_left = state.left_start < never;
  use.start = state.anchor == no_place ? driver.start : state.anchor;
  use.end = driver.end;
  use.end_hour = static_cast<std::uint8_t>(hour_of_day(driver.shift.end));
  Seconds const free_at = state.free_at < never ? state.free_at : now;  // when nobody knows
  use.earliest = state.under_way ? free_at : std::max(now, free_at);
  if (!has_left) use.earliest = std::max(use.earliest, driver.shift.start);
  use.latest = driver.shift.end + driver.max_overtime;
  use.started = has_left;
  use.layouts = driver.vehicle.layouts;
  use.fixed = has_left ? 0 : thousandths(day.weights.call_out(driver.type));
  use.per_tick = by_second(day.weights.hour_rate(driver.type), one_hour);
  use.overtime_after = driver.shift.end;
  use.overtime_rate = by_second(day.weights.overtime_hour, one_hour);
  use.trips = std::max(0, state.trips - fetched);
  std::size_t locked = 0;
  while (locked < state.stops.size() && (state.stops[locked].locked || (locked == 0 && state.under_way))) ++locked;
  use.locked.assign(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(locked));
  holds_until_[at(vehicle)] = never;
  if (state.under_way && !nodes.empty()) {
    holds_until_[at(vehicle)] = place_under_way(situation, state, use, node(nodes.front()));
  }
  return !widen(vehicle);
}

namespace {

// A stop in progress ends, or is reached, now at the earliest. Returns until when this is so anyway.
Seconds lasts_until(Seconds now, DriverState const& state, schedule::VehicleUse const& use, Node& front, Seconds leg) {
  if (state.serving_since < never) {
    front.service = std::max(front.service, now - state.serving_since);
    return state.serving_since + front.service;
  }
  Seconds const begins = std::max(front.earliest, use.earliest + leg);
  if (now > begins) front.earliest = now;
  return std::max(begins, now);
}

}  // namespace

// The stop in progress: what is known of it replaces what was expected. Returns until when this stays true while
// nothing happens.
Seconds Translation::place_under_way(Situation const& situation, DriverState const& state, schedule::VehicleUse& use,
                                     Node& front) const {
  Seconds const now = situation.fleet.now;
  bool const there = state.arrived < never || state.serving_since < never;
  if (there && front.place != no_place) use.start = front.place;
  if (state.serving_since < never) {
    use.earliest = front.earliest = state.serving_since;
    front.latest = std::max(front.latest, state.serving_since);
    return lasts_until(now, state, use, front, 0);
  }
  if (there) use.earliest = state.arrived;
  return lasts_until(now, state, use, front,
                     front.place == no_place ? 0 : situation.times.seconds(use.start, front.place, front.hour));
}

bool Translation::let_time_pass(Situation const& situation, std::int32_t vehicle) {
  std::int32_t const position = question_.driver_of[at(vehicle)];
  DriverState const& state = situation.fleet.drivers[at(position)];
  schedule::VehicleUse& use = instance().vehicles[at(vehicle)];
  Seconds const now = situation.fleet.now;
  if (state.under_way) {
    // It holds no longer, so the driver should be there by now.
    holds_until_[at(vehicle)] = lasts_until(now, state, use, node(route(vehicle).front()), 0);
  } else {
    use.earliest = now;
  }
  return schedule::evaluate(instance(), vehicle, route(vehicle)).violation == Violation::none;
}

std::uint32_t Translation::rests_wanted(Situation const& situation, std::int32_t vehicle, Seconds first_offer) const {
  std::int32_t const position = question_.driver_of[at(vehicle)];
  Driver const& driver = situation.fleet.day->drivers[at(position)];
  DriverState const& state = situation.fleet.drivers[at(position)];
  if (driver.breaks.empty() || !state.available) return 0;
  // When whatever the driver may be asked to do begins: of a day that has begun, before every break.
  Seconds begins = state.left_start < never ? -never : first_offer;
  std::uint32_t planned = state.breaks_taken;
  for (Stop const& stop : state.stops) {
    if (stop.kind == StopKind::rest) planned |= 1U << static_cast<unsigned>(stop.index);
    if (stop.kind != StopKind::pickup) continue;
    std::int32_t const booking = situation.fleet.day->booking_position(stop.index);
    begins = std::min(begins, situation.fleet.bookings[at(booking)].pickup_window.start);
  }
  std::uint32_t wanted = 0;
  for (std::size_t k = 0; k < driver.breaks.size(); ++k) {
    Break const& pause = driver.breaks[k];
    bool const over = pause.window.end < situation.fleet.now || begins > pause.window.end + pause.duration;
    if (!over && (planned >> k & 1U) == 0) wanted |= 1U << k;
  }
  return wanted;
}

void Translation::write_rests(Situation const& situation, std::int32_t vehicle, std::uint32_t wanted) {
  Driver const& driver = situation.fleet.day->drivers[at(question_.driver_of[at(vehicle)])];
  for (std::size_t k = 0; k < driver.breaks.size(); ++k) {
    if ((wanted >> k & 1U) == 0) continue;
    Node& rest = node(add_rest(vehicle, static_cast<std::int32_t>(k)));
    rest.earliest = driver.breaks[k].window.start;
    rest.latest = driver.breaks[k].window.end;
    rest.service = driver.breaks[k].duration;
    if (place_rest(vehicle)) continue;
    // There is no place for it in this plan: passengers come first.
    instance().vehicles[at(vehicle)].rests.pop_back();
    question_.break_of[at(vehicle)].pop_back();
  }
}

// Puts the rest that was added last into the present route, behind the other rests, where it costs least.
bool Translation::place_rest(std::int32_t vehicle) {
  schedule::VehicleUse const& use = instance().vehicles[at(vehicle)];
  std::vector<std::int32_t>& nodes = route(vehicle);
  std::size_t first = use.locked.size();
  for (std::size_t k = first; k < nodes.size(); ++k) {
    if (node(nodes[k]).kind == NodeKind::rest) first = k + 1;
  }
  std::vector<std::int32_t> best;
  Money cheapest = schedule::impossible;
  for (std::size_t k = first; k <= nodes.size(); ++k) {
    std::vector<std::int32_t> tried = nodes;
    tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(k), use.rests.back().node);
    auto const outcome = schedule::evaluate(instance(), vehicle, tried);
    if (outcome.violation != Violation::none || outcome.cost.total() >= cheapest) continue;
    cheapest = outcome.cost.total();
    best = std::move(tried);
  }
  if (best.empty()) return false;
  nodes = std::move(best);
  return true;
}

// Makes room for what the present plan does anyway, and says whether that was needed. First the windows and the way
// home, as early as the plan can be driven; if that is not enough, the limits of its rides too.
bool Translation::widen(std::int32_t vehicle) {
  for (bool const rides : {false, true}) {
    if (schedule::evaluate(instance(), vehicle, route(vehicle)).violation == Violation::none) return rides;
    widen_to_earliest(vehicle, rides);
  }
  return true;
}

void Translation::widen_to_earliest(std::int32_t vehicle, bool rides) {
  schedule::VehicleUse& use = instance().vehicles[at(vehicle)];
  std::vector<std::int32_t> const& nodes = route(vehicle);
  Ticks clock = use.earliest;
  Place here = use.start;
  std::vector<Ticks> boarded(nodes.size());  // end of service, by position
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    Node& stop = node(nodes[k]);
    if (stop.place != no_place) {
      clock += instance().times->seconds(here, stop.place, stop.hour);
      here = stop.place;
    }
    clock = std::max(clock, stop.earliest);
    stop.latest = std::max(stop.latest, clock);
    boarded[k] = clock + stop.service;
    if (stop.kind == NodeKind::dropoff) {
      schedule::Request& rider = request(stop.request);
      bool const aboard = rider.pickup < 0;
      auto const pickup = static_cast<std::size_t>(std::ranges::find(nodes, rider.pickup) - nodes.begin());
      Ticks const since = aboard ? rider.boarded : boarded[std::min(pickup, k)];
      if ((rides || aboard) && rider.max_ride < schedule::forever) {
        rider.max_ride = std::max(rider.max_ride, clock - since);
      }
    }
    clock += stop.service;
  }
  if (use.end != no_place) clock += instance().times->seconds(here, use.end, use.end_hour);
  use.latest = std::max(use.latest, clock);
}

}  // namespace regulus::dispatch
