#include "dispatch/search.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/check.h"
#include "dispatch/search/plan.h"
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

// Vehicles first where they come first; otherwise the cost alone.
struct Merit {
  std::size_t left_out;
  std::int32_t vehicles;
  Money cost;
  auto operator<=>(Merit const&) const = default;
};

Merit merit_of(Plan const& plan, bool fewer_vehicles) {
  if (!fewer_vehicles) return {0, 0, plan.cost()};
  return {plan.left_out().size(), plan.used(), plan.cost()};
}

class Search {
 public:
  Search(Compiled const& compiled, SearchOptions const& options, Rng rng)
      : compiled_(compiled),
        options_(options),
        rng_(rng),
        work_(compiled),
        plan_(compiled, work_, memory(compiled, options)),
        ruiner_(compiled),
        recreator_(compiled) {}

  Solution run(Solution const& start) {
    plan_.assign(start);
    best_ = start;
    best_.cost = plan_.cost();
    best_merit_ = merit_of(plan_, options_.fewer_vehicles);
    if (plan_.anchors().empty() && plan_.left_out().empty()) return best_;
    if (options_.fewer_vehicles) {
      drop_vehicles();
      plan_.assign(best_);
    }
    anneal();
    return best_;
  }

 private:
  static std::size_t memory(Compiled const& compiled, SearchOptions const& options) {
    auto const wanted = std::min<std::int64_t>(options.iterations, 1 << 12) * 16;
    (void)compiled;
    return static_cast<std::size_t>(std::max<std::int64_t>(wanted, 64));
  }

  // From 0 to 1: how much of the limits is used up.
  double progress() {
    double share =
        static_cast<double>(iteration_) / static_cast<double>(std::max<std::int64_t>(1, options_.iterations));
    if (options_.seconds > 0) {
      if (iteration_ % 16 == 0) elapsed_ = watch_.seconds();
      share = std::max(share, elapsed_ / options_.seconds);
    }
    return share;
  }

  void note_best() {
    Merit const merit = merit_of(plan_, options_.fewer_vehicles);
    if (merit >= best_merit_) return;
    best_merit_ = merit;
    best_ = plan_.solution();
    if (options_.on_better) options_.on_better(best_, watch_.seconds());
  }

  // One change of the plan; false: it cannot be carried out and was undone.
  bool change(RecreateRules const& rules) {
    plan_.begin();
    if (rng_.chance(0.85)) {
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
    if (rng_.chance(0.1)) {
      recreator_.by_regret(plan_, 2 + static_cast<int>(rng_.below(2)), rules, 0.1, rng_);
    } else {
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

  void anneal() {
    double const begin = progress();
    double const scale = mean_cost();
    double const hot = 0.3 * scale, cold = 0.003 * scale;
    for (double now = begin; now < 1; ++iteration_, now = progress()) {
      double const temperature = hot * std::pow(cold / hot, (now - begin) / (1 - begin));
      Money const before = plan_.cost();
      if (!change({})) continue;
      double const limit = static_cast<double>(before) - temperature * std::log(1 - rng_.uniform());
      if (static_cast<double>(plan_.cost()) >= limit) {
        plan_.rollback();
        continue;
      }
      note_best();
    }
  }

  void drop_vehicles() {}

  Compiled const& compiled_;
  SearchOptions const& options_;
  Rng rng_;
  Stopwatch watch_;
  Workspace work_;
  Plan plan_;
  Ruiner ruiner_;
  Recreator recreator_;
  Ruins ruins_;
  Solution best_;
  Merit best_merit_{};
  std::int64_t iteration_ = 0;
  double elapsed_ = 0;
};

}  // namespace

Money cost_of(Instance const& instance, Solution const& solution) {
  REGULUS_CHECK(solution.routes.size() == instance.vehicles.size());
  Money cost = 0;
  std::int64_t trips = 0, squared_trips = 0;
  for (std::size_t v = 0; v < solution.routes.size(); ++v) {
    schedule::Evaluation const e = schedule::evaluate(instance, static_cast<std::int32_t>(v), solution.routes[v]);
    REGULUS_CHECK(e.violation == schedule::Violation::none);
    cost += e.cost.total();
    std::int64_t here = instance.vehicles[v].trips;
    for (std::int32_t const node : solution.routes[v]) {
      here += instance.nodes[static_cast<std::size_t>(node)].kind == NodeKind::pickup ? 1 : 0;
    }
    trips += here;
    squared_trips += here * here;
  }
  for (std::int32_t const r : solution.left_out) cost += instance.requests[static_cast<std::size_t>(r)].left_out;
  return cost + load_term(instance, trips, squared_trips);
}

Solution construct(Instance const& instance, Solution start, int regret) {
  Compiled const compiled(instance);
  Workspace work(compiled);
  Plan plan(compiled, work, 64);
  plan.assign(start);
  Recreator recreator(compiled);
  Rng unused;
  recreator.by_regret(plan, regret, {.blink = 0}, 0, unused);
  return plan.solution();
}

Solution improve(Instance const& instance, Solution start, SearchOptions const& options, Rng rng) {
  Compiled const compiled(instance);
  return Search(compiled, options, rng.stream(Purpose::search)).run(start);
}

}  // namespace regulus::dispatch
