#include <fmt/format.h>

#include <chrono>

#include "app/command.h"
#include "app/days.h"
#include "app/travel_flags.h"
#include "core/files.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "domain/day_file.h"
#include "lab/evaluate.h"
#include "sim/compare_days.h"

namespace regulus::app {

namespace {

struct State {
  std::string policy = "nearest";
  int episodes = 600;
  int days = 1;
  std::uint64_t seed = 900'000;
  int threads = core_count();
  lab::Config defaults;
  SettingFlags flags;
  std::string weights;
  dispatch::PolicySettings settings;
  TravelFlags travel;
  std::string trace;
  bool check = false;
  std::vector<Flag const*> of_classic, of_days;  // flags that go with one of the two worlds only
};

Status check_flags(std::vector<Flag const*> const& flags, std::string const& scenario) {
  for (Flag const* flag : flags) {
    if (flag->given()) return invalid(fmt::format("{} does not go with --scenario {}", flag->name(), scenario));
  }
  return ok();
}

Status simulate_classic(State const& state, Common const& common) {
  if (Status alright = check_flags(state.of_days, common.scenario); !alright) return alright;
  Result<lab::Config> config = resolve({}, state.flags);
  if (!config) return config.error();
  sim::ClassicConfig& environment = config->environment;
  Result<lab::PolicyFactory> const policy = lab::make_policy_factory(state.policy, environment);
  if (!policy) return policy.error();
  std::vector<std::uint64_t> seeds;
  for (int i = 0; i < state.episodes; ++i) seeds.push_back(state.seed + static_cast<std::uint64_t>(i));
  Progress progress("simulate", state.episodes, "days");
  auto const days = lab::play_days(*policy, environment, seeds, state.threads, [&] { progress.advance(); });
  lab::Summary const s = lab::summarize(days);
  Json json = Json::object({{"policy", state.policy}});
  Json const figures = lab::simulate_json(s);
  for (auto const& [key, value] : figures.as_object()) json[key] = value;
  json["seed"] = state.seed;
  json["environment"] = to_json(settings(environment));
  return print_result(
      common, json,
      fmt::format("{} on {} days from seed {} ({})\n"
                  "  reward        {:9.1f}  95 % interval {:.1f} to {:.1f}, standard deviation {:.1f}\n"
                  "  assignments   {:9.2f}  late {:.2f}, cancelled {:.2f}, refused {:.2f}\n"
                  "  served        {:8.1f} % of what was asked for\n"
                  "  empty drives  {:9.1f} km",
                  state.policy, s.episodes, state.seed, lab::describe(environment), s.reward.mean, s.reward.ci95.low,
                  s.reward.ci95.high, s.reward.std, s.assignments.mean, s.late_pickups.mean, s.cancellations.mean,
                  s.refused.mean, 100 * s.served.mean, s.distance.mean));
}

std::string scorecard_text(sim::Scorecard const& s) {
  std::string text = fmt::format("  cost        {:>10} francs a day", francs(s.cost));
  if (s.cost_ci95.low < s.cost_ci95.high)
    text += fmt::format(", 95 % interval {} to {}", francs(s.cost_ci95.low), francs(s.cost_ci95.high));
  text += fmt::format("\n    driving {}, paid time {}, late {}, detours {}, unserved {}", francs(s.driving),
                      francs(s.paid_time), francs(s.lateness), francs(s.excess_ride), francs(s.unserved_cost));
  text += fmt::format("\n    partner {}, broken promises {}, matching {}, unfairness {}", francs(s.partner_cost),
                      francs(s.promises), francs(s.matching), francs(s.unfairness));
  text += fmt::format(
      "\n  rides       {:10.1f} asked for: {:.1f} served, {:.1f} by a partner, {:.1f} unserved, "
      "{:.1f} cancelled, {:.1f} no-shows",
      s.requested, s.served, s.partner, s.unserved, s.cancelled, s.no_show);
  text +=
      fmt::format("\n  on time     {:8.1f} %  of those not cancelled; {:.1f} min late on average, 95 % within {:.1f}",
                  100 * s.on_time_share, s.mean_late_minutes, s.p95_late_minutes);
  text += fmt::format("\n  passengers  {:10.2f} times the direct ride; picked up {:.1f} min after the window opens",
                      s.mean_ride_ratio, s.mean_wait_minutes);
  text += fmt::format("\n  promises    {:8.1f} %  came with another driver", 100 * s.changed_promises);
  text += fmt::format("\n  drivers     {:10.1f} used; {:.1f} to {:.1f} trips each, {:.2f} rides a paid hour",
                      s.drivers_used, s.fewest_trips, s.most_trips, s.rides_per_paid_hour);
  text += fmt::format("\n  road        {:10.1f} km, {:.1f} % of it empty", s.driven_km, 100 * s.empty_share);
  text += fmt::format("\n  decisions   {:10.0f} a day, {:.3f} ms in the median, {:.3f} ms at the 99th percentile",
                      s.decisions, s.decide_ms_p50, s.decide_ms_p99);
  if (s.refused_decisions > 0) text += fmt::format("; {} refused as illegal", s.refused_decisions);
  if (s.replaced_decisions > 0) text += fmt::format("; {} replaced by the guard", s.replaced_decisions);
  return text;
}

// One line of JSON for each thing that happened.
std::string trace_lines(std::vector<sim::PlayedDay> const& days) {
  std::string lines;
  for (std::size_t i = 0; i < days.size(); ++i) {
    for (sim::TraceEvent const& e : days[i].trace) {
      Json line = Json::object({{"day", i}, {"at", clock_text(e.at)}, {"what", e.what}});
      if (e.driver != 0) line["driver"] = e.driver;
      if (e.booking != 0) line["booking"] = e.booking;
      if (!e.detail.empty()) line["detail"] = e.detail;
      lines += line.dump() + "\n";
    }
  }
  return lines;
}

Status simulate_days(State const& state, Common const& common) {
  if (Status alright = check_flags(state.of_classic, common.scenario); !alright) return alright;
  Result<Days> const days = days_of(common.scenario, state.seed, state.days, state.weights);
  if (!days) return days.error();
  Result<travel::TravelOptions> const travel = state.travel.options();
  if (!travel) return travel.error();
  auto const start = std::chrono::steady_clock::now();
  Result<sim::PlayedDays> const played = [&] {
    Progress progress("simulate", state.days, "days");
    sim::PlayOptions options;
    options.day = days->day;
    options.days = static_cast<std::size_t>(state.days);
    options.policies = {state.policy};
    options.settings = state.settings;
    options.travel = *travel;
    options.policy_seed = state.seed;
    options.trace = !state.trace.empty();
    options.check = state.check;
    options.threads = state.threads;
    options.on_day = [&] { progress.advance(); };
    return sim::play_days(options);
  }();
  if (!played) return played.error();
  std::chrono::duration<double> const took = std::chrono::steady_clock::now() - start;
  sim::Scorecard const s = sim::scorecard_of(played->days[0]);
  if (!state.trace.empty()) {
    if (Status written = write_file(state.trace, trace_lines(played->days[0])); !written) return written;
  }
  double const per_second = state.days / std::max(1e-9, took.count());
  Json json = Json::object(
      {{"policy", state.policy}, {"scenario", common.scenario}, {"days", state.days}, {"seed", state.seed}});
  Json const figures = to_json(s);
  for (auto const& [key, value] : figures.as_object()) json[key] = value;
  json["timing"] = Json::object(
      {{"decide_ms_p50", s.decide_ms_p50}, {"decide_ms_p99", s.decide_ms_p99}, {"days_per_second", per_second}});
  return print_result(common, json,
                      fmt::format("{} on {}\n{}\n  speed       {:10.2f} days a second; trace {:016x}", state.policy,
                                  days->title, scorecard_text(s), per_second, s.trace_hash));
}

}  // namespace

Run add_simulate(Flags& flags);
Run add_simulate(Flags& flags) {
  auto state = std::make_shared<State>();
  std::vector<std::string_view> policies;
  for (dispatch::PolicyEntry const& entry : dispatch::policies()) policies.push_back(entry.name);
  flags
      .add("--policy", state->policy,
           fmt::format("Classic: a rule ({}), score_rule:FILE with tuned weights, or model:FILE. "
                       "Other scenarios: {}; dqn:FILE and dqn_insertion:FILE with a trained model",
                       fmt::join(sim::classic_policy_names(), ", "), fmt::join(policies, ", ")))
      ->shows_default();
  add_seed(flags, state->seed, "Seed of the first day; each following day has the next");
  add_threads(flags, state->threads);

  // A flag belongs to the world that was declared when it was.
  auto const declared_by = [&](auto const& declare) {
    auto const before = static_cast<std::ptrdiff_t>(flags.all().size());
    declare();
    std::vector<Flag const*> const after = flags.all();
    return std::vector<Flag const*>(after.begin() + before, after.end());
  };
  state->of_classic = declared_by([&] {
    flags.add("--episodes", state->episodes, "Classic: days to play")->between(1, 10'000'000)->shows_default();
    state->flags.declare(flags, settings(state->defaults), {"environment."});
  });
  state->of_days = declared_by([&] {
    flags.add("--days", state->days, "Other scenarios: days to play")->between(1, 100'000)->shows_default();
    flags.add("--trace", state->trace, "Write what happened into this file, a line of JSON each");
    flags.add_switch("--check", state->check, "Check every invariant of the simulated world after every event");
    declare_policy_settings(flags, state->settings);
    declare_weights(flags, state->weights);
    state->travel.declare(flags);
  });
  flags.footer(
      "Examples:\n"
      "  regulus simulate --policy nearest --episodes 600 --seed 900000\n"
      "  regulus simulate --policy model:data/rl/models/dqn_best.safetensors --json\n"
      "  regulus simulate --scenario geneva-medical --policy insertion --days 20\n"
      "  regulus simulate --scenario geneva-medical --policy dqn:data/rl/models/dqn_best.safetensors --days 20\n"
      "  regulus simulate --scenario day.json --policy lns --iterations 500 --trace day.jsonl");
  return [state](Common const& common) {
    return common.scenario == "classic" ? simulate_classic(*state, common) : simulate_days(*state, common);
  };
}

}  // namespace regulus::app
