// One SQLite file behind the small interface that the stores use, so that another database can stand behind it later.
//
// Every statement runs inside a Transaction. The first thing that goes wrong is kept in it, later statements do
// nothing, and commit() reports it after rolling back: the code between reads straight on and still writes all or
// nothing.
//
// The file is kept in write-ahead-log mode with synchronous=FULL: a commit that returned survives a power cut, readers
// never wait for a writer. Only sqlite.cpp knows SQLite.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace regulus::store {

// What a `?` in a statement stands for. Texts are read before the call returns.
using SqlValue = std::variant<std::nullptr_t, std::int64_t, double, std::string_view>;

// The present row of a query; columns count from 0. A null reads as 0 or "".
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class Transaction;

// Owned by one thread of one process: a connection must not be used after fork().
class Connection {
 public:
  // Opens a database that exists, after checking it page by page. A damaged file is an error of kind corrupt and is
  // left as it is, byte for byte, without side files. An empty file is damage too: create() never leaves one.
  static Result<std::unique_ptr<Connection>> open(std::filesystem::path const& path);

  // Makes a database of what `fill` writes. It appears under its name complete or not at all; when another process
  // makes it first, theirs stays. Creates missing parent folders.
  static Status create(std::filesystem::path const& path, std::function<void(Transaction&)> const& fill);

  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;
  ~Connection();

  std::filesystem::path const& path() const { return path_; }

 private:
  friend class Transaction;
  enum class Access : std::uint8_t { write, read, read_unlocked };

  struct CloseDatabase {
    void operator()(sqlite3* database) const;
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const;
  };

  explicit Connection(std::filesystem::path path) : path_(std::move(path)) {}
  Status connect(Access access, bool create_file);
  Status execute(char const* sql);
  Status check_pages();
  static Status check_file(std::filesystem::path const& path);
  Result<sqlite3_stmt*> prepare(std::string_view sql);
  Error failure() const;

  std::filesystem::path path_;
  bool log_requested_ = false;  // a file that is only read keeps its journal mode
  std::unique_ptr<sqlite3, CloseDatabase> database_;
  // Statements seen so far by their text; parsing them anew would cost more than running them.
  std::map<std::string, std::unique_ptr<sqlite3_stmt, FinalizeStatement>, std::less<>> statements_;
};

class Transaction {
 public:
  enum class Kind : std::uint8_t {
    read,   // one consistent view of the file
    write,  // the only writer, from the first moment on: what was read stays true until commit
  };

  Transaction(Connection& connection, Kind kind);
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

  std::vector<std::string> tables();

  // Makes the transaction fail for a reason of the caller's.
  void fail(Error error);
  bool failed() const { return error_.has_value(); }
  Error const& error() const { return *error_; }

  Status commit();

 private:
  Connection& connection_;
  std::optional<Error> error_;
  bool open_ = false;
};

}  // namespace regulus::store
