#include "core/progress.h"

#include <gtest/gtest.h>

#include "core/files.h"
#include "tests/support/temporary_folder.h"

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
  ::testing::internal::CaptureStderr();  // a file, as in a log
  {
    Progress progress("tune", 3, "trials");
    progress.advance("best 1603");
    progress.update(3);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(ProgressFile, holds_the_share_that_is_done) {
  testing::TemporaryFolder const folder;
  std::filesystem::path const path = folder.path("progress");
  EXPECT_EQ(read_progress(path), std::nullopt);
  ProgressFile file(path);
  EXPECT_EQ(read_progress(path), std::nullopt);  // nothing was said yet
  file.update(1, 8);
  EXPECT_EQ(read_progress(path), 0.125);
  file.advance(8);
  EXPECT_EQ(read_progress(path), 0.25);
  file.update(9, 8);  // more than was meant to be
  EXPECT_EQ(read_progress(path), 1);
}

TEST(ProgressFile, that_cannot_be_written_stops_nothing) {
  ProgressFile nowhere("/nowhere/progress"), none("");
  nowhere.update(1, 2);
  none.advance(2);
  EXPECT_EQ(read_progress("/nowhere/progress"), std::nullopt);
}

TEST(ProgressFile, anything_else_in_it_is_no_progress) {
  testing::TemporaryFolder const folder;
  for (char const* text : {"", "0.5", "2.0000\n", "-0.1\n", "nan\n", "half\n", "0.5 \n", "\n"}) {
    ASSERT_TRUE(write_file(folder.path("progress"), text));
    EXPECT_EQ(read_progress(folder.path("progress")), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace regulus
