#include "schedule/tour.h"

#include <algorithm>

namespace regulus::schedule {

namespace {

constexpr Ticks long_ago = -forever;

bool overlook(Rng* blink) { return blink != nullptr && blink->below(8) == 0; }

}  // namespace

Tour::Tour(Compiled const& compiled, std::int32_t vehicle) : compiled_(&compiled), vehicle_(vehicle) {}

bool Tour::fits(Seats const& load) const {
  for (Seats const& layout : compiled_->vehicle(vehicle_).layouts) {
    if (load.fits(layout)) return true;
  }
  return false;
}

bool Tour::assign(std::span<std::int32_t const> nodes, Workspace& work) {
  Compiled const& c = *compiled_;
  VehicleUse const& use = c.vehicle(vehicle_);
  nodes_.assign(nodes.begin(), nodes.end());
  std::size_t const n = nodes.size();
  at_.resize(n + 2);
  metres_ = matching_ = 0;
  trips_ = use.trips;
  used_ = use.started;
  limits_ = use.max_duration < forever;
  hash_ = mix(0x70757273, static_cast<std::uint64_t>(vehicle_));

  Visit first;
  first.site = c.start_site(vehicle_);
  first.open = use.earliest;
  first.close = use.started ? use.earliest : forever;
  for (std::int32_t const rider : use.on_board) {
    Request const& request = c.request(rider);
    first.load += request.seats;
    ++first.riders;
    if (request.exclusive) ++first.alone;
  }
  at_[0] = first;
  for (std::size_t k = 1; k <= n; ++k) {
    std::int32_t const node = nodes[k - 1];
    CompiledStop const& stop = c.stop(node);
    Visit& before = at_[k - 1];
    Visit& p = at_[k];
    hash_ = mix(hash_, static_cast<std::uint64_t>(node));
    p.node = node;
    p.open = stop.earliest;
    p.close = stop.latest;
    p.service = stop.service;
    p.partner = -1;
    p.longest = forever;
    p.load = before.load;
    p.riders = before.riders;
    p.alone = before.alone;
    p.site = before.site;
    before.step = before.service;
    before.leg_metres = 0;
    if (stop.kind == NodeKind::rest) continue;
    Compiled::Step const leg = c.leg(before.site, node);
    before.step += leg.ticks;
    before.leg_metres = leg.metres;
    metres_ += leg.metres;
    p.site = stop.site;
    used_ = true;
    std::int16_t const alone = stop.exclusive ? 1 : 0;
    if (stop.kind == NodeKind::pickup) {
      ++trips_;
      matching_ += c.instance().on_vehicle(stop.request, vehicle_);
      p.load += stop.seats;
      ++p.riders;
      p.alone = static_cast<std::int16_t>(p.alone + alone);
      work.position_[static_cast<std::size_t>(node)] = static_cast<std::int32_t>(k);
    } else {
      p.load -= stop.seats;
      --p.riders;
      p.alone = static_cast<std::int16_t>(p.alone - alone);
      if (stop.limited) {
        p.partner = work.position_[static_cast<std::size_t>(stop.partner)];
        p.longest = stop.max_ride + at_[static_cast<std::size_t>(p.partner)].service;
        limits_ = true;
      }
    }
  }
  Compiled::Step const home = c.leg_home(at_[n].site, vehicle_);
  at_[n].step = at_[n].service + home.ticks;
  at_[n].leg_metres = home.metres;
  metres_ += home.metres;
  Visit last;
  last.site = at_[n].site;
  last.open = long_ago;
  last.close = use.latest;
  if (use.max_duration < forever) {
    last.partner = 0;
    last.longest = use.max_duration;
  }
  at_[n + 1] = last;

  // A rest is taken where the vehicle is, so that a stop before it shortens or lengthens the leg behind it: no bound
  // holds across one.
  whole_ = c.pure() && use.rests.empty();
  open_ = true;
  if (whole_) {
    open_ = bound_whole_system();
  } else {
    bound_by_windows();
  }
  if (!used_) {
    cost_ = 0;
    return true;
  }
  if (whole_) {
    cost_ = use.fixed + metres_ * c.instance().per_metre + matching_;
    return open_;
  }
  cost_ = work.price(vehicle_, nodes_);
  return cost_ < impossible;
}

bool Tour::bound_whole_system() {
  std::size_t const end = at_.size() - 1;
  std::size_t const passes = end / 2 + 2;
  for (Visit& p : at_) {
    p.early = p.open;
    p.late = p.close;
  }
  for (std::size_t pass = 0;; ++pass) {
    bool lifted = false;
    for (std::size_t k = 1; k <= end; ++k) {
      Visit& p = at_[k];
      p.early = std::max(p.early, at_[k - 1].early + at_[k - 1].step);
      if (p.early > p.close) return false;
      if (p.partner < 0) continue;
      Visit& pickup = at_[static_cast<std::size_t>(p.partner)];
      if (pickup.early >= p.early - p.longest) continue;
      pickup.early = p.early - p.longest;
      if (pickup.early > pickup.close) return false;
      lifted = true;
    }
    if (!lifted) break;
    if (pass > passes) return false;
  }
  for (bool lowered = true; lowered;) {
    lowered = false;
    for (std::size_t k = end; k-- > 0;) at_[k].late = std::min(at_[k].late, at_[k + 1].late - at_[k].step);
    if (!limits_) break;
    for (std::size_t k = 1; k <= end; ++k) {
      Visit& p = at_[k];
      if (p.partner < 0) continue;
      Ticks const bound = at_[static_cast<std::size_t>(p.partner)].late + p.longest;
      if (p.late <= bound) continue;
      p.late = bound;
      lowered = true;
    }
  }
  return true;
}

void Tour::bound_by_windows() {
  Compiled const& c = *compiled_;
  std::size_t const end = at_.size() - 1;
  at_[0].early = at_[0].open;
  at_[0].ahead = 0;
  at_[0].leave_by = at_[0].close;
  at_[0].late_cost = 0;
  for (std::size_t k = 1; k <= end; ++k) {
    Visit const& before = at_[k - 1];
    Visit& p = at_[k];
    p.early = std::max(p.open, before.early + before.step);
    p.ahead = before.ahead + before.step;
    p.leave_by = std::min(before.leave_by, p.close - p.ahead);
    p.late_cost = before.late_cost;
    if (p.node < 0) continue;
    CompiledStop const& stop = c.stop(p.node);
    p.late_cost += std::max<Ticks>(0, p.early - stop.due) * stop.late_rate;
  }
  at_[end].late = at_[end].close;
  at_[end].tail = 0;
  at_[end].tail_base = long_ago;
  for (std::size_t k = end; k-- > 0;) {
    Visit const& after = at_[k + 1];
    Visit& p = at_[k];
    p.late = std::min(p.close, after.late - p.step);
    p.tail = p.step + after.tail;
    p.tail_base = std::max(after.tail_base, after.open + after.tail);
  }
}

Insertion Tour::best_insertion(std::int32_t request, Workspace& work, Rng* blink) const {
  Insertion none{.vehicle = vehicle_};
  if (!open_ || compiled_->instance().on_vehicle(request, vehicle_) >= impossible) return none;
  return whole_ ? best_pure(request, work, blink) : best_priced(request, work, blink);
}

Insertion Tour::best_pure(std::int32_t request, Workspace& work, Rng* blink) const {
  Compiled const& c = *compiled_;
  Instance const& instance = c.instance();
  VehicleUse const& use = c.vehicle(vehicle_);
  std::int32_t const pickup = c.request(request).pickup, dropoff = c.request(request).dropoff;
  CompiledStop const& p = c.stop(pickup);
  CompiledStop const& d = c.stop(dropoff);
  std::size_t const end = at_.size() - 1;
  bool const exact_test = limits_ || d.limited;
  Compiled::Step const ride = c.leg(p.site, dropoff);
  Ticks const longest = d.limited ? p.service + d.max_ride : forever;

  std::int64_t best = std::int64_t{1} << 50;
  std::size_t best_i = 0, best_j = 0;
  bool found = false;
  for (std::size_t i = use.locked.size(); i < end; ++i) {
    // Step 1. The pickup between positions i and i + 1.
    Visit const& before = at_[i];
    Visit const& after = at_[i + 1];
    Compiled::Step const come = c.leg(before.site, pickup);
    Ticks const reached = before.early + before.service + come.ticks;
    if (reached > p.latest) break;
    Ticks const start = std::max(p.earliest, reached);
    Ticks const leave = start + p.service;
    Compiled::Step const on = after.node < 0 ? c.leg_home(p.site, vehicle_) : c.leg(p.site, after.node);
    if (leave + on.ticks > after.late) continue;
    Seats load = before.load;
    load += p.seats;
    if (before.alone > 0 || (p.exclusive && before.riders > 0) || !fits(load)) continue;

    // Step 2. The drop-off right behind it.
    if (Ticks const drop = std::max(d.earliest, leave + ride.ticks); drop <= d.latest) {
      Compiled::Step const away = after.node < 0 ? c.leg_home(d.site, vehicle_) : c.leg(d.site, after.node);
      std::int64_t const metres = std::int64_t{come.metres} + ride.metres + away.metres - before.leg_metres;
      if (metres < best && !overlook(blink) && drop + d.service + away.ticks <= after.late &&
          (!exact_test || still_feasible(pickup, dropoff, i, i, work))) {
        best = metres;
        best_i = best_j = i;
        found = true;
      }
    }
    // Step 3. The drop-off further on, carrying the rider past one position after the other.
    if (p.exclusive) continue;
    std::int64_t const pickup_metres = std::int64_t{come.metres} + on.metres - before.leg_metres;
    Ticks const latest_pickup = std::min(p.latest, after.late - on.ticks - p.service);
    Ticks reach = leave + on.ticks;
    for (std::size_t j = i + 1; j < end; ++j) {
      Visit const& past = at_[j];
      CompiledStop const& stop = c.stop(past.node);
      if (past.alone > 0 || stop.exclusive) break;
      Seats with = past.load;
      with += p.seats;
      if (!fits(with)) break;
      Ticks const there = std::max(past.early, reach);
      if (there > past.late) break;
      Compiled::Step const last = c.leg(past.site, dropoff);
      Ticks const drop = std::max(d.earliest, there + past.service + last.ticks);
      if (drop > d.latest || drop - latest_pickup > longest) break;
      reach = there + past.step;
      Visit const& then = at_[j + 1];
      Compiled::Step const away = then.node < 0 ? c.leg_home(d.site, vehicle_) : c.leg(d.site, then.node);
      std::int64_t const metres = pickup_metres + last.metres + away.metres - past.leg_metres;
      if (metres >= best || overlook(blink) || drop + d.service + away.ticks > then.late) continue;
      if (exact_test && !still_feasible(pickup, dropoff, i, j, work)) continue;
      best = metres;
      best_i = i;
      best_j = j;
      found = true;
    }
  }
  Insertion answer{.vehicle = vehicle_};
  if (!found) return answer;
  answer.pickup_at = static_cast<std::int32_t>(best_i);
  answer.dropoff_at = static_cast<std::int32_t>(best_j + 1);
  Money const opening = used_ ? 0 : use.fixed + metres_ * instance.per_metre;
  answer.cost = opening + best * instance.per_metre + instance.on_vehicle(request, vehicle_) +
                instance.load_weight * (2 * trips_ + 1);
  return answer;
}

bool Tour::still_feasible(std::int32_t pickup, std::int32_t dropoff, std::size_t i, std::size_t j,
                          Workspace& work) const {
  Compiled const& c = *compiled_;
  CompiledStop const& p = c.stop(pickup);
  CompiledStop const& d = c.stop(dropoff);
  std::size_t const size = at_.size() + 2;
  auto& m = work.moving_;
  m.resize(size);
  // Step 1. The new sequence, at the earliest starts of the old one.
  auto const place = [&](std::size_t k) { return k <= i ? k : (k <= j ? k + 1 : k + 2); };
  for (std::size_t k = 0; k < at_.size(); ++k) {
    Visit const& o = at_[k];
    m[place(k)] = {o.early, o.late, o.step, o.longest,
                   o.partner < 0 ? -1 : static_cast<std::int32_t>(place(static_cast<std::size_t>(o.partner)))};
  }
  std::size_t const at_p = i + 1, at_d = j + 2;
  m[at_p] = {p.earliest, p.latest, p.service, forever, -1};
  m[at_d] = {d.earliest, d.latest, d.service, d.limited ? p.service + d.max_ride : forever,
             d.limited ? static_cast<std::int32_t>(at_p) : -1};
  m[i].step = at_[i].service + c.leg(at_[i].site, pickup).ticks;
  auto const leg_to = [&](std::int32_t site, std::size_t k) {
    return at_[k].node < 0 ? c.leg_home(site, vehicle_).ticks : c.leg(site, at_[k].node).ticks;
  };
  if (i == j) {
    m[at_p].step = p.service + c.leg(p.site, dropoff).ticks;
  } else {
    m[at_p].step = p.service + leg_to(p.site, i + 1);
    m[at_d - 1].step = at_[j].service + c.leg(at_[j].site, dropoff).ticks;
  }
  m[at_d].step = d.service + leg_to(d.site, j + 1);

  // Step 2. Push what must move; a ride that has become too long lifts its pickup, and the pushing begins again there.
  std::size_t from = at_p, look_until = at_d + 1;
  std::size_t const passes = size / 2 + 2;
  for (std::size_t pass = 0;; ++pass) {
    std::size_t next_from = size, next_until = 0;
    for (std::size_t k = from; k < size; ++k) {
      Ticks const reached = m[k - 1].start + m[k - 1].step;
      if (reached > m[k].start) {
        m[k].start = reached;
      } else if (k > look_until) {
        break;
      }
      if (m[k].start > m[k].latest) return false;
      if (m[k].partner < 0) continue;
      auto const up = static_cast<std::size_t>(m[k].partner);
      if (m[up].start >= m[k].start - m[k].longest) continue;
      m[up].start = m[k].start - m[k].longest;
      if (m[up].start > m[up].latest) return false;
      next_from = std::min(next_from, up + 1);
      next_until = std::max(next_until, up + 1);
    }
    if (next_from == size) return true;
    if (pass > passes) return false;
    from = next_from;
    look_until = next_until;
  }
}

Insertion Tour::best_priced(std::int32_t request, Workspace& work, Rng* blink) const {
  Compiled const& c = *compiled_;
  Instance const& instance = c.instance();
  VehicleUse const& use = c.vehicle(vehicle_);
  std::int32_t const pickup = c.request(request).pickup, dropoff = c.request(request).dropoff;
  CompiledStop const& p = c.stop(pickup);
  CompiledStop const& d = c.stop(dropoff);
  std::size_t const end = at_.size() - 1;
  Money const matching = instance.on_vehicle(request, vehicle_);
  Money const load_share = instance.load_weight * (2 * trips_ + 1);
  Money const base = use.fixed + matching_ + matching - cost_ + load_share;
  auto const is_rest = [&](std::size_t k) { return at_[k].node >= 0 && c.stop(at_[k].node).kind == NodeKind::rest; };
  auto const late = [](Ticks start, CompiledStop const& stop) {
    return std::max<Ticks>(0, start - stop.due) * stop.late_rate;
  };
  auto const leg_to = [&](std::int32_t site, std::size_t k) {
    while (is_rest(k)) ++k;
    return at_[k].node < 0 ? c.leg_home(site, vehicle_) : c.leg(site, at_[k].node);
  };

  // Step 1. Every pair of positions that windows, loads and rests allow, with a lower bound of its price.
  auto& candidates = work.candidates_;
  candidates.clear();
  auto const consider = [&](std::size_t i, std::size_t j, Ticks ahead, Ticks start, Ticks leave_by, Money late_cost,
                            std::int64_t metres, Ticks on_board) {
    if (start > d.latest || overlook(blink)) return;
    late_cost += late(start, d);
    leave_by = std::min(leave_by, d.latest - ahead);
    Compiled::Step const on = leg_to(d.site, j + 1);
    Visit const& next = at_[j + 1];
    std::size_t replaced = j + 1;
    while (is_rest(replaced)) ++replaced;
    metres += on.metres - at_[replaced - 1].leg_metres;
    // Behind a rest the legs have changed as well; then only what is certain is used.
    bool const rest = is_rest(j + 1);
    Ticks const reach = start + d.service + (rest ? 0 : on.ticks);
    Ticks const then = std::max(next.open, reach);
    if (then > (rest ? next.close : next.late)) return;
    Ticks back = then, path = ahead + d.service;
    if (!rest) {
      back = std::max(then + next.tail, next.tail_base);
      path += on.ticks + next.tail;
      if (next.node >= 0) late_cost += late(then, c.stop(next.node));
    }
    if (back > use.latest) return;
    Ticks const duty = use.started ? back - use.earliest : std::max(path, back - leave_by);
    Money const bound = base + metres * instance.per_metre + duty * use.per_tick +
                        std::max<Ticks>(0, back - use.overtime_after) * use.overtime_rate + late_cost +
                        std::max<Ticks>(0, on_board - d.direct) * d.excess_rate;
    candidates.push_back({bound, static_cast<std::int32_t>(i), static_cast<std::int32_t>(j + 1)});
  };
  Compiled::Step const ride = c.leg(p.site, dropoff);
  for (std::size_t i = use.locked.size(); i < end; ++i) {
    Visit const& before = at_[i];
    Compiled::Step const come = c.leg(before.site, pickup);
    Ticks const start = std::max(p.earliest, before.early + before.service + come.ticks);
    if (start > p.latest) continue;
    Seats load = before.load;
    load += p.seats;
    if (before.alone > 0 || (p.exclusive && before.riders > 0) || !fits(load)) continue;
    Ticks const ahead = before.ahead + before.service + come.ticks;
    Ticks leave_by = std::min(before.leave_by, p.latest - ahead);
    Money late_cost = before.late_cost + late(start, p);
    std::int64_t metres = metres_ + come.metres;
    consider(i, i, ahead + p.service + ride.ticks, std::max(d.earliest, start + p.service + ride.ticks), leave_by,
             late_cost, metres + ride.metres, ride.ticks);
    if (p.exclusive || is_rest(i + 1) || at_[i + 1].node < 0) continue;
    Compiled::Step leg = c.leg(p.site, at_[i + 1].node);
    metres += leg.metres - before.leg_metres;
    Ticks reach = start + p.service + leg.ticks;
    Ticks path = ahead + p.service + leg.ticks;
    for (std::size_t j = i + 1; j < end; ++j) {
      Visit const& past = at_[j];
      CompiledStop const& stop = c.stop(past.node);
      if (stop.kind == NodeKind::rest || past.alone > 0 || stop.exclusive) break;
      Seats with = past.load;
      with += p.seats;
      if (!fits(with)) break;
      Ticks const there = std::max(past.open, reach);
      if (there > past.close) break;
      leave_by = std::min(leave_by, past.close - path);
      late_cost += late(there, stop);
      leg = c.leg(past.site, dropoff);
      Ticks const at_drop = path + past.service + leg.ticks;
      Ticks const on_board = at_drop - ahead - p.service;
      if (on_board <= d.max_ride) {
        consider(i, j, at_drop, std::max(d.earliest, there + past.service + leg.ticks), leave_by, late_cost,
                 metres + leg.metres, on_board);
      }
      reach = there + past.step;
      path += past.step;
    }
  }

  // Step 2. Exact prices, while the bound can still win.
  std::ranges::sort(candidates, [](auto const& a, auto const& b) {
    if (a.bound != b.bound) return a.bound < b.bound;
    return a.pickup_at != b.pickup_at ? a.pickup_at < b.pickup_at : a.dropoff_at < b.dropoff_at;
  });
  Insertion best{.vehicle = vehicle_};
  for (auto const& candidate : candidates) {
    if (candidate.bound > best.cost) break;
    auto const i = static_cast<std::size_t>(candidate.pickup_at), j = static_cast<std::size_t>(candidate.dropoff_at);
    work.sequence_.assign(nodes_.begin(), nodes_.end());
    work.sequence_.insert(work.sequence_.begin() + static_cast<std::ptrdiff_t>(i), pickup);
    work.sequence_.insert(work.sequence_.begin() + static_cast<std::ptrdiff_t>(j), dropoff);
    Money const price = work.price(vehicle_, work.sequence_);
    if (price >= impossible) continue;
    Money const cost = price - cost_ + load_share;
    bool const earlier = candidate.pickup_at != best.pickup_at ? candidate.pickup_at < best.pickup_at
                                                               : candidate.dropoff_at < best.dropoff_at;
    if (cost < best.cost || (cost == best.cost && earlier)) {
      best = {vehicle_, candidate.pickup_at, candidate.dropoff_at, cost};
    }
  }
  return best;
}

Insertion Tour::best_position(std::int32_t node, Workspace& work) const {
  Insertion best{.vehicle = vehicle_};
  CompiledStop const& stop = compiled_->stop(node);
  // A rest stays between those before and after it.
  std::size_t from = compiled_->vehicle(vehicle_).locked.size(), to = nodes_.size();
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    CompiledStop const& other = compiled_->stop(nodes_[k]);
    if (stop.kind == NodeKind::rest && other.kind == NodeKind::rest) {
      if (other.request < stop.request) from = std::max(from, k + 1);
      if (other.request > stop.request) to = std::min(to, k);
    } else if (nodes_[k] == stop.partner) {
      from = std::max(from, k + 1);
    }
  }
  auto& sequence = work.sequence_;
  for (std::size_t k = from; k <= to; ++k) {
    sequence.assign(nodes_.begin(), nodes_.end());
    sequence.insert(sequence.begin() + static_cast<std::ptrdiff_t>(k), node);
    if (!work.obeys_loads(vehicle_, sequence)) continue;
    Money const price = work.price(vehicle_, sequence);
    if (price >= impossible) continue;
    Money const cost = price - cost_;
    if (cost < best.cost) best = {vehicle_, -1, static_cast<std::int32_t>(k), cost};
  }
  return best;
}

}  // namespace regulus::schedule
