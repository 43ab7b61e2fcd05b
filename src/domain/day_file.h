// Days and plans as JSON text: "regulus-day-1" and "regulus-plan-1".
//
// Moments are written as "HH:MM:SS" (hours may exceed 23) and read as that or as seconds; durations are seconds. Places
// are written once, as [longitude, latitude], and named by their row. Unknown keys, wrong kinds and impossible values
// are errors that name the path, the value and the remedy; nothing is half read.
#pragma once

#include <string>
#include <string_view>

#include "core/json.h"
#include "core/result.h"
#include "domain/day.h"
#include "domain/fleet.h"
#include "domain/json_reader.h"

namespace regulus {

// "08:05:30", also after midnight: "25:10:00", and before: "-00:10:00".
std::string clock_text(Seconds moment);
Result<Seconds> parse_clock(std::string_view text);

Json to_json(Day const& day, bool with_reality = true);
Result<Day> day_of(Json const& json);
Result<Day> parse_day(std::string_view text);

// {"wheelchair": 1}; kinds of which there are none are left out.
Json to_json(Seats const& seats);

// One step of a plan: {"kind", "booking" or "break", "planned", "locked"}.
Json to_json(Stop const& stop);
void read_stop(JsonReader const& at, Stop& stop);

// A plan for one day, with the start of service at each stop.
Json to_json(Plan const& plan);
Result<Plan> plan_of(Json const& json);
Result<Plan> parse_plan(std::string_view text);

}  // namespace regulus
