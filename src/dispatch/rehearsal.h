// What a decision will have cost by the end of the day: the rest of the day is played on in a model world.
//
// The model is what dispatch believes. Patients who are waited for call and new clients ask for rides as the company's
// forecast has it (dispatch/futures.h), legs take longer or shorter than expected by luck, and every later decision is
// best insertion's. Tesauro and Galperin 1996, "On-line policy improvement using Monte-Carlo search", and Bertsekas,
// Tsitsiklis and Wu 1997, "Rollout algorithms for combinatorial optimization": the decision that is best when a simple
// rule goes on from it is better than the rule's own, because a rule sees only the present and its consequences are
// played out here.
//
// Future number k depends on the stream of chance and on k alone, and the luck of a leg on whom it is for, so all
// decisions meet the same futures: what differs between their costs is the decisions' doing (common random numbers).
// Day::reality is not looked at, and a booking that dispatch has not heard of never comes up.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/rng.h"
#include "dispatch/policy.h"
#include "domain/day.h"
#include "domain/snapshot.h"

namespace regulus::dispatch {

// What dispatch believes of a day's luck. It is better to be careful: rehearsals in which everybody is punctual choose
// plans without slack (docs/decisions/0020).
struct RehearsalOptions {
  int futures = 64;
  double noise = 0.3;        // standard deviation of the logarithm of a leg's duration
  double at_the_door = 120;  // seconds that a passenger keeps the driver waiting, exponential with this mean
};

// Not thread-safe: a future is sampled when it is first asked for.
class Rehearsal {
 public:
  // What the situation refers to must outlive this.
  Rehearsal(Situation const& situation, RehearsalOptions const& options, Rng rng);

  int futures() const { return static_cast<int>(futures_.size()); }
  // Whether the decision can be played: the fleet as it stands contradicts neither itself (dispatch/world/resumable.h)
  // nor the decision.
  bool can_play(Decision const& decision) const;
  // Cents that the day costs, by the objective, when the decision is carried out now and future k < futures() happens.
  // What was driven and promised before now is left out, so only differences between decisions mean something. Bug
  // check: it can be played.
  double cost(Decision const& decision, int k) const;

 private:
  struct Future {
    Day day;  // with those who will ask
    Reality reality;
  };
  Future const& future(int k) const;
  Future sample(Rng rng) const;

  Situation situation_;
  RehearsalOptions options_;
  Rng rng_;
  Day known_;  // without its reality
  std::optional<FleetSnapshot> fleet_;
  std::unique_ptr<Policy> rule_;
  mutable std::vector<std::optional<Future>> futures_;
};

class World;
// Lets the day go on to its end, with `policy` asked whenever one would be. `wake_at`: when the decision that was
// carried out last wanted to be asked again.
void play_on(World& world, TravelTimes const& times, Policy const& policy, Seconds wake_at);

}  // namespace regulus::dispatch
