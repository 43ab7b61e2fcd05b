#include "rl/q_network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"

namespace regulus::rl {
namespace {

constexpr float illegal_value = -std::numeric_limits<float>::infinity();

nn::Shape shape_of(NetworkConfig const& config, int width, int actions) {
  int const advantages = config.kind == NetworkKind::slots ? actions : 1;
  return {.inputs = width,
          .hidden = config.hidden(),
          .outputs = advantages + (config.dueling ? 1 : 0),
          .layer_norm = config.layer_norm,
          .dropout = static_cast<float>(config.dropout)};
}

// The legal choice of highest value, the lowest index on ties; legal even when values are no numbers, which lose to all
// others.
int index_of_best(std::span<float const> values, Observation const& observation) {
  int best = -1;
  float highest = illegal_value;
  for (int c = 0; c < observation.choices(); ++c) {
    if (!observation.is_legal(c)) continue;
    float const value = values[static_cast<std::size_t>(c)];
    if (best < 0 || value > highest || (std::isnan(highest) && !std::isnan(value))) {
      best = c;
      highest = value;
    }
  }
  return best;
}

}  // namespace

QNetwork::QNetwork(NetworkConfig const& config, int width, int actions, Rng rng)
    : config_(config), network_(shape_of(config, width, actions), rng), actions_(actions) {
  REGULUS_CHECK((config.kind == NetworkKind::slots) == (actions > 0));
  if (config.kind == NetworkKind::pairs && config.pairs.residual) {
    for (nn::Block const& block : network_.blocks()) {
      if (block.name.starts_with("head."))
        std::ranges::fill(network_.parameters().subspan(block.offset, block.size()), 0.0F);
    }
  }
}

std::string QNetwork::architecture() const {
  nn::Shape const& s = network_.shape();
  return fmt::format("{} {}-{}{}{}{}{}", enum_names(NetworkKind{})[static_cast<std::size_t>(config_.kind)], s.inputs,
                     fmt::join(s.hidden, "-"), s.hidden.empty() ? "" : "-", s.outputs,
                     config_.dueling ? " dueling" : "", s.layer_norm ? " layer_norm" : "");
}

float QNetwork::known_part(Observation const& observation, int choice) const {
  if (!has_known_part(observation)) return 0;
  return observation.baseline[static_cast<std::size_t>(choice)] / reward_scale_;
}

void QNetwork::gather_all(Observations observations, QScratch& scratch) const {
  int rows = 0;
  scratch.first_rows.clear();
  for (Observation const* o : observations) {
    scratch.first_rows.push_back(rows);
    rows += o->rows;
  }
  scratch.input.resize(rows, width());
  float* out = scratch.input.data();
  for (Observation const* o : observations) {
    REGULUS_CHECK(o->features.size() == static_cast<std::size_t>(o->rows) * static_cast<std::size_t>(width()));
    out = std::ranges::copy(o->features, out).out;
  }
}

void QNetwork::gather_chosen(Observations observations, std::span<int const> choices, QScratch& scratch) const {
  scratch.input.resize(static_cast<int>(observations.size()), width());
  scratch.columns.resize(observations.size());
  bool const pairs = config_.kind == NetworkKind::pairs;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    std::size_t const row = pairs ? static_cast<std::size_t>(choices[i]) : 0;
    auto const from =
        observations[i]->features.begin() + static_cast<std::ptrdiff_t>(row * static_cast<std::size_t>(width()));
    std::copy(from, from + width(), scratch.input.row(static_cast<int>(i)).begin());
    scratch.columns[i] = pairs ? 0 : choices[i];
  }
}

void QNetwork::combine(Observation const& observation, nn::Matrix const& outputs, int first_row,
                       std::span<float> q) const {
  bool const pairs = config_.kind == NetworkKind::pairs;
  int const choices = observation.choices();
  double legal_sum = 0;
  int legal_count = 0;
  for (int c = 0; c < choices; ++c) {
    bool const legal = observation.is_legal(c);
    float const advantage = pairs ? outputs.row(first_row + c)[0] : outputs.row(first_row)[static_cast<std::size_t>(c)];
    q[static_cast<std::size_t>(c)] = legal ? advantage : illegal_value;
    if (legal) {
      legal_sum += advantage;
      ++legal_count;
    }
  }
  float offset = 0;
  if (config_.dueling) {
    float const state_value = outputs.row(first_row)[static_cast<std::size_t>(pairs ? 1 : actions_)];
    offset = state_value - static_cast<float>(legal_sum / legal_count);
  }
  for (int c = 0; c < choices; ++c) q[static_cast<std::size_t>(c)] += offset + known_part(observation, c);
}

std::span<float const> QNetwork::values(Observation const& observation, QScratch& scratch) const {
  nn::MatrixView const input{observation.features.data(), observation.rows, width()};
  REGULUS_CHECK(observation.features.size() ==
                static_cast<std::size_t>(observation.rows) * static_cast<std::size_t>(width()));
  network_.head(network_.body(input, scratch.tape), scratch.outputs);
  scratch.values.resize(static_cast<std::size_t>(observation.choices()));
  combine(observation, scratch.outputs, 0, scratch.values);
  return scratch.values;
}

int QNetwork::best_choice(Observation const& observation, QScratch& scratch) const {
  return index_of_best(values(observation, scratch), observation);
}

void QNetwork::best_choices(Observations observations, QScratch& scratch, std::span<int> choices) const {
  gather_all(observations, scratch);
  network_.head(network_.body(scratch.input, scratch.tape), scratch.outputs);
  for (std::size_t i = 0; i < observations.size(); ++i) {
    scratch.values.resize(static_cast<std::size_t>(observations[i]->choices()));
    combine(*observations[i], scratch.outputs, scratch.first_rows[i], scratch.values);
    choices[i] = index_of_best(scratch.values, *observations[i]);
  }
}

void QNetwork::pick(Observations observations, std::span<int const> choices, QScratch& scratch,
                    std::span<float> values) const {
  for (std::size_t i = 0; i < observations.size(); ++i) {
    scratch.values.resize(static_cast<std::size_t>(observations[i]->choices()));
    combine(*observations[i], scratch.outputs, scratch.first_rows[i], scratch.values);
    values[i] = scratch.values[static_cast<std::size_t>(choices[i])];
  }
}

void QNetwork::values_at(Observations observations, std::span<int const> choices, QScratch& scratch,
                         std::span<float> values) const {
  if (config_.dueling) {
    gather_all(observations, scratch);
    network_.head(network_.body(scratch.input, scratch.tape), scratch.outputs);
    pick(observations, choices, scratch, values);
    return;
  }
  gather_chosen(observations, choices, scratch);
  network_.head_at(network_.body(scratch.input, scratch.tape), scratch.columns, values);
  for (std::size_t i = 0; i < observations.size(); ++i) values[i] += known_part(*observations[i], choices[i]);
}

void QNetwork::forward(Observations observations, std::span<int const> choices, QScratch& scratch, Rng& rng,
                       std::span<float> values) const {
  if (config_.dueling) {
    gather_all(observations, scratch);
    network_.head(network_.body_for_training(scratch.input, scratch.tape, rng), scratch.outputs);
    pick(observations, choices, scratch, values);
    return;
  }
  gather_chosen(observations, choices, scratch);
  network_.head_at(network_.body_for_training(scratch.input, scratch.tape, rng), scratch.columns, values);
  for (std::size_t i = 0; i < observations.size(); ++i) values[i] += known_part(*observations[i], choices[i]);
}

void QNetwork::backward(Observations observations, std::span<int const> choices, std::span<float const> d,
                        QScratch& scratch, std::span<float> gradients) const {
  if (!config_.dueling) {
    network_.backward_at(scratch.tape, scratch.columns, d, gradients);
    return;
  }
  // Q_c = V + A_c − mean of A: d goes to V, to A_c, and −d/n to every legal A.
  bool const pairs = config_.kind == NetworkKind::pairs;
  scratch.d_outputs.resize(scratch.outputs.rows(), scratch.outputs.cols());
  std::fill(scratch.d_outputs.data(), scratch.d_outputs.data() + scratch.d_outputs.size(), 0.0F);
  for (std::size_t i = 0; i < observations.size(); ++i) {
    Observation const& o = *observations[i];
    int const first = scratch.first_rows[i];
    auto const advantage = [&](int c) -> float& {
      return pairs ? scratch.d_outputs.row(first + c)[0] : scratch.d_outputs.row(first)[static_cast<std::size_t>(c)];
    };
    int legal_count = 0;
    for (int c = 0; c < o.choices(); ++c) legal_count += o.is_legal(c) ? 1 : 0;
    for (int c = 0; c < o.choices(); ++c) {
      if (o.is_legal(c)) advantage(c) -= d[i] / static_cast<float>(legal_count);
    }
    advantage(choices[i]) += d[i];
    scratch.d_outputs.row(first)[static_cast<std::size_t>(pairs ? 1 : actions_)] += d[i];
  }
  network_.backward(scratch.tape, scratch.d_outputs, gradients);
}

}  // namespace regulus::rl
