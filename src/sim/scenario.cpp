#include "sim/scenario.h"

#include <fmt/format.h>

#include "core/config.h"
#include "sim/demand.h"
#include "sim/families/families.h"

namespace regulus::sim {

std::span<Family const> families() {
  static constexpr Family all[] = {
#define FAMILY(name, config, summary) \
  {name, summary, [](std::uint64_t seed) { return generate_day(name, config(), seed); }, config},
#include "sim/families.def"
#undef FAMILY
  };
  return all;
}

Result<Family const*> find_family(std::string_view name) {
  std::vector<std::string> names;
  for (Family const& family : families()) {
    if (family.name == name) return &family;
    names.emplace_back(family.name);
  }
  return Error{ErrorKind::not_found, fmt::format("scenario = {} is not known{} (known: {})", name,
                                                 suggestion(name, names), fmt::join(names, ", "))};
}

}  // namespace regulus::sim
