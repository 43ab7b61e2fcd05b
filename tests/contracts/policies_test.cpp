// What every dispatch policy of the registry must hold to.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "sim/classic_policy.h"

namespace regulus::sim {
namespace {

ClassicWorld any_world(Rng& rng) {
  ClassicConfig config;
  config.num_drivers = static_cast<int>(rng.between(1, 12));
  config.max_bookings = static_cast<int>(rng.between(1, 25));
  config.simulation_hours = static_cast<int>(rng.between(1, 14));
  config.reward = static_cast<RewardVersion>(rng.below(3));
  config.mask = static_cast<MaskRule>(rng.below(3));
  config.assigned_stay = rng.chance(0.5);
  ClassicWorld world(config);
  world.reset(rng.next());
  std::vector<int> legal;
  for (auto steps = rng.below(static_cast<std::uint64_t>(config.simulation_hours) * 12); steps > 0; --steps) {
    world.legal_actions(legal);
    world.step(legal[rng.below(legal.size())]);
  }
  return world;
}

// Everything that can be seen of a world.
std::vector<double> picture(ClassicWorld const& world) {
  std::vector<double> all{static_cast<double>(world.minute()), world.day().reward,
                          static_cast<double>(world.day().offered)};
  for (auto const& d : world.drivers()) all.insert(all.end(), {d.at.lat, d.at.lon, 1.0 * d.load, d.km, 1.0 * d.idle});
  for (auto const& b : world.bookings())
    all.insert(all.end(), {b.pickup.lat, b.pickup.lon, 1.0 * b.minutes_left, b.assigned ? 1.0 : 0.0});
  return all;
}

RC_GTEST_PROP(Policies, choose_a_legal_action_always_the_same_and_leave_the_world_alone, (std::uint64_t luck)) {
  Rng rng(luck);
  ClassicWorld const world = any_world(rng);
  auto const before = picture(world);
  for (std::string const& name : classic_policy_names()) {
    auto const policy = make_classic_policy(name).take();
    Rng const coin = rng.stream(Purpose::policy, key_of(name));
    int const action = policy->choose(world, coin);
    // "random" is the predecessor's baseline: uniform over all actions, the mask does not concern it.
    if (name == "random") {
      RC_ASSERT(action >= 0 && action < world.action_count());
    } else {
      RC_ASSERT(world.is_legal(action));
    }
    RC_ASSERT(policy->choose(world, coin) == action);
    RC_ASSERT(make_classic_policy(name).take()->choose(world, coin) == action);
    RC_ASSERT(picture(world) == before);
  }
}

RC_GTEST_PROP(Policies, that_follow_a_rule_do_not_wait_while_a_legal_pair_is_there, (std::uint64_t luck)) {
  Rng rng(luck);
  ClassicWorld const world = any_world(rng);
  if (world.config().mask == MaskRule::none) return;  // there everything is called legal
  std::vector<int> legal;
  world.legal_actions(legal);
  for (std::string const& name : classic_policy_names()) {
    if (name == "wait" || name == "random") continue;
    int const action = make_classic_policy(name).take()->choose(world, rng);
    RC_ASSERT((action == ClassicWorld::wait) == (legal.size() == 1));
  }
}

TEST(Policies, play_the_same_day_twice) {
  for (std::string const& name : classic_policy_names()) {
    auto const policy = make_classic_policy(name).take();
    ClassicWorld first{ClassicConfig{}};
    ClassicWorld second{ClassicConfig{}};
    play_day(second, *policy, 1);
    EXPECT_EQ(play_day(first, *policy, 900'000).reward, play_day(second, *policy, 900'000).reward) << name;
  }
}

TEST(Policies, nearest_takes_the_shortest_drive_and_least_time_left_the_most_urgent_booking) {
  auto const nearest = make_classic_policy("nearest").take();
  auto const urgent = make_classic_policy("least_time_left").take();
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    ClassicWorld const world = any_world(rng);
    if (world.config().mask == MaskRule::none) continue;
    std::vector<int> legal;
    world.legal_actions(legal);
    if (legal.size() == 1) continue;
    double shortest = 1e9;
    int least = 1'000'000;
    auto const km = [&](int action) { return world.facts(world.driver_of(action), world.slot_of(action)).km; };
    auto const left = [&](int action) {
      return world.bookings()[static_cast<std::size_t>(world.slot_of(action))].minutes_left;
    };
    for (std::size_t i = 1; i < legal.size(); ++i) {
      shortest = std::min(shortest, km(legal[i]));
      least = std::min(least, left(legal[i]));
    }
    EXPECT_EQ(km(nearest->choose(world, rng)), shortest);
    int const chosen = urgent->choose(world, rng);
    EXPECT_EQ(left(chosen), least);
    for (std::size_t i = 1; i < legal.size(); ++i) {
      if (world.slot_of(legal[i]) == world.slot_of(chosen)) {
        EXPECT_GE(km(legal[i]), km(chosen));
      }
    }
  }
}

TEST(Policies, random_valid_takes_every_legal_pair_equally_often) {
  ClassicConfig config;
  config.num_drivers = 3;
  for (MaskRule mask : {MaskRule::valid, MaskRule::on_time}) {
    config.mask = mask;
    ClassicWorld world(config);
    world.reset(2);
    std::vector<int> legal;
    world.legal_actions(legal);
    auto const policy = make_classic_policy("random_valid").take();
    std::map<int, int> counts;
    for (std::uint64_t i = 0; i < 20'000; ++i) ++counts[policy->choose(world, Rng(i))];
    ASSERT_EQ(counts.size(), legal.size() - 1);
    double const expected = 20'000.0 / static_cast<double>(counts.size());
    for (auto const& [action, count] : counts) {
      EXPECT_TRUE(world.is_legal(action));
      EXPECT_NEAR(count, expected, 5 * std::sqrt(expected)) << action;
    }
  }
}

TEST(Policies, an_unknown_name_is_refused_with_the_nearest_known_one) {
  auto const wrong = make_classic_policy("nearst");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("nearst"), std::string::npos);
  EXPECT_NE(wrong.error().message.find("did you mean nearest"), std::string::npos) << wrong.error().message;
}

}  // namespace
}  // namespace regulus::sim
