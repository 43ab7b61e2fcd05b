#include "core/line_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "core/check.h"

namespace regulus {
namespace {

using std::chrono::milliseconds;

// Both ends of a pipe that takes as little as the system allows.
class Pipe {
 public:
  Pipe() {
    REGULUS_CHECK(::pipe(ends_) == 0);
    capacity_ = ::fcntl(ends_[1], F_SETPIPE_SZ, 4096);
    REGULUS_CHECK(capacity_ > 0);
  }
  Pipe(Pipe const&) = delete;
  Pipe& operator=(Pipe const&) = delete;
  ~Pipe() {
    close_reader();
    ::close(ends_[1]);
  }
  int writer() const { return ends_[1]; }
  void fill() const {
    std::string const bytes(static_cast<std::size_t>(capacity_), 'x');
    REGULUS_CHECK(::write(ends_[1], bytes.data(), bytes.size()) == capacity_);
  }
  // Reads until what it has ends in `end`.
  std::string read_until(std::string_view end) const {
    std::string text;
    char piece[4096];
    while (!text.ends_with(end)) {
      ssize_t const size = ::read(ends_[0], piece, sizeof piece);
      if (size <= 0) break;
      text.append(piece, static_cast<std::size_t>(size));
    }
    return text;
  }
  void close_reader() {
    if (ends_[0] >= 0) ::close(std::exchange(ends_[0], -1));
  }

 private:
  int ends_[2] = {-1, -1};
  int capacity_ = 0;
};

TEST(LineLog, writes_what_every_thread_says_whole_and_in_its_order) {
  Pipe const pipe;
  std::string text;
  std::thread reader([&] { text = pipe.read_until("end\n"); });
  {
    LineLog log(pipe.writer());
    std::vector<std::thread> speakers;
    for (char const name : {'a', 'b', 'c'}) {
      speakers.emplace_back([&log, name] {
        for (int i = 0; i < 500; ++i) log.say(std::string(1, name) + std::to_string(i));
      });
    }
    for (std::thread& speaker : speakers) speaker.join();
    log.say("end");
    EXPECT_EQ(log.dropped(), 0);
  }
  reader.join();
  for (char const name : {'a', 'b', 'c'}) {
    std::size_t at = 0;
    for (int i = 0; i < 500; ++i) {
      at = ("\n" + text).find("\n" + std::string(1, name) + std::to_string(i) + "\n", at);
      ASSERT_NE(at, std::string::npos) << name << i;
    }
  }
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1'501);
}

TEST(LineLog, lets_nobody_wait_for_a_pipe_that_is_full_and_says_how_many_lines_it_dropped) {
  Pipe const pipe;
  pipe.fill();
  LineLog log(pipe.writer(), 100);
  // Ten lines of ten bytes fit; who writes may have taken some of them already, which still count.
  for (int i = 0; i < 25; ++i) log.say("123456789");
  EXPECT_EQ(log.dropped(), 15);
  EXPECT_FALSE(log.flush(milliseconds(1)));
  std::string const text = pipe.read_until("{\"dropped_lines\":15}\n");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 11);
  EXPECT_TRUE(log.flush(milliseconds(10'000)));
  log.say("again");
  EXPECT_EQ(pipe.read_until("\n"), "again\n");
}

TEST(LineLog, ends_though_its_last_line_cannot_be_written) {
  Pipe const pipe;
  pipe.fill();
  auto const start = std::chrono::steady_clock::now();
  { LineLog(pipe.writer()).say("nobody reads this"); }
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(10'000));
}

TEST(LineLog, outlives_whoever_read_it) {
  Pipe pipe;
  pipe.close_reader();
  LineLog log(pipe.writer());
  log.say("a");  // which would end the process with SIGPIPE
  EXPECT_TRUE(log.flush(milliseconds(10'000)));
  EXPECT_EQ(log.dropped(), 1);
}

}  // namespace
}  // namespace regulus
