#include "dispatch/explain.h"

#include <algorithm>
#include <functional>

#include "core/check.h"
#include "domain/day.h"
#include "domain/leg_hours.h"

namespace regulus::dispatch {

using schedule::Evaluation;
using schedule::FleetIndex;
using schedule::Insertion;
using schedule::Instance;
using schedule::Money;
using schedule::Node;
using schedule::NodeKind;
using schedule::Request;
using schedule::VehicleUse;
using schedule::Violation;

namespace {

using Nodes = std::vector<std::int32_t>;

constexpr Seconds longest_move = 4 * one_hour;
constexpr std::size_t moves_tried = 24;

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

Nodes inserted(Nodes route, Request const& request, Insertion const& where) {
  route.insert(route.begin() + where.pickup_at, request.pickup);
  route.insert(route.begin() + where.dropoff_at, request.dropoff);
  return route;
}

Nodes without(Nodes route, Request const& request) {
  std::erase_if(route, [&](std::int32_t n) { return n == request.pickup || n == request.dropoff; });
  return route;
}

bool holds(std::vector<DriverId> const& list, DriverId id) { return std::ranges::find(list, id) != list.end(); }

}  // namespace

struct Explainer::State {
  Situation const situation;
  Question question;
  FleetIndex index;
  std::vector<std::int32_t> request_of;  // by position of the booking; -1: not asked about
  std::vector<std::int32_t> vehicle_of;  // by request; -1: in no plan
  std::vector<VehicleUse> empty_day;     // by vehicle: the driver's whole shift and nothing planned

  State(Situation const& asked, std::span<std::int32_t const> bookings)
      : situation(asked), question(instance_of(asked, bookings)), index(question.instance) {}

  Instance& x() { return question.instance; }
  Day const& day() const { return *situation.fleet.day; }
  Driver const& driver(std::int32_t vehicle) const { return day().drivers[at(question.driver_of[at(vehicle)])]; }
  DriverId driver_id(std::int32_t vehicle) const { return driver(vehicle).id; }
  Nodes const& route(std::int32_t vehicle) const { return question.present.routes[at(vehicle)]; }
  Booking const& booking(std::int32_t request) const { return day().bookings[at(question.booking_of[at(request)])]; }

  void tell_drivers_apart(std::int32_t request, Unassigned& answer, std::vector<std::int32_t>& out_of_shift);
  void find_changes(std::int32_t request, Unassigned& answer, std::vector<std::int32_t> const& out_of_shift);
  std::optional<Insertion> with(std::int32_t request, std::function<void(Request&, Node&, Node&)> const& change,
                                std::vector<Insertion>* others = nullptr);
  void try_moving_windows(std::int32_t request, Change::Kind kind, Unassigned& answer);
  void follow_the_hour(std::int32_t request, Seconds earlier, Request& r, Node& pickup, Node& dropoff) const;
  void try_waiving(std::int32_t request, Change::Kind kind, Unassigned& answer);
  void try_longer_shifts(std::int32_t request, std::vector<std::int32_t> const& vehicles, Unassigned& answer);
  void try_one_more(std::int32_t request, Unassigned& answer);
  void try_moving_a_booking(std::int32_t request, Unassigned& answer);
  std::vector<std::int32_t> near(std::int32_t vehicle, std::int32_t request);
  Price price(std::int32_t vehicle, Nodes const& less, Nodes const& more);
};

Explainer::Explainer(Situation const& situation, std::span<std::int32_t const> bookings)
    : state_(std::make_unique<State>(situation, bookings)) {
  State& s = *state_;
  Question const& q = s.question;
  s.request_of.assign(s.day().bookings.size(), -1);
  for (std::size_t r = 0; r < q.booking_of.size(); ++r)
    s.request_of[at(q.booking_of[r])] = static_cast<std::int32_t>(r);
  s.vehicle_of.assign(q.instance.requests.size(), -1);
  for (std::int32_t v = 0; v < static_cast<std::int32_t>(q.driver_of.size()); ++v) {
    for (std::int32_t n : s.route(v)) {
      Node const& node = q.instance.nodes[at(n)];
      if (node.kind != NodeKind::rest) s.vehicle_of[at(node.request)] = v;
    }
    s.index.set_route(v, s.route(v));
    VehicleUse use = q.instance.vehicles[at(v)];
    Driver const& driver = s.driver(v);
    use.start = driver.start;
    use.end = driver.end;
    use.earliest = std::max(driver.shift.start, situation.fleet.now);
    use.latest = driver.shift.end + driver.max_overtime;
    use.started = false;
    use.trips = 0;
    use.fixed = 1000 * s.day().weights.call_out(driver.type);
    use.rests.clear();
    use.on_board.clear();
    use.locked.clear();
    s.empty_day.push_back(use);
  }
}
Explainer::~Explainer() = default;

bool Explainer::in_plan(std::int32_t booking) const {
  std::int32_t const request = state_->request_of[at(booking)];
  return request >= 0 && state_->vehicle_of[at(request)] >= 0;
}

// The drivers by what stops each of them first.
void Explainer::State::tell_drivers_apart(std::int32_t request, Unassigned& answer,
                                          std::vector<std::int32_t>& out_of_shift) {
  Request const wanted = x().requests[at(request)];
  Booking const& b = booking(request);
  auto const spare = static_cast<std::int32_t>(x().vehicles.size());
  x().vehicles.emplace_back();
  for (std::int32_t v = 0; v < spare; ++v) {
    Driver const& d = driver(v);
    ++answer.drivers;
    if (!d.vehicle.fits(wanted.seats)) {
      ++answer.seats;
    } else if ((b.skills & ~d.skills) != 0) {
      ++answer.skills;
    } else if (x().on_vehicle(request, v) >= schedule::impossible) {
      ++answer.permission;
    } else {
      x().vehicles[at(spare)] = empty_day[at(v)];
      auto& prices = x().requests[at(request)].on_vehicle;
      if (!prices.empty()) prices.resize(at(spare) + 1, 0);
      bool const alone =
          schedule::evaluate(x(), spare, Nodes{wanted.pickup, wanted.dropoff}).violation == Violation::none;
      (alone ? answer.busy : answer.shift) += 1;
      if (!alone) out_of_shift.push_back(v);
    }
  }
  x().vehicles.pop_back();
  x().requests[at(request)].on_vehicle = wanted.on_vehicle;
}

Unassigned Explainer::why_unassigned(std::int32_t position) {
  State& s = *state_;
  std::int32_t const request = s.request_of[at(position)];
  REGULUS_CHECK(request >= 0 && s.vehicle_of[at(request)] < 0);
  Request const& wanted = s.x().requests[at(request)];
  Unassigned answer;
  answer.booking = s.booking(request).id;
  answer.left_out = wanted.left_out;
  answer.partner = s.question.partner_is_cheaper[at(request)];
  if (answer.partner) {
    answer.premium = std::min(s.question.partner_premium, wanted.left_out);
    answer.left_out -= answer.premium;
  }
  answer.drivers = static_cast<std::int32_t>(s.question.driver_of.size());
  if (auto const best = s.index.best(request)) {
    answer.reason = best->cost <= wanted.left_out ? Reason::possible : Reason::dear;
    answer.best = s.driver_id(best->vehicle);
    answer.price = best->cost;
    return answer;
  }
  answer.drivers = 0;
  std::vector<std::int32_t> out_of_shift;
  s.tell_drivers_apart(request, answer, out_of_shift);
  Node const& pickup = s.x().nodes[at(wanted.pickup)];
  Node const& dropoff = s.x().nodes[at(wanted.dropoff)];
  answer.direct = s.situation.times.seconds(pickup.place, dropoff.place, dropoff.hour);
  Seconds const room = dropoff.latest - pickup.earliest - pickup.service;
  if (answer.busy + answer.shift == 0) {
    answer.reason = answer.permission > 0 ? Reason::permission : answer.skills > 0 ? Reason::skills : Reason::seats;
  } else if (answer.direct > room) {
    answer.reason = Reason::window;
    answer.allowed = std::max<Seconds>(0, room);
  } else if (answer.direct > wanted.max_ride) {
    answer.reason = Reason::ride_limit;
    answer.allowed = wanted.max_ride;
  } else {
    answer.reason = answer.busy > 0 ? Reason::busy : Reason::shift;
  }
  s.find_changes(request, answer, out_of_shift);
  return answer;
}

// The best insertion of a changed copy of the request.
std::optional<Insertion> Explainer::State::with(std::int32_t request,
                                                std::function<void(Request&, Node&, Node&)> const& change,
                                                std::vector<Insertion>* others) {
  Request copy = x().requests[at(request)];
  Node pickup = x().nodes[at(copy.pickup)], dropoff = x().nodes[at(copy.dropoff)];
  change(copy, pickup, dropoff);
  auto const number = static_cast<std::int32_t>(x().requests.size());
  copy.pickup = static_cast<std::int32_t>(x().nodes.size());
  copy.dropoff = copy.pickup + 1;
  pickup.request = dropoff.request = number;
  x().nodes.push_back(pickup);
  x().nodes.push_back(dropoff);
  x().requests.push_back(copy);
  std::vector<Insertion> const found = index.best_of_each(number, others == nullptr ? 1 : 3);
  std::optional<Insertion> best;
  if (!found.empty()) {
    best = found.front();
    if (others != nullptr) *others = found;
    Nodes const nodes = inserted(route(best->vehicle), copy, *best);
    REGULUS_CHECK(schedule::evaluate(x(), best->vehicle, nodes).violation == Violation::none);
  }
  x().requests.pop_back();
  x().nodes.resize(x().nodes.size() - 2);
  return best;
}

// A ride whose window opens earlier may meet the traffic of another hour.
void Explainer::State::follow_the_hour(std::int32_t request, Seconds earlier, Request& r, Node& pickup,
                                       Node& dropoff) const {
  Booking const& b = booking(request);
  BookingState const& state = situation.fleet.bookings[at(question.booking_of[at(request)])];
  auto const moved = [&](Window window) { return Window{window.start - earlier, window.end}; };
  LegHours const hours = leg_hours(b, moved(state.pickup_window), moved(state.dropoff_window), situation.times);
  pickup.hour = hours.pickup;
  dropoff.hour = hours.dropoff;
  r.direct = hours.direct.seconds;
  r.max_ride = b.max_ride < never ? b.max_ride : schedule::forever;
  if (b.max_ride_ratio > 0) {
    auto const scaled = static_cast<Seconds>(b.max_ride_ratio * static_cast<double>(r.direct));
    r.max_ride = std::min(r.max_ride, scaled);
  }
}

// The fewest minutes that help. More help, too, but where the hour changes the traffic; the minutes that are offered
// are tried themselves.
void Explainer::State::try_moving_windows(std::int32_t request, Change::Kind kind, Unassigned& answer) {
  if (kind == Change::Kind::longer_ride && x().requests[at(request)].max_ride >= schedule::forever) return;
  auto const move = [&](Seconds by) {
    return [this, request, kind, by](Request& r, Node& pickup, Node& dropoff) {
      for (Node* node : {&pickup, &dropoff}) {
        if (kind == Change::Kind::later && node->latest < schedule::forever) {
          node->latest += by;
          node->due += by;
        }
        if (kind == Change::Kind::earlier) node->earliest -= by;
      }
      if (kind == Change::Kind::longer_ride) r.max_ride += by;
      if (kind == Change::Kind::earlier) follow_the_hour(request, by, r, pickup, dropoff);
    };
  };
  Seconds enough = 0, too_little = 0;
  for (Seconds const by : {5, 10, 20, 40, 80, 160, 240}) {
    if (with(request, move(by * one_minute))) {
      enough = by * one_minute;
      break;
    }
    too_little = by * one_minute;
  }
  if (enough == 0) return;
  while (enough - too_little > one_minute) {
    Seconds const middle = too_little + (enough - too_little) / 2 / one_minute * one_minute;
    (with(request, move(middle)) ? enough : too_little) = middle;
  }
  std::vector<Insertion> others;
  std::optional<Insertion> const best = with(request, move(enough), &others);
  REGULUS_CHECK(best.has_value());
  Money const minute = 1000 * day().weights.late_minute(booking(request).booking_class);
  Money const inconvenience = kind == Change::Kind::longer_ride ? 0 : enough / one_minute * minute;
  answer.changes.push_back(
      {.kind = kind, .by = enough, .driver = driver_id(best->vehicle), .price = best->cost + inconvenience});
  if (answer.reason != Reason::busy || kind == Change::Kind::longer_ride) return;
  for (Insertion const& other : others) {
    DriverId const id = driver_id(other.vehicle);
    if (answer.nearest.size() < 3 && !holds(answer.nearest, id)) answer.nearest.push_back(id);
  }
}

// Somebody without the skills, or who is not allowed.
void Explainer::State::try_waiving(std::int32_t request, Change::Kind kind, Unassigned& answer) {
  Booking const& b = booking(request);
  if (x().requests[at(request)].on_vehicle.empty()) return;
  auto const best = with(request, [&](Request& r, Node&, Node&) {
    for (std::size_t v = 0; v < r.on_vehicle.size(); ++v) {
      bool const untrained = (b.skills & ~driver(static_cast<std::int32_t>(v)).skills) != 0;
      DriverId const id = driver_id(static_cast<std::int32_t>(v));
      bool const excluded = holds(b.forbidden, id) || (!b.required.empty() && !holds(b.required, id));
      bool const only_this = kind == Change::Kind::training ? untrained && !excluded : excluded && !untrained;
      if (r.on_vehicle[v] >= schedule::impossible && only_this) r.on_vehicle[v] = 0;
    }
  });
  if (best) answer.changes.push_back({.kind = kind, .driver = driver_id(best->vehicle), .price = best->cost});
}

void Explainer::State::try_longer_shifts(std::int32_t request, std::vector<std::int32_t> const& vehicles,
                                         Unassigned& answer) {
  FleetIndex one(x());
  std::vector<Insertion> found;
  auto const best_with = [&](std::int32_t v, Seconds by) {
    VehicleUse const before = x().vehicles[at(v)];
    x().vehicles[at(v)].latest += by;
    if (!before.started) x().vehicles[at(v)].earliest = std::max(before.earliest - by, situation.fleet.now);
    one.set_route(v, route(v));
    std::optional<Insertion> const best = one.best(request);
    one.forget(v);
    x().vehicles[at(v)] = before;
    return best;
  };
  for (std::int32_t v : vehicles) {
    if (auto const best = best_with(v, longest_move)) found.push_back(*best);
  }
  std::ranges::sort(found, {}, [](Insertion const& i) { return std::pair(i.cost, i.vehicle); });
  if (found.empty()) return;
  std::int32_t const v = found.front().vehicle;
  Seconds enough = longest_move, too_little = 0;
  while (enough - too_little > one_minute) {
    Seconds const middle = too_little + (enough - too_little) / 2 / one_minute * one_minute;
    (best_with(v, middle) ? enough : too_little) = middle;
  }
  answer.changes.push_back(
      {.kind = Change::Kind::longer_shift, .by = enough, .driver = driver_id(v), .price = best_with(v, enough)->cost});
}

// A colleague of somebody's kind with nothing to do; or, where nobody has them, with the seats.
void Explainer::State::try_one_more(std::int32_t request, Unassigned& answer) {
  Request const wanted = x().requests[at(request)];
  auto const spare = static_cast<std::int32_t>(x().vehicles.size());
  x().vehicles.emplace_back();
  if (!wanted.on_vehicle.empty()) x().requests[at(request)].on_vehicle.resize(at(spare) + 1, 0);
  std::optional<Change> best;
  for (std::int32_t v = 0; v < spare; ++v) {
    bool const has_seats = driver(v).vehicle.fits(wanted.seats);
    if (!has_seats && answer.seats < answer.drivers) continue;
    x().vehicles[at(spare)] = empty_day[at(v)];
    if (!has_seats) x().vehicles[at(spare)].layouts.push_back(wanted.seats);
    Evaluation const e = schedule::evaluate(x(), spare, Nodes{wanted.pickup, wanted.dropoff});
    if (e.violation != Violation::none) continue;
    Money const price = e.cost.total() + x().load_weight;
    if (best && best->price <= price) continue;
    best = Change{.kind = Change::Kind::one_more, .driver = has_seats ? driver_id(v) : 0, .price = price};
  }
  x().vehicles.pop_back();
  x().requests[at(request)].on_vehicle = wanted.on_vehicle;
  if (best) answer.changes.push_back(*best);
}

// The requests of a route that may be taken out and are driven at about the same time.
std::vector<std::int32_t> Explainer::State::near(std::int32_t vehicle, std::int32_t request) {
  Request const& wanted = x().requests[at(request)];
  Seconds const from = x().nodes[at(wanted.pickup)].earliest - one_hour;
  Seconds const until = std::min(x().nodes[at(wanted.pickup)].latest, x().nodes[at(wanted.dropoff)].latest) + one_hour;
  auto const& locked = x().vehicles[at(vehicle)].locked;
  std::vector<std::int32_t> found;
  for (std::int32_t n : route(vehicle)) {
    Node const& node = x().nodes[at(n)];
    if (node.kind != NodeKind::pickup || node.latest < from || node.earliest > until) continue;
    Request const& r = x().requests[at(node.request)];
    bool const fixed = std::ranges::any_of(locked, [&](std::int32_t l) { return l == r.pickup || l == r.dropoff; });
    if (!fixed) found.push_back(node.request);
  }
  return found;
}

// Another booking leaves a driver's plan, this one comes in, and the other one finds a place somewhere else.
void Explainer::State::try_moving_a_booking(std::int32_t request, Unassigned& answer) {
  struct Trial {
    Money so_far;
    std::int32_t moved;
    Insertion where;
  };
  std::vector<Trial> trials;
  FleetIndex one(x());
  for (std::int32_t v = 0; v < static_cast<std::int32_t>(question.driver_of.size()); ++v) {
    if (x().on_vehicle(request, v) >= schedule::impossible) continue;
    if (!driver(v).vehicle.fits(x().requests[at(request)].seats)) continue;
    Money const before = index.cost(v).total();
    for (std::int32_t other : near(v, request)) {
      Nodes const fewer = without(route(v), x().requests[at(other)]);
      if (schedule::evaluate(x(), v, fewer).violation != Violation::none) continue;
      one.set_route(v, fewer);
      if (auto const best = one.best(request)) {
        trials.push_back({best->cost + one.cost(v).total() - before, other, *best});
      }
    }
    one.forget(v);
  }
  std::ranges::sort(trials, {}, [](Trial const& t) { return std::pair(t.so_far, t.moved); });
  if (trials.size() > moves_tried) trials.resize(moves_tried);
  std::optional<Change> best;
  for (Trial const& t : trials) {
    if (best && t.so_far >= best->price) break;
    std::int32_t const v = t.where.vehicle;
    Nodes const changed = inserted(without(route(v), x().requests[at(t.moved)]), x().requests[at(request)], t.where);
    index.set_route(v, changed);
    auto const place = index.best(t.moved);
    index.set_route(v, route(v));
    if (!place) continue;
    Nodes const onto = place->vehicle == v ? changed : route(place->vehicle);
    REGULUS_CHECK(
        schedule::evaluate(x(), place->vehicle, inserted(onto, x().requests[at(t.moved)], *place)).violation ==
        Violation::none);
    Money const price = t.so_far + place->cost - x().load_weight;
    if (best && best->price <= price) continue;
    best = Change{.kind = Change::Kind::move,
                  .driver = driver_id(v),
                  .moved = booking(t.moved).id,
                  .moved_to = driver_id(place->vehicle),
                  .price = price};
  }
  if (best) answer.changes.push_back(*best);
}

void Explainer::State::find_changes(std::int32_t request, Unassigned& answer,
                                    std::vector<std::int32_t> const& out_of_shift) {
  try_moving_windows(request, Change::Kind::later, answer);
  try_moving_windows(request, Change::Kind::earlier, answer);
  try_moving_windows(request, Change::Kind::longer_ride, answer);
  try_waiving(request, Change::Kind::training, answer);
  try_waiving(request, Change::Kind::permission, answer);
  try_one_more(request, answer);
  if (answer.reason == Reason::shift) try_longer_shifts(request, out_of_shift, answer);
  if (answer.reason == Reason::busy) try_moving_a_booking(request, answer);
  std::ranges::stable_sort(answer.changes, {}, &Change::price);
}

Price Explainer::State::price(std::int32_t vehicle, Nodes const& less, Nodes const& more) {
  schedule::RouteCost const a = schedule::evaluate(x(), vehicle, less).cost;
  Evaluation const e = schedule::evaluate(x(), vehicle, more);
  REGULUS_CHECK(e.violation == Violation::none);
  std::int64_t trips = x().vehicles[at(vehicle)].trips;
  for (std::int32_t n : less) trips += x().nodes[at(n)].kind == NodeKind::pickup ? 1 : 0;
  return {{.driving = e.cost.driving - a.driving,
           .paid = e.cost.paid - a.paid,
           .lateness = e.cost.lateness - a.lateness,
           .excess = e.cost.excess - a.excess,
           .promises = e.cost.promises - a.promises,
           .matching = e.cost.matching - a.matching},
          x().load_weight * (2 * trips + 1)};
}

Assigned Explainer::why_this_driver(std::int32_t position) {
  State& s = *state_;
  std::int32_t const request = s.request_of[at(position)];
  REGULUS_CHECK(request >= 0 && s.vehicle_of[at(request)] >= 0);
  std::int32_t const v = s.vehicle_of[at(request)];
  Request const wanted = s.x().requests[at(request)];
  Assigned answer;
  answer.booking = s.booking(request).id;
  answer.driver = s.driver_id(v);
  auto const& locked = s.x().vehicles[at(v)].locked;
  answer.fixed = wanted.pickup < 0 ||
                 std::ranges::any_of(locked, [&](std::int32_t n) { return n == wanted.pickup || n == wanted.dropoff; });
  if (answer.fixed) return answer;
  Nodes const fewer = without(s.route(v), wanted);
  if (schedule::evaluate(s.x(), v, fewer).violation != Violation::none) {
    // Only where detours are shortcuts: without the booking, the others would not be in time.
    answer.fixed = true;
    return answer;
  }
  answer.price = s.price(v, fewer, s.route(v));
  s.index.forget(v);
  std::vector<Insertion> const found = s.index.best_of_each(request, 3);
  for (Insertion const& other : found) {
    Nodes const& old = s.route(other.vehicle);
    answer.others.push_back({s.driver_id(other.vehicle), s.price(other.vehicle, old, inserted(old, wanted, other))});
  }
  s.index.set_route(v, s.route(v));
  if (found.empty() || answer.others.front().price.total() < answer.price.total()) return answer;
  FleetIndex one(s.x());
  std::int32_t const next = found.front().vehicle;
  for (std::int32_t other : s.near(next, request)) {
    Nodes const room = without(s.route(next), s.x().requests[at(other)]);
    if (schedule::evaluate(s.x(), next, room).violation != Violation::none) continue;
    one.set_route(next, room);
    auto const best = one.best(request);
    if (best && best->cost < answer.price.total()) answer.makes_room.push_back(s.booking(other).id);
  }
  return answer;
}

}  // namespace regulus::dispatch
