#include "sim/classic.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/check.h"

namespace regulus::sim {
namespace {

constexpr double centre_lat = ClassicWorld::centre_lat;
constexpr double centre_lon = ClassicWorld::centre_lon;
constexpr double half_side = ClassicWorld::half_side;
constexpr double radians = std::numbers::pi / 180;
constexpr double end_of_trip_probability = 0.10;

// Density of traffic by the minute since 08:00.
double density_at(int minute) {
  double const hour = 8 + minute / 60.0;
  if ((hour >= 8 && hour < 9) || (hour >= 17 && hour < 18)) return 0.8;
  if (hour >= 12 && hour < 14) return 0.5;
  return 0.3;
}

double arrival_probability(int minute) {
  double const hour = 8 + minute / 60.0;
  if ((hour >= 8 && hour < 9.5) || (hour >= 17 && hour < 18.5)) return 0.5;
  if (hour >= 12 && hour < 14) return 0.35;
  return 0.2;
}

ClassicWorld::Point random_point(Rng& rng) {
  double const lat = rng.uniform(centre_lat - half_side, centre_lat + half_side);
  double const lon = rng.uniform(centre_lon - half_side, centre_lon + half_side);
  return ClassicWorld::point(lat, lon);
}

// The predecessor's second travel formula, used only by its mask: planar, without the cosine of the latitude.
double planar_minutes(ClassicWorld::Point const& a, ClassicWorld::Point const& b, double density) {
  double const degrees = std::sqrt((a.lat - b.lat) * (a.lat - b.lat) + (a.lon - b.lon) * (a.lon - b.lon));
  return degrees * 111 / 30 * 60 * (1 + 0.5 * density);
}

template <class Get>
double population_std(std::span<ClassicWorld::Driver const> drivers, Get get) {
  auto const n = static_cast<double>(drivers.size());
  double sum = 0;
  double squares = 0;
  for (auto const& driver : drivers) {
    double const value = get(driver);
    sum += value;
    squares += value * value;
  }
  return std::sqrt(std::max(0.0, squares / n - (sum / n) * (sum / n)));
}

}  // namespace

ClassicWorld::ClassicWorld(ClassicConfig const& config)
    : config_(config), profile_(reward_profiles()[static_cast<std::size_t>(config.reward)]) {
  drivers_.resize(static_cast<std::size_t>(config_.num_drivers));
  bookings_.reserve(static_cast<std::size_t>(config_.max_bookings));
}

ClassicWorld::Point ClassicWorld::point(double lat, double lon) { return {lat, lon, std::cos(lat * radians)}; }

double ClassicWorld::distance_km(Point const& a, Point const& b) {
  constexpr double earth_radius_km = 6371;
  double const sin_lat = std::sin((b.lat - a.lat) * radians / 2);
  double const sin_lon = std::sin((b.lon - a.lon) * radians / 2);
  double const h = sin_lat * sin_lat + a.cos_lat * b.cos_lat * sin_lon * sin_lon;
  return 2 * earth_radius_km * std::asin(std::sqrt(h));
}

void ClassicWorld::reset(std::uint64_t seed) {
  root_ = Rng(seed);
  day_ = {};
  late_counted_ = 0;
  bookings_.clear();
  Rng fleet = root_.stream(Purpose::fleet);
  for (Driver& driver : drivers_) driver = {.at = random_point(fleet)};
  // The predecessor made the first bookings while the clock still showed the end of the previous day.
  minute_ = config_.reset_bug ? config_.simulation_hours * 60 : 0;
  Rng demand = root_.stream(Purpose::demand, 0);
  generate_bookings(demand, static_cast<int>(demand.between(3, 7)));
  minute_ = 0;
}

void ClassicWorld::generate_bookings(Rng& rng, int count) {
  for (int i = 0; i < count; ++i) {
    Booking booking;
    booking.priority = static_cast<int>(rng.between(1, 5));
    booking.window = static_cast<int>(booking.priority >= 4 ? rng.between(10, 29) : rng.between(20, 59));
    booking.pickup = random_point(rng);
    booking.dropoff = random_point(rng);
    booking.created = minute_;
    booking.window_end = minute_ + booking.window;
    booking.minutes_left = booking.window;
    booking.outbound = bookings_.size() % 2 == 0;
    ++day_.offered;
    if (bookings_.size() < static_cast<std::size_t>(config_.max_bookings)) {
      bookings_.push_back(booking);
    } else {
      ++day_.refused;
    }
  }
}

bool ClassicWorld::is_valid_pair(int driver, int slot) const {
  if (driver < 0 || driver >= config_.num_drivers || slot < 0 || slot >= static_cast<int>(bookings_.size()))
    return false;
  return drivers_[static_cast<std::size_t>(driver)].available && !bookings_[static_cast<std::size_t>(slot)].assigned;
}

bool ClassicWorld::is_legal(int action) const {
  if (action < 0 || action >= action_count()) return false;
  if (action == wait || config_.mask == MaskRule::none) return true;
  int const driver = driver_of(action);
  int const slot = slot_of(action);
  if (!is_valid_pair(driver, slot)) return false;
  if (config_.mask == MaskRule::valid) return true;
  Booking const& booking = bookings_[static_cast<std::size_t>(slot)];
  return minute_ + planar_minutes(drivers_[static_cast<std::size_t>(driver)].at, booking.pickup, traffic_density()) <=
         booking.window_end;
}

void ClassicWorld::legal_actions(std::vector<int>& out) const {
  out.clear();
  out.push_back(wait);
  if (config_.mask == MaskRule::none) {
    for (int action = 1; action < action_count(); ++action) out.push_back(action);
    return;
  }
  std::array<int, 512> open;
  int open_count = 0;
  for (int slot = 0; slot < static_cast<int>(bookings_.size()); ++slot) {
    if (!bookings_[static_cast<std::size_t>(slot)].assigned) open[static_cast<std::size_t>(open_count++)] = slot;
  }
  for (int driver = 0; driver < config_.num_drivers; ++driver) {
    if (!drivers_[static_cast<std::size_t>(driver)].available) continue;
    for (int i = 0; i < open_count; ++i) {
      int const action = action_of(driver, open[static_cast<std::size_t>(i)]);
      if (config_.mask == MaskRule::valid || is_legal(action)) out.push_back(action);
    }
  }
}

AssignmentFacts ClassicWorld::facts(int driver_index, int slot) const {
  Driver const& driver = drivers_[static_cast<std::size_t>(driver_index)];
  Booking const& booking = bookings_[static_cast<std::size_t>(slot)];
  double const km = distance_km(driver.at, booking.pickup);
  double const speed_kmh = 30 * (1 - 0.5 * traffic_density());
  double const arrival = minute_ + km / speed_kmh * 60;
  return {.km = km,
          .late_minutes = std::max(0.0, arrival - booking.window_end),
          .priority = booking.priority,
          .fast = 2 * (minute_ - booking.created) <= booking.window,
          .outbound = booking.outbound,
          .regular = driver_index < static_cast<int>(config_.num_drivers * profile_->regular_share)};
}

int ClassicWorld::open_bookings() const {
  return static_cast<int>(std::ranges::count(bookings_, false, &Booking::assigned));
}

double ClassicWorld::step(int action) {
  REGULUS_CHECK(!done());
  double reward = 0;

  // 1. The decision.
  if (action == wait) {
    reward += profile_->wait(open_bookings());
    for (Driver& driver : drivers_) driver.idle += driver.available ? 1 : 0;
  } else if (action < 0 || action >= action_count() || !is_valid_pair(driver_of(action), slot_of(action))) {
    reward += profile_->invalid();
    ++day_.invalid;
  } else {
    int const slot = slot_of(action);
    AssignmentFacts const a = facts(driver_of(action), slot);
    Driver& driver = drivers_[static_cast<std::size_t>(driver_of(action))];
    Booking& booking = bookings_[static_cast<std::size_t>(slot)];
    reward += profile_->assignment(a);
    ++day_.assignments;
    day_.late_pickups += a.late_minutes > 0 ? 1 : 0;
    late_counted_ += profile_->counts_as_late(a) ? 1 : 0;
    day_.distance_km += a.km;
    ++driver.load;
    driver.available = driver.load < places;
    ++driver.completed;
    driver.km += a.km;
    driver.idle = 0;
    driver.at = booking.pickup;
    booking.assigned = true;
    if (!config_.assigned_stay) bookings_.erase(bookings_.begin() + slot);
  }

  // 2. Time passes.
  minute_ += step_minutes;
  int const step_index = minute_ / step_minutes;

  // 3. New bookings, at the rate of the new time.
  Rng demand = root_.stream(Purpose::demand, static_cast<std::uint64_t>(step_index));
  if (demand.chance(arrival_probability(minute_))) generate_bookings(demand, static_cast<int>(demand.between(1, 3)));

  // 4. Every booking, also one that has just appeared, comes 5 minutes closer; open ones expire.
  for (Booking& booking : bookings_) {
    booking.minutes_left -= step_minutes;
    if (!booking.assigned && booking.minutes_left <= 0) {
      reward += profile_->expiry(booking.priority);
      ++day_.cancellations;
    }
  }
  std::erase_if(bookings_, [](Booking const& b) { return !b.assigned && b.minutes_left <= 0; });

  // 5. Trips end by a coin keyed by step and driver.
  for (std::size_t i = 0; i < drivers_.size(); ++i) {
    Driver& driver = drivers_[i];
    if (driver.load == 0) continue;
    auto const key = static_cast<std::uint64_t>(step_index) * drivers_.size() + i;
    if (root_.stream(Purpose::trips, key).chance(end_of_trip_probability)) {
      --driver.load;
      if (driver.load < places) driver.available = true;
    }
  }

  ++day_.steps;
  if (done()) reward += end_of_day();
  day_.reward += reward;
  return reward;
}

double ClassicWorld::end_of_day() {
  day_.open = open_bookings();
  return profile_->end_of_day(
      {.assignments = day_.assignments,
       .late = late_counted_,
       .cancellations = day_.cancellations,
       .open = day_.open,
       .km = day_.distance_km,
       .std_of_loads = population_std(drivers_, [](Driver const& d) { return static_cast<double>(d.load); }),
       .std_of_trips = population_std(drivers_, [](Driver const& d) { return static_cast<double>(d.completed); })});
}

double ClassicWorld::traffic_density() const { return density_at(minute_); }

void ClassicWorld::observe(std::span<float> out) const {
  REGULUS_CHECK(out.size() == static_cast<std::size_t>(observation_size()));
  std::size_t at = 0;
  auto const put = [&](double value) { out[at++] = static_cast<float>(value); };
  for (Driver const& driver : drivers_) {
    put((driver.at.lat - centre_lat) / half_side);
    put((driver.at.lon - centre_lon) / half_side);
    put(driver.available ? 1 : 0);
    put(std::min(driver.load / 10.0, 1.0));
  }
  for (Booking const& booking : bookings_) {
    put((booking.pickup.lat - centre_lat) / half_side);
    put((booking.pickup.lon - centre_lon) / half_side);
    put(booking.priority / 5.0);
    put(std::max(booking.minutes_left / 60.0, 0.0));
  }
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(at), out.end() - 2, 0.0F);
  out[out.size() - 2] = static_cast<float>(minute_ / (config_.simulation_hours * 60.0));
  out[out.size() - 1] = static_cast<float>(traffic_density());
}

}  // namespace regulus::sim
