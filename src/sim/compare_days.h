// Several policies on the same days, and what can be said of them afterwards.
//
// Every policy meets the same bookings and the same luck, so differences between policies are taken day by day: the
// variation from day to day, which is far larger, falls out of them (common random numbers).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/stats.h"
#include "dispatch/policy.h"
#include "domain/day.h"
#include "domain/kpi.h"
#include "sim/simulator.h"
#include "travel/table.h"

namespace regulus::sim {

struct PlayOptions {
  std::function<Day(std::size_t)> day;  // the i-th of `days`; called from any thread
  std::size_t days = 1;
  std::vector<std::string> policies;
  dispatch::PolicySettings settings;
  travel::TravelOptions travel;
  std::uint64_t policy_seed = 0;
  std::int64_t clairvoyant = 0;  // iterations of the search with full knowledge; 0: not asked for
  bool trace = false;            // keep what happened
  bool check = false;            // every invariant after every event; the first that breaks is an error
  int threads = 1;
  std::function<void()> on_day;  // may be empty; called from any thread after each day of each policy
};

// One day as one policy spent it.
struct PlayedDay {
  Kpi kpi;
  std::uint64_t trace_hash = 0;
  std::int64_t events = 0, decisions = 0, refused_decisions = 0, replaced_decisions = 0;
  std::vector<TraceEvent> trace;
  std::vector<float> decide_ms;
  double seconds = 0;  // of the whole simulated day; reported, never compared
};

struct PlayedDays {
  std::vector<std::string> policies;
  std::vector<std::vector<PlayedDay>> days;  // [policy][day]
  std::vector<Cost> clairvoyant;             // by day; empty when not asked for
};

// The same at any number of threads. Errors: a policy nobody knows, travel times, an invariant, an interrupt.
Result<PlayedDays> play_days(PlayOptions const& options);

// Means over days, each day counting the same.
struct Scorecard {
  double cost = 0;  // cents a day, and its parts:
  double driving = 0, paid_time = 0, lateness = 0, excess_ride = 0, unserved_cost = 0, partner_cost = 0, promises = 0,
         matching = 0, unfairness = 0;
  Interval cost_ci95;
  double requested = 0, served = 0, partner = 0, unserved = 0, cancelled = 0, no_show = 0;
  double served_share = 0, on_time_share = 0;  // of bookings that were not cancelled, over all days
  double mean_late_minutes = 0, p95_late_minutes = 0, mean_wait_minutes = 0, mean_ride_ratio = 0;
  std::array<double, booking_classes> late_minutes{};  // a day, by BookingClass, beyond what is tolerated
  double driven_km = 0, empty_share = 0, rides_per_paid_hour = 0, drivers_used = 0;
  double most_trips = 0, fewest_trips = 0, changed_promises = 0;
  double events = 0, decisions = 0;
  std::int64_t refused_decisions = 0, replaced_decisions = 0;
  double decide_ms_p50 = 0, decide_ms_p99 = 0, seconds_per_day = 0;
  std::uint64_t trace_hash = 0;  // of all days, in their order
};
Scorecard scorecard_of(std::vector<PlayedDay> const& days);
Json to_json(Scorecard const& scorecard);

// A policy against the first one, and against somebody who knew everything.
struct Contest {
  PairedDifference difference;  // of the cost a day in cents, this policy's minus the first one's
  double gap_closed = 0;        // share of the first one's cost above the clairvoyant's that this policy saves
};
std::vector<Contest> contests_of(PlayedDays const& played, std::uint64_t seed);

}  // namespace regulus::sim
