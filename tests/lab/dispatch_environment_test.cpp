#include "lab/dispatch_environment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lab/scenarios.h"

namespace regulus::lab {
namespace {

char const* const families[] = {"geneva-medical", "geneva-medical-scarce", "geneva-medical-will-call", "valley"};

// How somebody chooses: an index of the observation.
using Taste = std::function<int(DispatchEnvironment const&, rl::Observation const&)>;

int as_suggested(DispatchEnvironment const& environment, rl::Observation const&) {
  return environment.suggested_choice();
}
Taste at_random(std::uint64_t seed, double share = 1) {
  auto const rng = std::make_shared<Rng>(Rng(seed).stream(Purpose::test));
  return [rng, share](DispatchEnvironment const& environment, rl::Observation const& seen) {
    if (!rng->chance(share)) return environment.suggested_choice();
    return static_cast<int>(rng->below(static_cast<std::uint64_t>(seen.choices())));
  };
}

struct Played {
  std::vector<double> rewards;
  double elapsed = 0;
  double cost = 0;
  double total() const {
    double sum = 0;
    for (double reward : rewards) sum += reward;
    return sum;
  }
};

Played play(DispatchEnvironment& environment, std::uint64_t seed, Taste const& choose) {
  Played played;
  rl::Observation seen;
  environment.reset(seed);
  for (bool over = false; !over;) {
    environment.observe(seen);
    EXPECT_TRUE(seen.has_candidates());
    EXPECT_GE(seen.rows, 1);
    EXPECT_EQ(seen.features.size(), static_cast<std::size_t>(seen.rows) * dispatch::plan_features);
    EXPECT_EQ(seen.baseline.size(), static_cast<std::size_t>(seen.rows));
    for (float x : seen.features) EXPECT_TRUE(std::isfinite(x));
    // Nobody is cheaper than the cheapest, who costs 0 more than himself.
    EXPECT_EQ(std::ranges::max(seen.baseline), 0);
    EXPECT_TRUE(seen.is_legal(environment.suggested_choice()));
    rl::StepResult const step = environment.step(choose(environment, seen));
    EXPECT_GE(step.elapsed, 0);
    EXPECT_EQ(step.over, step.terminal);
    played.rewards.push_back(step.reward);
    played.elapsed += step.elapsed;
    over = step.over;
  }
  played.cost = environment.cost();
  return played;
}

TEST(DispatchEnvironment, is_as_wide_as_a_row_of_plan_features_and_has_no_fixed_actions) {
  DispatchEnvironment const environment(day_maker("geneva-medical"));
  EXPECT_EQ(environment.width(), dispatch::plan_features);
  EXPECT_EQ(environment.actions(), 0);
}

// The sum of rewards is J at dawn minus the day's cost, and J at dawn is the same for everybody.
TEST(DispatchEnvironment, rewards_whatever_is_chosen_by_what_it_saves_on_the_day) {
  for (char const* family : families) {
    DispatchEnvironment environment(day_maker(family));
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      Played const rule = play(environment, seed, as_suggested);
      double const at_dawn = rule.total() + rule.cost;
      std::vector<double> costs{rule.cost};
      for (Taste const& taste : {at_random(seed), at_random(seed + 100, 0.2)}) {
        Played const other = play(environment, seed, taste);
        EXPECT_NEAR(other.total() + other.cost, at_dawn, 1e-6 * (1 + std::abs(at_dawn))) << family << " " << seed;
        costs.push_back(other.cost);
      }
      EXPECT_NE(costs[0], costs[1]) << family << " " << seed;
    }
  }
}

TEST(DispatchEnvironment, suggests_best_insertion_where_nobody_teaches) {
  for (char const* family : families) {
    DayMaker const make_day = day_maker(family);
    DispatchEnvironment environment(make_day);
    auto const insertion = dispatch::make_policy("insertion", {}).take();
    for (std::uint64_t seed = 10; seed < 14; ++seed) {
      Day const day = make_day(seed);
      TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
      sim::SimulateOptions options;
      options.policy_seed = seed;
      double const cost = static_cast<double>(sim::simulate(day, times, *insertion, options).kpi.cost.total()) / 100;
      EXPECT_EQ(play(environment, seed, as_suggested).cost, cost) << family << " " << seed;
    }
  }
}

TEST(DispatchEnvironment, plays_the_same_day_for_the_same_seed) {
  DispatchEnvironment one(day_maker("geneva-medical,valley")), other(day_maker("geneva-medical,valley"));
  play(one, 7, at_random(3));
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Played const a = play(one, seed, at_random(seed));
    Played const b = play(other, seed, at_random(seed));
    EXPECT_EQ(a.rewards, b.rewards);
    EXPECT_EQ(a.elapsed, b.elapsed);
    EXPECT_EQ(a.cost, b.cost);
  }
}

TEST(DispatchEnvironment, with_a_teacher_suggests_what_is_legal_and_plays_the_same_days) {
  dispatch::PolicySettings const settings{.iterations = 20, .futures = 2};
  DispatchEnvironment taught(day_maker("geneva-medical-scarce"), dispatch::make_policy("lns_futures", settings).take());
  DispatchEnvironment alone(day_maker("geneva-medical-scarce"));
  bool differs = false;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    Played const with = play(taught, seed, as_suggested);
    Played const without = play(alone, seed, as_suggested);
    double const at_dawn = without.total() + without.cost;
    EXPECT_NEAR(with.total() + with.cost, at_dawn, 1e-6 * (1 + std::abs(at_dawn)));
    differs = differs || with.cost != without.cost;
  }
  EXPECT_TRUE(differs);
}

TEST(DispatchEnvironment, of_a_day_without_rides_has_one_choice_that_ends_it) {
  DispatchEnvironment environment([](std::uint64_t seed) {
    Day day = day_maker("geneva-medical")(seed);
    day.bookings.clear();
    day.reality.bookings.clear();
    return day;
  });
  Played const played = play(environment, 1, as_suggested);
  ASSERT_EQ(played.rewards.size(), 1U);
  EXPECT_EQ(played.total(), -played.cost);
}

TEST(Scenarios, name_families_that_exist_and_each_of_them_once) {
  EXPECT_EQ(families_of("geneva-medical")->size(), 1U);
  EXPECT_EQ((*families_of("valley,geneva-medical"))[0]->name, "valley");
  auto const said = [](std::string const& scenario) {
    auto const found = families_of(scenario);
    return found ? "accepted" : found.error().message;
  };
  EXPECT_NE(said("geneva-medcal").find("geneva-medical"), std::string::npos) << said("geneva-medcal");
  EXPECT_NE(said("valley,valley").find("valley twice"), std::string::npos) << said("valley,valley");
  for (char const* wrong : {"", ",", "valley,", "all,valley", "classic", "valley, geneva-medical"}) {
    EXPECT_NE(said(wrong), "accepted") << wrong;
  }
  auto const unknown = families_of("nowhere");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::not_found);
}

TEST(Scenarios, all_are_those_whose_days_are_small) {
  auto const all = families_of("all").take();
  EXPECT_GT(all.size(), 5U);
  EXPECT_LT(all.size(), sim::families().size());
  for (sim::Family const* family : all) EXPECT_NE(family->name, "call-taxi");
}

TEST(Scenarios, take_turns_by_seed) {
  DayMaker const both = day_maker("geneva-medical,geneva-medical-scarce");
  DayMaker const first = day_maker("geneva-medical"), second = day_maker("geneva-medical-scarce");
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    EXPECT_EQ(both(seed), (seed % 2 == 0 ? first : second)(seed)) << seed;
  }
}

TEST(Scenarios, give_each_family_as_many_rides_as_any_other) {
  std::vector<double> const like = {10, 10, 12}, mixed = {10, 40, 1'000};
  Turns const equal(like), unequal(mixed);
  for (std::uint64_t seed = 0; seed < 9; ++seed) EXPECT_EQ(equal.of(seed), seed % 3) << seed;
  ASSERT_EQ(unequal.round(), 100U + 25U + 1U);
  std::vector<double> rides(mixed.size());
  std::size_t longest_run = 0, run = 0;
  for (std::uint64_t seed = 0; seed < unequal.round(); ++seed) {
    rides[unequal.of(seed)] += mixed[unequal.of(seed)];
    run = unequal.of(seed) == 0 ? run + 1 : 0;
    longest_run = std::max(longest_run, run);
  }
  for (double const asked : rides) EXPECT_EQ(asked, 1'000);
  EXPECT_LE(longest_run, 5U);  // spread over the round
}

TEST(Scenarios, let_a_city_of_two_hundred_drivers_take_its_turn_among_small_companies) {
  Turns const turns = turns_of("geneva-medical,big-city");
  EXPECT_GT(turns.round(), 300U);
  EXPECT_LT(turns.round(), 350U);
  std::size_t large = 0;
  for (std::uint64_t seed = 0; seed < turns.round(); ++seed) large += turns.of(seed);
  EXPECT_EQ(large, 1U);
}

TEST(Scenarios, know_how_many_drivers_their_days_have) {
  dispatch::FleetSizes const sizes = fleet_sizes("geneva-medical");
  EXPECT_EQ(sizes.fewest, 3);
  EXPECT_EQ(sizes.most, 5);
  dispatch::FleetSizes const scarce = fleet_sizes("geneva-medical,geneva-medical-scarce");
  EXPECT_EQ(scarce.fewest, 2);
  EXPECT_EQ(scarce.most, 5);
}

}  // namespace
}  // namespace regulus::lab
