#include "sim/demand_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/stats.h"

namespace regulus::sim {

namespace {

constexpr Seconds late = 2 * one_hour;

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

Json spread(std::vector<double> const& values) {
  return Json::object({{"mean", mean(values)},
                       {"sd", standard_deviation(values)},
                       {"p10", quantile(values, 0.1)},
                       {"p50", quantile(values, 0.5)},
                       {"p90", quantile(values, 0.9)}});
}

std::string row(std::string_view name, std::vector<double> const& values) {
  if (values.empty()) return fmt::format("  {:<28}none\n", name);
  return fmt::format("  {:<28}{:>9.1f}{:>9.1f}{:>9.1f}{:>9.1f}{:>9.1f}\n", name, mean(values),
                     standard_deviation(values), quantile(values, 0.1), quantile(values, 0.5), quantile(values, 0.9));
}

}  // namespace

Seconds requested_pickup(Booking const& booking, Seconds lead) {
  return booking.booking_class == BookingClass::outbound ? booking.dropoff_window.end - lead
                                                         : booking.pickup_window.start;
}

void DemandFigures::add(Day const& day) {
  rides.push_back(static_cast<double>(day.bookings.size()));
  drivers.push_back(static_cast<double>(day.drivers.size()));
  Seconds on_duty = 0;
  double with_wheelchair = 0;
  for (Driver const& d : day.drivers) {
    on_duty += d.shift.end - d.shift.start;
    if (d.vehicle.fits(Seats{{0, 1, 0}})) ++with_wheelchair;
  }
  driver_hours.push_back(static_cast<double>(on_duty) / one_hour);
  wheelchair_vehicles.push_back(with_wheelchair);
  for (std::size_t i = 0; i < day.bookings.size(); ++i) {
    Booking const& b = day.bookings[i];
    BookingReality const& r = day.reality.bookings[i];
    Seconds const requested = requested_pickup(b, lead_);
    ++all;
    ++by_class[static_cast<std::size_t>(b.booking_class)];
    ++by_hour[static_cast<std::size_t>(hour_of_day(requested))];
    ++by_minute[static_cast<std::size_t>(requested % one_hour / (5 * one_minute))];
    km.push_back(
        great_circle(day.places[static_cast<std::size_t>(b.pickup)], day.places[static_cast<std::size_t>(b.dropoff)]) /
        1'000);
    wheelchair += b.seats[SeatKind::wheelchair] > 0;
    stretcher += b.seats[SeatKind::stretcher] > 0;
    companion += b.companions > 0;
    exclusive += b.exclusive;
    skilled += b.skills != 0;
    preferring += !b.preferred.empty();
    cancelled += r.cancelled_at != never;
    no_show += r.no_show;
    Window const& bound = b.booking_class == BookingClass::outbound ? b.dropoff_window : b.pickup_window;
    window_minutes += static_cast<double>(bound.end - bound.start) / one_minute;
    if (b.linked != 0) {
      Booking const& outbound = day.bookings[static_cast<std::size_t>(day.booking_position(b.linked))];
      gap_minutes.push_back(static_cast<double>(requested - requested_pickup(outbound, lead_)) / one_minute);
      continue;
    }
    ++first;
    ++first_by_hour[static_cast<std::size_t>(hour_of_day(requested))];
    std::string const client = b.reference.substr(0, b.reference.find(" back"));
    ++visits_[client];
    cancelled_first += r.cancelled_at != never;
    cancelled_late += r.cancelled_at != never && r.cancelled_at >= requested - late;
    if (b.known_from <= 0) continue;
    ++same_day;
    notice_minutes.push_back(static_cast<double>(requested - b.known_from) / one_minute);
  }
}

double DemandFigures::top_ten() const {
  std::vector<std::int64_t> counts;
  for (auto const& [client, count] : visits_) counts.push_back(count);
  std::ranges::sort(counts, std::greater{});
  counts.resize(std::min<std::size_t>(10, counts.size()));
  return share(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), first);
}

double DemandFigures::share_of_hour(int hour) const { return share(by_hour[static_cast<std::size_t>(hour)], all); }

Json DemandFigures::to_json() const {
  std::vector<double> hours;
  for (int h = 0; h < 24; ++h) hours.push_back(share_of_hour(h));
  Json classes = Json::object();
  for (std::size_t c = 0; c < booking_classes; ++c) {
    classes[enum_names(BookingClass{})[c]] = share(by_class[c], all);
  }
  Json json = Json::object();
  json["days"] = rides.size();
  json["rides_a_day"] = spread(rides);
  json["drivers_a_day"] = spread(drivers);
  json["driver_hours_a_day"] = spread(driver_hours);
  json["wheelchair_vehicles_a_day"] = spread(wheelchair_vehicles);
  json["km"] = spread(km);
  json["gap_minutes"] = spread(gap_minutes);
  json["notice_minutes"] = spread(notice_minutes);
  json["share_of_hour"] = Json::array_of(hours);
  json["class"] = classes;
  json["same_day"] = share(same_day, first);
  json["wheelchair"] = share(wheelchair, all);
  json["stretcher"] = share(stretcher, all);
  json["companion"] = share(companion, all);
  json["exclusive"] = share(exclusive, all);
  json["skilled"] = share(skilled, all);
  json["preferring"] = share(preferring, all);
  json["cancelled"] = share(cancelled, all);
  json["cancelled_late"] = share(cancelled_late, cancelled_first);
  json["no_show"] = share(no_show, all);
  json["window_minutes"] = all > 0 ? window_minutes / static_cast<double>(all) : 0;
  json["top_ten_clients"] = top_ten();
  json["minute_00"] = share(by_minute[0], all);
  json["minute_15"] = share(by_minute[3], all);
  json["minute_30"] = share(by_minute[6], all);
  json["minute_45"] = share(by_minute[9], all);
  return json;
}

std::string DemandFigures::text() const {
  std::string out = fmt::format("  {:<28}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "", "mean", "sd", "p10", "p50", "p90");
  out += row("rides a day", rides) + row("drivers a day", drivers) + row("driver hours a day", driver_hours) +
         row("wheelchair vehicles a day", wheelchair_vehicles) + row("km, great circle", km) +
         row("minutes from out to back", gap_minutes) + row("minutes of notice, same day", notice_minutes);
  auto const percent = [](std::int64_t part, std::int64_t whole) { return 100 * share(part, whole); };
  out += "  rides:";
  for (std::size_t c = 0; c < booking_classes; ++c) {
    out += fmt::format(" {} {:.1f} %{}", enum_names(BookingClass{})[c], percent(by_class[c], all),
                       c + 1 < booking_classes ? "," : "\n");
  }
  out += fmt::format(
      "  needs: wheelchair {:.1f} %, stretcher {:.1f} %, companion {:.1f} %, alone {:.1f} %, attendant "
      "{:.1f} %, preferred driver {:.1f} %\n",
      percent(wheelchair, all), percent(stretcher, all), percent(companion, all), percent(exclusive, all),
      percent(skilled, all), percent(preferring, all));
  out += fmt::format("  booked on the day {:.1f} %, cancelled {:.1f} % (late {:.1f} % of them), no-show {:.1f} %\n",
                     percent(same_day, first), percent(cancelled, all), percent(cancelled_late, cancelled_first),
                     percent(no_show, all));
  out += fmt::format(
      "  mean window {:.0f} minutes, the ten busiest clients {:.1f} %, at :00 {:.1f} %, :15 {:.1f} %, "
      ":30 {:.1f} %, :45 {:.1f} %\n",
      all > 0 ? window_minutes / static_cast<double>(all) : 0.0, 100 * top_ten(), percent(by_minute[0], all),
      percent(by_minute[3], all), percent(by_minute[6], all), percent(by_minute[9], all));
  out += "  requested pickups by hour\n";
  std::int64_t const most = std::ranges::max(by_hour);
  for (int h = 0; h < 24; ++h) {
    std::int64_t const n = by_hour[static_cast<std::size_t>(h)];
    if (n == 0) continue;
    auto const width = static_cast<std::size_t>(n * 50 / most);
    out += fmt::format("  {:02}  {:5.1f} %  {}\n", h, percent(n, all), std::string(width, '#'));
  }
  out.pop_back();
  return out;
}

}  // namespace regulus::sim
