// Snapshots that contradict themselves: whatever a file may say (domain/snapshot_file.h), however little sense it
// makes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "domain/snapshot.h"

namespace regulus::testing {

class Contradictions {
 public:
  // Of states alone: what drivers are found doing and what became of bookings. Or of plans too: stops that do not
  // belong together, riders whom nobody sets down.
  enum class In : std::uint8_t { states, plans };

  Contradictions(FleetSnapshot& fleet, In in, Rng rng) : fleet_(fleet), day_(*fleet.day), in_(in), rng_(rng) {}

  void add(int count) {
    for (int k = 0; k < count; ++k) {
      if (!fleet_.drivers.empty() && rng_.chance(0.6)) {
        of_driver(fleet_.drivers[rng_.below(fleet_.drivers.size())]);
      } else if (!fleet_.bookings.empty()) {
        of_booking(fleet_.bookings[rng_.below(fleet_.bookings.size())]);
      }
    }
  }

 private:
  Seconds moment() {
    if (rng_.chance(0.2)) return never;
    if (rng_.chance(0.05)) return rng_.chance(0.5) ? 1'000'000'000'000 : -1'000'000'000'000;
    return fleet_.now + rng_.between(-30'000, 30'000);
  }
  BookingId some_booking() { return day_.bookings[rng_.below(day_.bookings.size())].id; }

  void of_driver(DriverState& s) {
    auto const d = static_cast<std::size_t>(&s - fleet_.drivers.data());
    switch (rng_.below(in_ == In::states ? 6 : 14)) {
      case 0:
        s.status = static_cast<DriverStatus>(rng_.below(driver_statuses));
        break;
      case 1:
        s.free_at = moment();
        break;
      case 2:
        s.left_start = moment();
        break;
      case 3:
        s.arrived = moment();
        break;
      case 4:
        s.serving_since = moment();
        break;
      case 5:
        s.trips = static_cast<std::int32_t>(rng_.between(-3, 9));
        break;
      case 6:
        s.available = !s.available;
        break;
      case 7:
        s.anchor = static_cast<Place>(rng_.below(day_.places.size() + 1)) - 1;
        break;
      case 8:
        s.under_way = !s.under_way;
        break;
      case 9:
        if (rng_.chance(0.5) && !s.on_board.empty()) {
          s.on_board.pop_back();
        } else if (!day_.bookings.empty()) {
          s.on_board.push_back(some_booking());
        }
        break;
      case 10:
        if (!s.stops.empty()) s.stops.erase(s.stops.begin() + static_cast<std::ptrdiff_t>(rng_.below(s.stops.size())));
        break;
      case 11:
        add_stop(s, day_.drivers[d]);
        break;
      case 12:
        rng_.shuffle(std::span(s.stops));
        break;
      default:
        s.breaks_taken = static_cast<std::uint32_t>(rng_.below(4));
        for (Stop& stop : s.stops) stop.locked = rng_.chance(0.5);
        for (Stop& stop : s.stops) stop.planned = moment();
        break;
    }
  }

  void add_stop(DriverState& s, Driver const& driver) {
    Stop stop{
        .kind = static_cast<StopKind>(rng_.below(3)), .index = 0, .locked = rng_.chance(0.3), .planned = moment()};
    if (stop.kind == StopKind::rest && driver.breaks.empty()) return;
    if (stop.kind != StopKind::rest && day_.bookings.empty()) return;
    stop.index =
        stop.kind == StopKind::rest ? static_cast<std::int32_t>(rng_.below(driver.breaks.size())) : some_booking();
    s.stops.insert(s.stops.begin() + static_cast<std::ptrdiff_t>(rng_.below(s.stops.size() + 1)), stop);
  }

  void of_booking(BookingState& s) {
    switch (rng_.below(in_ == In::states ? 7 : 8)) {
      case 0:
        s.status = static_cast<BookingStatus>(rng_.below(booking_statuses));
        break;
      case 1:
        s.known = !s.known;
        break;
      case 2:
        s.ready = !s.ready;
        break;
      case 3:
        s.driver = static_cast<DriverId>(rng_.between(0, 50));
        break;
      case 4:
        s.promised_driver = static_cast<DriverId>(rng_.between(0, 50));
        s.promised_pickup = moment();
        break;
      case 5:
        s.boarded = moment();
        break;
      case 6:
        (rng_.chance(0.5) ? s.picked_up : s.dropped_off) = moment();
        break;
      default:
        s.pickup_window = {moment(), moment()};
        if (rng_.chance(0.5)) s.dropoff_window = {moment(), moment()};
        break;
    }
  }

  FleetSnapshot& fleet_;
  Day const& day_;
  In in_;
  Rng rng_;
};

}  // namespace regulus::testing
