#include "dispatch/policy_append.h"

#include <algorithm>
#include <tuple>

namespace regulus::dispatch {

using schedule::NodeKind;

namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }
std::ptrdiff_t offset(std::int32_t index) { return static_cast<std::ptrdiff_t>(index); }

// Where the vehicle stands before position k, and from when on it is free there.
struct Standing {
  Place place;
  schedule::Ticks free_at;
};
Standing standing(schedule::Instance const& instance, std::int32_t vehicle, std::span<std::int32_t const> nodes,
                  schedule::Timing const& timing, std::size_t k) {
  schedule::VehicleUse const& use = instance.vehicles[at(vehicle)];
  Standing result{use.start, use.earliest};
  for (std::size_t j = 0; j < k; ++j) {
    schedule::Node const& node = instance.nodes[at(nodes[j])];
    if (node.place != no_place) result.place = node.place;
    result.free_at = timing.start[j] + node.service;
  }
  return result;
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
    Standing const from = standing(instance, vehicle, nodes, before.timing, k);
    tried.empty_drive = instance.times->seconds(from.place, pickup.place, pickup.hour);
    tried.reached_at = from.free_at + tried.empty_drive;
    if (!best || tried.pickup_at < best->pickup_at) best = tried;
  }
  return best;
}

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

std::vector<std::int32_t> by_deadline(Question const& question, std::span<std::int32_t const> requests) {
  std::vector<std::int32_t> order(requests.begin(), requests.end());
  std::ranges::sort(order, {}, [&](std::int32_t r) {
    schedule::Instance const& instance = question.instance;
    return std::tuple(instance.nodes[at(instance.requests[at(r)].pickup)].latest, question.booking_of[at(r)]);
  });
  return order;
}

}  // namespace regulus::dispatch
