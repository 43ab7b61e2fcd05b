#include "lab/scenarios.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/config.h"
#include "core/seeds.h"

namespace regulus::lab {

namespace {

// Of more rides than this a day is too large to be played thousands of times.
constexpr double most_visits = 300;

// Of a company's own days those of a week are counted.
double usual_rides(sim::Family const& family) {
  if (family.config != nullptr) return std::max(1.0, family.config().clients.visits);
  constexpr std::uint64_t week = 7;
  std::size_t rides = 0;
  for (std::uint64_t k = 0; k < week; ++k) {
    rides += family.generate(scenario_seed(Role::warmup, 0, k)).bookings.size();
  }
  return std::max(1.0, static_cast<double>(rides) / week);
}

Error unknown(std::string const& name) {
  std::vector<std::string> known{std::string(classic_scenario)};
  for (sim::Family const& family : sim::families()) known.emplace_back(family.name);
  return {ErrorKind::not_found, fmt::format("--scenario = {} is not known{} (known: {}; a "
                                            "folder of imported days is a path, as in ./days)",
                                            name, suggestion(name, known), fmt::join(known, ", "))};
}

}  // namespace

Result<std::vector<sim::Family const*>> families_of(std::string const& scenario) {
  std::vector<sim::Family const*> families;
  if (scenario == "all") {
    for (sim::Family const& family : sim::families()) {
      if (family.config().clients.visits <= most_visits) families.push_back(&family);
    }
    return families;
  }
  for (std::size_t from = 0; from <= scenario.size();) {
    std::size_t const to = std::min(scenario.find(',', from), scenario.size());
    std::string const name = scenario.substr(from, to - from);
    Result<sim::Family const*> const family = sim::find_family(name);
    if (!family) return sim::is_path(name) ? family.error().in("--scenario") : unknown(name);
    if (std::ranges::find(families, (*family)->name, &sim::Family::name) != families.end()) {
      return invalid(fmt::format("--scenario = {} names {} twice", scenario, name));
    }
    families.push_back(*family);
    from = to + 1;
  }
  return families;
}

std::vector<std::string> family_names(std::string const& scenario) {
  auto const families = families_of(scenario);
  REGULUS_CHECK(static_cast<bool>(families));
  std::vector<std::string> names;
  for (sim::Family const* family : *families) names.emplace_back(family->name);
  return names;
}

Turns::Turns(std::span<double const> rides_a_day) {
  struct Turn {
    double due;  // from 0 to 1, in the round
    std::size_t family;
  };
  REGULUS_CHECK(!rides_a_day.empty() && std::ranges::min(rides_a_day) > 0);
  double const most = std::ranges::max(rides_a_day);
  std::vector<Turn> turns;
  for (std::size_t family = 0; family < rides_a_day.size(); ++family) {
    auto const count = std::llround(most / rides_a_day[family]);
    for (std::int64_t k = 0; k < count; ++k) {
      turns.push_back({(static_cast<double>(k) + 0.5) / static_cast<double>(count), family});
    }
  }
  std::ranges::stable_sort(turns, {}, &Turn::due);
  for (Turn const& turn : turns) order_.push_back(turn.family);
}

Turns turns_of(std::string const& scenario) {
  Result<std::vector<sim::Family const*>> const families = families_of(scenario);
  REGULUS_CHECK(static_cast<bool>(families));
  std::vector<double> rides;
  for (sim::Family const* family : *families) rides.push_back(usual_rides(*family));
  return Turns(rides);
}

DayMaker day_maker(std::string const& scenario) {
  Result<std::vector<sim::Family const*>> const families = families_of(scenario);
  REGULUS_CHECK(static_cast<bool>(families));
  return [list = *families, turns = turns_of(scenario)](std::uint64_t seed) {
    return list[turns.of(seed)]->generate(seed);
  };
}

dispatch::FleetSizes fleet_sizes(std::string const& scenario) {
  Result<std::vector<sim::Family const*>> const families = families_of(scenario);
  REGULUS_CHECK(static_cast<bool>(families));
  dispatch::FleetSizes sizes{.fewest = 1'000'000, .most = 0};
  for (sim::Family const* family : *families) {
    for (std::uint64_t k = 0; k < 100; ++k) {
      auto const drivers = static_cast<int>(family->generate(scenario_seed(Role::warmup, 0, k)).drivers.size());
      sizes.fewest = std::min(sizes.fewest, drivers);
      sizes.most = std::max(sizes.most, drivers);
    }
  }
  return sizes;
}

Config dispatch_defaults(std::string const& scenario) {
  Config config;
  config.scenario = scenario;
  config.network.pairs.pair_hidden_sizes = {64, 64};
  // Rewards are rare and dear: a small threshold would learn medians, to which a refusal does not count.
  config.agent.huber_delta = 100;
  config.agent.gamma = 1;
  config.agent.learning_rate = 5e-4;
  config.agent.batch_size = 128;
  config.agent.epsilon_start = 0.15;
  config.agent.epsilon_end = 0.05;
  config.agent.epsilon_decay = 0.9999;
  config.agent.max_grad_norm = 1'000;
  config.agent.guided_exploration = 0;
  // What tells one choice from another is all there is to learn.
  config.agent.anchoring = 0;
  config.agent.averaging = 0.9995;
  config.agent.target_update_steps = 500;
  config.replay.buffer_size = 400'000;
  // Almost always to the end of the day: bootstrapping over many bookings compounds the optimism of the maximum
  // (docs/decisions/0013).
  config.replay.n_step = 50;
  config.training.episodes = 6'000;
  config.training.warmup_episodes = 2'000;
  config.training.warmup_exploration = 0.1;
  config.training.eval_interval = 2'000;
  config.training.save_interval = 2'000;
  config.training.eval_episodes = 300;
  config.training.confirm_candidates = 2;
  // How far the value is believed is chosen for each family by itself.
  constexpr int days_of_a_family = 60;
  auto const families = families_of(scenario);
  config.training.confirm_episodes =
      std::max(240, families ? days_of_a_family * static_cast<int>(families->size()) : 0);
  config.training.final_episodes = 120;
  return config;
}

}  // namespace regulus::lab
