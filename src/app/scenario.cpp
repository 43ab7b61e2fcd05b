#include <fmt/format.h>

#include "app/command.h"
#include "core/files.h"
#include "core/parallel.h"
#include "domain/day_file.h"
#include "sim/demand_figures.h"
#include "sim/scenario.h"

namespace regulus::app {

namespace {

struct State {
  std::string action, name, output;
  std::uint64_t seed = 900'000;
  int days = 200;
  int threads = core_count();
};

Status list(Common const& common) {
  Json rows = Json::array();
  std::string text;
  for (sim::Family const& family : sim::families()) {
    rows.push_back(Json::object({{"name", family.name}, {"summary", family.summary}}));
    text += fmt::format("{}{:<28}{}", text.empty() ? "" : "\n", family.name, family.summary);
  }
  return print_result(common, Json::object({{"scenarios", rows}}), text);
}

Status show(Common const& common, State const& state, sim::Family const& family) {
  // A company's own days come from no generating process.
  sim::DemandConfig config = family.config == nullptr ? sim::DemandConfig{} : family.config();
  sim::DemandFigures figures(config.service.pickup_lead * one_minute);
  // A few days at a time: a year of the largest family would not fit into memory.
  constexpr std::size_t at_once = 16;
  for (std::size_t from = 0; from < static_cast<std::size_t>(state.days); from += at_once) {
    std::size_t const count = std::min(at_once, static_cast<std::size_t>(state.days) - from);
    auto const days =
        parallel_map(count, state.threads, [&](std::size_t i) { return family.generate(state.seed + from + i); });
    for (Day const& day : days) figures.add(day);
  }
  return print_result(common,
                      Json::object({{"name", family.name},
                                    {"summary", family.summary},
                                    {"seed", state.seed},
                                    {"figures", figures.to_json()},
                                    {"settings", family.config == nullptr ? Json() : to_json(settings(config))}}),
                      fmt::format("{}: {}\n{} days from seed {}\n{}", family.name, family.summary, state.days,
                                  state.seed, figures.text()));
}

Status generate(Common const& common, State const& state, sim::Family const& family) {
  if (state.output.empty()) return invalid("scenario generate needs --output FILE for the day it makes");
  Day const day = family.generate(state.seed);
  if (Status written = write_file(state.output, to_json(day).dump(1) + "\n"); !written) return written;
  return print_result(common,
                      Json::object({{"name", family.name},
                                    {"seed", state.seed},
                                    {"output", state.output},
                                    {"date", day.date},
                                    {"bookings", day.bookings.size()},
                                    {"drivers", day.drivers.size()},
                                    {"places", day.places.size()}}),
                      fmt::format("{}: {} of {}, {} bookings, {} drivers, {} places", state.output, family.name,
                                  day.date, day.bookings.size(), day.drivers.size(), day.places.size()));
}

}  // namespace

Run add_scenario(Flags& flags);
Run add_scenario(Flags& flags) {
  auto state = std::make_shared<State>();
  flags
      .add("action", state->action,
           "list: all families · show NAME: what its days look like · generate NAME: write one day")
      ->one_of({"list", "show", "generate"})
      ->required();
  flags.add("name", state->name, "Family, as listed, or the folder of a company's own days, as in ./days");
  flags.add("--output", state->output, "generate: file of the day (regulus-day-1)");
  flags.add("--days", state->days, "show: days to measure")->between(1, 100'000)->shows_default();
  add_threads(flags, state->threads);
  add_seed(flags, state->seed, "Seed of the day; with show, of the first, and each following day has the next");
  flags.footer(
      "Examples:\n"
      "  regulus scenario list\n"
      "  regulus scenario show geneva-medical --days 200\n"
      "  regulus scenario generate paratransit --seed 7 --output day.json");

  return [state](Common const& common) -> Status {
    if (state->action == "list") {
      if (state->name.empty()) return list(common);
      return invalid(fmt::format("scenario list takes no name, but {} was given; did you mean show?", state->name));
    }
    if (state->name.empty()) {
      return invalid(fmt::format("scenario {} needs the name of a family; see regulus scenario list", state->action));
    }
    Result<sim::Family const*> const family = sim::find_family(state->name);
    if (!family) return family.error();
    return state->action == "show" ? show(common, *state, **family) : generate(common, *state, **family);
  };
}

}  // namespace regulus::app
