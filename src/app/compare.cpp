#include <fmt/format.h>

#include "app/command.h"
#include "core/files.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "lab/compare.h"
#include "lab/scenarios.h"

namespace regulus::app {
namespace {

struct State {
  lab::CompareOptions options;
  std::string optimal_config;
  bool optimal_given = false;
  std::string output = "data/rl/comparison_results.json";
  SettingFlags flags;
};

std::string table(lab::Comparison const& c) {
  std::string text =
      fmt::format("{}, {} training seeds × {} days of training, {} test days\n", lab::describe(c.options.baseline),
                  c.options.seeds, c.options.episodes, c.options.test_days);
  text += fmt::format("  {:<16} {:>9}  {:>8} {:>6} {:>9} {:>8} {:>8}\n", "", "reward", "assigned", "late", "cancelled",
                      "refused", "km");
  for (lab::Contestant const& contestant : c.contestants) {
    lab::Summary const s = contestant.summary();
    text += fmt::format("  {:<16} {:9.1f}  {:8.2f} {:6.2f} {:9.2f} {:8.2f} {:8.1f}\n", contestant.name, s.reward.mean,
                        s.assignments.mean, s.late_pickups.mean, s.cancellations.mean, s.refused.mean, s.distance.mean);
  }
  text += "  paired differences\n";
  for (lab::Duel const& d : c.duels) {
    text += fmt::format("    {:<9} − {:<16} {:+9.1f}  95 % interval {:+.1f} to {:+.1f}\n", d.candidate, d.reference,
                        d.difference.mean, d.difference.ci95.low, d.difference.ci95.high);
  }
  return text + c.verdict;
}

Status run(State& state, Common const& common) {
  Result<lab::Config> baseline = resolve_file("", state.flags, common.scenario);
  if (!baseline) return baseline.error();
  state.options.baseline = *baseline;
  std::string file = state.optimal_config;
  constexpr std::string_view usual = "data/rl/optimal_config.json";
  bool const classic = common.scenario == lab::classic_scenario;
  if (!state.optimal_given && classic && std::filesystem::exists(usual)) file = usual;
  if (!file.empty()) {
    Result<lab::Config> optimized = resolve_file(file, state.flags, common.scenario);
    if (!optimized) return optimized.error();
    state.options.optimized = *optimized;
  }
  state.options.timestamp = timestamp_now();
  Result<lab::Comparison> comparison = [&] {
    std::unique_ptr<Progress> bar;
    return lab::compare(state.options, [&](int done, int total) {
      if (!bar) bar = std::make_unique<Progress>("train", total, "trainings");
      bar->update(done);
    });
  }();
  if (!comparison) return comparison.error();
  Json json = lab::comparison_json(*comparison);
  json["command"] = command_line();
  if (Status written = write_file(state.output, json.dump(2) + "\n"); !written) return written;
  return print_result(common, json, table(*comparison) + "\nwritten to " + state.output);
}

}  // namespace

Run add_compare(Flags& flags);
Run add_compare(Flags& flags) {
  auto state = std::make_shared<State>();
  state->options.threads = core_count();
  auto* optimal =
      flags.add("--optimal-config", state->optimal_config,
                "What tune wrote; without it data/rl/optimal_config.json when that exists, else the default alone");
  flags.add("--episodes", state->options.episodes, "Days of training, each")->between(1, 10'000'000)->shows_default();
  flags.add("--output", state->output, "Where the result goes")->shows_default();
  flags.add("--training-seeds", state->options.seeds, "Trainings of each configuration")
      ->between(1, 1000)
      ->shows_default();
  flags.add("--test-days", state->options.test_days, "Days, from seed 900000, on which all are compared")
      ->between(2, 100'000)
      ->shows_default();
  add_seed(flags, state->options.seed, "Seed of the trainings and of the intervals");
  add_threads(flags, state->options.threads);
  lab::Config defaults;
  state->flags.declare(flags, settings(defaults), {}, {"training.episodes"});
  flags.footer(
      "Examples:\n"
      "  regulus compare --episodes 200\n"
      "  regulus compare --episodes 1000 --optimal-config data/rl/optimal_config_v1.json --training-seeds 10");
  return [state, optimal](Common const& common) {
    state->optimal_given = optimal->given();
    return run(*state, common);
  };
}

}  // namespace regulus::app
