// Between instants (UTC, as the API and the store speak) and moments of a service day (seconds since local midnight, as
// dispatch speaks).
//
// Moment 0 of a day is its local noon minus twelve hours, as in GTFS: on the two days a year whose night is an hour
// shorter or longer, every moment from three in the morning on is what the clock on the wall says, and no ride is an
// hour long or short on paper only. Each instant is of one service day: it begins at midnight or at moment 0, whichever
// is later, and ends where the next one begins, so that the hour after midnight of the long night is the evening
// before's.
//
// Only civil_time.cpp knows the time-zone library (docs/decisions/0016).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "domain/units.h"

namespace regulus::server {

// Microseconds since 1970-01-01T00:00:00Z.
using Instant = std::int64_t;
inline constexpr Instant one_second = 1'000'000;

// "2026-03-01T08:15:00Z"; with a fraction of six digits where there is one.
std::string instant_text(Instant instant);
// RFC 3339 (section 5.6), with any offset; "t" and "z" may be small, a leap second is the second after. Errors name the
// text. From 1970-01-02 to the end of 9999-12-29, so that
// its date is one in every zone.
Result<Instant> parse_instant(std::string_view text);

// A zone by its IANA name. Copies are the same zone.
class TimeZone {
 public:
  static Result<TimeZone> named(std::string const& name);

  std::string const& name() const { return name_; }
  // Service day of an instant, "2026-03-01".
  std::string date_of(Instant instant) const;
  // Where a service day begins and ends; the end is the next one's. `date` as below.
  Instant begin_of(std::string const& date) const;
  Instant end_of(std::string const& date) const;
  // Moment of the service day `date` ("2026-03-01"; bug check) at an instant, rounded down; negative before it.
  Seconds moment_of(Instant instant, std::string const& date) const;
  Instant instant_of(Seconds moment, std::string const& date) const;

 private:
  std::string name_;
  void const* zone_ = nullptr;  // of the library's table, which lives as long as the program
};

// Whether text is a date of the calendar, "2026-02-28".
bool is_date(std::string_view text);

}  // namespace regulus::server
