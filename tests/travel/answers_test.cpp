#include "travel/answers.h"

#include <gtest/gtest.h>

namespace regulus::travel {
namespace {

using Kind = TableAnswer::Kind;
using Numbers = std::vector<std::int32_t>;

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// What OSRM 26.10 said of two sources and two targets in Monaco.
constexpr char const* osrm_answer =
    R"({"code":"Ok","distances":[[1302.5,895.2],[0,2130.1]],"destinations":[{"distance":36.34873472,)"
    R"("name":"Avenue Princesse Alice","location":[7.426486,43.738653]},{"distance":13.76432072,"name":"",)"
    R"("location":[7.417537,43.729374]}],"durations":[[100.8,157.8],[0,171.5]],"sources":[{"distance":30.79158355,)"
    R"("name":"Tunnel Rocher Palais","location":[7.419557,43.731357]},{"distance":36.34873472,)"
    R"("name":"Avenue Princesse Alice","location":[7.426486,43.738653]}]})";

// What Valhalla 3.9.1 said of the same places.
constexpr char const* valhalla_compact =
    R"({"sources_to_targets":{"durations":[[80,109],[0,172]],"distances":[[1.331,0.893],[0.0,2.246]]},)"
    R"("units":"kilometers","algorithm":"costmatrix"})";
constexpr char const* valhalla_verbose =
    R"({"sources_to_targets":[[{"from_index":0,"to_index":0,"time":80,"distance":1.331,"cost":794.452},)"
    R"({"from_index":0,"to_index":1,"time":109,"distance":0.893,"cost":232.487}],)"
    R"([{"from_index":1,"to_index":0,"time":0,"distance":0.0,"cost":0.0},)"
    R"({"from_index":1,"to_index":1,"time":172,"distance":2.246,"cost":354.143}]],)"
    R"("sources":[],"targets":[],"units":"kilometers","algorithm":"costmatrix"})";

Result<TableAnswer> osrm(std::string const& body, int status = 200, TableSize size = {2, 2}) {
  return osrm_table({status, body}, size);
}
Result<TableAnswer> valhalla(std::string const& body, int status = 200, TableSize size = {2, 2}) {
  return valhalla_matrix({status, body}, size);
}

TEST(OsrmAnswer, is_a_table_of_seconds_and_metres_rounded_up) {
  Result<TableAnswer> const answer = osrm(osrm_answer);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->kind, Kind::cells);
  EXPECT_EQ(answer->cells.seconds, (Numbers{101, 158, 0, 172}));
  EXPECT_EQ(answer->cells.metres, (Numbers{1303, 896, 0, 2131}));
  EXPECT_EQ(answer->data_version, "");
}

TEST(OsrmAnswer, keeps_the_version_of_the_map) {
  auto const answer =
      osrm(R"({"code":"Ok","durations":[[1]],"distances":[[2]],"data_version":"2026-11-01"})", 200, {1, 1});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->data_version, "2026-11-01");
}

TEST(OsrmAnswer, without_a_road_is_never_nought) {
  auto const answer = osrm(R"({"code":"Ok","durations":[[null,5.0]],"distances":[[null,null]]})", 200, {1, 2});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->cells.seconds, (Numbers{no_road, no_road}));
  EXPECT_EQ(answer->cells.metres, (Numbers{no_road, no_road}));
}

TEST(OsrmAnswer, of_a_place_off_the_road_names_it) {
  auto const answer =
      osrm(R"({"message":"Could not find a matching segment for coordinate 3","code":"NoSegment"})", 400);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, Kind::off_road);
  EXPECT_EQ(answer->places, std::vector<std::size_t>{3});
}

TEST(OsrmAnswer, that_names_no_place_or_one_that_nobody_asked_for_names_none) {
  for (char const* message : {"Could not find a matching segment for coordinate 4", "Somewhere", "", "-1",
                              "coordinate 99999999999999999999999"}) {
    auto const answer = osrm(std::string(R"({"code":"NoSegment","message":")") + message + "\"}", 400);
    ASSERT_TRUE(answer) << message;
    EXPECT_EQ(answer->kind, message == std::string("-1") ? Kind::off_road : Kind::somewhere_lost) << message;
  }
}

TEST(OsrmAnswer, that_is_too_big_says_so) {
  auto const answer = osrm(R"({"message":"Too many table coordinates","code":"TooBig"})", 400);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, Kind::too_big);
}

TEST(OsrmAnswer, that_refuses_for_good_passes_on_the_reason) {
  auto const answer = osrm(R"({"message":"Coordinates are invalid","code":"InvalidOptions"})", 400);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::invalid);
  EXPECT_EQ(answer.error().message, "OSRM refuses: InvalidOptions: Coordinates are invalid");
}

TEST(ValhallaAnswer, is_a_table_in_kilometres_in_both_shapes) {
  for (char const* body : {valhalla_compact, valhalla_verbose}) {
    Result<TableAnswer> const answer = valhalla(body);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->kind, Kind::cells);
    EXPECT_EQ(answer->cells.seconds, (Numbers{80, 109, 0, 172}));
    EXPECT_EQ(answer->cells.metres, (Numbers{1331, 893, 0, 2246}));
  }
}

TEST(ValhallaAnswer, in_miles_is_read_as_miles) {
  auto const answer =
      valhalla(R"({"sources_to_targets":{"durations":[[80]],"distances":[[1.5]]},"units":"miles"})", 200, {1, 1});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->cells.metres, Numbers{2415});  // 1.5 × 1,609.344 = 2,414.016, rounded up
}

TEST(ValhallaAnswer, without_a_road_is_never_nought) {
  for (char const* body :
       {R"({"sources_to_targets":{"durations":[[null]],"distances":[[null]]},"units":"kilometers"})",
        R"({"sources_to_targets":[[{"from_index":0,"to_index":0,"time":null,"distance":null}]],"units":"kilometers"})",
        R"({"sources_to_targets":[[{"from_index":0,"to_index":0,"time":null,"distance":0}]],"units":"kilometers"})"}) {
    auto const answer = valhalla(body, 200, {1, 1});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->cells.seconds, Numbers{no_road});
    EXPECT_EQ(answer->cells.metres, Numbers{no_road});
  }
}

TEST(ValhallaAnswer, that_is_an_error_says_which) {
  for (auto const& [code, kind] : std::vector<std::pair<int, Kind>>{{150, Kind::too_big},
                                                                    {154, Kind::too_big},
                                                                    {170, Kind::not_connected},
                                                                    {442, Kind::not_connected},
                                                                    {171, Kind::somewhere_lost}}) {
    auto const answer = valhalla("{\"error_code\":" + std::to_string(code) + ",\"error\":\"text\"}", 400);
    ASSERT_TRUE(answer) << code;
    EXPECT_EQ(answer->kind, kind) << code;
  }
  auto const other = valhalla(R"({"error_code":125,"error":"No costing method found","status_code":400})", 400);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::invalid);
  EXPECT_EQ(other.error().message, "Valhalla refuses: 125: No costing method found");
}

TEST(ValhallaAnswer, names_the_places_without_a_road) {
  auto const lost = valhalla_lost_places(
      {200,
       R"([{"input_lat":43.7311,"edges":[{"way_id":80378487}],"nodes":[]},{"edges":[],"nodes":[]},{"edges":null}])"},
      3);
  ASSERT_TRUE(lost) << lost.error().message;
  EXPECT_EQ(*lost, (std::vector<std::size_t>{1, 2}));
  EXPECT_FALSE(valhalla_lost_places({200, "[]"}, 3));
  EXPECT_FALSE(valhalla_lost_places({200, "{}"}, 0));
}

// Each is answered with an Error of kind io: what a server says that is no answer is the server's fault, worth another
// try, and never a cell.
TEST(Answers, that_make_no_sense_are_errors) {
  std::string const seconds = R"({"code":"Ok","durations":)", metres = R"(,"distances":)";
  auto const osrm_cells = [&](std::string const& s, std::string const& m) { return seconds + s + metres + m + "}"; };
  for (std::string const& body : {
           std::string(),
           std::string("<html>Bad Gateway</html>"),
           std::string("null"),
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"code":"Ok"})"),
           std::string(R"({"code":7})"),
           std::string(osrm_answer).substr(0, 200),
           osrm_cells("[[1,2],[3,4]]", "[[1,2]]"),      // a row is missing
           osrm_cells("[[1,2],[3]]", "[[1,2],[3,4]]"),  // a cell is missing
           osrm_cells("[[1,2],[3,4],[5,6]]", "[[1,2],[3,4]]"),
           osrm_cells("[[1,2,3],[3,4,5]]", "[[1,2,3],[3,4,5]]"),
           osrm_cells("[1,2]", "[3,4]"),
           osrm_cells("[[1,2],[3,-4]]", "[[1,2],[3,4]]"),  // negative
           osrm_cells("[[1,2],[3,1e300]]", "[[1,2],[3,4]]"),
           osrm_cells("[[1,2],[3,604801]]", "[[1,2],[3,4]]"),  // longer than a week
           osrm_cells("[[1,2],[3,99999999999999999999]]", "[[1,2],[3,4]]"),
           osrm_cells("[[1,2],[3,NaN]]", "[[1,2],[3,4]]"),
           osrm_cells("[[1,2],[3,\"4\"]]", "[[1,2],[3,4]]"),
           osrm_cells("[[1,2],[3,4]]", "[[1,2],[3,[]]]"),
           osrm_cells("[[1,2],[3,4]]", "[[1,2],[3,2e10]]"),
       }) {
    auto const answer = osrm(body);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().kind, ErrorKind::io) << body;
  }
  for (std::string const& body : {
           std::string(),
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"sources_to_targets":null})"),
           std::string(R"({"sources_to_targets":{"durations":[[1,2],[3,4]]}})"),
           std::string(R"({"sources_to_targets":{"durations":[[1,2],[3,4]],"distances":[[1,2],[3,-4]]}})"),
           std::string(R"({"sources_to_targets":[[{},{}],[{},{}]]})"),
           std::string(R"({"sources_to_targets":[[1,2],[3,4]]})"),
           // The cells of another order: to 1, 0 instead of 0, 1.
           std::string(R"({"sources_to_targets":[[{"to_index":1,"time":1,"distance":1},{"to_index":0,"time":1,)") +
               R"("distance":1}],[{"time":1,"distance":1},{"time":1,"distance":1}]]})",
       }) {
    auto const answer = valhalla(body);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().kind, ErrorKind::io) << body;
  }
}

TEST(Answers, of_a_server_in_trouble_are_errors_whatever_they_hold) {
  for (int const status : {500, 502, 503, 504, 429}) {
    auto const answer = osrm(osrm_answer, status);
    ASSERT_FALSE(answer) << status;
    EXPECT_TRUE(contains(answer.error().message, std::to_string(status))) << answer.error().message;
    EXPECT_FALSE(valhalla(valhalla_compact, status)) << status;
  }
}

}  // namespace
}  // namespace regulus::travel
