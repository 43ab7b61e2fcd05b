#include "tests/app/support.h"

namespace regulus::app {
namespace {

constexpr char const* fleet = R"({"format": "regulus-day-1", "places": [[6.60, 46.50], [6.70, 46.60]],
  "drivers": [{"id": 5, "name": "North", "vehicle": {"layouts": [{"ambulatory": 3}]}, "shift": ["07:00", "17:00"],
               "start": 0, "end": 0}],
  "bookings": [{"id": 1, "class": "on_demand", "pickup": 1, "dropoff": 0, "seats": {"ambulatory": 1}}]})";
constexpr char const* bookings =
    "ref,date,rdv,heure retour,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,wheelchair\n"
    "A,2025-03-04,9:00,11:00,46.52,6.61,46.53,6.63,\n"
    "B,2025-03-04,9:30,,46.51,6.60,46.53,6.63,\n"
    "C,2025-03-04,10:00,,46.51,6.60,46.53,6.63,yes\n";

TEST(Import, then_plan_then_check_agree_to_the_cent) {
  Workspace workspace;
  workspace.put("fleet.json", fleet);
  workspace.put("bookings.csv", bookings);
  Json const import =
      workspace.succeed({"import", "bookings.csv", "--into", "day.json", "--fleet", "fleet.json", "--json"}).json();
  EXPECT_EQ(import.find("imported")->as_integer(), 4);  // with the way back of A, without the fleet's own ride
  EXPECT_EQ(import.find("drivers")->as_integer(), 1);
  ASSERT_EQ(import.find("impossible")->as_array().size(), 1U);  // nobody has a place for a wheelchair
  EXPECT_EQ(import.find("impossible")->as_array()[0].find("line")->as_integer(), 4);

  Words const plan = {"plan", "day.json", "--iterations", "200", "--output", "plan.json", "--json"};
  Json const planned = workspace.succeed(plan).json();
  EXPECT_TRUE(planned.find("feasible")->as_bool());
  std::string const first = workspace.bytes("plan.json");
  workspace.succeed(plan);
  EXPECT_EQ(workspace.bytes("plan.json"), first);  // iterations, and not the clock
  Json const checked = workspace.succeed({"check", "day.json", "plan.json", "--json"}).json();
  EXPECT_EQ(checked.find("kpi")->find("served")->as_integer(), 3);
  EXPECT_TRUE(*checked.find("cost_cents") == *planned.find("cost_cents"));

  // In the middle of the day: what is over stays, and what is locked too.
  workspace.succeed(
      {"plan", "day.json", "--plan", "plan.json", "--now", "09:10", "--iterations", "50", "--output", "later.json"});
  workspace.succeed({"check", "day.json", "later.json", "--locked", "plan.json"});
  Json const vroom =
      workspace.succeed({"plan", "day.json", "--iterations", "50", "--format", "vroom", "--json"}).json();
  EXPECT_EQ(vroom.find("code")->as_integer(), 0);
  EXPECT_EQ(vroom.find("unassigned")->as_array().size(), 2U);
}

TEST(Check, a_violation_is_exit_code_1_and_named) {
  Workspace workspace;
  workspace.put("day.json", fleet);
  workspace.put("plan.json", R"({"format": "regulus-plan-1", "routes": [{"driver": 5, "stops": [
    {"kind": "pickup", "booking": 1, "planned": "06:00"}]}]})");
  Outcome const outcome = workspace.run({"check", "day.json", "plan.json", "--json"});
  EXPECT_EQ(outcome.exit_code, 1);
  Json const report = outcome.json();
  EXPECT_FALSE(report.find("feasible")->as_bool());
  EXPECT_EQ(report.find("violations")->as_array().size(), 2U) << outcome;  // before the shift, and never dropped off
  workspace.refuse({"check", "day.json", "day.json"}, 2, {"day.json"});
  workspace.refuse({"check", "no.json", "plan.json"}, 2, {"no.json"});
}

TEST(Import, bad_cells_are_all_named_and_nothing_is_written) {
  Workspace workspace;
  workspace.put("bad.csv", "pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,time\n91,6,46,6,8:00\n46,6,46,6.1,noon\n");
  workspace.refuse({"import", "bad.csv", "--into", "day.json"}, 2,
                   {"2 cells", "line 2: pickup_lat = 91", "line 3: time = noon"});
  Json const answer = workspace.run({"import", "bad.csv", "--dry-run", "--json"}).json();
  EXPECT_EQ(answer.find("problems")->as_array().size(), 2U);
  workspace.refuse({"import", "bad.csv"}, 2, {"--into is missing"});
}

TEST(Import, an_existing_day_is_extended_or_replaced_only_when_that_is_said) {
  Workspace workspace;
  workspace.put("bookings.csv", bookings);
  workspace.put("day.json", fleet);
  workspace.refuse({"import", "bookings.csv", "--into", "day.json"}, 2, {"day.json exists", "--append", "--overwrite"});
  workspace.refuse({"import", "bookings.csv", "--into", "new.json", "--append"}, 2, {"new.json does not exist"});
  Outcome const more = workspace.succeed({"import", "bookings.csv", "--into", "day.json", "--append", "--json"});
  EXPECT_EQ(more.json().find("bookings")->as_integer(), 5);
  workspace.refuse({"import", "bookings.csv", "--into", "day.json", "--append"}, 2, {"is there already"});
  workspace.succeed({"import", "bookings.csv", "--into", "day.json", "--overwrite", "--drivers", "2"});
}

}  // namespace
}  // namespace regulus::app
