// Deciding now, looking at who drives whom, assigning by hand, and what drivers report on the way.
#include <algorithm>

#include "domain/day_file.h"
#include "domain/json_reader.h"
#include "server/live.h"
#include "server/rejection.h"
#include "server/server.h"
#include "store/counters.h"
#include "store/decisions.h"

namespace regulus::server {

namespace {

Json dispatched_json(Dispatched const& done) {
  return Json::object({{"decision", done.decision_id.empty() ? Json() : Json(done.decision_id)},
                       {"decided_by", done.arm.empty() ? Json() : Json(done.arm)},
                       {"bookings", Json::array_of(done.decided)},
                       {"suggestions", Json::array_of(done.suggestions)},
                       {"fallback", done.fallback.empty() ? Json() : Json(done.fallback)},
                       {"degraded", done.degraded},
                       {"decide_ms", static_cast<double>(done.decide_us) / 1'000}});
}

// The keys that a body may have beside those for the moment.
Status check_keys(Call const& call, std::initializer_list<std::string_view> required) {
  Status status = ok();
  JsonReader(call.body, status).keys(required, {"at", "date"});
  return status;
}

// A plan that slips by more is looked at again; the simulated world asks its policies from the same delay on.
constexpr Seconds late_alarm = 2 * one_minute;

// Whether a stop that the driver still has before him comes later than it was planned.
bool has_slipped(Route const& before, Route const& now) {
  return std::ranges::any_of(now, [&](Stop const& stop) {
    auto const was = std::ranges::find_if(
        before, [&](Stop const& s) { return s.kind == stop.kind && s.index == stop.index && s.planned != never; });
    return was != before.end() && stop.planned > was->planned + late_alarm;
  });
}

Outcome keep_report(Server& server, Call const& call, store::Transaction& tx, LoadedDay& day, Report const& report) {
  Route const before =
      day.desk->day().driver_position(report.driver) < 0 ? Route{} : day.desk->driver(report.driver).stops;
  // The desk refuses what does not follow; the row says so as a conflict.
  if (Status const reported = day.desk->report(report); !reported) return conflict(reported.error().message);
  if (day.settings.auto_dispatch && has_slipped(before, day.desk->driver(report.driver).stops)) {
    call.after_commit.emplace_back([&server, id = call.company, when = When{.date = day.date, .now = day.now}] {
      decide_soon(server, id, when, "delay");
    });
  }
  if (Status const kept = keep_day(server, tx, day, call.now); !kept) return problem_of(kept.error());
  server.record(tx, call, fmt::format("driver.{}", enum_names(report.event)[static_cast<std::size_t>(report.event)]),
                report.kind == StopKind::rest ? fmt::format("company/{}/driver/{}", call.company, report.driver)
                                              : fmt::format("company/{}/booking/{}", call.company, report.index),
                {}, Json::object({{"driver", report.driver}, {"at", instant_text(day.now)}}));
  if (report.kind == StopKind::rest) return json_response(200, Json::object({{"driver", report.driver}}));
  return json_response(200, assignment_json(day, report.index));
}

// The service day of a booking.
Result<LoadedDay> day_of(Call const& call, store::Transaction& tx, store::StoredBooking const& row, Instant now) {
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return company.error();
  Result<TimeZone> const zone = TimeZone::named(company->time_zone);
  if (!zone) return zone.error();
  return load_day(tx, call.company, zone->date_of(row.pickup_at_us), now);
}

// What the driver of a booking reports of its pickup or drop-off.
Outcome report_of_booking(Server& server, Call const& call, store::Transaction& tx, DriverEvent event, StopKind kind) {
  if (Status const keys = check_keys(call, {}); !keys) return invalid_body(keys.error());
  auto const when = when_of(tx, call);
  if (auto const* problem = std::get_if<Problem>(&when)) return *problem;
  Result<store::StoredBooking> const row = booking_of(call, tx);
  if (!row) return problem_of(row.error());
  Result<LoadedDay> day = day_of(call, tx, *row, std::get<When>(when).now);
  if (!day) return problem_of(day.error());
  DriverId const driver = day->desk->booking(row->id).driver;
  if (driver == 0) return conflict(fmt::format("booking {} has no driver", row->id));
  return keep_report(server, call, tx, *day,
                     {.driver = driver, .event = event, .kind = kind, .index = row->id, .at = day->desk->fleet().now});
}

}  // namespace

void run_dispatch(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  if (Status const keys = check_keys(*call, {}); !keys) return answer(reply, *call, invalid_body(keys.error()));
  auto const when = when_of(server, *call);
  if (auto const* problem = std::get_if<Problem>(&when)) return answer(reply, *call, *problem);
  Result<Dispatched> const done = decide_day(server, call->company, std::get<When>(when), "request",
                                             [&](store::Transaction& tx, Dispatched const& kept) {
                                               remember(tx, *call, json_response(200, dispatched_json(kept)));
                                             });
  if (!done) return answer(reply, *call, problem_of(done.error()));
  answer(reply, *call, json_response(200, dispatched_json(*done)));
}

namespace {

Outcome assignments_of(Call const& call, store::Transaction& tx) {
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  Result<TimeZone> const zone = TimeZone::named(company->time_zone);
  std::string date = zone->date_of(call.now);
  if (std::string const* wanted = call.query("date")) {
    if (!is_date(*wanted)) {
      return Problem{.code = ProblemCode::invalid_body,
                     .detail = call.say(fmt::format("date = {} is no date", *wanted),
                                        fmt::format("date = {} n’est pas une date", *wanted))};
    }
    date = *wanted;
  }
  Result<LoadedDay> const day = load_day(tx, call.company, date, call.now);
  if (!day) return problem_of(day.error());
  Json items = Json::array();
  for (Booking const& b : day->desk->day().bookings) {
    BookingStatus const status = day->desk->booking(b.id).status;
    if (status != BookingStatus::pending && status != BookingStatus::cancelled) {
      items.push_back(assignment_json(*day, b.id));
    }
  }
  Json plans = Json::array();
  for (Driver const& d : day->desk->day().drivers) {
    Json stops = Json::array();
    for (Stop const& stop : day->desk->driver(d.id).stops) {
      stops.push_back(Json::object(
          {{"kind", enum_names(stop.kind)[static_cast<std::size_t>(stop.kind)]},
           {stop.kind == StopKind::rest ? "break" : "booking", stop.index},
           {"planned", stop.planned == never ? Json() : Json(instant_text(zone->instant_of(stop.planned, date)))},
           {"locked", stop.locked}}));
    }
    plans.push_back(Json::object({{"driver", d.id}, {"stops", std::move(stops)}}));
  }
  return json_response(
      200,
      Json::object({{"date", date}, {"items", std::move(items)}, {"drivers", std::move(plans)}, {"next", Json()}}));
}

}  // namespace

// ?date=2026-03-01, today when absent: every booking that has or had a driver, or is with the partner. A large day
// takes its time, so no listener waits for it.
void list_assignments(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  answer(reply, *call, in_one_view(server, [&](store::Transaction& tx) { return assignments_of(*call, tx); }));
}

// A person's choice: this driver takes this booking, where it costs least in his plan, if it is possible at all.
void assign_by_hand(Server& server, std::shared_ptr<Call const> call, Reply reply) {
  if (Status const keys = check_keys(*call, {"booking", "driver"}); !keys) {
    return answer(reply, *call, invalid_body(keys.error()));
  }
  Status status = ok();
  BookingId booking = 0;
  DriverId driver = 0;
  JsonReader const at(call->body, status, WholeNumbers::as_integers_only);
  for (auto const& [key, id] : {std::pair{"booking", &booking}, {"driver", &driver}}) {
    at.in(key, [id = id](JsonReader const& number) {
      std::int64_t whole = 0;
      if (number.integer(1, std::numeric_limits<std::int32_t>::max(), whole)) *id = static_cast<std::int32_t>(whole);
    });
  }
  if (!status) return answer(reply, *call, invalid_body(status.error()));
  auto const when = when_of(server, *call);
  if (auto const* problem = std::get_if<Problem>(&when)) return answer(reply, *call, *problem);
  answer(reply, *call, assign(server, *call, std::get<When>(when), booking, driver, {}));
}

Outcome start_assignment(Server& server, Call const& call, store::Transaction& tx) {
  return report_of_booking(server, call, tx, DriverEvent::depart, StopKind::pickup);
}
Outcome arrive_assignment(Server& server, Call const& call, store::Transaction& tx) {
  return report_of_booking(server, call, tx, DriverEvent::arrive, StopKind::pickup);
}
Outcome board_assignment(Server& server, Call const& call, store::Transaction& tx) {
  return report_of_booking(server, call, tx, DriverEvent::finish, StopKind::pickup);
}
Outcome complete_assignment(Server& server, Call const& call, store::Transaction& tx) {
  return report_of_booking(server, call, tx, DriverEvent::finish, StopKind::dropoff);
}
Outcome no_show_assignment(Server& server, Call const& call, store::Transaction& tx) {
  return report_of_booking(server, call, tx, DriverEvent::no_show, StopKind::pickup);
}

namespace {

// A driver's word about the ride that he was given: the row, what is in it, and whose word it is.
struct Given {
  store::StoredBooking row;
  StoredBody body;
};
std::variant<Given, Problem> given_of(Call const& call, store::Transaction& tx) {
  Result<store::StoredBooking> row = booking_of(call, tx);
  if (!row) return problem_of(row.error());
  Result<StoredBody> body = stored_body_of(*row);
  if (!body) return problem_of(body.error());
  if (body->state.driver == 0) return conflict(fmt::format("booking {} has no driver", row->id));
  return Given{.row = row.take(), .body = body.take()};
}

}  // namespace

// The driver will come. Said twice, it is said once.
Outcome accept_assignment(Server& server, Call const& call, store::Transaction& tx) {
  if (Status const keys = check_keys(call, {}); !keys) return invalid_body(keys.error());
  auto read = given_of(call, tx);
  if (auto const* problem = std::get_if<Problem>(&read)) return *problem;
  auto& [row, body] = std::get<Given>(read);
  auto const when = when_of(tx, call);
  if (auto const* problem = std::get_if<Problem>(&when)) return *problem;
  Result<LoadedDay> const day = day_of(call, tx, row, std::get<When>(when).now);
  if (!day) return problem_of(day.error());
  Response const response = json_response(200, assignment_json(*day, row.id));
  if (body.accepted_by == body.state.driver) return response;
  body.accepted_by = body.state.driver;
  auto const kept = store::change_booking(tx, {.company = call.company, .id = row.id, .body = stored_body(body)},
                                          row.version, call.now);
  if (!kept) return problem_of(kept.error());
  Json const told = Json::object({{"booking", row.id}, {"driver", body.state.driver}});
  server.record(tx, call, "assignment.accept", fmt::format("company/{}/booking/{}", call.company, row.id), {}, told);
  server.tell(tx, call.company, "assignment.accepted", told, call.now);
  return response;
}

// The driver will not come: the ride is open again, with its promise, and he is not asked again unless a person
// insists.
Outcome reject_assignment(Server& server, Call const& call, store::Transaction& tx) {
  Result<std::string> const reason = rejection_of(call.body);
  if (!reason) return invalid_body(reason.error());
  auto read = given_of(call, tx);
  if (auto const* problem = std::get_if<Problem>(&read)) return *problem;
  auto const& [row, before] = std::get<Given>(read);
  auto const when = when_of(tx, call);
  if (auto const* problem = std::get_if<Problem>(&when)) return *problem;
  Instant const now = std::get<When>(when).now;
  DriverId const driver = before.state.driver;
  Result<LoadedDay> day = day_of(call, tx, row, now);
  if (!day) return problem_of(day.error());
  if (row.status != BookingStatus::assigned) {
    return conflict(call.say(fmt::format("booking {} is under way; only what is not can be given back", row.id),
                             fmt::format("la course {} est en cours\u202F; elle ne peut plus être rendue", row.id)));
  }
  if (Status const out = day->desk->give_back(row.id); !out) return conflict(out.error().message);
  if (Status const kept = keep_day(server, tx, *day, now); !kept) return problem_of(kept.error());
  Result<store::StoredBooking> const open = store::load_booking(tx, call.company, row.id);
  if (!open) return problem_of(open.error());
  Result<StoredBody> body = stored_body_of(*open);
  if (!body) return problem_of(body.error());
  body->refused_by.push_back(driver);
  auto const kept = store::change_booking(tx, {.company = call.company, .id = row.id, .body = stored_body(*body)},
                                          open->version, now);
  if (!kept) return problem_of(kept.error());
  store::count(tx, call.company, "assignments_rejected", 1, now);
  Json const told = Json::object({{"booking", row.id}, {"driver", driver}});
  server.record(tx, call, "assignment.reject", fmt::format("company/{}/booking/{}", call.company, row.id), told, {},
                *reason);
  server.tell(tx, call.company, "assignment.rejected", told, now);
  // Of another day it is open until that day comes.
  if (day->settings.auto_dispatch && day->date == std::get<When>(when).date) {
    call.after_commit.emplace_back([&server, id = call.company, when = When{.date = day->date, .now = now}] {
      decide_soon(server, id, when, "refusal");
    });
  }
  return json_response(200, assignment_json(*day, row.id));
}

// Any event of any stop, rests included: {"event", "stop": {"kind", "booking" or "break"}}.
Outcome report_progress(Server& server, Call const& call, store::Transaction& tx) {
  if (Status const keys = check_keys(call, {"event", "stop"}); !keys) return invalid_body(keys.error());
  Status status = ok();
  Report report;
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  at.get("event", report.event);
  at.in("stop", [&](JsonReader const& stop) {
    Stop read;
    read_stop(stop, read);
    report.kind = read.kind;
    report.index = read.index;
  });
  if (!status) return invalid_body(status.error());
  auto const id = call.number("driver");
  if (!id || *id > std::numeric_limits<DriverId>::max()) return not_found();
  report.driver = static_cast<DriverId>(*id);
  if (auto const known = store::load_driver(tx, call.company, report.driver); !known) return problem_of(known.error());
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  auto const when = when_of(call, *company);
  if (auto const* problem = std::get_if<Problem>(&when)) return *problem;
  Result<TimeZone> const zone = TimeZone::named(company->time_zone);
  When const moment = std::get<When>(when);
  report.at = zone->moment_of(moment.now, moment.date);
  Result<LoadedDay> day = load_day(tx, call.company, moment.date, moment.now);
  if (!day) return problem_of(day.error());
  return keep_report(server, call, tx, *day, report);
}

}  // namespace regulus::server
