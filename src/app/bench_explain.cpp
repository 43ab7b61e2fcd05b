// `regulus bench explain`: days of a family are planned by insertion, then every booking is asked about.
#include <fmt/format.h>

#include <ctime>
#include <map>

#include "app/bench_insertion.h"
#include "core/stats.h"
#include "dispatch/as_planned.h"
#include "dispatch/explain.h"
#include "dispatch/policy.h"
#include "sim/scenario.h"

namespace regulus::app {

namespace {

struct State {
  std::string family = "big-city";
  int days = 1;
  int assigned = 500;  // of each day, at most so many bookings with a driver
  std::uint64_t seed = 900'000;
};

// Milliseconds of processor time: others on the machine do not lengthen it.
double processor_ms_since(std::clock_t start) {
  return static_cast<double>(std::clock() - start) * 1e3 / CLOCKS_PER_SEC;
}

struct Times {
  std::vector<double> build_ms, unassigned_ms, assigned_ms;
  std::map<std::string, std::int64_t> reasons;
  std::int64_t with_change = 0;
};

Status measure_day(State const& state, Day const& day, Times& times) {
  TravelTimes const travel = TravelTimes::straight_line(day.places, day.speeds);
  Seconds const now = dispatch::before_the_day(day);
  Result<dispatch::AsPlanned> const empty = dispatch::as_planned(day, travel, {}, now);
  if (!empty) return empty.error();
  Result<std::unique_ptr<dispatch::Policy>> const policy = dispatch::make_policy("insertion", {});
  if (!policy) return policy.error();
  dispatch::Decision const decision = (*policy)->decide(Situation{empty->fleet, travel}, Rng(state.seed));
  Result<dispatch::AsPlanned> const standing = dispatch::as_planned(day, travel, {decision.routes, {}, {}}, now);
  if (!standing) return standing.error();
  FleetSnapshot const& fleet = standing->fleet;

  std::clock_t const building = std::clock();
  dispatch::Explainer explainer(Situation{fleet, travel}, fleet.undecided);
  times.build_ms.push_back(processor_ms_since(building));
  for (std::int32_t const booking : fleet.undecided) {
    std::clock_t const start = std::clock();
    dispatch::Unassigned const answer = explainer.why_unassigned(booking);
    times.unassigned_ms.push_back(processor_ms_since(start));
    ++times.reasons[std::string(dispatch::name_of(answer.reason))];
    times.with_change += answer.changes.empty() ? 0 : 1;
  }
  int asked = 0;
  for (std::int32_t booking = 0; booking < static_cast<std::int32_t>(day.bookings.size()); ++booking) {
    if (!explainer.in_plan(booking) || asked++ >= state.assigned) continue;
    std::clock_t const start = std::clock();
    explainer.why_this_driver(booking);
    times.assigned_ms.push_back(processor_ms_since(start));
  }
  return ok();
}

Json times_json(std::vector<double> const& ms) {
  if (ms.empty()) return Json::object({{"count", 0}});
  return Json::object(
      {{"count", ms.size()}, {"mean_ms", mean(ms)}, {"p99_ms", quantile(ms, 0.99)}, {"max_ms", quantile(ms, 1)}});
}
std::string times_text(std::vector<double> const& ms) {
  if (ms.empty()) return "none";
  return fmt::format("{} asked: mean {:.2f} ms, p99 {:.2f}, longest {:.2f}", ms.size(), mean(ms), quantile(ms, 0.99),
                     quantile(ms, 1));
}

}  // namespace

Run add_bench_explain(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("--family", state->family, "Family of days")->shows_default();
  flags.add("--days", state->days, "Days")->between(1, 10'000)->shows_default();
  flags.add("--assigned", state->assigned, "Bookings with a driver that are asked about, of each day")
      ->between(0, 100'000)
      ->shows_default();
  add_seed(flags, state->seed, "Seed of the first day");
  flags.footer("Examples:\n  regulus bench explain\n  regulus bench explain --family geneva-medical-scarce --days 50");
  return [state](Common const& common) -> Status {
    Result<sim::Family const*> const family = sim::find_family(state->family);
    if (!family) return family.error().in("--family");
    Times times;
    for (int k = 0; k < state->days; ++k) {
      Day const day = (*family)->generate(state->seed + static_cast<std::uint64_t>(k));
      if (Status const done = measure_day(*state, day, times); !done) return done;
    }
    Json reasons = Json::object();
    std::string text;
    for (auto const& [name, count] : times.reasons) {
      reasons[name] = count;
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
    }
    return print_result(
        common,
        Json::object({{"family", state->family},
                      {"days", state->days},
                      {"build", times_json(times.build_ms)},
                      {"unassigned", times_json(times.unassigned_ms)},
                      {"assigned", times_json(times.assigned_ms)},
                      {"reasons", reasons},
                      {"with_change", times.with_change}}),
        fmt::format("  {}, {} days, processor time\n"
                    "  reading the situation  {}\n"
                    "  why no driver          {} ({}; {} with a change that helps)\n"
                    "  why this driver        {}",
                    state->family, state->days, times_text(times.build_ms), times_text(times.unassigned_ms), text,
                    times.with_change, times_text(times.assigned_ms)));
  };
}

}  // namespace regulus::app
