#include <fmt/format.h>

#include <algorithm>

#include "app/command.h"
#include "app/travel_flags.h"
#include "core/files.h"
#include "domain/bookings_csv.h"
#include "domain/day_file.h"
#include "travel/fit.h"
#include "travel/recording.h"

namespace regulus::app {

Run add_travel(Flags& flags);

namespace {

struct State {
  std::string action, input, output;
  double holdout = 0.2;
  std::int64_t rides = 0;
  std::uint64_t seed = 1;
  TravelFlags travel;
};

// A list [[longitude, latitude], …], or a day.
Result<Day> day_in(std::string const& file) {
  Result<std::string> const text = read_file(file);
  if (!text) return text.error();
  Result<Json> const json = parse_json(*text);
  if (!json) return json.error().in(file);
  if (!json->is_array()) {
    Result<Day> day = day_of(*json);
    return day ? std::move(day) : day.error().in(file);
  }
  Day day;
  for (Json const& pair : json->as_array()) {
    bool const two = pair.is_array() && pair.as_array().size() == 2 && pair.as_array()[0].is_number() &&
                     pair.as_array()[1].is_number();
    if (!two) {
      return invalid(
          fmt::format("{}: place {} = {} is not [longitude, latitude]", file, day.places.size(), pair.dump()));
    }
    day.places.push_back({pair.as_array()[1].as_number(), pair.as_array()[0].as_number()});
  }
  return day;
}

struct Asked {
  Day day;
  TravelTimes times;
  travel::TableReport report;
};
Result<Asked> ask(State const& state) {
  Result<travel::TravelOptions> const options = state.travel.options();
  if (!options) return options.error();
  Result<Day> day = day_in(state.input);
  if (!day) return day.error();
  if (day->places.empty()) return invalid(state.input + " has no places");
  if (day->places.size() > travel::most_table_places) {
    return invalid(fmt::format("{} has {} places; a table may have {}", state.input, day->places.size(),
                               travel::most_table_places));
  }
  Asked asked{.day = day.take(), .times = {}, .report = {}};
  Result<TravelTimes> times = travel::times_for(asked.day, *options, &asked.report);
  if (!times) return times.error();
  asked.times = times.take();
  return asked;
}

// What every hour of a table is, and noon of straight lines.
constexpr int table_hour = 12;

Json table_json(Asked const& asked) {
  auto const side = static_cast<Place>(asked.day.places.size());
  Json seconds = Json::array(), metres = Json::array(), estimated = Json::array();
  for (Place from = 0; from < side; ++from) {
    std::vector<std::int64_t> seconds_row, metres_row;
    for (Place to = 0; to < side; ++to) {
      Leg const leg = asked.times.leg(from, to, table_hour);
      seconds_row.push_back(leg.seconds);
      metres_row.push_back(leg.metres);
      if (asked.times.estimated(from, to)) estimated.push_back(Json::array_of(std::vector<Place>{from, to}));
    }
    seconds.push_back(Json::array_of(seconds_row));
    metres.push_back(Json::array_of(metres_row));
  }
  return Json::object({{"places", static_cast<std::int64_t>(side)},
                       {"seconds", std::move(seconds)},
                       {"metres", std::move(metres)},
                       {"estimated", std::move(estimated)},
                       {"report", to_json(asked.report)}});
}

Status table(State const& state, Common const& common) {
  Result<Asked> const asked = ask(state);
  if (!asked) return asked.error();
  Json const json = table_json(*asked);
  std::string text = fmt::format("{} places", asked->day.places.size());
  if (std::string const told = describe(asked->report); !told.empty()) text += "\n" + told;
  if (!state.output.empty()) {
    if (Status written = write_file(state.output, json.dump() + "\n"); !written) return written;
    text += "\ntable in " + state.output;
  }
  return print_result(common, json, text);
}

Status record(State const& state, Common const& common) {
  if (state.output.empty()) return invalid("travel record needs --output FILE");
  Result<Asked> const asked = ask(state);
  if (!asked) return asked.error();
  travel::TableReport const& report = asked->report;
  if (report.estimated > 0) {
    // A recording stands for the server: a guess must not pass for its word.
    return Error{ErrorKind::io, fmt::format("{} cells were not answered, nothing was recorded: {}", report.estimated,
                                            report.last_error)};
  }
  Result<travel::TravelOptions> const options = state.travel.options();
  if (!options) return options.error();
  travel::Recording recording = travel::record(asked->day.places, asked->times);
  recording.provider = options->provider;
  recording.data_version = report.data_version;
  if (Status written = write_file(state.output, recording_text(recording)); !written) return written;
  Json const json =
      Json::object({{"output", state.output}, {"places", recording.places.size()}, {"report", to_json(asked->report)}});
  return print_result(common, json, fmt::format("{} places recorded in {}", recording.places.size(), state.output));
}

Json error_json(travel::FitError const& error) {
  return Json::object({{"rides", error.rides},
                       {"mape", error.mape},
                       {"median_ape", error.median_ape},
                       {"mean_error_seconds", error.mean_error}});
}

std::string row(std::string_view name, travel::FitError const& known, travel::FitError const& fitted) {
  return fmt::format("\n  {:<8} {:>5}   {:>6.1f} {:>6.1f} {:>+7.0f}   {:>6.1f} {:>6.1f} {:>+7.0f}", name, known.rides,
                     known.mape, known.median_ape, known.mean_error, fitted.mape, fitted.median_ape, fitted.mean_error);
}

Status fit(State const& state, Common const& common) {
  Result<travel::TravelOptions> const options = state.travel.options();
  if (!options) return options.error();
  SpeedProfile const known = options->speeds.value_or(SpeedProfile{});
  Result<std::string> const text = read_file(state.input);
  if (!text) return text.error();
  Result<Import> const import = import_bookings(*text, {});
  if (!import) return import.error().in(state.input);
  if (!import->problems.empty()) {
    RowProblem const& first = import->problems.front();
    return invalid(fmt::format("{}: line {}: {} = {}: {} ({} such rows)", state.input, first.line, first.column,
                               first.value, first.reason, import->problems.size()));
  }
  std::vector<Observation> usable;
  std::ranges::copy_if(import->observed, std::back_inserter(usable), travel::is_usable);
  travel::Holdout parts = travel::hold_out(usable, state.holdout, state.seed);
  if (state.rides > 0 && state.rides < std::ssize(parts.fitted)) {
    parts.fitted =
        travel::hold_out(parts.fitted, static_cast<double>(state.rides) / static_cast<double>(parts.fitted.size()),
                         state.seed)
            .held_out;
  }
  Result<SpeedProfile> const fitted = travel::fit_speeds(parts.fitted, known);
  if (!fitted) return fitted.error().in(state.input);

  // Without rides held out there is nothing that the fit has not seen; no error is better than a flattering one.
  travel::FitError const before = travel::error_of(known, parts.held_out),
                         after = travel::error_of(*fitted, parts.held_out);
  Json hours = Json::array();
  std::string by_hour;
  for (int hour = 0; hour < 24 && !parts.held_out.empty(); ++hour) {
    std::vector<Observation> here;
    std::ranges::copy_if(parts.held_out, std::back_inserter(here),
                         [hour](Observation const& ride) { return hour_of_day(ride.departed) == hour; });
    if (here.empty()) continue;
    travel::FitError const a = travel::error_of(known, here), b = travel::error_of(*fitted, here);
    hours.push_back(Json::object({{"hour", hour}, {"known", error_json(a)}, {"fitted", error_json(b)}}));
    by_hour += row(fmt::format("{:02}:00", hour), a, b);
  }
  Json json = Json::object({{"rides", import->observed.size()},
                            {"usable", usable.size()},
                            {"fitted_to", parts.fitted.size()},
                            {"held_out", parts.held_out.size()},
                            {"seed", state.seed},
                            {"speeds", travel::to_json(*fitted)}});
  std::string told = fmt::format(
      "{} rides, {} usable; fitted to {}, held out {}\ndetour {:.2f}, start {:.0f} s, speed {:.1f} to {:.1f} km/h",
      import->observed.size(), usable.size(), parts.fitted.size(), parts.held_out.size(), fitted->detour,
      fitted->start_seconds, std::ranges::min(fitted->kmh), std::ranges::max(fitted->kmh));
  if (!parts.held_out.empty()) {
    json["error"] = Json::object({{"known", error_json(before)}, {"fitted", error_json(after)}, {"by_hour", hours}});
    told += "\nerror of durations on the rides held out: before, after (mean %, median %, mean seconds)";
    told += row("all", before, after) + by_hour;
  }
  if (!state.output.empty()) {
    if (Status written = write_file(state.output, travel::to_json(*fitted).dump(2) + "\n"); !written) return written;
    told += "\nspeeds in " + state.output;
  }
  return print_result(common, json, told);
}

}  // namespace

Run add_travel(Flags& flags) {
  auto state = std::make_shared<State>();
  flags
      .add("action", state->action,
           "table: travel times among the places of a day or a list [[longitude, latitude], …] · record: the "
           "same as a recording · fit: speeds from observed rides")
      ->one_of({"table", "record", "fit"})
      ->required();
  flags.add("input", state->input, "Day or places (JSON); for fit, rides (CSV)")->required();
  flags.add("--output", state->output, "File to write");
  flags.add("--holdout", state->holdout, "fit: share of the rides that only measures the error")
      ->between(0.0, 0.9)
      ->shows_default();
  flags.add("--rides", state->rides, "fit: use only so many of the other rides; 0: all")
      ->between(0, 100'000'000)
      ->shows_default();
  add_seed(flags, state->seed, "fit: which rides are held out");
  state->travel.declare(flags);
  flags.footer(
      "Examples:\n"
      "  regulus travel fit rides.csv --output speeds.json\n"
      "  regulus travel table day.json --travel osrm --travel-url http://127.0.0.1:5000 --json\n"
      "  regulus travel record day.json --travel osrm --travel-url http://127.0.0.1:5000 --output times.json");

  return [state](Common const& common) -> Status {
    if (state->action == "table") return table(*state, common);
    return state->action == "record" ? record(*state, common) : fit(*state, common);
  };
}

}  // namespace regulus::app
