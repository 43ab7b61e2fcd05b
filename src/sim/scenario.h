// Named families of days. A family and a seed make one day, whole, before anything is decided: the same for everybody.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/result.h"
#include "domain/day.h"

namespace regulus::sim {

struct Family {
  std::string_view name;
  std::string_view summary;
  Day (*generate)(std::uint64_t seed);
};
// In the order of families.def.
std::span<Family const> families();
// Errors: not_found with the nearest name.
Result<Family const*> find_family(std::string_view name);

}  // namespace regulus::sim
