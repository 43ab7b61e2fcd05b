#include "lab/classic_environment.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/check.h"

namespace regulus::lab {
namespace {

using sim::AssignmentFacts;
using sim::ClassicWorld;

constexpr int pair_width = 58;       // features of one row
constexpr double reward_unit = 100;  // points that count as 1
// A late pickup brings the day closer to the share of late ones that costs the bonus of punctuality.
constexpr double late_price = 8;
constexpr int arrivals_steps = 4;  // for how long the place of a driver matters to bookings to come

constexpr int grid_side = 5;
constexpr std::size_t grid_points = std::size_t{grid_side} * grid_side;
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

}  // namespace

std::string_view classic_schema(rl::NetworkKind kind) {
  return kind == rl::NetworkKind::slots ? "classic-slots-1" : "classic-pairs-2";
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
    : world_(config),
      kind_(kind),
      outlook_(kind == rl::NetworkKind::pairs ? std::make_shared<ClassicOutlook const>(config) : nullptr),
      rule_(sim::make_score_rule(sim::ScoreRuleConfig{})) {}

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
  ClassicOutlook const& outlook = *outlook_;
  int const step = world.minute() / ClassicWorld::step_minutes;
  std::vector<OpenBooking> open;
  std::vector<int> slot_of;
  std::vector<int> index_of_slot(static_cast<std::size_t>(config.max_bookings), -1);
  for (std::size_t slot = 0; slot < world.bookings().size(); ++slot) {
    auto const& booking = world.bookings()[slot];
    if (booking.assigned) continue;
    index_of_slot[slot] = static_cast<int>(open.size());
    open.push_back({.booking = &booking, .best = {}});
    slot_of.push_back(static_cast<int>(slot));
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
      facts[i * m + k] = world.facts(static_cast<int>(i), slot_of[k]);
      now[i * m + k] = world.assignment_reward(facts[i * m + k]);
      later[i * m + k] = outlook.reward_at(step + 1, facts[i * m + k], *open[k].booking);
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
    if (int const driver = best_later[k].driver; driver >= 0) {
      open[k].best = facts[static_cast<std::size_t>(driver) * m + k];
    } else {
      open[k].best = {.km = far_km / 5, .priority = open[k].booking->priority, .outbound = open[k].booking->outbound};
    }
  }
  Outlook const rest_of_day = outlook.ask(world, open);

  // From each open pickup to each other, one step later: what a driver sent there could earn next.
  std::vector<double> from_pickup(m * m, none);
  for (std::size_t j = 0; j < m; ++j) {
    for (std::size_t k = 0; k < m; ++k) {
      if (j == k) continue;
      AssignmentFacts f = open[k].best;
      f.km = ClassicWorld::distance_km(open[j].booking->pickup, open[k].booking->pickup);
      from_pickup[j * m + k] = outlook.reward_at(step + 1, f, *open[k].booking);
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
  double trips_sum = 0;
  double trips_squares = 0;
  for (auto const& driver : drivers) {
    free_places += ClassicWorld::places - driver.load;
    available += driver.available ? 1 : 0;
    nearly_full += driver.load == ClassicWorld::places - 1 ? 1 : 0;
    load_sum += driver.load;
    load_squares += driver.load * driver.load;
    trips_sum += driver.completed;
    trips_squares += driver.completed * driver.completed;
  }
  auto const fleet = static_cast<double>(n);
  auto const spread = [fleet](double sum, double squares) {
    return std::sqrt(std::max(0.0, squares / fleet - (sum / fleet) * (sum / fleet)));
  };
  auto const& day = world.day();
  double const slots = config.max_bookings;
  double const used = static_cast<double>(world.bookings().size());
  double const steps_to_go = outlook.steps() - step;
  double const typical_nearness = world.assignment_reward({.km = outlook.typical_km()});
  double const arrivals = std::min(slots - used, outlook.arrivals(step, arrivals_steps));
  int const assignments_at_end = day.assignments + static_cast<int>(std::lround(rest_of_day.served));
  int const lost_at_end = day.cancellations + static_cast<int>(std::lround(rest_of_day.lost));

  std::array<double, 17> const context = {
      world.minute() / (config.simulation_hours * 60.0),
      std::min(1.0, steps_to_go / 6),
      world.traffic_density(),
      used / slots,
      std::min(1.0, (slots - used) / 5),
      free_places / (ClassicWorld::places * fleet),
      available / fleet,
      nearly_full / fleet,
      spread(load_sum, load_squares),
      day.assignments / 20.0,
      day.cancellations / 5.0,
      day.assignments > 0 ? static_cast<double>(day.late_pickups) / day.assignments * 2 : 0.0,
      day.assignments > 0 ? day.distance_km / day.assignments / 5 : 0.0,
      static_cast<double>(m) / 10,
      arrivals / 5,
      rest_of_day.served / 20,
      rest_of_day.lost / 5,
  };

  // 3. One row for each legal choice.
  out.rows = static_cast<int>(actions.size());
  out.features.assign(actions.size() * pair_width, 0.0F);
  out.legal.clear();
  out.baseline.assign(actions.size(), 0.0F);
  std::vector<int> deadlines;
  std::vector<double> penalties;
  sim::ScoreRuleConfig const rule;

  for (std::size_t row = 0; row < actions.size(); ++row) {
    int const action = actions[row];
    bool const waits = action == ClassicWorld::wait;
    int const driver = waits ? -1 : world.driver_of(action);
    // A pair that is not valid (mask `none`) has nothing to say beyond its flag.
    bool const valid = !waits && world.is_valid_pair(driver, world.slot_of(action));
    auto const i = static_cast<std::size_t>(std::max(driver, 0));
    auto const j = valid ? static_cast<std::size_t>(index_of_slot[static_cast<std::size_t>(world.slot_of(action))]) : m;
    int const load = valid ? drivers[i].load : 0;
    bool const fills = valid && load == ClassicWorld::places - 1;

    // What is left for the others afterwards, and what moving this driver changes for them.
    deadlines.clear();
    penalties.clear();
    double rest = 0;
    double rest_soon = 0;
    double moved = 0;
    std::array<double, 5> due{};
    int sooner = 0;
    for (std::size_t k = 0; k < m; ++k) {
      if (k == j) continue;
      int const left = ClassicOutlook::steps_left(*open[k].booking) - 1;
      double const penalty = -world.expiry_penalty(open[k].booking->priority);
      deadlines.push_back(left);
      penalties.push_back(penalty);
      due[static_cast<std::size_t>(left <= 0 ? 0 : left <= 1 ? 1 : left <= 2 ? 2 : left <= 4 ? 3 : 4)] += penalty / 100;
      if (valid && open[k].booking->minutes_left < open[j].booking->minutes_left) ++sooner;
      Best const& b = best_later[k];
      double value = b.value;
      if (valid) {
        value = b.driver == driver ? b.second : b.value;
        if (!fills) value = std::max(value, from_pickup[j * m + k]);
      }
      if (value > none && left > 0) {
        rest += value;
        if (left <= 3) rest_soon += value;
        if (b.value > none) moved += rest_of_day.chance_later[k] * (value - b.value);
      }
    }
    double nearest_km = 0;
    double second_km = 0;
    double short_drive = 0;
    double nearness = 0;
    for (std::size_t g = 0; g < grid_points; ++g) {
      Coverage c = coverage[g];
      if (valid) {
        c.remove(driver);
        if (!fills) c.add(pickup_to_grid[j * grid_points + g], driver);
      }
      nearest_km += std::min(c.km[0], far_km) / grid_points;
      second_km += std::min(c.km[1], far_km) / grid_points;
      short_drive += std::max(0.0, 5 - c.km[0]) / grid_points;
      nearness += world.assignment_reward({.km = c.km[0]}) / grid_points;
    }
    double const coming = arrivals * (nearness - typical_nearness);
    double const stays = rest_of_day.rest + (valid ? rest_of_day.relief[j] : 0);
    double const spread_of_loads = spread(load_sum + (valid ? 1 : 0), load_squares + (valid ? 2 * load + 1 : 0));
    AssignmentFacts const f = valid ? facts[i * m + j] : AssignmentFacts{};
    double const bonus = world.profile().end_of_day(
        {.assignments = assignments_at_end,
         .late = day.late_pickups + (f.late_minutes > 0 ? 1 : 0),
         .cancellations = lost_at_end,
         .open = 0,
         .km = day.distance_km + f.km + (assignments_at_end - day.assignments - (valid ? 1 : 0)) * outlook.typical_km(),
         .std_of_loads = spread_of_loads,
         .std_of_trips =
             spread(trips_sum + (valid ? 1 : 0), trips_squares + (valid ? 2 * drivers[i].completed + 1 : 0))});
    double const punctuality =
        late_price * steps_to_go / outlook.steps() * (day.late_pickups + (f.late_minutes > 0 ? 1 : 0));
    double const earned = valid   ? now[i * m + j]
                          : waits ? world.profile().wait(static_cast<int>(m))
                                  : world.profile().invalid();
    out.baseline[row] = static_cast<float>(earned + stays + moved + coming + bonus - punctuality);

    auto features = std::span(out.features).subspan(row * pair_width, pair_width);
    std::size_t at = 0;
    auto const put = [&](double value) { features[at++] = static_cast<float>(value); };
    for (double value : context) put(value);
    put(waits ? 1 : 0);
    put(unavoidable_loss(deadlines, penalties) / reward_unit);
    put(rest / (5 * reward_unit));
    put(rest_soon / (3 * reward_unit));
    for (double value : due) put(value);
    put(spread_of_loads);
    put(nearest_km / 5);
    put(second_km / 5);
    put(short_drive / 5);
    put((available - (fills ? 1 : 0)) / fleet);
    put(std::clamp(moved / reward_unit, -2.0, 2.0));
    put(std::clamp(coming / reward_unit, -2.0, 2.0));
    if (valid) {
      auto const& booking = *open[j].booking;
      Best const& b = best_now[j];
      double const other = b.driver == driver ? b.second : b.value;
      int const left = ClassicOutlook::steps_left(booking);
      double const penalty = -world.expiry_penalty(booking.priority);
      put(now[i * m + j] / reward_unit);
      put(rest_of_day.relief[j] / reward_unit);
      put(rest_of_day.chance_later[j]);
      put(f.km / 10);
      put(std::min(f.late_minutes, 50.0) / 50);
      put(f.late_minutes > 0 ? 1 : 0);
      put(std::max(0.0, 5 - f.km) / 5);
      put(f.priority / 5.0);
      put(f.priority >= 4 ? 1 : 0);
      put(f.fast ? 1 : 0);
      put(std::min(left, 12) / 12.0);
      put(1.0 / left);
      put(penalty / 200);
      put((now[i * m + j] - later[i * m + j]) / reward_unit);
      put(load / 3.0);
      put(fills ? 1 : 0);
      put(other > none ? std::clamp((now[i * m + j] - other) / reward_unit, -2.0, 2.0) : 2.0);
      put((now[i * m + j] - b.value) / reward_unit);
      put(sooner / 5.0);
      put(penalty * std::exp(-booking.minutes_left / rule.horizon) / 100);
    }
    REGULUS_CHECK(at <= features.size() - 2);
  }

  // How each row compares with the best and the second best by the known part: what the network must be sure of before
  // it overrules it.
  float best = -1e30F;
  float second = -1e30F;
  for (float value : out.baseline) {
    if (value > best) {
      second = best;
      best = value;
    } else if (value > second) {
      second = value;
    }
  }
  for (std::size_t row = 0; row < actions.size(); ++row) {
    float* const features = &out.features[row * pair_width + pair_width - 2];
    float const rival = out.baseline[row] == best && actions.size() > 1 ? second : best;
    features[0] = std::clamp((out.baseline[row] - rival) / static_cast<float>(reward_unit), -2.0F, 2.0F);
    features[1] = out.baseline[row] == best ? 1.0F : 0.0F;
  }
}

}  // namespace regulus::lab
