#include "server/desk.h"

#include <gtest/gtest.h>

#include "dispatch/policy.h"
#include "domain/day_file.h"
#include "server/arms.h"

namespace regulus::server {
namespace {

constexpr std::string_view date = "2026-03-02";

// Two drivers from seven to three, and rides of 1 km at eight, nine and ten in Zurich's winter time.
struct Morning {
  Morning() {
    for (DriverId id : {1, 2}) {
      DeskDriver driver{.id = id, .body = {}, .progress = {}};
      driver.body.driver.name = "Driver";
      driver.body.driver.vehicle.layouts = {Seats{{4, 0, 0}}};
      driver.body.driver.shift = {7 * one_hour, 15 * one_hour};
      driver.body.start = {46.2, 6.14};
      driver.body.end = Point{46.2, 6.14};
      drivers.push_back(driver);
    }
    for (BookingId id : {11, 12, 13}) {
      DeskBooking booking{.id = id, .body = {}, .state = {}};
      booking.body.booking.booking_class = BookingClass::on_demand;
      booking.body.booking.seats = Seats{{1, 0, 0}};
      booking.body.booking.pickup_service = 60;
      booking.body.booking.dropoff_service = 60;
      booking.body.pickup = {46.2, 6.14};
      booking.body.dropoff = {46.208993, 6.14};
      Instant const at = 1'772'438'400 * one_second + (id - 12) * 3'600 * one_second;  // nine o'clock for 12
      booking.body.pickup_window = {at, at + 900 * one_second};
      bookings.push_back(booking);
    }
    rules.time_zone = "Europe/Zurich";
    rules.partner.rides = 1;
  }
  std::shared_ptr<Desk> desk(Seconds now) const {
    auto made = Desk::put_together("test", std::string(date), rules, drivers, bookings, now);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return std::shared_ptr<Desk>(made.take());
  }

  CompanyRules rules;
  std::vector<DeskDriver> drivers;
  std::vector<DeskBooking> bookings;
};

dispatch::Decision decide(Desk const& desk) {
  return dispatch::make_policy("insertion", {}).take()->decide(desk.situation(), Rng(1));
}

TEST(Desk, speaks_of_the_day_in_its_own_time) {
  auto const desk = Morning().desk(7 * one_hour);
  EXPECT_EQ(desk->day().bookings[0].pickup_window, (Window{8 * one_hour, 8 * one_hour + 900}));
  EXPECT_EQ(desk->fleet().undecided, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(desk->fleet().partner_left, 1);
  EXPECT_EQ(desk->fleet().drivers[0].status, DriverStatus::idle);
  EXPECT_EQ(desk->whereabouts(1), (Point{46.2, 6.14}));
}

TEST(Desk, the_same_facts_make_the_same_record_and_a_record_the_same_question) {
  auto const a = Morning().desk(7 * one_hour), b = Morning().desk(7 * one_hour);
  EXPECT_EQ(a->record().dump(), b->record().dump());
  auto const again = Desk::from_record(parse_json(a->record().dump()).take());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->record().dump(), a->record().dump());
  EXPECT_EQ(to_json(decide(**again)).dump(), to_json(decide(*a)).dump());
  EXPECT_TRUE(a->changed_drivers().empty());
  EXPECT_TRUE(a->changed_bookings().empty());
}

TEST(Desk, a_table_of_travel_times_is_part_of_the_record) {
  auto const desk = Morning().desk(7 * one_hour);
  std::size_t const n = desk->day().places.size();
  std::vector<std::int32_t> seconds(n * n, 600), metres(n * n, 5'000);
  desk->set_times(TravelTimes::table(n, seconds, metres), true);
  auto const again = Desk::from_record(parse_json(desk->record().dump()).take());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE((*again)->is_degraded());
  EXPECT_EQ((*again)->times().seconds(0, 3, 8), 600);
}

TEST(Desk, a_decision_gives_rides_to_drivers_and_says_what_changed) {
  auto const desk = Morning().desk(7 * one_hour);
  double const before = desk->cost();
  dispatch::Decision const decision = decide(*desk);
  EXPECT_LT(desk->cost_after(decision), before);
  desk->carry_out(decision);
  EXPECT_TRUE(desk->fleet().undecided.empty());
  for (BookingId id : {11, 12, 13}) EXPECT_EQ(desk->booking(id).status, BookingStatus::assigned);
  EXPECT_EQ(desk->changed_bookings(), (std::vector<BookingId>{11, 12, 13}));
  EXPECT_FALSE(desk->changed_drivers().empty());
}

// The first ride from leaving to arriving: left at 7:55, there at 7:58, waited until 8:00, 60 s of boarding; the
// drop-off is reported only as finished, which says everything before it.
TEST(Desk, reports_carry_a_ride_from_door_to_door) {
  Morning morning;
  morning.bookings.resize(1);
  auto const desk = morning.desk(7 * one_hour);
  desk->carry_out(decide(*desk));
  DriverId const who = desk->booking(11).driver;
  ASSERT_NE(who, 0);
  auto const report = [&](DriverEvent event, StopKind kind, Seconds at) {
    return desk->report({.driver = who, .event = event, .kind = kind, .index = 11, .at = at});
  };
  ASSERT_TRUE(report(DriverEvent::depart, StopKind::pickup, 7 * one_hour + 3'300));
  EXPECT_EQ(desk->booking(11).status, BookingStatus::en_route);
  EXPECT_TRUE(desk->driver(who).stops.front().locked);
  ASSERT_TRUE(report(DriverEvent::arrive, StopKind::pickup, 7 * one_hour + 3'480));
  EXPECT_EQ(desk->booking(11).status, BookingStatus::waiting);
  ASSERT_TRUE(report(DriverEvent::begin, StopKind::pickup, 8 * one_hour));
  EXPECT_EQ(desk->booking(11).picked_up, 8 * one_hour);
  ASSERT_TRUE(report(DriverEvent::finish, StopKind::pickup, 8 * one_hour + 60));
  EXPECT_EQ(desk->booking(11).status, BookingStatus::on_board);
  EXPECT_EQ(desk->driver(who).on_board, std::vector<BookingId>{11});
  ASSERT_TRUE(report(DriverEvent::finish, StopKind::dropoff, 8 * one_hour + 300));
  EXPECT_EQ(desk->booking(11).status, BookingStatus::completed);
  EXPECT_EQ(desk->booking(11).dropped_off, 8 * one_hour + 300);
  EXPECT_TRUE(desk->driver(who).stops.empty());
  EXPECT_TRUE(desk->driver(who).on_board.empty());
  EXPECT_EQ(desk->whereabouts(who), (Point{46.208993, 6.14}));
  EXPECT_EQ(desk->driver(who).left_start, 7 * one_hour + 3'300);
}

TEST(Desk, refuses_reports_that_do_not_follow) {
  auto const desk = Morning().desk(7 * one_hour);
  desk->carry_out(decide(*desk));
  DriverId const who = desk->booking(11).driver;
  auto const refusal = [&](Report const& report) {
    Status const status = desk->report(report);
    return status ? "" : status.error().message;
  };
  EXPECT_NE(refusal({.driver = 9, .event = DriverEvent::depart, .kind = StopKind::pickup, .index = 11, .at = 0}), "");
  EXPECT_NE(refusal({.driver = who, .event = DriverEvent::depart, .kind = StopKind::dropoff, .index = 11, .at = 0}),
            "");
  Report const depart{.driver = who, .event = DriverEvent::depart, .kind = StopKind::pickup, .index = 11, .at = 28'000};
  EXPECT_EQ(refusal(depart), "");
  EXPECT_NE(refusal(depart).find("already"), std::string::npos);
}

TEST(Desk, a_passenger_who_is_not_there_leaves_the_plan) {
  auto const desk = Morning().desk(7 * one_hour);
  desk->carry_out(decide(*desk));
  DriverId const who = desk->booking(11).driver;
  ASSERT_TRUE(desk->report({.driver = who,
                            .event = DriverEvent::no_show,
                            .kind = StopKind::pickup,
                            .index = 11,
                            .at = 8 * one_hour + 1'500}));
  EXPECT_EQ(desk->booking(11).status, BookingStatus::no_show);
  for (Stop const& stop : desk->driver(who).stops) EXPECT_NE(stop.index, 11);
}

TEST(Desk, whoever_is_released_gives_back_what_he_has_not_begun) {
  auto const desk = Morning().desk(7 * one_hour);
  desk->carry_out(decide(*desk));
  DriverId const who = desk->booking(11).driver;
  ASSERT_TRUE(desk->report(
      {.driver = who, .event = DriverEvent::finish, .kind = StopKind::pickup, .index = 11, .at = 8 * one_hour}));
  desk->release(who);
  EXPECT_EQ(desk->booking(11).status, BookingStatus::on_board);
  for (BookingId id : {12, 13}) EXPECT_NE(desk->booking(id).driver, who);
  EXPECT_FALSE(desk->driver(who).available);
  ASSERT_EQ(desk->driver(who).stops.size(), 1U);
  EXPECT_EQ(desk->driver(who).stops[0].kind, StopKind::dropoff);
}

TEST(Desk, a_cancelled_ride_leaves_the_plan_and_does_not_come_back) {
  auto const desk = Morning().desk(7 * one_hour);
  desk->carry_out(decide(*desk));
  ASSERT_TRUE(desk->withdraw(12, BookingStatus::cancelled));
  EXPECT_EQ(desk->booking(12).status, BookingStatus::cancelled);
  for (DriverState const& s : desk->fleet().drivers) {
    for (Stop const& stop : s.stops) EXPECT_NE(stop.index, 12);
  }
  EXPECT_FALSE(desk->withdraw(12, BookingStatus::pending));
  EXPECT_TRUE(desk->fleet().undecided.empty());
}

TEST(Desk, what_was_promised_stands_when_the_driver_falls_ill_and_not_when_the_ride_is_withdrawn) {
  Morning morning;
  morning.rules.partner.rides = 0;
  auto const desk = morning.desk(7 * one_hour);
  desk->carry_out(decide(*desk));
  DriverId const who = desk->booking(11).driver;
  ASSERT_NE(who, 0);
  EXPECT_EQ(desk->booking(11).promised_driver, who);
  EXPECT_EQ(desk->booking(11).promised_pickup, 8 * one_hour);
  desk->release(who);
  EXPECT_EQ(desk->booking(11).status, BookingStatus::pending);
  EXPECT_EQ(desk->booking(11).promised_pickup, 8 * one_hour);
  desk->carry_out(decide(*desk));
  ASSERT_EQ(desk->booking(11).status, BookingStatus::assigned);
  EXPECT_NE(desk->booking(11).driver, who);
  EXPECT_EQ(desk->booking(11).promised_driver, who);
  ASSERT_TRUE(desk->withdraw(11, BookingStatus::pending));
  EXPECT_EQ(desk->booking(11).promised_driver, 0);
  EXPECT_EQ(desk->booking(11).promised_pickup, never);
}

// The evening before yesterday is too early.
TEST(Desk, nobody_is_promised_more_than_a_day_ahead) {
  auto const desk = Morning().desk(-day_length);
  desk->carry_out(decide(*desk));
  EXPECT_EQ(desk->booking(11).status, BookingStatus::assigned);
  EXPECT_EQ(desk->booking(11).promised_pickup, never);
}

TEST(Desk, progress_reads_back_what_was_written) {
  auto const desk = Morning().desk(7 * one_hour);
  desk->carry_out(decide(*desk));
  DriverId const who = desk->booking(11).driver;
  DriverProgress const progress{.state = desk->driver(who), .at = Point{46.25, 6.2}};
  auto const read = driver_progress_of(parse_json(to_json(progress).dump()).take());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read).dump(), to_json(progress).dump());
  EXPECT_EQ(read->state.stops, progress.state.stops);
}

TEST(Arms, agreement_is_the_share_of_open_rides_with_the_same_driver) {
  auto const desk = Morning().desk(7 * one_hour);
  dispatch::Decision const all = decide(*desk);
  EXPECT_EQ(agreement_of(*desk, all, all), 1);
  EXPECT_EQ(agreement_of(*desk, all, {}), 0);
  DriverId const who = driver_for(*desk, all, 11);
  EXPECT_TRUE(who == 1 || who == 2);
  EXPECT_EQ(driver_for(*desk, {}, 11), 0);
}

TEST(Arms, a_decision_reads_back_what_was_written) {
  auto const desk = Morning().desk(7 * one_hour);
  dispatch::Decision decision = decide(*desk);
  decision.wake_at = 9 * one_hour;
  decision.replaced = "illegal: for a test";
  auto const read = decision_of(parse_json(to_json(decision).dump()).take());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read).dump(), to_json(decision).dump());
}

}  // namespace
}  // namespace regulus::server
