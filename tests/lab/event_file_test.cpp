#include "lab/event_file.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/files.h"

namespace regulus::lab {
namespace {

// A folder that goes away with the test.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "regulus-events-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;
  ~Scratch() { std::filesystem::remove_all(folder_); }
  std::filesystem::path file() const { return folder_ / "run" / event_file_name; }

 private:
  std::filesystem::path folder_;
};

double fixed_clock() { return 1'700'000'000.5; }

std::string bytes_of(std::filesystem::path const& path) { return read_file(path).take(); }

EventFile opened(std::filesystem::path const& path) { return EventFile::open(path, fixed_clock).take(); }

// One "episode" of a pretend training run.
void add_episode(EventFile& file, std::int64_t episode) {
  file.add(scalars::reward, episode, -2000.0 + 3.5 * static_cast<double>(episode));
  file.add(scalars::epsilon, episode, std::pow(0.5, static_cast<double>(episode)));
}

TEST(EventFile, the_first_record_is_the_one_worked_out_by_hand) {
  Scratch const scratch;
  {
    EventFile file = opened(scratch.file());
    ASSERT_TRUE(file.flush());
    EXPECT_EQ(file.size(), 40U);  // 12 of head, 9 of wall time, 2 + 13 of version, 4 of checksum
  }
  std::string const bytes = bytes_of(scratch.file());
  ASSERT_EQ(bytes.size(), 40U);
  // The length, 24, then its masked checksum as every event file in the world has it.
  EXPECT_EQ(bytes.substr(0, 12), std::string("\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", 12));
  EXPECT_EQ(bytes[12], '\x09');  // field 1, 64 bits: wall time
  EXPECT_EQ(bytes.substr(21, 15),
            "\x1a\x0d"
            "brain.Event:2");  // field 3, 13 bytes
}

TEST(EventFile, matches_the_golden_file_byte_for_byte) {
  std::filesystem::path const golden =
      std::filesystem::path(REGULUS_SOURCE_DIR) / "tests/golden/report/events.out.tfevents.golden";
  Scratch const scratch;
  double now = 1'700'000'000.0;
  {
    EventFile file = EventFile::open(scratch.file(), [&now] { return now += 0.25; }).take();
    for (std::int64_t episode = 0; episode < 5; ++episode) add_episode(file, episode);
    file.add(scalars::evaluation_reward, 4, 1475.25);
    file.add("Très/«spécial»", 300, 0.0);
    file.add(scalars::loss, -1, std::numeric_limits<double>::quiet_NaN());
    file.add(scalars::loss, std::int64_t{1} << 40, -std::numeric_limits<double>::infinity());
    ASSERT_TRUE(file.flush());
  }
  std::string const written = bytes_of(scratch.file());
  char const* const accept = std::getenv("REGULUS_ACCEPT");
  if (accept != nullptr && std::string_view(accept) == "1") {
    ASSERT_TRUE(write_file(golden, written));
  }
  EXPECT_EQ(written, bytes_of(golden)) << "run with REGULUS_ACCEPT=1 to accept the new bytes, then run tests/peers";
}

TEST(EventFile, reads_back_what_was_added) {
  Scratch const scratch;
  {
    EventFile file = opened(scratch.file());
    file.add("a", 0, 1.5);
    file.add("b", 7, -2.25);
  }
  Result<std::vector<Scalar>> const scalars = read_scalars(scratch.file());
  ASSERT_TRUE(scalars);
  std::vector<Scalar> const expected{{fixed_clock(), 0, "a", 1.5F}, {fixed_clock(), 7, "b", -2.25F}};
  EXPECT_EQ(*scalars, expected);
}

RC_GTEST_PROP(EventFile, any_tag_step_and_value_come_back, ()) {
  Scratch const scratch;
  auto const tags = *rc::gen::arbitrary<std::vector<std::string>>();
  std::vector<Scalar> expected;
  {
    EventFile file = opened(scratch.file());
    for (std::string const& tag : tags) {
      auto const step = *rc::gen::arbitrary<std::int64_t>();
      auto const value = *rc::gen::arbitrary<float>();
      file.add(tag, step, static_cast<double>(value));
      expected.push_back({fixed_clock(), step, tag, value});
    }
  }
  Result<std::vector<Scalar>> const scalars = read_scalars(scratch.file());
  RC_ASSERT(static_cast<bool>(scalars));
  RC_ASSERT(*scalars == expected);
}

RC_GTEST_PROP(EventFile, a_run_cut_back_to_its_checkpoint_and_resumed_equals_an_uninterrupted_one, ()) {
  auto const checkpoint = *rc::gen::inRange<std::int64_t>(0, 10);
  auto const lost = *rc::gen::inRange<std::int64_t>(0, 5);  // episodes after the checkpoint that the crash undid
  Scratch const straight, broken;
  {
    EventFile file = opened(straight.file());
    for (std::int64_t episode = 0; episode < 12; ++episode) add_episode(file, episode);
  }
  std::uint64_t stored = 0;
  {
    EventFile file = opened(broken.file());
    for (std::int64_t episode = 0; episode < checkpoint; ++episode) add_episode(file, episode);
    RC_ASSERT(static_cast<bool>(file.flush()));
    stored = file.size();
    for (std::int64_t episode = checkpoint; episode < checkpoint + lost; ++episode) add_episode(file, episode);
  }
  EventFile file = opened(broken.file());
  RC_ASSERT(static_cast<bool>(file.truncate_to(stored)));
  for (std::int64_t episode = checkpoint; episode < 12; ++episode) add_episode(file, episode);
  RC_ASSERT(static_cast<bool>(file.flush()));
  RC_ASSERT(bytes_of(broken.file()) == bytes_of(straight.file()));
}

TEST(EventFile, a_record_torn_at_any_byte_is_cut_off_on_open) {
  Scratch const scratch;
  std::uint64_t whole = 0;
  {
    EventFile file = opened(scratch.file());
    file.add("kept", 1, 1);
    whole = file.size();
    file.add("torn", 2, 2);
  }
  std::string const all = bytes_of(scratch.file());
  for (std::size_t size = 0; size < all.size(); ++size) {
    ASSERT_TRUE(write_file(scratch.file(), all.substr(0, size)));
    Result<EventFile> file = EventFile::open(scratch.file(), fixed_clock);
    ASSERT_TRUE(file) << size << ": " << file.error().message;
    EXPECT_EQ(file->size(), size < whole ? 40U : whole) << size;
  }
}

TEST(EventFile, a_file_of_another_kind_is_refused_and_left_as_it_is) {
  Scratch const scratch;
  for (std::string const& content : {std::string("hello"), std::string("a longer text that is no event file at all")}) {
    ASSERT_TRUE(write_file(scratch.file(), content));
    Result<EventFile> const file = EventFile::open(scratch.file(), fixed_clock);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().kind, ErrorKind::corrupt);
    EXPECT_EQ(bytes_of(scratch.file()), content);
  }
}

TEST(EventFile, a_flipped_bit_is_reported_with_its_record) {
  Scratch const scratch;
  {
    EventFile file = opened(scratch.file());
    file.add("a", 1, 1);
  }
  std::string bytes = bytes_of(scratch.file());
  bytes[60] = static_cast<char>(bytes[60] ^ 4);
  ASSERT_TRUE(write_file(scratch.file(), bytes));
  Result<std::vector<Scalar>> const scalars = read_scalars(scratch.file());
  ASSERT_FALSE(scalars);
  EXPECT_EQ(scalars.error().kind, ErrorKind::corrupt);
  EXPECT_NE(scalars.error().message.find("byte 40"), std::string::npos) << scalars.error().message;
}

TEST(EventFile, truncating_inside_a_record_or_beyond_the_end_is_refused) {
  Scratch const scratch;
  EventFile file = opened(scratch.file());
  file.add("a", 1, 1);
  std::uint64_t const size = file.size();
  for (std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{39}, size - 1, size + 1}) {
    Status const status = file.truncate_to(wrong);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, ErrorKind::invalid);
    EXPECT_EQ(file.size(), size);
  }
  EXPECT_TRUE(file.truncate_to(40));
  EXPECT_EQ(file.size(), 40U);
}

}  // namespace
}  // namespace regulus::lab
