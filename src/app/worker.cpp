// `regulus worker`: takes jobs from the server's database, one after the other.
//
// Each job is a command of this very program, run as a process of its own in a folder of its own (data/jobs/<id>): what
// goes wrong in a training cannot take the worker down, and what it leaves behind lies together. While it runs, the
// worker renews its lease; a worker that dies loses the lease, and another one begins the job again.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <chrono>
#include <fstream>
#include <thread>

#include "app/command.h"
#include "app/database_flag.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "server/server.h"
#include "store/jobs.h"

namespace regulus::app {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t lease_us = 60'000'000;
constexpr auto heartbeat = 5s;
constexpr std::size_t longest_message = 4'000;

struct State {
  DatabaseFlag database;
  std::string folder = "data/jobs", name;
  bool once = false;
};

// The flags of a job's command: {"scenario": "geneva-medical", "episodes": 10} is --scenario geneva-medical
// --episodes 10; true is the flag alone.
std::vector<std::string> words_of(std::string const& program, store::StoredJob const& job) {
  std::vector<std::string> words = {program, job.kind};
  for (auto const& [key, value] : job.arguments.as_object()) {
    if (value.is_null() || (value.is_bool() && !value.as_bool())) continue;
    std::string flag = "--" + key;
    std::ranges::replace(flag, '_', '-');
    words.push_back(flag);
    if (value.is_bool()) continue;
    words.push_back(value.is_string() ? value.as_string() : value.dump());
  }
  words.emplace_back("--json");
  return words;
}

// A child that runs in its folder, its output in files.
pid_t start(std::vector<std::string> const& words, std::filesystem::path const& folder) {
  std::vector<char*> arguments;
  for (std::string const& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::string const out = (folder / "stdout").string(), err = (folder / "stderr").string();
  pid_t const child = fork();
  if (child != 0) return child;
  // Only what is safe between fork and exec.
  if (chdir(folder.c_str()) != 0) _exit(127);
  int const to = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  int const errors = open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  int const nothing = open("/dev/null", O_RDONLY);
  if (to < 0 || errors < 0 || nothing < 0) _exit(127);
  dup2(nothing, 0);
  dup2(to, 1);
  dup2(errors, 2);
  execv(arguments[0], arguments.data());
  _exit(127);
}

std::string tail_of(std::filesystem::path const& file) {
  Result<std::string> text = read_file(file);
  if (!text) return "";
  return text->size() > longest_message ? text->substr(text->size() - longest_message) : text.take();
}

// The last line of its output, which is the result.
Json result_of(std::filesystem::path const& folder) {
  Result<std::string> const text = read_file(folder / "stdout");
  if (!text) return {};
  std::string_view all = *text;
  while (all.ends_with('\n')) all.remove_suffix(1);
  std::size_t const line = all.rfind('\n');
  Result<Json> json = parse_json(line == std::string_view::npos ? all : all.substr(line + 1));
  return json ? json.take() : Json();
}

struct Ended {
  store::JobEnd end = store::JobEnd::failed;
  Json result;
};

Ended run_job(store::Database& database, store::StoredJob const& job, store::JobLease const& lease,
              std::filesystem::path const& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  auto const failed = [](std::string const& why) {
    return Ended{store::JobEnd::failed, Json::object({{"error", why}})};
  };
  if (problem) return failed(fmt::format("{}: {}", folder.string(), problem.message()));
  std::filesystem::path const program = std::filesystem::read_symlink("/proc/self/exe", problem);
  if (problem) return failed("the program does not know where it is");
  pid_t const child = start(words_of(program.string(), job), std::filesystem::absolute(folder));
  if (child < 0) return failed("no process could be started");
  int status = 0;
  bool cancelled = false, lost = false;
  auto next = std::chrono::steady_clock::now() + heartbeat;
  while (waitpid(child, &status, WNOHANG) == 0) {
    std::this_thread::sleep_for(50ms);
    bool const stop = interrupted();
    if (!stop && std::chrono::steady_clock::now() < next) continue;
    next = std::chrono::steady_clock::now() + heartbeat;
    auto const beat = database.write_and_wait(
        [&](store::Transaction& tx) { return store::heartbeat_job(tx, job.id, lease, 0.5, server::system_now()); });
    cancelled = cancelled || (beat && beat->cancel_requested);
    lost = lost || (!beat && beat.error().kind == ErrorKind::conflict);
    if (cancelled || lost || stop) kill(child, SIGTERM);
  }
  if (lost) return {store::JobEnd::cancelled, Json::object({{"error", "another worker has the job"}})};
  if (cancelled) return {store::JobEnd::cancelled, Json()};
  Json const result = result_of(folder);
  // 3 is a verdict: the gate says that the heuristic stays.
  bool const done = WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3);
  if (done) return {store::JobEnd::succeeded, Json::object({{"folder", folder.string()}, {"result", result}})};
  return failed(tail_of(folder / "stderr"));
}

Status run(Common const& common, State const& state) {
  Result<std::filesystem::path> const path = state.database.path();
  if (!path) return path.error();
  Result<std::unique_ptr<store::Database>> opened = store::Database::open(*path);
  if (!opened) return opened.error();
  store::Database& database = **opened;
  catch_interrupts();
  std::string const name = state.name.empty() ? fmt::format("worker-{}", getpid()) : state.name;
  store::JobLease const lease{.worker = name, .lease_us = lease_us};
  int done = 0;
  if (!common.json) {
    if (Status const told = print_line(fmt::format("{} waits for jobs of {}", name, path->string())); !told)
      return told;
  }
  while (!interrupted()) {
    auto const job = database.write_and_wait([&](store::Transaction& tx) {
      return store::claim_job(tx, lease, {"train", "tune", "evaluate"}, server::system_now());
    });
    if (!job) return job.error();
    if (!*job) {
      if (state.once) break;
      std::this_thread::sleep_for(500ms);
      continue;
    }
    std::filesystem::path const folder = std::filesystem::path(state.folder) / (*job)->id;
    Ended const ended = run_job(database, **job, lease, folder);
    if (interrupted()) break;  // the lease runs out, and the job begins again elsewhere
    auto const finished = database.write_and_wait([&](store::Transaction& tx) {
      return store::finish_job(tx, (*job)->id, name, ended.end, ended.result, server::system_now());
    });
    if (!finished && finished.error().kind != ErrorKind::conflict) return finished.error();
    ++done;
    if (!common.json) {
      std::string_view const word = store::enum_names(store::JobState{})[2 + static_cast<std::size_t>(ended.end)];
      if (Status const told = print_line(fmt::format("{} {} {}", (*job)->id, (*job)->kind, word)); !told) return told;
    }
  }
  return print_result(common, Json::object({{"worker", name}, {"jobs", done}}), fmt::format("{} jobs done", done));
}

}  // namespace

Run add_worker(CLI::App& app) {
  auto state = std::make_shared<State>();
  state->database.declare(app);
  app.add_option("--folder", state->folder, "Where each job has its folder")->capture_default_str();
  app.add_option("--name", state->name, "Name of this worker; its process by default");
  app.add_flag("--once", state->once, "Stop when there is no job left");
  app.footer("Examples:\n  regulus worker\n  regulus worker --once");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
