#include "sim/classic.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <set>

#include "sim/classic_policy.h"
#include "tests/support/classic_twin.h"

namespace regulus::sim {
namespace {

ClassicConfig config_of(int drivers, int slots, RewardVersion reward = RewardVersion::v1) {
  ClassicConfig config;
  config.num_drivers = drivers;
  config.max_bookings = slots;
  config.reward = reward;
  return config;
}

ClassicConfig any_config(Rng& rng) {
  ClassicConfig config;
  config.num_drivers = static_cast<int>(rng.between(1, 8));
  config.max_bookings = static_cast<int>(rng.between(1, 15));
  config.simulation_hours = static_cast<int>(rng.between(1, 14));
  config.reward = static_cast<RewardVersion>(rng.below(3));
  config.mask = static_cast<MaskRule>(rng.below(3));
  config.reset_bug = rng.chance(0.5);
  config.assigned_stay = rng.chance(0.5);
  return config;
}

// Mostly a legal action, sometimes any at all, out of range included.
int any_action(ClassicWorld const& world, Rng& rng) {
  if (rng.chance(0.3)) return static_cast<int>(rng.between(-2, world.action_count() + 2));
  std::vector<int> legal;
  world.legal_actions(legal);
  return legal[rng.below(legal.size())];
}

RC_GTEST_PROP(ClassicWorld, agrees_with_the_literal_twin_step_by_step, (std::uint64_t luck)) {
  Rng rng(luck);
  ClassicConfig const config = any_config(rng);
  ClassicWorld world(config);
  world.reset(luck);
  twin::World twin(config, luck);
  while (!world.done()) {
    RC_ASSERT(!twin.is_over());
    RC_ASSERT(world.minute() == twin.t);
    RC_ASSERT(world.bookings().size() == twin.list.size());
    for (std::size_t i = 0; i < twin.list.size(); ++i) {
      auto const& ours = world.bookings()[i];
      auto const& theirs = twin.list[i];
      RC_ASSERT(ours.minutes_left == theirs.left);
      RC_ASSERT(ours.assigned == theirs.assigned);
      RC_ASSERT(ours.priority == theirs.priority);
      RC_ASSERT(ours.window_end == theirs.window_end);
      RC_ASSERT(std::abs(ours.pickup.lat - theirs.lat) < 1e-12);
      RC_ASSERT(std::abs(ours.pickup.lon - theirs.lon) < 1e-12);
    }
    for (std::size_t i = 0; i < twin.drivers.size(); ++i) {
      RC_ASSERT(world.drivers()[i].load == twin.drivers[i].load);
      RC_ASSERT(world.drivers()[i].available == (twin.drivers[i].load < 3));
      RC_ASSERT(std::abs(world.drivers()[i].at.lat - twin.drivers[i].lat) < 1e-12);
    }
    int const action = any_action(world, rng);
    double const ours = world.step(action);
    double const theirs = twin.step(action);
    RC_ASSERT(std::abs(ours - theirs) < 1e-6);
  }
  RC_ASSERT(twin.is_over());
  ClassicDay const& day = world.day();
  RC_ASSERT(day.offered == twin.offered);
  RC_ASSERT(day.refused == twin.refused);
  RC_ASSERT(day.cancellations == twin.expired);
  RC_ASSERT(day.assignments == twin.assigned);
  RC_ASSERT(day.late_pickups == twin.late);
  RC_ASSERT(day.invalid == twin.invalid);
  RC_ASSERT(std::abs(day.distance_km - twin.km) < 1e-6);
}

RC_GTEST_PROP(ClassicWorld, every_booking_ends_exactly_once, (std::uint64_t luck)) {
  Rng rng(luck);
  ClassicWorld world(any_config(rng));
  world.reset(luck);
  double sum = 0;
  while (!world.done()) {
    sum += world.step(any_action(world, rng));
    RC_ASSERT(static_cast<int>(world.bookings().size()) <= world.config().max_bookings);
    int trips = 0;
    for (auto const& driver : world.drivers()) {
      RC_ASSERT(driver.load >= 0);
      RC_ASSERT(driver.load <= 3);
      trips += driver.completed;
    }
    RC_ASSERT(trips == world.day().assignments);
  }
  ClassicDay const& day = world.day();
  RC_ASSERT(day.offered == day.assignments + day.cancellations + day.refused + day.open);
  RC_ASSERT(day.steps == world.config().simulation_hours * 12);
  RC_ASSERT(std::abs(day.reward - sum) < 1e-9);
}

RC_GTEST_PROP(ClassicWorld, the_mask_lists_exactly_what_is_legal, (std::uint64_t luck)) {
  Rng rng(luck);
  ClassicWorld world(any_config(rng));
  world.reset(luck);
  std::vector<int> listed;
  while (!world.done()) {
    world.legal_actions(listed);
    std::vector<int> expected;
    for (int a = -1; a <= world.action_count(); ++a) {
      if (world.is_legal(a)) expected.push_back(a);
      if (a <= 0 || !world.is_legal(a) || world.config().mask == MaskRule::none) continue;
      RC_ASSERT(world.is_valid_pair(world.driver_of(a), world.slot_of(a)));
    }
    RC_ASSERT(listed == expected);
    RC_ASSERT(listed.front() == ClassicWorld::wait);
    world.step(listed[rng.below(listed.size())]);
  }
}

RC_GTEST_PROP(ClassicWorld, the_same_seed_and_actions_give_the_same_day, (std::uint64_t luck)) {
  auto const play = [&] {
    Rng rng(luck);
    ClassicWorld world(any_config(rng));
    world.reset(99);  // what was before must not matter
    world.reset(luck);
    std::vector<double> rewards;
    while (!world.done()) rewards.push_back(world.step(any_action(world, rng)));
    return rewards;
  };
  RC_ASSERT(play() == play());
}

// Arrivals are keyed by seed and time: what a policy does can only decide which of them find a slot.
RC_GTEST_PROP(ClassicWorld, demand_does_not_depend_on_what_is_done, (std::uint64_t luck)) {
  ClassicConfig const config = config_of(5, 500);
  ClassicWorld lazy(config);
  ClassicWorld busy(config);
  lazy.reset(luck);
  busy.reset(luck);
  Rng rng(luck);
  auto const arrivals = [](ClassicWorld const& world, std::set<std::pair<double, double>>& seen) {
    for (auto const& b : world.bookings()) seen.insert({b.pickup.lat, b.pickup.lon});
  };
  std::set<std::pair<double, double>> by_lazy;
  std::set<std::pair<double, double>> by_busy;
  while (!lazy.done()) {
    arrivals(lazy, by_lazy);
    arrivals(busy, by_busy);
    lazy.step(ClassicWorld::wait);
    busy.step(any_action(busy, rng));
    RC_ASSERT(lazy.day().offered == busy.day().offered);
  }
  RC_ASSERT(by_lazy == by_busy);
}

TEST(ClassicWorld, another_seed_is_another_day) {
  ClassicWorld a(config_of(3, 5));
  ClassicWorld b(config_of(3, 5));
  a.reset(1);
  b.reset(2);
  EXPECT_NE(a.drivers()[0].at.lat, b.drivers()[0].at.lat);
}

TEST(ClassicWorld, has_the_documented_sizes) {
  for (auto const& [n, m, observation, actions] :
       {std::array{10, 20, 122, 201}, {6, 10, 66, 61}, {5, 15, 82, 76}, {3, 20, 94, 61}, {4, 25, 118, 101}}) {
    ClassicWorld const world(config_of(n, m));
    EXPECT_EQ(world.observation_size(), observation);
    EXPECT_EQ(world.action_count(), actions);
  }
}

TEST(ClassicWorld, an_action_is_driver_major_after_wait) {
  ClassicWorld const world(config_of(10, 20));
  EXPECT_EQ(world.action_of(0, 0), 1);
  EXPECT_EQ(world.action_of(0, 19), 20);
  EXPECT_EQ(world.action_of(1, 0), 21);
  EXPECT_EQ(world.action_of(9, 19), 200);
  for (int a = 1; a <= 200; ++a) EXPECT_EQ(world.action_of(world.driver_of(a), world.slot_of(a)), a);
}

TEST(ClassicWorld, the_observation_is_drivers_then_slots_then_clock_and_traffic) {
  ClassicWorld world(config_of(10, 20));
  world.reset(5);
  world.step(world.action_of(3, 1));
  std::vector<float> o(122);
  world.observe(o);
  auto const& driver = world.drivers()[3];
  EXPECT_FLOAT_EQ(o[12], static_cast<float>((driver.at.lat - 46.2044) / 0.1));
  EXPECT_FLOAT_EQ(o[13], static_cast<float>((driver.at.lon - 6.1432) / 0.1));
  EXPECT_EQ(o[14], 1);
  EXPECT_FLOAT_EQ(o[15], static_cast<float>(driver.load / 10.0));
  auto const& booking = world.bookings()[1];
  EXPECT_FLOAT_EQ(o[44], static_cast<float>((booking.pickup.lat - 46.2044) / 0.1));
  EXPECT_FLOAT_EQ(o[45], static_cast<float>((booking.pickup.lon - 6.1432) / 0.1));
  EXPECT_FLOAT_EQ(o[46], static_cast<float>(booking.priority / 5.0));
  EXPECT_FLOAT_EQ(o[47], static_cast<float>(booking.minutes_left / 60.0));
  for (std::size_t i = 40 + 4 * world.bookings().size(); i < 120; ++i) EXPECT_EQ(o[i], 0);
  EXPECT_FLOAT_EQ(o[120], 5.0F / 120);
  EXPECT_FLOAT_EQ(o[121], 0.8F);
  for (float x : o) EXPECT_LE(std::abs(x), 1.0F);
}

TEST(ClassicWorld, an_assigned_booking_counts_down_to_zero_in_the_observation_and_stays) {
  ClassicConfig config = config_of(10, 20);
  config.simulation_hours = 8;
  ClassicWorld world(config);
  world.reset(5);
  world.step(world.action_of(0, 0));
  for (int i = 0; i < 20; ++i) world.step(ClassicWorld::wait);
  ASSERT_TRUE(world.bookings()[0].assigned);
  EXPECT_LT(world.bookings()[0].minutes_left, 0);
  std::vector<float> o(122);
  world.observe(o);
  EXPECT_EQ(o[43], 0);
}

TEST(ClassicWorld, a_booking_made_in_a_step_loses_five_minutes_at_once) {
  int made = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    ClassicWorld world(config_of(2, 20));
    world.reset(seed);
    for (int step = 0; step < 10; ++step) {
      world.step(ClassicWorld::wait);
      for (auto const& b : world.bookings()) {
        if (b.created != world.minute()) continue;
        ++made;
        EXPECT_EQ(b.minutes_left, b.window - 5);
        EXPECT_EQ(b.window_end, world.minute() + b.window);
      }
    }
  }
  EXPECT_GT(made, 100);
}

// Waiting loses 1 point and 200 · priority / 5 for each booking whose minutes reach 0 in the step.
TEST(ClassicWorld, an_open_booking_expires_when_no_minute_is_left) {
  int expiries = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    ClassicWorld world(config_of(2, 500));
    world.reset(seed);
    for (int step = 0; step < 20; ++step) {
      double expected = -1;
      int due = 0;
      for (auto const& b : world.bookings()) {
        if (b.minutes_left > 5) continue;
        expected -= 40 * b.priority;
        ++due;
      }
      int const before = world.day().cancellations;
      EXPECT_DOUBLE_EQ(world.step(ClassicWorld::wait), expected);
      EXPECT_EQ(world.day().cancellations - before, due);
      for (auto const& b : world.bookings()) EXPECT_GT(b.minutes_left, 0);
      expiries += due;
    }
  }
  EXPECT_GT(expiries, 200);
}

// With one slot filled by an assigned booking that stays, every later booking is refused; removed, the slot is free.
TEST(ClassicWorld, a_full_list_refuses_bookings_and_assigned_ones_fill_it) {
  for (bool stay : {true, false}) {
    ClassicConfig config = config_of(3, 1);
    config.assigned_stay = stay;
    config.simulation_hours = 8;
    ClassicWorld world(config);
    world.reset(4);
    EXPECT_EQ(world.bookings().size(), 1U);
    EXPECT_EQ(world.day().refused, world.day().offered - 1);
    world.step(world.action_of(0, 0));
    ASSERT_EQ(world.day().assignments, 1);
    while (!world.done()) world.step(world.is_valid_pair(0, 0) ? world.action_of(0, 0) : ClassicWorld::wait);
    if (stay) {
      EXPECT_EQ(world.day().refused, world.day().offered - 1);
    } else {
      EXPECT_LT(world.day().refused, world.day().offered - 2);
    }
  }
}

TEST(ClassicWorld, an_invalid_action_costs_ten_points_and_five_minutes) {
  ClassicWorld world(config_of(3, 20));
  world.reset(4);
  int const count = static_cast<int>(world.bookings().size());
  for (int action : {-1, 61, 1'000, world.action_of(0, count)}) {
    world.reset(4);
    EXPECT_EQ(world.step(action), -10);
    EXPECT_EQ(world.minute(), 5);
    EXPECT_EQ(world.day().invalid, 1);
  }
  world.reset(4);
  world.step(world.action_of(0, 0));
  EXPECT_EQ(world.step(world.action_of(1, 0)), -10);  // taken already
}

TEST(ClassicWorld, a_driver_holds_three_trips_until_the_coin_frees_a_place) {
  ClassicConfig config = config_of(1, 100);
  config.simulation_hours = 14;
  int frees = 0;
  int chances = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    ClassicWorld world(config);
    world.reset(seed);
    std::vector<int> legal;
    while (!world.done()) {
      world.legal_actions(legal);
      int const before = world.drivers()[0].load;
      EXPECT_EQ(world.drivers()[0].available, before < 3);
      bool const assigns = legal.size() > 1;
      world.step(assigns ? legal[1] : ClassicWorld::wait);
      int const held = before + (assigns ? 1 : 0);
      if (held == 0) continue;
      ++chances;
      EXPECT_TRUE(world.drivers()[0].load == held || world.drivers()[0].load == held - 1);
      frees += world.drivers()[0].load == held - 1 ? 1 : 0;
    }
  }
  // A coin of 10 %: five standard deviations of the share are 5 · 0.3 / sqrt(chances).
  EXPECT_NEAR(static_cast<double>(frees) / chances, 0.1, 1.5 / std::sqrt(chances));
}

TEST(ClassicWorld, the_first_bookings_of_a_day_are_never_late_and_always_fast_with_the_reset_bug) {
  for (bool bug : {true, false}) {
    ClassicConfig config = config_of(4, 20);
    config.reset_bug = bug;
    int late = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      ClassicWorld world(config);
      world.reset(seed);
      for (int slot = 0; slot < static_cast<int>(world.bookings().size()); ++slot) {
        auto const& b = world.bookings()[static_cast<std::size_t>(slot)];
        EXPECT_EQ(b.created, bug ? 120 : 0);
        EXPECT_EQ(b.window_end, b.created + b.window);
        EXPECT_EQ(b.minutes_left, b.window);
        EXPECT_TRUE(world.facts(0, slot).fast);
        late += world.facts(0, slot).late_minutes > 0 ? 1 : 0;
      }
    }
    if (bug) {
      EXPECT_EQ(late, 0);
    } else {
      EXPECT_GT(late, 100);
    }
  }
}

TEST(ClassicWorld, bookings_have_the_documented_ranges_and_numbers) {
  // 5 at the start on average; 17 steps at 0.5 · 2 and 7 at 0.2 · 2: 24.8 in two hours. Deviation of one day about 6.
  double offered = 0;
  ClassicWorld world(config_of(1, 500));
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    world.reset(900'000 + seed);
    EXPECT_GE(world.bookings().size(), 3U);
    EXPECT_LE(world.bookings().size(), 7U);
    for (auto const& b : world.bookings()) {
      EXPECT_GE(b.window, b.priority >= 4 ? 10 : 20);
      EXPECT_LE(b.window, b.priority >= 4 ? 29 : 59);
      EXPECT_LE(std::abs(b.pickup.lat - 46.2044), 0.1);
      EXPECT_LE(std::abs(b.dropoff.lon - 6.1432), 0.1);
    }
    while (!world.done()) world.step(ClassicWorld::wait);
    offered += world.day().offered / 2'000.0;
  }
  EXPECT_NEAR(offered, 24.8, 0.7);
}

TEST(ClassicWorld, distance_and_traffic_follow_the_formulas) {
  // 0.2 degrees of latitude are 6371 · 0.2 · pi / 180 = 22.239 km; of longitude at 46.2044 degrees about 15.39 km.
  auto const south = ClassicWorld::point(46.1044, 6.1432);
  auto const north = ClassicWorld::point(46.3044, 6.1432);
  EXPECT_NEAR(ClassicWorld::distance_km(south, north), 22.239, 1e-3);
  auto const west = ClassicWorld::point(46.2044, 6.0432);
  auto const east = ClassicWorld::point(46.2044, 6.2432);
  EXPECT_NEAR(ClassicWorld::distance_km(west, east), 15.39, 0.01);
  EXPECT_EQ(ClassicWorld::distance_km(west, west), 0);

  ClassicConfig config = config_of(1, 1);
  config.simulation_hours = 14;
  ClassicWorld world(config);
  world.reset(1);
  while (!world.done()) {
    int const t = world.minute();
    double const expected = t < 60 || (t >= 540 && t < 600) ? 0.8 : t >= 240 && t < 360 ? 0.5 : 0.3;
    EXPECT_EQ(world.traffic_density(), expected) << t;
    world.step(ClassicWorld::wait);
  }
}

TEST(ClassicWorld, the_on_time_mask_reckons_planar_and_allows_and_forbids_wrongly) {
  // East-west the mask's distance is 111 / (111.195 · cos 46.2) = 1.44 times the true one, its peak slow-down 1.4
  // instead of 1 / 0.6: both kinds of error must show.
  ClassicConfig config = config_of(10, 20);
  config.mask = MaskRule::on_time;
  config.reset_bug = false;
  int forbidden_though_on_time = 0;
  int allowed_though_late = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    ClassicWorld world(config);
    world.reset(seed);
    for (int d = 0; d < 10; ++d) {
      for (int s = 0; s < static_cast<int>(world.bookings().size()); ++s) {
        auto const& from = world.drivers()[static_cast<std::size_t>(d)].at;
        auto const& booking = world.bookings()[static_cast<std::size_t>(s)];
        double const degrees = std::hypot(from.lat - booking.pickup.lat, from.lon - booking.pickup.lon);
        bool const legal = world.is_legal(world.action_of(d, s));
        EXPECT_EQ(legal, degrees * 111 / 30 * 60 * 1.4 <= booking.window_end);
        bool const late = world.facts(d, s).late_minutes > 0;
        forbidden_though_on_time += !legal && !late ? 1 : 0;
        allowed_though_late += legal && late ? 1 : 0;
      }
    }
  }
  EXPECT_GT(forbidden_though_on_time, 0);
  EXPECT_GT(allowed_though_late, 0);
}

TEST(ClassicWorld, a_copy_with_another_future_shares_the_past) {
  ClassicWorld world(config_of(5, 20));
  world.reset(3);
  world.step(1);
  ClassicWorld copy = world;
  copy.replace_future(77);
  EXPECT_EQ(copy.bookings().size(), world.bookings().size());
  EXPECT_EQ(copy.day().reward, world.day().reward);
  while (!world.done()) {
    world.step(0);
    copy.step(0);
  }
  EXPECT_NE(copy.day().reward, world.day().reward);
}

struct Accepted {
  char const* policy;
  RewardVersion reward;
  int drivers, slots;
  double mean;  // of 600 episodes, as the specification's table gives it
};
std::ostream& operator<<(std::ostream& out, Accepted const& a) {
  return out << a.policy << ' ' << enum_names(RewardVersion{})[static_cast<std::size_t>(a.reward)] << ' ' << a.drivers
             << 'x' << a.slots;
}

// Both means come from 600 days of deviation 400 (good policies) to 620 (poor ones), so the standard error of their
// difference is 23 to 36 points. 50 points are what the table itself claims: two errors of one mean, one and a half to
// two of the difference. On these fixed seeds all 19 hold.
constexpr double tolerance = 50;

class Acceptance : public ::testing::TestWithParam<Accepted> {};

TEST_P(Acceptance, the_reference_policy_earns_what_the_specification_says) {
  Accepted const& a = GetParam();
  ClassicWorld world(config_of(a.drivers, a.slots, a.reward));
  auto const policy = make_classic_policy(a.policy).take();
  double sum = 0;
  for (std::uint64_t seed = 900'000; seed < 900'600; ++seed) sum += play_day(world, *policy, seed).reward;
  EXPECT_NEAR(sum / 600, a.mean, tolerance);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Acceptance,
    ::testing::Values(
        Accepted{"wait", RewardVersion::v1, 10, 20, -2674}, Accepted{"wait", RewardVersion::v1, 6, 10, -2453},
        Accepted{"wait", RewardVersion::v1, 5, 15, -2626}, Accepted{"random", RewardVersion::v1, 10, 20, -1943},
        Accepted{"random", RewardVersion::v1, 6, 10, -958}, Accepted{"random", RewardVersion::v1, 5, 15, -1614},
        Accepted{"random", RewardVersion::v2, 5, 15, 112}, Accepted{"random_valid", RewardVersion::v1, 10, 20, 454},
        Accepted{"random_valid", RewardVersion::v1, 6, 10, 368},
        Accepted{"random_valid", RewardVersion::v1, 5, 15, 424},
        Accepted{"random_valid", RewardVersion::v2, 5, 15, 1616}, Accepted{"nearest", RewardVersion::v1, 10, 20, 986},
        Accepted{"nearest", RewardVersion::v1, 6, 10, 653}, Accepted{"nearest", RewardVersion::v1, 5, 15, 771},
        Accepted{"nearest", RewardVersion::v2, 5, 15, 1903},
        Accepted{"least_time_left", RewardVersion::v1, 10, 20, 1475},
        Accepted{"least_time_left", RewardVersion::v1, 6, 10, 916},
        Accepted{"least_time_left", RewardVersion::v1, 5, 15, 1117},
        Accepted{"least_time_left", RewardVersion::v2, 5, 15, 1969}));

TEST(Acceptance, least_time_left_assigns_19_loses_2_and_is_late_in_13_percent) {
  // The specification: 19.3 assigned, 1.8 cancelled, 13 % late. Deviations of a day are about 4, 2 and 9 %.
  ClassicWorld world(config_of(10, 20));
  auto const policy = make_classic_policy("least_time_left").take();
  double assigned = 0;
  double cancelled = 0;
  double late = 0;
  for (std::uint64_t seed = 900'000; seed < 900'600; ++seed) {
    ClassicDay const day = play_day(world, *policy, seed);
    assigned += day.assignments;
    cancelled += day.cancellations;
    late += day.late_pickups;
  }
  EXPECT_NEAR(assigned / 600, 19.3, 0.5);
  EXPECT_NEAR(cancelled / 600, 1.8, 0.3);
  EXPECT_NEAR(late / assigned, 0.13, 0.02);
}

}  // namespace
}  // namespace regulus::sim
