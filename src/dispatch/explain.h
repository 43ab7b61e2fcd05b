// Why a booking has no driver and what would give it one; why it has this driver and what would change that.
//
// No reason is guessed. A booking counts as impossible only after every pair of positions of every driver was tried
// (schedule/fleet_index.h, exactly), and drivers are told apart by what stops them: seats, skills, permission, the
// booking's own times, the shift even of an empty day, the plan. The reason is what stops the last of them. Every
// change that is offered was carried out on a copy, the booking was inserted again and the routes were evaluated; the
// price is what the plan then costs more, with each minute that the client has to move at the price of a minute late.
//
// An explainer translates the situation once and then answers in milliseconds; it neither decides nor changes anything.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "dispatch/instance_of.h"
#include "schedule/fleet_index.h"

namespace regulus::dispatch {

enum class Reason : std::uint8_t {
  possible,    // nothing stops it: somebody can take it now, at less than leaving it out
  dear,        // somebody can, but leaving it out (to a partner) is cheaper
  seats,       // no vehicle has them
  skills,      // nobody with the seats has them
  permission,  // forbidden, or not among those required
  window,      // its windows are shorter than the direct ride
  ride_limit,  // its longest ride is shorter than the direct one
  shift,       // nobody's shift covers it, even on an empty day
  busy,        // somebody could on an empty day, nobody in the plans as they are
};

std::string_view name_of(Reason reason);

// One single thing that would give the booking a driver.
struct Change {
  enum class Kind : std::uint8_t {
    later,         // its windows end later by so much
    earlier,       // its windows begin earlier by so much
    longer_ride,   // so much more time on board allowed
    longer_shift,  // `driver` begins earlier and ends later by so much
    training,      // `driver` gets the skills
    permission,    // `driver` is allowed
    one_more,      // another driver and vehicle like `driver`'s; with the seats it needs, where `driver` is 0
    move,          // booking `moved` goes from `driver` to `moved_to`
  };
  Kind kind = Kind::later;
  Seconds by = 0;
  DriverId driver = 0;  // who takes the booking then
  BookingId moved = 0;
  DriverId moved_to = 0;
  schedule::Money price = 0;  // thousandths of a cent
};

struct Unassigned {
  BookingId booking = 0;
  Reason reason = Reason::possible;
  // How many drivers each thing stops, in this order; `drivers` in all.
  std::int32_t drivers = 0, seats = 0, skills = 0, permission = 0, shift = 0, busy = 0;
  Seconds direct = 0, allowed = 0;  // window and ride_limit: the direct ride, and what is left for it
  DriverId best = 0;                // possible and dear
  schedule::Money price = 0;        // of the best
  schedule::Money left_out = 0;     // of leaving it out; the partner's bill, if one takes it
  bool partner = false;             // who would take it then
  schedule::Money premium = 0;      // what the partner's ride is worth beyond his bill (partner_premium.h)
  std::vector<DriverId> nearest;    // busy: who could after the smallest move in time, nearest first, at most three
  std::vector<Change> changes;      // confirmed, cheapest first
};

// Thousandths of a cent, by component.
struct Price {
  schedule::RouteCost parts;
  schedule::Money fairness = 0;
  schedule::Money total() const { return parts.total() + fairness; }
};

struct Assigned {
  BookingId booking = 0;
  DriverId driver = 0;
  bool fixed = false;  // on board or locked: nobody may change it now
  Price price;         // what the plan would save without it
  struct Other {
    DriverId driver = 0;
    Price price;
  };
  std::vector<Other> others;  // the cheapest three of the other drivers who can, cheapest first
  std::vector<BookingId>
      makes_room;  // each of them alone: were it not in the first other's plan, that driver would win
};

class Explainer {
 public:
  // `bookings`: positions of those without a driver that will be asked about, besides all in plans.
  Explainer(Situation const& situation, std::span<std::int32_t const> bookings);
  ~Explainer();

  // By position in Day::bookings. Bug check: the booking is in no plan and was named; is in a plan.
  Unassigned why_unassigned(std::int32_t booking);
  Assigned why_this_driver(std::int32_t booking);
  bool in_plan(std::int32_t booking) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class Language : std::uint8_t { en, fr };
Result<Language> parse_language(std::string_view text);
std::string to_text(Unassigned const& answer, Day const& day, Language language);
std::string to_text(Assigned const& answer, Day const& day, Language language);
Json to_json(Unassigned const& answer);
Json to_json(Assigned const& answer);

}  // namespace regulus::dispatch
