// How each company's candidate has answered lately, and whether it may go on deciding there.
//
// Three limits are hard: an answer that gives a ride to two drivers, takes a driver's break, or plans with a driver who
// is not at work, ends it at once, although the guard lets no such answer through. Two are of the last fifteen minutes:
// how many answers had to be replaced, and how long an answer takes. They are kept in memory: a candidate that a new
// process asks, or that a person has switched on again, begins with a clean record.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "server/civil_time.h"

namespace regulus::server {

// The hard limit that an illegal answer broke, by what check_decision says of it: "double_assignment", "rest_breach" or
// "off_duty"; "" for another fault.
std::string_view hard_limit_of(std::string_view why);

class Form {
 public:
  struct Limits {
    Instant span = 900 * one_second;
    std::size_t enough = 20;          // answers within the span before any share of them says something
    double most_replaced = 0.05;      // as a share of the answers
    std::int64_t decide_us = 50'000;  // that 99 of 100 answers keep
    std::size_t fewest_slow = 3;      // answers that took longer before any share of them says something
  };
  struct Answer {
    Instant at = 0;
    std::int64_t decide_us = 0;
    bool is_replaced = false;  // the rule answered: how long the candidate took is not known
  };
  explicit Form(Limits limits) : limits_(limits) {}

  // `since`: the version of the company's switch; with another one the record begins anew. Returns the limit that is
  // broken with this answer: "fallback_rate", "latency", or "".
  std::string_view note(std::int64_t company, std::int64_t since, Answer answer);

 private:
  struct Record {
    std::int64_t since = 0;
    std::deque<Answer> answers;
  };
  std::string_view broken(std::deque<Answer> const& answers) const;

  Limits limits_;
  std::mutex mutex_;
  std::map<std::int64_t, Record> records_;  // by company
};

}  // namespace regulus::server
