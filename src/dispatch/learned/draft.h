// A decision in the making: the undecided bookings one after the other, each with its choices on the plan as it stands.
//
// The choices of a booking are to leave it without a driver for now, the best insertion on each of the cheapest
// drivers, and to hand it to a partner at once. Whom a driver can take, and no partner, is left only while there are
// hours to go: whoever may put a ride off at every question ends up refusing it. Each has a price, which is what plain
// best insertion goes by, and a row of features of the fleet after it. Whoever takes the cheapest choice every time
// plays best insertion exactly.
//
// One class for who decides (policies/dqn_insertion.cpp) and who learns to (lab/dispatch_environment.h), so that they
// see the same numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dispatch/instance_of.h"
#include "dispatch/learned/plan_features.h"
#include "dispatch/policy_memo.h"

namespace regulus::dispatch {

struct Choice {
  enum class Kind : std::uint8_t { leave, insert, partner };
  Kind kind = Kind::leave;
  schedule::Insertion where;  // of an insertion
  // Thousandths of a cent. Ties are broken by a thousandth: an insertion before leaving, leaving before the partner.
  schedule::Money price = 0;
};

inline constexpr std::size_t insertions_offered = 8;
inline constexpr Seconds time_to_wait = 3 * one_hour;  // before the latest pickup

class Draft {
 public:
  // `live` is the situation's memo, up to date.
  Draft(Situation const& situation, LiveQuestion& live);

  // The next undecided booking that leaves a choice, the one that is due first; false: there is none. Whom nobody can
  // take is passed over and stays undecided.
  bool next();
  // Of the booking: to leave it, insertions by price, the partner, as far as there are such.
  std::span<Choice const> choices() const { return choices_; }
  std::size_t cheapest() const { return cheapest_; }  // what best insertion would choose
  // choices × plan_features, row by row.
  std::vector<float> const& rows() const { return rows_; }
  std::int32_t booking() const;  // its position in Day::bookings
  void take(std::size_t choice);

  // Those passed over so far: position of the booking, and the price of leaving it without a driver.
  struct PassedOver {
    std::int32_t booking;
    schedule::Money price;
  };
  std::span<PassedOver const> passed_over() const { return passed_over_; }

  // Everything chosen so far; bookings not asked about stay undecided.
  Decision decision() const;

  // What the plan as it stands is expected to cost from now on, without the bookings that were left out: routes by the
  // kernel, and load. Thousandths of a cent.
  schedule::Money planned_cost() const;

 private:
  std::size_t vehicles() const { return plan_.routes.size(); }
  bool find_choices(std::int32_t request);  // false: there is only one
  void describe_choices(std::int32_t request);

  Situation const& situation_;
  LiveQuestion& live_;
  PlanContext context_;
  Solution plan_;
  std::vector<std::int32_t> queue_;  // requests
  std::size_t asked_ = 0;            // of the queue
  std::vector<Part> parts_;          // by vehicle
  Part sum_{};
  PlanContext::LeftOut left_;
  std::vector<BookingId> given_ids_;
  std::vector<PassedOver> passed_over_;
  std::vector<Choice> choices_;
  std::size_t cheapest_ = 0;
  std::vector<Part> after_;  // by choice
  std::vector<float> rows_;
};

}  // namespace regulus::dispatch
