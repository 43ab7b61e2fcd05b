#include "sim/demand.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/check.h"
#include "core/config.h"
#include "sim/company.h"

namespace regulus::sim {

namespace {

constexpr Seconds quarter = 15 * one_minute;
constexpr Skills attendant = 1;
constexpr Place depot = 0;  // then the facilities, then homes as they are needed

Seconds minutes(double n) { return static_cast<Seconds>(n) * one_minute; }
Seconds whole_minute(Seconds moment) { return moment / one_minute * one_minute; }
Seconds share_of(double share, Seconds length) { return static_cast<Seconds>(share * static_cast<double>(length)); }

// Cut at three deviations: a longer tail says nothing about dispatch.
double log_normal(double spread, Rng& rng) { return std::exp(spread * std::clamp(rng.normal(), -3.0, 3.0)); }

std::int64_t poisson(double mean, Rng& rng) {
  if (mean > 100) return std::max<std::int64_t>(0, std::llround(mean + std::sqrt(mean) * rng.normal()));
  // Knuth: how many uniforms can be multiplied before the product falls below e^-mean.
  std::int64_t count = -1;
  double const floor = std::exp(-mean);
  for (double product = 1; product > floor || count < 0; product *= 1.0 - rng.uniform()) ++count;
  return count;
}

// Whether item i of a row belongs to a share of it, spread evenly rather than drawn: small fleets stay comparable.
bool in_share(std::size_t i, double share, double phase) {
  auto const n = static_cast<double>(i);
  return std::floor((n + 1) * share + phase) > std::floor(n * share + phase);
}

// A date of 2025, whose first Monday was the 6th of January, or of the days after it.
std::string date_of(int weekday, int week) {
  constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int date = 5 + 7 * week + weekday, month = 0, year = 2025;
  while (date >= lengths[month]) {
    date -= lengths[month++];
    if (month == 12) month = 0, ++year;
  }
  return fmt::format("{}-{:02}-{:02}", year, month + 1, date + 1);
}

// A ride whose windows are not worked out yet, because that needs the places of the whole day.
struct Draft {
  Client const* client = nullptr;
  std::uint64_t number = 0;  // of the client
  BookingClass booking_class = BookingClass::outbound;
  Place from = no_place, to = no_place;
  Seconds requested = 0;  // pickup
  Seconds known_from = 0;
  std::ptrdiff_t outbound = -1;  // position of the outbound ride's draft
  double stay_factor = 1;        // of a will-call's stay over the usual one
  BookingReality reality;
  Booking booking;
};

class Maker {
 public:
  Maker(DemandConfig const& config, std::uint64_t seed) : config_(config), company_(config), root_(seed) {}

  Day make(std::string_view name) {
    Rng calendar = root_.stream(Purpose::demand);
    int const weekday = static_cast<int>(draw_weighted(config_.calendar.weekdays, calendar));
    day_.name = name;
    day_.date = date_of(weekday, static_cast<int>(calendar.below(52)));
    day_.skill_names = {"attendant"};
    for (double& kmh : day_.speeds.kmh) kmh = std::round(10 * kmh * config_.geography.speed) / 10;
    add_place(company_.depot());
    for (Point const& facility : company_.facilities()) add_place(facility);
    add_fleet();

    double const percent = config_.calendar.weekday_percent[static_cast<std::size_t>(weekday)] / 100.0;
    double const expected = company_.other_visits() * percent;
    add_visits(weekday, poisson(expected * log_normal(config_.calendar.day_spread, calendar), calendar));
    add_forecast(expected);
    finish_bookings();
    add_surprises();
    return std::move(day_);
  }

 private:
  Place add_place(Point const& point) {
    day_.places.push_back(point);
    return static_cast<Place>(day_.places.size()) - 1;
  }

  void add_fleet();
  void add_visits(int weekday, std::int64_t others);
  void add_visit(std::uint64_t number, bool regular, Rng rng, Rng reality);
  Seconds moment_at(double u, bool round, Rng& rng) const;
  Seconds round_minute(Rng& rng) const;
  void add_forecast(double visits);
  void surprise(Draft& draft, Draft const* outbound, Rng& rng) const;
  void finish_bookings();
  void work_out(Draft& draft, TravelTimes const& times) const;
  Seconds service_at(Place place, Client const& client) const;
  void add_surprises();

  DemandConfig const& config_;
  Company company_;
  Rng root_;
  std::vector<Client> clients_;  // reserved: drafts point into it
  std::vector<Draft> drafts_;    // a return after its outbound ride
  std::vector<DriverId> regular_drivers_;
  Day day_;
};

// The roster, with its vehicles, is the company's; who is there today is the day's.
void Maker::add_fleet() {
  FleetConfig const& fleet = config_.fleet;
  day_.partner.rides = fleet.partner_rides;
  Rng today = root_.stream(Purpose::fleet);
  std::size_t number = 0, vans = 0;
  for (std::size_t row = 0; row < fleet.shifts.size(); row += 4) {
    for (int n = 0; n < fleet.shifts[row + 3]; ++n, ++number) {
      Driver d;
      d.id = static_cast<DriverId>(number) + 1;
      d.type = static_cast<DriverType>(fleet.shifts[row]);
      d.name = fmt::format("{} {}", enum_names(d.type)[static_cast<std::size_t>(d.type)], d.id);
      d.shift = {minutes(fleet.shifts[row + 1]), minutes(fleet.shifts[row + 2])};
      d.max_overtime = minutes(fleet.overtime_minutes);
      Seconds const length = d.shift.end - d.shift.start;
      if (length > 6 * one_hour && fleet.break_minutes > 0) {
        d.breaks.push_back(
            {{d.shift.start + length / 3, d.shift.start + length * 3 / 5}, minutes(fleet.break_minutes)});
      }
      bool const van = in_share(number, fleet.vans, 0.5);
      bool const lying = van && in_share(vans++, fleet.stretcher_vans, 0.5);
      d.vehicle = lying ? Vehicle{"stretcher van", {Seats{{4, 0, 0}}, Seats{{2, 1, 0}}, Seats{{1, 0, 1}}}}
                  : van ? Vehicle{"van", {Seats{{6, 0, 0}}, Seats{{4, 1, 0}}, Seats{{2, 2, 0}}}}
                        : Vehicle{"car", {Seats{{4, 0, 0}}}};
      if (in_share(number, fleet.trained, 0.7)) d.skills = attendant;
      Rng own = company_.stream(Purpose::fleet, number);
      d.start = own.chance(fleet.from_home) ? add_place(company_.somewhere(own)) : depot;
      d.end = d.start;
      double const present = d.type == DriverType::regular      ? 1
                             : d.type == DriverType::occasional ? fleet.occasional_present
                                                                : fleet.emergency_present;
      if (!today.chance(present)) continue;
      if (d.type == DriverType::regular) regular_drivers_.push_back(d.id);
      day_.drivers.push_back(std::move(d));
    }
  }
}

void Maker::add_visits(int weekday, std::int64_t others) {
  auto const regulars = static_cast<std::uint64_t>(config_.clients.regulars);
  auto const pool = static_cast<std::uint64_t>(config_.clients.pool);
  clients_.reserve(static_cast<std::size_t>(config_.clients.regulars + others));
  for (std::uint64_t visit = 1; visit <= regulars + static_cast<std::uint64_t>(others); ++visit) {
    bool const regular = visit <= regulars;
    Rng rng = root_.stream(Purpose::demand, visit);
    std::uint64_t const number = regular ? visit : regulars + 1 + rng.below(pool);
    if (regular && !rng.chance(company_.regular_chance(static_cast<int>(visit) - 1, weekday))) continue;
    add_visit(number, regular, rng, root_.stream(Purpose::reality, visit));
  }
}

// By the histogram of hours, at probability u: on a round minute, or at any second.
Seconds Maker::moment_at(double u, bool round, Rng& rng) const {
  auto const& hours = config_.trips.hours;
  double rest = u * std::accumulate(hours.begin(), hours.end(), 0.0);
  std::size_t hour = 0;
  while (hour < 23 && rest >= hours[hour]) rest -= hours[hour++];
  return static_cast<Seconds>(hour) * one_hour + (round ? round_minute(rng) : rng.between(0, one_hour - 1));
}

Seconds Maker::round_minute(Rng& rng) const {
  auto const kind = static_cast<Seconds>(draw_weighted(config_.trips.minutes, rng));
  if (kind < 4) return kind * quarter;
  auto const five = static_cast<Seconds>(rng.below(4) * 3 + 1 + rng.below(2));  // 1, 2, 4, 5, 7, 8, 10, 11
  return five * 5 * one_minute;
}

void Maker::add_visit(std::uint64_t number, bool regular, Rng rng, Rng reality) {
  clients_.push_back(company_.client(number));
  Client const& client = clients_.back();
  TripsConfig const& trips = config_.trips;
  Place const home = add_place(client.home);
  Place const there = client.facility != no_place ? client.facility : add_place(client.other_end);
  double const time = regular ? client.usual_time : rng.uniform();
  double const stay = regular ? client.usual_gap : rng.uniform();
  Draft first{.client = &client, .number = number, .from = home, .to = there, .reality = {}, .booking = {}};

  if (rng.chance(trips.on_demand)) {
    first.booking_class = BookingClass::on_demand;
    if (rng.chance(0.5)) std::swap(first.from, first.to);
    first.requested = first.known_from = moment_at(time, false, rng);
    surprise(first, nullptr, reality);
    drafts_.push_back(std::move(first));
    return;
  }
  // A standing order is for the same time on all its days.
  Rng clock = regular ? company_.stream(Purpose::demand, number) : rng.stream(Purpose::demand);
  first.requested = moment_at(time, true, clock);
  if (!regular && rng.chance(config_.notice.same_day)) {
    Seconds const notice = minutes(at_quantile(config_.notice.notice_minutes, rng.uniform()));
    first.known_from = std::max<Seconds>(0, first.requested - notice);
  }
  // Short enough stays: the last return leaves before the evening.
  double const most = static_cast<double>(trips.last_return_hour * one_hour - first.requested) / one_minute;
  Seconds const gap = minutes(at_quantile(trips.gap_minutes, stay * share_up_to(trips.gap_minutes, most)));
  Draft back = first;
  back.booking_class = client.will_call ? BookingClass::will_call : BookingClass::inbound;
  std::swap(back.from, back.to);
  back.requested = (first.requested + gap) / one_hour * one_hour + round_minute(clock);
  if (!client.back_only) {
    surprise(first, nullptr, reality);
    back.outbound = static_cast<std::ptrdiff_t>(drafts_.size());
    drafts_.push_back(first);
  }
  if (!client.back_only && !client.round_trip) return;
  surprise(back, client.back_only ? nullptr : &first, reality);
  drafts_.push_back(std::move(back));
}

// What will really happen to a ride, after its outbound ride when it has one.
void Maker::surprise(Draft& draft, Draft const* outbound, Rng& rng) const {
  SurprisesConfig const& s = config_.surprises;
  bool const called_off = rng.chance(s.cancelled), late = rng.chance(s.cancelled_late);
  double const when = rng.uniform();
  BookingReality& r = draft.reality;
  r.no_show = rng.chance(s.no_show);
  Seconds const ready = minutes(at_quantile(s.ready_minutes, rng.uniform()));
  if (draft.booking_class == BookingClass::inbound) r.ready_delay = ready;
  r.service_factor = std::round(100 * log_normal(s.service_spread, rng)) / 100;
  draft.stay_factor = log_normal(s.call_spread, rng);
  if (outbound != nullptr) {
    r.cancelled_at = outbound->reality.cancelled_at;
    // Whoever did not go does not come back.
    if (outbound->reality.no_show) r.cancelled_at = outbound->requested + minutes(config_.service.pickup_lead);
  } else if (called_off) {
    // On demand one gives up while waiting; otherwise early is before, and late within, the last hours before the ride.
    bool const at_once = draft.booking_class == BookingClass::on_demand;
    Seconds const end = draft.requested + (at_once ? minutes(config_.service.on_demand_window) : 0);
    Seconds const border = std::clamp(draft.requested - minutes(s.late_minutes), draft.known_from, end);
    Seconds const from = late || at_once ? border : draft.known_from, to = late || at_once ? end : border;
    r.cancelled_at = from + share_of(when, to - from);
  }
  if (r.cancelled_at != never) r.no_show = false;
}

void Maker::finish_bookings() {
  TravelTimes const times = TravelTimes::straight_line(day_.places, day_.speeds);
  for (Draft& draft : drafts_) work_out(draft, times);
  std::vector<std::size_t> order(drafts_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return drafts_[i].requested; });
  std::vector<BookingId> id_of(drafts_.size());
  for (std::size_t n = 0; n < order.size(); ++n) id_of[order[n]] = static_cast<BookingId>(n) + 1;
  for (std::size_t const i : order) {
    Draft& draft = drafts_[i];
    draft.booking.id = draft.reality.id = id_of[i];
    if (draft.outbound >= 0) draft.booking.linked = id_of[static_cast<std::size_t>(draft.outbound)];
    day_.bookings.push_back(std::move(draft.booking));
    day_.reality.bookings.push_back(draft.reality);
  }
}

Seconds Maker::service_at(Place place, Client const& client) const {
  ServiceConfig const& s = config_.service;
  bool const facility = place > depot && static_cast<std::size_t>(place) <= company_.facilities().size();
  return s.kerb_seconds + (facility ? s.facility_seconds : 0) +
         (client.seats[SeatKind::wheelchair] > 0 ? s.wheelchair_seconds : 0) +
         (client.seats[SeatKind::stretcher] > 0 ? s.stretcher_seconds : 0);
}

void Maker::work_out(Draft& draft, TravelTimes const& times) const {
  Client const& client = *draft.client;
  ServiceConfig const& s = config_.service;
  Booking& b = draft.booking;
  b.reference = fmt::format("client {}{}", draft.number, draft.outbound >= 0 ? " back" : "");
  b.booking_class = draft.booking_class;
  b.pickup = draft.from;
  b.dropoff = draft.to;
  b.seats = client.seats;
  b.companions = client.companions;
  b.pickup_service = service_at(draft.from, client);
  b.dropoff_service = service_at(draft.to, client);
  b.priority = client.priority;
  b.skills = client.skilled ? attendant : 0;
  b.exclusive = client.exclusive;
  if (client.prefers && !regular_drivers_.empty()) {
    b.preferred = {regular_drivers_[client.preferred % regular_drivers_.size()]};
  }
  b.known_from = draft.known_from;
  Seconds const direct = times.seconds(draft.from, draft.to, hour_of_day(draft.requested));
  Seconds longest = minutes(s.max_ride);
  if (2 * direct <= longest) {
    b.max_ride = longest;
  } else {
    b.max_ride_ratio = s.max_ride_ratio;
    longest = share_of(s.max_ride_ratio, direct);
  }

  if (b.booking_class == BookingClass::outbound) {
    Seconds appointment = draft.requested + minutes(s.pickup_lead);
    while (appointment < draft.requested + b.pickup_service + direct + 5 * one_minute) appointment += quarter;
    b.dropoff_window = {appointment - minutes(s.appointment_window), appointment};
    // By the slower of the two hours: whoever is fetched at the last moment arrives in time.
    Seconds const slower = std::max(direct, times.seconds(draft.from, draft.to, hour_of_day(appointment)));
    b.pickup_window = {whole_minute(b.dropoff_window.start - b.pickup_service - longest),
                       whole_minute(appointment - b.pickup_service - slower)};
    return;
  }
  if (draft.outbound >= 0) {
    Seconds const appointment = drafts_[static_cast<std::size_t>(draft.outbound)].booking.dropoff_window.end;
    while (draft.requested < appointment + quarter) draft.requested += quarter;
    draft.reality.calls_at = appointment + whole_minute(share_of(draft.stay_factor, draft.requested - appointment));
  } else {
    draft.reality.calls_at = draft.requested;
  }
  if (b.booking_class != BookingClass::will_call) draft.reality.calls_at = never;
  bool const at_once = b.booking_class == BookingClass::on_demand;
  b.pickup_window = {draft.requested, draft.requested + minutes(at_once ? s.on_demand_window : s.pickup_window)};
  b.dropoff_window = {draft.requested, never};
}

void Maker::add_surprises() {
  SurprisesConfig const& s = config_.surprises;
  Reality& reality = day_.reality;
  Rng rng = root_.stream(Purpose::reality);
  reality.seed = rng.next();
  reality.noise = s.leg_noise;
  constexpr std::array<double, 24> rush = {0,   0,   0,   0,   0,   0, 0.3, 1,   1, 0.6, 0.2, 0.3,
                                           0.4, 0.2, 0.2, 0.4, 0.8, 1, 0.8, 0.3, 0, 0,   0,   0};
  double const severity = rng.uniform(0, 2);  // there are good days and bad ones
  for (std::size_t h = 0; h < rush.size(); ++h) {
    double const slower = s.rush * severity * rush[h] + rng.uniform(-0.04, 0.04);
    reality.traffic[h] = std::round(1'000 * (1 + slower)) / 1'000;
  }
  for (Driver const& d : day_.drivers) {
    bool const late = rng.chance(s.driver_late), sick = rng.chance(s.driver_sick);
    Seconds const by = rng.between(5, 30) * one_minute;
    double const when = rng.uniform(0.2, 0.9);
    DriverReality r{.id = d.id};
    if (late) r.late_start = by;
    if (sick) r.sick_from = whole_minute(d.shift.start + share_of(when, d.shift.end - d.shift.start));
    if (late || sick) reality.drivers.push_back(r);
  }
}

// From the process, never from what was drawn: the expected first rides of visits that are booked on the day, and other
// clients' rides as examples. A return is not counted: it comes hours later, when everything has changed.
void Maker::add_forecast(double visits) {
  TripsConfig const& trips = config_.trips;
  std::span<int const> const notices = config_.notice.notice_minutes;
  DemandForecast& forecast = day_.forecast;
  double const usual_stay = at_quantile(trips.gap_minutes, 0.5) - config_.service.pickup_lead;
  forecast.call_after = minutes(std::max(15.0, usual_stay));
  forecast.call_spread =
      std::hypot(std::log(at_quantile(trips.gap_minutes, 0.841) / at_quantile(trips.gap_minutes, 0.159)) / 2,
                 config_.surprises.call_spread);

  double const at_once = visits * trips.on_demand;
  double const same_day = (visits - at_once) * config_.notice.same_day;
  double const all = at_once + same_day;
  if (all <= 0) return;
  double const weights = std::accumulate(trips.hours.begin(), trips.hours.end(), 0.0);
  constexpr int steps = 20;
  for (int hour = 0; hour < 24; ++hour) {
    double const share = trips.hours[static_cast<std::size_t>(hour)] / weights;
    forecast.per_hour[static_cast<std::size_t>(hour)] += at_once * share;
    for (int k = 0; k < steps; ++k) {
      Seconds const heard = hour * one_hour + one_hour / 2 - minutes(at_quantile(notices, (k + 0.5) / steps));
      forecast.per_hour[static_cast<std::size_t>(hour_of_day(heard))] += same_day * share / steps;
    }
  }
  forecast.lead = minutes(same_day * at_quantile(notices, 0.5) / all);
  forecast.window =
      minutes((at_once * config_.service.on_demand_window + same_day * config_.service.appointment_window) / all);
  auto const beyond_the_pool = static_cast<std::uint64_t>(config_.clients.regulars + config_.clients.pool) + 1;
  auto const examples = static_cast<std::uint64_t>(std::clamp(all, 40.0, 200.0));
  for (std::uint64_t k = 0; k < examples; ++k) {
    Client const client = company_.client(beyond_the_pool + k);
    Place const home = add_place(client.home);
    Place const there = client.facility != no_place ? client.facility : add_place(client.other_end);
    // Rides on demand go either way, the others to the appointment.
    bool const back = in_share(k, at_once / all / 2, 0);
    forecast.rides.push_back({.pickup = back ? there : home, .dropoff = back ? home : there, .seats = client.seats});
  }
}

}  // namespace

Day generate_day(std::string_view name, DemandConfig const& config, std::uint64_t seed) {
  Status const valid = check_demand(config);
  REGULUS_CHECK(static_cast<bool>(valid));
  return Maker(config, seed).make(name);
}

Status check_demand(DemandConfig const& config) {
  DemandConfig copy = config;
  for (Setting const& s : settings(copy)) {
    if (Status in_range = s.set(s.get()); !in_range) return in_range;
  }
  auto const weights = [](std::string_view name, std::vector<int> const& values, std::size_t count) -> Status {
    if (count > 0 && values.size() != count) {
      return invalid(fmt::format("{} has {} weights; give {}", name, values.size(), count));
    }
    if (values.empty() || std::accumulate(values.begin(), values.end(), std::int64_t{0}) <= 0) {
      return invalid(fmt::format("{}: the weights add up to nothing; make one of them positive", name));
    }
    return ok();
  };
  auto const quantiles = [](std::string_view name, std::vector<int> const& values) -> Status {
    if (values.size() >= 2 && std::ranges::is_sorted(values)) return ok();
    return invalid(fmt::format("{} = {} are no quantiles; give at least two ascending values", name,
                               Json::array_of(values).dump()));
  };
  for (Status const& s : {
           weights("calendar.weekdays", config.calendar.weekdays, 7),
           weights("calendar.weekday_percent", config.calendar.weekday_percent, 7),
           weights("trips.hours", config.trips.hours, 24),
           weights("trips.minutes", config.trips.minutes, 5),
           weights("needs.priorities", config.needs.priorities, 0),
           quantiles("trips.gap_minutes", config.trips.gap_minutes),
           quantiles("geography.trip_metres", config.geography.trip_metres),
           quantiles("notice.notice_minutes", config.notice.notice_minutes),
           quantiles("surprises.ready_minutes", config.surprises.ready_minutes),
       }) {
    if (!s) return s;
  }
  if (config.needs.priorities.size() > 5) {
    return invalid(
        fmt::format("needs.priorities has {} weights; there are 5 priorities", config.needs.priorities.size()));
  }
  if (config.needs.wheelchair + config.needs.stretcher > 1) {
    return invalid(fmt::format("needs.wheelchair = {} and needs.stretcher = {} add up to more than 1",
                               config.needs.wheelchair, config.needs.stretcher));
  }
  if (config.trips.round_trips + config.trips.returns_only > 1) {
    return invalid(fmt::format("trips.round_trips = {} and trips.returns_only = {} add up to more than 1",
                               config.trips.round_trips, config.trips.returns_only));
  }
  auto const& shifts = config.fleet.shifts;
  if (shifts.size() % 4 != 0) {
    return invalid(fmt::format("fleet.shifts has {} numbers; give fours: type, start, end, drivers", shifts.size()));
  }
  for (std::size_t row = 0; row < shifts.size(); row += 4) {
    if (shifts[row] > 2) return invalid(fmt::format("fleet.shifts: type {} is not 0, 1 or 2", shifts[row]));
    if (shifts[row + 1] >= shifts[row + 2]) {
      return invalid(fmt::format("fleet.shifts: a shift from minute {} to {} ends before it starts", shifts[row + 1],
                                 shifts[row + 2]));
    }
  }
  return ok();
}

}  // namespace regulus::sim
