// Days on which everything goes wrong, run with every invariant checked after every event.
#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

#include "sim/simulator.h"
#include "tests/sim/day_builders.h"

namespace regulus::sim {
namespace {

// Asks another policy each time, answers nonsense now and then, and comes back whenever it likes.
class Moody final : public dispatch::Policy {
 public:
  Moody() {
    for (std::string_view const name : {"wait", "random", "nearest", "insertion"}) {
      moods_.push_back(dispatch::make_policy(name, {}).take());
    }
  }
  dispatch::Decision decide(Situation const& situation, Rng rng) const override {
    Situation const forgetful{situation.fleet, situation.times};
    dispatch::Decision decision = moods_[rng.below(moods_.size())]->decide(forgetful, rng);
    if (rng.chance(0.1)) decision.wake_at = situation.fleet.now + rng.between(-10, 600);
    if (rng.chance(0.05)) spoil(decision, rng);
    if (rng.chance(0.05)) put_back(situation, decision, rng);
    return decision;
  }

 private:
  static void spoil(dispatch::Decision& decision, Rng& rng) {
    for (DriverRoute& route : decision.routes) rng.shuffle(std::span(route.stops));
  }
  // Takes what is not locked out of somebody's plan.
  static void put_back(Situation const& situation, dispatch::Decision& decision, Rng& rng) {
    std::size_t const d = rng.below(situation.fleet.drivers.size());
    DriverState const& driver = situation.fleet.drivers[d];
    DriverRoute route{situation.fleet.day->drivers[d].id, {}};
    for (Stop const& stop : driver.stops) {
      auto const fetched = [&](Stop const& s) {
        return s.kind == StopKind::pickup && s.index == stop.index && s.locked;
      };
      bool const must = stop.locked || std::ranges::binary_search(driver.on_board, stop.index) ||
                        std::ranges::any_of(driver.stops, fetched);
      if (stop.kind != StopKind::rest && must) route.stops.push_back(stop);
    }
    decision.routes = {route};
    decision.overflow.clear();
  }

  std::vector<std::unique_ptr<dispatch::Policy>> moods_;
};

DayResult run(std::uint64_t seed, dispatch::Policy const& policy, bool check) {
  Day const day = troubled_day(seed);
  TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
  SimulateOptions options;
  options.policy_seed = seed;
  options.check_invariants = check;
  return simulate(day, times, policy, options);
}

TEST(Torture, the_days_are_legal) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Status const legal = check_day(troubled_day(seed));
    EXPECT_TRUE(legal) << seed << ": " << legal.error().message;
  }
}

TEST(Torture, every_invariant_holds_after_every_event) {
  Moody const moody;
  std::int64_t events = 0, refused = 0, served = 0, no_show = 0, cancelled = 0, partner = 0, unserved = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    DayResult const result = run(seed, moody, true);
    ASSERT_EQ(result.broken, "") << "seed " << seed;
    events += result.events;
    refused += result.refused_decisions;
    served += result.kpi.served;
    no_show += result.kpi.no_show;
    cancelled += result.kpi.cancelled;
    partner += result.kpi.partner;
    unserved += result.kpi.unserved;
    EXPECT_EQ(result.kpi.requested, 25);
  }
  // Days on which nothing happens would prove nothing.
  for (std::int64_t seen : {events, refused, served, no_show, cancelled, partner, unserved}) EXPECT_GT(seen, 20);
}

TEST(Torture, lawful_policies_are_never_refused) {
  for (std::string_view const name : {"wait", "random", "nearest", "insertion"}) {
    auto const policy = dispatch::make_policy(name, {}).take();
    for (std::uint64_t seed = 200; seed < 230; ++seed) {
      DayResult const result = run(seed, *policy, true);
      ASSERT_EQ(result.broken, "") << name << ", seed " << seed;
      EXPECT_EQ(result.refused_decisions, 0) << name << ", seed " << seed;
    }
  }
}

TEST(Torture, the_same_seed_is_the_same_day) {
  Moody const moody;
  for (std::uint64_t seed = 300; seed < 310; ++seed) {
    DayResult const once = run(seed, moody, false), again = run(seed, moody, true);
    EXPECT_EQ(once.trace_hash, again.trace_hash);
    EXPECT_EQ(once.kpi.cost, again.kpi.cost);
    EXPECT_EQ(once.events, again.events);
  }
}

// What somebody could have known at `moment`: all that was told until then.
std::vector<std::string> history(Day const& day, dispatch::Policy const& policy, Seconds moment) {
  std::vector<std::string> lines;
  SimulateOptions options;
  options.trace = [&](TraceEvent const& e) {
    if (e.at < moment) lines.push_back(fmt::format("{} {} {} {} {}", e.at, e.what, e.driver, e.booking, e.detail));
  };
  simulate(day, TravelTimes::straight_line(day.places, day.speeds), policy, options);
  return lines;
}

TEST(Torture, what_has_not_happened_yet_moves_nobody) {
  Moody const moody;
  for (std::uint64_t seed = 400; seed < 430; ++seed) {
    Seconds const moment = at(10, 0);
    Day const day = troubled_day(seed);
    Day other = day;
    // All that shows only from ten o'clock on is turned round. Whom nobody could meet before that may well not come.
    for (BookingReality& b : other.reality.bookings) {
      Booking const& booking = day.bookings[static_cast<std::size_t>(day.booking_position(b.id))];
      if (b.cancelled_at >= moment) b.cancelled_at = b.cancelled_at == never ? moment + 60 : never;
      if (b.calls_at >= moment && booking.pickup_window.start >= moment) b.calls_at = moment + 1'234;
      if (booking.pickup_window.start >= moment && b.calls_at >= moment) {
        b.no_show = !b.no_show;
        b.ready_delay = 900 - std::min<Seconds>(900, b.ready_delay);
        b.service_factor = 3.5 - b.service_factor;
      }
    }
    for (std::size_t hour = 10; hour < 24; ++hour) other.reality.traffic[hour] += 0.5;
    for (DriverReality& d : other.reality.drivers) {
      if (d.sick_from >= moment) d.sick_from = d.sick_from == never ? moment : never;
    }
    EXPECT_EQ(history(day, moody, moment), history(other, moody, moment)) << "seed " << seed;
    EXPECT_NE(history(day, moody, never), history(other, moody, never)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace regulus::sim
