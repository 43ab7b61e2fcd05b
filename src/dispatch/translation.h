// The work behind instance_of(): a question that is written driver by driver and booking by booking, and can be written
// again where something has changed.
//
// Each booking has at most one request and keeps its nodes for good, so what does not change keeps its place. Whoever
// writes once (instance_of) and whoever keeps a question all day (policy_memo.h) get the same instance, but for the
// numbering of requests and nodes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dispatch/instance_of.h"

namespace regulus::dispatch {

class Translation {
 public:
  enum class Prices : std::uint8_t {
    moving,    // of every request on every vehicle: to judge a move that somebody else proposes
    all,       // and of leaving it out: to search for a better plan
    of_offers  // both, but only of what is offered: plans stay with their drivers
  };
  // The vehicles, by position of their drivers, ascending.
  Translation(Situation const& situation, std::vector<std::int32_t> drivers, Prices prices);

  Question& question() { return question_; }
  Question const& question() const { return question_; }

  // To be called whenever time has passed: what the partner's rides are worth now.
  void price_partner(Situation const& situation);
  // The request of a booking as it stands. Plans are written before offers: what is in a plan cannot be offered.
  std::int32_t write_offer(Situation const& situation, std::int32_t booking);
  // Forgets a present route. A booking may move from one driver to another, so all routes that are to be written again
  // are forgotten first.
  void clear_driver(std::int32_t vehicle);
  // Vehicle and present route as the driver's state has them; the breaks that are in no plan are write_rests()'s.
  // Somebody who is not available has an empty route. Returns whether the plan is feasible as it is: nothing had to be
  // widened.
  bool write_driver(Situation const& situation, std::int32_t vehicle);
  // Until when the stop in progress stays as it was written, while nothing happens.
  Seconds holds_until(std::int32_t vehicle) const { return holds_until_[static_cast<std::size_t>(vehicle)]; }
  // Of a driver whose plan was feasible as it was written and for whom nothing has changed but the time. False: the
  // plan is no longer feasible; write it again.
  bool let_time_pass(Situation const& situation, std::int32_t vehicle);
  // Adds the rests that are not in the plan, as wanted by rests_wanted().
  void write_rests(Situation const& situation, std::int32_t vehicle, std::uint32_t wanted);
  // Bit k: Driver::breaks[k] is still to be taken and in no plan. `first_offer`: when the earliest offered pickup
  // opens.
  std::uint32_t rests_wanted(Situation const& situation, std::int32_t vehicle, Seconds first_offer) const;

  bool in_plan(std::int32_t booking) const { return in_plan_[static_cast<std::size_t>(booking)]; }

 private:
  std::int32_t request_of(std::int32_t booking) const { return request_of_[static_cast<std::size_t>(booking)]; }
  enum class Role : std::uint8_t { offered, planned, on_board };
  std::int32_t write_request(Situation const& situation, std::int32_t booking, Role role);
  Seconds place_under_way(Situation const& situation, DriverState const& state, schedule::VehicleUse& use,
                          schedule::Node& front) const;
  std::int32_t add_rest(std::int32_t vehicle, std::int32_t number);
  bool place_rest(std::int32_t vehicle);
  bool widen(std::int32_t vehicle);
  void widen_to_earliest(std::int32_t vehicle, bool rides);

  schedule::Instance& instance() { return question_.instance; }
  schedule::Node& node(std::int32_t n) { return question_.instance.nodes[static_cast<std::size_t>(n)]; }
  schedule::Request& request(std::int32_t r) { return question_.instance.requests[static_cast<std::size_t>(r)]; }
  std::vector<std::int32_t>& route(std::int32_t v) { return question_.present.routes[static_cast<std::size_t>(v)]; }

  struct Nodes {
    std::int32_t pickup = -1, dropoff = -1;
  };
  // All that an offer depends on beside the booking itself.
  struct Offer {
    bool valid = false, partner = false;
    schedule::Money premium = 0;
    DriverId driver = 0, promised_driver = 0, other_leg = 0;
    Seconds promised_pickup = never;
    Window pickup_window, dropoff_window;
    friend bool operator==(Offer const&, Offer const&) = default;
  };
  Offer offer_of(Situation const& situation, std::int32_t booking) const;
  Question question_;
  Cents dearest_ = 0;
  Prices prices_;
  std::vector<std::int32_t> request_of_;            // by position of the booking; -1: none yet
  std::vector<Nodes> nodes_of_;                     // by request, for good
  std::vector<Offer> offered_;                      // by request; what it was last written as
  std::vector<std::vector<std::int32_t>> rest_of_;  // nodes by vehicle and number of the break; -1: none yet
  std::vector<Seconds> holds_until_;                // by vehicle
  std::vector<bool> in_plan_;                       // by position of the booking
};

// When the earliest pickup among the bookings opens; never: there is none.
Seconds first_opening(Situation const& situation, std::span<std::int32_t const> bookings);

}  // namespace regulus::dispatch
