// What a company decides about its dispatch, one declaration for API, store and documentation.
#pragma once

#include <string>
#include <tuple>

#include "core/fields.h"
#include "core/json.h"
#include "core/result.h"
#include "server/desk.h"
#include "store/companies.h"

namespace regulus::server {

struct CompanySettings {
  std::string policy = "insertion";
  bool auto_dispatch = true;
  bool improve = true;
  int lock_horizon_seconds = 600;
  int no_show_wait_seconds = 600;
  int partner_rides = 0;
  int partner_notice_seconds = 1'800;
  bool partner_wheelchairs = true;
  int suggestion_seconds = 900;

  static constexpr auto fields() {
    return std::tuple{
        field(&CompanySettings::policy, "policy",
              "The rule that answers at once: insertion, nearest, regret, lns, lns_futures or rollout."),
        field(&CompanySettings::auto_dispatch, "auto_dispatch",
              "Bookings of today are decided about without being asked."),
        field(&CompanySettings::improve, "improve", "A search improves the plans in the background after a decision."),
        field(&CompanySettings::lock_horizon_seconds, "lock_horizon_seconds",
              "Stops that begin within this time are no longer moved.", range(0, 86'400)),
        field(&CompanySettings::no_show_wait_seconds, "no_show_wait_seconds",
              "How long a driver waits for a passenger beyond the window's start.", range(0, 86'400)),
        field(&CompanySettings::partner_rides, "partner_rides", "Rides a day that a partner company takes.",
              range(0, 10'000)),
        field(&CompanySettings::partner_notice_seconds, "partner_notice_seconds",
              "The partner must be told this long before the pickup window ends.", range(0, 86'400)),
        field(&CompanySettings::partner_wheelchairs, "partner_wheelchairs",
              "The partner takes wheelchairs and stretchers."),
        field(&CompanySettings::suggestion_seconds, "suggestion_seconds", "How long a suggestion stands open.",
              range(10, 86'400)),
    };
  }
  friend bool operator==(CompanySettings const&, CompanySettings const&) = default;
};
static_assert(describes_every_member<CompanySettings>());

// What is absent has its default. Errors name the setting, the value and what is allowed.
Result<CompanySettings> company_settings_of(Json const& json);
Json to_json(CompanySettings const& settings);
CompanyRules rules_of(store::Company const& company, CompanySettings const& settings);

}  // namespace regulus::server
