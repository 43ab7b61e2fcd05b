// The classic environment once more, slowly and literally from its specification (sections 1.1 to 1.9), as a judge of
// sim/classic.
//
// It shares nothing with it but the draws: the same streams, asked in the order that the specification gives.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/rng.h"
#include "sim/classic.h"

namespace regulus::sim::twin {

constexpr double pi = 3.14159265358979323846;

inline double haversine_km(double lat1, double lon1, double lat2, double lon2) {
  double const to_radians = pi / 180;
  double const p1 = lat1 * to_radians;
  double const p2 = lat2 * to_radians;
  double const dp = p2 - p1;
  double const dl = (lon2 - lon1) * to_radians;
  double const a = std::pow(std::sin(dp / 2), 2) + std::cos(p1) * std::cos(p2) * std::pow(std::sin(dl / 2), 2);
  return 6371 * 2 * std::atan2(std::sqrt(a), std::sqrt(1 - a));
}

inline double density(int t) {
  if (t < 60) return 0.8;               // 08:00 to 09:00
  if (t >= 540 && t < 600) return 0.8;  // 17:00 to 18:00
  if (t >= 240 && t < 360) return 0.5;  // 12:00 to 14:00
  return 0.3;
}

inline double arrival_rate(int t) {
  if (t < 90) return 0.5;               // 08:00 to 09:30
  if (t >= 540 && t < 630) return 0.5;  // 17:00 to 18:30
  if (t >= 240 && t < 360) return 0.35;
  return 0.2;
}

class World {
 public:
  struct Driver {
    double lat, lon;
    int load = 0;
    int trips = 0;
  };
  struct Booking {
    int priority, window;
    double lat, lon;
    int created, window_end, left;
    bool assigned = false;
    bool outbound;
  };

  ClassicConfig config;
  std::vector<Driver> drivers;
  std::vector<Booking> list;
  int t = 0;
  int offered = 0, refused = 0, expired = 0, assigned = 0, late = 0, invalid = 0;
  int late_statistic = 0;
  double km = 0;

  World(ClassicConfig const& c, std::uint64_t seed) : config(c), root_(seed) {
    Rng fleet = root_.stream(Purpose::fleet);
    for (int i = 0; i < config.num_drivers; ++i) {
      double const lat = coordinate(fleet, 46.2044);
      double const lon = coordinate(fleet, 6.1432);
      drivers.push_back({lat, lon});
    }
    if (config.reset_bug) t = config.simulation_hours * 60;
    Rng demand = root_.stream(Purpose::demand, 0);
    auto const n = demand.between(3, 7);
    for (int i = 0; i < n; ++i) generate(demand);
    t = 0;
  }

  bool is_over() const { return t >= config.simulation_hours * 60; }

  double step(int action) {
    int const n = config.num_drivers;
    int const m = config.max_bookings;
    double reward = 0;
    // 1. The action.
    if (action == 0) {
      int unassigned = 0;
      for (auto const& b : list) unassigned += b.assigned ? 0 : 1;
      reward += config.reward == RewardVersion::v3_3 ? -10.0 * unassigned : -1.0;
    } else {
      int const d = (action - 1) / m;
      auto const s = static_cast<std::size_t>((action - 1) % m);
      bool const ok =
          action > 0 && d < n && s < list.size() && drivers[static_cast<std::size_t>(d)].load < 3 && !list[s].assigned;
      if (!ok) {
        reward -= 10;
        ++invalid;
      } else {
        reward += assign(d, s);
      }
    }
    // 2. The clock.
    t += 5;
    // 3. New bookings at the rate of the new time.
    Rng demand = root_.stream(Purpose::demand, static_cast<std::uint64_t>(t / 5));
    if (demand.uniform() < arrival_rate(t)) {
      auto const k = demand.between(1, 3);
      for (int i = 0; i < k; ++i) generate(demand);
    }
    // 4. Everything that is stored comes closer; what is open and due goes.
    std::vector<Booking> kept;
    for (Booking b : list) {
      b.left -= 5;
      if (!b.assigned && b.left <= 0) {
        reward -= (config.reward == RewardVersion::v2 ? 60.0 : 200.0) * b.priority / 5;
        ++expired;
      } else {
        kept.push_back(b);
      }
    }
    list = kept;
    // 5. Trips end.
    for (std::size_t i = 0; i < drivers.size(); ++i) {
      Rng coin = root_.stream(Purpose::trips, static_cast<std::uint64_t>(t / 5) * drivers.size() + i);
      if (drivers[i].load > 0 && coin.uniform() < 0.10) --drivers[i].load;
    }
    // 6. The end.
    if (is_over()) reward += bonus();
    return reward;
  }

 private:
  double coordinate(Rng& rng, double centre) { return centre - 0.1 + 0.2 * rng.uniform(); }

  void generate(Rng& rng) {
    Booking b;
    b.priority = static_cast<int>(rng.between(1, 5));
    b.window = static_cast<int>(b.priority >= 4 ? rng.between(10, 29) : rng.between(20, 59));
    b.lat = coordinate(rng, 46.2044);
    b.lon = coordinate(rng, 6.1432);
    coordinate(rng, 46.2044);  // the drop-off, which nothing asks for
    coordinate(rng, 6.1432);
    b.created = t;
    b.window_end = t + b.window;
    b.left = b.window;
    b.outbound = list.size() % 2 == 0;
    ++offered;
    if (static_cast<int>(list.size()) >= config.max_bookings) {
      ++refused;
    } else {
      list.push_back(b);
    }
  }

  double assign(int index, std::size_t slot) {
    Driver& driver = drivers[static_cast<std::size_t>(index)];
    Booking& b = list[slot];
    double const distance = haversine_km(driver.lat, driver.lon, b.lat, b.lon);
    double const minutes = distance / (30 * (1 - 0.5 * density(t))) * 60;
    double const l = std::max(0.0, t + minutes - b.window_end);
    bool const fast = t - b.created <= b.window / 2.0;
    double reward = 0;
    if (config.reward == RewardVersion::v3_3) {
      reward = 500;
      if (b.outbound) {
        reward -= std::min(150.0, 5 * l);
      } else if (l > 25) {
        reward -= std::min(100.0, 2.5 * l);
      } else if (l > 15) {
        reward -= l - 15;
      }
      reward -= distance / 20;
      if (distance < 5) reward += 10;
      if (index < static_cast<int>(config.num_drivers * 0.75)) reward += 20;
      late_statistic += (b.outbound && l > 0) || (!b.outbound && l > 30) ? 1 : 0;
    } else {
      bool const first = config.reward == RewardVersion::v1;
      reward = first ? 50 - std::min(100.0, 2 * l) : 100 - std::min(50.0, l) - distance / 20;
      if (distance < 5) reward += 10 + 10 * (5 - distance) / 5;
      if (b.priority >= 4) reward += 4 * b.priority;
      if (fast) reward += 15;
      late_statistic += l > 0 ? 1 : 0;
    }
    driver.load += 1;
    driver.trips += 1;
    driver.lat = b.lat;
    driver.lon = b.lon;
    b.assigned = true;
    ++assigned;
    late += l > 0 ? 1 : 0;
    km += distance;
    if (!config.assigned_stay) list.erase(list.begin() + static_cast<std::ptrdiff_t>(slot));
    return reward;
  }

  static double deviation(std::vector<double> const& values) {
    double mean = 0;
    for (double v : values) mean += v / static_cast<double>(values.size());
    double square = 0;
    for (double v : values) square += (v - mean) * (v - mean) / static_cast<double>(values.size());
    return std::sqrt(square);
  }

  double bonus() const {
    std::vector<double> loads;
    std::vector<double> trips;
    for (auto const& d : drivers) {
      loads.push_back(d.load);
      trips.push_back(d.trips);
    }
    int open = 0;
    for (auto const& b : list) open += b.assigned ? 0 : 1;
    int const all = assigned + expired + open;
    double const completion = all > 0 ? static_cast<double>(assigned) / all : 0;
    double const late_share = assigned > 0 ? static_cast<double>(late_statistic) / assigned : 0;
    double const mean_km = assigned > 0 ? km / assigned : 0;
    if (config.reward != RewardVersion::v3_3) {
      return 100 * completion + (deviation(loads) < 1.5 ? 50 : 0) + (mean_km < 5 ? 30 : 0) -
             (late_share > 0.20 ? 50 : 0);
    }
    double points = -70.0 * expired;
    if (completion >= 0.95) {
      points += 300;
    } else if (completion >= 0.85) {
      points += 150;
    } else if (completion >= 0.75) {
      points += 50;
    } else {
      points -= 200;
    }
    double const spread = deviation(trips);
    points += spread < 1.5 ? 80 : spread < 2.5 ? 40 : -40;
    if (assigned > 0 && mean_km < 5) {
      points += 50;
    } else if (assigned > 0 && mean_km < 7) {
      points += 25;
    }
    if (late_share > 0.15) points -= 100;
    return points;
  }

  Rng root_;
};

}  // namespace regulus::sim::twin
