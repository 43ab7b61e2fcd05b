// What a worker tells the server's database of the study it runs: its trials, and which parameters mattered.
//
// The study itself is a file of Optuna's schema in the folder of the job (store/study_store.h), which the server may
// not be able to reach. So the worker that runs it copies what changed, in the transaction that renews its lease, and
// the server answers from these rows alone. They are of the job's present attempt: the next one begins by forgetting
// them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "domain/trial.h"
#include "store/rows.h"

namespace regulus {
// The words of rows and answers; Optuna's own, in a study's file, are others (store/encoding.h).
constexpr std::array<std::string_view, 5> enum_names(TrialState) {
  return {"running", "complete", "pruned", "failed", "waiting"};
}
}  // namespace regulus

namespace regulus::store {

struct StudyTrial {
  std::int64_t number = 0;  // 0, 1, 2, … within the study
  TrialState state = TrialState::running;
  std::optional<double> value{};     // of the objective; none while there is no finite one
  Json parameters = Json::object();  // as a user sees them
  std::optional<std::int64_t> started_us{}, ended_us{};
  friend bool operator==(StudyTrial const&, StudyTrial const&) = default;
};
StudyTrial reported_trial(Trial const& trial);

struct StudyReport {
  std::string name{};
  bool maximizes = true;
  // {"trials": 40, "parameters": [{"name": "gamma", "share": 0.7, "ci95": [0.5, 0.8]}, …]}; none while too few trials
  // are complete.
  std::optional<Json> importances{};
  std::optional<std::string> problem{};  // why the worker could not read the study, when it could not
  std::int64_t reported_us = 0;
  friend bool operator==(StudyReport const&, StudyReport const&) = default;
};

// Numbers and the best trial, from the rows.
struct StudyCount {
  std::array<std::int64_t, 5> by_state{};  // by TrialState
  std::optional<StudyTrial> best{};        // the first of those with the best value among the complete ones
  std::int64_t of(TrialState state) const { return by_state[static_cast<std::size_t>(state)]; }
};

// Puts the report in place of the one before and these trials in place of those with their numbers.
void write_study_report(Transaction& tx, std::string const& job, StudyReport const& report,
                        std::span<StudyTrial const> changed);
void forget_study(Transaction& tx, std::string const& job);

// None: nothing was reported.
std::optional<StudyReport> study_report(Transaction& tx, std::string const& job);
StudyCount study_count(Transaction& tx, std::string const& job, bool maximizes);
// By number, from the one after `after` on; -1 is before the first.
std::vector<StudyTrial> study_trials(Transaction& tx, std::string const& job, std::int64_t after, int limit);

}  // namespace regulus::store
