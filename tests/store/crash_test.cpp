// What survives when the power goes, the disk fails, the process is killed or a bit rots.
//
// A ledger of jobs is written to the database, each in several tables at once; the client notes which of them were
// acknowledged. Afterwards the database must open, hold every acknowledged job, and no half of any.
//
// More rounds than the suite runs: REGULUS_POWER_CUTS=2000, REGULUS_KILLS=200.
#include <csignal>

#include <fstream>
#include <latch>

#include "store/audit_log.h"
#include "store/outbox.h"
#include "tests/store/fault_vfs.h"
#include "tests/store/serving.h"

namespace regulus::store {
namespace {

int rounds_of(char const* variable, int usual) {
  char const* const wanted = std::getenv(variable);
  return wanted == nullptr ? usual : std::atoi(wanted);
}

// Job `id` of the ledger: a counter, an event of some length, an audit row. The length follows from the id.
Status write_job(Transaction& tx, std::int64_t id) {
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
Findings inspect(std::filesystem::path const& path, std::string const& vfs = {}) {
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
std::vector<std::int64_t> missing(std::vector<std::int64_t> const& acknowledged, Findings const& findings) {
  std::vector<std::int64_t> lost;
  for (std::int64_t id : acknowledged) {
    if (!findings.jobs.contains(id)) lost.push_back(id);
  }
  return lost;
}

// Writes a ledger: single jobs and groups of several, with a checkpoint every few. Returns what was acknowledged. A job
// holds the writer while a group gathers, so that groups are the same in every run.
std::vector<std::int64_t> write_ledger(Database& database, int turns, Rng& rng) {
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

Database::Options options_on(FaultyDisk const& disk, Database::Options::Synchronous synchronous) {
  return {.synchronous = synchronous,
          .vfs = disk.name(),
          .readers = 1,
          .group = std::chrono::seconds(1'000),
          .log_pages = 120};
}

struct CutResult {
  int rounds_with_loss = 0;
  std::string first_problem;
  std::int64_t acknowledged = 0;
};

// A new database without anything in it, to start each round from.
class Crash : public ::testing::Test {
 protected:
  Crash() {
    ServedFolder served;
    served.close();
    empty = *read_file(served.path());
  }
  // `path` becomes an empty database without its logs.
  void start_anew(std::filesystem::path const& path) const {
    for (std::string_view suffix : {"", "-wal", "-shm", "-journal"}) {
      std::filesystem::remove(path.string() + std::string(suffix));
    }
    std::ofstream(path, std::ios::binary) << empty;
  }

  CutResult cut_power(int rounds, Database::Options::Synchronous synchronous) const;
  void fail_everywhere(FaultyDisk::Fault fault, bool for_ever) const;

  std::string empty;
  TemporaryFolder before, after;
};

// Cuts the power at `rounds` moments of as many ledgers.
CutResult Crash::cut_power(int rounds, Database::Options::Synchronous synchronous) const {
  constexpr int turns = 12;
  CutResult result;
  Rng const root(2026);
  for (int round = 0; round < rounds; ++round) {
    Rng rng = root.stream(Purpose::test, static_cast<std::uint64_t>(round));
    std::vector<std::int64_t> acknowledged;
    {
      FaultyDisk disk("losing power");
      start_anew(before.file());
      auto database = open_database(before.file(), options_on(disk, synchronous));
      // A ledger makes between 60 and 250 changes; a late cut is one after the last of them.
      disk.cut_power_at_change(1 + rng.below(160));
      Rng ledger = rng.stream(Purpose::demand);
      acknowledged = write_ledger(*database, turns, ledger);
      disk.cut_power();
      database.reset();
      for (std::string const& name : after.names()) std::filesystem::remove(after.file(name));
      disk.write_survivors(after.path(), rng);
    }
    FaultyDisk mended("mended");
    Findings const findings = inspect(after.file(), mended.name());
    result.acknowledged += std::ssize(acknowledged);
    bool const is_lost = !missing(acknowledged, findings).empty();
    if (is_lost) ++result.rounds_with_loss;
    if (result.first_problem.empty() && !findings.problem.empty()) {
      result.first_problem = fmt::format("round {}: {}", round, findings.problem);
    }
  }
  return result;
}

TEST_F(Crash, a_power_cut_at_any_moment_loses_nothing_acknowledged_and_halves_nothing) {
  int const rounds = rounds_of("REGULUS_POWER_CUTS", 200);
  CutResult const result = cut_power(rounds, Database::Options::Synchronous::full);
  EXPECT_EQ(result.first_problem, "");
  EXPECT_EQ(result.rounds_with_loss, 0);
  EXPECT_GT(result.acknowledged, 3 * rounds);  // the cuts are not all at the start
}

// The same without a flush at each commit must lose something: otherwise the test above would notice nothing.
TEST_F(Crash, without_flushes_the_same_power_cuts_lose_what_was_acknowledged) {
  int const rounds = rounds_of("REGULUS_POWER_CUTS", 200);
  CutResult const result = cut_power(rounds, Database::Options::Synchronous::normal);
  EXPECT_EQ(result.first_problem, "");  // it loses jobs, whole ones
  EXPECT_GT(result.rounds_with_loss, rounds / 10);
}

// Opens, writes, reads and closes on a disk that may fail anywhere in between.
std::vector<std::int64_t> scripted(std::filesystem::path const& path, FaultyDisk const& disk) {
  auto database = Database::open(path, options_on(disk, Database::Options::Synchronous::full));
  if (!database) return {};
  Rng rng(1);
  std::vector<std::int64_t> acknowledged = write_ledger(**database, 8, rng);
  static_cast<void>((*database)->read([](Transaction& tx) -> Result<std::int64_t> {
    return tx.integer("SELECT SUM(value) FROM counters").value_or(0);
  }));
  return acknowledged;
}

void Crash::fail_everywhere(FaultyDisk::Fault fault, bool for_ever) const {
  std::uint64_t places = 0;
  std::int64_t whole = 0;
  {
    FaultyDisk disk("counting");
    start_anew(before.file());
    whole = std::ssize(scripted(before.file(), disk));
    places = fault == FaultyDisk::Fault::full    ? disk.calls(FaultyDisk::Call::write)
             : fault == FaultyDisk::Fault::flush ? disk.calls(FaultyDisk::Call::flush)
                                                 : disk.all_calls();
  }
  ASSERT_GT(places, 10U);
  int refused = 0;
  for (std::uint64_t place = 1; place <= places; ++place) {
    std::vector<std::int64_t> acknowledged;
    {
      FaultyDisk disk("failing");
      start_anew(before.file());
      disk.fail(place, fault, for_ever);
      acknowledged = scripted(before.file(), disk);
      ASSERT_TRUE(disk.has_failed()) << place;
    }
    if (std::ssize(acknowledged) < whole) ++refused;
    FaultyDisk mended("mended");
    Findings const findings = inspect(before.file(), mended.name());
    ASSERT_EQ(findings.problem, "") << "at call " << place << " of " << places;
    ASSERT_TRUE(missing(acknowledged, findings).empty()) << "at call " << place << " of " << places;
  }
  EXPECT_GT(refused, 0);
}

TEST_F(Crash, an_input_output_error_at_any_call_halves_and_loses_nothing) {
  fail_everywhere(FaultyDisk::Fault::io, false);
}
TEST_F(Crash, input_output_errors_from_any_call_on_halve_and_lose_nothing) {
  fail_everywhere(FaultyDisk::Fault::io, true);
}
TEST_F(Crash, a_disk_that_is_full_at_any_write_halves_and_loses_nothing) {
  fail_everywhere(FaultyDisk::Fault::full, false);
}
TEST_F(Crash, a_disk_that_stays_full_from_any_write_on_halves_and_loses_nothing) {
  fail_everywhere(FaultyDisk::Fault::full, true);
}
TEST_F(Crash, a_flush_that_fails_at_any_time_halves_and_loses_nothing) {
  fail_everywhere(FaultyDisk::Fault::flush, false);
}

TEST_F(Crash, a_full_disk_is_said_as_full_and_room_that_comes_back_is_used) {
  FaultyDisk disk("full for a while");
  start_anew(before.file());
  auto database = open_database(before.file(), options_on(disk, Database::Options::Synchronous::full));
  auto const add = [&](std::int64_t id) {
    return database->write_and_wait([&](Transaction& tx) { return write_job(tx, id); });
  };
  ASSERT_TRUE(add(1));
  disk.fail(1, FaultyDisk::Fault::full, true);
  for (std::int64_t id : {2, 3}) {
    Status const refused = add(id);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::full) << refused.error().message;
  }
  EXPECT_FALSE(database->is_fatal());
  EXPECT_TRUE(database->read([](Transaction& tx) -> Result<std::int64_t> {
    return tx.integer("SELECT COUNT(*) FROM counters").value_or(-1);
  }));
  disk.mend();
  EXPECT_TRUE(add(4));
  database.reset();
  Findings const findings = inspect(before.file(), disk.name());
  EXPECT_EQ(findings.problem, "");
  EXPECT_EQ(findings.jobs, (std::set<std::int64_t>{1, 4}));
}

TEST_F(Crash, after_a_failed_flush_nothing_is_written_until_the_file_is_opened_anew) {
  FaultyDisk disk("failing to flush");
  start_anew(before.file());
  int told = 0;
  Database::Options options = options_on(disk, Database::Options::Synchronous::full);
  options.on_fatal = [&](Error const& error) {
    ++told;
    EXPECT_EQ(error.kind, ErrorKind::io);
  };
  auto database = open_database(before.file(), options);
  auto const add = [&](std::int64_t id) {
    return database->write_and_wait([&](Transaction& tx) { return write_job(tx, id); });
  };
  ASSERT_TRUE(add(1));
  disk.fail(1, FaultyDisk::Fault::flush, false);
  EXPECT_FALSE(add(2));
  EXPECT_TRUE(database->is_fatal());
  EXPECT_EQ(told, 1);
  std::uint64_t const changes = disk.changes();
  for (std::int64_t id : {3, 4}) {
    Status const refused = add(id);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("opened anew"), std::string::npos) << refused.error().message;
  }
  EXPECT_EQ(disk.changes(), changes);
  EXPECT_EQ(told, 1);
  database.reset();
  database = open_database(before.file(), options_on(disk, Database::Options::Synchronous::full));
  EXPECT_TRUE(add(5));
  database.reset();
  Findings const findings = inspect(before.file(), disk.name());
  EXPECT_EQ(findings.problem, "");
  EXPECT_TRUE(findings.jobs.contains(1) && findings.jobs.contains(5));
  EXPECT_FALSE(findings.jobs.contains(3) || findings.jobs.contains(4));
}

TEST_F(Crash, a_killed_process_loses_nothing_acknowledged) {
  constexpr std::int64_t threads = 4;
  Rng rng(8);
  int const kills = rounds_of("REGULUS_KILLS", 20);
  std::vector<std::int64_t> acknowledged;  // over all lives of one file
  start_anew(before.file());
  for (std::int64_t life = 0; life < kills; ++life) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    pid_t const child = in_child([&] {
      ::close(pipe[0]);
      auto database = Database::open(before.file());
      if (!database) return 1;
      std::vector<std::thread> writers;
      for (std::int64_t t = 0; t < threads; ++t) {
        writers.emplace_back([&, t] {
          for (std::int64_t i = 0;; ++i) {
            std::int64_t const id = (life * threads + t) * 1'000'000 + i;
            if (!(*database)->write_and_wait([&](Transaction& tx) { return write_job(tx, id); })) ::_exit(2);
            if (::write(pipe[1], &id, sizeof(id)) != sizeof(id)) ::_exit(3);
          }
        });
      }
      for (std::thread& writer : writers) writer.join();
      return 4;
    });
    ::close(pipe[1]);
    std::uint64_t until = 1 + rng.below(120);
    std::int64_t id = 0;
    for (std::uint64_t heard = 0; ::read(pipe[0], &id, sizeof(id)) == sizeof(id);) {
      acknowledged.push_back(id);
      // What was acknowledged before the kill and is still in the pipe counts too.
      if (++heard == until) ::kill(child, SIGKILL);
    }
    ::close(pipe[0]);
    ASSERT_EQ(exit_code_of(child), 128 + SIGKILL);
    Findings const findings = inspect(before.file());
    ASSERT_EQ(findings.problem, "") << "life " << life;
    ASSERT_TRUE(missing(acknowledged, findings).empty()) << "life " << life;
  }
  EXPECT_GT(std::ssize(acknowledged), 10 * kills);
}

// Every row of every table, as text.
std::optional<std::string> everything(std::filesystem::path const& path) {
  auto database = Database::open(path, {.readers = 1});
  if (!database) return std::nullopt;
  Result<std::string> text = (*database)->read([](Transaction& tx) -> Result<std::string> {
    std::string all;
    for (std::string const& table : tx.tables()) {
      std::string columns;
      tx.query("SELECT name FROM pragma_table_info(?)", {table}, [&](Row const& row) {
        columns += (columns.empty() ? "quote(" : " || ',' || quote(") + row.text(0) + ")";
      });
      tx.query(fmt::format("SELECT {} FROM {}", columns, table), {},
               [&](Row const& row) { all += row.text(0) + "\n"; });
    }
    return all;
  });
  if (!text) return std::nullopt;
  return text.take();
}

TEST_F(Crash, a_flipped_bit_is_found_or_changes_no_answer) {
  start_anew(before.file());
  {
    auto database = open_database(before.file());
    Rng rng(3);
    write_ledger(*database, 40, rng);
  }
  std::string const good = *read_file(before.file());
  std::string const truth = everything(before.file()).value();
  ASSERT_GT(truth.size(), 50'000U);
  Rng rng(4);
  int found = 0;
  for (int flip = 0; flip < 500; ++flip) {
    std::string bytes = good;
    // The header's hundred bytes are small and matter most: every tenth flip is there.
    std::size_t const at = rng.below(flip % 10 == 0 ? 100 : bytes.size());
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8)));
    std::ofstream(before.file(), std::ios::binary) << bytes;
    std::optional<std::string> const answer = everything(before.file());
    if (!answer) ++found;
    ASSERT_TRUE(!answer || *answer == truth) << "byte " << at << " of " << good.size() << ", flip " << flip;
    for (std::string_view suffix : {"-wal", "-shm"})
      std::filesystem::remove(before.file().string() + std::string(suffix));
  }
  EXPECT_GE(found, 495);
}

}  // namespace
}  // namespace regulus::store
