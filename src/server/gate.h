// What the registry keeps of a model's gate: {"passed", "families": names, …}, or null for a model without one.
#pragma once

#include <algorithm>
#include <string>

#include "core/json.h"

namespace regulus::server {

inline bool has_passed(Json const& gate) {
  Json const* const passed = gate.find("passed");
  return passed != nullptr && passed->is_bool() && passed->as_bool();
}

// Whether it was passed on days of this family.
inline bool has_passed_on(Json const& gate, std::string const& family) {
  Json const* const families = gate.find("families");
  if (!has_passed(gate) || families == nullptr || !families->is_array() || family.empty()) return false;
  return std::ranges::any_of(families->as_array(),
                             [&](Json const& f) { return f.is_string() && f.as_string() == family; });
}

}  // namespace regulus::server
