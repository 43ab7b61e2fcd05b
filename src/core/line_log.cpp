#include "core/line_log.h"

#include <fmt/format.h>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <mutex>
#include <string>
#include <utility>

namespace regulus {

// Shared with the thread, which may outlive the log.
struct LineLog::State {
  int descriptor;
  std::size_t most_bytes;
  std::mutex mutex;
  std::condition_variable changed;
  std::string waiting;
  std::size_t being_written = 0;  // bytes
  std::int64_t untold = 0;        // lines that were dropped since a line said so
  bool is_over = false;
  std::atomic<std::int64_t> dropped = 0;

  State(int to, std::size_t most) : descriptor(to), most_bytes(most) {}

  bool has_news() const { return !waiting.empty() || untold > 0; }
  bool is_idle() const { return !has_news() && being_written == 0; }

  void write_all(std::string_view text) {
    while (!text.empty()) {
      ssize_t const written = ::write(descriptor, text.data(), text.size());
      if (written >= 0) {
        text.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {  // somebody we share it with wants it so
        pollfd room{.fd = descriptor, .events = POLLOUT, .revents = 0};
        ::poll(&room, 1, -1);
      } else if (errno != EINTR) {
        dropped += std::count(text.begin(), text.end(), '\n');
        return;
      }
    }
  }

  void run() {
    // Whoever read the pipe may be gone: that is an error of write here and no reason for the process to end.
    sigset_t no_reader;
    sigemptyset(&no_reader);
    sigaddset(&no_reader, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &no_reader, nullptr);
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return is_over || has_news(); });
      if (!has_news()) return;
      std::string text = std::exchange(waiting, {});
      std::int64_t const missing = std::exchange(untold, 0);
      try {  // what was dropped came after what is in the queue
        if (missing > 0) text += fmt::format("{{\"dropped_lines\":{}}}\n", missing);
      } catch (std::exception const&) {  // no memory; the count has it
      }
      being_written = text.size();
      lock.unlock();
      write_all(text);
      lock.lock();
      being_written = 0;
      changed.notify_all();
    }
  }
};

LineLog::LineLog(int descriptor, std::size_t most_bytes)
    : state_(std::make_shared<State>(descriptor, most_bytes)), writer_([state = state_] { state->run(); }) {}

LineLog::~LineLog() {
  bool const is_written = flush(std::chrono::seconds(1));
  {
    std::unique_lock const lock(state_->mutex);
    state_->is_over = true;
  }
  state_->changed.notify_all();
  if (is_written) {
    writer_.join();
  } else {
    writer_.detach();
  }
}

void LineLog::say(std::string_view line) noexcept {
  try {
    std::unique_lock const lock(state_->mutex);
    if (state_->waiting.size() + state_->being_written + line.size() + 1 > state_->most_bytes) {
      ++state_->untold;
      ++state_->dropped;
      return;
    }
    state_->waiting.reserve(state_->waiting.size() + line.size() + 1);  // the line whole or not at all
    state_->waiting.append(line).push_back('\n');
    state_->changed.notify_all();
  } catch (std::exception const&) {  // no memory
    ++state_->dropped;
  }
}

bool LineLog::flush(std::chrono::milliseconds patience) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, patience, [this] { return state_->is_idle(); });
}

std::int64_t LineLog::dropped() const { return state_->dropped; }

}  // namespace regulus
