#include "dispatch/search/plan.h"

#include <algorithm>
#include <bit>

#include "core/check.h"

namespace regulus::dispatch {

using schedule::CompiledStop;
using schedule::impossible;
using schedule::Insertion;
using schedule::Money;
using schedule::NodeKind;
using schedule::Tour;

Money load_term(schedule::Instance const& instance, std::int64_t trips, std::int64_t squared_trips) {
  auto const vehicles = static_cast<std::int64_t>(instance.vehicles.size());
  if (vehicles == 0) return 0;
  return instance.load_weight * (vehicles * squared_trips - trips * trips) / vehicles;
}

Plan::Plan(schedule::Compiled const& compiled, schedule::Workspace& work, std::size_t memory)
    : compiled_(&compiled), work_(&work) {
  auto const vehicles = static_cast<std::size_t>(compiled.vehicles());
  auto const requests = static_cast<std::size_t>(compiled.requests());
  auto const nodes = static_cast<std::size_t>(compiled.nodes());
  tours_.reserve(vehicles);
  for (std::int32_t v = 0; v < compiled.vehicles(); ++v) tours_.emplace_back(compiled, v);
  before_ = tours_;
  vehicle_of_.assign(requests, -1);
  home_of_.assign(nodes, -1);
  movable_.assign(requests, true);
  loose_.assign(nodes, false);
  taken_.assign(nodes, false);
  is_touched_.assign(vehicles, false);
  seen_twin_.assign(vehicles, 0);
  memory_.resize(std::bit_ceil(memory));

  for (std::int32_t v = 0; v < compiled.vehicles(); ++v) {
    schedule::VehicleUse const& use = compiled.vehicle(v);
    auto const own = [&](std::int32_t node, bool free) {
      home_of_[static_cast<std::size_t>(node)] = v;
      loose_[static_cast<std::size_t>(node)] = free;
    };
    for (schedule::Rest const& rest : use.rests) own(rest.node, true);
    for (std::int32_t const rider : use.on_board) {
      own(compiled.request(rider).dropoff, true);
      movable_[static_cast<std::size_t>(rider)] = false;
    }
    for (std::int32_t const node : use.locked) {
      CompiledStop const& stop = compiled.stop(node);
      if (stop.kind == NodeKind::rest) continue;
      movable_[static_cast<std::size_t>(stop.request)] = false;
      if (stop.kind == NodeKind::pickup) own(stop.partner, true);
    }
    for (std::int32_t const node : use.locked) own(node, false);
  }
  for (std::int32_t n = 0; n < compiled.nodes(); ++n) {
    CompiledStop const& stop = compiled.stop(n);
    bool const free = stop.kind != NodeKind::rest && movable(stop.request);
    if (free || loose(n)) anchors_.push_back(n);
  }
}

void Plan::count(Tour const& tour, int sign) {
  routes_cost_ += sign * tour.cost();
  trips_ += sign * std::int64_t{tour.trips()};
  squared_trips_ += sign * std::int64_t{tour.trips()} * tour.trips();
  used_ += sign * (tour.used() ? 1 : 0);
}

Money Plan::load_cost() const {
  return compiled_->instance().load_weight == 0 ? 0 : load_term(compiled_->instance(), trips_, squared_trips_);
}

Money Plan::mean_share() const {
  Money const weight = compiled_->instance().load_weight;
  return weight == 0 ? 0 : weight * (2 * trips_ + 1) / compiled_->vehicles();
}

bool Plan::assign(Solution const& solution) {
  REGULUS_CHECK(solution.routes.size() == tours_.size());
  routes_cost_ = left_out_cost_ = 0;
  trips_ = squared_trips_ = 0;
  used_ = 0;
  std::ranges::fill(vehicle_of_, -1);
  for (std::size_t v = 0; v < tours_.size(); ++v) {
    for (std::int32_t const node : solution.routes[v]) {
      CompiledStop const& stop = compiled_->stop(node);
      if (stop.kind != NodeKind::rest) {
        vehicle_of_[static_cast<std::size_t>(stop.request)] = static_cast<std::int32_t>(v);
      }
    }
    if (!tours_[v].assign(solution.routes[v], *work_)) return false;
    count(tours_[v], 1);
  }
  left_out_.clear();
  for (std::int32_t r = 0; r < compiled_->requests(); ++r) {
    if (vehicle_of(r) >= 0) continue;
    left_out_.push_back(r);
    left_out_cost_ += compiled_->request(r).left_out;
  }
  begin();
  return true;
}

Solution Plan::solution() const {
  Solution s;
  for (Tour const& tour : tours_) s.routes.emplace_back(tour.nodes().begin(), tour.nodes().end());
  s.left_out = left_out_;
  std::ranges::sort(s.left_out);
  s.cost = cost();
  return s;
}

std::int32_t Plan::vehicle_at(std::int32_t node) const {
  CompiledStop const& stop = compiled_->stop(node);
  return stop.kind == NodeKind::rest ? home_of_[static_cast<std::size_t>(node)] : vehicle_of(stop.request);
}

void Plan::begin() {
  for (std::int32_t const v : touched_) is_touched_[static_cast<std::size_t>(v)] = false;
  touched_.clear();
  moved_.clear();
  left_out_before_ = left_out_;
  left_out_cost_before_ = left_out_cost_;
}

void Plan::rollback() {
  for (std::int32_t const v : touched_) {
    auto const at = static_cast<std::size_t>(v);
    count(tours_[at], -1);
    std::swap(tours_[at], before_[at]);
    count(tours_[at], 1);
  }
  for (std::size_t k = moved_.size(); k-- > 0;)
    vehicle_of_[static_cast<std::size_t>(moved_[k].request)] = moved_[k].from;
  left_out_ = left_out_before_;
  left_out_cost_ = left_out_cost_before_;
  begin();
}

void Plan::touch(std::int32_t vehicle) {
  auto const v = static_cast<std::size_t>(vehicle);
  if (is_touched_[v]) return;
  is_touched_[v] = true;
  touched_.push_back(vehicle);
  before_[v] = tours_[v];
}

bool Plan::rewrite(std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  auto const v = static_cast<std::size_t>(vehicle);
  count(tours_[v], -1);
  bool const feasible = tours_[v].assign(nodes, *work_);
  count(tours_[v], 1);
  return feasible;
}

bool Plan::remove(std::span<std::int32_t const> requests, std::span<std::int32_t const> stops) {
  auto const take = [&](std::int32_t node) {
    taken_[static_cast<std::size_t>(node)] = true;
    touch(vehicle_at(node));
  };
  for (std::int32_t const r : requests) {
    take(compiled_->request(r).pickup);
    take(compiled_->request(r).dropoff);
  }
  for (std::int32_t const node : stops) take(node);
  bool feasible = true;
  for (std::int32_t const v : touched_) {
    nodes_.clear();
    auto const& old = tour(v).nodes();
    for (std::int32_t const node : old) {
      if (!taken_[static_cast<std::size_t>(node)]) nodes_.push_back(node);
    }
    if (nodes_.size() < old.size()) feasible = rewrite(v, nodes_) && feasible;
  }
  for (std::int32_t const r : requests) {
    taken_[static_cast<std::size_t>(compiled_->request(r).pickup)] = false;
    taken_[static_cast<std::size_t>(compiled_->request(r).dropoff)] = false;
    moved_.push_back({r, vehicle_of(r)});
    vehicle_of_[static_cast<std::size_t>(r)] = -1;
    left_out_.push_back(r);
    left_out_cost_ += compiled_->request(r).left_out;
  }
  for (std::int32_t const node : stops) taken_[static_cast<std::size_t>(node)] = false;
  return feasible;
}

bool Plan::put_back(std::int32_t stop) {
  std::int32_t const v = vehicle_at(stop);
  touch(v);
  Insertion const where = tour(v).best_position(stop, *work_);
  if (where.cost >= impossible) return false;
  nodes_.assign(tour(v).nodes().begin(), tour(v).nodes().end());
  nodes_.insert(nodes_.begin() + where.dropoff_at, stop);
  return rewrite(v, nodes_);
}

Insertion Plan::best(std::int32_t request, std::int32_t vehicle, Rng* blink) {
  Tour const& t = tour(vehicle);
  if (blink != nullptr) return t.best_insertion(request, *work_, blink);
  std::uint64_t const key = mix(t.hash(), static_cast<std::uint64_t>(request)) | 1;
  Remembered& slot = memory_[key >> 1 & (memory_.size() - 1)];
  if (slot.key == key) return {vehicle, slot.pickup_at, slot.dropoff_at, slot.cost};
  Insertion const answer = t.best_insertion(request, *work_);
  slot = {key, answer.cost, answer.pickup_at, answer.dropoff_at};
  return answer;
}

std::span<std::int32_t const> Plan::vehicles() {
  vehicles_.clear();
  ++twin_round_;
  for (std::int32_t v = 0; v < compiled_->vehicles(); ++v) {
    if (!tour(v).used() && tour(v).nodes().empty()) {
      std::uint32_t& seen = seen_twin_[static_cast<std::size_t>(compiled_->twin(v))];
      if (seen == twin_round_) continue;
      seen = twin_round_;
    }
    vehicles_.push_back(v);
  }
  return vehicles_;
}

bool Plan::insert(std::int32_t request, Insertion const& insertion) {
  std::int32_t const v = insertion.vehicle;
  touch(v);
  nodes_.assign(tour(v).nodes().begin(), tour(v).nodes().end());
  nodes_.insert(nodes_.begin() + insertion.pickup_at, compiled_->request(request).pickup);
  nodes_.insert(nodes_.begin() + insertion.dropoff_at, compiled_->request(request).dropoff);
  moved_.push_back({request, -1});
  vehicle_of_[static_cast<std::size_t>(request)] = v;
  std::erase(left_out_, request);
  left_out_cost_ -= compiled_->request(request).left_out;
  return rewrite(v, nodes_);
}

}  // namespace regulus::dispatch
