// The nouns of tuning: distribution, trial, study. Plain values that the tuner proposes, the store keeps and a report
// shows.
//
// Meanings and numbers are Optuna's, so that its programs read our studies: internal values are reals (a categorical
// parameter is stored as the index of its choice), states carry Optuna's numbers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/json.h"

namespace regulus {

struct FloatDistribution {
  double low = 0, high = 1;
  bool log = false;
  std::optional<double> step;  // exclusive with log
  friend bool operator==(FloatDistribution const&, FloatDistribution const&) = default;
};
struct IntDistribution {
  std::int64_t low = 0, high = 1;
  bool log = false;
  std::int64_t step = 1;  // 1 when log
  friend bool operator==(IntDistribution const&, IntDistribution const&) = default;
};
struct CategoricalDistribution {
  std::vector<Json> choices;  // null, bool, integer, number or text
  friend bool operator==(CategoricalDistribution const&, CategoricalDistribution const&) = default;
};
using Distribution = std::variant<FloatDistribution, IntDistribution, CategoricalDistribution>;

// By name; std::map because Optuna orders a joint space by name.
using SearchSpace = std::map<std::string, Distribution>;

enum class TrialState : std::uint8_t { running = 0, complete = 1, pruned = 2, fail = 3, waiting = 4 };
enum class Direction : std::uint8_t { minimize = 1, maximize = 2 };

struct Trial {
  int number = 0;  // 0, 1, 2, … within its study
  TrialState state = TrialState::running;
  std::vector<double> values;                         // one an objective; empty while unfinished
  std::map<std::string, double> params;               // internal values
  std::map<std::string, Distribution> distributions;  // of each parameter in `params`
  std::map<int, double> intermediate;                 // reported value by step; may be NaN or infinite
  std::map<std::string, Json> user_attributes;
  std::map<std::string, Json> system_attributes;
  std::int64_t started_us = 0;  // microseconds since 1970 UTC; 0 is unknown
  std::int64_t finished_us = 0;

  bool finished() const {
    return state == TrialState::complete || state == TrialState::pruned || state == TrialState::fail;
  }
  friend bool operator==(Trial const&, Trial const&) = default;
};

struct StudyInfo {
  std::string name;
  std::vector<Direction> directions{Direction::maximize};
  std::map<std::string, Json> user_attributes;
  std::map<std::string, Json> system_attributes;
  friend bool operator==(StudyInfo const&, StudyInfo const&) = default;
};

// The value as a user sees it: the choice of a categorical, an integer for an int, the real itself.
Json external_value(Distribution const& distribution, double internal);
// The reverse; an error names the value when it is not a choice or not a number.
Result<double> internal_value(Distribution const& distribution, Json const& external);

// Optuna's JSON form: {"name": "FloatDistribution", "attributes": {…}}.
Json distribution_to_json(Distribution const& distribution);
Result<Distribution> distribution_from_json(Json const& json);

}  // namespace regulus
