#include "tune/sampler.h"

#include <fmt/format.h>

#include "core/config.h"

namespace regulus::tune {

#define REGULUS_SAMPLER(name) std::unique_ptr<Sampler> make_##name##_sampler(SamplerConfig const& config);
#include "tune/samplers.def"
#undef REGULUS_SAMPLER

namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Sampler> (*make)(SamplerConfig const&);
};

constexpr Entry entries[] = {
#define REGULUS_SAMPLER(name) {#name, make_##name##_sampler},
#include "tune/samplers.def"
#undef REGULUS_SAMPLER
};

}  // namespace

Result<std::unique_ptr<Sampler>> make_sampler(std::string_view name, SamplerConfig const& config) {
  for (Entry const& entry : entries) {
    if (entry.name == name) return entry.make(config);
  }
  auto const known = sampler_names();
  return invalid(
      fmt::format("unknown sampler {} (known: {}){}", name, fmt::join(known, ", "), suggestion(name, known)));
}

std::vector<std::string> sampler_names() {
  std::vector<std::string> names;
  for (Entry const& entry : entries) names.emplace_back(entry.name);
  return names;
}

}  // namespace regulus::tune
