// A day as it really happens: a deterministic loop over events, in which drivers drive, wait, load, ride, unload, rest
// and go home while a policy decides.
//
// Expected and realised times are kept apart. The policy sees a FleetSnapshot, which holds expected times; the drivers
// move by realised ones, drawn from Day::reality and keyed by (seed, booking, leg), so that two policies meet the same
// luck. Events at one moment are handled in a fixed order: what the world does, then the policy. The trace is a hash
// over every event and decision; it is the same at any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "dispatch/policy.h"
#include "domain/day.h"
#include "domain/kpi.h"
#include "domain/snapshot.h"

namespace regulus::sim {

struct TraceEvent {
  Seconds at = 0;
  std::string what;  // "pickup", "decision", "cancelled", …
  DriverId driver = 0;
  BookingId booking = 0;
  std::string detail;
};

struct SimulateOptions {
  std::uint64_t policy_seed = 0;
  bool check_invariants = false;                 // after every event (sim/invariants.h)
  std::function<void(TraceEvent const&)> trace;  // may be empty
};

struct DayResult {
  Kpi kpi;
  Outcome outcome;
  std::uint64_t trace_hash = 0;
  std::int64_t events = 0, decisions = 0;
  std::int64_t refused_decisions = 0;   // answers that check_decision turned down; the plan stayed as it was
  std::int64_t replaced_decisions = 0;  // Decision::replaced: a guard answered in the place of its policy
  std::string broken;                   // the first invariant that did not hold, when they are checked; empty: all did
  std::vector<double> decide_ms;        // by decision, wall clock; reported, never hashed
};

// A day that stops at every question: what simulate() is made of, and what a learning environment plays on.
class DayRun {
 public:
  // `batch`: seconds between decisions about what is new, 0 for at once (Policy::batch). All arguments must outlive it.
  DayRun(Day const& day, TravelTimes const& expected, SimulateOptions const& options, Seconds batch = 0);
  ~DayRun();
  DayRun(DayRun const&) = delete;
  DayRun& operator=(DayRun const&) = delete;

  // Lets the day go on until a policy is asked; false: it is over.
  bool next_question();
  // The open question, and the stream of chance that belongs to it.
  Situation situation();
  Rng rng() const;
  // Carries the decision out; one that check_decision turns down is counted and changes nothing.
  void answer(dispatch::Decision const& decision);

  // What has become of the day so far: bookings and drivers as they stand, who is out as if he were back now.
  Outcome so_far() const;
  // Once, when the day is over.
  DayResult result();

 private:
  class State;
  std::unique_ptr<State> state_;
};

// The same (day, times, policy, policy_seed) gives the same result.
DayResult simulate(Day const& day, TravelTimes const& expected, dispatch::Policy const& policy,
                   SimulateOptions const& options);

}  // namespace regulus::sim
