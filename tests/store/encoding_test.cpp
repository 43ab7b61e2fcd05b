#include "store/encoding.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace regulus::store {
namespace {

TEST(Encoding, a_time_is_naive_utc_with_six_digits_of_a_second) {
  // 2026-03-01 is day 20513 after 1970-01-01 (56 years of 365 days, 14 leap days, 31 + 28 days); 08:15 is 29 700 s.
  std::int64_t const time = (20'513LL * 86'400 + 29'700) * 1'000'000 + 250'000;
  EXPECT_EQ(timestamp_text(time), "2026-03-01 08:15:00.250000");
  EXPECT_EQ(timestamp_us("2026-03-01 08:15:00.250000"), time);
}

TEST(Encoding, a_time_may_lack_its_fraction_or_part_of_it) {
  EXPECT_EQ(timestamp_us("1970-01-01 00:00:07"), 7'000'000);
  EXPECT_EQ(timestamp_us("1970-01-01 00:00:07.25"), 7'250'000);
  EXPECT_EQ(timestamp_us("1970-01-01T00:00:07.000001"), 7'000'001);
}

TEST(Encoding, what_is_no_time_reads_as_unknown) {
  for (char const* text : {"", "yesterday", "2026-13-01 00:00:00", "2026-02-30 00:00:00", "2026-02-2"}) {
    EXPECT_EQ(timestamp_us(text), 0) << text;
  }
}

RC_GTEST_PROP(Encoding, every_time_reads_back, ()) {
  auto const time = *rc::gen::inRange<std::int64_t>(1, 253'402'300'799'999'999);  // up to the end of year 9999
  RC_ASSERT(timestamp_us(timestamp_text(time)) == time);
}

TEST(Encoding, reals_that_sql_lacks_are_named) {
  double const infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(stored_real(infinity), (StoredReal{std::nullopt, "INF_POS"}));
  EXPECT_EQ(stored_real(-infinity), (StoredReal{std::nullopt, "INF_NEG"}));
  EXPECT_EQ(stored_real(std::nan("")), (StoredReal{std::nullopt, "NAN"}));
  EXPECT_EQ(stored_real(-1.5), (StoredReal{-1.5, "FINITE"}));
  EXPECT_FALSE(real_from(1.0, "COMPLEX").has_value());
  EXPECT_FALSE(real_from(std::nullopt, "FINITE").has_value());
}

RC_GTEST_PROP(Encoding, every_real_reads_back, (std::uint64_t bits)) {
  auto const value = std::bit_cast<double>(bits);
  StoredReal const stored = stored_real(value);
  double const read = *real_from(stored.value, stored.type);
  RC_ASSERT((std::isnan(value) && std::isnan(read)) || read == value);
}

TEST(Encoding, an_attribute_with_pythons_bare_numbers_reads_as_null_there_and_only_there) {
  Json const read = attribute_from(R"({"loss": NaN, "range": [-Infinity, Infinity, 1], "text": "NaN \" Infinity"})");
  EXPECT_EQ(read.dump(), R"({"loss":null,"range":[null,null,1],"text":"NaN \" Infinity"})");
}

TEST(Encoding, an_attribute_that_is_not_json_reads_as_null) {
  for (char const* text : {"", "{", "NaNa", "\"open", "\"\\", "\\"})
    EXPECT_TRUE(attribute_from(text).is_null()) << text;
}

TEST(Encoding, states_have_optunas_names_and_numbers) {
  EXPECT_EQ(state_name(TrialState::running), "RUNNING");
  EXPECT_EQ(state_name(TrialState::waiting), "WAITING");
  for (auto state :
       {TrialState::running, TrialState::complete, TrialState::pruned, TrialState::fail, TrialState::waiting}) {
    EXPECT_EQ(state_from(state_name(state)), state);
  }
  EXPECT_FALSE(state_from("Running").has_value());
}

}  // namespace
}  // namespace regulus::store
