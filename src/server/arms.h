// Who decides for a company: the heuristic, or the candidate that a person has switched on, and what happens when the
// candidate does not answer as it must.
//
// The candidate runs behind a guard (dispatch/guarded.h) and against the clock, on a thread of its own: an answer that
// comes late, or never, costs nobody a ride, because the heuristic's answer is taken then. What was replaced and why is
// part of the result. A thread that never comes back is left alone; while more than a few of them are out, the
// candidate is not asked at all.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dispatch/policy.h"
#include "server/desk.h"

namespace regulus::server {

// What a reason begins with, before its colon: the model's file, the guard, or the watchdog.
inline constexpr std::array<std::string_view, 5> fallback_reasons = {"failed", "illegal", "late", "stuck",
                                                                     "unloadable"};

// A policy with what a record needs in order to ask it again.
struct Arm {
  std::string name;        // "insertion", "dqn"
  std::string model_hash;  // SHA-256 of the model's file in hex; "" for a rule
  std::shared_ptr<dispatch::Policy const> policy;
};

// An answer of one arm.
struct ArmAnswer {
  dispatch::Decision decision;
  std::int64_t took_us = 0;
};

// Asks a policy against the clock.
class Watchdog {
 public:
  struct Options {
    std::chrono::milliseconds patience{200};
    int most_stuck = 2;  // threads that are out late; beyond, nobody is asked
  };
  explicit Watchdog(Options options) : options_(options), stuck_(std::make_shared<std::atomic<int>>(0)) {}

  // Nothing when it does not answer in time, or was not asked; `why` says so.
  std::optional<ArmAnswer> ask(Arm const& arm, std::shared_ptr<Desk const> const& desk, std::uint64_t seed,
                               std::string& why) const;
  int stuck() const { return stuck_->load(); }

 private:
  Options options_;
  std::shared_ptr<std::atomic<int>> stuck_;
};

// Asks a policy and waits as long as it takes.
ArmAnswer ask(Arm const& arm, Desk const& desk, std::uint64_t seed);

// Of the bookings that were undecided: the share to which both give the same driver, or both none.
double agreement_of(Desk const& desk, dispatch::Decision const& a, dispatch::Decision const& b);
// Whom a decision gives a booking: a driver's id, or 0.
DriverId driver_for(Desk const& desk, dispatch::Decision const& decision, BookingId booking);

Json to_json(dispatch::Decision const& decision);
Result<dispatch::Decision> decision_of(Json const& json);

}  // namespace regulus::server
