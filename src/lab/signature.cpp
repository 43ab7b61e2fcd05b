#include "lab/signature.h"

#include <fmt/format.h>

#include <bit>
#include <chrono>

#include "core/rng.h"
#include "core/stats.h"
#include "lab/training_run.h"
#include "nn/bench.h"
#include "sim/classic_policy.h"
#include "tune/sampler.h"

namespace regulus::lab {
namespace {

// A small training of each network shape: everything a real one does, in a second.
std::uint64_t short_training(rl::NetworkKind kind) {
  Config config;
  config.environment.num_drivers = 4;
  config.environment.max_bookings = 8;
  config.network.kind = kind;
  config.network.slots.hidden_sizes = {32, 32};
  config.training.episodes = 10;
  config.training.warmup_episodes = 5;
  TrainingRun run(config, 7);
  std::uint64_t hash = 0;
  while (run.episode() < config.training.episodes)
    hash = mix(hash, std::bit_cast<std::uint64_t>(run.run_episode().reward));
  auto const trained = run.snapshot();
  for (float w : trained->network.network().parameters()) hash = mix(hash, std::bit_cast<std::uint32_t>(w));
  return hash;
}

std::uint64_t proposals() {
  SearchSpace const space{{"a", FloatDistribution{.low = 1e-5, .high = 1e-2, .log = true, .step = std::nullopt}},
                          {"b", IntDistribution{.low = 1, .high = 100, .log = false, .step = 1}},
                          {"c", CategoricalDistribution{{Json(1), Json(2), Json(3)}}}};
  auto const sampler = tune::make_sampler("tpe").take();
  std::vector<Trial> trials;
  std::uint64_t hash = 0;
  for (int number = 0; number < 30; ++number) {
    Trial trial;
    trial.number = number;
    trial.state = TrialState::complete;
    trial.params = sampler->propose(space, trials, tune::proposal_rng(1, number), Direction::maximize);
    trial.distributions = space;
    trial.values = {trial.params["b"] - 1000 * trial.params["a"]};
    for (auto const& [name, value] : trial.params) hash = mix(hash, std::bit_cast<std::uint64_t>(value));
    trials.push_back(std::move(trial));
  }
  return hash;
}

}  // namespace

std::string behaviour_signature() {
  std::uint64_t hash = 0;
  sim::ClassicWorld world{sim::ClassicConfig{}};
  for (std::string const& name : sim::classic_policy_names()) {
    auto const policy = sim::make_classic_policy(name).take();
    for (std::uint64_t seed = 0; seed < 20; ++seed)
      hash = mix(hash, std::bit_cast<std::uint64_t>(sim::play_day(world, *policy, seed).reward));
  }
  hash = mix(hash, proposals());
  hash = mix(hash, nn::training_signature());
  hash = mix(hash, short_training(rl::NetworkKind::pairs));
  hash = mix(hash, short_training(rl::NetworkKind::slots));
  return fmt::format("{:016x}", hash);
}

double classic_steps_per_second() {
  auto const policy = sim::make_classic_policy("random_valid").take();
  sim::ClassicWorld world{sim::ClassicConfig{}};
  std::vector<double> rates;
  std::uint64_t seed = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::int64_t steps = 0;
    auto const start = std::chrono::steady_clock::now();
    double seconds = 0;
    while (seconds < 0.2) {
      for (int day = 0; day < 100; ++day) steps += sim::play_day(world, *policy, seed++).steps;
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    rates.push_back(static_cast<double>(steps) / seconds);
  }
  return median(rates);
}

}  // namespace regulus::lab
