#include "core/progress.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/files.h"

namespace regulus {

Progress::Progress(std::string label, std::int64_t total, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(std::max<std::int64_t>(total, 1)),
      visible_(::isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_ - std::chrono::seconds(1)) {}

Progress::~Progress() {
  if (!visible_) return;
  draw();
  std::fputc('\n', stderr);
}

void Progress::update(std::int64_t done, std::string_view note) {
  std::lock_guard const lock(mutex_);
  show(done, note);
}

void Progress::advance(std::string_view note) {
  std::lock_guard const lock(mutex_);
  show(done_ + 1, note);
}

void Progress::show(std::int64_t done, std::string_view note) {
  done_ = done;
  if (!note.empty()) note_ = note;
  auto const now = std::chrono::steady_clock::now();
  if (!visible_ || now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  draw();
}

void Progress::draw() {
  constexpr int width = 24;
  double const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  double const rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  auto const filled = static_cast<int>(width * std::min<std::int64_t>(done_, total_) / total_);
  std::string bar;
  for (int i = 0; i < width; ++i) bar += i < filled ? "█" : "·";
  std::string const left = done_ >= total_ ? "in " + duration_text(seconds)
                           : rate > 0      ? duration_text(static_cast<double>(total_ - done_) / rate) + " left"
                                           : "";
  fmt::print(stderr, "\r\x1b[2K{} {} {}/{} {} · {:.3g}/s · {}{}{}", label_, bar, done_, total_, unit_, rate, left,
             note_.empty() ? "" : " · ", note_);
  std::fflush(stderr);
}

ProgressFile::ProgressFile(std::filesystem::path const& path) {
  if (!path.empty()) file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

ProgressFile::~ProgressFile() {
  if (file_ >= 0) ::close(file_);
}

void ProgressFile::update(std::int64_t done, std::int64_t total) {
  std::lock_guard const lock(mutex_);
  write(done, total);
}

void ProgressFile::advance(std::int64_t total) {
  std::lock_guard const lock(mutex_);
  write(done_ + 1, total);
}

void ProgressFile::write(std::int64_t done, std::int64_t total) {
  done_ = done;
  if (file_ < 0) return;
  double const share = static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(total, 1));
  // Always as long, so that one write replaces the one before whole.
  std::string text = fmt::format("{:.4f}\n", std::clamp(share, 0.0, 1.0));
  if (text == written_) return;
  if (::pwrite(file_, text.data(), text.size(), 0) == std::ssize(text)) written_ = std::move(text);
}

std::optional<double> read_progress(std::filesystem::path const& path) {
  Result<std::string> const text = read_file(path);
  if (!text || !text->ends_with('\n')) return std::nullopt;
  double share = 0;
  auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), share);
  bool const is_share = error == std::errc{} && *end == '\n' && share >= 0 && share <= 1;
  return is_share ? std::optional(share) : std::nullopt;
}

std::string duration_text(double seconds) {
  std::int64_t const whole = std::llround(seconds);
  if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
  if (whole >= 60) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  return fmt::format("{} s", whole);
}

}  // namespace regulus
