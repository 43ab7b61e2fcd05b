// What a family's days look like, measured on generated days: the figures that docs/scenarios.md compares with their
// source, and that `regulus scenario show` prints.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/json.h"
#include "domain/day.h"

namespace regulus::sim {

// When a client wants to be fetched: the start of the pickup window, or `lead` before an appointment.
Seconds requested_pickup(Booking const& booking, Seconds lead);

class DemandFigures {
 public:
  // The company's lead from requested pickup to appointment (ServiceConfig::pickup_lead).
  explicit DemandFigures(Seconds lead) : lead_(lead) {}

  // Days may come in any number, and always in the same order.
  void add(Day const& day);

  std::vector<double> rides, drivers, driver_hours, wheelchair_vehicles;  // by day
  std::vector<double> km;                                                 // by ride, great circle
  std::vector<double> gap_minutes;                                        // from outbound to return pickup, by return
  std::vector<double> notice_minutes;                                     // by first ride that is booked on the day
  std::array<std::int64_t, 24> by_hour{};                                 // requested pickups
  std::array<std::int64_t, 24> first_by_hour{};                           // of rides that are no linked returns
  std::array<std::int64_t, 12> by_minute{};                               // all pickups, by multiples of five minutes
  std::array<std::int64_t, booking_classes> by_class{};
  std::int64_t all = 0, first = 0, same_day = 0;  // `first` are rides that are no linked returns
  std::int64_t wheelchair = 0, stretcher = 0, companion = 0, exclusive = 0, skilled = 0, preferring = 0;
  std::int64_t cancelled = 0, cancelled_first = 0, cancelled_late = 0, no_show = 0;
  double window_minutes = 0;  // summed: of the drop-off for outbound rides, else of the pickup

  // Share of rides by the ten clients who ride most.
  double top_ten() const;
  double share_of_hour(int hour) const;
  Json to_json() const;
  std::string text() const;

 private:
  Seconds lead_;
  std::map<std::string, std::int64_t> visits_;  // first rides, by client
};

}  // namespace regulus::sim
