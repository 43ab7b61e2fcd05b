// What can be done with any config: JSON in and out, environment variables, flags, the reference page.
//
// Precedence is default < file < environment < flag; each function below applies one of these layers on top of what is
// there. All errors name the path and the value, and for an unknown name the nearest known one. A failed call may have
// applied part of its layer: apply to a copy and keep the copy only on success.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/fields.h"

namespace regulus {

// Nested object by path: {"replay": {"per_alpha": 0.6}}.
Json to_json(std::span<Setting const> settings);

// Reads a nested object. Unknown keys are errors.
Status apply_json(std::span<Setting const> settings, Json const& object);

// Reads a flat object of leaf names ({"learning_rate": 0.001, "hidden_size_1": 64}), as studies and the predecessor
// write it.
Status apply_flat(std::span<Setting const> settings, Json const& object);

// Sets one leaf, by path or by leaf name, from text as it stands on a command line or in an environment variable.
Status apply_text(std::span<Setting const> settings, std::string_view name, std::string_view text);

// Reads REGULUS_<PATH>, dots as underscores, through `lookup` (std::getenv in the program).
Status apply_environment(std::span<Setting const> settings, std::function<char const*(char const*)> const& lookup);

std::string environment_variable(Setting const& setting);
std::string flag_name(Setting const& setting);  // --per-alpha

// "between 0 and 1", "one of slots pairs", … for help and the reference page.
std::string allowed_values(Setting const& setting);

// A Markdown table: setting, flag, environment variable, default, allowed values, tuned range, meaning.
std::string reference_page(std::span<Setting const> settings);
// The same for settings that are neither flags nor tuned: name, default, allowed values, meaning.
std::string value_table(std::span<Setting const> settings);

// The known name closest to `name` by edit distance, when it is close enough to be meant; for "did you mean".
std::optional<std::string> nearest_name(std::string_view name, std::span<std::string const> known);
// ", did you mean …?" or nothing.
std::string suggestion(std::string_view name, std::span<std::string const> known);

// Dimensions that a tunable setting spans: one, or one for each layer. `name` is the flat name that apply_flat reads.
struct TunedDimension {
  std::string name;
  FieldOptions::Tuning tuning;  // uniform, log, among or on_off
  double low = 0, high = 0;
  std::vector<double> candidates;
  bool integer = false;
  Json default_value;
};
std::vector<TunedDimension> tuned_dimensions(Setting const& setting);

}  // namespace regulus
