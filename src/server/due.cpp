#include "server/due.h"

#include <algorithm>

#include "domain/promise.h"
#include "server/live.h"

namespace regulus::server {

namespace {

// Calls `visit` for each booking of a list, over all its pages. Errors: corrupt rows.
template <class Visit>
Status each_booking(store::Transaction& tx, store::BookingList list, Visit const& visit) {
  list.limit = store::longest_page;
  while (true) {
    auto const page = store::list_bookings(tx, list);
    for (store::StoredBooking const& row : page) {
      Result<StoredBody> const body = stored_body_of(row);
      if (!body) return body.error();
      visit(row, *body);
    }
    if (page.size() < static_cast<std::size_t>(store::longest_page)) return ok();
    list.after = {.at_us = page.back().pickup_at_us, .id = page.back().id};
  }
}

struct Today {
  std::int64_t company = 0;
  When when;
  std::vector<std::string> to_promise;  // dates with somebody to be told
  bool is_due = false;
};

// What the clock means to a company at this moment. Errors: corrupt rows.
Result<Today> today_of(Server& server, store::Transaction& tx, store::Company const& company, Instant now) {
  Result<CompanySettings> const settings = company_settings_of(company.settings);
  if (!settings) return settings.error();
  Result<TimeZone> const zone = TimeZone::named(company.time_zone);
  if (!zone) return zone.error();
  Today today{.company = company.id, .when = {.date = zone->date_of(now), .now = now}, .to_promise = {}};
  if (!settings->auto_dispatch) return today;
  std::vector<BookingId> waiting;
  store::BookingList list{.company = company.id, .status = BookingStatus::pending};
  list.after = {.at_us = zone->begin_of(today.when.date) - 1, .id = std::numeric_limits<BookingId>::max()};
  list.before_us = zone->end_of(today.when.date);
  Status read = each_booking(tx, list, [&](store::StoredBooking const& row, StoredBody const& body) {
    if (body.asked.ready) waiting.push_back(row.id);
  });
  if (!read) return read.error();
  today.is_due = server.due().is_due(
      company.id, {.date = today.when.date, .waiting = waiting, .fleet = fleet_version(tx, company.id), .now = now});

  list.status = BookingStatus::assigned;
  list.after.at_us = now - 1;
  list.before_us = now + promise_horizon * one_second + 1;
  read = each_booking(tx, list, [&](store::StoredBooking const& row, StoredBody const& body) {
    std::string date = zone->date_of(row.pickup_at_us);
    if (body.state.promised_driver != 0 || std::ranges::find(today.to_promise, date) != today.to_promise.end()) return;
    today.to_promise.push_back(std::move(date));
  });
  if (!read) return read.error();
  return today;
}

Status keep_promises(Server& server, store::Transaction& tx, Today const& today) {
  for (std::string const& date : today.to_promise) {
    Result<LoadedDay> day = load_day(tx, today.company, date, today.when.now);
    if (!day) return day.error();
    day->desk->promise_what_is_near();
    if (Status const kept = keep_day(server, tx, *day, today.when.now); !kept) return kept;
  }
  return ok();
}

Status look_at(Server& server, store::Company const& company, Instant now) {
  Result<Today> const today =
      server.database().read([&](store::Transaction& tx) { return today_of(server, tx, company, now); });
  if (!today) return today.error();
  if (today->is_due) decide_soon(server, company.id, today->when, "clock");
  if (today->to_promise.empty()) return ok();
  Status const kept =
      server.database().write_and_wait([&](store::Transaction& tx) { return keep_promises(server, tx, *today); });
  // Whoever changed the day meanwhile comes first; the next look tries again.
  return !kept && kept.error().kind == ErrorKind::conflict ? ok() : kept;
}

}  // namespace

void Due::note(std::int64_t company, Left left) {
  std::unique_lock const lock(mutex_);
  left_[company] = std::move(left);
}

void Due::forget(std::int64_t company, BookingId booking) {
  std::unique_lock const lock(mutex_);
  if (auto const found = left_.find(company); found != left_.end()) found->second.waiting.erase(booking);
}

bool Due::is_due(std::int64_t company, Stand const& stand) const {
  if (stand.waiting.empty()) return false;
  std::unique_lock const lock(mutex_);
  auto const found = left_.find(company);
  if (found == left_.end()) return true;
  Left const& left = found->second;
  if (left.date != stand.date || left.fleet != stand.fleet || stand.now >= left.wake_at) return true;
  return !std::ranges::all_of(stand.waiting, [&](BookingId id) { return left.waiting.contains(id); });
}

std::int64_t fleet_version(store::Transaction& tx, std::int64_t company) {
  return tx.integer("SELECT SUM(version) FROM drivers WHERE company = ?", {company}).value_or(0);
}

Status look_at_the_clock(Server& server) {
  Instant const now = server.now();
  std::vector<store::Company> companies;
  Status const read = server.database().read([&](store::Transaction& tx) -> Status {
    for (bool more = true; more;) {
      auto const page = store::list_companies(tx, companies.empty() ? 0 : companies.back().id, store::longest_page);
      companies.insert(companies.end(), page.begin(), page.end());
      more = page.size() == static_cast<std::size_t>(store::longest_page);
    }
    return tx.failed() ? Status(tx.error()) : ok();
  });
  if (!read) return read;
  for (store::Company const& company : companies) {
    // One company's damaged rows are no reason to leave the others waiting.
    if (Status const looked = look_at(server, company, now); !looked) {
      server.metrics().add("dispatch_decision_errors_total", "");
    }
  }
  return ok();
}

}  // namespace regulus::server
