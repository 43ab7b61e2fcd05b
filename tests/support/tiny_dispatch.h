// A dispatcher's day so small that its best decisions can be computed exactly, to measure what a learner lacks of them.
//
// One to three drivers on a line of zones. At known times a booking appears, its zones drawn from probabilities that
// change over the day. It is given to a driver who can be there within the patience of the passenger, to a partner who
// takes a few rides a day, or refused, which is dearer than any way of serving it. Costs are driving to the pickup,
// waiting beyond a grace, the partner's price and the refusal.
//
// What a decision does to the future is in the state after it alone, so that all a learner has to find is the cost to
// come of each state in which the next booking is awaited: the learned part of a row's value, of which the known part
// is minus the cost at once. The same recursion backwards over the day (Bellman 1957) gives the least cost to come, and
// that of somebody who decides by any other outlook.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/rng.h"
#include "rl/environment.h"

namespace regulus::rl::tiny {

constexpr int most_drivers = 3;

// Where a driver is, or will be once he is free.
struct Driver {
  int zone = 0;
  int free_in = 0;  // steps
  friend bool operator==(Driver const&, Driver const&) = default;
  friend bool operator<(Driver const& a, Driver const& b) {
    return std::tie(a.zone, a.free_in) < std::tie(b.zone, b.free_in);
  }
};

struct Booking {
  int from = 0;
  int to = 0;
  friend bool operator==(Booking const&, Booking const&) = default;
};

// The moment before booking number `event` is known. Drivers are alike, so their order is fixed: ascending.
struct State {
  int event = 0;
  int partner_left = 0;  // rides
  int size = 0;          // drivers
  std::array<Driver, most_drivers> drivers{};

  std::span<Driver const> fleet() const { return std::span(drivers).first(static_cast<std::size_t>(size)); }
  std::span<Driver> fleet() { return std::span(drivers).first(static_cast<std::size_t>(size)); }
  // By insertion: std::sort looks to g++ 12 as if it left an array that short.
  void sort_drivers() {
    auto const count = static_cast<std::size_t>(size);
    for (std::size_t i = 1; i < count; ++i) {
      for (std::size_t j = i; j > 0 && drivers[j] < drivers[j - 1]; --j) std::swap(drivers[j], drivers[j - 1]);
    }
  }
  friend bool operator==(State const&, State const&) = default;
};

struct Choice {
  int cost = 0;  // at once
  State next;
};

struct Problem {
  int zones = 4;
  int partner_rides = 2;  // at most, at the start
  int patience = 4;       // steps from booking to pickup
  int grace = 1;          // steps of them that cost nothing
  int driving_price = 2;  // a step of driving to the pickup
  int late_price = 2;     // a step beyond the grace
  int partner_price = 3;
  int refusal_price = 25;
  std::vector<int> gaps;                    // steps from each booking to the next
  std::vector<std::vector<double>> demand;  // [event][index(from, to)], probabilities

  int events() const { return static_cast<int>(gaps.size()); }
  int drive(int from, int to) const { return std::abs(from - to); }
  int ride(Booking const& b) const { return 1 + drive(b.from, b.to); }
  std::size_t index(int from, int to) const {
    return static_cast<std::size_t>(from) * static_cast<std::size_t>(zones) + static_cast<std::size_t>(to);
  }
  double probability(int event, Booking const& b) const {
    return demand[static_cast<std::size_t>(event)][index(b.from, b.to)];
  }
  // The longest that a driver can still be busy when a booking appears.
  int longest_busy() const { return patience + zones - std::ranges::min(gaps); }

  // What may be done with the booking: refuse (always), each driver who can be there in time, the partner.
  void choices(State const& state, Booking const& booking, std::vector<Choice>& out) const {
    State later = state;
    int const gap = gaps[static_cast<std::size_t>(state.event)];
    ++later.event;
    for (Driver& d : later.fleet()) d.free_in = std::max(0, d.free_in - gap);
    out.clear();
    out.push_back({refusal_price, later});
    for (std::size_t i = 0; i < state.fleet().size(); ++i) {
      Driver const& d = state.drivers[i];
      int const approach = drive(d.zone, booking.from);
      int const wait = d.free_in + approach;
      if (wait > patience) continue;
      State next = later;
      next.drivers[i] = {booking.to, std::max(0, wait + ride(booking) - gap)};
      next.sort_drivers();
      out.push_back({driving_price * approach + late_price * std::max(0, wait - grace), next});
    }
    if (state.partner_left > 0) {
      State next = later;
      --next.partner_left;
      out.push_back({partner_price, next});
    }
  }
};

// Ten bookings: from the outer zones to the clinic in zone 0 at first, a crowded noon, and home again.
inline Problem tiny_day() {
  Problem p;
  p.gaps = {3, 3, 2, 2, 1, 1, 2, 3, 3, 3};
  for (int event = 0; event < p.events(); ++event) {
    double const home = static_cast<double>(event) / (p.events() - 1);  // share of rides that lead home
    std::vector<double> weights(p.index(p.zones, 0), 0.0);
    for (int outer = 1; outer < p.zones; ++outer) {
      weights[p.index(outer, 0)] = (1 - home) * outer;
      weights[p.index(0, outer)] = home * outer;
      for (int other = 1; other < p.zones; ++other) {
        if (other != outer) weights[p.index(outer, other)] = 0.25;
      }
    }
    double sum = 0;
    for (double w : weights) sum += w;
    for (double& w : weights) w /= sum;
    p.demand.push_back(std::move(weights));
  }
  return p;
}

// A number for each state of a problem with `size` drivers.
class States {
 public:
  States(Problem const& problem, int size)
      : size_(size), busy_(problem.longest_busy() + 1), partner_(problem.partner_rides + 1), events_(problem.events()) {
    std::vector<Driver> kinds;
    for (int zone = 0; zone < problem.zones; ++zone) {
      for (int free_in = 0; free_in < busy_; ++free_in) kinds.push_back({zone, free_in});
    }
    kinds_ = kinds.size();
    State state;
    state.size = size;
    add_fleets(kinds, 0, state);
    std::size_t codes = 1;
    for (int i = 0; i < size; ++i) codes *= kinds_;
    numbers_.assign(codes, 0);
    for (std::size_t i = 0; i < fleets_.size(); ++i) numbers_[code(fleets_[i])] = i;
  }

  // Those of one event lie together; those of events() are the ends of the day.
  std::size_t count() const { return first(events_ + 1); }
  std::size_t first(int event) const {
    return static_cast<std::size_t>(event) * static_cast<std::size_t>(partner_) * fleets_.size();
  }
  std::size_t number(State const& s) const {
    return first(s.event) + static_cast<std::size_t>(s.partner_left) * fleets_.size() + numbers_[code(s)];
  }
  State at(std::size_t number) const {
    State s = fleets_[number % fleets_.size()];
    number /= fleets_.size();
    s.partner_left = static_cast<int>(number % static_cast<std::size_t>(partner_));
    s.event = static_cast<int>(number / static_cast<std::size_t>(partner_));
    return s;
  }
  int size() const { return size_; }

 private:
  void add_fleets(std::vector<Driver> const& kinds, std::size_t driver, State& state) {
    if (driver == state.fleet().size()) {
      fleets_.push_back(state);
      return;
    }
    for (Driver const& kind : kinds) {
      if (driver > 0 && kind < state.drivers[driver - 1]) continue;
      state.drivers[driver] = kind;
      add_fleets(kinds, driver + 1, state);
    }
  }
  std::size_t code(State const& s) const {
    std::size_t sum = 0;
    for (Driver const& d : s.fleet()) {
      sum = sum * kinds_ + static_cast<std::size_t>(d.zone * busy_ + d.free_in);
    }
    return sum;
  }

  int size_, busy_, partner_, events_;
  std::size_t kinds_ = 0;
  std::vector<State> fleets_;
  std::vector<std::size_t> numbers_;
};

// Where the cost at once and the outlook after it are least, the first such choice on ties.
inline std::size_t least(std::vector<Choice> const& choices, States const& states, std::span<double const> outlook) {
  std::size_t best = 0;
  double least_cost = 0;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    double const cost = choices[i].cost + outlook[states.number(choices[i].next)];
    if (i == 0 || cost < least_cost) {
      best = i;
      least_cost = cost;
    }
  }
  return best;
}

// The expected cost to come in each state of somebody who decides by `outlook`, a cost to come that he believes in.
// Without one he knows the true cost to come: the least that is possible.
inline std::vector<double> costs_to_come(Problem const& problem, States const& states,
                                         std::vector<double> const* outlook = nullptr) {
  std::vector<double> costs(states.count(), 0.0);
  std::vector<Choice> choices;
  for (int event = problem.events() - 1; event >= 0; --event) {
    for (std::size_t s = states.first(event); s < states.first(event + 1); ++s) {
      State const state = states.at(s);
      for (Booking b; b.from < problem.zones; ++b.from) {
        for (b.to = 0; b.to < problem.zones; ++b.to) {
          double const probability = problem.probability(event, b);
          if (probability == 0) continue;
          problem.choices(state, b, choices);
          Choice const& chosen = choices[least(choices, states, outlook != nullptr ? *outlook : costs)];
          costs[s] += probability * (chosen.cost + costs[states.number(chosen.next)]);
        }
      }
    }
  }
  return costs;
}

// Any moment of the first half of the day.
inline State random_start(Problem const& problem, int size, Rng& rng) {
  State s;
  s.event = static_cast<int>(rng.below(static_cast<std::uint64_t>(problem.events() / 2)));
  s.partner_left = static_cast<int>(rng.between(0, problem.partner_rides));
  s.size = size;
  for (Driver& d : s.fleet()) {
    d.zone = static_cast<int>(rng.below(static_cast<std::uint64_t>(problem.zones)));
    d.free_in = static_cast<int>(rng.between(0, problem.longest_busy()));
  }
  s.sort_drivers();
  return s;
}

inline Booking random_booking(Problem const& problem, int event, Rng& rng) {
  double mass = rng.uniform();
  Booking last;
  for (Booking b; b.from < problem.zones; ++b.from) {
    for (b.to = 0; b.to < problem.zones; ++b.to) {
      double const probability = problem.probability(event, b);
      if (probability == 0) continue;
      last = b;
      mass -= probability;
      if (mass < 0) return b;
    }
  }
  return last;
}

// The same number of features for any number of drivers: of each zone, how many can be there within 0, 1, 2, … steps,
// and how many bookings are to be expected from it; how soon bookings follow each other; what is left of day and
// partner.
inline int width_of(Problem const& problem) { return (problem.longest_busy() + problem.zones + 2) * problem.zones + 7; }

inline void append_features(Problem const& problem, State const& state, std::vector<float>& out) {
  std::size_t const end = out.size() + static_cast<std::size_t>(width_of(problem));
  // Once the day is over nothing matters any more.
  if (state.event == problem.events()) {
    out.resize(end, 0.0F);
    return;
  }
  auto const add = [&](int part, int whole) { out.push_back(static_cast<float>(part) / static_cast<float>(whole)); };
  auto const bookings_from = [&](int zone, int event) {
    double sum = 0;
    for (int to = 0; to < problem.zones; ++to) sum += problem.probability(event, {zone, to});
    return sum;
  };
  int const left = problem.events() - state.event;
  for (int zone = 0; zone < problem.zones; ++zone) {
    for (int within = 0; within < problem.longest_busy() + problem.zones; ++within) {
      add(static_cast<int>(std::ranges::count_if(
              state.fleet(), [&](Driver const& d) { return d.free_in + problem.drive(d.zone, zone) <= within; })),
          most_drivers);
    }
    double expected = 0;
    for (int event = state.event; event < problem.events(); ++event) expected += bookings_from(zone, event);
    out.push_back(static_cast<float>(expected / left));
    out.push_back(static_cast<float>(bookings_from(zone, state.event)));
  }
  int const longest_gap = std::ranges::max(problem.gaps);
  for (int event = state.event; event < state.event + 3; ++event) {
    add(event < problem.events() ? problem.gaps[static_cast<std::size_t>(event)] : longest_gap, longest_gap);
  }
  add(state.size, most_drivers);
  add(state.partner_left, problem.partner_rides);
  add(state.partner_left > 0 ? 1 : 0, 1);
  add(left, problem.events());
  REGULUS_CHECK(out.size() == end);
}

// One row a choice: what is known of it is its cost at once, what it leads to is in its features.
inline void observe(Problem const& problem, std::vector<Choice> const& choices, Observation& out) {
  out.rows = static_cast<int>(choices.size());
  out.features.clear();
  out.legal.clear();
  out.baseline.clear();
  for (Choice const& c : choices) {
    append_features(problem, c.next, out.features);
    out.baseline.push_back(static_cast<float>(-c.cost));
  }
}

// Plays days of a fleet of 1 to 3 drivers, another one each time.
class TinyDispatch : public Environment {
 public:
  explicit TinyDispatch(Problem problem) : problem_(std::move(problem)) {}

  int width() const override { return width_of(problem_); }
  int actions() const override { return 0; }
  void reset(std::uint64_t seed) override {
    rng_ = Rng(seed).stream(Purpose::test);
    start(random_start(problem_, static_cast<int>(rng_.between(1, most_drivers)), rng_));
  }
  void start_at(State const& state, std::uint64_t seed) {
    rng_ = Rng(seed).stream(Purpose::test);
    start(state);
  }
  void observe(Observation& out) const override { tiny::observe(problem_, choices_, out); }
  StepResult step(int choice) override {
    Choice const taken = choices_[static_cast<std::size_t>(choice)];
    bool const over = taken.next.event == problem_.events();
    int const gap = problem_.gaps[static_cast<std::size_t>(state_.event)];
    if (!over) start(taken.next);
    return {.reward = -static_cast<double>(taken.cost),
            .elapsed = static_cast<double>(gap),
            .terminal = over,
            .over = over};
  }
  // The cheapest now.
  int suggested_choice() const override {
    return static_cast<int>(std::ranges::min_element(choices_, {}, &Choice::cost) - choices_.begin());
  }

  State const& state() const { return state_; }
  std::vector<Choice> const& choices() const { return choices_; }

 private:
  void start(State const& state) {
    state_ = state;
    problem_.choices(state_, random_booking(problem_, state_.event, rng_), choices_);
  }

  Problem problem_;
  Rng rng_;
  State state_;
  std::vector<Choice> choices_;
};

}  // namespace regulus::rl::tiny
