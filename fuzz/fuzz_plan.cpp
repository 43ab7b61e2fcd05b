// Any bytes as a plan: refused with a text, or written so that it reads the same, and judged on a small day without
// harm.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "dispatch/as_planned.h"
#include "dispatch/plan_check.h"
#include "domain/day_file.h"

namespace {

using namespace regulus;

// Two drivers, of whom one has a break, and three rides.
Day small_day() {
  Day day;
  day.places = {{46.5, 6.6}, {46.53, 6.6}, {46.53, 6.64}};
  for (DriverId id : {1, 2}) {
    Driver d;
    d.id = id;
    d.vehicle.layouts = {Seats{{2, 1, 0}}};
    d.shift = {8 * one_hour, 12 * one_hour};
    d.start = d.end = 0;
    if (id == 2) d.breaks = {{{9 * one_hour, 10 * one_hour}, 900}};
    day.drivers.push_back(d);
  }
  for (BookingId id : {1, 2, 3}) {
    Booking b;
    b.id = id;
    b.pickup = 1;
    b.dropoff = 2;
    b.seats = Seats{{1, 0, 0}};
    b.pickup_window = {9 * one_hour, 10 * one_hour};
    day.bookings.push_back(b);
  }
  return day;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Result<Plan> const plan = parse_plan(std::string_view(reinterpret_cast<char const*>(data), size));
  if (!plan) {
    REGULUS_CHECK(!plan.error().message.empty());
    return 0;
  }
  Result<Plan> const again = parse_plan(to_json(*plan).dump());
  REGULUS_CHECK(again && *again == *plan);

  Day const day = small_day();
  TravelTimes const times = TravelTimes::straight_line(day.places, day.speeds);
  dispatch::PlanReport const report = dispatch::check_plan(day, times, *plan, &*again);
  REGULUS_CHECK(!to_json(report).dump().empty());
  auto const standing = dispatch::as_planned(day, times, *plan, 9 * one_hour + 600);
  REGULUS_CHECK(standing || !standing.error().message.empty());
  return 0;
}
