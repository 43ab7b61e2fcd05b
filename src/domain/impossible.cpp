#include "domain/impossible.h"

#include <fmt/format.h>

#include <algorithm>

namespace regulus {

std::vector<std::string> why_impossible(Day const& day, Booking const& b, Leg const& direct) {
  std::vector<std::string> reasons;
  Seconds const late = std::max(day.weights.max_late(b.booking_class), day.weights.tolerated(b.booking_class));
  Seconds const soonest = b.pickup_window.start + b.pickup_service + direct.seconds;
  if (Seconds const beyond = soonest - b.dropoff_window.end - late; beyond > 0) {
    reasons.push_back(fmt::format("the direct ride of {} s ends {} s after the drop-off window and all lateness",
                                  direct.seconds, beyond));
  }
  Seconds most = b.max_ride;
  if (b.max_ride_ratio > 0) {
    most = std::min(most, static_cast<Seconds>(b.max_ride_ratio * static_cast<double>(direct.seconds)));
  }
  if (most < direct.seconds) {
    reasons.push_back(fmt::format("{} s on board are allowed and the direct ride takes {} s", most, direct.seconds));
  }
  if (day.drivers.empty()) return reasons;
  auto const holds = [](std::vector<DriverId> const& list, DriverId id) {
    return std::ranges::find(list, id) != list.end();
  };
  auto const may = [&](Driver const& d) {
    return !holds(b.forbidden, d.id) && (b.required.empty() || holds(b.required, d.id));
  };
  auto const has_seats = [&](Driver const& d) { return may(d) && d.vehicle.fits(b.seats); };
  auto const has_skills = [&](Driver const& d) { return has_seats(d) && (b.skills & ~d.skills) == 0; };
  auto const on_duty = [&](Driver const& d) {
    return has_skills(d) && d.shift.start <= b.pickup_window.end + late &&
           std::max(soonest, b.dropoff_window.start) <= d.shift.end + d.max_overtime;
  };
  if (std::ranges::none_of(day.drivers, may)) {
    reasons.emplace_back("every driver is forbidden or not among those required");
  } else if (std::ranges::none_of(day.drivers, has_seats)) {
    reasons.push_back(fmt::format("{} ambulatory, {} wheelchair and {} stretcher fit into no vehicle", b.seats.of[0],
                                  b.seats.of[1], b.seats.of[2]));
  } else if (std::ranges::none_of(day.drivers, has_skills)) {
    reasons.emplace_back("no driver with such a vehicle has the skills");
  } else if (std::ranges::none_of(day.drivers, on_duty)) {
    reasons.emplace_back("no driver who could take it is on duty then");
  }
  return reasons;
}

}  // namespace regulus
