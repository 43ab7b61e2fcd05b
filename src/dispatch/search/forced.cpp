// The routes that an instance forces: what is locked, and every drop-off and rest that follows from it.
#include <algorithm>
#include <optional>

#include "dispatch/search.h"
#include "dispatch/search/plan.h"
#include "schedule/tour.h"

namespace regulus::dispatch {

using schedule::Compiled;
using schedule::impossible;
using schedule::Money;
using schedule::NodeKind;

namespace {

// Stops that must be in the vehicle's route besides its locked ones: drop-offs first, then rests in their order.
std::vector<std::int32_t> owed_stops(Compiled const& compiled, std::int32_t vehicle) {
  schedule::VehicleUse const& use = compiled.vehicle(vehicle);
  std::vector<std::int32_t> owed;
  auto const owe = [&](std::int32_t node) {
    if (std::ranges::find(use.locked, node) == use.locked.end()) owed.push_back(node);
  };
  for (std::int32_t const rider : use.on_board) owe(compiled.request(rider).dropoff);
  for (std::int32_t const node : use.locked) {
    if (compiled.stop(node).kind == NodeKind::pickup) owe(compiled.stop(node).partner);
  }
  for (schedule::Rest const& rest : use.rests) owe(rest.node);
  return owed;
}

std::vector<std::int32_t> in_any_order(Compiled const& compiled, std::int32_t vehicle) {
  std::vector<std::int32_t> route = compiled.vehicle(vehicle).locked;
  for (std::int32_t const node : owed_stops(compiled, vehicle)) route.push_back(node);
  return route;
}

// Every order in which the owed stops can follow the locked ones, and the cheapest that has a schedule.
class Orders {
 public:
  Orders(Compiled const& compiled, schedule::Workspace& work, std::int32_t vehicle)
      : compiled_(compiled), work_(work), vehicle_(vehicle), owed_(owed_stops(compiled, vehicle)) {
    route_ = compiled.vehicle(vehicle).locked;
  }
  // Nothing: no order has a schedule.
  std::optional<std::vector<std::int32_t>> cheapest() {
    std::int64_t orders = 1;
    for (std::size_t k = 0; k < owed_.size(); ++k) orders *= std::min<std::int64_t>(orders > 20'000 ? 1 : k + 1, 100);
    if (orders <= 20'000) {
      place(0);
    } else {
      one_by_one();
    }
    if (best_cost_ >= impossible) return std::nullopt;
    return best_;
  }

 private:
  bool rests_in_order() const {
    std::int32_t last = -1;
    for (std::int32_t const node : route_) {
      if (compiled_.stop(node).kind != NodeKind::rest) continue;
      if (compiled_.stop(node).request < last) return false;
      last = compiled_.stop(node).request;
    }
    return true;
  }
  void place(std::size_t k) {
    if (k == owed_.size()) {
      if (!rests_in_order() || !work_.obeys_loads(vehicle_, route_)) return;
      Money const cost = work_.price(vehicle_, route_);
      if (cost >= best_cost_) return;
      best_cost_ = cost;
      best_ = route_;
      return;
    }
    for (std::size_t at = compiled_.vehicle(vehicle_).locked.size(); at <= route_.size(); ++at) {
      route_.insert(route_.begin() + static_cast<std::ptrdiff_t>(at), owed_[k]);
      place(k + 1);
      route_.erase(route_.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  void one_by_one() {
    schedule::Tour tour(compiled_, vehicle_);
    bool feasible = tour.assign(route_, work_);
    for (std::int32_t const node : owed_) {
      if (!feasible) return;
      schedule::Insertion const where = tour.best_position(node, work_);
      if (where.cost >= impossible) return;
      route_.insert(route_.begin() + where.dropoff_at, node);
      feasible = tour.assign(route_, work_);
    }
    if (!feasible) return;
    best_ = route_;
    best_cost_ = tour.cost();
  }

  Compiled const& compiled_;
  schedule::Workspace& work_;
  std::int32_t vehicle_;
  std::vector<std::int32_t> owed_, route_, best_;
  Money best_cost_ = impossible;
};

}  // namespace

Solution forced_routes(schedule::Instance const& instance) {
  Compiled const compiled(instance);
  schedule::Workspace work(compiled);
  Solution solution;
  bool feasible = true;
  for (std::int32_t v = 0; v < compiled.vehicles(); ++v) {
    auto route = Orders(compiled, work, v).cheapest();
    feasible = feasible && route.has_value();
    solution.routes.push_back(route ? *std::move(route) : in_any_order(compiled, v));
  }
  std::vector<bool> planned(instance.requests.size(), false);
  for (auto const& route : solution.routes) {
    for (std::int32_t const node : route) {
      if (compiled.stop(node).kind == NodeKind::rest) continue;
      planned[static_cast<std::size_t>(compiled.stop(node).request)] = true;
    }
  }
  for (std::size_t r = 0; r < planned.size(); ++r) {
    if (!planned[r]) solution.left_out.push_back(static_cast<std::int32_t>(r));
  }
  solution.cost = feasible ? cost_of(instance, solution) : no_plan;
  return solution;
}

}  // namespace regulus::dispatch
