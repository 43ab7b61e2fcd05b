// What stands in the cells of a company's export, read strictly: dates, times, durations, numbers, yes and no.
//
// Companies write the same thing in several ways, and each function lists those it takes. What is ambiguous is refused:
// 03/04/2025 is two different days in two countries.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "domain/units.h"

namespace regulus {

using DayNumber = std::int64_t;  // days since 1 January 1970

// A time of day, with its day when the text says it.
struct DatedTime {
  std::optional<DayNumber> date;
  Seconds clock = 0;  // 0 when only a date was written
};

std::string_view trimmed(std::string_view text);

// "2025-03-04" or "04.03.2025".
Result<DayNumber> parse_date(std::string_view text);
std::string date_text(DayNumber date);  // ISO 8601

// A date, a time or both with a space or a T between: "2025-03-04T08:05:30", "8:05", "8h05", "8h". Local time: a time
// zone is refused.
Result<DatedTime> parse_dated_time(std::string_view text);

// "46.52"; "46,52" when `decimal_comma`.
std::optional<double> parse_decimal(std::string_view text, bool decimal_comma);
std::optional<std::int64_t> parse_whole(std::string_view text);
// Seconds: "600", "600 s", "10 min", "1 h".
std::optional<Seconds> parse_duration(std::string_view text);
// yes, no, true, false, 1, 0, x and their French words.
std::optional<bool> parse_flag(std::string_view text);

// A column's name without what does not matter: "Heure du RDV" and "heure-du-rdv" are heure_du_rdv; accents are left
// out.
std::string column_key(std::string_view name);

}  // namespace regulus
