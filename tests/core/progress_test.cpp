#include "core/progress.h"

#include <gtest/gtest.h>

namespace regulus {
namespace {

TEST(DurationText, shows_the_two_units_that_matter) {
  EXPECT_EQ(duration_text(0), "0.0 s");
  EXPECT_EQ(duration_text(3.14), "3.1 s");
  EXPECT_EQ(duration_text(12.4), "12 s");
  EXPECT_EQ(duration_text(200), "3 min 20 s");
  EXPECT_EQ(duration_text(3'720), "1 h 02 min");
  EXPECT_EQ(duration_text(36 * 3'600 + 59), "36 h 00 min");
}

TEST(DurationText, rounds_up_into_the_next_unit_and_never_shows_sixty) {
  EXPECT_EQ(duration_text(9.96), "10 s");
  EXPECT_EQ(duration_text(59.7), "1 min 00 s");
  EXPECT_EQ(duration_text(3'599.6), "1 h 00 min");
}

TEST(Progress, writes_nothing_where_there_is_no_terminal) {
  testing::internal::CaptureStderr();  // a file, as in a log
  {
    Progress progress("tune", 3, "trials");
    progress.advance("best 1603");
    progress.update(3);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace regulus
