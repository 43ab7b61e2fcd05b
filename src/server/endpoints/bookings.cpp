// Bookings: asking for a ride, changing and cancelling it, and a day's list from a file.
#include <algorithm>
#include <map>
#include <utility>

#include "domain/bookings_csv.h"
#include "domain/json_reader.h"
#include "server/live.h"
#include "server/server.h"
#include "store/bookings.h"

namespace regulus::server {

namespace {

constexpr std::size_t most_imported = 5'000;  // bookings; they hold the writer for about half a second

std::string object_of(Call const& call, BookingId booking) {
  return fmt::format("company/{}/booking/{}", call.company, booking);
}

struct Tenant {
  store::Company company;
  TimeZone zone;
};
Result<Tenant> tenant_of(Call const& call, store::Transaction& tx) {
  Result<store::Company> company = store::load_company(tx, call.company);
  if (!company) return company.error();
  Result<TimeZone> zone = TimeZone::named(company->time_zone);
  if (!zone) return zone.error();
  return Tenant{.company = company.take(), .zone = zone.take()};
}

// What a booking names must be the company's.
std::optional<Problem> check_names(Call const& call, store::Transaction& tx, BookingBody const& body) {
  Booking const& b = body.booking;
  for (auto const& [list, pointer] :
       {std::pair{&b.preferred, "/preferred"}, {&b.forbidden, "/forbidden"}, {&b.required, "/required"}}) {
    for (DriverId const driver : *list) {
      if (!store::load_driver(tx, call.company, driver)) {
        return invalid_member(pointer, "unknown-driver",
                              call.say(fmt::format("driver {} does not exist", driver),
                                       fmt::format("le chauffeur {} n’existe pas", driver)));
      }
    }
  }
  if (b.linked != 0 && !store::load_booking(tx, call.company, b.linked)) {
    return invalid_member("/linked", "unknown-booking",
                          call.say(fmt::format("booking {} does not exist", b.linked),
                                   fmt::format("la course {} n’existe pas", b.linked)));
  }
  return std::nullopt;
}

Outcome shown(Call const& call, TimeZone const& zone, store::StoredBooking const& row, int status) {
  Result<StoredBody> const body = stored_body_of(row);
  if (!body) return problem_of(body.error());
  Response response = versioned_response(call, status, booking_json(row, *body, zone), row.version);
  if (status == 201) {
    response.headers.emplace_back("Location", fmt::format("/api/v1/companies/{}/bookings/{}", call.company, row.id));
  }
  return response;
}

Result<store::StoredBooking> add(Server& server, Call const& call, store::Transaction& tx, BookingBody const& body) {
  BookingState state;
  state.known = true;
  state.ready = body.ready;
  Result<store::StoredBooking> made = store::add_booking(tx,
                                                         {.company = call.company,
                                                          .status = BookingStatus::pending,
                                                          .pickup_at_us = body.pickup_window.from,
                                                          .body = stored_body({.asked = body, .state = state})},
                                                         call.now);
  if (!made) return made;
  server.record(tx, call, "booking.create", object_of(call, made->id), {}, made->body);
  server.tell(tx, call.company, "booking.created", Json::object({{"booking", made->id}}), call.now);
  return made;
}

// Asks for a decision once this change is on disk, when the company wants that.
void ask_for_decision(Server& server, Call const& call, Tenant const& tenant, Instant pickup) {
  Result<CompanySettings> const settings = company_settings_of(tenant.company.settings);
  if (!settings || !settings->auto_dispatch) return;
  When const when{.date = tenant.zone.date_of(pickup), .now = call.now};
  if (when.date != tenant.zone.date_of(call.now)) return;
  call.after_commit.emplace_back([&server, id = call.company, when] { decide_soon(server, id, when, "booking"); });
}

// What a driver's plan was made for. Anything else of a booking can change under way to it.
constexpr std::string_view planned_for[] = {"pickup",    "dropoff",        "pickup_window",   "dropoff_window",
                                            "seats",     "pickup_service", "dropoff_service", "max_ride",
                                            "skills",    "max_ride_ratio", "exclusive",       "ready",
                                            "preferred", "forbidden",      "required"};

bool asks_for_another_ride(BookingBody const& before, BookingBody const& after) {
  Json const was = to_json(before), is = to_json(after);
  return std::ranges::any_of(planned_for, [&](std::string_view key) { return !(*was.find(key) == *is.find(key)); });
}

// "line 3, time = soon: is no time"; a row as a whole has no column.
std::string message_of(RowProblem const& row) {
  std::string const cell = row.column.empty() ? "" : fmt::format(", {} = {}", row.column, row.value);
  return fmt::format("line {}{}: {}", row.line, cell, row.reason);
}

// The day that a file's bookings are read for: the company's drivers, whom they may name, and its speeds.
Result<Day> day_of_drivers(Call const& call, store::Transaction& tx, std::string const& date) {
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return company.error();
  Result<CompanySettings> const settings = company_settings_of(company->settings);
  if (!settings) return settings.error();
  std::vector<DeskDriver> drivers;
  for (bool more = true; more;) {
    auto const page =
        store::list_drivers(tx, call.company, drivers.empty() ? 0 : drivers.back().id, store::longest_page);
    more = page.size() == static_cast<std::size_t>(store::longest_page);
    for (store::StoredDriver const& row : page) {
      Result<DriverBody> body = driver_body_of(row.body);
      if (!body) return body.error();
      drivers.push_back({.id = row.id, .body = body.take(), .progress = {}});
    }
  }
  if (tx.failed()) return tx.error();
  Result<std::unique_ptr<Desk>> const desk =
      Desk::put_together(company->scenario, date, rules_of(*company, *settings), drivers, {}, 0);
  if (!desk) return desk.error();
  return (*desk)->day();
}

}  // namespace

Outcome list_bookings(Server&, Call const& call, store::Transaction& tx) {
  auto const page = page_of(call, CursorKind::place_of_number);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  Page const& wanted = std::get<Page>(page);
  Result<Tenant> const tenant = tenant_of(call, tx);
  if (!tenant) return problem_of(tenant.error());
  store::BookingList list{.company = call.company, .limit = wanted.limit};
  if (!wanted.after.empty()) {
    auto const id = number_in(wanted.id);
    if (!id || !std::in_range<BookingId>(*id)) return foreign_cursor(call);
    list.after = {.at_us = wanted.number, .id = static_cast<BookingId>(*id)};
  }
  if (std::string const* status = call.query("status")) {
    auto const names = enum_names(BookingStatus{});
    auto const found = std::ranges::find(names, *status);
    if (found == names.end()) {
      return Problem{.code = ProblemCode::invalid_body,
                     .detail = call.say(fmt::format("status = {} is none of {}", *status, fmt::join(names, ", ")),
                                        fmt::format("status = {} n’est aucun de {}", *status, fmt::join(names, ", ")))};
    }
    list.status = static_cast<BookingStatus>(found - names.begin());
  }
  if (std::string const* date = call.query("date")) {
    if (!is_date(*date)) {
      return Problem{.code = ProblemCode::invalid_body,
                     .detail = call.say(fmt::format("date = {} is no date", *date),
                                        fmt::format("date = {} n’est pas une date", *date))};
    }
    if (wanted.after.empty())
      list.after = {.at_us = tenant->zone.begin_of(*date) - 1, .id = std::numeric_limits<BookingId>::max()};
    list.before_us = tenant->zone.end_of(*date);
  }
  auto const rows = store::list_bookings(tx, list);
  if (tx.failed()) return problem_of(tx.error());
  Json items = Json::array();
  for (store::StoredBooking const& row : rows) {
    Result<StoredBody> const body = stored_body_of(row);
    if (!body) return problem_of(body.error());
    items.push_back(booking_json(row, *body, tenant->zone));
  }
  std::string const last = rows.empty() ? "" : place_of(rows.back().pickup_at_us, std::to_string(rows.back().id));
  return page_response(call, wanted, std::move(items), last);
}

Outcome create_booking(Server& server, Call const& call, store::Transaction& tx) {
  Result<BookingBody> const body = booking_body_of(call.body);
  if (!body) return invalid_body(body.error());
  if (auto problem = check_names(call, tx, *body)) return *std::move(problem);
  Result<store::StoredBooking> const made = add(server, call, tx, *body);
  if (!made) return problem_of(made.error());
  Result<Tenant> const tenant = tenant_of(call, tx);
  if (!tenant) return problem_of(tenant.error());
  ask_for_decision(server, call, *tenant, made->pickup_at_us);
  return shown(call, tenant->zone, *made, 201);
}

Outcome get_booking(Server&, Call const& call, store::Transaction& tx) {
  Result<store::StoredBooking> const row = booking_of(call, tx);
  if (!row) return problem_of(row.error());
  Result<Tenant> const tenant = tenant_of(call, tx);
  if (!tenant) return problem_of(tenant.error());
  return shown(call, tenant->zone, *row, 200);
}

// Only what is not yet under way can be changed; a plan that it stands in is timed anew.
Outcome change_booking(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::StoredBooking> const row = booking_of(call, tx);
  if (!row) return problem_of(row.error());
  if (auto const problem = check_version(call, row->version, false)) return *problem;
  if (!call.body.is_object())
    return invalid_member("", "type", call.say("the body is no object", "le corps n’est pas un objet"));
  if (!is_open(row->status)) {
    std::string_view const status = enum_names(row->status)[static_cast<std::size_t>(row->status)];
    return conflict(call.say(fmt::format("booking {} is {} and cannot be changed any more", row->id, status),
                             fmt::format("la course {} est {} et ne peut plus être modifiée", row->id, status)));
  }
  Result<StoredBody> const stored = stored_body_of(*row);
  if (!stored) return problem_of(stored.error());
  Json merged = to_json(stored->asked);
  for (auto const& [key, value] : call.body.as_object()) merged[key] = value;
  Result<BookingBody> const body = booking_body_of(merged);
  if (!body) return invalid_body(body.error());
  if (auto problem = check_names(call, tx, *body)) return *std::move(problem);
  Result<Tenant> const tenant = tenant_of(call, tx);
  if (!tenant) return problem_of(tenant.error());
  // What has a driver loses him when his plan was made for another ride. The next decision gives it one again.
  bool const is_another_ride = asks_for_another_ride(stored->asked, *body);
  if (row->status == BookingStatus::assigned && is_another_ride) {
    Result<LoadedDay> day = load_day(tx, call.company, tenant->zone.date_of(row->pickup_at_us), call.now);
    if (!day) return problem_of(day.error());
    if (Status const out = day->desk->withdraw(row->id, BookingStatus::pending); !out)
      return conflict(out.error().message);
    if (Status const kept = keep_day(server, tx, *day, call.now); !kept) return problem_of(kept.error());
  }
  Result<store::StoredBooking> const present = store::load_booking(tx, call.company, row->id);
  if (!present) return problem_of(present.error());
  Result<StoredBody> const state = stored_body_of(*present);
  if (!state) return problem_of(state.error());
  StoredBody after = *state;
  after.asked = *body;
  // What drivers said of another ride says nothing of this one.
  if (is_another_ride) after.refused_by.clear();
  Result<store::StoredBooking> const changed = store::change_booking(
      tx,
      {.company = call.company, .id = row->id, .pickup_at_us = body->pickup_window.from, .body = stored_body(after)},
      present->version, call.now);
  if (!changed) return problem_of(changed.error());
  server.record(tx, call, "booking.change", object_of(call, row->id), row->body, changed->body);
  server.tell(tx, call.company, "booking.changed", Json::object({{"booking", row->id}}), call.now);
  if (is_another_ride) ask_for_decision(server, call, *tenant, changed->pickup_at_us);
  return shown(call, tenant->zone, *changed, 200);
}

Outcome cancel_booking(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::StoredBooking> const row = booking_of(call, tx);
  if (!row) return problem_of(row.error());
  if (auto const problem = check_version(call, row->version, false)) return *problem;
  Status status = ok();
  std::string reason;
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  at.keys({}, {"reason", "at"});
  at.get("reason", reason);
  if (!status) return invalid_body(status.error());
  Result<Tenant> const tenant = tenant_of(call, tx);
  if (!tenant) return problem_of(tenant.error());
  if (row->status == BookingStatus::cancelled) return shown(call, tenant->zone, *row, 200);
  auto const when = when_of(call, tenant->company);
  if (auto const* problem = std::get_if<Problem>(&when)) return *problem;
  Result<LoadedDay> day = load_day(tx, call.company, tenant->zone.date_of(row->pickup_at_us), std::get<When>(when).now);
  if (!day) return problem_of(day.error());
  if (Status const out = day->desk->withdraw(row->id, BookingStatus::cancelled); !out)
    return conflict(out.error().message);
  if (Status const kept = keep_day(server, tx, *day, call.now); !kept) return problem_of(kept.error());
  Result<store::StoredBooking> const changed = store::load_booking(tx, call.company, row->id);
  if (!changed) return problem_of(changed.error());
  server.record(tx, call, "booking.cancel", object_of(call, row->id), row->body, changed->body, reason);
  return shown(call, tenant->zone, *changed, 200);
}

// What was written about it, oldest first.
Outcome booking_timeline(Server&, Call const& call, store::Transaction& tx) {
  Result<store::StoredBooking> const row = booking_of(call, tx);
  if (!row) return problem_of(row.error());
  Json items = Json::array();
  tx.query(
      "SELECT at, actor, action, reason FROM audit WHERE company = ? AND object = ? ORDER BY sequence",
      {call.company, std::string_view(object_of(call, row->id))}, [&](store::Row const& r) {
        items.push_back(Json::object(
            {{"at", instant_text(r.integer(0))}, {"actor", r.text(1)}, {"action", r.text(2)}, {"reason", r.text(3)}}));
      });
  if (tx.failed()) return problem_of(tx.error());
  return json_response(200, Json::object({{"items", std::move(items)}, {"next", Json()}}));
}

// A day's list as a CSV file (regulus import --help has the columns). ?dry_run=true says what would happen; with any
// bad row nothing happens. It is one transaction, for which everybody else's writes wait: hence its limit.
void import_bookings(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  bool dry_run = false;
  if (std::string const* text = call->query("dry_run")) {
    if (*text != "true" && *text != "false") {
      return answer(reply, *call,
                    Problem{.code = ProblemCode::invalid_body,
                            .detail = call->say("dry_run is true or false", "dry_run est true ou false")});
    }
    dry_run = *text == "true";
  }
  std::string const* const date = call->query("date");
  if (date == nullptr || !is_date(*date)) {
    return answer(reply, *call,
                  Problem{.code = ProblemCode::invalid_body,
                          .detail = call->say("say with ?date=2026-03-01 which day of the file is meant",
                                              "indiquez avec ?date=2026-03-01 le jour du fichier")});
  }
  Result<Day> day = server.database().read([&](store::Transaction& tx) { return day_of_drivers(*call, tx, *date); });
  if (!day) return answer(reply, *call, problem_of(day.error()));
  ImportOptions options;
  options.date = *date;
  options.into = day.take();
  Result<Import> const imported = regulus::import_bookings(call->request.body, options);
  if (!imported) return answer(reply, *call, problem_with(ProblemCode::invalid_body, imported.error().message));
  if (!imported->problems.empty()) {
    Problem problem{.code = ProblemCode::invalid_body,
                    .detail = call->say("nothing was imported", "rien n’a été importé")};
    for (RowProblem const& row : imported->problems) {
      if (problem.errors.size() == 100) break;
      problem.errors.push_back(member_problem(fmt::format("/{}/{}", row.line, row.column), "invalid", message_of(row)));
    }
    return answer(reply, *call, std::move(problem));
  }
  if (std::size_t const many = imported->day.bookings.size(); many > most_imported) {
    return answer(
        reply, *call,
        Problem{.code = ProblemCode::invalid_body,
                .detail = call->say(
                    fmt::format("the file has {} rows of {}, which make {} bookings; an import takes at most {}: split "
                                "the file",
                                imported->rows, *date, many, most_imported),
                    fmt::format("le fichier a {} lignes du {}, qui font {} courses\u202F; un import en prend au plus "
                                "{}\u202F: partagez le fichier",
                                imported->rows, *date, many, most_imported))});
  }
  auto const summary = [&](Json ids) {
    return Json::object({{"rows", imported->rows},
                         {"other_days", imported->other_days},
                         {"dry_run", dry_run},
                         {"bookings", std::move(ids)},
                         {"mapping", imported->mapping}});
  };
  if (dry_run) return answer(reply, *call, json_response(200, summary(Json::array())));
  Result<Json> const ids = server.database().write_and_wait([&](store::Transaction& tx) -> Result<Json> {
    Result<Tenant> const tenant = tenant_of(*call, tx);
    if (!tenant) return tenant.error();
    Json made = Json::array();
    std::map<BookingId, BookingId> stored;  // by its number in the file's day; a way back comes after its way there
    for (Booking const& b : imported->day.bookings) {
      BookingBody body = booking_body_of(imported->day, b, tenant->zone, *date);
      if (b.linked != 0) body.booking.linked = stored.at(b.linked);
      Result<store::StoredBooking> const row = add(server, *call, tx, body);
      if (!row) return row.error();
      stored.emplace(b.id, row->id);
      made.push_back(row->id);
    }
    remember(tx, *call, json_response(201, summary(made)));
    return made;
  });
  if (!ids) return answer(reply, *call, problem_of(ids.error()));
  answer(reply, *call, json_response(201, summary(*ids)));
  // Today's list is decided about at once; where that fails, the next look at the clock does it.
  static_cast<void>(look_at_the_clock(server));
}

}  // namespace regulus::server
