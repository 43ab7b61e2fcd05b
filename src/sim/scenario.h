// Named families of days. A family and a seed make one day, whole, before anything is decided: the same for everybody.
//
// A family is a set of settings of the generating process (sim/demand_config.h) under a name: a function in families/
// and one line in families.def. Its days differ by nothing but the seed. Seeds of training, tuning, selection,
// validation and test come from core/seeds.h and never meet.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/result.h"
#include "domain/day.h"
#include "sim/demand_config.h"

namespace regulus::sim {

struct Family {
  std::string name;
  std::string summary;
  std::function<Day(std::uint64_t seed)> generate;
  DemandConfig (*config)() = nullptr;  // null for a company's own days
};
// In the order of families.def.
std::span<Family const> families();
// Whether a name is a path, and so means the files in a folder (sim/recorded_days.h).
inline bool is_path(std::string_view name) { return name.find('/') != std::string_view::npos; }
// A folder is read once. Errors: not_found with the nearest name; for a path as RecordedDays::open.
Result<Family const*> find_family(std::string_view name);

}  // namespace regulus::sim
