#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "dispatch/policy.h"
#include "dispatch/rehearsal.h"
#include "tests/sim/day_builders.h"
#include "tests/support/contradictions.h"
#include "tests/support/random_situations.h"

namespace regulus::dispatch {
namespace {

using regulus::testing::Contradictions;
using regulus::testing::RandomWorld;

std::string text(Decision const& decision) {
  std::string out;
  for (DriverRoute const& route : decision.routes) {
    out += "driver " + std::to_string(route.driver) + ":";
    for (Stop const& stop : route.stops) {
      out += " " + std::to_string(static_cast<int>(stop.kind)) + "/" + std::to_string(stop.index);
    }
    out += "\n";
  }
  for (BookingId id : decision.overflow) out += "overflow " + std::to_string(id) + "\n";
  for (BookingId id : decision.unserved) out += "unserved " + std::to_string(id) + "\n";
  return out;
}

// A world in which there is something to decide now, and more to come.
struct Busy : RandomWorld {
  explicit Busy(std::uint64_t seed) : RandomWorld(seed, {.drivers = 3, .bookings = 12}) {
    day.forecast.per_hour.fill(2);
    day.forecast.rides = {{0, 5, Seats{{1, 0, 0}}, 1}, {3, 8, Seats{{0, 1, 0}}, 1}};
    day.forecast.lead = 1'800;
    auto const policy = make_policy("insertion", {}).take();
    for (Seconds moment : {8 * one_hour, 9 * one_hour}) {
      carry_out(policy->decide(situation(), Rng(seed)));
      advance(moment);
    }
  }
  Decision decide(std::string_view name, PolicySettings const& settings = {.iterations = 30, .futures = 3}) const {
    return make_policy(name, settings).take()->decide(situation(), Rng(1));
  }
};

TEST(Rehearsal, every_decision_meets_the_same_futures_in_whatever_order_they_are_asked_for) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Busy const world(seed);
    std::vector<Decision> const decisions = {world.decide("insertion"), Decision{}};
    Rehearsal const forward(world.situation(), {.futures = 5}, Rng(seed));
    Rehearsal const backward(world.situation(), {.futures = 9}, Rng(seed));
    std::vector<double> costs;
    for (int k = 0; k < 5; ++k) {
      for (Decision const& decision : decisions) costs.push_back(forward.cost(decision, k));
    }
    for (int k = 4; k >= 0; --k) {
      for (std::size_t d = 2; d-- > 0;) {
        EXPECT_EQ(backward.cost(decisions[d], k), costs[2 * static_cast<std::size_t>(k) + d]) << "seed " << seed;
      }
    }
    EXPECT_EQ(forward.cost(decisions[0], 3), costs[6]);
    EXPECT_GT(std::set<double>(costs.begin(), costs.end()).size(), 2U) << "the futures are all alike, seed " << seed;
  }
}

TEST(Rehearsal, does_not_look_at_what_will_really_happen_nor_at_whom_dispatch_has_not_heard_of) {
  int hidden = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Busy world(seed);
    Decision const decision = world.decide("insertion");
    auto const costs = [&] {
      Rehearsal const rehearsal(world.situation(), {.futures = 4}, Rng(seed));
      std::vector<double> all;
      for (int k = 0; k < rehearsal.futures(); ++k) all.push_back(rehearsal.cost(decision, k));
      return all;
    };
    std::vector<double> const before = costs();
    std::string const answer = text(world.decide("rollout"));
    world.day.reality.seed = 99;
    world.day.reality.noise = 0.8;
    world.day.reality.traffic.fill(1.7);
    for (Driver const& driver : world.day.drivers) {
      world.day.reality.drivers.push_back({.id = driver.id, .late_start = 1'800, .sick_from = world.fleet.now + 60});
    }
    for (std::size_t b = 0; b < world.day.bookings.size(); ++b) {
      Booking& booking = world.day.bookings[b];
      world.day.reality.bookings.push_back({.id = booking.id,
                                            .cancelled_at = world.fleet.now + 120,
                                            .no_show = true,
                                            .calls_at = world.fleet.now + 60,
                                            .service_factor = 3});
      if (world.fleet.bookings[b].known) continue;
      ++hidden;
      std::swap(booking.pickup, booking.dropoff);
      booking.pickup_window = {booking.pickup_window.start - 3'600, booking.pickup_window.end + 3'600};
      booking.seats = Seats{{3, 0, 0}};
      booking.known_from += 1'200;
      booking.priority = 5;
      booking.linked = 0;
      world.fleet.bookings[b].pickup_window = booking.pickup_window;
    }
    EXPECT_EQ(costs(), before) << "seed " << seed;
    EXPECT_EQ(text(world.decide("rollout")), answer) << "seed " << seed;
  }
  EXPECT_GT(hidden, 0);
}

// Anna, at place 3, is to drive a patient from 4 to 5 at ten; Bruno, at place 4, has nothing to do. Now somebody asks
// for a ride from 3 to 2 at ten. By what is planned it is best that they change: each starts where he stands. But the
// patient will call in the afternoon to be driven back, Bruno is not on duty then, and in this company a patient who
// comes back with another driver costs 100 francs. Best insertion gives the new ride to Bruno and leaves the patient
// with Anna.
struct ReturnWithTheSameDriver {
  ReturnWithTheSameDriver() : day(sim::on_the_road(7)), times(sim::road(7)) {
    day.weights.other_return_driver = 10'000;
    for (DriverId id : {anna, bruno}) {
      day.drivers.push_back(
          sim::a_driver(id, id == anna ? 3 : 4, {8 * one_hour, id == anna ? 18 * one_hour : 13 * one_hour}));
      DriverState& state = fleet.drivers.emplace_back();
      state.status = DriverStatus::idle;
      state.anchor = day.drivers.back().start;
      state.free_at = 8 * one_hour;
    }
    add(there, BookingClass::outbound, 4, 5, {10 * one_hour, 10 * one_hour + 600});
    add(back, BookingClass::will_call, 5, 4, {15 * one_hour, 16 * one_hour});
    add(other, BookingClass::inbound, 3, 2, {10 * one_hour, 10 * one_hour + 600});
    day.bookings[1].linked = there;
    fleet.bookings[1].ready = false;
    fleet.bookings[0].status = BookingStatus::assigned;
    fleet.bookings[0].driver = anna;
    fleet.drivers[0].trips = 1;
    fleet.drivers[0].stops = {{.kind = StopKind::pickup, .index = there, .planned = 10 * one_hour},
                              {.kind = StopKind::dropoff, .index = there, .planned = 10 * one_hour + 600}};
    fleet.undecided = {2};
    fleet.now = 8 * one_hour + 1'800;
    fleet.day = &day;
  }
  ReturnWithTheSameDriver(ReturnWithTheSameDriver const&) = delete;
  ReturnWithTheSameDriver& operator=(ReturnWithTheSameDriver const&) = delete;

  void add(BookingId id, BookingClass kind, Place pickup, Place dropoff, Window const& window) {
    Booking& booking = day.bookings.emplace_back();
    booking.id = id;
    booking.booking_class = kind;
    booking.pickup = pickup;
    booking.dropoff = dropoff;
    booking.pickup_window = window;
    booking.seats = Seats{{1, 0, 0}};
    BookingState& state = fleet.bookings.emplace_back();
    state.known = true;
    state.pickup_window = window;
  }
  // Who drives the patient there after the decision.
  DriverId driver_there(std::string_view policy) const {
    Decision const decision = make_policy(policy, {}).take()->decide({fleet, times}, Rng(3));
    EXPECT_TRUE(check_decision({fleet, times}, decision));
    DriverId driver = anna;
    for (DriverRoute const& route : decision.routes) {
      for (Stop const& stop : route.stops) {
        if (stop.kind == StopKind::pickup && stop.index == there) driver = route.driver;
      }
    }
    return driver;
  }

  static constexpr DriverId anna = 1, bruno = 2;
  static constexpr BookingId there = 1, back = 2, other = 3;
  Day day;
  TravelTimes times;
  FleetSnapshot fleet;
};

TEST(Rollout, sees_what_a_plan_costs_in_the_afternoon) {
  ReturnWithTheSameDriver const morning;
  EXPECT_EQ(morning.driver_there("lns_futures"), ReturnWithTheSameDriver::bruno);
  EXPECT_EQ(morning.driver_there("insertion"), ReturnWithTheSameDriver::anna);
  EXPECT_EQ(morning.driver_there("rollout"), ReturnWithTheSameDriver::anna);
}

TEST(Rollout, what_it_prefers_is_cheaper_in_futures_that_it_has_not_seen) {
  double saved = 0;
  int preferred = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Busy const world(seed);
    Decision const rule = world.decide("lns_futures"), rollout = world.decide("rollout");
    if (text(rule) == text(rollout)) continue;
    ++preferred;
    Rehearsal const unseen(world.situation(), {.futures = 40}, Rng(seed).stream(Purpose::test));
    for (int k = 0; k < unseen.futures(); ++k) saved += unseen.cost(rule, k) - unseen.cost(rollout, k);
  }
  EXPECT_GT(preferred, 3);
  EXPECT_GT(saved, 0);
}

TEST(Rollout, changes_nothing_where_nothing_is_undecided_and_nobody_is_late) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Busy world(seed);
    world.fleet.undecided.clear();
    if (!world.decide("lns_futures").routes.empty()) continue;
    EXPECT_EQ(text(world.decide("rollout")), "") << "seed " << seed;
  }
}

TEST(Rollout, leaves_the_decision_to_the_rule_where_a_rehearsal_would_take_too_long) {
  Busy world(1);
  world.day.forecast.per_hour.fill(10'000);
  EXPECT_EQ(text(world.decide("rollout")), text(world.decide("lns_futures")));
}

TEST(Rollout, answers_within_a_time_limit_too) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    Busy const world(seed);
    Decision const decision = world.decide("rollout", {.iterations = 30, .futures = 8, .seconds = 1e-9});
    EXPECT_TRUE(check_decision(world.situation(), decision));
  }
}

TEST(Rollout, answers_whatever_a_snapshot_says_of_drivers_and_bookings) {
  int legal = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Busy world(seed % 30);
    Contradictions contradictions(world.fleet, Contradictions::In::states, Rng(seed).stream(Purpose::test));
    contradictions.add(1 + static_cast<int>(seed % 9));
    // Policies are asked about what is open; anything else a snapshot may say.
    std::erase_if(world.fleet.undecided, [&](std::int32_t b) {
      BookingState const& state = world.fleet.bookings[static_cast<std::size_t>(b)];
      bool const planned = std::ranges::any_of(world.fleet.drivers, [&](DriverState const& driver) {
        return std::ranges::any_of(driver.stops, [&](Stop const& stop) {
          return stop.kind != StopKind::rest && stop.index == world.day.bookings[static_cast<std::size_t>(b)].id;
        });
      });
      return planned || !state.known || !state.ready || state.status != BookingStatus::pending;
    });
    Decision const decision = world.decide("rollout");
    legal += check_decision(world.situation(), decision) ? 1 : 0;
  }
  EXPECT_GT(legal, 75);
}

}  // namespace
}  // namespace regulus::dispatch
