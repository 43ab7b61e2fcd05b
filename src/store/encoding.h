// How Optuna's tables write numbers, times, states and attributes as text.
//
// Reading is lenient where a Python worker may have written what we would not (NaN inside JSON, whole seconds), so that
// one odd attribute never makes a study unreadable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/trial.h"

namespace regulus::store {

// "2026-03-01 08:15:00.250000": naive UTC, as Optuna 5 writes it.
std::string timestamp_text(std::int64_t microseconds);
// The reverse; a missing fraction is zero. 0 when the text is not a time.
std::int64_t timestamp_us(std::string_view text);

std::string_view state_name(TrialState state);
std::optional<TrialState> state_from(std::string_view name);
std::string_view direction_name(Direction direction);

// A real next to the name of its kind: FINITE with the value, or INF_POS, INF_NEG, NAN without.
struct StoredReal {
  std::optional<double> value;
  std::string_view type;
  friend bool operator==(StoredReal const&, StoredReal const&) = default;
};
StoredReal stored_real(double value);
std::optional<double> real_from(std::optional<double> value, std::string_view type);

// The value of an attribute. Python's bare NaN, Infinity and -Infinity read as null, as does what is not JSON at all.
Json attribute_from(std::string_view text);
// Errors name what is wrong with it.
Result<Distribution> distribution_from(std::string_view text);

}  // namespace regulus::store
