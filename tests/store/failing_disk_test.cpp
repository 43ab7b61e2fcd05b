// What survives when the power goes or the disk fails, at every moment of a scripted ledger.
//
// More power cuts than the suite runs: REGULUS_POWER_CUTS=100000.
#include "tests/store/fault_vfs.h"
#include "tests/store/ledger.h"

namespace regulus::store {
namespace {

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

// Every round starts from an empty database.
class FailingDisk : public ::testing::Test {
 protected:
  CutResult cut_power(int rounds, Database::Options::Synchronous synchronous) const;
  void fail_everywhere(FaultyDisk::Fault fault, bool for_ever) const;

  std::string const empty = empty_database();
  TemporaryFolder before, after;
};

// Cuts the power at `rounds` moments of as many ledgers.
CutResult FailingDisk::cut_power(int rounds, Database::Options::Synchronous synchronous) const {
  constexpr int turns = 12;
  CutResult result;
  Rng const root(2026);
  for (int round = 0; round < rounds; ++round) {
    Rng rng = root.stream(Purpose::test, static_cast<std::uint64_t>(round));
    std::vector<std::int64_t> acknowledged;
    {
      FaultyDisk disk("losing power");
      start_from(empty, before.file());
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

TEST_F(FailingDisk, a_power_cut_at_any_moment_loses_nothing_acknowledged_and_halves_nothing) {
  int const rounds = rounds_of("REGULUS_POWER_CUTS", 2'000);
  CutResult const result = cut_power(rounds, Database::Options::Synchronous::full);
  EXPECT_EQ(result.first_problem, "");
  EXPECT_EQ(result.rounds_with_loss, 0);
  EXPECT_GT(result.acknowledged, 3 * rounds);  // the cuts are not all at the start
}

// The same without a flush at each commit must lose something: otherwise the test above would notice nothing.
TEST_F(FailingDisk, without_flushes_the_same_power_cuts_lose_what_was_acknowledged) {
  int const rounds = std::max(20, rounds_of("REGULUS_POWER_CUTS", 2'000) / 10);  // enough to see it
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

void FailingDisk::fail_everywhere(FaultyDisk::Fault fault, bool for_ever) const {
  std::uint64_t places = 0;
  std::int64_t whole = 0;
  {
    FaultyDisk disk("counting");
    start_from(empty, before.file());
    whole = std::ssize(scripted(before.file(), disk));
    places = fault == FaultyDisk::Fault::full    ? disk.calls(FaultyDisk::Call::write)
             : fault == FaultyDisk::Fault::flush ? disk.calls(FaultyDisk::Call::flush)
                                                 : disk.all_calls();
  }
  ASSERT_GT(places, 10U);
  int refused = 0;
  std::uint64_t unreached = 0;
  for (std::uint64_t place = 1; place <= places; ++place) {
    std::vector<std::int64_t> acknowledged;
    {
      FaultyDisk disk("failing");
      start_from(empty, before.file());
      disk.fail(place, fault, for_ever);
      acknowledged = scripted(before.file(), disk);
      if (!disk.has_failed()) ++unreached;
    }
    if (std::ssize(acknowledged) < whole) ++refused;
    FaultyDisk mended("mended");
    Findings const findings = inspect(before.file(), mended.name());
    ASSERT_EQ(findings.problem, "") << "at call " << place << " of " << places;
    ASSERT_TRUE(missing(acknowledged, findings).empty()) << "at call " << place << " of " << places;
  }
  EXPECT_GT(refused, 0);
  // How much of the log is carried over beside a reader depends on who comes first, so the last places may not come: of
  // the dozen flushes two or three.
  EXPECT_LE(unreached, 3 + places / 20);
}

TEST_F(FailingDisk, an_input_output_error_at_any_call_halves_and_loses_nothing) {
  fail_everywhere(FaultyDisk::Fault::io, false);
}
TEST_F(FailingDisk, input_output_errors_from_any_call_on_halve_and_lose_nothing) {
  fail_everywhere(FaultyDisk::Fault::io, true);
}
TEST_F(FailingDisk, a_disk_that_is_full_at_any_write_halves_and_loses_nothing) {
  fail_everywhere(FaultyDisk::Fault::full, false);
}
TEST_F(FailingDisk, a_disk_that_stays_full_from_any_write_on_halves_and_loses_nothing) {
  fail_everywhere(FaultyDisk::Fault::full, true);
}
TEST_F(FailingDisk, a_flush_that_fails_at_any_time_halves_and_loses_nothing) {
  fail_everywhere(FaultyDisk::Fault::flush, false);
}

TEST_F(FailingDisk, a_full_disk_is_said_as_full_and_room_that_comes_back_is_used) {
  FaultyDisk disk("full for a while");
  start_from(empty, before.file());
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

TEST_F(FailingDisk, after_a_failed_flush_nothing_is_written_until_the_file_is_opened_anew) {
  FaultyDisk disk("failing to flush");
  start_from(empty, before.file());
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

TEST_F(FailingDisk, the_ledger_of_these_tests_is_carried_over_several_times) {
  FaultyDisk disk("counting");
  start_from(empty, before.file());
  auto database = open_database(before.file(), options_on(disk, Database::Options::Synchronous::normal));
  Rng ledger(1);
  write_ledger(*database, 12, ledger);
  // Without a flush at each commit, only checkpoints flush: the log, then the file.
  EXPECT_GE(disk.calls(FaultyDisk::Call::flush), 6U);
  EXPECT_GT(std::filesystem::file_size(before.file()), empty.size());
}

TEST_F(FailingDisk, a_file_that_could_not_be_made_is_not_there_or_whole) {
  int failed = 0;
  for (std::uint64_t place = 1;; ++place) {
    TemporaryFolder const folder;
    FaultyDisk disk("failing");
    disk.fail(place, FaultyDisk::Fault::io, false);
    auto const opened = Database::open(folder.file(), options_on(disk, Database::Options::Synchronous::full));
    if (!disk.has_failed()) break;
    if (!opened) ++failed;
    if (std::filesystem::exists(folder.file())) {
      EXPECT_EQ(inspect(folder.file()).problem, "") << "at call " << place;
    } else {
      EXPECT_TRUE(folder.names().empty()) << "at call " << place;
    }
  }
  EXPECT_GT(failed, 50);
}

}  // namespace
}  // namespace regulus::store
