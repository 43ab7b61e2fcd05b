// Lines for a descriptor that may not take them, such as a pipe that nobody reads.
//
// One thread writes; whoever says a line only puts it in a queue and never waits. The queue has a limit: what does not
// fit is dropped and counted, and a line says how many as soon as there is room again. A server must not stand still
// because its log does.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>

namespace regulus {

class LineLog {
 public:
  // `descriptor` stays the caller's and open for as long as this lives. `most_bytes` may wait at a time.
  explicit LineLog(int descriptor, std::size_t most_bytes = std::size_t{1} << 20);
  LineLog(LineLog const&) = delete;
  LineLog& operator=(LineLog const&) = delete;
  // Writes what waits, for a second at most; a thread that hangs in a write is left behind.
  ~LineLog();

  // Adds the line's end. From any thread.
  void say(std::string_view line) noexcept;
  // Waits until everything that was said is written; false when it was not within `patience`.
  bool flush(std::chrono::milliseconds patience);
  // Lines so far that nobody will read: there was no room for them, or the descriptor refused them.
  std::int64_t dropped() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::thread writer_;
};

}  // namespace regulus
