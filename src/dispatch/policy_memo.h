// A question that is kept from one decision to the next, with an index of insertions over the fleet.
//
// Translating five thousand bookings at every event would cost more than deciding. update() writes again only what may
// differ from what it wrote last time:
//
//   a driver whose version has risen, who has been promised to somebody, or whose break has become due or obsolete;
//   a driver at a stop that lasts longer, or is reached later, than expected, because that time runs on;
//   of a driver who stands and waits, the moment from which on he can leave: it is now.
//
// Everything else is a function of the driver's state alone. So the question is the same as a new one, but for the
// numbering of requests and nodes, and an answer does not depend on what was asked before.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dispatch/instance_of.h"
#include "dispatch/translation.h"
#include "schedule/fleet_index.h"

namespace regulus::dispatch {

class LiveQuestion final : public Memo {
 public:
  explicit LiveQuestion(Situation const& situation);

  // The memo of a situation, brought up to date; `fresh` owns it where the caller keeps none.
  static LiveQuestion& of(Situation const& situation, std::unique_ptr<Memo>& fresh);

  Question const& question() const { return translation_->question(); }

  // The cheapest insertion among all vehicles. A booking that found no place last time is offered only to those who
  // have changed since: a vehicle that may only leave later has not become able to take it.
  std::optional<schedule::Insertion> best(std::int32_t request);
  // The best insertion on each of the `count` cheapest vehicles, with the same reservation.
  std::vector<schedule::Insertion> best_of_each(std::int32_t request, std::size_t count);
  // Carries it out, here and in `plan`.
  void insert(std::int32_t request, schedule::Insertion const& insertion, Solution& plan);

 private:
  // What was known when a vehicle was last written.
  struct Passenger {
    std::int32_t booking = -1;
    DriverId promised_driver = 0;
    Seconds promised_pickup = never;
    Window pickup_window, dropoff_window;
    friend bool operator==(Passenger const&, Passenger const&) = default;
  };
  struct Written {
    std::uint64_t version = 0;
    bool available = false;
    bool feasible = false;          // as it was; nothing was widened
    bool valid = false;             // false: write it again
    std::uint32_t rests = 0;        // wanted, and in no plan
    bool open_breaks = false;       // some are neither taken nor in the plan
    Seconds leaves_by = -never;     // of who stands: until then a later departure makes nothing impossible
    std::vector<Passenger> aboard;  // in the order of the plan's stops
  };
  struct Refused {
    std::uint64_t asked = ~std::uint64_t{0};  // at which update
    Window pickup_window, dropoff_window;
  };

  void update(Situation const& situation);
  enum class Since : std::uint8_t { same, later, other };  // later: only time has passed
  Since since_written(Situation const& situation, std::int32_t vehicle, Seconds first_offer) const;
  void write(Situation const& situation, std::int32_t vehicle, Since since, Seconds first_offer);
  void move_departure(Situation const& situation, std::int32_t vehicle);
  static Passenger passenger(Situation const& situation, std::int32_t booking);

  Day const* day_;
  std::optional<Translation> translation_;
  std::optional<schedule::FleetIndex> everybody_, changed_;
  std::vector<Written> written_;       // by vehicle
  std::vector<std::int32_t> changes_;  // vehicles in changed_
  std::vector<Refused> refused_;       // by booking
  std::uint64_t updates_ = 0;
};

}  // namespace regulus::dispatch
