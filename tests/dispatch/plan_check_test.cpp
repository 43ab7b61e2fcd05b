#include "dispatch/plan_check.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "dispatch/as_planned.h"
#include "dispatch/instance_of.h"
#include "dispatch/search.h"
#include "domain/day_file.h"

namespace regulus::dispatch {
namespace {

constexpr Seconds eight = 8 * one_hour, nine = 9 * one_hour, noon = 12 * one_hour;

// A depot and two places, each ten minutes and five kilometres from the others. One driver, eight to noon. One ride
// from place 1 to place 2, wanted at nine; two minutes to get in and out.
struct World {
  Day day;
  TravelTimes times = TravelTimes::table(3, {0, 600, 600, 600, 0, 600, 600, 600, 0},
                                         {0, 5'000, 5'000, 5'000, 0, 5'000, 5'000, 5'000, 0});
  Plan plan;

  World() {
    day.places = {{46.5, 6.6}, {46.53, 6.6}, {46.53, 6.64}};
    day.drivers = {driver(1)};
    day.bookings = {ride(1, nine)};
    plan.routes = {{1, {pickup(1, nine), dropoff(1, nine + 720)}}};
  }
  static Driver driver(DriverId id) {
    Driver d;
    d.id = id;
    d.vehicle.layouts = {Seats{{2, 0, 0}}, Seats{{0, 1, 0}}};
    d.shift = {eight, noon};
    d.start = d.end = 0;
    return d;
  }
  static Booking ride(BookingId id, Seconds at) {
    Booking b;
    b.id = id;
    b.pickup = 1;
    b.dropoff = 2;
    b.pickup_window = {at, at + 600};
    b.seats = Seats{{1, 0, 0}};
    b.pickup_service = b.dropoff_service = 120;
    return b;
  }
  static Stop pickup(BookingId id, Seconds at) { return {.kind = StopKind::pickup, .index = id, .planned = at}; }
  static Stop dropoff(BookingId id, Seconds at) { return {.kind = StopKind::dropoff, .index = id, .planned = at}; }
  static Stop rest(std::int32_t number, Seconds at) { return {.kind = StopKind::rest, .index = number, .planned = at}; }
  Route& route() { return plan.routes[0].stops; }
  // A second ride shares the car: both get in, then both get out.
  void share() {
    day.bookings.push_back(ride(2, nine));
    route() = {pickup(1, nine), pickup(2, nine + 120), dropoff(1, nine + 840), dropoff(2, nine + 960)};
  }

  PlanReport check(Plan const* locked = nullptr) const { return check_plan(day, times, plan, locked); }
  // "rule: sentence" of the only violation; what else there is counts against it.
  std::string only(Plan const* locked = nullptr) const {
    PlanReport const report = check(locked);
    std::string all;
    for (PlanViolation const& v : report.violations) all += (all.empty() ? "" : " | ") + v.rule + ": " + to_text(v);
    return all;
  }
};

TEST(PlanCheck, a_good_plan_is_feasible_and_costs_what_it_costs) {
  World const world;
  PlanReport const report = world.check();
  EXPECT_TRUE(report.feasible()) << world.only();
  // Leaves at 8:50, is back at 9:12 + 2 min + 10 min = 9:24. 15 km × 70 = 1050; 2040 s × 3200 / 3600 = 1813.3.
  EXPECT_EQ(report.outcome.drivers[0].left, nine - 600);
  EXPECT_EQ(report.outcome.drivers[0].back, nine + 1'440);
  EXPECT_EQ(report.kpi.cost, (Cost{.driving = 1'050, .paid_time = 1'813}));
  EXPECT_DOUBLE_EQ(report.kpi.empty_share, 2.0 / 3);
}

TEST(PlanCheck, whoever_shares_a_car_pays_for_the_detour_in_time) {
  World world;
  world.share();
  PlanReport const report = world.check();
  EXPECT_TRUE(report.feasible()) << world.only();
  // Booking 1 is on board from 9:02 to 9:14, two minutes longer than direct; booking 2 from 9:04 to 9:16, too. 4 × 25.
  EXPECT_EQ(report.kpi.cost.excess_ride, 100);
}

TEST(PlanCheck, names_a_stop_that_is_reached_too_late_by_seconds) {
  World world;
  world.route()[1].planned -= 7;
  EXPECT_EQ(world.only(),
            "travel: driver 1, stop 2, booking 1: cannot be there before 09:12:00: free at 09:02:00, then 600 s of "
            "driving");
  EXPECT_EQ(world.check().violations[0].by, 7);
}

TEST(PlanCheck, names_a_start_outside_of_its_window) {
  World world;
  world.route() = {World::pickup(1, nine - 1), World::dropoff(1, nine + 719)};
  EXPECT_EQ(world.only(), "window: driver 1, stop 1, booking 1: starts 1 s before its window opens at 09:00:00");
  // On demand one may be 1800 s late.
  world.route() = {World::pickup(1, nine + 600 + 1'800), World::dropoff(1, nine + 4'000)};
  EXPECT_EQ(world.only(), "");
  world.route()[0].planned += 5;
  EXPECT_EQ(world.only(),
            "window: driver 1, stop 1, booking 1: starts 5 s after its window's end at 09:10:00 and the 1800 s that it "
            "may be late");
  // A drop-off window has its own.
  world = World();
  world.day.bookings[0].dropoff_window = {nine + 730, never};
  EXPECT_EQ(world.only(), "window: driver 1, stop 2, booking 1: starts 10 s before its window opens at 09:12:10");
}

TEST(PlanCheck, names_a_load_that_fits_no_layout) {
  World world;
  world.share();
  world.day.bookings[1].seats = Seats{{0, 1, 0}};  // the van takes two walking or one wheelchair, not one of each
  EXPECT_EQ(
      world.only(),
      "seats: driver 1, stop 2, booking 2: 1 ambulatory, 1 wheelchair and 0 stretcher on board fit no layout of the "
      "vehicle");
}

TEST(PlanCheck, names_company_for_somebody_who_rides_alone) {
  World world;
  world.share();
  world.day.bookings[0].exclusive = true;
  EXPECT_EQ(world.only(), "exclusive: driver 1, stop 2, booking 2: somebody who rides alone shares the vehicle with 1");
}

TEST(PlanCheck, names_a_ride_that_is_longer_than_allowed) {
  World world;
  world.share();
  world.day.bookings[0].max_ride = 719;  // it takes 720
  EXPECT_EQ(world.only(), "ride: driver 1, stop 3, booking 1: is on board for 720 s, 1 s longer than max_ride");
  world.day.bookings[0].max_ride = never;
  world.day.bookings[0].max_ride_ratio = 1.1;
  EXPECT_EQ(world.only(),
            "ride: driver 1, stop 3, booking 1: is on board for 720 s, 60 s longer than 1.1 times the direct 600 s");
}

TEST(PlanCheck, names_a_shift_that_begins_too_early_or_ends_too_late) {
  World world;
  world.day.drivers[0].shift = {nine - 590, noon};
  EXPECT_EQ(world.only(), "shift: driver 1, stop 1, booking 1: leaves 10 s before the shift starts at 08:50:10");
  world.day.drivers[0].shift = {eight, nine + 1'400};
  EXPECT_EQ(world.only(), "shift: driver 1: is back at 09:24:00, 40 s after the shift's end and all overtime");
  world.day.drivers[0].max_overtime = 40;
  EXPECT_EQ(world.only(), "");
  EXPECT_EQ(world.check().kpi.cost.paid_time, 1'813 + 22);  // 40 s × 2000 / 3600 = 22.2
}

TEST(PlanCheck, a_break_is_taken_in_its_window_with_nobody_on_board_or_at_home) {
  World world;
  Break pause;
  pause.window = {nine, nine + 1'200};
  pause.duration = 900;
  world.day.drivers[0].breaks = {pause};
  EXPECT_EQ(world.only(), "break: driver 1: has no break 0 between 09:00:00 and 09:35:00");
  world.route().push_back(World::rest(0, nine + 840));
  EXPECT_EQ(world.only(), "");
  EXPECT_EQ(world.check().outcome.drivers[0].back, nine + 840 + 900 + 600);
  world.route()[2].planned = nine + 1'230;
  EXPECT_EQ(world.only(), "break: driver 1, stop 3: starts 30 s outside of its window 09:00:00 to 09:20:00");
  world.route() = {World::pickup(1, nine), World::rest(0, nine + 120), World::dropoff(1, nine + 1'620)};
  EXPECT_EQ(world.only(), "break: driver 1, stop 2, booking 1: has 1 on board during a break");
  // Whoever has the time before leaving, or after being back, needs none on the way.
  world.route() = {World::pickup(1, nine), World::dropoff(1, nine + 720)};
  world.day.drivers[0].breaks[0].window = {eight, noon};
  EXPECT_EQ(world.only(), "");
  world.day.drivers[0].breaks[0].window = {nine - 1'800, nine + 1'440};
  EXPECT_EQ(world.only(), "");
}

TEST(PlanCheck, names_a_driver_who_may_not_take_the_ride) {
  World world;
  world.day.skill_names = {"stairs", "oxygen"};
  world.day.bookings[0].skills = 2;
  EXPECT_EQ(world.only(), "skill: driver 1, stop 1, booking 1: needs oxygen, which the driver has not");
  world = World();
  world.day.bookings[0].forbidden = {1};
  EXPECT_EQ(world.only(), "forbidden: driver 1, stop 1, booking 1: must not ride with this driver");
  world.day.bookings[0].forbidden = {};
  world.day.drivers.push_back(World::driver(2));
  world.day.bookings[0].required = {2};
  EXPECT_EQ(world.only(), "required: driver 1, stop 1, booking 1: must ride with one of its required drivers");
}

TEST(PlanCheck, every_booking_is_somewhere_once) {
  World world;
  world.day.bookings.push_back(World::ride(2, nine));
  EXPECT_EQ(world.only(), "missing: booking 2: is neither planned, nor given to a partner, nor named as unserved");
  world.plan.unserved = {2};
  EXPECT_EQ(world.only(), "");
  world.plan.unserved = {1, 2};
  EXPECT_EQ(world.only(), "twice: booking 1: is unserved and also planned");
  world.plan.unserved = {2, 9};
  EXPECT_EQ(world.only(), "booking: booking 9: does not exist");
  world.plan.unserved = {2};
  world.plan.routes.push_back({7, {}});
  EXPECT_EQ(world.only(), "driver: driver 7 does not exist");
}

TEST(PlanCheck, a_partner_takes_so_many_rides_and_perhaps_no_wheelchairs) {
  World world;
  world.plan = {.routes = {}, .overflow = {1}, .unserved = {}};
  EXPECT_EQ(world.only(), "partner: 1 rides go to a partner who takes 0");
  world.day.partner = {.rides = 1, .notice = 0, .wheelchairs = false};
  EXPECT_EQ(world.only(), "");
  world.day.bookings[0].seats = Seats{{0, 1, 0}};
  EXPECT_EQ(world.only(), "partner: booking 1: needs a wheelchair or a stretcher, which the partner does not take");
}

TEST(PlanCheck, who_is_picked_up_is_dropped_off_and_the_other_way_round) {
  World world;
  world.route().pop_back();
  EXPECT_EQ(world.only(), "order: driver 1, booking 1: is picked up and never dropped off");
  world = World();
  world.route().erase(world.route().begin());
  EXPECT_EQ(world.only(),
            "order: driver 1, stop 1, booking 1: is dropped off and not on board | missing: booking 1: is neither "
            "planned, nor given to a partner, nor named as unserved");
  world = World();
  world.route()[0].planned = never;
  EXPECT_NE(world.only().find("has no planned start"), std::string::npos);
}

TEST(PlanCheck, locked_stops_of_an_earlier_plan_are_still_the_first) {
  World world;
  world.share();
  Plan earlier = world.plan;
  earlier.routes[0].stops[0].locked = true;
  EXPECT_EQ(world.only(&earlier), "");
  world.route() = {World::pickup(2, nine), World::pickup(1, nine + 120), World::dropoff(1, nine + 840),
                   World::dropoff(2, nine + 960)};
  EXPECT_EQ(world.only(&earlier),
            "lock: driver 1, stop 1, booking 1: was locked as the pickup of 1 and is not there any more");
  world.plan.routes.clear();
  world.plan.unserved = {1, 2};
  EXPECT_NE(world.only(&earlier).find("lock: driver 1, stop 1"), std::string::npos);
}

TEST(AsPlanned, a_driver_under_way_carries_whom_the_plan_has_picked_up) {
  World const world;
  Result<AsPlanned> const standing = as_planned(world.day, world.times, world.plan, nine + 300);
  ASSERT_TRUE(standing) << standing.error().message;
  DriverState const& driver = standing->fleet.drivers[0];
  EXPECT_EQ(driver.status, DriverStatus::driving);
  EXPECT_TRUE(driver.under_way);
  EXPECT_EQ(driver.left_start, nine - 600);
  EXPECT_EQ(driver.anchor, 1);
  EXPECT_EQ(driver.free_at, nine + 120);
  EXPECT_EQ(driver.on_board, std::vector<BookingId>{1});
  ASSERT_EQ(driver.stops.size(), 1U);
  EXPECT_TRUE(driver.stops[0].locked);
  EXPECT_EQ(standing->behind[0].size(), 1U);
  EXPECT_EQ(standing->fleet.bookings[0].status, BookingStatus::on_board);
  EXPECT_EQ(standing->fleet.bookings[0].boarded, nine + 120);
}

TEST(AsPlanned, before_the_day_nothing_has_begun_and_nothing_is_locked) {
  World const world;
  Result<AsPlanned> const standing = as_planned(world.day, world.times, world.plan, before_the_day(world.day));
  ASSERT_TRUE(standing);
  EXPECT_EQ(standing->fleet.drivers[0].left_start, never);
  EXPECT_FALSE(standing->fleet.drivers[0].stops[0].locked);
  EXPECT_EQ(standing->fleet.bookings[0].status, BookingStatus::assigned);
  EXPECT_TRUE(standing->fleet.undecided.empty());
}

TEST(AsPlanned, what_starts_within_the_lock_horizon_is_locked) {
  World const world;
  Result<AsPlanned> const standing = as_planned(world.day, world.times, world.plan, nine - 601);
  ASSERT_TRUE(standing);
  EXPECT_FALSE(standing->fleet.drivers[0].stops[0].locked);
  Result<AsPlanned> const later = as_planned(world.day, world.times, world.plan, nine - 600);
  ASSERT_TRUE(later);
  EXPECT_TRUE(later->fleet.drivers[0].stops[0].locked);
  EXPECT_TRUE(later->fleet.drivers[0].under_way);  // it leaves now
}

TEST(AsPlanned, refuses_a_plan_of_another_day) {
  World world;
  auto const refused = [&] {
    Result<AsPlanned> const standing = as_planned(world.day, world.times, world.plan, nine);
    return standing ? std::string("accepted") : standing.error().message;
  };
  world.route()[1].index = 5;
  EXPECT_EQ(refused(), "driver 1, stop 2: dropoff of 5 is no booking of the day");
  world = World();
  world.route().push_back(World::pickup(1, nine));
  EXPECT_EQ(refused(), "driver 1, stop 3: pickup of 1 is planned twice");
  world = World();
  world.plan.routes[0].driver = 4;
  EXPECT_EQ(refused(), "driver 4 of the plan does not exist");
  world = World();
  world.route()[0].planned = never;
  EXPECT_NE(refused().find("no planned start"), std::string::npos);
}

// A town of 16 km, three drivers, perhaps with breaks, a dozen rides of all kinds.
Day some_town(std::uint64_t seed, bool breaks) {
  Rng rng(seed);
  Day day;
  for (int i = 0; i < 20; ++i) day.places.push_back({46.5 + rng.uniform(0, 0.15), 6.5 + rng.uniform(0, 0.2)});
  for (int id = 1; id <= 3; ++id) {
    Driver d = World::driver(id);
    d.type = static_cast<DriverType>(rng.below(3));
    d.vehicle.layouts = {Seats{{4, 0, 0}}, Seats{{2, 1, 0}}};
    d.shift = {7 * one_hour, 16 * one_hour};
    d.max_overtime = 1'800;
    d.start = static_cast<Place>(rng.below(20));
    d.end = rng.chance(0.5) ? d.start : no_place;
    if (breaks && rng.chance(0.5)) d.breaks = {{{11 * one_hour, 13 * one_hour}, 1'800}};
    day.drivers.push_back(d);
  }
  for (int id = 1; id <= 12; ++id) {
    Booking b = World::ride(id, rng.between(7, 14) * one_hour);
    b.booking_class = static_cast<BookingClass>(rng.below(4));
    b.pickup = static_cast<Place>(rng.below(20));
    b.dropoff = static_cast<Place>(rng.below(20));
    if (rng.chance(0.3)) b.seats = Seats{{0, 1, 0}};
    if (rng.chance(0.3)) b.max_ride = rng.between(900, 3'600);
    if (rng.chance(0.3)) b.max_ride_ratio = 1.5;
    b.exclusive = rng.chance(0.2);
    if (rng.chance(0.3)) b.preferred = {static_cast<DriverId>(1 + rng.below(3))};
    if (rng.chance(0.2)) b.forbidden = {static_cast<DriverId>(1 + rng.below(3))};
    if (id > 1 && rng.chance(0.3)) b.linked = id - 1;
    day.bookings.push_back(b);
  }
  return day;
}

RC_GTEST_PROP(PlanCheck, agrees_with_the_planner_about_limits_and_cost, ()) {
  bool const breaks = *rc::gen::arbitrary<bool>();
  Day const day = some_town(*rc::gen::arbitrary<std::uint64_t>(), breaks);
  TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
  Result<AsPlanned> const standing = as_planned(day, times, {}, before_the_day(day));
  RC_ASSERT(static_cast<bool>(standing));
  Situation const situation{standing->fleet, times};
  Question const question = instance_of(situation, standing->fleet.undecided);
  Solution const solution = construct(question.instance, question.present, 1);
  Decision const decision = decision_of(situation, question, solution);
  Plan plan;
  plan.routes = decision.routes;
  for (std::int32_t const request : solution.left_out) {
    plan.unserved.push_back(
        day.bookings[static_cast<std::size_t>(question.booking_of[static_cast<std::size_t>(request)])].id);
  }
  PlanReport const report = check_plan(day, times, plan);
  for (PlanViolation const& v : report.violations) RC_LOG() << to_text(v) << "\n";
  RC_ASSERT(report.feasible());
  // The planner prices seconds in thousandths of a cent, at most half a thousandth off each, for three paid days. Who
  // drives the other leg it asks of the plan as it stood, where nobody did. A break at home before leaving is paid by
  // the planner's route and left out of the plan.
  Totals const totals = totals_of(day, times, report.outcome);
  std::int64_t const linked = totals.other_return_driver * day.weights.other_return_driver;
  double const planned = static_cast<double>(cost_of(question.instance, solution)) / 1'000;
  double const checked = static_cast<double>(report.kpi.cost.total() - linked);
  RC_ASSERT(checked <= planned + 60);
  if (!breaks) RC_ASSERT(checked >= planned - 60);

  // Whatever is made earlier than it can be is noticed.
  auto const route = std::ranges::find_if(plan.routes, [](DriverRoute const& r) { return r.stops.size() >= 2; });
  RC_PRE(route != plan.routes.end());
  auto const k = *rc::gen::inRange<std::size_t>(1, route->stops.size());
  route->stops[k].planned = route->stops[k - 1].planned - 1;
  RC_ASSERT(!check_plan(day, times, plan).feasible());
}

}  // namespace
}  // namespace regulus::dispatch
