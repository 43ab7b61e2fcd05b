#include "schedule/fleet_index.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/check.h"
#include "schedule/sequence.h"

namespace regulus::schedule {

namespace {

// The place between position k - 1 and position k of a route (for the last one: and the return), where a stop may go.
// Times hold whatever is done to other gaps later (earlier) in the route for what stands before (behind).
struct Gap {
  Place from = no_place;  // rests looked through, at both ends
  Place to = no_place;    // no_place: the route ends here
  std::uint8_t to_hour = 0;
  bool before_rest = false;
  bool limited = false;                // somebody with a ride limit is on board, or the duration is limited
  std::int32_t riders = 0, alone = 0;  // on board; of them, who must ride alone
  Seats load;
  Leg leg;                      // from -> to, as it is now
  Ticks free = 0;               // earliest end of service before it
  Ticks reach = forever;        // latest arrival at position k, when everything behind it stays as it is
  Ticks relaxed = forever;      // latest arrival at position k, however short one leg behind it becomes
  Ticks path = 0;               // services and legs up to `free`
  Ticks leave_limit = forever;  // no schedule of evaluate() departs later, whatever is inserted here or behind
  Money rate = 0;               // excess rates of those on board
  Money sure_rate = 0;          // of those whose shortest ride is not below the direct one
};

struct Entry {
  bool set = false;
  bool leaves_later = false;  // than the numbers below say, which are of no use but to rule the vehicle out
  std::vector<std::int32_t> nodes;
  Sequence s;
  RouteCost cost;
  Money total = 0;
  Money load = 0;  // what one more ride does to the load term
  std::vector<Gap> gaps;
  std::vector<Ticks> start;  // the earliest that windows and legs allow
  std::int64_t metres = 0;
  Ticks path = 0;  // all services and legs
  Ticks back = 0;
  Money late = 0;    // lower bound of lateness and of promises moved to later, from `start`
  Money excess = 0;  // lower bound, from shortest rides
};

Money late_cost(Position const& at, Ticks start) {
  Money cost = std::max<Ticks>(0, start - at.due) * at.late_rate;
  if (at.promised < forever) {
    cost += std::max<Ticks>(0, start - at.promised - at.promise_slack) * at.promise_rate;
  }
  return cost;
}

struct Candidate {
  Money bound = 0;
  std::int32_t vehicle = -1, pickup_at = -1, dropoff_at = -1;
  // A heap keeps its greatest on top; here the least.
  friend bool operator<(Candidate const& a, Candidate const& b) {
    return std::tie(a.bound, a.vehicle, a.pickup_at, a.dropoff_at) >
           std::tie(b.bound, b.vehicle, b.pickup_at, b.dropoff_at);
  }
};

bool cheaper(Insertion const& a, Insertion const& b) {
  return std::tie(a.cost, a.vehicle, a.pickup_at, a.dropoff_at) <
         std::tie(b.cost, b.vehicle, b.pickup_at, b.dropoff_at);
}

// What one candidate changes, before the schedule of the rest is known.
struct Change {
  std::int64_t metres = 0;
  Ticks path = 0;
  Money late = 0;
  Money excess = 0;
  Ticks back = 0;  // the earliest
};

// Riders who cross the gap ride at least that much longer, or at most that much shorter. Never counts a detour beside a
// shortcut: the two might cancel for a rider who has no excess.
Money excess_of(Gap const& a, Ticks longer_a, Gap const& b, Ticks longer_b) {
  Money const less = std::min<Ticks>(0, longer_a) * a.rate + std::min<Ticks>(0, longer_b) * b.rate;
  return less < 0 ? less : longer_a * a.sure_rate + longer_b * b.sure_rate;
}

// A request with what is the same for every vehicle.
struct Wanted {
  std::int32_t number;
  Request const& request;
  Position pickup, dropoff;
  Leg direct;
};

bool joins(Gap const& gap, Request const& wanted, VehicleUse const& use) {
  if (gap.alone > 0 || (wanted.exclusive && gap.riders > 0)) return false;
  Seats load = gap.load;
  load += wanted.seats;
  return std::any_of(use.layouts.begin(), use.layouts.end(), [&](Seats const& layout) { return load.fits(layout); });
}

// The earliest starts from position `k` on, when the stop before it ends at `out` and the leg to the next place is
// `onward`. Adds what they cost more, and returns the earliest return.
Ticks follow(Entry const& entry, std::size_t k, Ticks out, Ticks onward, Money& late) {
  std::vector<Position> const& at = entry.s.at;
  bool reached = false;  // a place, so that from here on legs are the old ones
  for (; k < at.size(); ++k) {
    Position const& stop = at[k];
    bool const rest = stop.kind == NodeKind::rest;
    Ticks const start = std::max(stop.earliest, out + (reached || rest ? stop.leg.seconds : onward));
    reached = reached || !rest;
    if (reached && start == entry.start[k]) return entry.back;
    late += late_cost(stop, start) - late_cost(stop, entry.start[k]);
    out = start + stop.service;
  }
  return out + (reached ? entry.s.way_back.seconds : onward);
}

Money lower_bound(Instance const& instance, Entry const& entry, Gap const& gap, Change const& change) {
  VehicleUse const& use = instance.vehicles[static_cast<std::size_t>(entry.s.vehicle)];
  Ticks const paid =
      use.started ? change.back - use.earliest : std::max(entry.path + change.path, change.back - gap.leave_limit);
  return (entry.metres + change.metres) * instance.per_metre + use.fixed + paid * use.per_tick +
         std::max<Ticks>(0, change.back - use.overtime_after) * use.overtime_rate + entry.late + change.late +
         entry.excess + change.excess - entry.total + entry.load;
}

}  // namespace

struct FleetIndex::State {
  Instance const& instance;
  std::vector<Entry> entries;
  std::vector<std::int32_t> members;  // vehicles that take part, ascending
  std::vector<Candidate> candidates;
  Sequence sequence;
  Starts starts;
  Work work;

  void schedule(Entry& entry);
  void describe_gaps(Entry& entry, Starts const& t);
  void propose(std::int32_t vehicle, Wanted const& wanted);
  Money price(Candidate const& candidate, std::int32_t request);
};

// Everything of an entry that depends on times.
void FleetIndex::State::schedule(Entry& entry) {
  Violation const timed = earliest_starts(instance, entry.s, starts).violation;
  REGULUS_CHECK(timed == Violation::none || !entry.s.used);
  describe_gaps(entry, starts);
  entry.cost = {};
  if (entry.s.used) {
    delay_for_nothing(instance, entry.s, starts);
    entry.cost = cost_of(instance, entry.s, starts);
  }
  entry.total = entry.cost.total();
  entry.leaves_later = false;
}

// Steps 1 and 2 of the header rest on these numbers. `t` is the route's own schedule before any delay.
void FleetIndex::State::describe_gaps(Entry& entry, Starts const& t) {
  VehicleUse const& use = instance.vehicles[static_cast<std::size_t>(entry.s.vehicle)];
  std::vector<Position> const& at = entry.s.at;
  std::size_t const n = at.size();
  entry.gaps.assign(n + 1, {});
  entry.start.resize(n);
  entry.late = entry.excess = 0;

  // Forward: where the vehicle comes from, when it is free at the earliest, who is on board.
  Gap here;
  here.from = use.start;
  here.free = use.earliest;
  for (std::int32_t rider : use.on_board) {
    Request const& request = instance.requests[static_cast<std::size_t>(rider)];
    here.load += request.seats;
    here.alone += request.exclusive ? 1 : 0;
    ++here.riders;
  }
  Ticks leave_limit = forever;  // by stops before the last gap that nothing behind it can move
  Ticks leave_limit_pending = forever;
  std::int32_t limits = 0;  // ride limits of those on board
  for (std::size_t k = 0; k <= n; ++k) {
    here.limited = limits > 0 || use.max_duration < forever;
    if (!here.limited) leave_limit = leave_limit_pending;
    here.leave_limit = leave_limit;
    entry.gaps[k] = here;
    if (k == n) break;
    Position const& stop = at[k];
    Ticks const arrive = here.free + stop.leg.seconds;
    entry.start[k] = std::max(stop.earliest, arrive);
    entry.late += late_cost(stop, entry.start[k]);
    here.path += stop.leg.seconds;
    Ticks due = std::max(stop.due, t.start[k]);
    if (stop.promised < forever) due = std::min(due, std::max(stop.promised + stop.promise_slack, t.start[k]));
    leave_limit_pending = std::min(leave_limit_pending, std::min(due, stop.latest) - here.path);
    here.path += stop.service;
    here.free = entry.start[k] + stop.service;
    if (stop.place != no_place) here.from = stop.place;
    if (stop.kind == NodeKind::rest) continue;
    Request const& request =
        instance.requests[static_cast<std::size_t>(instance.nodes[static_cast<std::size_t>(stop.node)].request)];
    if (stop.kind == NodeKind::pickup) {
      here.load += request.seats;
      here.alone += request.exclusive ? 1 : 0;
      ++here.riders;
      limits += stop.max_ride < forever ? 1 : 0;
    } else {
      here.load -= request.seats;
      here.alone -= request.exclusive ? 1 : 0;
      --here.riders;
      if (stop.partner >= 0) limits -= stop.max_ride < forever ? 1 : 0;
    }
  }

  // Backward: where it goes and until when it must be there. Of a rest, only the relaxed limit is sure: the leg behind
  // it starts wherever the stop before it is.
  Gap behind;
  behind.to = use.end;
  behind.to_hour = use.end_hour;
  behind.leg = entry.s.way_back;
  behind.reach = behind.relaxed = use.latest;
  for (std::size_t k = n + 1; k-- > 0;) {
    Gap& gap = entry.gaps[k];
    gap.to = behind.to;
    gap.to_hour = behind.to_hour;
    gap.before_rest = behind.before_rest;
    gap.leg = behind.leg;
    gap.reach = behind.reach;
    gap.relaxed = behind.relaxed;
    if (k == 0) break;
    Position const& stop = at[k - 1];
    Ticks const onward = k == n ? entry.s.way_back.seconds : at[k].leg.seconds;
    Ticks const shortcut = gap.before_rest ? gap.relaxed : gap.reach;
    behind.relaxed = std::min(stop.latest, std::max(gap.relaxed - onward, shortcut) - stop.service);
    behind.reach = std::min(stop.latest, gap.reach - onward - stop.service);
    behind.before_rest = stop.kind == NodeKind::rest;
    if (stop.place == no_place) continue;
    behind.to = stop.place;
    behind.to_hour = stop.hour;
    behind.leg = stop.leg;
  }

  // Shortest rides, and what each gap's riders would pay for a detour.
  for (std::size_t k = 0; k < n; ++k) {
    Position const& stop = at[k];
    if (stop.kind != NodeKind::dropoff || stop.excess_rate == 0) continue;
    std::size_t const first = stop.partner < 0 ? 0 : static_cast<std::size_t>(stop.partner) + 1;
    Ticks const boarded = stop.partner < 0 ? stop.boarded - use.earliest : entry.gaps[first].path;
    Ticks const over = entry.gaps[k].path + stop.leg.seconds - boarded - stop.direct;
    entry.excess += std::max<Ticks>(0, over) * stop.excess_rate;
    for (std::size_t g = first; g <= k; ++g) {
      entry.gaps[g].rate += stop.excess_rate;
      if (over >= 0) entry.gaps[g].sure_rate += stop.excess_rate;
    }
  }
  entry.path = here.path + entry.s.way_back.seconds;
  entry.back = here.free + entry.s.way_back.seconds;
  entry.metres = entry.s.way_back.metres;
  for (Position const& stop : at) entry.metres += stop.leg.metres;
}

// Steps 1 and 2 for one vehicle.
void FleetIndex::State::propose(std::int32_t vehicle, Wanted const& asked) {
  Entry& entry = entries[static_cast<std::size_t>(vehicle)];
  VehicleUse const& use = instance.vehicles[static_cast<std::size_t>(vehicle)];
  Request const& wanted = asked.request;
  Position const &pickup = asked.pickup, &dropoff = asked.dropoff;
  Leg const& direct = asked.direct;
  TravelTimes const& times = *instance.times;

  // Step 1: the gaps before which the vehicle is free early enough and behind which it need not be too early. Who
  // leaves later than is written down is free later, too: what is ruled out stays so.
  auto const locked = static_cast<std::ptrdiff_t>(use.locked.size());
  auto const too_early = [&](Gap const& gap) { return gap.relaxed < pickup.earliest + pickup.service; };
  auto const in_time = [&](Gap const& gap) { return gap.free <= pickup.latest; };
  auto first = entry.gaps.begin() + locked;
  if (too_early(entry.gaps.back()) || !in_time(*first)) return;
  first = std::partition_point(first, entry.gaps.end(), too_early);
  if (!in_time(*first)) return;
  Money const price = instance.on_vehicle(asked.number, vehicle);
  if (price >= impossible || !std::any_of(use.layouts.begin(), use.layouts.end(),
                                          [&](Seats const& layout) { return wanted.seats.fits(layout); })) {
    return;
  }
  if (entry.leaves_later) {
    schedule(entry);
    first = std::partition_point(entry.gaps.begin() + locked, entry.gaps.end(), too_early);
  }
  auto const last = std::partition_point(first, entry.gaps.end(), in_time);
  if (first == last) return;
  ++work.vehicles;
  Money const fixed = entry.s.matching + price;

  for (auto gap = first; gap != last; ++gap) {
    Leg const there = times.leg(gap->from, pickup.place, pickup.hour);
    Ticks const boards = std::max(pickup.earliest, gap->free + there.seconds);
    if (boards > pickup.latest || !joins(*gap, wanted, use)) continue;
    auto const i = static_cast<std::size_t>(gap - entry.gaps.begin());
    Money const late = late_cost(pickup, boards);
    Ticks out = boards + pickup.service;

    auto const consider = [&](std::size_t j, Ticks alights, Leg const& onward, Ticks ride, Change change) {
      if (alights > dropoff.latest || ride > wanted.max_ride) return;
      Ticks const free = alights + dropoff.service;
      Gap const& behind = entry.gaps[j];
      if (behind.before_rest ? free > behind.relaxed : free + onward.seconds > behind.reach) return;
      ++work.bounded;
      change.late += late + late_cost(dropoff, alights);
      change.excess += std::max<Ticks>(0, ride - wanted.direct) * wanted.excess_rate;
      change.back = follow(entry, j, free, onward.seconds, change.late);
      candidates.push_back({fixed + lower_bound(instance, entry, *gap, change), vehicle, static_cast<std::int32_t>(i),
                            static_cast<std::int32_t>(j) + 1});
    };
    auto const from_dropoff = [&](Gap const& behind) {
      return behind.to == no_place ? Leg{} : times.leg(dropoff.place, behind.to, behind.to_hour);
    };

    // The drop-off right behind the pickup.
    {
      Leg const onward = from_dropoff(*gap);
      Change change;
      change.metres = there.metres + direct.metres + onward.metres - gap->leg.metres;
      change.path =
          there.seconds + pickup.service + direct.seconds + dropoff.service + onward.seconds - gap->leg.seconds;
      change.excess = excess_of(*gap, change.path, *gap, 0);
      consider(i, std::max(dropoff.earliest, out + direct.seconds), onward, direct.seconds, change);
    }
    // Or behind more and more of the stops that follow, while the rider may still be on board.
    if (gap->before_rest || i + 1 == entry.gaps.size()) continue;
    Leg const away = times.leg(pickup.place, gap->to, gap->to_hour);
    Ticks const longer = there.seconds + pickup.service + away.seconds - gap->leg.seconds;
    Money later = 0;
    Ticks ride = away.seconds;
    out += away.seconds;
    for (std::size_t k = i; k + 1 < entry.gaps.size(); ++k) {
      // Position k: reached in time, and left with the rider on board?
      Position const& stop = entry.s.at[k];
      Gap const& behind = entry.gaps[k + 1];
      if (stop.kind == NodeKind::rest || out > entry.gaps[k].relaxed || !joins(behind, wanted, use)) break;
      Ticks const start = std::max(stop.earliest, out);
      later += late_cost(stop, start) - late_cost(stop, entry.start[k]);
      out = start + stop.service;
      ride += stop.service;
      if (out > dropoff.latest || ride > wanted.max_ride) break;
      Leg const here = times.leg(behind.from, dropoff.place, dropoff.hour);
      Leg const onward = from_dropoff(behind);
      Ticks const longer_here = here.seconds + dropoff.service + onward.seconds - behind.leg.seconds;
      Change change;
      change.metres = there.metres + away.metres - gap->leg.metres + here.metres + onward.metres - behind.leg.metres;
      change.path = longer + longer_here;
      change.late = later;
      change.excess = excess_of(*gap, longer, behind, longer_here);
      consider(k + 1, std::max(dropoff.earliest, out + here.seconds), onward, ride + here.seconds, change);
      if (k + 1 == entry.s.at.size()) break;
      out += entry.s.at[k + 1].leg.seconds;
      ride += entry.s.at[k + 1].leg.seconds;
    }
  }
}

Money FleetIndex::State::price(Candidate const& candidate, std::int32_t request) {
  Entry const& entry = entries[static_cast<std::size_t>(candidate.vehicle)];
  ++work.evaluated;
  insert(instance, entry.s, request, static_cast<std::size_t>(candidate.pickup_at),
         static_cast<std::size_t>(candidate.dropoff_at), sequence);
  if (earliest_starts(instance, sequence, starts).violation != Violation::none) return impossible;
  delay_for_nothing(instance, sequence, starts);
  Money const cost = cost_of(instance, sequence, starts).total() - entry.total + entry.load;
  REGULUS_CHECK(candidate.bound <= cost);
  return cost;
}

std::vector<Insertion> FleetIndex::best_of_each(std::int32_t request, std::size_t count) {
  State& state = *state_;
  state.work = {};
  state.candidates.clear();
  Request const& wanted = state.instance.requests[static_cast<std::size_t>(request)];
  Position const pickup = position_of(state.instance, wanted.pickup);
  Position const dropoff = position_of(state.instance, wanted.dropoff);
  Wanted const asked{request, wanted, pickup, dropoff,
                     state.instance.times->leg(pickup.place, dropoff.place, dropoff.hour)};
  for (std::int32_t v : state.members) state.propose(v, asked);
  // Step 3.
  std::vector<Insertion> best;  // one of each vehicle, cheapest first
  std::make_heap(state.candidates.begin(), state.candidates.end());
  while (!state.candidates.empty() && count > 0) {
    Candidate const candidate = state.candidates.front();
    if (best.size() >= count && candidate.bound > best[count - 1].cost) break;
    std::pop_heap(state.candidates.begin(), state.candidates.end());
    state.candidates.pop_back();
    auto known =
        std::find_if(best.begin(), best.end(), [&](Insertion const& b) { return b.vehicle == candidate.vehicle; });
    if (known != best.end() && candidate.bound > known->cost) continue;
    Insertion const found{candidate.vehicle, candidate.pickup_at, candidate.dropoff_at,
                          state.price(candidate, request)};
    if (found.cost >= impossible || (known != best.end() && !cheaper(found, *known))) continue;
    if (known != best.end()) best.erase(known);
    best.insert(std::upper_bound(best.begin(), best.end(), found, cheaper), found);
  }
  if (best.size() > count) best.resize(count);
  return best;
}

std::optional<Insertion> FleetIndex::best(std::int32_t request) {
  std::vector<Insertion> const found = best_of_each(request, 1);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

FleetIndex::FleetIndex(Instance const& instance)
    : state_(std::make_unique<State>(State{instance, {}, {}, {}, {}, {}, {}})) {}
FleetIndex::~FleetIndex() = default;
FleetIndex::FleetIndex(FleetIndex&&) noexcept = default;

void FleetIndex::set_route(std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  auto const v = static_cast<std::size_t>(vehicle);
  if (v >= state_->entries.size()) state_->entries.resize(v + 1);
  Instance const& instance = state_->instance;
  VehicleUse const& use = instance.vehicles[v];
  Entry& entry = state_->entries[v];
  if (!entry.set) state_->members.insert(std::ranges::lower_bound(state_->members, vehicle), vehicle);
  entry.set = true;
  entry.nodes.assign(nodes.begin(), nodes.end());
  REGULUS_CHECK(spell_out(instance, vehicle, nodes, entry.s).violation == Violation::none);
  state_->schedule(entry);
  std::int64_t trips = use.trips;
  for (Position const& at : entry.s.at) trips += at.kind == NodeKind::pickup ? 1 : 0;
  entry.load = instance.load_weight * (2 * trips + 1);
}

void FleetIndex::forget(std::int32_t vehicle) {
  auto const v = static_cast<std::size_t>(vehicle);
  if (v >= state_->entries.size() || !state_->entries[v].set) return;
  state_->entries[v].set = false;
  state_->members.erase(std::ranges::lower_bound(state_->members, vehicle));
}

void FleetIndex::leaves_later(std::int32_t vehicle) {
  state_->entries[static_cast<std::size_t>(vehicle)].leaves_later = true;
}

std::span<std::int32_t const> FleetIndex::route(std::int32_t vehicle) const {
  return state_->entries[static_cast<std::size_t>(vehicle)].nodes;
}
RouteCost const& FleetIndex::cost(std::int32_t vehicle) const {
  Entry& entry = state_->entries[static_cast<std::size_t>(vehicle)];
  if (entry.leaves_later) state_->schedule(entry);
  return entry.cost;
}
FleetIndex::Work const& FleetIndex::work() const { return state_->work; }

}  // namespace regulus::schedule
