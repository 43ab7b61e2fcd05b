// What every dispatch policy promises, over random situations in the middle of a day.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "dispatch/policy.h"
#include "tests/support/random_situations.h"

namespace regulus::dispatch {
namespace {

using regulus::testing::RandomWorld;
using regulus::testing::RandomWorldOptions;

std::string text(Decision const& decision) {
  std::string out;
  for (DriverRoute const& route : decision.routes) {
    out += "driver " + std::to_string(route.driver) + ":";
    for (Stop const& stop : route.stops) {
      out += " " + std::to_string(static_cast<int>(stop.kind)) + "/" + std::to_string(stop.index) + "@" +
             std::to_string(stop.planned) + (stop.locked ? "!" : "");
    }
    out += "\n";
  }
  for (BookingId id : decision.overflow) out += "overflow " + std::to_string(id) + "\n";
  for (BookingId id : decision.unserved) out += "unserved " + std::to_string(id) + "\n";
  return out + "wake " + std::to_string(decision.wake_at);
}

struct Pace {
  Seconds step = 5'400;    // the longest time between two decisions
  bool surprises = false;  // clients call rides off and are promised other times
};

class EveryPolicy : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Policy> policy(std::int64_t iterations = 30) const {
    return make_policy(GetParam(), {.iterations = iterations, .futures = 3}).take();
  }
  // Lets the policy decide `rounds` times while time passes; `look` sees each situation and its decision.
  template <class Look>
  void play(RandomWorld& world, int rounds, std::uint64_t seed, Look const& look, Pace const& pace = {}) const {
    auto const decide = policy();
    Rng steps = Rng(seed).stream(Purpose::test);
    std::unique_ptr<Memo> memo;
    for (int k = 0; k < rounds; ++k) {
      Rng const coin = Rng(seed).stream(Purpose::policy, static_cast<std::uint64_t>(k));
      Decision const decision = decide->decide(world.situation(&memo), coin);
      look(world, decision, coin);
      if (HasFatalFailure()) return;
      world.carry_out(decision);
      world.advance(world.fleet.now + steps.between(60, pace.step));
      if (pace.surprises) world.surprise();
    }
  }
};

TEST_P(EveryPolicy, decides_nothing_that_may_not_be_carried_out) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    RandomWorld world(seed, {.drivers = 3, .bookings = 10});
    play(world, 8, seed, [&](RandomWorld const& w, Decision const& decision, Rng) {
      Status const legal = check_decision(w.situation(), decision);
      ASSERT_TRUE(legal) << "seed " << seed << " at " << w.fleet.now << ": " << legal.error().message;
    });
  }
}

TEST_P(EveryPolicy, moves_nothing_that_is_locked_and_leaves_nobody_on_board) {
  for (std::uint64_t seed = 100; seed < 130; ++seed) {
    RandomWorld world(seed, {.drivers = 3, .bookings = 10});
    play(world, 8, seed, [&](RandomWorld const& w, Decision const& decision, Rng) {
      for (DriverRoute const& route : decision.routes) {
        DriverState const& driver = w.fleet.drivers[static_cast<std::size_t>(w.day.driver_position(route.driver))];
        for (std::size_t k = 0; k < driver.stops.size() && driver.stops[k].locked; ++k) {
          ASSERT_LT(k, route.stops.size());
          EXPECT_EQ(route.stops[k].kind, driver.stops[k].kind);
          EXPECT_EQ(route.stops[k].index, driver.stops[k].index);
          EXPECT_TRUE(route.stops[k].locked);
        }
        for (BookingId rider : driver.on_board) {
          EXPECT_TRUE(std::ranges::any_of(
              route.stops, [&](Stop const& stop) { return stop.kind == StopKind::dropoff && stop.index == rider; }))
              << "driver " << route.driver << " keeps booking " << rider << " on board";
        }
      }
    });
  }
}

TEST_P(EveryPolicy, gives_the_same_answer_to_the_same_question_with_and_without_a_memo) {
  for (std::uint64_t seed = 200; seed < 240; ++seed) {
    RandomWorld world(seed, {.drivers = 4, .bookings = 16});
    play(world, 10, seed, [&](RandomWorld const& w, Decision const& decision, Rng coin) {
      ASSERT_EQ(text(policy()->decide(w.situation(), coin)), text(decision))
          << "seed " << seed << " at " << w.fleet.now;
    });
  }
}

TEST_P(EveryPolicy, keeps_its_promises_with_a_large_fleet) {
  for (std::uint64_t seed = 250; seed < 252; ++seed) {
    RandomWorld world(seed, {.drivers = 45, .bookings = 120});
    play(world, 6, seed, [&](RandomWorld const& w, Decision const& decision, Rng coin) {
      Status const legal = check_decision(w.situation(), decision);
      ASSERT_TRUE(legal) << "seed " << seed << " at " << w.fleet.now << ": " << legal.error().message;
      ASSERT_EQ(text(policy()->decide(w.situation(), coin)), text(decision))
          << "seed " << seed << " at " << w.fleet.now;
    });
  }
}

TEST_P(EveryPolicy, gives_partners_only_rides_that_they_take) {
  for (std::uint64_t seed = 300; seed < 330; ++seed) {
    RandomWorld world(seed, {.drivers = 1, .bookings = 12});
    world.day.partner = {.rides = 2, .notice = 600, .wheelchairs = false};
    world.fleet.partner_left = 2;
    play(world, 30, seed, [&](RandomWorld const& w, Decision const& decision, Rng) {
      ASSERT_LE(static_cast<std::int32_t>(decision.overflow.size()), w.fleet.partner_left);
      for (BookingId id : decision.overflow) {
        Booking const& booking = w.day.bookings[static_cast<std::size_t>(w.day.booking_position(id))];
        EXPECT_EQ(booking.seats[SeatKind::wheelchair], 0);
        EXPECT_LE(w.fleet.now + 600, booking.pickup_window.end);
      }
    });
  }
}

TEST_P(EveryPolicy, has_an_answer_where_there_is_nobody_or_nothing) {
  Rng const coin(1);
  for (int drivers : {0, 2}) {
    for (int bookings : {0, 4}) {
      RandomWorld world(7, {.drivers = drivers, .bookings = bookings});
      world.advance(9 * one_hour);
      Decision const decision = policy()->decide(world.situation(), coin);
      EXPECT_TRUE(check_decision(world.situation(), decision));
      if (drivers == 0 || bookings == 0) {
        EXPECT_TRUE(decision.routes.empty());
      }
    }
  }
}

TEST_P(EveryPolicy, plans_with_nobody_who_is_ill_or_whose_day_is_over) {
  RandomWorld world(11, {.drivers = 3, .bookings = 8});
  for (DriverState& driver : world.fleet.drivers) driver.available = false;
  Decision const ill = policy()->decide(world.situation(), Rng(1));
  EXPECT_TRUE(ill.routes.empty());
  EXPECT_TRUE(check_decision(world.situation(), ill));
  for (DriverState& driver : world.fleet.drivers) driver.available = true;
  world.advance(30 * one_hour);
  Decision const over = policy()->decide(world.situation(), Rng(1));
  EXPECT_TRUE(over.routes.empty());
  EXPECT_TRUE(check_decision(world.situation(), over));
}

TEST_P(EveryPolicy, survives_bookings_that_nobody_can_serve) {
  RandomWorld world(5, {.drivers = 2, .bookings = 6});
  world.day.bookings[0].seats = Seats{{0, 9, 0}};
  world.day.bookings[1].max_ride = 0;
  world.day.bookings[2].skills = 2;
  world.day.bookings[3].forbidden = {10, 20};
  world.day.bookings[4].dropoff_window = {0, 60};
  world.fleet.bookings[4].dropoff_window = {0, 60};
  std::set<BookingId> planned;
  play(world, 12, 5, [&](RandomWorld const& w, Decision const& decision, Rng) {
    Status const legal = check_decision(w.situation(), decision);
    ASSERT_TRUE(legal) << legal.error().message;
    for (DriverRoute const& route : decision.routes) {
      for (Stop const& stop : route.stops) {
        if (stop.kind == StopKind::pickup) planned.insert(stop.index);
      }
    }
  });
  for (BookingId id : {100, 300, 400, 500}) EXPECT_FALSE(planned.contains(id)) << id;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (PolicyEntry const& entry : policies()) all.emplace_back(entry.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(DispatchPolicies, EveryPolicy, ::testing::ValuesIn(names()),
                         [](auto const& policy) { return policy.param; });

TEST(MakePolicy, names_the_nearest_policy_when_there_is_none_of_that_name) {
  auto const made = make_policy("insertoin", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::not_found);
  EXPECT_NE(made.error().message.find("insertion"), std::string::npos);
}

}  // namespace
}  // namespace regulus::dispatch
