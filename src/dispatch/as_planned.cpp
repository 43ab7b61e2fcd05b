#include "dispatch/as_planned.h"

#include <fmt/format.h>

#include <algorithm>

#include "domain/leg_hours.h"

namespace regulus::dispatch {

namespace {

class Follower {
 public:
  Follower(Day const& day, TravelTimes const& times, Seconds now, AsPlanned& out)
      : day_(day), times_(times), now_(now), out_(out) {}

  Status follow(DriverRoute const& route);

 private:
  struct Ride {
    Booking const* booking = nullptr;
    BookingState* state = nullptr;
  };
  Status check_stop(DriverRoute const& route, std::size_t k);
  Ride ride_of(Stop const& stop);
  Leg leg_to(Place here, Stop const& stop);
  void complete(DriverState& state, Driver const& driver, Stop const& stop);

  Day const& day_;
  TravelTimes const& times_;
  Seconds now_;
  AsPlanned& out_;
  std::vector<std::pair<StopKind, BookingId>> seen_;
};

Follower::Ride Follower::ride_of(Stop const& stop) {
  auto const at = static_cast<std::size_t>(day_.booking_position(stop.index));
  return {&day_.bookings[at], &out_.fleet.bookings[at]};
}

Leg Follower::leg_to(Place here, Stop const& stop) {
  if (stop.kind == StopKind::rest) return {};
  Booking const& b = *ride_of(stop).booking;
  LegHours const hours = leg_hours(b, b.pickup_window, b.dropoff_window, times_);
  return stop.kind == StopKind::pickup ? times_.leg(here, b.pickup, hours.pickup)
                                       : times_.leg(here, b.dropoff, hours.dropoff);
}

Status Follower::check_stop(DriverRoute const& route, std::size_t k) {
  Stop const& stop = route.stops[k];
  auto const wrong = [&](std::string_view what) {
    return invalid(fmt::format("driver {}, stop {}: {} of {} {}", route.driver, k + 1,
                               enum_names(stop.kind)[static_cast<std::size_t>(stop.kind)], stop.index, what));
  };
  if (stop.kind == StopKind::rest) {
    Driver const& driver = day_.drivers[static_cast<std::size_t>(day_.driver_position(route.driver))];
    bool const exists = stop.index >= 0 && static_cast<std::size_t>(stop.index) < driver.breaks.size();
    return exists ? ok() : wrong("is no break that the driver has");
  }
  if (day_.booking_position(stop.index) < 0) return wrong("is no booking of the day");
  std::pair const key{stop.kind, stop.index};
  bool const pickup = stop.kind == StopKind::pickup;
  if (std::ranges::find(seen_, key) != seen_.end()) return wrong("is planned twice");
  if (!pickup && ride_of(stop).state->driver != route.driver) return wrong("comes without its pickup");
  if (pickup && ride_of(stop).state->status != BookingStatus::pending) return wrong("is given away by the same plan");
  seen_.push_back(key);
  if (pickup) {
    ride_of(stop).state->status = BookingStatus::assigned;
    ride_of(stop).state->driver = route.driver;
  }
  return ok();
}

void Follower::complete(DriverState& state, Driver const& driver, Stop const& stop) {
  if (stop.kind == StopKind::rest) {
    state.breaks_taken |= 1U << static_cast<unsigned>(stop.index);
    state.free_at = stop.planned + driver.breaks[static_cast<std::size_t>(stop.index)].duration;
    return;
  }
  auto const [booking, ride] = ride_of(stop);
  if (stop.kind == StopKind::pickup) {
    ride->status = BookingStatus::on_board;
    ride->picked_up = stop.planned;
    ride->boarded = state.free_at = stop.planned + booking->pickup_service;
    state.anchor = booking->pickup;
    state.on_board.push_back(booking->id);
  } else {
    ride->status = BookingStatus::completed;
    ride->dropped_off = stop.planned;
    state.free_at = stop.planned + booking->dropoff_service;
    state.anchor = booking->dropoff;
    std::erase(state.on_board, booking->id);
  }
}

Status Follower::follow(DriverRoute const& route) {
  std::int32_t const position = day_.driver_position(route.driver);
  if (position < 0) return invalid(fmt::format("driver {} of the plan does not exist", route.driver));
  Driver const& driver = day_.drivers[static_cast<std::size_t>(position)];
  DriverState& state = out_.fleet.drivers[static_cast<std::size_t>(position)];
  Route& behind = out_.behind[static_cast<std::size_t>(position)];
  std::size_t pickups = 0;
  for (std::size_t k = 0; k < route.stops.size(); ++k) {
    if (Status const sound = check_stop(route, k); !sound) return sound;
    pickups += route.stops[k].kind == StopKind::pickup ? 1 : 0;
  }
  state.trips = static_cast<std::int32_t>(pickups);
  state.stops = route.stops;
  while (!state.stops.empty()) {
    Stop const stop = state.stops.front();
    Leg const leg = leg_to(state.anchor, stop);
    if (stop.planned == never) {
      if (now_ < driver.shift.start) break;
      return invalid(fmt::format("driver {}: {} of {} has no planned start, so nobody knows how far the day is",
                                 route.driver, enum_names(stop.kind)[static_cast<std::size_t>(stop.kind)], stop.index));
    }
    Seconds const leaves = state.left_start == never ? stop.planned - leg.seconds : state.free_at;
    if (leaves > now_) break;
    if (state.left_start == never) state.left_start = state.free_at = leaves;
    Seconds service = 0;
    if (stop.kind == StopKind::rest) {
      service = driver.breaks[static_cast<std::size_t>(stop.index)].duration;
    } else {
      Booking const& b = *ride_of(stop).booking;
      service = stop.kind == StopKind::pickup ? b.pickup_service : b.dropoff_service;
    }
    if (stop.planned + service > now_) {  // under way
      state.under_way = true;
      state.stops.front().locked = true;
      if (leaves + leg.seconds <= now_) state.arrived = leaves + leg.seconds;
      if (stop.planned <= now_) state.serving_since = stop.planned;
      bool const serving = state.serving_since < never;
      state.status = serving ? (stop.kind == StopKind::rest ? DriverStatus::resting : DriverStatus::serving)
                     : state.arrived < never ? DriverStatus::waiting
                                             : DriverStatus::driving;
      if (stop.kind == StopKind::rest && serving) state.breaks_taken |= 1U << static_cast<unsigned>(stop.index);
      if (stop.kind == StopKind::pickup) {
        ride_of(stop).state->status = state.arrived < never ? BookingStatus::waiting : BookingStatus::en_route;
      }
      break;
    }
    complete(state, driver, stop);
    behind.push_back(stop);
    behind.back().locked = true;
    state.stops.erase(state.stops.begin());
  }
  if (!state.under_way) state.status = now_ < driver.shift.start ? DriverStatus::off : DriverStatus::idle;
  bool locked = true;
  for (Stop& stop : state.stops) {
    bool const soon = stop.planned < never && stop.planned <= now_ + day_.lock_horizon;
    locked = locked && (stop.locked || soon);
    stop.locked = locked;
  }
  return ok();
}

}  // namespace

Seconds before_the_day(Day const& day) {
  Seconds first = 0;
  for (Driver const& d : day.drivers) first = std::min(first, d.shift.start);
  return first - day.lock_horizon - 1;
}

Result<AsPlanned> as_planned(Day const& day, TravelTimes const& times, Plan const& plan, Seconds now) {
  AsPlanned out;
  out.fleet.now = now;
  out.fleet.day = &day;
  out.behind.resize(day.drivers.size());
  for (Driver const& d : day.drivers) {
    DriverState& state = out.fleet.drivers.emplace_back();
    state.anchor = d.start;
    state.free_at = d.shift.start;
    state.status = now < d.shift.start ? DriverStatus::off : DriverStatus::idle;
  }
  for (Booking const& b : day.bookings) {
    BookingState& state = out.fleet.bookings.emplace_back();
    state.known = true;
    state.pickup_window = b.pickup_window;
    state.dropoff_window = b.dropoff_window;
  }
  for (BookingId id : plan.overflow) {
    std::int32_t const position = day.booking_position(id);
    if (position < 0) return invalid(fmt::format("booking {} of the plan's overflow does not exist", id));
    out.fleet.bookings[static_cast<std::size_t>(position)].status = BookingStatus::partner;
  }
  Follower follower(day, times, now, out);
  for (DriverRoute const& route : plan.routes) {
    if (Status const sound = follower.follow(route); !sound) return sound.error();
  }
  for (std::size_t i = 0; i < out.fleet.bookings.size(); ++i) {
    if (out.fleet.bookings[i].status == BookingStatus::pending) {
      out.fleet.undecided.push_back(static_cast<std::int32_t>(i));
    }
  }
  out.fleet.partner_left = std::max(
      0, day.partner.rides - static_cast<std::int32_t>(std::min<std::size_t>(plan.overflow.size(), 1U << 20U)));
  return out;
}

}  // namespace regulus::dispatch
