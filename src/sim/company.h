// Who rides with a company, and where: the same on every day of it.
//
// Clients are numbered from 1; the first ones are the regulars, with a standing order. A client is computed from the
// company's seed and the number, so a pool of a thousand costs nothing until somebody rides.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "domain/fleet.h"
#include "sim/demand_config.h"

namespace regulus::sim {

struct Client {
  Point home;
  Place facility = no_place;  // where the rides go: the row of a facility, from 1;
  Point other_end;            // when there is none, another address
  Seats seats;
  int companions = 0;
  int priority = 1;
  bool skilled = false;  // needs a trained attendant
  bool exclusive = false;
  bool prefers = false;
  std::uint64_t preferred = 0;  // modulo the regular drivers
  // Of a regular: as probabilities of the histogram of hours and of the quantiles of the gap.
  double usual_time = 0, usual_gap = 0;
  bool back_only = false, round_trip = false, will_call = false;
};

class Company {
 public:
  // `config` must outlive the company.
  explicit Company(DemandConfig const& config);

  Client client(std::uint64_t number) const;
  // Chance that the k-th regular (from 0) rides on this weekday (0 is Monday).
  double regular_chance(int k, int weekday) const;
  // Mean visits of a day of 100 per cent that are not by standing order.
  double other_visits() const;

  Point depot() const { return depot_; }
  std::span<Point const> facilities() const { return facilities_; }
  // Within the radius, evenly.
  Point somewhere(Rng& rng) const;
  // What else is fixed: the roster.
  Rng stream(Purpose purpose, std::uint64_t index = 0) const { return root_.stream(purpose, index); }

 private:
  Point away(Point const& from, double metres, Rng& rng) const;
  int days_a_week(int k) const;

  DemandConfig const* config_;
  Rng root_;
  Point centre_, depot_;
  std::vector<Point> facilities_;
  std::vector<int> attraction_;
  // Of regulars: their times and lengths are spread evenly over the distributions, for few of them ride often.
  std::vector<std::size_t> time_rank_, length_rank_;
};

// The value at probability u of evenly spaced quantiles.
double at_quantile(std::span<int const> quantiles, double u);
// The probability of a value of at most `limit`.
double share_up_to(std::span<int const> quantiles, double limit);
// An index, in proportion to weights that are not negative and not all 0.
std::size_t draw_weighted(std::span<int const> weights, Rng& rng);

}  // namespace regulus::sim
