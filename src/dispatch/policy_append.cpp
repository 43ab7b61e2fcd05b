#include "dispatch/policy_append.h"

#include <algorithm>
#include <tuple>

namespace regulus::dispatch {

using schedule::NodeKind;

namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }
std::ptrdiff_t offset(std::int32_t index) { return static_cast<std::ptrdiff_t>(index); }

// Where the vehicle stands before position k.
Place standing(schedule::Instance const& instance, std::int32_t vehicle, std::span<std::int32_t const> nodes,
               std::size_t k) {
  Place place = instance.vehicles[at(vehicle)].start;
  for (std::size_t j = 0; j < k; ++j) {
    schedule::Node const& node = instance.nodes[at(nodes[j])];
    if (node.place != no_place) place = node.place;
  }
  return place;
}

struct Due {
  std::vector<std::int32_t> bookings;  // undecided ones that are due, ascending
  Seconds next = never;                // when the next one will be
};
Due due_at(Situation const& situation) {
  Due due;
  for (std::int32_t booking : situation.fleet.undecided) {
    Seconds const moment = latest_pickup(situation, booking) - give_ahead;
    if (moment <= situation.fleet.now) {
      due.bookings.push_back(booking);
    } else {
      due.next = std::min(due.next, moment);
    }
  }
  return due;
}

}  // namespace

std::vector<std::int32_t> inserted(schedule::Instance const& instance, std::span<std::int32_t const> nodes,
                                   std::int32_t request, schedule::Insertion const& insertion) {
  std::vector<std::int32_t> route(nodes.begin(), nodes.end());
  route.insert(route.begin() + offset(insertion.pickup_at), instance.requests[at(request)].pickup);
  route.insert(route.begin() + offset(insertion.dropoff_at), instance.requests[at(request)].dropoff);
  return route;
}

void insert(schedule::Instance const& instance, Solution& solution, std::int32_t request,
            schedule::Insertion const& insertion) {
  auto& route = solution.routes[at(insertion.vehicle)];
  route = inserted(instance, route, request, insertion);
  std::erase(solution.left_out, request);
}

std::optional<Appended> append(schedule::Instance const& instance, std::int32_t vehicle,
                               std::span<std::int32_t const> nodes, std::int32_t request) {
  auto const before = schedule::evaluate(instance, vehicle, nodes);
  std::size_t first = nodes.size();
  std::size_t const locked = instance.vehicles[at(vehicle)].locked.size();
  while (first > locked && instance.nodes[at(nodes[first - 1])].kind == NodeKind::rest) --first;
  std::optional<Appended> best;
  for (std::size_t k = first; k <= nodes.size(); ++k) {
    Appended tried;
    tried.where = {vehicle, static_cast<std::int32_t>(k), static_cast<std::int32_t>(k + 1), 0};
    auto const after = schedule::evaluate(instance, vehicle, inserted(instance, nodes, request, tried.where));
    if (after.violation != schedule::Violation::none) continue;
    tried.where.cost = after.cost.total() - before.cost.total();
    tried.pickup_at = after.timing.start[k];
    schedule::Node const& pickup = instance.nodes[at(instance.requests[at(request)].pickup)];
    tried.empty_drive = instance.times->seconds(standing(instance, vehicle, nodes, k), pickup.place, pickup.hour);
    if (!best || tried.pickup_at < best->pickup_at) best = tried;
  }
  return best;
}

Decision append_what_is_due(Situation const& situation, Order order, Better better) {
  Due const due = due_at(situation);
  Decision decision;
  if (!due.bookings.empty()) {
    Question const question = instance_of(situation, due.bookings);
    Solution plan = question.present;
    for (std::int32_t request : order(question, question.present.left_out)) {
      std::optional<Appended> best;
      for (std::size_t v = 0; v < plan.routes.size(); ++v) {
        auto const tried = append(question.instance, static_cast<std::int32_t>(v), plan.routes[v], request);
        if (tried && (!best || better(*tried, *best))) best = tried;
      }
      if (best) insert(question.instance, plan, request, best->where);
    }
    decision = decision_of(situation, question, plan);
  }
  decision.wake_at = std::min(decision.wake_at, due.next);
  return decision;
}

std::vector<std::int32_t> by_booking(Question const&, std::span<std::int32_t const> requests) {
  return {requests.begin(), requests.end()};
}

std::vector<std::int32_t> by_deadline(Question const& question, std::span<std::int32_t const> requests) {
  std::vector<std::int32_t> order(requests.begin(), requests.end());
  std::ranges::sort(order, {}, [&](std::int32_t r) {
    schedule::Instance const& instance = question.instance;
    return std::tuple(instance.nodes[at(instance.requests[at(r)].pickup)].latest, question.booking_of[at(r)]);
  });
  return order;
}

}  // namespace regulus::dispatch
