#include "dispatch/policy_memo.h"

#include <algorithm>

#include "core/check.h"
#include "dispatch/policy_append.h"

namespace regulus::dispatch {

namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

std::vector<std::int32_t> everybody_of(FleetSnapshot const& fleet) {
  std::vector<std::int32_t> drivers(fleet.drivers.size());
  for (std::size_t d = 0; d < drivers.size(); ++d) drivers[d] = static_cast<std::int32_t>(d);
  return drivers;
}

}  // namespace

LiveQuestion::LiveQuestion(Situation const& situation) : day_(situation.fleet.day) {
  translation_.emplace(situation, everybody_of(situation.fleet), Translation::Prices::of_offers);
  everybody_.emplace(translation_->question().instance);
  changed_.emplace(translation_->question().instance);
  written_.resize(situation.fleet.drivers.size());
  refused_.resize(situation.fleet.bookings.size());
}

LiveQuestion& LiveQuestion::of(Situation const& situation, std::unique_ptr<Memo>& fresh) {
  std::unique_ptr<Memo>& place = situation.memo != nullptr ? *situation.memo : fresh;
  auto* live = dynamic_cast<LiveQuestion*>(place.get());
  if (live == nullptr || live->day_ != situation.fleet.day) {
    place = std::make_unique<LiveQuestion>(situation);
    live = static_cast<LiveQuestion*>(place.get());
  }
  live->update(situation);
  return *live;
}

LiveQuestion::Passenger LiveQuestion::passenger(Situation const& situation, std::int32_t booking) {
  BookingState const& state = situation.fleet.bookings[at(booking)];
  return {booking, state.promised_driver, state.promised_pickup, state.pickup_window, state.dropoff_window};
}

void LiveQuestion::update(Situation const& situation) {
  ++updates_;
  Question& question = translation_->question();
  question.instance.times = &situation.times;
  translation_->price_partner(situation);
  for (std::int32_t v : changes_) changed_->forget(v);
  changes_.clear();

  Seconds const first_offer = first_opening(situation, situation.fleet.undecided);
  auto const count = static_cast<std::int32_t>(written_.size());
  std::vector<std::pair<std::int32_t, Since>> stale;
  for (std::int32_t v = 0; v < count; ++v) {
    Since const since = since_written(situation, v, first_offer);
    if (since == Since::same) continue;
    if (since == Since::later && written_[at(v)].feasible && translation_->let_time_pass(situation, v)) {
      if (situation.fleet.drivers[at(v)].under_way) {
        everybody_->set_route(v, question.present.routes[at(v)]);
      } else {
        everybody_->leaves_later(v);
      }
      continue;
    }
    stale.emplace_back(v, since);
    translation_->clear_driver(v);
  }
  for (auto const& [v, since] : stale) write(situation, v, since, first_offer);
  for (std::int32_t v = 0; v < count; ++v) move_departure(situation, v);

  question.present.left_out.clear();
  for (std::int32_t booking : situation.fleet.undecided) {
    question.present.left_out.push_back(translation_->write_offer(situation, booking));
  }
  std::ranges::sort(question.present.left_out);
}

LiveQuestion::Since LiveQuestion::since_written(Situation const& situation, std::int32_t vehicle,
                                                Seconds first_offer) const {
  Written const& written = written_[at(vehicle)];
  DriverState const& state = situation.fleet.drivers[at(vehicle)];
  if (!written.valid || written.version != state.version || written.available != state.available) return Since::other;
  if (!state.available) return Since::same;
  for (Passenger const& known : written.aboard) {
    if (known != passenger(situation, known.booking)) return Since::other;
  }
  if (written.open_breaks && written.rests != translation_->rests_wanted(situation, vehicle, first_offer)) {
    return Since::other;
  }
  // Where a break has to be put in, its best place may depend on the departure.
  Since const passed = written.rests == 0 ? Since::later : Since::other;
  if (state.under_way) return situation.fleet.now <= translation_->holds_until(vehicle) ? Since::same : passed;
  if (situation.fleet.now <= translation_->question().instance.vehicles[at(vehicle)].earliest) return Since::same;
  return written.rests == 0 && situation.fleet.now <= written.leaves_by ? Since::same : passed;
}

void LiveQuestion::write(Situation const& situation, std::int32_t vehicle, Since since, Seconds first_offer) {
  Question const& question = translation_->question();
  DriverState const& state = situation.fleet.drivers[at(vehicle)];
  Written& written = written_[at(vehicle)];
  written.feasible = translation_->write_driver(situation, vehicle);
  written.rests = translation_->rests_wanted(situation, vehicle, first_offer);
  translation_->write_rests(situation, vehicle, written.rests);
  written.version = state.version;
  written.available = state.available;
  written.valid = true;
  written.aboard.clear();
  if (!state.available) {
    everybody_->forget(vehicle);
    return;
  }
  auto const& nodes = question.present.routes[at(vehicle)];
  everybody_->set_route(vehicle, nodes);
  // Who does the same as before, only later, has not become able to do more.
  if (since == Since::other || !written.feasible) {
    changed_->set_route(vehicle, nodes);
    changes_.push_back(vehicle);
  }

  std::uint32_t planned = state.breaks_taken;
  for (Stop const& stop : state.stops) {
    if (stop.kind == StopKind::rest) planned |= 1U << static_cast<unsigned>(stop.index);
  }
  written.open_breaks = false;
  for (std::size_t k = 0; k < day_->drivers[at(vehicle)].breaks.size(); ++k) {
    written.open_breaks = written.open_breaks || (planned >> k & 1U) == 0;
  }
  for (std::int32_t n : nodes) {
    schedule::Node const& node = question.instance.nodes[at(n)];
    if (node.kind != schedule::NodeKind::dropoff) continue;
    written.aboard.push_back(passenger(situation, question.booking_of[at(node.request)]));
  }
  if (state.under_way || written.rests != 0) return;
  schedule::Timing const plan = schedule::evaluate(question.instance, vehicle, nodes).timing;
  written.leaves_by = nodes.empty() ? question.instance.vehicles[at(vehicle)].latest - (plan.back - plan.leave)
                                    : plan.start[0] - (plan.arrive[0] - plan.leave);
}

void LiveQuestion::move_departure(Situation const& situation, std::int32_t vehicle) {
  DriverState const& state = situation.fleet.drivers[at(vehicle)];
  schedule::VehicleUse& use = translation_->question().instance.vehicles[at(vehicle)];
  if (!state.available || state.under_way || use.earliest >= situation.fleet.now) return;
  use.earliest = situation.fleet.now;
  everybody_->leaves_later(vehicle);
}

std::optional<schedule::Insertion> LiveQuestion::best(std::int32_t request) {
  std::vector<schedule::Insertion> const found = best_of_each(request, 1);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::vector<schedule::Insertion> LiveQuestion::best_of_each(std::int32_t request, std::size_t count) {
  std::int32_t const booking = question().booking_of[at(request)];
  Refused& refused = refused_[at(booking)];
  schedule::Node const& pickup = question().instance.nodes[at(question().instance.requests[at(request)].pickup)];
  schedule::Node const& dropoff = question().instance.nodes[at(question().instance.requests[at(request)].dropoff)];
  Refused const now{updates_, {pickup.earliest, pickup.latest}, {dropoff.earliest, dropoff.latest}};
  bool const again = refused.asked + 1 == updates_ && refused.pickup_window == now.pickup_window &&
                     refused.dropoff_window == now.dropoff_window;
  auto found = (again ? *changed_ : *everybody_).best_of_each(request, count);
  if (found.empty()) refused = now;
  return found;
}

void LiveQuestion::insert(std::int32_t request, schedule::Insertion const& insertion, Solution& plan) {
  dispatch::insert(question().instance, plan, request, insertion);
  auto const& route = plan.routes[at(insertion.vehicle)];
  everybody_->set_route(insertion.vehicle, route);
  changed_->set_route(insertion.vehicle, route);
  changes_.push_back(insertion.vehicle);
  // Whether the decision is carried out is not known here.
  written_[at(insertion.vehicle)].valid = false;
}

}  // namespace regulus::dispatch
