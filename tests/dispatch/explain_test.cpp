#include "dispatch/explain.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>

#include "tests/support/random_situations.h"

namespace regulus::dispatch {
namespace {

using regulus::testing::RandomWorld;
using schedule::Insertion;
using schedule::Violation;
using Nodes = std::vector<std::int32_t>;

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

// The cheapest insertion among all vehicles, by trying everything.
std::optional<Insertion> by_trying(schedule::Instance const& x, std::vector<Nodes> const& routes,
                                   std::int32_t request) {
  std::optional<Insertion> best;
  for (std::size_t v = 0; v < routes.size(); ++v) {
    auto const one = schedule::best_insertion_by_trying(x, static_cast<std::int32_t>(v), routes[v], request);
    if (one && (!best || one->cost < best->cost)) best = one;
  }
  return best;
}

std::int32_t vehicle_of(Question const& q, Day const& day, DriverId id) {
  auto const found = std::ranges::find(q.driver_of, day.driver_position(id));
  return static_cast<std::int32_t>(found - q.driver_of.begin());
}

std::int32_t request_of(Question const& q, std::int32_t booking) {
  auto const found = std::ranges::find(q.booking_of, booking);
  return static_cast<std::int32_t>(found - q.booking_of.begin());
}

Nodes without(Nodes route, schedule::Request const& r) {
  std::erase_if(route, [&](std::int32_t n) { return n == r.pickup || n == r.dropoff; });
  return route;
}

// Carries the change out on a new translation and tries again.
void expect_confirmed(RandomWorld const& world, std::int32_t booking, Change const& change) {
  Question q = instance_of(world.situation(), world.fleet.undecided);
  std::int32_t const r = request_of(q, booking);
  schedule::Request& wanted = q.instance.requests[at(r)];
  auto& pickup = q.instance.nodes[at(wanted.pickup)];
  auto& dropoff = q.instance.nodes[at(wanted.dropoff)];
  std::int32_t const v = vehicle_of(q, world.day, change.driver);
  auto const later = [&](Seconds by) {
    for (auto* node : {&pickup, &dropoff}) {
      if (node->latest < schedule::forever) node->latest += by, node->due += by;
    }
  };
  switch (change.kind) {
    case Change::Kind::later: {
      later(change.by);
      auto const found = by_trying(q.instance, q.present.routes, r);
      ASSERT_TRUE(found.has_value());
      ASSERT_EQ(found->vehicle, v);
      later(-one_minute);
      ASSERT_FALSE(by_trying(q.instance, q.present.routes, r).has_value()) << "a minute less is enough";
      return;
    }
    case Change::Kind::longer_ride:
      wanted.max_ride += change.by;
      ASSERT_TRUE(by_trying(q.instance, q.present.routes, r).has_value());
      wanted.max_ride -= one_minute;
      ASSERT_FALSE(by_trying(q.instance, q.present.routes, r).has_value()) << "a minute less is enough";
      return;
    case Change::Kind::earlier: {
      FleetSnapshot moved = world.fleet;
      moved.bookings[at(booking)].pickup_window.start -= change.by;
      moved.bookings[at(booking)].dropoff_window.start -= change.by;
      Question const again = instance_of({moved, world.times}, moved.undecided);
      auto const found = by_trying(again.instance, again.present.routes, request_of(again, booking));
      // Unless an earlier wish calls for a break that was superfluous.
      ASSERT_TRUE(found.has_value() || again.break_of != q.break_of);
      return;
    }
    case Change::Kind::longer_shift:
      q.instance.vehicles[at(v)].latest += change.by;
      if (!q.instance.vehicles[at(v)].started) {
        q.instance.vehicles[at(v)].earliest =
            std::max(world.fleet.now, q.instance.vehicles[at(v)].earliest - change.by);
      }
      ASSERT_TRUE(schedule::best_insertion_by_trying(q.instance, v, q.present.routes[at(v)], r).has_value());
      return;
    case Change::Kind::training:
    case Change::Kind::permission:
      ASSERT_GE(wanted.on_vehicle[at(v)], schedule::impossible);
      wanted.on_vehicle[at(v)] = 0;
      ASSERT_TRUE(schedule::best_insertion_by_trying(q.instance, v, q.present.routes[at(v)], r).has_value());
      return;
    case Change::Kind::one_more:
      return;  // a driver that is in no question; by hand below
    case Change::Kind::move: {
      std::int32_t const other = request_of(q, world.day.booking_position(change.moved));
      std::vector<Nodes> routes = q.present.routes;
      routes[at(v)] = without(routes[at(v)], q.instance.requests[at(other)]);
      auto const in = schedule::best_insertion_by_trying(q.instance, v, routes[at(v)], r);
      ASSERT_TRUE(in.has_value());
      routes[at(v)].insert(routes[at(v)].begin() + in->pickup_at, wanted.pickup);
      routes[at(v)].insert(routes[at(v)].begin() + in->dropoff_at, wanted.dropoff);
      auto const out = by_trying(q.instance, routes, other);
      ASSERT_TRUE(out.has_value());
      ASSERT_EQ(out->vehicle, vehicle_of(q, world.day, change.moved_to));
      schedule::Money before = 0, after = 0;
      for (std::size_t k = 0; k < routes.size(); ++k) {
        before += schedule::evaluate(q.instance, static_cast<std::int32_t>(k), q.present.routes[k]).cost.total();
        if (static_cast<std::int32_t>(k) == out->vehicle) {
          schedule::Request const& moved = q.instance.requests[at(other)];
          routes[k].insert(routes[k].begin() + out->pickup_at, moved.pickup);
          routes[k].insert(routes[k].begin() + out->dropoff_at, moved.dropoff);
        }
        after += schedule::evaluate(q.instance, static_cast<std::int32_t>(k), routes[k]).cost.total();
      }
      ASSERT_TRUE(change.price == after - before || q.instance.load_weight > 0);
      return;
    }
  }
}

void play(RandomWorld& world, int rounds, Rng rng) {
  auto const policy = make_policy("insertion", {}).take();
  for (int k = 0; k < rounds; ++k) {
    world.carry_out(policy->decide(world.situation(), rng.stream(Purpose::policy, static_cast<std::uint64_t>(k))));
    world.advance(world.fleet.now + rng.between(300, 6'000));
  }
}

RC_GTEST_PROP(Explain, every_reason_and_every_change_holds_when_it_is_tried, (std::uint64_t seed)) {
  Rng rng(seed);
  RandomWorld world(seed, {.drivers = 3, .bookings = 16});
  if (rng.chance(0.5)) world.day.weights.unfair = 0;
  play(world, static_cast<int>(rng.between(0, 4)), rng);
  Question const q = instance_of(world.situation(), world.fleet.undecided);
  Explainer explainer(world.situation(), world.fleet.undecided);
  for (std::int32_t const booking : world.fleet.undecided) {
    Unassigned const answer = explainer.why_unassigned(booking);
    std::int32_t const r = request_of(q, booking);
    auto const best = by_trying(q.instance, q.present.routes, r);
    bool const possible = answer.reason == Reason::possible || answer.reason == Reason::dear;
    RC_ASSERT(possible == best.has_value());
    if (best) {
      RC_ASSERT(answer.price == best->cost);
      RC_ASSERT((answer.reason == Reason::dear) == (best->cost > q.instance.requests[at(r)].left_out));
      continue;
    }
    RC_ASSERT(answer.seats + answer.skills + answer.permission + answer.shift + answer.busy == answer.drivers);
    for (Change const& change : answer.changes) expect_confirmed(world, booking, change);
    RC_ASSERT(!::testing::Test::HasFatalFailure());
    RC_ASSERT(std::ranges::is_sorted(answer.changes, {}, &Change::price));
    RC_ASSERT(!to_text(answer, world.day, Language::fr).empty());
  }
}

RC_GTEST_PROP(Explain, the_price_of_every_driver_is_what_the_plan_would_cost_more, (std::uint64_t seed)) {
  Rng rng(seed);
  RandomWorld world(seed, {.drivers = 3, .bookings = 12});
  play(world, static_cast<int>(rng.between(1, 3)), rng);
  Question const q = instance_of(world.situation(), world.fleet.undecided);
  Explainer explainer(world.situation(), world.fleet.undecided);
  for (std::size_t v = 0; v < q.present.routes.size(); ++v) {
    for (std::int32_t const n : q.present.routes[v]) {
      if (q.instance.nodes[at(n)].kind != schedule::NodeKind::dropoff) continue;
      std::int32_t const r = q.instance.nodes[at(n)].request;
      Assigned const answer = explainer.why_this_driver(q.booking_of[at(r)]);
      RC_ASSERT(answer.driver == world.day.drivers[at(q.driver_of[v])].id);
      if (answer.fixed) continue;
      std::vector<Nodes> routes = q.present.routes;
      routes[v] = without(routes[v], q.instance.requests[at(r)]);
      auto const cost = [&](Nodes const& route) {
        return schedule::evaluate(q.instance, static_cast<std::int32_t>(v), route).cost.total();
      };
      RC_ASSERT(answer.price.parts.total() == cost(q.present.routes[v]) - cost(routes[v]));
      std::optional<Insertion> next;
      for (std::size_t w = 0; w < routes.size(); ++w) {
        auto const one =
            w == v ? std::nullopt
                   : schedule::best_insertion_by_trying(q.instance, static_cast<std::int32_t>(w), routes[w], r);
        if (one && (!next || one->cost < next->cost)) next = one;
      }
      RC_ASSERT(answer.others.empty() == !next.has_value());
      if (next) RC_ASSERT(answer.others.front().price.total() == next->cost);
      RC_ASSERT(!to_text(answer, world.day, Language::en).empty());
    }
  }
}

TEST(Explain, meets_most_reasons_and_changes_in_random_worlds) {
  std::array<int, 9> reasons{};
  std::array<int, 8> changes{};
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    RandomWorld world(seed, {.drivers = 3, .bookings = 16});
    play(world, 3, Rng(seed));
    Explainer explainer(world.situation(), world.fleet.undecided);
    for (std::int32_t const booking : world.fleet.undecided) {
      Unassigned const answer = explainer.why_unassigned(booking);
      ++reasons[static_cast<std::size_t>(answer.reason)];
      for (Change const& change : answer.changes) {
        ++changes[static_cast<std::size_t>(change.kind)];
        expect_confirmed(world, booking, change);
      }
    }
  }
  // Seats and windows are never out of reach there; both stand below.
  for (Reason r : {Reason::possible, Reason::dear, Reason::skills, Reason::permission, Reason::ride_limit,
                   Reason::shift, Reason::busy}) {
    EXPECT_GT(reasons[static_cast<std::size_t>(r)], 3) << static_cast<int>(r);
  }
  for (int const count : changes) EXPECT_GT(count, 2);
}

// Two vans in a town where everything is a few minutes away, and bookings that need them.
struct Town {
  Day day;
  TravelTimes times;
  FleetSnapshot fleet;

  Town() {
    day.places = {{46.20, 6.14}, {46.21, 6.15}, {46.22, 6.16}};
    day.skill_names = {"oxygen"};
    for (DriverId id : {1, 2}) {
      Driver driver;
      driver.id = id;
      driver.name = id == 1 ? "Ana" : "Ben";
      driver.vehicle.layouts = {Seats{{4, 0, 0}}};
      driver.shift = {8 * one_hour, 16 * one_hour};
      driver.start = driver.end = 0;
      day.drivers.push_back(driver);
    }
    times = TravelTimes::straight_line(day.places, day.speeds);
  }
  Booking& add(Seconds when) {
    Booking booking;
    booking.id = static_cast<BookingId>(day.bookings.size()) + 1;
    booking.booking_class = BookingClass::outbound;
    booking.pickup = 1;
    booking.dropoff = 2;
    booking.pickup_window = {when, when + 600};
    booking.seats = Seats{{1, 0, 0}};
    booking.pickup_service = booking.dropoff_service = 60;
    day.bookings.push_back(booking);
    return day.bookings.back();
  }
  Unassigned ask() {
    fleet = {};
    fleet.day = &day;
    for (Driver const& driver : day.drivers) {
      DriverState state;
      state.anchor = driver.start;
      state.free_at = driver.shift.start;
      fleet.drivers.push_back(state);
    }
    for (Booking const& booking : day.bookings) {
      BookingState state;
      state.known = true;
      state.pickup_window = booking.pickup_window;
      state.dropoff_window = booking.dropoff_window;
      fleet.undecided.push_back(static_cast<std::int32_t>(fleet.bookings.size()));
      fleet.bookings.push_back(state);
    }
    Explainer explainer({fleet, times}, fleet.undecided);
    return explainer.why_unassigned(static_cast<std::int32_t>(day.bookings.size()) - 1);
  }
};

bool offers(Unassigned const& answer, Change::Kind kind) {
  return std::ranges::find(answer.changes, kind, &Change::kind) != answer.changes.end();
}

TEST(Explain, says_that_no_vehicle_has_the_seats_and_that_one_more_would) {
  Town town;
  town.add(10 * one_hour).seats = Seats{{0, 1, 0}};
  Unassigned const answer = town.ask();
  EXPECT_EQ(answer.reason, Reason::seats);
  EXPECT_EQ(answer.seats, 2);
  ASSERT_EQ(answer.changes.size(), 1u);
  EXPECT_EQ(answer.changes[0].kind, Change::Kind::one_more);
  EXPECT_EQ(answer.changes[0].driver, 0);
  EXPECT_NE(to_text(answer, town.day, Language::en).find("1 wheelchair"), std::string::npos);
  EXPECT_NE(to_text(answer, town.day, Language::fr).find("fauteuil roulant"), std::string::npos);
}

TEST(Explain, names_the_skill_that_nobody_has_and_who_could_learn_it) {
  Town town;
  town.add(10 * one_hour).skills = 1;
  town.day.drivers[1].shift.end = 9 * one_hour;  // Ben is at home by then
  Unassigned const answer = town.ask();
  EXPECT_EQ(answer.reason, Reason::skills);
  ASSERT_TRUE(offers(answer, Change::Kind::training));
  EXPECT_EQ(std::ranges::find(answer.changes, Change::Kind::training, &Change::kind)->driver, 1);
  EXPECT_NE(to_text(answer, town.day, Language::en).find("oxygen"), std::string::npos);
}

TEST(Explain, tells_who_is_forbidden_from_who_is_not_on_duty) {
  Town town;
  Booking& booking = town.add(18 * one_hour);
  Unassigned answer = town.ask();
  EXPECT_EQ(answer.reason, Reason::shift);
  EXPECT_EQ(answer.shift, 2);
  EXPECT_TRUE(offers(answer, Change::Kind::longer_shift));
  EXPECT_TRUE(offers(answer, Change::Kind::earlier));
  booking.pickup_window = {10 * one_hour, 10 * one_hour + 600};
  booking.forbidden = {1, 2};
  answer = town.ask();
  EXPECT_EQ(answer.reason, Reason::permission);
  ASSERT_TRUE(offers(answer, Change::Kind::permission));
}

TEST(Explain, a_ride_that_cannot_be_as_short_as_asked_says_by_how_much) {
  Town town;
  Booking& booking = town.add(10 * one_hour);
  Seconds const direct = town.times.seconds(1, 2, 10);
  booking.max_ride = direct - 90;
  Unassigned answer = town.ask();
  EXPECT_EQ(answer.reason, Reason::ride_limit);
  EXPECT_EQ(answer.direct, direct);
  auto const longer = std::ranges::find(answer.changes, Change::Kind::longer_ride, &Change::kind);
  ASSERT_NE(longer, answer.changes.end());
  EXPECT_EQ(longer->by, 120);  // 90 seconds are two minutes
  booking.max_ride = never;
  booking.dropoff_window = {0, booking.pickup_window.start - 15 * one_minute};  // 15 minutes late are still planned
  answer = town.ask();
  EXPECT_EQ(answer.reason, Reason::window);
  EXPECT_TRUE(offers(answer, Change::Kind::later));
}

TEST(Explain, what_can_be_planned_is_not_called_impossible) {
  Town town;
  town.add(10 * one_hour);
  Unassigned const answer = town.ask();
  EXPECT_EQ(answer.reason, Reason::possible);
  EXPECT_GT(answer.price, 0);
  EXPECT_NE(to_text(answer, town.day, Language::fr).find("peut être planifiée"), std::string::npos);
}

}  // namespace
}  // namespace regulus::dispatch
