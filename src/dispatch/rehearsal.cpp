#include "dispatch/rehearsal.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/check.h"
#include "dispatch/futures.h"
#include "dispatch/world/questions.h"
#include "dispatch/world/resumable.h"
#include "dispatch/world/world.h"
#include "domain/kpi.h"

namespace regulus::dispatch {

namespace {

Day without_reality(Day day) {
  day.reality = {};
  return day;
}

}  // namespace

void play_on(World& world, TravelTimes const& times, Policy const& policy, Seconds wake_at) {
  std::unique_ptr<Memo> memo;
  Questions questions(world, 0, wake_at > world.fleet().now ? wake_at : never);
  while (questions.next([] {})) {
    Decision const decision = policy.decide({world.fleet(), times, &memo}, Rng{});
    world.carry_out(decision);
    questions.answered(decision);
  }
}

Rehearsal::Rehearsal(Situation const& situation, RehearsalOptions const& options, Rng rng)
    : situation_{situation.fleet, situation.times},
      options_(options),
      rng_(rng),
      known_(without_reality(*situation.fleet.day)),
      fleet_(resumable(situation)),
      rule_(make_policy("insertion", {}).take()),
      futures_(static_cast<std::size_t>(std::max(0, options.futures))) {}

bool Rehearsal::can_play(Decision const& decision) const {
  return fleet_ && static_cast<bool>(check_decision({*fleet_, situation_.times}, decision));
}

double Rehearsal::cost(Decision const& decision, int k) const {
  REGULUS_CHECK(fleet_.has_value());
  Future const& met = future(k);
  World world(met.day, met.reality, *fleet_, situation_.times, [](Happening const&) {});
  world.carry_out(decision);
  play_on(world, situation_.times, *rule_, decision.wake_at);
  return static_cast<double>(cost_of(totals_of(met.day, situation_.times, world.outcome()), met.day.weights).total());
}

Rehearsal::Future const& Rehearsal::future(int k) const {
  REGULUS_CHECK(k >= 0 && k < futures());
  std::optional<Future>& sampled = futures_[static_cast<std::size_t>(k)];
  if (!sampled) sampled = sample(rng_.stream(Purpose::futures, static_cast<std::uint64_t>(k)));
  return *sampled;
}

Rehearsal::Future Rehearsal::sample(Rng rng) const {
  Future future{.day = known_, .reality = {}};
  std::vector<Booking>& bookings = future.day.bookings;
  future.reality.seed = rng.stream(Purpose::traffic).next();
  future.reality.noise = options_.noise;
  std::map<BookingId, Seconds> calls;
  BookingId last = bookings.empty() ? 0 : bookings.back().id;
  for (Booking& asked : sample_future(situation_, end_of_service, rng)) {
    if (asked.id != 0) {
      calls[asked.id] = asked.known_from;
    } else if (last < std::numeric_limits<BookingId>::max()) {
      asked.id = ++last;
      bookings.push_back(std::move(asked));
    }
  }
  // Each passenger's own stream: how long one keeps the driver waiting does not depend on who else rides. Nobody so
  // long that the driver leaves.
  for (Booking const& booking : bookings) {
    double const chance = rng.stream(Purpose::reality, static_cast<std::uint64_t>(booking.id)).uniform();
    Seconds const delay = std::llround(-options_.at_the_door * std::log(1 - chance));
    auto const call = calls.find(booking.id);
    future.reality.bookings.push_back({.id = booking.id,
                                       .ready_delay = std::min(delay, future.day.no_show_wait),
                                       .calls_at = call == calls.end() ? never : call->second});
  }
  return future;
}

}  // namespace regulus::dispatch
