#include "dispatch/search/recreate.h"

#include <algorithm>

#include "core/check.h"

namespace regulus::dispatch {

using schedule::CompiledStop;
using schedule::impossible;
using schedule::Insertion;
using schedule::Money;

bool Recreator::worth_it(Plan const& plan, std::int32_t request, Money cost) const {
  return cost < impossible && cost - plan.mean_share() < compiled_->request(request).left_out;
}

void Recreator::sort_by_lot(Plan const& plan, Rng& rng) {
  order_.assign(plan.left_out().begin(), plan.left_out().end());
  std::ranges::sort(order_);
  key_.resize(static_cast<std::size_t>(compiled_->requests()));
  auto const lot = rng.below(6);
  rng.shuffle(std::span(order_));
  if (lot < 2) return;
  for (std::int32_t const r : order_) {
    schedule::Request const& request = compiled_->request(r);
    CompiledStop const& pickup = compiled_->stop(request.pickup);
    CompiledStop const& dropoff = compiled_->stop(request.dropoff);
    std::int64_t& key = key_[static_cast<std::size_t>(r)];
    switch (lot) {
      case 2:  // the longest ride first
        key = -compiled_->leg(pickup.site, request.dropoff).ticks;
        break;
      case 3:  // the tightest windows first
        key = std::min(pickup.latest - pickup.earliest, dropoff.latest - dropoff.earliest);
        break;
      case 4:  // the earliest first
        key = pickup.earliest;
        break;
      default:  // the latest first
        key = -pickup.latest;
        break;
    }
  }
  std::ranges::stable_sort(order_, {}, [&](std::int32_t r) { return key_[static_cast<std::size_t>(r)]; });
}

void Recreator::greedy(Plan& plan, RecreateRules const& rules, Rng& rng) {
  sort_by_lot(plan, rng);
  for (std::int32_t const r : order_) {
    Insertion best;
    for (std::int32_t const v : plan.vehicles()) {
      if (!rules.new_vehicles && !plan.tour(v).used()) continue;
      if (rules.blink > 0 && rng.chance(rules.blink)) continue;
      Insertion const here = plan.best(r, v, rules.blink_places ? &rng : nullptr);
      if (here.cost < best.cost) best = here;
    }
    if (worth_it(plan, r, best.cost)) REGULUS_CHECK(plan.insert(r, best));
  }
}

void Recreator::by_regret(Plan& plan, int regret, RecreateRules const& rules, double noise, Rng& rng) {
  order_.assign(plan.left_out().begin(), plan.left_out().end());
  std::ranges::sort(order_);
  auto const vehicles = static_cast<std::size_t>(compiled_->vehicles());
  best_.assign(order_.size() * vehicles, Insertion{});
  auto const ask = [&](std::size_t k, std::int32_t v) {
    Insertion& slot = best_[k * vehicles + static_cast<std::size_t>(v)];
    slot = plan.best(order_[k], v);
    if (noise > 0 && slot.cost < impossible) {
      slot.cost += static_cast<Money>(noise * rng.uniform(-1, 1) * static_cast<double>(std::abs(slot.cost)));
    }
  };
  auto const may_ask = [&](std::int32_t v) { return rules.new_vehicles || plan.tour(v).used(); };
  for (std::int32_t const v : plan.vehicles()) {
    for (std::size_t k = 0; may_ask(v) && k < order_.size(); ++k) ask(k, v);
  }
  std::vector<Money> costs(static_cast<std::size_t>(std::max(regret, 1)));
  while (!order_.empty()) {
    // Step 1. Who loses most by waiting; among equals, whose best is cheapest.
    std::size_t chosen = order_.size();
    Insertion where;
    Money greatest = -1;
    for (std::size_t k = 0; k < order_.size(); ++k) {
      std::ranges::fill(costs, impossible);
      Insertion best;
      for (std::size_t v = 0; v < vehicles; ++v) {
        Insertion const& here = best_[k * vehicles + v];
        if (here.cost < best.cost) best = here;
        if (here.cost >= costs.back()) continue;
        costs.back() = here.cost;
        for (std::size_t c = costs.size() - 1; c > 0 && costs[c] < costs[c - 1]; --c) std::swap(costs[c], costs[c - 1]);
      }
      if (!worth_it(plan, order_[k], best.cost)) continue;
      Money loss = 0;
      for (Money const cost : costs) loss += std::min(cost, Money{1} << 44) - std::min(costs[0], Money{1} << 44);
      if (loss > greatest || (loss == greatest && best.cost < where.cost)) {
        chosen = k;
        where = best;
        greatest = loss;
      }
    }
    if (chosen == order_.size()) return;
    // Step 2. Only the answers of that route have changed, and a twin may have to be asked in its place.
    bool const opened = !plan.tour(where.vehicle).used();
    REGULUS_CHECK(plan.insert(order_[chosen], where));
    std::size_t const last = order_.size() - 1;
    std::swap(order_[chosen], order_[last]);
    std::copy_n(best_.begin() + static_cast<std::ptrdiff_t>(last * vehicles), vehicles,
                best_.begin() + static_cast<std::ptrdiff_t>(chosen * vehicles));
    order_.pop_back();
    for (std::int32_t const v : plan.vehicles()) {
      if (!may_ask(v) || (v != where.vehicle && !(opened && !plan.tour(v).used()))) continue;
      for (std::size_t k = 0; k < order_.size(); ++k) ask(k, v);
    }
  }
}

}  // namespace regulus::dispatch
