// A server's database in a folder that vanishes, a company in it, and chance that repeats.
#pragma once

#include "core/rng.h"
#include "store/database.h"
#include "store/tokens.h"
#include "tests/store/support.h"

namespace regulus::store {

// 2026-03-01 08:00 UTC.
inline constexpr std::int64_t morning_us = 1'772'352'000'000'000;
inline constexpr std::int64_t second_us = 1'000'000;
inline constexpr std::int64_t hour_us = 3'600 * second_us;
inline constexpr std::int64_t day_us = 24 * hour_us;

inline FillRandom random_from(std::shared_ptr<Rng> const& rng) {
  return [rng](std::span<std::uint8_t> bytes) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng->next() >> 56);
  };
}
inline FillRandom random_from(std::uint64_t seed) { return random_from(std::make_shared<Rng>(seed)); }

inline std::unique_ptr<Database> open_database(std::filesystem::path const& path, Database::Options options = {}) {
  Result<std::unique_ptr<Database>> database = Database::open(path, std::move(options));
  if (!database) {
    ADD_FAILURE() << database.error().message;
    return nullptr;
  }
  return database.take();
}

// A database for one test.
class ServedFolder {
 public:
  explicit ServedFolder(Database::Options options = {}) : database_(open_database(path(), std::move(options))) {}
  Database& database() { return *database_; }
  std::filesystem::path path() const { return folder_.file("serve.db"); }
  TemporaryFolder const& folder() const { return folder_; }
  void close() { database_.reset(); }
  void reopen(Database::Options options = {}) {
    close();
    database_ = open_database(path(), std::move(options));
  }

  // Runs a job and expects it to be committed; returns what it found.
  template <class Work>
  auto write(Work work) {
    auto answer = database_->write_and_wait(std::move(work));
    if (!answer) ADD_FAILURE() << answer.error().message;
    return answer.take();
  }
  template <class Work>
  auto read(Work work) {
    auto answer = database_->read(std::move(work));
    if (!answer) ADD_FAILURE() << answer.error().message;
    return answer.take();
  }
  std::int64_t count(std::string const& table) {
    return read([&](Transaction& tx) -> Result<std::int64_t> {
      return tx.integer("SELECT COUNT(*) FROM " + table).value_or(-1);
    });
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Database> database_;
};

}  // namespace regulus::store
