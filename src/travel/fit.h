// Speeds learnt from rides whose length is known, so that straight lines tell the truth of this town.
//
//   metres  = detour × great circle
//   seconds = start_seconds + metres / speed[hour]
//
// The detour is the median of driven metres over great circle. The seconds are fitted as a conditional median: the sum
// of |observed - predicted| / predicted is made small (iteratively reweighted least squares), so that half of the rides
// take longer and half less, long rides count no more than short ones, and a few wild ones, a taxi waiting with its
// meter on, pull nothing away. (Dividing by what was observed would make the reported mean percentage smaller still, by
// predicting too little.) First one speed for the whole day and the start. What an hour is expected to be is that
// speed, bent as the profile in use is bent: a town's night is faster than its morning even if only the morning was
// measured. Then each hour's own speed as far as its rides say so, mixed with the expected one as if `shrinkage` rides
// had gone at that.
//
// Distances need at least `fewest_rides` rides that have them, else the profile's detour stays.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "domain/bookings_csv.h"
#include "domain/travel_times.h"

namespace regulus::travel {

inline constexpr std::size_t fewest_rides = 20;

struct FitOptions {
  double shrinkage = 30;  // rides
};

// Errors: invalid, when fewer than fewest_rides rides are usable (at least 30 s long, over at least 200 m).
Result<SpeedProfile> fit_speeds(std::span<Observation const> rides, SpeedProfile const& known = {},
                                FitOptions const& options = {});
bool is_usable(Observation const& ride);

// The error of predicted durations over rides; percentages are of what was observed.
struct FitError {
  std::int64_t rides = 0;
  double mape = 0;
  double median_ape = 0;
  double mean_error = 0;  // seconds; positive: predicted too long
};
FitError error_of(SpeedProfile const& profile, std::span<Observation const> rides);

// Which rides are held out: `share` of them, chosen by the seed, both parts in their old order.
struct Holdout {
  std::vector<Observation> fitted, held_out;
};
Holdout hold_out(std::span<Observation const> rides, double share, std::uint64_t seed);

// {"format": "regulus-speeds-1", "detour": 1.35, "start_seconds": 60, "kmh": [24 numbers]}. Strict: detour 1 to 5,
// start 0 to 3,600 seconds, speeds 1 to 200.
Json to_json(SpeedProfile const& profile);
Result<SpeedProfile> parse_speeds(std::string_view text);

}  // namespace regulus::travel
