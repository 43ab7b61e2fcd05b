#include "domain/snapshot_file.h"

#include <gtest/gtest.h>

namespace regulus {
namespace {

// Two drivers, one with a break, and three bookings; one ride on board, one planned, one open.
struct Standing {
  Standing() {
    day.places = {{46.2, 6.14}, {46.21, 6.15}};
    for (DriverId id : {3, 8}) {
      Driver driver;
      driver.id = id;
      day.drivers.push_back(driver);
    }
    day.drivers[1].breaks = {{{11 * one_hour, 12 * one_hour}, 1'800}};
    for (BookingId id : {5, 6, 7}) {
      Booking booking;
      booking.id = id;
      day.bookings.push_back(booking);
    }
    fleet.now = 9 * one_hour;
    fleet.version = 12;
    fleet.day = &day;
    fleet.partner_left = 2;
    DriverState busy;
    busy.status = DriverStatus::driving;
    busy.anchor = 1;
    busy.free_at = 9 * one_hour - 20;
    busy.left_start = 8 * one_hour;
    busy.stops = {{.kind = StopKind::dropoff, .index = 5, .locked = true, .planned = 9 * one_hour + 100},
                  {.kind = StopKind::pickup, .index = 6, .locked = false, .planned = 10 * one_hour},
                  {.kind = StopKind::dropoff, .index = 6}};
    busy.under_way = true;
    busy.on_board = {5};
    busy.trips = 2;
    DriverState resting;
    resting.status = DriverStatus::off;
    resting.anchor = 0;
    resting.free_at = -one_hour;
    resting.stops = {{.kind = StopKind::rest, .index = 0, .locked = false, .planned = 11 * one_hour}};
    resting.breaks_taken = 1;
    fleet.drivers = {busy, resting};
    fleet.bookings.resize(3);
    fleet.bookings[0] = {.status = BookingStatus::on_board,
                         .known = true,
                         .driver = 3,
                         .promised_driver = 3,
                         .promised_pickup = 8 * one_hour + 1'800,
                         .boarded = 9 * one_hour - 20,
                         .picked_up = 9 * one_hour - 200,
                         .pickup_window = {8 * one_hour, 9 * one_hour},
                         .dropoff_window = {8 * one_hour, never}};
    fleet.bookings[1].known = true;
    fleet.bookings[1].status = BookingStatus::assigned;
    fleet.bookings[2].known = true;
    fleet.undecided = {2};
  }
  Standing(Standing const&) = delete;
  Standing& operator=(Standing const&) = delete;

  std::string refusal(Json const& json) const {
    Result<FleetSnapshot> const read = snapshot_of(json, day);
    return read ? "" : read.error().message;
  }

  Day day;
  FleetSnapshot fleet;
};

TEST(SnapshotFile, reads_what_it_wrote) {
  Standing const s;
  Json const written = to_json(s.fleet);
  Result<Json> const parsed = parse_json(written.dump());
  ASSERT_TRUE(parsed);
  Result<FleetSnapshot> const read = snapshot_of(*parsed, s.day);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read).dump(), written.dump());
  EXPECT_EQ(read->day, &s.day);
  EXPECT_EQ(read->now, 9 * one_hour);
  EXPECT_EQ(read->drivers[0].stops, s.fleet.drivers[0].stops);
  EXPECT_EQ(read->drivers[0].on_board, std::vector<BookingId>{5});
  EXPECT_EQ(read->drivers[1].free_at, -one_hour);
  EXPECT_EQ(read->drivers[1].left_start, never);
  EXPECT_EQ(read->bookings[0].promised_pickup, 8 * one_hour + 1'800);
  EXPECT_EQ(read->bookings[0].pickup_window, (Window{8 * one_hour, 9 * one_hour}));
  EXPECT_EQ(read->bookings[0].dropoff_window.end, never);
  EXPECT_EQ(read->undecided, std::vector<std::int32_t>{2});
}

TEST(SnapshotFile, leaves_out_what_is_usual) {
  EXPECT_EQ(to_json(BookingState{}).dump(), "{}");
  EXPECT_EQ(to_json(DriverState{}).dump(), "{}");
}

TEST(SnapshotFile, refuses_what_does_not_fit_the_day_and_names_it) {
  Standing const s;
  Json const good = to_json(s.fleet);
  auto const with = [&](auto const& change) {
    Json json = good;
    change(json);
    return s.refusal(json);
  };
  EXPECT_EQ(s.refusal(good), "");
  EXPECT_NE(with([](Json& j) { j["drivers"].push_back(Json::object()); }).find("drivers[2]"), std::string::npos);
  EXPECT_NE(with([](Json& j) { j["bookings"].as_array().pop_back(); }).find("2 bookings"), std::string::npos);
  EXPECT_NE(with([](Json& j) { j["drivers"].as_array()[0]["anchor"] = 2; }).find("place 2"), std::string::npos);
  EXPECT_NE(
      with([](Json& j) { j["drivers"].as_array()[0]["on_board"] = Json(Json::Array{Json(9)}); }).find("booking 9"),
      std::string::npos);
  EXPECT_NE(with([](Json& j) { j["undecided"] = Json(Json::Array{Json(3)}); }).find("undecided[0]"), std::string::npos);
  EXPECT_NE(with([](Json& j) {
              j["undecided"] = Json(Json::Array{Json(2), Json(2)});
            }).find("undecided[1]"),
            std::string::npos);
  EXPECT_NE(with([](Json& j) { j["now"] = "soon"; }).find("now"), std::string::npos);
  EXPECT_NE(with([](Json& j) { j["weather"] = 1; }).find("weather"), std::string::npos);
}

}  // namespace
}  // namespace regulus
