// A ledger of jobs for tests of what survives: each is written in several tables at once, and the client notes which of
// them were acknowledged. Afterwards the database must open, hold every acknowledged job, and no half of any.
#pragma once

#include <cstdlib>
#include <fstream>
#include <latch>

#include "store/audit_log.h"
#include "store/outbox.h"
#include "tests/store/serving.h"
#include "tests/support/sanitized.h"

namespace regulus::store {

// How often a test is to be repeated: as an environment variable says, else as usual, and a tenth of it under the
// sanitizers.
inline int rounds_of(char const* variable, int usual) {
  char const* const wanted = std::getenv(variable);
  if (wanted != nullptr) return std::atoi(wanted);
  return is_sanitized ? std::max(1, usual / 10) : usual;
}

// Job `id` of the ledger: a counter, an event of some length, an audit row. The length follows from the id.
inline Status write_job(Transaction& tx, std::int64_t id) {
  static Outbox const outbox(nullptr);
  std::string const text(static_cast<std::size_t>(mix(7, static_cast<std::uint64_t>(id)) % 9'000), 'x');
  tx.run("INSERT INTO counters VALUES (1, ?, ?, 0)", {fmt::format("job {}", id), id});
  outbox.append(tx, 1, "job", Json::object({{"id", id}, {"text", text}}), morning_us + id);
  append_audit(tx, {.company = 1, .actor = "tok_1", .action = "job", .object = fmt::format("{}", id)});
  return ok();
}

struct Findings {
  std::set<std::int64_t> jobs;  // that are whole
  std::string problem;          // what must not be; empty when all is well
};

// Opens what is left and looks at everything.
inline Findings inspect(std::filesystem::path const& path, std::string const& vfs = {}) {
  Findings findings;
  auto opened = Database::open(path, {.vfs = vfs, .readers = 1});
  if (!opened) return {{}, "does not open: " + opened.error().message};
  Status const looked = (*opened)->read([&](Transaction& tx) -> Status {
    std::set<std::int64_t> counted, told, audited;
    tx.query("SELECT value FROM counters WHERE company = 1", {},
             [&](Row const& row) { counted.insert(row.integer(0)); });
    tx.query("SELECT at FROM outbox", {}, [&](Row const& row) { told.insert(row.integer(0) - morning_us); });
    tx.query("SELECT object FROM audit", {}, [&](Row const& row) { audited.insert(std::stoll(row.text(0))); });
    if (counted != told || told != audited) findings.problem = "a job was half applied";
    if (AuditVerdict const verdict = verify_audit(tx); verdict.first_broken) findings.problem = verdict.problem;
    if (tx.integer("SELECT COALESCE(MAX(last), 0) FROM outbox_heads") != std::ssize(told)) {
      findings.problem = "events are not numbered without a gap";
    }
    findings.jobs = counted;
    return ok();
  });
  if (!looked) findings.problem = looked.error().message;
  return findings;
}

// Jobs that were acknowledged and are not there.
inline std::vector<std::int64_t> missing(std::vector<std::int64_t> const& acknowledged, Findings const& findings) {
  std::vector<std::int64_t> lost;
  for (std::int64_t id : acknowledged) {
    if (!findings.jobs.contains(id)) lost.push_back(id);
  }
  return lost;
}

// Writes a ledger: single jobs and groups of several, with a checkpoint every few. Returns what was acknowledged. A job
// holds the writer while a group gathers, so that groups are the same in every run.
inline std::vector<std::int64_t> write_ledger(Database& database, int turns, Rng& rng) {
  std::vector<std::int64_t> acknowledged;
  std::int64_t id = 0;
  for (int turn = 0; turn < turns; ++turn) {
    auto const group = static_cast<int>(rng.chance(0.3) ? rng.between(2, 6) : 1);
    std::latch gathered(1);
    std::latch all(group + 1);
    std::vector<char> answers(static_cast<std::size_t>(group));
    database.write(
        [&](Transaction&) {
          gathered.wait();
          return ok();
        },
        [&](Status const&) { all.count_down(); });
    for (int i = 0; i < group; ++i) {
      database.write([job = id + i](Transaction& tx) { return write_job(tx, job); },
                     [&, i](Status const& status) {
                       answers[static_cast<std::size_t>(i)] = status ? 1 : 0;
                       all.count_down();
                     });
    }
    gathered.count_down();
    all.wait();
    for (int i = 0; i < group; ++i) {
      if (answers[static_cast<std::size_t>(i)] != 0) acknowledged.push_back(id + i);
    }
    id += group;
  }
  return acknowledged;
}

// The bytes of a new database without anything in it.
inline std::string empty_database() {
  ServedFolder served;
  served.close();
  return *read_file(served.path());
}
// `path` becomes a database of these bytes, without logs.
inline void start_from(std::string const& bytes, std::filesystem::path const& path) {
  for (std::string_view suffix : {"", "-wal", "-shm", "-journal"}) {
    std::filesystem::remove(path.string() + std::string(suffix));
  }
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace regulus::store
