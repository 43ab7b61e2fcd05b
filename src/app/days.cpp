#include "app/days.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "core/config.h"
#include "core/files.h"
#include "core/json.h"
#include "domain/day_file.h"
#include "sim/scenario.h"

namespace regulus::app {

namespace {

Result<Days> day_in_file(std::string const& file, int count) {
  if (count != 1) return invalid(fmt::format("--days = {}, but {} holds one day; leave --days out", count, file));
  Result<Day> day = read_day(file);
  if (!day) return day.error();
  auto const shared = std::make_shared<Day const>(day.take());
  return Days{.title = fmt::format("the day {} of {}", shared->date, file),
              .day = [shared](std::size_t) { return *shared; }};
}

Result<Days> named_days(std::string const& scenario, std::uint64_t first_seed, int count) {
  if (is_day_file(scenario)) return day_in_file(scenario, count);
  Result<sim::Family const*> const family = sim::find_family(scenario);
  if (!family) {
    return Error{family.error().kind,
                 fmt::format("--scenario: {}; classic and the file of a day (DAY.json) are scenarios too",
                             family.error().message)};
  }
  return Days{.title = fmt::format("{} day{} of {} from seed {}", count, count == 1 ? "" : "s", scenario, first_seed),
              .day = [generate = (*family)->generate, first_seed](std::size_t i) { return generate(first_seed + i); }};
}

Result<Days> with_weights(Days days, std::string const& file) {
  if (file.empty()) return days;
  Result<std::string> const text = read_file(file);
  if (!text) return text.error();
  Result<Json> const json = parse_json(*text);
  if (!json) return json.error().in(file);
  ObjectiveWeights weights;
  if (Status read = apply_json(settings(weights), *json); !read) return read.error().in(file);
  days.title += fmt::format(", priced by {}", file);
  days.day = [generate = std::move(days.day), weights](std::size_t i) {
    Day day = generate(i);
    day.weights = weights;
    return day;
  };
  return days;
}

}  // namespace

bool is_day_file(std::string const& scenario) {
  std::error_code ignored;
  return scenario.ends_with(".json") || (sim::is_path(scenario) && !std::filesystem::is_directory(scenario, ignored));
}

Result<Days> days_of(std::string const& scenario, std::uint64_t first_seed, int count, std::string const& weights) {
  Result<Days> named = named_days(scenario, first_seed, count);
  return named ? with_weights(named.take(), weights) : named.error();
}

Result<Day> read_day(std::string const& file) {
  Result<std::string> const text = read_file(file);
  if (!text) return text.error();
  Result<Day> day = parse_day(*text);
  return day ? std::move(day) : day.error().in(file);
}

void declare_weights(Flags& flags, std::string& file) {
  flags.add("--weights", file, "Prices of the objective, as `regulus config objective` prints them [the days' own]");
}

void declare_policy_settings(Flags& flags, dispatch::PolicySettings& settings) {
  constexpr char const* group = "policy";
  flags.add("--iterations", settings.iterations, "Steps of a search at each decision")
      ->between(std::int64_t{1}, std::int64_t{1'000'000'000})
      ->shows_default()
      ->in_group(group);
  flags.add("--futures", settings.futures, "Sampled continuations of the day at each decision")
      ->between(1, 10'000)
      ->shows_default()
      ->in_group(group);
}

std::string francs(double cents) { return fmt::format("{:.2f}", cents / 100); }

}  // namespace regulus::app
