// Any bytes as VROOM's input: refused with a text, or a sound day whose empty plan can be told.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "dispatch/vroom.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace regulus;
  Result<Json> const json = parse_json(std::string_view(reinterpret_cast<char const*>(data), size));
  if (!json) return 0;
  Result<dispatch::VroomProblem> const problem = dispatch::read_vroom(*json);
  if (!problem) {
    REGULUS_CHECK(!problem.error().message.empty());
    return 0;
  }
  Day const& day = problem->day;
  REGULUS_CHECK(static_cast<bool>(check_day(day)));
  REGULUS_CHECK(problem->promises.size() == day.bookings.size());
  Plan plan;
  for (Booking const& b : day.bookings) plan.unserved.push_back(b.id);
  TravelTimes const times = problem->times ? *problem->times : TravelTimes::straight_line(day.places, day.speeds);
  auto const report = dispatch::check_plan(day, times, plan);
  REGULUS_CHECK(report.feasible());
  Json const told = dispatch::vroom_output(day, times, problem->names, plan, report);
  REGULUS_CHECK(told.find("unassigned")->as_array().size() == 2 * day.bookings.size());
  return 0;
}
