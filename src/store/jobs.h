// Work that the server hands to a worker: training, tuning, a simulation. Whoever serves does not train.
//
//   queued ──> running ──> succeeded | failed
//     │ ^         │
//     │ └─────────┤ the worker is gone, and there are attempts left
//     └──> cancelled <── (a running one stops at its next heartbeat)
//
// A worker holds a job for the time of its lease and renews it with every heartbeat. Once a lease has ended the job may
// be given to another worker; what the first one reports afterwards is refused, so no result is written twice. That is
// told by the attempt and not by the name alone: two workers may have one name, and one may be given its job again.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "store/ids.h"
#include "store/rows.h"
#include "store/sqlite.h"

namespace regulus::store {

enum class JobState : std::uint8_t { queued, running, succeeded, failed, cancelled };
constexpr std::array<std::string_view, 5> enum_names(JobState) {
  return {"queued", "running", "succeeded", "failed", "cancelled"};
}

struct StoredJob {
  std::string id{};  // "job_01J…"
  std::optional<std::int64_t> company{};
  std::string kind{};  // "train"
  Json arguments = Json::object();
  JobState state = JobState::queued;
  double progress = 0;  // 0 … 1
  std::optional<std::string> worker{};
  std::optional<std::int64_t> lease_until_us{};
  std::int64_t attempts = 0;      // how often it was begun
  bool cancel_requested = false;  // its worker is to stop
  std::optional<Json> result{};   // of a finished one: its result, or what went wrong
  std::int64_t created_us = 0;
  std::int64_t updated_us = 0;
  friend bool operator==(StoredJob const&, StoredJob const&) = default;
};

inline constexpr std::int64_t most_attempts = 3;

// Writes company, kind and arguments.
Result<StoredJob> enqueue_job(Transaction& tx, StoredJob job, std::int64_t now_us, Entropy const& entropy);
Result<StoredJob> load_job(Transaction& tx, std::string const& id);
// By (created_us, id).
std::vector<StoredJob> list_jobs(Transaction& tx, Cursor<std::string> const& after, int limit);

// Who holds a job, and for how long from now on.
struct JobLease {
  std::string worker{};
  std::int64_t lease_us = 60'000'000;
};
// The oldest queued job of one of these kinds, or none. Jobs of dead workers are put back first.
Result<std::optional<StoredJob>> claim_job(Transaction& tx, JobLease const& lease,
                                           std::vector<std::string> const& kinds, std::int64_t now_us);
// Renews the lease of a job that is as claim_job returned it; the answer says whether to stop. Errors: not_found;
// conflict when that attempt holds it no more: the worker must stop and its result is of no use.
Result<StoredJob> heartbeat_job(Transaction& tx, StoredJob const& claimed, std::int64_t lease_us, double progress,
                                std::int64_t now_us);

enum class JobEnd : std::uint8_t { succeeded, failed, cancelled };
// Errors as heartbeat_job.
Result<StoredJob> finish_job(Transaction& tx, StoredJob const& claimed, JobEnd end, Json const& result,
                             std::int64_t now_us);

// A queued job is cancelled at once, a running one by its worker. Errors: not_found; conflict when it is finished.
Result<StoredJob> cancel_job(Transaction& tx, std::string const& id, std::int64_t now_us);

struct ChangedJob {
  StoredJob before, after;
};
// Puts jobs whose lease has ended back into the queue; after most_attempts they fail, and those that were to be
// cancelled are.
Result<std::vector<ChangedJob>> requeue_dead_jobs(Transaction& tx, std::int64_t now_us);

}  // namespace regulus::store
