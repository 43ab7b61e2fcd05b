#include <algorithm>

#include <gtest/gtest.h>

#include "dispatch/futures.h"

namespace regulus::dispatch {
namespace {

// One patient who was brought to an appointment at nine and booked the return for eleven, to be called.
struct Clinic {
  Clinic() {
    day.places = {{46.2, 6.14}, {46.21, 6.15}};
    Booking outbound;
    outbound.id = 1;
    outbound.pickup = 0;
    outbound.dropoff = 1;
    outbound.dropoff_window = {8 * one_hour, 9 * one_hour};
    Booking inbound;
    inbound.id = 2;
    inbound.booking_class = BookingClass::will_call;
    inbound.linked = 1;
    inbound.pickup = 1;
    inbound.dropoff = 0;
    inbound.pickup_window = {11 * one_hour, 12 * one_hour};
    day.bookings = {outbound, inbound};
    fleet.bookings.resize(2);
    fleet.bookings[0].known = fleet.bookings[1].known = true;
    fleet.bookings[0].status = BookingStatus::completed;
    fleet.bookings[0].dropped_off = 9 * one_hour - 300;
    fleet.bookings[1].ready = false;
    times = TravelTimes::straight_line(day.places, day.speeds);
    fleet.day = &day;
    fleet.now = 10 * one_hour;
  }
  Clinic(Clinic const&) = delete;
  Clinic& operator=(Clinic const&) = delete;

  std::vector<Booking> future(std::uint64_t seed, Seconds until = day_length) const {
    return sample_future({fleet, times}, until, Rng(seed));
  }

  Day day;
  TravelTimes times;
  FleetSnapshot fleet;
};

TEST(SampleFuture, lets_the_patient_call_around_the_booked_time_and_never_in_the_past) {
  Clinic const clinic;
  std::vector<Seconds> calls;
  for (std::uint64_t seed = 0; seed < 1'001; ++seed) {
    auto const future = clinic.future(seed);
    ASSERT_EQ(future.size(), 1U);
    EXPECT_EQ(future[0].id, 2);
    EXPECT_GT(future[0].known_from, clinic.fleet.now);
    // Whoever has called waits half an hour at most.
    EXPECT_EQ(future[0].pickup_window.end, future[0].known_from + 1'800);
    calls.push_back(future[0].known_from);
  }
  std::ranges::sort(calls);
  // The stay after nine is log-normal with median 120 minutes and deviation 0.35. Given that it is longer than 60
  // minutes, which 2.4 % are not, the median is the quantile 0.512 of all: 120 exp(0.35 × 0.030) = 121.3 minutes.
  EXPECT_NEAR(static_cast<double>(calls[500]), 9 * one_hour + 121.3 * 60, 5 * 60);
}

TEST(SampleFuture, expects_somebody_who_is_overdue_at_any_moment) {
  Clinic clinic;
  clinic.fleet.now = 20 * one_hour;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto const future = clinic.future(seed);
    ASSERT_EQ(future.size(), 1U);
    EXPECT_GT(future[0].known_from, clinic.fleet.now);
    EXPECT_LE(future[0].known_from, clinic.fleet.now + 1'800);
  }
}

TEST(SampleFuture, waits_for_nobody_who_has_called_or_cancelled) {
  Clinic clinic;
  clinic.fleet.bookings[1].ready = true;
  EXPECT_TRUE(clinic.future(1).empty());
  clinic.fleet.bookings[1].ready = false;
  clinic.fleet.bookings[1].status = BookingStatus::cancelled;
  EXPECT_TRUE(clinic.future(1).empty());
}

TEST(SampleFuture, draws_new_clients_by_hour_and_weight_in_the_order_of_their_calls) {
  Clinic clinic;
  clinic.fleet.bookings[1].ready = true;
  clinic.day.forecast.per_hour[10] = 6;
  clinic.day.forecast.per_hour[11] = 2;
  clinic.day.forecast.lead = 600;
  clinic.day.forecast.window = 900;
  clinic.day.forecast.rides = {{0, 1, Seats{{1, 0, 0}}, 1}, {1, 0, Seats{{0, 1, 0}}, 3}};
  clinic.fleet.now = 10 * one_hour + 1'800;
  std::size_t clients = 0, back = 0;
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    auto const future = clinic.future(seed, 11 * one_hour + 1'800);
    EXPECT_TRUE(std::ranges::is_sorted(future, {}, &Booking::known_from));
    for (Booking const& booking : future) {
      EXPECT_GT(booking.known_from, clinic.fleet.now);
      EXPECT_LE(booking.known_from, 11 * one_hour + 1'800);
      EXPECT_EQ(booking.pickup_window.start, booking.known_from + 600);
      EXPECT_EQ(booking.pickup_window.end, booking.known_from + 1'500);
      back += booking.seats[SeatKind::wheelchair] > 0 ? 1U : 0U;
      ++clients;
    }
  }
  // Half an hour of six and half an hour of two are 4 clients; the mean of 2,000 days deviates by 2 / √2000 = 0.045.
  EXPECT_NEAR(static_cast<double>(clients) / 2'000, 4, 0.18);
  // Three quarters of 8,000 rides go back, give or take √(0.75 × 0.25 / 8000) = 0.005.
  EXPECT_NEAR(static_cast<double>(back) / static_cast<double>(clients), 0.75, 0.02);
}

TEST(SampleFuture, does_not_look_at_what_will_really_happen) {
  Clinic clinic;
  clinic.day.forecast.per_hour.fill(3);
  clinic.day.forecast.rides = {{0, 1, Seats{{1, 0, 0}}, 1}};
  auto const blind = clinic.future(5);
  clinic.day.reality.seed = 9;
  clinic.day.reality.bookings = {{.id = 2, .calls_at = 10 * one_hour + 5}};
  EXPECT_EQ(clinic.future(5), blind);
}

}  // namespace
}  // namespace regulus::dispatch
