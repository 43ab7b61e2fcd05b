// A disk for SQLite that fails, fills up, or loses its power, at a call of one's choosing.
//
// It is a layer above the operating system's files: they hold what every process sees, while the layer remembers what
// was written since the last flush. After a power cut it makes what a real disk may then hold: everything that was
// flushed, and of the rest nothing, a beginning, or any part, the last of it torn at 512 bytes. Flushes reach nobody
// but this memory, so a thousand power cuts take seconds.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/rng.h"

namespace regulus::store {

class FaultyDisk {
 public:
  enum class Call : std::uint8_t { read, write, truncate, flush, remove };
  enum class Fault : std::uint8_t { io, full, flush };

  // Registers a file system of this name with SQLite.
  explicit FaultyDisk(std::string name);
  FaultyDisk(FaultyDisk const&) = delete;
  FaultyDisk& operator=(FaultyDisk const&) = delete;
  ~FaultyDisk();
  std::string const& name() const { return name_; }

  // Calls so far of each kind, and of all kinds that change something.
  std::uint64_t calls(Call call) const;
  std::uint64_t changes() const;
  std::uint64_t all_calls() const;

  // The n-th of all calls from now on (1 is the next) fails, and when `for_ever` all after it. `full` fails only calls
  // that need room, `flush` only flushes; the count is of those calls then.
  void fail(std::uint64_t n, Fault fault, bool for_ever);
  void mend();
  bool has_failed() const;

  // At the n-th change from now on the power goes: it may or may not be on the disk, and every later call fails.
  void cut_power_at_change(std::uint64_t n);
  void cut_power();
  bool is_off() const;
  // Writes what the disk may hold after the cut under the same names into another folder.
  void write_survivors(std::filesystem::path const& folder, Rng& rng) const;

 private:
  struct Change {
    std::int64_t offset = 0;
    std::string bytes;
    std::optional<std::int64_t> cut_to;  // a truncation
  };
  struct Image {
    bool exists = false;  // also after a power cut
    std::string flushed;
    std::vector<Change> pending;
  };
  struct File;
  struct Methods;

  // Counts the call and says how it ends; SQLITE_OK is to go on.
  int enter(Call call);
  void know(char const* path);
  void remember(char const* path, Change change);
  void flush(char const* path);
  void forget(char const* path);
  static void apply(std::string& bytes, Change const& change);

  std::string name_;
  sqlite3_vfs vfs_{};
  sqlite3_vfs* base_ = nullptr;
  mutable std::mutex mutex_;
  std::map<std::string, Image> images_;
  std::map<Call, std::uint64_t> calls_;
  std::uint64_t fault_in_ = 0;  // 0: none
  Fault fault_ = Fault::io;
  bool for_ever_ = false;
  bool has_failed_ = false;
  std::uint64_t cut_in_ = 0;
  bool off_ = false;
};

}  // namespace regulus::store
