#include "server/jobs.h"

#include <filesystem>

#include "store/hash.h"

namespace regulus::server {

namespace {

// An order's arguments as they are shown: a model is named by its hash, and where we keep its file is nobody's
// business.
Json shown_arguments(store::StoredJob const& job) {
  Json shown = job.arguments;
  if (Json const* model = shown.find("model"); model != nullptr && model->is_string()) {
    shown["model"] = std::filesystem::path(model->as_string()).stem().string();
  }
  return shown;
}

}  // namespace

Json job_json(store::StoredJob const& job) {
  return Json::object({{"id", job.id},
                       {"company", job.company ? Json(*job.company) : Json()},
                       {"kind", job.kind},
                       {"arguments", shown_arguments(job)},
                       {"state", store::word_of(job.state)},
                       {"progress", job.progress},
                       {"attempts", job.attempts},
                       {"cancel_requested", job.cancel_requested},
                       {"result", job.result ? *job.result : Json()},
                       {"created", instant_text(job.created_us)},
                       {"updated", instant_text(job.updated_us)}});
}

std::string object_of(store::StoredJob const& job) { return "job/" + job.id; }

void tell_progress(store::Transaction& tx, store::Outbox const& outbox, store::StoredJob const& job, Instant at) {
  if (!job.company) return;
  outbox.append(
      tx, *job.company, "job.progress",
      Json::object(
          {{"job", job.id}, {"kind", job.kind}, {"state", store::word_of(job.state)}, {"progress", job.progress}}),
      at);
}

void record_change(store::Transaction& tx, store::Outbox const& outbox, store::StoredJob const& job,
                   store::AuditEntry entry) {
  entry.company = job.company;
  entry.object = object_of(job);
  store::AuditHead const head = store::append_audit(tx, entry);
  if (!job.company) return;
  outbox.append(tx, *job.company, "audit.appended",
                Json::object({{"sequence", head.sequence}, {"action", entry.action}}), entry.at);
}

void record_end(store::Transaction& tx, store::Outbox const& outbox, std::string const& actor,
                store::StoredJob const& before, store::StoredJob const& after, Instant at) {
  Json left = job_json(after);
  if (after.state == store::JobState::succeeded && after.result) {
    left["result"] = Json::object({{"sha256", store::hex_of(store::sha256(after.result->dump()))}});
  }
  record_change(tx, outbox, after,
                {.actor = actor,
                 .action = fmt::format("job.{}", store::word_of(after.state)),
                 .before = job_json(before),
                 .after = std::move(left),
                 .request_id = "none",
                 .at = at});
  tell_progress(tx, outbox, after, at);
}

Status requeue_dead_jobs(store::Transaction& tx, store::Outbox const& outbox, std::string const& actor, Instant at) {
  auto const dead = store::requeue_dead_jobs(tx, at);
  if (!dead) return dead.error();
  for (auto const& [before, after] : *dead) {
    if (after.state == store::JobState::queued) {
      tell_progress(tx, outbox, after, at);
    } else {
      record_end(tx, outbox, actor, before, after, at);
    }
  }
  return ok();
}

}  // namespace regulus::server
