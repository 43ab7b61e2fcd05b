#include "travel/provider.h"

#include <fmt/format.h>

#include "core/config.h"

namespace regulus::travel {

#define PROVIDER(name, flag, summary) \
  Result<std::unique_ptr<Provider>> make_##name##_provider(ProviderSettings const& settings);
#include "travel/providers.def"
#undef PROVIDER

std::span<ProviderEntry const> providers() {
  static constexpr ProviderEntry all[] = {
#define PROVIDER(name, flag, summary) {flag, summary, make_##name##_provider},
#include "travel/providers.def"
#undef PROVIDER
  };
  return all;
}

std::vector<std::string> provider_names() {
  std::vector<std::string> names;
  for (ProviderEntry const& entry : providers()) names.emplace_back(entry.name);
  return names;
}

Result<std::unique_ptr<Provider>> make_provider(std::string_view name, ProviderSettings const& settings) {
  for (ProviderEntry const& entry : providers()) {
    if (entry.name == name) return entry.make(settings);
  }
  auto const names = provider_names();
  return invalid(fmt::format("travel times from {} are not known{} (known: {})", name, suggestion(name, names),
                             fmt::join(names, ", ")));
}

}  // namespace regulus::travel
