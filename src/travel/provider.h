// Where travel times come from. A provider is asked before a decision, never during one, and its answer is data.
//
// Providers are listed in providers.def; one file each in providers/. A road server may hang, lie or die: whoever asks
// says how long it may take, and cells that nobody answered in time are estimated by straight lines and marked
// (travel/table.h).
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

using Deadline = std::chrono::steady_clock::time_point;

inline constexpr std::int32_t no_road = -1;    // the provider knows that no road leads there
inline constexpr std::int32_t not_known = -2;  // the provider cannot say: whoever asked estimates

// What a cell without a road costs in a finished table: a week and 20,000 km, so that no plan goes there, and a sum
// over a whole route still fits. A provider that answers with more than this is not believed.
inline constexpr std::int32_t no_road_seconds = 7 * 86'400;
inline constexpr std::int32_t no_road_metres = 20'000'000;

// One rectangle of a table, row by row: seconds[i * targets + j]. Each cell is non-negative, no_road or not_known, the
// last two in both lists at once. Fractions are rounded up.
struct Cells {
  std::vector<std::int32_t> seconds, metres;
  std::vector<Point> off_road;  // places for which the provider found no road nearby; their cells are no_road
};

struct Rectangle {
  std::vector<Point> sources, targets;
  int hour = 12;  // of the departures, local time; engines without traffic ignore it
};

// Not thread-safe: one provider is one connection. Its owner asks it from one thread at a time.
class Provider {
 public:
  virtual ~Provider() = default;
  // Errors: io, when nothing sensible came in time (timeout, refused, a body that is not what was asked for);
  // invalid, when the engine understood and says no.
  virtual Result<Cells> cells(Rectangle const& rectangle, Deadline deadline) = 0;
  // What a decision log should keep: the engine's data version as of the last answer, or empty.
  virtual std::string data_version() const { return {}; }
  // How many sources, and how many targets, are best asked for at once.
  virtual std::size_t largest_side() const { return 100; }
};

struct ProviderSettings {
  std::string url;        // osrm, valhalla: http://host:port, where needed with a prefix
  std::string profile;    // osrm: driving; valhalla: auto; empty is that
  std::string recording;  // recorded: the text of the file, see travel/recording.h
  SpeedProfile speeds;    // straight-line
};
struct ProviderEntry {
  std::string_view name;
  std::string_view summary;
  Result<std::unique_ptr<Provider>> (*make)(ProviderSettings const&);
};
std::span<ProviderEntry const> providers();
std::vector<std::string> provider_names();
Result<std::unique_ptr<Provider>> make_provider(std::string_view name, ProviderSettings const& settings);

}  // namespace regulus::travel
