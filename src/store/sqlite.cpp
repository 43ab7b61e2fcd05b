#include "store/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>

#include "store/page_checks.h"

namespace regulus::store {
namespace {

constexpr std::chrono::milliseconds study_patience{60'000};
constexpr std::chrono::milliseconds serving_patience{5'000};
constexpr off_t smallest_database = 512;  // one page
constexpr std::size_t most_remembered = 1'000;
constexpr std::string_view undo_all = "ROLLBACK", undo_part = "ROLLBACK TO part", end_part = "RELEASE part";

Error file_error(ErrorKind kind, std::filesystem::path const& path, std::string_view what) {
  return {kind, fmt::format("{}: {}", path.string(), what)};
}

Error damaged(std::filesystem::path const& path, std::string_view what) {
  return file_error(ErrorKind::corrupt, path,
                    fmt::format("{}. The file was left as it is; restore a copy, or move it away to start anew", what));
}

std::filesystem::path beside(std::filesystem::path path, std::string_view suffix) {
  path += suffix;
  return path;
}

std::int64_t size_of(std::filesystem::path const& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 ? facts.st_size : 0;
}

// Changes whenever somebody writes to the database.
struct Stamp {
  std::int64_t size = 0, seconds = 0, nanoseconds = 0, log_size = 0, journal_size = 0;
  friend bool operator==(Stamp const&, Stamp const&) = default;
};

Stamp stamp_of(std::filesystem::path const& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return {};
  return {.size = facts.st_size,
          .seconds = facts.st_mtim.tv_sec,
          .nanoseconds = facts.st_mtim.tv_nsec,
          .log_size = size_of(beside(path, "-wal")),
          .journal_size = size_of(beside(path, "-journal"))};
}

// A file name inside a URI: everything but the plainest characters escaped.
std::string uri_of(std::filesystem::path const& path, std::string_view options) {
  std::string uri = "file:";
  for (char c : std::filesystem::absolute(path).string()) {
    bool const plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '/' || c == '.';
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return fmt::format("{}?{}", uri, options);
}

// One run of a statement. However it ends, the statement can be run again.
class ResetLater {
 public:
  explicit ResetLater(sqlite3_stmt* statement) : statement_(statement) {}
  ResetLater(ResetLater const&) = delete;
  ResetLater& operator=(ResetLater const&) = delete;
  ~ResetLater() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  sqlite3_stmt* statement_;
};

int bind(sqlite3_stmt* statement, int index, SqlValue const& value) {
  if (auto const* integer = std::get_if<std::int64_t>(&value)) return sqlite3_bind_int64(statement, index, *integer);
  if (auto const* real = std::get_if<double>(&value)) return sqlite3_bind_double(statement, index, *real);
  // A null pointer would bind NULL instead of an empty text, or no bytes.
  if (auto const* text = std::get_if<std::string_view>(&value)) {
    return sqlite3_bind_text64(statement, index, text->empty() ? "" : text->data(), text->size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  if (auto const* blob = std::get_if<Blob>(&value)) {
    return sqlite3_bind_blob64(statement, index, blob->bytes.empty() ? "" : blob->bytes.data(), blob->bytes.size(),
                               SQLITE_STATIC);
  }
  return sqlite3_bind_null(statement, index);
}

}  // namespace

bool Row::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Row::real(int column) const { return sqlite3_column_double(statement_, column); }
std::string Row::text(int column) const {
  return bytes_at(static_cast<void const*>(sqlite3_column_text(statement_, column)), column);
}
std::string Row::blob(int column) const { return bytes_at(sqlite3_column_blob(statement_, column), column); }

std::string Row::bytes_at(void const* bytes, int column) const {
  if (bytes != nullptr) {
    return {static_cast<char const*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  // NULL and no bytes at all look like a value that there was no memory for.
  if (sqlite3_errcode(sqlite3_db_handle(statement_)) == SQLITE_NOMEM) throw std::bad_alloc();
  return "";
}
std::optional<std::int64_t> Row::integer_or_none(int column) const {
  return is_null(column) ? std::nullopt : std::optional(integer(column));
}
std::optional<double> Row::real_or_none(int column) const {
  return is_null(column) ? std::nullopt : std::optional(real(column));
}
std::optional<std::string> Row::text_or_none(int column) const {
  return is_null(column) ? std::nullopt : std::optional(text(column));
}

void Connection::CloseDatabase::operator()(sqlite3* database) const { sqlite3_close(database); }
void Connection::FinalizeStatement::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(std::filesystem::path const& path,
                                                     ConnectionOptions const& options) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    int const code = errno;
    return file_error(code == ENOENT || code == ENOTDIR ? ErrorKind::not_found : ErrorKind::io, path,
                      std::strerror(code));
  }
  if (S_ISDIR(facts.st_mode)) return file_error(ErrorKind::invalid, path, "is a folder, not a database file");
  if (!S_ISREG(facts.st_mode)) return file_error(ErrorKind::invalid, path, "is not a regular file");
  if (::access(path.c_str(), R_OK) != 0) return file_error(ErrorKind::io, path, std::strerror(errno));
  // SQLite would take a file of a few bytes for a new database and write over it.
  if (facts.st_size < smallest_database) return damaged(path, fmt::format("has only {} bytes", facts.st_size));

  // A journal is left when a writer died in the middle; SQLite must mend the file before it can be checked.
  bool const to_be_checked = options.use != Use::serving_reader;
  bool const to_be_mended = to_be_checked && size_of(beside(path, "-journal")) > 0;
  if (to_be_checked && !to_be_mended) {
    if (Status whole = check_file(path, options); !whole) return whole.error();
  }
  std::unique_ptr<Connection> connection(new Connection(path, options));
  if (Status connected = connection->connect(Access::write, false); !connected) return connected.error();
  if (to_be_mended) {
    if (Status whole = connection->check_pages(); !whole) return whole.error();
  }
  return connection;
}

// Without a log beside it, the file is read as if nothing else existed, which makes no side files. That takes no locks,
// so pages of a writer at work may look damaged: such a finding counts only when nothing was written meanwhile.
Status Connection::check_file(std::filesystem::path const& path, ConnectionOptions const& options) {
  constexpr int attempts = 50;
  for (int attempt = 1;; ++attempt) {
    Stamp const before = stamp_of(path);
    Connection connection(path, options);
    Access const access = before.log_size > 0 ? Access::read : Access::read_unlocked;
    Status whole = connection.connect(access, false);
    if (whole) whole = connection.check_pages();
    if (whole || access == Access::read || attempt == attempts || stamp_of(path) == before) return whole;
  }
}

Status Connection::create(std::filesystem::path const& path, std::function<void(Transaction&)> const& fill,
                          ConnectionOptions const& options) {
  std::filesystem::path const folder = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return file_error(ErrorKind::io, folder, "cannot make this folder: " + problem.message());

  std::filesystem::path const draft = beside(path, fmt::format(".new-{}-{:08x}", ::getpid(), std::random_device{}()));
  Status made = [&]() -> Status {
    Connection connection(draft, options);
    if (Status connected = connection.connect(Access::write, true); !connected) return connected;
    Transaction transaction(connection, Transaction::Kind::write);
    fill(transaction);
    if (Status committed = transaction.commit(); !committed) return committed;
    // Closing would carry the log over too, but says nothing when it cannot; the file is named without its log.
    return connection.checkpoint();
  }();
  // link() refuses to replace a file that another process made in the meantime, as rename() would not; some file
  // systems have only renameat2().
  if (made && ::link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST &&
      ::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0 && errno != EEXIST) {
    made = file_error(ErrorKind::io, path, std::strerror(errno));
  }
  for (std::string_view suffix : {"", "-wal", "-shm", "-journal"}) ::unlink(beside(draft, suffix).c_str());
  int const directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    ::fsync(directory);
    ::close(directory);
  }
  return made;
}

Status Connection::connect(Access access, bool create_file) {
  std::string const name = access == Access::write  ? std::filesystem::absolute(path_).string()
                           : access == Access::read ? uri_of(path_, "mode=ro")
                                                    : uri_of(path_, "mode=ro&immutable=1");
  int flags = SQLITE_OPEN_NOMUTEX;
  if (access == Access::write) {
    flags |= SQLITE_OPEN_READWRITE | (create_file ? SQLITE_OPEN_CREATE : 0);
  } else {
    flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  }
  sqlite3* opened = nullptr;
  std::string const files = options_.use == Use::study ? options_.vfs : checked_file_system(options_.vfs);
  int const code = sqlite3_open_v2(name.c_str(), &opened, flags, files.empty() ? nullptr : files.c_str());
  database_.reset(opened);
  if (code != SQLITE_OK) return failure();
  if (create_file && options_.use != Use::study) reserve_page_checks(opened);
  auto const usual = options_.use == Use::study ? study_patience : serving_patience;
  sqlite3_busy_timeout(opened, static_cast<int>(options_.patience.value_or(usual).count()));
  Status set = execute("PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF");
  if (set && !options_.durable) set = execute("PRAGMA synchronous=NORMAL");
  if (set && options_.use != Use::study) set = set_up_for_serving();
  return set;
}

Status Connection::set_up_for_serving() {
  // Nobody may edit the schema's text or the log's pages through SQL; a cell that points outside its page is damage.
  // No memory map: a bit that the disk cannot read would be a signal instead of an error.
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  Status const set = execute(
      "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=67108864");
  if (!set) return set;
  // Undoing must be possible without memory.
  for (std::string_view const sql : {undo_all, undo_part, end_part}) {
    if (Result<sqlite3_stmt*> const ready = prepare(sql); !ready) return ready.error();
  }
  if (options_.use == Use::serving_reader) return execute("PRAGMA query_only=ON");
  // SQLite ignores an error of its own checkpoints, among them a failed flush, so they are ours: checkpoint().
  sqlite3_wal_autocheckpoint(database_.get(), 0);
  sqlite3_wal_hook(
      database_.get(),
      [](void* connection, sqlite3*, char const*, int pages) {
        static_cast<Connection*>(connection)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  return ok();
}

Status Connection::checkpoint() {
  if (sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) != SQLITE_OK) {
    return failure();
  }
  log_pages_ = 0;
  return ok();
}

Status Connection::copy_to(std::filesystem::path const& target) {
  Connection copy(target, {.use = options_.use == Use::study ? Use::study : Use::serving_writer, .vfs = options_.vfs});
  if (Status connected = copy.connect(Access::write, true); !connected) return connected;
  sqlite3_backup* const backup = sqlite3_backup_init(copy.database_.get(), "main", database_.get(), "main");
  if (backup == nullptr) return copy.failure();
  // All pages in one step are one view; the log lets others write meanwhile.
  int const stepped = sqlite3_backup_step(backup, -1);
  int const finished = sqlite3_backup_finish(backup);
  if (stepped == SQLITE_DONE && finished == SQLITE_OK) return ok();
  sqlite3* const blamed = sqlite3_errcode(copy.database_.get()) == SQLITE_OK ? database_.get() : copy.database_.get();
  return blamed == database_.get() ? failure() : copy.failure();
}

Status Connection::fold_log() {
  // Leaving the log mode needs the file for oneself alone; whoever opens it next goes back to the log.
  sqlite3_busy_timeout(database_.get(), 0);
  return execute("PRAGMA journal_mode=DELETE");
}

Status Connection::execute(char const* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure();
  return ok();
}

Status Connection::step(std::string_view sql) {
  Result<sqlite3_stmt*> const statement = prepare(sql);
  if (!statement) return statement.error();
  ResetLater const reset(*statement);
  return sqlite3_step(*statement) == SQLITE_DONE ? ok() : Status(failure());
}

bool Connection::undo(std::string_view sql) noexcept {
  try {
    Result<sqlite3_stmt*> const statement = prepare(sql);
    if (!statement) return false;
    ResetLater const reset(*statement);
    return sqlite3_step(*statement) == SQLITE_DONE;
  } catch (std::exception const&) {  // of a connection that has not prepared it
    return false;
  }
}

Status Connection::check_pages() {
  Result<sqlite3_stmt*> const statement =
      prepare(options_.use == Use::study ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)");
  if (!statement) return statement.error();
  ResetLater const reset(*statement);
  if (sqlite3_step(*statement) != SQLITE_ROW) return failure();
  std::string const verdict = Row(*statement).text(0);
  if (verdict != "ok") return damaged(path_, "is damaged: " + verdict);
  return ok();
}

Result<sqlite3_stmt*> Connection::prepare(std::string_view sql) {
  if (auto const known = statements_.find(sql); known != statements_.end()) return known->second.get();
  sqlite3_stmt* prepared = nullptr;
  int const code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) return failure();
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement(prepared);
  statements_.emplace(std::string(sql), std::move(statement));
  return prepared;
}

Error Connection::failure() {
  if (database_ == nullptr) return file_error(ErrorKind::io, path_, "out of memory");
  int const code = sqlite3_extended_errcode(database_.get());
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) flush_failed_ = true;
  if (code == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM) return out_of_memory();
  std::string const reason = sqlite3_errmsg(database_.get());
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damaged(path_, "is damaged or no database: " + reason);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return file_error(ErrorKind::busy, path_, "another process or connection is using it");
    case SQLITE_FULL:
      return file_error(ErrorKind::full, path_, "no room left on the disk");
    case SQLITE_IOERR:
      return file_error(ErrorKind::io, path_,
                        fmt::format("{}: {}", reason, std::strerror(sqlite3_system_errno(database_.get()))));
    default:
      return file_error(ErrorKind::io, path_, reason);
  }
}

// Both delegate, so that the destructor rolls back when what follows throws.
Transaction::Transaction(Connection& connection, Kind kind) : Transaction(connection, nullptr) {
  if (kind == Kind::write && !connection_.log_requested_) {
    connection_.log_requested_ = true;
    // Refused while another program is at work in the file; the rollback journal, which then stays, is as safe.
    static_cast<void>(connection_.execute("PRAGMA journal_mode=WAL"));
  }
  // What could not be undone when memory had run out is undone now.
  if (sqlite3_get_autocommit(connection_.database_.get()) == 0) connection_.undo(undo_all);
  if (Status begun = connection_.step(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN"); !begun) {
    error_ = begun.error();
    return;
  }
  open_ = true;
  if (connection_.options_.use != Use::serving_reader) return;
  // Reading the version also begins the view, so that the two belong together.
  auto const version = integer("PRAGMA data_version");
  if (version != connection_.remembered_version_ || connection_.remembered_.size() > most_remembered) {
    connection_.remembered_.clear();
    connection_.remembered_version_ = version.value_or(0);
  }
}

Transaction::Transaction(Transaction& whole) : Transaction(whole.connection_, &whole) {
  if (whole.failed()) {
    error_ = whole.error();
  } else if (Status begun = connection_.step("SAVEPOINT part"); !begun) {
    error_ = begun.error();
  } else {
    open_ = true;
  }
}

Transaction::~Transaction() { roll_back(); }

void Transaction::roll_back() {
  if (!open_) return;
  open_ = false;
  // A full disk makes SQLite roll back everything by itself.
  sqlite3* const database = connection_.database_.get();
  bool const still_there = sqlite3_get_autocommit(database) == 0;
  if (whole_ == nullptr) {
    if (still_there) connection_.undo(undo_all);
    return;
  }
  if (still_there && connection_.undo(undo_part) && connection_.undo(end_part)) return;
  // The whole must fail, and without memory for the reason it fails without one.
  try {
    whole_->fail(still_there ? connection_.failure()
                 : error_    ? *error_
                             : Error{ErrorKind::io, "the database gave up the whole transaction"});
  } catch (std::bad_alloc const&) {
    whole_->fail(out_of_memory());
  }
}

void Transaction::query(std::string_view sql, std::initializer_list<SqlValue> values,
                        std::function<void(Row const&)> const& visit) {
  if (failed()) return;
  Result<sqlite3_stmt*> const prepared = connection_.prepare(sql);
  if (!prepared) return fail(prepared.error());
  sqlite3_stmt* const statement = *prepared;
  REGULUS_CHECK(sqlite3_stmt_busy(statement) == 0);
  ResetLater const reset(statement);

  int index = 0;
  for (SqlValue const& value : values) {
    if (bind(statement, ++index, value) != SQLITE_OK) return fail(connection_.failure());
  }
  int code = SQLITE_ROW;
  while (!failed() && (code = sqlite3_step(statement)) == SQLITE_ROW) visit(Row(statement));
  if (!failed() && code != SQLITE_DONE) fail(connection_.failure());
}

std::int64_t Transaction::run(std::string_view sql, std::initializer_list<SqlValue> values) {
  query(sql, values, [](Row const&) {});
  return failed() ? 0 : sqlite3_changes64(connection_.database_.get());
}

std::optional<std::int64_t> Transaction::integer(std::string_view sql, std::initializer_list<SqlValue> values) {
  std::optional<std::int64_t> found;
  query(sql, values, [&](Row const& row) { found = row.integer(0); });
  return found;
}

std::optional<std::string> Transaction::text(std::string_view sql, std::initializer_list<SqlValue> values) {
  std::optional<std::string> found;
  query(sql, values, [&](Row const& row) { found = row.text(0); });
  return found;
}

std::vector<std::string> Transaction::tables() {
  std::vector<std::string> names;
  query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
        {}, [&](Row const& row) { names.push_back(row.text(0)); });
  return names;
}

void Transaction::fail(Error error) {
  if (!failed()) error_ = std::move(error);
}

Status Transaction::commit() {
  if (failed()) {
    roll_back();
    return *error_;
  }
  // Nothing may throw once the commit is done, so there is room for what is to be called before it.
  if (whole_ != nullptr) whole_->after_commit_.reserve(whole_->after_commit_.size() + after_commit_.size());
  if (Status committed = connection_.step(whole_ == nullptr ? "COMMIT" : "RELEASE part"); !committed) {
    error_ = committed.error();
    roll_back();
    return committed;
  }
  open_ = false;
  if (whole_ != nullptr) {
    std::move(after_commit_.begin(), after_commit_.end(), std::back_inserter(whole_->after_commit_));
    return ok();
  }
  for (auto const& call : after_commit_) {
    try {
      call();
    } catch (std::exception const&) {
    }
  }
  return ok();
}

}  // namespace regulus::store
