#include <fmt/format.h>

#include <algorithm>

#include "app/command.h"
#include "app/days.h"
#include "app/travel_flags.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "lab/evaluate.h"
#include "sim/compare_days.h"

namespace regulus::app {

namespace {

struct State {
  std::vector<std::string> policies{"nearest", "insertion"};
  int days = 0;  // 0: not given
  std::uint64_t seed = 900'000;
  std::int64_t clairvoyant = 0;
  int threads = core_count();
  std::string weights;
  dispatch::PolicySettings settings;
  TravelFlags travel;
};

double mean_cost(std::vector<Cost> const& costs) {
  double sum = 0;
  for (Cost const& cost : costs) sum += static_cast<double>(cost.total());
  return sum / static_cast<double>(std::max<std::size_t>(1, costs.size()));
}

struct Row {
  std::string name;
  sim::Scorecard scorecard;
  sim::Contest contest;
};

std::string table(std::vector<Row> const& rows, std::vector<Cost> const& clairvoyant) {
  std::string text =
      fmt::format("  {:<16} {:>10} {:>21} {:>30} {:>8} {:>8} {:>9} {:>8} {:>17}", "", "francs/day", "95 % interval",
                  fmt::format("against {}", rows[0].name), "served", "on time", "late min", "km", "decide ms p50/99");
  if (!clairvoyant.empty()) text += fmt::format(" {:>10}", "gap closed");
  for (Row const& row : rows) {
    sim::Scorecard const& s = row.scorecard;
    auto const interval = [](Interval const& i, char const* form) {
      return fmt::format(fmt::runtime(form), i.low / 100, i.high / 100);
    };
    PairedDifference const& d = row.contest.difference;
    std::string const against =
        &row == &rows[0] ? "" : fmt::format("{:+.2f} {}", d.mean / 100, interval(d.ci95, "[{:+.2f}, {:+.2f}]"));
    text += fmt::format("\n  {:<16} {:>10} {:>21} {:>30} {:>6.1f} % {:>6.1f} % {:>9.2f} {:>8.1f} {:>17}", row.name,
                        francs(s.cost), interval(s.cost_ci95, "[{:.2f}, {:.2f}]"), against, 100 * s.served_share,
                        100 * s.on_time_share, s.mean_late_minutes, s.driven_km,
                        fmt::format("{:.3f} / {:.2f}", s.decide_ms_p50, s.decide_ms_p99));
    if (!clairvoyant.empty()) text += fmt::format(" {:>8.1f} %", 100 * row.contest.gap_closed);
  }
  if (!clairvoyant.empty()) {
    text += fmt::format("\n  {:<16} {:>10}  with everything known in advance", "clairvoyant",
                        francs(mean_cost(clairvoyant)));
  }
  return text;
}

Json json_of(std::vector<Row> const& rows, std::vector<Cost> const& clairvoyant) {
  Json policies = Json::array();
  for (Row const& row : rows) {
    Json json = Json::object({{"policy", row.name}});
    Json const figures = to_json(row.scorecard);
    for (auto const& [key, value] : figures.as_object()) json[key] = value;
    PairedDifference const& d = row.contest.difference;
    json["difference_cents"] = Json::object({{"against", rows[0].name},
                                             {"mean", d.mean},
                                             {"ci95", lab::interval_json(d.ci95)},
                                             {"share_of_days_dearer", d.probability_of_improvement},
                                             {"correlation", d.correlation}});
    if (!clairvoyant.empty()) json["gap_closed"] = row.contest.gap_closed;
    json["timing"] = Json::object({{"decide_ms_p50", row.scorecard.decide_ms_p50},
                                   {"decide_ms_p99", row.scorecard.decide_ms_p99},
                                   {"seconds_per_day", row.scorecard.seconds_per_day}});
    policies.push_back(std::move(json));
  }
  return policies;
}

Status run(State const& state, Common const& common) {
  if (common.scenario == "classic") {
    return invalid(
        "--scenario = classic: compare-policies plays days of a family (regulus scenario list) or a file; "
        "regulus compare plays the classic environment");
  }
  for (std::size_t i = 0; i < state.policies.size(); ++i) {
    if (std::find(state.policies.begin(), state.policies.begin() + static_cast<std::ptrdiff_t>(i), state.policies[i]) !=
        state.policies.begin() + static_cast<std::ptrdiff_t>(i)) {
      return invalid(fmt::format("--policies names {} twice", state.policies[i]));
    }
  }
  int const count = state.days > 0 ? state.days : is_day_file(common.scenario) ? 1 : 200;
  Result<Days> const days = days_of(common.scenario, state.seed, count, state.weights);
  if (!days) return days.error();
  Result<travel::TravelOptions> const travel = state.travel.options();
  if (!travel) return travel.error();
  Result<sim::PlayedDays> const played = [&] {
    Progress progress("compare", count * static_cast<std::int64_t>(state.policies.size()), "days");
    sim::PlayOptions options;
    options.day = days->day;
    options.days = static_cast<std::size_t>(count);
    options.policies = state.policies;
    options.settings = state.settings;
    options.travel = *travel;
    options.policy_seed = state.seed;
    options.clairvoyant = state.clairvoyant;
    options.threads = state.threads;
    options.on_day = [&] { progress.advance(); };
    return sim::play_days(options);
  }();
  if (!played) return played.error();
  std::vector<sim::Contest> const contests = sim::contests_of(*played, state.seed);
  std::vector<Row> rows;
  for (std::size_t p = 0; p < played->policies.size(); ++p)
    rows.push_back({played->policies[p], sim::scorecard_of(played->days[p]), contests[p]});
  Json json = Json::object({{"scenario", common.scenario},
                            {"days", count},
                            {"seed", state.seed},
                            {"iterations", state.settings.iterations},
                            {"futures", state.settings.futures},
                            {"policies", json_of(rows, played->clairvoyant)}});
  if (!played->clairvoyant.empty()) {
    json["clairvoyant"] =
        Json::object({{"iterations", state.clairvoyant}, {"cost_cents", mean_cost(played->clairvoyant)}});
  }
  return print_result(common, json, days->title + "\n" + table(rows, played->clairvoyant));
}

}  // namespace

Run add_compare_policies(Flags& flags);
Run add_compare_policies(Flags& flags) {
  auto state = std::make_shared<State>();
  std::vector<std::string_view> known;
  for (dispatch::PolicyEntry const& entry : dispatch::policies()) known.push_back(entry.name);
  flags
      .add("--policies", state->policies,
           fmt::format("Policies, with commas between; the others are measured against the first. Known: {}",
                       fmt::join(known, ", ")))
      ->separated_by(',')
      ->shows_default();
  flags.add("--days", state->days, "Days to play, the same for every policy [200, or the one of a file]")
      ->between(1, 100'000);
  add_seed(flags, state->seed, "Seed of the first day; each following day has the next");
  flags
      .add("--clairvoyant", state->clairvoyant,
           "Also search each day for what it would have cost somebody who knew everything, by so many steps")
      ->between(std::int64_t{0}, std::int64_t{1'000'000'000})
      ->shows_default();
  add_threads(flags, state->threads);
  declare_policy_settings(flags, state->settings);
  declare_weights(flags, state->weights);
  state->travel.declare(flags);
  flags.footer(
      "Examples:\n"
      "  regulus compare-policies --scenario geneva-medical --policies nearest,insertion,lns --days 200\n"
      "  regulus compare-policies --scenario paratransit --days 30 --clairvoyant 20000 --json");
  return [state](Common const& common) { return run(*state, common); };
}

}  // namespace regulus::app
