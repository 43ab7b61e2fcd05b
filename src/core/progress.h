// A progress line on a terminal: bar, count, rate, time left. Silent when stderr is no terminal.
//
// Rewrites one line at most ten times a second. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace regulus {

class Progress {
 public:
  // `unit` in the plural: "episodes".
  Progress(std::string label, std::int64_t total, std::string unit);
  Progress(Progress const&) = delete;
  Progress& operator=(Progress const&) = delete;
  ~Progress();  // leaves the finished line on the screen

  // `note` stands behind the bar, for example "best 1603".
  void update(std::int64_t done, std::string_view note = "");
  void advance(std::string_view note = "");

 private:
  // Both with the mutex held.
  void show(std::int64_t done, std::string_view note);
  void draw();

  std::string label_, unit_, note_;
  std::int64_t total_;
  std::int64_t done_ = 0;
  bool visible_;
  std::chrono::steady_clock::time_point start_, drawn_;
  std::mutex mutex_;
};

// How far long work is, for whoever watches over it from outside: a file with one number from 0 to 1, written in place
// whenever its four decimals change. Without a path, or when the file cannot be written, nothing happens: work does not
// fail because nobody can see how far it is. Thread-safe.
class ProgressFile {
 public:
  explicit ProgressFile(std::filesystem::path const& path);
  ProgressFile(ProgressFile const&) = delete;
  ProgressFile& operator=(ProgressFile const&) = delete;
  ~ProgressFile();

  void update(std::int64_t done, std::int64_t total);
  void advance(std::int64_t total);  // one more is done

 private:
  void write(std::int64_t done, std::int64_t total);  // with the mutex held

  int file_ = -1;
  std::int64_t done_ = 0;
  std::string written_;
  std::mutex mutex_;
};
// What such a file says; none when there is none or it says nothing of the kind.
std::optional<double> read_progress(std::filesystem::path const& path);

// "1 h 02 min", "3 min 20 s", "12 s".
std::string duration_text(double seconds);

}  // namespace regulus
