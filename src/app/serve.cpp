// `regulus serve`: the server in the foreground until SIGTERM or Ctrl-C; what is in flight is finished first.
#include <fmt/format.h>

#include <unistd.h>

#include <chrono>
#include <optional>
#include <thread>

#include "app/command.h"
#include "app/database_flag.h"
#include "app/many_files.h"
#include "app/travel_flags.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/line_log.h"
#include "domain/json_reader.h"
#include "server/server.h"
#include "store/hash.h"

namespace regulus::app {

namespace {

struct State {
  DatabaseFlag database;
  std::string address = "127.0.0.1", config, models = "data/rl/served";
  std::int64_t port = 5'000, threads = 2, workers = 2, patience_ms = 200, rate = 1'000, connections = 2'000,
               improve = 400;
  std::optional<std::int64_t> metrics_port;  // none: metrics are at the port of everything else
  std::string metrics_address = "127.0.0.1";
  std::string log = "changes";
  TravelFlags travel;
};

// What is a number, on the command line and in the configuration file alike.
struct Number {
  char const* flag;
  char const* key;
  std::int64_t State::*value;
  std::int64_t low, high;
  char const* help;
};
constexpr Number numbers[] = {
    {"--port", "port", &State::port, 0, 65'535, "Port to listen on; 0 takes one that is free"},
    {"--threads", "threads", &State::threads, 1, 64, "Threads that serve connections"},
    {"--workers", "workers", &State::workers, 1, 64, "Threads that decide and improve plans"},
    {"--patience-ms", "patience_ms", &State::patience_ms, 1, 60'000,
     "How long a learned policy may think before the rule answers"},
    {"--rate", "rate", &State::rate, 1, 500'000, "Requests a second for each token"},
    {"--connections", "connections", &State::connections, 10, 100'000, "Connections at a time; more are answered 503"},
    {"--improve", "improve", &State::improve, 0, 1'000'000,
     "Iterations of the search that improves plans in the background; 0: none"},
};

// A JSON file with the flags' names; what is given on the command line beats it.
Status read_config(State& state, Flags const& flags) {
  if (state.config.empty()) return ok();
  Result<std::string> const text = read_file(state.config);
  if (!text) return text.error();
  Result<Json> const json = parse_json(*text);
  if (!json) return json.error().in(state.config);
  Status status = ok();
  JsonReader const at(*json, status);
  at.keys({}, {"database", "address", "models", "port", "threads", "workers", "patience_ms", "rate", "connections",
               "improve", "metrics_port", "metrics_address"});
  auto const text_of = [&](std::string const& flag, std::string_view key, std::string& into) {
    std::string given;
    at.get(key, given);
    if (at.has(key) && !flags.given(flag)) into = given;
  };
  text_of("--database", "database", state.database.text);
  text_of("--address", "address", state.address);
  text_of("--models", "models", state.models);
  text_of("--metrics-address", "metrics_address", state.metrics_address);
  at.in("metrics_port", [&](JsonReader const& here) {
    std::int64_t given = 0;
    if (here.integer(0, 65'535, given) && !state.metrics_port) state.metrics_port = given;
  });
  for (Number const& number : numbers) {
    at.in(number.key, [&](JsonReader const& here) {
      std::int64_t given = 0;
      if (here.integer(number.low, number.high, given) && !flags.given(number.flag)) state.*number.value = given;
    });
  }
  if (!status) return status.error().in(state.config);
  return ok();
}

// Once on each day of the calendar (UTC), so a little after midnight, and at the start: every page is read, and the
// head of the audit trail goes to the log, from where nobody who changes the database can take it back.
void examine(server::Server& server, LineLog& log, bool tells, std::string& examined_on) {
  std::string const now = server::instant_text(server.now()), today = now.substr(0, now.find('T'));
  if (today == examined_on) return;
  bool const taken = server.background().run([&server, &log, tells, now] {
    Result<store::AuditHead> const head = server.examine();
    if (!head) return log.say("regulus: " + head.error().message);
    if (!tells) return;
    Json const said = Json::object({{"at", now},
                                    {"database", "ok"},
                                    {"audit_sequence", head->sequence},
                                    {"audit_hash", store::hex_of(head->hash)}});
    log.say(said.dump());
  });
  if (taken) examined_on = today;
}

Status run(Common const& common, State& state, Flags const& flags) {
  if (Status const read = read_config(state, flags); !read) return read.error();
  if (!state.metrics_port && state.metrics_address != State().metrics_address) {
    return invalid("--metrics-address without --metrics-port: say at which port, or leave both out");
  }
  Result<std::filesystem::path> const database = state.database.path();
  if (!database) return database.error();
  Result<travel::TravelOptions> const travel = state.travel.options();
  if (!travel) return travel.error();
  LineLog log(STDERR_FILENO);  // first: the server's threads use it until they end
  server::Server::Options options;
  options.database = *database;
  options.models = state.models;
  options.listener.address = state.address;
  options.listener.port = static_cast<std::uint16_t>(state.port);
  options.listener.threads = static_cast<int>(state.threads);
  options.listener.most_connections = static_cast<std::size_t>(state.connections);
  if (state.metrics_port) {
    server::Listener::Options& metrics = options.metrics_listener.emplace();
    metrics.address = state.metrics_address;
    metrics.port = static_cast<std::uint16_t>(*state.metrics_port);
    metrics.threads = 1;  // few connect here
    metrics.most_connections = 100;
  }
  options.workers = static_cast<int>(state.workers);
  options.watchdog.patience = std::chrono::milliseconds(state.patience_ms);
  options.callers = {.burst = 2 * state.rate, .per_second = state.rate};
  options.improve_iterations = state.improve;
  options.travel = *travel;
  if (state.log != "none") {
    options.log = [&log, all = state.log == "all"](server::Answered const& answered) {
      bool const only_read = answered.operation.route.starts_with("GET ");
      if (!all && only_read && answered.status < 500) return;
      log.say(answered.line().dump());
    };
    options.log_refusal = [&log](server::LoggedRefusal const& refusal) { log.say(refusal.line().dump()); };
  }
  // Whatever goes wrong with the disk for good ends the process: what is true stands in the file, and a new start
  // reads it.
  options.store.on_fatal = [&log](Error const& error) {
    log.say(fmt::format("regulus: the database cannot be written any more: {}; stopping", error.message));
    log.flush(std::chrono::seconds(1));
    std::_Exit(1);
  };
  Result<std::unique_ptr<server::Server>> opened = server::Server::open(options);
  if (!opened) return opened.error();
  server::Server& server = **opened;
  catch_interrupts();
  allow_many_files();
  if (Status const listening = server.listen(); !listening) return listening.error();
  server.metrics().describe("dispatch_log_lines_dropped_total", "counter",
                            "Lines of the log that were not written, because nobody took them.");
  server.metrics().gauge("dispatch_log_lines_dropped_total", [&log] { return static_cast<double>(log.dropped()); });
  Json json = Json::object(
      {{"address", state.address}, {"port", static_cast<int>(server.port())}, {"database", database->string()}});
  std::string text =
      fmt::format("regulus serves http://{}:{} from {}\n", state.address, server.port(), database->string());
  if (state.metrics_port) {
    json["metrics_address"] = state.metrics_address;
    json["metrics_port"] = static_cast<int>(server.metrics_port());
    text += fmt::format("metrics are at http://{}:{}/metrics\n", state.metrics_address, server.metrics_port());
  }
  if (Status const told = print_result(common, json, text + "stop it with Ctrl-C"); !told) return told;
  std::string examined_on;
  for (auto next = std::chrono::steady_clock::now(), next_news = next; !interrupted();
       std::this_thread::sleep_for(std::chrono::milliseconds(100))) {
    try {
      if (auto const moment = std::chrono::steady_clock::now(); moment >= next_news) {
        next_news = moment + std::chrono::milliseconds(500);
        server.look_for_news();
      }
      if (std::chrono::steady_clock::now() < next) continue;
      next += std::chrono::minutes(1);
      // What could not be done now is done in a minute.
      if (Status const tidied = server.tidy(); !tidied) log.say("regulus: " + tidied.error().message);
      examine(server, log, state.log != "none", examined_on);
    } catch (std::bad_alloc const&) {  // as with a request: what wanted the memory is given up, and nothing else
    }
  }
  server.stop();
  return ok();
}

}  // namespace

Run add_serve(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("--address", state->address, "Address to listen on")->shows_default();
  state->database.declare(flags);
  flags.add("--config", state->config, "JSON file with these flags' names; a flag beats it")->existing_file();
  flags.add("--models", state->models, "Folder for the bytes of registered models")->shows_default();
  for (Number const& number : numbers) {
    flags.add(number.flag, (*state).*number.value, number.help)->between(number.low, number.high)->shows_default();
  }
  flags
      .add("--metrics-port", state->metrics_port,
           "Port for /metrics, /healthz and /readyz alone; 0 takes one that is free; none: /metrics is at --port")
      ->between(std::int64_t{0}, std::int64_t{65'535});
  flags.add("--metrics-address", state->metrics_address, "Address of --metrics-port; alone it is refused")
      ->shows_default();
  flags.add("--log", state->log, "Lines on stderr: changes and failures, all answers, or none")
      ->one_of({"changes", "all", "none"})
      ->shows_default();
  state->travel.declare(flags);
  flags.footer(
      "Examples:\n  regulus serve --port 5000\n  regulus serve --port 5000 --database sqlite:///data/regulus.db\n"
      "  regulus token create --company 1 --scopes rl:read,rl:write,rl:off");
  return [state, &flags](Common const& common) { return run(common, *state, flags); };
}

}  // namespace regulus::app
