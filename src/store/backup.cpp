#include "store/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "store/migrations.h"

namespace regulus::store {
namespace {

namespace fs = std::filesystem;

fs::path beside(fs::path path, std::string_view suffix) {
  path += suffix;
  return path;
}

Error io_error(std::string_view what, fs::path const& path) {
  int const code = errno;
  return {code == ENOSPC ? ErrorKind::full : ErrorKind::io,
          fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(code))};
}

fs::path folder_of(fs::path const& path) { return path.has_parent_path() ? path.parent_path() : "."; }

// Waits until a file, or the names in a folder, are on the disk.
Status flush(fs::path const& path) {
  int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return io_error("open", path);
  int const flushed = ::fsync(file);
  Error const error = io_error("flush", path);
  ::close(file);
  return flushed == 0 ? ok() : Status(error);
}

// A file under a name of its own, with whatever SQLite puts beside it; gone when it was not given its place.
class Draft {
 public:
  Draft(fs::path const& target, std::string_view purpose)
      : path_(beside(target, fmt::format(".{}-{}", purpose, ::getpid()))) {
    remove();
  }
  Draft(Draft const&) = delete;
  Draft& operator=(Draft const&) = delete;
  ~Draft() { remove(); }
  fs::path const& path() const { return path_; }

 private:
  void remove() const {
    for (std::string_view suffix : {"", "-wal", "-shm", "-journal"}) ::unlink(beside(path_, suffix).c_str());
  }
  fs::path path_;
};

Status copy_bytes(fs::path const& from, fs::path const& to) {
  std::error_code problem;
  fs::copy_file(from, to, problem);
  if (!problem) return ok();
  if (problem == std::errc::no_such_file_or_directory) {
    return Error{ErrorKind::not_found, fmt::format("{}: {}", from.string(), problem.message())};
  }
  ErrorKind const kind = problem == std::errc::no_space_on_device ? ErrorKind::full : ErrorKind::io;
  return Error{kind, fmt::format("cannot copy {} to {}: {}", from.string(), to.string(), problem.message())};
}

// Copies a backup to a draft and makes of it a database of today whose audit chain is whole, without a log beside it.
Result<BackupFacts> prepare(fs::path const& backup, Draft const& draft) {
  std::error_code ignored;
  if (fs::file_size(beside(backup, "-wal"), ignored) > 0 && !ignored) {
    return invalid(
        fmt::format("{}: a log lies beside it, so it is a database in use and not a backup", backup.string()));
  }
  if (Status const copied = copy_bytes(backup, draft.path()); !copied) return copied.error();
  auto opened = Connection::open(draft.path(), {.use = Use::serving_writer});
  if (!opened) return opened.error().in(backup.string());
  Connection& connection = **opened;
  BackupFacts facts;
  {
    Transaction tx(connection, Transaction::Kind::write);
    facts.schema_version = schema_version(tx);
    migrate(tx, draft.path());
    AuditVerdict const verdict = verify_audit(tx);
    facts.audit = verdict.head;
    if (!tx.failed() && verdict.first_broken) {
      tx.fail({ErrorKind::corrupt, fmt::format("audit row {} {}", *verdict.first_broken, verdict.problem)});
    }
    if (Status const committed = tx.commit(); !committed) return committed.error().in(backup.string());
  }
  if (Status const folded = connection.fold_log(); !folded) return folded.error();
  opened->reset();
  if (Status const flushed = flush(draft.path()); !flushed) return flushed.error();
  return facts;
}

// Makes sure that nobody has the file open. A damaged one cannot be asked; it is not in use by anything of ours.
Status check_idle(fs::path const& target) {
  auto const opened = Connection::open(target, {.use = Use::serving_writer});
  if (opened) return (*opened)->fold_log();
  return opened.error().kind == ErrorKind::corrupt ? ok() : Status(opened.error());
}

// A name beside the file that nothing has.
fs::path free_name(fs::path const& target) {
  for (int i = 1;; ++i) {
    fs::path const name = beside(target, fmt::format(".before-restore-{}", i));
    std::error_code ignored;
    if (!fs::exists(name, ignored)) return name;
  }
}

}  // namespace

Status back_up(Database& database, fs::path const& target) {
  std::error_code problem;
  fs::create_directories(folder_of(target), problem);
  if (problem) return Error{ErrorKind::io, fmt::format("{}: {}", folder_of(target).string(), problem.message())};
  Error const exists{ErrorKind::conflict, fmt::format("{}: exists already; name another file", target.string())};
  if (fs::exists(target, problem)) return exists;
  Draft const draft(target, "new");
  if (Status const copied = database.copy_to(draft.path()); !copied) return copied;
  if (Status const flushed = flush(draft.path()); !flushed) return flushed;
  // Unlike rename(), link() does not replace what somebody else put there meanwhile.
  if (::link(draft.path().c_str(), target.c_str()) != 0) {
    return errno == EEXIST ? exists : io_error("name the backup", target);
  }
  return flush(folder_of(target));
}

Result<BackupFacts> verify_backup(fs::path const& backup) {
  Draft const draft(backup, "verify");
  return prepare(backup, draft);
}

Result<Restored> restore(fs::path const& backup, fs::path const& target) {
  // 1. A whole and flushed database beside the target.
  Draft const draft(target, "restore");
  Result<BackupFacts> const facts = prepare(backup, draft);
  if (!facts) return facts.error();
  Restored restored{.facts = *facts, .kept = std::nullopt};

  // 2. A second name for what is there. It keeps its log, without which it would not be whole.
  std::error_code problem;
  if (fs::exists(target, problem)) {
    if (Status const idle = check_idle(target); !idle) return idle.error();
    restored.kept = free_name(target);
    if (::link(target.c_str(), restored.kept->c_str()) != 0) return io_error("keep", target);
    fs::path const log = beside(target, "-wal");
    if (fs::exists(log, problem) && ::link(log.c_str(), beside(*restored.kept, "-wal").c_str()) != 0) {
      Error const error = io_error("keep", log);
      ::unlink(restored.kept->c_str());
      return error;
    }
    if (Status const flushed = flush(folder_of(target)); !flushed) return flushed.error();
    // A log that stayed would be played into the restored file.
    for (std::string_view suffix : {"-wal", "-shm", "-journal"}) ::unlink(beside(target, suffix).c_str());
  }

  // 3. The change itself is one step.
  if (::rename(draft.path().c_str(), target.c_str()) != 0) return io_error("replace", target);
  if (Status const flushed = flush(folder_of(target)); !flushed) return flushed.error();
  return restored;
}

}  // namespace regulus::store
