#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "app/command.h"
#include "app/days.h"
#include "core/files.h"
#include "domain/bookings_csv.h"
#include "domain/day_file.h"
#include "sim/fleet_for_rides.h"

namespace regulus::app {

Run add_import(Flags& flags);

namespace {

struct State {
  std::string csv, into, fleet, date;
  std::vector<std::string> maps;
  int drivers = 0;
  std::uint64_t seed = 1;
  bool dry_run = false, append = false, overwrite = false;
  ImportOptions windows;  // whose four durations are flags
  Flag* drivers_given = nullptr;
};

// Drivers, partner, weights and speeds of a day, without its rides and what happened on it.
Day fleet_of(Day const& day) {
  Day fleet;
  fleet.drivers = day.drivers;
  fleet.skill_names = day.skill_names;
  fleet.speeds = day.speeds;
  fleet.partner = day.partner;
  fleet.weights = day.weights;
  fleet.lock_horizon = day.lock_horizon;
  fleet.no_show_wait = day.no_show_wait;
  std::map<Place, Place> row;
  auto const move = [&](Place& place) {
    if (place == no_place) return;
    auto const [at, fresh] = row.try_emplace(place, static_cast<Place>(fleet.places.size()));
    if (fresh) fleet.places.push_back(day.places[static_cast<std::size_t>(place)]);
    place = at->second;
  };
  for (Driver& d : fleet.drivers) {
    move(d.start);
    move(d.end);
  }
  return fleet;
}

// The flags that contradict each other or the files that are there.
Status check_flags(State const& state) {
  if (state.into.empty() && !state.dry_run) return invalid("--into is missing; name the day file, or say --dry-run");
  if (state.append && state.overwrite) return invalid("--append and --overwrite exclude each other");
  if (state.append && (!state.fleet.empty() || state.drivers_given->given())) {
    return invalid("--append keeps the drivers of the day; leave --fleet and --drivers out");
  }
  if (!state.fleet.empty() && state.drivers_given->given()) {
    return invalid("--fleet and --drivers exclude each other");
  }
  bool const exists = !state.into.empty() && std::filesystem::exists(state.into);
  if (state.append && !exists) {
    return Error{ErrorKind::not_found, fmt::format("--append: {} does not exist; leave --append out", state.into)};
  }
  if (exists && !state.append && !state.overwrite && !state.dry_run) {
    return invalid(fmt::format("{} exists; say --append to add to it or --overwrite to replace it", state.into));
  }
  return ok();
}

Result<ImportOptions> options_of(State const& state) {
  ImportOptions options = state.windows;
  options.date = state.date;
  for (std::string const& map : state.maps) {
    std::size_t const equals = map.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == map.size()) {
      return invalid(fmt::format("--map = {} is no FIELD=COLUMN", map));
    }
    if (!options.columns.emplace(map.substr(0, equals), map.substr(equals + 1)).second) {
      return invalid(fmt::format("--map names {} twice", map.substr(0, equals)));
    }
  }
  if (state.append || !state.fleet.empty()) {
    Result<Day> day = read_day(state.append ? state.into : state.fleet);
    if (!day) return day.error();
    options.into = state.append ? day.take() : fleet_of(*day);
  }
  return options;
}

std::string mapping_text(Json const& mapping) {
  std::string const separator = mapping.find("separator")->as_string();
  std::string text = fmt::format("columns, separated by {}:\n", separator == "\t"  ? "tabs"
                                                                : separator == ";" ? "semicolons"
                                                                                   : "commas");
  for (auto const& [field, column] : mapping.find("columns")->as_object()) {
    text += fmt::format("  {:<20} from {}\n", field, column.as_string());
  }
  for (Json const& column : mapping.find("ignored")->as_array()) {
    text += fmt::format("  {:<20} is not read\n", column.as_string());
  }
  return text;
}

std::string line_text(RowProblem const& p) {
  std::string const value = p.value.empty() ? "" : fmt::format("= {} ", p.value);
  return fmt::format("  line {}: {}{}{}{}\n", p.line, p.column, p.column.empty() ? "" : " ", value, p.reason);
}

Json problems_json(std::vector<RowProblem> const& problems) {
  Json list = Json::array();
  for (RowProblem const& p : problems) {
    list.push_back(Json::object({{"line", p.line}, {"column", p.column}, {"value", p.value}, {"reason", p.reason}}));
  }
  return list;
}

std::array<std::int64_t, booking_classes> count_classes(std::vector<Booking> const& bookings, std::size_t from) {
  std::array<std::int64_t, booking_classes> counts{};
  for (std::size_t i = from; i < bookings.size(); ++i) ++counts[static_cast<std::size_t>(bookings[i].booking_class)];
  return counts;
}

Status report(Common const& common, State const& state, Import const& import, std::size_t before) {
  auto const counts = count_classes(import.day.bookings, before);
  Json classes = Json::object();
  std::string by_class;
  for (std::size_t c = 0; c < booking_classes; ++c) {
    std::string_view const name = enum_names(BookingClass{})[c];
    classes[name] = counts[c];
    if (counts[c] > 0) by_class += fmt::format("{}{} {}", by_class.empty() ? "" : ", ", counts[c], name);
  }
  bool const good = import.problems.empty();
  bool const written = good && !state.dry_run;
  Json const json = Json::object({{"file", state.csv},
                                  {"into", state.into},
                                  {"written", written},
                                  {"date", import.day.date},
                                  {"rows", import.rows},
                                  {"rows_of_other_days", import.other_days},
                                  {"imported", import.day.bookings.size() - before},
                                  {"bookings", import.day.bookings.size()},
                                  {"classes", classes},
                                  {"drivers", import.day.drivers.size()},
                                  {"places", import.day.places.size()},
                                  {"observed", import.observed.size()},
                                  {"mapping", import.mapping},
                                  {"problems", problems_json(import.problems)},
                                  {"impossible", problems_json(import.impossible)}});
  std::string text = mapping_text(import.mapping);
  text += fmt::format("rows: {} of {}, {} of other days\n", import.rows,
                      import.day.date.empty() ? "no date" : import.day.date, import.other_days);
  if (good) {
    text += fmt::format("bookings: {} ({}); the day has {}, with {} places and {} drivers\n",
                        import.day.bookings.size() - before, by_class, import.day.bookings.size(),
                        import.day.places.size(), import.day.drivers.size());
    if (!import.impossible.empty()) {
      text += fmt::format("nobody can serve these {}, which are imported all the same:\n", import.impossible.size());
      for (RowProblem const& p : import.impossible) text += line_text(p);
    }
    text += written ? fmt::format("written: {}", state.into) : "nothing is written (--dry-run)";
  } else if (!common.json) {
    text += "nothing is imported";
  }
  if (Status const printed = print_result(common, json, text); !printed) return printed;
  if (good) return ok();
  std::string message = fmt::format("{}: {} cells cannot be imported:\n", state.csv, import.problems.size());
  for (RowProblem const& p : import.problems) message += line_text(p);
  message.pop_back();
  return invalid(message);
}

Status run(Common const& common, State const& state) {
  if (Status const sound = check_flags(state); !sound) return sound;
  Result<std::string> const csv = read_file(state.csv);
  if (!csv) return csv.error();
  Result<ImportOptions> const options = options_of(state);
  if (!options) return options.error();
  Result<Import> import = import_bookings(*csv, *options);
  if (!import) return import.error().in(state.csv);
  std::size_t const before = options->into ? options->into->bookings.size() : 0;
  if (import->problems.empty()) {
    Day& day = import->day;
    if (day.name.empty()) day.name = std::filesystem::path(state.csv).stem().string();
    if (!options->into && !day.bookings.empty()) sim::fleet_for_rides(day, state.drivers, state.seed);
    if (!state.dry_run) {
      if (Status const written = write_file(state.into, to_json(day).dump(1) + "\n"); !written) return written;
    }
  }
  return report(common, state, *import, before);
}

}  // namespace

Run add_import(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("file", state->csv, "CSV file of bookings")->required()->shown_as("FILE.csv");
  flags.add("--into", state->into, "Day file to write")->shown_as("DAY.json");
  flags.add_switch("--dry-run", state->dry_run, "Say what would be imported, and write nothing");
  flags.add("--map", state->maps, "Which column holds a field; may be repeated")->shown_as("FIELD=COLUMN");
  flags.add("--date", state->date, "Import this day only")->shown_as("YYYY-MM-DD");
  flags.add("--fleet", state->fleet, "Take drivers, partner, weights and speeds from this day file");
  state->drivers_given =
      flags.add("--drivers", state->drivers, "Make up so many drivers; without it, as many as the rides need")
          ->between(1, 100'000);
  add_seed(flags, state->seed, "Seed of the drivers that are made up");
  flags.add_switch("--append", state->append, "Add to the day file that is there");
  flags.add_switch("--overwrite", state->overwrite, "Replace the day file that is there");
  auto const seconds = [&](std::string const& name, Seconds& value, std::string const& help) {
    flags.add(name, value, "Seconds " + help)->between(Seconds{0}, Seconds{day_length})->shows_default();
  };
  seconds("--pickup-slack", state->windows.pickup_slack, "that a pickup may come after its wanted time");
  seconds("--service", state->windows.service, "to get in or out, where the file does not say");
  seconds("--early", state->windows.early, "before an appointment from which one may arrive");
  seconds("--stay", state->windows.stay, "from an appointment to the expected call for the way back");
  flags.footer(
      "Every cell that cannot be read is named with its line, and then nothing is imported.\n\nFields:\n" +
      import_reference() +
      "\nExamples:\n"
      "  regulus import bookings.csv --dry-run\n"
      "  regulus import bookings.csv --into day.json --fleet fleet.json --date 2025-03-04\n"
      "  regulus import more.csv --into day.json --append --map pickup_time=Heure --map reference='N° dossier'");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
