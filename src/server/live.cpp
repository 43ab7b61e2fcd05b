#include "server/live.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "core/check.h"
#include "domain/json_reader.h"
#include "domain/snapshot_file.h"
#include "server/improvement.h"
#include "server/pace.h"
#include "store/counters.h"
#include "store/suggestions.h"

namespace regulus::server {

namespace {

constexpr int attempts = 4;        // at keeping a decision while others change the same rows
constexpr int most_fallbacks = 3;  // within fallback_span: the candidate is turned off
constexpr Instant fallback_span = 15 * 60 * one_second;
// Dates of a driver's route that are kept beside the one in use.
constexpr std::size_t most_dates = 8;

std::string_view word(BookingStatus status) { return enum_names(status)[static_cast<std::size_t>(status)]; }

// The statuses on the shortest legal way from one to the other, the last included; empty when there is none.
std::vector<BookingStatus> way(BookingStatus from, BookingStatus to) {
  std::array<int, booking_statuses> before{};
  before.fill(-1);
  std::deque<BookingStatus> next{from};
  before[static_cast<std::size_t>(from)] = static_cast<int>(from);
  while (!next.empty()) {
    BookingStatus const here = next.front();
    next.pop_front();
    for (std::size_t k = 0; k < booking_statuses; ++k) {
      auto const there = static_cast<BookingStatus>(k);
      if (before[k] >= 0 || !may_become(here, there)) continue;
      before[k] = static_cast<int>(here);
      next.push_back(there);
    }
  }
  std::vector<BookingStatus> steps;
  if (before[static_cast<std::size_t>(to)] < 0) return steps;
  for (BookingStatus at = to; at != from; at = static_cast<BookingStatus>(before[static_cast<std::size_t>(at)])) {
    steps.push_back(at);
  }
  std::ranges::reverse(steps);
  return steps;
}

// Of a driver's stored route: his progress on a date.
Result<DriverProgress> progress_on(store::StoredRoute const& route, std::string const& date) {
  Json const* const json = route.stops.find(date);
  if (json == nullptr) return DriverProgress{};
  return driver_progress_of(*json);
}

// The route's document with the progress of one date replaced, and dates that are long past left out.
Json with_progress(Json stops, std::string const& date, DriverProgress const& progress) {
  Json json = stops.is_object() ? std::move(stops) : Json::object();
  json[date] = to_json(progress);
  auto& dates = json.as_object();
  std::ranges::sort(dates, {}, &Json::Object::value_type::first);
  while (dates.size() > most_dates && dates.front().first != date) dates.erase(dates.begin());
  return json;
}

// Travel times from a road server where there is one. Whoever does not answer in time is replaced by straight lines.
void find_times(Server& server, std::int64_t company, Desk& desk) {
  if (server.options().travel.provider == "straight-line") return;
  Roads::Answer answer = server.roads().times_for(company, desk.day());
  desk.set_times(std::move(answer.times), answer.degraded);
}

bool changes_nothing(dispatch::Decision const& decision) {
  return decision.routes.empty() && decision.overflow.empty() && decision.unserved.empty();
}

void tally(store::Transaction& tx, std::int64_t company, std::string_view name, Instant now, std::int64_t by = 1) {
  store::count(tx, company, name, by, now);
}

// What is kept of one answer.
struct Verdict {
  std::string arm = "rule";
  std::string kind;
  std::string model_hash, fallback;
  std::string_view broken;  // the limit at which the candidate is turned off
  ArmAnswer answer;
};

// Step 1 of a decision: the day, and who may decide.
struct Question {
  LoadedDay day;
  std::optional<Arm> candidate;
  std::string candidate_trouble;
};

Result<Dispatched> suggest(Server& server, When const& when, Question& question, WhenKept const& with = {});

// Of a ride that is open: whether no suggestion waits for a person any more, and one was refused, lay too long, or was
// accepted and came to nothing, because the driver refused the ride or fell ill.
bool is_turned_down(std::vector<store::Suggestion> const& suggestions) {
  using enum store::SuggestionStatus;
  bool const is_open = std::ranges::find(suggestions, open, &store::Suggestion::status) != suggestions.end();
  return !is_open && std::ranges::any_of(suggestions, [](store::Suggestion const& s) {
    return s.status == rejected || s.status == expired || s.status == accepted;
  });
}

Result<Question> load_question(Server& server, std::int64_t company, When const& when) {
  return server.database().read([&](store::Transaction& tx) -> Result<Question> {
    Result<LoadedDay> day = load_day(tx, company, when.date, when.now);
    if (!day) return day.error();
    Question question{.day = day.take(), .candidate = {}, .candidate_trouble = {}};
    store::Company& c = question.day.company;
    if (server.is_forced_off(company)) c.mode = store::Mode::off;
    if (c.mode != store::Mode::off && c.model_id && !c.fallback_reason) {
      Result<Arm> arm = server.candidate(tx, *c.model_id);
      if (arm) {
        question.candidate = arm.take();
      } else {
        question.candidate_trouble = "unloadable: " + arm.error().message;
      }
    }
    return question;
  });
}

// What a person gave to a driver only a person takes from him. Says which ride an answer would take; "" when none.
std::string taken_from_people(LoadedDay const& day, dispatch::Decision const& decision) {
  for (auto const& [booking, driver] : day.by_hand) {
    if (driver_for(*day.desk, decision, booking) != driver) {
      return fmt::format("a person gave booking {} to driver {}", booking, driver);
    }
  }
  return "";
}

// The candidate's answer, if it is one that may be carried out; otherwise `verdict` says why not.
bool ask_candidate(Server& server, Question const& question, std::uint64_t seed, Verdict& verdict) {
  verdict.fallback = question.candidate_trouble;
  if (!question.candidate) return false;
  auto answer = server.watchdog().ask(*question.candidate, question.day.desk, seed, verdict.fallback);
  if (!answer) return false;
  verdict.fallback = answer->decision.replaced;
  if (!verdict.fallback.empty()) return false;
  if (std::string const taken = taken_from_people(question.day, answer->decision); !taken.empty()) {
    verdict.fallback = "illegal: " + taken;
    return false;
  }
  verdict.arm = "model";
  verdict.kind = question.candidate->name;
  verdict.model_hash = question.candidate->model_hash;
  verdict.answer = std::move(*answer);
  return true;
}

// The company's rule, or best insertion, which takes nothing from anybody.
void ask_rule(Server& server, LoadedDay const& day, std::uint64_t seed, Verdict& verdict) {
  for (std::string const& name : {day.settings.policy, std::string("insertion")}) {
    verdict.kind = name;
    verdict.answer = ask(server.rule(name), *day.desk, seed);
    if (taken_from_people(day, verdict.answer.decision).empty()) return;
  }
}

// The candidate where it is wanted and can be had, otherwise the rule.
Verdict ask_arms(Server& server, Question const& question, std::uint64_t seed, bool candidate_wanted) {
  Verdict verdict;
  if (candidate_wanted) {
    bool const answered = ask_candidate(server, question, seed, verdict);
    store::Company const& company = question.day.company;
    verdict.broken =
        server.form().note(company.id, company.mode_version,
                           {.at = server.now(), .decide_us = verdict.answer.took_us, .is_replaced = !answered});
    if (answered) return verdict;
    if (auto const limit = hard_limit_of(verdict.fallback); !limit.empty()) verdict.broken = limit;
  }
  ask_rule(server, question.day, seed, verdict);
  return verdict;
}

// Errors: conflict, when somebody turned the company's switch, or the candidate fell back, since the day was read.
Status switch_unturned(Server& server, store::Transaction& tx, store::Company const& as_read) {
  Result<store::Company> const now = store::load_company(tx, as_read.id);
  if (!now) return now.error();
  bool const off_meanwhile = as_read.mode != store::Mode::off && server.is_forced_off(as_read.id);
  if (off_meanwhile || now->mode_version != as_read.mode_version || now->fallback_reason != as_read.fallback_reason) {
    return Error{ErrorKind::conflict, "the switch was turned meanwhile"};
  }
  return ok();
}

Json told_decision(std::string const& id, std::string_view arm, std::vector<BookingId> const& bookings) {
  return Json::object({{"decision", id}, {"arm", arm}, {"bookings", Json::array_of(bookings)}});
}

Json run_summary(LoadedDay const& day, Verdict const& verdict) {
  return Json::object({{"date", day.date},
                       {"undecided", day.desk->fleet().undecided.size()},
                       {"changed_drivers", verdict.answer.decision.routes.size()},
                       {"partner", verdict.answer.decision.overflow.size()},
                       {"unserved", verdict.answer.decision.unserved.size()},
                       {"degraded", day.desk->is_degraded()}});
}

// `iterations`: of a search in the background; 0: it was none.
std::string recorded(Desk const& desk, std::uint64_t seed, std::int64_t iterations = 0) {
  Json record = desk.record();
  record["seed"] = static_cast<std::int64_t>(seed);
  if (iterations != 0) record["iterations"] = iterations;
  return record.dump();
}

// What a fallback's reason begins with.
std::string kind_of_fallback(std::string const& reason) { return reason.substr(0, reason.find(':')); }

void count_fallback(Server& server, std::string const& reason) {
  server.metrics().add("dispatch_fallback_total", fmt::format("reason=\"{}\"", kind_of_fallback(reason)));
}

void note_fallback(Server& server, store::Transaction& tx, store::Company const& company, std::string const& reason,
                   Instant now) {
  std::string const kind = kind_of_fallback(reason);
  count_fallback(server, reason);
  tally(tx, company.id, "fallbacks", now);
  auto const recent =
      tx.integer("SELECT COUNT(*) FROM decisions WHERE company = ? AND at > ? AND fallback_reason IS NOT NULL",
                 {company.id, now - fallback_span});
  server.tell(tx, company.id, "rl.fallback", Json::object({{"reason", kind}}), now);
  if (recent.value_or(0) >= most_fallbacks) fall_back(server, tx, company, kind, now);
}

// What the candidate's answer, or the want of one, means to it. Whichever limit is named first stays the reason.
void judge(Server& server, store::Transaction& tx, store::Company const& company, Verdict const& verdict, Instant now) {
  if (!verdict.broken.empty()) fall_back(server, tx, company, std::string(verdict.broken), now);
  if (!verdict.fallback.empty()) note_fallback(server, tx, company, verdict.fallback, now);
}

}  // namespace

Json stored_body(StoredBody const& body) {
  BookingState bare = body.state;
  bare.pickup_window = BookingState{}.pickup_window;
  bare.dropoff_window = BookingState{}.dropoff_window;
  Json json = Json::object({{"asked", to_json(body.asked)}, {"state", to_json(bare)}});
  if (!body.decided_by.empty()) json["decided_by"] = body.decided_by;
  if (body.accepted_by != 0) json["accepted_by"] = body.accepted_by;
  if (!body.refused_by.empty()) json["refused_by"] = Json::array_of(body.refused_by);
  return json;
}

Result<StoredBody> stored_body_of(store::StoredBooking const& booking) {
  Json const* const asked = booking.body.find("asked");
  Json const* const state = booking.body.find("state");
  auto const damaged = [&](std::string const& why) {
    return Error{ErrorKind::corrupt, fmt::format("the row of booking {} is damaged: {}", booking.id, why)};
  };
  if (asked == nullptr || state == nullptr) return damaged("it lacks \"asked\" or \"state\"");
  Result<BookingBody> body = booking_body_of(*asked);
  if (!body) return damaged(body.error().message);
  Result<BookingState> read = booking_state_of(*state);
  if (!read) return damaged(read.error().message);
  read->status = booking.status;
  Json const* const by = booking.body.find("decided_by");
  if (by != nullptr && !by->is_string()) return damaged("its \"decided_by\" is no text");
  StoredBody stored{.asked = body.take(), .state = read.take(), .decided_by = by == nullptr ? "" : by->as_string()};
  Status status = ok();
  JsonReader const at(booking.body, status);
  at.get("accepted_by", stored.accepted_by);
  at.each("refused_by", [&](JsonReader const& id) { id.value(stored.refused_by.emplace_back()); });
  if (!status) return damaged(status.error().message);
  return stored;
}

Seconds seconds_late(Booking const& booking, BookingState const& state, ObjectiveWeights const& weights) {
  Seconds const tolerated = weights.tolerated(booking.booking_class);
  auto const beyond = [&](Seconds happened, Seconds window_end) {
    if (happened == never || window_end == never) return Seconds{0};
    return std::max<Seconds>(0, happened - window_end - tolerated);
  };
  return beyond(state.picked_up, booking.pickup_window.end) + beyond(state.dropped_off, booking.dropoff_window.end);
}

Json booking_json(store::StoredBooking const& row, StoredBody const& body, TimeZone const& zone) {
  Json json = Json::object({{"id", row.id}});
  Json const asked = to_json(body.asked);
  for (auto const& [key, value] : asked.as_object()) json[key] = value;
  std::string const date = zone.date_of(row.pickup_at_us);
  auto const moment = [&](Seconds at) { return at == never ? Json() : Json(instant_text(zone.instant_of(at, date))); };
  json["status"] = word(row.status);
  json["driver"] = body.state.driver == 0 ? Json() : Json(body.state.driver);
  json["accepted"] = body.state.driver != 0 && body.accepted_by == body.state.driver;
  json["promised_pickup"] = moment(body.state.promised_pickup);
  json["picked_up"] = moment(body.state.picked_up);
  json["dropped_off"] = moment(body.state.dropped_off);
  json["date"] = date;
  json["created"] = instant_text(row.created_us);
  json["updated"] = instant_text(row.updated_us);
  json["version"] = row.version;
  return json;
}

Json assignment_json(LoadedDay const& day, BookingId id) {
  BookingState const& b = day.desk->booking(id);
  Result<TimeZone> const zone = TimeZone::named(day.company.time_zone);
  REGULUS_CHECK(static_cast<bool>(zone));
  auto const moment = [&](Seconds at) {
    return at == never ? Json() : Json(instant_text(zone->instant_of(at, day.date)));
  };
  Seconds pickup = b.picked_up, dropoff = b.dropped_off;
  bool locked = false;
  if (b.driver != 0) {
    for (Stop const& stop : day.desk->driver(b.driver).stops) {
      if (stop.kind == StopKind::rest || stop.index != id) continue;
      (stop.kind == StopKind::pickup ? pickup : dropoff) = stop.planned;
      locked = locked || stop.locked;
    }
  }
  return Json::object({{"booking", id},
                       {"driver", b.driver == 0 ? Json() : Json(b.driver)},
                       {"status", word(b.status)},
                       {"pickup", moment(pickup)},
                       {"dropoff", moment(dropoff)},
                       {"locked", locked}});
}

Result<LoadedDay> load_day(store::Transaction& tx, std::int64_t company, std::string const& date, Instant now,
                           Insistence const& insistence) {
  LoadedDay day;
  Result<store::Company> loaded = store::load_company(tx, company);
  if (!loaded) return loaded.error();
  day.company = loaded.take();
  Result<CompanySettings> settings = company_settings_of(day.company.settings);
  if (!settings) return settings.error();
  day.settings = settings.take();
  day.date = date;
  day.now = now;
  Result<TimeZone> const zone = TimeZone::named(day.company.time_zone);
  if (!zone) return zone.error();

  std::vector<DeskDriver> drivers;
  std::vector<DeskBooking> bookings;
  for (store::StoredRoute& route : store::list_routes(tx, company)) day.routes.emplace(route.driver, std::move(route));
  for (DriverId after = 0;;) {
    auto const page = store::list_drivers(tx, company, after, store::longest_page);
    for (store::StoredDriver const& row : page) {
      Result<DriverBody> body = driver_body_of(row.body);
      if (!body)
        return Error{ErrorKind::corrupt,
                     fmt::format("the row of driver {} is damaged: {}", row.id, body.error().message)};
      body->available = row.available;
      store::StoredRoute& route =
          day.routes.try_emplace(row.id, store::StoredRoute{.company = company, .driver = row.id}).first->second;
      Result<DriverProgress> progress = progress_on(route, date);
      if (!progress)
        return Error{ErrorKind::corrupt,
                     fmt::format("the route of driver {} is damaged: {}", row.id, progress.error().message)};
      // Who has nothing to do and is out drives where he likes; the last report of his place counts.
      DriverState& state = progress->state;
      if (row.position && !state.under_way && state.left_start != never) {
        Seconds const seen = zone->moment_of(row.position->at_us, date);
        if (seen > state.free_at && seen <= zone->moment_of(now, date)) {
          progress->at = Point{row.position->latitude, row.position->longitude};
          state.free_at = seen;
        }
      }
      drivers.push_back({.id = row.id, .body = body.take(), .progress = progress.take()});
      after = row.id;
    }
    if (page.size() < static_cast<std::size_t>(store::longest_page)) break;
  }
  store::BookingList list{.company = company, .limit = store::longest_page};
  list.after = {.at_us = zone->begin_of(date) - 1, .id = std::numeric_limits<BookingId>::max()};
  list.before_us = zone->end_of(date);
  while (true) {
    auto page = store::list_bookings(tx, list);
    bool const more = page.size() == static_cast<std::size_t>(store::longest_page);
    if (!page.empty()) list.after = {.at_us = page.back().pickup_at_us, .id = page.back().id};
    for (store::StoredBooking& row : page) {
      Result<StoredBody> body = stored_body_of(row);
      if (!body) return body.error();
      if (body->decided_by == "person" && row.status == BookingStatus::assigned) {
        day.by_hand.emplace(row.id, body->state.driver);
      }
      for (DriverId const driver : body->refused_by) {
        if (row.id == insistence.booking && driver == insistence.driver) continue;
        body->asked.booking.forbidden.push_back(driver);
      }
      bookings.push_back({.id = row.id, .body = std::move(body->asked), .state = body->state});
      day.bookings.emplace(row.id, std::move(row));
    }
    if (!more) break;
  }
  if (tx.failed()) return tx.error();
  std::ranges::sort(bookings, {}, &DeskBooking::id);
  // Whom a ride names but the day has not is no wish of the day's.
  std::set<DriverId> known;
  for (DeskDriver const& d : drivers) known.insert(d.id);
  for (DeskBooking& b : bookings) {
    for (auto* names : {&b.body.booking.preferred, &b.body.booking.forbidden}) {
      std::erase_if(*names, [&](DriverId id) { return !known.contains(id); });
    }
    if (!day.bookings.contains(b.body.booking.linked)) b.body.booking.linked = 0;
  }
  Result<std::unique_ptr<Desk>> desk = Desk::put_together(
      day.company.scenario, date, rules_of(day.company, day.settings), drivers, bookings, zone->moment_of(now, date));
  if (!desk) return desk.error();
  day.desk = desk.take();
  for (auto const& [booking, driver] : day.by_hand) day.desk->require(booking, driver);
  return day;
}

Result<store::StoredBooking> booking_of(Call const& call, store::Transaction& tx) {
  auto const id = call.number("booking");
  if (!id || *id > std::numeric_limits<BookingId>::max()) return Error{ErrorKind::not_found, "no such booking"};
  return store::load_booking(tx, call.company, static_cast<BookingId>(*id));
}

std::variant<When, Problem> when_of(Call const& call, store::Company const& company) {
  Result<TimeZone> const zone = TimeZone::named(company.time_zone);
  REGULUS_CHECK(static_cast<bool>(zone));
  When when{.date = "", .now = call.now};
  if (Json const* at = call.body.find("at")) {
    if (!company.is_test) {
      return invalid_member("/at", "not-a-test",
                            call.say("only a company marked is_test has another time than now",
                                     "seule une entreprise marquée is_test a une autre heure que maintenant"));
    }
    Result<Instant> const instant = at->is_string() ? parse_instant(at->as_string()) : invalid("");
    if (!instant)
      return invalid_member("/at", "format",
                            call.say("at is no time; write it as 2026-03-01T08:15:00Z",
                                     "at n’est pas une heure\u202F; écrivez 2026-03-01T08:15:00Z"));
    when.now = *instant;
  }
  when.date = zone->date_of(when.now);
  if (Json const* date = call.body.find("date")) {
    if (!date->is_string() || !is_date(date->as_string())) {
      return invalid_member(
          "/date", "format",
          call.say("date is no date; write it as 2026-03-01", "date n’est pas une date\u202F; écrivez 2026-03-01"));
    }
    when.date = date->as_string();
  }
  return when;
}

std::variant<When, Problem> when_of(store::Transaction& tx, Call const& call) {
  Result<store::Company> const company = store::load_company(tx, call.company);
  if (!company) return problem_of(company.error());
  return when_of(call, *company);
}

std::variant<When, Problem> when_of(Server& server, Call const& call) {
  Result<store::Company> const company =
      server.database().read([&](store::Transaction& tx) { return store::load_company(tx, call.company); });
  if (!company) return problem_of(company.error());
  return when_of(call, *company);
}

namespace {

// A request has come to its end: what that means to the company, by who decided about it.
void tally_outcome(store::Transaction& tx, LoadedDay const& day, BookingId id, StoredBody const& body, Instant now) {
  std::string const who = body.decided_by.empty() ? "nobody" : body.decided_by;
  auto const add = [&](std::string_view name, std::int64_t by = 1) {
    tally(tx, day.company.id, fmt::format("{}_{}", name, who), now, by);
  };
  switch (body.state.status) {
    case BookingStatus::completed: {
      Day const& about = day.desk->day();
      auto const position = static_cast<std::size_t>(about.booking_position(id));
      Seconds const late = seconds_late(about.bookings[position], body.state, about.weights);
      add("requested");
      add("late_seconds", late);
      if (late == 0) add("on_time");
      return;
    }
    case BookingStatus::unserved:
      add("unserved");
      [[fallthrough]];
    case BookingStatus::no_show:
    case BookingStatus::partner:
      return add("requested");
    default:
      return;
  }
}

}  // namespace

Status keep_day(Server& server, store::Transaction& tx, LoadedDay const& day, Instant now,
                std::string_view decided_by) {
  Desk const& desk = *day.desk;
  for (DriverId const id : desk.changed_drivers()) {
    DriverProgress progress{.state = desk.driver(id), .at = desk.whereabouts(id)};
    if (progress.state.left_start == never) progress.at.reset();
    store::StoredRoute route = day.routes.at(id);
    std::int64_t const version = route.version;
    route.stops = with_progress(std::move(route.stops), day.date, progress);
    auto const kept = store::put_route(tx, std::move(route), version, now);
    if (!kept) return kept.error();
  }
  for (BookingId const id : desk.changed_bookings()) {
    store::StoredBooking row = day.bookings.at(id);
    Result<StoredBody> const stored = stored_body_of(row);
    if (!stored) return stored.error();
    BookingStatus const wanted = desk.booking(id).status;
    StoredBody after = *stored;
    after.state = desk.booking(id);
    bool const is_open = wanted == BookingStatus::pending;
    bool const is_new = after.state.driver != stored->state.driver || wanted != row.status;
    if (is_open) after.decided_by.clear();
    if (!is_open && is_new && !decided_by.empty()) after.decided_by = decided_by;
    if (after.state.driver != stored->state.driver) after.accepted_by = 0;
    // Somebody insisted: what he said of the ride is over.
    std::erase(after.refused_by, after.state.driver);
    Json const body = stored_body(after);
    // The row goes every step of its life that the desk went in one.
    std::vector<BookingStatus> const steps = way(row.status, wanted);
    std::int64_t version = row.version;
    if (steps.empty()) {
      auto const kept = store::change_booking(tx, {.company = day.company.id, .id = id, .body = body}, version, now);
      if (!kept) return kept.error();
    } else {
      for (BookingStatus const step : steps) {
        store::BookingChange change{.company = day.company.id, .id = id, .status = step};
        if (step == wanted) change.body = body;
        auto const kept = store::change_booking(tx, change, version, now);
        if (!kept) return kept.error();
        version = kept->version;
      }
    }
    if (!steps.empty()) {
      tally(tx, day.company.id, fmt::format("bookings_{}", word(wanted)), now);
      tally_outcome(tx, day, id, after, now);
      server.tell(tx, day.company.id, fmt::format("booking.{}", word(wanted)), assignment_json(day, id), now);
    } else {
      server.tell(tx, day.company.id, "assignment.changed", assignment_json(day, id), now);
    }
  }
  if (tx.failed()) return tx.error();
  return ok();
}

void fall_back(Server& server, store::Transaction& tx, store::Company const& company, std::string const& reason,
               Instant now) {
  if (company.fallback_reason || company.mode == store::Mode::off) return;
  auto const changed = store::set_fallback(tx, company.id, reason, now);
  if (!changed) return tx.fail(changed.error());
  Call call;
  call.company = company.id;
  call.token.id = "server";
  call.request.id = "none";
  call.now = now;
  server.record(tx, call, "rl.fallback", fmt::format("company/{}/rl", company.id), Json::object({{"fallback", Json()}}),
                Json::object({{"fallback", reason}}), reason);
  server.tell(tx, company.id, "rl.mode_changed",
              Json::object({{"mode", store::enum_names(company.mode)[static_cast<std::size_t>(company.mode)]},
                            {"fallback", reason}}),
              now);
}

namespace {

std::vector<BookingId> undecided_of(Desk const& desk) {
  std::vector<BookingId> ids;
  for (std::int32_t const p : desk.fleet().undecided)
    ids.push_back(desk.day().bookings[static_cast<std::size_t>(p)].id);
  return ids;
}

std::string deciding(std::int64_t company, When const& when) { return fmt::format("decide/{}/{}", company, when.date); }

// Once at a time: while one waits for its turn, no other is asked for.
void improve_soon(Server& server, LoadedDay const& day, When const& when) {
  if (!day.settings.improve || server.options().improve_iterations <= 0) return;
  std::int64_t const company = day.company.id;
  auto const turn = server.turn_at(fmt::format("improve/{}/{}", company, when.date));
  if (!turn) return;
  server.background().run([&server, company, when, turn] {
    turn->end();
    improve_day(server, company, when);
  });
}

Result<Dispatched> decide(Server& server, std::int64_t company, When const& when, std::string const& reason,
                          WhenKept const& with) {
  Error last{ErrorKind::conflict, "the day changed while it was being decided about"};
  std::vector<std::string> suggestions;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    // Step 1. The day as it stands.
    Result<Question> question = load_question(server, company, when);
    if (!question) return question.error();
    LoadedDay& day = question->day;
    std::vector<BookingId> const undecided = undecided_of(*day.desk);
    Dispatched done{.suggestions = suggestions, .waiting = {undecided.begin(), undecided.end()}};
    if (day.company.mode == store::Mode::suggest_only && question->candidate) {
      Question asked = *question;
      asked.day.desk = day.desk->copy();
      Result<Dispatched> suggested = suggest(server, when, asked);
      if (!suggested) return suggested;
      suggestions.insert(suggestions.end(), suggested->suggestions.begin(), suggested->suggestions.end());
      suggested->suggestions = suggestions;
      suggested->waiting = done.waiting;
      // What people turned down, or let lie, the rule decides; the rest waits for them.
      std::vector<BookingId> left;
      Status const read = server.database().read([&](store::Transaction& tx) {
        std::ranges::copy_if(undecided, std::back_inserter(left),
                             [&](BookingId id) { return is_turned_down(store::suggestions_of(tx, company, id)); });
        return tx.failed() ? Status(tx.error()) : ok();
      });
      if (!read) return read.error();
      day.desk->decide_only(left);
      if (left.empty() && reason != "delay") return suggested;
      done = *suggested;
    }
    day.desk->lock_what_is_near();
    bool const nothing_open = day.desk->fleet().undecided.empty();
    if (nothing_open && reason != "delay") return done;
    find_times(server, company, *day.desk);

    // Step 2. The answer, and the last look at it.
    std::uint64_t const seed = server.random_seed();
    std::string const snapshot = recorded(*day.desk, seed);
    // A candidate that was to suggest and cannot be loaded is missed as one that was to decide.
    bool const is_missed = day.company.mode == store::Mode::suggest_only && !question->candidate_trouble.empty();
    bool const model_decides = day.company.mode == store::Mode::on && !day.company.fallback_reason;
    Verdict const verdict = ask_arms(server, *question, seed, model_decides || is_missed);
    Status const legal = dispatch::check_decision(day.desk->situation(), verdict.answer.decision);
    if (!legal) return Error{ErrorKind::corrupt, "the rule's answer is illegal: " + legal.error().message};
    if (nothing_open && verdict.fallback.empty() && changes_nothing(verdict.answer.decision)) {
      improve_soon(server, day, when);
      return done;
    }
    Json const summary = run_summary(day, verdict);
    if (!changes_nothing(verdict.answer.decision)) day.desk->carry_out(verdict.answer.decision);

    // Step 3. Keeping it, if everything is still as it was read; the switch too.
    done.arm = verdict.arm;
    done.fallback = verdict.fallback;
    done.degraded = day.desk->is_degraded();
    done.decide_us = verdict.answer.took_us;
    done.wake_at = std::min(done.wake_at, verdict.answer.decision.wake_at);
    for (BookingId const id : undecided) {
      if (day.desk->booking(id).status == BookingStatus::pending) continue;
      done.decided.push_back(id);
      done.waiting.erase(id);
    }
    auto const kept = server.database().write_and_wait([&](store::Transaction& tx) -> Status {
      if (Status const same = switch_unturned(server, tx, day.company); !same) return same;
      if (Status const day_kept = keep_day(server, tx, day, when.now, verdict.arm); !day_kept) return day_kept;
      auto const run =
          store::add_run(tx, {.id = "", .company = company, .at_us = when.now, .reason = reason, .summary = summary},
                         server.entropy());
      if (!run) return run.error();
      store::StoredDecision decision;
      decision.company = company;
      decision.run = run->id;
      decision.at_us = when.now;
      decision.kind = verdict.kind;
      decision.arm = verdict.arm;
      if (!verdict.model_hash.empty()) decision.model_hash = verdict.model_hash;
      decision.snapshot = snapshot;
      decision.answer = to_json(verdict.answer.decision);
      if (!verdict.fallback.empty()) decision.fallback_reason = verdict.fallback;
      decision.decide_us = verdict.answer.took_us;
      auto const added = store::add_decision(tx, decision, server.entropy());
      if (!added) return added.error();
      done.decision_id = added->id;
      tally(tx, company, "decisions", when.now);
      tally(tx, company, verdict.arm == "model" ? "decisions_by_model" : "decisions_by_rule", when.now);
      tally(tx, company, verdict.arm == "model" ? "bookings_decided_by_model" : "bookings_decided_by_rule", when.now,
            static_cast<std::int64_t>(done.decided.size()));
      server.tell(tx, company, "decision.made", told_decision(done.decision_id, verdict.arm, done.decided), when.now);
      judge(server, tx, day.company, verdict, when.now);
      if (day.company.mode == store::Mode::shadow && !question->candidate_trouble.empty()) {
        count_fallback(server, question->candidate_trouble);
        tally(tx, company, "shadow_fallbacks", when.now);
      }
      if (with) with(tx, done);
      return tx.failed() ? Status(tx.error()) : ok();
    });
    if (!kept) {
      last = kept.error();
      if (last.kind == ErrorKind::conflict) continue;
      return last;
    }
    server.metrics().add("dispatch_decisions_total", fmt::format("arm=\"{}\",source=\"{}\"", verdict.arm, reason));
    server.metrics().observe("dispatch_decision_duration_seconds", fmt::format("arm=\"{}\"", verdict.arm),
                             static_cast<double>(verdict.answer.took_us) * 1e-6);

    // Step 4. What nobody waits for.
    if (day.company.mode == store::Mode::shadow && question->candidate) {
      server.background().run([&server, company, id = done.decision_id] { shadow_decision(server, company, id); });
    }
    improve_soon(server, day, when);
    return done;
  }
  return last;
}

}  // namespace

Result<Dispatched> decide_day(Server& server, std::int64_t company, When const& when, std::string const& reason,
                              WhenKept const& with) {
  auto const mine = server.at_work(deciding(company, when));
  std::int64_t fleet = 0;
  Result<TimeZone> const zone = server.database().read([&](store::Transaction& tx) -> Result<TimeZone> {
    Result<store::Company> const c = store::load_company(tx, company);
    if (!c) return c.error();
    fleet = fleet_version(tx, company);
    return TimeZone::named(c->time_zone);
  });
  if (!zone) return zone.error();
  Result<Dispatched> done = decide(server, company, when, reason, with);
  if (!done) return done;
  // The clock is about today.
  if (zone->date_of(server.now()) != when.date) return done;
  Due::Left left{.date = when.date, .waiting = done->waiting, .fleet = fleet};
  if (done->wake_at != never) left.wake_at = zone->instant_of(done->wake_at, when.date);
  server.due().note(company, std::move(left));
  return done;
}

void decide_soon(Server& server, std::int64_t company, When const& when, std::string const& reason) {
  auto const turn = server.turn_at(deciding(company, when));
  if (!turn) return;
  server.pool().run([&server, company, when, reason, turn] {
    turn->end();
    When const moment{.date = when.date, .now = server.now()};
    // Whoever asks next tries again; what went wrong is counted.
    if (auto const decided = decide_day(server, company, moment, reason); !decided) {
      server.metrics().add("dispatch_decision_errors_total", "");
    }
  });
}

void improve_day(Server& server, std::int64_t company, When const& when) {
  Result<Question> question = load_question(server, company, when);
  if (!question) return;
  LoadedDay& day = question->day;
  Desk& desk = *day.desk;
  // The model's plans are the model's: only the rule's are improved by the rule's yardstick.
  if (day.company.mode == store::Mode::on && !day.company.fallback_reason) return;
  // What has no driver yet waits for a person.
  if (day.company.mode == store::Mode::suggest_only && !day.company.fallback_reason) desk.decide_only({});
  desk.lock_what_is_near();
  find_times(server, company, desk);
  std::int64_t const iterations = server.options().improve_iterations;
  std::uint64_t const seed = server.random_seed();
  std::string const snapshot = recorded(desk, seed, iterations);
  Pace pace(server);
  Arm const search = improvement(iterations, [&] {
    return !pace.rest() || !(server.background().is_stopping() || server.is_at_work(deciding(company, when)));
  });
  ArmAnswer const answer = ask(search, desk, seed);
  if (changes_nothing(answer.decision) || !dispatch::check_decision(desk.situation(), answer.decision)) return;
  if (!taken_from_people(day, answer.decision).empty()) return;
  std::vector<BookingId> const moved = moved_by(desk, answer.decision);
  desk.carry_out(answer.decision);
  // Somebody who changed the day meanwhile asks for a decision, and that for an improvement: nothing is lost. Nor when
  // a decision is under way, which would have to be made again if the plans changed under it.
  auto const kept = server.database().write_and_wait([&](store::Transaction& tx) -> Status {
    if (server.is_at_work(deciding(company, when))) return Error{ErrorKind::conflict, "a decision is under way"};
    if (Status const same = switch_unturned(server, tx, day.company); !same) return same;
    if (Status const day_kept = keep_day(server, tx, day, when.now, "rule"); !day_kept) return day_kept;
    store::StoredDecision decision;
    decision.company = company;
    decision.at_us = when.now;
    decision.kind = search.name;
    decision.arm = "improvement";
    decision.snapshot = snapshot;
    decision.answer = to_json(answer.decision);
    decision.decide_us = answer.took_us;
    auto const added = store::add_decision(tx, decision, server.entropy());
    if (!added) return added.error();
    tally(tx, company, "improvements", when.now);
    server.tell(tx, company, "decision.made", told_decision(added->id, decision.arm, moved), when.now);
    return tx.failed() ? Status(tx.error()) : ok();
  });
  server.metrics().add("dispatch_improvements_total", kept ? "kept=\"true\"" : "kept=\"false\"");
}

std::vector<BookingId> moved_by(Desk const& desk, dispatch::Decision const& decision) {
  std::vector<BookingId> moved;
  for (Booking const& b : desk.day().bookings) {
    if (driver_for(desk, decision, b.id) != desk.booking(b.id).driver) moved.push_back(b.id);
  }
  return moved;
}

Result<Recorded> recorded_decision(store::Transaction& tx, std::int64_t company, std::string const& id) {
  auto const damaged = [](std::string const& why) {
    return Error{ErrorKind::corrupt, "the record is damaged: " + why};
  };
  Result<store::StoredDecision> decision = store::load_decision(tx, company, id);
  if (!decision) return decision.error();
  Result<Json> record = parse_json(decision->snapshot);
  if (!record) return damaged(record.error().message);
  Json const* const seed = record->find("seed");
  if (seed == nullptr || !seed->is_integer()) return damaged("it has no seed");
  Json const* const iterations = record->find("iterations");
  if (iterations != nullptr && !iterations->is_integer()) return damaged("its iterations are no whole number");
  Recorded recorded{.decision = decision.take(),
                    .desk = nullptr,
                    .seed = static_cast<std::uint64_t>(seed->as_integer()),
                    .iterations = iterations == nullptr ? 0 : iterations->as_integer(),
                    .taken = {}};
  std::erase_if(record->as_object(),
                [](auto const& member) { return member.first == "seed" || member.first == "iterations"; });
  Result<std::unique_ptr<Desk>> desk = Desk::from_record(*record);
  if (!desk) return damaged(desk.error().message);
  recorded.desk = desk.take();
  Result<dispatch::Decision> taken = decision_of(recorded.decision.answer);
  if (!taken) return damaged(taken.error().message);
  recorded.taken = taken.take();
  return recorded;
}

void shadow_decision(Server& server, std::int64_t company, std::string const& decision_id) {
  struct Pair {
    Recorded recorded;
    Arm candidate;
  };
  Result<Pair> const pair = server.database().read([&](store::Transaction& tx) -> Result<Pair> {
    Result<Recorded> recorded = recorded_decision(tx, company, decision_id);
    if (!recorded) return recorded.error();
    Result<store::Company> const c = store::load_company(tx, company);
    if (!c) return c.error();
    if (!c->model_id) return Error{ErrorKind::not_found, "no model"};
    Result<Arm> arm = server.candidate(tx, *c->model_id);
    if (!arm) return arm.error();
    return Pair{.recorded = recorded.take(), .candidate = arm.take()};
  });
  if (!pair) return;
  auto const& [decision, question, seed, iterations, taken] = pair->recorded;
  std::string trouble;
  auto const answer = server.watchdog().ask(pair->candidate, question, seed, trouble);
  if (answer && !answer->decision.replaced.empty()) trouble = answer->decision.replaced;
  std::optional<double> agreement;
  std::int64_t difference = 0;
  if (answer) {
    agreement = agreement_of(*question, answer->decision, taken);
    difference =
        static_cast<std::int64_t>(std::llround(question->cost_after(answer->decision) - question->cost_after(taken)));
  }
  Status const written = server.database().write_and_wait([&](store::Transaction& tx) -> Status {
    if (answer) {
      tx.run(
          "UPDATE decisions SET shadow_answer = ?, agreement = ?, cost_difference = ?, model_hash = ? WHERE company = "
          "? AND id = ?",
          {std::string_view(to_json(answer->decision).dump()), *agreement, difference,
           std::string_view(pair->candidate.model_hash), company, std::string_view(decision_id)});
    }
    Instant const now = server.now();
    tally(tx, company, "shadow_decisions", now);
    if (answer) {
      // In thousandths, so that a mean can be made of integers.
      tally(tx, company, "shadow_agreement_permille", now, static_cast<std::int64_t>(std::llround(1'000 * *agreement)));
      tally(tx, company, "shadow_cost_difference_cents", now, difference);
    }
    if (!trouble.empty()) {
      count_fallback(server, trouble);
      tally(tx, company, "shadow_fallbacks", now);
    }
    return tx.failed() ? Status(tx.error()) : ok();
  });
  if (!written) server.metrics().add("dispatch_decision_errors_total", "");
}

Outcome assign(Server& server, Call const& call, When const& when, BookingId booking, DriverId driver,
               std::function<std::optional<Problem>(store::Transaction&)> const& with) {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    Result<LoadedDay> day = server.database().read([&](store::Transaction& tx) -> Result<LoadedDay> {
      Result<store::StoredBooking> const row = store::load_booking(tx, call.company, booking);
      if (!row) return row.error();
      if (auto const known = store::load_driver(tx, call.company, driver); !known) return known.error();
      Result<store::Company> const company = store::load_company(tx, call.company);
      if (!company) return company.error();
      return load_day(tx, call.company, TimeZone::named(company->time_zone)->date_of(row->pickup_at_us), when.now,
                      {.booking = booking, .driver = driver});
    });
    if (!day) return problem_of(day.error());
    Desk& desk = *day->desk;
    BookingStatus const status = desk.booking(booking).status;
    if (!is_open(status)) {
      return conflict(fmt::format("driver {} cannot take booking {}: it is {}", driver, booking, word(status)));
    }
    if (status == BookingStatus::assigned) {
      if (Status const out = desk.withdraw(booking, BookingStatus::pending); !out) return conflict(out.error().message);
    }
    desk.decide_only({booking});
    desk.require(booking, driver);
    desk.lock_what_is_near();
    find_times(server, call.company, desk);
    std::uint64_t const seed = server.random_seed();
    std::string const snapshot = recorded(desk, seed);
    ArmAnswer const answer = ask(server.rule("insertion"), desk, seed);
    if (driver_for(desk, answer.decision, booking) != driver) {
      return conflict(fmt::format("driver {} cannot take booking {}", driver, booking));
    }
    if (Status const legal = dispatch::check_decision(desk.situation(), answer.decision); !legal)
      return conflict(legal.error().message);
    desk.carry_out(answer.decision);
    std::optional<Problem> problem;
    Status const kept = server.database().write_and_wait([&](store::Transaction& tx) -> Status {
      if (with) {
        problem = with(tx);
        if (problem) return invalid("refused");
      }
      if (Status const day_kept = keep_day(server, tx, *day, when.now, "person"); !day_kept) return day_kept;
      store::StoredDecision decision;
      decision.company = call.company;
      decision.at_us = when.now;
      decision.kind = "by_hand";
      decision.arm = "person";
      decision.snapshot = snapshot;
      decision.answer = to_json(answer.decision);
      decision.decide_us = answer.took_us;
      auto const added = store::add_decision(tx, decision, server.entropy());
      if (!added) return added.error();
      tally(tx, call.company, "decisions", when.now);
      tally(tx, call.company, "decisions_by_person", when.now);
      tally(tx, call.company, "bookings_decided_by_person", when.now);
      server.record(tx, call, "booking.assign", fmt::format("company/{}/booking/{}", call.company, booking), {},
                    Json::object({{"driver", driver}, {"decision", added->id}}));
      remember(tx, call, json_response(200, assignment_json(*day, booking)));
      return tx.failed() ? Status(tx.error()) : ok();
    });
    if (problem) return *problem;
    if (kept) return json_response(200, assignment_json(*day, booking));
    if (kept.error().kind != ErrorKind::conflict) return problem_of(kept.error());
  }
  return conflict("the day changed while it was being decided about");
}

Result<Dispatched> suggest_day(Server& server, std::int64_t company, When const& when, WhenKept const& with) {
  Result<Question> question = load_question(server, company, when);
  if (!question) return question.error();
  return suggest(server, when, *question, with);
}

namespace {

Result<Dispatched> suggest(Server& server, When const& when, Question& question, WhenKept const& with) {
  LoadedDay& day = question.day;
  std::int64_t const company = day.company.id;
  if (!question.candidate) return Error{ErrorKind::conflict, "no model is chosen, or it cannot be asked"};
  // What was suggested once is not suggested again.
  std::vector<BookingId> fresh;
  Status const read = server.database().read([&](store::Transaction& tx) {
    std::ranges::copy_if(undecided_of(*day.desk), std::back_inserter(fresh),
                         [&](BookingId id) { return store::suggestions_of(tx, company, id).empty(); });
    return tx.failed() ? Status(tx.error()) : ok();
  });
  if (!read) return read.error();
  day.desk->decide_only(fresh);
  day.desk->lock_what_is_near();
  if (day.desk->fleet().undecided.empty()) return Dispatched{};
  find_times(server, company, *day.desk);
  std::uint64_t const seed = server.random_seed();
  Verdict const verdict = ask_arms(server, question, seed, true);
  dispatch::Decision const& decided = verdict.answer.decision;
  Dispatched done;
  done.arm = verdict.arm;
  done.fallback = verdict.fallback;
  done.decide_us = verdict.answer.took_us;
  done.wake_at = decided.wake_at;
  auto const kept = server.database().write_and_wait([&](store::Transaction& tx) -> Status {
    if (Status const same = switch_unturned(server, tx, day.company); !same) return same;
    store::StoredDecision decision;
    decision.company = company;
    decision.at_us = when.now;
    decision.kind = verdict.kind;
    decision.arm = "suggestion";
    if (!verdict.model_hash.empty()) decision.model_hash = verdict.model_hash;
    decision.snapshot = recorded(*day.desk, seed);
    decision.answer = to_json(decided);
    if (!verdict.fallback.empty()) decision.fallback_reason = verdict.fallback;
    decision.decide_us = verdict.answer.took_us;
    auto const added = store::add_decision(tx, decision, server.entropy());
    if (!added) return added.error();
    done.decision_id = added->id;
    for (BookingId const id : fresh) {
      DriverId const driver = driver_for(*day.desk, decided, id);
      if (driver == 0) continue;
      auto const suggestion =
          store::add_suggestion(tx,
                                {.id = "",
                                 .company = company,
                                 .booking = id,
                                 .driver = driver,
                                 .decision = added->id,
                                 .expires_us = when.now + day.settings.suggestion_seconds * one_second},
                                when.now, server.entropy());
      if (!suggestion) return suggestion.error();
      done.suggestions.push_back(suggestion->id);
      tally(tx, company, "suggestions", when.now);
      server.tell(tx, company, "suggestion.made",
                  Json::object({{"suggestion", suggestion->id}, {"booking", id}, {"driver", driver}}), when.now);
    }
    judge(server, tx, day.company, verdict, when.now);
    if (with) with(tx, done);
    return tx.failed() ? Status(tx.error()) : ok();
  });
  if (!kept) return kept.error();
  return done;
}

}  // namespace

}  // namespace regulus::server
