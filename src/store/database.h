// The database of `regulus serve`: one SQLite file, one thread that writes, and readers that never wait for it.
//
// Whoever wants to write hands in a job. The writer takes what is waiting, up to 64 jobs or 2 ms of work, runs each in
// a part of one transaction that can fail alone, flushes once, and only then tells anybody. So an answer is never older
// than the disk, and a flush costs the same for one job as for many. Without company a job is committed at once.
//
// When the disk is full, the jobs of that transaction fail with ErrorKind::full and the next ones are tried as before:
// room that comes back needs no restart. When a flush fails, nobody knows what the operating system still holds; then
// the database is fatal: every later write is refused until the process opens the file anew, which reads what is there.
//
// Memory may run out anywhere. Then one job fails, with ErrorKind::busy, or the call throws that wanted the memory;
// what was committed is told as committed, and the writer goes on.
//
// All functions may be called from any thread, except inside a job or a callback, which run on the writer's thread and
// must not wait for the database. No time is read here: what is stored gets its time from the caller.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "core/result.h"
#include "store/sqlite.h"

namespace regulus::store {

class Database {
 public:
  struct Options {
    enum class Synchronous : std::uint8_t { normal, full };
    // normal loses acknowledged jobs in a power cut; it exists for the test that has to notice.
    Synchronous synchronous = Synchronous::full;
    std::string vfs{};                       // SQLite's name of a file system; empty is the operating system's
    std::size_t readers = 4;                 // connections; more readers than that wait for each other
    std::size_t longest_queue = 10'000;      // jobs waiting; beyond that they are refused with ErrorKind::busy
    std::size_t largest_group = 64;          // jobs in one transaction
    std::chrono::microseconds group{2'000};  // no further job joins a transaction that is this old
    int log_pages = 1'000;  // the log is carried into the file when it is this long; a quarter when nobody waits
    // Called once, on the writer's thread, when a flush failed.
    std::function<void(Error const&)> on_fatal{};
    // Called on the writer's thread with how long a commit took that reached the disk. What it throws is dropped.
    std::function<void(std::chrono::nanoseconds)> on_commit{};
  };
  // What a job returns or makes its transaction fail with is the error of that job alone.
  using Job = std::function<Status(Transaction&)>;
  using WhenDone = std::function<void(Status const&)>;

  // Totals since opening.
  struct Counts {
    std::uint64_t jobs = 0;     // run, failed ones included
    std::uint64_t commits = 0;  // transactions that reached the disk
    std::uint64_t reads = 0;    // calls of read()
  };

  // Opens the file, or makes it when there is none; brings it to the present schema. Several processes may do so at
  // once. Errors: corrupt for a damaged file, which stays as it is; invalid for another program's or a newer version's;
  // io, full, busy.
  static Result<std::unique_ptr<Database>> open(std::filesystem::path const& path, Options options);
  static Result<std::unique_ptr<Database>> open(std::filesystem::path const& path) { return open(path, {}); }
  // Ends after every job that was accepted has been answered.
  ~Database();
  Database(Database const&) = delete;
  Database& operator=(Database const&) = delete;

  // Queues a job. `done` is called on the writer's thread after the commit that contains the job, or with the job's
  // error; on the caller's thread when the job is refused: busy, or io after a failed flush. What `done` throws is
  // dropped. When this throws, the job was not queued.
  void write(Job job, WhenDone done);

  // Runs `work`, which takes a Transaction& and returns a Status or some Result<T>, and waits for the commit.
  template <class Work>
  std::invoke_result_t<Work, Transaction&> write_and_wait(Work work) {
    using Answer = std::invoke_result_t<Work, Transaction&>;
    std::optional<Answer> answer;
    Status const status = write_now([&](Transaction& tx) { return status_of(answer.emplace(work(tx))); });
    if (!status) return status.error();
    return std::move(*answer);
  }

  // Runs `work` on one consistent view of what is committed. Waits when all readers are in use, never for the writer.
  template <class Work>
  std::invoke_result_t<Work, Transaction&> read(Work work) {
    using Answer = std::invoke_result_t<Work, Transaction&>;
    std::optional<Answer> answer;
    Status const status = read_now([&](Transaction& tx) { return status_of(answer.emplace(work(tx))); });
    if (!status) return status.error();
    return std::move(*answer);
  }

  // A flush failed: no write is accepted any more.
  bool is_fatal() const;
  // Whether the last write found room and a disk that takes it, as far as anybody tried.
  bool is_writable() const;
  Counts counts() const;
  std::size_t queue_length() const;
  std::filesystem::path const& path() const { return path_; }

  // Copies what is committed to a new file that must not exist; store/backup.h makes it safe.
  Status copy_to(std::filesystem::path const& target);

 private:
  struct Waiting {
    Job job;
    WhenDone done;
  };
  class Reader;

  Database(std::filesystem::path path, Options options) : path_(std::move(path)), options_(std::move(options)) {}
  template <class T>
  static Status status_of(Result<T> const& answer) {
    return answer ? ok() : Status(answer.error());
  }
  Status write_now(Job const& job);
  Status read_now(Job const& job);
  void run_writer();
  void run_group(std::vector<Waiting>& group, std::vector<Status>& answers);
  std::optional<Waiting> take_waiting();
  void checkpoint_if_long();
  void become_fatal(std::string_view reason);

  std::filesystem::path const path_;
  Options const options_;
  std::unique_ptr<Connection> writing_;  // the writer thread's

  mutable std::mutex mutex_;
  std::condition_variable work_arrived_;
  std::condition_variable reader_freed_;
  std::deque<Waiting> queue_;
  std::vector<std::unique_ptr<Connection>> idle_readers_;
  std::optional<Error> fatal_;
  Counts counts_;
  bool refused_by_disk_ = false;  // full or io, since pages were last written
  bool stopping_ = false;
  std::thread writer_;
};

}  // namespace regulus::store
