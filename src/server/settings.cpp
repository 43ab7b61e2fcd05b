#include "server/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/config.h"

namespace regulus::server {

namespace {

// Rules that answer fast enough to stand in the path of a request.
constexpr std::array<std::string_view, 6> rules = {"insertion", "nearest", "regret", "lns", "lns_futures", "rollout"};

}  // namespace

Result<CompanySettings> company_settings_of(Json const& json) {
  CompanySettings read;
  if (!json.is_object()) return invalid("the document is no object; write {\"auto_dispatch\": true}");
  auto const list = settings(read);
  for (Setting const& setting : list) {
    // A study writes every number as a real; who asks us says what he means.
    Json const* const value = json.find(setting.path);
    if (setting.type == SettingType::integer && value != nullptr && !value->is_integer()) {
      return invalid(fmt::format("{} = {} is no whole number; write one without a point", setting.path, value->dump()));
    }
  }
  if (Status const applied = apply_json(list, json); !applied) return applied.error();
  if (std::ranges::find(rules, read.policy) == rules.end()) {
    return invalid(fmt::format("policy = {} is none of {}", read.policy, fmt::join(rules, ", ")));
  }
  return read;
}

Json to_json(CompanySettings const& written) {
  CompanySettings copy = written;
  return regulus::to_json(settings(copy));
}

CompanyRules rules_of(store::Company const& company, CompanySettings const& settings) {
  CompanyRules rules_of_day;
  rules_of_day.time_zone = company.time_zone;
  rules_of_day.partner = {.rides = settings.partner_rides,
                          .notice = settings.partner_notice_seconds,
                          .wheelchairs = settings.partner_wheelchairs};
  rules_of_day.lock_horizon = settings.lock_horizon_seconds;
  rules_of_day.no_show_wait = settings.no_show_wait_seconds;
  return rules_of_day;
}

}  // namespace regulus::server
