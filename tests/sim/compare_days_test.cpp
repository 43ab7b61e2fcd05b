#include "sim/compare_days.h"

#include <gtest/gtest.h>

#include "tests/sim/day_builders.h"

namespace regulus::sim {
namespace {

PlayOptions on_troubled_days(std::vector<std::string> policies) {
  PlayOptions options;
  options.day = [](std::size_t i) { return troubled_day(i); };
  options.days = 6;
  options.policies = std::move(policies);
  options.check = true;
  return options;
}

TEST(CompareDays, every_policy_meets_the_same_days_at_any_number_of_threads) {
  PlayOptions options = on_troubled_days({"insertion", "wait", "nearest"});
  auto const alone = play_days(options);
  options.threads = 3;
  auto const together = play_days(options);
  ASSERT_TRUE(alone && together);
  ASSERT_EQ(alone->days.size(), 3U);
  for (std::size_t p = 0; p < 3; ++p) {
    Scorecard const one = scorecard_of(alone->days[p]), three = scorecard_of(together->days[p]);
    EXPECT_EQ(to_json(one), to_json(three));
    EXPECT_EQ(one.requested, 25);
    EXPECT_NE(one.trace_hash, 0U);
  }
  // Who else is asked does not matter.
  auto const only = play_days(on_troubled_days({"nearest"}));
  ASSERT_TRUE(only);
  EXPECT_EQ(scorecard_of(only->days[0]).trace_hash, scorecard_of(alone->days[2]).trace_hash);
}

TEST(CompareDays, a_policy_that_nobody_knows_is_an_error_before_anything_is_played) {
  PlayOptions options = on_troubled_days({"insertion", "insertoin"});
  options.day = [](std::size_t) -> Day { throw std::logic_error("no day should be made"); };
  auto const played = play_days(options);
  ASSERT_FALSE(played);
  EXPECT_EQ(played.error().kind, ErrorKind::not_found);
}

PlayedDay costing(Cents cents) {
  PlayedDay day;
  day.kpi.cost.driving = cents;
  return day;
}

TEST(CompareDays, lateness_by_class_is_a_mean_over_days_in_minutes) {
  std::vector<PlayedDay> days(2);
  days[0].kpi.late = {600, 0, 30, 0};
  days[1].kpi.late = {0, 60, 30, 0};
  // (10 + 0) / 2, (0 + 1) / 2, (0.5 + 0.5) / 2.
  EXPECT_EQ(scorecard_of(days).late_minutes, (std::array<double, booking_classes>{5, 0.5, 0.5, 0}));
  EXPECT_EQ(to_json(scorecard_of(days)).find("late_minutes_by_class")->find("outbound")->as_number(), 5);
}

TEST(CompareDays, the_gap_is_what_lies_between_the_first_policy_and_perfect_knowledge) {
  PlayedDays played;
  played.policies = {"base", "half way", "worse"};
  played.days = {{costing(1'000), costing(3'000)}, {costing(800), costing(2'200)}, {costing(1'100), costing(3'100)}};
  played.clairvoyant.resize(2);
  played.clairvoyant[0].driving = 500;
  played.clairvoyant[1].driving = 1'500;
  // Means: 2000, 1500, 2100 and 1000 for who knew everything.
  std::vector<Contest> const contests = contests_of(played, 1);
  EXPECT_DOUBLE_EQ(contests[0].gap_closed, 0);
  EXPECT_DOUBLE_EQ(contests[1].gap_closed, 0.5);
  EXPECT_DOUBLE_EQ(contests[2].gap_closed, -0.1);
  EXPECT_DOUBLE_EQ(contests[1].difference.mean, -500);
  EXPECT_DOUBLE_EQ(contests[2].difference.mean, 100);
  // A hundred more on each day is certain, however much the days differ.
  EXPECT_DOUBLE_EQ(contests[2].difference.ci95.low, 100);
  EXPECT_DOUBLE_EQ(contests[2].difference.ci95.high, 100);
}

}  // namespace
}  // namespace regulus::sim
