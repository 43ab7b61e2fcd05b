// The server as one object: its database, its threads, who decides for whom, and what it counts.
//
// It never trains and never simulates: that is a job in the database, which `regulus worker` takes. Time and chance
// come from outside, so that a test can turn the clock and replay what happened.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "core/result.h"
#include "server/api.h"
#include "server/arms.h"
#include "server/due.h"
#include "server/event_hub.h"
#include "server/form.h"
#include "server/http/listener.h"
#include "server/http/rate_limit.h"
#include "server/http/router.h"
#include "server/metrics.h"
#include "server/pool.h"
#include "server/roads.h"
#include "store/audit_log.h"
#include "store/database.h"
#include "store/hash.h"
#include "store/ids.h"
#include "store/outbox.h"
#include "store/tokens.h"
#include "travel/table.h"

namespace regulus::server {

// What the log may tell of an answer: never a body, a secret or a name.
struct Answered {
  Operation const& operation;
  Call const& call;
  int status = 0;
  Instant at = 0;
  double seconds = 0;
  // Time, request id, operation, status, duration, token and company ids.
  Json line() const;
};

// The same of a request that the door answered itself (http/refusal.h).
struct LoggedRefusal {
  Refused refused;
  Instant at = 0;
  std::int64_t unlogged = 0;  // how many there were since the last line: a flood must not fill the log
  Json line() const;
};

class Server {
 public:
  struct Options {
    std::filesystem::path database = "data/regulus.db";
    std::filesystem::path models = "data/rl/served";  // where the bytes of registered models are kept
    Listener::Options listener{};
    // Where metrics are then, beside the health of the process, and no longer at `listener`. None: they are there.
    std::optional<Listener::Options> metrics_listener{};
    store::Database::Options store{};
    std::function<Instant()> clock{};  // none: the machine's
    // Of rate limits: nanoseconds that never go back. None: the machine's.
    std::function<std::int64_t()> monotonic_ns{};
    store::FillRandom random{};  // none: the operating system's
    Watchdog::Options watchdog{};
    Form::Limits limits{};  // of a candidate that decides: beyond, it is turned off by itself
    RateLimit::Options callers{.burst = 2'000, .per_second = 1'000};
    RateLimit::Options strangers{.burst = 20, .per_second = 2};
    int workers = 2;                        // threads for decisions and what runs in the background
    std::int64_t improve_iterations = 400;  // of the search in the background; 0: none
    travel::TravelOptions travel{};
    // Called for each answer, from any thread. None: nobody listens.
    std::function<void(Answered const&)> log{};
    // Likewise for what the door refuses, no more often than `refusals` allows.
    std::function<void(LoggedRefusal const&)> log_refusal{};
    RateLimit::Options refusals{.burst = 20, .per_second = 1};
  };

  // Opens or makes the database; does not listen yet.
  static Result<std::unique_ptr<Server>> open(Options options);
  Server(Server const&) = delete;
  Server& operator=(Server const&) = delete;
  ~Server();

  // From here on requests come in. Errors as Listener::open.
  Status listen();
  std::uint16_t port() const;
  std::uint16_t metrics_port() const;  // 0: there is none
  void stop();

  // What has to be done from time to time: answers and events that were kept long enough go, suggestions end, jobs of
  // dead workers go back to the queue, a disk that was full is tried again, and what is due by the clock is decided, in
  // the background. Errors: the database's; nothing is lost, the next time does it.
  Status tidy();

  // What is done twice a second: whoever follows a company hears what another process, a worker, has written for it.
  // What this process writes is told at once, without.
  void look_for_news();

  // What is looked at once a day: every page and index of the database, while requests go on. Returns the head of the
  // audit trail: written down elsewhere, it proves later that nothing before it was changed. Errors: corrupt, which
  // the gauge dispatch_database_damaged says too; the database's.
  Result<store::AuditHead> examine();

  // Where a request came in: where everybody may, or where metrics are scraped.
  enum class Door : std::uint8_t { front, metrics };
  // One request; what the listener calls, and a test without sockets.
  void handle(Request&& request, Reply reply, Door door = Door::front);
  // What the listener tells of a request that it answered itself.
  void note(Refused const& refused);
  // The same, waiting for the answer. Not from a thread of the pool or the writer.
  Response ask(Request request);

  Options const& options() const { return options_; }
  store::Database& database() { return *database_; }
  store::Outbox const& outbox() const { return *outbox_; }
  Pool& pool() { return *pool_; }
  // For what nobody waits for: it never stands before a decision.
  Pool& background() { return *background_; }
  Metrics& metrics() { return metrics_; }
  EventHub& events() { return *events_; }
  Watchdog const& watchdog() const { return watchdog_; }
  // For questions that were answered long ago: whoever hangs in one is no worse a candidate for it.
  Watchdog const& replays() const { return replays_; }
  Form& form() { return form_; }
  Due& due() { return due_; }
  Roads& roads() { return roads_; }
  Instant now() const;
  store::Entropy entropy() const;
  std::uint64_t random_seed() const;
  // Requests that came in so far, of whatever kind.
  std::int64_t asked() const { return asked_; }
  store::FillRandom const& random() const { return options_.random; }

  // In the transaction of the change: the audit row and the event of the same name.
  void record(store::Transaction& tx, Call const& call, std::string const& action, std::string const& object,
              Json const& before, Json const& after, std::string const& reason = "");
  void tell(store::Transaction& tx, std::int64_t company, std::string_view type, Json const& data, Instant at);

  // Off in this process, whatever the row says: from the moment somebody asks for it until the row says so too, or
  // somebody who asked later turns it on. Returns how many requests to turn off there were; `upto` of lift_off is that
  // number as the request saw it, so that what was asked for before does not undo what was asked for after it.
  std::uint64_t force_off(std::int64_t company);
  void lift_off(std::int64_t company, std::uint64_t upto);
  std::uint64_t offs_asked() const;
  bool is_forced_off(std::int64_t company) const;

  // The turn at a task of this name; null when somebody else has it. It ends when somebody says so, or nobody holds it
  // any more.
  class Turn;
  std::shared_ptr<Turn> turn_at(std::string const& task);
  // Whoever is at a task of this name holds what at_work gave him; there may be many.
  std::shared_ptr<void> at_work(std::string const& task);
  bool is_at_work(std::string const& task);

  // A registered model as a guarded policy; loaded once. Errors: what load_value_model says, and a hash that differs.
  Result<Arm> candidate(store::Transaction& tx, std::string const& model_id);
  // A rule by name.
  Arm rule(std::string const& name) const;
  // In place of `candidate`, for tests of what a sick model does.
  void replace_candidate(std::string const& model_id, std::shared_ptr<dispatch::Policy const> policy);

 private:
  class Asked;
  explicit Server(Options options);
  // Whether this token may do this, and its company is there; fills in the call.
  std::optional<Problem> admit(Operation const& operation, Call& call, std::string_view secret, store::Transaction& tx);
  std::optional<Problem> asks_too_often(Request const& asked);
  Problem stranger(Request const& asked);
  bool is_guessing(Request const& asked, std::string_view secret);
  void note_admitted(std::string_view secret);
  // What follows once it is clear which operation is wanted.
  void serve(Operation const& operation, std::shared_ptr<Call> const& call, Reply const& reply);
  Reply measured(Operation const& operation, std::shared_ptr<Call const> call, Reply reply);

  Options options_;
  Router front_routes_, metrics_routes_;
  Metrics metrics_;
  Watchdog watchdog_, replays_;
  Form form_;
  Due due_;
  Roads roads_;
  RateLimit callers_, strangers_, refusals_;
  std::atomic<std::int64_t> unlogged_refusals_ = 0;
  std::atomic<std::int64_t> asked_ = 0;
  std::mutex arms_mutex_;
  std::map<std::string, Arm> arms_;  // by model id
  mutable std::mutex forced_mutex_;
  std::map<std::int64_t, std::uint64_t> forced_off_;  // by company: the number of the last request
  std::uint64_t offs_asked_ = 0;
  std::mutex admitted_mutex_;
  std::set<store::Digest> admitted_;  // of secrets that were shown and were right, for is_guessing alone
  std::mutex waiting_mutex_;
  std::set<std::string> waiting_;
  std::multiset<std::string> at_work_;
  std::unique_ptr<EventHub> events_;
  std::unique_ptr<store::Outbox> outbox_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<Pool> pool_, background_;
  std::unique_ptr<Listener> listener_, metrics_listener_;
};

class Server::Turn {
 public:
  Turn(Server& server, std::string task) : server_(server), task_(std::move(task)) {}
  Turn(Turn const&) = delete;
  Turn& operator=(Turn const&) = delete;
  ~Turn() { end(); }
  void end();

 private:
  friend class Server;
  Server& server_;
  std::string task_;
  bool is_taken_ = false;
};

// Microseconds since 1970 by the machine's clock.
Instant system_now();

}  // namespace regulus::server
