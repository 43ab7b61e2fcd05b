#include "rl/q_network.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/support/toy_environments.h"

namespace regulus::rl {
namespace {

using toys::pairs;
using toys::slots;

std::vector<float> values_of(QNetwork const& network, Observation const& observation) {
  QScratch scratch;
  auto const values = network.values(observation, scratch);
  return {values.begin(), values.end()};
}

Observation with_rows(Observation const& o, std::vector<int> const& rows, int width) {
  Observation out;
  out.rows = static_cast<int>(rows.size());
  for (int r : rows) {
    auto const from = o.features.begin() + static_cast<std::ptrdiff_t>(r) * width;
    out.features.insert(out.features.end(), from, from + width);
    if (!o.baseline.empty()) out.baseline.push_back(o.baseline[static_cast<std::size_t>(r)]);
  }
  return out;
}

QNetwork random_network(NetworkConfig const& config, int width, int actions, Rng& rng) {
  QNetwork network(config, width, actions, rng);
  for (float& w : network.network().parameters()) w = static_cast<float>(rng.normal());
  return network;
}

// Row 0 is the choice that is always there; the others may come in any order.
RC_GTEST_PROP(QNetwork, shuffling_candidates_shuffles_their_values, (std::uint64_t luck, bool layer_norm)) {
  constexpr int width = 46;
  Rng rng(luck);
  NetworkConfig config = pairs({64, 64});
  config.layer_norm = layer_norm;
  QNetwork const network = random_network(config, width, 0, rng);
  Observation o;
  o.rows = static_cast<int>(rng.between(1, 200));
  for (int i = 0; i < o.rows * width; ++i) o.features.push_back(static_cast<float>(rng.normal()));
  for (int i = 0; i < o.rows; ++i) o.baseline.push_back(static_cast<float>(rng.normal()));
  std::vector<int> order(static_cast<std::size_t>(o.rows));
  std::iota(order.begin(), order.end(), 0);
  rng.shuffle(std::span(order).subspan(1));
  auto const before = values_of(network, o);
  auto const after = values_of(network, with_rows(o, order, width));
  // Up to rounding: some processors multiply the last rows of a matrix in another order than the others.
  for (std::size_t i = 0; i < order.size(); ++i) {
    float const was = before[static_cast<std::size_t>(order[i])];
    RC_ASSERT(std::abs(after[i] - was) <= 1e-4F * (1 + std::abs(was)));
  }
}

RC_GTEST_PROP(QNetwork, shuffling_candidates_keeps_dueling_values_up_to_rounding, (std::uint64_t luck)) {
  constexpr int width = 7;
  Rng rng(luck);
  NetworkConfig config = pairs({16});
  config.dueling = true;
  QNetwork const network = random_network(config, width, 0, rng);
  Observation const o = toys::random_observation(rng, NetworkKind::pairs, width, 0);
  std::vector<int> order(static_cast<std::size_t>(o.rows));
  std::iota(order.begin(), order.end(), 0);
  rng.shuffle(std::span(order).subspan(1));
  auto const before = values_of(network, o);
  auto const after = values_of(network, with_rows(o, order, width));
  for (std::size_t i = 0; i < order.size(); ++i) {
    float const expected = before[static_cast<std::size_t>(order[i])];
    RC_ASSERT(std::abs(after[i] - expected) <= 1e-4F * (1 + std::abs(expected)));
  }
}

// The products' rounding depends on the number of rows, in the last bits.
RC_GTEST_PROP(QNetwork, more_candidates_change_no_other_value_and_no_choice, (std::uint64_t luck)) {
  constexpr int width = 7;
  Rng rng(luck);
  QNetwork const network = random_network(pairs({16, 8}), width, 0, rng);
  Observation const o = toys::random_observation(rng, NetworkKind::pairs, width, 0);
  auto const before = values_of(network, o);
  QScratch scratch;
  int const choice = network.best_choice(o, scratch);
  float const highest = before[static_cast<std::size_t>(choice)];

  // More of what was there, except of the best: padding that is worth less.
  std::vector<int> padded(static_cast<std::size_t>(o.rows));
  std::iota(padded.begin(), padded.end(), 0);
  for (int i = 0; i < 5; ++i) {
    int const row = static_cast<int>(rng.below(static_cast<std::uint64_t>(o.rows)));
    if (before[static_cast<std::size_t>(row)] < highest - 1e-3F) padded.push_back(row);
  }
  Observation const more = with_rows(o, padded, width);
  auto const after = values_of(network, more);
  for (std::size_t i = 0; i < before.size(); ++i)
    RC_ASSERT(std::abs(after[i] - before[i]) <= 1e-5F * (1 + std::abs(before[i])));
  RC_ASSERT(network.best_choice(more, scratch) == choice);
}

RC_GTEST_PROP(QNetwork, an_illegal_action_changes_no_value_of_a_legal_one, (std::uint64_t luck)) {
  Rng rng(luck);
  QNetwork const network = random_network(slots({16}), 6, 9, rng);
  Observation o = toys::random_observation(rng, NetworkKind::slots, 6, 9);
  auto const masked = values_of(network, o);
  auto const legal = o.legal;
  std::ranges::fill(o.legal, std::uint8_t{1});
  auto const open = values_of(network, o);
  for (std::size_t a = 0; a < legal.size(); ++a) {
    if (legal[a] != 0) RC_ASSERT(masked[a] == open[a]);
  }
}

RC_GTEST_PROP(QNetwork, dueling_advantages_average_to_zero_over_legal_choices, (std::uint64_t luck, bool is_slots)) {
  // The mean of Q over legal choices, less the baseline, is the state's value: the last output.
  Rng rng(luck);
  NetworkConfig config = is_slots ? slots({8}) : pairs({8});
  config.dueling = true;
  int const actions = is_slots ? 6 : 0;
  QNetwork const network = random_network(config, 4, actions, rng);
  Observation o = toys::random_observation(rng, config.kind, 4, actions);
  o.baseline.clear();
  auto const values = values_of(network, o);
  nn::Tape tape;
  nn::Matrix outputs;
  network.network().head(network.network().body({o.features.data(), o.rows, 4}, tape), outputs);
  double sum = 0;
  int legal = 0;
  double largest = 1;
  for (int c = 0; c < o.choices(); ++c) {
    if (!o.is_legal(c)) continue;
    sum += values[static_cast<std::size_t>(c)];
    largest = std::max(largest, std::abs(static_cast<double>(values[static_cast<std::size_t>(c)])));
    ++legal;
  }
  double const state_value = outputs.row(0)[static_cast<std::size_t>(is_slots ? actions : 1)];
  RC_ASSERT(std::abs(sum / legal - state_value) < 1e-5 * largest);
}

TEST(QNetwork, an_untrained_residual_network_is_its_baseline_in_scaled_units) {
  Rng rng(3);
  QNetwork network(pairs({16}), 5, 0, rng);
  network.set_reward_scale(4);
  Observation const o = toys::random_observation(rng, NetworkKind::pairs, 5, 0);
  auto const values = values_of(network, o);
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], o.baseline[i] / 4);
}

TEST(QNetwork, without_residual_the_baseline_is_not_read) {
  Rng rng(3);
  QNetwork const network(pairs({16}, false), 5, 0, rng);
  Observation o = toys::random_observation(rng, NetworkKind::pairs, 5, 0);
  auto const values = values_of(network, o);
  o.baseline.clear();
  EXPECT_EQ(values_of(network, o), values);
}

// Central differences over every parameter: ∂ Σ d·Q(chosen) / ∂w, for the shapes whose gradient the network itself does
// not know (dueling, candidates, baseline).
RC_GTEST_PROP(QNetwork, the_gradient_of_chosen_values_equals_differences,
              (std::uint64_t luck, bool is_slots, bool dueling)) {
  Rng rng(luck);
  NetworkConfig config = is_slots ? slots({6}) : pairs({6});
  config.dueling = dueling;
  int const actions = is_slots ? 5 : 0;
  QNetwork network = random_network(config, 4, actions, rng);
  std::vector<Observation> states;
  std::vector<Observation const*> pointers;
  std::vector<int> choices;
  std::vector<float> d;
  for (int i = 0; i < 4; ++i) {
    states.push_back(toys::random_observation(rng, config.kind, 4, actions));
    int c = 0;
    while (!states.back().is_legal(c)) ++c;
    choices.push_back(c);
    d.push_back(static_cast<float>(rng.normal()));
  }
  for (auto const& s : states) pointers.push_back(&s);
  QScratch scratch;
  std::vector<float> values(states.size());
  std::vector<float> gradients(network.network().parameters().size(), 0.0F);
  Rng dropout(1);
  network.forward(pointers, choices, scratch, dropout, values);
  network.backward(pointers, choices, d, scratch, gradients);
  auto const objective = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < states.size(); ++i)
      sum += static_cast<double>(d[i]) * values_of(network, states[i])[static_cast<std::size_t>(choices[i])];
    return sum;
  };
  // Without LayerNorm the objective is linear in each weight but for kinks of ReLUs: where the two one-sided
  // differences disagree, a kink lies between them and they say nothing.
  double const centre = objective();
  std::size_t wrong = 0;
  std::size_t kinks = 0;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    float& w = network.network().parameters()[i];
    float const kept = w;
    constexpr float h = 1e-2F;
    w = kept + h;
    double const up = objective();
    w = kept - h;
    double const down = objective();
    w = kept;
    double const numeric = (up - down) / (2 * static_cast<double>(h));
    double const bend = std::abs(up - 2 * centre + down) / (2 * static_cast<double>(h));
    if (bend > 1e-3 * (1 + std::abs(numeric))) {
      ++kinks;
    } else if (std::abs(numeric - static_cast<double>(gradients[i])) > 2e-3 * (1 + std::abs(numeric)) + 2e-3) {
      ++wrong;
    }
  }
  RC_ASSERT(wrong == 0U);
  RC_ASSERT(2 * kinks < gradients.size());
}

TEST(QNetwork, an_architecture_names_everything_that_shapes_the_weights) {
  NetworkConfig config = slots({512, 256});
  config.dueling = true;
  config.layer_norm = true;
  EXPECT_EQ(QNetwork(config, 122, 201, Rng(1)).architecture(), "slots 122-512-256-202 dueling layer_norm");
  EXPECT_EQ(QNetwork(pairs({64}), 46, 0, Rng(1)).architecture(), "pairs 46-64-1");
}

}  // namespace
}  // namespace regulus::rl
