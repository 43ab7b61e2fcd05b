#include "domain/day.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace regulus {

namespace {

template <class Item>
std::int32_t position_of(std::vector<Item> const& items, std::int32_t id) {
  // Ids without gaps are the rule, and then no search is needed.
  std::int64_t const guess = items.empty() ? -1 : std::int64_t{id} - items.front().id;
  if (guess >= 0 && guess < static_cast<std::int64_t>(items.size()) &&
      items[static_cast<std::size_t>(guess)].id == id) {
    return static_cast<std::int32_t>(guess);
  }
  auto const it =
      std::lower_bound(items.begin(), items.end(), id, [](Item const& i, std::int32_t v) { return i.id < v; });
  return it != items.end() && it->id == id ? static_cast<std::int32_t>(it - items.begin()) : -1;
}

// Moments of a day and of the night after it; more is a mistake, and sums of such numbers never overflow.
constexpr Seconds latest_moment = 7 * day_length;

struct Checker {
  Day const& day;

  Status place(std::string const& field, Place p, bool optional = false) const {
    if (optional && p == no_place) return ok();
    if (p >= 0 && static_cast<std::size_t>(p) < day.places.size()) return ok();
    return invalid(fmt::format("{} = {} is no row of places, which has {}; add the place or correct the number", field,
                               p, day.places.size()));
  }
  static Status window(std::string const& field, Window const& w) {
    if (w.start < -latest_moment || w.start > latest_moment) {
      return invalid(
          fmt::format("{}.start = {} is not within a week of the day; give seconds since midnight", field, w.start));
    }
    if (w.end != never && w.end > latest_moment) {
      return invalid(
          fmt::format("{}.end = {} is not within a week of the day; give seconds since midnight", field, w.end));
    }
    if (w.end < w.start) {
      return invalid(fmt::format("{} = {} to {} ends before it starts; swap or correct them", field, w.start, w.end));
    }
    return ok();
  }
  static Status duration(std::string const& field, Seconds value, Seconds highest = day_length) {
    if (value >= 0 && value <= highest) return ok();
    return invalid(fmt::format("{} = {} is outside 0 to {} seconds", field, value, highest));
  }
  static Status moment(std::string const& field, Seconds value) {
    if (value == never || (value >= -latest_moment && value <= latest_moment)) return ok();
    return invalid(fmt::format("{} = {} is not within a week of the day; give seconds since midnight", field, value));
  }
  Status skills(std::string const& at, Skills skills) const {
    std::size_t const named = day.skill_names.size();
    if (named >= 64 || skills >> named == 0) return ok();
    return invalid(fmt::format("{}: skills has bits beyond the {} of skill_names; name every skill", at, named));
  }
  static Status seats(std::string const& field, Seats const& seats) {
    for (std::int16_t n : seats.of) {
      if (n < 0 || n > 100) return invalid(fmt::format("{} = {} is outside 0 to 100 seats", field, n));
    }
    return ok();
  }

  Status driver(Driver const& d) const {
    std::string const at = fmt::format("driver {}", d.id);
    if (d.vehicle.layouts.empty()) {
      return invalid(at + ": vehicle.layouts is empty; give at least one seat layout");
    }
    for (Seats const& layout : d.vehicle.layouts) {
      if (Status s = seats(at + ": vehicle.layouts", layout); !s) return s;
    }
    if (Status s = skills(at, d.skills); !s) return s;
    if (Status s = window(at + ": shift", d.shift); !s) return s;
    if (d.shift.end == never) return invalid(at + ": shift.end is missing; a shift has an end");
    if (Status s = duration(at + ": max_overtime", d.max_overtime); !s) return s;
    if (d.breaks.size() > 32) return invalid(fmt::format("{}: {} breaks are more than 32", at, d.breaks.size()));
    for (Break const& b : d.breaks) {
      if (Status s = window(at + ": break", b.window); !s) return s;
      if (Status s = duration(at + ": break.duration", b.duration); !s) return s;
    }
    if (Status s = place(at + ": start", d.start); !s) return s;
    return place(at + ": end", d.end, true);
  }

  Status booking(Booking const& b) const {
    std::string const at = fmt::format("booking {}", b.id);
    if (Status s = place(at + ": pickup", b.pickup); !s) return s;
    if (Status s = place(at + ": dropoff", b.dropoff); !s) return s;
    if (Status s = window(at + ": pickup_window", b.pickup_window); !s) return s;
    if (Status s = window(at + ": dropoff_window", b.dropoff_window); !s) return s;
    if (Status s = seats(at + ": seats", b.seats); !s) return s;
    if (Status s = skills(at, b.skills); !s) return s;
    if (b.seats == Seats{}) return invalid(at + ": seats are all 0; somebody has to ride");
    if (b.companions < 0 || b.companions > 100) {
      return invalid(fmt::format("{}: companions = {} is outside 0 to 100", at, b.companions));
    }
    if (Status s = duration(at + ": pickup_service", b.pickup_service); !s) return s;
    if (Status s = duration(at + ": dropoff_service", b.dropoff_service); !s) return s;
    if (b.max_ride != never) {
      if (Status s = duration(at + ": max_ride", b.max_ride); !s) return s;
    }
    if (!(b.max_ride_ratio >= 0 && b.max_ride_ratio <= 1'000)) {
      return invalid(fmt::format("{}: max_ride_ratio = {} is outside 0 to 1000", at, b.max_ride_ratio));
    }
    if (b.priority < 1 || b.priority > 5) {
      return invalid(fmt::format("{}: priority = {} is outside 1 to 5", at, b.priority));
    }
    if (b.linked != 0 && (b.linked == b.id || day.booking_position(b.linked) < 0)) {
      return invalid(fmt::format("{}: linked = {} is no other booking of the day", at, b.linked));
    }
    for (auto const* list : {&b.preferred, &b.forbidden, &b.required}) {
      for (DriverId id : *list) {
        if (day.driver_position(id) < 0) {
          return invalid(fmt::format("{}: driver {} in preferred, forbidden or required does not exist", at, id));
        }
      }
    }
    if (b.known_from < -latest_moment || b.known_from > latest_moment) {
      return invalid(fmt::format("{}: known_from = {} is not within a week of the day", at, b.known_from));
    }
    return ok();
  }
};

template <class Item>
Status check_ids(std::vector<Item> const& items, char const* what) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].id <= 0) return invalid(fmt::format("{} id = {} is not positive", what, items[i].id));
    if (i > 0 && items[i].id <= items[i - 1].id) {
      return invalid(
          fmt::format("{} id = {} follows {}; ids are unique and ascending", what, items[i].id, items[i - 1].id));
    }
  }
  return ok();
}

}  // namespace

std::int32_t Day::driver_position(DriverId id) const { return position_of(drivers, id); }
std::int32_t Day::booking_position(BookingId id) const { return position_of(bookings, id); }

Status check_day(Day const& day) {
  for (std::size_t i = 0; i < day.places.size(); ++i) {
    Point const& p = day.places[i];
    if (!(std::abs(p.latitude) <= 90) || !(std::abs(p.longitude) <= 180)) {
      return invalid(fmt::format("place {}: {}, {} is not on the earth; give latitude -90 to 90, longitude -180 to 180",
                                 i, p.latitude, p.longitude));
    }
  }
  if (!(day.speeds.detour >= 1 && day.speeds.detour <= 10)) {
    return invalid(fmt::format("speeds.detour = {} is outside 1 to 10", day.speeds.detour));
  }
  if (!(day.speeds.start_seconds >= 0 && day.speeds.start_seconds <= 3'600)) {
    return invalid(fmt::format("speeds.start_seconds = {} is outside 0 to 3600", day.speeds.start_seconds));
  }
  for (double kmh : day.speeds.kmh) {
    if (!(kmh >= 1 && kmh <= 200)) return invalid(fmt::format("speeds.kmh = {} is outside 1 to 200", kmh));
  }
  if (day.skill_names.size() > 64) return invalid("skill_names has more than 64 names");
  for (std::size_t k = 0; k < day.skill_names.size(); ++k) {
    std::string const& name = day.skill_names[k];
    if (name.empty()) return invalid(fmt::format("skill_names[{}] is empty; give it a name", k));
    if (std::find(day.skill_names.begin(), day.skill_names.begin() + static_cast<std::ptrdiff_t>(k), name) !=
        day.skill_names.begin() + static_cast<std::ptrdiff_t>(k)) {
      return invalid(fmt::format("skill_names[{}] = {} is there twice; name each skill once", k, name));
    }
  }
  if (Status s = check_ids(day.drivers, "driver"); !s) return s;
  if (Status s = check_ids(day.bookings, "booking"); !s) return s;
  Checker const checker{day};
  for (Driver const& d : day.drivers) {
    if (Status s = checker.driver(d); !s) return s;
  }
  for (Booking const& b : day.bookings) {
    if (Status s = checker.booking(b); !s) return s;
  }
  if (day.partner.rides < 0) return invalid(fmt::format("partner.rides = {} is negative", day.partner.rides));
  if (Status s = Checker::duration("partner.notice", day.partner.notice); !s) return s;
  if (Status s = Checker::duration("lock_horizon", day.lock_horizon); !s) return s;
  if (Status s = Checker::duration("no_show_wait", day.no_show_wait); !s) return s;
  DemandForecast const& forecast = day.forecast;
  for (double expected : forecast.per_hour) {
    if (!(expected >= 0 && expected <= 10'000)) {
      return invalid(fmt::format("forecast.per_hour = {} is outside 0 to 10000 requests", expected));
    }
  }
  for (DemandForecast::Ride const& ride : forecast.rides) {
    if (Status s = checker.place("forecast.rides: pickup", ride.pickup); !s) return s;
    if (Status s = checker.place("forecast.rides: dropoff", ride.dropoff); !s) return s;
    if (Status s = Checker::seats("forecast.rides: seats", ride.seats); !s) return s;
    if (!(ride.weight > 0 && ride.weight <= 1e9)) {
      return invalid(fmt::format("forecast.rides: weight = {} is not above 0 and at most 1e9", ride.weight));
    }
  }
  if (Status s = Checker::duration("forecast.lead", forecast.lead); !s) return s;
  if (Status s = Checker::duration("forecast.window", forecast.window); !s) return s;
  if (Status s = Checker::duration("forecast.call_after", forecast.call_after); !s) return s;
  if (!(forecast.call_spread >= 0 && forecast.call_spread <= 3)) {
    return invalid(fmt::format("forecast.call_spread = {} is outside 0 to 3", forecast.call_spread));
  }
  Reality const& reality = day.reality;
  if (!(reality.noise >= 0 && reality.noise <= 2)) {
    return invalid(fmt::format("reality.noise = {} is outside 0 to 2", reality.noise));
  }
  for (double factor : reality.traffic) {
    if (!(factor >= 0.1 && factor <= 10)) {
      return invalid(fmt::format("reality.traffic = {} is outside 0.1 to 10", factor));
    }
  }
  if (Status s = check_ids(reality.bookings, "reality of booking"); !s) return s;
  if (Status s = check_ids(reality.drivers, "reality of driver"); !s) return s;
  for (BookingReality const& b : reality.bookings) {
    if (day.booking_position(b.id) < 0) return invalid(fmt::format("reality: booking {} does not exist", b.id));
    if (Status s = Checker::duration(fmt::format("reality of booking {}: ready_delay", b.id), b.ready_delay); !s)
      return s;
    for (auto const& [field, value] : {std::pair{"cancelled_at", b.cancelled_at}, {"calls_at", b.calls_at}}) {
      if (Status s = Checker::moment(fmt::format("reality of booking {}: {}", b.id, field), value); !s) return s;
    }
    if (!(b.service_factor >= 0.01 && b.service_factor <= 100)) {
      return invalid(
          fmt::format("reality of booking {}: service_factor = {} is outside 0.01 to 100", b.id, b.service_factor));
    }
  }
  for (DriverReality const& d : reality.drivers) {
    if (day.driver_position(d.id) < 0) return invalid(fmt::format("reality: driver {} does not exist", d.id));
    if (Status s = Checker::duration(fmt::format("reality of driver {}: late_start", d.id), d.late_start); !s) return s;
    if (Status s = Checker::moment(fmt::format("reality of driver {}: sick_from", d.id), d.sick_from); !s) return s;
  }
  return ok();
}

Cents dearest_ride(Day const& day) {
  // The diagonal of the box around all places bounds every leg; the detour makes it road metres.
  Point low{90, 180}, high{-90, -180};
  for (Point const& p : day.places) {
    low = {std::min(low.latitude, p.latitude), std::min(low.longitude, p.longitude)};
    high = {std::max(high.latitude, p.latitude), std::max(high.longitude, p.longitude)};
  }
  Metres const longest =
      day.places.empty() ? 0
                         : static_cast<Metres>(std::ceil(great_circle(low, high) * std::max(day.speeds.detour, 3.0)));
  Seconds shift = 0;
  for (Driver const& d : day.drivers) shift = std::max(shift, d.shift.end - d.shift.start + d.max_overtime);
  return dearest_ride(day.weights, longest, shift, static_cast<std::int64_t>(day.bookings.size()));
}

}  // namespace regulus
