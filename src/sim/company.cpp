#include "sim/company.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace regulus::sim {

namespace {

constexpr double metres_per_degree = 111'195;  // of a great circle

// To a metre: so that the last bits of a sine are no part of a day.
double rounded(double degrees) { return std::round(degrees * 1e5) / 1e5; }

Point beside(Point const& from, double metres, double bearing) {
  double const shrink = std::cos(from.latitude * std::numbers::pi / 180);
  return {rounded(from.latitude + metres * std::cos(bearing) / metres_per_degree),
          rounded(from.longitude + metres * std::sin(bearing) / (metres_per_degree * shrink))};
}

double bearing(Rng& rng) { return rng.uniform(0, 2 * std::numbers::pi); }

}  // namespace

double at_quantile(std::span<int const> quantiles, double u) {
  double const at = u * static_cast<double>(quantiles.size() - 1);
  auto const k = std::min(static_cast<std::size_t>(at), quantiles.size() - 2);
  return quantiles[k] + (at - static_cast<double>(k)) * (quantiles[k + 1] - quantiles[k]);
}

double share_up_to(std::span<int const> quantiles, double limit) {
  auto const above = std::ranges::upper_bound(quantiles, limit, {}, [](int q) { return static_cast<double>(q); });
  if (above == quantiles.begin()) return 0;
  if (above == quantiles.end()) return 1;
  int const low = *(above - 1);
  auto const whole = static_cast<double>(above - quantiles.begin() - 1);
  return (whole + (limit - low) / (*above - low)) / static_cast<double>(quantiles.size() - 1);
}

std::size_t draw_weighted(std::span<int const> weights, Rng& rng) {
  auto const sum = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
  auto rest = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(sum)));
  std::size_t k = 0;
  while (rest >= weights[k]) rest -= weights[k++];
  return k;
}

Company::Company(DemandConfig const& config)
    : config_(&config),
      root_(static_cast<std::uint64_t>(config.clients.company)),
      centre_{config.geography.latitude, config.geography.longitude} {
  Rng rng = root_.stream(Purpose::patients);
  double const radius = 1'000 * config.geography.radius_km;
  depot_ = beside(centre_, 0.4 * radius * rng.uniform(), bearing(rng));
  for (int k = 0; k < config.geography.facilities; ++k) {
    double const metres = 0.6 * radius * std::sqrt(rng.uniform());
    facilities_.push_back(beside(centre_, metres, bearing(rng)));
    attraction_.push_back(static_cast<int>(1e6 * std::pow(k + 1, -0.7)));
  }
  for (auto* ranks : {&time_rank_, &length_rank_}) {
    ranks->resize(static_cast<std::size_t>(config.clients.regulars));
    std::iota(ranks->begin(), ranks->end(), std::size_t{0});
    rng.shuffle(std::span(*ranks));
  }
}

Point Company::somewhere(Rng& rng) const {
  double const metres = 1'000 * config_->geography.radius_km * std::sqrt(rng.uniform());
  return beside(centre_, metres, bearing(rng));
}

// At this distance and inside the radius, when one of eight directions leads there; else as near to it as any of them.
Point Company::away(Point const& from, double metres, Rng& rng) const {
  Point best;
  double best_off = 0;
  for (int k = 0; k < 8; ++k) {
    Point const there = beside(from, metres, bearing(rng));
    double const off = great_circle(centre_, there);
    if (k == 0 || off < best_off) {
      best = there;
      best_off = off;
    }
    if (off <= 1'000 * config_->geography.radius_km) break;
  }
  return best;
}

Client Company::client(std::uint64_t number) const {
  Rng rng = root_.stream(Purpose::patients, number);
  bool const regular = number <= time_rank_.size();
  auto const even = [&](std::vector<std::size_t> const& rank) {
    return (static_cast<double>(rank[number - 1]) + rng.uniform()) / static_cast<double>(rank.size());
  };
  Client c;
  c.usual_time = regular ? even(time_rank_) : 0;
  c.usual_gap = rng.uniform();
  double const length = at_quantile(config_->geography.trip_metres, regular ? even(length_rank_) : rng.uniform());
  if (rng.chance(config_->geography.to_facility)) {
    auto const k = draw_weighted(attraction_, rng);
    c.facility = static_cast<Place>(k) + 1;
    c.home = away(facilities_[k], length, rng);
  } else {
    c.home = somewhere(rng);
    c.other_end = away(c.home, length, rng);
  }
  NeedsConfig const& needs = config_->needs;
  double const need = rng.uniform();
  bool const lies = need < needs.stretcher;
  bool const sits = !lies && need < needs.stretcher + needs.wheelchair;
  c.companions = rng.chance(sits ? needs.wheelchair_companion : needs.companion) ? 1 : 0;
  c.seats[SeatKind::ambulatory] = static_cast<std::int16_t>(c.companions + (lies || sits ? 0 : 1));
  c.seats[SeatKind::wheelchair] = sits ? 1 : 0;
  c.seats[SeatKind::stretcher] = lies ? 1 : 0;
  c.priority = static_cast<int>(draw_weighted(needs.priorities, rng)) + 1;
  c.skilled = rng.chance(needs.skilled);
  c.exclusive = rng.chance(needs.exclusive);
  c.prefers = rng.chance(needs.preferring);
  c.preferred = rng.next();
  double const kind = rng.uniform();
  c.round_trip = kind < config_->trips.round_trips;
  c.back_only = kind >= 1 - config_->trips.returns_only;
  c.will_call = rng.chance(config_->trips.will_calls);
  return c;
}

int Company::days_a_week(int k) const {
  return std::clamp(static_cast<int>(std::lround(config_->clients.regular_days * std::pow(k + 1, -0.4))), 1, 5);
}

double Company::regular_chance(int k, int weekday) const {
  int const days = days_a_week(k);
  double const attendance = config_->clients.attendance;
  if (weekday >= 5) {
    return std::min(1.0,
                    attendance * days / 5 * config_->calendar.weekday_percent[static_cast<std::size_t>(weekday)] / 100);
  }
  // The days of the order lie evenly over the working week, and begin on another one for each client.
  for (int i = 0; i < days; ++i) {
    if ((k + i * 5 / days) % 5 == weekday) return attendance;
  }
  return 0;
}

double Company::other_visits() const {
  double regular = 0;
  for (int k = 0; k < config_->clients.regulars; ++k) regular += config_->clients.attendance * days_a_week(k) / 5;
  return std::max(0.0, config_->clients.visits - regular);
}

}  // namespace regulus::sim
