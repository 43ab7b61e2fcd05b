#include "store/worker.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <sstream>

#include "core/files.h"

namespace regulus::store {
namespace {

struct ProcessFacts {
  char state = '?';
  std::int64_t started = 0;
};

std::optional<ProcessFacts> facts_of(std::int64_t pid) {
  Result<std::string> const stat = read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat) return std::nullopt;
  // The second field, the name in parentheses, may itself hold blanks and parentheses.
  std::size_t const name_end = stat->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat->substr(name_end + 1));
  ProcessFacts facts;
  fields >> facts.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> facts.started;
  if (fields.fail()) return std::nullopt;
  return facts;
}

std::string first_line(char const* path) {
  Result<std::string> const text = read_file(path);
  return text ? text->substr(0, text->find('\n')) : "";
}

}  // namespace

Worker this_worker() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::array<char, 64> pid_namespace{};
  ssize_t const length = ::readlink("/proc/self/ns/pid", pid_namespace.data(), pid_namespace.size());
  std::optional<ProcessFacts> const facts = facts_of(::getpid());
  return {.host = host.data(),
          .boot = first_line("/proc/sys/kernel/random/boot_id"),
          .pid_namespace = std::string(pid_namespace.data(), length > 0 ? static_cast<std::size_t>(length) : 0),
          .pid = ::getpid(),
          .started = facts ? facts->started : 0};
}

Json to_json(Worker const& worker) {
  return Json::object({{"host", worker.host},
                       {"boot", worker.boot},
                       {"pid_namespace", worker.pid_namespace},
                       {"pid", worker.pid},
                       {"started", worker.started}});
}

std::optional<Worker> worker_from(Json const& json) {
  auto const text = [&](char const* key) {
    Json const* member = json.find(key);
    return member != nullptr && member->is_string() ? member->as_string() : "";
  };
  auto const integer = [&](char const* key) {
    Json const* member = json.find(key);
    return member != nullptr && member->is_integer() ? member->as_integer() : 0;
  };
  Worker worker{.host = text("host"),
                .boot = text("boot"),
                .pid_namespace = text("pid_namespace"),
                .pid = integer("pid"),
                .started = integer("started")};
  if (worker.pid <= 0) return std::nullopt;
  return worker;
}

Presence presence(Worker const& worker, Worker const& observer) {
  if (worker.host != observer.host || worker.boot != observer.boot || worker.pid_namespace != observer.pid_namespace) {
    return Presence::elsewhere;
  }
  if (::kill(static_cast<pid_t>(worker.pid), 0) != 0 && errno == ESRCH) return Presence::gone;
  std::optional<ProcessFacts> const facts = facts_of(worker.pid);
  // What /proc hides from us may be alive: a trial run twice is worse than one that waits.
  if (!facts || worker.started == 0) return Presence::alive;
  // A zombie has ended; only its parent has not asked for the exit code yet.
  bool const ended = facts->started != worker.started || facts->state == 'Z' || facts->state == 'X';
  return ended ? Presence::gone : Presence::alive;
}

}  // namespace regulus::store
