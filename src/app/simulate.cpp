#include <fmt/format.h>

#include "app/command.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "lab/evaluate.h"

namespace regulus::app {

Run add_simulate(CLI::App& app);
Run add_simulate(CLI::App& app) {
  struct State {
    std::string policy = "nearest";
    int episodes = 600;
    std::uint64_t seed = 900'000;
    int threads = core_count();
    lab::Config defaults;
    SettingFlags flags;
  };
  auto state = std::make_shared<State>();
  app.add_option("--policy", state->policy,
                 fmt::format("A rule ({}), score_rule:FILE with tuned weights, or model:FILE",
                             fmt::join(sim::classic_policy_names(), ", ")))
      ->capture_default_str();
  app.add_option("--episodes", state->episodes, "Days to play")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  add_seed(app, state->seed, "Seed of the first day; each following day has the next");
  app.add_option("--threads", state->threads, "Threads; the result does not depend on it")->check(CLI::Range(1, 1024));
  state->flags.declare(app, settings(state->defaults), {"environment."});
  app.footer(
      "Examples:\n"
      "  regulus simulate --policy nearest --episodes 600 --seed 900000\n"
      "  regulus simulate --policy model:data/rl/models/dqn_best.safetensors --json");

  return [state](Common const& common) -> Status {
    Result<lab::Config> config = resolve({}, state->flags);
    if (!config) return config.error();
    sim::ClassicConfig& environment = config->environment;
    Result<lab::PolicyFactory> const policy = lab::make_policy_factory(state->policy, environment);
    if (!policy) return policy.error();
    std::vector<std::uint64_t> seeds;
    for (int i = 0; i < state->episodes; ++i) seeds.push_back(state->seed + static_cast<std::uint64_t>(i));
    Progress progress("simulate", state->episodes, "days");
    auto const days = lab::play_days(*policy, environment, seeds, state->threads, [&] { progress.advance(); });
    lab::Summary const s = lab::summarize(days);
    Json json = Json::object({{"policy", state->policy}});
    Json const figures = lab::simulate_json(s);
    for (auto const& [key, value] : figures.as_object()) json[key] = value;
    json["seed"] = state->seed;
    json["environment"] = to_json(settings(environment));
    return print_result(
        common, json,
        fmt::format("{} on {} days from seed {} ({})\n"
                    "  reward        {:9.1f}  95 % interval {:.1f} to {:.1f}, standard deviation {:.1f}\n"
                    "  assignments   {:9.2f}  late {:.2f}, cancelled {:.2f}, refused {:.2f}\n"
                    "  served        {:8.1f} % of what was asked for\n"
                    "  empty drives  {:9.1f} km",
                    state->policy, s.episodes, state->seed, lab::describe(environment), s.reward.mean,
                    s.reward.ci95.low, s.reward.ci95.high, s.reward.std, s.assignments.mean, s.late_pickups.mean,
                    s.cancellations.mean, s.refused.mean, 100 * s.served.mean, s.distance.mean));
  };
}

}  // namespace regulus::app
