// One row of a company's export, read field by field.
//
// What a row may say stands in csv_fields, with the names under which companies write it. A column belongs to a field
// by the caller's word, by the field's own name or by the first of its synonyms that the file has.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/bookings_csv.h"
#include "domain/csv_values.h"

namespace regulus {

struct CsvField {
  std::string_view name, synonyms, meaning;
};
std::span<CsvField const> csv_fields();

// The parts between any of `separators`, without spaces around them and without empty ones.
std::vector<std::string> split(std::string_view text, std::string_view separators);

// Field -> index of its column.
using CsvColumns = std::map<std::string, std::size_t, std::less<>>;

// `wished`: field -> column, by the caller. Errors: an unknown field, a column that is not there, a column for a place
// that nobody found.
Result<CsvColumns> find_columns(CsvTable const& table, std::map<std::string, std::string> const& wished);
Json mapping_json(CsvTable const& table, CsvColumns const& columns);

// The cells of one row by field. A cell that cannot be read becomes a problem and counts as absent; the table and the
// columns must outlive the reader.
class CsvRow {
 public:
  CsvRow(CsvTable const& table, CsvColumns const& columns, CsvTable::Row const& row)
      : table_(table), columns_(columns), row_(row) {}

  std::vector<RowProblem> problems;

  void problem(std::string_view field, std::string reason);
  std::string_view text(std::string_view field) const;
  // The date that the field says, if any; never a problem.
  std::optional<DayNumber> date(std::string_view field) const;
  // The day that the row is about: its date, or that of the first of its times that has one.
  std::optional<DayNumber> day() const;
  // Seconds since midnight of `day`.
  std::optional<Seconds> moment(std::string_view field, std::optional<DayNumber> day);
  std::optional<std::int64_t> whole(std::string_view field, std::int64_t low, std::int64_t high);
  std::optional<double> decimal(std::string_view field, double low, double high);
  std::optional<Seconds> duration(std::string_view field);
  bool flag(std::string_view field);
  std::int16_t count(std::string_view field);  // a number, or yes for one
  Point point(std::string_view latitude, std::string_view longitude);
  // Whether the row has as many cells as the header.
  bool complete();

 private:
  CsvTable const& table_;
  CsvColumns const& columns_;
  CsvTable::Row const& row_;
};

}  // namespace regulus
