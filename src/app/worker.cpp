// `regulus worker`: takes jobs from the server's database, one after the other.
//
// Each job is a command of this very program, run as a process of its own in a folder of its own (data/jobs/<id>): what
// goes wrong in a training cannot take the worker down, and what it leaves behind lies together. While it runs, the
// worker renews its lease and reports how far it is; a worker that dies loses the lease, and another one begins the job
// again.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <chrono>
#include <fstream>
#include <thread>

#include "app/command.h"
#include "app/database_flag.h"
#include "app/study_watch.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "server/jobs.h"
#include "server/server.h"
#include "store/hash.h"
#include "store/jobs.h"
#include "store/outbox.h"
#include "store/worker.h"

namespace regulus::app {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t lease_us = 60'000'000;
constexpr auto heartbeat = 5s;  // the lease is renewed so often at least, and no progress is told more often than looks
constexpr auto look = 1s;
constexpr auto patience = 5s;  // for a process that was told to end
constexpr std::size_t longest_message = 4'000;
// In the job's folder.
constexpr std::string_view progress_file = "progress", study_file = "studies.db";

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
  if (job.kind == "tune") {
    for (std::string const& word :
         {std::string("--storage"), fmt::format("sqlite:///{}", study_file), std::string("--study-name"), job.id}) {
      words.push_back(word);
    }
  }
  words.emplace_back("--progress-file");
  words.emplace_back(progress_file);
  words.emplace_back("--json");
  return words;
}

// A child that runs in its folder, its output in files.
pid_t start(std::vector<std::string> const& words, std::filesystem::path const& folder) {
  std::vector<char*> arguments;
  for (std::string const& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::string const out = (folder / "stdout").string(), err = (folder / "stderr").string();
  pid_t const parent = getpid();
  pid_t const child = fork();
  if (child != 0) return child;
  // Only what is safe between fork and exec. In a group of its own it does not get the Ctrl-C of the worker's terminal:
  // the worker's SIGTERM would be its second signal, which ends it at once, with nothing put in order. Nor does it
  // outlive its worker, however that ended: somebody else begins the job again, in the same folder.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
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

// What the server's database is told of a job while this worker holds it.
class HeldJob {
 public:
  // `job` is as it was claimed.
  HeldJob(store::Database& database, store::StoredJob job, std::filesystem::path const& folder)
      : database_(database), job_(std::move(job)), folder_(folder), progress_(job_.progress) {
    if (job_.kind == "tune") study_.emplace(folder / study_file, job_.id);
  }

  store::StoredJob const& job() const { return job_; }
  std::filesystem::path const& folder() const { return folder_; }

  // Oldest first, with what lost workers left. None when nothing waits.
  static Result<std::optional<store::StoredJob>> claim(store::Database& database, store::JobLease const& lease) {
    return database.write_and_wait([&](store::Transaction& tx) -> Result<std::optional<store::StoredJob>> {
      server::Instant const now = server::system_now();
      if (Status const requeued = server::requeue_dead_jobs(tx, outbox(), actor, now); !requeued) {
        return requeued.error();
      }
      auto claimed = store::claim_job(tx, lease, {"train", "tune", "evaluate"}, now);
      if (claimed && *claimed) {
        store::forget_study(tx, (*claimed)->id);
        server::tell_progress(tx, outbox(), **claimed, now);
      }
      return claimed;
    });
  }

  // Renews the lease when it is time, then writes what is new. Returns the job as it is; errors as heartbeat_job.
  Result<store::StoredJob> beat() {
    // First of all: a look at the study may have to wait for whoever writes it, or take its time on a slow disk.
    if (std::chrono::steady_clock::now() >= renewed_ + heartbeat) {
      if (auto renewed = tell(progress_, std::nullopt); !renewed) return renewed;
    }
    double const progress = read_progress(folder_ / progress_file).value_or(progress_);
    auto const news = study_ ? study_->look(StudyWatch::When::running) : std::nullopt;
    if (progress != progress_ || news) return tell(progress, news);
    return database_.read([&](store::Transaction& tx) { return store::load_job(tx, job_.id); });
  }

  // Errors as finish_job.
  Result<store::StoredJob> finish(Ended const& ended) {
    auto const news = study_ ? study_->look(StudyWatch::When::ended) : std::nullopt;
    return database_.write_and_wait([&](store::Transaction& tx) {
      server::Instant const now = server::system_now();
      auto const before = store::load_job(tx, job_.id);
      if (!before) return before;
      auto after = store::finish_job(tx, job_, ended.end, ended.result, now);
      if (!after) return after;
      write(tx, news, now);
      server::record_end(tx, outbox(), actor, *before, *after, now);
      return after;
    });
  }

 private:
  static constexpr char const* actor = "worker";
  // Whoever follows a company is woken by the server, which looks for what others wrote.
  static store::Outbox const& outbox() {
    static store::Outbox const wakes_nobody(nullptr);
    return wakes_nobody;
  }

  // How far the job is and what its study has tried, with the lease renewed.
  Result<store::StoredJob> tell(double progress, std::optional<StudyWatch::News> const& news) {
    auto const moment = std::chrono::steady_clock::now();
    auto job = database_.write_and_wait([&](store::Transaction& tx) {
      server::Instant const now = server::system_now();
      auto held = store::heartbeat_job(tx, job_, lease_us, progress, now);
      if (!held) return held;
      write(tx, news, now);
      if (progress != progress_) server::tell_progress(tx, outbox(), *held, now);
      return held;
    });
    if (!job) return job;
    progress_ = progress;
    renewed_ = moment;
    if (news) study_->written(*news);
    return job;
  }

  void write(store::Transaction& tx, std::optional<StudyWatch::News> const& news, server::Instant now) const {
    if (!news) return;
    store::StudyReport report = news->report;
    report.reported_us = now;
    store::write_study_report(tx, job_.id, report, news->changed);
  }

  store::Database& database_;
  store::StoredJob const job_;
  std::filesystem::path const folder_;
  std::optional<StudyWatch> study_;
  double progress_;
  std::chrono::steady_clock::time_point renewed_ = std::chrono::steady_clock::now();
};

Ended run_job(HeldJob& held) {
  std::filesystem::path const& folder = held.folder();
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  auto const failed = [](std::string const& why) {
    return Ended{store::JobEnd::failed, Json::object({{"error", why}})};
  };
  if (problem) return failed(fmt::format("{}: {}", folder.string(), problem.message()));
  std::filesystem::path const program = std::filesystem::read_symlink("/proc/self/exe", problem);
  if (problem) return failed("the program does not know where it is");
  std::filesystem::remove(folder / progress_file, problem);  // of an attempt that was lost
  pid_t const child = start(words_of(program.string(), held.job()), std::filesystem::absolute(folder));
  if (child < 0) return failed("no process could be started");
  int status = 0;
  bool cancelled = false, lost = false;
  auto next = std::chrono::steady_clock::now() + look;
  std::optional<std::chrono::steady_clock::time_point> told_to_end;
  while (waitpid(child, &status, WNOHANG) == 0) {
    std::this_thread::sleep_for(50ms);
    auto const moment = std::chrono::steady_clock::now();
    if (moment >= next) {
      next = moment + look;
      auto const beat = held.beat();
      cancelled = cancelled || (beat && beat->cancel_requested);
      lost = lost || (!beat && beat.error().kind == ErrorKind::conflict);
    }
    if (!cancelled && !lost && !interrupted()) continue;
    // A second SIGTERM would end it at once, with nothing put in order.
    if (!told_to_end) {
      told_to_end = moment;
      kill(child, SIGTERM);
    } else if (moment >= *told_to_end + patience) {
      kill(child, SIGKILL);
    }
  }
  if (lost) return {store::JobEnd::cancelled, Json::object({{"error", "another worker has the job"}})};
  if (cancelled) return {store::JobEnd::cancelled, Json()};
  Json const result = result_of(folder);
  // 3 is a verdict: the gate says that the heuristic stays.
  bool const done = WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3);
  if (done) return {store::JobEnd::succeeded, Json::object({{"folder", folder.string()}, {"result", result}})};
  return failed(tail_of(folder / "stderr"));
}

// Whoever reads it finds the machine; containers of one image, whose processes have one number, differ in the rest.
std::string a_name() {
  std::array<std::uint8_t, 4> chance{};
  store::random_bytes(chance);
  std::string name = fmt::format("worker-{}-", store::this_worker().host);
  for (std::uint8_t const byte : chance) name += fmt::format("{:02x}", byte);
  return name;
}

Status run(Common const& common, State const& state) {
  Result<std::filesystem::path> const path = state.database.path();
  if (!path) return path.error();
  Result<std::unique_ptr<store::Database>> opened = store::Database::open(*path);
  if (!opened) return opened.error();
  store::Database& database = **opened;
  catch_interrupts();
  std::string const name = state.name.empty() ? a_name() : state.name;
  store::JobLease const lease{.worker = name, .lease_us = lease_us};
  int done = 0;
  if (!common.json) {
    if (Status const told = print_line(fmt::format("{} waits for jobs of {}", name, path->string())); !told)
      return told;
  }
  while (!interrupted()) {
    auto const job = HeldJob::claim(database, lease);
    if (!job) return job.error();
    if (!*job) {
      if (state.once) break;
      std::this_thread::sleep_for(500ms);
      continue;
    }
    HeldJob held(database, **job, std::filesystem::path(state.folder) / (*job)->id);
    Ended const ended = run_job(held);
    if (interrupted()) break;  // the lease runs out, and the job begins again elsewhere
    auto const finished = held.finish(ended);
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

Run add_worker(Flags& flags) {
  auto state = std::make_shared<State>();
  state->database.declare(flags);
  flags.add("--folder", state->folder, "Where each job has its folder")->shows_default();
  flags.add("--name", state->name, "Name of this worker; by default its machine and a random part");
  flags.add_switch("--once", state->once, "Stop when there is no job left");
  flags.footer("Examples:\n  regulus worker\n  regulus worker --once");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
