// Candidate decisions compared by playing the rest of the day on.
//
// Searches that meet other chances come to other plans, all of them good by what is planned; which one is best by the
// end of the day depends on what its plan leaves room for. So each is rehearsed under the same sampled futures
// (dispatch/rehearsal.h, where the idea comes from). The candidates are
//
//   rule     the decision of lns_futures
//   plans    those of best insertion, of lns with four other streams of chance, of lns_futures with two
//   wait     everything stays as it is, and the question is asked again in ten minutes
//   partner  for each of the bookings that are due first, the rule's decision with that one handed to the partner
//
// The rule's decision stands unless another one is clearly better: of those whose mean saving against it exceeds half
// the standard error of that mean, the one that exceeds it most wins (docs/decisions/0020). In a first round everybody
// meets a quarter of the futures; the four who then save most meet the rest, unless they are worse than the rule by
// more than one standard error.
//
// PolicySettings::futures scales both kinds of foresight: as many futures as in lns_futures, and eight times as many
// rehearsals.
//
// How long a decision takes is bounded by counting, not by a clock, so the answer depends on nothing but the question.
// A rehearsal takes about as long as there are rides to come times drivers who are there, 2 µs for each such pair in
// the median. Where all rehearsals together would exceed `most_work`, which is a quarter of a second, fewer futures are
// met; where eight candidates could not meet sixteen, the rule decides alone: from 80 rides to come with ten drivers
// on. With PolicySettings::seconds a clock is looked at too, and what has been rehearsed by then is compared.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <iterator>

#include "core/stats.h"
#include "dispatch/futures.h"
#include "dispatch/instance_of.h"
#include "dispatch/policy.h"
#include "dispatch/rehearsal.h"

namespace regulus::dispatch {

namespace {

constexpr int rehearsals_per_future = 8;
constexpr int other_searches = 4;    // of lns
constexpr int other_foresights = 2;  // of lns_futures
constexpr int searches = 2 + other_searches + other_foresights;
constexpr std::size_t most_handed_over = 6;  // bookings
constexpr Seconds short_wait = 10 * one_minute;
constexpr std::size_t finalists = 4;
constexpr double clear_lead = 0.5;  // standard errors
constexpr int fewest_futures = 16;  // fewer say nothing about a day
constexpr double most_work = 1e5;   // futures × candidates × rides to come × drivers

class Watch {
 public:
  explicit Watch(double limit) : limit_(limit) {}
  bool is_over() const {
    return limit_ > 0 && std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count() > limit_;
  }

 private:
  double limit_;  // seconds; 0: none
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

bool same_stops(DriverRoute const& a, DriverRoute const& b) {
  auto const same = [](Stop const& x, Stop const& y) { return x.kind == y.kind && x.index == y.index; };
  return a.driver == b.driver && std::ranges::equal(a.stops, b.stops, same);
}

bool same_decision(Decision const& a, Decision const& b) {
  return std::ranges::equal(a.routes, b.routes, same_stops) && a.overflow == b.overflow && a.unserved == b.unserved;
}

// Rides that are not over yet and those to be expected, times the drivers who are there.
double work_of_a_rehearsal(FleetSnapshot const& fleet) {
  auto rides = static_cast<double>(std::ranges::count_if(
      fleet.bookings, [](BookingState const& state) { return state.known && !is_final(state.status); }));
  DemandForecast const& forecast = fleet.day->forecast;
  for (Seconds from = fleet.now; !forecast.rides.empty() && from < end_of_service; from += one_hour) {
    rides += forecast.per_hour[static_cast<std::size_t>(hour_of_day(from))];
  }
  return rides * static_cast<double>(std::ranges::count(fleet.drivers, true, &DriverState::available));
}

// Undecided bookings that a partner still takes, those first whose last moment for a pickup comes first.
std::vector<std::int32_t> due_first(Situation const& situation) {
  std::vector<std::int32_t> due;
  std::ranges::copy_if(situation.fleet.undecided, std::back_inserter(due),
                       [&](std::int32_t booking) { return partner_can_take(situation, booking); });
  std::ranges::stable_sort(due, {}, [&](std::int32_t booking) { return latest_pickup(situation, booking); });
  if (due.size() > most_handed_over) due.resize(most_handed_over);
  return due;
}

// The decision, but for one booking, which goes to the partner.
Decision handed_over(Decision decision, Situation const& situation, std::int32_t booking) {
  BookingId const id = situation.fleet.day->bookings[static_cast<std::size_t>(booking)].id;
  for (DriverRoute& route : decision.routes) {
    std::erase_if(route.stops, [&](Stop const& stop) { return stop.kind != StopKind::rest && stop.index == id; });
  }
  std::erase(decision.unserved, id);
  auto const place = std::ranges::lower_bound(decision.overflow, id);
  if (place == decision.overflow.end() || *place != id) decision.overflow.insert(place, id);
  return decision;
}

// What the others save against the first of several decisions.
class Comparison {
 public:
  Comparison(Rehearsal const& rehearsal, std::vector<Decision> const& candidates)
      : rehearsal_(rehearsal), candidates_(candidates), savings_(candidates.size()), out_(candidates.size(), false) {}

  // The position of the best decision.
  std::size_t best(int futures, Watch const& watch) {
    int const fewest = std::min(fewest_futures, futures);
    int const first_round = std::max(futures / 4, fewest);
    meet(0, first_round, watch);
    if (choose_finalists() > 0) meet(first_round, futures, watch);
    std::size_t best = 0;
    double lead = 0;
    for (std::size_t c = 1; c < candidates_.size(); ++c) {
      double const gain = saving(c) - clear_lead * error(c);
      if (out_[c] || std::ssize(savings_[c]) < fewest / 2 || gain <= lead) continue;
      best = c;
      lead = gain;
    }
    return best;
  }

 private:
  void meet(int from, int until, Watch const& watch) {
    for (int k = from; k < until && !watch.is_over(); ++k) {
      double const rule = rehearsal_.cost(candidates_.front(), k);
      for (std::size_t c = 1; c < candidates_.size(); ++c) {
        if (!out_[c]) savings_[c].push_back(rule - rehearsal_.cost(candidates_[c], k));
      }
    }
  }

  // Returns how many there are.
  std::size_t choose_finalists() {
    std::vector<std::size_t> order;
    for (std::size_t c = 1; c < candidates_.size(); ++c) {
      if (saving(c) + error(c) >= 0) order.push_back(c);
    }
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t c) { return saving(c); });
    if (order.size() > finalists) order.resize(finalists);
    out_.assign(candidates_.size(), true);
    for (std::size_t const c : order) out_[c] = false;
    return order.size();
  }

  double saving(std::size_t c) const { return mean(savings_[c]); }
  double error(std::size_t c) const {
    return standard_deviation(savings_[c]) /
           std::sqrt(static_cast<double>(std::max<std::size_t>(1, savings_[c].size())));
  }

  Rehearsal const& rehearsal_;
  std::vector<Decision> const& candidates_;
  std::vector<std::vector<double>> savings_;  // by candidate, by future
  std::vector<bool> out_;
};

class Rollout final : public Policy {
 public:
  explicit Rollout(PolicySettings const& settings) : settings_(settings) {
    PolicySettings rule = settings, other = settings;
    // A third of the time for the rule, a third for the other searches, the rest for the rehearsals.
    rule.seconds = settings.seconds / 3;
    other.seconds = settings.seconds / 3 / (searches - 1);
    rule_ = make_policy("lns_futures", rule).take();
    foresight_ = make_policy("lns_futures", other).take();
    search_ = make_policy("lns", other).take();
    insertion_ = make_policy("insertion", other).take();
  }

  Decision decide(Situation const& situation, Rng rng) const override {
    Watch const watch(settings_.seconds);
    Decision plain = rule_->decide(situation, rng);
    bool const nothing_to_decide = situation.fleet.undecided.empty() && plain.routes.empty();
    if (nothing_to_decide || futures_for(situation, searches) == 0) return plain;
    std::vector<Decision> candidates = candidates_beside(std::move(plain), situation, rng);
    if (candidates.size() == 1) return candidates.front();
    Rehearsal const rehearsal(situation, {.futures = wanted_futures()}, rng.stream(Purpose::futures, first_rehearsal));
    if (!rehearsal.can_play(candidates.front())) return candidates.front();
    auto const cannot = [&](Decision const& candidate) { return !rehearsal.can_play(candidate); };
    candidates.erase(std::remove_if(candidates.begin() + 1, candidates.end(), cannot), candidates.end());
    int const futures = futures_for(situation, candidates.size());
    if (candidates.size() == 1 || futures == 0) return candidates.front();
    return candidates[Comparison(rehearsal, candidates).best(futures, watch)];
  }

 private:
  // Streams that the rule does not draw from.
  static constexpr std::uint64_t first_search = 1'000, first_foresight = 2'000, first_rehearsal = 3'000;

  int wanted_futures() const { return rehearsals_per_future * std::max(1, settings_.futures); }

  // How many futures there is time for; 0: too few.
  int futures_for(Situation const& situation, std::size_t candidates) const {
    int const wanted = wanted_futures();
    double const work = static_cast<double>(candidates) * std::max(1.0, work_of_a_rehearsal(situation.fleet));
    int const possible = static_cast<int>(std::min(most_work / work, static_cast<double>(wanted)));
    return possible < std::min(wanted, fewest_futures) ? 0 : possible;
  }

  std::vector<Decision> candidates_beside(Decision plain, Situation const& situation, Rng rng) const {
    std::vector<Decision> candidates;
    candidates.push_back(std::move(plain));
    auto const add = [&](Decision decision) {
      auto const same = [&](Decision const& known) { return same_decision(known, decision); };
      if (std::ranges::none_of(candidates, same)) candidates.push_back(std::move(decision));
    };
    auto const stream = [&](std::uint64_t first, int k) {
      return rng.stream(Purpose::search, first + static_cast<std::uint64_t>(k));
    };
    add(insertion_->decide(situation, rng));
    for (int k = 0; k < other_searches; ++k) add(search_->decide(situation, stream(first_search, k)));
    if (situation.fleet.undecided.empty()) return candidates;
    for (int k = 0; k < other_foresights; ++k) add(foresight_->decide(situation, stream(first_foresight, k)));
    // A partner who has to be told now is told now, and who is given up is given up: that cannot wait.
    Decision const rule = candidates.front();
    if (rule.overflow.empty() && rule.unserved.empty()) {
      add({.wake_at = std::min(rule.wake_at, situation.fleet.now + short_wait)});
    }
    for (std::int32_t const booking : due_first(situation)) add(handed_over(rule, situation, booking));
    return candidates;
  }

  PolicySettings settings_;
  std::unique_ptr<Policy> rule_, foresight_, search_, insertion_;
};

}  // namespace

std::unique_ptr<Policy> make_rollout(PolicySettings const& settings) { return std::make_unique<Rollout>(settings); }

}  // namespace regulus::dispatch
