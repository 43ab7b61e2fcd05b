// The classic environment: the predecessor's toy dispatch problem, rebuilt to its documented rules, bugs included.
//
// N drivers, M booking slots, one decision every 5 minutes from 08:00: wait, or give one booking to one driver. A
// driver may hold three trips at once, jumps to the pickup, and each trip ends by a coin (10 % a step). Bookings appear
// at random, each with a priority and a pickup window of 10 to 59 minutes, and expire unassigned at a price. Constants
// and order of operations are those of the predecessor's specification (its sections 1.1 to 1.8); the reference
// policies' mean rewards, published there, are the acceptance test.
//
// Chance by purpose: the bookings of a day and the ends of trips are keyed by (seed, step, driver), so two policies on
// one seed face the same day whatever they do.
//
// Not thread-safe; cheap to copy.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/fields.h"
#include "core/rng.h"
#include "sim/reward.h"

namespace regulus::sim {

enum class RewardVersion : std::uint8_t { v1, v2, v3_3 };
constexpr std::array<std::string_view, 3> enum_names(RewardVersion) { return {"V1", "V2", "V3.3"}; }

// Which actions count as legal for a learner and a rule. `none` is the predecessor's: everything is, and an invalid
// choice costs 10 points and 5 minutes. `valid`: driver free and booking open. `on_time`: also arrival within the
// window by the predecessor's second, planar travel formula.
enum class MaskRule : std::uint8_t { none, valid, on_time };
constexpr std::array<std::string_view, 3> enum_names(MaskRule) { return {"none", "valid", "on_time"}; }

struct ClassicConfig {
  int num_drivers = 10;
  int max_bookings = 20;
  int simulation_hours = 2;
  RewardVersion reward = RewardVersion::v1;
  MaskRule mask = MaskRule::valid;
  bool reset_bug = true;
  bool assigned_stay = true;

  static constexpr auto fields() {
    return std::tuple{
        field(&ClassicConfig::num_drivers, "num_drivers", "Drivers of the fleet.", range(1, 200)),
        field(&ClassicConfig::max_bookings, "max_bookings", "Booking slots; a booking that finds none is refused.",
              range(1, 500)),
        field(&ClassicConfig::simulation_hours, "simulation_hours", "Length of a day in hours from 08:00.",
              range(1, 14)),
        field(&ClassicConfig::reward, "reward", "Reward profile."),
        field(&ClassicConfig::mask, "mask",
              "Which actions are legal: none (all), valid pairs, or pairs that arrive on time."),
        field(&ClassicConfig::reset_bug, "reset_bug",
              "The clock is set to zero after the first bookings were made, so these are never late and always fast."),
        field(&ClassicConfig::assigned_stay, "assigned_stay",
              "Assigned bookings keep their slot until the end of the day."),
    };
  }
  friend bool operator==(ClassicConfig const&, ClassicConfig const&) = default;
};
static_assert(describes_every_member<ClassicConfig>());

// Totals of one day.
struct ClassicDay {
  double reward = 0;
  int steps = 0;
  int assignments = 0;
  int late_pickups = 0;
  int cancellations = 0;  // expired unassigned
  int refused = 0;        // found no free slot; counted nowhere in the reward
  int offered = 0;        // all bookings that appeared, refused ones included
  int open = 0;           // still unassigned at the end
  int invalid = 0;        // invalid actions chosen
  double distance_km = 0;
  // Share of all offered demand that was assigned: a refused booking is unserved demand.
  double served_share() const { return offered > 0 ? static_cast<double>(assignments) / offered : 0; }
  // The predecessor's completion rate: assigned of assigned and expired.
  double completion_rate() const {
    int const ended = assignments + cancellations;
    return ended > 0 ? static_cast<double>(assignments) / ended : 0;
  }
};

class ClassicWorld {
 public:
  static constexpr int step_minutes = 5;
  static constexpr int places = 3;               // trips a driver may hold
  static constexpr int wait = 0;                 // the action
  static constexpr double centre_lat = 46.2044;  // the square of the world: centre and half side, in degrees
  static constexpr double centre_lon = 6.1432;
  static constexpr double half_side = 0.1;

  struct Point {
    double lat = 0, lon = 0;  // degrees
    double cos_lat = 1;       // kept because every distance needs it
  };
  struct Driver {
    Point at;
    int load = 0;
    bool available = true;
    int completed = 0;
    double km = 0;
    int idle = 0;
  };
  struct Booking {
    Point pickup, dropoff;
    int priority = 1;
    int window = 0;        // minutes
    int created = 0;       // minutes since 08:00, by the buggy clock for the first ones
    int window_end = 0;    // minutes since 08:00, likewise
    int minutes_left = 0;  // may be negative once assigned
    bool assigned = false;
    bool outbound = true;
  };

  explicit ClassicWorld(ClassicConfig const& config);

  // Starts the day of this seed.
  void reset(std::uint64_t seed);
  // Draws everything that has not happened yet from another seed: what a policy that imagines futures may do to a copy.
  void replace_future(std::uint64_t seed) { root_ = Rng(seed); }
  // Takes one action, lets 5 minutes pass, returns the reward. An action out of range or invalid costs and passes time
  // too. Must not be called on a finished day.
  double step(int action);
  bool done() const { return minute_ >= config_.simulation_hours * 60; }

  int action_count() const { return config_.num_drivers * config_.max_bookings + 1; }
  int action_of(int driver, int slot) const { return driver * config_.max_bookings + slot + 1; }
  int driver_of(int action) const { return (action - 1) / config_.max_bookings; }
  int slot_of(int action) const { return (action - 1) % config_.max_bookings; }
  // Driver free, slot filled, booking open.
  bool is_valid_pair(int driver, int slot) const;
  // Legal by the configured mask; wait always is.
  bool is_legal(int action) const;
  // All legal actions in ascending order; the first is wait.
  void legal_actions(std::vector<int>& out) const;

  // What assigning this valid pair now would earn at once, and the facts it rests on.
  AssignmentFacts facts(int driver, int slot) const;
  double assignment_reward(AssignmentFacts const& facts) const { return profile_->assignment(facts); }
  double expiry_penalty(int priority) const { return profile_->expiry(priority); }

  // The predecessor's observation, 4N + 4M + 2 floats: per driver (lat, lon, available, load), per slot (lat, lon,
  // priority, minutes left), clock, traffic.
  int observation_size() const { return 4 * config_.num_drivers + 4 * config_.max_bookings + 2; }
  void observe(std::span<float> out) const;

  ClassicConfig const& config() const { return config_; }
  std::span<Driver const> drivers() const { return drivers_; }
  std::span<Booking const> bookings() const { return bookings_; }
  int minute() const { return minute_; }
  double traffic_density() const;
  ClassicDay const& day() const { return day_; }
  RewardProfile const& profile() const { return *profile_; }

  static double distance_km(Point const& a, Point const& b);  // great circle, R = 6371 km
  static Point point(double lat, double lon);

 private:
  void generate_bookings(Rng& rng, int count);
  int open_bookings() const;
  double end_of_day();

  ClassicConfig config_;
  RewardProfile const* profile_;
  Rng root_;
  std::vector<Driver> drivers_;
  std::vector<Booking> bookings_;
  int minute_ = 0;
  int late_counted_ = 0;
  ClassicDay day_;
};

}  // namespace regulus::sim
