#include "dispatch/world/world.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/check.h"
#include "dispatch/instance_of.h"
#include "domain/leg_hours.h"

namespace regulus::dispatch {

namespace {

constexpr std::int32_t nobody = -1;

void insert_sorted(std::vector<std::int32_t>& list, std::int32_t value) {
  auto const it = std::ranges::lower_bound(list, value);
  if (it == list.end() || *it != value) list.insert(it, value);
}

void erase_sorted(std::vector<std::int32_t>& list, std::int32_t value) {
  auto const it = std::ranges::lower_bound(list, value);
  if (it != list.end() && *it == value) list.erase(it);
}

}  // namespace

std::string_view name_of(What what) {
  static constexpr std::array<std::string_view, 29> names = {"known",      "cancelled",     "too late to cancel",
                                                             "called",     "shift started", "late start",
                                                             "began",      "sick",          "shift ended",
                                                             "left",       "arrived",       "no-show",
                                                             "loading",    "boarded",       "unloading",
                                                             "completed",  "resting",       "rested",
                                                             "going home", "home",          "overdue",
                                                             "promised",   "expired",       "assigned",
                                                             "unassigned", "partner",       "unserved",
                                                             "asked",      "refused"};
  return names[static_cast<std::size_t>(what)];
}

World::World(Day const& day, TravelTimes const& expected, std::function<void(Happening const&)> report)
    : day_(day),
      public_day_(day),
      expected_(expected),
      real_(day, expected),
      report_(std::move(report)),
      bodies_(day.drivers.size()),
      driven_(day.drivers.size()),
      told_(day.bookings.size()) {
  public_day_->reality = {};
  fleet_.day = &*public_day_;
  fleet_.partner_left = day.partner.rides;
  for (std::size_t i = 0; i < day.bookings.size(); ++i) {
    auto const position = static_cast<std::int32_t>(i);
    begin_booking(position);
    BookingReality const& real = real_.booking(position);
    if (real.cancelled_at < never) queue_.push({real.cancelled_at, EventKind::cancelled, position});
    Booking const& b = day.bookings[i];
    if (b.booking_class == BookingClass::will_call) {
      queue_.push({std::max(b.known_from, real.calls_at), EventKind::called, position});
    }
  }
  for (std::size_t i = 0; i < day.drivers.size(); ++i) {
    Driver const& d = day.drivers[i];
    auto const position = static_cast<std::int32_t>(i);
    DriverState& state = fleet_.drivers.emplace_back();
    state.anchor = d.start;
    state.free_at = d.shift.start;
    queue_.push({d.shift.start, EventKind::shift_start, position});
    queue_.push({d.shift.end, EventKind::shift_end, position});
    if (real_.driver(position).sick_from < never) {
      queue_.push({real_.driver(position).sick_from, EventKind::sick, position});
    }
  }
  fleet_.now = queue_.empty() ? 0 : queue_.next_moment();
}

// --- a day that has begun ---

World::World(Day const& day, Reality const& reality, FleetSnapshot const& fleet, TravelTimes const& expected,
             std::function<void(Happening const&)> report)
    : day_(day),
      expected_(expected),
      real_(day, reality, expected),
      report_(std::move(report)),
      fleet_(fleet),
      bodies_(day.drivers.size()),
      driven_(day.drivers.size()),
      told_(day.bookings.size()) {
  REGULUS_CHECK(day.reality == Reality{});
  REGULUS_CHECK(fleet.drivers.size() == day.drivers.size() && fleet.bookings.size() <= day.bookings.size());
  fleet_.day = &day_;
  for (std::size_t i = fleet.bookings.size(); i < day.bookings.size(); ++i) begin_booking(static_cast<std::int32_t>(i));
  for (std::size_t i = 0; i < day.drivers.size(); ++i) resume_driver(static_cast<std::int32_t>(i));
  for (std::size_t i = 0; i < fleet.bookings.size(); ++i) resume_booking(static_cast<std::int32_t>(i));
}

void World::begin_booking(std::int32_t b) {
  Booking const& booked = booking(b);
  fleet_.bookings.push_back({.ready = booked.booking_class != BookingClass::will_call,
                             .pickup_window = booked.pickup_window,
                             .dropoff_window = booked.dropoff_window});
  queue_.push({booked.known_from, EventKind::known, b});
}

void World::resume_booking(std::int32_t b) {
  BookingState& s = state_of(b);
  told_[static_cast<std::size_t>(b)] = s.driver;
  if (!s.known) s.status = BookingStatus::cancelled;
  if (is_final(s.status)) return;
  Seconds const called_off = real_.booking(b).cancelled_at;
  if (called_off < never && called_off > fleet_.now) queue_.push({called_off, EventKind::cancelled, b});
  if (!s.ready) {
    queue_.push({std::max(fleet_.now + 1, real_.booking(b).calls_at), EventKind::called, b});
  } else if (s.status == BookingStatus::pending) {
    offer(b);
  } else {
    promise(b);
  }
}

void World::resume_driver(std::int32_t d) {
  DriverState& s = state(d);
  Window const& shift = driver(d).shift;
  Body& doing = body(d);
  auto const pickups = std::ranges::count(s.stops, StopKind::pickup, &Stop::kind);
  doing.completed = s.trips - static_cast<std::int32_t>(s.on_board.size() + static_cast<std::size_t>(pickups));
  doing.idle_since = s.free_at;
  doing.ill = !s.available && fleet_.now < shift.end;
  if (s.left_start < never) {
    Seconds const back = std::max(s.left_start, std::min(s.free_at, fleet_.now));
    driven_[static_cast<std::size_t>(d)] = {.left = s.left_start, .back = back};
  }
  // Who was never told when to leave is told now.
  if (std::ranges::any_of(s.stops, [](Stop const& stop) { return stop.planned >= never; })) retime(d);
  bool const over = s.status == DriverStatus::off && !s.available;
  if (over || s.status == DriverStatus::sick) {
    doing.doing = Doing::gone;
    return;
  }
  if (shift.end > fleet_.now) queue_.push({shift.end, EventKind::shift_end, d});
  Seconds const sick = real_.driver(d).sick_from;
  if (sick < never && sick > fleet_.now) queue_.push({sick, EventKind::sick, d});
  if (s.status == DriverStatus::off) {
    if (shift.start > fleet_.now) {
      queue_.push({shift.start, EventKind::shift_start, d});
    } else {
      appoint(d, s.free_at, EventKind::begins);
    }
  } else if (s.status == DriverStatus::idle) {
    doing.doing = Doing::standing;
    proceed(d);
  } else if (s.under_way) {
    resume_stop(d);
  } else {
    // On the way home, or to whoever called off.
    doing.doing = Doing::driving;
    doing.destination = s.anchor;
    doing.homeward = s.anchor == driver(d).end;
    doing.expected_there = s.free_at;
    appoint(d, std::max(s.free_at, fleet_.now + 1), EventKind::arrives);
  }
}

// The stop that the driver is under way to, waits at or serves. What has not happened by now happens later than now.
void World::resume_stop(std::int32_t d) {
  DriverState& s = state(d);
  Body& doing = body(d);
  Stop const& stop = s.stops.front();
  bool const pickup = stop.kind == StopKind::pickup;
  Seconds const soon = fleet_.now + 1;
  if (stop.kind == StopKind::rest) {
    doing.doing = Doing::serving;
    Seconds const length = driver(d).breaks[static_cast<std::size_t>(stop.index)].duration;
    appoint(d, std::max(soon, s.serving_since + length), EventKind::served);
    return;
  }
  std::int32_t const b = day_.booking_position(stop.index);
  if (s.serving_since < never) {
    doing.doing = Doing::serving;
    Seconds const expected = pickup ? booking(b).pickup_service : booking(b).dropoff_service;
    Seconds const service = pickup ? real_.pickup_service(b) : real_.dropoff_service(b);
    appoint(d, std::max(soon, s.serving_since + service), EventKind::served);
    watch(d, s.serving_since + expected, std::max(soon, s.serving_since + service));
  } else if (s.arrived < never) {
    doing.doing = Doing::waiting;
    wait_at_stop(d, soon);
  } else {
    doing.doing = Doing::driving;
    doing.destination = place_of(d, stop);
    Errand const errand = pickup ? Errand::pickup : Errand::dropoff;
    doing.expected_there = s.free_at + expected_leg(d);
    Seconds const real = s.free_at + real_.leg(s.anchor, doing.destination, s.free_at, errand, stop.index);
    appoint(d, std::max(soon, real), EventKind::arrives);
    watch(d, doing.expected_there, std::max(soon, real));
  }
}

// --- what everything below uses ---

Place World::place_of(std::int32_t d, Stop const& stop) const {
  if (stop.kind == StopKind::rest) return fleet_.drivers[static_cast<std::size_t>(d)].anchor;
  Booking const& b = booking(day_.booking_position(stop.index));
  return stop.kind == StopKind::pickup ? b.pickup : b.dropoff;
}

Seconds World::expected_leg(std::int32_t d) const {
  DriverState const& s = fleet_.drivers[static_cast<std::size_t>(d)];
  Stop const& stop = s.stops.front();
  if (stop.kind == StopKind::rest) return 0;
  std::int32_t const b = day_.booking_position(stop.index);
  BookingState const& state = fleet_.bookings[static_cast<std::size_t>(b)];
  LegHours const hours = leg_hours(booking(b), state.pickup_window, state.dropoff_window, expected_);
  return expected_.seconds(s.anchor, place_of(d, stop), stop.kind == StopKind::pickup ? hours.pickup : hours.dropoff);
}

// When to be at the next stop.
Seconds World::latest_arrival(std::int32_t d) const {
  Stop const& next = fleet_.drivers[static_cast<std::size_t>(d)].stops.front();
  if (next.kind == StopKind::rest) {
    return std::max(next.planned, driver(d).breaks[static_cast<std::size_t>(next.index)].window.start);
  }
  BookingState const& state = fleet_.bookings[static_cast<std::size_t>(day_.booking_position(next.index))];
  Seconds const opens = next.kind == StopKind::pickup ? state.pickup_window.start : state.dropoff_window.start;
  return std::min(next.planned, std::max(opens, next.planned - head_start));
}

void World::tell(What what, std::int32_t d, std::int32_t b, std::int64_t detail) {
  report_({.at = fleet_.now,
           .what = what,
           .driver = d == nobody ? 0 : driver(d).id,
           .booking = b == nobody ? 0 : booking(b).id,
           .detail = detail});
}

void World::touch(std::int32_t d) {
  DriverState& s = state(d);
  auto const pickups = std::ranges::count(s.stops, StopKind::pickup, &Stop::kind);
  s.trips = body(d).completed + static_cast<std::int32_t>(s.on_board.size() + static_cast<std::size_t>(pickups));
  ++s.version;
  ++fleet_.version;
}

void World::become(std::int32_t d, DriverStatus status) {
  DriverStatus& now = state(d).status;
  if (now == status) return;
  REGULUS_CHECK(may_become(now, status));
  now = status;
}

void World::turn(std::int32_t b, BookingStatus status) {
  BookingStatus& now = state_of(b).status;
  REGULUS_CHECK(may_become(now, status));
  now = status;
  if (status == BookingStatus::pending) {
    state_of(b).driver = told_[static_cast<std::size_t>(b)] = 0;
    if (state_of(b).known && state_of(b).ready) insert_sorted(fleet_.undecided, b);
  } else {
    erase_sorted(fleet_.undecided, b);
  }
  ++fleet_.version;
}

void World::appoint(std::int32_t d, Seconds at, EventKind kind) {
  queue_.push({std::max(at, fleet_.now), kind, d, ++body(d).ticket});
}

void World::watch(std::int32_t d, Seconds expected, Seconds real) {
  Seconds const alarm = expected + late_alarm;
  if (alarm > fleet_.now && real > alarm) queue_.push({alarm, EventKind::overdue, d, body(d).ticket});
}

// --- bookings ---

// A booking that can be planned has until its latest pickup.
void World::offer(std::int32_t b) {
  Seconds const latest = latest_pickup({fleet_, expected_}, b);
  if (latest < never) queue_.push({std::max(latest, fleet_.now) + 1, EventKind::expires, b});
}

bool World::hear(std::int32_t b) {
  BookingState& s = state_of(b);
  s.known = true;
  if (is_final(s.status)) return false;
  tell(What::known, nobody, b);
  ++fleet_.version;
  if (!s.ready) return false;
  insert_sorted(fleet_.undecided, b);
  offer(b);
  return true;
}

bool World::call(std::int32_t b) {
  BookingState& s = state_of(b);
  if (is_final(s.status)) return false;
  CalledWindows const windows = windows_after_call(booking(b), fleet_.now);
  s.pickup_window = windows.pickup;
  s.dropoff_window = windows.dropoff;
  s.ready = true;
  tell(What::called, nobody, b);
  ++fleet_.version;
  insert_sorted(fleet_.undecided, b);
  offer(b);
  return true;
}

bool World::cancel(std::int32_t b) {
  BookingState& s = state_of(b);
  std::int32_t const d = s.driver == 0 ? nobody : day_.driver_position(s.driver);
  bool const boarding = s.status == BookingStatus::waiting && body(d).doing == Doing::serving;
  if (boarding || !may_become(s.status, BookingStatus::cancelled)) {
    tell(What::too_late_to_cancel, d, b);
    return false;
  }
  tell(What::cancelled, d, b);
  bool const here = s.status == BookingStatus::waiting, coming = s.status == BookingStatus::en_route;
  turn(b, BookingStatus::cancelled);
  if (d == nobody) return s.known;
  if (coming) divert(d);
  remove_stops(d, booking(b).id);
  if (here) stand(d, booking(b).pickup);
  retime(d);
  proceed(d);
  return true;
}

void World::expire(std::int32_t b) {
  if (state_of(b).status != BookingStatus::pending) return;
  if (fleet_.now <= latest_pickup({fleet_, expected_}, b)) return;
  tell(What::expired, nobody, b);
  turn(b, BookingStatus::unserved);
}

void World::promise(std::int32_t b) {
  BookingState& s = state_of(b);
  if (s.promised_driver != 0 || s.status != BookingStatus::assigned) return;
  std::int32_t const d = day_.driver_position(s.driver);
  auto const pickup = std::ranges::find_if(
      state(d).stops, [&](Stop const& stop) { return stop.kind == StopKind::pickup && stop.index == booking(b).id; });
  REGULUS_CHECK(pickup != state(d).stops.end());
  Seconds const planned = pickup->planned;
  if (!is_promised_by(fleet_.now, planned)) {
    queue_.push({planned - promise_horizon, EventKind::promised, b});
    return;
  }
  regulus::promise(s, planned);
  tell(What::promised, d, b, planned);
}

// --- a driver's day ---

bool World::start_shift(std::int32_t d) {
  if (body(d).doing == Doing::gone) return false;
  tell(What::shift_started, d, nobody);
  Seconds const late = real_.driver(d).late_start;
  appoint(d, fleet_.now + late, EventKind::begins);
  if (late == 0) return false;
  state(d).free_at += late;
  touch(d);
  tell(What::late_start, d, nobody, late);
  return retime(d);
}

void World::begin(std::int32_t d) {
  tell(What::began, d, nobody);
  become(d, DriverStatus::idle);
  body(d).doing = Doing::standing;
  touch(d);
  proceed(d);
}

bool World::fall_ill(std::int32_t d) {
  if (body(d).doing == Doing::gone) return false;
  tell(What::sick, d, nobody);
  body(d).ill = true;
  state(d).available = false;
  DriverState& s = state(d);
  // Who is on board, or just being fetched from a door where the driver stands, is still taken along.
  bool const at_door = s.under_way && s.arrived < never;
  BookingId const here = at_door && s.stops.front().kind == StopKind::pickup ? s.stops.front().index : 0;
  bool const resting = at_door && s.stops.front().kind == StopKind::rest;
  std::vector<std::int32_t> dropped;
  for (Stop const& stop : s.stops) {
    if (stop.kind == StopKind::pickup && stop.index != here) dropped.push_back(day_.booking_position(stop.index));
  }
  for (std::int32_t b : dropped) {
    if (state_of(b).status == BookingStatus::en_route) divert(d);
    remove_stops(d, booking(b).id);
    tell(What::unassigned, d, b);
    turn(b, BookingStatus::pending);
    offer(b);
  }
  std::erase_if(s.stops, [&](Stop const& stop) {
    return stop.kind == StopKind::rest && !(resting && &stop == &s.stops.front());
  });
  touch(d);
  retime(d);
  if (body(d).doing == Doing::away) {
    retire(d);
  } else {
    proceed(d);
  }
  return true;
}

void World::end_shift(std::int32_t d) {
  if (body(d).doing == Doing::gone) return;
  tell(What::shift_ended, d, nobody);
  if (!state(d).stops.empty()) return;
  state(d).available = false;
  touch(d);
  proceed(d);
}

// Decides what somebody who stands somewhere does next.
void World::proceed(std::int32_t d) {
  if (body(d).doing != Doing::standing) return;
  ++body(d).ticket;
  DriverState& s = state(d);
  if (s.stops.empty()) {
    wait_for_work(d);
    return;
  }
  appoint(d, latest_arrival(d) - expected_leg(d), EventKind::leaves);
}

void World::leave(std::int32_t d) {
  DriverState& s = state(d);
  Stop& next = s.stops.front();
  next.locked = true;
  s.under_way = true;
  s.free_at = fleet_.now;
  if (next.kind == StopKind::rest) {
    s.breaks_taken |= 1U << static_cast<unsigned>(next.index);
    s.arrived = fleet_.now;
    touch(d);
    start_service(d);
    return;
  }
  std::int32_t const b = day_.booking_position(next.index);
  if (next.kind == StopKind::pickup) turn(b, BookingStatus::en_route);
  tell(What::left, d, b, next.planned);
  become(d, DriverStatus::driving);
  Errand const errand = next.kind == StopKind::pickup ? Errand::pickup : Errand::dropoff;
  Seconds const expected = fleet_.now + expected_leg(d);
  drive(d, place_of(d, next), errand, next.index, expected);
}

// From the anchor, beginning now.
void World::drive(std::int32_t d, Place to, Errand errand, std::int32_t id, Seconds expected) {
  DriverState& s = state(d);
  DriverOutcome& outcome = driven_[static_cast<std::size_t>(d)];
  if (s.left_start == never) s.left_start = outcome.left = fleet_.now;
  Metres const metres = expected_.leg(s.anchor, to, hour_of_day(fleet_.now)).metres;
  outcome.driven += metres;
  if (s.on_board.empty()) outcome.driven_empty += metres;
  Seconds const real = fleet_.now + real_.leg(s.anchor, to, fleet_.now, errand, id);
  body(d).doing = Doing::driving;
  body(d).destination = to;
  body(d).expected_there = expected;
  appoint(d, real, EventKind::arrives);
  watch(d, expected, real);
  touch(d);
}

// Whoever was to be fetched need not be any more; the driver completes the leg, and his plan goes on from there.
void World::divert(std::int32_t d) {
  DriverState& s = state(d);
  s.under_way = false;
  s.anchor = body(d).destination;
  s.free_at = std::max(fleet_.now, body(d).expected_there);
}

void World::arrive(std::int32_t d) {
  DriverState& s = state(d);
  if (!s.under_way) {
    bool const homeward = std::exchange(body(d).homeward, false);
    tell(homeward ? What::home : What::arrived, d, nobody);
    stand(d, body(d).destination);
    proceed(d);
    return;
  }
  Stop const& stop = s.stops.front();
  std::int32_t const b = day_.booking_position(stop.index);
  tell(What::arrived, d, b);
  s.arrived = fleet_.now;
  body(d).doing = Doing::waiting;
  touch(d);
  if (stop.kind == StopKind::pickup) {
    turn(b, BookingStatus::waiting);
    settle_promise(d, b, able_from(d));
  }
  wait_at_stop(d, fleet_.now);
}

Seconds World::able_from(std::int32_t d) const {
  DriverState const& s = fleet_.drivers[static_cast<std::size_t>(d)];
  Stop const& stop = s.stops.front();
  BookingState const& booked = fleet_.bookings[static_cast<std::size_t>(day_.booking_position(stop.index))];
  Window const& window = stop.kind == StopKind::pickup ? booked.pickup_window : booked.dropoff_window;
  return std::max(s.arrived, window.start);
}

// Who has arrived begins when the window opens and the passenger is there, not before `earliest`, or gives up.
void World::wait_at_stop(std::int32_t d, Seconds earliest) {
  Stop const& stop = state(d).stops.front();
  std::int32_t const b = day_.booking_position(stop.index);
  Seconds const able = able_from(d);
  if (stop.kind == StopKind::dropoff) {
    wait_until(d, std::max(able, earliest), EventKind::starts, able);
    return;
  }
  BookingReality const& real = real_.booking(b);
  Seconds const ready = std::max(able, state_of(b).pickup_window.start + real.ready_delay);
  Seconds const patient = able + day_.no_show_wait;
  if (real.no_show || ready > patient) {
    wait_until(d, std::max(patient, earliest), EventKind::gives_up, able);
  } else {
    wait_until(d, std::max(ready, earliest), EventKind::starts, able);
  }
}

void World::wait_until(std::int32_t d, Seconds moment, EventKind kind, Seconds expected) {
  if (moment > fleet_.now) become(d, DriverStatus::waiting);
  appoint(d, moment, kind);
  watch(d, expected, moment);
}

void World::settle_promise(std::int32_t d, std::int32_t b, Seconds able) {
  BookingState const& s = state_of(b);
  if (s.promised_driver == 0) return;
  changed_drivers_ += s.promised_driver != driver(d).id ? 1 : 0;
  Seconds const moved = std::max(able - s.promised_pickup, s.promised_pickup - able);
  moved_promises_ += std::max<Seconds>(0, moved - promise_slack);
}

void World::start_service(std::int32_t d) {
  DriverState& s = state(d);
  Stop const& stop = s.stops.front();
  body(d).doing = Doing::serving;
  s.serving_since = fleet_.now;
  if (stop.kind == StopKind::rest) {
    become(d, DriverStatus::resting);
    tell(What::resting, d, nobody);
    Seconds const length = driver(d).breaks[static_cast<std::size_t>(stop.index)].duration;
    appoint(d, fleet_.now + length, EventKind::served);
    touch(d);
    return;
  }
  std::int32_t const b = day_.booking_position(stop.index);
  bool const pickup = stop.kind == StopKind::pickup;
  become(d, DriverStatus::serving);
  (pickup ? state_of(b).picked_up : state_of(b).dropped_off) = fleet_.now;
  tell(pickup ? What::loading : What::unloading, d, b);
  Seconds const expected = pickup ? booking(b).pickup_service : booking(b).dropoff_service;
  Seconds const real = pickup ? real_.pickup_service(b) : real_.dropoff_service(b);
  appoint(d, fleet_.now + real, EventKind::served);
  watch(d, fleet_.now + expected, fleet_.now + real);
  touch(d);
}

bool World::end_service(std::int32_t d) {
  DriverState& s = state(d);
  Stop const stop = s.stops.front();
  Place const here = place_of(d, stop);
  if (stop.kind == StopKind::rest) {
    tell(What::rested, d, nobody);
  } else {
    std::int32_t const b = day_.booking_position(stop.index);
    if (stop.kind == StopKind::pickup) {
      turn(b, BookingStatus::on_board);
      state_of(b).boarded = fleet_.now;
      insert_sorted(s.on_board, stop.index);
      tell(What::boarded, d, b);
    } else {
      turn(b, BookingStatus::completed);
      erase_sorted(s.on_board, stop.index);
      ++body(d).completed;
      tell(What::completed, d, b);
    }
  }
  s.stops.erase(s.stops.begin());
  stand(d, here);
  bool const slipped = retime(d);
  bool const free = s.stops.empty();
  proceed(d);
  return slipped || free;
}

bool World::give_up(std::int32_t d) {
  DriverState& s = state(d);
  BookingId const id = s.stops.front().index;
  std::int32_t const b = day_.booking_position(id);
  tell(What::no_show, d, b);
  turn(b, BookingStatus::no_show);
  remove_stops(d, id);
  stand(d, booking(b).pickup);
  retime(d);
  proceed(d);
  return true;
}

// No stop in progress any more, and nothing decided about what comes next.
void World::stand(std::int32_t d, Place here) {
  DriverState& s = state(d);
  s.under_way = false;
  s.arrived = s.serving_since = never;
  s.anchor = here;
  s.free_at = fleet_.now;
  body(d).doing = Doing::standing;
  body(d).idle_since = fleet_.now;
  bool const day_may_end_here = driver(d).end == no_place || driver(d).end == here;
  if (day_may_end_here && s.left_start < never) driven_[static_cast<std::size_t>(d)].back = fleet_.now;
  become(d, DriverStatus::idle);
  touch(d);
}

void World::wait_for_work(std::int32_t d) {
  Driver const& who = driver(d);
  DriverState const& s = state(d);
  bool const over = body(d).ill || fleet_.now >= who.shift.end;
  bool const away = s.left_start < never && who.end != no_place && s.anchor != who.end;
  if (over && !away) {
    retire(d);
  } else if (over) {
    go_home(d);
  } else if (away) {
    Seconds const way = expected_.seconds(s.anchor, who.end, hour_of_day(who.shift.end));
    appoint(d, std::min(body(d).idle_since + patience, who.shift.end - way), EventKind::goes_home);
  }
}

void World::go_home(std::int32_t d) {
  Driver const& who = driver(d);
  tell(What::going_home, d, nobody);
  body(d).homeward = true;
  if (body(d).ill || fleet_.now >= who.shift.end) state(d).available = false;
  become(d, DriverStatus::driving);
  Seconds const way = expected_.seconds(state(d).anchor, who.end, hour_of_day(fleet_.now));
  drive(d, who.end, Errand::home, who.id, fleet_.now + way);
  divert(d);
  touch(d);
}

void World::retire(std::int32_t d) {
  ++body(d).ticket;
  body(d).doing = Doing::gone;
  state(d).available = false;
  become(d, body(d).ill ? DriverStatus::sick : DriverStatus::off);
  touch(d);
}

void World::remove_stops(std::int32_t d, BookingId id) {
  std::erase_if(state(d).stops, [&](Stop const& stop) { return stop.kind != StopKind::rest && stop.index == id; });
  touch(d);
}

// Asks the kernel when the driver's stops are due as things stand. Returns whether the next one slipped so far that the
// policy should know.
bool World::retime(std::int32_t d) {
  DriverState& s = state(d);
  if (s.stops.empty()) return false;
  if (!s.available) {
    // He is on his way out: everything as soon as he gets there.
    for (Stop& stop : s.stops) stop.planned = fleet_.now;
    return false;
  }
  Seconds const before = s.stops.front().planned;
  Situation const situation{fleet_, expected_};
  Question question = instance_of(situation, std::span(&d, 1), {});
  // The plan as it stands, put as if it were a change, comes back with its times.
  Solution const plan = question.present;
  question.present.routes[0].clear();
  s.stops = decision_of(situation, question, plan).routes.at(0).stops;
  touch(d);
  return !s.stops.empty() && s.stops.front().planned > before + late_alarm;
}

// --- decisions ---

void World::prepare_question(Seconds moment) {
  fleet_.now = moment;
  for (DriverState& s : fleet_.drivers) {
    for (Stop& stop : s.stops) {
      if (stop.locked) continue;
      if (stop.planned > moment + day_.lock_horizon) break;
      stop.locked = true;
      ++s.version;
      ++fleet_.version;
    }
  }
}

void World::carry_out(Decision const& decision) {
  // Step 1. Everybody whose driver gets a new route is taken out of the old one: a booking may move between routes.
  std::vector<std::int32_t> moved;
  for (DriverRoute const& route : decision.routes) {
    std::int32_t const d = day_.driver_position(route.driver);
    for (Stop const& stop : state(d).stops) {
      if (stop.kind != StopKind::pickup) continue;
      std::int32_t const b = day_.booking_position(stop.index);
      if (!is_open(state_of(b).status)) continue;
      state_of(b).driver = 0;
      moved.push_back(b);
    }
  }
  // Step 2. The new routes.
  std::vector<std::int32_t> assigned;
  for (DriverRoute const& route : decision.routes) {
    std::int32_t const d = day_.driver_position(route.driver);
    state(d).stops = route.stops;
    for (Stop const& stop : route.stops) {
      if (stop.kind != StopKind::pickup) continue;
      std::int32_t const b = day_.booking_position(stop.index);
      if (!is_open(state_of(b).status)) continue;
      if (state_of(b).status == BookingStatus::pending) turn(b, BookingStatus::assigned);
      state_of(b).driver = route.driver;
      assigned.push_back(b);
    }
    touch(d);
  }
  // Step 3. Who is in no route any more, and who goes elsewhere.
  for (std::int32_t b : moved) {
    if (state_of(b).driver != 0 || state_of(b).status != BookingStatus::assigned) continue;
    tell(What::unassigned, nobody, b);
    turn(b, BookingStatus::pending);
    offer(b);
  }
  for (BookingId id : decision.overflow) {
    std::int32_t const b = day_.booking_position(id);
    turn(b, BookingStatus::partner);
    --fleet_.partner_left;
    tell(What::partner, nobody, b);
  }
  for (BookingId id : decision.unserved) {
    std::int32_t const b = day_.booking_position(id);
    turn(b, BookingStatus::unserved);
    tell(What::unserved, nobody, b);
  }
  // Step 4. Times by the kernel, promises, and whoever should be leaving leaves.
  for (DriverRoute const& route : decision.routes) retime(day_.driver_position(route.driver));
  for (std::int32_t b : assigned) {
    std::int32_t const d = day_.driver_position(state_of(b).driver);
    DriverId& told = told_[static_cast<std::size_t>(b)];
    if (std::exchange(told, driver(d).id) != driver(d).id) tell(What::assigned, d, b);
    promise(b);
  }
  for (DriverRoute const& route : decision.routes) proceed(day_.driver_position(route.driver));
}

bool World::happen() {
  Event const event = queue_.pop();
  REGULUS_CHECK(event.at >= fleet_.now);
  fleet_.now = event.at;
  std::int32_t const who = event.position;
  auto const still = [&] { return event.ticket == body(who).ticket; };
  switch (event.kind) {
    case EventKind::known:
      return hear(who);
    case EventKind::cancelled:
      return cancel(who);
    case EventKind::called:
      return call(who);
    case EventKind::promised:
      promise(who);
      return false;
    case EventKind::expires:
      expire(who);
      return false;
    case EventKind::shift_start:
      return start_shift(who);
    case EventKind::sick:
      return fall_ill(who);
    case EventKind::shift_end:
      end_shift(who);
      return false;
    case EventKind::begins:
      if (still()) begin(who);
      return false;
    case EventKind::leaves:
      if (still()) leave(who);
      return false;
    case EventKind::arrives:
      if (still()) arrive(who);
      return false;
    case EventKind::starts:
      if (still()) start_service(who);
      return false;
    case EventKind::served:
      return still() && end_service(who);
    case EventKind::gives_up:
      return still() && give_up(who);
    case EventKind::goes_home:
      if (still()) go_home(who);
      return false;
    case EventKind::overdue:
      if (!still()) return false;
      tell(What::overdue, who, nobody);
      retime(who);
      return !state(who).stops.empty();
  }
  return false;
}

Outcome World::written_down() const {
  return {.bookings = fleet_.bookings,
          .drivers = driven_,
          .changed_drivers = changed_drivers_,
          .moved_promises = moved_promises_};
}

Outcome World::outcome() const {
  for (DriverOutcome const& did : driven_) REGULUS_CHECK(did.left == never || did.back < never);
  return written_down();
}

Outcome World::so_far() const {
  Outcome outcome = written_down();
  for (std::size_t d = 0; d < driven_.size(); ++d) {
    bool const out = fleet_.drivers[d].left_start < never && bodies_[d].doing != Doing::gone;
    if (out) outcome.drivers[d].back = std::max(outcome.drivers[d].left, fleet_.drivers[d].free_at);
  }
  return outcome;
}

}  // namespace regulus::dispatch
