// One SQLite file behind the small interface that the stores use, so that another database can stand behind it later.
//
// Every statement runs inside a Transaction. The first thing that goes wrong is kept in it, later statements do
// nothing, and commit() reports it after rolling back: the code between reads straight on and still writes all or
// nothing. The same holds for an exception, which is what memory that runs out throws: whatever it leaves behind on its
// way out can be used again, and commit() throws only while nothing is committed yet.
//
// The file is kept in write-ahead-log mode with synchronous=FULL: a commit that returned survives a power cut, readers
// never wait for a writer. Only sqlite.cpp knows SQLite.
//
// A study's file is shared with Optuna and opened as it is; a server's file is ours alone and opened for serving, with
// settings that distrust it (see Use).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeindex>
#include <variant>
#include <vector>

#include "core/check.h"
#include "core/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace regulus::store {

// For whoever catches std::bad_alloc: the message is so short that it needs no memory of its own.
inline Error out_of_memory() { return {ErrorKind::busy, "out of memory"}; }

// Bytes that are not text.
struct Blob {
  std::string_view bytes;
};

// What a `?` in a statement stands for. Texts and bytes are read before the call returns.
using SqlValue = std::variant<std::nullptr_t, std::int64_t, double, std::string_view, Blob>;

// The value, or NULL when there is none.
template <class T>
SqlValue or_null(std::optional<T> const& value) {
  if (!value) return nullptr;
  return SqlValue(*value);
}

// The present row of a query; columns count from 0. A null reads as 0 or "".
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  // Throw std::bad_alloc.
  std::string text(int column) const;
  std::string blob(int column) const;
  std::optional<std::int64_t> integer_or_none(int column) const;
  std::optional<double> real_or_none(int column) const;
  std::optional<std::string> text_or_none(int column) const;

 private:
  std::string bytes_at(void const* bytes, int column) const;
  sqlite3_stmt* statement_;
};

class Transaction;

enum class Use : std::uint8_t {
  study,           // shared with other programs: their settings, checked row by row when opened
  serving_writer,  // ours: schema and cells are distrusted, no checkpoint but checkpoint(), quick_check when opened
  serving_reader,  // the same, but nothing can be written and nothing is checked again
};
struct ConnectionOptions {
  Use use = Use::study;
  bool durable = true;  // false: a power cut may take what was committed last; for the test that must notice
  std::string vfs{};    // SQLite's name of the file system; empty is the operating system's
  std::optional<std::chrono::milliseconds> patience{};  // with whoever has it locked; none: as is usual for this use
};

// Owned by one thread of one process: a connection must not be used after fork().
class Connection {
 public:
  // Opens a database that exists, after checking it page by page. A damaged file is an error of kind corrupt and is
  // left as it is, byte for byte, without side files. An empty file is damage too: create() never leaves one.
  static Result<std::unique_ptr<Connection>> open(std::filesystem::path const& path,
                                                  ConnectionOptions const& options = {});

  // Makes a database of what `fill` writes. It appears under its name complete or not at all; when another process
  // makes it first, theirs stays. Creates missing parent folders.
  static Status create(std::filesystem::path const& path, std::function<void(Transaction&)> const& fill,
                       ConnectionOptions const& options = {});

  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;
  ~Connection();

  std::filesystem::path const& path() const { return path_; }

  // Pages in the log after the last commit of this connection that no checkpoint() has carried over yet.
  int log_pages() const { return log_pages_; }
  // Carries the log into the file as far as no reader needs it; waits for nobody. What is in the log is safe already.
  Status checkpoint();
  // A flush to the disk failed. What the operating system holds of the file is unknown from then on: nothing more may
  // be written through any connection of this process before the file has been opened anew.
  bool flush_failed() const { return flush_failed_; }

  // Copies what is committed now to a new file, page by page and in one view, while others read and write.
  Status copy_to(std::filesystem::path const& target);
  // Folds the log into the file and removes it. Errors: busy when anybody else has the file open.
  Status fold_log();

 private:
  friend class Transaction;
  enum class Access : std::uint8_t { write, read, read_unlocked };

  struct CloseDatabase {
    void operator()(sqlite3* database) const;
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const;
  };

  Connection(std::filesystem::path path, ConnectionOptions options)
      : path_(std::move(path)), options_(std::move(options)) {}
  Status connect(Access access, bool create_file);
  Status execute(char const* sql);
  // The same for one statement that is run again and again.
  Status step(std::string_view sql);
  // Whether a statement that takes something back was run; where memory has run out that needs none.
  bool undo(std::string_view sql) noexcept;
  Status set_up_for_serving();
  Status check_pages();
  static Status check_file(std::filesystem::path const& path, ConnectionOptions const& options);
  Result<sqlite3_stmt*> prepare(std::string_view sql);
  Error failure();

  std::filesystem::path path_;
  ConnectionOptions options_;
  bool flush_failed_ = false;
  int log_pages_ = 0;
  bool log_requested_ = false;  // a file that is only read keeps its journal mode
  std::unique_ptr<sqlite3, CloseDatabase> database_;
  // Statements seen so far by their text; parsing them anew would cost more than running them.
  std::map<std::string, std::unique_ptr<sqlite3_stmt, FinalizeStatement>, std::less<>> statements_;
  // What readers worked out from the view of this version of the file (Transaction::remembered).
  struct Remembered {
    std::type_index type;
    std::shared_ptr<void const> value;
  };
  std::map<std::string, Remembered, std::less<>> remembered_;
  std::int64_t remembered_version_ = 0;
};

class Transaction {
 public:
  enum class Kind : std::uint8_t {
    read,   // one consistent view of the file
    write,  // the only writer, from the first moment on: what was read stays true until commit
  };

  Transaction(Connection& connection, Kind kind);
  // A part of `whole` that can fail alone: it is rolled back to where it began, and `whole` goes on. One at a time, and
  // `whole` is not used meanwhile. When the failure took the whole transaction with it, as a full disk may, both
  // failed.
  explicit Transaction(Transaction& whole);  // NOLINT(google-explicit-constructor): no copy
  Transaction(Transaction const&) = delete;
  Transaction& operator=(Transaction const&) = delete;
  ~Transaction();  // rolls back what was not committed

  // Runs a statement and returns how many rows it changed; 0 after a failure.
  std::int64_t run(std::string_view sql, std::initializer_list<SqlValue> values = {});
  // Calls `visit` for each row in turn; for none after a failure. `visit` must not use the same statement again.
  void query(std::string_view sql, std::initializer_list<SqlValue> values,
             std::function<void(Row const&)> const& visit);
  // The first column of the only row, if there is a row.
  std::optional<std::int64_t> integer(std::string_view sql, std::initializer_list<SqlValue> values = {});
  std::optional<std::string> text(std::string_view sql, std::initializer_list<SqlValue> values = {});

  // What `compute` makes of this view, under a name of the caller's. A serving reader keeps it until anybody, in this
  // process or another, commits a change: then the view is another one and everything is worked out anew. `compute`
  // must depend on nothing but the view and what its name says. Nothing is kept of a failed transaction.
  template <class Compute>
  std::shared_ptr<std::invoke_result_t<Compute> const> remembered(std::string_view name, Compute compute) {
    using T = std::invoke_result_t<Compute>;
    std::type_index const type(typeid(T));
    if (auto const found = connection_.remembered_.find(name); found != connection_.remembered_.end()) {
      REGULUS_CHECK(found->second.type == type);
      return std::static_pointer_cast<T const>(found->second.value);
    }
    auto value = std::make_shared<T const>(compute());
    if (!failed() && connection_.options_.use == Use::serving_reader) {
      connection_.remembered_.emplace(std::string(name), Connection::Remembered{type, value});
    }
    return value;
  }

  std::vector<std::string> tables();

  // Makes the transaction fail for a reason of the caller's.
  void fail(Error error);
  bool failed() const { return error_.has_value(); }
  Error const& error() const { return *error_; }

  // Called once everything is on the disk; never when this part or the whole is rolled back. What it throws is dropped:
  // the change is there.
  void after_commit(std::function<void()> call) { after_commit_.push_back(std::move(call)); }

  Status commit();

 private:
  Transaction(Connection& connection, Transaction* whole) : connection_(connection), whole_(whole) {}
  void roll_back();

  Connection& connection_;
  Transaction* whole_ = nullptr;
  std::optional<Error> error_;
  std::vector<std::function<void()>> after_commit_;
  bool open_ = false;
};

}  // namespace regulus::store
