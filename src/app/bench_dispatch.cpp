// `regulus bench darp` and `regulus bench pdptw`: the optimiser on published instances, each answer judged by a checker
// that shares nothing with it.
#include "app/bench_dispatch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "core/files.h"
#include "core/interrupt.h"
#include "dispatch/benchmark.h"

namespace regulus::app {

namespace {

namespace fs = std::filesystem;
using dispatch::BenchmarkKind;
using dispatch::BestKnown;

struct Settings {
  std::string folder;
  double seconds = 10;
  std::string instances;  // beginning of the name
  std::uint64_t seed = 1;
  std::string output;
};

struct Row {
  std::string name;
  double distance = 0, seconds_to_best = 0;
  int vehicles = 0;
  std::size_t left_out = 0;
  std::string violation;  // empty: feasible
  std::optional<BestKnown> known;

  std::optional<double> gap() const {
    if (!known || !violation.empty()) return std::nullopt;
    if (known->vehicles != 0 && known->vehicles != vehicles) return std::nullopt;
    return 100 * (distance / known->value - 1);
  }
  // Best-known values are published with two decimals.
  bool reached() const { return gap() && distance < known->value + 0.01; }
};

struct File {
  std::string name;
  std::string text;
};

// Instance files of the kind, in the folder and below, by name. Other files are passed over.
Result<std::vector<File>> find_instances(Settings const& settings, BenchmarkKind kind) {
  std::error_code error;
  if (!fs::is_directory(settings.folder, error)) {
    return Error{ErrorKind::not_found,
                 fmt::format("{} is not a folder: name one with instance files", settings.folder)};
  }
  std::vector<fs::path> paths;
  for (fs::recursive_directory_iterator it(settings.folder, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file(error) && (it->path().extension().empty() || it->path().extension() == ".txt")) {
      paths.push_back(it->path());
    }
  }
  if (error) return Error{ErrorKind::io, fmt::format("{}: {}", settings.folder, error.message())};
  std::ranges::sort(paths, {}, [](fs::path const& p) { return std::pair(p.stem().string(), p.string()); });
  std::vector<File> files;
  for (fs::path const& path : paths) {
    std::string const name = path.stem().string();
    if (!name.starts_with(settings.instances)) continue;
    Result<std::string> text = regulus::read_file(path);
    if (!text) return text.error();
    // Licences and notes stand beside the instances: what does not begin with a number is none.
    auto const first = text->find_first_not_of(" \t\r\n");
    if (first == std::string::npos || text->at(first) < '0' || text->at(first) > '9') continue;
    auto const benchmark = dispatch::read_benchmark(*text);
    if (!benchmark) return benchmark.error().in(path.string());
    if (benchmark->kind == kind) files.push_back({name, text.take()});
  }
  if (files.empty()) {
    return Error{ErrorKind::not_found,
                 fmt::format("{} holds no such instance{}", settings.folder,
                             settings.instances.empty() ? "" : " whose name begins with " + settings.instances)};
  }
  return files;
}

Result<std::vector<BestKnown>> find_best_known(Settings const& settings, BenchmarkKind kind) {
  for (fs::path const& folder : {fs::path(settings.folder), fs::path(settings.folder) / ".."}) {
    fs::path const path = folder / (kind == BenchmarkKind::darp ? "best_known.csv" : "BKS.json");
    std::error_code error;
    if (!fs::exists(path, error)) continue;
    Result<std::string> const text = regulus::read_file(path);
    if (!text) return text.error();
    auto known =
        kind == BenchmarkKind::darp ? dispatch::read_best_known_csv(*text) : dispatch::read_best_known_json(*text);
    if (!known) return known.error().in(path.string());
    return known;
  }
  return std::vector<BestKnown>{};
}

Result<Row> solve(File const& file, Settings const& settings, BenchmarkKind kind) {
  auto const benchmark = dispatch::read_benchmark(file.text);
  if (!benchmark) return benchmark.error().in(file.name);
  auto const problem = dispatch::problem_of(*benchmark);
  Row row;
  row.name = file.name;
  dispatch::SearchOptions options;
  options.seconds = settings.seconds;
  options.fewer_vehicles = kind == BenchmarkKind::pdptw;
  options.on_better = [&](dispatch::Solution const&, double seconds) { row.seconds_to_best = seconds; };
  dispatch::Solution const start =
      dispatch::construct(problem->instance, dispatch::forced_routes(problem->instance), 2);
  dispatch::Solution const best = dispatch::improve(problem->instance, start, options, Rng(settings.seed));

  std::string const text = dispatch::solution_to_json(*problem, best, file.name).dump() + "\n";
  if (!settings.output.empty()) {
    if (Status written = write_file(fs::path(settings.output) / (file.name + ".json"), text); !written) {
      return written.error();
    }
  }
  row.left_out = best.left_out.size();
  auto const report = dispatch::check_benchmark_solution(file.text, text);
  if (!report) {
    row.violation = report.error().message;
    return row;
  }
  row.distance = report->distance;
  row.vehicles = report->vehicles;
  return row;
}

std::string line_of(Row const& row) {
  if (!row.violation.empty()) return fmt::format("  {:<12} infeasible: {}", row.name, row.violation);
  std::string const known = row.known ? fmt::format("{:.2f}", row.known->value) : "";
  std::string const known_vehicles =
      row.known && row.known->vehicles > 0 ? fmt::format("/{}", row.known->vehicles) : "";
  std::string const gap = row.gap() ? fmt::format("{:+.2f} %", *row.gap()) : "";
  std::string const verdict = !row.reached() ? "" : row.known->optimal ? "optimal" : "best known";
  return fmt::format("  {:<12} {:>10} {:>10.2f} {:>9}  {:>3}{:<4} {:>8.2f} s  {}", row.name, known, row.distance, gap,
                     row.vehicles, known_vehicles, row.seconds_to_best, verdict);
}

Json json_of(Row const& row) {
  Json json = Json::object({{"instance", row.name}, {"feasible", row.violation.empty()}});
  if (!row.violation.empty()) {
    json["violation"] = row.violation;
    return json;
  }
  json["distance"] = row.distance;
  json["vehicles"] = row.vehicles;
  json["seconds_to_best"] = row.seconds_to_best;
  if (row.known) {
    json["best_known"] = row.known->value;
    if (row.known->vehicles > 0) json["best_known_vehicles"] = row.known->vehicles;
    json["gap_percent"] = row.gap() ? Json(*row.gap()) : Json();
    json["reached"] = row.reached();
  }
  return json;
}

Status run(Settings const& settings, BenchmarkKind kind, Common const& common) {
  auto const files = find_instances(settings, kind);
  if (!files) return files.error();
  auto const known = find_best_known(settings, kind);
  if (!known) return known.error();
  if (!common.json) {
    fmt::print("  {:<12} {:>10} {:>10} {:>9}  {:<7} {:>10}\n", "instance", "best known", "ours", "gap", "vehicles",
               "found at");
  }
  Json rows = Json::array();
  double gaps = 0;
  int compared = 0, reached = 0, infeasible = 0, fleets = 0, fleets_reached = 0;
  for (File const& file : *files) {
    if (interrupted()) return Error{ErrorKind::interrupted, "stopped before all instances were solved"};
    Result<Row> solved = solve(file, settings, kind);
    if (!solved) return solved.error();
    Row& row = *solved;
    auto const entry = std::ranges::find(*known, row.name, &BestKnown::instance);
    if (entry != known->end()) row.known = *entry;
    infeasible += row.violation.empty() ? 0 : 1;
    reached += row.reached() ? 1 : 0;
    if (row.known && row.known->vehicles > 0) {
      ++fleets;
      fleets_reached += row.violation.empty() && row.vehicles <= row.known->vehicles ? 1 : 0;
    }
    if (row.gap()) {
      gaps += *row.gap();
      ++compared;
    }
    rows.push_back(json_of(row));
    if (!common.json) {
      fmt::print("{}\n", line_of(row));
      std::fflush(stdout);
    }
  }
  Json summary = Json::object({{"instances", files->size()},
                               {"infeasible", infeasible},
                               {"compared", compared},
                               {"mean_gap_percent", compared > 0 ? Json(gaps / compared) : Json()},
                               {"reached", reached},
                               {"seconds_each", settings.seconds},
                               {"seed", settings.seed}});
  std::string text =
      fmt::format("  {} instances, {} infeasible; best-known value reached in {}", files->size(), infeasible, reached);
  if (fleets > 0) {
    summary["fleets_compared"] = fleets;
    summary["fleets_reached"] = fleets_reached;
    text += fmt::format("; best-known number of vehicles in {} of {}", fleets_reached, fleets);
  }
  if (compared > 0) text += fmt::format("; mean gap {:.3f} % over {}", gaps / compared, compared);
  return print_result(common, Json::object({{"rows", rows}, {"summary", summary}}), text);
}

Run add(Flags& flags, BenchmarkKind kind) {
  auto settings = std::make_shared<Settings>();
  flags.add("folder", settings->folder, "Folder with instance files")->required();
  flags.add("--time-limit", settings->seconds, "Seconds for each instance")->between(0.01, 86'400.0)->shows_default();
  flags.add("--instances", settings->instances, "Only those whose name begins with this");
  flags.add("--output-dir", settings->output, "Folder for the solutions, one JSON file each");
  add_seed(flags, settings->seed, "Seed of the search");
  return [settings, kind](Common const& common) { return run(*settings, kind, common); };
}

}  // namespace

Run add_bench_darp(Flags& flags) {
  flags.footer("Examples:\n  regulus bench darp benchmarks/darp --time-limit 2 --instances a");
  return add(flags, BenchmarkKind::darp);
}
Run add_bench_pdptw(Flags& flags) {
  flags.footer("Examples:\n  regulus bench pdptw benchmarks/pdptw --time-limit 10");
  return add(flags, BenchmarkKind::pdptw);
}

}  // namespace regulus::app
