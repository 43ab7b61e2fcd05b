// A config with a field of every kind, for the tests of fields and config.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/config.h"

namespace regulus {

enum class SampleShape : std::uint8_t { slots, pairs };
constexpr std::array<std::string_view, 2> enum_names(SampleShape) { return {"slots", "pairs"}; }

struct SampleReplay {
  int buffer_size = 100'000;
  float per_alpha = 0.6F;
  static constexpr auto fields() {
    return std::tuple{
        field(&SampleReplay::buffer_size, "buffer_size", "Transitions kept.", range(1'000, 2'000'000)),
        field(&SampleReplay::per_alpha, "per_alpha", "0 is uniform.", range(0, 1), tunable(0.4, 0.8)),
    };
  }
};
static_assert(describes_every_member<SampleReplay>());

struct SampleConfig {
  std::vector<int> hidden_sizes{512, 256, 128};
  double learning_rate = 0.001;
  bool dueling = false;
  int batch_size = 64;
  std::uint64_t seed = 1;
  std::string note = "none";
  SampleShape network = SampleShape::slots;
  SampleReplay replay;
  static constexpr auto fields() {
    return std::tuple{
        field(&SampleConfig::hidden_sizes, "hidden_sizes", "Units of each hidden layer.", range(1, 4096),
              tunable_layers(std::array{128.0, 512.0}, std::array{64.0, 256.0})),
        field(&SampleConfig::learning_rate, "learning_rate", "Step of Adam.", range(0, 1), tunable_log(1e-5, 1e-2)),
        field(&SampleConfig::dueling, "dueling", "Value and advantage heads.", tunable_flag()),
        field(&SampleConfig::batch_size, "batch_size", "Transitions per update.", at_least(1),
              tunable_among(32, 64, 128)),
        field(&SampleConfig::seed, "seed", "Where chance starts."),
        field(&SampleConfig::note, "note", "For the reader."),
        field(&SampleConfig::network, "network", "Shape of the network."),
        field(&SampleConfig::replay, "replay", "What is remembered."),
    };
  }
};
static_assert(describes_every_member<SampleConfig>());

}  // namespace regulus
