#include "dispatch/vroom.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "dispatch/plan_check.h"

namespace regulus::dispatch {
namespace {

constexpr char const* small_problem = R"({
  "vehicles": [{"id": 2, "description": "van", "start": [6.63, 46.52], "end": [6.63, 46.52], "capacity": [3, 1],
                "skills": [7], "time_window": [28800, 57600],
                "breaks": [{"id": 9, "time_windows": [[41400, 46800]], "service": 1800}]}],
  "shipments": [{"pickup": {"id": 10, "location": [6.60, 46.53], "service": 300, "time_windows": [[29000, 30800]]},
                 "delivery": {"id": 11, "location": [6.65, 46.51], "service": 180},
                 "amount": [1], "skills": [7], "priority": 50, "max_ride_time": 3000}]
})";

VroomProblem read(std::string const& text) {
  Result<VroomProblem> problem = read_vroom(parse_json(text).take());
  EXPECT_TRUE(problem) << (problem ? "" : problem.error().message);
  return problem ? problem.take() : VroomProblem{};
}

std::string altered(std::string const& from, std::string const& to) {
  std::string text = small_problem;
  std::size_t const at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_refusal(std::string const& text, std::vector<std::string> const& said) {
  Result<Json> const json = parse_json(text);
  ASSERT_TRUE(json) << text;
  Result<VroomProblem> const problem = read_vroom(*json);
  ASSERT_FALSE(problem) << text;
  for (std::string const& part : said) {
    EXPECT_NE(problem.error().message.find(part), std::string::npos) << part << "\nnot in: " << problem.error().message;
  }
}

TEST(Vroom, a_problem_becomes_a_day) {
  VroomProblem const problem = read(small_problem);
  ASSERT_EQ(problem.day.drivers.size(), 1U);
  Driver const& d = problem.day.drivers[0];
  EXPECT_EQ(d.id, 2);
  EXPECT_EQ(d.name, "van");
  EXPECT_EQ(d.shift, (Window{28'800, 57'600}));
  EXPECT_EQ(d.vehicle.layouts, std::vector<Seats>{(Seats{{3, 1, 0}})});
  EXPECT_EQ(d.breaks, (std::vector<Break>{{{41'400, 46'800}, 1'800}}));
  EXPECT_EQ(d.start, d.end);
  ASSERT_EQ(problem.day.bookings.size(), 1U);
  Booking const& b = problem.day.bookings[0];
  EXPECT_EQ(b.seats, (Seats{{1, 0, 0}}));
  EXPECT_EQ(b.pickup_window, (Window{29'000, 30'800}));
  EXPECT_EQ(b.dropoff_window, Window{});
  EXPECT_EQ(b.pickup_service, 300);
  EXPECT_EQ(b.max_ride, 3'000);
  EXPECT_EQ(b.priority, 3);  // 50 of 100
  EXPECT_EQ(b.skills, d.skills);
  EXPECT_EQ(problem.day.skill_names, std::vector<std::string>{"7"});
  EXPECT_EQ(problem.day.places.size(), 3U);
  EXPECT_EQ(problem.day.places[1], (Point{.latitude = 46.53, .longitude = 6.60}));
  // VROOM's windows are hard.
  EXPECT_EQ(problem.day.weights.max_late(b.booking_class), 0);
  EXPECT_FALSE(problem.times);
}

TEST(Vroom, matrices_replace_coordinates) {
  VroomProblem const problem = read(R"({
    "vehicles": [{"id": 1, "start_index": 0}],
    "shipments": [{"pickup": {"id": 1, "location_index": 1}, "delivery": {"id": 1, "location_index": 0}}],
    "matrices": {"car": {"durations": [[0, 50], [70, 0]], "distances": [[0, 500], [700, 0]]}}})");
  ASSERT_TRUE(problem.times);
  EXPECT_EQ(problem.times->leg(1, 0, 8), (Leg{70, 700}));
  EXPECT_EQ(problem.day.bookings[0].pickup, 1);
  EXPECT_EQ(problem.day.bookings[0].seats, (Seats{{1, 0, 0}}));  // no capacities anywhere: one person, any vehicle
  EXPECT_EQ(problem.day.drivers[0].end, no_place);
}

TEST(Vroom, our_own_fields_are_read) {
  VroomProblem const problem = read(altered(
      R"("priority": 50,)",
      R"("exclusive_group": "a", "class": "outbound", "preferred_vehicles": [2], "promise": {"vehicle": 2, "time": 29500},)"));
  EXPECT_TRUE(problem.day.bookings[0].exclusive);
  EXPECT_EQ(problem.day.bookings[0].booking_class, BookingClass::outbound);
  EXPECT_EQ(problem.day.bookings[0].preferred, std::vector<DriverId>{2});
  EXPECT_EQ(problem.promises[0].driver, 2);
  EXPECT_EQ(problem.promises[0].pickup, 29'500);
}

TEST(Vroom, steps_are_a_plan_whose_first_stops_may_be_locked) {
  VroomProblem const problem =
      read(altered(R"("time_window": [28800, 57600],)",
                   R"("steps": [{"type": "start"}, {"type": "pickup", "id": 10, "locked": true},
            {"type": "delivery", "id": 11}, {"type": "break", "id": 9}, {"type": "end"}],)"));
  ASSERT_EQ(problem.given.routes.size(), 1U);
  Route const& stops = problem.given.routes[0].stops;
  ASSERT_EQ(stops.size(), 3U);
  EXPECT_EQ(stops[0], (Stop{.kind = StopKind::pickup, .index = 1, .locked = true}));
  EXPECT_EQ(stops[1], (Stop{.kind = StopKind::dropoff, .index = 1}));
  EXPECT_EQ(stops[2], (Stop{.kind = StopKind::rest, .index = 0}));
}

TEST(Vroom, refuses_by_name_what_it_would_have_to_ignore) {
  expect_refusal(altered(R"("vehicles")", R"("jobs": [{"id": 1, "location": [6, 46]}], "vehicles")"),
                 {"jobs", "write it as a shipment"});
  expect_refusal(altered(R"("skills": [7], "time_window")", R"("max_tasks": 4, "skills": [7], "time_window")"),
                 {"vehicles[0].max_tasks = 4", "not supported"});
  expect_refusal(altered(R"("service": 300)", R"("setup": 60, "service": 300)"), {"shipments[0].pickup.setup = 60"});
  expect_refusal(altered("[[29000, 30800]]", "[[29000, 30800], [40000, 41000]]"),
                 {"shipments[0].pickup.time_windows", "one window"});
  expect_refusal(altered(R"("amount": [1],)", ""), {"shipments[0]", "has no amount"});
  expect_refusal(altered(R"("amount": [1])", R"("amount": [1, 0, 0, 2])"), {"shipments[0].amount", "one to three"});
  expect_refusal(altered(R"("id": 2,)", R"("id": 0,)"), {"vehicles[0]", "from 1"});
  expect_refusal(altered(R"("priority")", R"("prioriti")"), {"prioriti", "did you mean priority?"});
  expect_refusal(altered(R"([6.60, 46.53])", R"([46.53])"), {"shipments[0].pickup.location", "[longitude, latitude]"});
  expect_refusal(altered(R"("location": [6.65, 46.51])", R"("location_index": 3)"),
                 {"shipments[0].delivery.location_index", "without matrices"});
  expect_refusal(altered(R"("start": [6.63, 46.52],)", ""), {"vehicles[0]", "has no start"});
  expect_refusal(altered("28800, 57600", "1600416000, 1600440000"), {"driver 2: shift.start", "within a week"});
  expect_refusal(altered(R"("time_window": [28800, 57600],)", R"("steps": [{"type": "pickup", "id": 5}],)"),
                 {"steps of vehicle 2", "no pickup of a shipment"});
}

TEST(Vroom, a_plan_is_told_as_vroom_tells_it) {
  VroomProblem problem = read(R"({
    "vehicles": [{"id": 4, "start_index": 0, "end_index": 0, "capacity": [1]}],
    "shipments": [{"pickup": {"id": 10, "location_index": 1, "service": 30, "time_windows": [[1000, 1100]]},
                   "delivery": {"id": 11, "location_index": 2}, "amount": [1]},
                  {"pickup": {"id": 12, "location_index": 1}, "delivery": {"id": 13, "location_index": 2},
                   "amount": [2]}],
    "matrices": {"car": {"durations": [[0, 100, 100], [100, 0, 100], [100, 100, 0]],
                         "distances": [[0, 900, 900], [900, 0, 900], [900, 900, 0]]}}})");
  Plan plan;
  plan.routes = {{4,
                  {{.kind = StopKind::pickup, .index = 1, .planned = 1'000},
                   {.kind = StopKind::dropoff, .index = 1, .planned = 1'150}}}};
  plan.unserved = {2};
  PlanReport const report = check_plan(problem.day, *problem.times, plan);
  ASSERT_TRUE(report.feasible());
  Json const json = vroom_output(problem.day, *problem.times, problem.names, plan, report);
  EXPECT_EQ(json.find("code")->as_integer(), 0);
  Json const& summary = *json.find("summary");
  EXPECT_EQ(summary.find("routes")->as_integer(), 1);
  EXPECT_EQ(summary.find("unassigned")->as_integer(), 2);  // both tasks of the shipment
  EXPECT_EQ(summary.find("duration")->as_integer(), 300);
  EXPECT_EQ(summary.find("distance")->as_integer(), 2'700);
  EXPECT_EQ(summary.find("service")->as_integer(), 30);
  EXPECT_EQ(summary.find("waiting_time")->as_integer(), 20);  // there at 1130, starts at 1150
  Json const& unassigned = json.find("unassigned")->as_array()[0];
  EXPECT_EQ(unassigned.find("id")->as_integer(), 12);
  EXPECT_EQ(unassigned.find("reason")->as_string(), "2 ambulatory, 0 wheelchair and 0 stretcher fit into no vehicle");
  Json const& route = json.find("routes")->as_array()[0];
  EXPECT_EQ(route.find("vehicle")->as_integer(), 4);
  auto const& steps = route.find("steps")->as_array();
  std::string told;
  for (Json const& step : steps) {
    told += step.find("type")->as_string() + " " + std::to_string(step.find("arrival")->as_integer()) + " " +
            step.find("load")->dump() + "; ";
  }
  EXPECT_EQ(told, "start 900 [0,0,0]; pickup 1000 [1,0,0]; delivery 1130 [0,0,0]; end 1250 [0,0,0]; ");
  EXPECT_EQ(steps[1].find("id")->as_integer(), 10);
  EXPECT_EQ(steps[1].find("location_index")->as_integer(), 1);
  // 2.7 km × 70 = 189, and 350 s × 3200 / 3600 = 311.1.
  EXPECT_EQ(route.find("cost")->as_integer(), 500);
}

TEST(Vroom, is_told_from_our_own_days) {
  EXPECT_TRUE(is_vroom(parse_json(small_problem).take()));
  EXPECT_FALSE(is_vroom(parse_json(R"({"format": "regulus-day-1", "drivers": []})").take()));
}

RC_GTEST_PROP(Vroom, damage_to_one_value_is_refused_or_makes_another_sound_day, ()) {
  Json json = parse_json(small_problem).take();
  std::vector<Json*> values{&json};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i]->is_object()) {
      for (auto& [key, member] : values[i]->as_object()) values.push_back(&member);
    } else if (values[i]->is_array()) {
      for (Json& item : values[i]->as_array()) values.push_back(&item);
    }
  }
  *values[*rc::gen::inRange<std::size_t>(0, values.size())] =
      *rc::gen::element<Json>(Json(), -1, 7, 1e18, 0.5, "x", true, Json::array(), Json::object());
  Result<VroomProblem> const problem = read_vroom(json);
  if (problem) {
    RC_ASSERT(static_cast<bool>(check_day(problem->day)));
    RC_ASSERT(problem->names.tasks.size() == problem->day.bookings.size());
  } else {
    RC_ASSERT(!problem.error().message.empty());
  }
}

}  // namespace
}  // namespace regulus::dispatch
