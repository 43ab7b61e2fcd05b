#include "domain/lifecycle.h"

#include <initializer_list>

namespace regulus {

namespace {

template <class Status>
constexpr std::uint32_t set_of(std::initializer_list<Status> statuses) {
  std::uint32_t set = 0;
  for (Status s : statuses) set |= 1U << static_cast<unsigned>(s);
  return set;
}

template <class Status>
bool holds(std::uint32_t set, Status status) {
  return (set >> static_cast<unsigned>(status) & 1U) != 0;
}

std::uint32_t next(BookingStatus from) {
  using enum BookingStatus;
  switch (from) {
    case pending:
      return set_of({assigned, partner, unserved, cancelled});
    case assigned:
      return set_of({pending, en_route, partner, unserved, cancelled});
    case en_route:
      return set_of({pending, assigned, waiting, cancelled});
    case waiting:
      return set_of({on_board, no_show, cancelled});
    case on_board:
      return set_of({completed});
    case completed:
    case partner:
    case unserved:
    case cancelled:
    case no_show:
      return 0;
  }
  return 0;
}

std::uint32_t next(DriverStatus from) {
  using enum DriverStatus;
  switch (from) {
    case off:
      return set_of({idle, sick});
    case idle:
      return set_of({driving, waiting, serving, resting, off, sick});
    case driving:
      return set_of({waiting, serving, idle, resting, off, sick});
    case waiting:
      return set_of({serving, idle, driving, off, sick});
    case serving:
      return set_of({driving, waiting, idle, serving, resting, off, sick});
    case resting:
      return set_of({driving, idle, waiting, serving, off, sick});
    case sick:
      return 0;
  }
  return 0;
}

}  // namespace

bool may_become(BookingStatus from, BookingStatus to) { return holds(next(from), to); }
bool is_final(BookingStatus status) { return next(status) == 0; }
bool is_open(BookingStatus status) { return status == BookingStatus::pending || status == BookingStatus::assigned; }
bool may_become(DriverStatus from, DriverStatus to) { return holds(next(from), to); }

}  // namespace regulus
