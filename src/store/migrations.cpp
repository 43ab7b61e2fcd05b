#include "store/migrations.h"

#include <fmt/format.h>

#include <array>

namespace regulus::store {
namespace {

constexpr std::string_view first[] = {
    // Who we work for, and how far the learned policy may go there.
    R"(CREATE TABLE companies (
      id INTEGER NOT NULL PRIMARY KEY,
      name TEXT NOT NULL,
      time_zone TEXT NOT NULL,
      is_test INTEGER NOT NULL CHECK (is_test IN (0, 1)),
      scenario TEXT NOT NULL,
      settings TEXT NOT NULL,
      mode TEXT NOT NULL CHECK (mode IN ('off', 'shadow', 'suggest_only', 'on')),
      model_id TEXT,
      mode_version INTEGER NOT NULL,
      mode_since INTEGER NOT NULL,
      fallback_reason TEXT,
      fallback_since INTEGER,
      version INTEGER NOT NULL,
      created INTEGER NOT NULL
    ) STRICT)",
    R"(CREATE TABLE drivers (
      company INTEGER NOT NULL REFERENCES companies (id),
      id INTEGER NOT NULL,
      name TEXT NOT NULL,
      body TEXT NOT NULL,
      latitude REAL,
      longitude REAL,
      position_at INTEGER,
      available INTEGER NOT NULL CHECK (available IN (0, 1)),
      version INTEGER NOT NULL,
      PRIMARY KEY (company, id)
    ) STRICT)",
    R"(CREATE TABLE bookings (
      company INTEGER NOT NULL REFERENCES companies (id),
      id INTEGER NOT NULL,
      status TEXT NOT NULL,
      pickup_at INTEGER NOT NULL,
      body TEXT NOT NULL,
      version INTEGER NOT NULL,
      created INTEGER NOT NULL,
      updated INTEGER NOT NULL,
      PRIMARY KEY (company, id)
    ) STRICT)",
    "CREATE INDEX bookings_by_pickup ON bookings (company, pickup_at, id)",
    "CREATE INDEX bookings_by_status ON bookings (company, status, pickup_at, id)",
    R"(CREATE TABLE routes (
      company INTEGER NOT NULL,
      driver INTEGER NOT NULL,
      stops TEXT NOT NULL,
      version INTEGER NOT NULL,
      updated INTEGER NOT NULL,
      PRIMARY KEY (company, driver),
      FOREIGN KEY (company, driver) REFERENCES drivers (company, id)
    ) STRICT)",
    // One question put to a policy for a fleet; its decisions name it.
    R"(CREATE TABLE dispatch_runs (
      id TEXT NOT NULL PRIMARY KEY,
      company INTEGER NOT NULL REFERENCES companies (id),
      at INTEGER NOT NULL,
      reason TEXT NOT NULL,
      summary TEXT NOT NULL
    ) STRICT)",
    "CREATE INDEX dispatch_runs_by_time ON dispatch_runs (company, at, id)",
    R"(CREATE TABLE decisions (
      id TEXT NOT NULL PRIMARY KEY,
      company INTEGER NOT NULL REFERENCES companies (id),
      run TEXT REFERENCES dispatch_runs (id),
      at INTEGER NOT NULL,
      kind TEXT NOT NULL,
      arm TEXT NOT NULL,
      model_hash TEXT,
      inputs_hash TEXT NOT NULL,
      snapshot BLOB NOT NULL,
      answer TEXT NOT NULL,
      shadow_answer TEXT,
      agreement REAL,
      cost_difference INTEGER,
      fallback_reason TEXT,
      decide_us INTEGER NOT NULL
    ) STRICT)",
    "CREATE INDEX decisions_by_time ON decisions (company, at, id)",
    R"(CREATE TABLE suggestions (
      id TEXT NOT NULL PRIMARY KEY,
      company INTEGER NOT NULL REFERENCES companies (id),
      booking INTEGER NOT NULL,
      driver INTEGER NOT NULL,
      decision TEXT NOT NULL REFERENCES decisions (id),
      status TEXT NOT NULL CHECK (status IN ('open', 'accepted', 'rejected', 'expired', 'withdrawn')),
      reason TEXT,
      decided_by TEXT,
      created INTEGER NOT NULL,
      expires INTEGER NOT NULL,
      version INTEGER NOT NULL,
      FOREIGN KEY (company, booking) REFERENCES bookings (company, id),
      FOREIGN KEY (company, driver) REFERENCES drivers (company, id)
    ) STRICT)",
    "CREATE INDEX suggestions_by_time ON suggestions (company, created, id)",
    "CREATE INDEX suggestions_by_expiry ON suggestions (status, expires)",
    R"(CREATE TABLE models (
      id TEXT NOT NULL PRIMARY KEY,
      name TEXT NOT NULL,
      sha256 TEXT NOT NULL,
      path TEXT NOT NULL,
      gate TEXT NOT NULL,
      created INTEGER NOT NULL
    ) STRICT)",
    "CREATE INDEX models_by_time ON models (created, id)",
    R"(CREATE TABLE model_aliases (
      name TEXT NOT NULL PRIMARY KEY,
      model TEXT NOT NULL REFERENCES models (id),
      version INTEGER NOT NULL
    ) STRICT)",
    // Secrets are kept as their SHA-256; `lookup` is its first eight bytes.
    R"(CREATE TABLE tokens (
      id TEXT NOT NULL PRIMARY KEY,
      lookup BLOB NOT NULL,
      hash BLOB NOT NULL,
      name TEXT NOT NULL,
      scopes TEXT NOT NULL,
      companies TEXT,
      created_by TEXT NOT NULL,
      created INTEGER NOT NULL,
      expires INTEGER,
      last_used INTEGER,
      revoked INTEGER
    ) STRICT)",
    "CREATE INDEX tokens_by_lookup ON tokens (lookup)",
    R"(CREATE TABLE audit (
      sequence INTEGER NOT NULL PRIMARY KEY,
      company INTEGER,
      at INTEGER NOT NULL,
      actor TEXT NOT NULL,
      action TEXT NOT NULL,
      object TEXT NOT NULL,
      before TEXT NOT NULL,
      after TEXT NOT NULL,
      reason TEXT NOT NULL,
      request_id TEXT NOT NULL,
      hash BLOB NOT NULL
    ) STRICT)",
    "CREATE INDEX audit_by_company ON audit (company, sequence)",
    "CREATE INDEX audit_by_object ON audit (company, object, sequence)",
    R"(CREATE TABLE idempotency (
      token TEXT NOT NULL,
      endpoint TEXT NOT NULL,
      idempotency_key TEXT NOT NULL,
      body_hash BLOB NOT NULL,
      status INTEGER NOT NULL,
      headers TEXT NOT NULL,
      body BLOB NOT NULL,
      created INTEGER NOT NULL,
      PRIMARY KEY (token, endpoint, idempotency_key)
    ) STRICT)",
    "CREATE INDEX idempotency_by_age ON idempotency (created)",
    R"(CREATE TABLE outbox (
      company INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      type TEXT NOT NULL,
      data TEXT NOT NULL,
      at INTEGER NOT NULL,
      PRIMARY KEY (company, sequence)
    ) STRICT)",
    "CREATE INDEX outbox_by_age ON outbox (at)",
    // Outlives the events, so that a number is never given twice.
    "CREATE TABLE outbox_heads (company INTEGER NOT NULL PRIMARY KEY, last INTEGER NOT NULL) STRICT",
    R"(CREATE TABLE jobs (
      id TEXT NOT NULL PRIMARY KEY,
      company INTEGER,
      kind TEXT NOT NULL,
      arguments TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
      progress REAL NOT NULL,
      worker TEXT,
      lease_until INTEGER,
      attempts INTEGER NOT NULL,
      cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
      result TEXT,
      created INTEGER NOT NULL,
      updated INTEGER NOT NULL
    ) STRICT)",
    "CREATE INDEX jobs_by_state ON jobs (state, created, id)",
    "CREATE INDEX jobs_by_time ON jobs (created, id)",
    R"(CREATE TABLE counters (
      company INTEGER NOT NULL,
      name TEXT NOT NULL,
      value INTEGER NOT NULL,
      since INTEGER NOT NULL,
      PRIMARY KEY (company, name)
    ) STRICT)",
};

constexpr std::string_view second[] = {
    "CREATE INDEX suggestions_by_booking ON suggestions (company, booking)",
};

constexpr std::string_view third[] = {
    // What a worker tells of the study that a job runs (store/study_reports.h).
    R"(CREATE TABLE study_reports (
      job TEXT NOT NULL PRIMARY KEY REFERENCES jobs (id),
      name TEXT NOT NULL,
      direction TEXT NOT NULL CHECK (direction IN ('minimize', 'maximize')),
      importances TEXT,
      problem TEXT,
      reported INTEGER NOT NULL
    ) STRICT)",
    R"(CREATE TABLE study_trials (
      job TEXT NOT NULL REFERENCES jobs (id),
      number INTEGER NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'pruned', 'failed', 'waiting')),
      value REAL,
      parameters TEXT NOT NULL,
      started INTEGER,
      ended INTEGER,
      PRIMARY KEY (job, number)
    ) STRICT)",
};

constexpr std::array<std::span<std::string_view const>, 3> all = {first, second, third};

}  // namespace

std::span<std::span<std::string_view const> const> migrations() { return all; }

std::int64_t schema_version(Transaction& transaction) { return transaction.integer("PRAGMA user_version").value_or(0); }

void migrate(Transaction& transaction, std::filesystem::path const& path) {
  std::int64_t const version = schema_version(transaction);
  std::int64_t const owner = transaction.integer("PRAGMA application_id").value_or(0);
  if (transaction.failed()) return;
  auto const newest = static_cast<std::int64_t>(all.size());
  bool const empty = version == 0 && owner == 0 && transaction.tables().empty();
  if (!empty && owner != application_id) {
    return transaction.fail(invalid(fmt::format(
        "{}: is a database of another program (application id {}); name another file", path.string(), owner)));
  }
  if (version < 0 || version > newest) {
    return transaction.fail(invalid(fmt::format(
        "{}: has schema version {}, this program knows versions up to {}; use the newer program, or restore "
        "a backup made before the upgrade",
        path.string(), version, newest)));
  }
  if (version == newest) return;
  for (std::int64_t step = version; step < newest; ++step) {
    for (std::string_view statement : all[static_cast<std::size_t>(step)]) transaction.run(statement);
  }
  transaction.run(fmt::format("PRAGMA application_id = {}", application_id));
  transaction.run(fmt::format("PRAGMA user_version = {}", newest));
}

}  // namespace regulus::store
