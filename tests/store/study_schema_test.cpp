#include "store/study_schema.h"

#include <regex>

#include "tests/store/support.h"

namespace regulus::store {
namespace {

// As make_optuna_schema.py does.
std::string normalised(std::string sql) {
  sql = std::regex_replace(sql, std::regex("\\s+"), " ");
  sql = std::regex_replace(sql, std::regex("\\(\\s*"), "(");
  return std::regex_replace(sql, std::regex("\\s*\\)"), ")");
}

std::string schema_of(std::filesystem::path const& file) {
  std::string text;
  auto connection = Connection::open(file).take();
  Transaction tx(*connection, Transaction::Kind::read);
  tx.query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name", {},
           [&](Row const& row) { text += normalised(row.text(0)) + ";\n"; });
  tx.query("SELECT schema_version, version_num FROM version_info, alembic_version", {}, [&](Row const& row) {
    text += fmt::format("-- version_info {}, alembic_version {}\n", row.integer(0), row.text(1));
  });
  return text;
}

TEST(StudySchema, equals_the_tables_that_optuna_makes) {
  TemporaryFolder const folder;
  ASSERT_TRUE(Connection::create(folder.file(), create_study_tables));
  EXPECT_EQ(schema_of(folder.file()), *read_file(REGULUS_SOURCE_DIR "/tests/golden/store/optuna_schema.sql"));
}

TEST(StudySchema, tables_that_are_missing_are_added_and_none_twice) {
  TemporaryFolder const folder;
  ASSERT_TRUE(Connection::create(folder.file(), [](Transaction& tx) {
    create_study_tables(tx);
    tx.run("DROP TABLE trial_heartbeats");
    tx.run("DELETE FROM alembic_version");
  }));
  EXPECT_FALSE(StudyStore::open(folder.url(), StudyStore::Mode::existing));
  open_store(folder, StudyStore::Mode::create);
  EXPECT_EQ(schema_of(folder.file()), *read_file(REGULUS_SOURCE_DIR "/tests/golden/store/optuna_schema.sql"));
}

void expect_refused(std::function<void(Transaction&)> const& fill, std::string const& reason) {
  TemporaryFolder const folder;
  ASSERT_TRUE(Connection::create(folder.file(), fill));
  std::string const before = *read_file(folder.file());
  Result<StudyStore> const store = StudyStore::open(folder.url(), StudyStore::Mode::create);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::invalid);
  EXPECT_NE(store.error().message.find(reason), std::string::npos) << store.error().message;
  EXPECT_EQ(*read_file(folder.file()), before);
  EXPECT_EQ(folder.names(), std::set<std::string>{"studies.db"});
}

TEST(StudySchema, another_programs_database_is_refused_untouched) {
  expect_refused([](Transaction& tx) { tx.run("CREATE TABLE bookings (id INTEGER PRIMARY KEY)"); },
                 "has a table bookings");
}

TEST(StudySchema, another_revision_is_refused_untouched) {
  expect_refused(
      [](Transaction& tx) {
        create_study_tables(tx);
        tx.run("UPDATE alembic_version SET version_num = 'v2.6.0.a'");
      },
      "optuna storage upgrade");
  expect_refused(
      [](Transaction& tx) {
        create_study_tables(tx);
        tx.run("UPDATE version_info SET schema_version = 13");
      },
      "version 13, not 12");
}

}  // namespace
}  // namespace regulus::store
