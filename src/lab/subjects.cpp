// What `tune` tunes: a Double-DQN agent, trained anew for every trial.
#include <fmt/format.h>

#include "lab/evaluate.h"
#include "lab/study.h"

namespace regulus::lab {
namespace {

class DqnSubject : public Subject {
 public:
  DqnSubject(Config const& config, int episodes, int report_interval, std::uint64_t study_seed)
      : config_(config), report_interval_(report_interval), study_seed_(study_seed) {
    config_.training.episodes = episodes;
  }

  std::vector<TunedDimension> dimensions() const override { return tuned_dimensions(config_); }

  Json identity() const override {
    // All of it: what is not tuned shapes every trial, and what is tuned is where trial 0 starts.
    return Json::object({{"subject", "dqn"}, {"config", to_json(config_)}});
  }

  Result<SubjectResult> run(Json const& params, std::uint64_t agent_seed, Role role, int days,
                            Reporter const& report) const override {
    Config config = config_;
    if (Status applied = apply_flat(settings(config), params); !applied) return applied.error();
    if (Status consistent = check_consistent(config); !consistent) return consistent.error();
    Stopwatch const stopwatch;
    auto const seeds = scenario_seeds(role, study_seed_, days);

    TrainingRun run(config, agent_seed);
    SubjectResult result;
    bool evaluated = false;
    while (run.episode() < config.training.episodes && !run.stopped() && !result.stopped) {
      run.run_episode();
      evaluated = false;
      bool const due = run.episode() % report_interval_ == 0 && run.episode() < config.training.episodes;
      if (!due || !report) continue;
      if (role == Role::tune) {
        result.rewards = run.evaluate(seeds, 1);
        evaluated = true;
      }
      result.stopped = report(run.episode(), result.rewards);
    }
    if (!evaluated && !result.stopped) result.rewards = run.evaluate(seeds, 1);
    result.ledger = {.environment_steps = run.environment_steps(),
                     .gradient_steps = run.gradient_steps(),
                     .evaluation_steps = run.evaluation_steps(),
                     .cpu_seconds = 0,
                     .wall_seconds = 0};
    stopwatch.read(result.ledger);
    return result;
  }

 private:
  Config config_;
  int report_interval_;
  std::uint64_t study_seed_;
};

class ScoreRuleSubject : public Subject {
 public:
  ScoreRuleSubject(sim::ClassicConfig const& environment, std::uint64_t study_seed)
      : environment_(environment), study_seed_(study_seed) {}

  std::vector<TunedDimension> dimensions() const override {
    sim::ScoreRuleConfig weights;
    std::vector<TunedDimension> all;
    for (Setting const& s : settings(weights)) {
      for (TunedDimension& d : regulus::tuned_dimensions(s)) all.push_back(std::move(d));
    }
    return all;
  }

  Json identity() const override {
    Config config;
    config.environment = environment_;
    return Json::object(
        {{"subject", "score_rule"}, {"config", Json::object({{"environment", *to_json(config).find("environment")}})}});
  }

  Result<SubjectResult> run(Json const& params, std::uint64_t, Role role, int days,
                            Reporter const& report) const override {
    sim::ScoreRuleConfig weights;
    if (Status applied = apply_flat(settings(weights), params); !applied) return applied.error();
    Stopwatch const stopwatch;
    auto const seeds = scenario_seeds(role, study_seed_, days);
    auto const played = play_days([&] { return sim::make_score_rule(weights); }, environment_, seeds, 1);
    SubjectResult result;
    result.rewards = rewards_of(played);
    result.stopped = report && report(1, result.rewards);
    std::int64_t steps = 0;
    for (auto const& day : played) steps += day.steps;
    result.ledger = {
        .environment_steps = 0, .gradient_steps = 0, .evaluation_steps = steps, .cpu_seconds = 0, .wall_seconds = 0};
    stopwatch.read(result.ledger);
    return result;
  }

 private:
  sim::ClassicConfig environment_;
  std::uint64_t study_seed_;
};

}  // namespace

std::unique_ptr<Subject> make_dqn_subject(Config const& config, int episodes, int report_interval,
                                          std::uint64_t study_seed) {
  return std::make_unique<DqnSubject>(config, episodes, report_interval, study_seed);
}

std::unique_ptr<Subject> make_score_rule_subject(sim::ClassicConfig const& environment, std::uint64_t study_seed) {
  return std::make_unique<ScoreRuleSubject>(environment, study_seed);
}

}  // namespace regulus::lab
