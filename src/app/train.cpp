#include "lab/train.h"

#include <fmt/format.h>

#include "app/command.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "lab/scenarios.h"

namespace regulus::app {
namespace {

struct State {
  lab::TrainOptions options;
  std::string config, progress_file;
  std::uint64_t seed = 1;
  int max_steps = 100;
  SettingFlags flags;
  Flag* seed_option = nullptr;
};

std::string summary(lab::TrainOutcome const& o) {
  std::string text =
      fmt::format("trained {} episodes in {} ({} environment steps, {} updates)\n", o.episodes.size(),
                  duration_text(o.ledger.wall_seconds), o.ledger.environment_steps, o.ledger.gradient_steps);
  for (std::string const& event : o.events) text += "  sentinel: " + event + "\n";
  text += fmt::format("  on {} days that chose nothing:\n", o.best.episodes);
  text += fmt::format("    best (after {} episodes)   {:9.1f}  95 % interval {:.1f} to {:.1f}   {}\n", o.best_episode,
                      o.best.reward.mean, o.best.reward.ci95.low, o.best.reward.ci95.high, o.best_file.string());
  text += fmt::format("    final                      {:9.1f}  95 % interval {:.1f} to {:.1f}   {}\n",
                      o.final_network.reward.mean, o.final_network.reward.ci95.low, o.final_network.reward.ci95.high,
                      o.final_file.string());
  for (auto const& [rule, lead] : o.leads) {
    text += fmt::format("    lead of best over {:<16} {:+9.1f}  95 % interval {:+.1f} to {:+.1f}\n", rule, lead.mean,
                        lead.ci95.low, lead.ci95.high);
  }
  if (lab::is_dispatch(o.config)) {
    for (auto const& [kind, trust] : o.trust.by_kind) {
      text += trust > 0 ? fmt::format("  {}: the search believes {:.0f} % of what was learned\n", kind, 100 * trust)
                        : fmt::format("  {}: the search does best without what was learned; the model plays the rule\n",
                                      kind);
    }
  }
  return text + "  metrics in " + o.metrics_file.string();
}

Status run(State& state, Common const& common) {
  lab::TrainOptions& options = state.options;
  bool const plain_resume =
      options.resume && state.config.empty() && !state.flags.any_given() && common.scenario == lab::classic_scenario;
  if (!plain_resume) {
    Result<lab::Config> config = resolve_file(state.config, state.flags, common.scenario);
    if (!config) return config.error();
    int const day = config->environment.simulation_hours * 60 / sim::ClassicWorld::step_minutes;
    if (!lab::is_dispatch(*config) && state.max_steps < day) {
      return invalid(
          fmt::format("--max-steps = {} would cut a day of {} steps short; raise it or lower --simulation-hours",
                      state.max_steps, day));
    }
    options.config = *config;
  }
  if (!options.resume || state.seed_option->given()) options.seed = state.seed;
  options.stamp = stamp_now();
  options.timestamp = timestamp_now();
  Result<lab::TrainOutcome> outcome = [&] {
    std::unique_ptr<Progress> bar;
    ProgressFile file(state.progress_file);
    return lab::train(options, [&](int done, int total, std::optional<double> evaluation) {
      if (!bar) bar = std::make_unique<Progress>("train", total, "episodes");
      file.update(done, total);
      bar->update(done, evaluation ? fmt::format("evaluation {:.0f}", *evaluation) : "");
    });
  }();
  if (!outcome) return outcome.error();
  return print_result(common, outcome->metrics, summary(*outcome));
}

}  // namespace

Run add_train(Flags& flags);
Run add_train(Flags& flags) {
  auto state = std::make_shared<State>();
  state->options.threads = core_count();
  flags.add("--config", state->config, "Configuration file, or what tune wrote: every tuned parameter is applied");
  state->seed_option = add_seed(flags, state->seed, "Seed of weights, exploration, replay and days");
  flags.add_switch("--resume", state->options.resume, "Continue from the checkpoint in --output-dir");
  flags.add("--output-dir", state->options.folders.models, "Folder of models and checkpoint")->shows_default();
  flags.add("--log-dir", state->options.folders.logs, "Folder of metrics_<time>.json")->shows_default();
  flags.add("--tensorboard-dir", state->options.folders.tensorboard, "Folder of TensorBoard runs")->shows_default();
  flags.add("--max-steps", state->max_steps, "Steps of a day at most; a day must fit")->shows_default();
  add_threads(flags, state->options.threads, "Threads of evaluations");
  add_progress_file(flags, state->progress_file);
  lab::Config defaults;
  state->flags.declare(flags, settings(defaults));
  flags.footer(
      "Examples:\n"
      "  regulus train --episodes 1000\n"
      "  regulus train --config data/rl/optimal_config_v1.json --episodes 1000\n"
      "  regulus train --scenario geneva-medical --output-dir data/rl/geneva\n"
      "  regulus train --scenario geneva-medical,valley --episodes 10000\n"
      "  regulus train --scenario ./days            the company's own, as regulus import writes them\n"
      "  regulus train --resume\n"
      "On days of families other defaults hold: docs/decisions/0013-a-learned-value-inside-the-search.md.");
  return [state](Common const& common) { return run(*state, common); };
}

}  // namespace regulus::app
