#include "lab/evaluate.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"

#include "core/files.h"
#include "core/parallel.h"
#include "dispatch/learned/value_model.h"
#include "lab/scenarios.h"
#include "lab/training_run.h"
#include "sim/simulator.h"

namespace regulus::lab {
namespace {

Result<sim::ScoreRuleConfig> read_score_rule(std::string const& path) {
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  Result<Json> document = parse_json(*text);
  if (!document) return document.error().in(path);
  sim::ScoreRuleConfig weights;
  Json const* best = document->find("best_params");
  if (Status applied = apply_flat(settings(weights), best != nullptr ? *best : *document); !applied)
    return applied.error().in(path);
  return weights;
}

// A day of the dispatch world under the names that the classic one has for such things.
sim::ClassicDay day_of(sim::DayResult const& result) {
  Kpi const& kpi = result.kpi;
  sim::ClassicDay day;
  day.reward = -static_cast<double>(kpi.cost.total()) / 100;
  day.steps = static_cast<int>(result.decisions);
  day.assignments = static_cast<int>(kpi.served);
  day.late_pickups = static_cast<int>(kpi.served - kpi.on_time);
  day.cancellations = static_cast<int>(kpi.unserved);
  day.refused = static_cast<int>(kpi.partner);
  day.offered = static_cast<int>(kpi.served + kpi.unserved + kpi.partner);
  day.invalid = static_cast<int>(result.refused_decisions);
  day.distance_km = kpi.driven_km;
  return day;
}

PlayerFactory dispatch_players(std::string const& scenario, std::shared_ptr<dispatch::Policy const> policy) {
  return [make_day = day_maker(scenario), policy = std::move(policy)]() -> Player {
    return [make_day, policy](std::uint64_t seed) {
      Day const day = make_day(seed);
      TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
      sim::SimulateOptions options;
      options.policy_seed = seed;
      return day_of(sim::simulate(day, times, *policy, options));
    };
  };
}

// Bug check: there is a policy of that name.
PlayerFactory dispatch_players(std::string const& scenario, std::string_view policy,
                               dispatch::PolicySettings const& settings) {
  auto made = dispatch::make_policy(policy, settings);
  REGULUS_CHECK(static_cast<bool>(made));
  return dispatch_players(scenario, made.take());
}

PlayerFactory classic_players(PolicyFactory make, sim::ClassicConfig const& environment) {
  return [make = std::move(make), environment]() -> Player {
    std::shared_ptr<sim::ClassicPolicy> const policy = make();
    auto const world = std::make_shared<sim::ClassicWorld>(environment);
    return [policy, world](std::uint64_t seed) { return sim::play_day(*world, *policy, seed); };
  };
}

}  // namespace

PlayerFactory model_players(std::shared_ptr<Model const> model, Use use) {
  if (!is_dispatch(model->config)) return classic_players(model_factory(model), model->config.environment);
  dispatch::PolicySettings settings;
  settings.model = std::make_shared<dispatch::ValueModel const>(value_network(*model));
  return dispatch_players(model->config.scenario, use == Use::search ? "dqn" : "dqn_insertion", settings);
}

PlayerFactory untrained_players(Config const& config, std::uint64_t seed) {
  if (is_dispatch(config)) return dispatch_players(config.scenario, "dqn", {});
  return classic_players(untrained_policy(config, seed), config.environment);
}

Result<PlayerFactory> rule_players(Config const& config, std::string const& name) {
  if (is_dispatch(config)) {
    auto policy = dispatch::make_policy(name, {});
    if (!policy) return policy.error();
    return dispatch_players(config.scenario, policy.take());
  }
  Result<PolicyFactory> policy = make_policy_factory(name, config.environment);
  if (!policy) return policy.error();
  return classic_players(policy.take(), config.environment);
}

std::vector<std::string> rules_of(Config const& config) {
  return is_dispatch(config) ? std::vector<std::string>{"insertion", "lns", "lns_futures", "rollout"}
                             : sim::classic_policy_names();
}

std::vector<sim::ClassicDay> play_days(PlayerFactory const& make, std::span<std::uint64_t const> seeds, int threads,
                                       std::function<void()> const& on_day) {
  constexpr std::size_t chunk = 5;
  std::vector<sim::ClassicDay> days(seeds.size());
  parallel_for((seeds.size() + chunk - 1) / chunk, threads, [&](std::size_t c) {
    Player const play = make();
    for (std::size_t i = c * chunk; i < std::min(seeds.size(), (c + 1) * chunk); ++i) {
      days[i] = play(seeds[i]);
      if (on_day) on_day();
    }
  });
  return days;
}

Json interval_json(Interval const& interval) {
  return Json::array_of(std::vector<double>{interval.low, interval.high});
}

PolicyFactory model_factory(std::shared_ptr<Model const> model) {
  return [model = std::move(model)] { return make_model_policy(model); };
}

Result<PolicyFactory> make_policy_factory(std::string const& name, sim::ClassicConfig const& environment) {
  constexpr std::string_view model_prefix = "model:";
  constexpr std::string_view weights_prefix = "score_rule:";
  if (name.starts_with(model_prefix)) {
    Result<Model> model = load_model(name.substr(model_prefix.size()));
    if (!model) return model.error();
    if (Status same = same_environment(model->config.environment, "the model", environment, "this run"); !same)
      return same.error();
    return model_factory(std::make_shared<Model const>(model.take()));
  }
  if (name.starts_with(weights_prefix)) {
    Result<sim::ScoreRuleConfig> const weights = read_score_rule(name.substr(weights_prefix.size()));
    if (!weights) return weights.error();
    return PolicyFactory([weights = *weights] { return sim::make_score_rule(weights); });
  }
  if (auto policy = sim::make_classic_policy(name); !policy) return policy.error();
  return PolicyFactory([name] { return sim::make_classic_policy(name).take(); });
}

std::vector<std::uint64_t> scenario_seeds(Role role, std::uint64_t base_seed, int count) {
  std::vector<std::uint64_t> seeds;
  for (int i = 0; i < count; ++i) seeds.push_back(scenario_seed(role, base_seed, static_cast<std::uint64_t>(i)));
  return seeds;
}

std::vector<sim::ClassicDay> play_days(PolicyFactory const& make, sim::ClassicConfig const& environment,
                                       std::span<std::uint64_t const> seeds, int threads,
                                       std::function<void()> const& on_day) {
  constexpr std::size_t chunk = 25;
  std::vector<sim::ClassicDay> days(seeds.size());
  parallel_for((seeds.size() + chunk - 1) / chunk, threads, [&](std::size_t c) {
    auto const policy = make();
    sim::ClassicWorld world(environment);
    for (std::size_t i = c * chunk; i < std::min(seeds.size(), (c + 1) * chunk); ++i) {
      days[i] = sim::play_day(world, *policy, seeds[i]);
      if (on_day) on_day();
    }
  });
  return days;
}

std::vector<double> rewards_of(std::span<sim::ClassicDay const> days) {
  std::vector<double> rewards;
  for (auto const& day : days) rewards.push_back(day.reward);
  return rewards;
}

Figure figure_of(std::vector<double> values) {
  Figure f;
  f.mean = mean(values);
  f.std = standard_deviation(values);
  f.ci95 = mean_interval(values);
  f.median = median(values);
  if (!values.empty()) {
    f.min = std::ranges::min(values);
    f.max = std::ranges::max(values);
  }
  for (double v : values) f.total += v;
  return f;
}

Summary summarize(std::span<sim::ClassicDay const> days) {
  auto const of = [&](auto get) {
    std::vector<double> values;
    for (auto const& day : days) values.push_back(static_cast<double>(get(day)));
    return figure_of(std::move(values));
  };
  using sim::ClassicDay;
  Summary s;
  s.episodes = static_cast<int>(days.size());
  s.reward = of([](ClassicDay const& d) { return d.reward; });
  s.steps = of([](ClassicDay const& d) { return d.steps; });
  s.assignments = of([](ClassicDay const& d) { return d.assignments; });
  s.late_pickups = of([](ClassicDay const& d) { return d.late_pickups; });
  s.cancellations = of([](ClassicDay const& d) { return d.cancellations; });
  s.refused = of([](ClassicDay const& d) { return d.refused; });
  s.distance = of([](ClassicDay const& d) { return d.distance_km; });
  s.completion = of([](ClassicDay const& d) { return d.completion_rate(); });
  s.served = of([](ClassicDay const& d) { return d.served_share(); });
  s.late_pickup_rate = s.assignments.total > 0 ? s.late_pickups.total / s.assignments.total : 0;
  return s;
}

Json simulate_json(Summary const& s) {
  return Json::object({{"episodes", s.episodes},
                       {"reward", Json::object({{"mean", s.reward.mean},
                                                {"std", s.reward.std},
                                                {"ci95", interval_json(s.reward.ci95)},
                                                {"min", s.reward.min},
                                                {"max", s.reward.max},
                                                {"median", s.reward.median}})},
                       {"assignments", s.assignments.mean},
                       {"late_pickups", s.late_pickups.mean},
                       {"cancellations", s.cancellations.mean},
                       {"refused", s.refused.mean},
                       {"distance_km", s.distance.mean},
                       {"completion_rate", s.completion.mean},
                       {"served_share", s.served.mean},
                       {"late_pickup_rate", s.late_pickup_rate}});
}

Json evaluation_json(Summary const& s) {
  auto const counted = [](Figure const& f) {
    return Json::object({{"mean", f.mean}, {"std", f.std}, {"total", f.total}});
  };
  return Json::object(
      {{"episodes", s.episodes},
       {"reward", Json::object({{"mean", s.reward.mean},
                                {"std", s.reward.std},
                                {"min", s.reward.min},
                                {"max", s.reward.max},
                                {"median", s.reward.median},
                                {"ci95", interval_json(s.reward.ci95)}})},
       {"steps", Json::object({{"mean", s.steps.mean}, {"std", s.steps.std}})},
       {"assignments", counted(s.assignments)},
       {"late_pickups", counted(s.late_pickups)},
       {"cancellations", counted(s.cancellations)},
       {"refused", counted(s.refused)},
       {"distance", Json::object({{"mean", s.distance.mean}, {"total", s.distance.total}})},
       {"completion_rate", Json::object({{"mean", 100 * s.completion.mean}, {"std", 100 * s.completion.std}})},
       {"served_share", Json::object({{"mean", 100 * s.served.mean}, {"std", 100 * s.served.std}})},
       {"late_pickup_rate", s.late_pickup_rate}});
}

}  // namespace regulus::lab
