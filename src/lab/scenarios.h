// What a configuration's `scenario` names: the classic environment, or families of the dispatch world.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "dispatch/learned/value_model.h"
#include "lab/config.h"
#include "lab/dispatch_environment.h"
#include "sim/scenario.h"

namespace regulus::lab {

inline constexpr std::string_view classic_scenario = "classic";

inline bool is_dispatch(Config const& config) { return config.scenario != classic_scenario; }

// The families that a scenario names, with commas between; "all" is every family whose days are small enough to learn
// on. Errors: not_found with the nearest name, a family named twice.
Result<std::vector<sim::Family const*>> families_of(std::string const& scenario);

// Their names. Bug check: families_of has passed the scenario.
std::vector<std::string> family_names(std::string const& scenario);

// Whose turn it is. Each family asks for about as many rides as any other: with days of ten rides and of a thousand
// there are a hundred of the former to one of the latter, spread evenly. Families of like size take turns day by day.
class Turns {
 public:
  // Rides of a usual day of each family, above 0; at least one family.
  explicit Turns(std::span<double const> rides_a_day);
  // The family of a seed's day, by position.
  std::size_t of(std::uint64_t seed) const { return order_[static_cast<std::size_t>(seed % order_.size())]; }
  std::size_t round() const { return order_.size(); }  // days until it begins again; each family has at least one

 private:
  std::vector<std::size_t> order_;
};
// Bug check: families_of has passed the scenario.
Turns turns_of(std::string const& scenario);

// The day of a seed: families take turns. Bug check: families_of has passed the scenario.
DayMaker day_maker(std::string const& scenario);

// The sizes of the fleets of a scenario's days: measured on 100 days of each family.
dispatch::FleetSizes fleet_sizes(std::string const& scenario);

// Of a value whose trust nothing has chosen yet; measured in docs/decisions/0013.
inline constexpr double usual_trust = 0.3;

// Settings with which learning on the dispatch world begins; the scenario is set.
Config dispatch_defaults(std::string const& scenario);

}  // namespace regulus::lab
