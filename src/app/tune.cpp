#include <fmt/format.h>

#include "app/command.h"
#include "core/files.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "lab/scenarios.h"
#include "lab/study.h"

namespace regulus::app {
namespace {

struct State {
  lab::StudyOptions study{.name = "dqn_optimization", .storage = "sqlite:///data/rl/studies.db"};
  std::string policy = "dqn";
  std::string output = "data/rl/optimal_config.json";
  std::string config, progress_file;
  int episodes = 200;
  SettingFlags flags;
};

// A bar for the search, then one for each phase after it; and the share of all trainings for a file, where a trial
// counts as one. The best are trained again by select_top × select_seeds at most, then the winner and the default.
class Bars {
 public:
  explicit Bars(std::string const& progress_file) : file_(progress_file) {}
  lab::StudyProgress callbacks(lab::StudyOptions const& study) {
    int const trials = study.trials, selections = study.select_top * study.select_seeds;
    int const all = trials + selections + 2 * study.validate_seeds;
    return {.trials =
                [this, trials, all](int done, int, std::optional<double> best) {
                  if (!bar_) start("search", trials, "trials");
                  bar_->update(done, best ? fmt::format("best {:.0f}", *best) : "");
                  file_.update(std::min(done, trials), all);
                },
            .phases =
                [this, trials, selections, all](std::string const& phase, int done, int total) {
                  if (phase != phase_) {
                    before_ = trials + (phase_ == "search" ? 0 : selections);
                    start(phase, total, "trainings");
                  }
                  bar_->update(done);
                  file_.update(before_ + done, all);
                }};
  }

 private:
  void start(std::string const& phase, int total, std::string const& unit) {
    bar_.reset();
    phase_ = phase;
    bar_ = std::make_unique<Progress>(phase, total, unit);
  }
  std::string phase_;
  int before_ = 0;  // trainings before this phase
  std::unique_ptr<Progress> bar_;
  ProgressFile file_;
};

std::string summary(lab::StudyOutcome const& o, std::string const& output) {
  Json const json = lab::study_json(o, nullptr);
  auto const number = [&](char const* key) { return json.find(key)->as_number(); };
  std::string text =
      fmt::format("{}: {} trials, {} complete, {} pruned, {} failed\n", o.info.name, o.trials.size(),
                  json.find("n_trials_completed")->as_integer(), json.find("n_trials_pruned")->as_integer(),
                  json.find("n_trials_failed")->as_integer());
  text += fmt::format("  trial {} was chosen; {} of the best were trained again with {} fresh seeds\n",
                      json.find("best_trial_number")->as_integer(), o.candidates.size(),
                      o.candidates.front().select_rewards.size());
  for (auto const& [name, value] : json.find("best_params")->as_object())
    text += fmt::format("    {:<24} {}\n", name, value.dump());
  text += fmt::format("  score that won the search   {:9.1f}\n", number("tuning_score"));
  text += fmt::format("  reward on unseen days       {:9.1f}  95 % interval {:.1f} to {:.1f} (this figure counts)\n",
                      number("best_reward"), json.find("best_reward_ci95")->as_array()[0].as_number(),
                      json.find("best_reward_ci95")->as_array()[1].as_number());
  text += fmt::format("  optimism of the search      {:9.1f}\n", number("optimism"));
  text += fmt::format("  lead over the default       {:+9.1f}  95 % interval {:+.1f} to {:+.1f}\n",
                      o.winner_minus_default.mean, o.winner_minus_default.ci95.low, o.winner_minus_default.ci95.high);
  lab::Ledger all = o.search;
  all += o.select;
  all += o.validate;
  text += fmt::format("  cost                        {} environment steps, {} gradient steps, {} of processor time\n",
                      all.environment_steps, all.gradient_steps, duration_text(all.cpu_seconds));
  text += "  written to " + output;
  return text;
}

Status run(State& state, Common const& common) {
  Result<lab::Config> config = resolve_file(state.config, state.flags, common.scenario);
  if (!config) return config.error();
  std::unique_ptr<lab::Subject> subject;
  if (state.policy == "dqn") {
    int const report_interval = std::max(1, state.episodes / 10);
    subject = lab::make_dqn_subject(*config, state.episodes, report_interval, state.study.seed);
  } else if (state.policy == "score_rule" && common.scenario == lab::classic_scenario) {
    subject = lab::make_score_rule_subject(config->environment, state.study.seed);
  } else {
    return invalid(fmt::format("--policy = {} cannot be tuned on {} (known: dqn, and score_rule on classic)",
                               state.policy, common.scenario));
  }
  Result<lab::StudyOutcome> outcome = [&] {
    Bars bars(state.progress_file);
    return lab::run_study(*subject, state.study, bars.callbacks(state.study));
  }();
  if (!outcome) return outcome.error();
  Json json = lab::study_json(*outcome, &*config);
  json["command"] = command_line();
  if (Status written = write_file(state.output, json.dump(2) + "\n"); !written) return written;
  return print_result(common, json, summary(*outcome, state.output));
}

}  // namespace

Run add_tune(Flags& flags);
Run add_tune(Flags& flags) {
  auto state = std::make_shared<State>();
  state->study.jobs = core_count();
  flags.add("--trials", state->study.trials, "Trials that the study shall have, earlier ones included")
      ->between(1, 1'000'000)
      ->shows_default();
  flags.add("--episodes", state->episodes, "Days of training a trial")->between(1, 10'000'000)->shows_default();
  flags.add("--eval-episodes", state->study.eval_episodes, "Days of a trial's evaluation; the same for every trial")
      ->between(2, 100'000)
      ->shows_default();
  flags.add("--study-name", state->study.name, "Name; the same name continues a study")
      ->valid([](std::string const& name) {
        return std::string(name.empty() || name.size() > 512 ? "a name has 1 to 512 bytes" : "");
      })
      ->shows_default();
  flags.add("--output", state->output, "Where the result goes")->shows_default();
  flags.add("--storage", state->study.storage, "Database of studies, in Optuna's schema")->shows_default();
  flags.add("--jobs", state->study.jobs, "Trials at once; the table of trials does not depend on it")
      ->between(1, 256)
      ->shows_default();
  flags.add("--sampler", state->study.sampler, "tpe, random")->shows_default();
  flags.add("--pruner", state->study.pruner, "median, halving, wilcoxon, percentile, none")->shows_default();
  add_seed(flags, state->study.seed, "Seed of the study");
  flags.add("--lag", state->study.lag, "How many trials may run at once at most; 0 is the default, or the study's own")
      ->between(0, 1000);
  flags.add("--select-top", state->study.select_top, "Best trials that are trained again with fresh seeds")
      ->between(1, 1000)
      ->shows_default();
  flags.add("--select-seeds", state->study.select_seeds, "Fresh seeds for each of them")
      ->between(1, 1000)
      ->shows_default();
  flags.add("--select-days", state->study.select_days, "Days on which they are compared")
      ->between(2, 100'000)
      ->shows_default();
  flags.add("--validate-days", state->study.validate_days, "Days of the reported figure")
      ->between(2, 100'000)
      ->shows_default();
  flags
      .add("--validate-seeds", state->study.validate_seeds,
           "Trainings of the winner and of the default for the reported figure")
      ->between(1, 1000)
      ->shows_default();
  flags.add("--policy", state->policy, "What to tune: dqn, or score_rule for the weights of that rule")
      ->shows_default();
  flags.add("--config", state->config, "Configuration that the trials start from");
  add_progress_file(flags, state->progress_file);
  lab::Config defaults;
  state->flags.declare(flags, settings(defaults), {}, {"training.episodes", "training.eval_episodes"});
  flags.footer(
      "Killed or interrupted, the same command continues; running trials are run again.\n\nExamples:\n"
      "  regulus tune --trials 50 --episodes 200 --eval-episodes 20 --study-name dqn_optimization_v1 --output "
      "data/rl/optimal_config_v1.json\n"
      "  regulus tune --network slots --pruner halving --study-name slots\n"
      "  regulus tune --policy score_rule --trials 400 --eval-episodes 400 --pruner none --study-name score_rule "
      "--output "
      "data/rl/score_rule.json");
  return [state](Common const& common) { return run(*state, common); };
}

}  // namespace regulus::app
