// Action values behind one interface, in two shapes.
//
// slots: the predecessor's fixed outputs, one for each of N·M + 1 actions, with a mask. pairs: one shared scorer over a
// row of features for each legal choice; its size does not depend on N and M, and shuffling the rows shuffles the
// values.
//
// Values are in scaled units (reward / reward_scale). In the pairs shape an observation may bring a baseline, a known
// part of each row's value; Q = baseline / reward_scale + network, and with `residual` the network's last layer starts
// at zero, so that an untrained agent plays exactly by the baseline.
//
// dueling (Wang et al. 2016, eq. 9): Q = V + A − mean of A over legal choices. V is one more output; in the pairs shape
// it is read from row 0, the choice that is always there.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/fields.h"
#include "core/rng.h"
#include "nn/network.h"
#include "rl/environment.h"

namespace regulus::rl {

enum class NetworkKind : std::uint8_t { slots, pairs };
constexpr std::array<std::string_view, 2> enum_names(NetworkKind) { return {"slots", "pairs"}; }

struct SlotsConfig {
  std::vector<int> hidden_sizes{512, 256, 128};
  static constexpr auto fields() {
    return std::tuple{
        field(&SlotsConfig::hidden_sizes, "hidden_sizes", "Units of the hidden layers of the slots network.",
              range(1, 4096),
              tunable_layers(std::array{128.0, 256.0, 512.0}, std::array{128.0, 256.0, 512.0},
                             std::array{64.0, 128.0, 256.0})),
    };
  }
  friend bool operator==(SlotsConfig const&, SlotsConfig const&) = default;
};
static_assert(describes_every_member<SlotsConfig>());

struct PairsConfig {
  std::vector<int> pair_hidden_sizes{64, 64};
  bool residual = true;
  static constexpr auto fields() {
    return std::tuple{
        field(&PairsConfig::pair_hidden_sizes, "pair_hidden_sizes", "Units of the hidden layers of the pairs network.",
              range(1, 4096), tunable_layers(std::array{32.0, 64.0}, std::array{32.0, 64.0})),
        field(&PairsConfig::residual, "residual",
              "Add the network to the known part of each pair's value; untrained it then plays by that alone."),
    };
  }
  friend bool operator==(PairsConfig const&, PairsConfig const&) = default;
};
static_assert(describes_every_member<PairsConfig>());

struct NetworkConfig {
  NetworkKind kind = NetworkKind::pairs;
  SlotsConfig slots;
  PairsConfig pairs;
  bool dueling = false;
  bool layer_norm = false;
  double dropout = 0;

  static constexpr auto fields() {
    return std::tuple{
        field(&NetworkConfig::kind, "network", "Shape of the network: fixed slots or a scorer of pairs."),
        field(&NetworkConfig::slots, "slots", ""),
        field(&NetworkConfig::pairs, "pairs", ""),
        field(&NetworkConfig::dueling, "dueling", "Split the value into state value and advantage.", tunable_flag()),
        field(&NetworkConfig::layer_norm, "layer_norm", "Normalise each hidden layer before its ReLU."),
        field(&NetworkConfig::dropout, "dropout", "Share of hidden units dropped in training updates, and only there.",
              range(0, 0.9), tunable(0.0, 0.3)),
    };
  }
  std::vector<int> const& hidden() const {
    return kind == NetworkKind::slots ? slots.hidden_sizes : pairs.pair_hidden_sizes;
  }
  friend bool operator==(NetworkConfig const&, NetworkConfig const&) = default;
};
static_assert(describes_every_member<NetworkConfig>());

using Observations = std::span<Observation const* const>;

// Buffers of one thread's passes.
struct QScratch {
  nn::Tape tape;
  nn::Matrix input, outputs, d_outputs;
  std::vector<int> columns, first_rows;
  std::vector<float> values;
};

class QNetwork {
 public:
  QNetwork() = default;
  // `width` features a row; `actions` fixed actions, 0 in the pairs shape.
  QNetwork(NetworkConfig const& config, int width, int actions, Rng rng);

  NetworkConfig const& config() const { return config_; }
  nn::Network& network() { return network_; }
  nn::Network const& network() const { return network_; }
  int width() const { return network_.shape().inputs; }
  int actions() const { return actions_; }
  float reward_scale() const { return reward_scale_; }
  void set_reward_scale(float scale) { reward_scale_ = scale; }

  // The architecture as one word of text; its hash goes into a model file.
  std::string architecture() const;

  // Whether values rest on a part that the observation brings, and that part of one choice's value, scaled.
  bool has_known_part(Observation const& observation) const {
    return config_.kind == NetworkKind::pairs && config_.pairs.residual && !observation.baseline.empty();
  }
  float known_part(Observation const& observation, int choice) const;

  // One value a choice, −infinity where illegal. Valid until the scratch is used again.
  std::span<float const> values(Observation const& observation, QScratch& scratch) const;
  // The legal choice of highest value, the lowest index on ties.
  int best_choice(Observation const& observation, QScratch& scratch) const;

  // The same for many states at once.
  void best_choices(Observations observations, QScratch& scratch, std::span<int> choices) const;
  // Values of one choice in each state.
  void values_at(Observations observations, std::span<int const> choices, QScratch& scratch,
                 std::span<float> values) const;

  // Training pass: values of the choices taken, with dropout from `rng`; then, with the same scratch, the gradient of
  // Σ d[i] · value[i] is added to `gradients`.
  void forward(Observations observations, std::span<int const> choices, QScratch& scratch, Rng& rng,
               std::span<float> values) const;
  void backward(Observations observations, std::span<int const> choices, std::span<float const> d, QScratch& scratch,
                std::span<float> gradients) const;

 private:
  // All rows of all observations, one below the other; first_rows[i] is where observation i starts.
  void gather_all(Observations observations, QScratch& scratch) const;
  // One row a state: the only one (slots) or the chosen one (pairs); columns[i] is the output that holds the value.
  void gather_chosen(Observations observations, std::span<int const> choices, QScratch& scratch) const;
  void combine(Observation const& observation, nn::Matrix const& outputs, int first_row, std::span<float> q) const;
  // Values of the chosen choices from the outputs of a pass over gather_all's rows.
  void pick(Observations observations, std::span<int const> choices, QScratch& scratch, std::span<float> values) const;

  NetworkConfig config_;
  nn::Network network_;
  int actions_ = 0;
  float reward_scale_ = 1;
};

}  // namespace regulus::rl
