// The learned policies over whole simulated days.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/files.h"
#include "lab/scenarios.h"
#include "nn/model_file.h"
#include "sim/simulator.h"
#include "tests/lab/builders.h"
#include "tests/sim/day_builders.h"
#include "tests/support/random_values.h"

namespace regulus::lab {
namespace {

using dispatch::make_policy;
using dispatch::PolicySettings;
using regulus::testing::a_random_value;
using regulus::testing::model_of;
using regulus::testing::with_a_silent_head;

PolicySettings const quick{.iterations = 20, .futures = 2};

std::uint64_t trace_of(Day const& day, std::string const& policy, PolicySettings const& settings = quick) {
  TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
  auto const by = make_policy(policy, settings);
  EXPECT_TRUE(by) << by.error().message;
  sim::SimulateOptions options;
  options.policy_seed = 5;
  sim::DayResult const result = sim::simulate(day, times, **by, options);
  EXPECT_EQ(result.refused_decisions, 0) << policy;
  return result.trace_hash;
}

std::vector<Day> some_days() {
  std::vector<Day> days;
  for (char const* family : {"geneva-medical", "geneva-medical-will-call", "geneva-medical-scarce", "valley"}) {
    days.push_back(day_maker(family)(1));
  }
  for (std::uint64_t seed = 0; seed < 3; ++seed) days.push_back(sim::troubled_day(seed));
  return days;
}

PolicySettings with(dispatch::ValueNetwork const& value) {
  PolicySettings settings = quick;
  settings.model = model_of(value);
  return settings;
}

TEST(LearnedPolicies, play_as_the_rules_where_nothing_was_learned) {
  dispatch::ValueNetwork doubted = a_random_value(1);
  doubted.trust = 0;
  dispatch::ValueNetwork elsewhere = a_random_value(1);
  elsewhere.fleet = {.fewest = 100, .most = 200};
  for (Day const& day : some_days()) {
    std::uint64_t const insertion = trace_of(day, "insertion"), rule = trace_of(day, "lns_futures");
    EXPECT_EQ(trace_of(day, "dqn_insertion"), insertion) << day.name;
    EXPECT_EQ(trace_of(day, "dqn"), rule) << day.name;
    for (dispatch::ValueNetwork const& value : {doubted, elsewhere}) {
      EXPECT_EQ(trace_of(day, "dqn_insertion", with(value)), insertion) << day.name;
      EXPECT_EQ(trace_of(day, "dqn", with(value)), rule) << day.name;
    }
    EXPECT_EQ(trace_of(day, "dqn_insertion", with(with_a_silent_head(a_random_value(2)))), insertion) << day.name;
  }
}

TEST(LearnedPolicies, play_as_the_rules_with_a_file_that_is_not_trusted) {
  TemporaryFolder folder;
  dispatch::ValueNetwork doubted = a_random_value(1);
  doubted.trust = 0;
  ASSERT_TRUE(nn::write_model(folder.path("doubted"), dispatch::encode_model(doubted)));
  ASSERT_TRUE(nn::write_model(folder.path("silent"), dispatch::encode_model(with_a_silent_head(a_random_value(2)))));
  Day const day = day_maker("geneva-medical")(3);
  EXPECT_EQ(trace_of(day, "dqn_insertion:" + folder.path("doubted").string()), trace_of(day, "insertion"));
  EXPECT_EQ(trace_of(day, "dqn_insertion:" + folder.path("silent").string()), trace_of(day, "insertion"));
  EXPECT_EQ(trace_of(day, "dqn:" + folder.path("doubted").string()), trace_of(day, "lns_futures"));
}

TEST(LearnedPolicies, play_as_the_file_says) {
  TemporaryFolder folder;
  dispatch::ValueNetwork const value = a_random_value(4);
  ASSERT_TRUE(nn::write_model(folder.path("value"), dispatch::encode_model(value)));
  int otherwise = 0;
  for (Day const& day : some_days()) {
    for (std::string const policy : {"dqn", "dqn_insertion"}) {
      std::uint64_t const here = trace_of(day, policy, with(value));
      EXPECT_EQ(trace_of(day, policy + ":" + folder.path("value").string()), here);
      otherwise += here != trace_of(day, policy) ? 1 : 0;
    }
  }
  EXPECT_GT(otherwise, 3);
}

TEST(LearnedPolicies, are_named_with_a_file_or_not_at_all) {
  auto const missing = make_policy("dqn:missing.safetensors", {});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("missing.safetensors"), std::string::npos);
  auto const rule = make_policy("lns:missing.safetensors", {});
  ASSERT_FALSE(rule);
  EXPECT_EQ(rule.error().kind, ErrorKind::invalid);
  EXPECT_NE(rule.error().message.find("lns:missing.safetensors"), std::string::npos);
}

// Whatever has not happened at `now` happens otherwise.
Day with_another_future(Day day, Seconds now, Rng rng) {
  day.reality.seed += 1'000;
  day.reality.noise = rng.uniform(0.2, 0.8);
  for (double& factor : day.reality.traffic) factor *= rng.uniform(0.5, 2.5);
  auto const later = [&] { return rng.chance(0.5) ? now + rng.between(1, day_length) : never; };
  for (BookingReality& booking : day.reality.bookings) {
    if (booking.cancelled_at > now) booking.cancelled_at = later();
    if (booking.calls_at > now) booking.calls_at = later();
    booking.no_show = rng.chance(0.5);
    booking.ready_delay = rng.between(0, 3'600);
    booking.service_factor = rng.uniform(0.3, 4);
  }
  for (DriverReality& driver : day.reality.drivers) {
    if (driver.sick_from > now) driver.sick_from = later();
  }
  return day;
}

// The decision at the first question of a day at which something is to be decided, as text, and when that is.
struct First {
  Seconds now = 0;
  std::string decision;
};
First first_of(Day const& day, dispatch::Policy const& policy) {
  TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
  sim::SimulateOptions const options;
  sim::DayRun run(day, times, options);
  First first;
  while (run.next_question()) {
    Situation const situation = run.situation();
    if (situation.fleet.undecided.empty()) {
      run.answer({});
      continue;
    }
    first.now = situation.fleet.now;
    dispatch::Decision const decision = policy.decide(situation, run.rng());
    for (DriverRoute const& route : decision.routes) {
      first.decision += std::to_string(route.driver) + ":";
      for (Stop const& stop : route.stops) {
        first.decision += " " + std::to_string(static_cast<int>(stop.kind)) + "/" + std::to_string(stop.index) + "@" +
                          std::to_string(stop.planned);
      }
    }
    for (BookingId id : decision.overflow) first.decision += " partner " + std::to_string(id);
    for (BookingId id : decision.unserved) first.decision += " nobody " + std::to_string(id);
    first.decision += " wake " + std::to_string(decision.wake_at);
    break;
  }
  return first;
}

TEST(LearnedPolicies, decide_at_dawn_without_knowing_the_day) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    for (char const* family : {"geneva-medical", "geneva-medical-traffic", "valley"}) {
      Day const day = day_maker(family)(seed);
      for (char const* name : {"dqn", "dqn_insertion"}) {
        auto const policy = make_policy(name, with(a_random_value(seed))).take();
        First const here = first_of(day, *policy);
        ASSERT_FALSE(here.decision.empty());
        First const there = first_of(with_another_future(day, here.now, Rng(seed)), *policy);
        EXPECT_EQ(there.now, here.now);
        EXPECT_EQ(there.decision, here.decision) << name << " " << family << " " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace regulus::lab
