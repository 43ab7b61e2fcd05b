#include "schedule/closure.h"

#include <algorithm>
#include <array>

#include "core/check.h"

namespace regulus::schedule {

namespace {

// Sums of a few of these stay far from the ends of 64 bits.
constexpr Ticks no_path = -forever;

struct Edge {
  std::size_t at = 0;  // the old variable at the other end
  Ticks least = no_path;
};
struct NewVariable {
  std::array<Edge, 2> in, out;
};

}  // namespace

Closure::Closure(Instance const& instance, std::int32_t vehicle, std::span<std::int32_t const> nodes)
    : instance_(instance) {
  REGULUS_CHECK(spell_out(instance, vehicle, nodes, s_).violation == Violation::none);
  VehicleUse const& use = instance.vehicles[static_cast<std::size_t>(vehicle)];
  std::int32_t riders = 0, alone = 0;
  Seats load;
  for (std::int32_t rider : use.on_board) {
    Request const& request = instance.requests[static_cast<std::size_t>(rider)];
    load += request.seats;
    alone += request.exclusive ? 1 : 0;
    ++riders;
  }
  step_ = {0};
  Ticks service = 0;
  for (Position const& stop : s_.at) {
    riders_.push_back(riders);
    alone_.push_back(alone);
    load_.push_back(load);
    step_.push_back(service + stop.leg.seconds);
    service = stop.service;
    if (stop.kind == NodeKind::rest) continue;
    Request const& request =
        instance.requests[static_cast<std::size_t>(instance.nodes[static_cast<std::size_t>(stop.node)].request)];
    int const change = stop.kind == NodeKind::pickup ? 1 : -1;
    riders += change;
    alone += request.exclusive ? change : 0;
    if (change > 0) load += request.seats;
    if (change < 0) load -= request.seats;
  }
  riders_.push_back(riders);
  alone_.push_back(alone);
  load_.push_back(load);
  step_.push_back(service + s_.way_back.seconds);
  close();
}

// Longest paths from one variable: along the route, then back along the limits, until nothing moves.
bool Closure::relax(std::span<Ticks> row) const {
  VehicleUse const& use = instance_.vehicles[static_cast<std::size_t>(s_.vehicle)];
  std::size_t const back = variables_ - 1;
  for (std::size_t v = 1; v < back; ++v) row[v + 1] = std::max(row[v + 1], row[v] + step_[v]);
  bool moved = false;
  for (std::size_t k = s_.at.size(); k-- > 0;) {
    Position const& stop = s_.at[k];
    if (stop.kind != NodeKind::dropoff || stop.partner < 0 || stop.max_ride >= forever) continue;
    auto const p = static_cast<std::size_t>(stop.partner);
    Ticks const needed = row[k + 2] - stop.max_ride - s_.at[p].service;
    if (row[p + 2] >= needed) continue;
    row[p + 2] = needed;
    moved = true;
  }
  if (use.max_duration < forever && row[1] < row[back] - use.max_duration) {
    row[1] = row[back] - use.max_duration;
    moved = true;
  }
  return moved;
}

void Closure::close() {
  VehicleUse const& use = instance_.vehicles[static_cast<std::size_t>(s_.vehicle)];
  std::size_t const n = s_.at.size();
  variables_ = n + 3;
  std::size_t const back = n + 2;
  Starts earliest;
  closed_ = earliest_starts(instance_, s_, earliest).violation == Violation::none;
  REGULUS_CHECK(closed_ || !s_.used);
  if (!closed_) return;

  // To the origin: minus the latest possible time, from the return to the departure and around the limits.
  std::vector<Ticks> down(variables_);
  down[1] = use.started ? -use.earliest : no_path;
  down[back] = -use.latest;
  for (std::size_t k = 0; k < n; ++k) down[k + 2] = -s_.at[k].latest;
  for (bool moved = true; moved;) {
    for (std::size_t v = back; v-- > 1;) down[v] = std::max(down[v], down[v + 1] + step_[v]);
    moved = false;
    for (std::size_t k = 0; k < n; ++k) {
      Position const& stop = s_.at[k];
      if (stop.kind != NodeKind::dropoff || stop.partner < 0 || stop.max_ride >= forever) continue;
      auto const p = static_cast<std::size_t>(stop.partner);
      Ticks const needed = down[p + 2] - stop.max_ride - s_.at[p].service;
      if (down[k + 2] >= needed) continue;
      down[k + 2] = needed;
      moved = true;
    }
    if (use.max_duration < forever && down[back] < down[1] - use.max_duration) {
      down[back] = down[1] - use.max_duration;
      moved = true;
    }
  }

  longest_.assign(variables_ * variables_, no_path);
  std::span<Ticks> const all = longest_;
  std::span<Ticks> const origin = all.first(variables_);
  origin[0] = 0;
  origin[1] = earliest.leave;
  std::copy(earliest.start.begin(), earliest.start.end(), origin.begin() + 2);
  origin[back] = earliest.back;
  for (std::size_t v = 1; v < variables_; ++v) {
    std::span<Ticks> const row = all.subspan(v * variables_, variables_);
    for (std::size_t w = 1; w < variables_; ++w) row[w] = down[v] + origin[w];
    row[0] = down[v];
    row[v] = 0;
    while (relax(row)) {
    }
  }
}

Fit Closure::times_fit(std::int32_t request, std::size_t pickup_at, std::size_t dropoff_at) const {
  VehicleUse const& use = instance_.vehicles[static_cast<std::size_t>(s_.vehicle)];
  Request const& wanted = instance_.requests[static_cast<std::size_t>(request)];
  Node const& pickup = instance_.nodes[static_cast<std::size_t>(wanted.pickup)];
  Node const& dropoff = instance_.nodes[static_cast<std::size_t>(wanted.dropoff)];
  TravelTimes const& times = *instance_.times;
  std::size_t const n = s_.at.size();
  std::size_t const i = pickup_at, j = dropoff_at - 1;  // gaps of the old route
  auto const service = [&](std::size_t gap) { return gap == 0 ? 0 : s_.at[gap - 1].service; };
  auto const place_before = [&](std::size_t gap) {
    while (gap > 0 && s_.at[gap - 1].place == no_place) --gap;
    return gap == 0 ? use.start : s_.at[gap - 1].place;
  };
  auto const onward = [&](Place from, std::size_t gap) -> Ticks {  // to what stands behind the gap
    if (gap < n) return s_.at[gap].place == no_place ? 0 : times.seconds(from, s_.at[gap].place, s_.at[gap].hour);
    return use.end == no_place ? 0 : times.seconds(from, use.end, use.end_hour);
  };
  constexpr std::size_t p = 0, d = 1, q = 2;
  std::array<NewVariable, 3> fresh;
  std::array<std::array<Ticks, 3>, 3> longest;
  for (auto& row : longest) row.fill(no_path);
  std::size_t count = 2;
  bool shortcut = false;

  // Step 1. What the insertion adds: windows, legs to and from the new stops, the ride limit.
  Ticks const to_pickup = service(i) + times.seconds(place_before(i), pickup.place, pickup.hour);
  fresh[p].in = {Edge{0, pickup.earliest}, Edge{i + 1, to_pickup}};
  fresh[p].out[0] = {0, -pickup.latest};
  fresh[d].in[0] = {0, dropoff.earliest};
  fresh[d].out[0] = {0, -dropoff.latest};
  Ticks const from_dropoff = dropoff.service + onward(dropoff.place, j);
  fresh[d].out[1] = {j + 2, from_dropoff};
  if (wanted.max_ride < forever) longest[d][p] = -(pickup.service + wanted.max_ride);
  if (i == j) {
    longest[p][d] = pickup.service + times.seconds(pickup.place, dropoff.place, dropoff.hour);
    shortcut = to_pickup + longest[p][d] + from_dropoff < step_[i + 1];
  } else {
    Ticks const from_pickup = pickup.service + onward(pickup.place, i);
    Ticks const to_dropoff = service(j) + times.seconds(place_before(j), dropoff.place, dropoff.hour);
    fresh[p].out[1] = {i + 2, from_pickup};
    fresh[d].in[1] = {j + 1, to_dropoff};
    shortcut = to_pickup + from_pickup < step_[i + 1] || to_dropoff + from_dropoff < step_[j + 1];
  }
  // A rest behind the drop-off is taken there, so the leg behind the rest changes: a third variable on that leg.
  if (j < n && s_.at[j].place == no_place) {
    std::size_t behind = j + 1;
    while (behind < n && s_.at[behind].place == no_place) ++behind;
    Ticks const leg = service(behind) + onward(dropoff.place, behind);
    shortcut = shortcut || leg < step_[behind + 1];
    fresh[q].in[0] = {behind + 1, 0};
    fresh[q].out[0] = {behind + 2, leg};
    count = 3;
  }
  if (!closed_) return shortcut ? Fit::unknown : Fit::no;

  // Step 2. Between new variables: out by a new edge, along old longest paths, in by a new edge.
  for (std::size_t u = 0; u < count; ++u) {
    for (std::size_t v = 0; v < count; ++v) {
      for (Edge const& out : fresh[u].out) {
        if (out.least == no_path) continue;
        for (Edge const& in : fresh[v].in) {
          longest[u][v] = std::max(longest[u][v], out.least + path(out.at, in.at) + in.least);
        }
      }
    }
  }
  // Step 3. A positive cycle among them is a contradiction.
  for (std::size_t via = 0; via < count; ++via) {
    for (std::size_t u = 0; u < count; ++u) {
      for (std::size_t v = 0; v < count; ++v) {
        longest[u][v] = std::max(longest[u][v], longest[u][via] + longest[via][v]);
      }
    }
  }
  bool contradiction = false;
  for (std::size_t u = 0; u < count; ++u) contradiction = contradiction || longest[u][u] > 0;
  if (!contradiction) return Fit::yes;
  return shortcut ? Fit::unknown : Fit::no;
}

std::size_t Closure::last_dropoff(std::int32_t request, std::size_t pickup_at) const {
  VehicleUse const& use = instance_.vehicles[static_cast<std::size_t>(s_.vehicle)];
  Request const& wanted = instance_.requests[static_cast<std::size_t>(request)];
  auto const joins = [&](std::size_t gap) {
    if (alone_[gap] > 0 || (wanted.exclusive && riders_[gap] > 0)) return false;
    Seats load = load_[gap];
    load += wanted.seats;
    return std::any_of(use.layouts.begin(), use.layouts.end(), [&](Seats const& layout) { return load.fits(layout); });
  };
  if (pickup_at < use.locked.size() || !joins(pickup_at) || instance_.on_vehicle(request, s_.vehicle) >= impossible) {
    return 0;
  }
  std::size_t gap = pickup_at;
  while (gap < s_.at.size() && s_.at[gap].kind != NodeKind::rest && joins(gap + 1)) ++gap;
  return gap + 1;
}

Fit Closure::fits(std::int32_t request, std::size_t pickup_at, std::size_t dropoff_at) const {
  return dropoff_at > last_dropoff(request, pickup_at) ? Fit::no : times_fit(request, pickup_at, dropoff_at);
}

}  // namespace regulus::schedule
