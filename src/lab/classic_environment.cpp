#include "lab/classic_environment.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/check.h"

namespace regulus::lab {
namespace {

using sim::AssignmentFacts;
using sim::ClassicWorld;

// Features of one row, in this order: context, then the choice.
constexpr int pair_width = 46;
constexpr double reward_unit = 100;  // points that count as 1

struct OpenBooking {
  int slot;
  int steps_left;  // decisions, this one included, in which it can be assigned
  double penalty;  // points lost when it expires, positive
  ClassicWorld::Booking const* booking;
};

int steps_left(ClassicWorld::Booking const& booking) {
  return (booking.minutes_left + ClassicWorld::step_minutes - 1) / ClassicWorld::step_minutes;
}

constexpr int grid_side = 5;
constexpr std::size_t grid_points = grid_side * grid_side;
constexpr double far_km = 25;  // what counts when there is no driver at all

// Centre of one of the cells that divide the square.
ClassicWorld::Point grid_point(std::size_t g) {
  auto const at = [](double centre, std::size_t cell) {
    return centre + ClassicWorld::half_side * (2 * (static_cast<double>(cell) + 0.5) / grid_side - 1);
  };
  return {at(ClassicWorld::centre_lat, g / grid_side), at(ClassicWorld::centre_lon, g % grid_side), 1};
}

// Good to 0.1 % within the square, and a tenth of the cost of the great circle.
double planar_km(ClassicWorld::Point const& a, ClassicWorld::Point const& b) {
  constexpr double km_per_degree = 111.195;
  constexpr double cos_centre = 0.69208;  // of the square's central latitude
  double const north = (a.lat - b.lat) * km_per_degree;
  double const east = (a.lon - b.lon) * km_per_degree * cos_centre;
  return std::sqrt(north * north + east * east);
}

// The three nearest free drivers of a place, nearest first.
struct Coverage {
  std::array<double, 3> km{far_km, far_km, far_km};
  std::array<int, 3> driver{-1, -1, -1};

  void add(double distance, int who) {
    for (std::size_t rank = 0; rank < km.size(); ++rank) {
      if (distance < km[rank]) {
        std::swap(distance, km[rank]);
        std::swap(who, driver[rank]);
      }
    }
  }
  void remove(int who) {
    for (std::size_t rank = 0; rank < km.size(); ++rank) {
      if (driver[rank] != who) continue;
      for (std::size_t next = rank; next + 1 < km.size(); ++next) {
        km[next] = km[next + 1];
        driver[next] = driver[next + 1];
      }
      km.back() = far_km;
      driver.back() = -1;
      return;
    }
  }
};

// Reward of an assignment `ahead` minutes from now, at today's traffic.
double reward_later(ClassicWorld const& world, AssignmentFacts facts, ClassicWorld::Booking const& booking, int ahead) {
  double const speed_kmh = 30 * (1 - 0.5 * world.traffic_density());
  double const arrival = world.minute() + ahead + facts.km / speed_kmh * 60;
  facts.late_minutes = std::max(0.0, arrival - booking.window_end);
  facts.fast = 2 * (world.minute() + ahead - booking.created) <= booking.window;
  return world.assignment_reward(facts);
}

}  // namespace

std::string_view classic_schema(rl::NetworkKind kind) {
  return kind == rl::NetworkKind::slots ? "classic-slots-1" : "classic-pairs-1";
}

double unavoidable_loss(std::span<int const> deadlines, std::span<double const> penalties) {
  std::array<int, 512> order;
  std::size_t const n = deadlines.size();
  REGULUS_CHECK(n <= order.size());
  for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<int>(i);
  std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), [&](int a, int b) {
    auto const i = static_cast<std::size_t>(a);
    auto const j = static_cast<std::size_t>(b);
    return penalties[i] != penalties[j] ? penalties[i] > penalties[j] : a < b;
  });
  std::array<bool, 64> taken{};
  double lost = 0;
  for (std::size_t k = 0; k < n; ++k) {
    auto const job = static_cast<std::size_t>(order[k]);
    int step = std::min<int>(deadlines[job], static_cast<int>(taken.size())) - 1;
    while (step >= 0 && taken[static_cast<std::size_t>(step)]) --step;
    if (step < 0) {
      lost += penalties[job];
    } else {
      taken[static_cast<std::size_t>(step)] = true;
    }
  }
  return lost;
}

ClassicEnvironment::ClassicEnvironment(sim::ClassicConfig const& config, rl::NetworkKind kind)
    : world_(config), kind_(kind), rule_(sim::make_score_rule(sim::ScoreRuleConfig{})) {}

int ClassicEnvironment::width() const {
  return kind_ == rl::NetworkKind::slots ? world_.observation_size() : pair_width;
}

int ClassicEnvironment::actions() const { return kind_ == rl::NetworkKind::slots ? world_.action_count() : 0; }

int ClassicEnvironment::action_of_choice(int choice) const {
  return kind_ == rl::NetworkKind::slots ? choice : actions_of_rows_[static_cast<std::size_t>(choice)];
}

rl::StepResult ClassicEnvironment::step(int choice) {
  double const reward = world_.step(action_of_choice(choice));
  return {.reward = reward, .elapsed = 1, .terminal = world_.done(), .over = world_.done()};
}

int ClassicEnvironment::suggested_choice() const {
  int const action = rule_->choose(world_, Rng(0));
  if (kind_ == rl::NetworkKind::slots) return action;
  auto const at = std::ranges::find(actions_of_rows_, action);
  REGULUS_CHECK(at != actions_of_rows_.end());
  return static_cast<int>(at - actions_of_rows_.begin());
}

void ClassicEnvironment::describe(ClassicWorld const& world, rl::Observation& out, std::vector<int>& actions) const {
  if (kind_ == rl::NetworkKind::pairs) {
    describe_pairs(world, out, actions);
    return;
  }
  out.rows = 1;
  out.features.resize(static_cast<std::size_t>(world.observation_size()));
  world.observe(out.features);
  out.legal.assign(static_cast<std::size_t>(world.action_count()), 0);
  out.baseline.clear();
  world.legal_actions(actions);
  for (int action : actions) out.legal[static_cast<std::size_t>(action)] = 1;
}

void ClassicEnvironment::describe_pairs(ClassicWorld const& world, rl::Observation& out,
                                        std::vector<int>& actions) const {
  auto const& config = world.config();
  auto const drivers = world.drivers();
  world.legal_actions(actions);

  // 1. Open bookings, and what each could earn with each free driver: now, and one step later.
  std::vector<OpenBooking> open;
  for (std::size_t slot = 0; slot < world.bookings().size(); ++slot) {
    auto const& booking = world.bookings()[slot];
    if (booking.assigned) continue;
    open.push_back({static_cast<int>(slot), steps_left(booking), -world.expiry_penalty(booking.priority), &booking});
  }
  std::size_t const n = drivers.size();
  std::size_t const m = open.size();
  constexpr double none = -1e9;
  std::vector<AssignmentFacts> facts(n * m);
  std::vector<double> now(n * m, none);
  std::vector<double> later(n * m, none);
  for (std::size_t i = 0; i < n; ++i) {
    if (!drivers[i].available) continue;
    for (std::size_t k = 0; k < m; ++k) {
      facts[i * m + k] = world.facts(static_cast<int>(i), open[k].slot);
      now[i * m + k] = world.assignment_reward(facts[i * m + k]);
      later[i * m + k] = reward_later(world, facts[i * m + k], *open[k].booking, ClassicWorld::step_minutes);
    }
  }
  // Best and second driver of each booking, now and later; ties to the lower index.
  struct Best {
    double value = none, second = none;
    int driver = -1;
  };
  std::vector<Best> best_now(m);
  std::vector<Best> best_later(m);
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      for (auto [table, best] : {std::pair{&now, &best_now[k]}, std::pair{&later, &best_later[k]}}) {
        double const value = (*table)[i * m + k];
        if (value > best->value) {
          best->second = best->value;
          best->value = value;
          best->driver = static_cast<int>(i);
        } else if (value > best->second) {
          best->second = value;
        }
      }
    }
  }
  // From each open pickup to each other, one step later: what a driver sent there could earn next.
  std::vector<double> from_pickup(m * m, none);
  for (std::size_t j = 0; j < m; ++j) {
    for (std::size_t k = 0; k < m; ++k) {
      if (j == k) continue;
      AssignmentFacts f = m > 0 && n > 0 ? facts[k] : AssignmentFacts{};
      f.km = ClassicWorld::distance_km(open[j].booking->pickup, open[k].booking->pickup);
      f.priority = open[k].booking->priority;
      f.outbound = open[k].booking->outbound;
      f.regular = true;
      from_pickup[j * m + k] = reward_later(world, f, *open[k].booking, ClassicWorld::step_minutes);
    }
  }

  // Coverage: how far a new booking anywhere in the square would be from the nearest and second nearest free driver. A
  // choice moves one driver, so three distances a grid point are enough to know the answer after any choice.
  std::array<Coverage, grid_points> coverage;
  for (std::size_t g = 0; g < grid_points; ++g) {
    for (std::size_t i = 0; i < n; ++i) {
      if (drivers[i].available) coverage[g].add(planar_km(drivers[i].at, grid_point(g)), static_cast<int>(i));
    }
  }
  std::vector<double> pickup_to_grid(m * grid_points);
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t g = 0; g < grid_points; ++g) {
      pickup_to_grid[k * grid_points + g] = planar_km(open[k].booking->pickup, grid_point(g));
    }
  }

  // 2. What is the same in every row.
  int free_places = 0;
  int available = 0;
  int nearly_full = 0;
  double load_sum = 0;
  double load_squares = 0;
  for (auto const& driver : drivers) {
    free_places += ClassicWorld::places - driver.load;
    available += driver.available ? 1 : 0;
    nearly_full += driver.load == ClassicWorld::places - 1 ? 1 : 0;
    load_sum += driver.load;
    load_squares += driver.load * driver.load;
  }
  auto const fleet = static_cast<double>(n);
  double const load_mean = load_sum / fleet;
  double const load_variance = std::max(0.0, load_squares / fleet - load_mean * load_mean);
  auto const& day = world.day();
  double const slots = config.max_bookings;
  double const used = static_cast<double>(world.bookings().size());
  double const steps_to_go =
      (config.simulation_hours * 60 - world.minute()) / static_cast<double>(ClassicWorld::step_minutes);

  std::array<double, 14> const context = {
      world.minute() / (config.simulation_hours * 60.0),
      std::min(1.0, steps_to_go / 6),
      world.traffic_density(),
      used / slots,
      std::min(1.0, (slots - used) / 5),
      free_places / (ClassicWorld::places * fleet),
      available / fleet,
      nearly_full / fleet,
      std::sqrt(load_variance),
      day.assignments / 20.0,
      day.cancellations / 5.0,
      day.assignments > 0 ? static_cast<double>(day.late_pickups) / day.assignments * 2 : 0.0,
      day.assignments > 0 ? day.distance_km / day.assignments / 5 : 0.0,
      static_cast<double>(m) / 10,
  };

  // 3. One row for each legal choice.
  out.rows = static_cast<int>(actions.size());
  out.features.assign(actions.size() * pair_width, 0.0F);
  out.legal.clear();
  out.baseline.assign(actions.size(), 0.0F);
  std::vector<int> index_of_slot(static_cast<std::size_t>(config.max_bookings), -1);
  for (std::size_t k = 0; k < m; ++k) index_of_slot[static_cast<std::size_t>(open[k].slot)] = static_cast<int>(k);
  std::vector<int> deadlines;
  std::vector<double> penalties;
  sim::ScoreRuleConfig const rule;

  for (std::size_t row = 0; row < actions.size(); ++row) {
    int const action = actions[row];
    bool const waits = action == ClassicWorld::wait;
    int const driver = waits ? -1 : world.driver_of(action);
    int const j = waits ? -1 : index_of_slot[static_cast<std::size_t>(world.slot_of(action))];
    // A pair that is not valid (mask `none`) has nothing to say beyond its flag.
    bool const valid = !waits && world.is_valid_pair(driver, world.slot_of(action));

    // What is left for the others afterwards.
    deadlines.clear();
    penalties.clear();
    double rest = 0;
    double rest_first_half = 0;
    std::array<double, 5> due{};
    int sooner = 0;
    for (std::size_t k = 0; k < m; ++k) {
      if (valid && static_cast<int>(k) == j) continue;
      int const left = open[k].steps_left - 1;
      deadlines.push_back(left);
      penalties.push_back(open[k].penalty);
      due[static_cast<std::size_t>(left <= 0   ? 0
                                   : left <= 1 ? 1
                                   : left <= 2 ? 2
                                   : left <= 4 ? 3
                                               : 4)] += open[k].penalty / 100;
      if (valid && open[k].steps_left < open[static_cast<std::size_t>(j)].steps_left) ++sooner;
      Best const& b = best_later[k];
      double value = b.value;
      if (valid) {
        value = b.driver == driver ? b.second : b.value;
        if (drivers[static_cast<std::size_t>(driver)].load + 1 < ClassicWorld::places) {
          value = std::max(value, from_pickup[static_cast<std::size_t>(j) * m + k]);
        }
      }
      if (value > none && left > 0) {
        rest += value;
        if (left <= 3) rest_first_half += value;
      }
    }
    double const lost = unavoidable_loss(deadlines, penalties);

    auto features = std::span(out.features).subspan(row * pair_width, pair_width);
    std::size_t at = 0;
    auto const put = [&](double value) { features[at++] = static_cast<float>(value); };
    for (double value : context) put(value);
    put(waits ? 1 : 0);
    put(lost / reward_unit);
    put(rest / (5 * reward_unit));
    put(rest_first_half / (3 * reward_unit));
    for (double value : due) put(value);
    double const load_after = load_sum + (valid ? 1 : 0);
    double const squares_after = load_squares + (valid ? 2 * drivers[static_cast<std::size_t>(driver)].load + 1 : 0);
    double const mean_after = load_after / fleet;
    put(std::sqrt(std::max(0.0, squares_after / fleet - mean_after * mean_after)));

    bool const fills = valid && drivers[static_cast<std::size_t>(driver)].load == ClassicWorld::places - 1;
    double nearest_km = 0;
    double second_km = 0;
    double short_drive = 0;
    for (std::size_t g = 0; g < grid_points; ++g) {
      Coverage c = coverage[g];
      if (valid) {
        c.remove(driver);
        if (!fills) c.add(pickup_to_grid[static_cast<std::size_t>(j) * grid_points + g], driver);
      }
      nearest_km += std::min(c.km[0], far_km) / grid_points;
      second_km += std::min(c.km[1], far_km) / grid_points;
      short_drive += std::max(0.0, 5 - c.km[0]) / grid_points;
    }
    put(nearest_km / 5);
    put(second_km / 5);
    put(short_drive / 5);
    put((available - (fills ? 1 : 0)) / fleet);
    if (valid) {
      auto const& booking = *open[static_cast<std::size_t>(j)].booking;
      auto const pair = static_cast<std::size_t>(driver) * m + static_cast<std::size_t>(j);
      AssignmentFacts const& f = facts[pair];
      Best const& b = best_now[static_cast<std::size_t>(j)];
      double const other = b.driver == driver ? b.second : b.value;
      int const load = drivers[static_cast<std::size_t>(driver)].load;
      double const urgency = open[static_cast<std::size_t>(j)].penalty * std::exp(-booking.minutes_left / rule.horizon);
      put(now[pair] / reward_unit);
      put(f.km / 10);
      put(std::min(f.late_minutes, 50.0) / 50);
      put(f.late_minutes > 0 ? 1 : 0);
      put(std::max(0.0, 5 - f.km) / 5);
      put(f.priority / 5.0);
      put(f.priority >= 4 ? 1 : 0);
      put(f.fast ? 1 : 0);
      put(std::min(open[static_cast<std::size_t>(j)].steps_left, 12) / 12.0);
      put(1.0 / open[static_cast<std::size_t>(j)].steps_left);
      put(open[static_cast<std::size_t>(j)].penalty / 200);
      put((now[pair] - later[pair]) / reward_unit);
      put(load / 3.0);
      put(load == ClassicWorld::places - 1 ? 1 : 0);
      put(other > none ? std::clamp((now[pair] - other) / reward_unit, -2.0, 2.0) : 2.0);
      put((now[pair] - b.value) / reward_unit);
      put(sooner / 5.0);
      put(urgency / 100);
      out.baseline[row] =
          static_cast<float>(now[pair] + rule.urgency * urgency - rule.distance * f.km - rule.load * load -
                             (load == ClassicWorld::places - 1 ? rule.last_place : 0));
    } else if (waits) {
      out.baseline[row] = static_cast<float>(world.profile().wait(static_cast<int>(m)));
    } else {
      out.baseline[row] = static_cast<float>(world.profile().invalid());
    }
    REGULUS_CHECK(at <= features.size());
  }
}

}  // namespace regulus::lab
