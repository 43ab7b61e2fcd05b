#include "store/database.h"

#include <sys/resource.h>
#include <csignal>

#include <future>
#include <latch>
#include <mutex>

#include "tests/store/serving.h"

namespace regulus::store {
namespace {

Status count_up(Transaction& tx, std::string const& name) {
  tx.run(
      "INSERT INTO counters VALUES (1, ?, 1, 0) ON CONFLICT (company, name) DO UPDATE SET value = counters.value + 1",
      {name});
  return ok();
}
Result<std::int64_t> value_of(Transaction& tx, std::string const& name) {
  return tx.integer("SELECT value FROM counters WHERE company = 1 AND name = ?", {name}).value_or(0);
}

// Keeps the writer inside a job until it is let go, so that what is queued meanwhile is one group.
class HeldWriter {
 public:
  explicit HeldWriter(Database& database) {
    database.write(
        [this](Transaction&) {
          entered_.count_down();
          released_.wait();
          return ok();
        },
        [this](Status const&) { done_.count_down(); });
    entered_.wait();
  }
  HeldWriter(HeldWriter const&) = delete;
  HeldWriter& operator=(HeldWriter const&) = delete;
  ~HeldWriter() { release(); }
  void release() {
    if (!is_released_) released_.count_down();
    is_released_ = true;
    done_.wait();
  }

 private:
  std::latch entered_{1}, released_{1}, done_{1};
  bool is_released_ = false;
};

TEST(Database, makes_its_file_and_finds_it_again) {
  ServedFolder served;
  served.write([](Transaction& tx) { return count_up(tx, "a"); });
  served.reopen();
  EXPECT_EQ(served.read([](Transaction& tx) { return value_of(tx, "a"); }), 1);
}

TEST(Database, distrusts_its_file) {
  ServedFolder served;
  auto const settings = served.write([](Transaction& tx) -> Result<std::string> {
    std::string found;
    for (char const* name : {"journal_mode", "synchronous", "foreign_keys", "trusted_schema", "cell_size_check",
                             "journal_size_limit", "mmap_size", "temp_store", "busy_timeout", "application_id"}) {
      found += fmt::format("{}={} ", name, tx.text(fmt::format("PRAGMA {}", name)).value_or("?"));
    }
    return found;
  });
  EXPECT_EQ(settings,
            "journal_mode=wal synchronous=2 foreign_keys=1 trusted_schema=0 cell_size_check=1 "
            "journal_size_limit=67108864 mmap_size=0 temp_store=2 busy_timeout=5000 application_id=1380404307 ");
  // Defensive: the schema's own table cannot be written even when asked for.
  Status const edited = served.database().write_and_wait([](Transaction& tx) {
    tx.run("PRAGMA writable_schema=ON");
    tx.run("DELETE FROM sqlite_master");
    return ok();
  });
  EXPECT_FALSE(edited);
  // Strict: a text does not pass for a number.
  EXPECT_FALSE(served.database().write_and_wait([](Transaction& tx) {
    tx.run("INSERT INTO counters VALUES (1, 'a', 'many', 0)");
    return ok();
  }));
}

TEST(Database, waiting_jobs_share_one_commit) {
  ServedFolder served({.group = std::chrono::seconds(100)});
  std::uint64_t const before = served.database().counts().commits;
  std::latch all(40);
  {
    HeldWriter held(served.database());
    for (int i = 0; i < 40; ++i) {
      served.database().write([](Transaction& tx) { return count_up(tx, "a"); },
                              [&](Status const& status) {
                                EXPECT_TRUE(status);
                                all.count_down();
                              });
    }
  }
  all.wait();
  EXPECT_EQ(served.database().counts().commits - before, 1U);
  EXPECT_EQ(served.read([](Transaction& tx) { return value_of(tx, "a"); }), 40);
}

TEST(Database, a_group_has_at_most_its_number_of_jobs) {
  ServedFolder served({.largest_group = 8, .group = std::chrono::seconds(100)});
  std::uint64_t const before = served.database().counts().commits;
  std::latch all(31);
  {
    HeldWriter held(served.database());
    for (int i = 0; i < 31; ++i) {
      served.database().write([](Transaction& tx) { return count_up(tx, "a"); },
                              [&](Status const&) { all.count_down(); });
    }
  }
  all.wait();
  EXPECT_EQ(served.database().counts().commits - before, 4U);  // 1 + 31 jobs in groups of 8
}

TEST(Database, a_failing_job_is_rolled_back_alone_and_told_alone) {
  ServedFolder served({.group = std::chrono::seconds(100)});
  std::mutex mutex;
  std::vector<std::string> answers(5);
  std::latch all(5);
  {
    HeldWriter held(served.database());
    for (std::size_t i = 0; i < 5; ++i) {
      served.database().write(
          [i](Transaction& tx) -> Status {
            static_cast<void>(count_up(tx, "a"));
            if (i == 1) return invalid("the job says no");
            if (i == 2) tx.run("INSERT INTO nowhere VALUES (1)");
            if (i == 3) throw std::runtime_error("thrown");
            return ok();
          },
          [&, i](Status const& status) {
            std::lock_guard const lock(mutex);
            answers[i] = status ? "ok" : status.error().message;
            all.count_down();
          });
    }
  }
  all.wait();
  EXPECT_EQ(answers[0], "ok");
  EXPECT_EQ(answers[1], "the job says no");
  EXPECT_NE(answers[2].find("no such table: nowhere"), std::string::npos) << answers[2];
  EXPECT_NE(answers[3].find("thrown"), std::string::npos) << answers[3];
  EXPECT_EQ(answers[4], "ok");
  EXPECT_EQ(served.read([](Transaction& tx) { return value_of(tx, "a"); }), 2);
}

TEST(Database, nobody_is_told_before_the_commit) {
  ServedFolder served;
  // A second connection sees only what is committed.
  for (int i = 1; i <= 20; ++i) {
    std::promise<std::int64_t> seen;
    served.database().write([](Transaction& tx) { return count_up(tx, "a"); },
                            [&](Status const&) {
                              auto const value =
                                  served.database().read([](Transaction& tx) { return value_of(tx, "a"); });
                              seen.set_value(value ? *value : -1);
                            });
    EXPECT_EQ(seen.get_future().get(), i);
  }
}

TEST(Database, readers_do_not_wait_for_the_writer_and_see_one_moment) {
  ServedFolder served;
  served.write([](Transaction& tx) { return count_up(tx, "a"); });
  std::latch entered(1);
  std::latch released(1);
  std::promise<void> done;
  served.database().write(
      [&](Transaction& tx) {
        static_cast<void>(count_up(tx, "a"));
        entered.count_down();
        released.wait();
        return ok();
      },
      [&](Status const&) { done.set_value(); });
  entered.wait();
  EXPECT_EQ(served.read([](Transaction& tx) { return value_of(tx, "a"); }), 1);
  served.read([&](Transaction& tx) -> Status {
    EXPECT_EQ(value_of(tx, "a").value(), 1);
    released.count_down();
    done.get_future().get();
    EXPECT_EQ(value_of(tx, "a").value(), 1);
    return ok();
  });
  EXPECT_EQ(served.read([](Transaction& tx) { return value_of(tx, "a"); }), 2);
}

TEST(Database, readers_cannot_write) {
  ServedFolder served;
  Status const written = served.database().read([](Transaction& tx) { return count_up(tx, "a"); });
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("readonly"), std::string::npos) << written.error().message;
}

TEST(Database, more_readers_than_connections_take_turns) {
  ServedFolder served({.readers = 2});
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        if (served.database().read([](Transaction& tx) { return value_of(tx, "a"); })) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
  EXPECT_EQ(served.database().counts().reads, 400U);
}

TEST(Database, a_full_queue_is_refused_as_busy_and_drains) {
  ServedFolder served({.longest_queue = 10});
  std::atomic<int> done = 0;
  {
    HeldWriter held(served.database());
    for (int i = 0; i < 10; ++i) {
      served.database().write([](Transaction& tx) { return count_up(tx, "a"); }, [&](Status const&) { ++done; });
    }
    std::optional<ErrorKind> refused;
    served.database().write([](Transaction& tx) { return count_up(tx, "a"); },
                            [&](Status const& status) { refused = status.error().kind; });
    EXPECT_EQ(refused, ErrorKind::busy);
  }
  served.write([](Transaction& tx) { return count_up(tx, "a"); });
  EXPECT_EQ(done, 10);
  EXPECT_EQ(served.read([](Transaction& tx) { return value_of(tx, "a"); }), 11);
}

TEST(Database, closing_answers_what_was_accepted) {
  ServedFolder served;
  std::atomic<int> done = 0;
  for (int i = 0; i < 300; ++i) {
    served.database().write([](Transaction& tx) { return count_up(tx, "a"); },
                            [&](Status const& status) { done += status ? 1 : 0; });
  }
  served.close();
  EXPECT_EQ(done, 300);
  served.reopen();
  EXPECT_EQ(served.read([](Transaction& tx) { return value_of(tx, "a"); }), 300);
}

TEST(Database, what_waits_for_the_commit_is_called_after_it_and_not_for_a_failed_job) {
  ServedFolder served;
  int called = 0;
  served.write([&](Transaction& tx) {
    tx.after_commit([&] { ++called; });
    return count_up(tx, "a");
  });
  EXPECT_EQ(called, 1);
  EXPECT_FALSE(served.database().write_and_wait([&](Transaction& tx) -> Status {
    tx.after_commit([&] { ++called; });
    return invalid("no");
  }));
  EXPECT_EQ(called, 1);
}

TEST(Database, the_log_is_carried_over_before_it_grows_long) {
  ServedFolder served;
  std::string const text(3'000, 'x');
  for (int i = 0; i < 3'000; ++i) {
    served.database().write(
        [&, i](Transaction& tx) {
          tx.run("INSERT INTO outbox VALUES (1, ?, 'test', ?, 0)", {i, text});
          return ok();
        },
        [](Status const&) {});
  }
  served.write([](Transaction& tx) { return count_up(tx, "a"); });
  // 3,000 rows are 9 MB in the file; 1,000 pages of log and the last group are less than 6 MB.
  EXPECT_LT(std::filesystem::file_size(served.path().string() + "-wal"), 6U << 20);
  EXPECT_GT(std::filesystem::file_size(served.path()), 7U << 20);
}

// PRAGMA max_page_count is SQLite's own full disk.
TEST(Database, a_full_disk_is_said_as_such_reads_go_on_and_room_is_used_again) {
  ServedFolder served;
  served.write([](Transaction& tx) { return count_up(tx, "a"); });
  auto const limit_pages = [&](std::int64_t more) {
    served.write([&](Transaction& tx) -> Status {
      tx.integer(fmt::format("PRAGMA max_page_count = {}", tx.integer("PRAGMA page_count").value_or(0) + more));
      return ok();
    });
  };
  limit_pages(3);
  std::string const text(30'000, 'x');
  auto const add = [&](Transaction& tx) {
    static_cast<void>(count_up(tx, "a"));
    tx.run("INSERT INTO outbox VALUES (1, 1, 'test', ?, 0)", {text});
    return ok();
  };
  Status const refused = served.database().write_and_wait(add);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::full) << refused.error().message;
  EXPECT_FALSE(served.database().is_fatal());
  EXPECT_EQ(served.read([](Transaction& tx) { return value_of(tx, "a"); }), 1);
  limit_pages(1'000);
  EXPECT_TRUE(served.database().write_and_wait(add));
  EXPECT_EQ(served.read([](Transaction& tx) { return value_of(tx, "a"); }), 2);
}

TEST(Database, another_programs_file_is_refused_untouched) {
  TemporaryFolder const folder;
  ASSERT_TRUE(Connection::create(folder.file(), [](Transaction& tx) { tx.run("CREATE TABLE notes (id INTEGER)"); }));
  std::string const before = *read_file(folder.file());
  auto const opened = Database::open(folder.file());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
  EXPECT_NE(opened.error().message.find("another program"), std::string::npos) << opened.error().message;
  EXPECT_EQ(*read_file(folder.file()), before);
}

TEST(Database, a_damaged_file_is_refused_untouched) {
  ServedFolder served;
  served.close();
  std::string bytes = *read_file(served.path());
  std::fill_n(bytes.begin() + 4096, 4096, '\x5A');
  ASSERT_TRUE(write_file(served.path(), bytes));
  auto const opened = Database::open(served.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::corrupt) << opened.error().message;
  EXPECT_EQ(*read_file(served.path()), bytes);
}

// How often a reader had to work a value out anew, and what it is.
struct Worked {
  int times = 0;
  std::int64_t ask(ServedFolder& served, std::string const& name = "a") {
    return *served.read([&](Transaction& tx) -> Result<std::shared_ptr<std::int64_t const>> {
      return tx.remembered("value of " + name, [&] {
        ++times;
        return value_of(tx, name).value();
      });
    });
  }
};

TEST(Remembered, is_kept_until_somebody_commits) {
  ServedFolder served;
  Worked worked;
  for (std::int64_t count = 1; count <= 3; ++count) {
    served.write([](Transaction& tx) { return count_up(tx, "a"); });
    for (int again = 0; again < 5; ++again) EXPECT_EQ(worked.ask(served), count);
    EXPECT_EQ(worked.times, count);
  }
  EXPECT_EQ(worked.ask(served, "b"), 0);
  EXPECT_EQ(worked.times, 4);
}

TEST(Remembered, is_forgotten_when_another_process_commits) {
  ServedFolder served;
  Worked worked;
  EXPECT_EQ(worked.ask(served), 0);
  auto const other = Database::open(served.database().path());
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->write_and_wait([](Transaction& tx) { return count_up(tx, "a"); }));
  EXPECT_EQ(worked.ask(served), 1);
  EXPECT_EQ(worked.times, 2);
}

TEST(Remembered, is_not_touched_by_what_was_taken_back) {
  ServedFolder served;
  Worked worked;
  EXPECT_EQ(worked.ask(served), 0);
  auto const refused = served.database().write_and_wait([](Transaction& tx) -> Status {
    static_cast<void>(count_up(tx, "a"));
    return invalid("no");
  });
  EXPECT_FALSE(refused);
  EXPECT_EQ(worked.ask(served), 0);
}

TEST(Remembered, a_writer_sees_its_own_changes) {
  ServedFolder served;
  served.write([](Transaction& tx) -> Status {
    auto const ask = [&] { return *tx.remembered("a", [&] { return value_of(tx, "a").value(); }); };
    for (std::int64_t count = 1; count <= 3; ++count) {
      static_cast<void>(count_up(tx, "a"));
      EXPECT_EQ(ask(), count);
    }
    return ok();
  });
}

TEST(Remembered, nothing_is_kept_of_a_view_that_failed) {
  ServedFolder served;
  auto const ask = [&](bool fails) {
    return served.database().read([&](Transaction& tx) -> Result<int> {
      auto const value = tx.remembered("x", [&] {
        if (fails) tx.fail({ErrorKind::io, "broken"});
        return fails ? 1 : 2;
      });
      if (tx.failed()) return tx.error();
      return *value;
    });
  };
  EXPECT_FALSE(ask(true));
  EXPECT_EQ(ask(false).value(), 2);
}

TEST(Remembered, guesses_do_not_fill_the_memory) {
  ServedFolder served;
  // Ten thousand names, one of which is asked for again and again, beyond what is kept.
  Worked worked;
  for (int i = 0; i < 10'000; ++i) {
    worked.ask(served, std::to_string(i));
    EXPECT_EQ(worked.ask(served, "a"), 0);
  }
  EXPECT_LT(worked.times, 10'020);
  EXPECT_GE(worked.times, 10'005);
}

}  // namespace
}  // namespace regulus::store
