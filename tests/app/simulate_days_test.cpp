// simulate and compare-policies on days of families and of files.
#include "domain/day_file.h"
#include "tests/app/support.h"

namespace regulus::app {
namespace {

// Wall clock, the one thing that may differ.
Json without_timing(Json json) {
  std::erase_if(json.as_object(), [](auto const& member) { return member.first == "timing"; });
  if (Json const* policies = json.find("policies"); policies != nullptr) {
    Json::Array kept;
    for (Json const& policy : policies->as_array()) kept.push_back(without_timing(policy));
    json["policies"] = std::move(kept);
  }
  return json;
}

// Two neighbours and one driver, on the plain.
std::string a_small_day() {
  Day day;
  day.date = "2025-03-04";
  day.places = {{46.2, 6.1}, {46.21, 6.1}};
  day.drivers.resize(1);
  Driver& driver = day.drivers[0];
  driver.id = 1;
  driver.vehicle.layouts = {Seats{{3, 0, 0}}};
  driver.shift = {25'200, 43'200};
  driver.start = driver.end = 0;
  day.bookings.resize(1);
  Booking& booking = day.bookings[0];
  booking.id = 1;
  booking.booking_class = BookingClass::outbound;
  booking.pickup = 0;
  booking.dropoff = 1;
  booking.pickup_window = {28'800, 29'400};
  booking.seats = Seats{{1, 0, 0}};
  return to_json(day).dump();
}

TEST(SimulateDays, prints_the_scorecard_of_a_family) {
  Workspace workspace;
  Words const words{"simulate", "--scenario", "geneva-medical", "--policy", "insertion", "--days", "3"};
  std::string const text = workspace.succeed(words).out;
  for (char const* said : {"insertion on 3 days of geneva-medical from seed 900000", "francs a day", "asked for",
                           "on time", "empty", "99th percentile", "days a second"}) {
    EXPECT_NE(text.find(said), std::string::npos) << said << "\n" << text;
  }
  Json const json = workspace.succeed(words + Words{"--json", "--check"}).json();
  EXPECT_GT(json.find("served")->as_number(), 5);
  EXPECT_GT(json.find("cost_cents")->find("total")->as_number(), 0);
  EXPECT_EQ(json.find("refused_decisions")->as_integer(), 0);
  EXPECT_TRUE(json.find("timing")->has("days_per_second"));
}

TEST(SimulateDays, says_the_same_at_any_number_of_threads) {
  Workspace workspace;
  auto const said = [&](char const* threads) {
    Words const words{"simulate", "--scenario", "geneva-medical", "--policy", "insertion", "--days", "8", "--json"};
    return without_timing(workspace.succeed(words + Words{"--threads", threads}).json()).dump();
  };
  std::string const one = said("1");
  EXPECT_EQ(said("2"), one);
  EXPECT_EQ(said("8"), one);
}

TEST(SimulateDays, plays_the_day_of_a_file_and_writes_what_happened) {
  Workspace workspace;
  workspace.put("day.json", a_small_day());
  Json const json =
      workspace
          .succeed({"simulate", "--scenario", "day.json", "--policy", "insertion", "--trace", "t/day.jsonl", "--json"})
          .json();
  EXPECT_EQ(json.find("served")->as_number(), 1);
  std::istringstream lines(workspace.bytes("t/day.jsonl"));
  std::vector<std::string> what;
  for (std::string line; std::getline(lines, line);) {
    Result<Json> const event = parse_json(line);
    ASSERT_TRUE(event) << line;
    what.push_back(event->find("what")->as_string());
  }
  EXPECT_EQ(what.front(), "known");
  EXPECT_NE(std::ranges::find(what, "completed"), what.end());
}

TEST(SimulateDays, refuses_what_does_not_fit) {
  Workspace workspace;
  workspace.put("day.json", a_small_day());
  workspace.put("broken.json", "{\"format\":\"regulus-day-1\",\"drivers\":7}");
  struct Wrong {
    Words words;
    Words said;
  };
  for (Wrong const& w : std::vector<Wrong>{
           {{"simulate", "--scenario", "genva-medical"}, {"--scenario", "genva-medical", "geneva-medical", "classic"}},
           {{"simulate", "--scenario", "city", "--episodes", "3"}, {"--episodes", "city"}},
           {{"simulate", "--scenario", "city", "--num-drivers", "3"}, {"--num-drivers", "city"}},
           {{"simulate", "--days", "3"}, {"--days", "classic"}},
           {{"simulate", "--check"}, {"--check", "classic"}},
           {{"simulate", "--travel", "recorded"}, {"--travel", "classic"}},
           {{"simulate", "--scenario", "day.json", "--days", "2"}, {"--days = 2", "day.json"}},
           {{"simulate", "--scenario", "none.json"}, {"none.json"}},
           {{"simulate", "--scenario", "broken.json"}, {"broken.json", "places"}},
           {{"simulate", "--scenario", "day.json", "--policy", "insertoin"}, {"insertoin", "insertion"}},
           {{"simulate", "--scenario", "day.json", "--iterations", "0"}, {"--iterations", "0"}},
           {{"compare-policies"}, {"--scenario = classic", "regulus compare"}},
           {{"compare-policies", "--scenario", "day.json", "--days", "2"}, {"--days = 2", "day.json"}},
           {{"compare-policies", "--scenario", "city", "--policies", "wait,wait"}, {"wait", "twice"}},
           {{"compare-policies", "--scenario", "city", "--policies", "wait,hungry"}, {"hungry"}},
           {{"compare_policies", "--scenario", "city"}, {"compare_policies", "did you mean compare-policies?"}},
       }) {
    workspace.refuse(w.words, 2, w.said);
  }
}

TEST(ComparePolicies, explains_itself_and_plays_the_one_day_of_a_file) {
  Workspace workspace;
  EXPECT_NE(workspace.succeed({"--help"}).out.find("\n  compare-policies"), std::string::npos);
  EXPECT_NE(workspace.succeed({"compare-policies", "--help"}).out.find("\n  regulus compare-policies"),
            std::string::npos);
  workspace.put("day.json", a_small_day());
  EXPECT_EQ(
      workspace.succeed({"compare-policies", "--scenario", "day.json", "--json"}).json().find("days")->as_integer(), 1);
}

TEST(ComparePolicies, puts_policies_side_by_side_on_the_same_days) {
  Workspace workspace;
  Words const words{"compare-policies", "--scenario", "geneva-medical", "--policies", "wait,insertion",
                    "--days",           "4",          "--clairvoyant",  "400"};
  std::string const text = workspace.succeed(words).out;
  for (char const* said : {"wait", "insertion", "against wait", "gap closed", "clairvoyant"})
    EXPECT_NE(text.find(said), std::string::npos) << said << "\n" << text;

  Json const json = workspace.succeed(words + Words{"--json", "--threads", "2"}).json();
  EXPECT_EQ(without_timing(json), without_timing(workspace.succeed(words + Words{"--json", "--threads", "1"}).json()));
  Json::Array const& policies = json.find("policies")->as_array();
  ASSERT_EQ(policies.size(), 2U);
  double const wait = policies[0].find("cost_cents")->find("total")->as_number();
  double const insertion = policies[1].find("cost_cents")->find("total")->as_number();
  double const clairvoyant = json.find("clairvoyant")->find("cost_cents")->as_number();
  EXPECT_LT(clairvoyant, insertion);
  EXPECT_LT(insertion, wait);
  EXPECT_NEAR(policies[1].find("difference_cents")->find("mean")->as_number(), insertion - wait, 1e-6);
  EXPECT_EQ(policies[0].find("difference_cents")->find("mean")->as_number(), 0);
  EXPECT_NEAR(policies[1].find("gap_closed")->as_number(), (wait - insertion) / (wait - clairvoyant), 1e-9);
}

}  // namespace
}  // namespace regulus::app
