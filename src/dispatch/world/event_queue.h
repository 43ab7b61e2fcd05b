// What will happen on a simulated day, in the order in which it happens.
//
// The order is total: moment, then kind, then who, then which appointment of his. What the world does to people stands
// before what drivers do, so a cancellation reaches a driver who arrives in the same second. Two runs of one day take
// every event in the same order, however it was pushed.
//
// Nothing is ever taken out early. A driver who changes his mind gets a new ticket; who takes out an event with an old
// one throws it away.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "domain/units.h"

namespace regulus::dispatch {

enum class EventKind : std::uint8_t {
  known,        // dispatch hears of a booking
  cancelled,    // a client calls a booking off
  called,       // a will-call patient calls
  shift_start,  // of a driver, as it stands in the roster
  begins,       // the driver is there
  sick,
  shift_end,
  arrives,   // wherever the driver was going
  gives_up,  // nobody has come out
  served,    // the end of a service or rest
  starts,    // a service, after waiting
  overdue,   // the driver should have been there, or ready, a while ago
  promised,  // a pickup comes near enough to be promised
  expires,   // a booking that nobody took
  // Departures come last: before them the policy has its say about all that happened at the same moment.
  leaves,     // for the next stop
  goes_home,  // nothing more to do
};
constexpr bool is_departure(EventKind kind) { return kind >= EventKind::leaves; }

struct Event {
  Seconds at = 0;
  EventKind kind = EventKind::known;
  std::int32_t position = 0;                                      // of the booking or driver in its list
  std::uint32_t ticket = 0;                                       // of the driver's appointment
  friend auto operator<=>(Event const&, Event const&) = default;  // NOLINT(modernize-use-nullptr): of what is generated
};

class EventQueue {
 public:
  void push(Event const& event) { events_.push(event); }
  bool empty() const { return events_.empty(); }
  Seconds next_moment() const { return empty() ? never : events_.top().at; }
  // Not when empty.
  Event const& next() const { return events_.top(); }
  Event pop() {
    Event const event = events_.top();
    events_.pop();
    return event;
  }

 private:
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

}  // namespace regulus::dispatch
