#include "sim/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace regulus::sim {

namespace {

Error broken(Seconds now, std::string const& what) { return invalid(fmt::format("at {} s: {}", now, what)); }

// Whether `to` can follow `from`, at once or by way of others: several things may happen in one event.
bool may_lead_to(BookingStatus from, BookingStatus to) {
  static auto const reachable = [] {
    std::array<std::array<bool, booking_statuses>, booking_statuses> r{};
    for (std::size_t a = 0; a < booking_statuses; ++a) {
      for (std::size_t b = 0; b < booking_statuses; ++b) {
        r[a][b] = a == b || may_become(static_cast<BookingStatus>(a), static_cast<BookingStatus>(b));
      }
    }
    for (std::size_t by = 0; by < booking_statuses; ++by) {
      for (std::size_t a = 0; a < booking_statuses; ++a) {
        for (std::size_t b = 0; b < booking_statuses; ++b) r[a][b] = r[a][b] || (r[a][by] && r[by][b]);
      }
    }
    return r;
  }();
  return reachable[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

bool in_a_plan(BookingStatus status) {
  using enum BookingStatus;
  return status == assigned || status == en_route || status == waiting || status == on_board;
}

bool same_stop(Stop const& a, Stop const& b) { return a.kind == b.kind && a.index == b.index; }

}  // namespace

Status Invariants::check(FleetSnapshot const& fleet) {
  if (seen_ && fleet.now < before_.now) return broken(fleet.now, fmt::format("it was {} s before", before_.now));
  if (fleet.drivers.size() != day_.drivers.size() || fleet.bookings.size() != day_.bookings.size()) {
    return broken(fleet.now, "somebody is missing");
  }
  plan_of_.assign(day_.bookings.size(), 0);
  for (std::size_t d = 0; d < fleet.drivers.size(); ++d) {
    if (Status s = check_driver(fleet, d); !s) return s;
  }
  std::vector<std::int32_t> undecided;
  for (std::size_t b = 0; b < fleet.bookings.size(); ++b) {
    if (Status s = check_booking(fleet, b); !s) return s;
    BookingState const& state = fleet.bookings[b];
    if (state.known && state.ready && state.status == BookingStatus::pending) {
      undecided.push_back(static_cast<std::int32_t>(b));
    }
  }
  if (undecided != fleet.undecided) return broken(fleet.now, "undecided are not those known, ready and pending");
  if (seen_) {
    if (Status s = check_history(fleet); !s) return s;
  }
  before_ = fleet;
  seen_ = true;
  return ok();
}

Status Invariants::check_driver(FleetSnapshot const& fleet, std::size_t d) {
  Driver const& driver = day_.drivers[d];
  DriverState const& state = fleet.drivers[d];
  auto const wrong = [&](std::string const& what) {
    return broken(fleet.now, fmt::format("driver {}: {}", driver.id, what));
  };
  auto const past = [&](Seconds moment) { return moment == never || moment <= fleet.now; };
  if (!past(state.left_start) || !past(state.arrived) || !past(state.serving_since))
    return wrong("has been ahead of time");
  if (state.anchor < 0 || static_cast<std::size_t>(state.anchor) >= day_.places.size()) return wrong("is nowhere");
  using enum DriverStatus;
  bool const moving =
      state.status == driving || state.status == waiting || state.status == serving || state.status == resting;
  if (state.under_way && (state.stops.empty() || !state.stops.front().locked || !moving || state.free_at > fleet.now)) {
    return wrong("is under way to nothing");
  }
  if (!state.under_way && (state.arrived < never || state.serving_since < never)) return wrong("serves nobody");
  if ((state.status == serving || state.status == resting) != (state.serving_since < never)) {
    return wrong("serves by one word and not by the other");
  }
  if (state.status == off && state.available && !state.stops.empty() && state.left_start < never) {
    return wrong("is at home and out");
  }

  if (!std::ranges::is_sorted(state.on_board)) return wrong("riders are out of order");
  Seats load;
  int riders = 0, alone = 0;
  std::vector<BookingId> carried = state.on_board;
  for (BookingId id : state.on_board) {
    std::int32_t const b = day_.booking_position(id);
    if (b < 0 || fleet.bookings[static_cast<std::size_t>(b)].status != BookingStatus::on_board) {
      return wrong(fmt::format("carries booking {}, which is not on board", id));
    }
    load += day_.bookings[static_cast<std::size_t>(b)].seats;
    ++riders;
    alone += day_.bookings[static_cast<std::size_t>(b)].exclusive ? 1 : 0;
  }
  bool locked = true;
  std::uint32_t rests = state.under_way && state.stops.front().kind == StopKind::rest
                            ? state.breaks_taken & ~(1U << static_cast<unsigned>(state.stops.front().index))
                            : state.breaks_taken;
  for (Stop const& stop : state.stops) {
    if (stop.locked && !locked) return wrong("a locked stop follows an open one");
    locked = stop.locked;
    if (stop.kind == StopKind::rest) {
      if (stop.index < 0 || static_cast<std::size_t>(stop.index) >= driver.breaks.size()) return wrong("rests twice");
      std::uint32_t const bit = 1U << static_cast<unsigned>(stop.index);
      if ((rests & bit) != 0) return wrong(fmt::format("takes break {} twice", stop.index));
      rests |= bit;
      if (riders > 0) return wrong("rests with somebody on board");
      continue;
    }
    std::int32_t const b = day_.booking_position(stop.index);
    if (b < 0) return wrong(fmt::format("plans booking {}, which does not exist", stop.index));
    Booking const& booking = day_.bookings[static_cast<std::size_t>(b)];
    if (stop.kind == StopKind::pickup) {
      if (std::exchange(plan_of_[static_cast<std::size_t>(b)], driver.id) != 0) {
        return wrong(fmt::format("booking {} is in two plans", stop.index));
      }
      carried.push_back(stop.index);
      load += booking.seats;
      ++riders;
      alone += booking.exclusive ? 1 : 0;
      if (!driver.vehicle.fits(load)) return wrong(fmt::format("no seat for booking {}", stop.index));
      if (alone > 0 && riders > 1) return wrong(fmt::format("booking {} does not ride alone", stop.index));
    } else {
      if (std::erase(carried, stop.index) != 1) return wrong(fmt::format("booking {} is not on board", stop.index));
      if (std::ranges::binary_search(state.on_board, stop.index)) plan_of_[static_cast<std::size_t>(b)] = driver.id;
      load -= booking.seats;
      --riders;
      alone -= booking.exclusive ? 1 : 0;
    }
  }
  if (!carried.empty()) return wrong(fmt::format("booking {} is never set down", carried.front()));
  return ok();
}

Status Invariants::check_booking(FleetSnapshot const& fleet, std::size_t b) {
  BookingState const& state = fleet.bookings[b];
  auto const wrong = [&](std::string const& what) {
    return broken(fleet.now, fmt::format("booking {}: {}", day_.bookings[b].id, what));
  };
  auto const past = [&](Seconds moment) { return moment == never || moment <= fleet.now; };
  if (!past(state.picked_up) || !past(state.boarded) || !past(state.dropped_off)) return wrong("is ahead of time");
  DriverId const planned = in_a_plan(state.status) ? state.driver : 0;
  if (plan_of_[b] != planned) return wrong(fmt::format("is of driver {} and in the plan of {}", planned, plan_of_[b]));
  if (in_a_plan(state.status) && (state.driver == 0 || !state.known || !state.ready))
    return wrong("is planned too early");
  using enum BookingStatus;
  bool const boarded = state.status == on_board || state.status == completed;
  if (boarded != (state.boarded < never)) return wrong("is on board by one word and not by the other");
  if (state.status == completed && state.dropped_off == never) return wrong("never arrived");
  if (state.status == en_route || state.status == waiting) {
    DriverState const& driver = fleet.drivers[static_cast<std::size_t>(day_.driver_position(state.driver))];
    Stop const& front = driver.stops.front();
    bool const next = driver.under_way && front.kind == StopKind::pickup && front.index == day_.bookings[b].id;
    if (!next || (driver.arrived < never) != (state.status == waiting)) return wrong("nobody is coming");
  }
  return ok();
}

Status Invariants::check_history(FleetSnapshot const& fleet) {
  for (std::size_t b = 0; b < fleet.bookings.size(); ++b) {
    BookingState const& was = before_.bookings[b];
    BookingState const& is = fleet.bookings[b];
    auto const kept = [](auto old, auto now, auto none) { return old == none || old == now; };
    if (!may_lead_to(was.status, is.status) || (was.known && !is.known) || (was.ready && !is.ready) ||
        !kept(was.promised_driver, is.promised_driver, 0) || !kept(was.promised_pickup, is.promised_pickup, never) ||
        !kept(was.boarded, is.boarded, never) || !kept(was.dropped_off, is.dropped_off, never)) {
      return broken(fleet.now, fmt::format("booking {}: the past has changed", day_.bookings[b].id));
    }
  }
  for (std::size_t d = 0; d < fleet.drivers.size(); ++d) {
    DriverState const& was = before_.drivers[d];
    DriverState const& is = fleet.drivers[d];
    if (is.version < was.version || (is.breaks_taken & was.breaks_taken) != was.breaks_taken ||
        (was.left_start < never && is.left_start != was.left_start) || (!was.available && is.available)) {
      return broken(fleet.now, fmt::format("driver {}: the past has changed", day_.drivers[d].id));
    }
    // What is left of the locked stops is the beginning of the plan, in the old order.
    std::size_t next = 0;
    for (Stop const& stop : was.stops) {
      if (!stop.locked) break;
      if (next < is.stops.size() && same_stop(is.stops[next], stop)) {
        ++next;
        continue;
      }
      bool over = !is.available;
      if (stop.kind == StopKind::rest) {
        over = over || (is.breaks_taken >> static_cast<unsigned>(stop.index) & 1U) != 0;
      } else {
        using enum BookingStatus;
        BookingStatus const status = fleet.bookings[static_cast<std::size_t>(day_.booking_position(stop.index))].status;
        over = over || status == completed || status == no_show || status == cancelled ||
               (status == on_board && stop.kind == StopKind::pickup);
      }
      if (!over || std::ranges::any_of(is.stops, [&](Stop const& s) { return same_stop(s, stop); })) {
        return broken(fleet.now, fmt::format("driver {}: a locked stop was moved", day_.drivers[d].id));
      }
    }
  }
  return ok();
}

}  // namespace regulus::sim
