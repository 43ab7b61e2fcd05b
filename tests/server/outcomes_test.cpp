// What a status says of the requests that have come to their end, by who decided about them.
#include <gtest/gtest.h>

#include "tests/server/support.h"

namespace regulus::server {
namespace {

class Outcomes : public ::testing::Test {
 protected:
  Outcomes() {
    test_.company(1, true);
    expect(200, ask("PUT", "/settings", parse_json(R"({"auto_dispatch": false, "improve": false})").take()));
    for (char const* name : {"A", "B"}) {
      Json driver =
          parse_json(R"({"vehicle": {"layouts": [{"ambulatory": 4}]}, "shift": {"from": "07:00", "to": "17:00"},
                                   "start": {"latitude": 46.2, "longitude": 6.14}})")
              .take();
      driver["name"] = name;
      expect(201, ask("POST", "/drivers", driver));
    }
  }
  Response ask(std::string const& method, std::string const& rest, std::optional<Json> json) {
    return test_.ask(method, "/api/v1/companies/1" + rest,
                     {.token = test_.administrator(), .json = std::move(json), .headers = {}});
  }
  static Json expect(int status, Response const& response) {
    EXPECT_EQ(response.status, status) << response.body;
    return json_of(response);
  }
  // Asked for at 10:00 to 10:20 local time.
  std::int64_t book() {
    Json const ride = parse_json(R"({"class": "on_demand", "pickup": {"latitude": 46.2, "longitude": 6.14},
                                     "dropoff": {"latitude": 46.21, "longitude": 6.14},
                                     "pickup_window": ["2026-03-02T09:00:00Z", "2026-03-02T09:20:00Z"]})")
                          .take();
    return expect(201, ask("POST", "/bookings", ride)).find("id")->as_integer();
  }
  void run() { expect(200, ask("POST", "/dispatch:run", at("08:30"))); }
  static Json at(std::string const& clock) { return Json::object({{"at", fmt::format("2026-03-02T{}:00Z", clock)}}); }
  void report(std::int64_t ride, std::string const& what, std::string const& clock) {
    expect(200, ask("POST", fmt::format("/assignments/{}/{}", ride, what), at(clock)));
  }
  // The pickup begins and ends at that moment.
  void drive(std::int64_t ride, std::string const& pickup, std::string const& dropoff) {
    report(ride, "start", "08:50");
    report(ride, "arrive", pickup);
    report(ride, "board", pickup);
    report(ride, "complete", dropoff);
  }
  Json of(std::string const& who) {
    Json const status = json_of(test_.get("/api/company_dispatch/rl/status?company_id=1", test_.administrator()));
    return *status.find("counters")->find("by_" + who);
  }

  ServerUnderTest test_;
};

TEST_F(Outcomes, are_counted_for_whoever_gave_the_ride_to_its_driver) {
  std::int64_t const in_time = book();
  run();
  drive(in_time, "09:10", "09:30");
  EXPECT_EQ(of("rule").find("requested")->as_integer(), 1);
  EXPECT_EQ(of("rule").find("on_time_share")->as_number(), 1);
  EXPECT_EQ(of("rule").find("late_minutes")->as_number(), 0);
  EXPECT_EQ(of("person").find("requested")->as_integer(), 0);
  EXPECT_TRUE(of("person").find("late_minutes")->is_null());

  // By hand, and 25 minutes after the window: 5 are tolerated on demand.
  std::int64_t const late = book();
  Json given = Json::object({{"booking", late}, {"driver", 2}});
  given["at"] = *at("08:30").find("at");
  expect(200, ask("POST", "/assignments", given));
  drive(late, "09:45", "10:05");
  EXPECT_EQ(of("person").find("requested")->as_integer(), 1);
  EXPECT_EQ(of("person").find("on_time_share")->as_number(), 0);
  EXPECT_EQ(of("person").find("late_minutes")->as_number(), 20);
  EXPECT_EQ(of("rule").find("requested")->as_integer(), 1);
}

TEST_F(Outcomes, of_a_ride_that_changes_hands_are_the_last_ones) {
  std::int64_t const ride = book();
  run();
  std::int64_t const driver =
      expect(200, ask("GET", fmt::format("/bookings/{}", ride), {})).find("driver")->as_integer();
  Json given = Json::object({{"booking", ride}, {"driver", 3 - driver}});
  given["at"] = *at("08:40").find("at");
  expect(200, ask("POST", "/assignments", given));
  drive(ride, "09:10", "09:30");
  EXPECT_EQ(of("person").find("requested")->as_integer(), 1);
  EXPECT_EQ(of("rule").find("requested")->as_integer(), 0);
}

TEST_F(Outcomes, of_a_ride_that_is_called_off_are_none) {
  std::int64_t const ride = book();
  run();
  expect(200, ask("POST", fmt::format("/bookings/{}/cancel", ride), Json::object()));
  for (char const* who : {"rule", "model", "person", "nobody"}) EXPECT_EQ(of(who).find("requested")->as_integer(), 0);
}

}  // namespace
}  // namespace regulus::server
