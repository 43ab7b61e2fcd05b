#include "server/form.h"

#include <gtest/gtest.h>

namespace regulus::server {
namespace {

Form::Answer took(std::int64_t microseconds) { return {.at = 0, .decide_us = microseconds, .is_replaced = false}; }
constexpr Form::Answer replaced{.at = 0, .decide_us = 0, .is_replaced = true};

TEST(Form, one_of_twenty_is_the_most_that_may_be_replaced) {
  Form form({});
  for (int k = 0; k < 18; ++k) EXPECT_EQ(form.note(1, 1, took(1'000)), "");
  EXPECT_EQ(form.note(1, 1, replaced), "");
  EXPECT_EQ(form.note(1, 1, took(1'000)), "");
  // The 21st answer is the second that is replaced: 2 / 21 = 9.5 %.
  EXPECT_EQ(form.note(1, 1, replaced), "fallback_rate");
}

TEST(Form, one_answer_of_a_hundred_may_take_longer) {
  Form form({});
  for (int k = 0; k < 198; ++k) EXPECT_EQ(form.note(1, 1, took(50'000)), "");
  EXPECT_EQ(form.note(1, 1, took(50'001)), "");
  EXPECT_EQ(form.note(1, 1, took(50'001)), "") << "two of two hundred";
  EXPECT_EQ(form.note(1, 1, took(50'001)), "latency");
}

TEST(Form, two_slow_answers_say_nothing_and_three_do) {
  Form form({});
  EXPECT_EQ(form.note(1, 1, took(60'000)), "");
  EXPECT_EQ(form.note(1, 1, took(60'000)), "");
  for (int k = 0; k < 20; ++k) EXPECT_EQ(form.note(1, 1, took(1'000)), "");
  EXPECT_EQ(form.note(1, 1, took(60'000)), "latency");
}

TEST(Form, what_is_a_quarter_of_an_hour_old_counts_no_more) {
  Form form({});
  for (int k = 0; k < 19; ++k) form.note(1, 1, replaced);
  EXPECT_EQ(form.note(1, 1, {.at = 900 * one_second, .decide_us = 1'000}), "");
}

TEST(Form, each_company_and_each_turn_of_its_switch_has_a_record_of_its_own) {
  Form form({});
  for (int k = 0; k < 19; ++k) form.note(1, 1, replaced);
  EXPECT_EQ(form.note(2, 1, replaced), "");
  EXPECT_EQ(form.note(1, 2, replaced), "");
}

TEST(Form, nothing_is_known_of_how_long_a_replaced_answer_took) {
  Form form({.most_replaced = 1});
  for (int k = 0; k < 40; ++k) {
    EXPECT_EQ(form.note(1, 1, {.at = 0, .decide_us = 90'000, .is_replaced = true}), "");
  }
}

// The words are check_decision's: live_test.cpp asks it for one of each limit.
TEST(Form, only_illegal_answers_break_a_hard_limit) {
  EXPECT_EQ(hard_limit_of("illegal: driver 2, booking 7: is in two routes, or twice in one"), "double_assignment");
  EXPECT_EQ(hard_limit_of("illegal: driver 2: a break is missing, out of order, or with somebody on board"),
            "rest_breach");
  EXPECT_EQ(hard_limit_of("illegal: driver 2 is not available"), "off_duty");
  EXPECT_EQ(hard_limit_of("illegal: driver 4711 does not exist"), "");
  EXPECT_EQ(hard_limit_of("failed: is not available"), "");
  EXPECT_EQ(hard_limit_of(""), "");
}

}  // namespace
}  // namespace regulus::server
