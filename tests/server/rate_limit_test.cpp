#include "server/http/rate_limit.h"

#include <gtest/gtest.h>

namespace regulus::server {
namespace {

constexpr std::int64_t second = 1'000'000'000;

TEST(RateLimit, allows_a_burst_and_then_what_comes_back) {
  RateLimit limit({.burst = 3, .per_second = 2, .most_keys = 10});
  EXPECT_EQ(limit.take("a", 0).remaining, 2);
  EXPECT_EQ(limit.take("a", 0).remaining, 1);
  EXPECT_EQ(limit.take("a", 0).remaining, 0);
  RateLimit::Answer const refused = limit.take("a", 0);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after_ns, second / 2);  // two a second
  EXPECT_EQ(refused.retry_after_s(), 1);
  EXPECT_FALSE(limit.take("a", second / 2 - 1).allowed);
  EXPECT_TRUE(limit.take("a", second / 2).allowed);
  EXPECT_FALSE(limit.take("a", second / 2).allowed);
  EXPECT_EQ(limit.take("a", 100 * second).remaining, 2) << "full again, and not more than full";
}

TEST(RateLimit, tells_what_is_left_in_whole_numbers) {
  RateLimit limit({.burst = 5, .per_second = 2, .most_keys = 10});
  EXPECT_EQ(limit.policy_field(), R"("default";q=5;w=3)") << "five at two a second come back in 2.5 s";
  EXPECT_EQ(limit.take("a", 0).field(), R"("default";r=4;t=1)") << "full again after half a second";
  EXPECT_EQ(limit.take("a", 0).field(), R"("default";r=3;t=1)");
  EXPECT_EQ(limit.take("a", 0).field(), R"("default";r=2;t=2)") << "after a second and a half";
  EXPECT_EQ(limit.take("a", second / 4).field(), R"("default";r=1;t=2)") << "half a token more is no token";
  EXPECT_EQ(limit.take("a", second / 4).field(), R"("default";r=0;t=3)");
  RateLimit::Answer const refused = limit.take("a", second / 4);
  EXPECT_EQ(refused.field(), R"("default";r=0;t=1)") << "the next one comes after a quarter of a second";
  EXPECT_EQ(refused.full_after_ns, 9 * second / 4) << "2.5 s, of which a quarter is over";
  EXPECT_EQ(limit.take("a", 100 * second).field(), R"("default";r=4;t=1)");
}

TEST(RateLimit, names_a_window_of_a_second_at_least) {
  EXPECT_EQ(RateLimit({.burst = 1, .per_second = 1'000'000}).policy_field(), R"("default";q=1;w=1)");
  EXPECT_EQ(RateLimit({.burst = 2'000, .per_second = 1'000}).policy_field(), R"("default";q=2000;w=2)");
}

TEST(RateLimit, keeps_one_key_apart_from_another) {
  RateLimit limit({.burst = 1, .per_second = 1, .most_keys = 10});
  EXPECT_TRUE(limit.take("a", 0).allowed);
  EXPECT_FALSE(limit.take("a", 0).allowed);
  EXPECT_TRUE(limit.take("b", 0).allowed);
}

TEST(RateLimit, takes_a_clock_that_goes_back_for_one_that_stands) {
  RateLimit limit({.burst = 1, .per_second = 1, .most_keys = 10});
  EXPECT_TRUE(limit.take("a", 10 * second).allowed);
  EXPECT_FALSE(limit.take("a", 0).allowed);
  EXPECT_EQ(limit.take("a", 0).retry_after_ns, second);
}

TEST(RateLimit, holds_no_more_keys_than_it_may_and_forgets_full_buckets_first) {
  RateLimit limit({.burst = 2, .per_second = 1, .most_keys = 2});
  limit.take("a", 0);
  limit.take("a", 0);       // full again after 2 s
  limit.take("b", 0);       // after 1 s
  limit.take("c", second);  // takes b's place
  EXPECT_EQ(limit.keys(), 2U);
  EXPECT_EQ(limit.take("a", second).remaining, 0) << "a was not forgotten: one token had come back";
}

TEST(RateLimit, does_not_forget_debts_because_somebody_invents_keys) {
  RateLimit limit({.burst = 1, .per_second = 1, .most_keys = 2});
  EXPECT_TRUE(limit.take("a", 0).allowed);
  EXPECT_TRUE(limit.take("b", 0).allowed);
  int allowed = 0;
  for (int i = 0; i < 1000; ++i) allowed += limit.take("invented " + std::to_string(i), 0).allowed ? 1 : 0;
  EXPECT_EQ(allowed, 1) << "all newcomers share one bucket";
  EXPECT_FALSE(limit.take("a", 0).allowed);
  EXPECT_EQ(limit.keys(), 2U);
}

// The naive twin: a level in billionths of a token for each key, brought forward each time.
RC_GTEST_PROP(RateLimitProperty, does_what_a_level_that_is_brought_forward_does, ()) {
  std::int64_t const burst = *rc::gen::inRange<std::int64_t>(1, 6);
  std::int64_t const per_second = *rc::gen::element<std::int64_t>(1, 2, 4, 5, 10);
  RateLimit limit({.burst = burst, .per_second = per_second, .most_keys = 100});
  struct Level {
    std::int64_t nanotokens;
    std::int64_t at_ns;
  };
  std::map<std::string, Level> levels;
  std::int64_t now = 0;
  for (int i = 0; i < 60; ++i) {
    now += *rc::gen::weightedOneOf<std::int64_t>(
        {{2, rc::gen::just<std::int64_t>(0)}, {3, rc::gen::inRange<std::int64_t>(0, second)}});
    std::string const key = *rc::gen::element<std::string>("a", "b");
    Level& level = levels.try_emplace(key, Level{burst * second, now}).first->second;
    level.nanotokens = std::min(burst * second, level.nanotokens + (now - level.at_ns) * per_second);
    level.at_ns = now;
    bool const allowed = level.nanotokens >= second;
    std::int64_t const missing = second - level.nanotokens;
    if (allowed) level.nanotokens -= second;
    RateLimit::Answer const answer = limit.take(key, now);
    RC_ASSERT(answer.allowed == allowed);
    RC_ASSERT(answer.remaining == (allowed ? level.nanotokens / second : 0));
    if (!allowed) RC_ASSERT(answer.retry_after_ns == (missing + per_second - 1) / per_second);
  }
}

}  // namespace
}  // namespace regulus::server
