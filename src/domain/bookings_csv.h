// A company's bookings from a CSV file, by a mapping from its columns to ours.
//
// RFC 4180, comma or semicolon or tab (found by the header), UTF-8 with or without a byte-order mark. Every row is
// looked at; every bad one is named with line, column, value and reason, and then nothing is imported. Rows that are
// well-formed but cannot be served (a window shorter than the ride, no vehicle with the seat) are imported and
// reported.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "domain/day.h"

namespace regulus {

struct CsvTable {
  std::vector<std::string> header;
  struct Row {
    std::int64_t line = 0;  // where it starts in the text, from 1
    std::vector<std::string> cells;
  };
  std::vector<Row> rows;
  char separator = ',';
};
// Errors: no header, quotes that do not close, text that is not UTF-8; a row with too many or too few cells is kept.
Result<CsvTable> parse_csv(std::string_view text);

struct RowProblem {
  std::int64_t line = 0;
  std::string column, value, reason;
};

struct ImportOptions {
  // Our name -> the file's column. What is not here is looked for under our name and its known synonyms.
  std::map<std::string, std::string> columns = {};
  std::string date = {};       // keep only this day (ISO); empty: the file must hold one day
  Seconds pickup_slack = 600;  // a window is made of one requested time: from the time until this much later
  Seconds service = 120;       // where the file has no service time
  Seconds early = 1'800;       // whoever has an appointment arrives at most this long before it
  Seconds stay = 5'400;        // from an appointment to the expected call for the way back, where no time is given
  // The day that the bookings are added to: its drivers, partner, weights and bookings stay. Nothing: an empty day.
  std::optional<Day> into = {};
};

struct Observation {  // a ride whose real length is known, for fitting speeds
  Point from, to;
  Seconds departed = 0;
  Seconds seconds = 0;
  Metres metres = 0;  // 0: not known
};

struct Import {
  Day day;                             // `into` with the bookings and their places
  std::vector<RowProblem> problems;    // any: nothing is imported, `day` is `into`
  std::vector<RowProblem> impossible;  // imported all the same
  std::int64_t rows = 0;               // of the wanted day
  std::int64_t other_days = 0;         // rows of other days, left out
  std::vector<Observation> observed;   // rows that say how long the ride took
  Json mapping;                        // which column was read as what
};
Result<Import> import_bookings(std::string_view csv, ImportOptions const& options);

// The fields that a row may have, with what each means: for the help page and for errors.
std::string import_reference();

}  // namespace regulus
