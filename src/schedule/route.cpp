#include "schedule/route.h"

#include <algorithm>

#include "core/check.h"
#include "schedule/sequence.h"

namespace regulus::schedule {

Evaluation evaluate(Instance const& instance, std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  Sequence s;
  Evaluation result;
  auto const refuse = [&](Refusal const& refusal) {
    result.violation = refusal.violation;
    result.node = refusal.node;
    return refusal.violation != Violation::none;
  };
  if (refuse(spell_out(instance, vehicle, nodes, s))) return result;
  Timing& timing = result.timing;
  if (!s.used) {
    Ticks const earliest = instance.vehicles[static_cast<std::size_t>(vehicle)].earliest;
    timing.leave = timing.back = earliest;
    timing.arrive.assign(nodes.size(), earliest);
    for (Position const& at : s.at) timing.start.push_back(std::max(earliest, at.earliest));
    return result;
  }
  Starts t;
  if (refuse(earliest_starts(instance, s, t))) return result;
  delay_for_nothing(instance, s, t);
  result.cost = cost_of(instance, s, t);
  timing.leave = t.leave;
  timing.back = t.back;
  timing.metres = s.way_back.metres;
  Ticks free = t.leave;
  for (std::size_t k = 0; k < s.at.size(); ++k) {
    timing.metres += s.at[k].leg.metres;
    timing.arrive.push_back(free + s.at[k].leg.seconds);
    free = t.start[k] + s.at[k].service;
  }
  timing.start = std::move(t.start);
  return result;
}

std::optional<Insertion> best_insertion_by_trying(Instance const& instance, std::int32_t vehicle,
                                                  std::span<std::int32_t const> nodes, std::int32_t request) {
  Evaluation const before = evaluate(instance, vehicle, nodes);
  REGULUS_CHECK(before.violation == Violation::none);
  Request const& wanted = instance.requests[static_cast<std::size_t>(request)];
  VehicleUse const& use = instance.vehicles[static_cast<std::size_t>(vehicle)];
  std::int64_t trips = use.trips;
  for (std::int32_t n : nodes) trips += instance.nodes[static_cast<std::size_t>(n)].kind == NodeKind::pickup ? 1 : 0;
  Money const load = instance.load_weight * (2 * trips + 1);
  std::optional<Insertion> best;
  std::vector<std::int32_t> tried;
  for (std::size_t i = use.locked.size(); i <= nodes.size(); ++i) {
    for (std::size_t j = i + 1; j <= nodes.size() + 1; ++j) {
      tried.assign(nodes.begin(), nodes.end());
      tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(i), wanted.pickup);
      tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(j), wanted.dropoff);
      Evaluation const after = evaluate(instance, vehicle, tried);
      if (after.violation != Violation::none) continue;
      Money const cost = after.cost.total() - before.cost.total() + load;
      if (!best || cost < best->cost) {
        best = Insertion{vehicle, static_cast<std::int32_t>(i), static_cast<std::int32_t>(j), cost};
      }
    }
  }
  return best;
}

}  // namespace regulus::schedule
