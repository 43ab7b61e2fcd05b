#include "domain/kpi.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/rng.h"

namespace regulus {
namespace {

// Two places, ten minutes and five kilometres apart; a driver from eight to twelve; rides from the first to the second.
struct World {
  Day day;
  TravelTimes times = TravelTimes::table(2, {0, 600, 600, 0}, {0, 5'000, 5'000, 0});
  Outcome outcome;

  explicit World(int drivers = 1) {
    day.places = {{46.5, 6.6}, {46.53, 6.6}};
    for (int id = 1; id <= drivers; ++id) {
      Driver d;
      d.id = id;
      d.vehicle.layouts = {Seats{{4, 0, 0}}};
      d.shift = {8 * one_hour, 12 * one_hour};
      d.start = d.end = 0;
      day.drivers.push_back(d);
      outcome.drivers.emplace_back();
    }
  }
  Booking& booking() {
    Booking b;
    b.id = static_cast<BookingId>(day.bookings.size()) + 1;
    b.booking_class = BookingClass::inbound;
    b.pickup = 0;
    b.dropoff = 1;
    b.pickup_window = {9 * one_hour, 9 * one_hour + 600};
    b.seats = Seats{{1, 0, 0}};
    day.bookings.push_back(b);
    BookingState state;
    state.pickup_window = b.pickup_window;
    outcome.bookings.push_back(state);
    return day.bookings.back();
  }
  // Served without any detour, `late` seconds after the pickup window's end.
  BookingState& served(DriverId driver, Seconds late = 0) {
    BookingState& state = outcome.bookings.back();
    state.status = BookingStatus::completed;
    state.driver = driver;
    state.picked_up = state.boarded = 9 * one_hour + 600 + late;
    state.dropped_off = state.boarded + 600;
    return state;
  }
  void drove(std::size_t driver, Seconds left, Seconds back, Metres metres = 0) {
    outcome.drivers[driver] = {.left = left, .back = back, .driven = metres, .driven_empty = metres / 2};
  }
  Totals totals() const { return totals_of(day, times, outcome); }
  Cost cost() const { return cost_of(totals(), day.weights); }
};

TEST(Totals, a_plain_ride_costs_its_kilometres_and_the_time_of_its_driver) {
  World world;
  world.booking();
  world.served(1);
  // From 8:40 to 9:40 and ten kilometres: 10 × 70 = 700 and 1 h × 3200.
  world.drove(0, 8 * one_hour + 2'400, 9 * one_hour + 2'400, 10'000);
  EXPECT_EQ(world.cost(), (Cost{.driving = 700, .paid_time = 3'200}));
}

TEST(Totals, time_after_the_shift_is_paid_and_costs_overtime_on_top) {
  World world;
  // 10:00 to 12:30: 2.5 h × 3200 = 8000, and half an hour of overtime, 1000.
  world.drove(0, 10 * one_hour, 12 * one_hour + 1'800);
  EXPECT_EQ(world.totals().overtime, 1'800);
  EXPECT_EQ(world.cost(), (Cost{.paid_time = 9'000}));
}

TEST(Totals, an_occasional_driver_is_called_out_once_and_a_driver_who_stays_at_home_costs_nothing) {
  World world(2);
  for (Driver& d : world.day.drivers) d.type = DriverType::occasional;
  world.drove(1, 9 * one_hour, 10 * one_hour);
  // 1000 for the call, an hour at 3600.
  EXPECT_EQ(world.cost(), (Cost{.paid_time = 4'600}));
}

TEST(Totals, lateness_counts_at_both_ends_beyond_what_is_tolerated) {
  World world;
  Booking& b = world.booking();
  // A return may be late for 900 s. The pickup is 1200 s late: 300 count. The drop-off is at 9:40, its window ended at
  // 9:20: 1200 s late, 300 count. 600 s × 80 cents a minute = 800.
  b.dropoff_window = {9 * one_hour, 9 * one_hour + 1'200};
  world.outcome.bookings.back().dropoff_window = b.dropoff_window;
  world.served(1, 1'200);
  EXPECT_EQ(world.totals().late[static_cast<std::size_t>(BookingClass::inbound)], 600);
  EXPECT_EQ(world.cost().lateness, 800);
}

TEST(Totals, a_will_call_return_is_late_by_the_windows_that_its_call_made) {
  World world;
  world.booking().booking_class = BookingClass::will_call;
  world.outcome.bookings.back().pickup_window = {9 * one_hour + 1'800, 9 * one_hour + 3'600};
  world.served(1, 3'600);  // at 10:10, ten minutes after the end of the window as it stands
  EXPECT_EQ(world.totals().late[static_cast<std::size_t>(BookingClass::will_call)], 0);
  world.served(1, 3'600 + 600);  // twenty minutes: five beyond the fifteen
  EXPECT_EQ(world.totals().late[static_cast<std::size_t>(BookingClass::will_call)], 300);
}

TEST(Totals, time_on_board_beyond_the_direct_ride_is_excess) {
  World world;
  world.booking();
  world.served(1).dropped_off += 480;
  // Eight minutes at 25.
  EXPECT_EQ(world.cost(), (Cost{.excess_ride = 200}));
}

TEST(Totals, whoever_is_not_served_costs_by_class_and_priority) {
  World world;
  world.booking().booking_class = BookingClass::outbound;
  world.booking().priority = 3;  // inbound
  Cents const dearest = dearest_ride(world.day);
  // 20000, and 15000 × (1 + 0.5 × 2), each on top of the dearest ride and a cent.
  EXPECT_EQ(world.totals().unserved_cents, 2 * (dearest + 1) + 20'000 + 30'000);
  // Given up, never decided about or still planned when the day ends: the same.
  world.outcome.bookings[0].status = BookingStatus::unserved;
  world.outcome.bookings[1].status = BookingStatus::assigned;
  EXPECT_EQ(world.totals().unserved_cents, 2 * (dearest + 1) + 20'000 + 30'000);
  world.outcome.bookings[0].status = BookingStatus::cancelled;
  world.outcome.bookings[1].status = BookingStatus::no_show;
  EXPECT_EQ(world.cost(), Cost{});
}

TEST(Totals, a_partner_takes_a_base_a_rate_and_more_for_a_wheelchair) {
  World world;
  world.booking();
  world.outcome.bookings.back().status = BookingStatus::partner;
  // 4500 + 5 km × 420.
  EXPECT_EQ(world.cost(), (Cost{.partner = 6'600}));
  world.day.bookings.back().seats = Seats{{0, 1, 0}};
  EXPECT_EQ(world.cost(), (Cost{.partner = 9'600}));
}

TEST(Totals, wishes_count_only_when_a_driver_of_ours_came) {
  World world(2);
  world.booking();
  world.served(1);
  Booking& back = world.booking();
  back.linked = 1;
  back.preferred = {1};
  world.served(2);
  EXPECT_EQ(world.totals().unpreferred, 1);
  EXPECT_EQ(world.totals().other_return_driver, 1);
  EXPECT_EQ(world.cost().matching, 300 + 400);
  world.outcome.bookings[1].driver = 1;
  EXPECT_EQ(world.cost().matching, 0);
  world.outcome.bookings[1].driver = 2;
  world.outcome.bookings[0].status = BookingStatus::partner;
  EXPECT_EQ(world.totals().other_return_driver, 0);
  world.outcome.bookings[1].status = BookingStatus::partner;
  EXPECT_EQ(world.cost().matching, 0);
}

TEST(Totals, loads_are_compared_among_all_drivers) {
  World world(3);
  for (int ride = 0; ride < 3; ++ride) {
    world.booking();
    world.served(1);
  }
  // Loads 3, 0, 0; the mean is 1: 4 + 1 + 1 = 6 squared trips of 60 cents.
  EXPECT_EQ(world.cost(), (Cost{.unfairness = 360}));
  for (int ride = 0; ride < 3; ++ride) world.outcome.bookings[static_cast<std::size_t>(ride)].driver = ride + 1;
  EXPECT_EQ(world.cost(), Cost{});
}

TEST(Totals, broken_promises_are_counted_when_they_were_broken) {
  World world;
  world.outcome.changed_drivers = 2;
  world.outcome.moved_promises = 150;
  // 2 × 800 and 2.5 min × 60.
  EXPECT_EQ(world.cost(), (Cost{.promises = 1'750}));
}

TEST(Kpi, says_what_became_of_every_booking) {
  World world(2);
  world.booking();
  world.served(1);  // on time
  world.booking();
  world.served(1, 1'200).dropped_off += 600;  // 20 min late, twice the direct ride
  world.outcome.bookings.back().promised_driver = 2;
  for (BookingStatus const status :
       {BookingStatus::partner, BookingStatus::unserved, BookingStatus::cancelled, BookingStatus::no_show}) {
    world.booking();
    world.outcome.bookings.back().status = status;
  }
  world.outcome.changed_drivers = 1;
  world.drove(0, 8 * one_hour, 12 * one_hour, 20'000);
  Kpi const kpi = kpi_of(world.day, world.times, world.outcome);
  EXPECT_EQ(kpi.requested, 6);
  EXPECT_EQ(kpi.served, 2);
  EXPECT_EQ(kpi.on_time, 1);
  EXPECT_EQ(kpi.partner, 1);
  EXPECT_EQ(kpi.unserved, 1);
  EXPECT_EQ(kpi.cancelled, 1);
  EXPECT_EQ(kpi.no_show, 1);
  EXPECT_DOUBLE_EQ(kpi.mean_late_minutes, 10);  // (0 + 20) / 2
  EXPECT_DOUBLE_EQ(kpi.p95_late_minutes, 19);   // between the two, 95 % of the way
  EXPECT_DOUBLE_EQ(kpi.mean_ride_ratio, 1.5);   // (1 + 2) / 2
  EXPECT_DOUBLE_EQ(kpi.mean_wait_minutes, 20);  // (10 + 30) / 2
  EXPECT_DOUBLE_EQ(kpi.driven_km, 20);
  EXPECT_DOUBLE_EQ(kpi.empty_share, 0.5);
  EXPECT_DOUBLE_EQ(kpi.rides_per_paid_hour, 0.5);  // 2 in 4 h
  EXPECT_DOUBLE_EQ(kpi.drivers_used, 1);
  EXPECT_EQ(kpi.most_trips, 2);
  EXPECT_EQ(kpi.fewest_trips, 0);
  EXPECT_DOUBLE_EQ(kpi.changed_promises, 1);
  Json const json = to_json(kpi);
  EXPECT_DOUBLE_EQ(json.find("served_share")->as_number(), 0.4);  // 2 of 5 that were not cancelled
  EXPECT_DOUBLE_EQ(json.find("on_time_share")->as_number(), 0.2);
}

TEST(Kpi, counts_lateness_by_class_beyond_what_is_tolerated) {
  World world;
  world.booking().booking_class = BookingClass::outbound;
  world.served(1, 90);
  world.booking().booking_class = BookingClass::outbound;
  world.served(1, 120);
  world.booking();  // inbound: 900 s are tolerated
  world.served(1, 900 + 60);
  Kpi const kpi = kpi_of(world.day, world.times, world.outcome);
  EXPECT_EQ(kpi.late, (std::array<Seconds, booking_classes>{210, 60, 0, 0}));
  Json const json = to_json(kpi);
  EXPECT_EQ(json.find("late_minutes_by_class")->dump(),
            R"({"outbound":3.5,"inbound":1.0,"will_call":0.0,"on_demand":0.0})");
}

TEST(Kpi, of_a_day_without_bookings_is_all_nothing) {
  World const world;
  Kpi const kpi = kpi_of(world.day, world.times, world.outcome);
  EXPECT_EQ(kpi.cost, Cost{});
  EXPECT_EQ(kpi.rides_per_paid_hour, 0);
  EXPECT_EQ(to_json(kpi).find("served_share")->as_number(), 0);
}

RC_GTEST_PROP(Cost, the_components_of_a_report_sum_to_its_total, ()) {
  Totals t;
  auto const some = [] { return *rc::gen::inRange<std::int64_t>(0, 1'000'000); };
  t.driven = some();
  for (Seconds& paid : t.paid) paid = some();
  for (Seconds& late : t.late) late = some();
  t.called_out[2] = some() % 100;
  t.overtime = some();
  t.excess_ride = some();
  t.unserved_cents = some();
  t.partner_cents = some();
  t.changed_drivers = some() % 100;
  t.moved_promises = some();
  t.unpreferred = some() % 100;
  t.drivers = 3;
  t.trips = 12;
  t.squared_trips = 48 + some() % 100;  // at least (Σ n)² / drivers
  Cost const cost = cost_of(t, ObjectiveWeights{});
  std::int64_t sum = 0;
  Json const json = to_json(cost);
  for (auto const& [name, value] : json.as_object()) {
    if (name != "total") sum += value.as_integer();
  }
  RC_ASSERT(json.find("total")->as_integer() == sum);
  RC_ASSERT(cost.total() == sum);
}

// One driver drives along a line of places; riders share the car. Somebody more is put anywhere into that route. What
// the day then costs more is added up from first principles and must stay below the price of a refusal.
struct Line {
  std::vector<std::int64_t> kilometres;  // of each place along the line
  struct Stop {
    std::size_t ride;
    bool pickup;
  };
  std::vector<Stop> stops;

  // Everything in its turn at a minute a kilometre, from kilometre 0 and back to it: cents.
  double cost(ObjectiveWeights const& w, std::size_t rides) const {
    std::vector<double> boarded(rides);
    double at = 0, minutes = 0, excess = 0;
    for (Stop const& stop : stops) {
      auto const to = static_cast<double>(kilometres[2 * stop.ride + (stop.pickup ? 0 : 1)]);
      minutes += std::abs(to - at);
      at = to;
      if (stop.pickup) {
        boarded[stop.ride] = minutes;
      } else {
        auto const direct = static_cast<double>(std::abs(kilometres[2 * stop.ride + 1] - kilometres[2 * stop.ride]));
        excess += minutes - boarded[stop.ride] - direct;
      }
    }
    minutes += at;
    double const n = static_cast<double>(stops.size()) / 2;
    return minutes * w.km + minutes / 60 * w.emergency_hour + (stops.empty() ? 0 : w.emergency_call_out) +
           excess * w.excess_ride + n * n * w.unfair;
  }
};

RC_GTEST_PROP(DearestRide, refusing_costs_more_than_any_single_insertion, ()) {
  ObjectiveWeights w;
  w.km = *rc::gen::inRange(0, 2'000);
  w.excess_ride = *rc::gen::inRange(0, 100);
  w.unfair = *rc::gen::inRange(0, 500);
  w.unserved_on_demand = 0;
  Rng rng(*rc::gen::arbitrary<std::uint64_t>());
  std::size_t const rides = 1 + rng.below(4);
  std::int64_t const longest = 30;
  Line line;
  for (std::size_t i = 0; i < 2 * rides; ++i) line.kilometres.push_back(rng.between(0, longest));
  // The others in any order that picks up before it drops off, then the last ride anywhere among them.
  auto const insert = [&](std::size_t ride) {
    std::size_t const pickup = rng.below(line.stops.size() + 1);
    std::size_t const dropoff = pickup + 1 + rng.below(line.stops.size() + 1 - pickup);
    line.stops.insert(line.stops.begin() + static_cast<std::ptrdiff_t>(pickup), {ride, true});
    line.stops.insert(line.stops.begin() + static_cast<std::ptrdiff_t>(dropoff), {ride, false});
  };
  for (std::size_t ride = 0; ride + 1 < rides; ++ride) insert(ride);
  double const before = line.cost(w, rides);
  insert(rides - 1);
  double const more = line.cost(w, rides) - before;
  Seconds const shift = 8 * one_hour;  // at most 9 legs of half an hour are driven
  Cents const dearest = dearest_ride(w, longest * 1'000, shift, static_cast<std::int64_t>(rides));
  Booking booking;
  RC_ASSERT(more <= static_cast<double>(dearest));
  RC_ASSERT(unserved_price(w, booking, dearest) > dearest);
}

TEST(DearestRide, bounds_a_ride_whose_two_ends_are_far_from_a_short_tour) {
  // A tour within one street; the new ride is fetched 30 km away between two of its stops, and brought 30 km away
  // between two others: 4 × 30 km more, at 70 cents. Without paid time this is all that it costs.
  ObjectiveWeights w;
  w.regular_hour = w.occasional_hour = w.emergency_hour = w.overtime_hour = 0;
  w.occasional_call_out = w.emergency_call_out = w.excess_ride = w.unfair = 0;
  w.change_driver = w.unpreferred_driver = w.other_return_driver = 0;
  EXPECT_EQ(dearest_ride(w, 30'000, 0, 5), 4 * 30 * 70);
}

}  // namespace
}  // namespace regulus
