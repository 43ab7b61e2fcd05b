// A day that is taken up in the middle (dispatch/world) against the same day played through.
#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

#include "core/parallel.h"
#include "dispatch/rehearsal.h"
#include "dispatch/world/resumable.h"
#include "dispatch/world/world.h"
#include "domain/snapshot_file.h"
#include "sim/invariants.h"
#include "sim/simulator.h"
#include "tests/sim/day_builders.h"
#include "tests/support/contradictions.h"

namespace regulus::sim {
namespace {

using dispatch::Decision;
using dispatch::World;
using regulus::testing::Contradictions;

std::unique_ptr<dispatch::Policy> insertion() { return dispatch::make_policy("insertion", {}).take(); }

std::string text(FleetSnapshot const& fleet) { return to_json(fleet).dump(); }
std::string text(std::vector<BookingState> const& bookings) {
  std::string lines;
  for (BookingState const& state : bookings) lines += to_json(state).dump() + "\n";
  return lines;
}

// A day without surprises: everybody is known from the start and does what was expected.
Day plain_day(std::uint64_t seed) {
  Day day = troubled_day(seed);
  for (Booking& b : day.bookings) b.known_from = -day_length;
  day.speeds.kmh.fill(30);
  Reality const troubled = std::exchange(day.reality, {});
  // But for the patients' calls, of which there is always one.
  for (BookingReality const& b : troubled.bookings)
    day.reality.bookings.push_back({.id = b.id, .calls_at = b.calls_at});
  return day;
}

// A question in the middle of a day that is played with best insertion, and how that day ends.
struct Interrupted {
  explicit Interrupted(Day const& day, std::size_t question)
      : times(TravelTimes::straight_line(day.places, day.speeds)) {
    SimulateOptions const options;
    DayRun run(day, times, options);
    auto const policy = insertion();
    for (std::size_t k = 0; run.next_question(); ++k) {
      Decision const decision = policy->decide(run.situation(), run.rng());
      if (k == question) {
        fleet = run.situation().fleet;
        answer = decision;
        before = run.so_far();
      }
      run.answer(decision);
      ++questions;
    }
    end = run.result();
  }
  Interrupted(Interrupted const&) = delete;
  Interrupted& operator=(Interrupted const&) = delete;

  TravelTimes times;
  FleetSnapshot fleet;
  Decision answer;
  Outcome before;
  DayResult end;
  std::size_t questions = 0;
};

std::size_t questions_of(Day const& day) { return Interrupted(day, 0).questions; }

void expect_same_end(Day const& day, std::size_t question) {
  SCOPED_TRACE(fmt::format("{}, question {}", day.name, question));
  Interrupted interrupted(day, question);
  Day known = day;
  known.reality = {};
  interrupted.fleet.day = &known;
  auto const fleet = dispatch::resumable({interrupted.fleet, interrupted.times});
  ASSERT_TRUE(fleet.has_value());
  World world(known, day.reality, *fleet, interrupted.times, [](dispatch::Happening const&) {});
  world.carry_out(interrupted.answer);
  dispatch::play_on(world, interrupted.times, *insertion(), interrupted.answer.wake_at);
  Outcome const resumed = world.outcome();
  Outcome const& whole = interrupted.end.outcome;
  EXPECT_EQ(text(resumed.bookings), text(whole.bookings));
  for (std::size_t d = 0; d < day.drivers.size(); ++d) {
    EXPECT_EQ(resumed.drivers[d].left, whole.drivers[d].left);
    EXPECT_EQ(resumed.drivers[d].back, whole.drivers[d].back) << "driver " << day.drivers[d].id;
    EXPECT_EQ(interrupted.before.drivers[d].driven + resumed.drivers[d].driven, whole.drivers[d].driven);
    EXPECT_EQ(interrupted.before.drivers[d].driven_empty + resumed.drivers[d].driven_empty,
              whole.drivers[d].driven_empty);
  }
  EXPECT_EQ(interrupted.before.changed_drivers + resumed.changed_drivers, whole.changed_drivers);
  EXPECT_EQ(interrupted.before.moved_promises + resumed.moved_promises, whole.moved_promises);
}

TEST(Resume, a_day_without_surprises_ends_as_it_does_when_nobody_interrupts_it) {
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    Day const day = plain_day(seed);
    std::size_t const questions = questions_of(day);
    for (std::size_t k = 0; k < questions; k += 7) expect_same_end(day, k);
    if (HasFailure()) return;
  }
}

// Day::reality decides the rest, so no-shows, calls that are called off, late and sick drivers meet a resumed day too.
TEST(Resume, a_day_ends_as_reality_has_it) {
  for (std::uint64_t seed = 100; seed < 115; ++seed) {
    Day day = plain_day(seed);
    day.reality = troubled_day(seed).reality;
    day.reality.noise = 0;
    day.reality.traffic = TravelTimes::all_day();
    std::size_t const questions = questions_of(day);
    for (std::size_t k = 0; k < questions; k += 9) expect_same_end(day, k);
    if (HasFailure()) return;
  }
}

TEST(Resume, a_simulated_snapshot_is_left_as_it_is) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Day const day = troubled_day(seed);
    TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
    SimulateOptions const options;
    DayRun run(day, times, options);
    auto const policy = insertion();
    while (run.next_question()) {
      Situation const situation = run.situation();
      auto const fleet = dispatch::resumable(situation);
      ASSERT_TRUE(fleet.has_value());
      ASSERT_EQ(text(*fleet), text(situation.fleet)) << "seed " << seed << " at " << situation.fleet.now;
      run.answer(policy->decide(situation, run.rng()));
    }
  }
}

TEST(Resume, whatever_a_snapshot_says_the_day_is_played_to_its_end) {
  auto const policy = insertion();
  int played = 0, asked = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Day day = troubled_day(seed, 3, 14);
    Reality const reality = std::exchange(day.reality, {});
    TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
    SimulateOptions const options;
    DayRun run(day, times, options);
    for (std::uint64_t k = 0; run.next_question(); ++k) {
      FleetSnapshot fleet = run.situation().fleet;
      run.answer(policy->decide(run.situation(), run.rng()));
      Rng const chance = Rng(seed).stream(Purpose::test, k);
      fleet.day = &day;
      Contradictions(fleet, Contradictions::In::plans, chance).add(1 + static_cast<int>(k % 9));
      ++asked;
      auto const mended = dispatch::resumable({fleet, times});
      if (!mended) continue;
      ++played;
      Status const sound = Invariants(day).check(*mended);
      ASSERT_TRUE(sound) << "seed " << seed << ", question " << k << ": " << sound.error().message << "\n"
                         << text(fleet);
      auto const again = dispatch::resumable({*mended, times});
      ASSERT_TRUE(again && text(*again) == text(*mended)) << "seed " << seed << ", question " << k;
      Decision const decision = policy->decide({*mended, times}, chance);
      ASSERT_TRUE(dispatch::check_decision({*mended, times}, decision));
      World world(day, reality, *mended, times, [](dispatch::Happening const&) {});
      Invariants invariants(day);
      world.carry_out(decision);
      dispatch::play_on(world, times, *policy, decision.wake_at);
      Outcome const outcome = world.outcome();
      EXPECT_GE(cost_of(totals_of(day, times, outcome), day.weights).total(), 0);
    }
  }
  EXPECT_GT(played, asked / 2);
}

TEST(Rehearsal, without_uncertainty_costs_what_the_day_will_cost) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Day day = plain_day(seed);
    day.reality = {};
    // A patient whose time is certain calls then; here nobody's is.
    for (Booking& b : day.bookings) {
      if (b.booking_class == BookingClass::will_call) b.booking_class = BookingClass::inbound;
    }
    TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
    SimulateOptions const options;
    auto const policy = insertion();
    DayResult const result = simulate(day, times, *policy, options);
    DayRun run(day, times, options);
    ASSERT_TRUE(run.next_question());
    Decision const first = policy->decide(run.situation(), run.rng());
    dispatch::Rehearsal const rehearsal(run.situation(), {.futures = 2, .noise = 0, .at_the_door = 0}, Rng(seed));
    ASSERT_TRUE(rehearsal.can_play(first));
    EXPECT_EQ(rehearsal.cost(first, 0), static_cast<double>(result.kpi.cost.total())) << day.name << " " << seed;
    EXPECT_EQ(rehearsal.cost(first, 1), rehearsal.cost(first, 0));
  }
}

}  // namespace
}  // namespace regulus::sim
