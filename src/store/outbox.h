// What happened, in order and for each company, for those who follow it live.
//
// An event is written in the transaction of the change it tells of, so nobody hears of what did not happen and nothing
// that happened is missing. A follower who was away asks for everything after the last number it saw; when that is no
// longer kept, it is told to start afresh. The wake-up after the commit says only "look": the table is the truth.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "store/sqlite.h"

namespace regulus::store {

inline constexpr std::int64_t events_kept_us = 7LL * 24 * 3'600 * 1'000'000;

struct Event {
  std::int64_t company = 0;
  std::int64_t sequence = 0;  // 1, 2, 3, … of the company
  std::string type{};         // "booking.created"
  Json data{};
  std::int64_t at_us = 0;
  friend bool operator==(Event const&, Event const&) = default;
};

struct EventPage {
  std::vector<Event> events{};  // in order, without a gap after the number that was asked for
  bool reset = false;           // what came right after that number is not kept any more, or never was: start afresh
  std::int64_t last = 0;        // the company's newest number
};

class Outbox {
 public:
  // `committed` is called on the writer's thread after a commit with events: the company and its newest number. It must
  // be quick and must not wait for the database.
  using Committed = std::function<void(std::int64_t company, std::int64_t last)>;
  explicit Outbox(Committed committed) : committed_(std::move(committed)) {}

  // Gives the event its number and returns it. The outbox must live until the transaction has ended.
  std::int64_t append(Transaction& tx, std::int64_t company, std::string_view type, Json const& data,
                      std::int64_t now_us) const;

 private:
  Committed committed_;
};

// At most `limit` events after a number; 0 is before the first.
EventPage events_after(Transaction& tx, std::int64_t company, std::int64_t after, int limit);

// The newest number of each company that has had an event.
std::map<std::int64_t, std::int64_t> newest_events(Transaction& tx);

// Removes events older than events_kept_us; returns how many. Numbers go on where they were.
std::int64_t prune_events(Transaction& tx, std::int64_t now_us);

}  // namespace regulus::store
