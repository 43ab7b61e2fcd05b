#include "tune/pruner.h"

#include <fmt/format.h>

#include "core/config.h"

namespace regulus::tune {

#define REGULUS_PRUNER(name) std::unique_ptr<Pruner> make_##name##_pruner(PrunerConfig const& config);
#include "tune/pruners.def"
#undef REGULUS_PRUNER

namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Pruner> (*make)(PrunerConfig const&);
};

constexpr Entry entries[] = {
#define REGULUS_PRUNER(name) {#name, make_##name##_pruner},
#include "tune/pruners.def"
#undef REGULUS_PRUNER
};

}  // namespace

Result<std::unique_ptr<Pruner>> make_pruner(std::string_view name, PrunerConfig const& config) {
  for (Entry const& entry : entries) {
    if (entry.name == name) return entry.make(config);
  }
  auto const known = pruner_names();
  return invalid(fmt::format("unknown pruner {} (known: {}){}", name, fmt::join(known, ", "), suggestion(name, known)));
}

std::vector<std::string> pruner_names() {
  std::vector<std::string> names;
  for (Entry const& entry : entries) names.emplace_back(entry.name);
  return names;
}

}  // namespace regulus::tune
