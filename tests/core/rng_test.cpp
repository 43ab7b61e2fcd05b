#include "core/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>

namespace regulus {
namespace {

// Sum of (observed - expected)^2 / expected for equally likely cells.
double chi_squared(std::vector<int> const& counts) {
  double const expected =
      static_cast<double>(std::accumulate(counts.begin(), counts.end(), 0)) / static_cast<double>(counts.size());
  double sum = 0;
  for (int const c : counts) sum += (c - expected) * (c - expected) / expected;
  return sum;
}

double correlation(Rng a, Rng b, int draws) {
  double sum = 0;
  for (int i = 0; i < draws; ++i) sum += (a.uniform() - 0.5) * (b.uniform() - 0.5);
  return 12 * sum / draws;  // a uniform has variance 1/12
}

TEST(Rng, streams_of_different_purposes_and_indices_differ) {
  Rng const root(7);
  std::set<std::uint64_t> first;
  for (std::uint64_t i = 0; i < 100; ++i) {
    first.insert(root.stream(Purpose::demand, i).next());
    first.insert(root.stream(Purpose::trips, i).next());
  }
  EXPECT_EQ(first.size(), 200U);
}

TEST(Rng, a_stream_depends_on_seed_purpose_and_index_only) {
  Rng const root(7);
  Rng other = root.stream(Purpose::policy);
  for (int i = 0; i < 1'000; ++i) other.next();
  EXPECT_EQ(root.stream(Purpose::demand, 3), Rng(7).stream(Purpose::demand, 3));
  EXPECT_NE(root.stream(Purpose::demand, 3), Rng(8).stream(Purpose::demand, 3));
  EXPECT_NE(root.stream(Purpose::demand, 3), root.stream(Purpose::demand, 4));
}

TEST(Rng, neighbouring_streams_are_uncorrelated) {
  // The correlation of 100,000 independent pairs has deviation 1 / sqrt(100000) = 0.0032; four of them.
  Rng const root(7);
  for (std::uint64_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(correlation(root.stream(Purpose::demand, i), root.stream(Purpose::demand, i + 1), 100'000), 0, 0.0127);
    EXPECT_NEAR(correlation(root.stream(Purpose::demand, i), root.stream(Purpose::trips, i), 100'000), 0, 0.0127);
    EXPECT_NEAR(correlation(Rng(i).stream(Purpose::demand), Rng(i + 1).stream(Purpose::demand), 100'000), 0, 0.0127);
  }
}

TEST(Rng, first_draws_of_successive_streams_are_uniform) {
  std::vector<int> counts(16, 0);
  Rng const root(900'000);
  for (std::uint64_t i = 0; i < 160'000; ++i) ++counts[root.stream(Purpose::episode, i).below(16)];
  EXPECT_LT(chi_squared(counts), 37.7);  // 15 degrees of freedom, p = 0.001
}

TEST(Rng, below_is_uniform_enough) {
  Rng rng(1);
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 70'000; ++i) ++counts[rng.below(7)];
  EXPECT_LT(chi_squared(counts), 22.5);  // 6 degrees of freedom, p = 0.001
}

TEST(Rng, below_has_no_bias_where_a_remainder_would_have) {
  // n = 3 · 2^62: the remainder of a 64-bit word would fall below 2^62 half the time instead of a third of it.
  constexpr std::uint64_t n = 3ULL << 62;
  Rng rng(2);
  std::vector<int> counts(3, 0);
  for (int i = 0; i < 30'000; ++i) {
    std::uint64_t const drawn = rng.below(n);
    ASSERT_LT(drawn, n);
    ++counts[drawn >> 62];
  }
  EXPECT_LT(chi_squared(counts), 13.8);  // 2 degrees of freedom, p = 0.001
}

TEST(Rng, below_one_is_zero) {
  Rng rng(3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(rng.below(1), 0U);
}

TEST(Rng, between_reaches_both_ends_and_nothing_beyond) {
  Rng rng(4);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(rng.between(-2, 2));
  EXPECT_EQ(seen, (std::set<std::int64_t>{-2, -1, 0, 1, 2}));
}

TEST(Rng, uniform_fills_the_unit_interval_evenly) {
  Rng rng(5);
  std::vector<int> counts(20, 0);
  for (int i = 0; i < 100'000; ++i) {
    double const u = rng.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ++counts[static_cast<std::size_t>(u * 20)];
  }
  EXPECT_LT(chi_squared(counts), 43.8);  // 19 degrees of freedom, p = 0.001
}

TEST(Rng, normal_is_normal) {
  Rng rng(6);
  constexpr int n = 200'000;
  double sum = 0;
  double squares = 0;
  int beyond_two = 0;
  for (int i = 0; i < n; ++i) {
    double const x = rng.normal();
    sum += x;
    squares += x * x;
    beyond_two += std::abs(x) > 2 ? 1 : 0;
  }
  EXPECT_NEAR(sum / n, 0, 4 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 4 * std::sqrt(2.0 / n));
  EXPECT_NEAR(beyond_two / static_cast<double>(n), 0.0455, 4 * std::sqrt(0.0455 * 0.9545 / n));
}

TEST(Rng, chance_happens_as_often_as_it_says) {
  Rng rng(7);
  int happened = 0;
  for (int i = 0; i < 10'000; ++i) happened += rng.chance(0.3) ? 1 : 0;
  EXPECT_NEAR(happened, 3'000, 4 * std::sqrt(10'000 * 0.3 * 0.7));
  EXPECT_FALSE(rng.chance(0));
  EXPECT_TRUE(rng.chance(1));
}

TEST(Rng, shuffle_reaches_every_order_equally_often) {
  Rng rng(8);
  std::vector<int> counts(6, 0);
  for (int i = 0; i < 60'000; ++i) {
    std::vector<int> items{0, 1, 2};
    rng.shuffle(std::span(items));
    int const order = items[0] * 2 + (items[1] > items[2] ? 1 : 0);
    ++counts[static_cast<std::size_t>(order)];
  }
  EXPECT_LT(chi_squared(counts), 20.5);  // 5 degrees of freedom, p = 0.001
}

TEST(Rng, continues_from_its_stored_state) {
  Rng rng(9);
  rng.next();
  Rng resumed;
  resumed.set_state(rng.state());
  EXPECT_EQ(resumed, rng);
  EXPECT_EQ(resumed.next(), rng.next());
}

TEST(Rng, the_first_value_of_seed_zero_is_the_published_one) {
  // SplitMix64 with state 0 starts with 0xE220A8397B1DCDAF (reference implementation by Vigna).
  EXPECT_EQ(Rng(0).next(), 0xE220A8397B1DCDAFULL);
}

TEST(Mix, every_bit_of_either_input_changes_half_the_output) {
  for (int bit = 0; bit < 64; ++bit) {
    int changed_by_a = 0;
    int changed_by_b = 0;
    for (std::uint64_t i = 0; i < 1'000; ++i) {
      changed_by_a += std::popcount(mix(i, 5) ^ mix(i ^ (1ULL << bit), 5));
      changed_by_b += std::popcount(mix(5, i) ^ mix(5, i ^ (1ULL << bit)));
    }
    // 64,000 bits, half of them 32,000 with deviation 126; eight deviations for 128 checks of a mixer that is good, not
    // ideal.
    EXPECT_NEAR(changed_by_a, 32'000, 1'000) << bit;
    EXPECT_NEAR(changed_by_b, 32'000, 1'000) << bit;
  }
}

TEST(KeyOf, names_give_different_keys_that_never_change) {
  EXPECT_NE(key_of("tpe"), key_of("ept"));
  EXPECT_NE(key_of(""), key_of(std::string_view("\0", 1)));
  static_assert(key_of("dqn") == key_of("dqn"));
}

}  // namespace
}  // namespace regulus
