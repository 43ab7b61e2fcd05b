// Playing days and adding them up.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/seeds.h"
#include "core/stats.h"
#include "lab/model.h"
#include "sim/classic_policy.h"

namespace regulus::lab {

// Makes the same policy anew, for one thread.
using PolicyFactory = std::function<std::unique_ptr<sim::ClassicPolicy>()>;

// A rule's name, `score_rule:FILE` for weights that tune wrote, or `model:FILE`. For a model, `environment` must be the
// one it was trained in. Errors name the policy and what is known.
Result<PolicyFactory> make_policy_factory(std::string const& name, sim::ClassicConfig const& environment);
PolicyFactory model_factory(std::shared_ptr<Model const> model);

// Plays the day of a seed: a rule or a model in the world of a configuration. One thread's own; the factory makes it
// anew for each.
using Player = std::function<sim::ClassicDay(std::uint64_t seed)>;
using PlayerFactory = std::function<Player()>;

// How a learned value is used on a day: in the search, or to correct best insertion, which is a hundred times faster.
enum class Use : std::uint8_t { search, insertion };

// The model in the world it was trained in. On days of families the reward is what the day cost in francs, below 0.
PlayerFactory model_players(std::shared_ptr<Model const> model, Use use = Use::search);
// What an untrained agent of this configuration plays.
PlayerFactory untrained_players(Config const& config, std::uint64_t seed);
// A rule of the configuration's world, by name. Errors: not_found.
Result<PlayerFactory> rule_players(Config const& config, std::string const& name);
// Every rule that a model of this configuration is measured against: on days of families insertion, lns,
// lns_futures and rollout, the ladder's upper end (docs/decisions/0010, 0020).
std::vector<std::string> rules_of(Config const& config);

std::vector<sim::ClassicDay> play_days(PlayerFactory const& make, std::span<std::uint64_t const> seeds, int threads,
                                       std::function<void()> const& on_day = {});

std::vector<std::uint64_t> scenario_seeds(Role role, std::uint64_t base_seed, int count);

// One day for each seed, in the order of the seeds, whatever the number of threads. `on_day` (may be empty) is called
// from any thread after each day.
std::vector<sim::ClassicDay> play_days(PolicyFactory const& make, sim::ClassicConfig const& environment,
                                       std::span<std::uint64_t const> seeds, int threads,
                                       std::function<void()> const& on_day = {});

std::vector<double> rewards_of(std::span<sim::ClassicDay const> days);

struct Figure {
  double mean = 0, std = 0, min = 0, max = 0, median = 0;
  Interval ci95;
  double total = 0;
};
Figure figure_of(std::vector<double> values);

// Totals and means of a set of days, under the predecessor's names.
struct Summary {
  int episodes = 0;
  Figure reward, steps, assignments, late_pickups, cancellations, refused, distance, completion, served;
  double late_pickup_rate = 0;  // late of all assigned
};
Summary summarize(std::span<sim::ClassicDay const> days);

// [low, high]
Json interval_json(Interval const& interval);

// The shape that `simulate --json` prints (without the policy's name) and the one of the predecessor's evaluation
// files.
Json simulate_json(Summary const& summary);
Json evaluation_json(Summary const& summary);

}  // namespace regulus::lab
