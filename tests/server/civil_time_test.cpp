#include "server/civil_time.h"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

namespace regulus::server {
namespace {

Instant at(std::string_view text) { return parse_instant(text).take(); }

TEST(CivilTime, reads_and_writes_rfc_3339) {
  // 2026-03-01 is day 20513 since 1970: 20513 · 86400 + 8 · 3600 + 15 · 60 = 1772352900.
  EXPECT_EQ(at("2026-03-01T08:15:00Z"), 1'772'352'900 * one_second);
  EXPECT_EQ(at("2026-03-01t10:15:00.25+02:00"), 1'772'352'900 * one_second + 250'000);
  EXPECT_EQ(at("2026-03-01T03:15:00-05:00"), 1'772'352'900 * one_second);
  EXPECT_EQ(instant_text(1'772'352'900 * one_second), "2026-03-01T08:15:00Z");
  EXPECT_EQ(instant_text(1'772'352'900 * one_second + 250'000), "2026-03-01T08:15:00.250000Z");
}

TEST(CivilTime, refuses_what_is_no_time_and_names_it) {
  for (std::string_view const text :
       {"", "2026-03-01", "2026-03-01T08:15:00", "2026-03-01 08:15:00Z", "2026-02-29T08:15:00Z", "2026-13-01T08:15:00Z",
        "2026-03-01T24:00:00Z", "2026-03-01T08:60:00Z", "2026-03-01T08:15:61Z", "2026-03-01T08:15:00.Z",
        "2026-03-01T08:15:00+2:00", "2026-03-01T08:15:00Zz", "1969-12-31T23:59:59Z", "+026-03-01T08:15:00Z"}) {
    Result<Instant> const read = parse_instant(text);
    ASSERT_FALSE(read) << text;
    EXPECT_NE(read.error().message.find(std::string(text)), std::string::npos);
  }
  EXPECT_FALSE(TimeZone::named("Europe/Geneva"));
  EXPECT_FALSE(TimeZone::named("../../etc/passwd"));
  EXPECT_TRUE(is_date("2028-02-29"));
  EXPECT_FALSE(is_date("2026-02-29"));
}

RC_GTEST_PROP(CivilTime, writes_what_it_reads, ()) {
  Instant const instant = *rc::gen::inRange<std::int64_t>(86'400 * one_second, 253'402'128'000 * one_second);
  RC_ASSERT(at(instant_text(instant)) == instant);
}

TEST(CivilTime, moments_are_what_the_clock_on_the_wall_says) {
  TimeZone const zurich = TimeZone::named("Europe/Zurich").take();
  EXPECT_EQ(zurich.date_of(at("2026-03-01T22:59:59Z")), "2026-03-01");
  EXPECT_EQ(zurich.date_of(at("2026-03-01T23:00:00Z")), "2026-03-02");
  EXPECT_EQ(zurich.moment_of(at("2026-03-01T07:15:00Z"), "2026-03-01"), 8 * one_hour + 900);
  EXPECT_EQ(zurich.moment_of(at("2026-03-01T07:15:00Z"), "2026-02-28"), 32 * one_hour + 900);
  EXPECT_EQ(zurich.moment_of(at("2026-02-28T22:00:00.5Z"), "2026-03-01"), -one_hour);
  // The nights of the change: half past eight on the wall is half past eight in dispatch.
  EXPECT_EQ(zurich.moment_of(at("2026-03-29T06:30:00Z"), "2026-03-29"), 8 * one_hour + 1'800);  // summer time began
  EXPECT_EQ(zurich.moment_of(at("2026-10-25T07:30:00Z"), "2026-10-25"), 8 * one_hour + 1'800);  // and ended
  EXPECT_EQ(zurich.moment_of(at("2026-03-29T01:00:00Z"), "2026-03-29"), 3 * one_hour);
  EXPECT_EQ(instant_text(zurich.instant_of(25 * one_hour, "2026-10-24")), "2026-10-24T23:00:00Z");
}

TEST(CivilTime, every_instant_is_of_one_service_day) {
  TimeZone const zurich = TimeZone::named("Europe/Zurich").take();
  // The long night: the hour after midnight, before the clock is turned back, is still the evening's.
  EXPECT_EQ(instant_text(zurich.begin_of("2026-10-25")), "2026-10-24T23:00:00Z");
  EXPECT_EQ(zurich.date_of(at("2026-10-24T22:30:00Z")), "2026-10-24");
  EXPECT_EQ(zurich.moment_of(at("2026-10-24T22:30:00Z"), "2026-10-24"), 24 * one_hour + 1'800);
  // The short one: half past eleven in the evening is of that evening alone.
  EXPECT_EQ(instant_text(zurich.begin_of("2026-03-29")), "2026-03-28T23:00:00Z");
  EXPECT_EQ(zurich.date_of(at("2026-03-28T22:30:00Z")), "2026-03-28");
  EXPECT_EQ(zurich.end_of("2026-03-28"), zurich.begin_of("2026-03-29"));
  EXPECT_EQ(zurich.end_of("2026-03-29") - zurich.begin_of("2026-03-29"), 23LL * one_hour * one_second);
}

RC_GTEST_PROP(CivilTime, a_service_day_holds_what_is_of_it, ()) {
  TimeZone const zone = TimeZone::named(*rc::gen::element<std::string>("Europe/Zurich", "America/New_York", "UTC",
                                                                       "Asia/Kolkata", "Australia/Lord_Howe"))
                            .take();
  // Near the nights in which clocks are turned, and anywhere.
  Instant const night = *rc::gen::element(at("2026-10-25T00:00:00Z"), at("2026-03-29T00:00:00Z"),
                                          at("2026-11-01T06:00:00Z"), at("2026-03-08T06:00:00Z"));
  Instant const instant =
      night + *rc::gen::element<std::int64_t>(1, 1'000) * *rc::gen::inRange<std::int64_t>(-90'000, 90'000) * one_second;
  std::string const date = zone.date_of(instant);
  RC_ASSERT(zone.begin_of(date) <= instant && instant < zone.end_of(date));
  RC_ASSERT(zone.date_of(zone.begin_of(date)) == date);
  RC_ASSERT(zone.date_of(zone.end_of(date)) > date);
  RC_ASSERT(zone.begin_of(date) >= zone.instant_of(0, date));
}

// Kiritimati is fourteen hours ahead of UTC, New York up to five behind it.
TEST(CivilTime, an_instant_that_is_read_has_a_date_in_every_zone) {
  for (char const* outside : {"1970-01-01T00:00:00Z", "1970-01-01T23:59:59Z", "9999-12-30T00:00:00Z",
                              "9999-12-31T23:59:59Z", "1970-01-02T00:00:00+00:01"}) {
    EXPECT_FALSE(parse_instant(outside)) << outside;
  }
  for (char const* inside : {"1970-01-02T00:00:00Z", "9999-12-29T23:59:59Z"}) {
    Result<Instant> const instant = parse_instant(inside);
    ASSERT_TRUE(instant) << inside;
    for (char const* name : {"Pacific/Kiritimati", "America/New_York", "Pacific/Pago_Pago"}) {
      TimeZone const zone = TimeZone::named(name).take();
      std::string const date = zone.date_of(*instant);
      EXPECT_TRUE(is_date(date)) << date;
      EXPECT_EQ(zone.instant_of(zone.moment_of(*instant, date), date), *instant) << name;
    }
  }
}

RC_GTEST_PROP(CivilTime, moments_and_instants_are_the_same_thing, ()) {
  TimeZone const zone =
      TimeZone::named(*rc::gen::element<std::string>("Europe/Zurich", "America/New_York", "UTC")).take();
  Instant const instant = *rc::gen::inRange<std::int64_t>(86'400, 4'000'000'000) * one_second;
  std::string const date = zone.date_of(instant);
  Seconds const moment = zone.moment_of(instant, date);
  RC_ASSERT(zone.instant_of(moment, date) == instant);
  RC_ASSERT(moment >= 0 && moment <= day_length + one_hour);
}

}  // namespace
}  // namespace regulus::server
