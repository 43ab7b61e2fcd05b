#include "dispatch/policy_neighbourhood.h"

#include <algorithm>

#include "dispatch/policy_append.h"
#include "dispatch/policy_memo.h"

namespace regulus::dispatch {

namespace {

constexpr std::size_t small_fleet = 40;      // drivers
constexpr std::size_t neighbours = 24;       // drivers of a larger fleet
constexpr std::size_t for_each_booking = 6;  // drivers
constexpr std::size_t searchable = 100;      // undecided bookings of a larger fleet

std::optional<Question> question_of_delay(Situation const& situation) {
  if (situation.fleet.drivers.size() > small_fleet) return std::nullopt;
  Question question = instance_of(situation, {});
  for (std::size_t v = 0; v < question.present.routes.size(); ++v) {
    std::vector<std::int32_t> const& route = question.present.routes[v];
    if (route.empty()) continue;
    auto const plan = schedule::evaluate(question.instance, static_cast<std::int32_t>(v), route);
    if (plan.violation == schedule::Violation::none && plan.cost.lateness > 0) return question;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Question> question_around(Situation const& situation) {
  if (situation.fleet.drivers.size() <= small_fleet) return instance_of(situation, situation.fleet.undecided);
  if (situation.fleet.undecided.size() > searchable) return std::nullopt;
  std::unique_ptr<Memo> fresh;
  LiveQuestion& live = LiveQuestion::of(situation, fresh);
  std::vector<std::int32_t> drivers;
  for (std::int32_t request : by_deadline(live.question(), live.question().present.left_out)) {
    for (schedule::Insertion const& place : live.best_of_each(request, for_each_booking)) {
      bool const taken = std::ranges::find(drivers, place.vehicle) != drivers.end();
      if (!taken && drivers.size() < neighbours) drivers.push_back(place.vehicle);
    }
  }
  std::ranges::sort(drivers);
  return instance_around(situation, drivers, situation.fleet.undecided);
}

std::optional<Question> question_now(Situation const& situation) {
  return situation.fleet.undecided.empty() ? question_of_delay(situation) : question_around(situation);
}

std::int64_t steps_now(Situation const& situation, std::int64_t iterations) {
  return situation.fleet.undecided.empty() ? std::max<std::int64_t>(1, iterations / 4) : iterations;
}

}  // namespace regulus::dispatch
