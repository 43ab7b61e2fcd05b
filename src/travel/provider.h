// Where travel times come from. A provider is asked before a decision, never during one, and its answer is data.
//
// Providers are listed in providers.def; one file each. A road server may hang, lie or die: whoever asks says how long
// it may take, and cells that nobody answered in time are estimated by straight lines and marked.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "domain/day.h"
#include "domain/travel_times.h"

namespace regulus::travel {

// One rectangle of a table. seconds[i * targets + j]; -1 where no road leads there.
struct Cells {
  std::vector<std::int32_t> seconds, metres;
};

struct Rectangle {
  std::vector<Point> sources, targets;
};

class Provider {
 public:
  virtual ~Provider() = default;
  // Errors: io with what went wrong (timeout, refused, a body that is not what was asked for).
  virtual Result<Cells> cells(Rectangle const& rectangle, std::chrono::steady_clock::time_point deadline) = 0;
  // What a decision log should keep: the engine's data version, or empty.
  virtual std::string data_version() const { return {}; }
};

struct ProviderSettings {
  std::string url;        // osrm, valhalla: http://host:port
  std::string profile;    // osrm: driving; valhalla: auto
  std::string recording;  // recorded: the file's text is given by the caller, see recorded.h
};
struct ProviderEntry {
  std::string_view name;
  std::string_view summary;
  Result<std::unique_ptr<Provider>> (*make)(ProviderSettings const&);
};
std::span<ProviderEntry const> providers();
Result<std::unique_ptr<Provider>> make_provider(std::string_view name, ProviderSettings const& settings);

// All cells among the day's places: chunks of at most `chunk` places, a retry with jitter, a circuit breaker, a cache;
// what is missing at `deadline` is estimated and marked. Never fails and never waits beyond the deadline.
struct TableReport {
  std::int64_t asked = 0, answered = 0, from_cache = 0, estimated = 0, unreachable = 0;
  std::string last_error;
};

}  // namespace regulus::travel
