// What the course of a job leaves behind, whoever moves it on: the server that orders and cancels, or the worker that
// runs it, which is another process with the same database.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "server/civil_time.h"
#include "store/audit_log.h"
#include "store/jobs.h"
#include "store/outbox.h"

namespace regulus::server {

// As it is shown.
Json job_json(store::StoredJob const& job);
std::string object_of(store::StoredJob const& job);

// Importances of parameters are told from this many complete trials on: with fewer, the best tenth of them, which they
// look at, is not even one.
inline constexpr int fewest_trials_for_importances = 10;

// The event job.progress of the job's company; a job without one has nobody who follows it.
void tell_progress(store::Transaction& tx, store::Outbox const& outbox, store::StoredJob const& job, Instant at);

// The audit row of what was done to a job, and the event audit.appended when it is of a company; the rest of `entry` is
// the caller's.
void record_change(store::Transaction& tx, store::Outbox const& outbox, store::StoredJob const& job,
                   store::AuditEntry entry);

// In the transaction that ended the job: the audit row, of the company if it has one, and the events. What was found
// can be long, so the row holds its SHA-256; what went wrong stands in it. `actor`: "worker", or "server" for what it
// ends itself.
void record_end(store::Transaction& tx, store::Outbox const& outbox, std::string const& actor,
                store::StoredJob const& before, store::StoredJob const& after, Instant at);

// Puts jobs of dead workers back or ends them, as store::requeue_dead_jobs, and tells and records it.
Status requeue_dead_jobs(store::Transaction& tx, store::Outbox const& outbox, std::string const& actor, Instant at);

}  // namespace regulus::server
