// One vehicle's stops with everything that makes trying an insertion cheap.
//
// The start times of a sequence obey a system of differences (schedule/route.h), whose solutions have an earliest and a
// latest one. A tour keeps both bounds at every stop. A new pickup and drop-off can go somewhere only if the time at
// which they are reached from the earliest bound, and what follows them, stays within the latest bound: each pair of
// positions is refused or priced in constant time, and the few that remain are tested exactly.
//
// In a pure instance (schedule/compiled.h) and without rests the bounds are those of the whole system, ride limits
// included, an insertion's cost is a few additions, and the exact test only follows the starts that move. Otherwise the
// bounds come from windows alone, the constant-time price is a lower bound (driving, the shortest possible duty, what
// is late at once), candidates are taken in its order, and the exact price is that of evaluate(), computed without
// allocation.
//
// Exactness: in an instance with prices the answer is that of best_insertion_by_trying. In a pure one this holds when
// no leg can be shortened by a detour; otherwise what is found is feasible, though something cheaper may be missed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "schedule/compiled.h"
#include "schedule/route.h"
#include "schedule/sequence.h"

namespace regulus::schedule {

// Arrays that are used again for every evaluation. One for each thread.
class Workspace {
 public:
  explicit Workspace(Compiled const& compiled);

  // The total of evaluate() for a sequence that obeys order, locks, rests and loads; `impossible` when no schedule
  // exists.
  Money price(std::int32_t vehicle, std::span<std::int32_t const> nodes);
  // Whether capacity, exclusive rides and empty rests hold along the sequence.
  bool obeys_loads(std::int32_t vehicle, std::span<std::int32_t const> nodes) const;

 private:
  friend class Tour;

  struct Candidate {
    Money bound;
    std::int32_t pickup_at, dropoff_at;
  };
  struct Moving {  // one position of a pure tour while its starts are pushed
    Ticks start, latest, step, longest;
    std::int32_t partner;  // position of the limited ride's pickup; -1: none
  };

  Compiled const* compiled_;
  Sequence spelled_;
  Starts starts_;
  std::vector<std::int32_t> position_;  // by node
  std::vector<std::int32_t> sequence_;
  std::vector<Candidate> candidates_;
  std::vector<Moving> moving_;
};

class Tour {
 public:
  Tour(Compiled const& compiled, std::int32_t vehicle);

  // Takes over a sequence that obeys order, locks, rests and loads; false when no schedule exists, and then the tour
  // must be assigned again before it is asked anything.
  bool assign(std::span<std::int32_t const> nodes, Workspace& work);

  std::int32_t vehicle() const { return vehicle_; }
  std::span<std::int32_t const> nodes() const { return nodes_; }
  Money cost() const { return cost_; }           // evaluate().cost.total()
  std::int32_t trips() const { return trips_; }  // with the vehicle's own, for the load term
  bool used() const { return used_; }
  std::uint64_t hash() const { return hash_; }  // of vehicle and stops

  // The cheapest feasible insertion; cost `impossible` when there is none. Ties as in best_insertion_by_trying. With a
  // stream of chance, one pair of positions in eight is overlooked: a search that always took the best could not reach
  // plans in which somebody has to stand at the second-best place.
  Insertion best_insertion(std::int32_t request, Workspace& work, Rng* blink = nullptr) const;
  // The same for one stop whose request or rest belongs to this vehicle (a drop-off of somebody on board or after a
  // locked pickup, or a rest). dropoff_at says where; pickup_at is not used.
  Insertion best_position(std::int32_t node, Workspace& work) const;

 private:
  // Position 0 is the departure, 1 … n the stops, n + 1 the return.
  struct Visit {
    std::int32_t node = -1;
    std::int32_t site = -1;       // where the vehicle is
    std::int32_t leg_metres = 0;  // to the next position
    std::int32_t partner = -1;    // position of the pickup of a limited ride (or of the departure); -1: none
    Ticks open = 0, close = 0;    // the stop's own window
    Ticks early = 0, late = 0;    // bounds of the start
    Ticks step = 0;               // to the arrival at the next position
    Ticks service = 0;
    Ticks longest = forever;  // a limited ride, from start to start
    Seats load;               // after the stop
    std::int16_t riders = 0, alone = 0;
    Ticks ahead = 0;                // Σ steps of the positions before: departure to arrival here without waiting
    Ticks tail = 0, tail_base = 0;  // back at max(start + tail, tail_base)
    Ticks leave_by = forever;       // latest departure for the windows up to here
    Money late_cost = 0;            // of the positions up to here, at their earliest
  };
  bool bound_whole_system();
  void bound_by_windows();
  bool still_feasible(std::int32_t pickup, std::int32_t dropoff, std::size_t i, std::size_t j, Workspace& work) const;
  Insertion best_pure(std::int32_t request, Workspace& work, Rng* blink) const;
  Insertion best_priced(std::int32_t request, Workspace& work, Rng* blink) const;
  bool fits(Seats const& load) const;

  Compiled const* compiled_;
  std::int32_t vehicle_;
  std::vector<std::int32_t> nodes_;
  std::vector<Visit> at_;
  Money cost_ = 0;
  Money metres_ = 0;  // all legs, also when the vehicle is not used
  Money matching_ = 0;
  std::int32_t trips_ = 0;
  bool used_ = false;
  bool whole_ = false;   // the bounds are those of the whole system
  bool open_ = true;     // false: no schedule with a stop exists, so nothing can be inserted
  bool limits_ = false;  // some ride or the duty is limited
  std::uint64_t hash_ = 0;
};

}  // namespace regulus::schedule
