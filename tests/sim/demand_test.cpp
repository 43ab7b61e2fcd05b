#include "sim/demand.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include "core/parallel.h"
#include "sim/company.h"
#include "sim/families/families.h"

namespace regulus::sim {
namespace {

Booking const* outbound_of(Day const& day, Booking const& b) {
  return b.linked == 0 ? nullptr : &day.bookings[static_cast<std::size_t>(day.booking_position(b.linked))];
}

// A town of a bit of everything.
DemandConfig mixed() {
  DemandConfig c;
  c.clients = {.company = 7, .visits = 60, .regulars = 15, .pool = 500};
  c.trips.on_demand = 0.2;
  c.trips.hours = {0, 0, 0, 0, 0, 0, 5, 20, 50, 90, 80, 60, 50, 80, 70, 50, 30, 10, 5, 0, 0, 0, 0, 0};
  c.needs = {.wheelchair = 0.2,
             .stretcher = 0.02,
             .skilled = 0.1,
             .exclusive = 0.1,
             .preferring = 0.2,
             .priorities = {8, 1, 1}};
  c.notice.same_day = 0.4;
  c.fleet = {.shifts = {0, 420, 960, 4, 1, 540, 1'080, 2, 2, 480, 1'140, 1}, .from_home = 0.5};
  return c;
}

TEST(Quantiles, lie_on_straight_lines_between_evenly_spaced_values) {
  std::vector<int> const q = {0, 10, 30};
  EXPECT_DOUBLE_EQ(at_quantile(q, 0), 0);
  EXPECT_DOUBLE_EQ(at_quantile(q, 0.25), 5);   // half way from 0 to 10
  EXPECT_DOUBLE_EQ(at_quantile(q, 0.75), 20);  // half way from 10 to 30
  EXPECT_DOUBLE_EQ(at_quantile(q, 1), 30);
  EXPECT_DOUBLE_EQ(share_up_to(q, 20), 0.75);
  EXPECT_DOUBLE_EQ(share_up_to(q, -1), 0);
  EXPECT_DOUBLE_EQ(share_up_to(q, 30), 1);
}

RC_GTEST_PROP(Quantiles, the_share_up_to_a_quantile_is_its_probability, (std::uint64_t seed)) {
  Rng rng(seed);
  std::vector<int> q = {static_cast<int>(rng.below(50))};
  for (std::uint64_t k = 0; k < 1 + seed % 20; ++k) q.push_back(q.back() + 1 + static_cast<int>(rng.below(100)));
  double const u = rng.uniform();
  RC_ASSERT(std::abs(share_up_to(q, at_quantile(q, u)) - u) < 1e-9);
}

TEST(DrawWeighted, draws_in_proportion_and_never_what_weighs_nothing) {
  std::vector<int> const weights = {0, 3, 0, 1, 0};
  std::array<int, 5> count{};
  Rng rng(5);
  for (int i = 0; i < 8'000; ++i) ++count[draw_weighted(weights, rng)];
  EXPECT_EQ(count[0] + count[2] + count[4], 0);
  EXPECT_NEAR(count[1], 6'000, 200);  // five standard deviations: sqrt(8000 · 3/4 · 1/4) = 39
}

TEST(CheckDemand, names_the_setting_and_the_remedy) {
  struct Case {
    void (*spoil)(DemandConfig&);
    char const* message;
  };
  for (Case const& c : {
           Case{[](DemandConfig& d) { d.trips.hours.pop_back(); }, "trips.hours has 23 weights; give 24"},
           Case{[](DemandConfig& d) { d.calendar.weekdays.assign(7, 0); },
                "calendar.weekdays: the weights add up to nothing; make one of them positive"},
           Case{[](DemandConfig& d) {
                  d.geography.trip_metres = {5'000, 4'000};
                },
                "geography.trip_metres = [5000,4000] are no quantiles; give at least two ascending values"},
           Case{[](DemandConfig& d) { d.needs.wheelchair = 0.99; },
                "needs.wheelchair = 0.99 and needs.stretcher = 0.02 add up to more than 1"},
           Case{[](DemandConfig& d) { d.trips.returns_only = 0.5; },
                "trips.round_trips = 0.84 and trips.returns_only = 0.5 add up to more than 1"},
           Case{[](DemandConfig& d) { d.needs.priorities.assign(6, 1); },
                "needs.priorities has 6 weights; there are 5 priorities"},
           Case{[](DemandConfig& d) { d.fleet.shifts.pop_back(); },
                "fleet.shifts has 11 numbers; give fours: type, start, end, drivers"},
           Case{[](DemandConfig& d) { d.fleet.shifts[0] = 3; }, "fleet.shifts: type 3 is not 0, 1 or 2"},
           Case{[](DemandConfig& d) { d.fleet.shifts[1] = 960; },
                "fleet.shifts: a shift from minute 960 to 960 ends before it starts"},
       }) {
    DemandConfig config = mixed();
    ASSERT_TRUE(check_demand(config));
    c.spoil(config);
    Status const status = check_demand(config);
    ASSERT_FALSE(status) << c.message;
    EXPECT_EQ(status.error().message, c.message);
  }
  DemandConfig config = mixed();
  config.surprises.no_show = 1.5;
  EXPECT_FALSE(check_demand(config));
}

RC_GTEST_PROP(GenerateDay, any_settings_make_a_legal_day, (std::uint64_t seed)) {
  Rng rng(seed);
  DemandConfig c = mixed();
  c.clients.company = static_cast<int>(rng.below(1'000));
  c.clients.visits = rng.uniform(0, 80);
  c.clients.regulars = static_cast<int>(rng.below(30));
  c.trips.on_demand = rng.uniform();
  c.trips.last_return_hour = static_cast<int>(rng.between(1, 24));
  c.trips.will_calls = rng.uniform();
  c.geography.radius_km = rng.uniform(0.5, 60);
  c.geography.trip_metres = {0, static_cast<int>(rng.below(80'000)), 80'000};
  c.geography.speed = rng.uniform(0.3, 3);
  c.calendar.weekdays.assign(7, 1);
  c.surprises.cancelled = rng.uniform();
  c.surprises.no_show = rng.uniform();
  c.surprises.driver_sick = c.surprises.driver_late = rng.uniform();
  c.service.max_ride = static_cast<int>(rng.between(5, 90));
  c.notice.same_day = rng.uniform();
  Day const day = generate_day("any", c, rng.next());
  Status const legal = check_day(day);
  if (!legal) RC_FAIL(legal.error().message);
  RC_ASSERT(day.reality.bookings.size() == day.bookings.size());
}

TEST(GenerateDay, an_appointment_can_be_met_from_every_moment_of_the_pickup_window) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    DemandConfig const config = mixed();
    Day const day = generate_day("mixed", config, seed);
    TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
    for (Booking const& b : day.bookings) {
      if (b.booking_class != BookingClass::outbound) continue;
      Window const& drop = b.dropoff_window;
      EXPECT_EQ(drop.end - drop.start, config.service.appointment_window * one_minute);
      Seconds const requested = drop.end - config.service.pickup_lead * one_minute;
      EXPECT_LE(b.known_from, requested);
      Seconds const direct = times.seconds(b.pickup, b.dropoff, hour_of_day(drop.end));
      EXPECT_LE(b.pickup_window.end + b.pickup_service + direct, drop.end) << "booking " << b.id;
      EXPECT_LT(b.pickup_window.start, drop.start) << "booking " << b.id;
      Seconds const limit =
          b.max_ride < never ? b.max_ride : static_cast<Seconds>(b.max_ride_ratio * static_cast<double>(direct));
      EXPECT_GE(limit, direct) << "booking " << b.id;
    }
  }
}

TEST(GenerateDay, a_return_takes_the_same_client_back_after_the_appointment) {
  int returns = 0, calls = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Day const day = generate_day("mixed", mixed(), seed);
    for (std::size_t i = 0; i < day.bookings.size(); ++i) {
      Booking const& b = day.bookings[i];
      BookingReality const& real = day.reality.bookings[i];
      ASSERT_EQ(real.id, b.id);
      EXPECT_EQ(real.calls_at != never, b.booking_class == BookingClass::will_call);
      Booking const* const out = outbound_of(day, b);
      if (out == nullptr) continue;
      ++returns;
      EXPECT_EQ(b.pickup, out->dropoff);
      EXPECT_EQ(b.dropoff, out->pickup);
      EXPECT_EQ(b.seats, out->seats);
      EXPECT_EQ(b.known_from, out->known_from);
      EXPECT_GE(b.pickup_window.start, out->dropoff_window.end + 15 * one_minute);
      if (b.booking_class == BookingClass::will_call) {
        ++calls;
        EXPECT_GE(real.calls_at, out->dropoff_window.end);
      }
    }
  }
  EXPECT_GT(returns, 300);
  EXPECT_GT(calls, 100);
}

TEST(GenerateDay, whoever_does_not_go_does_not_come_back) {
  int cancelled = 0, no_shows = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Day const day = generate_day("mixed", mixed(), seed);
    for (std::size_t i = 0; i < day.bookings.size(); ++i) {
      BookingReality const& real = day.reality.bookings[i];
      EXPECT_FALSE(real.no_show && real.cancelled_at != never);
      EXPECT_GE(real.cancelled_at, day.bookings[i].known_from);  // or never
      Booking const* const out = outbound_of(day, day.bookings[i]);
      if (out == nullptr) continue;
      auto const& before = day.reality.bookings[static_cast<std::size_t>(day.booking_position(out->id))];
      if (before.cancelled_at != never) {
        EXPECT_EQ(real.cancelled_at, before.cancelled_at);
        ++cancelled;
      }
      if (before.no_show) {
        EXPECT_NE(real.cancelled_at, never);
        ++no_shows;
      }
    }
  }
  EXPECT_GT(cancelled, 20);
  EXPECT_GT(no_shows, 5);
}

TEST(GenerateDay, regular_clients_come_again_at_the_same_time_to_the_same_place) {
  // By the standing order of client 1, the busiest: where and when, on each of many days.
  std::vector<std::pair<Point, Seconds>> seen;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Day const day = generate_day("regulars", geneva_medical(), seed);
    for (Booking const& b : day.bookings) {
      if (b.reference != "client 1" || b.booking_class != BookingClass::outbound) continue;
      seen.emplace_back(day.places[static_cast<std::size_t>(b.pickup)], b.dropoff_window.end);
    }
  }
  EXPECT_GT(seen.size(), 15U);  // four of five days, on working days
  for (auto const& visit : seen) EXPECT_EQ(visit, seen.front());
}

TEST(GenerateDay, families_that_differ_in_traffic_have_the_same_rides) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Day base = generate_day("day", geneva_medical(), seed);
    Day const traffic = generate_day("day", geneva_medical_traffic(), seed);
    EXPECT_NE(base.reality.traffic, traffic.reality.traffic);
    base.reality.traffic = traffic.reality.traffic;
    base.reality.noise = traffic.reality.noise;
    EXPECT_EQ(base, traffic);
  }
}

TEST(GenerateDay, is_the_same_at_any_number_of_threads) {
  auto const days = [](int threads) {
    return parallel_map(12, threads, [](std::size_t i) { return generate_day("mixed", mixed(), i); });
  };
  EXPECT_EQ(days(1), days(4));
}

TEST(GenerateDay, a_partner_takes_as_many_rides_as_the_settings_say) {
  DemandConfig config = mixed();
  EXPECT_EQ(generate_day("mixed", config, 1).partner.rides, 0);
  config.fleet.partner_rides = 3;
  EXPECT_EQ(generate_day("mixed", config, 1).partner.rides, 3);
}

TEST(Forecast, tells_the_process_and_not_the_day) {
  DemandConfig config = mixed();
  config.calendar.weekdays = {1, 0, 0, 0, 0, 0, 0};
  auto const examples = [](Day const& day) {
    std::vector<std::pair<Point, Point>> points;
    for (DemandForecast::Ride const& ride : day.forecast.rides) {
      points.emplace_back(day.places[static_cast<std::size_t>(ride.pickup)],
                          day.places[static_cast<std::size_t>(ride.dropoff)]);
    }
    return points;
  };
  Day const one = generate_day("a", config, 1), two = generate_day("a", config, 2);
  EXPECT_NE(one.bookings, two.bookings);
  EXPECT_EQ(one.forecast.per_hour, two.forecast.per_hour);
  EXPECT_EQ(one.forecast.lead, two.forecast.lead);
  EXPECT_EQ(examples(one), examples(two));
}

TEST(Forecast, expects_by_the_hour_what_comes_on_average) {
  DemandConfig config = mixed();
  config.calendar.day_spread = 0.1;
  std::array<double, 24> heard{};
  constexpr int days = 400;
  Day last;
  for (std::uint64_t seed = 0; seed < days; ++seed) {
    last = generate_day("a", config, seed);
    for (Booking const& b : last.bookings) {
      if (b.linked == 0 && b.known_from > 0) heard[static_cast<std::size_t>(hour_of_day(b.known_from))] += 1.0 / days;
    }
  }
  double expected = 0, counted = 0;
  for (std::size_t h = 0; h < 24; ++h) {
    expected += last.forecast.per_hour[h];
    counted += heard[h];
    // A mean of 400 Poisson counts of up to 4 an hour has a standard deviation of 0.1.
    EXPECT_NEAR(heard[h], last.forecast.per_hour[h], 0.5) << "hour " << h;
  }
  EXPECT_NEAR(counted, expected, 0.05 * expected);
}

TEST(Forecast, is_empty_where_nobody_calls_on_the_day) {
  DemandConfig config = mixed();
  config.trips.on_demand = 0;
  config.notice.same_day = 0;
  Day const day = generate_day("a", config, 3);
  EXPECT_TRUE(day.forecast.rides.empty());
  EXPECT_EQ(day.forecast.per_hour, (std::array<double, 24>{}));
}

}  // namespace
}  // namespace regulus::sim
