// Small days in the middle of which somebody has to decide: drivers under way, waiting, late, at rest, with passengers
// and locked stops; bookings planned, promised, new, impossible.
#pragma once

#include <algorithm>
#include <vector>

#include "core/rng.h"
#include "dispatch/instance_of.h"
#include "dispatch/policy.h"
#include "domain/day.h"
#include "domain/snapshot.h"
#include "schedule/route.h"

namespace regulus::testing {

struct RandomWorldOptions {
  int drivers = 3;
  int bookings = 6;
  bool surprises = true;  // delays beyond what was planned, and drivers who fall ill
};

class RandomWorld {
 public:
  RandomWorld(std::uint64_t seed, RandomWorldOptions const& options) : rng_(Rng(seed).stream(Purpose::test)) {
    make_day(options);
    times = TravelTimes::straight_line(day.places, day.speeds);
    open_day();
    options_ = options;
  }
  RandomWorld(RandomWorld const&) = delete;
  RandomWorld& operator=(RandomWorld const&) = delete;

  Day day;
  TravelTimes times;
  FleetSnapshot fleet;

  Situation situation(std::unique_ptr<Memo>* memo = nullptr) const { return {fleet, times, memo}; }

  // Carries a decision out as the simulator would: plans, statuses, promises.
  void carry_out(dispatch::Decision const& decision) {
    for (DriverRoute const& route : decision.routes) {
      DriverState& driver = fleet.drivers[at(day.driver_position(route.driver))];
      for (Stop const& stop : driver.stops) {
        if (stop.kind == StopKind::pickup && state_of(stop.index).status == BookingStatus::assigned) {
          state_of(stop.index).status = BookingStatus::pending;
          state_of(stop.index).driver = 0;
          --driver.trips;
        }
      }
    }
    for (DriverRoute const& route : decision.routes) {
      DriverState& driver = fleet.drivers[at(day.driver_position(route.driver))];
      driver.stops = route.stops;
      ++driver.version;
      for (Stop const& stop : driver.stops) {
        if (stop.kind != StopKind::pickup || state_of(stop.index).status != BookingStatus::pending) continue;
        BookingState& state = state_of(stop.index);
        state.status = BookingStatus::assigned;
        state.driver = route.driver;
        ++driver.trips;
        if (state.promised_driver == 0 && rng_.chance(0.5)) {
          state.promised_driver = route.driver;
          state.promised_pickup = stop.planned;
        }
      }
    }
    for (BookingId id : decision.overflow) {
      state_of(id).status = BookingStatus::partner;
      state_of(id).driver = 0;
      --fleet.partner_left;
    }
    for (BookingId id : decision.unserved) state_of(id).status = BookingStatus::unserved;
    refresh();
  }

  // Lets every driver follow the plan until `moment`, some of them late.
  void advance(Seconds moment) {
    for (std::size_t d = 0; d < fleet.drivers.size(); ++d) follow_plan(static_cast<std::int32_t>(d), moment);
    fleet.now = moment;
    refresh();
    for (DriverState& driver : fleet.drivers) {
      bool locked = true;
      for (std::size_t k = 0; k < driver.stops.size(); ++k) {
        locked = locked && ((k == 0 && driver.under_way) || driver.stops[k].planned <= moment + day.lock_horizon);
        if (driver.stops[k].locked != locked) ++driver.version;
        driver.stops[k].locked = locked;
      }
    }
  }

  // A client calls off a ride that is planned, and another one is told again, at another time, when to be ready.
  void surprise() {
    for (DriverState& driver : fleet.drivers) {
      if (driver.stops.empty() || !driver.available) continue;
      Stop const last = driver.stops.back();
      if (last.kind == StopKind::rest || state_of(last.index).status != BookingStatus::assigned) continue;
      BookingState& state = state_of(last.index);
      bool const locked =
          std::ranges::any_of(driver.stops, [&](Stop const& stop) { return stop.locked && stop.index == last.index; });
      if (!locked && rng_.chance(0.5)) {
        std::erase_if(driver.stops, [&](Stop const& s) { return s.kind != StopKind::rest && s.index == last.index; });
        state.status = BookingStatus::cancelled;
        state.driver = 0;
        --driver.trips;
        ++driver.version;
      } else {
        state.promised_driver = state.driver;
        state.promised_pickup = fleet.now + rng_.between(0, 7'200);
      }
    }
    refresh();
  }

 private:
  static std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }
  BookingState& state_of(BookingId id) { return fleet.bookings[at(day.booking_position(id))]; }

  void make_day(RandomWorldOptions const& options) {
    day.name = "random";
    for (int p = 0; p < 12; ++p) day.places.push_back({46.15 + rng_.uniform() * 0.1, 6.1 + rng_.uniform() * 0.12});
    day.skill_names = {"stairs"};
    day.partner.rides = static_cast<std::int32_t>(rng_.below(3));
    day.partner.wheelchairs = rng_.chance(0.5);
    auto const place = [&] { return static_cast<Place>(rng_.below(day.places.size())); };
    for (int d = 1; d <= options.drivers; ++d) {
      Driver driver;
      driver.id = d * 10;
      driver.type = static_cast<DriverType>(rng_.below(3));
      driver.vehicle.layouts = {Seats{{4, 0, 0}}, Seats{{2, 1, 0}}};
      driver.skills = rng_.below(2);
      Seconds const from = rng_.between(6, 9) * one_hour;
      driver.shift = {from, from + rng_.between(6, 9) * one_hour};
      driver.max_overtime = rng_.between(0, 3'600);
      if (rng_.chance(0.5)) driver.breaks.push_back({{11 * one_hour, 13 * one_hour}, 1'800});
      driver.start = place();
      if (rng_.chance(0.7)) driver.end = driver.start;
      day.drivers.push_back(driver);
    }
    for (int b = 1; b <= options.bookings; ++b) {
      Booking booking;
      booking.id = b * 100;
      booking.booking_class = static_cast<BookingClass>(rng_.below(booking_classes));
      booking.pickup = place();
      booking.dropoff = place();
      Seconds const from = rng_.between(7 * one_hour, 15 * one_hour);
      booking.pickup_window = {from, from + rng_.between(300, 2'400)};
      if (rng_.chance(0.4)) booking.dropoff_window = {from, from + rng_.between(1'800, 5'400)};
      booking.seats =
          rng_.chance(0.25) ? Seats{{0, 1, 0}} : Seats{{static_cast<std::int16_t>(rng_.between(1, 2)), 0, 0}};
      booking.pickup_service = rng_.between(0, 300);
      booking.dropoff_service = rng_.between(0, 300);
      if (rng_.chance(0.5)) booking.max_ride = rng_.between(1'200, 3'600);
      if (rng_.chance(0.3)) booking.max_ride_ratio = 2;
      booking.priority = static_cast<std::int32_t>(rng_.between(1, 5));
      booking.skills = rng_.chance(0.2) ? 1 : 0;
      booking.exclusive = rng_.chance(0.1);
      auto const somebody = [&] { return day.drivers[rng_.below(day.drivers.size())].id; };
      if (!day.drivers.empty()) {
        if (rng_.chance(0.2)) booking.preferred = {somebody()};
        if (rng_.chance(0.1)) booking.forbidden = {somebody()};
        if (rng_.chance(0.1)) booking.required = {somebody()};
      }
      if (b > 1 && rng_.chance(0.2)) booking.linked = (b - 1) * 100;
      booking.known_from = rng_.chance(0.5) ? 0 : from - rng_.between(0, 7'200);
      day.bookings.push_back(booking);
    }
  }

  void open_day() {
    fleet.now = 5 * one_hour;
    fleet.day = &day;
    fleet.partner_left = day.partner.rides;
    for (Driver const& driver : day.drivers) {
      DriverState state;
      state.anchor = driver.start;
      state.free_at = driver.shift.start;
      fleet.drivers.push_back(state);
    }
    for (Booking const& booking : day.bookings) {
      BookingState state;
      state.pickup_window = booking.pickup_window;
      state.dropoff_window = booking.dropoff_window;
      state.ready = booking.booking_class != BookingClass::will_call;
      fleet.bookings.push_back(state);
    }
    refresh();
  }

  void refresh() {
    fleet.undecided.clear();
    ++fleet.version;
    for (std::size_t b = 0; b < day.bookings.size(); ++b) {
      BookingState& state = fleet.bookings[b];
      state.known = day.bookings[b].known_from <= fleet.now;
      if (day.bookings[b].pickup_window.start <= fleet.now) state.ready = true;
      if (state.known && state.ready && state.status == BookingStatus::pending) {
        fleet.undecided.push_back(static_cast<std::int32_t>(b));
      }
    }
  }

  void follow_plan(std::int32_t d, Seconds moment) {
    DriverState& driver = fleet.drivers[at(d)];
    if (driver.stops.empty() || !driver.available) return;
    std::int32_t const only[] = {d};
    auto const question = dispatch::instance_of(situation(), only, {});
    auto const plan = schedule::evaluate(question.instance, 0, question.present.routes[0]);
    if (plan.violation != schedule::Violation::none || plan.timing.leave > moment) return;
    Seconds const delay = options_.surprises && rng_.chance(0.4) ? rng_.between(60, 2'400) : 0;
    if (driver.left_start == never) driver.left_start = plan.timing.leave;
    ++driver.version;
    auto const& nodes = question.present.routes[0];
    std::size_t done = 0;
    while (done < driver.stops.size() && done < nodes.size()) {
      schedule::Node const& node = question.instance.nodes[at(nodes[done])];
      Seconds const begin = plan.timing.start[done] + delay;
      Seconds const end = begin + node.service;
      if (end > moment) break;
      complete(driver, driver.stops[done], begin, end);
      ++done;
    }
    driver.stops.erase(driver.stops.begin(), driver.stops.begin() + static_cast<std::ptrdiff_t>(done));
    driver.under_way = false;
    driver.arrived = driver.serving_since = never;
    if (!driver.stops.empty() && done < nodes.size() && (done == 0 || rng_.chance(0.8))) {
      begin_stop(driver, plan.timing.arrive[done] + delay, plan.timing.start[done] + delay, moment);
    }
    if (options_.surprises && rng_.chance(0.05)) fall_ill(driver);
  }

  void complete(DriverState& driver, Stop const& stop, Seconds begin, Seconds end) {
    driver.free_at = end;
    if (stop.kind == StopKind::rest) {
      driver.breaks_taken |= 1U << stop.index;
      return;
    }
    Booking const& booking = day.bookings[at(day.booking_position(stop.index))];
    BookingState& state = state_of(stop.index);
    if (stop.kind == StopKind::pickup) {
      state.status = BookingStatus::on_board;
      state.picked_up = begin;
      state.boarded = end;
      driver.on_board.push_back(stop.index);
      driver.anchor = booking.pickup;
    } else {
      state.status = BookingStatus::completed;
      state.dropped_off = begin;
      std::erase(driver.on_board, stop.index);
      driver.anchor = booking.dropoff;
    }
  }

  void begin_stop(DriverState& driver, Seconds arrival, Seconds begin, Seconds moment) {
    Stop& front = driver.stops.front();
    driver.under_way = front.locked = true;
    if (arrival <= moment) driver.arrived = arrival;
    if (begin <= moment) driver.serving_since = begin;
    if (front.kind == StopKind::rest && begin <= moment) driver.breaks_taken |= 1U << front.index;
    if (front.kind != StopKind::pickup) return;
    state_of(front.index).status = arrival <= moment ? BookingStatus::waiting : BookingStatus::en_route;
  }

  // What is not on board is open again.
  void fall_ill(DriverState& driver) {
    driver.available = false;
    std::erase_if(driver.stops, [&](Stop const& stop) {
      if (stop.kind == StopKind::rest) return true;
      if (std::ranges::find(driver.on_board, stop.index) != driver.on_board.end()) return false;
      BookingState& state = state_of(stop.index);
      if (!is_open(state.status)) return false;
      state.status = BookingStatus::pending;
      state.driver = 0;
      return true;
    });
  }

  Rng rng_;
  RandomWorldOptions options_;
};

}  // namespace regulus::testing
