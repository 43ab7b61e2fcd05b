// The days that --scenario names: those of a family, by seed, or the one in a file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "app/command.h"
#include "core/result.h"
#include "dispatch/policy.h"
#include "domain/day.h"

namespace regulus::app {

struct Days {
  std::string title;  // "200 days of city from seed 900000"
  std::function<Day(std::size_t)> day;
};

// Whether the scenario is a file and not a family.
bool is_day_file(std::string const& scenario);
// `scenario` is no longer "classic" here. Errors: no such family, with the nearest; a file that holds no legal day;
// more than one day of a file; what the file of --weights says that no objective can.
Result<Days> days_of(std::string const& scenario, std::uint64_t first_seed, int count, std::string const& weights);

// The day in a file. Errors name the file.
Result<Day> read_day(std::string const& file);

// --weights: the file of an objective, as `regulus config objective` prints it. Its prices go into every
// day; an empty name leaves the days' own.
void declare_weights(Flags& flags, std::string& file);

// --iterations and --futures, as they are for every command that runs policies.
void declare_policy_settings(Flags& flags, dispatch::PolicySettings& settings);

// "1234.56"
std::string francs(double cents);

}  // namespace regulus::app
