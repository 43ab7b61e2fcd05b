#include "sim/compare_days.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "core/interrupt.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "sim/clairvoyant.h"

namespace regulus::sim {

namespace {

struct OneDay {
  std::vector<PlayedDay> by_policy;
  Cost clairvoyant;
  std::optional<Error> error;
};

// `policies` are those of the options; a policy is a function, so all days and threads share it.
OneDay play_day(PlayOptions const& options, std::vector<std::unique_ptr<dispatch::Policy>> const& policies,
                std::size_t index) {
  OneDay one;
  auto const fail = [&](Error error) {
    one.error = std::move(error);
    return one;
  };
  Day const day = options.day(index);
  Result<TravelTimes> const times = travel::times_for(day, options.travel);
  if (!times) return fail(times.error());
  for (std::size_t p = 0; p < policies.size(); ++p) {
    if (interrupted()) return fail({ErrorKind::interrupted, "interrupted; nothing was written"});
    SimulateOptions how;
    how.policy_seed = mix(options.policy_seed, index);
    how.check_invariants = options.check;
    std::vector<TraceEvent> trace;
    if (options.trace) how.trace = [&](TraceEvent const& event) { trace.push_back(event); };
    auto const start = std::chrono::steady_clock::now();
    DayResult const result = simulate(day, *times, *policies[p], how);
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - start;
    if (!result.broken.empty()) {
      return fail({ErrorKind::corrupt,
                   fmt::format("{} on day {}: {}; please report this", options.policies[p], day.name, result.broken)});
    }
    one.by_policy.push_back({.kpi = result.kpi,
                             .trace_hash = result.trace_hash,
                             .events = result.events,
                             .decisions = result.decisions,
                             .refused_decisions = result.refused_decisions,
                             .replaced_decisions = result.replaced_decisions,
                             .trace = std::move(trace),
                             .decide_ms = {result.decide_ms.begin(), result.decide_ms.end()},
                             .seconds = took.count()});
    if (options.on_day) options.on_day();
  }
  if (options.clairvoyant > 0) one.clairvoyant = clairvoyant(day, *times, options.clairvoyant, index).cost;
  return one;
}

// The mean over days of what `figure` says of one.
template <class Figure>
double mean_of(std::vector<PlayedDay> const& days, Figure const& figure) {
  std::vector<double> values;
  for (PlayedDay const& day : days) values.push_back(static_cast<double>(figure(day.kpi)));
  return mean(values);
}

std::vector<double> costs_of(std::vector<PlayedDay> const& days) {
  std::vector<double> costs;
  for (PlayedDay const& day : days) costs.push_back(static_cast<double>(day.kpi.cost.total()));
  return costs;
}

}  // namespace

Result<PlayedDays> play_days(PlayOptions const& options) {
  std::vector<std::unique_ptr<dispatch::Policy>> policies;
  for (std::string const& name : options.policies) {
    Result<std::unique_ptr<dispatch::Policy>> policy = dispatch::make_policy(name, options.settings);
    if (!policy) return policy.error();
    policies.push_back(policy.take());
  }
  auto days =
      parallel_map(options.days, options.threads, [&](std::size_t i) { return play_day(options, policies, i); });
  PlayedDays played;
  played.policies = options.policies;
  played.days.resize(options.policies.size());
  for (OneDay& day : days) {
    if (day.error) return *day.error;
    for (std::size_t p = 0; p < options.policies.size(); ++p) played.days[p].push_back(std::move(day.by_policy[p]));
    if (options.clairvoyant > 0) played.clairvoyant.push_back(day.clairvoyant);
  }
  return played;
}

Scorecard scorecard_of(std::vector<PlayedDay> const& days) {
  Scorecard s;
  std::vector<double> const costs = costs_of(days);
  s.cost = mean(costs);
  s.cost_ci95 = mean_interval(costs);
  s.driving = mean_of(days, [](Kpi const& k) { return k.cost.driving; });
  s.paid_time = mean_of(days, [](Kpi const& k) { return k.cost.paid_time; });
  s.lateness = mean_of(days, [](Kpi const& k) { return k.cost.lateness; });
  s.excess_ride = mean_of(days, [](Kpi const& k) { return k.cost.excess_ride; });
  s.unserved_cost = mean_of(days, [](Kpi const& k) { return k.cost.unserved; });
  s.partner_cost = mean_of(days, [](Kpi const& k) { return k.cost.partner; });
  s.promises = mean_of(days, [](Kpi const& k) { return k.cost.promises; });
  s.matching = mean_of(days, [](Kpi const& k) { return k.cost.matching; });
  s.unfairness = mean_of(days, [](Kpi const& k) { return k.cost.unfairness; });
  s.requested = mean_of(days, [](Kpi const& k) { return k.requested; });
  s.served = mean_of(days, [](Kpi const& k) { return k.served; });
  s.partner = mean_of(days, [](Kpi const& k) { return k.partner; });
  s.unserved = mean_of(days, [](Kpi const& k) { return k.unserved; });
  s.cancelled = mean_of(days, [](Kpi const& k) { return k.cancelled; });
  s.no_show = mean_of(days, [](Kpi const& k) { return k.no_show; });
  double const wanted = s.requested - s.cancelled;
  s.served_share = wanted > 0 ? s.served / wanted : 0;
  s.on_time_share = wanted > 0 ? mean_of(days, [](Kpi const& k) { return k.on_time; }) / wanted : 0;
  s.mean_late_minutes = mean_of(days, [](Kpi const& k) { return k.mean_late_minutes; });
  s.p95_late_minutes = mean_of(days, [](Kpi const& k) { return k.p95_late_minutes; });
  s.mean_wait_minutes = mean_of(days, [](Kpi const& k) { return k.mean_wait_minutes; });
  s.mean_ride_ratio = mean_of(days, [](Kpi const& k) { return k.mean_ride_ratio; });
  for (std::size_t c = 0; c < booking_classes; ++c)
    s.late_minutes[c] = mean_of(days, [c](Kpi const& k) { return static_cast<double>(k.late[c]) / 60; });
  s.driven_km = mean_of(days, [](Kpi const& k) { return k.driven_km; });
  s.empty_share = mean_of(days, [](Kpi const& k) { return k.empty_share; });
  s.rides_per_paid_hour = mean_of(days, [](Kpi const& k) { return k.rides_per_paid_hour; });
  s.drivers_used = mean_of(days, [](Kpi const& k) { return k.drivers_used; });
  s.most_trips = mean_of(days, [](Kpi const& k) { return k.most_trips; });
  s.fewest_trips = mean_of(days, [](Kpi const& k) { return k.fewest_trips; });
  s.changed_promises = mean_of(days, [](Kpi const& k) { return k.changed_promises; });

  std::vector<double> decide_ms, seconds;
  for (PlayedDay const& day : days) {
    s.events += static_cast<double>(day.events);
    s.decisions += static_cast<double>(day.decisions);
    s.refused_decisions += day.refused_decisions;
    s.replaced_decisions += day.replaced_decisions;
    decide_ms.insert(decide_ms.end(), day.decide_ms.begin(), day.decide_ms.end());
    seconds.push_back(day.seconds);
    s.trace_hash = mix(s.trace_hash, day.trace_hash);
  }
  auto const count = static_cast<double>(std::max<std::size_t>(1, days.size()));
  s.events /= count;
  s.decisions /= count;
  if (!decide_ms.empty()) {
    s.decide_ms_p50 = quantile(decide_ms, 0.5);
    s.decide_ms_p99 = quantile(decide_ms, 0.99);
  }
  s.seconds_per_day = mean(seconds);
  return s;
}

Json to_json(Scorecard const& s) {
  return Json::object(
      {{"cost_cents", Json::object({{"total", s.cost},
                                    {"ci95", Json::array_of(std::vector{s.cost_ci95.low, s.cost_ci95.high})},
                                    {"driving", s.driving},
                                    {"paid_time", s.paid_time},
                                    {"lateness", s.lateness},
                                    {"excess_ride", s.excess_ride},
                                    {"unserved", s.unserved_cost},
                                    {"partner", s.partner_cost},
                                    {"promises", s.promises},
                                    {"matching", s.matching},
                                    {"unfairness", s.unfairness}})},
       {"requested", s.requested},
       {"served", s.served},
       {"partner", s.partner},
       {"unserved", s.unserved},
       {"cancelled", s.cancelled},
       {"no_show", s.no_show},
       {"served_share", s.served_share},
       {"on_time_share", s.on_time_share},
       {"mean_late_minutes", s.mean_late_minutes},
       {"p95_late_minutes", s.p95_late_minutes},
       {"late_minutes_by_class", by_class_json(s.late_minutes)},
       {"mean_wait_minutes", s.mean_wait_minutes},
       {"mean_ride_ratio", s.mean_ride_ratio},
       {"driven_km", s.driven_km},
       {"empty_share_of_km", s.empty_share},
       {"rides_per_paid_hour", s.rides_per_paid_hour},
       {"drivers_used", s.drivers_used},
       {"most_trips", s.most_trips},
       {"fewest_trips", s.fewest_trips},
       {"changed_share_of_promises", s.changed_promises},
       {"events", s.events},
       {"decisions", s.decisions},
       {"refused_decisions", s.refused_decisions},
       {"replaced_decisions", s.replaced_decisions},
       {"trace_hash", fmt::format("{:016x}", s.trace_hash)}});
}

std::vector<Contest> contests_of(PlayedDays const& played, std::uint64_t seed) {
  std::vector<Contest> contests;
  std::vector<double> const base = costs_of(played.days.at(0));
  double perfect = 0;
  for (Cost const& cost : played.clairvoyant) perfect += static_cast<double>(cost.total());
  perfect /= static_cast<double>(std::max<std::size_t>(1, played.clairvoyant.size()));
  for (std::vector<PlayedDay> const& days : played.days) {
    std::vector<double> const costs = costs_of(days);
    Contest& contest = contests.emplace_back();
    contest.difference = paired_difference({costs}, {base}, seed);
    double const gap = mean(base) - perfect;
    if (!played.clairvoyant.empty() && gap != 0) contest.gap_closed = (mean(base) - mean(costs)) / gap;
  }
  return contests;
}

}  // namespace regulus::sim
