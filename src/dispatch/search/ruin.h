// What to take out of a plan before putting it back better.
//
// Slack comes from taking neighbouring stretches out of neighbouring routes (Christiaens and Vanden Berghe 2020, "Slack
// induction by string removals for vehicle routing problems", Transportation Science 54, section 5.2). Neighbours are
// near in place and in time: the distance between two stops grows with the waiting and the lateness that driving from
// one to the other cannot avoid (Vidal et al. 2013, "A hybrid genetic algorithm with adaptive diversity management",
// section 4.5.2).
#pragma once

#include <cstdint>
#include <vector>

#include "core/rng.h"
#include "dispatch/search/plan.h"

namespace regulus::dispatch {

struct Ruins {
  std::vector<std::int32_t> requests;  // taken out whole
  std::vector<std::int32_t> stops;     // loose stops, drop-offs before rests
};

class Ruiner {
 public:
  explicit Ruiner(schedule::Compiled const& compiled);

  // Stretches around one stop, some ten stops in all. Empty when nothing in the plan can be moved.
  void strings(Plan const& plan, Rng& rng, Ruins& out);
  // `count` requests that are near each other, wherever they are.
  void related(Plan const& plan, Rng& rng, std::size_t count, Ruins& out);

 private:
  std::vector<std::int32_t> const& neighbours(Plan const& plan, std::int32_t node);
  schedule::Money distance(std::int32_t a, std::int32_t b) const;
  void take(Plan const& plan, std::int32_t node, Ruins& out);
  void finish(Ruins& out);

  schedule::Compiled const* compiled_;
  std::vector<std::vector<std::int32_t>> neighbours_;  // by node, computed when first asked for
  std::vector<bool> taken_, ruined_;                   // by node, by vehicle
  std::vector<std::int32_t> ruined_vehicles_;
  struct Near {
    schedule::Money distance;
    std::int32_t node;
  };
  std::vector<Near> near_;
};

}  // namespace regulus::dispatch
