#include "lab/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "core/interrupt.h"
#include "core/parallel.h"
#include "lab/scenarios.h"

namespace regulus::lab {
namespace {

constexpr std::string_view baseline_name = "default";
constexpr std::string_view optimized_name = "tuned";

struct Training {
  std::vector<sim::ClassicDay> days;
  std::vector<double> curve;
  Ledger ledger;
};

// The network at the end. A dispatch model is trusted as far as training usually ends up trusting it.
std::shared_ptr<Model const> chosen(TrainingRun const& run) {
  Model model = *run.snapshot();
  if (is_dispatch(model.config)) model.trust = usual_trust;
  return std::make_shared<Model const>(std::move(model));
}

// One training from scratch and its test; evaluated ten times on the way for the learning curve.
Training train_and_test(Config const& config, std::uint64_t agent_seed, CompareOptions const& options) {
  Stopwatch const stopwatch;
  TrainingRun run(config, agent_seed);
  Training result;
  auto const curve_days = scenario_seeds(Role::tune, agent_seed, config.training.eval_episodes);
  int const stride = std::max(1, options.episodes / 10);
  while (run.episode() < options.episodes && !run.stopped() && !interrupted()) {
    run.run_episode();
    if (run.episode() % stride == 0) result.curve.push_back(mean(run.evaluate(curve_days, 1)));
  }
  result.days = play_days(model_players(chosen(run)), scenario_seeds(Role::test, 0, options.test_days), 1);
  result.ledger = {.environment_steps = run.environment_steps(),
                   .gradient_steps = run.gradient_steps(),
                   .evaluation_steps = run.evaluation_steps(),
                   .cpu_seconds = 0,
                   .wall_seconds = 0};
  stopwatch.read(result.ledger);
  return result;
}

std::string points(double value) { return fmt::format("{:+.1f}", value); }

// One sentence on whether `candidate` is better than `reference`.
std::string sentence(Duel const& duel) {
  auto const interval = fmt::format("{} points a day, 95 % interval {} to {}", points(duel.difference.mean),
                                    points(duel.difference.ci95.low), points(duel.difference.ci95.high));
  switch (verdict_of(duel.difference)) {
    case Verdict::better:
      return fmt::format("{} is better than {}: {}.", duel.candidate, duel.reference, interval);
    case Verdict::worse:
      return fmt::format("{} is worse than {}: {}.", duel.candidate, duel.reference, interval);
    case Verdict::undecided:
      return fmt::format("No difference shown between {} and {}: {}.", duel.candidate, duel.reference, interval);
  }
  return {};
}

Json trained_json(Contestant const& c, int episodes) {
  Summary const s = c.summary();
  Json::Array by_seed;
  for (auto const& days : c.days) by_seed.emplace_back(mean(rewards_of(days)));
  return Json::object({{"mean_reward", s.reward.mean},
                       {"std_reward", s.reward.std},
                       {"min_reward", s.reward.min},
                       {"max_reward", s.reward.max},
                       {"median_reward", s.reward.median},
                       {"mean_assignments", s.assignments.mean},
                       {"mean_late_pickups", s.late_pickups.mean},
                       {"mean_distance", s.distance.mean},
                       {"mean_cancellations", s.cancellations.mean},
                       {"mean_refused", s.refused.mean},
                       {"training_episodes", episodes},
                       {"mean_by_seed", Json(std::move(by_seed))},
                       {"environment_steps", c.ledger.environment_steps},
                       {"gradient_steps", c.ledger.gradient_steps},
                       {"cpu_seconds", c.ledger.cpu_seconds}});
}

}  // namespace

Runs Contestant::rewards() const {
  Runs runs;
  for (auto const& row : days) runs.push_back(rewards_of(row));
  return runs;
}

Summary Contestant::summary() const {
  std::vector<sim::ClassicDay> all;
  for (auto const& row : days) all.insert(all.end(), row.begin(), row.end());
  return summarize(all);
}

Verdict verdict_of(PairedDifference const& difference) {
  if (difference.ci95.low > 0) return Verdict::better;
  if (difference.ci95.high < 0) return Verdict::worse;
  return Verdict::undecided;
}

Contestant const* Comparison::find(std::string const& name) const {
  auto const found = std::ranges::find(contestants, name, &Contestant::name);
  return found == contestants.end() ? nullptr : &*found;
}

Result<Comparison> compare(CompareOptions const& options, std::function<void(int, int)> const& progress) {
  Comparison out;
  out.options = options;
  std::vector<std::pair<std::string, Config>> configs{{std::string(baseline_name), options.baseline}};
  if (options.optimized) {
    if (options.optimized->scenario != options.baseline.scenario) {
      return invalid(fmt::format("scenario = {} in the tuned configuration but {} in this comparison",
                                 options.optimized->scenario, options.baseline.scenario));
    }
    if (Status same = same_environment(options.optimized->environment, "the tuned configuration",
                                       options.baseline.environment, "this comparison");
        !same) {
      return same.error();
    }
    configs.emplace_back(std::string(optimized_name), *options.optimized);
  }
  for (auto& [name, config] : configs) {
    config.training.episodes = options.episodes;
    if (Status consistent = check_consistent(config); !consistent) return consistent.error().in(name);
  }
  int const stride = std::max(1, options.episodes / 10);
  for (int e = stride; e <= options.episodes; e += stride) out.curve_episodes.push_back(e);

  // 1. Train and test every configuration with the same agent seeds.
  auto const seeds = static_cast<std::size_t>(options.seeds);
  std::mutex mutex;
  int done = 0;
  auto const total = static_cast<int>(configs.size() * seeds);
  auto trainings = parallel_map(configs.size() * seeds, options.threads, [&](std::size_t i) -> Training {
    if (interrupted()) return {};
    std::uint64_t const agent_seed = mix(mix(options.seed, key_of("compare")), i % seeds) >> 1;
    Training result = train_and_test(configs[i / seeds].second, agent_seed, options);
    std::lock_guard const lock(mutex);
    if (progress) progress(++done, total);
    return result;
  });
  if (interrupted()) return Error{ErrorKind::interrupted, "interrupted; nothing was written"};
  for (std::size_t c = 0; c < configs.size(); ++c) {
    Contestant contestant{.name = configs[c].first, .trained = true, .days = {}, .curves = {}, .ledger = {}};
    for (std::size_t s = 0; s < seeds; ++s) {
      Training& t = trainings[c * seeds + s];
      contestant.days.push_back(std::move(t.days));
      contestant.curves.push_back(std::move(t.curve));
      contestant.ledger += t.ledger;
    }
    out.contestants.push_back(std::move(contestant));
  }

  // 2. Every rule on the same days, and what the agents start from: how much of a lead was learned?
  auto const days = scenario_seeds(Role::test, 0, options.test_days);
  if (options.baseline.network.kind == rl::NetworkKind::pairs && options.baseline.network.pairs.residual) {
    out.contestants.push_back(
        {.name = std::string(untrained_name),
         .trained = false,
         .days = {play_days(untrained_players(options.baseline, options.seed), days, options.threads)},
         .curves = {},
         .ledger = {}});
  }
  for (std::string const& rule : rules_of(options.baseline)) {
    Result<PlayerFactory> const players = rule_players(options.baseline, rule);
    if (!players) return players.error();
    out.contestants.push_back({.name = rule,
                               .trained = false,
                               .days = {play_days(*players, days, options.threads)},
                               .curves = {},
                               .ledger = {}});
  }

  // 3. Who beats whom: tuned against default, and the trained ones against each rule.
  auto const duel = [&](std::string const& a, std::string const& b) {
    out.duels.push_back({a, b, paired_difference(out.find(a)->rewards(), out.find(b)->rewards(), options.seed)});
  };
  if (options.optimized) duel(std::string(optimized_name), std::string(baseline_name));
  for (auto const& [name, config] : configs) {
    for (Contestant const& c : std::vector<Contestant>(out.contestants)) {
      if (!c.trained) duel(name, c.name);
    }
  }
  std::string const delivered(options.optimized ? optimized_name : baseline_name);
  Contestant const* best_rule = nullptr;
  for (Contestant const& c : out.contestants) {
    if (!c.trained && (best_rule == nullptr || c.summary().reward.mean > best_rule->summary().reward.mean))
      best_rule = &c;
  }
  for (Duel const& d : out.duels) {
    bool const wanted = d.candidate == delivered && (d.reference == baseline_name || d.reference == best_rule->name);
    if (wanted) out.verdict += (out.verdict.empty() ? "" : " ") + sentence(d);
  }
  return out;
}

Json comparison_json(Comparison const& c) {
  Contestant const& baseline = *c.find(std::string(baseline_name));
  Contestant const* optimized = c.find(std::string(optimized_name));
  Json references = Json::object();
  for (Contestant const& contestant : c.contestants) {
    if (!contestant.trained) references[contestant.name] = simulate_json(contestant.summary());
  }
  Json differences = Json::array();
  for (Duel const& d : c.duels) {
    differences.push_back(Json::object({{"candidate", d.candidate},
                                        {"reference", d.reference},
                                        {"mean", d.difference.mean},
                                        {"ci95", interval_json(d.difference.ci95)},
                                        {"probability_of_improvement", d.difference.probability_of_improvement},
                                        {"correlation", d.difference.correlation}}));
  }
  Json improvement;
  if (optimized != nullptr) {
    Summary const base = baseline.summary();
    Summary const tuned = optimized->summary();
    auto const percent = [](double from, double to) { return from != 0 ? 100 * (to - from) / std::abs(from) : 0; };
    improvement = Json::object({{"reward_percent", percent(base.reward.mean, tuned.reward.mean)},
                                {"distance_percent", percent(base.distance.mean, tuned.distance.mean)},
                                {"late_pickups_absolute", tuned.late_pickups.mean - base.late_pickups.mean},
                                {"reward_absolute", c.duels.front().difference.mean},
                                {"reward_ci95", interval_json(c.duels.front().difference.ci95)}});
  }
  Json curves = Json::object({{"episodes", Json::array_of(c.curve_episodes)}});
  for (Contestant const& contestant : c.contestants) {
    if (!contestant.trained) continue;
    Json rows = Json::array();
    for (auto const& curve : contestant.curves) rows.push_back(Json::array_of(curve));
    curves[contestant.name] = rows;
  }
  Json const config = to_json(c.options.baseline);
  return Json::object(
      {{"baseline", trained_json(baseline, c.options.episodes)},
       {"optimized", optimized != nullptr ? trained_json(*optimized, c.options.episodes) : Json()},
       {"timestamp", c.options.timestamp},
       {"improvement", improvement},
       {"verdict", c.verdict},
       {"references", references},
       {"differences", differences},
       {"learning_curves", curves},
       {"seed", c.options.seed},
       {"training_seeds", c.options.seeds},
       {"test_days", c.options.test_days},
       {"first_test_seed", seed_range(Role::test).first},
       {"environment", *config.find("environment")},
       {"configs", Json::object({{"baseline", config},
                                 {"optimized", c.options.optimized ? to_json(*c.options.optimized) : Json()}})}});
}

}  // namespace regulus::lab
