#include "travel/recording.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/json.h"
#include "travel/provider.h"

namespace regulus::travel {
namespace {

constexpr char const* golden =
    "{\"format\":\"regulus-travel-1\",\"provider\":\"osrm\",\"data_version\":\"2016\","
    "\"places\":[[7.4197,43.7311],[7.4262,43.7384]],\"seconds\":[[0,101],[null,0]],"
    "\"metres\":[[0,1303],[null,0]]}\n";

Recording monaco() {
  return {.provider = "osrm",
          .data_version = "2016",
          .places = {{43.7311, 7.4197}, {43.7384, 7.4262}},
          .seconds = {0, 101, no_road, 0},
          .metres = {0, 1303, no_road, 0}};
}

TEST(Recording, is_written_as_the_format_says) { EXPECT_EQ(recording_text(monaco()), golden); }

TEST(Recording, reads_back_as_it_was_written) {
  Result<Recording> const read = parse_recording(golden);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, monaco());
}

RC_GTEST_PROP(Recording, of_any_table_reads_back_as_it_was_written, ()) {
  auto const side = static_cast<std::size_t>(*rc::gen::inRange(1, 6));
  Recording recording{.provider = "valhalla",
                      .data_version = *rc::gen::element<std::string>("", "a \"b\" ü"),
                      .places = {},
                      .seconds = {},
                      .metres = {}};
  for (std::size_t i = 0; i < side; ++i)
    recording.places.push_back({*rc::gen::inRange(-89'000, 89'000) / 1e3, 10.0 + static_cast<double>(i) / 1e3});
  for (std::size_t cell = 0; cell < side * side; ++cell) {
    bool const road = *rc::gen::arbitrary<bool>();
    recording.seconds.push_back(road ? *rc::gen::inRange(0, no_road_seconds) : no_road);
    recording.metres.push_back(road ? *rc::gen::inRange(0, no_road_metres) : no_road);
  }
  Result<Recording> const read = parse_recording(recording_text(recording));
  RC_ASSERT(read);
  RC_ASSERT(*read == recording);
}

TEST(Recording, of_a_table_keeps_its_cells_and_leaves_out_places_that_are_the_same) {
  std::vector<Point> const places{{43.7311, 7.4197}, {43.73111, 7.41971}, {43.7384, 7.4262}};
  TravelTimes const times = TravelTimes::table(3, {0, 0, 101, 0, 0, 101, no_road_seconds, no_road_seconds, 0},
                                               {0, 0, 1303, 0, 0, 1303, no_road_metres, no_road_metres, 0});
  Recording const recording = record(places, times);
  EXPECT_EQ(recording.places, (std::vector<Point>{{43.7311, 7.4197}, {43.7384, 7.4262}}));
  EXPECT_EQ(recording.seconds, (std::vector<std::int32_t>{0, 101, no_road, 0}));
  EXPECT_EQ(recording.metres, (std::vector<std::int32_t>{0, 1303, no_road, 0}));
}

// A place of 11 m by 8 m at this latitude: the fourth decimal decides.
TEST(Recording, knows_places_by_four_decimals) {
  EXPECT_EQ(cell_of({43.73114, 7.41974}), cell_of({43.7311, 7.4197}));
  EXPECT_NE(cell_of({43.73116, 7.4197}), cell_of({43.7311, 7.4197}));
  EXPECT_NE(cell_of({43.7311, -7.4197}), cell_of({43.7311, 7.4197}));
  EXPECT_NE(cell_of({7.4197, 43.7311}), cell_of({43.7311, 7.4197}));
}

TEST(Recording, that_is_damaged_is_refused_with_path_and_value) {
  auto const with = [](std::string const& from, std::string const& to) {
    std::string text = golden;
    std::size_t const at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  for (auto const& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"", "line 1"},
           {"[]", "\"format\" is not"},
           {with("regulus-travel-1", "regulus-travel-2"), "\"format\" is not"},
           {with("\"provider\":\"osrm\",", ""), "provider is missing"},
           {with("\"osrm\"", "7"), "provider is not a text"},
           {with("{\"format\"", "{\"note\":1,\"format\""), "note is not known"},
           {with("[7.4197,43.7311]", "[7.4197]"), "places[0] = [7.4197]"},
           {with("43.7311", "143.7311"), "places[0] = [7.4197,143.7311]"},
           {with("[7.4262,43.7384]", "[7.41971,43.73111]"), "places[0] and places[1] are the same"},
           {with("[[7.4197,43.7311],[7.4262,43.7384]]", "[]"), "places is not a list"},
           {with("[[0,101],[null,0]]", "[[0,101]]"), "seconds is not a list of 2 rows"},
           {with("[null,0]]", "[null]]"), "seconds[1] is not a list of 2 cells"},
           {with("101", "-1"), "seconds[0][1] = -1"},
           {with("101", "101.5"), "seconds[0][1] = 101.5"},
           {with("101", "604801"), "seconds[0][1] = 604801"},
           {with("1303", "20000001"), "metres[0][1] = 20000001"},
           {with("1303", "null"), "disagree whether there is a road"},
       }) {
    Result<Recording> const read = parse_recording(text);
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().message.find(part), std::string::npos) << read.error().message;
  }
}

}  // namespace
}  // namespace regulus::travel
