#include "sim/clairvoyant.h"

#include <gtest/gtest.h>

#include "sim/simulator.h"
#include "tests/sim/day_builders.h"

namespace regulus::sim {
namespace {

// The day of simulator_test.cpp: home is place 0; from 1 to 2 at 8:00 sharp, from 3 to 0 at 9:00 sharp.
Day a_quiet_day() {
  Day day = on_the_road(4);
  day.weights.tolerated_inbound = 0;
  day.drivers = {a_driver(1, 0, {at(7, 0), at(12, 0)})};
  day.bookings = {a_booking(1, 1, 2, at(8, 0)), a_booking(2, 3, 0, at(9, 0))};
  for (Booking& booking : day.bookings) booking.pickup_window.end = booking.pickup_window.start;
  return day;
}

Cost told(Day const& day, std::int64_t iterations = 200) {
  return clairvoyant(day, road(day.places.size()), iterations, 1).cost;
}

TEST(Clairvoyant, on_a_day_without_surprises_it_does_what_anybody_would) {
  // 7:50 to 9:33 at 32 francs an hour and 30 km at 70 centimes.
  Cost const cost = told(a_quiet_day());
  EXPECT_EQ(cost.paid_time, 5'493);
  EXPECT_EQ(cost.driving, 2'100);
  EXPECT_EQ(cost.total(), 7'593);
}

TEST(Clairvoyant, does_not_leave_for_whoever_will_not_come) {
  Day no_show = a_quiet_day(), cancelled = a_quiet_day();
  no_show.reality.bookings = {{.id = 1, .no_show = true}};
  cancelled.reality.bookings = {{.id = 1, .cancelled_at = at(7, 59)}};
  // Half an hour to place 3, two minutes to board, half an hour home, one to get out: 63 minutes and 30 km.
  EXPECT_EQ(told(no_show).total(), 3'360 + 2'100);
  EXPECT_EQ(told(cancelled).total(), 3'360 + 2'100);
}

TEST(Clairvoyant, knows_the_traffic_and_the_call) {
  Day day = a_quiet_day();
  day.bookings.resize(1);
  day.reality.traffic[8] = 2;
  // Both legs and the way home are due in the eighth hour or later: the way to place 1 and the ride take twenty minutes
  // instead of ten; home counts at noon, the end of the shift. 7:40 to 8:00, to 8:02, to 8:22, to 8:23, home 8:43.
  Cost const jam = told(day);
  EXPECT_EQ(jam.paid_time, 3'360);  // 63 minutes
  EXPECT_EQ(jam.excess_ride, 250);  // ten minutes beyond the expected direct ride
  EXPECT_EQ(jam.lateness, 0);

  Day call = a_quiet_day();
  call.bookings[1].booking_class = BookingClass::will_call;
  call.weights.tolerated_will_call = 0;
  call.reality.bookings = {{.id = 2, .calls_at = at(10, 0)}};
  // One hour more between the rides.
  EXPECT_EQ(told(call).total(), 7'593 + 3'200);
}

TEST(Clairvoyant, gives_the_partner_no_more_rides_than_he_takes) {
  Day day = a_quiet_day();
  day.drivers[0].shift = {at(13, 0), at(14, 0)};  // when nobody wants to go
  day.partner.rides = 1;
  Cost const cost = told(day);
  EXPECT_GT(cost.partner, 0);
  // The first ride is the shorter one; refusing either costs the same, so the partner takes the cheaper ride.
  EXPECT_EQ(cost.partner, partner_price(day.weights, day.bookings[0], 5'000));
  EXPECT_EQ(cost.unserved, unserved_price(day.weights, day.bookings[1], dearest_ride(day)));
}

TEST(Clairvoyant, is_the_same_for_the_same_seed_and_better_than_who_does_not_know) {
  auto const policy = dispatch::make_policy("insertion", {}).take();
  int below = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Day const day = troubled_day(seed);
    TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
    Clairvoyant const told = clairvoyant(day, times, 400, seed);
    EXPECT_EQ(told.cost, clairvoyant(day, times, 400, seed).cost);
    Cents const played = simulate(day, times, *policy, SimulateOptions{}).kpi.cost.total();
    below += told.cost.total() < played ? 1 : 0;
  }
  // Windows are harder for it than for a driver who is on his way already, so it need not win every time.
  EXPECT_GE(below, 18);
}

}  // namespace
}  // namespace regulus::sim
