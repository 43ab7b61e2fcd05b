// `regulus travel` and the travel flags as a user meets them. Road servers themselves: tests/peers/test_osrm.py.
#include <gtest/gtest.h>

#include "tests/app/support.h"

namespace regulus::app {
namespace {

std::string const porto = std::string(REGULUS_SOURCE_DIR) + "/benchmarks/rides/porto_2013-07-01.csv";
constexpr char const* three_places = "[[7.4197,43.7311],[7.4262,43.7384],[7.4174,43.7293]]";
constexpr char const* recording =
    R"({"format":"regulus-travel-1","provider":"osrm","data_version":"2016","places":[[7.4197,43.7311],)"
    R"([7.4262,43.7384]],"seconds":[[0,101],[null,0]],"metres":[[0,1303],[null,0]]})";

TEST(Travel, a_table_of_straight_lines_needs_nothing) {
  Workspace workspace;
  workspace.put("places.json", three_places);
  Json const json = workspace.succeed({"travel", "table", "places.json", "--json"}).json();
  EXPECT_EQ(json.find("places")->as_integer(), 3);
  // 811.7 m north and 522.3 m east are 965.2 m as the crow flies and 1,303.0 m on roads; at noon's 25 km/h they take
  // 187.6 s, after a minute to start.
  EXPECT_EQ(json.find("seconds")->as_array()[0].as_array()[1], Json(248));
}

TEST(Travel, a_table_from_a_recording_says_what_it_knows_and_what_it_estimates) {
  Workspace workspace;
  workspace.put("places.json", three_places);
  workspace.put("times.json", recording);
  Words const words{"travel", "table", "places.json", "--travel", "recorded", "--travel-file", "times.json"};
  Outcome const outcome = workspace.succeed(words + Words{"--json", "--output", "table.json"});
  Json const json = outcome.json();
  EXPECT_EQ(json.find("seconds")->as_array()[0].as_array()[1], Json(101));
  EXPECT_EQ(json.find("seconds")->as_array()[1].as_array()[0], Json(604'800));
  EXPECT_EQ(json.find("estimated")->dump(), "[[0,2],[1,2],[2,0],[2,1]]");
  EXPECT_EQ(outcome.number({"report", "unreachable"}), 1);
  EXPECT_EQ(workspace.bytes("table.json"), json.dump() + "\n");
  EXPECT_NE(workspace.succeed(words).out.find("4 estimated from straight lines, 1 without a road"), std::string::npos);
}

TEST(Travel, a_recording_of_a_recording_is_the_same) {
  Workspace workspace;
  workspace.put("places.json", "[[7.4197,43.7311],[7.4262,43.7384]]");
  workspace.put("times.json", recording);
  workspace.succeed({"travel", "record", "places.json", "--travel", "recorded", "--travel-file", "times.json",
                     "--output", "again.json"});
  std::string expected = recording;
  expected.replace(expected.find("\"osrm\""), 6, "\"recorded\"");
  EXPECT_EQ(workspace.bytes("again.json"), expected + "\n");
}

TEST(Travel, estimates_are_not_recorded) {
  Workspace workspace;
  workspace.put("places.json", three_places);
  workspace.put("times.json", recording);
  workspace.refuse({"travel", "record", "places.json", "--travel", "recorded", "--travel-file", "times.json",
                    "--output", "again.json"},
                   1, {"4 cells were not answered, nothing was recorded"});
}

TEST(Travel, speeds_of_observed_rides_are_fitted_written_and_used) {
  Workspace workspace;
  Outcome const fit = workspace.succeed({"travel", "fit", porto, "--output", "speeds.json", "--json"});
  EXPECT_LT(fit.number({"error", "fitted", "mape"}), fit.number({"error", "known", "mape"}));
  EXPECT_EQ(fit.number({"held_out"}), 192);  // a fifth of 960
  EXPECT_EQ(fit.number({"fitted_to"}), 768);
  Result<Json> const written = parse_json(workspace.bytes("speeds.json"));
  ASSERT_TRUE(written);
  EXPECT_EQ(*written, *fit.json().find("speeds"));
  workspace.put("places.json", three_places);
  Words const table{"travel", "table", "places.json", "--json"};
  EXPECT_NE(workspace.succeed(table + Words{"--speeds", "speeds.json"}).out, workspace.succeed(table).out);
  // Fitted once more on top of itself, with fewer rides, by the same seed: the same bytes.
  Words const again{"travel", "fit", porto, "--rides", "200", "--speeds", "speeds.json", "--seed", "3", "--json"};
  Outcome const first = workspace.succeed(again);
  EXPECT_EQ(first.out, workspace.succeed(again).out);
  EXPECT_EQ(first.number({"fitted_to"}), 200);
}

TEST(Travel, without_rides_held_out_no_error_is_claimed) {
  Workspace workspace;
  Outcome const fit = workspace.succeed({"travel", "fit", porto, "--holdout", "0", "--json"});
  EXPECT_FALSE(fit.json().has("error"));
  EXPECT_EQ(fit.number({"fitted_to"}), 960);
}

TEST(Travel, what_does_not_go_together_is_refused_by_name) {
  Workspace workspace;
  workspace.put("places.json", three_places);
  workspace.put("bad.json", "[[1,2],[3]]");
  workspace.put("speeds.json", "{}");
  Words const table{"travel", "table", "places.json"};
  workspace.refuse(table + Words{"--travel", "osrm"}, 2, {"--travel osrm needs --travel-url"});
  workspace.refuse(table + Words{"--travel", "osmr"}, 2, {"--travel"});
  workspace.refuse(table + Words{"--travel-url", "http://x"}, 2, {"--travel-url does not go with --travel straight"});
  workspace.refuse(table + Words{"--travel-profile", "x"}, 2, {"--travel-profile does not go with"});
  workspace.refuse(table + Words{"--travel", "recorded"}, 2, {"--travel recorded needs --travel-file"});
  workspace.refuse(table + Words{"--travel-file", "x"}, 2, {"--travel-file does not go with"});
  workspace.refuse(table + Words{"--speeds", "speeds.json"}, 2, {"speeds.json: ", "regulus-speeds-1"});
  workspace.refuse(table + Words{"--travel", "osrm", "--travel-url", "roads:5000"}, 2, {"http://HOST:PORT"});
  workspace.refuse({"travel", "table", "bad.json"}, 2, {"bad.json: place 1 = [3] is not [longitude, latitude]"});
  workspace.refuse({"travel", "table", "none.json"}, 2, {"none.json"});
  workspace.refuse({"travel", "record", "places.json"}, 2, {"needs --output"});
  workspace.refuse({"travel", "fit", "places.json"}, 2, {"places.json"});
  workspace.refuse({"travel", "table"}, 2, {"input"});
}

TEST(Travel, a_server_that_is_not_there_leaves_estimates_and_says_so) {
  Workspace workspace;
  workspace.put("places.json", three_places);
  // Port 1 is reserved, and nothing listens there.
  Outcome const outcome = workspace.succeed(
      {"travel", "table", "places.json", "--travel", "osrm", "--travel-url", "http://127.0.0.1:1", "--json"});
  EXPECT_EQ(outcome.number({"report", "estimated"}), 6);
  EXPECT_NE(outcome.json().find("report")->find("last_error")->as_string().find("refused"), std::string::npos);
}

}  // namespace
}  // namespace regulus::app
