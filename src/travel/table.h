// The travel times of a day from a provider that may fail, and never later than asked.
//
// A decision must not wait for a road server, and a day must not fail because one does not answer. So building a table
// always succeeds, by the given moment: what the cache knows is not asked, the rest is asked in rectangles over a few
// connections, a failed question is repeated after a random pause, a server that keeps failing is left alone for a
// while (travel/circuit_breaker.h), and each cell that nobody answered in time is estimated from straight lines and
// marked as that. A cell without a road costs no_road_seconds, never nothing.
//
// A builder lives as long as its cache and breaker should: for one table in a command, for weeks in a server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/rng.h"
#include "travel/cell_cache.h"
#include "travel/circuit_breaker.h"
#include "travel/provider.h"

namespace regulus::travel {

// Cells between two different places; places that share rounded coordinates (11 m) count as one. All cells of a table
// are from the cache, answered or estimated.
struct TableReport {
  std::int64_t asked = 0;             // cells that the provider was asked for, once more for each repetition
  std::int64_t answered = 0;          // cells that it knew
  std::int64_t from_cache = 0;        //
  std::int64_t estimated = 0;         // cells that nobody knew in time
  std::int64_t unreachable = 0;       // cells without a road
  std::int64_t requests = 0;          // rectangles that were asked for
  std::vector<std::size_t> off_road;  // rows of places for which the provider found no road nearby
  std::string last_error;             // of the first rectangle that failed; empty when none did
  std::string data_version;
};
Json to_json(TableReport const& report);

struct TableSettings {
  int attempts = 2;                                   // questions for one rectangle before it is given up
  std::chrono::milliseconds longest_request{10'000};  // one that hangs must not use up an import's whole patience
  std::size_t cache_cells = 1'000'000;                // about 100 bytes each, as they are used
  std::uint64_t seed = 1;                             // of the pauses before repetitions
};

// The clock as a parameter, so that tests need not wait.
struct Clock {
  std::function<Deadline()> now;
  std::function<void(Deadline)> wait_until;
};
Clock real_clock();

// Not thread-safe.
class TableBuilder {
 public:
  // One provider for each connection, at least one. `speeds` estimates what they leave open.
  TableBuilder(std::vector<std::unique_ptr<Provider>> connections, SpeedProfile const& speeds,
               TableSettings const& settings = {}, Clock clock = real_clock());

  // Every place is on the earth. `hour` is when the legs are driven; see Rectangle.
  TravelTimes build(std::span<Point const> places, Deadline deadline, TableReport* report = nullptr, int hour = 12);

 private:
  struct Piece;
  struct Table;
  Result<Cells> ask(Provider& provider, Rectangle const& rectangle, Deadline deadline, Rng jitter, Piece& piece);
  std::vector<Piece> missing_pieces(Table const& table) const;

  std::vector<std::unique_ptr<Provider>> connections_;
  SpeedProfile speeds_;
  TableSettings settings_;
  Clock clock_;
  CircuitBreaker breaker_;
  CellCache cache_;
  std::string data_version_;  // of what the cache holds
};

// How a command or a server wants its travel times.
struct TravelOptions {
  std::string provider = "straight-line";
  std::string url, profile, recording;  // see ProviderSettings
  std::optional<SpeedProfile> speeds;   // the day's own when absent
  int connections = 2;                  // to one road server at once
  std::chrono::milliseconds patience{60'000};
};

// A table of more places than this would not fit into memory beside everything else; straight lines have no limit.
inline constexpr std::size_t most_table_places = 4'000;

// The travel times of a day's places. Straight lines keep their hours; a table is taken as it is at every hour. Errors:
// settings that make no provider, too many places, an interrupt; never a server that fails.
Result<TravelTimes> times_for(Day const& day, TravelOptions const& options, TableReport* report = nullptr);
Result<TravelTimes> times_for(std::vector<Point> const& places, SpeedProfile const& believed,
                              TravelOptions const& options, TableReport* report = nullptr);

}  // namespace regulus::travel
