// The reference's schedule and price of a sequence (route.cpp), on arrays that are kept.
#include <algorithm>

#include "schedule/tour.h"

namespace regulus::schedule {

namespace {

constexpr std::size_t departure = static_cast<std::size_t>(-1);

}  // namespace

Workspace::Workspace(Compiled const& compiled) : compiled_(&compiled) {
  position_.resize(static_cast<std::size_t>(compiled.nodes()), -1);
}

Ticks Workspace::back() const {
  return timed_.empty() ? leave_ + first_leg_ : timed_.back().start + timed_.back().step;
}

void Workspace::push(std::size_t from) {
  Ticks arrive = arrival(from);
  for (std::size_t k = from; k < timed_.size(); ++k) {
    Timed& t = timed_[k];
    if (arrive > t.start) t.start = arrive;
    arrive = t.start + t.step;
  }
}

bool Workspace::earliest_schedule(VehicleUse const& use) {
  std::size_t const n = timed_.size();
  std::size_t const limits = n / 2 + 2;
  for (std::size_t pass = 0;; ++pass) {
    push(0);
    for (Timed const& t : timed_) {
      if (t.start > t.latest) return false;
    }
    Ticks const end = back();
    if (end > use.latest) return false;
    bool moved = false;
    for (std::size_t k = n; k-- > 0;) {
      Timed const& t = timed_[k];
      if (t.partner < 0 || t.stop->max_ride >= forever) continue;
      Timed& pickup = timed_[static_cast<std::size_t>(t.partner)];
      Ticks const needed = t.start - t.stop->max_ride - pickup.stop->service;
      if (pickup.start < needed) {
        pickup.start = needed;
        moved = true;
      }
    }
    if (use.max_duration < forever && end - leave_ > use.max_duration) {
      if (use.started) return false;
      leave_ = end - use.max_duration;
      moved = true;
    }
    if (!moved) return true;
    if (pass > limits) return false;
  }
}

Ticks Workspace::slack_after(VehicleUse const& use, std::size_t k, Ticks& idle) const {
  Ticks waited = 0, slack = forever;
  std::size_t const first = k == departure ? 0 : k;
  for (std::size_t j = first; j < timed_.size(); ++j) {
    Timed const& t = timed_[j];
    if (j != k) waited += t.start - arrival(j);
    CompiledStop const& stop = *t.stop;
    Ticks bound = std::min(t.latest, std::max(stop.due, t.start));
    if (stop.promised < forever) bound = std::min(bound, std::max(stop.promised + stop.promise_slack, t.start));
    if (stop.kind == NodeKind::dropoff) {
      bool const on_board = stop.partner < 0;
      if (k != departure && (on_board || static_cast<std::size_t>(t.partner) < k)) {
        Ticks boarded = stop.boarded;
        if (!on_board) {
          Timed const& pickup = timed_[static_cast<std::size_t>(t.partner)];
          boarded = pickup.start + pickup.stop->service;
        }
        if (stop.max_ride < forever) bound = std::min(bound, boarded + stop.max_ride);
        if (stop.excess_rate > 0) bound = std::min(bound, std::max(boarded + stop.direct, t.start));
      } else if (on_board && stop.excess_rate > 0) {
        bound = std::min(bound, std::max(stop.boarded + stop.direct, t.start));
      }
    }
    slack = std::min(slack, waited + bound - t.start);
    if (slack <= 0) return 0;
  }
  Ticks const end = back();
  slack = std::min(slack, waited + std::min(use.latest, std::max(use.overtime_after, end)) - end);
  if (k != departure && use.max_duration < forever) {
    slack = std::min(slack, waited + leave_ + use.max_duration - end);
  }
  idle = waited;
  return slack;
}

void Workspace::compress(VehicleUse const& use) {
  Ticks idle = 0;
  if (!use.started) {
    Ticks const slack = slack_after(use, departure, idle);
    Ticks const delay = std::min(slack, idle);
    if (delay > 0) {
      leave_ += delay;
      push(0);
    }
  }
  // A pickup moves only to use up waiting after it, or towards its promise: after the last wait most need no look.
  std::size_t last_wait = timed_.size();
  while (last_wait > 0 && timed_[last_wait - 1].start == arrival(last_wait - 1)) --last_wait;
  for (std::size_t k = 0; k < timed_.size(); ++k) {
    CompiledStop const& stop = *timed_[k].stop;
    if (stop.kind != NodeKind::pickup) continue;
    if (k + 1 >= last_wait && stop.promised >= forever) continue;
    Ticks const slack = slack_after(use, k, idle);
    if (slack <= 0) continue;
    Ticks wanted = idle;
    if (stop.promised < forever) wanted = std::max(wanted, stop.promised - stop.promise_slack - timed_[k].start);
    Ticks const delay = std::min(slack, wanted);
    if (delay <= 0) continue;
    timed_[k].start += delay;
    if (k + 1 < timed_.size()) push(k + 1);
  }
}

Money Workspace::price(std::int32_t vehicle, std::span<std::int32_t const> nodes) {
  Compiled const& c = *compiled_;
  VehicleUse const& use = c.vehicle(vehicle);
  std::size_t const n = nodes.size();
  timed_.resize(n);
  leave_ = use.earliest;
  std::int32_t here = c.start_site(vehicle);
  std::int64_t metres = 0;
  bool used = use.started;
  for (std::size_t k = 0; k < n; ++k) {
    CompiledStop const& stop = c.stop(nodes[k]);
    Timed& t = timed_[k];
    t.stop = &stop;
    t.partner = -1;
    t.start = stop.earliest;
    t.latest = stop.latest;
    t.step = stop.service;
    Compiled::Step leg;
    if (stop.site >= 0) {
      leg = c.leg(here, nodes[k]);
      here = stop.site;
    }
    metres += leg.metres;
    if (k == 0) {
      first_leg_ = leg.ticks;
    } else {
      timed_[k - 1].step += leg.ticks;
    }
    used = used || stop.kind != NodeKind::rest;
    if (stop.kind == NodeKind::pickup) {
      position_[static_cast<std::size_t>(nodes[k])] = static_cast<std::int32_t>(k);
    } else if (stop.kind == NodeKind::dropoff && stop.partner >= 0) {
      t.partner = position_[static_cast<std::size_t>(stop.partner)];
    }
  }
  if (!used) return 0;
  Compiled::Step const home = c.leg_home(here, vehicle);
  metres += home.metres;
  if (n == 0) {
    first_leg_ = home.ticks;
  } else {
    timed_[n - 1].step += home.ticks;
  }
  if (!earliest_schedule(use)) return impossible;
  Money cost = metres * c.instance().per_metre + use.fixed;
  if (!c.pure()) {
    compress(use);
    cost += (back() - leave_) * use.per_tick + std::max<Ticks>(0, back() - use.overtime_after) * use.overtime_rate;
  }
  for (Timed const& t : timed_) {
    CompiledStop const& stop = *t.stop;
    if (stop.kind == NodeKind::pickup) cost += c.instance().on_vehicle(stop.request, vehicle);
    if (c.pure()) continue;
    cost += std::max<Ticks>(0, t.start - stop.due) * stop.late_rate;
    if (stop.promised < forever) {
      Ticks const moved = std::max(t.start - stop.promised, stop.promised - t.start) - stop.promise_slack;
      cost += std::max<Ticks>(0, moved) * stop.promise_rate;
    }
    if (stop.kind != NodeKind::dropoff) continue;
    Ticks boarded = stop.boarded;
    if (stop.partner >= 0) {
      Timed const& pickup = timed_[static_cast<std::size_t>(t.partner)];
      boarded = pickup.start + pickup.stop->service;
    }
    cost += std::max<Ticks>(0, t.start - boarded - stop.direct) * stop.excess_rate;
  }
  return cost;
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
