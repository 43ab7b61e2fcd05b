// Any bytes as a company's bookings: refused with a text, or every bad cell named and nothing imported, or a sound day.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "domain/bookings_csv.h"
#include "domain/day_file.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace regulus;
  Result<Import> const import = import_bookings(std::string_view(reinterpret_cast<char const*>(data), size), {});
  if (!import) {
    REGULUS_CHECK(!import.error().message.empty());
    return 0;
  }
  if (!import->problems.empty()) {
    REGULUS_CHECK(import->day == Day{} && import->observed.empty());
    for (RowProblem const& problem : import->problems) REGULUS_CHECK(problem.line > 0 && !problem.reason.empty());
    return 0;
  }
  REGULUS_CHECK(static_cast<bool>(check_day(import->day)));
  Result<Day> const again = parse_day(to_json(import->day).dump());
  REGULUS_CHECK(again && *again == import->day);
  return 0;
}
