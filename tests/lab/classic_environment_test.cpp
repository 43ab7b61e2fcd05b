#include "lab/classic_environment.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

namespace regulus::lab {
namespace {

using rl::NetworkKind;
using sim::ClassicConfig;
using sim::ClassicWorld;
using sim::MaskRule;

ClassicConfig any_config(Rng& rng) {
  ClassicConfig config;
  config.num_drivers = static_cast<int>(rng.between(1, 12));
  config.max_bookings = static_cast<int>(rng.between(1, 25));
  config.simulation_hours = static_cast<int>(rng.between(1, 8));
  config.reward = static_cast<sim::RewardVersion>(rng.below(3));
  config.mask = static_cast<MaskRule>(rng.below(3));
  config.assigned_stay = rng.chance(0.5);
  return config;
}

// Leads the environment through some random legal steps.
void advance(ClassicEnvironment& environment, Rng& rng) {
  rl::Observation o;
  auto const steps = rng.below(static_cast<std::uint64_t>(environment.world().config().simulation_hours) * 12);
  for (std::uint64_t i = 0; i < steps; ++i) {
    environment.observe(o);
    int choice = 0;
    do choice = static_cast<int>(rng.below(static_cast<std::uint64_t>(o.choices())));
    while (!o.is_legal(choice));
    environment.step(choice);
  }
}

RC_GTEST_PROP(ClassicEnvironment, rows_are_the_legal_actions_and_features_are_finite_and_of_about_one,
              (std::uint64_t luck)) {
  Rng rng(luck);
  ClassicEnvironment environment(any_config(rng), NetworkKind::pairs);
  environment.reset(rng.next());
  advance(environment, rng);
  rl::Observation o;
  environment.observe(o);
  std::vector<int> legal;
  environment.world().legal_actions(legal);
  RC_ASSERT(environment.actions() == 0);
  RC_ASSERT(o.has_candidates());
  RC_ASSERT(o.rows == static_cast<int>(legal.size()));
  RC_ASSERT(o.features.size() == legal.size() * static_cast<std::size_t>(environment.width()));
  RC_ASSERT(o.baseline.size() == legal.size());
  for (std::size_t row = 0; row < legal.size(); ++row)
    RC_ASSERT(environment.action_of_choice(static_cast<int>(row)) == legal[row]);
  for (float f : o.features) RC_ASSERT(std::isfinite(f) && std::abs(f) <= 20);
  // The known part is worth a day at most: no step earns more than 600 points, and expiries cost no more than 5,000.
  auto const most = static_cast<float>(600 * 12 * environment.world().config().simulation_hours + 5'000);
  for (float b : o.baseline) RC_ASSERT(std::isfinite(b) && std::abs(b) <= most);
}

RC_GTEST_PROP(ClassicEnvironment, slots_are_the_predecessors_observation_and_the_mask_of_legal_actions,
              (std::uint64_t luck)) {
  Rng rng(luck);
  ClassicEnvironment environment(any_config(rng), NetworkKind::slots);
  environment.reset(rng.next());
  advance(environment, rng);
  rl::Observation o;
  environment.observe(o);
  ClassicWorld const& world = environment.world();
  RC_ASSERT(environment.width() == world.observation_size());
  RC_ASSERT(environment.actions() == world.action_count());
  RC_ASSERT(o.rows == 1);
  std::vector<float> expected(static_cast<std::size_t>(world.observation_size()));
  world.observe(expected);
  RC_ASSERT(o.features == expected);
  RC_ASSERT(o.legal.size() == static_cast<std::size_t>(world.action_count()));
  for (int a = 0; a < world.action_count(); ++a) RC_ASSERT(o.is_legal(a) == world.is_legal(a));
}

RC_GTEST_PROP(ClassicEnvironment, a_step_is_the_worlds_step_and_the_end_of_a_day_is_terminal,
              (std::uint64_t luck, bool is_slots)) {
  Rng rng(luck);
  ClassicConfig const config = any_config(rng);
  ClassicEnvironment environment(config, is_slots ? NetworkKind::slots : NetworkKind::pairs);
  ClassicWorld world(config);
  environment.reset(luck);
  world.reset(luck);
  rl::Observation o;
  while (!world.done()) {
    environment.observe(o);
    int const choice = environment.suggested_choice();
    RC_ASSERT(o.is_legal(choice));
    int const action = environment.action_of_choice(choice);
    rl::StepResult const step = environment.step(choice);
    RC_ASSERT(step.reward == world.step(action));
    RC_ASSERT(step.elapsed == 1);
    RC_ASSERT(step.terminal == world.done());
    RC_ASSERT(step.over == world.done());
  }
}

RC_GTEST_PROP(ClassicEnvironment, its_suggestion_is_the_score_rule, (std::uint64_t luck, bool is_slots)) {
  Rng rng(luck);
  ClassicEnvironment environment(any_config(rng), is_slots ? NetworkKind::slots : NetworkKind::pairs);
  environment.reset(rng.next());
  advance(environment, rng);
  rl::Observation o;
  environment.observe(o);
  auto const rule = sim::make_score_rule(sim::ScoreRuleConfig{});
  RC_ASSERT(environment.action_of_choice(environment.suggested_choice()) == rule->choose(environment.world(), Rng(0)));
}

RC_GTEST_PROP(ClassicEnvironment, an_untrained_residual_network_plays_like_its_baseline, (std::uint64_t luck)) {
  Rng rng(luck);
  ClassicEnvironment environment(any_config(rng), NetworkKind::pairs);
  environment.reset(rng.next());
  advance(environment, rng);
  rl::NetworkConfig config;
  config.kind = NetworkKind::pairs;
  rl::QNetwork network(config, environment.width(), 0, Rng(luck));
  network.set_reward_scale(37);
  rl::Observation o;
  environment.observe(o);
  rl::QScratch scratch;
  auto const values = network.values(o, scratch);
  for (std::size_t row = 0; row < values.size(); ++row) RC_ASSERT(values[row] == o.baseline[row] / 37);
  auto const best = std::ranges::max_element(o.baseline) - o.baseline.begin();
  RC_ASSERT(network.best_choice(o, scratch) == static_cast<int>(best));
}

// The world itself offers no way to put its drivers and bookings in another order; the test reaches through its view.
template <class T>
void reorder(std::span<T const> items, std::vector<std::size_t> const& order) {
  std::vector<T> const before(items.begin(), items.end());
  for (std::size_t i = 0; i < order.size(); ++i) const_cast<T&>(items[i]) = before[order[i]];
}

std::vector<std::size_t> any_order(std::size_t size, Rng& rng) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  rng.shuffle(std::span(order));
  return order;
}

RC_GTEST_PROP(ClassicEnvironment, shuffling_drivers_and_bookings_shuffles_the_rows_where_nothing_ties,
              (std::uint64_t luck)) {
  Rng rng(luck);
  ClassicConfig config = any_config(rng);
  // V2 charges every metre, so that no two choices tie: ties fall by index. (In V3.3 a driver's place in the list says
  // whether he is a regular one.)
  config.reward = sim::RewardVersion::v2;
  ClassicEnvironment environment(config, NetworkKind::pairs);
  environment.reset(rng.next());
  advance(environment, rng);
  ClassicWorld const& world = environment.world();
  ClassicWorld shuffled = world;
  auto const drivers = any_order(world.drivers().size(), rng);
  auto const bookings = any_order(world.bookings().size(), rng);
  reorder(shuffled.drivers(), drivers);
  reorder(shuffled.bookings(), bookings);

  rl::Observation before;
  rl::Observation after;
  std::vector<int> actions_before;
  std::vector<int> actions_after;
  environment.describe(world, before, actions_before);
  environment.describe(shuffled, after, actions_after);
  RC_ASSERT(actions_before.size() == actions_after.size());
  auto const width = static_cast<std::size_t>(environment.width());
  for (std::size_t row = 0; row < actions_after.size(); ++row) {
    int const action = actions_after[row];
    int same = action;
    if (action != ClassicWorld::wait && world.slot_of(action) < static_cast<int>(bookings.size())) {
      same = world.action_of(static_cast<int>(drivers[static_cast<std::size_t>(world.driver_of(action))]),
                             static_cast<int>(bookings[static_cast<std::size_t>(world.slot_of(action))]));
    } else if (action != ClassicWorld::wait) {
      continue;  // an empty slot, under no mask
    }
    auto const at = std::ranges::find(actions_before, same);
    RC_ASSERT(at != actions_before.end());
    auto const other = static_cast<std::size_t>(at - actions_before.begin());
    RC_ASSERT(std::abs(after.baseline[row] - before.baseline[other]) <= 1e-2F);
    for (std::size_t f = 0; f < width; ++f)
      RC_ASSERT(std::abs(after.features[row * width + f] - before.features[other * width + f]) <= 1e-4F);
  }
}

RC_GTEST_PROP(ClassicEnvironment, describing_twice_gives_the_same_bytes, (std::uint64_t luck)) {
  Rng rng(luck);
  ClassicEnvironment environment(any_config(rng), NetworkKind::pairs);
  environment.reset(rng.next());
  advance(environment, rng);
  rl::Observation first;
  rl::Observation second;
  second.features.assign(1'000, 7.0F);  // whatever was in the memory before
  second.legal.assign(3, 1);
  environment.observe(first);
  environment.observe(second);
  RC_ASSERT(first.features == second.features);
  RC_ASSERT(first.baseline == second.baseline);
  RC_ASSERT(second.legal.empty());
}

// The least loss over all ways to serve one job a step: try every subset by brute force. A subset can be served when,
// for each d, no more than d of its jobs have a deadline of d or less (Hall's condition for unit jobs).
double least_loss_by_brute_force(std::vector<int> const& deadlines, std::vector<double> const& penalties) {
  std::size_t const n = deadlines.size();
  double best = 1e300;
  for (std::size_t served = 0; served < (std::size_t{1} << n); ++served) {
    double lost = 0;
    std::vector<int> chosen;
    for (std::size_t i = 0; i < n; ++i) {
      if ((served >> i & 1) != 0) {
        chosen.push_back(deadlines[i]);
      } else {
        lost += penalties[i];
      }
    }
    std::ranges::sort(chosen);
    bool fits = true;
    for (std::size_t k = 0; k < chosen.size(); ++k) fits = fits && chosen[k] >= static_cast<int>(k) + 1;
    if (fits) best = std::min(best, lost);
  }
  return best;
}

RC_GTEST_PROP(UnavoidableLoss, equals_the_best_of_all_subsets, (std::uint64_t luck)) {
  Rng rng(luck);
  auto const n = rng.below(11);
  std::vector<int> deadlines;
  std::vector<double> penalties;
  for (std::uint64_t i = 0; i < n; ++i) {
    deadlines.push_back(static_cast<int>(rng.below(9)) - 1);
    penalties.push_back(40.0 * static_cast<double>(rng.between(1, 5)));
  }
  RC_ASSERT(std::abs(unavoidable_loss(deadlines, penalties) - least_loss_by_brute_force(deadlines, penalties)) < 1e-9);
}

TEST(UnavoidableLoss, of_small_cases) {
  EXPECT_EQ(unavoidable_loss({}, {}), 0);
  // Both must be served in the one step: the cheaper is lost.
  EXPECT_EQ(unavoidable_loss(std::vector{1, 1}, std::vector{40.0, 200.0}), 40);
  // The dear one can wait a step.
  EXPECT_EQ(unavoidable_loss(std::vector{1, 2}, std::vector{40.0, 200.0}), 0);
  // What has no step left is lost whatever is done.
  EXPECT_EQ(unavoidable_loss(std::vector{0, 3}, std::vector{40.0, 200.0}), 40);
  // Three jobs within two steps: the cheapest goes.
  EXPECT_EQ(unavoidable_loss(std::vector{2, 2, 2}, std::vector{120.0, 80.0, 160.0}), 80);
}

}  // namespace
}  // namespace regulus::lab
