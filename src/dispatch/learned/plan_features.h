// What a learner sees of a decision: one row of numbers that describes how the fleet stands and what the decision does
// to it, before the world moves on (a post-decision state: Powell 2011, "Approximate Dynamic Programming", chapter 4).
//
// Every driver's part of a plan is a handful of sums (Part): what it would cost if legs took longer than believed, how
// much time is free in the next hours, what is left to do. A row holds
//
//   changes   the sums of the plan minus those of the plan before the decision: what this decision does
//   levels    the sums of the plan before the decision, for each driver: how the fleet stands
//   context   what is not in anybody's plan: time, partner's rides, patients who will call, requests to be expected
//
// Levels are those before the decision, so they are the same for all its choices: levels after it would confound what a
// choice does with how busy the day happens to be (docs/decisions/0013).
//
// The row does not depend on the number or order of drivers and bookings, so one model serves three drivers and two
// hundred. It reads a Situation and nothing else: expected times, never what will really happen. Everything is divided
// by the constants of feature_scales(), which a model file repeats, and bounded.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/instance_of.h"

namespace regulus::dispatch {

// Values are in francs, the kernel's money in thousandths of a cent.
inline constexpr double thousandths_per_franc = 100'000;

// The meaning of the numbers below and of the price that a value corrects. A model of another schema is refused.
inline constexpr std::string_view plan_schema = "regulus-plan-features-2";

// One driver's part of a plan.
namespace part {
enum Field : std::uint8_t {
  slow_legs,      // francs that the part costs more when every leg takes 1.15 times what is believed
  slower_legs,    // the same for 1.4 times
  slow_rush,      // the same when legs are up to 1.5 times as long in the hours that are slow anyway
  planned_late,   // francs of planned lateness
  free_next,      // hours free on duty within the next hour
  free_soon,      // between one hour and three
  free_later,     // after that
  free_with_van,  // hours free within three hours, of a vehicle that takes a wheelchair
  rides_to_come,  // pickups
  cost_to_come,   // hundreds of francs
  overtime,       // hours planned
  idle_at_end,    // hours between being back and the end of the shift
  fields
};
}
using Part = std::array<double, part::fields>;

// What a row says of everything else.
namespace context {
enum Field : std::uint8_t {
  change_left_out,  // bookings that this decision leaves without a driver, against before
  change_refused,   // thousands of francs that it would cost to serve them not at all
  change_partner,   // partner's rides left when everybody left out whom he takes goes to him
  left_out_now,     // the same three as they stand before the decision
  refused,
  partner_left,      // at most 8
  hour,              // of the day, in units of 12
  duty_left,         // hours until the last shift ends
  drivers,           // logarithm of the number that is available
  waiting_calls,     // patients who will call, for each driver
  calls_next,        // of them expected within the hour, for each driver
  calls_soon,        // between one hour and three, for each driver
  calls_after_duty,  // expected after the last shift, whom no own driver will serve
  requests_next,     // new requests expected within the hour, for each driver
  requests_soon,     // between one hour and three, for each driver
  requests_later,    // after that, for each driver
  price_of_refusal,  // of an ordinary ride of the day, in thousands of francs
  running_late,      // minutes by which today's pickups came after what was promised, on average
  slow_rides,        // today's rides over the direct ones, minus 1
  fields
};
}

inline constexpr int plan_features = 2 * part::fields + context::fields;
// Names in the order of a row.
std::vector<std::string> plan_feature_names();
// What each feature is divided by, in the order of a row.
std::span<double const> feature_scales();

// What no plan changes, computed once for each situation.
class PlanContext {
 public:
  explicit PlanContext(Situation const& situation);

  // One vehicle's part, from the kernel's schedule of its nodes.
  Part part_of(Question const& question, std::int32_t vehicle, std::span<std::int32_t const> nodes) const;

  // Who is left out, as a row counts them.
  struct LeftOut {
    int count = 0;
    double refused = 0;   // thousands of francs
    int for_partner = 0;  // of them, those whom a partner would take
    int given = 0;        // rides that the decision hands to the partner at once; not of them
    LeftOut& operator+=(LeftOut const& other);
    LeftOut& operator-=(LeftOut const& other);
  };
  LeftOut left_out(Question const& question, std::int32_t request) const;

  // Fills `row` (plan_features values).
  void fill(Part const& before, Part const& after, LeftOut const& left_before, LeftOut const& left_after,
            std::span<float> row) const;

 private:
  Situation const& situation_;
  Seconds now_;
  Cents dearest_;
  std::array<double, 24> rush_{};
  std::array<double, context::fields> fixed_{};  // what does not depend on the plan
};

Part& operator+=(Part& sum, Part const& part);
Part& operator-=(Part& sum, Part const& part);

}  // namespace regulus::dispatch
