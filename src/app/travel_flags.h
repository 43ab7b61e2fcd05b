// --travel, --travel-url, --travel-profile, --travel-file, --travel-patience and --speeds: the same in every command
// that needs travel times.
//
//   auto travel = std::make_shared<TravelFlags>();  // lives as long as the flags
//   travel->declare(flags);
//   …
//   Result<travel::TravelOptions> options = travel->options();     // reads the files
//   Result<TravelTimes> times = travel::times_for(day, *options, &report);
#pragma once

#include <string>

#include "app/command.h"
#include "travel/table.h"

namespace regulus::app {

class TravelFlags {
 public:
  void declare(Flags& flags);
  // Errors: a flag that does not go with --travel, a file that cannot be read.
  Result<travel::TravelOptions> options() const;

 private:
  std::string provider_ = "straight-line", url_, profile_, file_, speeds_;
  double patience_ = 60;
};

// "  400 cells answered, 12 estimated (OSRM refused …)", for the eye; empty for straight lines.
std::string describe(travel::TableReport const& report);

}  // namespace regulus::app
