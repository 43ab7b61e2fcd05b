#include "sim/clairvoyant.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <vector>

#include "core/check.h"
#include "dispatch/instance_of.h"
#include "dispatch/search.h"
#include "dispatch/world/real_day.h"
#include "domain/kpi.h"
#include "domain/leg_hours.h"

namespace regulus::sim {

namespace {

using dispatch::Errand;
using dispatch::RealDay;
using dispatch::windows_after_call;
using schedule::Money;

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

// A table of the legs between more stops than this would not fit beside everything else.
constexpr std::size_t most_rows = 4'000;
constexpr int rounds = 4;

// The day as it turns out, told in advance.
class ToldDay {
 public:
  ToldDay(Day const& day, TravelTimes const& expected) : day_(day), expected_(expected), real_(day, expected) {
    told_ = day;
    told_.reality = {};
    fleet_.day = &told_;
    fleet_.partner_left = day.partner.rides;
    fleet_.now = std::numeric_limits<std::int32_t>::min();
    for (std::int32_t b = 0; at(b) < day.bookings.size(); ++b) tell_booking(b);
    for (std::int32_t d = 0; at(d) < day.drivers.size(); ++d) tell_driver(d);
    spread_places();
  }

  Situation situation() const { return {fleet_, times_}; }
  FleetSnapshot const& fleet() const { return fleet_; }
  TravelTimes const& times() const { return times_; }

 private:
  void tell_booking(std::int32_t b) {
    Booking& booking = told_.bookings[at(b)];
    BookingReality const& real = real_.booking(b);
    BookingState& state = fleet_.bookings.emplace_back();
    state.pickup_window = booking.pickup_window;
    state.dropoff_window = booking.dropoff_window;
    if (booking.booking_class == BookingClass::will_call) {
      auto const [pickup, dropoff] = windows_after_call(booking, std::max(booking.known_from, real.calls_at));
      state.pickup_window = pickup;
      state.dropoff_window = dropoff;
    }
    state.known = true;
    booking.pickup_service = real_.pickup_service(b);
    booking.dropoff_service = real_.dropoff_service(b);
    if (real.cancelled_at < never) {
      state.status = BookingStatus::cancelled;
    } else if (real.no_show || real.ready_delay > day_.no_show_wait) {
      state.status = BookingStatus::no_show;
    } else {
      fleet_.undecided.push_back(b);
    }
  }

  void tell_driver(std::int32_t d) {
    Driver& driver = told_.drivers[at(d)];
    DriverReality const& real = real_.driver(d);
    DriverState& state = fleet_.drivers.emplace_back();
    driver.shift.start += real.late_start;
    if (real.sick_from < driver.shift.end + driver.max_overtime) {
      driver.shift.end = std::min(driver.shift.end, real.sick_from);
      driver.max_overtime = real.sick_from - driver.shift.end;
    }
    state.available = driver.shift.start < driver.shift.end;
    state.anchor = driver.start;
    state.free_at = driver.shift.start;
  }

  // Gives every stop a row of its own, so that each leg can have the length that the errand will have.
  void spread_places() {
    std::vector<Place> place;
    struct Arrival {
      int hour = 0;
      double factor = 0;
    };
    std::vector<Arrival> arrival;
    auto const row = [&](Place where, int hour, double luck) {
      place.push_back(where);
      arrival.push_back({hour, luck * day_.reality.traffic[at(hour)]});
      return static_cast<Place>(place.size()) - 1;
    };
    if (2 * (day_.bookings.size() + day_.drivers.size()) > most_rows) {
      times_ = expected_;
      return;
    }
    for (std::size_t b = 0; b < told_.bookings.size(); ++b) {
      Booking& booking = told_.bookings[b];
      BookingState const& state = fleet_.bookings[b];
      LegHours const hours = leg_hours(booking, state.pickup_window, state.dropoff_window, expected_);
      booking.pickup = row(booking.pickup, hours.pickup, real_.luck(Errand::pickup, booking.id));
      booking.dropoff = row(booking.dropoff, hours.dropoff, real_.luck(Errand::dropoff, booking.id));
    }
    for (std::size_t d = 0; d < told_.drivers.size(); ++d) {
      Driver& driver = told_.drivers[d];
      int const hour = hour_of_day(driver.shift.end);
      fleet_.drivers[d].anchor = driver.start = row(driver.start, hour, 1);
      if (driver.end != no_place) driver.end = row(driver.end, hour, real_.luck(Errand::home, driver.id));
    }
    std::vector<std::int32_t> seconds, metres;
    std::vector<Point> points;
    for (std::size_t from = 0; from < place.size(); ++from) {
      points.push_back(day_.places[at(place[from])]);
      for (std::size_t to = 0; to < place.size(); ++to) {
        Leg const leg = expected_.leg(place[from], place[to], arrival[to].hour);
        seconds.push_back(
            static_cast<std::int32_t>(std::llround(static_cast<double>(leg.seconds) * arrival[to].factor)));
        metres.push_back(static_cast<std::int32_t>(leg.metres));
      }
    }
    told_.places = points;
    times_ = TravelTimes::table(place.size(), std::move(seconds), std::move(metres));
  }

  Day const& day_;
  TravelTimes const& expected_;
  RealDay real_;
  Day told_;
  FleetSnapshot fleet_;
  TravelTimes times_;
};

// The problem, its answers and their price.
class Oracle {
 public:
  Oracle(Day const& day, TravelTimes const& expected)
      : day_(day),
        expected_(expected),
        real_(day, expected),
        told_(day, expected),
        question_(dispatch::instance_of(told_.situation(), told_.fleet().undecided)),
        dearest_(dearest_ride(day)) {
    vehicle_of_.assign(day.bookings.size(), -1);
    for (std::size_t r = 0; r < question_.booking_of.size(); ++r) know(static_cast<std::int32_t>(r));
    own_prices_.reserve(question_.instance.requests.size());
    for (schedule::Request const& request : question_.instance.requests) own_prices_.push_back(request.on_vehicle);
  }

  Clairvoyant look(std::int64_t iterations, std::uint64_t seed) {
    dispatch::Solution plan = dispatch::construct(question_.instance, question_.present, 2);
    Clairvoyant best;
    for (int round = 0; round < rounds; ++round) {
      dispatch::SearchOptions options;
      options.iterations = std::max<std::int64_t>(1, iterations / rounds);
      plan = dispatch::improve(question_.instance, std::move(plan), options,
                               Rng(seed).stream(Purpose::search, static_cast<std::uint64_t>(round)));
      Cost const cost = price(plan);
      if (round == 0 || cost.total() < best.cost.total()) best.cost = cost;
      best.iterations += options.iterations;
      reprice(plan);
      plan.cost = dispatch::cost_of(question_.instance, plan);
    }
    return best;
  }

 private:
  Booking const& booking_of(std::int32_t request) const { return day_.bookings[at(question_.booking_of[at(request)])]; }
  LegHours hours_of(std::int32_t request) const {
    std::int32_t const b = question_.booking_of[at(request)];
    BookingState const& state = told_.fleet().bookings[at(b)];
    return leg_hours(day_.bookings[at(b)], state.pickup_window, state.dropoff_window, expected_);
  }

  // What the translation could not know of a request.
  void know(std::int32_t r) {
    schedule::Instance& instance = question_.instance;
    schedule::Request& request = instance.requests[at(r)];
    std::int32_t const b = question_.booking_of[at(r)];
    schedule::Node& pickup = instance.nodes[at(request.pickup)];
    schedule::Node const& dropoff = instance.nodes[at(request.dropoff)];
    pickup.earliest += real_.booking(b).ready_delay;
    pickup.latest = std::max(pickup.latest, pickup.earliest);
    if (request.max_ride < schedule::forever) {
      request.max_ride = std::max(request.max_ride, told_.times().seconds(pickup.place, dropoff.place, dropoff.hour));
    }
    // The price of a detour is measured against the expected direct ride, as it is on a simulated day.
    request.direct = hours_of(r).direct.seconds;
    request.left_out = std::min(unserved(r), takes(r) ? partner(r) : schedule::impossible);
  }

  Money unserved(std::int32_t r) const { return 1'000 * unserved_price(day_.weights, booking_of(r), dearest_); }
  Money partner(std::int32_t r) const {
    return 1'000 * partner_price(day_.weights, booking_of(r), hours_of(r).direct.metres);
  }
  bool takes(std::int32_t r) const {
    return dispatch::partner_takes(told_.situation(), question_.booking_of[at(r)]) && partner(r) < unserved(r);
  }

  // Of whom is left out, those whom a partner takes: as many as he does, first those whose refusal costs most.
  std::vector<std::int32_t> given_to_partner(dispatch::Solution const& plan) const {
    std::vector<std::int32_t> given;
    std::ranges::copy_if(plan.left_out, std::back_inserter(given), [&](std::int32_t r) { return takes(r); });
    std::ranges::stable_sort(given, std::ranges::greater{}, [&](std::int32_t r) { return unserved(r) - partner(r); });
    given.resize(std::min(given.size(), at(std::max(0, day_.partner.rides))));
    return given;
  }

  // The next search knows what this answer would have to pay: no partner for whom he has no ride left, and the price of
  // another driver than the outbound leg's, or the return's.
  void reprice(dispatch::Solution const& plan) {
    std::vector<std::int32_t> const given = given_to_partner(plan);
    bool const full = given.size() == at(std::max(0, day_.partner.rides));
    std::ranges::fill(vehicle_of_, -1);
    for (std::size_t v = 0; v < plan.routes.size(); ++v) {
      for (std::int32_t n : plan.routes[v]) {
        schedule::Node const& node = question_.instance.nodes[at(n)];
        if (node.kind != schedule::NodeKind::pickup) continue;
        vehicle_of_[at(question_.booking_of[at(node.request)])] = static_cast<std::int32_t>(v);
      }
    }
    for (std::size_t i = 0; i < question_.instance.requests.size(); ++i) {
      auto const r = static_cast<std::int32_t>(i);
      schedule::Request& request = question_.instance.requests[i];
      bool const kept = std::ranges::find(given, r) != given.end();
      request.left_out = takes(r) && (kept || !full) ? partner(r) : unserved(r);
      request.on_vehicle = own_prices_[i];
      charge_other_driver(request, day_.booking_position(booking_of(r).linked));
    }
  }

  void charge_other_driver(schedule::Request& request, std::int32_t outbound) {
    std::int32_t const same = outbound < 0 ? -1 : vehicle_of_[at(outbound)];
    if (same < 0) return;
    request.on_vehicle.resize(question_.instance.vehicles.size(), 0);
    for (std::size_t v = 0; v < request.on_vehicle.size(); ++v) {
      if (v == at(same) || request.on_vehicle[v] >= schedule::impossible) continue;
      request.on_vehicle[v] += Money{1'000} * day_.weights.other_return_driver;
    }
  }

  // The plan as a day that is over.
  Cost price(dispatch::Solution const& plan) const {
    Outcome outcome;
    outcome.bookings = told_.fleet().bookings;
    outcome.drivers.resize(day_.drivers.size());
    for (std::int32_t r : plan.left_out) {
      outcome.bookings[at(question_.booking_of[at(r)])].status = BookingStatus::unserved;
    }
    for (std::int32_t r : given_to_partner(plan)) {
      outcome.bookings[at(question_.booking_of[at(r)])].status = BookingStatus::partner;
    }
    for (std::size_t v = 0; v < plan.routes.size(); ++v) drive(plan.routes[v], v, outcome);
    return cost_of(totals_of(day_, expected_, outcome), day_.weights);
  }

  void drive(std::vector<std::int32_t> const& route, std::size_t v, Outcome& outcome) const {
    schedule::Instance const& instance = question_.instance;
    auto const is_rest = [&](std::int32_t n) { return instance.nodes[at(n)].kind == schedule::NodeKind::rest; };
    if (std::ranges::all_of(route, is_rest)) return;
    schedule::Evaluation const day = schedule::evaluate(instance, static_cast<std::int32_t>(v), route);
    REGULUS_CHECK(day.violation == schedule::Violation::none);
    std::int32_t const position = question_.driver_of[v];
    DriverOutcome& driver = outcome.drivers[at(position)];
    driver.left = day.timing.leave;
    driver.back = day.timing.back;
    driver.driven = day.timing.metres;
    for (std::size_t k = 0; k < route.size(); ++k) {
      schedule::Node const& node = instance.nodes[at(route[k])];
      if (node.kind == schedule::NodeKind::rest) continue;
      BookingState& state = outcome.bookings[at(question_.booking_of[at(node.request)])];
      if (node.kind == schedule::NodeKind::pickup) {
        state.driver = day_.drivers[at(position)].id;
        state.picked_up = day.timing.start[k];
        state.boarded = state.picked_up + node.service;
      } else {
        state.dropped_off = day.timing.start[k];
        state.status = BookingStatus::completed;
      }
    }
  }

  Day const& day_;
  TravelTimes const& expected_;
  RealDay real_;
  ToldDay told_;
  dispatch::Question question_;
  Cents dearest_;
  std::vector<std::int32_t> vehicle_of_;        // by booking, in the last answer; -1: none
  std::vector<std::vector<Money>> own_prices_;  // of vehicles, by request, before returns are charged
};

}  // namespace

Clairvoyant clairvoyant(Day const& day, TravelTimes const& expected, std::int64_t iterations, std::uint64_t seed) {
  return Oracle(day, expected).look(iterations, seed);
}

}  // namespace regulus::sim
