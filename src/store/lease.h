// The right of one worker to write to one running trial, and what becomes of a trial whose worker is gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/trial_rows.h"

namespace regulus::store {

// System attributes of a trial.
inline constexpr std::string_view owner_key = "regulus:owner";        // the worker that holds it, or ended it
inline constexpr std::string_view requeued_key = "regulus:requeued";  // how often it went back to the queue
inline constexpr std::string_view fixed_key = "fixed_params";  // Optuna's: {name: external value} of a queued trial

// Copies are the same right.
struct Lease {
  std::int64_t trial_id = 0;
  int number = 0;
  std::string owner;  // what `regulus:owner` must still say
};

// What sweep() changed, by trial number.
struct Requeued {
  std::vector<int> waiting;  // trials whose worker is gone, queued again
  std::vector<int> failed;   // a Python worker's trials with a stale heartbeat, set to FAIL as Optuna does
};

// Whether a worker of ours holds or held it; a Python worker's trials have no owner.
bool is_ours(Trial const& trial);

// Makes this process the owner of a RUNNING trial.
Lease take_lease(Transaction& tx, std::int64_t trial_id, int number);
bool is_held(Transaction& tx, Lease const& lease);

// Puts a RUNNING trial back into the queue in place. What the run wrote and a second run would find there goes; its
// parameters stay, and stand in fixed_params too, where Python workers and the dashboard look for them. Owner and
// heartbeat go, so that a Python worker that takes the trial next is not mistaken for the dead one.
void requeue(Transaction& tx, TrialRow const& row);

// Looks at every RUNNING trial of a study. Ours go back to the queue when their process is gone or, on another machine,
// silent for longer than `grace`. A Python worker's are left alone unless their heartbeat is that old.
Requeued sweep(Transaction& tx, std::int64_t study, std::chrono::seconds grace);

}  // namespace regulus::store
