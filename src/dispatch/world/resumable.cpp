#include "dispatch/world/resumable.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dispatch/instance_of.h"
#include "domain/promise.h"
#include "schedule/route.h"

namespace regulus::dispatch {

namespace {

constexpr std::int32_t nobody = -1;
// Nothing that belongs to a service day lies further back.
constexpr Seconds longest_past = 7 * day_length;

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

bool is_stop(Stop const& stop, StopKind kind, BookingId id) { return stop.kind == kind && stop.index == id; }

class Mending {
 public:
  explicit Mending(Situation const& situation)
      : day_(*situation.fleet.day), fleet_(situation.fleet), holder_(situation.fleet.bookings.size(), nobody) {}

  FleetSnapshot mended() {
    auto const drivers = static_cast<std::int32_t>(fleet_.drivers.size());
    // Step 1. Who has whom: riders first, for they cannot be anywhere else.
    for (std::int32_t d = 0; d < drivers; ++d) keep_riders(d);
    for (std::int32_t d = 0; d < drivers; ++d) keep_stops(d);
    // Step 2. What drivers are found doing, and what that makes of the bookings in their plans.
    for (std::int32_t d = 0; d < drivers; ++d) {
      DriverState& s = fleet_.drivers[at(d)];
      place(d, s);
      time_stop_under_way(d, s);
      s.status = found(s);
      end_day(d, s);
      take_bookings(d, s);
    }
    // Step 3. Everybody else.
    fleet_.undecided.clear();
    for (std::size_t b = 0; b < fleet_.bookings.size(); ++b) {
      BookingState& s = fleet_.bookings[b];
      if (holder_[b] == nobody) leave_out(s);
      // Nobody could wait for a window that never opens.
      if (s.pickup_window.start >= never) s.pickup_window = day_.bookings[b].pickup_window;
      if (s.dropoff_window.start >= never) s.dropoff_window = day_.bookings[b].dropoff_window;
      if (s.promised_driver == 0 || s.promised_pickup >= never) withdraw_promise(s);
      bool const open = s.known && s.ready && s.status == BookingStatus::pending;
      if (open) fleet_.undecided.push_back(static_cast<std::int32_t>(b));
    }
    fleet_.partner_left = std::max(0, fleet_.partner_left);
    return std::move(fleet_);
  }

 private:
  BookingState& state_of(BookingId id) { return fleet_.bookings[at(day_.booking_position(id))]; }

  // Nobody has it yet; whoever asks has it now.
  bool take(std::int32_t d, BookingId id) {
    std::int32_t const booking = day_.booking_position(id);
    if (booking < 0 || holder_[at(booking)] != nobody) return false;
    holder_[at(booking)] = d;
    return true;
  }

  // On board is who will also be set down.
  void keep_riders(std::int32_t d) {
    DriverState& s = fleet_.drivers[at(d)];
    std::erase_if(s.on_board, [&](BookingId id) {
      bool const set_down =
          std::ranges::any_of(s.stops, [&](Stop const& stop) { return is_stop(stop, StopKind::dropoff, id); });
      return !set_down || !take(d, id);
    });
    std::ranges::sort(s.on_board);
  }

  void keep_stops(std::int32_t d) {
    DriverState& s = fleet_.drivers[at(d)];
    std::vector<BookingId> aboard = s.on_board;
    Route kept;
    std::uint32_t rests = 0;
    for (std::size_t k = 0; k < s.stops.size(); ++k) {
      Stop const& stop = s.stops[k];
      bool keep = false;
      switch (stop.kind) {
        case StopKind::rest: {
          bool const exists = stop.index >= 0 && at(stop.index) < day_.drivers[at(d)].breaks.size();
          keep = exists && (rests >> stop.index & 1U) == 0 && aboard.empty();
          if (keep) rests |= 1U << stop.index;
          break;
        }
        case StopKind::pickup: {
          bool const set_down =
              std::any_of(s.stops.begin() + static_cast<std::ptrdiff_t>(k), s.stops.end(),
                          [&](Stop const& later) { return is_stop(later, StopKind::dropoff, stop.index); });
          keep = set_down && take(d, stop.index);
          if (keep) aboard.push_back(stop.index);
          break;
        }
        case StopKind::dropoff:
          keep = std::erase(aboard, stop.index) > 0;
          break;
      }
      if (keep) kept.push_back(stop);
      if (!keep && k == 0) s.under_way = false;
    }
    s.stops = std::move(kept);
    // A rest that is planned has not been taken yet.
    s.breaks_taken &= ~rests;
    s.under_way = s.under_way && !s.stops.empty();
    bool locked = true;
    for (std::size_t k = 0; k < s.stops.size(); ++k) {
      locked = locked && (s.stops[k].locked || (k == 0 && s.under_way));
      s.stops[k].locked = locked;
    }
    auto const pickups = std::ranges::count(s.stops, StopKind::pickup, &Stop::kind);
    s.trips = std::max(s.trips, static_cast<std::int32_t>(s.on_board.size()) + static_cast<std::int32_t>(pickups));
  }

  // Where the driver is, from when on, and since when he has been out.
  void place(std::int32_t d, DriverState& s) const {
    bool const somewhere = s.anchor >= 0 && at(s.anchor) < day_.places.size();
    if (!somewhere) s.anchor = day_.drivers[at(d)].start;
    if (s.free_at >= never || (s.under_way && s.free_at > fleet_.now)) s.free_at = fleet_.now;
    bool const resting = s.under_way && s.stops.front().kind == StopKind::rest;
    bool const out = (s.under_way && !resting) || !s.on_board.empty();
    if (s.left_start == never && out) s.left_start = s.free_at;
    if (s.left_start < never) s.left_start = within_reach(s.left_start);
  }

  void time_stop_under_way(std::int32_t d, DriverState& s) const {
    if (!s.under_way) {
      s.arrived = s.serving_since = never;
      return;
    }
    if (s.stops.front().kind == StopKind::rest) {
      Break const& pause = day_.drivers[at(d)].breaks[at(s.stops.front().index)];
      s.breaks_taken |= 1U << s.stops.front().index;
      if (s.arrived >= never) s.arrived = s.free_at;
      if (s.serving_since >= never) s.serving_since = std::max(s.arrived, pause.window.start);
    }
    if (s.arrived >= never && s.serving_since < never) s.arrived = s.serving_since;
    if (s.arrived < never) s.arrived = within_reach(s.arrived);
    if (s.serving_since < never) s.serving_since = within_reach(s.serving_since);
  }

  Seconds within_reach(Seconds moment) const { return std::clamp(moment, fleet_.now - longest_past, fleet_.now); }

  static DriverStatus found(DriverState const& s) {
    using enum DriverStatus;
    if (s.under_way) {
      if (s.stops.front().kind == StopKind::rest) return resting;
      if (s.serving_since < never) return serving;
      return s.arrived < never ? waiting : driving;
    }
    switch (s.status) {
      case off:
        return s.available ? (s.left_start < never ? idle : off) : (s.stops.empty() ? off : idle);
      case sick:
        return s.available || !s.stops.empty() ? idle : sick;
      case idle:
      case driving:  // home, or to somebody who does not need it any more
        return s.status;
      case waiting:
      case serving:
      case resting:
        return idle;
    }
    return idle;
  }

  // Whose shift is over when he stands somewhere with an empty plan has gone, or goes home.
  void end_day(std::int32_t d, DriverState& s) const {
    bool const stands = s.stops.empty() && s.status != DriverStatus::driving;
    if (stands && fleet_.now >= day_.drivers[at(d)].shift.end) s.available = false;
  }

  void take_bookings(std::int32_t d, DriverState const& s) {
    for (Stop const& stop : s.stops) {
      if (stop.kind == StopKind::rest) continue;
      bool const under_way = s.under_way && &stop == &s.stops.front();
      bool const aboard = std::ranges::binary_search(s.on_board, stop.index);
      if (stop.kind == StopKind::dropoff && !aboard) continue;
      BookingState& b = state_of(stop.index);
      b.known = b.ready = true;
      b.driver = day_.drivers[at(d)].id;
      Seconds const served = under_way ? s.serving_since : never;
      if (aboard) {
        b.status = BookingStatus::on_board;
        b.boarded = within_reach(b.boarded);
        b.picked_up = std::min(within_reach(b.picked_up), b.boarded);
        b.dropped_off = served;
      } else {
        b.status = !under_way          ? BookingStatus::assigned
                   : s.arrived < never ? BookingStatus::waiting
                                       : BookingStatus::en_route;
        b.picked_up = served;
        b.boarded = b.dropped_off = never;
      }
    }
  }

  void leave_out(BookingState& b) const {
    auto const happened = [&](Seconds moment) { return moment < never && moment == within_reach(moment); };
    using enum BookingStatus;
    bool const unaccounted = b.status == completed && (day_.driver_position(b.driver) < 0 || !happened(b.picked_up) ||
                                                       !happened(b.boarded) || !happened(b.dropped_off));
    bool const lost = b.status == assigned || b.status == en_route || b.status == waiting || b.status == on_board;
    if (unaccounted || lost) b.status = cancelled;
    if (b.status == pending) b.driver = 0;
    if (b.status != completed) b.picked_up = b.boarded = b.dropped_off = never;
  }

  Day const& day_;
  FleetSnapshot fleet_;
  std::vector<std::int32_t> holder_;  // position of the driver in whose plan it is, by booking
};

// By the drivers who are gone for everybody else too: they finish what they have.
bool can_be_driven(FleetSnapshot fleet, TravelTimes const& times) {
  std::vector<std::int32_t> everybody(fleet.drivers.size());
  for (std::size_t d = 0; d < everybody.size(); ++d) {
    everybody[d] = static_cast<std::int32_t>(d);
    fleet.drivers[d].available = true;
  }
  Question const question = instance_of({fleet, times}, everybody, {});
  for (std::size_t v = 0; v < question.present.routes.size(); ++v) {
    auto const plan = schedule::evaluate(question.instance, static_cast<std::int32_t>(v), question.present.routes[v]);
    if (plan.violation != schedule::Violation::none) return false;
  }
  return true;
}

}  // namespace

std::optional<FleetSnapshot> resumable(Situation const& situation) {
  FleetSnapshot fleet = Mending(situation).mended();
  if (!std::ranges::includes(fleet.undecided, situation.fleet.undecided)) return std::nullopt;
  if (!can_be_driven(fleet, situation.times)) return std::nullopt;
  return fleet;
}

}  // namespace regulus::dispatch
