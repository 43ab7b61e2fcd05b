#include "store/study_reports.h"

#include <cmath>

namespace regulus::store {

namespace {

std::optional<std::int64_t> known_time(std::int64_t us) { return us == 0 ? std::nullopt : std::optional(us); }

StudyTrial trial_from(Transaction& tx, Row const& row) {
  return {.number = row.integer(0),
          .state = enum_of<TrialState>(tx, row.text(1)),
          .value = row.real_or_none(2),
          .parameters = json_of(tx, row.text(3)),
          .started_us = row.integer_or_none(4),
          .ended_us = row.integer_or_none(5)};
}

}  // namespace

StudyTrial reported_trial(Trial const& trial) {
  StudyTrial reported{.number = trial.number,
                      .state = trial.state,
                      .started_us = known_time(trial.started_us),
                      .ended_us = known_time(trial.finished_us)};
  if (!trial.values.empty() && std::isfinite(trial.values.front())) reported.value = trial.values.front();
  for (auto const& [name, internal] : trial.params) {
    auto const distribution = trial.distributions.find(name);
    if (distribution == trial.distributions.end()) continue;
    reported.parameters[name] = external_value(distribution->second, internal);
  }
  return reported;
}

void write_study_report(Transaction& tx, std::string const& job, StudyReport const& report,
                        std::span<StudyTrial const> changed) {
  std::optional<std::string> const importances = text_of(report.importances);
  tx.run(
      "INSERT INTO study_reports (job, name, direction, importances, problem, reported) VALUES (?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (job) DO UPDATE SET name = excluded.name, direction = excluded.direction, "
      "importances = excluded.importances, problem = excluded.problem, reported = excluded.reported",
      {job, report.name, report.maximizes ? "maximize" : "minimize", or_null(importances), or_null(report.problem),
       report.reported_us});
  for (StudyTrial const& trial : changed) {
    std::string const parameters = trial.parameters.dump();
    tx.run(
        "INSERT INTO study_trials (job, number, state, value, parameters, started, ended) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (job, number) DO UPDATE SET state = excluded.state, value = excluded.value, "
        "parameters = excluded.parameters, started = excluded.started, ended = excluded.ended",
        {job, trial.number, word_of(trial.state), or_null(trial.value), parameters, or_null(trial.started_us),
         or_null(trial.ended_us)});
  }
}

void forget_study(Transaction& tx, std::string const& job) {
  tx.run("DELETE FROM study_trials WHERE job = ?", {job});
  tx.run("DELETE FROM study_reports WHERE job = ?", {job});
}

std::optional<StudyReport> study_report(Transaction& tx, std::string const& job) {
  std::optional<StudyReport> found;
  tx.query("SELECT name, direction, importances, problem, reported FROM study_reports WHERE job = ?", {job},
           [&](Row const& row) {
             found = StudyReport{.name = row.text(0),
                                 .maximizes = row.text(1) == "maximize",
                                 .importances = json_of(tx, row.text_or_none(2)),
                                 .problem = row.text_or_none(3),
                                 .reported_us = row.integer(4)};
           });
  return found;
}

StudyCount study_count(Transaction& tx, std::string const& job, bool maximizes) {
  StudyCount count;
  tx.query("SELECT state, COUNT(*) FROM study_trials WHERE job = ? GROUP BY state", {job}, [&](Row const& row) {
    count.by_state[static_cast<std::size_t>(enum_of<TrialState>(tx, row.text(0)))] = row.integer(1);
  });
  tx.query(fmt::format("SELECT number, state, value, parameters, started, ended FROM study_trials WHERE job = ? AND "
                       "state = 'complete' AND value IS NOT NULL ORDER BY value {}, number LIMIT 1",
                       maximizes ? "DESC" : "ASC"),
           {job}, [&](Row const& row) { count.best = trial_from(tx, row); });
  return count;
}

std::vector<StudyTrial> study_trials(Transaction& tx, std::string const& job, std::int64_t after, int limit) {
  std::vector<StudyTrial> trials;
  tx.query(
      "SELECT number, state, value, parameters, started, ended FROM study_trials WHERE job = ? AND number > ? "
      "ORDER BY number LIMIT ?",
      {job, after, rows_of_page(limit)}, [&](Row const& row) { trials.push_back(trial_from(tx, row)); });
  return trials;
}

}  // namespace regulus::store
