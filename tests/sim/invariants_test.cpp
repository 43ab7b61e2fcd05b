#include "sim/invariants.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/sim/day_builders.h"

namespace regulus::sim {
namespace {

// Driver 1 carries booking 1 and will fetch booking 2 later; booking 3 is undecided; driver 2 idles.
struct Scene {
  Day day = on_the_road(4);
  FleetSnapshot fleet;

  Scene() {
    day.drivers = {a_driver(1, 0, {at(7, 0), at(12, 0)}), a_driver(2, 0, {at(7, 0), at(12, 0)})};
    day.drivers[0].breaks = {{{at(10, 0), at(11, 0)}, 900}};
    day.bookings = {a_booking(1, 1, 2, at(8, 0)), a_booking(2, 3, 0, at(9, 0)), a_booking(3, 2, 0, at(10, 0))};
    fleet.now = at(8, 5);
    fleet.day = &day;
    fleet.drivers.resize(2);
    fleet.bookings.resize(3);
    for (BookingState& state : fleet.bookings) state.known = true;
    DriverState& driver = fleet.drivers[0];
    driver.status = DriverStatus::driving;
    driver.anchor = 1;
    driver.left_start = at(7, 50);
    driver.free_at = at(8, 2);
    driver.under_way = true;
    driver.on_board = {1};
    driver.stops = {{.kind = StopKind::dropoff, .index = 1, .locked = true, .planned = at(8, 12)},
                    {.kind = StopKind::pickup, .index = 2, .planned = at(9, 0)},
                    {.kind = StopKind::dropoff, .index = 2, .planned = at(9, 32)},
                    {.kind = StopKind::rest, .index = 0, .planned = at(10, 0)}};
    fleet.drivers[1].status = DriverStatus::idle;
    fleet.drivers[1].anchor = 0;
    BookingState& first = fleet.bookings[0];
    first.status = BookingStatus::on_board;
    first.driver = 1;
    first.picked_up = at(8, 0);
    first.boarded = at(8, 2);
    fleet.bookings[1].status = BookingStatus::assigned;
    fleet.bookings[1].driver = 1;
    fleet.undecided = {2};
  }
};

TEST(Invariants, hold_of_an_ordinary_moment) {
  Scene scene;
  Invariants invariants(scene.day);
  Status const first = invariants.check(scene.fleet), second = invariants.check(scene.fleet);
  EXPECT_TRUE(first) << first.error().message;
  EXPECT_TRUE(second) << second.error().message;
}

// Each change, made after a moment that was sound, is noticed, and said of the right one.
TEST(Invariants, notice_whatever_is_wrong) {
  struct Wrong {
    std::string said;
    std::function<void(FleetSnapshot&)> change;
  };
  for (Wrong const& wrong : std::vector<Wrong>{
           {"it was", [](FleetSnapshot& f) { f.now -= 60; }},
           {"undecided", [](FleetSnapshot& f) { f.undecided.clear(); }},
           {"driver 1: has been ahead of time", [](FleetSnapshot& f) { f.drivers[0].arrived = f.now + 1; }},
           {"driver 2: is nowhere", [](FleetSnapshot& f) { f.drivers[1].anchor = 9; }},
           {"driver 1: is under way to nothing", [](FleetSnapshot& f) { f.drivers[0].free_at = f.now + 1; }},
           {"driver 1: serves by one word", [](FleetSnapshot& f) { f.drivers[0].status = DriverStatus::serving; }},
           {"driver 2: carries booking 2", [](FleetSnapshot& f) { f.drivers[1].on_board = {2}; }},
           {"driver 1: booking 1 is never set down",
            [](FleetSnapshot& f) {
              f.drivers[0].under_way = false;
              f.drivers[0].stops.erase(f.drivers[0].stops.begin());
              f.drivers[0].stops.pop_back();  // the rest
            }},
           {"driver 1: booking 2 is not on board",
            [](FleetSnapshot& f) { std::swap(f.drivers[0].stops[1], f.drivers[0].stops[2]); }},
           {"driver 1: a locked stop follows an open one",
            [](FleetSnapshot& f) { f.drivers[0].stops[2].locked = true; }},
           {"driver 1: rests with somebody on board",
            [](FleetSnapshot& f) { std::swap(f.drivers[0].stops[2], f.drivers[0].stops[3]); }},
           {"driver 1: takes break 0 twice", [](FleetSnapshot& f) { f.drivers[0].breaks_taken = 1; }},
           {"booking 2 is in two plans",
            [](FleetSnapshot& f) {
              f.drivers[1].stops = {{.kind = StopKind::pickup, .index = 2}, {.kind = StopKind::dropoff, .index = 2}};
            }},
           {"booking 2: is of driver 2", [](FleetSnapshot& f) { f.bookings[1].driver = 2; }},
           {"booking 2: is planned too early", [](FleetSnapshot& f) { f.bookings[1].known = false; }},
           {"booking 2: nobody is coming", [](FleetSnapshot& f) { f.bookings[1].status = BookingStatus::en_route; }},
           {"booking 1: is ahead of time", [](FleetSnapshot& f) { f.bookings[0].dropped_off = f.now + 1; }},
           {"booking 1: the past has changed", [](FleetSnapshot& f) { f.bookings[0].boarded -= 60; }},
           {"driver 1: the past has changed", [](FleetSnapshot& f) { f.drivers[0].left_start -= 60; }},
           {"driver 1: a locked stop was moved",
            [](FleetSnapshot& f) {
              Route& stops = f.drivers[0].stops;
              std::rotate(stops.begin(), stops.begin() + 1, stops.begin() + 3);
              for (Stop& stop : stops) stop.locked = false;
              stops.front().locked = true;
              f.bookings[1].status = BookingStatus::en_route;
            }},
       }) {
    Scene scene;
    Invariants invariants(scene.day);
    ASSERT_TRUE(invariants.check(scene.fleet));
    wrong.change(scene.fleet);
    Status const status = invariants.check(scene.fleet);
    ASSERT_FALSE(status) << "should say: " << wrong.said;
    EXPECT_NE(status.error().message.find(wrong.said), std::string::npos)
        << status.error().message << "\nshould say: " << wrong.said;
  }
}

TEST(Invariants, notice_a_load_that_fits_no_layout_and_company_for_who_rides_alone) {
  for (bool const alone : {false, true}) {
    Scene scene;
    // Booking 2 boards before booking 1 is set down: three seats are there for both.
    std::swap(scene.fleet.drivers[0].stops[0], scene.fleet.drivers[0].stops[1]);
    scene.fleet.drivers[0].under_way = false;
    scene.fleet.drivers[0].status = DriverStatus::idle;
    scene.fleet.drivers[0].stops[1].locked = false;
    Invariants before(scene.day);
    Status const fits = before.check(scene.fleet);
    EXPECT_TRUE(fits) << fits.error().message;
    if (alone) {
      scene.day.bookings[1].exclusive = true;
    } else {
      scene.day.bookings[1].seats = Seats{{3, 0, 0}};
    }
    Invariants invariants(scene.day);
    EXPECT_FALSE(invariants.check(scene.fleet));
  }
}

}  // namespace
}  // namespace regulus::sim
