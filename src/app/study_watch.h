// What is new in the study of a running job, for the worker that reports it (store/study_reports.h).
//
// Reads the study's file while the job's process writes it, as Optuna's programs may. A finished trial is reported
// once. Importances take the longer the longer the study is, so they are computed again when a twentieth more trials
// are complete, and at the end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "store/study_reports.h"
#include "store/study_store.h"

namespace regulus::app {

class StudyWatch {
 public:
  // Neither file nor study need be there yet.
  StudyWatch(std::filesystem::path const& file, std::string name);

  enum class When : std::uint8_t { running, ended };
  struct News {
    store::StudyReport report;
    std::vector<store::StudyTrial> changed;
  };
  // What differs from the last news that were written; none while there is no study. That it cannot be read is news
  // too. When the process has ended, trials that it left open are put back into the study's queue; that they cannot be
  // is a problem beside the trials, not in place of them.
  std::optional<News> look(When when);
  // These news are on the disk.
  void written(News const& news);

 private:
  Status read(When when, News& news);
  Status read_trials(store::Study const& study, When when, News& news);
  void weigh(When when, std::span<Trial const> trials, store::StudyReport& report) const;

  std::string url_, name_;
  std::optional<store::StudyStore> store_;
  std::vector<store::StudyTrial> told_;  // trial i at index i
  std::optional<store::StudyReport> report_;
};

}  // namespace regulus::app
