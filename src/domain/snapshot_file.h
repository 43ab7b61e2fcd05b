// A fleet snapshot as JSON, for the record of a decision: with its day (domain/day_file.h) it is the whole question,
// and the same question gets the same answer again.
//
// Moments are written as in a day's file, null is never; only `now` is in seconds. What equals its default is left out.
// Equal snapshots give equal bytes.
#pragma once

#include "core/json.h"
#include "core/result.h"
#include "domain/snapshot.h"

namespace regulus {

Json to_json(DriverState const& state);
Json to_json(BookingState const& state);
Json to_json(FleetSnapshot const& fleet);

// Of one driver or booking. Stops are checked against nothing.
Result<DriverState> driver_state_of(Json const& json);
Result<BookingState> booking_state_of(Json const& json);
// Errors: another number of drivers or bookings than the day has, a place, booking or break that the day has not, wrong
// kinds; names path, value and remedy. `day` must outlive the answer.
Result<FleetSnapshot> snapshot_of(Json const& json, Day const& day);

}  // namespace regulus
