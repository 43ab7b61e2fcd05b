// The independent judge of benchmark solutions: the file's own numbers, doubles, and nothing of the kernel.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "dispatch/benchmark.h"

namespace regulus::dispatch {

namespace {

// Moments are written in steps of 1e-5; this only forgives the rounding of doubles.
constexpr double tolerance = 1e-6;

struct GivenRoute {
  std::vector<int> nodes;
  std::vector<double> starts;
  double leave = 0, back = 0;
};

Result<std::vector<GivenRoute>> read_routes(std::string_view text, int rows) {
  Result<Json> const json = parse_json(text);
  if (!json) return json.error().in("solution");
  Json const* const format = json->find("format");
  if (!format || !format->is_string() || format->as_string() != "regulus-solution-1") {
    return invalid(R"(the solution has no "format": "regulus-solution-1": give a file of that format)");
  }
  Json const* const routes = json->find("routes");
  if (!routes || !routes->is_array()) return invalid(R"(the solution has no list "routes": give one)");
  std::vector<GivenRoute> given;
  for (Json const& entry : routes->as_array()) {
    std::string const where = fmt::format("route {}", given.size() + 1);
    Json const* const nodes = entry.find("nodes");
    Json const* const starts = entry.find("starts");
    Json const* const leave = entry.find("leave");
    Json const* const back = entry.find("back");
    if (!nodes || !nodes->is_array() || !starts || !starts->is_array() || !leave || !leave->is_number() || !back ||
        !back->is_number()) {
      return invalid(where + R"(: give "nodes" and "starts" as lists, "leave" and "back" as numbers)");
    }
    GivenRoute route;
    for (Json const& node : nodes->as_array()) {
      if (!node.is_integer() || node.as_integer() < 1 || node.as_integer() >= rows) {
        return invalid(fmt::format("{}: stop {} is not a row of the instance: give a number from 1 to {}", where,
                                   node.dump(), rows - 1));
      }
      route.nodes.push_back(static_cast<int>(node.as_integer()));
    }
    for (Json const& start : starts->as_array()) {
      if (!start.is_number()) return invalid(fmt::format("{}: start {} is not a number", where, start.dump()));
      route.starts.push_back(start.as_number());
    }
    if (route.starts.size() != route.nodes.size() || route.nodes.empty()) {
      return invalid(fmt::format("{}: {} stops and {} starts: give one start for each stop, and one stop at least",
                                 where, route.nodes.size(), route.starts.size()));
    }
    route.leave = leave->as_number();
    route.back = back->as_number();
    given.push_back(std::move(route));
  }
  return given;
}

}  // namespace

Result<BenchmarkReport> check_benchmark_solution(std::string_view instance_text, std::string_view solution_text) {
  Result<Benchmark> const benchmark = read_benchmark(instance_text);
  if (!benchmark) return benchmark.error().in("instance");
  Benchmark const& b = *benchmark;
  auto const given = read_routes(solution_text, static_cast<int>(b.rows.size()));
  if (!given) return given.error();
  auto const row = [&](int id) -> BenchmarkRow const& { return b.rows[static_cast<std::size_t>(id)]; };
  auto const distance = [&](int i, int j) { return std::hypot(row(i).x - row(j).x, row(i).y - row(j).y); };
  std::vector<int> pickup_of(b.rows.size(), 0), delivery_of(b.rows.size(), 0);
  for (Benchmark::Pair const& pair : b.requests) {
    pickup_of[static_cast<std::size_t>(pair.delivery)] = pair.pickup;
    delivery_of[static_cast<std::size_t>(pair.pickup)] = pair.delivery;
  }

  BenchmarkReport report;
  report.requests = static_cast<int>(b.requests.size());
  report.vehicles = static_cast<int>(given->size());
  if (report.vehicles > b.vehicles) {
    return invalid(fmt::format("{} routes for {} vehicles", report.vehicles, b.vehicles));
  }
  std::vector<int> served_on(b.rows.size(), 0);  // route, from 1
  std::vector<double> served_at(b.rows.size(), 0);
  int number = 0;
  for (GivenRoute const& route : *given) {
    ++number;
    auto const wrong = [&](int id, std::string const& what) {
      return invalid(fmt::format("route {}, stop {}: {}", number, id, what));
    };
    int here = 0, load = 0;
    double free_at = route.leave;
    if (route.leave < row(0).earliest - tolerance) {
      return wrong(0, fmt::format("leaves at {}, before the depot opens at {}", route.leave, row(0).earliest));
    }
    for (std::size_t k = 0; k < route.nodes.size(); ++k) {
      int const id = route.nodes[k];
      auto const at = static_cast<std::size_t>(id);
      BenchmarkRow const& stop = row(id);
      double const start = route.starts[k];
      if (served_on[at] != 0) return wrong(id, fmt::format("is served already, on route {}", served_on[at]));
      served_on[at] = number;
      served_at[at] = start;
      report.distance += distance(here, id);
      double const arrival = free_at + distance(here, id);
      if (!(start >= arrival - tolerance)) return wrong(id, fmt::format("starts at {}, arrives at {}", start, arrival));
      if (start < stop.earliest - tolerance || start > stop.latest + tolerance) {
        return wrong(id, fmt::format("starts at {}, outside its window {} to {}", start, stop.earliest, stop.latest));
      }
      load += stop.load;
      if (load > b.capacity) return wrong(id, fmt::format("load {} over the capacity {}", load, b.capacity));
      if (int const pickup = pickup_of[at]; pickup != 0) {
        auto const p = static_cast<std::size_t>(pickup);
        if (served_on[p] != number)
          return wrong(id, fmt::format("its pickup {} is not before it on the route", pickup));
        double const ride = start - (served_at[p] + row(pickup).service);
        if (b.max_ride > 0 && ride > b.max_ride + tolerance) {
          return wrong(id, fmt::format("rides for {}, longer than {}", ride, b.max_ride));
        }
      }
      free_at = start + stop.service;
      here = id;
    }
    report.distance += distance(here, 0);
    double const arrival = free_at + distance(here, 0);
    if (!(route.back >= arrival - tolerance)) {
      return wrong(0, fmt::format("is back at {}, arrives at {}", route.back, arrival));
    }
    if (route.back > row(0).latest + tolerance) {
      return wrong(0, fmt::format("is back at {}, after the depot closes at {}", route.back, row(0).latest));
    }
    if (b.max_duration > 0 && route.back - route.leave > b.max_duration + tolerance) {
      return wrong(0, fmt::format("is away for {}, longer than {}", route.back - route.leave, b.max_duration));
    }
  }
  for (Benchmark::Pair const& pair : b.requests) {
    int const there = served_on[static_cast<std::size_t>(pair.pickup)];
    int const back = served_on[static_cast<std::size_t>(pair.delivery)];
    if (there == 0 || there != back) {
      return invalid(fmt::format("request {} to {} is {}", pair.pickup, pair.delivery,
                                 there == 0 && back == 0 ? "not served" : "picked up but not delivered"));
    }
  }
  return report;
}

Result<std::vector<BestKnown>> read_best_known_csv(std::string_view text) {
  std::vector<BestKnown> known;
  std::size_t number = 0;
  while (!text.empty()) {
    std::size_t const end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    ++number;
    if (number == 1) {
      if (!line.starts_with("instance,value,kind")) {
        return invalid("line 1: the columns must be instance,value,kind and, if you like, source");
      }
      continue;
    }
    if (line.empty()) continue;
    std::size_t const first = line.find(','), second = first == line.npos ? line.npos : line.find(',', first + 1);
    if (second == line.npos) {
      return invalid(fmt::format("line {}: \"{}\": give instance,value,kind", number, line));
    }
    BestKnown entry;
    entry.instance = line.substr(0, first);
    std::string_view const value = line.substr(first + 1, second - first - 1);
    auto const [stop, code] = std::from_chars(value.data(), value.data() + value.size(), entry.value);
    if (code != std::errc() || stop != value.data() + value.size() || !(entry.value > 0 && entry.value < 1e9)) {
      return invalid(fmt::format("line {}: the value is \"{}\": give a positive number", number, value));
    }
    entry.optimal = line.substr(second + 1).starts_with("optimal");
    known.push_back(std::move(entry));
  }
  return known;
}

Result<std::vector<BestKnown>> read_best_known_json(std::string_view text) {
  Result<Json> const json = parse_json(text);
  if (!json) return json.error();
  if (!json->is_object()) return invalid("the best-known values must be an object by instance");
  std::vector<BestKnown> known;
  for (auto const& [name, entry] : json->as_object()) {
    Json const* const vehicles = entry.find("solved_with_vehicles");
    Json const* const cost = entry.find("best_known_cost");
    if (!vehicles || !vehicles->is_integer() || vehicles->as_integer() < 1 || vehicles->as_integer() > 100'000 ||
        !cost || !cost->is_number() || cost->as_number() <= 0) {
      return invalid(
          fmt::format("{}: give \"solved_with_vehicles\" and \"best_known_cost\" as positive numbers", name));
    }
    known.push_back({name, cost->as_number(), static_cast<int>(vehicles->as_integer()), false});
  }
  return known;
}

}  // namespace regulus::dispatch
