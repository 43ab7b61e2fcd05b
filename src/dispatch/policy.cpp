#include "dispatch/policy.h"

#include <fmt/format.h>

#include "core/config.h"

namespace regulus::dispatch {

#define POLICY(name, summary) std::unique_ptr<Policy> make_##name(PolicySettings const&);
#include "dispatch/policies.def"
#undef POLICY

namespace {

constexpr PolicyEntry entries[] = {
#define POLICY(name, summary) {#name, summary, make_##name},
#include "dispatch/policies.def"
#undef POLICY
};

}  // namespace

std::span<PolicyEntry const> policies() { return entries; }

Result<std::unique_ptr<Policy>> make_policy(std::string_view name, PolicySettings const& settings) {
  std::vector<std::string> names;
  for (PolicyEntry const& entry : entries) {
    if (entry.name == name) return entry.make(settings);
    names.emplace_back(entry.name);
  }
  return Error{ErrorKind::not_found, fmt::format("policy = {} is not known{} (known: {})", name,
                                                 suggestion(name, names), fmt::join(names, ", "))};
}

}  // namespace regulus::dispatch
