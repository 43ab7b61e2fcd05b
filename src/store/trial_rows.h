// The rows of one trial in Optuna's tables, read and written inside a transaction of the caller's.
//
// What cannot be read or must not be stored makes the transaction fail; then nothing of it is kept.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/trial.h"
#include "store/sqlite.h"

namespace regulus::store {

using Attributes = std::map<std::string, Json>;

// Where the attributes of one kind are.
struct AttributeTable {
  std::string_view select, upsert;
};
extern AttributeTable const study_user, study_system, trial_user, trial_system;

Attributes read_attributes(Transaction& tx, AttributeTable const& table, std::int64_t id);
// Overwrites these keys.
void write_attributes(Transaction& tx, AttributeTable const& table, std::int64_t id, Attributes const& attributes);

struct TrialRow {
  std::int64_t id = 0;
  std::int64_t number = 0;
  std::string state{}, started{}, finished{};
};
// That this trial is not as a trial must be; kind corrupt.
Error odd_trial(TrialRow const& row, std::string_view what);

Trial read_trial(Transaction& tx, TrialRow const& row);
// Only params and distributions.
void read_params(Transaction& tx, TrialRow const& row, Trial& trial);

// Optuna refuses to go on when one name has two kinds of distribution or two lists of choices within a study.
Status check_compatible(std::span<Trial const> trials, std::string const& name, Distribution const& distribution);
// Optuna's rule: one value for each objective when complete, none of them NaN; pruned and failed trials may lack them.
Status check_values(TrialState state, std::vector<double> const& values, std::int64_t objectives);

std::int64_t objectives_of(Transaction& tx, std::int64_t study);

// Returns the id of the new trial. `number` is the count of the study's trials; a time of 0 is stored as unknown.
std::int64_t insert_trial(Transaction& tx, std::int64_t study, std::int64_t number, TrialState state,
                          std::int64_t started_us, std::int64_t finished_us);
void write_params(Transaction& tx, std::int64_t trial_id, std::map<std::string, double> const& params,
                  SearchSpace const& distributions);
void write_intermediate(Transaction& tx, std::int64_t trial_id, std::map<int, double> const& intermediate);
void write_values(Transaction& tx, std::int64_t trial_id, std::vector<double> const& values);
void write_heartbeat(Transaction& tx, std::int64_t trial_id);

// Microseconds since 1970 UTC.
std::int64_t now_us();

}  // namespace regulus::store
