#include "dispatch/learned/draft.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "dispatch/policy.h"
#include "tests/support/random_situations.h"
#include "tests/support/random_values.h"

namespace regulus::dispatch {
namespace {

using regulus::testing::a_random_value;
using regulus::testing::model_of;
using regulus::testing::RandomWorld;

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

// A day that somebody with random tastes has run until some hour.
std::unique_ptr<RandomWorld> a_world(std::uint64_t seed, int drivers = 3, int bookings = 12) {
  auto world = std::make_unique<RandomWorld>(
      seed, regulus::testing::RandomWorldOptions{.drivers = drivers, .bookings = bookings});
  auto const rule = make_policy("insertion", {}).take();
  Rng rng = Rng(seed).stream(Purpose::policy);
  for (auto rounds = rng.between(0, 4); rounds > 0; --rounds) {
    world->carry_out(rule->decide(world->situation(), rng));
    world->advance(world->fleet.now + rng.between(60, 5'400));
  }
  return world;
}

struct Drafted {
  explicit Drafted(Situation const& of) : situation(of), draft(situation, LiveQuestion::of(situation, memo)) {}
  Situation situation;
  std::unique_ptr<Memo> memo;
  Draft draft;
};

bool same(Decision const& a, Decision const& b) {
  auto const same_stops = [](DriverRoute const& x, DriverRoute const& y) {
    return x.driver == y.driver && std::ranges::equal(x.stops, y.stops, [](Stop const& s, Stop const& t) {
             return s.kind == t.kind && s.index == t.index && s.planned == t.planned && s.locked == t.locked;
           });
  };
  return std::ranges::equal(a.routes, b.routes, same_stops) && a.overflow == b.overflow && a.unserved == b.unserved &&
         a.wake_at == b.wake_at;
}

RC_GTEST_PROP(Draft, of_any_choices_is_a_decision_that_may_be_carried_out, (std::uint64_t seed)) {
  auto const world = a_world(seed, 3, 14);
  Drafted d(world->situation());
  Rng rng(seed);
  while (d.draft.next()) d.draft.take(rng.below(d.draft.choices().size()));
  Status const legal = check_decision(d.situation, d.draft.decision());
  if (!legal) RC_FAIL(legal.error().message);
  RC_ASSERT(static_cast<std::int32_t>(d.draft.decision().overflow.size()) <= world->fleet.partner_left);
}

RC_GTEST_PROP(Draft, of_the_cheapest_choices_is_best_insertion, (std::uint64_t seed)) {
  auto const world = a_world(seed);
  Drafted d(world->situation());
  while (d.draft.next()) d.draft.take(d.draft.cheapest());
  Decision const insertion = make_policy("insertion", {}).take()->decide(world->situation(), Rng(1));
  RC_ASSERT(same(d.draft.decision(), insertion));
}

RC_GTEST_PROP(Draft, asks_about_every_undecided_booking_once_or_passes_it_over, (std::uint64_t seed)) {
  auto const world = a_world(seed);
  Drafted d(world->situation());
  Rng rng(seed);
  std::vector<std::int32_t> seen;
  Seconds due = -never;
  while (d.draft.next()) {
    seen.push_back(d.draft.booking());
    std::size_t const booking = at(d.draft.booking());
    Seconds const latest = after(world->fleet.bookings[booking].pickup_window.end,
                                 world->day.weights.max_late(world->day.bookings[booking].booking_class));
    RC_ASSERT(latest >= due);
    due = latest;
    d.draft.take(rng.below(d.draft.choices().size()));
  }
  for (auto const& passed : d.draft.passed_over()) seen.push_back(passed.booking);
  std::ranges::sort(seen);
  RC_ASSERT(seen == world->fleet.undecided);
}

RC_GTEST_PROP(Draft, offers_the_cheapest_insertion_and_leaving_as_it_says, (std::uint64_t seed)) {
  auto const world = a_world(seed);
  Drafted d(world->situation());
  std::unique_ptr<Memo> twin_memo;
  Situation const twin_situation = world->situation();
  Rng rng(seed);
  bool changed = false;
  while (d.draft.next()) {
    auto const choices = d.draft.choices();
    auto const is = [](Choice::Kind kind) { return [kind](Choice const& c) { return c.kind == kind; }; };
    auto const insertions = std::ranges::count_if(choices, is(Choice::Kind::insert));
    bool const leave = std::ranges::any_of(choices, is(Choice::Kind::leave));
    bool const partner = std::ranges::any_of(choices, is(Choice::Kind::partner));
    RC_ASSERT(static_cast<std::size_t>(insertions) <= insertions_offered);
    RC_ASSERT(choices.size() > 1 || !leave);
    RC_ASSERT(d.draft.rows().size() == choices.size() * plan_features);
    RC_ASSERT(std::ranges::all_of(d.draft.rows(), [](float x) { return std::abs(x) <= 8; }));

    // In the order that is documented, insertions by price, the cheapest one known.
    RC_ASSERT(std::ranges::is_sorted(choices, {}, &Choice::kind));
    auto const first = std::ranges::find_if(choices, is(Choice::Kind::insert));
    RC_ASSERT(
        std::is_sorted(first, first + insertions, [](Choice const& a, Choice const& b) { return a.price < b.price; }));
    for (Choice const& c : choices) RC_ASSERT(c.price >= choices[d.draft.cheapest()].price);

    // Whom a driver can take, and no partner, is left only while there are hours to go, or where it is cheaper.
    bool const hours = latest_pickup(d.situation, d.draft.booking()) > world->fleet.now + time_to_wait;
    if (partner || hours || insertions == 0) RC_ASSERT(leave);
    if (leave && !partner && !hours && insertions > 0) RC_ASSERT(d.draft.cheapest() == 0U);
    if (partner) {
      RC_ASSERT(partner_takes(d.situation, d.draft.booking()));
      RC_ASSERT(choices.back().price == choices.front().price + 1);
    }

    // As long as nothing has been changed the kernel says the same of the same question.
    if (!changed) {
      LiveQuestion& twin = LiveQuestion::of(twin_situation, twin_memo);
      auto const& booking_of = twin.question().booking_of;
      auto const request = std::ranges::find(booking_of, d.draft.booking()) - booking_of.begin();
      auto const best = twin.best(static_cast<std::int32_t>(request));
      RC_ASSERT(best.has_value() == (insertions > 0));
      if (best) RC_ASSERT(best->cost == first->price);
    }
    std::size_t const taken = rng.below(choices.size());
    changed = changed || choices[taken].kind == Choice::Kind::insert;
    d.draft.take(taken);
  }
}

// A partner who takes two rides is never promised a third, whatever is chosen.
TEST(Draft, gives_the_partner_no_more_than_he_takes) {
  int given = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto const world = a_world(seed, 1, 12);
    world->day.partner = {.rides = 2, .notice = 600, .wheelchairs = true};
    world->fleet.partner_left = 2;
    Drafted d(world->situation());
    while (d.draft.next()) d.draft.take(d.draft.choices().size() - 1);
    Decision const decision = d.draft.decision();
    EXPECT_LE(decision.overflow.size(), 2U);
    given += static_cast<int>(decision.overflow.size());
    Status const legal = check_decision(d.situation, decision);
    EXPECT_TRUE(legal) << legal.error().message;
  }
  EXPECT_GT(given, 20);
}

// --- The same situation under other names and in another order.

template <class T>
std::vector<T> in_order(std::vector<T> const& items, std::vector<std::size_t> const& order) {
  std::vector<T> sorted;
  for (std::size_t k : order) sorted.push_back(items[k]);
  return sorted;
}

// Drivers and bookings in another order, and with the ids that belong to it. The position in `drivers` and `bookings`
// is the new one, the value the old one.
struct Renamed {
  std::vector<std::size_t> drivers, bookings;
  Day day;
  FleetSnapshot fleet;

  Renamed(RandomWorld const& world, Rng rng) : day(world.day), fleet(world.fleet) {
    drivers.resize(day.drivers.size());
    bookings.resize(day.bookings.size());
    std::iota(drivers.begin(), drivers.end(), 0);
    std::iota(bookings.begin(), bookings.end(), 0);
    rng.shuffle(std::span(drivers));
    rng.shuffle(std::span(bookings));
    std::map<std::int32_t, std::int32_t> driver_id{{0, 0}}, booking_id{{0, 0}};
    for (std::size_t k = 0; k < drivers.size(); ++k) {
      driver_id[world.day.drivers[drivers[k]].id] = world.day.drivers[k].id;
    }
    for (std::size_t k = 0; k < bookings.size(); ++k) {
      booking_id[world.day.bookings[bookings[k]].id] = world.day.bookings[k].id;
    }
    day.drivers = in_order(day.drivers, drivers);
    day.bookings = in_order(day.bookings, bookings);
    fleet.drivers = in_order(fleet.drivers, drivers);
    fleet.bookings = in_order(fleet.bookings, bookings);
    for (Driver& driver : day.drivers) driver.id = driver_id.at(driver.id);
    for (Booking& booking : day.bookings) {
      booking.id = booking_id.at(booking.id);
      booking.linked = booking_id.at(booking.linked);
      for (auto* list : {&booking.preferred, &booking.forbidden, &booking.required}) {
        for (DriverId& id : *list) id = driver_id.at(id);
        std::ranges::sort(*list);
      }
    }
    for (DriverState& driver : fleet.drivers) {
      for (Stop& stop : driver.stops) {
        if (stop.kind != StopKind::rest) stop.index = booking_id.at(stop.index);
      }
      for (BookingId& id : driver.on_board) id = booking_id.at(id);
    }
    for (BookingState& booking : fleet.bookings) {
      booking.driver = driver_id.at(booking.driver);
      booking.promised_driver = driver_id.at(booking.promised_driver);
    }
    fleet.day = &day;
    fleet.undecided.clear();
    for (std::size_t b = 0; b < bookings.size(); ++b) {
      auto const old = static_cast<std::int32_t>(bookings[b]);
      if (std::ranges::find(world.fleet.undecided, old) != world.fleet.undecided.end()) {
        fleet.undecided.push_back(static_cast<std::int32_t>(b));
      }
    }
  }
  std::int32_t old_driver(std::int32_t vehicle) const { return static_cast<std::int32_t>(drivers[at(vehicle)]); }
  std::int32_t old_booking(std::int32_t booking) const { return static_cast<std::int32_t>(bookings[at(booking)]); }
};

std::span<float const> row_of(Draft const& draft, std::size_t choice) {
  return std::span(draft.rows()).subspan(choice * plan_features, plan_features);
}
bool nearly_equal(std::span<float const> a, std::span<float const> b) {
  return std::ranges::equal(a, b, [](float x, float y) { return std::abs(x - y) <= 1e-4F * (1 + std::abs(x)); });
}

// Takes the same random choices in both and compares them. `old_driver` and `old_booking` translate positions of b.
struct Twins {
  Draft &a, &b;
  std::function<std::int32_t(std::int32_t)> old_driver, old_booking;
  bool same_prices = true;

  std::optional<std::size_t> in_b(Choice const& choice) const {
    auto const choices = b.choices();
    for (std::size_t c = 0; c < choices.size(); ++c) {
      if (choices[c].kind != choice.kind) continue;
      if (choice.kind != Choice::Kind::insert || old_driver(choices[c].where.vehicle) == choice.where.vehicle) return c;
    }
    return std::nullopt;
  }
  int compare(Rng rng) {
    int compared = 0;
    while (a.next()) {
      RC_ASSERT(b.next());
      RC_ASSERT(old_booking(b.booking()) == a.booking());
      RC_ASSERT(a.choices().size() == b.choices().size());
      for (std::size_t c = 0; c < a.choices().size(); ++c) {
        auto const twin = in_b(a.choices()[c]);
        RC_ASSERT(twin.has_value());
        if (same_prices) RC_ASSERT(a.choices()[c].price == b.choices()[*twin].price);
        RC_ASSERT(nearly_equal(row_of(a, c), row_of(b, *twin)));
        ++compared;
      }
      std::size_t const taken = rng.below(a.choices().size());
      std::size_t const twin = *in_b(a.choices()[taken]);
      a.take(taken);
      b.take(twin);
    }
    RC_ASSERT(!b.next());
    return compared;
  }
};

RC_GTEST_PROP(PlanFeatures, do_not_depend_on_the_order_of_drivers_and_bookings, (std::uint64_t seed)) {
  auto const world = a_world(seed);
  Renamed const renamed(*world, Rng(seed));
  Drafted a(world->situation());
  Drafted b({renamed.fleet, world->times, nullptr});
  Twins{a.draft, b.draft, [&](std::int32_t d) { return renamed.old_driver(d); },
        [&](std::int32_t k) { return renamed.old_booking(k); }}
      .compare(Rng(seed));
}

RC_GTEST_PROP(PlanFeatures, do_not_count_drivers_who_are_not_there, (std::uint64_t seed)) {
  auto const world = a_world(seed);
  Day day = world->day;
  FleetSnapshot fleet = world->fleet;
  fleet.day = &day;
  for (int k = 1; k <= static_cast<int>(seed % 5); ++k) {
    Driver ill = day.drivers.front();
    ill.id = 1'000 + k;
    ill.type = DriverType::regular;
    day.drivers.push_back(ill);
    DriverState state;
    state.available = false;
    state.anchor = ill.start;
    state.free_at = ill.shift.start;
    fleet.drivers.push_back(state);
  }
  auto const same_position = [](std::int32_t k) { return k; };
  Drafted a(world->situation());
  Drafted b({fleet, world->times, nullptr});
  Twins{a.draft, b.draft, same_position, same_position, false}.compare(Rng(seed));
}

TEST(PlanFeatures, have_a_name_and_a_scale_each) {
  auto const names = plan_feature_names();
  ASSERT_EQ(names.size(), static_cast<std::size_t>(plan_features));
  ASSERT_EQ(feature_scales().size(), names.size());
  for (double scale : feature_scales()) EXPECT_GT(scale, 0);
  auto sorted = names;
  std::ranges::sort(sorted);
  EXPECT_EQ(std::ranges::adjacent_find(sorted), sorted.end());
}

// --- The future stays hidden.

// Everything that is going to happen happens otherwise.
Reality another_reality(Day const& day, Rng rng) {
  Reality reality;
  reality.seed = rng.next();
  reality.noise = rng.uniform(0, 1);
  for (double& factor : reality.traffic) factor = rng.uniform(0.3, 3);
  auto const sometime = [&] { return rng.chance(0.5) ? rng.between(0, day_length) : never; };
  for (Booking const& booking : day.bookings) {
    BookingReality b;
    b.id = booking.id;
    b.cancelled_at = sometime();
    b.no_show = rng.chance(0.5);
    b.ready_delay = rng.between(0, 3'600);
    b.calls_at = sometime();
    b.service_factor = rng.uniform(0.2, 5);
    reality.bookings.push_back(b);
  }
  for (Driver const& driver : day.drivers) {
    DriverReality d;
    d.id = driver.id;
    d.late_start = rng.between(0, 7'200);
    d.sick_from = sometime();
    reality.drivers.push_back(d);
  }
  return reality;
}

RC_GTEST_PROP(LearnedPolicies, read_nothing_of_what_will_really_happen, (std::uint64_t seed)) {
  auto const world = a_world(seed);
  PolicySettings const settings{.iterations = 10, .futures = 2, .model = model_of(a_random_value(seed))};
  auto const decide = [&](char const* name) {
    return make_policy(name, settings).take()->decide(world->situation(), Rng(seed));
  };
  auto const rows = [&] {
    Drafted d(world->situation());
    std::vector<float> all;
    while (d.draft.next()) {
      all.insert(all.end(), d.draft.rows().begin(), d.draft.rows().end());
      d.draft.take(d.draft.cheapest());
    }
    return all;
  };
  Decision const insertion = decide("dqn_insertion"), search = decide("dqn");
  std::vector<float> const seen = rows();
  world->day.reality = another_reality(world->day, Rng(seed));
  RC_ASSERT(rows() == seen);
  RC_ASSERT(same(decide("dqn_insertion"), insertion));
  RC_ASSERT(same(decide("dqn"), search));
}

// Whoever would always say the same cannot be caught reading the future: these values have a say.
TEST(LearnedPolicies, of_random_values_decide_otherwise_than_the_rules) {
  int otherwise_inserted = 0, otherwise_searched = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto const world = a_world(seed);
    PolicySettings settings{.iterations = 10, .futures = 2};
    auto const decide = [&](char const* name) {
      return make_policy(name, settings).take()->decide(world->situation(), Rng(seed));
    };
    Decision const insertion = decide("dqn_insertion"), search = decide("dqn");
    settings.model = model_of(a_random_value(seed));
    otherwise_inserted += same(decide("dqn_insertion"), insertion) ? 0 : 1;
    otherwise_searched += same(decide("dqn"), search) ? 0 : 1;
  }
  EXPECT_GT(otherwise_inserted, 5);
  EXPECT_GT(otherwise_searched, 5);
}

// Only drivers are counted, whatever else the model is like.
TEST(LearnedPolicies, leave_fleets_of_other_sizes_to_the_rules) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto const world = a_world(seed, 4);
    ValueNetwork value = a_random_value(seed);
    value.fleet = {.fewest = 5, .most = 9};
    PolicySettings const settings{.iterations = 10, .futures = 2, .model = model_of(value)};
    for (auto const& [learned, rule] : {std::pair{"dqn", "lns_futures"}, {"dqn_insertion", "insertion"}}) {
      EXPECT_TRUE(same(make_policy(learned, settings).take()->decide(world->situation(), Rng(seed)),
                       make_policy(rule, settings).take()->decide(world->situation(), Rng(seed))))
          << learned << " seed " << seed;
    }
  }
}

RC_GTEST_PROP(LearnedPolicies, of_a_loud_value_decide_what_may_be_carried_out, (std::uint64_t seed)) {
  auto const world = a_world(seed);
  ValueNetwork value = a_random_value(seed);
  value.reward_scale = 1'000;
  PolicySettings const settings{.iterations = 20, .futures = 2, .model = model_of(value)};
  for (char const* name : {"dqn", "dqn_insertion"}) {
    Decision const decision = make_policy(name, settings).take()->decide(world->situation(), Rng(seed));
    Status const legal = check_decision(world->situation(), decision);
    if (!legal) RC_FAIL(std::string(name) + ": " + legal.error().message);
  }
}

}  // namespace
}  // namespace regulus::dispatch
