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

namespace regulus::store {
namespace {

constexpr int patience_ms = 60'000;
constexpr off_t smallest_database = 512;  // one page

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

}  // namespace

bool Row::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Row::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Row::real(int column) const { return sqlite3_column_double(statement_, column); }
std::string Row::text(int column) const {
  auto const* bytes = static_cast<char const*>(static_cast<void const*>(sqlite3_column_text(statement_, column)));
  return bytes == nullptr ? "" : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

void Connection::CloseDatabase::operator()(sqlite3* database) const { sqlite3_close(database); }
void Connection::FinalizeStatement::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(std::filesystem::path const& path) {
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
  bool const to_be_mended = size_of(beside(path, "-journal")) > 0;
  if (!to_be_mended) {
    if (Status whole = check_file(path); !whole) return whole.error();
  }
  std::unique_ptr<Connection> connection(new Connection(path));
  if (Status connected = connection->connect(Access::write, false); !connected) return connected.error();
  if (to_be_mended) {
    if (Status whole = connection->check_pages(); !whole) return whole.error();
  }
  return connection;
}

// Without a log beside it, the file is read as if nothing else existed, which makes no side files. That takes no locks,
// so pages of a writer at work may look damaged: such a finding counts only when nothing was written meanwhile.
Status Connection::check_file(std::filesystem::path const& path) {
  constexpr int attempts = 50;
  for (int attempt = 1;; ++attempt) {
    Stamp const before = stamp_of(path);
    Connection connection(path);
    Access const access = before.log_size > 0 ? Access::read : Access::read_unlocked;
    Status whole = connection.connect(access, false);
    if (whole) whole = connection.check_pages();
    if (whole || access == Access::read || attempt == attempts || stamp_of(path) == before) return whole;
  }
}

Status Connection::create(std::filesystem::path const& path, std::function<void(Transaction&)> const& fill) {
  std::filesystem::path const folder = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return file_error(ErrorKind::io, folder, "cannot make this folder: " + problem.message());

  std::filesystem::path const draft = beside(path, fmt::format(".new-{}-{:08x}", ::getpid(), std::random_device{}()));
  Status made = [&]() -> Status {
    Connection connection(draft);
    if (Status connected = connection.connect(Access::write, true); !connected) return connected;
    Transaction transaction(connection, Transaction::Kind::write);
    fill(transaction);
    return transaction.commit();
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
  int const code = sqlite3_open_v2(name.c_str(), &opened, flags, nullptr);
  database_.reset(opened);
  if (code != SQLITE_OK) return failure();
  sqlite3_busy_timeout(opened, patience_ms);
  return execute("PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF");
}

Status Connection::execute(char const* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure();
  return ok();
}

Status Connection::check_pages() {
  Result<sqlite3_stmt*> const statement = prepare("PRAGMA integrity_check(1)");
  if (!statement) return statement.error();
  if (sqlite3_step(*statement) != SQLITE_ROW) return failure();
  std::string const verdict = Row(*statement).text(0);
  sqlite3_reset(*statement);
  if (verdict != "ok") return damaged(path_, "is damaged: " + verdict);
  return ok();
}

Result<sqlite3_stmt*> Connection::prepare(std::string_view sql) {
  if (auto const known = statements_.find(sql); known != statements_.end()) return known->second.get();
  sqlite3_stmt* statement = nullptr;
  int const code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return failure();
  statements_.emplace(std::string(sql), statement);
  return statement;
}

Error Connection::failure() const {
  if (database_ == nullptr) return file_error(ErrorKind::io, path_, "out of memory");
  std::string const reason = sqlite3_errmsg(database_.get());
  switch (sqlite3_errcode(database_.get()) & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damaged(path_, "is damaged or no database: " + reason);
    case SQLITE_BUSY:
      return file_error(ErrorKind::io, path_, fmt::format("another process has held it for {} s", patience_ms / 1000));
    case SQLITE_FULL:
      return file_error(ErrorKind::io, path_, "no room left on the disk");
    case SQLITE_IOERR:
      return file_error(ErrorKind::io, path_,
                        fmt::format("{}: {}", reason, std::strerror(sqlite3_system_errno(database_.get()))));
    default:
      return file_error(ErrorKind::io, path_, reason);
  }
}

Transaction::Transaction(Connection& connection, Kind kind) : connection_(connection) {
  if (kind == Kind::write && !connection_.log_requested_) {
    connection_.log_requested_ = true;
    // Refused while another program is at work in the file; the rollback journal, which then stays, is as safe.
    static_cast<void>(connection_.execute("PRAGMA journal_mode=WAL"));
  }
  if (Status begun = connection_.execute(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN"); !begun) {
    error_ = begun.error();
  } else {
    open_ = true;
  }
}

Transaction::~Transaction() {
  // A full disk makes SQLite roll back by itself.
  if (open_ && sqlite3_get_autocommit(connection_.database_.get()) == 0)
    static_cast<void>(connection_.execute("ROLLBACK"));
}

void Transaction::query(std::string_view sql, std::initializer_list<SqlValue> values,
                        std::function<void(Row const&)> const& visit) {
  if (failed()) return;
  Result<sqlite3_stmt*> const prepared = connection_.prepare(sql);
  if (!prepared) return fail(prepared.error());
  sqlite3_stmt* const statement = *prepared;
  REGULUS_CHECK(sqlite3_stmt_busy(statement) == 0);

  int index = 0;
  for (SqlValue const& value : values) {
    ++index;
    if (auto const* integer = std::get_if<std::int64_t>(&value)) {
      sqlite3_bind_int64(statement, index, *integer);
    } else if (auto const* real = std::get_if<double>(&value)) {
      sqlite3_bind_double(statement, index, *real);
    } else if (auto const* text = std::get_if<std::string_view>(&value)) {
      // A null pointer would bind NULL instead of an empty text.
      sqlite3_bind_text64(statement, index, text->empty() ? "" : text->data(), text->size(), SQLITE_STATIC,
                          SQLITE_UTF8);
    } else {
      sqlite3_bind_null(statement, index);
    }
  }
  int code = SQLITE_ROW;
  while (!failed() && (code = sqlite3_step(statement)) == SQLITE_ROW) visit(Row(statement));
  if (!failed() && code != SQLITE_DONE) fail(connection_.failure());
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
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
  if (failed()) return *error_;
  if (Status committed = connection_.execute("COMMIT"); !committed) {
    error_ = committed.error();
    return committed;
  }
  open_ = false;
  return ok();
}

}  // namespace regulus::store
