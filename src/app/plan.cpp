#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/command.h"
#include "app/travel_flags.h"
#include "core/files.h"
#include "dispatch/as_planned.h"
#include "dispatch/instance_of.h"
#include "dispatch/plan_check.h"
#include "dispatch/policy.h"
#include "dispatch/vroom.h"
#include "domain/day_file.h"
#include "domain/leg_hours.h"

namespace regulus::app {

Run add_plan(Flags& flags);

namespace {

struct State {
  std::string input, policy = "lns", format, output, plan, now;
  double seconds = 5;
  std::int64_t iterations = 0;
  std::uint64_t seed = 1;
  Flag *seconds_given = nullptr, *iterations_given = nullptr;
  TravelFlags travel;
};

// What is to be planned, from either format.
struct Problem {
  Day day;
  TravelTimes times;
  dispatch::VroomNames names;
  std::vector<dispatch::VroomPromise> promises;  // of VROOM's input only
  Plan given;
  bool vroom = false;
};

Result<Json> read_json(std::string const& file) {
  Result<std::string> const text = read_file(file);
  if (!text) return text.error();
  Result<Json> json = parse_json(*text);
  return json ? std::move(json) : json.error().in(file);
}

Result<Problem> read_problem(State const& state) {
  Result<Json> const json = read_json(state.input);
  if (!json) return json.error();
  Problem problem;
  problem.vroom = dispatch::is_vroom(*json);
  std::optional<TravelTimes> given_times;
  if (problem.vroom) {
    Result<dispatch::VroomProblem> read = dispatch::read_vroom(*json);
    if (!read) return read.error().in(state.input);
    problem.day = std::move(read->day);
    problem.names = std::move(read->names);
    problem.promises = std::move(read->promises);
    problem.given = std::move(read->given);
    given_times = std::move(read->times);
  } else {
    Result<Day> day = day_of(*json);
    if (!day) return day.error().in(state.input);
    problem.day = day.take();
    problem.names = dispatch::names_of(problem.day);
  }
  if (!state.plan.empty()) {
    Result<Json> const plan_json = read_json(state.plan);
    if (!plan_json) return plan_json.error();
    Result<Plan> plan = plan_of(*plan_json);
    if (!plan) return plan.error().in(state.plan);
    if (!problem.given.routes.empty()) return invalid("--plan and the steps of the input exclude each other");
    problem.given = plan.take();
  }
  Result<travel::TravelOptions> const options = state.travel.options();
  if (!options) return options.error();
  if (given_times) {
    problem.times = std::move(*given_times);
  } else {
    Result<TravelTimes> times = travel::times_for(problem.day, *options);
    if (!times) return times.error();
    problem.times = times.take();
  }
  return problem;
}

// Who is not in any route: to the partner whoever is dearest to refuse, as long as there are rides, and the rest to
// nobody.
void give_away(Problem const& problem, Situation const& situation, std::vector<std::int32_t> left, Plan& plan) {
  Day const& day = problem.day;
  Cents const dearest = dearest_ride(day);
  auto const price = [&](std::int32_t i) {
    return unserved_price(day.weights, day.bookings[static_cast<std::size_t>(i)], dearest);
  };
  std::ranges::stable_sort(left, std::ranges::greater{}, price);
  std::int32_t rides = situation.fleet.partner_left;
  for (std::int32_t const i : left) {
    Booking const& b = day.bookings[static_cast<std::size_t>(i)];
    Metres const direct = leg_hours(b, b.pickup_window, b.dropoff_window, problem.times).direct.metres;
    bool const takes =
        rides > 0 && dispatch::partner_can_take(situation, i) && partner_price(day.weights, b, direct) < price(i);
    rides -= takes ? 1 : 0;
    (takes ? plan.overflow : plan.unserved).push_back(b.id);
  }
  std::ranges::sort(plan.overflow);
  std::ranges::sort(plan.unserved);
}

// The plan of the whole day: what is over, and what the decision makes of the rest.
Plan whole_plan(Problem const& problem, dispatch::AsPlanned const& standing, Situation const& situation,
                dispatch::Decision const& decision) {
  Plan plan;
  std::vector<bool> placed(problem.day.bookings.size());
  for (std::size_t d = 0; d < problem.day.drivers.size(); ++d) {
    DriverId const id = problem.day.drivers[d].id;
    auto const changed = std::ranges::find(decision.routes, id, &DriverRoute::driver);
    Route const& ahead = changed != decision.routes.end() ? changed->stops : standing.fleet.drivers[d].stops;
    DriverRoute route{id, standing.behind[d]};
    route.stops.insert(route.stops.end(), ahead.begin(), ahead.end());
    for (Stop const& stop : route.stops) {
      if (stop.kind != StopKind::rest)
        placed[static_cast<std::size_t>(problem.day.booking_position(stop.index))] = true;
    }
    if (!route.stops.empty()) plan.routes.push_back(std::move(route));
  }
  std::vector<std::int32_t> left;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    BookingId const id = problem.day.bookings[i].id;
    if (placed[i]) continue;
    bool const with_partner = situation.fleet.bookings[i].status == BookingStatus::partner ||
                              std::ranges::find(decision.overflow, id) != decision.overflow.end();
    if (with_partner) {
      plan.overflow.push_back(id);
    } else {
      left.push_back(static_cast<std::int32_t>(i));
    }
  }
  give_away(problem, situation, std::move(left), plan);
  return plan;
}

std::string timetable(Problem const& problem, Plan const& plan, dispatch::PlanReport const& report) {
  Day const& day = problem.day;
  std::string text;
  for (DriverRoute const& route : plan.routes) {
    auto const d = static_cast<std::size_t>(day.driver_position(route.driver));
    DriverOutcome const& did = report.outcome.drivers[d];
    if (did.left == never) continue;
    auto const rides = std::ranges::count(route.stops, StopKind::pickup, &Stop::kind);
    text += fmt::format("driver {}{}{}: {} rides, {:.1f} km, {} to {}\n", route.driver,
                        day.drivers[d].name.empty() ? "" : " ", day.drivers[d].name, rides,
                        static_cast<double>(did.driven) / 1'000, clock_text(did.left), clock_text(did.back));
    for (Stop const& stop : route.stops) {
      text += fmt::format("  {}  ", stop.planned == never ? "--:--:--" : clock_text(stop.planned));
      if (stop.kind == StopKind::rest) {
        text += fmt::format("break {}", stop.index);
      } else {
        Booking const& b = day.bookings[static_cast<std::size_t>(day.booking_position(stop.index))];
        text += fmt::format("{:<8} booking {}", stop.kind == StopKind::pickup ? "pickup" : "drop-off", b.id);
        if (!b.reference.empty()) text += fmt::format(" ({})", b.reference);
      }
      text += stop.locked ? "  locked\n" : "\n";
    }
  }
  auto const list = [&](std::string_view what, std::vector<BookingId> const& ids) {
    if (!ids.empty()) text += fmt::format("{}: {}\n", what, fmt::join(ids, ", "));
  };
  list("to the partner", plan.overflow);
  list("unserved", plan.unserved);
  for (auto const& violation : report.violations) text += "not kept: " + to_text(violation) + "\n";
  text += fmt::format("{} of {} bookings served, {} drivers, cost {:.2f}", report.kpi.served, report.kpi.requested,
                      report.kpi.drivers_used, static_cast<double>(report.kpi.cost.total()) / 100);
  return text;
}

// The plan as planned so far, with what VROOM's input promises.
Result<dispatch::AsPlanned> standing_of(State const& state, Problem const& problem) {
  Seconds now = dispatch::before_the_day(problem.day);
  if (!state.now.empty()) {
    Result<Seconds> const read = parse_clock(state.now);
    if (!read) return read.error().in("--now");
    now = *read;
  }
  Result<dispatch::AsPlanned> standing = dispatch::as_planned(problem.day, problem.times, problem.given, now);
  if (!standing) return standing.error().in(state.plan.empty() ? state.input : state.plan);
  for (std::size_t i = 0; i < problem.promises.size(); ++i) {
    standing->fleet.bookings[i].promised_driver = problem.promises[i].driver;
    standing->fleet.bookings[i].promised_pickup = problem.promises[i].pickup;
  }
  return standing;
}

Status run(Common const& common, State const& state) {
  if (state.format != "" && state.format != "regulus" && state.format != "vroom") {
    return invalid(fmt::format("--format = {} is neither regulus nor vroom", state.format));
  }
  if (!state.now.empty() && state.plan.empty()) return invalid("--now needs --plan: the plan that has been running");
  dispatch::PolicySettings settings;
  // A number of iterations makes the answer the same every time; the clock does not.
  bool const counted = state.iterations_given->given();
  settings.iterations = counted ? state.iterations : std::int64_t{1'000'000'000};
  settings.seconds = counted && !state.seconds_given->given() ? 0 : state.seconds;
  Result<std::unique_ptr<dispatch::Policy>> const policy = dispatch::make_policy(state.policy, settings);
  if (!policy) return policy.error().in("--policy");
  Result<Problem> const problem = read_problem(state);
  if (!problem) return problem.error();
  Result<dispatch::AsPlanned> const standing = standing_of(state, *problem);
  if (!standing) return standing.error();

  Situation const situation{standing->fleet, problem->times};
  dispatch::Decision const decision = (*policy)->decide(situation, Rng(state.seed).stream(Purpose::policy));
  if (Status const legal = dispatch::check_decision(situation, decision); !legal) {
    return legal.error().in(fmt::format("the plan of {} is refused", state.policy));
  }
  Plan const plan = whole_plan(*problem, *standing, situation, decision);
  Plan before = problem->given;
  for (std::size_t d = 0; d < problem->day.drivers.size(); ++d) {  // what was locked by now, too
    auto const route = std::ranges::find(before.routes, problem->day.drivers[d].id, &DriverRoute::driver);
    if (route == before.routes.end()) continue;
    route->stops = standing->behind[d];
    auto const& ahead = standing->fleet.drivers[d].stops;
    route->stops.insert(route->stops.end(), ahead.begin(), ahead.end());
  }
  auto const report = dispatch::check_plan(problem->day, problem->times, plan, &before);
  for (auto const& violation : report.violations) {
    if (violation.rule == "lock") return invalid("the plan is refused, it breaks a lock: " + to_text(violation));
  }

  bool const as_vroom = state.format.empty() ? problem->vroom : state.format == "vroom";
  Json const document =
      as_vroom ? dispatch::vroom_output(problem->day, problem->times, problem->names, plan, report) : to_json(plan);
  if (!state.output.empty()) {
    if (Status const written = write_file(state.output, document.dump(1) + "\n"); !written) return written;
  }
  if (as_vroom && state.output.empty()) return print_result(common, document, document.dump(1));
  Json answer = to_json(report);
  answer["policy"] = state.policy;
  answer["now"] = clock_text(standing->fleet.now);
  answer["output"] = state.output;
  answer["plan"] = document;
  std::string text = timetable(*problem, plan, report);
  if (!state.output.empty()) text += "\nwritten: " + state.output;
  return print_result(common, answer, text);
}

}  // namespace

Run add_plan(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("file", state->input, "Day file, or VROOM's input")->required()->shown_as("DAY.json");
  std::vector<std::string> names;
  for (auto const& entry : dispatch::policies()) names.emplace_back(entry.name);
  flags.add("--policy", state->policy, fmt::format("Who plans: {}", fmt::join(names, ", ")))->shows_default();
  state->seconds_given = flags.add("--time-limit", state->seconds, "Seconds that a search may take")
                             ->between(0.01, 86'400.0)
                             ->shows_default();
  state->iterations_given =
      flags.add("--iterations", state->iterations, "Steps of a search, instead of a time: the same plan every time")
          ->between(std::int64_t{0}, std::int64_t{1'000'000'000});
  add_seed(flags, state->seed, "Seed of the search");
  flags.add("--format", state->format, "regulus or vroom; without it, as the input");
  flags.add("--output", state->output, "Write the plan to this file")->shown_as("PLAN.json");
  flags.add("--plan", state->plan, "Re-plan: what is locked in this plan stays")->shown_as("PLAN.json");
  flags.add("--now", state->now, "The time until which --plan has been carried out")->shown_as("HH:MM");
  state->travel.declare(flags);
  flags.footer(
      "Without --now it is the evening before: every booking is known and nothing has begun. The plan is verified as\n"
      "regulus check does it, and refused when it breaks a lock.\n\nExamples:\n"
      "  regulus plan day.json\n"
      "  regulus plan day.json --iterations 20000 --output plan.json\n"
      "  regulus plan day.json --plan plan.json --now 10:30 --output replanned.json\n"
      "  regulus plan vroom.json --policy insertion > solution.json");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
