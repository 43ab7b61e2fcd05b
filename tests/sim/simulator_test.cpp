#include "sim/simulator.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "core/files.h"
#include "core/parallel.h"
#include "domain/day_file.h"
#include "tests/sim/day_builders.h"

namespace regulus::sim {
namespace {

std::unique_ptr<dispatch::Policy> policy(std::string_view name) { return dispatch::make_policy(name, {}).take(); }

struct Played {
  DayResult result;
  std::vector<TraceEvent> events;

  // The events of one kind, in order.
  std::vector<TraceEvent> of(std::string_view what) const {
    std::vector<TraceEvent> chosen;
    for (TraceEvent const& event : events) {
      if (event.what == what) chosen.push_back(event);
    }
    return chosen;
  }
  std::string text() const {
    std::string lines;
    for (TraceEvent const& e : events) {
      std::string line = clock_text(e.at) + " " + e.what;
      if (e.driver != 0) line += fmt::format(", driver {}", e.driver);
      if (e.booking != 0) line += fmt::format(", booking {}", e.booking);
      if (!e.detail.empty()) line += ", " + e.detail;
      lines += line + "\n";
    }
    return lines;
  }
};

Played play(Day const& day, TravelTimes const& times, dispatch::Policy const& by) {
  EXPECT_TRUE(check_day(day)) << check_day(day).error().message;
  Played played;
  SimulateOptions options;
  options.check_invariants = true;
  options.trace = [&](TraceEvent const& event) { played.events.push_back(event); };
  played.result = simulate(day, times, by, options);
  EXPECT_EQ(played.result.broken, "");
  return played;
}

Played play(Day const& day, std::string_view name = "insertion") {
  return play(day, road(day.places.size()), *policy(name));
}

void expect_golden(std::string const& name, std::string const& text) {
  std::filesystem::path const golden = std::filesystem::path(REGULUS_SOURCE_DIR) / "tests/golden/sim" / name;
  char const* const accept = std::getenv("REGULUS_ACCEPT");
  if (accept != nullptr && std::string_view(accept) == "1") {
    ASSERT_TRUE(write_file(golden, text));
  }
  Result<std::string> const expected = read_file(golden);
  ASSERT_TRUE(expected);
  EXPECT_EQ(text, *expected) << "read it, then run with REGULUS_ACCEPT=1 to accept it";
}

// Home is place 0. Booking 1 goes from 1 to 2 at 8:00 sharp, booking 2 from 3 to 0 at 9:00 sharp.
Day a_quiet_day() {
  Day day = on_the_road(4);
  day.weights.tolerated_inbound = 0;
  day.drivers = {a_driver(1, 0, {at(7, 0), at(12, 0)})};
  day.bookings = {a_booking(1, 1, 2, at(8, 0)), a_booking(2, 3, 0, at(9, 0))};
  for (Booking& booking : day.bookings) booking.pickup_window.end = booking.pickup_window.start;
  return day;
}

TEST(Simulator, a_quiet_day_goes_as_planned) {
  Played const played = play(a_quiet_day());
  // Ten minutes to place 1: he leaves at 7:50 and is not paid before. Boarding until 8:02, ten minutes to place 2, out
  // at 8:13. He waits there and leaves for place 3 at 8:50. Boarding until 9:02, half an hour to place 0, out at 9:33,
  // and that is home.
  expect_golden("a_quiet_day.txt", played.text());
  Outcome const& outcome = played.result.outcome;
  EXPECT_EQ(outcome.drivers[0].left, at(7, 50));
  EXPECT_EQ(outcome.drivers[0].back, at(9, 33));
  EXPECT_EQ(outcome.drivers[0].driven, 30'000);        // 5 + 5 + 5 + 15 km
  EXPECT_EQ(outcome.drivers[0].driven_empty, 10'000);  // to place 1 and from 2 to 3
  EXPECT_EQ(outcome.bookings[0].picked_up, at(8, 0));
  EXPECT_EQ(outcome.bookings[0].boarded, at(8, 2));
  EXPECT_EQ(outcome.bookings[0].dropped_off, at(8, 12));
  EXPECT_EQ(outcome.bookings[1].dropped_off, at(9, 32));
  // 1 h 43 min at 32 francs an hour = 54.93; 30 km at 70 centimes = 21.00; one driver alone is not unfair.
  EXPECT_EQ(played.result.kpi.cost.paid_time, 5'493);
  EXPECT_EQ(played.result.kpi.cost.driving, 2'100);
  EXPECT_EQ(played.result.kpi.cost.total(), 7'593);
  EXPECT_EQ(played.result.kpi.served, 2);
}

TEST(Simulator, a_day_full_of_trouble_reads_like_one) {
  Day day = on_the_road(5);
  day.weights.tolerated_inbound = 0;
  day.drivers = {a_driver(1, 0, {at(7, 0), at(12, 0)}), a_driver(2, 4, {at(7, 0), at(12, 0)})};
  day.drivers[1].breaks = {{{at(8, 30), at(9, 0)}, 900}};
  day.bookings = {a_booking(1, 1, 2, at(8, 0)), a_booking(2, 3, 2, at(8, 0)), a_booking(3, 2, 0, at(9, 0)),
                  a_booking(4, 2, 4, at(9, 30)), a_booking(5, 1, 0, at(10, 0))};
  day.bookings[3].booking_class = BookingClass::will_call;
  day.bookings[3].linked = 2;
  day.bookings[4].known_from = at(8, 40);
  // Nobody is there for 1; 5 is called off at 9:20; 4 calls ten minutes early; driver 1 falls ill with 3 on board.
  day.reality.bookings = {
      {.id = 1, .no_show = true}, {.id = 4, .calls_at = at(9, 20)}, {.id = 5, .cancelled_at = at(9, 20)}};
  day.reality.drivers = {{.id = 1, .sick_from = at(9, 5)}};
  expect_golden("a_day_full_of_trouble.txt", play(day).text());
}

TEST(Simulator, nobody_plays_with_the_last_tolerated_minute) {
  Day day = a_quiet_day();
  day.bookings[0].pickup_window.end = at(8, 30);
  Played const played = play(day);
  // The kernel delays the first ride as far as it may, so that less time before the second is paid for. The driver is
  // there five minutes before the planned 8:30.
  EXPECT_EQ(played.of("promised").at(0).detail, "for 08:30:00");
  EXPECT_EQ(played.result.outcome.bookings[0].picked_up, at(8, 25));
  EXPECT_EQ(played.result.outcome.moved_promises, 0);
}

TEST(Simulator, a_driver_without_work_waits_a_quarter_of_an_hour_and_drives_home) {
  Day day = a_quiet_day();
  day.bookings.resize(1);
  Played const played = play(day);
  // Out at 8:13 at place 2; until 8:28 there, then twenty minutes home.
  EXPECT_EQ(played.of("going home").at(0).at, at(8, 28));
  EXPECT_EQ(played.result.outcome.drivers[0].back, at(8, 48));
  EXPECT_EQ(played.result.outcome.drivers[0].driven, 20'000);
}

TEST(Simulator, a_driver_whose_day_ends_anywhere_is_paid_until_his_last_service) {
  Day day = a_quiet_day();
  day.bookings.resize(1);
  day.drivers[0].end = no_place;
  EXPECT_EQ(play(day).result.outcome.drivers[0].back, at(8, 13));
}

TEST(Simulator, a_driver_who_is_not_needed_costs_nothing) {
  Day day = a_quiet_day();
  day.bookings.clear();
  Played const played = play(day);
  EXPECT_EQ(played.result.outcome.drivers[0].left, never);
  EXPECT_EQ(played.result.kpi.cost.total(), 0);
}

TEST(Simulator, a_no_show_costs_the_wait_and_its_ride_is_off) {
  Day day = a_quiet_day();
  day.reality.bookings = {{.id = 1, .no_show = true}};
  Played const played = play(day);
  // He is there at 8:00 and waits the ten minutes of no_show_wait.
  EXPECT_EQ(played.of("no-show").at(0).at, at(8, 10));
  EXPECT_EQ(played.result.kpi.no_show, 1);
  EXPECT_EQ(played.result.kpi.served, 1);
  EXPECT_EQ(played.result.outcome.bookings[0].picked_up, never);
  // From place 1 to place 3 and home.
  EXPECT_EQ(played.result.outcome.drivers[0].driven, 30'000);
}

TEST(Simulator, a_passenger_who_is_late_is_waited_for_as_long_as_for_a_no_show_and_no_longer) {
  Day day = a_quiet_day();
  day.reality.bookings = {{.id = 1, .ready_delay = 600}, {.id = 2, .ready_delay = 601}};
  Played const played = play(day);
  EXPECT_EQ(played.result.outcome.bookings[0].picked_up, at(8, 10));
  EXPECT_EQ(played.result.outcome.bookings[1].status, BookingStatus::no_show);
}

TEST(Simulator, a_cancellation_on_the_way_frees_the_driver_at_the_next_place) {
  Day day = a_quiet_day();
  day.reality.bookings = {{.id = 1, .cancelled_at = at(7, 55)}};
  Played const played = play(day);
  EXPECT_EQ(played.of("arrived").at(0).at, at(8, 0));
  EXPECT_EQ(played.of("arrived").at(0).booking, 0);
  EXPECT_EQ(played.result.kpi.cancelled, 1);
  EXPECT_EQ(played.result.outcome.drivers[0].driven, 30'000);
}

TEST(Simulator, a_cancellation_while_somebody_boards_comes_too_late) {
  Day day = a_quiet_day();
  day.reality.bookings = {{.id = 1, .cancelled_at = at(8, 1)}};
  Played const played = play(day);
  EXPECT_EQ(played.of("too late to cancel").size(), 1U);
  EXPECT_EQ(played.result.kpi.served, 2);
}

TEST(Simulator, a_will_call_return_begins_when_the_patient_calls) {
  Day day = a_quiet_day();
  day.bookings[1].booking_class = BookingClass::will_call;
  day.bookings[1].pickup_window.end = at(12, 0);
  day.reality.bookings = {{.id = 2, .calls_at = at(9, 20)}};
  Played const played = play(day);
  EXPECT_EQ(played.of("called").at(0).at, at(9, 20));
  EXPECT_GE(played.of("assigned").at(1).at, at(9, 20));
  // The stated window was three hours; a patient who is ready has half an hour at most.
  EXPECT_EQ(played.result.outcome.bookings[1].pickup_window, (Window{at(9, 20), at(9, 50)}));
  EXPECT_EQ(played.result.kpi.served, 2);
}

TEST(Simulator, a_sick_driver_brings_home_who_is_on_board_and_his_other_rides_are_open_again) {
  Day day = a_quiet_day();
  day.reality.drivers = {{.id = 1, .sick_from = at(8, 5)}};
  // It is dearer to send the second driver, so that both rides are the first one's to begin with.
  day.drivers.push_back(a_driver(2, 0, {at(7, 0), at(12, 0)}));
  Played const played = play(day);
  EXPECT_EQ(played.of("assigned").at(1).driver, 1);
  EXPECT_EQ(played.result.outcome.bookings[0].driver, 1);
  EXPECT_EQ(played.result.outcome.bookings[0].dropped_off, at(8, 12));
  EXPECT_EQ(played.result.outcome.bookings[1].driver, 2);
  // Out at 8:13 at place 2, twenty minutes home, at once.
  EXPECT_EQ(played.result.outcome.drivers[0].back, at(8, 33));
}

TEST(Simulator, a_late_driver_says_so_when_the_shift_starts) {
  Day day = a_quiet_day();
  day.reality.drivers = {{.id = 1, .late_start = 3'600}};
  Played const played = play(day);
  EXPECT_EQ(played.of("late start").at(0).at, at(7, 0));
  EXPECT_EQ(played.result.outcome.drivers[0].left, at(8, 0));
  EXPECT_EQ(played.result.outcome.bookings[0].picked_up, at(8, 10));
}

TEST(Simulator, traffic_is_that_of_the_hour_in_which_a_leg_is_driven) {
  Day day = a_quiet_day();
  day.reality.traffic[7] = 2;  // the first leg takes twenty minutes and not ten
  Played const played = play(day);
  EXPECT_EQ(played.result.outcome.bookings[0].picked_up, at(8, 10));
  // Two minutes after he should have been there, everybody knows.
  EXPECT_EQ(played.of("overdue").at(0).at, at(8, 2));
}

TEST(Simulator, nobody_comes_for_a_booking_that_no_policy_takes) {
  Played const played = play(a_quiet_day(), "wait");
  EXPECT_EQ(played.result.kpi.unserved, 2);
  // An inbound ride may be 45 minutes late.
  EXPECT_EQ(played.of("expired").at(0).at, at(8, 45) + 1);
}

TEST(Simulator, a_break_is_taken_where_the_driver_is) {
  Day day = a_quiet_day();
  day.drivers[0].breaks = {{{at(8, 15), at(8, 20)}, 1'200}};
  Played const played = play(day);
  EXPECT_EQ(played.of("resting").at(0).at, at(8, 15));
  EXPECT_EQ(played.of("rested").at(0).at, at(8, 35));
  EXPECT_EQ(played.result.kpi.served, 2);
}

TEST(Simulator, a_promise_is_broken_when_another_driver_comes_and_when_he_comes_at_another_time) {
  Day day = a_quiet_day();
  day.bookings.resize(1);
  day.reality.traffic[7] = 2;
  Played const late = play(day);
  // Promised for 8:00, there at 8:10: five minutes beyond the five that nobody minds.
  EXPECT_EQ(late.result.outcome.moved_promises, 300);
  EXPECT_EQ(late.result.outcome.changed_drivers, 0);

  day = a_quiet_day();
  day.drivers.push_back(a_driver(2, 3, {at(7, 0), at(12, 0)}));
  day.bookings.resize(1);
  day.reality.drivers = {{.id = 1, .sick_from = at(7, 20)}};
  Played const other = play(day);
  EXPECT_EQ(other.result.outcome.changed_drivers, 1);
  EXPECT_EQ(other.result.outcome.moved_promises, 0);
}

// A policy that breaks every rule: it gives everything to everybody.
class Lawless final : public dispatch::Policy {
 public:
  dispatch::Decision decide(Situation const& situation, Rng) const override {
    dispatch::Decision decision;
    for (Driver const& driver : situation.fleet.day->drivers) {
      DriverRoute& route = decision.routes.emplace_back();
      route.driver = driver.id;
      for (Booking const& b : situation.fleet.day->bookings) {
        route.stops.push_back({.kind = StopKind::dropoff, .index = b.id});
        route.stops.push_back({.kind = StopKind::pickup, .index = b.id});
      }
    }
    return decision;
  }
};

TEST(Simulator, decisions_against_the_rules_are_refused_and_change_nothing) {
  Day const day = a_quiet_day();
  Played const played = play(day, road(4), Lawless());
  EXPECT_EQ(played.result.refused_decisions, played.result.decisions);
  EXPECT_GT(played.result.decisions, 0);
  EXPECT_EQ(played.result.kpi.unserved, 2);
  EXPECT_EQ(played.result.outcome.drivers[0].left, never);
}

TEST(Simulator, the_trace_hash_is_the_same_at_any_number_of_threads) {
  auto const by = policy("insertion");
  auto const hashes = [&](int threads) {
    return parallel_map(8, threads, [&](std::size_t i) {
      Day const day = troubled_day(i);
      TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
      SimulateOptions options;
      options.policy_seed = i;
      return simulate(day, times, *by, options).trace_hash;
    });
  };
  auto const one = hashes(1);
  EXPECT_EQ(hashes(2), one);
  EXPECT_EQ(hashes(8), one);
  EXPECT_NE(one[0], one[1]);
}

}  // namespace
}  // namespace regulus::sim
