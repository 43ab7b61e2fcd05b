// Which process holds a trial, and whether that process still exists.
//
// A process is named by machine, boot, pid namespace, pid and start time, so a number that the kernel gave to another
// process, after a reboot or in a container, is never taken for the one that held the lease.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/json.h"

namespace regulus::store {

struct Worker {
  std::string host;
  std::string boot;           // /proc/sys/kernel/random/boot_id
  std::string pid_namespace;  // containers of one machine share host and boot but not this
  std::int64_t pid = 0;
  std::int64_t started = 0;  // clock ticks after boot: field 22 of /proc/<pid>/stat
  friend bool operator==(Worker const&, Worker const&) = default;
};

Worker this_worker();

Json to_json(Worker const& worker);
std::optional<Worker> worker_from(Json const& json);

enum class Presence : std::uint8_t {
  alive,
  gone,       // was here, and no longer runs
  elsewhere,  // another machine, boot or container: only its heartbeat can tell
};
Presence presence(Worker const& worker, Worker const& observer);

}  // namespace regulus::store
