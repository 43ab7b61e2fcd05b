#include "dispatch/learned/plan_features.h"

#include <algorithm>
#include <cmath>

#include "dispatch/futures.h"
#include "domain/leg_hours.h"

namespace regulus::dispatch {

using schedule::Node;
using schedule::NodeKind;
using schedule::Ticks;

namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

constexpr double hours(Ticks seconds) { return static_cast<double>(seconds) / one_hour; }

constexpr std::array<std::string_view, part::fields> part_names = {
    "slow_legs",  "slower_legs",   "slow_rush",     "planned_late", "free_next", "free_soon",
    "free_later", "free_with_van", "rides_to_come", "cost_to_come", "overtime",  "idle_at_end"};
constexpr std::array<std::string_view, context::fields> context_names = {
    "change_left_out",  "change_refused", "change_partner", "left_out",
    "refused",          "partner_left",   "hour",           "duty_left",
    "drivers",          "waiting_calls",  "calls_next",     "calls_soon",
    "calls_after_duty", "requests_next",  "requests_soon",  "requests_later",
    "price_of_refusal", "running_late",   "slow_rides"};

constexpr std::array<double, plan_features> scales = {
    // changes
    10, 30, 20, 20, 0.5, 0.5, 1, 0.5, 1, 0.5, 0.5, 1,
    // levels, for each driver
    20, 60, 40, 20, 0.5, 1, 2, 1, 3, 1, 0.25, 2,
    // context
    1, 1, 1, 2, 2, 2, 1, 8, 1, 1, 0.25, 0.5, 1, 0.25, 0.5, 2, 1, 10, 0.5};

// The cost of driving these stops in this order when legs take longer than believed: who drives leaves as the plan says
// (at most five minutes early, dispatch/world/world.h) and everything after a late arrival slips. In thousandths of a
// cent.
struct Stress {
  double late = 0, promises = 0;
  Ticks back = 0;
  double total(schedule::VehicleUse const& use) const {
    double const over = static_cast<double>(std::max<Ticks>(0, back - use.overtime_after));
    return late + promises + static_cast<double>(use.per_tick) * static_cast<double>(back) +
           static_cast<double>(use.overtime_rate) * over;
  }
};
constexpr Seconds early = 5 * one_minute;

// A stop as the passes below read it; looking legs up once is most of what four passes would cost.
struct Visit {
  Node const* node;
  Ticks leg;    // that leads here; 0 at a rest
  Ticks leave;  // not before this for that leg, as planned
};

template <class Factor>
Stress stressed(schedule::VehicleUse const& use, std::span<Visit const> visits, Ticks way_home, Ticks leave,
                Factor const& factor) {
  Stress stress;
  Ticks clock = leave;
  for (std::size_t k = 0; k < visits.size(); ++k) {
    Node const& node = *visits[k].node;
    if (node.place != no_place) {
      Ticks const free = k == 0 && use.started ? use.earliest : clock;
      clock =
          std::max(free, visits[k].leave) + static_cast<Ticks>(static_cast<double>(visits[k].leg) * factor(node.hour));
    }
    clock = std::max(clock, node.earliest);
    stress.late += static_cast<double>(node.late_rate) * static_cast<double>(std::max<Ticks>(0, clock - node.due));
    if (node.promised < schedule::forever) {
      Ticks const moved = std::max(clock - node.promised, node.promised - clock) - node.promise_slack;
      stress.promises += static_cast<double>(node.promise_rate) * static_cast<double>(std::max<Ticks>(0, moved));
    }
    clock += node.service;
  }
  stress.back = clock + static_cast<Ticks>(static_cast<double>(way_home) * factor(use.end_hour));
  return stress;
}

// Time of [from, to] that lies in each of the three periods after now.
struct Periods {
  double next = 0, soon = 0, later = 0;
  void add(Seconds now, Ticks from, Ticks to) {
    auto const within = [&](Ticks a, Ticks b) {
      return hours(std::max<Ticks>(0, std::min(to, b) - std::max(from, a)));
    };
    next += within(now, now + one_hour);
    soon += within(now + one_hour, now + 3 * one_hour);
    later += within(now + 3 * one_hour, schedule::forever);
  }
};

}  // namespace

std::vector<std::string> plan_feature_names() {
  std::vector<std::string> names;
  for (std::string_view const part : part_names) names.push_back("change_" + std::string(part));
  names.insert(names.end(), part_names.begin(), part_names.end());
  names.insert(names.end(), context_names.begin(), context_names.end());
  return names;
}

std::span<double const> feature_scales() { return scales; }

Part& operator+=(Part& sum, Part const& part) {
  for (std::size_t k = 0; k < part::fields; ++k) sum[k] += part[k];
  return sum;
}
Part& operator-=(Part& sum, Part const& part) {
  for (std::size_t k = 0; k < part::fields; ++k) sum[k] -= part[k];
  return sum;
}

PlanContext::LeftOut& PlanContext::LeftOut::operator+=(LeftOut const& other) {
  count += other.count;
  refused += other.refused;
  for_partner += other.for_partner;
  given += other.given;
  return *this;
}
PlanContext::LeftOut& PlanContext::LeftOut::operator-=(LeftOut const& other) {
  count -= other.count;
  refused -= other.refused;
  for_partner -= other.for_partner;
  given -= other.given;
  return *this;
}

PlanContext::PlanContext(Situation const& situation)
    : situation_(situation), now_(situation.fleet.now), dearest_(dearest_ride(*situation.fleet.day)) {
  Day const& day = *situation.fleet.day;
  auto const [slowest, fastest] = std::ranges::minmax(day.speeds.kmh);
  for (std::size_t h = 0; h < 24; ++h) {
    rush_[h] = fastest > slowest ? (fastest - day.speeds.kmh[h]) / (fastest - slowest) : 0;
  }

  // Step 1. Who is there, and for how long.
  Seconds last_end = now_;
  int available = 0;
  for (std::size_t d = 0; d < day.drivers.size(); ++d) {
    if (!situation.fleet.drivers[d].available) continue;
    ++available;
    last_end = std::max(last_end, day.drivers[d].shift.end);
  }
  double const each = 1.0 / std::max(1, available);
  fixed_[context::hour] = static_cast<double>(now_) / (12.0 * one_hour);
  fixed_[context::duty_left] = hours(last_end - now_);
  fixed_[context::drivers] = std::log(std::max(1, available));

  // Step 2. Patients who will call: when, in expectation, and whether anybody will then be on duty.
  double late_minutes = 0, on_board = 0, direct = 0;
  int promised = 0;
  for (std::size_t b = 0; b < day.bookings.size(); ++b) {
    Booking const& booking = day.bookings[b];
    BookingState const& state = situation.fleet.bookings[b];
    if (!state.known) continue;
    bool const waited_for =
        booking.booking_class == BookingClass::will_call && !state.ready && state.status == BookingStatus::pending;
    if (waited_for) {
      CallStillToCome const call(call_forecast(situation, booking), now_);
      fixed_[context::waiting_calls] += each;
      fixed_[context::calls_next] += each * (1 - call.after(now_ + one_hour));
      fixed_[context::calls_soon] += each * (call.after(now_ + one_hour) - call.after(now_ + 3 * one_hour));
      fixed_[context::calls_after_duty] += call.after(std::max(now_, last_end - one_hour / 2));
    }
    // Step 3. How today has gone so far.
    if (state.picked_up < never && state.promised_pickup < never) {
      late_minutes += static_cast<double>(state.picked_up - state.promised_pickup) / one_minute;
      ++promised;
    }
    if (state.status == BookingStatus::completed) {
      on_board += static_cast<double>(state.dropped_off - state.boarded);
      direct += static_cast<double>(
          leg_hours(booking, state.pickup_window, state.dropoff_window, situation.times).direct.seconds);
    }
  }
  fixed_[context::running_late] = late_minutes / (promised + 2);
  fixed_[context::slow_rides] = (on_board - direct) / (direct + one_hour);

  // Step 4. New requests.
  for (Seconds from = now_; from < 24 * one_hour;) {
    Seconds const next = (from / one_hour + 1) * one_hour;
    double const expected = day.forecast.per_hour[static_cast<std::size_t>(hour_of_day(from))] * hours(next - from);
    double const middle = hours((from + next) / 2 - now_);
    fixed_[middle < 1   ? context::requests_next
           : middle < 3 ? context::requests_soon
                        : context::requests_later] += each * expected;
    from = next;
  }
  Booking ordinary;
  ordinary.booking_class = BookingClass::inbound;
  fixed_[context::price_of_refusal] = static_cast<double>(unserved_price(day.weights, ordinary, dearest_)) / 100'000;
}

Part PlanContext::part_of(Question const& question, std::int32_t vehicle, std::span<std::int32_t const> nodes) const {
  schedule::Instance const& instance = question.instance;
  schedule::VehicleUse const& use = instance.vehicles[at(vehicle)];
  Driver const& driver = situation_.fleet.day->drivers[at(question.driver_of[at(vehicle)])];
  Part p{};
  Ticks const duty_from = std::max<Ticks>(now_, driver.shift.start);
  Periods free;
  if (nodes.empty() && use.layouts.empty()) return p;
  schedule::Evaluation const e = schedule::evaluate(instance, vehicle, nodes);
  if (e.violation != schedule::Violation::none) return p;
  bool const used = use.started || !nodes.empty();

  // Step 1. What slips when legs take longer.
  if (!nodes.empty()) {
    std::vector<Visit> visits;
    visits.reserve(nodes.size());
    Place here = use.start;
    for (std::size_t k = 0; k < nodes.size(); ++k) {
      Node const& node = instance.nodes[at(nodes[k])];
      Visit& visit = visits.emplace_back(Visit{&node, 0, 0});
      if (node.place == no_place) continue;
      visit.leg = instance.times->seconds(here, node.place, node.hour);
      visit.leave = std::min(e.timing.start[k], std::max(node.earliest, e.timing.start[k] - early)) - visit.leg;
      here = node.place;
    }
    Ticks const way_home = use.end == no_place ? 0 : instance.times->seconds(here, use.end, use.end_hour);
    auto const extra = [&](auto const& factor) {
      return stressed(use, visits, way_home, e.timing.leave, factor).total(use) / thousandths_per_franc;
    };
    double const as_believed = extra([](int) { return 1.0; });
    p[part::slow_legs] = extra([](int) { return 1.15; }) - as_believed;
    p[part::slower_legs] = extra([](int) { return 1.4; }) - as_believed;
    p[part::slow_rush] = extra([this](int h) { return 1 + 0.5 * rush_[static_cast<std::size_t>(h)]; }) - as_believed;
    p[part::planned_late] = static_cast<double>(e.cost.lateness) / thousandths_per_franc;
  }

  // Step 2. When the driver is free: before leaving, while waiting for a window, after being back.
  Ticks free_from = std::max<Ticks>(duty_from, use.started ? use.earliest : duty_from);
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    Node const& node = instance.nodes[at(nodes[k])];
    if (k == 0 && !use.started) free.add(now_, duty_from, e.timing.leave);
    free.add(now_, e.timing.arrive[k], e.timing.start[k]);
    if (node.kind == NodeKind::pickup) p[part::rides_to_come] += 1;
    free_from = e.timing.start[k] + node.service;
  }
  Ticks const back = used ? std::max(e.timing.back, free_from) : free_from;
  free.add(now_, nodes.empty() ? free_from : back, driver.shift.end);
  p[part::free_next] = free.next;
  p[part::free_soon] = free.soon;
  p[part::free_later] = free.later;
  bool const takes_wheelchairs =
      std::ranges::any_of(use.layouts, [](Seats const& s) { return s[SeatKind::wheelchair] > 0; });
  if (takes_wheelchairs) p[part::free_with_van] = free.next + free.soon;
  p[part::cost_to_come] = static_cast<double>(e.cost.driving + e.cost.paid) / (100 * thousandths_per_franc);
  p[part::overtime] = used ? hours(std::max<Ticks>(0, e.timing.back - driver.shift.end)) : 0;
  p[part::idle_at_end] = hours(std::max<Ticks>(0, driver.shift.end - std::max<Ticks>(back, now_)));
  return p;
}

PlanContext::LeftOut PlanContext::left_out(Question const& question, std::int32_t request) const {
  Booking const& booking = situation_.fleet.day->bookings[at(question.booking_of[at(request)])];
  bool const partner = question.partner_is_cheaper[at(request)];
  double const price = static_cast<double>(unserved_price(situation_.fleet.day->weights, booking, dearest_)) / 100'000;
  return {.count = 1, .refused = partner ? 0 : price, .for_partner = partner ? 1 : 0, .given = 0};
}

void PlanContext::fill(Part const& before, Part const& after, LeftOut const& left_before, LeftOut const& left_after,
                       std::span<float> row) const {
  std::array<double, plan_features> raw{};
  double const each = 1.0 / std::exp(fixed_[context::drivers]);
  for (std::size_t k = 0; k < part::fields; ++k) {
    raw[k] = after[k] - before[k];
    raw[part::fields + k] = each * before[k];
  }
  std::array<double, context::fields> now = fixed_;
  now[context::change_left_out] = left_after.count - left_before.count;
  now[context::change_refused] = left_after.refused - left_before.refused;
  now[context::change_partner] =
      left_before.for_partner + left_before.given - left_after.for_partner - left_after.given;
  now[context::left_out_now] = left_before.count;
  now[context::refused] = left_before.refused;
  now[context::partner_left] =
      std::clamp(situation_.fleet.partner_left - left_before.for_partner - left_before.given, -2, 8);
  std::ranges::copy(now, raw.begin() + 2 * part::fields);
  // Bounded, so that no state far from those of training speaks louder than they did.
  for (std::size_t k = 0; k < plan_features; ++k) {
    row[k] = static_cast<float>(std::clamp(raw[k] / scales[k], -8.0, 8.0));
  }
}

}  // namespace regulus::dispatch
