#include "dispatch/plan_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "domain/day_file.h"
#include "domain/leg_hours.h"

namespace regulus::dispatch {

namespace {

template <class T>
bool holds(std::vector<T> const& list, T const& item) {
  return std::ranges::find(list, item) != list.end();
}

std::string_view kind_name(StopKind kind) { return enum_names(kind)[static_cast<std::size_t>(kind)]; }

class PlanChecker {
 public:
  PlanChecker(Day const& day, TravelTimes const& times, PlanReport& report)
      : day_(day), times_(times), report_(report), state_(report.outcome.bookings) {
    state_.resize(day.bookings.size());
    for (std::size_t i = 0; i < state_.size(); ++i) {
      state_[i].known = true;
      state_[i].pickup_window = day.bookings[i].pickup_window;
      state_[i].dropoff_window = day.bookings[i].dropoff_window;
    }
    report.outcome.drivers.resize(day.drivers.size());
  }

  void check_route(DriverRoute const& route);
  void check_given_away(std::vector<BookingId> const& ids, BookingStatus status);
  void check_partner(std::vector<BookingId> const& overflow);
  void check_everybody_named();
  void check_locks(Plan const& plan, Plan const& earlier);

 private:
  struct Rider {
    std::size_t booking;
    Seconds boarded;
  };
  // One driver's way through the day, as far as it has been followed.
  struct Way {
    Driver const* driver = nullptr;
    DriverOutcome* did = nullptr;
    Place here = no_place;
    Seconds free = 0;  // may leave `here` from now on
    bool left = false;
    std::vector<Rider> aboard;
    std::vector<bool> rested;
    std::int32_t stop = 0;
  };

  template <class... Parts>
  void violated(Way const& way, BookingId booking, std::string rule, Seconds by, fmt::format_string<Parts...> what,
                Parts&&... parts) {
    report_.violations.push_back({way.driver ? way.driver->id : 0, way.stop, booking, by, std::move(rule),
                                  fmt::format(what, std::forward<Parts>(parts)...)});
  }
  void drive(Way& way, Place to, int hour, Seconds start, BookingId booking);
  void pick_up(Way& way, Stop const& stop, std::size_t position);
  void drop_off(Way& way, Stop const& stop, std::size_t position);
  void rest(Way& way, Stop const& stop);
  void check_window(Way const& way, Booking const& booking, Window const& window, Seconds start);
  void check_driver_may(Way const& way, Booking const& booking);
  void check_load(Way const& way, BookingId booking);
  void come_home(Way& way);
  void check_breaks(Way const& way);

  Day const& day_;
  TravelTimes const& times_;
  PlanReport& report_;
  std::vector<BookingState>& state_;
};

// Drives to a stop that starts at `start`. Before the first leg the driver waits at home, which costs nothing.
void PlanChecker::drive(Way& way, Place to, int hour, Seconds start, BookingId booking) {
  Leg const leg = times_.leg(way.here, to, hour);
  if (!way.left) {
    way.left = true;
    way.free = start - leg.seconds;
    way.did->left = way.free;
    if (Seconds const early = way.driver->shift.start - way.free; early > 0) {
      violated(way, booking, "shift", early, "leaves {} s before the shift starts at {}", early,
               clock_text(way.driver->shift.start));
    }
  } else if (Seconds const late = way.free + leg.seconds - start; late > 0) {
    violated(way, booking, "travel", late, "cannot be there before {}: free at {}, then {} s of driving",
             clock_text(way.free + leg.seconds), clock_text(way.free), leg.seconds);
  }
  way.did->driven += leg.metres;
  if (way.aboard.empty()) way.did->driven_empty += leg.metres;
  way.here = to;
}

void PlanChecker::check_window(Way const& way, Booking const& booking, Window const& window, Seconds start) {
  if (start < window.start) {
    violated(way, booking.id, "window", window.start - start, "starts {} s before its window opens at {}",
             window.start - start, clock_text(window.start));
  }
  ObjectiveWeights const& w = day_.weights;
  Seconds const most = std::max(w.max_late(booking.booking_class), w.tolerated(booking.booking_class));
  if (Seconds const late = start - window.end - most; late > 0) {
    violated(way, booking.id, "window", late,
             "starts {} s after its window's end at {} and the {} s that it may be late", late, clock_text(window.end),
             most);
  }
}

void PlanChecker::check_driver_may(Way const& way, Booking const& booking) {
  Driver const& driver = *way.driver;
  for (std::size_t k = 0; k < day_.skill_names.size(); ++k) {
    if (((booking.skills & ~driver.skills) >> k & 1U) != 0) {
      violated(way, booking.id, "skill", 0, "needs {}, which the driver has not", day_.skill_names[k]);
    }
  }
  if (holds(booking.forbidden, driver.id)) {
    violated(way, booking.id, "forbidden", 0, "must not ride with this driver");
  }
  if (!booking.required.empty() && !holds(booking.required, driver.id)) {
    violated(way, booking.id, "required", 0, "must ride with one of its required drivers");
  }
}

void PlanChecker::check_load(Way const& way, BookingId booking) {
  Seats load;
  bool alone = false;
  for (Rider const& rider : way.aboard) {
    load += day_.bookings[rider.booking].seats;
    alone = alone || day_.bookings[rider.booking].exclusive;
  }
  if (!way.driver->vehicle.fits(load)) {
    violated(way, booking, "seats", 0,
             "{} ambulatory, {} wheelchair and {} stretcher on board fit no layout of the vehicle", load.of[0],
             load.of[1], load.of[2]);
  }
  if (alone && way.aboard.size() > 1) {
    violated(way, booking, "exclusive", 0, "somebody who rides alone shares the vehicle with {}",
             way.aboard.size() - 1);
  }
}

void PlanChecker::pick_up(Way& way, Stop const& stop, std::size_t position) {
  Booking const& booking = day_.bookings[position];
  BookingState& state = state_[position];
  drive(way, booking.pickup, leg_hours(booking, booking.pickup_window, booking.dropoff_window, times_).pickup,
        stop.planned, booking.id);
  way.free = stop.planned + booking.pickup_service;
  if (state.status != BookingStatus::pending) {
    return violated(way, booking.id, "twice", 0, "is picked up twice");
  }
  state.status = BookingStatus::on_board;
  state.driver = way.driver->id;
  state.picked_up = stop.planned;
  state.boarded = way.free;
  check_window(way, booking, booking.pickup_window, stop.planned);
  check_driver_may(way, booking);
  way.aboard.push_back({position, way.free});
  check_load(way, booking.id);
}

void PlanChecker::drop_off(Way& way, Stop const& stop, std::size_t position) {
  Booking const& booking = day_.bookings[position];
  LegHours const hours = leg_hours(booking, booking.pickup_window, booking.dropoff_window, times_);
  drive(way, booking.dropoff, hours.dropoff, stop.planned, booking.id);
  way.free = stop.planned + booking.dropoff_service;
  auto const rider = std::ranges::find(way.aboard, position, &Rider::booking);
  if (rider == way.aboard.end()) return violated(way, booking.id, "order", 0, "is dropped off and not on board");
  Seconds const ride = stop.planned - rider->boarded;
  way.aboard.erase(rider);
  state_[position].status = BookingStatus::completed;
  state_[position].dropped_off = stop.planned;
  check_window(way, booking, booking.dropoff_window, stop.planned);
  if (ride > booking.max_ride) {
    violated(way, booking.id, "ride", ride - booking.max_ride, "is on board for {} s, {} s longer than max_ride", ride,
             ride - booking.max_ride);
  }
  if (booking.max_ride_ratio > 0) {
    auto const most = static_cast<Seconds>(booking.max_ride_ratio * static_cast<double>(hours.direct.seconds));
    if (ride > most) {
      violated(way, booking.id, "ride", ride - most, "is on board for {} s, {} s longer than {} times the direct {} s",
               ride, ride - most, booking.max_ride_ratio, hours.direct.seconds);
    }
  }
}

void PlanChecker::rest(Way& way, Stop const& stop) {
  if (stop.index < 0 || static_cast<std::size_t>(stop.index) >= way.rested.size()) {
    return violated(way, 0, "break", 0, "is break {}, which the driver does not have", stop.index);
  }
  auto const number = static_cast<std::size_t>(stop.index);
  Break const& pause = way.driver->breaks[number];
  if (way.rested[number]) violated(way, 0, "break", 0, "is break {} a second time", stop.index);
  way.rested[number] = true;
  if (!way.aboard.empty()) {
    violated(way, day_.bookings[way.aboard.front().booking].id, "break", 0, "has {} on board during a break",
             way.aboard.size());
  }
  Seconds const off = std::max(pause.window.start - stop.planned, stop.planned - pause.window.end);
  if (off > 0) {
    violated(way, 0, "break", off, "starts {} s outside of its window {} to {}", off, clock_text(pause.window.start),
             clock_text(pause.window.end));
  }
  drive(way, way.here, 0, stop.planned, 0);
  way.free = stop.planned + pause.duration;
}

void PlanChecker::come_home(Way& way) {
  way.stop = 0;
  for (Rider const& rider : way.aboard) {
    violated(way, day_.bookings[rider.booking].id, "order", 0, "is picked up and never dropped off");
  }
  if (!way.left) return;
  Driver const& driver = *way.driver;
  Leg const leg = driver.end == no_place ? Leg{} : times_.leg(way.here, driver.end, hour_of_day(driver.shift.end));
  way.did->back = way.free + leg.seconds;
  way.did->driven += leg.metres;
  way.did->driven_empty += leg.metres;
  Seconds const latest = driver.shift.end + driver.max_overtime;
  if (Seconds const late = way.did->back - latest; late > 0) {
    violated(way, 0, "shift", late, "is back at {}, {} s after the shift's end and all overtime",
             clock_text(way.did->back), late);
  }
  check_breaks(way);
}

void PlanChecker::check_breaks(Way const& way) {
  for (std::size_t k = 0; k < way.rested.size(); ++k) {
    Break const& pause = way.driver->breaks[k];
    bool const before = pause.window.start + pause.duration <= way.did->left;
    bool const after = way.did->back <= pause.window.end;
    if (way.rested[k] || before || after) continue;
    violated(way, 0, "break", 0, "has no break {} between {} and {}", k, clock_text(pause.window.start),
             clock_text(pause.window.end + pause.duration));
  }
}

void PlanChecker::check_route(DriverRoute const& route) {
  Way way;
  std::int32_t const position = day_.driver_position(route.driver);
  if (position < 0) return violated(way, 0, "driver", 0, "driver {} does not exist", route.driver);
  way.driver = &day_.drivers[static_cast<std::size_t>(position)];
  way.did = &report_.outcome.drivers[static_cast<std::size_t>(position)];
  way.here = way.driver->start;
  way.rested.assign(way.driver->breaks.size(), false);
  // Breaks alone keep nobody away from home.
  auto const is_rest = [](Stop const& stop) { return stop.kind == StopKind::rest; };
  if (std::ranges::all_of(route.stops, is_rest)) return;
  for (Stop const& stop : route.stops) {
    ++way.stop;
    if (stop.planned < -7 * day_length || stop.planned > 7 * day_length) {
      violated(way, is_rest(stop) ? 0 : stop.index, "start", 0, "has no planned start within a week of the day");
      continue;
    }
    if (is_rest(stop)) {
      rest(way, stop);
      continue;
    }
    std::int32_t const booking = day_.booking_position(stop.index);
    if (booking < 0) {
      violated(way, stop.index, "booking", 0, "does not exist");
    } else if (stop.kind == StopKind::pickup) {
      pick_up(way, stop, static_cast<std::size_t>(booking));
    } else {
      drop_off(way, stop, static_cast<std::size_t>(booking));
    }
  }
  come_home(way);
}

void PlanChecker::check_given_away(std::vector<BookingId> const& ids, BookingStatus status) {
  for (BookingId id : ids) {
    std::int32_t const position = day_.booking_position(id);
    if (position < 0) {
      violated({}, id, "booking", 0, "does not exist");
      continue;
    }
    BookingState& state = state_[static_cast<std::size_t>(position)];
    if (state.status != BookingStatus::pending) {
      violated({}, id, "twice", 0, "is {} and also {}", enum_names(status)[static_cast<std::size_t>(status)],
               state.driver != 0 ? "planned" : "given away before");
      continue;
    }
    state.status = status;
  }
}

void PlanChecker::check_partner(std::vector<BookingId> const& overflow) {
  if (std::cmp_greater(overflow.size(), day_.partner.rides)) {
    violated({}, 0, "partner", 0, "{} rides go to a partner who takes {}", overflow.size(), day_.partner.rides);
  }
  for (BookingId id : overflow) {
    std::int32_t const position = day_.booking_position(id);
    if (position < 0 || day_.partner.wheelchairs) continue;
    Seats const& seats = day_.bookings[static_cast<std::size_t>(position)].seats;
    if (seats[SeatKind::wheelchair] > 0 || seats[SeatKind::stretcher] > 0) {
      violated({}, id, "partner", 0, "needs a wheelchair or a stretcher, which the partner does not take");
    }
  }
}

void PlanChecker::check_everybody_named() {
  for (std::size_t i = 0; i < state_.size(); ++i) {
    if (state_[i].status != BookingStatus::pending) continue;
    violated({}, day_.bookings[i].id, "missing", 0,
             "is neither planned, nor given to a partner, nor named as unserved");
  }
}

void PlanChecker::check_locks(Plan const& plan, Plan const& earlier) {
  for (DriverRoute const& before : earlier.routes) {
    auto const now = std::ranges::find(plan.routes, before.driver, &DriverRoute::driver);
    Way way;
    std::int32_t const position = day_.driver_position(before.driver);
    if (position >= 0) way.driver = &day_.drivers[static_cast<std::size_t>(position)];
    for (std::size_t k = 0; k < before.stops.size() && before.stops[k].locked; ++k) {
      Stop const& stop = before.stops[k];
      way.stop = static_cast<std::int32_t>(k) + 1;
      bool const there = now != plan.routes.end() && k < now->stops.size() && now->stops[k].kind == stop.kind &&
                         now->stops[k].index == stop.index;
      if (there) continue;
      violated(way, stop.kind == StopKind::rest ? 0 : stop.index, "lock", 0,
               "was locked as the {} of {} and is not there any more", kind_name(stop.kind), stop.index);
    }
  }
}

}  // namespace

PlanReport check_plan(Day const& day, TravelTimes const& times, Plan const& plan, Plan const* locked) {
  PlanReport report;
  PlanChecker checker(day, times, report);
  std::vector<DriverId> seen;
  for (DriverRoute const& route : plan.routes) {
    if (holds(seen, route.driver)) {
      report.violations.push_back({route.driver, 0, 0, 0, "twice", "has two routes"});
      continue;
    }
    seen.push_back(route.driver);
    checker.check_route(route);
  }
  checker.check_given_away(plan.overflow, BookingStatus::partner);
  checker.check_given_away(plan.unserved, BookingStatus::unserved);
  checker.check_partner(plan.overflow);
  checker.check_everybody_named();
  if (locked != nullptr) checker.check_locks(plan, *locked);
  report.kpi = kpi_of(day, times, report.outcome);
  return report;
}

std::string to_text(PlanViolation const& v) {
  std::string who;
  auto const add = [&who](std::string const& part) { who += (who.empty() ? "" : ", ") + part; };
  if (v.driver != 0) add(fmt::format("driver {}", v.driver));
  if (v.stop != 0) add(fmt::format("stop {}", v.stop));
  if (v.booking != 0) add(fmt::format("booking {}", v.booking));
  return who.empty() ? v.what : who + ": " + v.what;
}

Json to_json(PlanReport const& report) {
  Json violations = Json::array();
  for (PlanViolation const& v : report.violations) {
    violations.push_back(Json::object({{"driver", v.driver},
                                       {"stop", v.stop},
                                       {"booking", v.booking},
                                       {"rule", v.rule},
                                       {"by_seconds", v.by},
                                       {"what", v.what}}));
  }
  return Json::object({{"feasible", report.feasible()},
                       {"cost_cents", to_json(report.kpi.cost)},
                       {"kpi", to_json(report.kpi)},
                       {"violations", std::move(violations)}});
}

}  // namespace regulus::dispatch
