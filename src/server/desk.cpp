#include "server/desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/check.h"
#include "dispatch/instance_of.h"
#include "dispatch/search.h"
#include "domain/day_file.h"
#include "domain/promise.h"
#include "domain/snapshot_file.h"

namespace regulus::server {

namespace {

std::size_t at(std::int32_t position) { return static_cast<std::size_t>(position); }

// Bit k of Skills is the k-th known name; all names are known.
Skills skills_of(std::vector<std::string> const& names, std::vector<std::string> const& known) {
  Skills skills = 0;
  for (std::string const& name : names) {
    auto const found = std::ranges::find(known, name);
    REGULUS_CHECK(found != known.end());
    skills |= Skills{1} << (found - known.begin());
  }
  return skills;
}

std::vector<std::string> skill_names(std::vector<DeskDriver> const& drivers, std::vector<DeskBooking> const& bookings) {
  std::set<std::string> names;
  for (DeskDriver const& d : drivers) names.insert(d.body.skills.begin(), d.body.skills.end());
  for (DeskBooking const& b : bookings) names.insert(b.body.skills.begin(), b.body.skills.end());
  return {names.begin(), names.end()};
}

Json table_json(TravelTimes const& times) {
  Json seconds = Json::array(), metres = Json::array();
  auto const n = static_cast<Place>(times.places());
  for (Place from = 0; from < n; ++from) {
    for (Place to = 0; to < n; ++to) {
      Leg const leg = times.leg(from, to, 12);
      seconds.push_back(leg.seconds);
      metres.push_back(leg.metres);
    }
  }
  return Json::object({{"seconds", std::move(seconds)}, {"metres", std::move(metres)}});
}

void read_numbers(JsonReader const& at, std::string_view key, std::size_t count, std::vector<std::int32_t>& out) {
  at.in(key, [&](JsonReader const& list) {
    list.items([&](JsonReader const& item) {
      std::int64_t value = 0;
      if (item.integer(0, std::numeric_limits<std::int32_t>::max(), value))
        out.push_back(static_cast<std::int32_t>(value));
    });
    if (out.size() != count) list.fail(fmt::format("has {} numbers; {} places make {}", out.size(), count, count));
  });
}

}  // namespace

Json to_json(DriverProgress const& progress) {
  Json json = to_json(progress.state);
  if (json.has("anchor")) {
    std::erase_if(json.as_object(), [](auto const& member) { return member.first == "anchor"; });
  }
  return Json::object({{"state", std::move(json)}, {"at", progress.at ? to_json(*progress.at) : Json()}});
}

Result<DriverProgress> driver_progress_of(Json const& json) {
  Status status = ok();
  JsonReader const at(json, status);
  DriverProgress progress;
  at.keys({"state"}, {"at"});
  at.in("state", [&](JsonReader const& state) {
    Result<DriverState> read = driver_state_of(state.json());
    if (!read) return state.fail(read.error().message);
    progress.state = read.take();
  });
  at.in("at", [&](JsonReader const& point) {
    if (point.json().is_null()) return;
    Point& place = progress.at.emplace();
    point.keys({"latitude", "longitude"}, {});
    point.get("latitude", place.latitude);
    point.get("longitude", place.longitude);
  });
  if (!status) return status.error();
  return progress;
}

Result<std::unique_ptr<Desk>> Desk::put_together(std::string const& name, std::string const& date,
                                                 CompanyRules const& rules, std::vector<DeskDriver> const& drivers,
                                                 std::vector<DeskBooking> const& bookings, Seconds now) {
  Result<TimeZone> const zone = TimeZone::named(rules.time_zone);
  if (!zone) return zone.error();
  std::unique_ptr<Desk> desk(new Desk);
  Day& day = desk->day_;
  FleetSnapshot& fleet = desk->fleet_;
  day.name = name;
  day.date = date;
  day.partner = rules.partner;
  day.weights = rules.weights;
  day.speeds = rules.speeds;
  day.lock_horizon = rules.lock_horizon;
  day.no_show_wait = rules.no_show_wait;
  day.skill_names = skill_names(drivers, bookings);
  if (day.skill_names.size() > 64) {
    return invalid(fmt::format("drivers and bookings name {} skills; a day has at most 64", day.skill_names.size()));
  }
  auto const place = [&](Point const& point) {
    day.places.push_back(point);
    return static_cast<Place>(day.places.size() - 1);
  };

  // Step 1. Drivers and bookings with their places.
  for (DeskDriver const& row : drivers) {
    Driver driver = row.body.driver;
    driver.id = row.id;
    driver.skills = skills_of(row.body.skills, day.skill_names);
    driver.start = place(row.body.start);
    driver.end = row.body.end ? place(*row.body.end) : no_place;
    day.drivers.push_back(std::move(driver));
  }
  for (DeskBooking const& row : bookings) {
    Booking booking = booking_on(row.body, *zone, date);
    booking.id = row.id;
    booking.skills = skills_of(row.body.skills, day.skill_names);
    booking.pickup = place(row.body.pickup);
    booking.dropoff = place(row.body.dropoff);
    day.bookings.push_back(std::move(booking));
  }

  // Step 2. How they stand. Who has not left yet stands at his start from the beginning of his shift.
  fleet.now = now;
  fleet.day = &day;
  fleet.partner_left = rules.partner.rides;
  for (std::size_t d = 0; d < drivers.size(); ++d) {
    DriverProgress const& progress = drivers[d].progress;
    DriverState state = progress.state;
    state.anchor = progress.at ? place(*progress.at) : day.drivers[d].start;
    if (!progress.at) state.free_at = std::max(state.free_at, day.drivers[d].shift.start);
    bool const over = now >= day.drivers[d].shift.end && state.stops.empty();
    state.available = drivers[d].body.available && !over;
    if (!state.under_way && state.status == DriverStatus::off && now >= day.drivers[d].shift.start) {
      state.status = DriverStatus::idle;
    }
    fleet.version += state.version;
    fleet.drivers.push_back(std::move(state));
  }
  for (std::size_t b = 0; b < bookings.size(); ++b) {
    BookingState state = bookings[b].state;
    state.known = true;
    state.ready = bookings[b].body.ready;
    state.pickup_window = day.bookings[b].pickup_window;
    state.dropoff_window = day.bookings[b].dropoff_window;
    fleet.partner_left -= state.status == BookingStatus::partner ? 1 : 0;
    fleet.bookings.push_back(state);
  }
  fleet.partner_left = std::max(0, fleet.partner_left);
  if (Status const sound = check_day(day); !sound) return sound.error();
  desk->find_undecided();
  desk->times_ = TravelTimes::straight_line(day.places, day.speeds);
  desk->before_ = desk->fleet_;
  return desk;
}

Result<std::unique_ptr<Desk>> Desk::from_record(Json const& record) {
  Status status = ok();
  JsonReader const at(record, status);
  std::unique_ptr<Desk> desk(new Desk);
  at.keys({"day", "fleet"}, {"times", "degraded"});
  at.in("day", [&](JsonReader const& json) {
    Result<Day> day = day_of(json.json());
    if (!day) return json.fail(day.error().message);
    desk->day_ = day.take();
  });
  at.in("fleet", [&](JsonReader const& json) {
    Result<FleetSnapshot> fleet = snapshot_of(json.json(), desk->day_);
    if (!fleet) return json.fail(fleet.error().message);
    desk->fleet_ = fleet.take();
  });
  std::size_t const places = desk->day_.places.size();
  desk->times_ = TravelTimes::straight_line(desk->day_.places, desk->day_.speeds);
  at.in("times", [&](JsonReader const& json) {
    std::vector<std::int32_t> seconds, metres;
    json.keys({"seconds", "metres"}, {});
    read_numbers(json, "seconds", places * places, seconds);
    read_numbers(json, "metres", places * places, metres);
    if (seconds.size() == places * places && metres.size() == seconds.size()) {
      desk->times_ = TravelTimes::table(places, std::move(seconds), std::move(metres));
    }
  });
  at.get("degraded", desk->degraded_);
  if (!status) return status.error();
  desk->before_ = desk->fleet_;
  return desk;
}

std::unique_ptr<Desk> Desk::copy() const {
  std::unique_ptr<Desk> twin(new Desk);
  twin->day_ = day_;
  twin->fleet_ = fleet_;
  twin->fleet_.day = &twin->day_;
  twin->times_ = times_;
  twin->degraded_ = degraded_;
  twin->before_ = before_;
  return twin;
}

Json Desk::record() const {
  Json json = Json::object({{"day", to_json(day_, false)}, {"fleet", to_json(fleet_)}});
  if (times_.is_table()) json["times"] = table_json(times_);
  if (degraded_) json["degraded"] = true;
  return json;
}

void Desk::set_times(TravelTimes times, bool degraded) {
  REGULUS_CHECK(times.places() == day_.places.size());
  times_ = std::move(times);
  degraded_ = degraded;
}

std::vector<DriverId> Desk::changed_drivers() const {
  std::vector<DriverId> changed;
  for (std::size_t d = 0; d < fleet_.drivers.size(); ++d) {
    if (to_json(fleet_.drivers[d]) != to_json(before_.drivers[d])) changed.push_back(day_.drivers[d].id);
  }
  return changed;
}

std::vector<BookingId> Desk::changed_bookings() const {
  std::vector<BookingId> changed;
  for (std::size_t b = 0; b < fleet_.bookings.size(); ++b) {
    if (to_json(fleet_.bookings[b]) != to_json(before_.bookings[b])) changed.push_back(day_.bookings[b].id);
  }
  return changed;
}

DriverState& Desk::state(DriverId id) {
  std::int32_t const position = day_.driver_position(id);
  REGULUS_CHECK(position >= 0);
  return fleet_.drivers[at(position)];
}
BookingState& Desk::state_of(BookingId id) {
  std::int32_t const position = day_.booking_position(id);
  REGULUS_CHECK(position >= 0);
  return fleet_.bookings[at(position)];
}
DriverState const& Desk::driver(DriverId id) const { return const_cast<Desk*>(this)->state(id); }
BookingState const& Desk::booking(BookingId id) const { return const_cast<Desk*>(this)->state_of(id); }

Point Desk::whereabouts(DriverId id) const { return day_.places[at(driver(id).anchor)]; }

void Desk::find_undecided() {
  fleet_.undecided.clear();
  for (std::size_t b = 0; b < fleet_.bookings.size(); ++b) {
    BookingState const& s = fleet_.bookings[b];
    if (s.known && s.ready && s.status == BookingStatus::pending) {
      fleet_.undecided.push_back(static_cast<std::int32_t>(b));
    }
  }
}

void Desk::lock_what_is_near() {
  for (DriverState& s : fleet_.drivers) {
    for (Stop& stop : s.stops) {
      if (stop.locked) continue;
      if (stop.planned > fleet_.now + day_.lock_horizon) break;
      stop.locked = true;
    }
  }
}

void Desk::carry_out(dispatch::Decision const& decision) {
  // Step 1. The new routes; a booking may move from one to another.
  std::set<BookingId> assigned, moved;
  for (DriverRoute const& route : decision.routes) {
    DriverState& s = state(route.driver);
    for (Stop const& stop : s.stops) {
      if (stop.kind == StopKind::pickup && is_open(state_of(stop.index).status)) moved.insert(stop.index);
    }
    s.stops = route.stops;
    ++s.version;
    ++fleet_.version;
  }
  for (DriverRoute const& route : decision.routes) {
    for (Stop const& stop : route.stops) {
      if (stop.kind != StopKind::pickup || !is_open(state_of(stop.index).status)) continue;
      BookingState& b = state_of(stop.index);
      b.status = BookingStatus::assigned;
      b.driver = route.driver;
      assigned.insert(stop.index);
    }
  }
  // Step 2. Who is in no route any more, and who goes elsewhere.
  for (BookingId id : moved) {
    if (assigned.contains(id)) continue;
    state_of(id).status = BookingStatus::pending;
    state_of(id).driver = 0;
  }
  for (BookingId id : decision.overflow) {
    state_of(id).status = BookingStatus::partner;
    --fleet_.partner_left;
  }
  for (BookingId id : decision.unserved) state_of(id).status = BookingStatus::unserved;
  for (DriverState& s : fleet_.drivers) {
    s.trips = static_cast<std::int32_t>(std::ranges::count_if(fleet_.bookings, [&](BookingState const& b) {
      bool const counts = b.status == BookingStatus::assigned || b.status == BookingStatus::en_route ||
                          b.status == BookingStatus::waiting || b.status == BookingStatus::on_board ||
                          b.status == BookingStatus::completed;
      return counts && b.driver == day_.drivers[static_cast<std::size_t>(&s - fleet_.drivers.data())].id;
    }));
  }
  find_undecided();
  // Step 3. Whoever comes soon is told who comes, and when.
  promise_what_is_near();
}

void Desk::promise_what_is_near() {
  for (DriverState const& s : fleet_.drivers) {
    for (Stop const& stop : s.stops) {
      if (stop.kind != StopKind::pickup || !is_promised_by(fleet_.now, stop.planned)) continue;
      if (state_of(stop.index).status == BookingStatus::assigned) promise(state_of(stop.index), stop.planned);
    }
  }
}

void Desk::stand(DriverState& s, Place here, Seconds moment) {
  s.under_way = false;
  s.arrived = s.serving_since = never;
  s.anchor = here;
  s.free_at = moment;
  s.status = DriverStatus::idle;
}

Status Desk::report(Report const& report) {
  if (day_.driver_position(report.driver) < 0) return invalid(fmt::format("driver {} does not exist", report.driver));
  DriverState& s = state(report.driver);
  auto const conflict = [&](std::string_view what) {
    return invalid(fmt::format("driver {} {}", report.driver, what));
  };
  if (s.stops.empty()) return conflict("has no stop before him");
  Stop& next = s.stops.front();
  if (next.kind != report.kind || next.index != report.index) {
    return conflict(fmt::format("has the {} of {} before him, not the {} of {}",
                                enum_names(next.kind)[static_cast<std::size_t>(next.kind)], next.index,
                                enum_names(report.kind)[static_cast<std::size_t>(report.kind)], report.index));
  }
  bool const rest = next.kind == StopKind::rest;
  bool const pickup = next.kind == StopKind::pickup;
  auto const reached = [&] { return s.serving_since < never ? 3 : s.arrived < never ? 2 : s.under_way ? 1 : 0; };
  // depart 1, arrive 2, begin 3, finish and no_show end the stop.
  int const wanted = 1 + static_cast<int>(report.event);
  if (wanted <= reached()) return conflict("has reported that already");
  if (report.event == DriverEvent::no_show && (!pickup || s.serving_since < never)) {
    return conflict("can only report that nobody was there before he begins a pickup");
  }
  ++s.version;
  ++fleet_.version;
  if (!s.under_way) {
    next.locked = true;
    s.under_way = true;
    s.free_at = report.at;
    if (s.left_start == never) s.left_start = report.at;
    s.status = rest ? DriverStatus::idle : DriverStatus::driving;
    if (pickup) state_of(next.index).status = BookingStatus::en_route;
  }
  if (wanted >= 2 && s.arrived == never) {
    s.arrived = report.at;
    if (!rest) s.status = DriverStatus::waiting;
    if (pickup) state_of(next.index).status = BookingStatus::waiting;
  }
  if (report.event == DriverEvent::no_show) {
    BookingId const id = next.index;
    Place const here = day_.bookings[at(day_.booking_position(id))].pickup;
    state_of(id).status = BookingStatus::no_show;
    std::erase_if(s.stops, [&](Stop const& stop) { return stop.kind != StopKind::rest && stop.index == id; });
    stand(s, here, report.at);
    retime(report.driver);
    return ok();
  }
  if (wanted >= 3 && s.serving_since == never) {
    s.serving_since = report.at;
    s.status = rest ? DriverStatus::resting : DriverStatus::serving;
    if (rest) s.breaks_taken |= 1U << static_cast<unsigned>(next.index);
    if (pickup) state_of(next.index).picked_up = report.at;
    if (!pickup && !rest) state_of(next.index).dropped_off = report.at;
  }
  if (report.event != DriverEvent::finish) {
    retime(report.driver);
    return ok();
  }
  Stop const done = next;
  s.stops.erase(s.stops.begin());
  Place here = s.anchor;
  if (!rest) {
    Booking const& b = day_.bookings[at(day_.booking_position(done.index))];
    BookingState& booked = state_of(done.index);
    here = pickup ? b.pickup : b.dropoff;
    booked.status = pickup ? BookingStatus::on_board : BookingStatus::completed;
    if (pickup) {
      booked.boarded = report.at;
      s.on_board.insert(std::ranges::lower_bound(s.on_board, done.index), done.index);
    } else {
      std::erase(s.on_board, done.index);
    }
  }
  stand(s, here, report.at);
  retime(report.driver);
  return ok();
}

Status Desk::withdraw(BookingId booking, BookingStatus status) {
  if (Status const out = take_out(booking, status); !out) return out;
  withdraw_promise(state_of(booking));
  return ok();
}

Status Desk::take_out(BookingId booking, BookingStatus status) {
  std::int32_t const position = day_.booking_position(booking);
  if (position < 0) return invalid(fmt::format("booking {} does not exist", booking));
  BookingState& b = fleet_.bookings[at(position)];
  auto const name = [](BookingStatus s) { return enum_names(s)[static_cast<std::size_t>(s)]; };
  if (!may_become(b.status, status)) {
    return invalid(fmt::format("booking {} is {}, which cannot become {}", booking, name(b.status), name(status)));
  }
  std::optional<DriverId> driver;
  for (std::size_t d = 0; d < fleet_.drivers.size(); ++d) {
    DriverState& s = fleet_.drivers[d];
    auto const its = [&](Stop const& stop) { return stop.kind != StopKind::rest && stop.index == booking; };
    if (std::ranges::none_of(s.stops, its)) continue;
    bool const on_the_way = s.under_way && its(s.stops.front());
    std::erase_if(s.stops, its);
    // Who was on the way there is wherever he is by now; half way is nowhere on the map, so he counts from where he
    // left, as of now.
    if (on_the_way) stand(s, s.arrived < never ? day_.bookings[at(position)].pickup : s.anchor, fleet_.now);
    ++s.version;
    driver = day_.drivers[d].id;
  }
  b.status = status;
  if (status != BookingStatus::cancelled) b.driver = 0;
  if (status == BookingStatus::partner) --fleet_.partner_left;
  ++fleet_.version;
  if (driver) retime(*driver);
  find_undecided();
  return ok();
}

void Desk::release(DriverId driver) {
  std::vector<BookingId> taken_back;
  for (Stop const& stop : state(driver).stops) {
    if (stop.kind == StopKind::pickup && may_become(state_of(stop.index).status, BookingStatus::pending)) {
      taken_back.push_back(stop.index);
    }
  }
  for (BookingId id : taken_back) {
    Status const out = take_out(id, BookingStatus::pending);
    REGULUS_CHECK(static_cast<bool>(out));
  }
  DriverState& s = state(driver);
  std::erase_if(s.stops, [&](Stop const& stop) { return stop.kind == StopKind::rest && !stop.locked; });
  s.available = false;
  ++s.version;
}

void Desk::require(BookingId booking, DriverId driver) {
  REGULUS_CHECK(day_.driver_position(driver) >= 0);
  day_.bookings[at(day_.booking_position(booking))].required = {driver};
}

void Desk::decide_only(std::vector<BookingId> const& bookings) {
  std::erase_if(fleet_.undecided, [&](std::int32_t position) {
    return std::ranges::find(bookings, day_.bookings[at(position)].id) == bookings.end();
  });
}

void Desk::retime(DriverId id) {
  DriverState& s = state(id);
  if (s.stops.empty()) return;
  if (!s.available) {
    for (Stop& stop : s.stops) stop.planned = std::max(stop.planned == never ? fleet_.now : stop.planned, fleet_.now);
    return;
  }
  std::int32_t const position = day_.driver_position(id);
  dispatch::Question question = dispatch::instance_of(situation(), std::span(&position, 1), {});
  // The plan as it stands, put as if it were a change, comes back with its times.
  dispatch::Solution const plan = question.present;
  question.present.routes[0].clear();
  dispatch::Decision const timed = dispatch::decision_of(situation(), question, plan);
  if (!timed.routes.empty()) s.stops = timed.routes.front().stops;
}

double Desk::cost() const {
  dispatch::Question const question = dispatch::instance_of(situation(), fleet_.undecided);
  return static_cast<double>(dispatch::cost_of(question.instance, question.present)) / 1'000;
}

double Desk::cost_after(dispatch::Decision const& decision) const {
  std::vector<std::int32_t> given;
  for (auto const* list : {&decision.overflow, &decision.unserved}) {
    for (BookingId id : *list) given.push_back(day_.booking_position(id));
  }
  std::ranges::sort(given);
  double price = 0;
  dispatch::Question const question = dispatch::instance_of(situation(), given);
  for (std::size_t r = 0; r < question.booking_of.size(); ++r) {
    if (std::ranges::binary_search(given, question.booking_of[r])) {
      price += static_cast<double>(question.instance.requests[r].left_out) / 1'000;
    }
  }
  auto const after = copy();
  after->carry_out(decision);
  return after->cost() + price;
}

}  // namespace regulus::server
