#include "dispatch/benchmark.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace regulus::dispatch {

namespace {

constexpr double ticks_per_unit = 1e5;
constexpr double largest_number = 1e6;
constexpr std::size_t most_rows = 5'000;

struct Line {
  std::size_t number;
  std::vector<std::string_view> words;
};

// Lines that are not empty, split at blanks.
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  std::size_t number = 0;
  while (!text.empty()) {
    std::size_t const end = std::min(text.find('\n'), text.size());
    std::string_view rest = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    Line line{number, {}};
    constexpr std::string_view blanks = " \t\r";
    for (std::size_t at = rest.find_first_not_of(blanks); at != rest.npos; at = rest.find_first_not_of(blanks)) {
      rest.remove_prefix(at);
      std::size_t const word = std::min(rest.find_first_of(blanks), rest.size());
      line.words.push_back(rest.substr(0, word));
      rest.remove_prefix(word);
    }
    if (!line.words.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

// Reads the words of one line one after the other; after the first wrong one, everything reads as zero.
class Words {
 public:
  explicit Words(Line const& line) : line_(line) {}

  double real(std::string_view what, double low, double high) {
    if (error_) return 0;
    std::string_view const word = next_ < line_.words.size() ? line_.words[next_] : std::string_view();
    ++next_;
    double value = 0;
    auto const [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (code != std::errc() || end != word.data() + word.size() || !(value >= low && value <= high)) {
      error_ = invalid(
          fmt::format("line {}: {} is \"{}\": give a number between {} and {}", line_.number, what, word, low, high));
      return 0;
    }
    return value;
  }
  int whole(std::string_view what, int low, int high) {
    double const value = real(what, low, high);
    if (!error_ && value != std::floor(value)) {
      error_ = invalid(fmt::format("line {}: {} is {}: give a whole number", line_.number, what, value));
    }
    return static_cast<int>(value);
  }
  std::optional<Error> const& error() const { return error_; }

 private:
  Line const& line_;
  std::size_t next_ = 0;
  std::optional<Error> error_;
};

std::optional<Error> wrong_count(Line const& line, std::size_t expected, std::string_view form) {
  if (line.words.size() == expected) return std::nullopt;
  return invalid(
      fmt::format("line {} has {} words instead of {}: give \"{}\"", line.number, line.words.size(), expected, form));
}

std::optional<Error> check_window(Line const& line, BenchmarkRow const& row) {
  if (row.earliest <= row.latest) return std::nullopt;
  return invalid(fmt::format("line {}: the window begins at {} and ends at {}: let it end later", line.number,
                             row.earliest, row.latest));
}

Result<Benchmark> read_darp(std::vector<Line> const& lines) {
  Benchmark b;
  b.kind = BenchmarkKind::darp;
  Words head(lines[0]);
  b.vehicles = head.whole("the number of vehicles", 1, 1'000);
  int const stated = head.whole("the number of requests", 1, static_cast<int>(most_rows));
  b.max_duration = head.real("the longest duration", 0.001, largest_number);
  b.capacity = head.whole("the capacity", 1, 30'000);
  b.max_ride = head.real("the longest ride", 0.001, largest_number);
  if (head.error()) return *head.error();

  auto const rows = lines.size() - 1;
  auto const n2 = static_cast<std::size_t>(stated);
  std::size_t n = 0;
  if (rows == 2 * n2 + 1 || rows == 2 * n2 + 2) {
    n = n2;
  } else if (n2 % 2 == 0 && (rows == n2 + 1 || rows == n2 + 2)) {
    n = n2 / 2;
  } else {
    return invalid(
        fmt::format("line {} announces {} requests (or stops) and {} rows follow: give the depot, the "
                    "pickups, the drop-offs and, if you like, the depot again",
                    lines[0].number, stated, rows));
  }
  for (std::size_t k = 0; k < rows; ++k) {
    Line const& line = lines[k + 1];
    if (auto error = wrong_count(line, 7, "id x y service load earliest latest")) return *error;
    Words words(line);
    BenchmarkRow row;
    int const id = words.whole("the id", 0, static_cast<int>(most_rows));
    row.x = words.real("x", -largest_number, largest_number);
    row.y = words.real("y", -largest_number, largest_number);
    row.service = words.real("the service time", 0, largest_number);
    row.load = words.whole("the load", -30'000, 30'000);
    row.earliest = words.real("the begin of the window", 0, largest_number);
    row.latest = words.real("the end of the window", 0, largest_number);
    if (words.error()) return *words.error();
    if (auto error = check_window(line, row)) return *error;
    if (id != static_cast<int>(k)) {
      return invalid(fmt::format("line {}: the id is {}: number the rows from 0, this one is {}", line.number, id, k));
    }
    bool const pickup = k >= 1 && k <= n, delivery = k > n && k <= 2 * n;
    if (pickup && row.load <= 0) {
      return invalid(fmt::format("line {}: the load of a pickup is {}: let it be positive", line.number, row.load));
    }
    if (delivery && row.load != -b.rows[k - n].load) {
      return invalid(fmt::format("line {}: the load of the drop-off is {} and that of its pickup {}: let them cancel",
                                 line.number, row.load, b.rows[k - n].load));
    }
    if (k <= 2 * n) {
      b.rows.push_back(row);
    } else if (row.x != b.rows[0].x || row.y != b.rows[0].y) {
      return invalid(
          fmt::format("line {}: the last row is at ({}, {}): let it be the depot", line.number, row.x, row.y));
    }
  }
  for (std::size_t k = 1; k <= n; ++k) b.requests.push_back({static_cast<int>(k), static_cast<int>(k + n)});
  return b;
}

Result<Benchmark> read_li_lim(std::vector<Line> const& lines) {
  Benchmark b;
  b.kind = BenchmarkKind::pdptw;
  Words head(lines[0]);
  b.vehicles = head.whole("the number of vehicles", 1, 1'000);
  b.capacity = head.whole("the capacity", 1, 30'000);
  head.real("the speed", 0, largest_number);
  if (head.error()) return *head.error();

  struct Partners {
    int pickup, delivery;
  };
  std::vector<Partners> partners;
  auto const rows = lines.size() - 1;
  for (std::size_t k = 0; k < rows; ++k) {
    Line const& line = lines[k + 1];
    if (auto error = wrong_count(line, 9, "id x y demand earliest latest service pickup delivery")) return *error;
    Words words(line);
    BenchmarkRow row;
    int const id = words.whole("the id", 0, static_cast<int>(most_rows));
    row.x = words.real("x", -largest_number, largest_number);
    row.y = words.real("y", -largest_number, largest_number);
    row.load = words.whole("the demand", -30'000, 30'000);
    row.earliest = words.real("the begin of the window", 0, largest_number);
    row.latest = words.real("the end of the window", 0, largest_number);
    row.service = words.real("the service time", 0, largest_number);
    Partners p{};
    p.pickup = words.whole("the pickup", 0, static_cast<int>(rows) - 1);
    p.delivery = words.whole("the delivery", 0, static_cast<int>(rows) - 1);
    if (words.error()) return *words.error();
    if (auto error = check_window(line, row)) return *error;
    if (id != static_cast<int>(k)) {
      return invalid(fmt::format("line {}: the id is {}: number the rows from 0, this one is {}", line.number, id, k));
    }
    b.rows.push_back(row);
    partners.push_back(p);
  }
  for (std::size_t k = 1; k < rows; ++k) {
    Partners const p = partners[k];
    auto const wrong = [&](std::string const& what) {
      return invalid(fmt::format("line {}: stop {} {}", lines[k + 1].number, k, what));
    };
    if ((p.pickup == 0) == (p.delivery == 0)) {
      return wrong(fmt::format("names pickup {} and delivery {}: name exactly one", p.pickup, p.delivery));
    }
    int const other = p.pickup + p.delivery;
    Partners const back = partners[static_cast<std::size_t>(other)];
    if (other == static_cast<int>(k) || back.pickup + back.delivery != static_cast<int>(k) ||
        (p.pickup == 0) == (back.pickup == 0)) {
      return wrong(fmt::format("names stop {}, which does not name it back: let the two name each other", other));
    }
    if (p.delivery == 0) continue;
    if (b.rows[k].load <= 0 || b.rows[static_cast<std::size_t>(other)].load != -b.rows[k].load) {
      return wrong(fmt::format("has demand {} and its delivery {}: let the first be positive and the two cancel",
                               b.rows[k].load, b.rows[static_cast<std::size_t>(other)].load));
    }
    b.requests.push_back({static_cast<int>(k), other});
  }
  return b;
}

std::int32_t nearest_ticks(double units) { return static_cast<std::int32_t>(std::llround(units * ticks_per_unit)); }
std::int64_t ticks_up(double units) { return static_cast<std::int64_t>(std::ceil(units * ticks_per_unit - 1e-6)); }
std::int64_t ticks_down(double units) { return static_cast<std::int64_t>(std::floor(units * ticks_per_unit + 1e-6)); }

}  // namespace

Result<Benchmark> read_benchmark(std::string_view text) {
  std::vector<Line> const lines = lines_of(text);
  if (lines.size() < 2) return invalid("the file has no rows: give a first line and the depot at least");
  if (lines.size() > most_rows) {
    return invalid(fmt::format("the file has {} lines: at most {} are read", lines.size(), most_rows));
  }
  Result<Benchmark> b =
      lines[0].words.size() == 3 ? read_li_lim(lines)
      : lines[0].words.size() == 5
          ? read_darp(lines)
          : Result<Benchmark>(invalid(fmt::format("line {} has {} words: a dial-a-ride file begins with "
                                                  "\"vehicles requests duration capacity ride_time\", a file "
                                                  "of Li and Lim with \"vehicles capacity speed\"",
                                                  lines[0].number, lines[0].words.size())));
  if (!b) return b;
  // Distances are kept as 32-bit ticks.
  double low_x = 1e9, high_x = -1e9, low_y = 1e9, high_y = -1e9;
  for (BenchmarkRow const& row : b->rows) {
    low_x = std::min(low_x, row.x), high_x = std::max(high_x, row.x);
    low_y = std::min(low_y, row.y), high_y = std::max(high_y, row.y);
  }
  if (double const span = std::hypot(high_x - low_x, high_y - low_y); span > 20'000) {
    return invalid(fmt::format("the stops lie up to {} apart: scale them to at most 20000", span));
  }
  return b;
}

std::unique_ptr<BenchmarkProblem> problem_of(Benchmark const& b) {
  auto problem = std::make_unique<BenchmarkProblem>();
  std::size_t const rows = b.rows.size();
  std::vector<std::int32_t> durations(rows * rows), costs(rows * rows);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < rows; ++j) {
      double const dx = b.rows[i].x - b.rows[j].x, dy = b.rows[i].y - b.rows[j].y;
      double const distance = std::sqrt(dx * dx + dy * dy);
      durations[i * rows + j] = static_cast<std::int32_t>(ticks_up(distance));
      costs[i * rows + j] = nearest_ticks(distance);
    }
  }
  problem->times = TravelTimes::table(rows, std::move(durations), std::move(costs));

  schedule::Instance& instance = problem->instance;
  instance.times = &problem->times;
  instance.per_metre = 1;
  instance.nodes.resize(rows - 1);
  for (std::size_t k = 1; k < rows; ++k) {
    schedule::Node& node = instance.nodes[k - 1];
    node.place = static_cast<Place>(k);
    node.earliest = ticks_up(b.rows[k].earliest);
    node.latest = ticks_down(b.rows[k].latest);
    node.service = ticks_up(b.rows[k].service);
  }
  for (std::size_t r = 0; r < b.requests.size(); ++r) {
    schedule::Request request;
    request.pickup = b.requests[r].pickup - 1;
    request.dropoff = b.requests[r].delivery - 1;
    request.seats.of[0] = static_cast<std::int16_t>(b.rows[static_cast<std::size_t>(b.requests[r].pickup)].load);
    if (b.kind == BenchmarkKind::darp) request.max_ride = ticks_down(b.max_ride);
    request.left_out = 1'000'000'000'000;  // more than any set of routes
    instance.nodes[static_cast<std::size_t>(request.pickup)].kind = schedule::NodeKind::pickup;
    instance.nodes[static_cast<std::size_t>(request.dropoff)].kind = schedule::NodeKind::dropoff;
    for (std::int32_t const node : {request.pickup, request.dropoff}) {
      instance.nodes[static_cast<std::size_t>(node)].request = static_cast<std::int32_t>(r);
    }
    instance.requests.push_back(request);
  }
  schedule::VehicleUse vehicle;
  vehicle.start = vehicle.end = 0;
  vehicle.earliest = ticks_up(b.rows[0].earliest);
  vehicle.latest = ticks_down(b.rows[0].latest);
  if (b.kind == BenchmarkKind::darp) vehicle.max_duration = ticks_down(b.max_duration);
  Seats seats;
  seats.of[0] = static_cast<std::int16_t>(b.capacity);
  vehicle.layouts = {seats};
  instance.vehicles.assign(static_cast<std::size_t>(b.vehicles), vehicle);
  return problem;
}

Json solution_to_json(BenchmarkProblem const& problem, Solution const& solution, std::string_view name) {
  Json::Array routes;
  for (std::size_t v = 0; v < solution.routes.size(); ++v) {
    auto const& nodes = solution.routes[v];
    if (nodes.empty()) continue;
    auto const timing = schedule::evaluate(problem.instance, static_cast<std::int32_t>(v), nodes).timing;
    std::vector<std::int32_t> rows;
    for (std::int32_t const node : nodes) rows.push_back(node + 1);
    std::vector<double> starts;
    for (schedule::Ticks const start : timing.start) starts.push_back(static_cast<double>(start) / ticks_per_unit);
    Json route;
    route["nodes"] = Json::array_of(rows);
    route["starts"] = Json::array_of(starts);
    route["leave"] = static_cast<double>(timing.leave) / ticks_per_unit;
    route["back"] = static_cast<double>(timing.back) / ticks_per_unit;
    routes.push_back(std::move(route));
  }
  Json json;
  json["format"] = "regulus-solution-1";
  json["instance"] = name;
  json["routes"] = std::move(routes);
  return json;
}

}  // namespace regulus::dispatch
