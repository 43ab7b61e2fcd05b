#include "store/backup.h"

#include "store/migrations.h"
#include "tests/store/serving.h"

namespace regulus::store {
namespace {

// Audit rows and a table of several pages.
void fill(ServedFolder& served, int rows) {
  served.write([&](Transaction& tx) -> Status {
    for (int i = 0; i < rows; ++i) {
      append_audit(tx, {.actor = "tok_1", .action = "test", .object = fmt::format("{}", i), .at = morning_us});
      tx.run("INSERT INTO counters VALUES (1, ?, ?, 0)", {fmt::format("{:0200}", audit_head(tx).sequence), i});
    }
    return ok();
  });
}
std::int64_t rows_in(std::filesystem::path const& path) {
  auto database = open_database(path);
  if (database == nullptr) return -1;
  return database
      ->read([](Transaction& tx) -> Result<std::int64_t> {
        return tx.integer("SELECT COUNT(*) FROM counters").value_or(-1);
      })
      .value();
}
// Every file of a folder with its bytes.
std::map<std::string, std::string> contents(TemporaryFolder const& folder) {
  std::map<std::string, std::string> files;
  for (std::string const& name : folder.names()) files[name] = *read_file(folder.file(name));
  return files;
}

TEST(Backup, holds_what_was_committed_and_stands_alone) {
  ServedFolder served;
  fill(served, 100);
  TemporaryFolder const folder;
  std::filesystem::path const copy = folder.file("monday/backup.db");
  ASSERT_TRUE(back_up(served.database(), copy));
  fill(served, 1);
  auto const facts = verify_backup(copy);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->audit.sequence, 100);
  EXPECT_EQ(facts->schema_version, static_cast<std::int64_t>(migrations().size()));
  std::set<std::string> names;
  for (auto const& entry : std::filesystem::directory_iterator(copy.parent_path())) {
    names.insert(entry.path().filename().string());
  }
  EXPECT_EQ(names, std::set<std::string>{"backup.db"});
}

TEST(Backup, never_replaces_a_file) {
  ServedFolder served;
  TemporaryFolder const folder;
  ASSERT_TRUE(write_file(folder.file("backup.db"), "something else"));
  Status const made = back_up(served.database(), folder.file("backup.db"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::conflict);
  EXPECT_EQ(contents(folder), (std::map<std::string, std::string>{{"backup.db", "something else"}}));
}

TEST(Backup, is_one_moment_while_others_write) {
  ServedFolder served;
  fill(served, 50);
  TemporaryFolder const folder;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) fill(served, 3);
  });
  for (int i = 0; i < 10; ++i) {
    std::filesystem::path const copy = folder.file(fmt::format("{}.db", i));
    ASSERT_TRUE(back_up(served.database(), copy));
    auto const facts = verify_backup(copy);
    ASSERT_TRUE(facts) << facts.error().message;
    EXPECT_EQ(facts->audit.sequence % 3, 50 % 3);  // whole jobs only
    EXPECT_EQ(rows_in(copy), facts->audit.sequence);
  }
  stop = true;
  writer.join();
}

TEST(Restore, brings_back_the_moment_of_the_backup_and_keeps_the_present_file) {
  ServedFolder served;
  fill(served, 10);
  std::filesystem::path const copy = served.folder().file("backup.db");
  ASSERT_TRUE(back_up(served.database(), copy));
  fill(served, 5);
  served.close();
  auto const restored = restore(copy, served.path());
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->facts.audit.sequence, 10);
  EXPECT_EQ(rows_in(served.path()), 10);
  ASSERT_TRUE(restored->kept);
  EXPECT_EQ(rows_in(*restored->kept), 15);
  EXPECT_TRUE(verify_backup(copy));
}

TEST(Restore, makes_a_file_where_there_was_none) {
  ServedFolder served;
  fill(served, 10);
  TemporaryFolder const folder;
  ASSERT_TRUE(back_up(served.database(), folder.file("backup.db")));
  auto const restored = restore(folder.file("backup.db"), folder.file("serve.db"));
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_FALSE(restored->kept);
  EXPECT_EQ(rows_in(folder.file("serve.db")), 10);
}

TEST(Restore, refuses_a_database_in_use_and_leaves_it) {
  ServedFolder served;
  fill(served, 10);
  std::filesystem::path const copy = served.folder().file("backup.db");
  ASSERT_TRUE(back_up(served.database(), copy));
  fill(served, 5);
  auto const restored = restore(copy, served.path());
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().kind, ErrorKind::busy) << restored.error().message;
  fill(served, 1);
  EXPECT_EQ(served.count("counters"), 16);
}

TEST(Restore, takes_the_place_of_a_damaged_file_and_keeps_that_too) {
  ServedFolder served;
  fill(served, 10);
  std::filesystem::path const copy = served.folder().file("backup.db");
  ASSERT_TRUE(back_up(served.database(), copy));
  served.close();
  ASSERT_TRUE(write_file(served.path(), "rotten"));
  auto const restored = restore(copy, served.path());
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(rows_in(served.path()), 10);
  EXPECT_EQ(*read_file(*restored->kept), "rotten");
}

// A backup that is cut short or changed anywhere changes nothing at all.
TEST(Restore, of_a_damaged_backup_leaves_every_file_as_it_was) {
  ServedFolder served;
  fill(served, 60);
  TemporaryFolder const folder;
  ASSERT_TRUE(back_up(served.database(), folder.file("good.db")));
  std::string const good = *read_file(folder.file("good.db"));
  ASSERT_TRUE(restore(folder.file("good.db"), folder.file("serve.db")));
  std::vector<std::string> damaged = {"", "text", good.substr(0, good.size() / 2), good.substr(0, good.size() - 4096)};
  Rng rng(5);
  for (int i = 0; i < 30; ++i) {
    damaged.push_back(good);
    damaged.back()[rng.below(good.size())] ^= static_cast<char>(1 << rng.below(8));
  }
  for (std::string const& bytes : damaged) {
    ASSERT_TRUE(write_file(folder.file("bad.db"), bytes));
    auto const before = contents(folder);
    auto const restored = restore(folder.file("bad.db"), folder.file("serve.db"));
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().kind, ErrorKind::corrupt) << restored.error().message;
    EXPECT_TRUE(contents(folder) == before);
  }
}

TEST(Restore, of_a_backup_with_a_forged_audit_row_is_refused) {
  ServedFolder served;
  fill(served, 10);
  served.write([](Transaction& tx) -> Status {
    tx.run("UPDATE audit SET actor = 'tok_2' WHERE sequence = 4");
    return ok();
  });
  TemporaryFolder const folder;
  ASSERT_TRUE(back_up(served.database(), folder.file("backup.db")));
  auto const restored = restore(folder.file("backup.db"), folder.file("serve.db"));
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().kind, ErrorKind::corrupt);
  EXPECT_NE(restored.error().message.find("audit row 4"), std::string::npos) << restored.error().message;
  EXPECT_EQ(folder.names(), std::set<std::string>{"backup.db"});
}

TEST(Restore, of_another_programs_file_is_refused) {
  TemporaryFolder const folder;
  ASSERT_TRUE(
      Connection::create(folder.file("notes.db"), [](Transaction& tx) { tx.run("CREATE TABLE a (b INTEGER)"); }));
  auto const restored = restore(folder.file("notes.db"), folder.file("serve.db"));
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().kind, ErrorKind::invalid);
  EXPECT_EQ(restore(folder.file("none.db"), folder.file("serve.db")).error().kind, ErrorKind::not_found);
  EXPECT_EQ(folder.names(), std::set<std::string>{"notes.db"});
}

}  // namespace
}  // namespace regulus::store
