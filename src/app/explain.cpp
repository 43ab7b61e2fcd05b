#include <fmt/format.h>

#include <algorithm>

#include "app/command.h"
#include "app/days.h"
#include "app/travel_flags.h"
#include "core/files.h"
#include "dispatch/as_planned.h"
#include "dispatch/explain.h"
#include "dispatch/policy.h"
#include "domain/day_file.h"

namespace regulus::app {

namespace {

struct State {
  std::string day, plan, now, policy = "lns", language = "en";
  BookingId booking = 0;
  dispatch::PolicySettings settings;
  std::uint64_t seed = 1;
  TravelFlags travel;
};

struct Planned {
  Day day;
  TravelTimes times;
  Plan plan;
};

// The plan of the file, or what the policy makes of the day the evening before.
Result<Plan> plan_for(State const& state, Day const& day, TravelTimes const& times) {
  if (!state.plan.empty()) {
    Result<std::string> const text = read_file(state.plan);
    if (!text) return text.error();
    Result<Plan> plan = parse_plan(*text);
    return plan ? std::move(plan) : plan.error().in(state.plan);
  }
  Result<std::unique_ptr<dispatch::Policy>> const policy = dispatch::make_policy(state.policy, state.settings);
  if (!policy) return policy.error().in("--policy");
  Result<dispatch::AsPlanned> const empty = dispatch::as_planned(day, times, {}, dispatch::before_the_day(day));
  if (!empty) return empty.error();
  dispatch::Decision decision =
      (*policy)->decide(Situation{empty->fleet, times}, Rng(state.seed).stream(Purpose::policy));
  return Plan{std::move(decision.routes), std::move(decision.overflow), {}};
}

Result<Planned> read_problem(State const& state) {
  Result<Day> day = read_day(state.day);
  if (!day) return day.error();
  Result<travel::TravelOptions> const options = state.travel.options();
  if (!options) return options.error();
  Result<TravelTimes> times = travel::times_for(*day, *options);
  if (!times) return times.error();
  Planned planned{day.take(), times.take(), {}};
  Result<Plan> plan = plan_for(state, planned.day, planned.times);
  if (!plan) return plan.error();
  planned.plan = plan.take();
  return planned;
}

Status run(Common const& common, State const& state) {
  Result<dispatch::Language> const language = dispatch::parse_language(state.language);
  if (!language) return language.error().in("--lang");
  if (!state.now.empty() && state.plan.empty()) return invalid("--now needs --plan: the plan that has been running");
  Result<Planned> planned = read_problem(state);
  if (!planned) return planned.error();
  Day const& day = planned->day;
  Seconds now = dispatch::before_the_day(day);
  if (!state.now.empty()) {
    Result<Seconds> const read = parse_clock(state.now);
    if (!read) return read.error().in("--now");
    now = *read;
  }
  std::int32_t const asked = state.booking == 0 ? -1 : day.booking_position(state.booking);
  if (state.booking != 0 && asked < 0) {
    return Error{ErrorKind::not_found, fmt::format("--booking = {}: {} has no such booking", state.booking, state.day)};
  }
  // Why a booking is with a partner is asked as if it were still open.
  if (asked >= 0) std::erase(planned->plan.overflow, state.booking);
  Result<dispatch::AsPlanned> const standing = dispatch::as_planned(day, planned->times, planned->plan, now);
  if (!standing) return standing.error().in(state.plan.empty() ? state.day : state.plan);

  FleetSnapshot const& fleet = standing->fleet;
  if (asked >= 0) {
    BookingStatus const status = fleet.bookings[static_cast<std::size_t>(asked)].status;
    if (is_final(status)) {
      return invalid(fmt::format("--booking = {}: it is {} at {}, and nothing can change that", state.booking,
                                 enum_names(status)[static_cast<std::size_t>(status)], clock_text(now)));
    }
  }
  dispatch::Explainer explainer(Situation{fleet, planned->times}, fleet.undecided);
  if (asked >= 0 && explainer.in_plan(asked)) {
    dispatch::Assigned const answer = explainer.why_this_driver(asked);
    return print_result(common, to_json(answer), to_text(answer, day, *language));
  }
  if (asked >= 0) {
    dispatch::Unassigned const answer = explainer.why_unassigned(asked);
    return print_result(common, to_json(answer), to_text(answer, day, *language));
  }
  Json all = Json::array();
  std::string text;
  for (std::int32_t const position : fleet.undecided) {
    dispatch::Unassigned const answer = explainer.why_unassigned(position);
    all.push_back(to_json(answer));
    text += (text.empty() ? "" : "\n\n") + to_text(answer, day, *language);
  }
  bool const french = *language == dispatch::Language::fr;
  if (text.empty()) text = french ? "Toutes les courses ont un chauffeur." : "Every booking has a driver.";
  return print_result(common, Json::object({{"unassigned", all}}), text);
}

}  // namespace

Run add_explain(Flags& flags);
Run add_explain(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("file", state->day, "Day file")->required()->shown_as("DAY.json");
  flags.add("--booking", state->booking, "Its id; without it, every booking that has no driver")
      ->between(1, 2'147'483'647);
  flags.add("--plan", state->plan, "The plan; without it, --policy makes one")->shown_as("PLAN.json");
  flags.add("--now", state->now, "The time until which --plan has been carried out")->shown_as("HH:MM");
  flags.add("--policy", state->policy, "Who plans where no plan is given")->shows_default();
  flags.add("--iterations", state->settings.iterations, "Steps of a search")
      ->between(std::int64_t{1}, std::int64_t{1'000'000'000})
      ->shows_default();
  flags.add("--lang", state->language, "en or fr")->shows_default();
  add_seed(flags, state->seed, "Seed of the search");
  state->travel.declare(flags);
  flags.footer(
      "Every reason and every change was tried: nothing is guessed.\n\nExamples:\n"
      "  regulus explain day.json --booking 71 --plan plan.json\n  regulus explain day.json --lang fr");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
