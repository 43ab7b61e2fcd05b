// A sequence spelled out from the compiled instance; its times and costs are the library's own (schedule/sequence.h).
#include <algorithm>

#include "schedule/tour.h"

namespace regulus::schedule {

Workspace::Workspace(Compiled const& compiled) : compiled_(&compiled) {
  position_.resize(static_cast<std::size_t>(compiled.nodes()), -1);
}

Money Workspace::price(std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  Compiled const& c = *compiled_;
  Sequence& s = spelled_;
  s.vehicle = vehicle;
  s.used = c.vehicle(vehicle).started;
  s.matching = 0;
  s.at.resize(nodes.size());
  std::int32_t here = c.start_site(vehicle);
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    CompiledStop const& stop = c.stop(nodes[k]);
    Position& at = s.at[k];
    at = c.position(nodes[k]);
    if (stop.kind == NodeKind::rest) continue;
    Compiled::Step const leg = c.leg(here, nodes[k]);
    at.leg = {leg.ticks, leg.metres};
    here = stop.site;
    s.used = true;
    if (stop.kind == NodeKind::pickup) {
      s.matching += c.instance().on_vehicle(stop.request, vehicle);
      position_[static_cast<std::size_t>(nodes[k])] = static_cast<std::int32_t>(k);
    } else if (stop.partner >= 0) {
      at.partner = position_[static_cast<std::size_t>(stop.partner)];
      s.at[static_cast<std::size_t>(at.partner)].partner = static_cast<std::int32_t>(k);
    }
  }
  if (!s.used) return 0;
  for (Position& at : s.at) {
    // Whose drop-off is still to be put back rides for nothing until then.
    if (at.kind == NodeKind::pickup && at.partner < 0) at.excess_rate = 0;
  }
  Compiled::Step const home = c.leg_home(here, vehicle);
  s.way_back = {home.ticks, home.metres};
  if (earliest_starts(c.instance(), s, starts_).violation != Violation::none) return impossible;
  if (!c.pure()) delay_for_nothing(c.instance(), s, starts_);
  return cost_of(c.instance(), s, starts_).total();
}

bool Workspace::obeys_loads(std::int32_t vehicle, std::span<std::int32_t const> nodes) const {
  VehicleUse const& use = compiled_->vehicle(vehicle);
  Seats load;
  int riders = 0, alone = 0;
  for (std::int32_t const rider : use.on_board) {
    Request const& request = compiled_->request(rider);
    load += request.seats;
    ++riders;
    alone += request.exclusive ? 1 : 0;
  }
  for (std::int32_t const node : nodes) {
    CompiledStop const& stop = compiled_->stop(node);
    if (stop.kind == NodeKind::rest) {
      if (riders > 0) return false;
    } else if (stop.kind == NodeKind::dropoff) {
      load -= stop.seats;
      --riders;
      alone -= stop.exclusive ? 1 : 0;
    } else {
      load += stop.seats;
      ++riders;
      alone += stop.exclusive ? 1 : 0;
      if (alone > 0 && riders > 1) return false;
      if (!std::ranges::any_of(use.layouts, [&](Seats const& layout) { return load.fits(layout); })) return false;
    }
  }
  return true;
}

}  // namespace regulus::schedule
