#include "dispatch/search/ruin.h"

#include <algorithm>

namespace regulus::dispatch {

using schedule::CompiledStop;
using schedule::forever;
using schedule::Money;
using schedule::NodeKind;
using schedule::Ticks;

namespace {

constexpr std::size_t kept_neighbours = 80;
constexpr double mean_removed = 10;  // stops
constexpr double longest_string = 10;

}  // namespace

Ruiner::Ruiner(schedule::Compiled const& compiled)
    : compiled_(&compiled),
      neighbours_(static_cast<std::size_t>(compiled.nodes())),
      taken_(static_cast<std::size_t>(compiled.nodes()), false),
      ruined_(static_cast<std::size_t>(compiled.vehicles()), false) {}

Money Ruiner::distance(std::int32_t a, std::int32_t b) const {
  auto const one_way = [&](CompiledStop const& from, CompiledStop const& to, std::int32_t to_node) {
    if (from.site < 0 || to.site < 0) return forever;
    Ticks const drive = compiled_->leg(from.site, to_node).ticks;
    Ticks const wait = to.earliest - drive - from.service - std::min(from.latest, forever / 4);
    Ticks const lateness = from.earliest + from.service + drive - std::min(to.latest, forever / 4);
    return drive + std::max<Ticks>(0, wait) / 5 + std::max<Ticks>(0, lateness);
  };
  CompiledStop const& x = compiled_->stop(a);
  CompiledStop const& y = compiled_->stop(b);
  return std::min(one_way(x, y, b), one_way(y, x, a));
}

std::vector<std::int32_t> const& Ruiner::neighbours(Plan const& plan, std::int32_t node) {
  auto& list = neighbours_[static_cast<std::size_t>(node)];
  if (!list.empty()) return list;
  near_.clear();
  for (std::int32_t const other : plan.anchors()) {
    near_.push_back({other == node ? -forever : distance(node, other), other});
  }
  auto const end = near_.begin() + static_cast<std::ptrdiff_t>(std::min(near_.size(), kept_neighbours));
  std::partial_sort(near_.begin(), end, near_.end(), [](Near const& x, Near const& y) {
    return x.distance != y.distance ? x.distance < y.distance : x.node < y.node;
  });
  for (auto it = near_.begin(); it != end; ++it) list.push_back(it->node);
  return list;
}

void Ruiner::take(Plan const& plan, std::int32_t node, Ruins& out) {
  CompiledStop const& stop = compiled_->stop(node);
  if (taken_[static_cast<std::size_t>(node)]) return;
  if (plan.loose(node)) {
    taken_[static_cast<std::size_t>(node)] = true;
    out.stops.push_back(node);
  } else if (stop.kind != NodeKind::rest && plan.movable(stop.request)) {
    taken_[static_cast<std::size_t>(node)] = taken_[static_cast<std::size_t>(stop.partner)] = true;
    out.requests.push_back(stop.request);
  }
}

void Ruiner::finish(Ruins& out) {
  for (std::int32_t const r : out.requests) {
    taken_[static_cast<std::size_t>(compiled_->request(r).pickup)] = false;
    taken_[static_cast<std::size_t>(compiled_->request(r).dropoff)] = false;
  }
  for (std::int32_t const node : out.stops) taken_[static_cast<std::size_t>(node)] = false;
  for (std::int32_t const v : ruined_vehicles_) ruined_[static_cast<std::size_t>(v)] = false;
  ruined_vehicles_.clear();
  std::stable_partition(out.stops.begin(), out.stops.end(),
                        [&](std::int32_t n) { return compiled_->stop(n).kind != NodeKind::rest; });
}

void Ruiner::strings(Plan const& plan, Rng& rng, Ruins& out) {
  out.requests.clear();
  out.stops.clear();
  auto const anchors = plan.anchors();
  if (anchors.empty()) return;
  // Step 1. How many strings, and how long (equations 5 to 9 of the paper).
  std::size_t planned = 0, tours = 0;
  for (schedule::Tour const& t : plan.tours()) {
    planned += t.nodes().size();
    tours += t.nodes().empty() ? 0 : 1;
  }
  if (tours == 0) return;
  double const longest = std::min(longest_string, static_cast<double>(planned) / static_cast<double>(tours));
  double const most = 4 * mean_removed / (1 + longest) - 1;
  auto strings = static_cast<std::int64_t>(rng.uniform(1, most + 1));
  // Step 2. From a stop outwards, one string from each route that is met.
  std::int32_t const seed = anchors[rng.below(anchors.size())];
  for (std::int32_t const node : neighbours(plan, seed)) {
    if (strings <= 0) break;
    std::int32_t const v = plan.vehicle_at(node);
    if (v < 0 || ruined_[static_cast<std::size_t>(v)] || taken_[static_cast<std::size_t>(node)]) continue;
    auto const nodes = plan.tour(v).nodes();
    auto const at = std::ranges::find(nodes, node) - nodes.begin();
    auto const size = static_cast<std::int64_t>(nodes.size());
    auto const length = static_cast<std::int64_t>(rng.uniform(1, std::min(static_cast<double>(size), longest) + 1));
    // Half of the time a stretch in the middle of the string is kept.
    std::int64_t kept = 0;
    if (length > 1 && rng.chance(0.5)) {
      while (length + kept < size && rng.chance(0.5)) ++kept;
    }
    std::int64_t const whole = length + kept;
    std::int64_t const first =
        rng.between(std::max<std::int64_t>(0, at - whole + 1), std::min<std::int64_t>(at, size - whole));
    std::int64_t const keep_from = kept == 0 ? whole : rng.between(1, length - 1);
    for (std::int64_t k = 0; k < whole; ++k) {
      if (k >= keep_from && k < keep_from + kept) continue;
      take(plan, nodes[static_cast<std::size_t>(first + k)], out);
    }
    ruined_[static_cast<std::size_t>(v)] = true;
    ruined_vehicles_.push_back(v);
    --strings;
  }
  finish(out);
}

void Ruiner::related(Plan const& plan, Rng& rng, std::size_t count, Ruins& out) {
  out.requests.clear();
  out.stops.clear();
  auto const anchors = plan.anchors();
  if (anchors.empty()) return;
  std::int32_t const seed = anchors[rng.below(anchors.size())];
  for (std::int32_t const node : neighbours(plan, seed)) {
    if (out.requests.size() + out.stops.size() >= count) break;
    if (plan.vehicle_at(node) < 0 || rng.chance(0.3)) continue;
    take(plan, node, out);
  }
  finish(out);
}

}  // namespace regulus::dispatch
