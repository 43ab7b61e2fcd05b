// An instance prepared for being asked millions of times: legs in a table by stop, each stop beside what its request
// says, windows narrowed by what ride limits imply.
//
// Two kinds of instance. A *pure* one costs nothing but distance, use of vehicles and choice of vehicle (the published
// benchmarks): what an insertion costs is known at once, and times decide only whether it is possible. Any other one
// has prices on time, and what an insertion costs is known when the route's schedule is.
//
// Narrowing (Cordeau 2006, "A branch-and-cut algorithm for the dial-a-ride problem", section 4.1.1) is done for pure
// instances only: elsewhere a start time has a price and must be the reference's own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "schedule/instance.h"
#include "schedule/sequence.h"

namespace regulus::schedule {

// One stop with everything that evaluating a route asks about it.
struct CompiledStop {
  NodeKind kind = NodeKind::pickup;
  bool exclusive = false;
  bool limited = false;                               // a drop-off after a pickup whose ride limit can bind
  std::int32_t site = -1;                             // row of the leg table; -1: a rest, taken where the vehicle is
  std::int32_t request = -1;                          // or the vehicle's rest number
  std::int32_t partner = -1;                          // the other stop of the request; -1: none (on board, rest)
  Ticks earliest = 0, latest = forever, service = 0;  // latest: with the ride limit of a rider on board
  Ticks due = forever;
  Money late_rate = 0;
  Ticks max_ride = forever, direct = 0;  // of a drop-off
  Money excess_rate = 0;
  Seats seats;
};

class Compiled {
 public:
  explicit Compiled(Instance const& instance);

  struct Step {
    std::int32_t ticks = 0, metres = 0;
  };
  // From a site to a stop that has a place.
  Step leg(std::int32_t site, std::int32_t node) const {
    return legs_[static_cast<std::size_t>(site) * columns_ + static_cast<std::size_t>(node)];
  }
  // From a site to the vehicle's end; nothing when it ends where it is.
  Step leg_home(std::int32_t site, std::int32_t vehicle) const {
    std::int32_t const column = end_column_[static_cast<std::size_t>(vehicle)];
    return column < 0 ? Step{} : leg(site, column);
  }
  std::int32_t start_site(std::int32_t vehicle) const { return start_site_[static_cast<std::size_t>(vehicle)]; }

  CompiledStop const& stop(std::int32_t node) const { return stops_[static_cast<std::size_t>(node)]; }
  Position const& position(std::int32_t node) const { return positions_[static_cast<std::size_t>(node)]; }
  VehicleUse const& vehicle(std::int32_t v) const { return instance_->vehicles[static_cast<std::size_t>(v)]; }
  Request const& request(std::int32_t r) const { return instance_->requests[static_cast<std::size_t>(r)]; }
  Instance const& instance() const { return *instance_; }
  std::int32_t nodes() const { return static_cast<std::int32_t>(stops_.size()); }
  std::int32_t requests() const { return static_cast<std::int32_t>(instance_->requests.size()); }
  std::int32_t vehicles() const { return static_cast<std::int32_t>(instance_->vehicles.size()); }
  bool pure() const { return pure_; }

  // The first vehicle that is the same as `v` in everything: while both are empty, only one of them need be tried.
  std::int32_t twin(std::int32_t v) const { return twin_[static_cast<std::size_t>(v)]; }

 private:
  void measure_legs();
  void narrow_windows();
  void find_twins();

  Instance const* instance_;
  bool pure_ = true;
  std::vector<CompiledStop> stops_;
  std::vector<Position> positions_;  // as position_of() says
  std::size_t columns_ = 0;
  std::vector<Step> legs_;
  std::vector<std::int32_t> start_site_, end_column_, twin_;
};

}  // namespace regulus::schedule
