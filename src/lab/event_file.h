// TensorBoard event files: the scalars of a run, readable by `tensorboard --logdir`.
//
// A file is a sequence of TFRecord frames: length (u64) · masked CRC-32C of the length · payload · masked CRC-32C of
// the payload, little-endian; mask(c) = rotate right 15 + 0xA282EAD8 (tensorflow/core/lib/hash/crc32c.h). A payload is
// an Event message in protobuf wire format, of which we need five fields:
//
//   Event    1 double wall_time   2 int64 step   3 string file_version   5 Summary summary
//   Summary  1 repeated Value { 1 string tag   2 float simple_value }
//
// The first event says file_version "brain.Event:2". Events carry one value each, in the order they were added.
//
// A run that resumes from a checkpoint must not show the steps after it twice. So a checkpoint stores size() after
// flush(); the resumed run opens the same file and calls truncate_to(that size). With a clock that is a function of the
// run alone the bytes then equal those of an uninterrupted run.
//
// Not thread-safe; one writer a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace regulus::lab {

// What a file in a run's folder must be called for TensorBoard to find it.
inline constexpr std::string_view event_file_name = "events.out.tfevents.0.regulus";

// The predecessor's scalars, so that its dashboards keep their charts. The step is the episode, from 0.
namespace scalars {
inline constexpr std::string_view reward = "Training/Reward";
inline constexpr std::string_view epsilon = "Training/Epsilon";
inline constexpr std::string_view loss = "Training/Loss";  // mean over the episode
inline constexpr std::string_view steps = "Training/Steps";
inline constexpr std::string_view buffer_size = "Training/BufferSize";
inline constexpr std::string_view average_reward_10 = "Training/AvgReward10";    // from episode 10
inline constexpr std::string_view average_reward_100 = "Training/AvgReward100";  // from episode 100
inline constexpr std::string_view evaluation_reward = "Evaluation/AvgReward";
inline constexpr std::string_view evaluation_deviation = "Evaluation/StdReward";
inline constexpr std::string_view evaluation_steps = "Evaluation/AvgSteps";
}  // namespace scalars

class EventFile {
 public:
  // Seconds since 1970 UTC.
  using Clock = std::function<double()>;
  static double wall_clock();

  // Opens for appending; creates the file, its folders and its first event when missing. A last record torn by a crash
  // is cut off. Errors: io; corrupt when the file is no event file, which leaves it untouched.
  static Result<EventFile> open(std::filesystem::path path, Clock clock = wall_clock);

  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&& other) noexcept;
  ~EventFile();  // writes what is buffered; call flush() to learn whether that succeeds

  // Buffers one scalar. NaN and infinities are stored as they are; TensorBoard marks them.
  void add(std::string_view tag, std::int64_t step, double value);

  // Writes the buffer and waits for the disk. Errors: io.
  Status flush();

  // Bytes so far, buffered ones included.
  std::uint64_t size() const { return written_ + buffer_.size(); }

  // Cuts off everything after the first `size` bytes. Errors: invalid when that is beyond the end or inside a record;
  // io.
  Status truncate_to(std::uint64_t size);

 private:
  EventFile(std::filesystem::path path, Clock clock, int descriptor);
  Status write_buffer();

  std::filesystem::path path_;
  Clock clock_;
  int descriptor_ = -1;  // open while >= 0
  std::uint64_t written_ = 0;
  std::string buffer_;
};

// One scalar as read back.
struct Scalar {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string tag;
  float value = 0;
  friend bool operator==(Scalar const&, Scalar const&) = default;
};

// The scalars of an event file in file order; events of other kinds and unknown fields are skipped. A torn last record
// ends the list. Errors: not_found, io; corrupt, with the byte offset, when a whole record fails its checksum.
Result<std::vector<Scalar>> read_scalars(std::filesystem::path const& path);

}  // namespace regulus::lab
