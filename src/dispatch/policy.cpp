#include "dispatch/policy.h"

#include <fmt/format.h>

#include "core/config.h"
#include "dispatch/guarded.h"
#include "dispatch/learned/value_model.h"

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
  if (auto const colon = name.find(':'); colon != std::string_view::npos) {
    std::string_view const policy = name.substr(0, colon);
    if (policy == "guarded") {
      Result<std::unique_ptr<Policy>> guarded = make_policy(name.substr(colon + 1), settings);
      if (!guarded) return guarded.error();
      return std::unique_ptr<Policy>(std::make_unique<Guarded>(guarded.take()));
    }
    if (policy != "dqn" && policy != "dqn_insertion") {
      return invalid(fmt::format(
          "policy = {}: only dqn and dqn_insertion are followed by a model's file, guarded by a policy", name));
    }
    Result<std::shared_ptr<ValueModel const>> model = load_value_model(std::string(name.substr(colon + 1)));
    if (!model) return model.error();
    PolicySettings with_model = settings;
    with_model.model = model.take();
    return make_policy(policy, with_model);
  }
  std::vector<std::string> names;
  for (PolicyEntry const& entry : entries) {
    if (entry.name == name) return entry.make(settings);
    names.emplace_back(entry.name);
  }
  return Error{ErrorKind::not_found, fmt::format("policy = {} is not known{} (known: {})", name,
                                                 suggestion(name, names), fmt::join(names, ", "))};
}

}  // namespace regulus::dispatch
