#include "store/migrations.h"

#include <future>

#include "tests/store/serving.h"

namespace regulus::store {
namespace {

std::int64_t newest() { return static_cast<std::int64_t>(migrations().size()); }

// Every table and index with its text.
std::string schema_of(std::filesystem::path const& path) {
  std::string schema;
  auto connection = Connection::open(path).take();
  Transaction tx(*connection, Transaction::Kind::read);
  tx.query("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name", {},
           [&](Row const& row) { schema += row.text(0) + ": " + row.text(1) + "\n"; });
  return schema;
}

TEST(Migrations, an_empty_file_becomes_the_newest_version) {
  ServedFolder served;
  EXPECT_EQ(served.read([](Transaction& tx) -> Result<std::int64_t> { return schema_version(tx); }), newest());
}

TEST(Migrations, every_released_version_becomes_the_newest) {
  ServedFolder fresh;
  fresh.close();
  for (std::int64_t version = 0; version <= newest(); ++version) {
    TemporaryFolder const folder;
    ASSERT_TRUE(Connection::create(folder.file(),
                                   [&](Transaction& tx) {
                                     for (std::int64_t step = 0; step < version; ++step) {
                                       for (std::string_view sql : migrations()[static_cast<std::size_t>(step)])
                                         tx.run(sql);
                                     }
                                     tx.run(fmt::format("PRAGMA application_id = {}", application_id));
                                     tx.run(fmt::format("PRAGMA user_version = {}", version));
                                   },
                                   {.use = Use::serving_writer}));
    ASSERT_NE(open_database(folder.file()), nullptr);
    EXPECT_EQ(schema_of(folder.file()), schema_of(fresh.path())) << version;
  }
}

TEST(Migrations, every_table_is_strict) {
  ServedFolder served;
  served.read([](Transaction& tx) -> Status {
    int tables = 0;
    tx.query("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'", {},
             [&](Row const& row) {
               ++tables;
               EXPECT_EQ(row.integer(1), 1) << row.text(0);
             });
    EXPECT_GE(tables, 15);
    return ok();
  });
}

TEST(Migrations, a_file_of_a_newer_version_is_refused_untouched_and_named) {
  ServedFolder served;
  served.write([](Transaction& tx) -> Status {
    tx.run(fmt::format("PRAGMA user_version = {}", newest() + 3));
    return ok();
  });
  served.close();
  std::string const before = *read_file(served.path());
  auto const opened = Database::open(served.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
  EXPECT_NE(opened.error().message.find(fmt::format("schema version {}", newest() + 3)), std::string::npos)
      << opened.error().message;
  EXPECT_EQ(*read_file(served.path()), before);
}

TEST(Migrations, a_step_that_fails_leaves_the_version_before) {
  TemporaryFolder const folder;
  // A file of ours that says version 0 but has a table already: the first step cannot make it.
  ASSERT_TRUE(Connection::create(folder.file(),
                                 [&](Transaction& tx) {
                                   tx.run("CREATE TABLE outbox (id INTEGER)");
                                   tx.run(fmt::format("PRAGMA application_id = {}", application_id));
                                 },
                                 {.use = Use::serving_writer}));
  std::string const before = schema_of(folder.file());
  auto const opened = Database::open(folder.file());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("outbox"), std::string::npos) << opened.error().message;
  EXPECT_EQ(schema_of(folder.file()), before);
}

TEST(Migrations, many_processes_that_open_a_new_file_at_once_make_one) {
  TemporaryFolder const folder;
  for (int round = 0; round < 5; ++round) {
    std::filesystem::path const path = folder.file(fmt::format("{}.db", round));
    std::array<int, 2> start{};
    ASSERT_EQ(::pipe(start.data()), 0);
    std::vector<pid_t> children;
    for (std::int64_t p = 0; p < 4; ++p) {
      children.push_back(in_child([&, p] {
        ::close(start[1]);
        char byte = 0;
        static_cast<void>(!::read(start[0], &byte, 1));  // all begin when the parent closes its end
        auto database = Database::open(path);
        if (!database) {
          append_line(folder.file("errors"), database.error().message);
          return 1;
        }
        Status const written = (*database)->write_and_wait([&](Transaction& tx) -> Status {
          tx.run("INSERT INTO counters VALUES (1, ?, 1, 0)", {fmt::format("process {}", p)});
          return ok();
        });
        if (!written) append_line(folder.file("errors"), written.error().message);
        return written ? 0 : 2;
      }));
    }
    ::close(start[0]);
    ::close(start[1]);
    for (pid_t child : children) EXPECT_EQ(exit_code_of(child), 0);
    auto database = open_database(path);
    ASSERT_NE(database, nullptr);
    EXPECT_EQ(database
                  ->read([](Transaction& tx) -> Result<std::int64_t> {
                    return tx.integer("SELECT COUNT(*) FROM counters").value_or(-1);
                  })
                  .value(),
              4);
  }
  Result<std::string> const errors = read_file(folder.file("errors"));
  EXPECT_FALSE(errors) << *errors;
}

}  // namespace
}  // namespace regulus::store
