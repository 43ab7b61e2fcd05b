#include "travel/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <unordered_map>

#include "core/interrupt.h"
#include "core/parallel.h"
#include "travel/recording.h"

namespace regulus::travel {

Json to_json(TableReport const& report) {
  return Json::object({{"asked", report.asked},
                       {"answered", report.answered},
                       {"from_cache", report.from_cache},
                       {"estimated", report.estimated},
                       {"unreachable", report.unreachable},
                       {"requests", report.requests},
                       {"off_road", Json::array_of(report.off_road)},
                       {"last_error", report.last_error},
                       {"data_version", report.data_version}});
}

Clock real_clock() {
  return {.now = [] { return std::chrono::steady_clock::now(); },
          .wait_until = [](Deadline moment) { std::this_thread::sleep_until(moment); }};
}

// The cells among places that differ, not_known until somebody knows them.
struct TableBuilder::Table {
  std::vector<Point> places;
  std::vector<std::uint64_t> cells_of_places;
  std::vector<std::size_t> row_of;  // of each place that was asked for
  std::vector<std::int32_t> seconds, metres;

  explicit Table(std::span<Point const> asked) {
    std::unordered_map<std::uint64_t, std::size_t> rows;
    for (Point const& place : asked) {
      REGULUS_CHECK(is_on_earth(place));
      auto const [found, is_new] = rows.emplace(cell_of(place), places.size());
      if (is_new) {
        places.push_back(place);
        cells_of_places.push_back(found->first);
      }
      row_of.push_back(found->second);
    }
    seconds.assign(side() * side(), not_known);
    metres = seconds;
    for (std::size_t i = 0; i < side(); ++i) set(i, i, 0, 0);
  }
  std::size_t side() const { return places.size(); }
  bool missing(std::size_t i, std::size_t j) const { return seconds[i * side() + j] == not_known; }
  void set(std::size_t i, std::size_t j, std::int32_t s, std::int32_t m) {
    seconds[i * side() + j] = s;
    metres[i * side() + j] = m;
  }
};

// One question and what came of it.
struct TableBuilder::Piece {
  std::vector<std::size_t> sources, targets;  // rows of the table
  std::int64_t requests = 0;
  Cells cells;  // empty when nobody answered
  std::string error;
};

TableBuilder::TableBuilder(std::vector<std::unique_ptr<Provider>> connections, SpeedProfile const& speeds,
                           TableSettings const& settings, Clock clock)
    : connections_(std::move(connections)),
      speeds_(speeds),
      settings_(settings),
      clock_(std::move(clock)),
      cache_(settings.cache_cells) {
  REGULUS_CHECK(!connections_.empty());
}

// Rectangles that together hold every missing cell. When a few places are new, whole rows miss for them and single
// columns for all others: two slim rectangles instead of one that asks for everything again.
std::vector<TableBuilder::Piece> TableBuilder::missing_pieces(Table const& table) const {
  std::size_t const side = table.side();
  std::vector<std::size_t> new_rows, other_rows;
  for (std::size_t i = 0; i < side; ++i) {
    std::size_t count = 0;
    for (std::size_t j = 0; j < side; ++j) count += table.missing(i, j);
    if (count > 0) (2 * count > side ? new_rows : other_rows).push_back(i);
  }
  std::size_t const step = connections_.front()->largest_side();
  std::vector<Piece> pieces;
  for (auto const* rows : {&new_rows, &other_rows}) {
    std::vector<std::size_t> columns;
    for (std::size_t j = 0; j < side; ++j) {
      if (std::ranges::any_of(*rows, [&](std::size_t i) { return table.missing(i, j); })) columns.push_back(j);
    }
    auto const slice = [step](std::vector<std::size_t> const& all, std::size_t from) {
      auto const first = all.begin() + static_cast<std::ptrdiff_t>(from);
      return std::vector<std::size_t>(first, first + static_cast<std::ptrdiff_t>(std::min(step, all.size() - from)));
    };
    for (std::size_t i = 0; i < rows->size(); i += step) {
      for (std::size_t j = 0; j < columns.size(); j += step)
        pieces.push_back({.sources = slice(*rows, i), .targets = slice(columns, j), .cells = {}, .error = {}});
    }
  }
  return pieces;
}

Result<Cells> TableBuilder::ask(Provider& provider, Rectangle const& rectangle, Deadline deadline, Rng jitter,
                                Piece& piece) {
  Error problem{ErrorKind::io, {}};
  for (int attempt = 0; attempt < settings_.attempts; ++attempt) {
    if (attempt > 0) {
      // Connections that failed together should not come back together.
      auto const pause = std::chrono::microseconds(static_cast<std::int64_t>(jitter.uniform(10e3, 30e3) * attempt));
      Deadline const again = clock_.now() + pause;
      if (again >= deadline) break;
      clock_.wait_until(again);
    }
    Deadline const now = clock_.now();
    if (now >= deadline || interrupted() || !breaker_.allows(now)) break;
    ++piece.requests;
    Result<Cells> cells = provider.cells(rectangle, std::min(deadline, now + settings_.longest_request));
    if (cells || cells.error().kind != ErrorKind::io) {
      breaker_.succeeded();  // also by a refusal: the server is there
      return cells;
    }
    breaker_.failed(clock_.now());
    problem = cells.error();
  }
  return problem;
}

TravelTimes TableBuilder::build(std::span<Point const> places, Deadline deadline, TableReport* report, int hour) {
  TableReport counts;
  Table table(places);
  std::size_t const side = table.side();
  bool const cached = side * side <= settings_.cache_cells;

  // Step 1. What is known already.
  if (cached && cache_.size() > 0) {
    for (std::size_t i = 0; i < side; ++i) {
      for (std::size_t j = 0; j < side; ++j) {
        if (i == j) continue;
        auto const cell = cache_.find({table.cells_of_places[i], table.cells_of_places[j], hour});
        if (!cell) continue;
        table.set(i, j, cell->seconds, cell->metres);
        ++counts.from_cache;
      }
    }
  }

  // Step 2. Ask for the rest: each connection takes the next piece that nobody has taken.
  std::vector<Piece> pieces = missing_pieces(table);
  Rng const jitter(settings_.seed);
  std::atomic<std::size_t> next = 0;
  auto const work = [&](std::size_t connection) {
    for (std::size_t k = next++; k < pieces.size(); k = next++) {
      Piece& piece = pieces[k];
      Rectangle rectangle{.sources = {}, .targets = {}, .hour = hour};
      for (std::size_t const i : piece.sources) rectangle.sources.push_back(table.places[i]);
      for (std::size_t const j : piece.targets) rectangle.targets.push_back(table.places[j]);
      Result<Cells> cells =
          ask(*connections_[connection], rectangle, deadline, jitter.stream(Purpose::traffic, k), piece);
      if (cells) {
        piece.cells = cells.take();
      } else {
        piece.error = cells.error().message;
      }
    }
  };
  std::size_t const connections = std::min(connections_.size(), pieces.size());
  if (connections > 0) parallel_for(connections, static_cast<int>(connections), work);

  // Step 3. Another version of the map makes the cache worthless. What this table took from it is a moment old.
  for (auto const& connection : connections_) {
    std::string const version = connection->data_version();
    if (version.empty() || version == data_version_) continue;
    if (!data_version_.empty()) cache_.clear();
    data_version_ = version;
  }
  counts.data_version = data_version_;

  // Step 4. Take over the answers, in the order of the pieces.
  std::vector<std::uint64_t> off_road;
  for (Piece const& piece : pieces) {
    counts.requests += piece.requests;
    std::int64_t cells_here = 0;
    for (std::size_t a = 0; a < piece.sources.size(); ++a) {
      for (std::size_t b = 0; b < piece.targets.size(); ++b) {
        std::size_t const i = piece.sources[a], j = piece.targets[b];
        if (i == j) continue;
        ++cells_here;
        if (piece.cells.seconds.empty()) continue;
        std::size_t const cell = a * piece.targets.size() + b;
        std::int32_t const seconds = piece.cells.seconds[cell], metres = piece.cells.metres[cell];
        if (seconds == not_known) continue;
        ++counts.answered;
        table.set(i, j, seconds, metres);
        if (cached) cache_.put({table.cells_of_places[i], table.cells_of_places[j], hour}, {seconds, metres});
      }
    }
    counts.asked += cells_here * piece.requests;
    if (counts.last_error.empty()) counts.last_error = piece.error;
    for (Point const& place : piece.cells.off_road) off_road.push_back(cell_of(place));
  }
  for (std::size_t row = 0; row < places.size(); ++row) {
    if (std::ranges::find(off_road, cell_of(places[row])) != off_road.end()) counts.off_road.push_back(row);
  }

  // Step 5. Estimate what nobody knew, and give back places × places.
  TravelTimes const straight = TravelTimes::straight_line(table.places, speeds_);
  std::vector<std::uint8_t> estimated(side * side);
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t j = 0; j < side; ++j) {
      if (table.missing(i, j)) {
        Leg const leg = straight.leg(static_cast<Place>(i), static_cast<Place>(j), hour);
        table.set(i, j, static_cast<std::int32_t>(leg.seconds), static_cast<std::int32_t>(leg.metres));
        estimated[i * side + j] = 1;
        ++counts.estimated;
      } else if (table.seconds[i * side + j] == no_road) {
        table.set(i, j, no_road_seconds, no_road_metres);
        ++counts.unreachable;
      }
    }
  }
  if (report != nullptr) *report = counts;
  if (places.empty()) return TravelTimes::straight_line({}, speeds_);
  auto const expanded = [&](auto const& cells) {
    auto all = std::decay_t<decltype(cells)>(places.size() * places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      for (std::size_t j = 0; j < places.size(); ++j)
        all[i * places.size() + j] = cells[table.row_of[i] * side + table.row_of[j]];
    }
    return all;
  };
  return TravelTimes::table(places.size(), expanded(table.seconds), expanded(table.metres),
                            counts.estimated > 0 ? expanded(estimated) : std::vector<std::uint8_t>{});
}

Result<TravelTimes> times_for(std::vector<Point> const& places, SpeedProfile const& believed,
                              TravelOptions const& options, TableReport* report) {
  SpeedProfile const speeds = options.speeds.value_or(believed);
  if (report != nullptr) *report = {};
  for (std::size_t row = 0; row < places.size(); ++row) {
    if (!is_on_earth(places[row]))
      return invalid(fmt::format("place {} at latitude {}, longitude {} is not on the earth", row, places[row].latitude,
                                 places[row].longitude));
  }
  if (options.provider == "straight-line") return TravelTimes::straight_line(places, speeds);
  ProviderSettings const settings{
      .url = options.url, .profile = options.profile, .recording = options.recording, .speeds = speeds};
  std::vector<std::unique_ptr<Provider>> connections;
  for (int i = 0; i < std::max(1, options.connections); ++i) {
    Result<std::unique_ptr<Provider>> made = make_provider(options.provider, settings);
    if (!made) return made.error();
    connections.push_back(made.take());
    if (options.provider == "recorded") break;  // has no server to share
  }
  if (places.size() > most_table_places) {
    return invalid(fmt::format("a table of {} places is too large (at most {}); take travel times from straight-line",
                               places.size(), most_table_places));
  }
  TableBuilder builder(std::move(connections), speeds);
  TravelTimes times = builder.build(places, std::chrono::steady_clock::now() + options.patience, report);
  if (interrupted()) return Error{ErrorKind::interrupted, "interrupted while asking for travel times"};
  return times;
}

Result<TravelTimes> times_for(Day const& day, TravelOptions const& options, TableReport* report) {
  return times_for(day.places, day.speeds, options, report);
}

}  // namespace regulus::travel
