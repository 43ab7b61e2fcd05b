// A table of travel times as a file, "regulus-travel-1": what a road server once said, for tests, offline work and
// exact repetition.
//
//   {"format": "regulus-travel-1", "provider": "osrm", "data_version": "",
//    "places": [[longitude, latitude], …], "seconds": [[0, 101], [98, 0]], "metres": [[0, 1303], [1250, 0]]}
//
// Rows are sources. null, in both tables at once, says that there is no road. A place is found again by its coordinates
// rounded to four decimals (11 m), and no two places of a recording may round to the same. The reader is strict:
// unknown keys, other kinds, other sizes and impossible values are errors that name path and value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "domain/travel_times.h"

namespace regulus::travel {

// Coordinates rounded to 1e-4 degrees, as one number. Defined for points that is_on_earth.
std::uint64_t cell_of(Point const& point);
// Finite, within 90 and 180 degrees.
bool is_on_earth(Point const& point);

struct Recording {
  std::string provider;
  std::string data_version;
  std::vector<Point> places;
  std::vector<std::int32_t> seconds, metres;  // places × places; no_road where none leads
  friend bool operator==(Recording const&, Recording const&) = default;
};

// A finished table as a recording, without what only the asker knows (provider, data_version). Places that round to the
// same as an earlier one are left out.
Recording record(std::vector<Point> const& places, TravelTimes const& times);

std::string recording_text(Recording const& recording);
Result<Recording> parse_recording(std::string_view text);

}  // namespace regulus::travel
