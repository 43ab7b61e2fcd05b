// A company's own days as a family: the files of a folder (regulus-day-1, as `regulus import` writes them), by name
// from the oldest to the newest.
//
// A seed chooses a day and its luck. Days are kept apart by what the seed is for (core/seeds.h): the oldest three
// fifths to learn on, the next fifth to choose among candidates, the newest fifth for every figure that is reported, so
// that what is promised was measured on days after those that were learned from. Days to learn on are thinned: each
// ride, a return with its outbound ride, stays with probability 0.9, for a learner that sees the same sixty days a
// hundred times learns them by heart. The others are played as they were, with the noise that their files give to legs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"
#include "domain/day.h"

namespace regulus::sim {

class RecordedDays {
 public:
  static constexpr std::size_t fewest_days = 5;

  // Reads every *.json of the folder. Errors: not_found, a folder that is none; invalid, fewer than five days or a file
  // that holds no legal day, by name.
  static Result<RecordedDays> open(std::filesystem::path const& folder);

  // The folder's own name, and that of every day.
  std::string const& name() const { return name_; }
  std::size_t size() const { return days_.size(); }
  Day day(std::uint64_t seed) const;

 private:
  std::string name_;
  std::vector<Day> days_;
};

}  // namespace regulus::sim
