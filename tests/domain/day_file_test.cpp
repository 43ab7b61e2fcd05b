#include "domain/day_file.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "tests/domain/random_day.h"

namespace regulus {
namespace {

constexpr char const* small_day = R"({
  "format": "regulus-day-1",
  "skill_names": ["oxygen"],
  "places": [[6.63, 46.52], [6.57, 46.53]],
  "drivers": [{"id": 1, "vehicle": {"layouts": [{"ambulatory": 4}]}, "shift": ["07:00", "15:00:00"], "start": 0}],
  "bookings": [{"id": 71, "class": "outbound", "pickup": 0, "dropoff": 1, "seats": {"wheelchair": 1},
                "pickup_window": [28800, "08:10"], "dropoff_window": ["08:30", null], "skills": ["oxygen"]}]
})";

// The small day with one text replaced by another.
std::string altered(std::string const& from, std::string const& to) {
  std::string text = small_day;
  std::size_t const at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_refusal(std::string const& text, std::vector<std::string> const& said) {
  Result<Day> const day = parse_day(text);
  ASSERT_FALSE(day) << text;
  for (std::string const& part : said) {
    EXPECT_NE(day.error().message.find(part), std::string::npos) << part << "\nis not in: " << day.error().message;
  }
}

RC_GTEST_PROP(DayFile, a_day_comes_back_from_its_json, ()) {
  Day const day = some_day();
  Status const sound = check_day(day);
  RC_ASSERT(static_cast<bool>(sound));
  Json const json = to_json(day);
  for (int const indent : {-1, 2}) {
    Result<Day> const read = parse_day(json.dump(indent));
    RC_ASSERT(static_cast<bool>(read));
    RC_ASSERT(*read == day);
  }
  RC_ASSERT(to_json(*day_of(json)) == json);
}

RC_GTEST_PROP(DayFile, without_its_reality_a_day_says_nothing_of_the_future, ()) {
  Day day = some_day();
  Result<Day> const read = day_of(to_json(day, false));
  RC_ASSERT(static_cast<bool>(read));
  day.reality = {};
  RC_ASSERT(*read == day);
}

RC_GTEST_PROP(PlanFile, a_plan_comes_back_from_its_json, ()) {
  Plan const plan = some_plan();
  Result<Plan> const read = parse_plan(to_json(plan).dump());
  RC_ASSERT(static_cast<bool>(read));
  RC_ASSERT(*read == plan);
}

RC_GTEST_PROP(DayFile, no_damage_to_one_value_is_read_without_a_word_or_crashes, ()) {
  // Every member of the document in turn becomes something else: what is accepted must be another sound day.
  Json json = parse_json(small_day).take();
  std::vector<Json*> values{&json};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i]->is_object()) {
      for (auto& [key, member] : values[i]->as_object()) values.push_back(&member);
    } else if (values[i]->is_array()) {
      for (Json& item : values[i]->as_array()) values.push_back(&item);
    }
  }
  Json& target = *values[*rc::gen::inRange<std::size_t>(0, values.size())];
  target = *rc::gen::element<Json>(Json(), -1, 7, 1e18, 0.5, "08:00", "", true, Json::array(), Json::object());
  Result<Day> const read = day_of(json);
  if (read) {
    RC_ASSERT(static_cast<bool>(check_day(*read)));
  } else {
    RC_ASSERT(!read.error().message.empty());
  }
}

TEST(Clock, is_written_and_read_also_before_and_after_the_day) {
  // 8 × 3600 + 5 × 60 + 30 = 29130; 25 × 3600 + 600 = 90600.
  EXPECT_EQ(clock_text(29'130), "08:05:30");
  EXPECT_EQ(clock_text(90'600), "25:10:00");
  EXPECT_EQ(clock_text(-600), "-00:10:00");
  EXPECT_EQ(*parse_clock("08:05:30"), 29'130);
  EXPECT_EQ(*parse_clock("8:05"), 29'100);
  EXPECT_EQ(*parse_clock("25:10"), 90'600);
  EXPECT_EQ(*parse_clock("-00:10:00"), -600);
}

TEST(Clock, refuses_what_is_no_time) {
  for (char const* text : {"", "8", "8:5", "08:60", "08:00:60", "08:00:00:00", "08:0a", "+8:00", " 08:00", "08:00 ",
                           "08::00", "--08:00", "999999999999:00", "08:00:", ":30"}) {
    Result<Seconds> const read = parse_clock(text);
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().message.find("HH:MM"), std::string::npos);
  }
}

TEST(DayFile, reads_moments_as_text_or_seconds_and_an_open_end_as_null) {
  Result<Day> const day = parse_day(small_day);
  ASSERT_TRUE(day) << day.error().message;
  EXPECT_EQ(day->drivers[0].shift, (Window{25'200, 54'000}));
  EXPECT_EQ(day->bookings[0].pickup_window, (Window{28'800, 29'400}));
  EXPECT_EQ(day->bookings[0].dropoff_window, (Window{30'600, never}));
  EXPECT_EQ(day->bookings[0].seats[SeatKind::wheelchair], 1);
  EXPECT_EQ(day->bookings[0].skills, Skills{1});
  // [longitude, latitude], as everywhere in JSON about places.
  EXPECT_EQ(day->places[1], (Point{.latitude = 46.53, .longitude = 6.57}));
}

TEST(DayFile, names_path_value_and_remedy_of_what_is_wrong) {
  expect_refusal(altered("\"08:10\"", "\"8 o'clock\""),
                 {"bookings[0].pickup_window[1]", "8 o'clock", "HH:MM:SS, HH:MM or seconds"});
  expect_refusal(altered("\"outbound\"", "\"outward\""), {"bookings[0].class", "\"outward\"", "outbound inbound"});
  expect_refusal(altered("\"pickup\": 0", "\"pickup\": 0.5"), {"bookings[0].pickup", "0.5", "no whole number"});
  expect_refusal(altered("\"pickup\": 0", "\"pickup\": 9"), {"booking 71: pickup = 9", "places, which has 2"});
  expect_refusal(altered("[6.63, 46.52]", "[6.63]"), {"places[0]", "[longitude, latitude]"});
  expect_refusal(altered("[6.63, 46.52]", "[46.52, 186.63]"), {"place 0", "186.63", "latitude -90 to 90"});
  expect_refusal(altered("\"wheelchair\"", "\"wheelchairs\""),
                 {"bookings[0].seats", "\"wheelchairs\"", "did you mean wheelchair?"});
  expect_refusal(altered("\"wheelchair\": 1", "\"wheelchair\": 40000"), {"bookings[0].seats.wheelchair", "40000"});
  expect_refusal(altered("[\"oxygen\"]}]", "[\"oxigen\"]}]"), {"bookings[0].skills[0]", "oxigen", "mean oxygen?"});
  expect_refusal(altered("\"shift\": [\"07:00\", \"15:00:00\"], ", ""), {"drivers[0] has no \"shift\""});
  expect_refusal(altered("[\"07:00\", \"15:00:00\"]", "[\"07:00\"]"), {"drivers[0].shift", "[from, to]"});
  expect_refusal(altered("[\"07:00\", \"15:00:00\"]", "[null, \"15:00\"]"), {"drivers[0].shift[0]", "null"});
  expect_refusal(altered("\"08:10\"", "\"07:10\""), {"booking 71", "pickup_window", "ends before it starts"});
  expect_refusal(altered("regulus-day-1", "regulus-day-2"), {"format", "regulus-day-2", "regulus-day-1"});
  expect_refusal(altered("\"skill_names\"", "\"skill_nams\""), {"\"skill_nams\"", "did you mean skill_names?"});
  expect_refusal(altered("\"places\"", "\"weights\": {\"km\": -1}, \"places\""), {"weights", "km", "-1"});
  expect_refusal("[]", {"the document", "no object"});
  expect_refusal("{", {"not JSON"});
}

TEST(PlanFile, refuses_what_no_plan_is) {
  auto const refused = [](std::string const& routes, std::string const& said) {
    Result<Plan> const plan = parse_plan(R"({"format": "regulus-plan-1", "routes": )" + routes + "}");
    ASSERT_FALSE(plan) << routes;
    EXPECT_NE(plan.error().message.find(said), std::string::npos) << plan.error().message;
  };
  refused(R"([{"driver": 2, "stops": []}, {"driver": 2, "stops": []}])", "routes[1].driver = 2 is not above");
  refused(R"([{"driver": 1, "stops": [{"kind": "pickup", "break": 1}]}])", "routes[0].stops[0]");
  refused(R"([{"driver": 1, "stops": [{"kind": "rest", "booking": 1}]}])", "must name its \"break\"");
  // Found by a fuzzer: a moment that no time of day could write.
  refused(R"([{"driver": 1, "stops": [{"kind": "pickup", "booking": 1, "planned": 4503599627370495}]}])", "is no time");
  refused(R"([{"driver": 1, "stops": [{"kind": "pickup", "booking": 0}]}])", "stops[0].booking = 0");
  refused(R"([{"driver": 1, "stops": [{"kind": "pickup", "booking": 1}, {"kind": "dropoff", "booking": 1,
          "locked": true}]}])",
          "locked behind a stop that is not");
}

}  // namespace
}  // namespace regulus
