#include "dispatch/search.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "core/check.h"
#include "dispatch/search/appraiser.h"
#include "dispatch/search/plan.h"
#include "dispatch/search/pool.h"
#include "dispatch/search/recreate.h"
#include "dispatch/search/ruin.h"

namespace regulus::dispatch {

using schedule::Compiled;
using schedule::Instance;
using schedule::Money;
using schedule::NodeKind;
using schedule::Workspace;

namespace {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// Measured in docs/decisions/0007-search.md. Temperatures are shares of what one request costs on average.
constexpr double hottest = 0.5, coldest = 0.02;
constexpr double strings_share = 0.5;         // of the changes take strings out, the others near requests
constexpr double regret_share = 0.1;          // of the changes put back by regret, the others one by one
constexpr double blink_share = 0.05;          // of the latter overlook places
constexpr double vehicles_share = 0.5;        // of the limits, spent on the number of vehicles at most
constexpr std::int64_t long_search = 20'000;  // iterations, from which on cooling again and keeping routes pay
constexpr int coolings = 3;                   // of a long search
constexpr double reheated = 0.2;              // where all but the first begin
// Of a cooling: from when on routes are kept, and when the best plan is put together from them.
constexpr double pool_from = 0.3;
constexpr double combine_at[] = {0.6, 0.9, 2};

// Vehicles first where they come first; otherwise the cost alone.
struct Merit {
  std::size_t left_out;
  std::int32_t vehicles;
  Money cost;
  auto operator<=>(Merit const&) const = default;  // NOLINT(modernize-use-nullptr): of what is generated
};

Merit merit_of(Plan const& plan, Money cost, bool fewer_vehicles) {
  if (!fewer_vehicles) return {0, 0, cost};
  return {plan.left_out().size(), plan.used(), cost};
}

class Search {
 public:
  Search(Compiled const& compiled, SearchOptions const& options, Rng rng)
      : compiled_(compiled),
        options_(options),
        rng_(rng),
        work_(compiled),
        plan_(compiled, work_, memory(options)),
        ruiner_(compiled),
        recreator_(compiled),
        pool_(compiled) {}

  Solution run(Solution const& start) {
    best_ = start;
    if (!plan_.assign(start)) {
      best_.cost = no_plan;
      return best_;
    }
    best_.cost = plan_.cost();
    best_merit_ = merit_of(plan_, price(), options_.fewer_vehicles);
    if (plan_.anchors().empty() && plan_.left_out().empty()) return best_;
    if (options_.fewer_vehicles) {
      drop_vehicles();
      REGULUS_CHECK(plan_.assign(best_));
    }
    anneal();
    return best_;
  }

 private:
  static std::size_t memory(SearchOptions const& options) {
    auto const wanted = std::min<std::int64_t>(options.iterations, 1 << 12) * 16;
    return static_cast<std::size_t>(std::max<std::int64_t>(wanted, 64));
  }

  // From 0 to 1: how much of the limits is used up. Asked once for each iteration.
  double progress() {
    if (stopped_ || (options_.go_on && !options_.go_on())) {
      stopped_ = true;
      return 1;
    }
    double share =
        static_cast<double>(iteration_) / static_cast<double>(std::max<std::int64_t>(1, options_.iterations));
    if (options_.seconds > 0) {
      if (iteration_ % 16 == 0) elapsed_ = watch_.seconds();
      share = std::max(share, elapsed_ / options_.seconds);
    }
    return share;
  }

  // The plan's cost, with what the appraiser adds.
  Money price() { return plan_.cost() + (options_.appraiser == nullptr ? 0 : options_.appraiser->extra_cost(plan_)); }

  void note_best(Money cost) {
    Merit const merit = merit_of(plan_, cost, options_.fewer_vehicles);
    if (merit >= best_merit_) return;
    best_merit_ = merit;
    best_ = plan_.solution();
    if (options_.on_better) options_.on_better(best_, watch_.seconds());
  }

  // One change of the plan; false: it cannot be carried out and was undone.
  bool change(RecreateRules rules) {
    plan_.begin();
    if (rng_.chance(strings_share)) {
      ruiner_.strings(plan_, rng_, ruins_);
    } else {
      ruiner_.related(plan_, rng_, 2 + rng_.below(10), ruins_);
    }
    bool possible = plan_.remove(ruins_.requests, ruins_.stops);
    for (std::size_t k = 0; possible && k < ruins_.stops.size(); ++k) possible = plan_.put_back(ruins_.stops[k]);
    if (!possible) {
      plan_.rollback();
      return false;
    }
    if (rng_.chance(regret_share)) {
      recreator_.by_regret(plan_, 2 + static_cast<int>(rng_.below(2)), rules, 0.1, rng_);
    } else {
      rules.blink_places = rng_.chance(blink_share);
      recreator_.greedy(plan_, rules, rng_);
    }
    return true;
  }

  double mean_cost() const {
    Money served = plan_.cost();
    for (std::int32_t const r : plan_.left_out()) served -= compiled_.request(r).left_out;
    auto const count = static_cast<std::size_t>(compiled_.requests()) - plan_.left_out().size();
    return static_cast<double>(std::max<Money>(served, 1)) / static_cast<double>(std::max<std::size_t>(count, 1));
  }

  // A long search cools several times, each time from the best plan so far. A short one cools once and keeps no pool.
  void anneal() {
    double const scale = mean_cost();
    bool const is_long = options_.iterations >= long_search && !options_.fewer_vehicles;
    pooled_ = is_long && pool_.usable() && options_.appraiser == nullptr;
    int const rounds = is_long ? coolings : 1;
    double from = progress();
    for (int round = 0; round < rounds; ++round) {
      double const until = from + (1 - from) / (rounds - round);
      if (round > 0) REGULUS_CHECK(plan_.assign(best_));
      cool({.hot = (round == 0 ? hottest : reheated) * scale, .cold = coldest * scale, .begin = from, .end = until});
      from = until;
    }
  }

  struct Cooling {
    double hot, cold;
    double begin, end;  // of the progress
  };
  void cool(Cooling const& cooling) {
    int combined = 0;
    Money before = price();
    for (double now = progress(); now < cooling.end; ++iteration_, now = progress()) {
      double const share = std::max(0.0, (now - cooling.begin) / (cooling.end - cooling.begin));
      bool const pooling = pooled_ && share > pool_from;
      if (pooling && share > combine_at[combined]) {
        ++combined;
        combine();
        before = price();
      }
      double const temperature = cooling.hot * std::pow(cooling.cold / cooling.hot, share);
      if (!change({.new_vehicles = !options_.fewer_vehicles})) continue;
      double const limit = static_cast<double>(before) - temperature * std::log(1 - rng_.uniform());
      Money const after = price();
      if (static_cast<double>(after) >= limit) {
        plan_.rollback();
        continue;
      }
      before = after;
      for (std::size_t k = 0; pooling && k < plan_.touched().size(); ++k) pool_.note(plan_.tour(plan_.touched()[k]));
      note_best(after);
    }
  }

  // What is better than the best so far goes on from there.
  void combine() {
    std::optional<Solution> const found = pool_.combine(best_.cost);
    if (!found) return;
    REGULUS_CHECK(plan_.assign(*found));
    note_best(plan_.cost());
  }

  // Fewer vehicles (section 5.4 of the paper on string removals): the vehicle whose riders were hardest to place least
  // often is dissolved, and the search goes on without opening another until everybody is placed again. A plan is
  // better when those who are left out were left out less often so far: whoever is hard to place comes to stay.
  void drop_vehicles() {
    absences_.assign(static_cast<std::size_t>(compiled_.requests()), 0);
    double const begin = progress();
    double const until = begin + (1 - begin) * vehicles_share;
    double const temperature = 0.3 * mean_cost();
    if (plan_.left_out().empty() && !dissolve()) return;
    for (double now = begin; now < until; ++iteration_, now = progress()) {
      auto const absent_before = plan_.left_out().size();
      std::int64_t const weight_before = absence();
      Money const cost_before = plan_.cost();
      if (!change({.new_vehicles = false})) continue;
      auto const absent = plan_.left_out().size();
      if (absent == 0) {
        note_best(plan_.cost());
        if (!dissolve()) return;
        continue;
      }
      std::int64_t const weight = absence();
      for (std::int32_t const r : plan_.left_out()) ++absences_[static_cast<std::size_t>(r)];
      double const limit = static_cast<double>(cost_before) - temperature * std::log(1 - rng_.uniform());
      bool const easier = absent < absent_before || weight < weight_before;
      if (!easier && !(absent == absent_before && static_cast<double>(plan_.cost()) < limit)) plan_.rollback();
    }
  }

  std::int64_t absence() const {
    std::int64_t sum = 0;
    for (std::int32_t const r : plan_.left_out()) sum += absences_[static_cast<std::size_t>(r)];
    return sum;
  }

  // Takes everybody out of the vehicle that is easiest to do without; false: none can be emptied.
  bool dissolve() {
    std::int32_t chosen = -1;
    std::int64_t least = 0;
    for (schedule::Tour const& tour : plan_.tours()) {
      if (!tour.used() || compiled_.vehicle(tour.vehicle()).started) continue;
      std::int64_t sum = 0;
      bool empties = true;
      for (std::int32_t const node : tour.nodes()) {
        schedule::CompiledStop const& stop = compiled_.stop(node);
        if (stop.kind == NodeKind::rest) continue;
        empties = empties && plan_.movable(stop.request);
        sum += absences_[static_cast<std::size_t>(stop.request)];
      }
      if (!empties || (chosen >= 0 && sum >= least)) continue;
      chosen = tour.vehicle();
      least = sum;
    }
    if (chosen < 0) return false;
    ruins_.requests.clear();
    for (std::int32_t const node : plan_.tour(chosen).nodes()) {
      schedule::CompiledStop const& stop = compiled_.stop(node);
      if (stop.kind == NodeKind::pickup) ruins_.requests.push_back(stop.request);
    }
    plan_.begin();
    if (plan_.remove(ruins_.requests, {})) return true;
    plan_.rollback();
    return false;
  }

  Compiled const& compiled_;
  SearchOptions const& options_;
  Rng rng_;
  Stopwatch watch_;
  Workspace work_;
  Plan plan_;
  Ruiner ruiner_;
  Recreator recreator_;
  Ruins ruins_;
  RoutePool pool_;
  bool pooled_ = false;
  Solution best_;
  Merit best_merit_{};
  std::vector<std::int64_t> absences_;  // by request: how often a search for fewer vehicles left it out
  std::int64_t iteration_ = 0;
  double elapsed_ = 0;
  bool stopped_ = false;
};

}  // namespace

Money cost_of_routes(Instance const& instance, std::span<std::vector<std::int32_t> const> routes) {
  REGULUS_CHECK(routes.size() == instance.vehicles.size());
  Money cost = 0;
  std::int64_t trips = 0, squared_trips = 0;
  for (std::size_t v = 0; v < routes.size(); ++v) {
    schedule::Evaluation const e = schedule::evaluate(instance, static_cast<std::int32_t>(v), routes[v]);
    REGULUS_CHECK(e.violation == schedule::Violation::none);
    cost += e.cost.total();
    std::int64_t here = instance.vehicles[v].trips;
    for (std::int32_t const node : routes[v]) {
      here += instance.nodes[static_cast<std::size_t>(node)].kind == NodeKind::pickup ? 1 : 0;
    }
    trips += here;
    squared_trips += here * here;
  }
  return cost + load_term(instance, trips, squared_trips);
}

Money cost_of(Instance const& instance, Solution const& solution) {
  Money cost = cost_of_routes(instance, solution.routes);
  for (std::int32_t const r : solution.left_out) cost += instance.requests[static_cast<std::size_t>(r)].left_out;
  return cost;
}

Solution construct(Instance const& instance, Solution start, int regret) {
  Compiled const compiled(instance);
  Workspace work(compiled);
  Plan plan(compiled, work, 64);
  if (!plan.assign(start)) {
    start.cost = no_plan;
    return start;
  }
  Recreator recreator(compiled);
  Rng unused;
  recreator.by_regret(plan, regret, {.blink = 0}, 0, unused);
  return plan.solution();
}

Solution improve(Instance const& instance, Solution const& start, SearchOptions const& options, Rng rng) {
  Compiled const compiled(instance);
  return Search(compiled, options, rng.stream(Purpose::search)).run(start);
}

}  // namespace regulus::dispatch
