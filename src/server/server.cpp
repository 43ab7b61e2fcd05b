#include "server/server.h"

#include <fmt/format.h>

#include <dirent.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <ctime>
#include <fstream>
#include <future>

#include "core/files.h"
#include "dispatch/guarded.h"
#include "dispatch/learned/value_model.h"
#include "server/jobs.h"
#include "store/hash.h"
#include "store/idempotency.h"
#include "store/migrations.h"
#include "store/model_registry.h"
#include "store/suggestions.h"

namespace regulus::server {

namespace {

constexpr std::size_t longest_background_queue = 1'000;

constexpr std::chrono::milliseconds road_patience{150};  // of one decision

constexpr int most_expired = 1'000;  // suggestions in one transaction

std::int64_t steady_now_ns() {
  auto const now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

// Of this process, from /proc; 0 where that cannot be read.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}
double open_files() {
  // Not the library's iterator, which ends the process when its memory runs out.
  DIR* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  double count = 0;
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count - 3;  // ".", ".." and the folder itself
}
double processor_seconds() {
  timespec used{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

}  // namespace

Instant system_now() {
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

Server::Server(Options options)
    : options_(std::move(options)),
      watchdog_(options_.watchdog),
      replays_({.patience = 25 * options_.watchdog.patience}),
      form_(options_.limits),
      roads_(options_.travel, road_patience),
      callers_(options_.callers),
      strangers_(options_.strangers),
      refusals_(options_.refusals),
      events_(std::make_unique<EventHub>()) {
  if (!options_.clock) options_.clock = system_now;
  if (!options_.monotonic_ns) options_.monotonic_ns = steady_now_ns;
  if (!options_.random) options_.random = [](std::span<std::uint8_t> bytes) { store::random_bytes(bytes); };
}

Result<std::unique_ptr<Server>> Server::open(Options options) {
  std::unique_ptr<Server> server(new Server(std::move(options)));
  Server& s = *server;
  if (auto const provider = travel::make_provider(s.options_.travel.provider, {}); !provider) {
    if (provider.error().kind == ErrorKind::not_found) return provider.error().in("--travel");
  }
  // The table of time zones is read when it is first asked for: here, where it has time and memory, and in no request.
  static_cast<void>(TimeZone::named("UTC"));
  bool const apart = s.options_.metrics_listener.has_value();
  s.front_routes_ = routes_of([apart](Operation const& op) { return !apart || !op.is_metrics(); });
  s.metrics_routes_ = routes_of([](Operation const& op) { return op.is_metrics() || op.is_health(); });
  store::Database::Options store = s.options_.store;
  store.on_commit = [&s](std::chrono::duration<double> took) {
    s.metrics_.observe("dispatch_db_commit_duration_seconds", "", took.count());
  };
  Result<std::unique_ptr<store::Database>> database = store::Database::open(s.options_.database, store);
  if (!database) return database.error();
  s.database_ = database.take();
  s.pool_ = std::make_unique<Pool>(s.options_.workers, longest_background_queue);
  // A search that fills a core must keep neither a decision nor an answer waiting.
  constexpr int after_everybody = 19;
  s.background_ = std::make_unique<Pool>(1, longest_background_queue, after_everybody);
  s.outbox_ = std::make_unique<store::Outbox>([&s](std::int64_t company, std::int64_t) {
    // On the writer's thread, which must not read: somebody else brings the news.
    if (s.events_->listeners() == 0) return;
    auto const turn = s.turn_at(fmt::format("news/{}", company));  // one that waits brings all that came meanwhile
    if (!turn) return;
    s.pool_->run([&s, company, turn] {
      turn->end();
      s.events_->deliver(*s.database_, company);
    });
  });

  Metrics& m = s.metrics_;
  m.describe("dispatch_http_request_duration_seconds", "histogram", "Time from the whole request to the whole answer.");
  m.describe("dispatch_http_requests_total", "counter", "Answers, by operation and status.");
  m.describe("dispatch_http_refused_total", "counter",
             "Requests that were answered before any operation was known, by reason.");
  m.describe("dispatch_decisions_total", "counter", "Decisions, by who decided and what asked for them.");
  m.describe("dispatch_fallback_total", "counter",
             "Answers of a candidate that were replaced by the rule's, by reason.");
  m.describe("dispatch_companies_in_fallback", "gauge", "Companies for which the rule decides in a candidate's place.");
  m.set("dispatch_companies_in_fallback", "", 0);
  m.describe("dispatch_decision_duration_seconds", "histogram", "Time to decide, by arm.");
  m.describe("dispatch_decision_errors_total", "counter", "Decisions in the background that could not be kept.");
  m.describe("dispatch_improvements_total", "counter", "Searches in the background, by whether a plan was changed.");
  m.describe("dispatch_db_jobs_total", "counter", "Writing jobs of the database.");
  m.describe("dispatch_db_commits_total", "counter", "Transactions that reached the disk.");
  m.describe("dispatch_db_commit_duration_seconds", "histogram", "Time for a transaction to reach the disk.");
  m.describe("dispatch_db_queue_length", "gauge", "Writing jobs that wait.");
  m.describe("dispatch_db_wal_bytes", "gauge", "Size of the write-ahead log.");
  m.describe("dispatch_database_damaged", "gauge", "1 when the last daily check found damage.");
  m.set("dispatch_database_damaged", "", 0);
  m.describe("dispatch_sse_clients", "gauge", "Open event streams.");
  m.describe("dispatch_stuck_candidates", "gauge", "Questions to a candidate that are overdue.");
  m.describe("dispatch_pool_queue_length", "gauge", "Decisions and news that wait for a thread.");
  m.describe("dispatch_background_queue_length", "gauge", "Searches that wait for the thread in the background.");
  m.describe("dispatch_build_info", "gauge", "1, with the version of the program.");
  m.set("dispatch_build_info", "version=\"" REGULUS_VERSION "\"", 1);
  // A rate sees nothing of a series that is born with its first event.
  for (std::string_view const reason : fallback_reasons) {
    m.add("dispatch_fallback_total", fmt::format("reason=\"{}\"", reason), 0);
  }
  for (std::string_view const reason : refusal_names) {
    m.add("dispatch_http_refused_total", fmt::format("reason=\"{}\"", reason), 0);
  }
  m.add("dispatch_decision_errors_total", "", 0);
  for (char const* kept : {"kept=\"true\"", "kept=\"false\""}) m.add("dispatch_improvements_total", kept, 0);
  m.gauge("dispatch_db_jobs_total", [&s] { return static_cast<double>(s.database_->counts().jobs); });
  m.gauge("dispatch_db_commits_total", [&s] { return static_cast<double>(s.database_->counts().commits); });
  m.gauge("dispatch_db_queue_length", [&s] { return static_cast<double>(s.database_->queue_length()); });
  m.gauge("dispatch_db_wal_bytes", [&s] {
    std::error_code ignored;
    auto const size = std::filesystem::file_size(s.options_.database.string() + "-wal", ignored);
    return ignored ? 0.0 : static_cast<double>(size);
  });
  m.gauge("dispatch_sse_clients", [&s] { return static_cast<double>(s.events_->listeners()); });
  m.gauge("dispatch_stuck_candidates", [&s] { return static_cast<double>(s.watchdog_.stuck()); });
  m.gauge("dispatch_pool_queue_length", [&s] { return static_cast<double>(s.pool_->queue_length()); });
  m.gauge("dispatch_background_queue_length", [&s] { return static_cast<double>(s.background_->queue_length()); });
  m.describe("process_cpu_seconds_total", "counter", "Processor time, of all threads.");
  m.gauge("process_cpu_seconds_total", processor_seconds);
  m.describe("process_resident_memory_bytes", "gauge", "Memory in use.");
  m.describe("process_open_fds", "gauge", "Open file descriptors.");
  m.describe("process_start_time_seconds", "gauge", "When the process began, in seconds since 1970.");
  m.gauge("process_resident_memory_bytes", resident_bytes);
  m.gauge("process_open_fds", open_files);
  m.gauge("process_start_time_seconds", [begun = static_cast<double>(s.now()) * 1e-6] { return begun; });
  return server;
}

Server::~Server() {
  stop();
  // The pools first: their tasks use the database, whose last callbacks may still hand them some.
  if (pool_) pool_->stop();
  if (background_) background_->stop();
  database_.reset();
}

Status Server::listen() {
  auto const open_at = [this](Listener::Options options, Door door) {
    options.body_limit = body_limit;
    options.on_refused = [this](Refused const& refused) { note(refused); };
    return Listener::open(std::move(options), [this, door](Request&& request, Reply reply) {
      handle(std::move(request), std::move(reply), door);
    });
  };
  Result<std::unique_ptr<Listener>> front = open_at(options_.listener, Door::front);
  if (!front) return front.error();
  listener_ = front.take();
  if (!options_.metrics_listener) return ok();
  Result<std::unique_ptr<Listener>> metrics = open_at(*options_.metrics_listener, Door::metrics);
  if (!metrics) return metrics.error();
  metrics_listener_ = metrics.take();
  return ok();
}

std::uint16_t Server::port() const { return listener_ ? listener_->port() : 0; }
std::uint16_t Server::metrics_port() const { return metrics_listener_ ? metrics_listener_->port() : 0; }

void Server::stop() {
  // Whoever watches sees the end of what is in flight, too.
  if (listener_) listener_->stop();
  if (metrics_listener_) metrics_listener_->stop();
}

Response Server::ask(Request request) {
  auto answered = std::make_shared<std::promise<Response>>();
  auto future = answered->get_future();
  if (request.id.empty()) request.id = "req_local";
  handle(std::move(request), [answered](Response response) { answered->set_value(std::move(response)); });
  return future.get();
}

Json Answered::line() const {
  return Json::object({{"at", instant_text(at)},
                       {"request", call.request.id},
                       {"operation", operation.id},
                       {"status", status},
                       {"ms", std::round(1e6 * seconds) / 1'000},
                       {"token", call.token.id.empty() ? Json() : Json(call.token.id)},
                       {"company", call.company == 0 ? Json() : Json(call.company)}});
}

Json LoggedRefusal::line() const {
  Json line = Json::object({{"at", instant_text(at)},
                            {"request", refused.request_id},
                            {"refused", name_of(refused.why)},
                            {"status", refused.status}});
  if (unlogged > 0) line["unlogged"] = unlogged;
  return line;
}

void Server::note(Refused const& refused) {
  metrics_.add("dispatch_http_refused_total", fmt::format("reason=\"{}\"", name_of(refused.why)));
  if (!options_.log_refusal) return;
  if (!refusals_.take("", options_.monotonic_ns()).allowed) {
    ++unlogged_refusals_;
    return;
  }
  options_.log_refusal({.refused = refused, .at = now(), .unlogged = unlogged_refusals_.exchange(0)});
}

// Whoever asked, until he has his answer. It is measured, and says what the limits leave him.
//
// Where memory runs out, on whatever thread and however deep, everything that was to answer is let go of on the way
// out, and the last to go tells him here to come back: no other place needs to think of it.
class Server::Asked {
 public:
  Asked(Server& server, Operation const& operation, std::shared_ptr<Call const> call, Reply reply)
      : server_(server), operation_(operation), call_(std::move(call)), reply_(std::move(reply)) {}
  Asked(Asked const&) = delete;
  Asked& operator=(Asked const&) = delete;
  ~Asked() {
    if (given_) return;
    try {
      give(problem_response({.code = ProblemCode::not_ready, .retry_after_s = 1}, call_->request));
    } catch (std::exception const&) {
      give_status(503);
    }
  }

  // The answer goes first: whoever reads the log slowly keeps nobody waiting for it.
  void give(Response response) {
    if (given_.exchange(true)) return;
    int const status = response.status;
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begun_;
    try {
      say_quota(response);
      count(status, took.count());
    } catch (std::exception const&) {  // it goes out uncounted
    }
    reply_(std::move(response));
    try {
      log(status, took.count());
    } catch (std::exception const&) {  // it is out
    }
  }

 private:
  // All that can be said without memory.
  void give_status(int status) noexcept {
    try {
      give({.status = status});
    } catch (std::exception const&) {  // whoever waits loses his connection
    }
  }

  void say_quota(Response& response) const {
    if (!call_->quota) return;
    response.headers.emplace_back("RateLimit-Policy", server_.callers_.policy_field());
    response.headers.emplace_back("RateLimit", call_->quota->field());
  }

  void count(int status, double seconds) const {
    server_.metrics_.add("dispatch_http_requests_total",
                         fmt::format("operation=\"{}\",status=\"{}\"", operation_.id, status));
    server_.metrics_.observe("dispatch_http_request_duration_seconds", fmt::format("operation=\"{}\"", operation_.id),
                             seconds);
  }

  void log(int status, double seconds) const {
    if (!server_.options_.log) return;
    server_.options_.log(
        {.operation = operation_, .call = *call_, .status = status, .at = server_.now(), .seconds = seconds});
  }

  Server& server_;
  Operation const& operation_;
  std::shared_ptr<Call const> call_;
  Reply reply_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::atomic<bool> given_ = false;
};

Reply Server::measured(Operation const& operation, std::shared_ptr<Call const> call, Reply reply) {
  return [asked = std::make_shared<Asked>(*this, operation, std::move(call), std::move(reply))](Response response) {
    asked->give(std::move(response));
  };
}

Status Server::tidy() {
  Instant const moment = now();
  std::vector<store::Suggestion> expired;
  Status const tidied = database_->write_and_wait([&](store::Transaction& tx) -> Status {
    store::prune_answers(tx, moment);
    store::prune_events(tx, moment);
    expired = store::expire_suggestions(tx, moment, most_expired);
    for (store::Suggestion const& s : expired) {
      tell(tx, s.company, "suggestion.expired", Json::object({{"suggestion", s.id}, {"booking", s.booking}}), moment);
    }
    if (Status const requeued = requeue_dead_jobs(tx, *outbox_, "server", moment); !requeued) return requeued;
    // Whether the disk has room again shows only who writes; a server that is not ready may be asked by nobody else.
    if (!database_->is_writable()) tx.run(fmt::format("PRAGMA user_version = {}", store::schema_version(tx)));
    // Counted here and not at a scrape, which asks no database: a minute's delay is none for whoever is woken by it.
    auto const fallen = tx.integer("SELECT COUNT(*) FROM companies WHERE fallback_reason IS NOT NULL");
    metrics_.set("dispatch_companies_in_fallback", "", static_cast<double>(fallen.value_or(0)));
    return tx.failed() ? Status(tx.error()) : ok();
  });
  if (!tidied) return tidied;
  // What nobody answered is the rule's.
  for (store::Suggestion const& s : expired) due_.forget(s.company, s.booking);
  return look_at_the_clock(*this);
}

void Server::look_for_news() {
  if (events_->listeners() == 0) return;
  auto const turn = turn_at("news of other processes");
  if (turn) pool_->run([this, turn] { events_->deliver_all(*database_); });
}

Result<store::AuditHead> Server::examine() {
  return database_->read([&](store::Transaction& tx) -> Result<store::AuditHead> {
    std::optional<std::string> const found = tx.text("PRAGMA integrity_check(1)");
    // A page that cannot be trusted fails the transaction; an index that lacks a row is what the check finds.
    bool const is_damaged = tx.failed() ? tx.error().kind == ErrorKind::corrupt : found != "ok";
    metrics_.set("dispatch_database_damaged", "", is_damaged ? 1 : 0);
    if (tx.failed()) return tx.error();
    if (is_damaged) return Error{ErrorKind::corrupt, fmt::format("the database is damaged: {}", found.value_or("?"))};
    return store::audit_head(tx);
  });
}

Instant Server::now() const { return options_.clock(); }

store::Entropy Server::entropy() const {
  store::Entropy entropy{};
  options_.random(entropy);
  return entropy;
}

std::uint64_t Server::random_seed() const {
  std::array<std::uint8_t, 8> bytes{};
  options_.random(bytes);
  std::uint64_t seed = 0;
  for (std::uint8_t const byte : bytes) seed = seed << 8U | byte;
  return seed >> 1U;  // so that JSON's integers hold it
}

void Server::record(store::Transaction& tx, Call const& call, std::string const& action, std::string const& object,
                    Json const& before, Json const& after, std::string const& reason) {
  store::AuditHead const head =
      store::append_audit(tx, {.company = call.company == 0 ? std::optional<std::int64_t>{} : call.company,
                               .actor = call.token.id,
                               .action = action,
                               .object = object,
                               .before = before,
                               .after = after,
                               .reason = reason,
                               .request_id = call.request.id,
                               .at = call.now});
  // That there is a row, and where; what is in it needs the right to read it.
  if (call.company != 0) {
    tell(tx, call.company, "audit.appended", Json::object({{"sequence", head.sequence}, {"action", action}}), call.now);
  }
}

void Server::tell(store::Transaction& tx, std::int64_t company, std::string_view type, Json const& data, Instant at) {
  outbox_->append(tx, company, type, data, at);
}

std::uint64_t Server::force_off(std::int64_t company) {
  std::unique_lock const lock(forced_mutex_);
  return forced_off_[company] = ++offs_asked_;
}

void Server::lift_off(std::int64_t company, std::uint64_t upto) {
  std::unique_lock const lock(forced_mutex_);
  auto const found = forced_off_.find(company);
  if (found != forced_off_.end() && found->second <= upto) forced_off_.erase(found);
}

std::uint64_t Server::offs_asked() const {
  std::unique_lock const lock(forced_mutex_);
  return offs_asked_;
}

bool Server::is_forced_off(std::int64_t company) const {
  std::unique_lock const lock(forced_mutex_);
  return forced_off_.contains(company);
}

std::shared_ptr<Server::Turn> Server::turn_at(std::string const& task) {
  auto turn = std::make_shared<Turn>(*this, task);
  std::unique_lock const lock(waiting_mutex_);
  turn->is_taken_ = waiting_.insert(task).second;
  return turn->is_taken_ ? turn : nullptr;
}

void Server::Turn::end() {
  std::unique_lock const lock(server_.waiting_mutex_);
  if (std::exchange(is_taken_, false)) server_.waiting_.erase(task_);
}

std::shared_ptr<void> Server::at_work(std::string const& task) {
  std::multiset<std::string>::iterator mine;
  {
    std::unique_lock const lock(waiting_mutex_);
    mine = at_work_.insert(task);
  }
  // Without the lock, because what cannot be made for want of memory is let go of at once.
  return {nullptr, [this, mine](void*) {
            std::unique_lock const lock(waiting_mutex_);
            at_work_.erase(mine);
          }};
}

bool Server::is_at_work(std::string const& task) {
  std::unique_lock const lock(waiting_mutex_);
  return at_work_.contains(task);
}

Arm Server::rule(std::string const& name) const {
  dispatch::PolicySettings settings;
  auto policy = dispatch::make_policy(name, settings);
  REGULUS_CHECK(static_cast<bool>(policy));
  return {.name = name, .model_hash = "", .policy = std::shared_ptr<dispatch::Policy const>(policy.take())};
}

void Server::replace_candidate(std::string const& model_id, std::shared_ptr<dispatch::Policy const> policy) {
  std::unique_lock const lock(arms_mutex_);
  arms_[model_id] = {.name = "dqn", .model_hash = "replaced", .policy = std::move(policy)};
}

Result<Arm> Server::candidate(store::Transaction& tx, std::string const& model_id) {
  {
    std::unique_lock const lock(arms_mutex_);
    if (auto const found = arms_.find(model_id); found != arms_.end()) return found->second;
  }
  Result<store::RegisteredModel> const model = store::load_model(tx, model_id);
  if (!model) return model.error();
  auto const useless = [&](Error const& why) {
    return Error{why.kind, fmt::format("model {} cannot be loaded: {}", model_id, why.message)};
  };
  Result<std::string> const bytes = read_file(model->path);
  if (!bytes) return useless(bytes.error());
  if (std::string const hash = store::hex_of(store::sha256(*bytes)); hash != model->sha256) {
    return Error{ErrorKind::corrupt, fmt::format("model {} is no longer the file that was registered", model_id)};
  }
  Result<std::shared_ptr<dispatch::ValueModel const>> value = dispatch::load_value_model(model->path);
  if (!value) return useless(value.error());
  dispatch::PolicySettings settings;
  settings.model = value.take();
  Result<std::unique_ptr<dispatch::Policy>> policy = dispatch::make_policy("dqn", settings);
  if (!policy) return policy.error();
  Arm arm{
      .name = "dqn", .model_hash = model->sha256, .policy = std::make_shared<dispatch::Guarded const>(policy.take())};
  std::unique_lock const lock(arms_mutex_);
  return arms_.emplace(model_id, std::move(arm)).first->second;
}

}  // namespace regulus::server
