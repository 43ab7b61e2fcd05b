#include "store/bookings.h"

#include "store/counters.h"

namespace regulus::store {
namespace {

constexpr std::string_view select =
    "SELECT company, id, status, pickup_at, body, version, created, updated FROM bookings";

StoredBooking booking_from(Transaction& tx, Row const& row) {
  return {.company = row.integer(0),
          .id = static_cast<BookingId>(row.integer(1)),
          .status = enum_of<BookingStatus>(tx, row.text(2)),
          .pickup_at_us = row.integer(3),
          .body = json_of(tx, row.text(4)),
          .version = row.integer(5),
          .created_us = row.integer(6),
          .updated_us = row.integer(7)};
}

std::string name_of(std::int64_t company, BookingId id) { return fmt::format("booking {} of company {}", id, company); }

}  // namespace

Result<StoredBooking> load_booking(Transaction& tx, std::int64_t company, BookingId id) {
  std::optional<StoredBooking> found;
  tx.query(fmt::format("{} WHERE company = ? AND id = ?", select), {company, id},
           [&](Row const& row) { found = booking_from(tx, row); });
  return found_or(tx, std::move(found), name_of(company, id));
}

Result<StoredBooking> add_booking(Transaction& tx, StoredBooking const& booking, std::int64_t now_us) {
  if (Status const known = check_company(tx, booking.company); !known) return known.error();
  Result<std::int32_t> const id = number_for(tx, booking.company, "next_booking", booking.id);
  if (!id) return id.error();
  if (tx.integer("SELECT 1 FROM bookings WHERE company = ? AND id = ?", {booking.company, *id})) {
    return Error{ErrorKind::conflict, name_of(booking.company, *id) + " exists already"};
  }
  std::string const body = booking.body.dump();
  tx.run("INSERT INTO bookings VALUES (?, ?, ?, ?, ?, 1, ?, ?)",
         {booking.company, *id, word_of(booking.status), booking.pickup_at_us, body, now_us, now_us});
  StoredBooking added = booking;
  added.id = *id;
  added.version = 1;
  added.created_us = added.updated_us = now_us;
  return checked(tx, std::move(added));
}

Result<StoredBooking> change_booking(Transaction& tx, BookingChange const& change,
                                     std::optional<std::int64_t> expected_version, std::int64_t now_us) {
  Result<StoredBooking> booking = load_booking(tx, change.company, change.id);
  if (!booking) return booking;
  std::string const name = name_of(change.company, change.id);
  if (Status const same = check_version(name, booking->version, expected_version); !same) return same.error();
  if (change.status && *change.status != booking->status) {
    if (!may_become(booking->status, *change.status)) {
      return Error{ErrorKind::conflict, fmt::format("{} is {} and cannot become {}", name, word_of(booking->status),
                                                    word_of(*change.status))};
    }
    booking->status = *change.status;
  }
  if (change.pickup_at_us) booking->pickup_at_us = *change.pickup_at_us;
  if (change.body) booking->body = *change.body;
  std::string const body = booking->body.dump();
  tx.run(
      "UPDATE bookings SET status = ?, pickup_at = ?, body = ?, updated = ?, version = version + 1 "
      "WHERE company = ? AND id = ?",
      {word_of(booking->status), booking->pickup_at_us, body, now_us, change.company, change.id});
  booking->updated_us = now_us;
  ++booking->version;
  return checked(tx, booking.take());
}

std::vector<StoredBooking> list_bookings(Transaction& tx, BookingList const& list) {
  std::vector<StoredBooking> bookings;
  auto const visit = [&](Row const& row) { bookings.push_back(booking_from(tx, row)); };
  constexpr std::string_view rest = "(pickup_at, id) > (?, ?) AND pickup_at < ? ORDER BY pickup_at, id LIMIT ?";
  int const limit = rows_of_page(list.limit);
  if (list.status) {
    tx.query(fmt::format("{} WHERE company = ? AND status = ? AND {}", select, rest),
             {list.company, word_of(*list.status), list.after.at_us, list.after.id, list.before_us, limit}, visit);
  } else {
    tx.query(fmt::format("{} WHERE company = ? AND {}", select, rest),
             {list.company, list.after.at_us, list.after.id, list.before_us, limit}, visit);
  }
  return bookings;
}

}  // namespace regulus::store
