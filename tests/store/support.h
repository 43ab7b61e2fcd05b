// Folders that vanish, child processes that report, and studies to play with.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>
#include <string>

#include "core/files.h"
#include "store/study_store.h"
#include "tests/support/temporary_folder.h"

namespace regulus::store {

// Where a study's or a server's database is kept.
class TemporaryFolder : public testing::TemporaryFolder {
 public:
  std::filesystem::path file(std::string const& name = "studies.db") const { return path(name); }
  std::string url() const { return "sqlite:///" + file().string(); }
};

// Runs `work` in a child process, which ends without the parent's clean-up; its result is the exit code.
inline pid_t in_child(std::function<int()> const& work) {
  pid_t const child = ::fork();
  REGULUS_CHECK(child >= 0);
  if (child == 0) ::_exit(work());
  return child;
}

inline int exit_code_of(pid_t child) {
  int status = 0;
  REGULUS_CHECK(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// One write to a file that every process appends to.
inline void append_line(std::filesystem::path const& path, std::string const& line) {
  int const file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  std::string const text = line + "\n";
  REGULUS_CHECK(::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::close(file);
}

inline StudyStore open_store(TemporaryFolder const& folder, StudyStore::Mode mode = StudyStore::Mode::create) {
  Result<StudyStore> store = StudyStore::open(folder.url(), mode);
  if (!store) ADD_FAILURE() << store.error().message;
  return store.take();
}

inline Study a_study(StudyStore& store, std::vector<Direction> directions = {Direction::maximize}) {
  StudyInfo info;
  info.name = "dispatch";
  info.directions = std::move(directions);
  return store.create_or_load(info).take();
}

inline std::vector<Trial> trials_of(StudyStore& store, StudyId study) {
  Result<std::span<Trial const>> const trials = store.trials(study);
  if (!trials) {
    ADD_FAILURE() << trials.error().message;
    return {};
  }
  return {trials->begin(), trials->end()};
}

inline SearchSpace two_dimensions() {
  return {{"lr", FloatDistribution{.low = 1e-5, .high = 0.1, .log = true, .step = {}}},
          {"net", CategoricalDistribution{{"small", "medium", 3}}}};
}

// Proposes lr = 0.001 * (number + 1) and the second choice.
inline Result<Proposal> plain_proposal(std::span<Trial const>, int number) {
  return Proposal{.params = {{"lr", 0.001 * (number + 1)}, {"net", 1.0}},
                  .distributions = two_dimensions(),
                  .system_attributes = {}};
}

inline ClaimRules rules_for(int max_trials, int lag = 1) {
  ClaimRules rules;
  rules.max_trials = max_trials;
  rules.lag = lag;
  rules.space = two_dimensions();
  return rules;
}

// Every fact of a trial, reals bit by bit, so that NaN equals itself; but SQLite keeps no sign of zero. Without times
// and the marks that re-queueing leaves.
inline std::string facts_of(Trial const& trial, bool with_marks = true) {
  std::string text = fmt::format("{} {} values", trial.number, static_cast<int>(trial.state));
  for (double value : trial.values) text += fmt::format(" {:a}", value + 0.0);
  for (auto const& [name, value] : trial.params) {
    text +=
        fmt::format("; {} = {:a} in {}", name, value + 0.0, distribution_to_json(trial.distributions.at(name)).dump());
  }
  for (auto const& [step, value] : trial.intermediate) text += fmt::format("; step {} {:a}", step, value + 0.0);
  for (auto const& [key, value] : trial.user_attributes) text += fmt::format("; {}: {}", key, value.dump());
  for (auto const& [key, value] : trial.system_attributes) {
    if (with_marks || (key != fixed_key && !key.starts_with("regulus:"))) {
      text += fmt::format("; system {}: {}", key, value.dump());
    }
  }
  if (with_marks) text += fmt::format("; from {} to {}", trial.started_us, trial.finished_us);
  return text;
}

}  // namespace regulus::store
