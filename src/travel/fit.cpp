#include "travel/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/rng.h"
#include "core/stats.h"

namespace regulus::travel {
namespace {

constexpr double slowest_kmh = 3, fastest_kmh = 150;
constexpr double longest_start = 900;

// A ride as the fit sees it.
struct Point2 {
  double metres;   // detour × great circle
  double seconds;  // observed
  std::size_t hour;
};

double predicted(SpeedProfile const& profile, Observation const& ride) {
  auto const hour = static_cast<std::size_t>(hour_of_day(ride.departed));
  return profile.start_seconds + profile.detour * great_circle(ride.from, ride.to) * 3.6 / profile.kmh[hour];
}

double detour_of(std::span<Observation const> rides, double otherwise) {
  std::vector<double> ratios;
  for (Observation const& ride : rides) {
    if (ride.metres > 0) ratios.push_back(static_cast<double>(ride.metres) / great_circle(ride.from, ride.to));
  }
  return ratios.size() < fewest_rides ? otherwise : std::clamp(median(ratios), 1.0, 5.0);
}

struct Line {
  double start;
  double slowness;  // seconds a metre
};

// Minimises the sum of |start + slowness × metres - seconds| / (start + slowness × metres). Each round solves a
// weighted least-squares problem whose weights make its squares equal to those absolute values at the last round's
// line; the residuals' lower bound keeps them finite.
Line all_day_line(std::vector<Point2> const& rides) {
  Line line{60, 3.6 / 25};
  for (int round = 0; round < 100; ++round) {
    double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
    for (Point2 const& ride : rides) {
      double const expected = line.start + line.slowness * ride.metres;
      double const weight = 1 / (expected * std::max(std::abs(expected - ride.seconds), 0.01 * expected));
      w += weight;
      wx += weight * ride.metres;
      wy += weight * ride.seconds;
      wxx += weight * ride.metres * ride.metres;
      wxy += weight * ride.metres * ride.seconds;
    }
    double const spread = w * wxx - wx * wx;
    // Rides of one length cannot tell the start from the speed.
    double const start = spread > 1e-9 * w * wxx ? (wy * wxx - wx * wxy) / spread : 60;
    line.start = std::clamp(start, 0.0, longest_start);
    line.slowness = std::clamp((wxy - line.start * wx) / wxx, 3.6 / fastest_kmh, 3.6 / slowest_kmh);
  }
  return line;
}

// The slowness of one hour that makes the same sum smallest, given the start and what each ride weighs: each ride alone
// would want (seconds - start) / metres, and weighs metres / expected seconds; their weighted median.
double hour_slowness(std::vector<Point2> const& rides, std::size_t hour, Line const& line) {
  std::vector<std::pair<double, double>> wants;
  double total = 0;
  for (Point2 const& ride : rides) {
    if (ride.hour != hour) continue;
    wants.emplace_back((ride.seconds - line.start) / ride.metres,
                       ride.metres / (line.start + line.slowness * ride.metres));
    total += wants.back().second;
  }
  std::ranges::sort(wants);
  double below = 0;
  for (auto const& [slowness, weight] : wants) {
    below += weight;
    if (2 * below >= total) return slowness;
  }
  return 0;
}

// To `parts` of one: 10 is one decimal. A quotient of whole numbers is written with as few digits as it has.
double rounded(double value, double parts) { return std::round(value * parts) / parts; }

}  // namespace

bool is_usable(Observation const& ride) {
  return ride.seconds >= 30 && ride.seconds <= 6 * one_hour && great_circle(ride.from, ride.to) >= 200;
}

Result<SpeedProfile> fit_speeds(std::span<Observation const> rides, SpeedProfile const& known,
                                FitOptions const& options) {
  std::vector<Observation> usable;
  std::ranges::copy_if(rides, std::back_inserter(usable), is_usable);
  if (usable.size() < fewest_rides) {
    return invalid(fmt::format("{} of {} rides are usable (30 s to 6 h long, over at least 200 m); speeds need {}",
                               usable.size(), rides.size(), fewest_rides));
  }
  SpeedProfile fitted;
  fitted.detour = detour_of(usable, known.detour);

  // Step 1. One line for the whole day.
  std::vector<Point2> points;
  std::array<double, 24> rides_of_hour{};
  for (Observation const& ride : usable) {
    auto const hour = static_cast<std::size_t>(hour_of_day(ride.departed));
    points.push_back({fitted.detour * great_circle(ride.from, ride.to), static_cast<double>(ride.seconds), hour});
    rides_of_hour[hour] += 1;
  }
  Line const line = all_day_line(points);

  // Step 2. What each hour would be without rides of its own: the all-day speed, bent as the known profile is, so that
  // the measured hours together stay where they are.
  double bend = 0;
  for (std::size_t h = 0; h < 24; ++h) bend += rides_of_hour[h] / known.kmh[h];
  bend /= static_cast<double>(usable.size());

  // Step 3. Each hour's own speed, as far as its rides say so.
  for (std::size_t h = 0; h < 24; ++h) {
    double const expected = line.slowness / (known.kmh[h] * bend);
    double const own = rides_of_hour[h] > 0 ? hour_slowness(points, h, line) : 0;
    double const mixed =
        (rides_of_hour[h] * own + options.shrinkage * expected) / (rides_of_hour[h] + options.shrinkage);
    fitted.kmh[h] = rounded(std::clamp(3.6 / mixed, slowest_kmh, fastest_kmh), 10);
  }
  fitted.start_seconds = std::round(line.start);
  fitted.detour = rounded(fitted.detour, 100);
  return fitted;
}

FitError error_of(SpeedProfile const& profile, std::span<Observation const> rides) {
  std::vector<double> errors, shares;
  for (Observation const& ride : rides) {
    double const error = predicted(profile, ride) - static_cast<double>(ride.seconds);
    errors.push_back(error);
    shares.push_back(std::abs(error) / static_cast<double>(ride.seconds) * 100);
  }
  return {.rides = std::ssize(rides), .mape = mean(shares), .median_ape = median(shares), .mean_error = mean(errors)};
}

Holdout hold_out(std::span<Observation const> rides, double share, std::uint64_t seed) {
  std::vector<std::size_t> order(rides.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Rng rng = Rng(seed).stream(Purpose::bootstrap);
  rng.shuffle(std::span(order));
  auto const count = static_cast<std::size_t>(std::llround(share * static_cast<double>(rides.size())));
  std::vector<bool> held(rides.size());
  for (std::size_t k = 0; k < count; ++k) held[order[k]] = true;
  Holdout parts;
  for (std::size_t i = 0; i < rides.size(); ++i) (held[i] ? parts.held_out : parts.fitted).push_back(rides[i]);
  return parts;
}

namespace {
constexpr std::string_view format_name = "regulus-speeds-1";
}

Json to_json(SpeedProfile const& profile) {
  return Json::object({{"format", format_name},
                       {"detour", profile.detour},
                       {"start_seconds", profile.start_seconds},
                       {"kmh", Json::array_of(profile.kmh)}});
}

Result<SpeedProfile> parse_speeds(std::string_view text) {
  Result<Json> const json = parse_json(text);
  if (!json) return json.error();
  Json const* const format = json->find("format");
  if (format == nullptr || !format->is_string() || format->as_string() != format_name)
    return invalid(fmt::format("this is not a profile of speeds: \"format\" is not \"{}\"", format_name));
  for (auto const& [key, value] : json->as_object()) {
    if (key != "format" && key != "detour" && key != "start_seconds" && key != "kmh")
      return invalid(fmt::format("{} is not known (known: format, detour, start_seconds, kmh)", key));
  }
  auto const number = [](Json const* value, std::string const& path, double low, double high) -> Result<double> {
    if (value == nullptr) return invalid(fmt::format("{} is missing", path));
    if (!value->is_number() || value->as_number() < low || value->as_number() > high)
      return invalid(fmt::format("{} = {} is not a number between {} and {}", path, value->dump(), low, high));
    return value->as_number();
  };
  SpeedProfile profile;
  Result<double> const detour = number(json->find("detour"), "detour", 1, 5);
  if (!detour) return detour.error();
  profile.detour = *detour;
  Result<double> const start = number(json->find("start_seconds"), "start_seconds", 0, 3'600);
  if (!start) return start.error();
  profile.start_seconds = *start;
  Json const* const kmh = json->find("kmh");
  if (kmh == nullptr || !kmh->is_array() || kmh->as_array().size() != 24)
    return invalid("kmh is not a list of 24 speeds, one for each hour");
  for (std::size_t h = 0; h < 24; ++h) {
    Result<double> const speed = number(&kmh->as_array()[h], fmt::format("kmh[{}]", h), 1, 200);
    if (!speed) return speed.error();
    profile.kmh[h] = *speed;
  }
  return profile;
}

}  // namespace regulus::travel
