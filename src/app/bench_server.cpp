#include "app/bench_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <sstream>

#include "core/rng.h"
#include "dispatch/learned/plan_features.h"
#include "dispatch/learned/value_model.h"
#include "server/api.h"
#include "server/server.h"
#include "store/companies.h"
#include "store/drivers.h"
#include "store/hash.h"

namespace regulus::app {

namespace {

using Clock = std::chrono::steady_clock;

// Everything that a pipe brings until it is closed or a whole line of JSON with a port has come.
std::optional<std::uint16_t> port_from(int pipe) {
  std::string text;
  std::array<char, 4'096> piece{};
  for (ssize_t size = 0; (size = ::read(pipe, piece.data(), piece.size())) > 0;) {
    text.append(piece.data(), static_cast<std::size_t>(size));
    if (!text.ends_with('\n')) continue;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      Result<Json> const json = parse_json(line);
      Json const* const port = json && json->is_object() ? json->find("port") : nullptr;
      if (port != nullptr && port->is_integer()) return static_cast<std::uint16_t>(port->as_integer());
    }
  }
  return std::nullopt;
}

// The number after a name in a file of /proc, in kB.
double kilobytes_of(std::string const& file, std::string_view name) {
  std::ifstream status(file);
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::atof(line.c_str() + name.size());
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<BenchServer>> BenchServer::start(std::filesystem::path folder,
                                                        std::vector<std::string> const& flags) {
  std::error_code problem;
  std::filesystem::remove_all(folder, problem);
  std::filesystem::create_directories(folder, problem);
  if (problem) return Error{ErrorKind::io, fmt::format("{}: {}", folder.string(), problem.message())};
  std::unique_ptr<BenchServer> server(new BenchServer(std::move(folder)));
  if (Status const running = server->run(flags); !running) return running.error();
  if (Status const made = server->make_token(); !made) return made.error();
  if (Status const made = server->make_model(); !made) return made.error();
  return server;
}

Status BenchServer::run(std::vector<std::string> const& flags) {
  std::vector<std::string> words = {"/proc/self/exe",
                                    "serve",
                                    "--json",
                                    "--port",
                                    "0",
                                    "--log",
                                    "none",
                                    "--database",
                                    (folder_ / "serve.db").string(),
                                    "--models",
                                    (folder_ / "models").string(),
                                    "--rate",
                                    "500000"};
  words.insert(words.end(), flags.begin(), flags.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return Error{ErrorKind::io, "no pipe is left"};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
  Clock::time_point const begun = Clock::now();
  int const failed = ::posix_spawn(&process_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  std::optional<std::uint16_t> const port = failed == 0 ? port_from(pipe[0]) : std::nullopt;
  ::close(pipe[0]);
  if (!port) return Error{ErrorKind::io, "the server did not start; what it said stands above"};
  port_ = *port;
  url_ = fmt::format("http://127.0.0.1:{}", port_);
  Result<travel::HttpClient> client = travel::HttpClient::open(url_);
  if (!client) return client.error();
  auto const ready = client->get("/readyz", Clock::now() + std::chrono::seconds(10));
  if (!ready) return ready.error();
  cold_start_ms_ = std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
  return ok();
}

BenchServer::~BenchServer() {
  if (process_ > 0) {
    ::kill(process_, SIGTERM);
    int status = 0;
    ::waitpid(process_, &status, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Status BenchServer::make_token() {
  auto const database = store::Database::open(folder_ / "serve.db");
  if (!database) return database.error();
  auto const secret = (*database)->write_and_wait([](store::Transaction& tx) -> Result<std::string> {
    auto const token = store::create_token(
        tx, {.name = "bench", .scopes = server::all_scopes(), .companies = {}, .expires_us = {}, .created_by = "bench"},
        server::system_now(), [](std::span<std::uint8_t> bytes) { store::random_bytes(bytes); });
    if (!token) return token.error();
    return token->secret;
  });
  if (!secret) return secret.error();
  token_ = *secret;
  return ok();
}

// Of random weights, which costs what a trained one costs.
Status BenchServer::make_model() {
  dispatch::ValueNetwork value;
  value.network = nn::Network({.inputs = dispatch::plan_features, .hidden = {64, 64}, .outputs = 1}, Rng(1));
  model_ = std::filesystem::absolute(folder_ / "model.safetensors");
  return nn::write_model(model_, dispatch::encode_model(value));
}

Status BenchServer::add_companies(int count) {
  auto const database = store::Database::open(folder_ / "serve.db");
  if (!database) return database.error();
  Json const driver = parse_json(R"({"name": "D", "vehicle": {"layouts": [{"ambulatory": 4}]},
                                     "shift": {"from": "05:00", "to": "20:00"},
                                     "start": {"latitude": 46.2, "longitude": 6.14}})")
                          .take();
  Json const settings = parse_json(R"({"auto_dispatch": false})").take();
  return (*database)->write_and_wait([&](store::Transaction& tx) -> Status {
    for (std::int64_t id = 1; id <= count; ++id) {
      auto const company = store::add_company(
          tx, {.id = id, .name = "Bench", .time_zone = "Europe/Zurich", .is_test = true, .settings = settings},
          server::system_now());
      if (!company) return company.error();
      for (DriverId d = 1; d <= 8; ++d) {
        auto const added = store::add_driver(tx, {.company = id, .id = d, .name = "D", .body = driver});
        if (!added) return added.error();
      }
    }
    return ok();
  });
}

Result<travel::HttpClient> BenchServer::client() const {
  Result<travel::HttpClient> client = travel::HttpClient::open(url_);
  if (client) client->authorize(token_);
  return client;
}

BenchServer::Usage BenchServer::usage() const {
  std::string const folder = fmt::format("/proc/{}", process_);
  Usage usage;
  std::ifstream file(folder + "/stat");
  std::string text;
  std::getline(file, text);
  // The name of the program, which may hold anything, ends with the last bracket (proc(5)).
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  usage.cpu_s = (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  usage.rss_mb = kilobytes_of(folder + "/status", "VmRSS:") / 1'024;
  usage.most_rss_mb = kilobytes_of(folder + "/status", "VmHWM:") / 1'024;
  std::error_code problem;
  for (std::filesystem::directory_iterator at(folder + "/fd", problem), end; !problem && at != end;
       at.increment(problem)) {
    ++usage.files;
  }
  return usage;
}

ProcessorTime processor_time() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  file >> cpu;
  // user, nice, system, idle, iowait, irq, softirq, steal
  std::array<double, 8> ticks{};
  for (double& tick : ticks) file >> tick;
  if (!file) return {};
  auto const each = static_cast<double>(::sysconf(_SC_CLK_TCK));
  double all = 0;
  for (double const tick : ticks) all += tick;
  return {.idle_s = (ticks[3] + ticks[4]) / each, .stolen_s = ticks[7] / each, .all_s = all / each};
}

Status none_missed(std::vector<std::string> const& missed) {
  if (missed.empty()) return ok();
  return Error{ErrorKind::io, fmt::format("missed: {}", fmt::join(missed, "; "))};
}

Json bench_booking(int k) {
  int const day = 1 + k % 28, month = 1 + k / 28 % 12, hour = 6 + k % 10;
  std::string const at = fmt::format("2027-{:02}-{:02}T{:02}:00:00Z", month, day, hour);
  return Json::object({{"class", "on_demand"},
                       {"pickup", Json::object({{"latitude", 46.2 + k % 100 * 1e-4}, {"longitude", 6.14}})},
                       {"dropoff", Json::object({{"latitude", 46.22}, {"longitude", 6.14 + k % 77 * 1e-4}})},
                       {"pickup_window", Json(Json::Array{Json(at), Json()})}});
}

}  // namespace regulus::app
