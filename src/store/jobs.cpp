#include "store/jobs.h"

#include "store/counters.h"

namespace regulus::store {
namespace {

constexpr std::string_view select =
    "SELECT id, company, kind, arguments, state, progress, worker, lease_until, attempts, cancel_requested, result, "
    "created, updated FROM jobs";

StoredJob job_from(Transaction& tx, Row const& row) {
  return {.id = row.text(0),
          .company = row.integer_or_none(1),
          .kind = row.text(2),
          .arguments = json_of(tx, row.text(3)),
          .state = enum_of<JobState>(tx, row.text(4)),
          .progress = row.real(5),
          .worker = row.text_or_none(6),
          .lease_until_us = row.integer_or_none(7),
          .attempts = row.integer(8),
          .cancel_requested = row.integer(9) != 0,
          .result = json_of(tx, row.text_or_none(10)),
          .created_us = row.integer(11),
          .updated_us = row.integer(12)};
}

// The job as it is, while the attempt that was claimed goes on.
Result<StoredJob> still_held(Transaction& tx, StoredJob const& claimed) {
  Result<StoredJob> job = load_job(tx, claimed.id);
  if (!job) return job;
  bool const is_held =
      job->state == JobState::running && job->worker == claimed.worker && job->attempts == claimed.attempts;
  if (is_held) return job;
  return Error{ErrorKind::conflict,
               fmt::format("job {} is {} and not held by attempt {} of {} any more", claimed.id, word_of(job->state),
                           claimed.attempts, claimed.worker.value_or("nobody"))};
}

// Ends a job or puts it back; nobody holds it then.
Result<StoredJob> release(Transaction& tx, std::string const& id, JobState state, std::optional<Json> const& result,
                          std::int64_t now_us) {
  std::optional<std::string> const text = text_of(result);
  tx.run("UPDATE jobs SET state = ?, lease_until = NULL, result = ?, updated = ? WHERE id = ?",
         {word_of(state), or_null(text), now_us, id});
  if (state == JobState::succeeded) tx.run("UPDATE jobs SET progress = 1 WHERE id = ?", {id});
  if (state == JobState::queued) tx.run("UPDATE jobs SET progress = 0, worker = NULL WHERE id = ?", {id});
  return load_job(tx, id);
}

JobState state_of(JobEnd end) {
  switch (end) {
    case JobEnd::succeeded:
      return JobState::succeeded;
    case JobEnd::failed:
      return JobState::failed;
    case JobEnd::cancelled:
      return JobState::cancelled;
  }
  return JobState::failed;
}

}  // namespace

Result<StoredJob> enqueue_job(Transaction& tx, StoredJob job, std::int64_t now_us, Entropy const& entropy) {
  if (job.company) {
    if (Status const known = check_company(tx, *job.company); !known) return known.error();
  }
  job.id = make_id("job", now_us, entropy);
  std::string const arguments = job.arguments.dump();
  tx.run(
      "INSERT INTO jobs (id, company, kind, arguments, state, progress, attempts, cancel_requested, created, updated) "
      "VALUES (?, ?, ?, ?, 'queued', 0, 0, 0, ?, ?)",
      {job.id, or_null(job.company), job.kind, arguments, now_us, now_us});
  return load_job(tx, job.id);
}

Result<StoredJob> load_job(Transaction& tx, std::string const& id) {
  std::optional<StoredJob> found;
  tx.query(fmt::format("{} WHERE id = ?", select), {id}, [&](Row const& row) { found = job_from(tx, row); });
  return found_or(tx, std::move(found), "job " + id);
}

std::vector<StoredJob> list_jobs(Transaction& tx, Cursor<std::string> const& after, int limit) {
  std::vector<StoredJob> jobs;
  tx.query(fmt::format("{} WHERE (created, id) > (?, ?) ORDER BY created, id LIMIT ?", select),
           {after.at_us, after.id, rows_of_page(limit)}, [&](Row const& row) { jobs.push_back(job_from(tx, row)); });
  return jobs;
}

Result<std::optional<StoredJob>> claim_job(Transaction& tx, JobLease const& lease,
                                           std::vector<std::string> const& kinds, std::int64_t now_us) {
  auto const requeued = requeue_dead_jobs(tx, now_us);
  if (!requeued) return requeued.error();
  std::optional<std::pair<std::int64_t, std::string>> oldest;
  for (std::string const& kind : kinds) {
    tx.query("SELECT created, id FROM jobs WHERE state = 'queued' AND kind = ? ORDER BY created, id LIMIT 1", {kind},
             [&](Row const& row) {
               std::pair const candidate(row.integer(0), row.text(1));
               if (!oldest || candidate < *oldest) oldest = candidate;
             });
  }
  if (tx.failed()) return tx.error();
  if (!oldest) return std::optional<StoredJob>();
  tx.run(
      "UPDATE jobs SET state = 'running', worker = ?, lease_until = ?, attempts = attempts + 1, updated = ? "
      "WHERE id = ?",
      {lease.worker, now_us + lease.lease_us, now_us, oldest->second});
  Result<StoredJob> job = load_job(tx, oldest->second);
  if (!job) return job.error();
  return std::optional(job.take());
}

Result<StoredJob> heartbeat_job(Transaction& tx, StoredJob const& claimed, std::int64_t lease_us, double progress,
                                std::int64_t now_us) {
  Result<StoredJob> const job = still_held(tx, claimed);
  if (!job) return job;
  tx.run("UPDATE jobs SET progress = ?, lease_until = ?, updated = ? WHERE id = ?",
         {progress, now_us + lease_us, now_us, claimed.id});
  return load_job(tx, claimed.id);
}

Result<StoredJob> finish_job(Transaction& tx, StoredJob const& claimed, JobEnd end, Json const& result,
                             std::int64_t now_us) {
  Result<StoredJob> const job = still_held(tx, claimed);
  if (!job) return job;
  return release(tx, claimed.id, state_of(end), result, now_us);
}

Result<StoredJob> cancel_job(Transaction& tx, std::string const& id, std::int64_t now_us) {
  Result<StoredJob> const job = load_job(tx, id);
  if (!job) return job;
  if (job->state == JobState::queued) return release(tx, id, JobState::cancelled, std::nullopt, now_us);
  if (job->state != JobState::running) {
    return Error{ErrorKind::conflict, fmt::format("job {} is {} already", id, word_of(job->state))};
  }
  tx.run("UPDATE jobs SET cancel_requested = 1, updated = ? WHERE id = ?", {now_us, id});
  return load_job(tx, id);
}

Result<std::vector<ChangedJob>> requeue_dead_jobs(Transaction& tx, std::int64_t now_us) {
  std::vector<StoredJob> dead;
  tx.query(fmt::format("{} WHERE state = 'running' AND lease_until <= ? ORDER BY created, id", select), {now_us},
           [&](Row const& row) { dead.push_back(job_from(tx, row)); });
  std::vector<ChangedJob> changed;
  for (StoredJob const& job : dead) {
    JobState state = JobState::queued;
    std::optional<Json> result;
    if (job.cancel_requested) {
      state = JobState::cancelled;
    } else if (job.attempts >= most_attempts) {
      state = JobState::failed;
      result = Json::object({{"error", fmt::format("its worker was lost {} times", job.attempts)}});
    }
    Result<StoredJob> released = release(tx, job.id, state, result, now_us);
    if (!released) return released.error();
    changed.push_back({.before = job, .after = released.take()});
  }
  return checked(tx, std::move(changed));
}

}  // namespace regulus::store
