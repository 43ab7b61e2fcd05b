#include "sim/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/rng.h"
#include "domain/day_file.h"
#include "sim/invariants.h"
#include "sim/world.h"

namespace regulus::sim {

namespace {

std::string detail_of(Happening const& h) {
  switch (h.what) {
    case What::left:
    case What::promised:
      return "for " + clock_text(h.detail);
    case What::late_start:
      return fmt::format("{} s", h.detail);
    case What::asked:
      return fmt::format("{} routes", h.detail);
    default:
      return {};
  }
}

// One day being run: the world, the policy, and everything that is written down about them.
class Run {
 public:
  Run(Day const& day, TravelTimes const& expected, dispatch::Policy const& policy, SimulateOptions const& options)
      : day_(day),
        expected_(expected),
        policy_(policy),
        options_(options),
        world_(day, expected, [this](Happening const& h) { record(h); }),
        invariants_(day) {}

  DayResult finish() {
    Seconds ask_at = never, wake_at = never;
    while (!world_.over() || ask_at < never) {
      Seconds const next = world_.next_moment(), question = std::min(ask_at, wake_at);
      if (next < question || (next == question && next < never && !world_.next_is_departure())) {
        ++result_.events;
        if (world_.happen()) ask_at = std::min(ask_at, batched(next));
        check();
        continue;
      }
      ask_at = never;
      wake_at = ask(question);
    }
    result_.outcome = world_.outcome();
    result_.kpi = kpi_of(day_, expected_, result_.outcome);
    return std::move(result_);
  }

 private:
  Seconds batched(Seconds moment) const {
    Seconds const batch = policy_.batch();
    if (batch <= 0) return moment;
    Seconds const past = ((moment % batch) + batch) % batch;
    return past == 0 ? moment : moment + batch - past;
  }

  // Returns when to ask again.
  Seconds ask(Seconds moment) {
    world_.prepare_question(moment);
    Situation const situation{world_.fleet(), expected_, &memo_};
    Rng const rng = Rng(options_.policy_seed).stream(Purpose::policy, static_cast<std::uint64_t>(result_.decisions));
    auto const start = std::chrono::steady_clock::now();
    dispatch::Decision const decision = policy_.decide(situation, rng);
    std::chrono::duration<double, std::milli> const took = std::chrono::steady_clock::now() - start;
    result_.decide_ms.push_back(took.count());
    ++result_.decisions;
    remember(decision);
    record({.at = moment, .what = What::asked, .detail = static_cast<std::int64_t>(decision.routes.size())});
    if (Status const legal = dispatch::check_decision(situation, decision); !legal) {
      ++result_.refused_decisions;
      record({.at = moment, .what = What::refused}, legal.error().message);
    } else {
      world_.carry_out(decision);
      check();
    }
    return decision.wake_at > moment ? decision.wake_at : never;
  }

  void record(Happening const& h, std::string const& why = {}) {
    fold(static_cast<std::uint64_t>(h.at));
    fold(static_cast<std::uint64_t>(h.what));
    fold(static_cast<std::uint64_t>(h.driver));
    fold(static_cast<std::uint64_t>(h.booking));
    fold(static_cast<std::uint64_t>(h.detail));
    if (!options_.trace) return;
    options_.trace({.at = h.at,
                    .what = std::string(name_of(h.what)),
                    .driver = h.driver,
                    .booking = h.booking,
                    .detail = why.empty() ? detail_of(h) : why});
  }

  void remember(dispatch::Decision const& decision) {
    for (DriverRoute const& route : decision.routes) {
      fold(static_cast<std::uint64_t>(route.driver));
      for (Stop const& stop : route.stops) {
        fold(static_cast<std::uint64_t>(stop.kind));
        fold(static_cast<std::uint64_t>(stop.index));
      }
    }
    for (BookingId id : decision.overflow) fold(static_cast<std::uint64_t>(id));
    for (BookingId id : decision.unserved) fold(static_cast<std::uint64_t>(id));
    fold(static_cast<std::uint64_t>(decision.wake_at));
  }

  void fold(std::uint64_t word) { result_.trace_hash = mix(result_.trace_hash, word); }

  void check() {
    if (!options_.check_invariants || !result_.broken.empty()) return;
    if (Status const sound = invariants_.check(world_.fleet()); !sound) result_.broken = sound.error().message;
  }

  Day const& day_;
  TravelTimes const& expected_;
  dispatch::Policy const& policy_;
  SimulateOptions const& options_;
  World world_;
  Invariants invariants_;
  std::unique_ptr<Memo> memo_;
  DayResult result_;
};

}  // namespace

DayResult simulate(Day const& day, TravelTimes const& expected, dispatch::Policy const& policy,
                   SimulateOptions const& options) {
  return Run(day, expected, policy, options).finish();
}

}  // namespace regulus::sim
