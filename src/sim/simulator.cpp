#include "sim/simulator.h"

#include <fmt/format.h>

#include <chrono>

#include "core/rng.h"
#include "dispatch/world/questions.h"
#include "dispatch/world/world.h"
#include "domain/day_file.h"
#include "sim/invariants.h"

namespace regulus::sim {

using dispatch::Happening;
using dispatch::What;
using dispatch::World;

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

}  // namespace

// The world, and everything that is written down about it.
class DayRun::State {
 public:
  State(Day const& day, TravelTimes const& expected, SimulateOptions const& options, Seconds batch)
      : day_(day),
        expected_(expected),
        options_(options),
        world_(day, expected, [this](Happening const& h) { record(h); }),
        questions_(world_, batch),
        invariants_(day) {}

  bool next_question() {
    return questions_.next([this] {
      ++result_.events;
      check();
    });
  }

  Situation situation() { return {world_.fleet(), expected_, &memo_}; }
  Rng rng() const {
    return Rng(options_.policy_seed).stream(Purpose::policy, static_cast<std::uint64_t>(result_.decisions));
  }

  void answer(dispatch::Decision const& decision) {
    ++result_.decisions;
    if (!decision.replaced.empty()) ++result_.replaced_decisions;
    remember(decision);
    record(
        {.at = questions_.asked(), .what = What::asked, .detail = static_cast<std::int64_t>(decision.routes.size())});
    if (Status const legal = dispatch::check_decision(situation(), decision); !legal) {
      ++result_.refused_decisions;
      record({.at = questions_.asked(), .what = What::refused}, legal.error().message);
    } else {
      world_.carry_out(decision);
      check();
    }
    questions_.answered(decision);
  }

  Outcome so_far() const { return world_.so_far(); }

  DayResult result() {
    result_.outcome = world_.outcome();
    result_.kpi = kpi_of(day_, expected_, result_.outcome);
    return std::move(result_);
  }

 private:
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
  SimulateOptions const& options_;
  DayResult result_;  // before the world, which reports into it from the start
  World world_;
  dispatch::Questions questions_;
  Invariants invariants_;
  std::unique_ptr<Memo> memo_;
};

DayRun::DayRun(Day const& day, TravelTimes const& expected, SimulateOptions const& options, Seconds batch)
    : state_(std::make_unique<State>(day, expected, options, batch)) {}
DayRun::~DayRun() = default;
bool DayRun::next_question() { return state_->next_question(); }
Situation DayRun::situation() { return state_->situation(); }
Rng DayRun::rng() const { return state_->rng(); }
void DayRun::answer(dispatch::Decision const& decision) { state_->answer(decision); }
Outcome DayRun::so_far() const { return state_->so_far(); }
DayResult DayRun::result() { return state_->result(); }

DayResult simulate(Day const& day, TravelTimes const& expected, dispatch::Policy const& policy,
                   SimulateOptions const& options) {
  DayRun run(day, expected, options, policy.batch());
  std::vector<double> decide_ms;
  while (run.next_question()) {
    auto const start = std::chrono::steady_clock::now();
    dispatch::Decision const decision = policy.decide(run.situation(), run.rng());
    std::chrono::duration<double, std::milli> const took = std::chrono::steady_clock::now() - start;
    decide_ms.push_back(took.count());
    run.answer(decision);
  }
  DayResult result = run.result();
  result.decide_ms = std::move(decide_ms);
  return result;
}

}  // namespace regulus::sim
