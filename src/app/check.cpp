#include <fmt/format.h>

#include <algorithm>

#include "app/command.h"
#include "app/travel_flags.h"
#include "core/files.h"
#include "dispatch/benchmark.h"
#include "dispatch/plan_check.h"
#include "domain/day_file.h"

namespace regulus::app {

Run add_check(Flags& flags);

namespace {

struct State {
  std::string day, plan, locked;
  TravelFlags travel;
};

// Infeasible is an answer and not a mistake of the caller's; the exit code is that of a damaged file.
Error infeasible(std::string const& file, std::size_t violations) {
  return {ErrorKind::corrupt, fmt::format("{}: {} violation{}", file, violations, violations == 1 ? "" : "s")};
}

Status check_published(Common const& common, State const& state, std::string const& instance, std::string const& plan) {
  if (!state.locked.empty()) return invalid("--locked is about a day's plan; a published instance has no locks");
  Result<dispatch::Benchmark> const readable = dispatch::read_benchmark(instance);
  if (!readable) return readable.error().in(state.day);
  Result<Json> const json = parse_json(plan);
  if (!json) return json.error().in(state.plan);
  Result<dispatch::BenchmarkReport> const report = dispatch::check_benchmark_solution(instance, plan);
  Json answer = Json::object({{"feasible", static_cast<bool>(report)}});
  std::string text;
  if (report) {
    answer["requests"] = report->requests;
    answer["vehicles"] = report->vehicles;
    answer["distance"] = report->distance;
    text = fmt::format("feasible: {} requests in {} vehicles, distance {:.4f}", report->requests, report->vehicles,
                       report->distance);
  } else {
    answer["violations"] = Json(Json::Array{Json::object({{"what", report.error().message}})});
    text = "infeasible: " + report.error().message;
  }
  if (Status const printed = print_result(common, answer, text); !printed) return printed;
  return report ? ok() : infeasible(state.plan, 1);
}

std::string cost_text(Cost const& cost) {
  Json const parts = to_json(cost);
  std::string text = fmt::format("cost {:.2f}", static_cast<double>(cost.total()) / 100);
  std::string of;
  for (auto const& [name, cents] : parts.as_object()) {
    if (name == "total" || cents.as_integer() == 0) continue;
    of += fmt::format("{}{} {:.2f}", of.empty() ? "" : ", ", name, static_cast<double>(cents.as_integer()) / 100);
  }
  return of.empty() ? text : text + " (" + of + ")";
}

Result<Plan> read_plan(std::string const& file, std::string const& text) {
  Result<Plan> plan = parse_plan(text);
  return plan ? std::move(plan) : plan.error().in(file);
}

Status run(Common const& common, State const& state) {
  Result<std::string> const day_text = read_file(state.day);
  if (!day_text) return day_text.error();
  Result<std::string> const plan_text = read_file(state.plan);
  if (!plan_text) return plan_text.error();
  std::size_t const first = day_text->find_first_not_of(" \t\r\n");
  bool const is_json = first != std::string::npos && ((*day_text)[first] == '{' || (*day_text)[first] == '[');
  if (!is_json) return check_published(common, state, *day_text, *plan_text);

  Result<Day> const day = parse_day(*day_text);
  if (!day) return day.error().in(state.day);
  Result<Plan> const plan = read_plan(state.plan, *plan_text);
  if (!plan) return plan.error();
  std::optional<Plan> locked;
  if (!state.locked.empty()) {
    Result<std::string> const text = read_file(state.locked);
    if (!text) return text.error();
    Result<Plan> earlier = read_plan(state.locked, *text);
    if (!earlier) return earlier.error();
    locked = earlier.take();
  }
  Result<travel::TravelOptions> const options = state.travel.options();
  if (!options) return options.error();
  Result<TravelTimes> const times = travel::times_for(*day, *options);
  if (!times) return times.error();

  dispatch::PlanReport const report = dispatch::check_plan(*day, *times, *plan, locked ? &*locked : nullptr);
  std::string text;
  if (report.feasible()) {
    text = fmt::format("feasible: {} of {} bookings served, {} by a partner, {} unserved\n{}", report.kpi.served,
                       report.kpi.requested, report.kpi.partner, report.kpi.unserved, cost_text(report.kpi.cost));
  } else {
    text = fmt::format("infeasible: {} violations", report.violations.size());
    for (auto const& violation : report.violations) text += "\n  " + to_text(violation);
  }
  if (Status const printed = print_result(common, to_json(report), text); !printed) return printed;
  return report.feasible() ? ok() : infeasible(state.plan, report.violations.size());
}

}  // namespace

Run add_check(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("day", state->day, "Day file, or a published instance as text")->required()->shown_as("DAY.json");
  flags.add("plan", state->plan, "Plan of this day, or solution of this instance")->required()->shown_as("PLAN.json");
  flags.add("--locked", state->locked, "An earlier plan, whose locked stops must still be there")
      ->shown_as("PLAN.json");
  state->travel.declare(flags);
  flags.footer(
      "Every time, seat, ride, break and lock is verified by code that the planner does not use, and the cost is "
      "added\n"
      "up to the cent. Exit code 0: feasible. 1: something is violated. 2: a file cannot be read.\n\nExamples:\n"
      "  regulus check day.json plan.json\n"
      "  regulus check day.json replanned.json --locked plan.json --json\n"
      "  regulus check benchmarks/darp/static/a2-16.txt solution.json");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
