#include "server/live.h"
#include "store/decisions.h"
#include "store/suggestions.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

// A Monday of company 1 in Zurich (UTC+1): rides written into the store as they ended.
class Measures : public ::testing::Test {
 protected:
  Measures() {
    test_.company(1);
    test_.write(
        [&](store::Transaction& tx) { return store::add_driver(tx, {.company = 1, .id = 1, .name = "Nadia"}); });
  }
  // Window 09:00 to 09:10 local. A ride picked up and put down so many minutes after nine has ended well.
  BookingId ride(BookingStatus status, int picked_up = -1, int dropped_off = -1, int days_later = 0) {
    BookingBody body;
    body.booking.booking_class = BookingClass::outbound;  // nothing is tolerated
    body.booking.seats = Seats{{1, 0, 0}};
    Instant const nine = monday_morning + days_later * 24LL * 3'600 * one_second;  // 08:00 UTC
    body.pickup_window = {nine, nine + 10 * 60 * one_second};
    body.dropoff_window = InstantWindow{nine, nine + 30 * 60 * one_second};
    BookingState state;
    if (picked_up >= 0) state.picked_up = 9 * 3'600 + 60 * picked_up;
    if (dropped_off >= 0) state.dropped_off = 9 * 3'600 + 60 * dropped_off;
    return test_
        .write([&](store::Transaction& tx) {
          return store::add_booking(tx,
                                    {.company = 1,
                                     .status = status,
                                     .pickup_at_us = nine,
                                     .body = stored_body({.asked = body, .state = state})},
                                    test_.now());
        })
        .id;
  }
  std::string decide(std::string const& arm, std::vector<BookingId> const& bookings, std::string const& fallback = "",
                     std::optional<double> agreement = {}) {
    dispatch::Decision decision;
    DriverRoute route{.driver = 1, .stops = {}};
    for (BookingId const id : bookings) route.stops.push_back({.kind = StopKind::pickup, .index = id});
    decision.routes.push_back(route);
    return test_
        .write([&](store::Transaction& tx) {
          store::StoredDecision row{.company = 1, .at_us = monday_morning, .kind = "insertion", .arm = arm};
          row.answer = to_json(decision);
          row.agreement = agreement;
          if (!fallback.empty()) row.fallback_reason = fallback;
          return store::add_decision(tx, row, test_.server().entropy());
        })
        .id;
  }
  Json measure(std::string const& query) {
    Response const response =
        test_.get("/api/v1/companies/1/metrics?from=2026-03-02&to=2026-03-03" + query, test_.administrator());
    EXPECT_EQ(response.status, 200) << response.body;
    return json_of(response);
  }
  static Json const& figures(Json const& answer, std::string const& group) {
    for (Json const& g : answer.find("groups")->as_array()) {
      if (text_at(g, "group") == group) return *g.find("figures");
    }
    ADD_FAILURE() << "no group " << group;
    static Json const none;
    return none;
  }
  static double value(Json const& of, std::string const& name) { return of.find(name)->find("value")->as_number(); }

  ServerUnderTest test_;
};

TEST_F(Measures, figures_are_per_requested_booking) {
  ride(BookingStatus::completed, 5, 25);   // in time
  ride(BookingStatus::completed, 22, 38);  // 12 + 8 minutes late
  ride(BookingStatus::unserved);
  ride(BookingStatus::pending);
  ride(BookingStatus::cancelled);  // not wanted any more: does not count
  Json const answer = measure("");
  Json const& all = figures(answer, "all");
  EXPECT_DOUBLE_EQ(value(all, "late_minutes"), 20.0 / 4);
  EXPECT_DOUBLE_EQ(value(all, "on_time_share"), 1.0 / 4);
  EXPECT_DOUBLE_EQ(value(all, "unserved_share"), 1.0 / 4);
  EXPECT_EQ(*all.find("late_minutes")->find("of"), Json(4));
}

TEST_F(Measures, a_booking_belongs_to_whoever_gave_it_to_its_driver) {
  BookingId const a = ride(BookingStatus::completed, 5, 25), b = ride(BookingStatus::completed, 20, 25);
  ride(BookingStatus::pending);
  decide("rule", {a});
  decide("model", {a, b});  // a keeps its driver: it stays the rule's
  Json const answer = measure("&by=arm");
  EXPECT_DOUBLE_EQ(value(figures(answer, "rule"), "late_minutes"), 0);
  EXPECT_EQ(*figures(answer, "rule").find("late_minutes")->find("of"), Json(1));
  EXPECT_DOUBLE_EQ(value(figures(answer, "model"), "late_minutes"), 10);
  EXPECT_EQ(*figures(answer, "nobody").find("late_minutes")->find("of"), Json(1));
  EXPECT_EQ(*figures(answer, "model").find("decisions")->find("value"), Json(1));
  EXPECT_EQ(*figures(answer, "all").find("decisions")->find("value"), Json(2));
  EXPECT_TRUE(figures(answer, "person").find("late_minutes")->find("value")->is_null());
  EXPECT_FALSE(figures(answer, "rule").has("agreement"));
}

TEST_F(Measures, agreement_fallbacks_and_suggestions_are_counted) {
  BookingId const a = ride(BookingStatus::pending);
  ride(BookingStatus::pending);
  decide("rule", {}, "", 0.5);
  decide("rule", {}, "late", 1.0);
  decide("model", {});
  std::string const suggested = decide("suggestion", {a});
  test_.write([&](store::Transaction& tx) -> Status {
    auto const made = store::add_suggestion(
        tx, {.company = 1, .booking = a, .driver = 1, .decision = suggested, .expires_us = test_.now() + one_second},
        test_.now(), test_.server().entropy());
    if (!made) return made.error();
    auto const closed = store::close_suggestion(
        tx, {.company = 1, .id = made->id, .status = store::SuggestionStatus::accepted, .by = "x"}, {}, test_.now());
    return closed ? ok() : Status(closed.error());
  });
  Json const answer = measure("");
  Json const& all = figures(answer, "all");
  EXPECT_DOUBLE_EQ(value(all, "agreement"), 0.75);
  EXPECT_DOUBLE_EQ(value(all, "fallback_rate"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(value(all, "suggestions_accepted"), 0.5);
  EXPECT_DOUBLE_EQ(value(all, "suggestions_rejected"), 0);
  EXPECT_EQ(*all.find("decisions")->find("value"), Json(3));
}

TEST_F(Measures, only_what_was_asked_for_is_answered) {
  ride(BookingStatus::unserved);
  Json const answer = measure("&names=unserved_share,decisions");
  EXPECT_EQ(figures(answer, "all").as_object().size(), 2U);
  // The next day has no rides: there is nothing to divide by.
  Json const next =
      json_of(test_.get("/api/v1/companies/1/metrics?from=2026-03-03&to=2026-03-04", test_.administrator()));
  EXPECT_TRUE(figures(next, "all").find("unserved_share")->find("value")->is_null());
}

TEST_F(Measures, steps_are_days_of_the_company_and_add_up_to_the_whole) {
  ride(BookingStatus::completed, 5, 25);
  ride(BookingStatus::completed, 22, 38, 1);
  ride(BookingStatus::unserved, -1, -1, 1);
  decide("rule", {});
  auto const ask = [&](std::string const& query) {
    Response const response = test_.get("/api/v1/companies/1/metrics?" + query, test_.administrator());
    EXPECT_EQ(response.status, 200) << response.body;
    return json_of(response);
  };
  Json const answer = ask("from=2026-03-02&to=2026-03-05&step=day");
  auto const& steps = answer.find("steps")->as_array();
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(text_at(steps[0], "from"), "2026-03-01T23:00:00Z");
  EXPECT_DOUBLE_EQ(value(figures(steps[0], "all"), "late_minutes"), 0);
  EXPECT_DOUBLE_EQ(value(figures(steps[1], "all"), "late_minutes"), 10);
  EXPECT_DOUBLE_EQ(value(figures(steps[1], "all"), "unserved_share"), 0.5);
  EXPECT_TRUE(figures(steps[2], "all").find("late_minutes")->find("value")->is_null());
  EXPECT_EQ(*figures(steps[0], "all").find("decisions")->find("value"), Json(1));
  for (char const* name : {"late_minutes", "unserved_share", "on_time_share"}) {
    double sum = 0, of = 0;
    for (Json const& step : steps) {
      sum += figures(step, "all").find(name)->find("sum")->as_number();
      of += figures(step, "all").find(name)->find("of")->as_number();
    }
    EXPECT_DOUBLE_EQ(sum, figures(answer, "all").find(name)->find("sum")->as_number());
    EXPECT_DOUBLE_EQ(of, figures(answer, "all").find(name)->find("of")->as_number());
  }
  Json const hours = ask("from=2026-03-02&to=2026-03-03&step=hour");
  ASSERT_EQ(hours.find("steps")->as_array().size(), 24U);
  EXPECT_EQ(*figures(hours.find("steps")->as_array()[9], "all").find("late_minutes")->find("of"), Json(1));
  // The night on which clocks go forward makes a day of 23 hours; weeks begin on Mondays, the first where it was asked.
  Json const spring = ask("from=2026-03-28&to=2026-03-31&step=hour");
  EXPECT_EQ(spring.find("steps")->as_array().size(), 71U);
  Json const autumn = ask("from=2026-10-24&to=2026-10-26&step=hour");
  EXPECT_EQ(autumn.find("steps")->as_array().size(), 49U);
  Json const weeks = ask("from=2026-03-04&to=2026-03-18&step=week");
  ASSERT_EQ(weeks.find("steps")->as_array().size(), 3U);
  EXPECT_EQ(text_at(weeks.find("steps")->as_array()[1], "from"), "2026-03-08T23:00:00Z");
  std::string end = text_at(weeks, "from");
  for (Json const& week : weeks.find("steps")->as_array()) {
    EXPECT_EQ(text_at(week, "from"), end);
    end = text_at(week, "to");
  }
  EXPECT_EQ(end, text_at(weeks, "to"));
  EXPECT_EQ(measure("").find("steps"), nullptr);
}

TEST_F(Measures, a_question_that_makes_no_sense_is_refused) {
  for (char const* query : {"names=late_minute", "from=yesterday", "by=driver", "from=2026-03-03&to=2026-03-03",
                            "from=2025-11-01&to=2026-03-03", "step=minute", "to=1970-01-02&step=day", "to=1970-01-02",
                            "from=2026-03-02&to=2026-03-12&step=hour", "from=2026-03-03&to=2026-03-02"}) {
    Response const response = test_.get(std::string("/api/v1/companies/1/metrics?") + query, test_.administrator());
    EXPECT_EQ(response.status, 422) << query << " " << response.body;
  }
  Response const meant = test_.get("/api/v1/companies/1/metrics?names=late_minute", test_.administrator());
  EXPECT_NE(meant.body.find("did you mean late_minutes?"), std::string::npos) << meant.body;
  // 92 days are not too many; the summer of a year has an hour less.
  EXPECT_EQ(test_.get("/api/v1/companies/1/metrics?from=2026-01-01&to=2026-04-03", test_.administrator()).status, 200);
}

TEST_F(Measures, definitions_are_in_the_readers_language_and_are_what_can_be_asked_for) {
  Json const english = json_of(test_.get("/api/v1/metric-definitions", test_.administrator()));
  Json const french = json_of(test_.ask("GET", "/api/v1/metric-definitions",
                                        {.token = test_.administrator(), .headers = {{"accept-language", "fr"}}}));
  std::string names;
  for (std::size_t i = 0; i < english.find("items")->as_array().size(); ++i) {
    Json const &a = english.find("items")->as_array()[i], &b = french.find("items")->as_array()[i];
    EXPECT_EQ(text_at(a, "name"), text_at(b, "name"));
    EXPECT_NE(text_at(a, "meaning"), text_at(b, "meaning"));
    names += (names.empty() ? "" : ",") + text_at(a, "name");
  }
  Json const answer = measure("&names=" + names);
  EXPECT_EQ(figures(answer, "all").as_object().size(), english.find("items")->as_array().size());
}

}  // namespace
}  // namespace regulus::server
