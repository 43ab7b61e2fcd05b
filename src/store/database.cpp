#include "store/database.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>

#include "store/migrations.h"

namespace regulus::store {
namespace {

// What a job threw, as the error of that job alone; never throws itself.
Error error_of(std::exception const& thrown) {
  if (dynamic_cast<std::bad_alloc const*>(&thrown) != nullptr) return out_of_memory();
  try {
    return {ErrorKind::io, fmt::format("a database job gave up: {}", thrown.what())};
  } catch (std::bad_alloc const&) {
    return out_of_memory();
  }
}

// A job's own memory may run out, or a library may throw; the other jobs go on.
Status run_job(Database::Job const& job, Transaction& tx) {
  try {
    Status status = job(tx);
    if (!status) tx.fail(status.error());
  } catch (std::exception const& thrown) {
    tx.fail(error_of(thrown));
  }
  return tx.failed() ? Status(tx.error()) : ok();
}

// A job in its own part of the transaction. Whatever is thrown, it is thrown while the part can still be undone.
Status run_part(Database::Job const& job, Transaction& whole) {
  try {
    Transaction part(whole);
    Status answer = part.failed() ? Status(part.error()) : run_job(job, part);
    Status closed = part.commit();
    return answer ? std::move(closed) : std::move(answer);
  } catch (std::exception const& thrown) {
    return error_of(thrown);
  }
}

bool is_of_the_disk(Status const& answer) {
  return !answer && (answer.error().kind == ErrorKind::full || answer.error().kind == ErrorKind::io);
}

// What a callback throws is dropped.
template <class Callback, class Said>
void tell(Callback const& callback, Said const& said) {
  try {
    callback(said);
  } catch (std::exception const&) {
  }
}

}  // namespace

// A connection of the pool for the time of one read.
class Database::Reader {
 public:
  explicit Reader(Database& database) : database_(database) {
    std::unique_lock lock(database_.mutex_);
    database_.reader_freed_.wait(lock, [&] { return !database_.idle_readers_.empty(); });
    connection_ = std::move(database_.idle_readers_.back());
    database_.idle_readers_.pop_back();
    ++database_.counts_.reads;
  }
  Reader(Reader const&) = delete;
  Reader& operator=(Reader const&) = delete;
  ~Reader() {
    std::lock_guard const lock(database_.mutex_);
    database_.idle_readers_.push_back(std::move(connection_));
    database_.reader_freed_.notify_one();
  }
  Connection& connection() { return *connection_; }

 private:
  Database& database_;
  std::unique_ptr<Connection> connection_;
};

Result<std::unique_ptr<Database>> Database::open(std::filesystem::path const& path, Options options) {
  ConnectionOptions wanted{
      .use = Use::serving_writer, .durable = options.synchronous == Options::Synchronous::full, .vfs = options.vfs};
  std::error_code problem;
  if (!std::filesystem::exists(path, problem)) {
    Status const made = Connection::create(
        path, [&](Transaction& tx) { migrate(tx, path); }, wanted);
    if (!made) return made.error();
  }
  std::unique_ptr<Database> database(new Database(path, std::move(options)));

  Result<std::unique_ptr<Connection>> writing = Connection::open(path, wanted);
  if (!writing) return writing.error();
  database->writing_ = writing.take();
  {
    Transaction tx(*database->writing_, Transaction::Kind::write);
    migrate(tx, path);
    if (Status const migrated = tx.commit(); !migrated) return migrated.error();
  }
  wanted.use = Use::serving_reader;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, database->options_.readers); ++i) {
    Result<std::unique_ptr<Connection>> reading = Connection::open(path, wanted);
    if (!reading) return reading.error();
    database->idle_readers_.push_back(reading.take());
  }
  database->writer_ = std::thread([raw = database.get()] { raw->run_writer(); });
  return database;
}

Database::~Database() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  work_arrived_.notify_one();
  if (writer_.joinable()) writer_.join();
}

void Database::write(Job job, WhenDone done) {
  Waiting waiting{std::move(job), std::move(done)};
  std::optional<Error> refused;
  {
    std::lock_guard const lock(mutex_);
    if (fatal_) {
      refused = fatal_;
    } else if (queue_.size() >= options_.longest_queue) {
      refused = Error{ErrorKind::busy, fmt::format("{} writes are waiting already; try again later", queue_.size())};
    } else {
      queue_.push_back(std::move(waiting));
    }
  }
  if (refused) return tell(waiting.done, *refused);
  work_arrived_.notify_one();
}

Status Database::write_now(Job const& job) {
  // Shared, since the writer may still be inside set_value when the answer is here already.
  auto const answered = std::make_shared<std::promise<Status>>();
  std::future<Status> answer = answered->get_future();
  // Whoever waits must be told, so what is told needs no memory.
  write(job, [answered](Status const& status) {
    Status copy = out_of_memory();
    try {
      copy = status;
    } catch (std::bad_alloc const&) {
    }
    answered->set_value(std::move(copy));
  });
  return answer.get();
}

Status Database::read_now(Job const& job) {
  Reader reader(*this);
  Transaction tx(reader.connection(), Transaction::Kind::read);
  if (tx.failed()) return tx.error();
  return run_job(job, tx);
}

void Database::run_writer() {
  // Room for whatever a group holds: between a commit and its answers nothing may fail for want of memory.
  std::vector<Waiting> group;
  std::vector<Status> answers;
  group.reserve(options_.largest_group);
  answers.reserve(options_.largest_group);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      work_arrived_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
    }
    run_group(group, answers);
    group.clear();
    answers.clear();
    checkpoint_if_long();
  }
}

std::optional<Database::Waiting> Database::take_waiting() {
  std::lock_guard const lock(mutex_);
  if (queue_.empty()) return std::nullopt;
  std::optional<Waiting> next = std::move(queue_.front());
  queue_.pop_front();
  return next;
}

void Database::run_group(std::vector<Waiting>& group, std::vector<Status>& answers) {
  int const pages = writing_->log_pages();
  auto const started = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration took{};
  Status committed = ok();
  try {
    Transaction whole(*writing_, Transaction::Kind::write);
    // 1. Each job in its own part. Jobs that arrive meanwhile join, up to the limits.
    while (group.size() < options_.largest_group) {
      if (!group.empty() && std::chrono::steady_clock::now() - started >= options_.group) break;
      auto next = take_waiting();
      if (!next) break;
      group.push_back(*std::move(next));
      answers.push_back(run_part(group.back().job, whole));
      if (whole.failed()) break;  // the disk took everything back
    }
    // 2. One flush for all of them.
    auto const flushing = std::chrono::steady_clock::now();
    committed = whole.commit();
    took = std::chrono::steady_clock::now() - flushing;
  } catch (std::exception const& thrown) {
    committed = error_of(thrown);
    // Where not even the transaction began, one job hears of it: else the same would be tried for ever.
    if (auto next = group.empty() ? take_waiting() : std::nullopt) {
      group.push_back(*std::move(next));
      answers.push_back(ok());
    }
  }
  if (writing_->flush_failed()) become_fatal(committed ? "a flush failed" : committed.error().message);
  {
    std::lock_guard const lock(mutex_);
    counts_.jobs += group.size();
    if (committed) ++counts_.commits;
    if (is_of_the_disk(committed) || std::ranges::any_of(answers, is_of_the_disk)) {
      refused_by_disk_ = true;
    } else if (committed && writing_->log_pages() != pages) {
      refused_by_disk_ = false;
    }
  }
  if (committed && options_.on_commit) tell(options_.on_commit, took);
  // 3. Only now does anybody hear of it.
  for (std::size_t i = 0; i < group.size(); ++i) tell(group[i].done, answers[i] ? committed : answers[i]);
}

void Database::checkpoint_if_long() {
  std::size_t const waiting = queue_length();
  if (is_fatal() || writing_->log_pages() < (waiting > 0 ? options_.log_pages : options_.log_pages / 4)) return;
  // Everything is in the log already; one that cannot be carried over now is tried again after the next commit.
  try {
    Status const carried = writing_->checkpoint();
    if (!carried && writing_->flush_failed()) become_fatal(carried.error().message);
  } catch (std::bad_alloc const&) {
    if (writing_->flush_failed()) become_fatal("a flush failed");
  }
}

void Database::become_fatal(std::string_view reason) {
  Error error{ErrorKind::io, "a flush failed"};
  try {
    error.message = fmt::format("{}. Nothing more is written until the database is opened anew", reason);
  } catch (std::bad_alloc const&) {
  }
  {
    std::lock_guard const lock(mutex_);
    if (fatal_) return;
    fatal_ = std::move(error);
  }
  if (options_.on_fatal) options_.on_fatal(*fatal_);
  // From here on nobody is let into the queue, and nobody but this thread takes from it.
  while (auto const refused = take_waiting()) tell(refused->done, *fatal_);
}

bool Database::is_fatal() const {
  std::lock_guard const lock(mutex_);
  return fatal_.has_value();
}

bool Database::is_writable() const {
  std::lock_guard const lock(mutex_);
  return !fatal_ && !refused_by_disk_;
}

Database::Counts Database::counts() const {
  std::lock_guard const lock(mutex_);
  return counts_;
}

std::size_t Database::queue_length() const {
  std::lock_guard const lock(mutex_);
  return queue_.size();
}

Status Database::copy_to(std::filesystem::path const& target) {
  Reader reader(*this);
  return reader.connection().copy_to(target);
}

}  // namespace regulus::store
