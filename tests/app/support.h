// The real program as a child process in a folder of its own.
//
// A Workspace is that folder: fresh, empty, gone afterwards. What the program says is kept outside of it, so that
// files() lists what the program has written and nothing else. The children get a small fixed environment: no REGULUS_…
// variable of the caller, and a fixed date, so that whole files can be compared.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/json.h"
#include "tests/support/temporary_folder.h"

namespace regulus::app {

using Words = std::vector<std::string>;

inline Words operator+(Words a, Words const& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline std::string bytes_of(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void put_bytes(std::filesystem::path const& path, std::string const& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// Asks `question` every millisecond until it says yes; false after two minutes.
inline bool eventually(std::function<bool()> const& question) {
  auto const deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (!question()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

struct Outcome {
  int exit_code = 0;  // 128 + signal when a signal ended it
  std::string out, err;

  // The last line of stdout.
  Json json() const {
    std::string text = out;
    while (text.ends_with('\n')) text.pop_back();
    Result<Json> parsed = parse_json(text.substr(text.rfind('\n') + 1));
    EXPECT_TRUE(parsed) << "no JSON: " << out << err;
    return parsed ? *parsed : Json();
  }
  double number(std::initializer_list<char const*> path) const {
    Json const document = json();
    Json const* at = &document;
    for (char const* key : path) {
      at = at->find(key);
      if (at == nullptr) break;
    }
    EXPECT_TRUE(at != nullptr && at->is_number()) << "no number at " << *(path.end() - 1) << " in " << out;
    return at != nullptr && at->is_number() ? at->as_number() : 0;
  }
};

inline std::ostream& operator<<(std::ostream& stream, Outcome const& o) {
  return stream << "exit code " << o.exit_code << "\nstdout: " << o.out << "\nstderr: " << o.err;
}

// A running program. Killed when nobody waits for its end.
class Child {
 public:
  Child(pid_t pid, std::filesystem::path out, std::filesystem::path err)
      : pid_(pid), out_(std::move(out)), err_(std::move(err)) {}
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), out_(std::move(other.out_)), err_(std::move(other.err_)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    (void)wait();
  }

  void signal(int number) const { ::kill(pid_, number); }
  // Waits until the question is answered with yes or the program has ended by itself.
  bool until(std::function<bool()> const& question) const {
    return eventually([&] { return question() || ended(); }) && question();
  }
  Outcome wait() {
    int status = 0;
    while (::waitpid(std::exchange(pid_, 0), &status, 0) < 0 && errno == EINTR) {
    }
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out_.empty() ? "" : bytes_of(out_),
            bytes_of(err_)};
  }

 private:
  bool ended() const {
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid == pid_;
  }

  pid_t pid_;
  std::filesystem::path out_, err_;
};

// How a program is started, beside its words.
struct Start {
  Words environment = {};                                 // "NAME=value", in addition
  std::optional<rlim_t> largest_file = {};                // a disk that is full beyond this many bytes
  std::optional<std::filesystem::path> stdout_file = {};  // instead of being kept
};

class Workspace {
 public:
  Workspace() { std::filesystem::create_directory(folder()); }

  std::filesystem::path folder() const { return root_.path("work"); }
  std::filesystem::path path(std::string const& name) const { return folder() / name; }
  std::string bytes(std::string const& name) const { return bytes_of(path(name)); }
  void put(std::string const& name, std::string const& bytes) const { put_bytes(path(name), bytes); }
  bool has(std::string const& name) const { return std::filesystem::exists(path(name)); }

  // Every file and folder with its bytes, by path.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> all;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(folder())) {
      std::string const name = std::filesystem::relative(entry.path(), folder()).string();
      all[name] = entry.is_directory() ? "a folder" : bytes_of(entry.path());
    }
    return all;
  }

  Child start(Words const& words, Start const& how = {}) {
    std::string const number = std::to_string(++started_);
    std::filesystem::path const out = how.stdout_file.value_or(root_.path() / ("out" + number));
    std::filesystem::path const err = root_.path() / ("err" + number);
    Words argv{REGULUS_BINARY};
    argv = argv + words;
    Words environment{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "SOURCE_DATE_EPOCH=1700000000"};
    environment = environment + how.environment;
    auto const pointers = [](Words& texts) {
      std::vector<char*> all;
      for (std::string& text : texts) all.push_back(text.data());
      all.push_back(nullptr);
      return all;
    };
    auto const arguments = pointers(argv);
    auto const variables = pointers(environment);
    std::string const where = folder().string();
    pid_t const pid = ::fork();
    REGULUS_CHECK(pid >= 0);
    if (pid == 0) {
      // Between fork and exec: system calls only.
      int const silence = ::open("/dev/null", O_RDONLY);
      int const to = ::open(out.c_str(), O_WRONLY | O_CREAT, 0644);
      int const errors = ::open(err.c_str(), O_WRONLY | O_CREAT, 0644);
      ::dup2(silence, STDIN_FILENO);
      ::dup2(to, STDOUT_FILENO);
      ::dup2(errors, STDERR_FILENO);
      if (how.largest_file) {
        ::signal(SIGXFSZ, SIG_IGN);
        rlimit const limit{*how.largest_file, *how.largest_file};
        ::setrlimit(RLIMIT_FSIZE, &limit);
      }
      if (::chdir(where.c_str()) == 0) ::execve(arguments[0], arguments.data(), variables.data());
      ::_exit(127);
    }
    return {pid, how.stdout_file ? "" : out, err};
  }

  Outcome run(Words const& words, Start const& how = {}) { return start(words, how).wait(); }

  // Runs what must go well, and say nothing on stderr.
  Outcome succeed(Words const& words, Start const& how = {}) {
    Outcome outcome = run(words, how);
    EXPECT_EQ(outcome.exit_code, 0) << fmt::format("regulus {}\n", fmt::join(words, " ")) << outcome;
    EXPECT_EQ(outcome.err, "") << fmt::format("regulus {}", fmt::join(words, " "));
    return outcome;
  }

  // Runs what must be refused: this exit code, every one of `texts` in the message, and no file changed.
  Outcome refuse(Words const& words, int exit_code, Words const& texts, Start const& how = {}) {
    auto const before = files();
    Outcome outcome = run(words, how);
    std::string const line = fmt::format("regulus {}", fmt::join(words, " "));
    EXPECT_EQ(outcome.exit_code, exit_code) << line << "\n" << outcome;
    for (std::string const& text : texts) {
      EXPECT_NE(outcome.err.find(text), std::string::npos) << line << "\nshould say: " << text << "\n" << outcome;
    }
    EXPECT_TRUE(files() == before) << line << " changed a file";
    return outcome;
  }

 private:
  testing::TemporaryFolder root_;
  int started_ = 0;
};

inline Words const small_world{"--num-drivers", "3", "--max-bookings", "4", "--simulation-hours", "1"};

// A training of a few moments that still does everything: evaluations, models on the way, a choice at the end.
inline Words const small_training =
    small_world + Words{"--warmup-episodes",   "4",   "--eval-interval",    "4",   "--eval-episodes",  "4",
                        "--save-interval",     "3",   "--confirm-episodes", "5",   "--final-episodes", "6",
                        "--pair-hidden-sizes", "8",   "--hidden-sizes",     "8,8", "--batch-size",     "8",
                        "--buffer-size",       "300", "--probe-states",     "8",   "--probe-interval", "20"};

inline std::string const model_file = "data/rl/models/dqn_best.safetensors";

// Trains in this workspace; the model is model_file.
inline void train_small(Workspace& workspace, Words const& more = {}) {
  workspace.succeed(Words{"train", "--episodes", "6"} + small_training + more);
}

}  // namespace regulus::app
