#include "core/stats.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/rng.h"

namespace regulus {
namespace {

using Values = std::vector<double>;

TEST(Mean, is_zero_for_nothing_and_the_average_otherwise) {
  EXPECT_EQ(mean(Values{}), 0);
  EXPECT_EQ(mean(Values{1, 2, 6}), 3);
}

TEST(StandardDeviation, divides_by_one_less_than_the_count) {
  // Mean 5; squared distances 9, 1, 1, 1, 0, 0, 4, 16 sum to 32; 32 / 7.
  EXPECT_DOUBLE_EQ(standard_deviation(Values{2, 4, 4, 4, 5, 5, 7, 9}), std::sqrt(32.0 / 7.0));
  EXPECT_EQ(standard_deviation(Values{5}), 0);
  EXPECT_EQ(standard_deviation(Values{}), 0);
}

TEST(Quantile, interpolates_between_the_two_neighbours) {
  // Type 7: position q (n - 1). For n = 4 and q = 0.25 that is 0.75: 10 + 0.75 (20 - 10).
  Values const values{40, 10, 30, 20};
  EXPECT_DOUBLE_EQ(quantile(values, 0.25), 17.5);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 25);
  EXPECT_EQ(quantile(values, 0), 10);
  EXPECT_EQ(quantile(values, 1), 40);
  EXPECT_EQ(quantile({7}, 0.3), 7);
  EXPECT_EQ(quantile({}, 0.3), 0);
}

TEST(Median, is_the_middle_or_halfway_between_two) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median({}), 0);
}

TEST(InterquartileMean, drops_a_quarter_at_each_end_rounded_down) {
  EXPECT_EQ(interquartile_mean({100, 1, 2, 3, 4, 5, 6, -100}), 3.5);  // n = 8 drops two: 2, 3, 4, 5 remain
  EXPECT_EQ(interquartile_mean({1, 2, 9}), 4);                        // n = 3 drops none
  EXPECT_EQ(interquartile_mean({1, 2, 3, 4, 100}), 3);                // n = 5 drops one: 2, 3, 4 remain
  EXPECT_EQ(interquartile_mean({}), 0);
}

TEST(StudentT, has_the_values_of_the_printed_tables) {
  EXPECT_NEAR(student_t(0.95, 1), 12.706, 5e-4);
  EXPECT_NEAR(student_t(0.95, 4), 2.776, 5e-4);
  EXPECT_NEAR(student_t(0.99, 10), 3.169, 5e-4);
  EXPECT_NEAR(student_t(0.95, 1e6), 1.960, 5e-4);
}

TEST(NormalCdf, has_the_values_of_the_printed_tables) {
  EXPECT_DOUBLE_EQ(normal_cdf(0), 0.5);
  EXPECT_NEAR(normal_cdf(1.96), 0.9750, 5e-5);
  EXPECT_NEAR(normal_cdf(-1), 0.1587, 5e-5);
}

TEST(MeanInterval, is_students) {
  // Mean 3, deviation sqrt(10 / 4) = 1.58114, divided by sqrt 5 is 0.70711; times t(4) = 2.77645 is 1.96324.
  Interval const interval = mean_interval(Values{1, 2, 3, 4, 5});
  EXPECT_NEAR(interval.low, 3 - 1.96324, 1e-5);
  EXPECT_NEAR(interval.high, 3 + 1.96324, 1e-5);
}

TEST(MeanInterval, of_fewer_than_two_values_is_a_point) {
  EXPECT_EQ(mean_interval(Values{4}).low, 4);
  EXPECT_EQ(mean_interval(Values{4}).high, 4);
  EXPECT_EQ(mean_interval(Values{}).low, 0);
}

TEST(MeanInterval, covers_the_truth_as_often_as_it_says) {
  Rng rng(11);
  int covered = 0;
  constexpr int samples = 4'000;
  for (int i = 0; i < samples; ++i) {
    Values values(8);
    for (double& v : values) v = 100 + 15 * rng.normal();
    Interval const interval = mean_interval(values);
    covered += interval.low <= 100 && 100 <= interval.high ? 1 : 0;
  }
  // 95 % of 4,000 is 3,800 with deviation sqrt(4000 · 0.95 · 0.05) = 13.8; four deviations.
  EXPECT_NEAR(covered, 3'800, 55);
}

TEST(PairedDifference, of_two_rules_is_worked_out_by_hand) {
  // Differences 1, 2, 3: mean 2. The rows rise together: (1, 2, 4) and (0, 0, 1).
  // Correlation: deviations (-4/3, -1/3, 5/3) and (-1/3, -1/3, 2/3): sums 4/9 + 1/9 + 10/9 = 15/9; 42/9; 6/9.
  PairedDifference const d = paired_difference({{1, 2, 4}}, {{0, 0, 1}}, 5);
  EXPECT_DOUBLE_EQ(d.mean, 2);
  EXPECT_NEAR(d.correlation, 15 / std::sqrt(42.0 * 6.0), 1e-12);
  EXPECT_EQ(d.probability_of_improvement, 1);
  EXPECT_GE(d.ci95.low, 1);   // no resample of 1, 2, 3 has a smaller mean than 1
  EXPECT_LE(d.ci95.high, 3);  // or a larger one than 3
}

TEST(PairedDifference, ties_count_half) {
  // a above b once, level twice, below once: (1 + 2 · 0.5) / 4.
  EXPECT_EQ(paired_difference({{2, 1, 1, 0}}, {{1, 1, 1, 1}}, 1).probability_of_improvement, 0.5);
}

TEST(PairedDifference, what_both_share_cancels) {
  Rng rng(3);
  Values a(50);
  Values b(50);
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const day = 1'000 * rng.normal();
    a[i] = day + 5;
    b[i] = day;
  }
  PairedDifference const d = paired_difference({a}, {b}, 9);
  EXPECT_NEAR(d.ci95.low, 5, 1e-9);
  EXPECT_NEAR(d.ci95.high, 5, 1e-9);
  EXPECT_NEAR(d.correlation, 1, 1e-12);
}

TEST(PairedDifference, depends_on_its_seed_alone) {
  Runs const a{{1, 5, 2}, {3, 3, 9}};
  Runs const b{{2, 2, 2}};
  PairedDifference const first = paired_difference(a, b, 4);
  PairedDifference const again = paired_difference(a, b, 4);
  EXPECT_EQ(first.ci95.low, again.ci95.low);
  EXPECT_EQ(first.ci95.high, again.ci95.high);
}

TEST(PairedDifference, turned_around_changes_only_its_sign) {
  Runs const a{{1, 5, 2}, {3, 3, 9}};
  Runs const b{{2, 2, 2}, {4, 1, 8}};
  PairedDifference const ab = paired_difference(a, b, 4);
  PairedDifference const ba = paired_difference(b, a, 4);
  EXPECT_DOUBLE_EQ(ab.mean, -ba.mean);
  EXPECT_DOUBLE_EQ(ab.probability_of_improvement, 1 - ba.probability_of_improvement);
  EXPECT_DOUBLE_EQ(ab.correlation, ba.correlation);
}

// All resamples of {0, …, n-1} with repetition, in order.
std::vector<std::vector<std::size_t>> resamples(std::size_t n) {
  std::size_t count = 1;
  for (std::size_t i = 0; i < n; ++i) count *= n;
  std::vector<std::vector<std::size_t>> all(count, std::vector<std::size_t>(n));
  for (std::size_t k = 0; k < count; ++k) {
    std::size_t rest = k;
    for (std::size_t i = 0; i < n; ++i, rest /= n) all[k][i] = rest % n;
  }
  return all;
}

TEST(PairedDifference, interval_is_that_of_the_whole_bootstrap_distribution) {
  // Two seeds against two on three scenarios: 4 · 4 · 27 = 432 equally likely resamples can all be listed. Their
  // quantiles are what 2,000 random resamples estimate; neighbouring values of the list bound the error.
  Runs const a{{10, 12, 19}, {11, 16, 14}};
  Runs const b{{9, 13, 12}, {8, 11, 15}};
  Values all;
  for (auto const& rows_a : resamples(2)) {
    for (auto const& rows_b : resamples(2)) {
      for (auto const& days : resamples(3)) {
        double sum = 0;
        for (std::size_t const day : days) {
          sum += (a[rows_a[0]][day] + a[rows_a[1]][day]) / 2 - (b[rows_b[0]][day] + b[rows_b[1]][day]) / 2;
        }
        all.push_back(sum / 3);
      }
    }
  }
  ASSERT_EQ(all.size(), 432U);
  // The error of an estimated 2.5 % point at 2,000 draws is sqrt(0.025 · 0.975 / 2000) = 0.35 %; three of them.
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    PairedDifference const d = paired_difference(a, b, seed);
    EXPECT_GE(d.ci95.low, quantile(all, 0.0145));
    EXPECT_LE(d.ci95.low, quantile(all, 0.0355));
    EXPECT_GE(d.ci95.high, quantile(all, 0.9645));
    EXPECT_LE(d.ci95.high, quantile(all, 0.9855));
  }
  EXPECT_NEAR(paired_difference(a, b, 1).mean, mean(all), 1e-12);
}

TEST(PairedDifference, interval_of_two_rules_covers_the_truth_about_as_often_as_it_says) {
  Rng rng(21);
  int covered = 0;
  constexpr int samples = 400;
  for (int i = 0; i < samples; ++i) {
    Values a(40);
    Values b(40);
    for (std::size_t day = 0; day < a.size(); ++day) {
      double const luck = 50 * rng.normal();
      a[day] = luck + 3 + 4 * rng.normal();
      b[day] = luck + 4 * rng.normal();
    }
    Interval const interval = paired_difference({a}, {b}, static_cast<std::uint64_t>(i)).ci95;
    covered += interval.low <= 3 && 3 <= interval.high ? 1 : 0;
  }
  // A percentile interval of 40 values is a little short: sqrt(39/40) · 1.96 / 2.02 of Student's, 94 % instead of 95.
  // 376 of 400 with deviation 4.7; four deviations.
  EXPECT_NEAR(covered, 376, 19);
}

RC_GTEST_PROP(Quantile, never_leaves_the_values_and_never_falls, ()) {
  Values values;
  for (int const v : *rc::gen::nonEmpty<std::vector<int>>()) values.push_back(v);
  double const p = static_cast<double>(*rc::gen::inRange(0, 1'001)) / 1'000;
  double const q = static_cast<double>(*rc::gen::inRange(0, 1'001)) / 1'000;
  auto const [lowest, highest] = std::minmax_element(values.begin(), values.end());
  RC_ASSERT(quantile(values, p) >= *lowest);
  RC_ASSERT(quantile(values, p) <= *highest);
  RC_ASSERT((p <= q) == (quantile(values, p) <= quantile(values, q)) || quantile(values, p) == quantile(values, q));
}

}  // namespace
}  // namespace regulus
