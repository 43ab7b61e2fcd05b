#include "store/sqlite.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <csignal>

#include <fstream>

#include "tests/store/support.h"

namespace regulus::store {
namespace {

using Kind = Transaction::Kind;

void make_table(Transaction& tx) { tx.run("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"); }

// Rows enough for a tree of several levels, with an index.
void fill(Transaction& tx) {
  make_table(tx);
  tx.run("CREATE INDEX by_text ON notes (text)");
  for (std::int64_t i = 0; i < 600; ++i)
    tx.run("INSERT INTO notes VALUES (?, ?)", {i, fmt::format("{:064}", i * 7919 % 600)});
}

std::int64_t count_notes(Connection& connection) {
  Transaction tx(connection, Kind::read);
  return tx.integer("SELECT COUNT(*) FROM notes").value_or(-1);
}

TEST(Connection, a_new_database_appears_complete_and_alone) {
  TemporaryFolder const folder;
  ASSERT_TRUE(Connection::create(folder.file(), make_table));
  EXPECT_EQ(folder.names(), std::set<std::string>{"studies.db"});
  auto connection = Connection::open(folder.file());
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(count_notes(**connection), 0);
}

TEST(Connection, a_database_that_could_not_be_filled_never_appears) {
  TemporaryFolder const folder;
  Status const made = Connection::create(folder.file(), [](Transaction& tx) {
    make_table(tx);
    tx.run("INSERT INTO nowhere VALUES (1)");
  });
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("no such table: nowhere"), std::string::npos) << made.error().message;
  EXPECT_TRUE(folder.names().empty());
}

TEST(Connection, creating_what_exists_leaves_it) {
  TemporaryFolder const folder;
  ASSERT_TRUE(Connection::create(folder.file(), fill));
  ASSERT_TRUE(Connection::create(folder.file(), make_table));
  EXPECT_EQ(count_notes(**Connection::open(folder.file())), 600);
}

TEST(Connection, a_file_name_may_hold_any_character) {
  TemporaryFolder const folder;
  for (char const* name : {"a b?c=d&e#f%20.db", "Zürich.db", "-wal"}) {
    ASSERT_TRUE(Connection::create(folder.file(name), fill)) << name;
    auto connection = Connection::open(folder.file(name));
    ASSERT_TRUE(connection) << name << connection.error().message;
    EXPECT_EQ(count_notes(**connection), 600);
  }
}

TEST(Connection, a_missing_file_is_not_found_and_not_made) {
  TemporaryFolder const folder;
  auto const connection = Connection::open(folder.file());
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, ErrorKind::not_found);
  EXPECT_TRUE(folder.names().empty());
}

TEST(Transaction, what_is_not_committed_is_rolled_back) {
  TemporaryFolder const folder;
  ASSERT_TRUE(Connection::create(folder.file(), fill));
  auto connection = Connection::open(folder.file()).take();
  {
    Transaction tx(*connection, Kind::write);
    EXPECT_EQ(tx.run("DELETE FROM notes WHERE id < 10"), 10);
  }
  EXPECT_EQ(count_notes(*connection), 600);
}

TEST(Transaction, after_a_failure_nothing_runs_and_commit_names_the_first_reason) {
  TemporaryFolder const folder;
  ASSERT_TRUE(Connection::create(folder.file(), fill));
  auto connection = Connection::open(folder.file()).take();
  {
    Transaction tx(*connection, Kind::write);
    tx.run("DELETE FROM notes");
    tx.run("INSERT INTO notes VALUES (1, NULL)");
    EXPECT_EQ(tx.run("DELETE FROM nowhere"), 0);
    EXPECT_FALSE(tx.integer("SELECT 1").has_value());
    Status const committed = tx.commit();
    ASSERT_FALSE(committed);
    EXPECT_NE(committed.error().message.find("NOT NULL"), std::string::npos) << committed.error().message;
    EXPECT_NE(committed.error().message.find(folder.file().string()), std::string::npos);
  }
  EXPECT_EQ(count_notes(*connection), 600);
}

TEST(Transaction, values_of_every_kind_read_back) {
  TemporaryFolder const folder;
  ASSERT_TRUE(Connection::create(folder.file(), make_table));
  auto connection = Connection::open(folder.file()).take();
  Transaction tx(*connection, Kind::read);
  std::string const with_nul("a\0b", 3);
  int rows = 0;
  tx.query("SELECT ?, ?, ?, ?, ?", {std::int64_t{1} << 62, 0.1, with_nul, "", nullptr}, [&](Row const& row) {
    ++rows;
    EXPECT_EQ(row.integer(0), std::int64_t{1} << 62);
    EXPECT_EQ(row.real(1), 0.1);
    EXPECT_EQ(row.text(2), with_nul);
    EXPECT_FALSE(row.is_null(3));
    EXPECT_TRUE(row.is_null(4));
  });
  EXPECT_EQ(rows, 1);
}

// What a damaged file must look like after it was refused.
void expect_refused_untouched(TemporaryFolder const& folder, ErrorKind kind, std::string const& what) {
  std::string const before = *read_file(folder.file());
  std::set<std::string> const names = folder.names();
  auto const connection = Connection::open(folder.file());
  ASSERT_FALSE(connection) << what;
  EXPECT_EQ(connection.error().kind, kind) << what << ": " << connection.error().message;
  EXPECT_NE(connection.error().message.find(folder.file().string()), std::string::npos);
  EXPECT_EQ(*read_file(folder.file()), before) << what;
  EXPECT_EQ(folder.names(), names) << what;
}

class DamagedFile : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Connection::create(folder.file(), fill));
    good = *read_file(folder.file());
    ASSERT_GT(good.size(), 20 * page);
  }
  void write(std::string const& bytes) const { ASSERT_TRUE(write_file(folder.file(), bytes)); }

  static constexpr std::size_t page = 4096;
  TemporaryFolder folder;
  std::string good;
};

TEST_F(DamagedFile, cut_short_anywhere_is_refused_untouched) {
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{50}, std::size_t{99}, page - 1, page, page + 1,
                           7 * page, good.size() / 2, good.size() - page, good.size() - 1}) {
    write(good.substr(0, size));
    expect_refused_untouched(folder, ErrorKind::corrupt, fmt::format("cut to {} bytes", size));
  }
}

TEST_F(DamagedFile, any_page_flipped_is_refused_untouched) {
  for (std::size_t at = 0; at < good.size(); at += page) {
    std::string bytes = good;
    for (std::size_t i = at; i < at + page; ++i) bytes[i] = static_cast<char>(~bytes[i]);
    write(bytes);
    expect_refused_untouched(folder, ErrorKind::corrupt, fmt::format("page {} flipped", at / page));
  }
}

TEST_F(DamagedFile, any_page_zeroed_is_refused_untouched) {
  for (std::size_t at = 0; at < good.size(); at += page) {
    std::string bytes = good;
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), page, '\0');
    write(bytes);
    expect_refused_untouched(folder, ErrorKind::corrupt, fmt::format("page {} zeroed", at / page));
  }
}

TEST_F(DamagedFile, a_text_file_is_refused_untouched) {
  write("learning_rate,score\n0.001,1603\n");
  expect_refused_untouched(folder, ErrorKind::corrupt, "text");
  write(std::string(3 * page, 'x'));
  expect_refused_untouched(folder, ErrorKind::corrupt, "long text");
}

TEST_F(DamagedFile, a_damaged_file_beside_a_dead_writers_log_is_refused_untouched) {
  // A writer that is killed leaves its log; then the main file is damaged.
  pid_t const child = in_child([&] {
    auto connection = Connection::open(folder.file());
    Transaction tx(**connection, Kind::write);
    tx.run("INSERT INTO notes VALUES (1000, 'late')");
    if (!tx.commit()) return 1;
    ::kill(::getpid(), SIGKILL);
    return 2;
  });
  ASSERT_EQ(exit_code_of(child), 128 + SIGKILL);
  ASSERT_TRUE(folder.names().contains("studies.db-wal"));
  std::string const log = *read_file(folder.file("studies.db-wal"));
  std::string bytes = good;
  for (std::size_t i = 5 * page; i < 6 * page; ++i) bytes[i] = static_cast<char>(~bytes[i]);
  // In place: a new file under the old name would not be the one that the log belongs to.
  std::fstream(folder.file(), std::ios::in | std::ios::out | std::ios::binary) << bytes;
  expect_refused_untouched(folder, ErrorKind::corrupt, "damaged beside a log");
  EXPECT_EQ(*read_file(folder.file("studies.db-wal")), log);

  std::fstream(folder.file(), std::ios::in | std::ios::out | std::ios::binary) << good;
  EXPECT_EQ(count_notes(**Connection::open(folder.file())), 601);
}

TEST_F(DamagedFile, a_folder_is_refused) {
  std::filesystem::create_directory(folder.file("folder.db"));
  auto const connection = Connection::open(folder.file("folder.db"));
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, ErrorKind::invalid);
  EXPECT_NE(connection.error().message.find("is a folder"), std::string::npos);
}

TEST_F(DamagedFile, a_file_that_may_not_be_read_is_refused_untouched) {
  ::chmod(folder.path().c_str(), 0755);
  ::chmod(folder.file().c_str(), 0);
  pid_t const child = in_child([&] {
    // Root reads everything, so become nobody.
    if (::geteuid() == 0 && (::setresgid(65'534, 65'534, 65'534) != 0 || ::setresuid(65'534, 65'534, 65'534) != 0))
      return 1;
    auto const connection = Connection::open(folder.file());
    if (connection || connection.error().kind != ErrorKind::io) return 2;
    return connection.error().message.find("Permission denied") == std::string::npos ? 3 : 0;
  });
  EXPECT_EQ(exit_code_of(child), 0);
  ::chmod(folder.file().c_str(), 0644);
  EXPECT_EQ(*read_file(folder.file()), good);
  EXPECT_EQ(folder.names(), std::set<std::string>{"studies.db"});
}

// The kernel refuses to let any file of the child grow beyond the limit, as a full disk would.
TEST(FullDisk, a_refused_write_is_an_io_error_and_the_last_commit_stays) {
  TemporaryFolder const folder;
  ASSERT_TRUE(Connection::create(folder.file(), make_table));
  pid_t const child = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{.rlim_cur = 200'000, .rlim_max = 200'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    auto connection = Connection::open(folder.file());
    if (!connection) return 2;
    for (std::int64_t i = 0; i < 1000; ++i) {
      Transaction tx(**connection, Kind::write);
      tx.run("INSERT INTO notes VALUES (?, ?)", {2 * i, std::string(3000, 'a')});
      tx.run("INSERT INTO notes VALUES (?, ?)", {2 * i + 1, std::string(3000, 'b')});
      if (Status const committed = tx.commit(); !committed) {
        if (committed.error().kind != ErrorKind::io || i < 5) return 3;
        return 0;
      }
      append_line(folder.file("committed"), fmt::format("{}", i));
    }
    return 4;
  });
  ASSERT_EQ(exit_code_of(child), 0);

  std::string const committed = *read_file(folder.file("committed"));
  auto const pairs = std::count(committed.begin(), committed.end(), '\n');
  auto connection = Connection::open(folder.file());
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(count_notes(**connection), 2 * pairs);
  Transaction tx(**connection, Kind::write);
  tx.run("INSERT INTO notes VALUES (-1, 'there is room again')");
  EXPECT_TRUE(tx.commit());
}

TEST(FullDisk, a_new_database_that_does_not_fit_never_appears) {
  TemporaryFolder const folder;
  pid_t const child = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{.rlim_cur = 20'000, .rlim_max = 20'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    Status const made = Connection::create(folder.file(), fill);
    return !made && made.error().kind == ErrorKind::io ? 0 : 2;
  });
  EXPECT_EQ(exit_code_of(child), 0);
  EXPECT_TRUE(folder.names().empty());
}

TEST(Connection, many_processes_that_create_and_write_at_once_lose_nothing) {
  TemporaryFolder const folder;
  constexpr int processes = 8;
  constexpr std::int64_t each = 25;
  std::vector<pid_t> children;
  for (std::int64_t p = 0; p < processes; ++p) {
    children.push_back(in_child([&, p] {
      if (!Connection::create(folder.file(), make_table)) return 1;
      for (std::int64_t i = 0; i < each; ++i) {
        auto connection = Connection::open(folder.file());
        if (!connection) {
          append_line(folder.file("errors"), connection.error().message);
          return 2;
        }
        Transaction tx(**connection, Kind::write);
        tx.run("INSERT INTO notes VALUES (?, 'x')", {p * each + i});
        if (Status const committed = tx.commit(); !committed) {
          append_line(folder.file("errors"), committed.error().message);
          return 3;
        }
      }
      return 0;
    }));
  }
  for (pid_t child : children) EXPECT_EQ(exit_code_of(child), 0);
  Result<std::string> const errors = read_file(folder.file("errors"));
  EXPECT_FALSE(errors) << *errors;
  EXPECT_EQ(count_notes(**Connection::open(folder.file())), processes * each);
}

}  // namespace
}  // namespace regulus::store
