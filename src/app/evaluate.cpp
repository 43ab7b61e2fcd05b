#include <fmt/format.h>

#include "app/command.h"
#include "core/files.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "lab/evaluate.h"
#include "lab/scenarios.h"

namespace regulus::app {

namespace {

// Where the model plays: where it was trained, or on the families that are asked for.
Status check_scenario(Common const& common, lab::Config& config) {
  if (common.scenario == lab::classic_scenario) return ok();
  if (!lab::is_dispatch(config)) {
    return invalid(fmt::format("--scenario = {}, but the model was trained on classic", common.scenario));
  }
  if (auto const families = lab::families_of(common.scenario); !families) return families.error();
  config.scenario = common.scenario;
  return ok();
}

}  // namespace

Run add_evaluate(Flags& flags);
Run add_evaluate(Flags& flags) {
  struct State {
    std::string model = "data/rl/models/dqn_best.safetensors";
    int episodes = 100;
    std::uint64_t seed = seed_range(Role::test).first;
    bool compare_baseline = false;
    std::string save_results, progress_file;
    int threads = core_count();
    lab::Config defaults;
    SettingFlags flags;
  };
  auto state = std::make_shared<State>();
  flags.add("--model", state->model, "Model file")->shows_default();
  flags.add("--episodes", state->episodes, "Test days")->between(2, 10'000'000)->shows_default();
  add_seed(flags, state->seed, "Seed of the first day");
  flags.add_switch("--compare-baseline", state->compare_baseline,
                   "Play every rule on the same days and print paired differences");
  flags.add("--save-results", state->save_results, "Write the results to this JSON file");
  add_threads(flags, state->threads);
  add_progress_file(flags, state->progress_file);
  state->flags.declare(flags, settings(state->defaults), {"environment."});
  flags.footer(
      "The environment is the model's; naming another one is an error.\n\nExamples:\n"
      "  regulus evaluate --model data/rl/models/dqn_final.safetensors\n"
      "  regulus evaluate --model data/rl/geneva/dqn_best.safetensors --scenario geneva-medical-tight --episodes 200\n"
      "  regulus evaluate --episodes 1000 --compare-baseline --save-results data/rl/evaluation.json");

  return [state](Common const& common) -> Status {
    Result<lab::Model> loaded = lab::load_model(state->model);
    if (!loaded) return loaded.error();
    auto const model = std::make_shared<lab::Model const>(loaded.take());
    Result<lab::Config> resolved = resolve(model->config, state->flags);
    if (!resolved) return resolved.error();
    if (Status fits = check_scenario(common, *resolved); !fits) return fits;
    sim::ClassicConfig& asked = resolved->environment;
    if (Status same = lab::same_environment(model->config.environment, "the model", asked, "this command"); !same)
      return same;
    auto const there = [&] {
      lab::Model elsewhere = *model;
      elsewhere.config.scenario = resolved->scenario;
      return std::make_shared<lab::Model const>(std::move(elsewhere));
    }();

    std::vector<std::uint64_t> seeds;
    for (int i = 0; i < state->episodes; ++i) seeds.push_back(state->seed + static_cast<std::uint64_t>(i));
    auto const rules = lab::rules_of(*resolved);
    int const plays = state->episodes * (state->compare_baseline ? 1 + static_cast<int>(rules.size()) : 1);
    Progress progress("evaluate", plays, "days");
    ProgressFile file(state->progress_file);
    auto const tick = [&] {
      progress.advance();
      file.advance(plays);
    };
    auto const days = lab::play_days(lab::model_players(there), seeds, state->threads, tick);
    lab::Summary const s = lab::summarize(days);
    Json json =
        Json::object({{"model", state->model}, {"episodes", state->episodes}, {"dqn", lab::evaluation_json(s)}});
    std::string text =
        fmt::format("{} on {} days from seed {} ({})\n  {:<16} {:9.1f}  95 % interval {:.1f} to {:.1f}\n", state->model,
                    state->episodes, state->seed, lab::describe(*resolved), "this model", s.reward.mean,
                    s.reward.ci95.low, s.reward.ci95.high);
    if (state->compare_baseline) {
      Json references = Json::object();
      for (std::string const& rule : rules) {
        Result<lab::PlayerFactory> const players = lab::rule_players(*resolved, rule);
        if (!players) return players.error();
        auto const played = lab::play_days(*players, seeds, state->threads, tick);
        lab::Summary const r = lab::summarize(played);
        PairedDifference const lead =
            paired_difference({lab::rewards_of(days)}, {lab::rewards_of(played)}, state->seed);
        Json entry = lab::evaluation_json(r);
        entry["lead_of_model"] = Json::object({{"mean", lead.mean}, {"ci95", lab::interval_json(lead.ci95)}});
        if (rule == "random") json["baseline"] = entry;  // the predecessor's baseline
        references[rule] = entry;
        text += fmt::format("  {:<16} {:9.1f}  the model leads by {:+.1f}, 95 % interval {:+.1f} to {:+.1f}\n", rule,
                            r.reward.mean, lead.mean, lead.ci95.low, lead.ci95.high);
      }
      json["references"] = references;
    }
    json["seed"] = state->seed;
    json["scenario"] = resolved->scenario;
    json["environment"] = to_json(settings(asked));
    text += fmt::format("  a day: {:.2f} assigned, {:.2f} late, {:.2f} cancelled, {:.2f} refused, {:.1f} km empty",
                        s.assignments.mean, s.late_pickups.mean, s.cancellations.mean, s.refused.mean, s.distance.mean);
    if (!state->save_results.empty()) {
      if (Status written = write_file(state->save_results, json.dump(2) + "\n"); !written) return written;
      text += "\n  results in " + state->save_results;
    }
    return print_result(common, json, text);
  };
}

}  // namespace regulus::app
