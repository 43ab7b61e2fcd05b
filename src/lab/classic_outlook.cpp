#include "lab/classic_outlook.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "core/rng.h"
#include "core/seeds.h"
#include "lab/best_schedule.h"

namespace regulus::lab {
namespace {

using sim::AssignmentFacts;
using sim::ClassicWorld;

constexpr std::size_t sample_days = 16;
constexpr std::size_t draws_a_day = 8;
constexpr int horizon = 24;  // steps looked ahead
// Sample days are warm-up days of a base seed that no run has.
constexpr std::uint64_t sample_seed = 0x6f75'746c'6f6f'6bULL;

// A booking still to come is served by the nearest of n drivers somewhere in the square: half a mean spacing away.
double half_spacing_km(int drivers) {
  constexpr double area_km2 = 22.24 * 15.39;
  return 0.5 * std::sqrt(area_km2 / drivers);
}

std::size_t at(int i) { return static_cast<std::size_t>(i); }

double minutes_a_km(double density) { return 60 / (30 * (1 - 0.5 * density)); }

}  // namespace

ClassicOutlook::ClassicOutlook(sim::ClassicConfig const& config)
    : slots_(config.max_bookings), typical_km_(half_spacing_km(config.num_drivers)) {
  sim::ClassicConfig endless = config;
  endless.max_bookings = 500;
  ClassicWorld world(endless);
  profile_ = &world.profile();

  // 1. Days of demand, cut into steps.
  std::vector<std::vector<std::vector<Arrival>>> drawn;  // by step, then by day
  for (std::uint64_t d = 0; d < sample_days * draws_a_day; ++d) {
    world.reset(scenario_seed(Role::warmup, sample_seed, d));
    if (d == 0) minutes_a_km_.push_back(minutes_a_km(world.traffic_density()));
    std::vector<std::vector<ClassicWorld::Booking>> seen(1);
    while (true) {
      world.step(ClassicWorld::wait);
      if (world.done()) break;
      if (d == 0) minutes_a_km_.push_back(minutes_a_km(world.traffic_density()));
      auto& new_ones = seen.emplace_back();
      std::ranges::copy_if(world.bookings(), std::back_inserter(new_ones),
                           [&](auto const& booking) { return booking.created == world.minute(); });
    }
    drawn.resize(seen.size());
    for (std::size_t step = 0; step < seen.size(); ++step) {
      auto& arrivals = drawn[step].emplace_back();
      for (auto const& booking : seen[step]) arrivals.push_back(arrival_of(static_cast<int>(step), booking));
    }
  }

  // 2. Few days must stand for all: what comes in a step is ordered by what is at stake, the middle of each stratum is
  // kept, and strata are dealt to the sample days at random.
  auto const at_stake = [](std::vector<Arrival> const& arrivals) {
    double points = 0;
    for (Arrival const& a : arrivals) points += a.penalty + static_cast<double>(a.values.front());
    return points;
  };
  days_.resize(sample_days);
  Rng deal = Rng(sample_seed).stream(Purpose::demand);
  for (auto& of_step : drawn) {
    std::ranges::stable_sort(of_step, {}, at_stake);
    std::array<std::size_t, sample_days> stratum;
    for (std::size_t d = 0; d < days_.size(); ++d) {
      auto const other = deal.below(d + 1);
      stratum[d] = stratum[other];
      stratum[other] = d;
    }
    for (std::size_t d = 0; d < days_.size(); ++d) {
      days_[d].first.push_back(static_cast<int>(days_[d].arrivals.size()));
      auto const& chosen = of_step[stratum[d] * draws_a_day + draws_a_day / 2];
      days_[d].arrivals.insert(days_[d].arrivals.end(), chosen.begin(), chosen.end());
    }
  }
  for (SampleDay& day : days_) {
    day.first.resize(at(steps() + horizon + 1), static_cast<int>(day.arrivals.size()));
  }
}

ClassicOutlook::Arrival ClassicOutlook::arrival_of(int step, ClassicWorld::Booking const& booking) const {
  Arrival arrival{.step = step, .penalty = penalty(step, booking), .values = {}};
  AssignmentFacts const facts{.km = typical_km_, .priority = booking.priority, .outbound = booking.outbound};
  for (int k = 0; k < std::min(steps_left(booking), horizon) && step + k < steps(); ++k) {
    double const value = reward_at(step + k, facts, booking) + arrival.penalty;
    arrival.values.push_back(static_cast<float>(std::max(0.0, value)));
  }
  return arrival;
}

int ClassicOutlook::steps_left(ClassicWorld::Booking const& booking) {
  return (booking.minutes_left + ClassicWorld::step_minutes - 1) / ClassicWorld::step_minutes;
}

double ClassicOutlook::penalty(int step, ClassicWorld::Booking const& booking) const {
  return step + steps_left(booking) <= steps() ? -profile_->expiry(booking.priority) : 0;
}

double ClassicOutlook::reward_at(int step, AssignmentFacts facts, ClassicWorld::Booking const& booking) const {
  int const minute = step * ClassicWorld::step_minutes;
  double const arrival = minute + facts.km * minutes_a_km_[static_cast<std::size_t>(std::min(step, steps() - 1))];
  facts.late_minutes = std::max(0.0, arrival - booking.window_end);
  facts.fast = 2 * (minute - booking.created) <= booking.window;
  return profile_->assignment(facts);
}

double ClassicOutlook::arrivals(int step, int steps_ahead) const {
  double count = 0;
  for (SampleDay const& day : days_) {
    auto const last = static_cast<std::size_t>(std::min(step + steps_ahead + 1, steps()));
    auto const first = static_cast<std::size_t>(std::min(step + 1, steps()));
    count += day.first[last] - day.first[first];
  }
  return count / static_cast<double>(days_.size());
}

Outlook ClassicOutlook::ask(ClassicWorld const& world, std::span<OpenBooking const> open) const {
  int const now = world.minute() / ClassicWorld::step_minutes;
  int const ahead = std::min(steps() - now - 1, horizon);
  int const count = static_cast<int>(open.size());
  // A slot that an expiry set free is not counted on: with hindsight a schedule would make far too much of it, and
  // letting bookings expire would look profitable.
  int const room = slots_ - static_cast<int>(world.bookings().size()) - world.day().cancellations;
  Outlook outlook{.relief = std::vector<double>(open.size()), .chance_later = std::vector<double>(open.size())};

  // The rows of open bookings are the same on every sample day.
  std::vector<float> own(open.size() * at(ahead));
  std::vector<double> penalties(open.size());
  double penalty_sum = 0;
  for (std::size_t k = 0; k < open.size(); ++k) {
    penalties[k] = penalty(now, *open[k].booking);
    penalty_sum += penalties[k];
    int const last = std::min(steps_left(*open[k].booking) - 1, ahead);
    for (int t = 1; t <= last; ++t) {
      double const value = reward_at(now + t, open[k].best, *open[k].booking) + penalties[k];
      own[k * at(ahead) + at(t - 1)] = static_cast<float>(std::max(0.0, value));
    }
  }

  BestSchedule schedule;
  for (SampleDay const& day : days_) {
    int const first = day.first[at(now + 1)];
    int const coming = std::clamp(day.first[at(now + 1 + ahead)] - first, 0, std::max(room, 0));
    std::span<float> const values = schedule.values(count + coming, ahead);
    std::fill(std::ranges::copy(own, values.begin()).out, values.end(), 0.0F);
    double lost_points = penalty_sum;
    for (int i = 0; i < coming; ++i) {
      Arrival const& arrival = day.arrivals[at(first + i)];
      auto const row = values.subspan(at(count + i) * at(ahead), at(ahead));
      auto const from = at(arrival.step - now - 1);
      auto const length = std::min(arrival.values.size(), row.size() - from);
      std::copy_n(arrival.values.begin(), length, row.begin() + static_cast<std::ptrdiff_t>(from));
      lost_points += arrival.penalty;
    }
    schedule.solve();
    outlook.rest += static_cast<double>(schedule.total()) - lost_points;
    for (int r = 0; r < count + coming; ++r) (schedule.is_served(r) ? outlook.served : outlook.lost) += 1;
    for (int k = 0; k < count; ++k) {
      auto const i = static_cast<std::size_t>(k);
      outlook.relief[i] += penalties[i] - static_cast<double>(schedule.worth(k));
      outlook.chance_later[i] += schedule.is_served(k) ? 1 : 0;
    }
  }
  auto const n = static_cast<double>(days_.size());
  outlook.rest /= n;
  outlook.served /= n;
  outlook.lost /= n;
  for (double& relief : outlook.relief) relief /= n;
  for (double& chance : outlook.chance_later) chance /= n;
  return outlook;
}

}  // namespace regulus::lab
