#include "schedule/compiled.h"

#include <algorithm>
#include <limits>

namespace regulus::schedule {

namespace {

bool same_use(VehicleUse const& a, VehicleUse const& b) {
  return a.start == b.start && a.end == b.end && a.end_hour == b.end_hour && a.earliest == b.earliest &&
         a.latest == b.latest && a.started == b.started && a.max_duration == b.max_duration && a.layouts == b.layouts &&
         a.fixed == b.fixed && a.per_tick == b.per_tick && a.overtime_after == b.overtime_after &&
         a.overtime_rate == b.overtime_rate && a.trips == b.trips;
}

bool bare(VehicleUse const& v) { return v.rests.empty() && v.on_board.empty() && v.locked.empty(); }

}  // namespace

Compiled::Compiled(Instance const& instance) : instance_(&instance) {
  stops_.resize(instance.nodes.size());
  positions_.reserve(instance.nodes.size());
  for (std::size_t n = 0; n < stops_.size(); ++n) {
    positions_.push_back(position_of(instance, static_cast<std::int32_t>(n)));
  }
  for (std::size_t n = 0; n < stops_.size(); ++n) {
    Node const& node = instance.nodes[n];
    CompiledStop& stop = stops_[n];
    stop.kind = node.kind;
    stop.request = node.request;
    stop.earliest = node.earliest;
    stop.latest = node.latest;
    stop.service = node.service;
    stop.due = node.due;
    stop.late_rate = node.late_rate;
    pure_ = pure_ && node.late_rate == 0 && (node.promised >= forever || node.promise_rate == 0);
    if (node.kind == NodeKind::rest) continue;
    Request const& request = instance.requests[static_cast<std::size_t>(node.request)];
    stop.seats = request.seats;
    stop.exclusive = request.exclusive;
    stop.partner = node.kind == NodeKind::pickup ? request.dropoff : request.pickup;
    if (node.kind == NodeKind::pickup) continue;
    stop.max_ride = request.max_ride;
    stop.direct = request.direct;
    stop.excess_rate = request.excess_rate;
    stop.limited = request.pickup >= 0 && request.max_ride < forever;
    if (request.pickup < 0 && request.max_ride < forever) {
      stop.latest = std::min(stop.latest, request.boarded + request.max_ride);
    }
    pure_ = pure_ && request.excess_rate == 0;
  }
  for (VehicleUse const& v : instance.vehicles) pure_ = pure_ && v.per_tick == 0 && v.overtime_rate == 0;
  measure_legs();
  if (pure_) narrow_windows();
  find_twins();
}

void Compiled::measure_legs() {
  std::vector<std::int32_t> site_of(instance_->times->places(), -1);
  std::vector<Place> places;
  auto const site = [&](Place place) {
    std::int32_t& s = site_of[static_cast<std::size_t>(place)];
    if (s < 0) {
      s = static_cast<std::int32_t>(places.size());
      places.push_back(place);
    }
    return s;
  };
  for (std::size_t n = 0; n < stops_.size(); ++n) {
    if (instance_->nodes[n].place != no_place) stops_[n].site = site(instance_->nodes[n].place);
  }
  struct Column {
    Place to;
    int hour;
  };
  std::vector<Column> columns;
  columns.reserve(stops_.size() + instance_->vehicles.size());
  for (Node const& node : instance_->nodes) columns.push_back({node.place, node.hour});
  for (VehicleUse const& v : instance_->vehicles) {
    start_site_.push_back(site(v.start));
    // Vehicles of one depot share a column.
    std::int32_t column = -1;
    for (std::size_t c = stops_.size(); v.end != no_place && c < columns.size(); ++c) {
      if (columns[c].to == v.end && columns[c].hour == v.end_hour) column = static_cast<std::int32_t>(c);
    }
    if (v.end != no_place && column < 0) {
      column = static_cast<std::int32_t>(columns.size());
      columns.push_back({v.end, v.end_hour});
    }
    end_column_.push_back(column);
  }
  columns_ = columns.size();
  legs_.resize(places.size() * columns_);
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  std::size_t at = 0;
  for (Place const from : places) {
    for (Column const& column : columns) {
      if (column.to != no_place) {
        Leg const leg = instance_->times->leg(from, column.to, column.hour);
        legs_[at] = {static_cast<std::int32_t>(std::min(leg.seconds, most)),
                     static_cast<std::int32_t>(std::min(leg.metres, most))};
      }
      ++at;
    }
  }
}

void Compiled::narrow_windows() {
  for (Request const& request : instance_->requests) {
    if (request.pickup < 0 || request.dropoff < 0) continue;
    CompiledStop& pickup = stops_[static_cast<std::size_t>(request.pickup)];
    CompiledStop& dropoff = stops_[static_cast<std::size_t>(request.dropoff)];
    Ticks const direct = pickup.service + leg(pickup.site, request.dropoff).ticks;
    // What every vehicle needs to come and to go home bounds both.
    Ticks come = forever, go = -forever;
    for (std::int32_t v = 0; v < vehicles(); ++v) {
      VehicleUse const& use = vehicle(v);
      if (!use.locked.empty() || !use.on_board.empty()) {
        come = -forever;
      } else {
        come = std::min(come, use.earliest + leg(start_site(v), request.pickup).ticks);
      }
      go = std::max(go, use.latest - leg_home(dropoff.site, v).ticks - dropoff.service);
    }
    pickup.earliest = std::max(pickup.earliest, come);
    dropoff.latest = std::min(dropoff.latest, go);
    for (int round = 0; round < 2; ++round) {
      dropoff.earliest = std::max(dropoff.earliest, pickup.earliest + direct);
      pickup.latest = std::min(pickup.latest, dropoff.latest - direct);
      if (request.max_ride >= forever) continue;
      Ticks const longest = pickup.service + request.max_ride;
      dropoff.latest = std::min(dropoff.latest, pickup.latest + longest);
      pickup.earliest = std::max(pickup.earliest, dropoff.earliest - longest);
    }
    if (dropoff.latest - pickup.earliest - pickup.service <= request.max_ride) dropoff.limited = false;
  }
}

void Compiled::find_twins() {
  twin_.resize(instance_->vehicles.size());
  std::vector<std::int32_t> firsts;
  for (std::int32_t v = 0; v < vehicles(); ++v) {
    twin_[static_cast<std::size_t>(v)] = v;
    if (!bare(vehicle(v))) continue;
    auto const same = [&](std::int32_t u) {
      return same_use(vehicle(u), vehicle(v)) && std::ranges::all_of(instance_->requests, [&](Request const& request) {
               return request.on_vehicle.empty() || request.on_vehicle[static_cast<std::size_t>(u)] ==
                                                        request.on_vehicle[static_cast<std::size_t>(v)];
             });
    };
    auto const first = std::ranges::find_if(firsts, same);
    if (first == firsts.end()) {
      firsts.push_back(v);
    } else {
      twin_[static_cast<std::size_t>(v)] = *first;
    }
  }
}

}  // namespace regulus::schedule
