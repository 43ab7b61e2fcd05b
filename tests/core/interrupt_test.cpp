#include "core/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>

namespace regulus {
namespace {

// Signals and their flag belong to the whole process, so each test runs in one of its own.

TEST(InterruptDeathTest, the_first_signal_is_a_question_answered_yes) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (int const signal : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(
        {
          catch_interrupts();
          bool const before = interrupted();
          (void)std::raise(signal);
          std::exit(!before && interrupted() ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
  }
}

TEST(InterruptDeathTest, the_second_signal_ends_the_program) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        catch_interrupts();
        (void)std::raise(SIGINT);
        (void)std::raise(SIGINT);
        std::exit(0);
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace regulus
