// Bookings of a company, with the life that domain/lifecycle.h allows them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/json.h"
#include "domain/fleet.h"
#include "domain/lifecycle.h"
#include "store/rows.h"
#include "store/sqlite.h"

namespace regulus::store {

struct StoredBooking {
  std::int64_t company = 0;
  BookingId id = 0;
  BookingStatus status = BookingStatus::pending;
  std::int64_t pickup_at_us = 0;  // what lists are ordered by
  Json body = Json::object();     // of the domain's Booking, with places as coordinates
  std::int64_t version = 1;
  std::int64_t created_us = 0;
  std::int64_t updated_us = 0;
  friend bool operator==(StoredBooking const&, StoredBooking const&) = default;
};

// Writes status, pickup_at_us and body; an id of 0 is given the company's next number. Errors: not_found (company),
// conflict (id taken).
Result<StoredBooking> add_booking(Transaction& tx, StoredBooking const& booking, std::int64_t now_us);
Result<StoredBooking> load_booking(Transaction& tx, std::int64_t company, BookingId id);

// What is given is changed. Errors: not_found; conflict for another version, and for a status that may not follow the
// present one.
struct BookingChange {
  std::int64_t company = 0;
  BookingId id = 0;
  std::optional<BookingStatus> status{};
  std::optional<std::int64_t> pickup_at_us{};
  std::optional<Json> body{};
};
Result<StoredBooking> change_booking(Transaction& tx, BookingChange const& change,
                                     std::optional<std::int64_t> expected_version, std::int64_t now_us);

// By (pickup_at_us, id).
struct BookingList {
  std::int64_t company = 0;
  std::optional<BookingStatus> status{};
  Cursor<BookingId> after{};
  std::int64_t before_us = std::numeric_limits<std::int64_t>::max();  // pickups before this moment
  int limit = 100;
};
std::vector<StoredBooking> list_bookings(Transaction& tx, BookingList const& list);

}  // namespace regulus::store
