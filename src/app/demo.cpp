// `regulus demo`: a company of invented people on a server, and one simulated day driven through the public interface.
//
// The day is the simulator's (a family of days and a seed); the server knows nothing of that. Bookings come in when
// somebody would ask for them, drivers report what they do, and whatever the server decides is what happens. The
// company is marked is_test, so its clock is the day's: the whole day takes seconds. Everything goes over HTTP with a
// token, as a dispatcher's own program would do it. Nothing happens between two questions, so the same seed gives the
// same day.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "app/command.h"
#include "app/database_flag.h"
#include "app/issue_token.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/seeds.h"
#include "domain/day_file.h"
#include "server/bodies.h"
#include "server/server.h"
#include "sim/scenario.h"
#include "sim/simulator.h"
#include "store/hash.h"
#include "travel/http_client.h"

namespace regulus::app {

namespace {

constexpr std::chrono::seconds patience{30};
constexpr std::string_view zone_name = "Europe/Zurich";

struct State {
  DatabaseFlag database;
  std::string url = "http://127.0.0.1:5000", token, family = "geneva-medical", date = "2026-03-02", policy = "lns";
  std::int64_t company = 1;
  std::uint64_t seed = seed_range(Role::test).first;
};

// The interface, with the errors of an answer as errors of ours.
class Api {
 public:
  Api(travel::HttpClient client, std::int64_t company) : client_(std::move(client)), company_(company) {}

  Result<Json> post(std::string const& path, Json const& body) {
    ++requests_;
    return read(client_.post_json(path, body.dump(), std::chrono::steady_clock::now() + patience), path);
  }
  Result<Json> send(std::string_view method, std::string const& path, Json const& body) {
    ++requests_;
    return read(client_.send_json(method, path, body.dump(), std::chrono::steady_clock::now() + patience), path);
  }
  Result<Json> get(std::string const& path) {
    ++requests_;
    return read(client_.get(path, std::chrono::steady_clock::now() + patience), path);
  }
  std::string company(std::string const& rest = "") const {
    return fmt::format("/api/v1/companies/{}{}", company_, rest);
  }
  std::int64_t requests() const { return requests_; }
  std::int64_t refused() const { return refused_; }

 private:
  Result<Json> read(Result<travel::HttpAnswer> const& answer, std::string const& path) {
    if (!answer) return answer.error();
    Result<Json> json = parse_json(answer->body);
    if (answer->status < 300) {
      if (!json) return json.error().in(path);
      return json;
    }
    if (answer->status == 409) {
      ++refused_;
      return Error{ErrorKind::conflict, fmt::format("{}: {}", path, answer->body)};
    }
    return Error{ErrorKind::io, fmt::format("{} answered {}: {}", path, answer->status, answer->body)};
  }

  travel::HttpClient client_;
  std::int64_t company_;
  std::int64_t requests_ = 0, refused_ = 0;
};

// One day, told to the server as it happens.
class Performance {
 public:
  Performance(Api& api, Day const& day, std::string const& date)
      : api_(api),
        day_(day),
        zone_(server::TimeZone::named(std::string(zone_name)).take()),
        date_(date),
        times_(TravelTimes::straight_line(day.places, day.speeds)) {}

  Status play() {
    sim::SimulateOptions options;
    options.trace = [this](sim::TraceEvent const& event) {
      events_.push_back(event);
      if (event.what == "refused") refusals_.push_back(fmt::format("{}: {}", clock_text(event.at), event.detail));
    };
    sim::DayRun run(day_, times_, options);
    Progress bar("day", static_cast<int>(day_.bookings.size()), "bookings");
    while (run.next_question()) {
      if (interrupted()) return Error{ErrorKind::interrupted, "interrupted; the company stays as it is"};
      if (Status const told = tell(run.situation().fleet); !told) return told;
      Result<dispatch::Decision> const decision = ask(run.situation());
      if (!decision) return decision.error();
      run.answer(*decision);
      bar.update(static_cast<int>(ids_.size()));
    }
    if (Status const told = tell_events(); !told) return told;
    result_ = run.result();
    return ok();
  }
  sim::DayResult const& result() const { return result_; }
  // Plans of the server that the simulated world could not carry out, and why.
  std::vector<std::string> const& refusals() const { return refusals_; }

 private:
  std::string at(Seconds moment) const { return server::instant_text(zone_.instant_of(moment, date_)); }

  // What happened since the last question: first what drivers did, then who asked for what.
  Status tell(FleetSnapshot const& fleet) {
    if (Status const told = tell_events(); !told) return told;
    for (std::size_t b = 0; b < fleet.bookings.size(); ++b) {
      BookingState const& state = fleet.bookings[b];
      Booking const& booking = day_.bookings[b];
      if (!state.known || !is_open(state.status)) continue;
      if (!ids_.contains(booking.id)) {
        if (Status const booked = book(booking, state); !booked) return booked;
      } else if (state.ready && waiting_.contains(booking.id)) {
        if (Status const called = call(booking, state); !called) return called;
      }
    }
    return ok();
  }

  // Who will call for the ride home is booked without a time; the window is when it is likely.
  Status book(Booking const& booking, BookingState const& state) {
    Json json = as_it_stands(booking, state);
    json["reference"] = fmt::format("ride {}", booking.id);
    if (auto const outbound = ids_.find(booking.linked); outbound != ids_.end()) json["linked"] = outbound->second;
    Result<Json> const made = api_.post(api_.company("/bookings"), json);
    if (!made) return made.error();
    ids_[booking.id] = static_cast<BookingId>(made->find("id")->as_integer());
    if (!state.ready) waiting_.insert(booking.id);
    return ok();
  }

  Status call(Booking const& booking, BookingState const& state) {
    Json const now = as_it_stands(booking, state);
    Json change = Json::object({{"ready", true}});
    for (char const* window : {"pickup_window", "dropoff_window"}) {
      if (Json const* known = now.find(window)) change[window] = *known;
    }
    Result<Json> const told =
        api_.send("PATCH", api_.company(fmt::format("/bookings/{}", ids_.at(booking.id))), change);
    if (!told) return told.error();
    waiting_.erase(booking.id);
    return ok();
  }

  Json as_it_stands(Booking booking, BookingState const& state) const {
    booking.pickup_window = state.pickup_window;
    booking.dropoff_window = state.dropoff_window;
    server::BookingBody body = server::booking_body_of(day_, booking, zone_, date_);
    body.ready = state.ready;
    return server::to_json(body);
  }

  Status tell_events() {
    for (sim::TraceEvent const& event : std::exchange(events_, {})) {
      Json body = Json::object({{"at", at(event.at)}});
      if (event.what == "cancelled") {
        if (!ids_.contains(event.booking)) continue;
        Result<Json> const told =
            api_.post(api_.company(fmt::format("/bookings/{}/cancel", ids_.at(event.booking))), body);
        if (!told && told.error().kind != ErrorKind::conflict) return told.error();
        continue;
      }
      if (event.what == "sick") {
        Result<Json> const told = api_.send("PATCH", api_.company(fmt::format("/drivers/{}", event.driver)),
                                            Json::object({{"available", false}}));
        if (!told) return told.error();
        continue;
      }
      if (event.what == "home") {
        Driver const& driver = day_.drivers[static_cast<std::size_t>(day_.driver_position(event.driver))];
        Json position = server::to_json(day_.places[static_cast<std::size_t>(driver.end)]);
        position["at"] = at(event.at);
        Result<Json> const told = api_.post(api_.company(fmt::format("/drivers/{}/positions", event.driver)),
                                            Json::object({{"positions", Json(Json::Array{position})}}));
        if (!told) return told.error();
        continue;
      }
      std::string const name = event_of(event);
      if (name.empty() || event.driver == 0) continue;
      Json stop;
      if (event.booking != 0) {
        if (!ids_.contains(event.booking)) continue;
        bool const on_board = boarded_.contains(event.booking);
        stop = Json::object({{"kind", on_board ? "dropoff" : "pickup"}, {"booking", ids_.at(event.booking)}});
        if (event.what == "boarded") boarded_.insert(event.booking);
      } else {
        // The simulator's drivers rest in the order of their breaks.
        int& breaks = rested_[event.driver];
        stop = Json::object({{"kind", "rest"}, {"break", breaks}});
        if (event.what == "rested") ++breaks;
      }
      body["event"] = name;
      body["stop"] = std::move(stop);
      body["date"] = date_;
      Result<Json> const told = api_.post(api_.company(fmt::format("/drivers/{}/progress", event.driver)), body);
      if (!told && told.error().kind != ErrorKind::conflict) return told.error();
    }
    return ok();
  }

  static std::string event_of(sim::TraceEvent const& event) {
    bool const rest = event.what == "resting" || event.what == "rested";
    if (event.booking == 0 && !rest) return "";
    if (event.what == "left") return "depart";
    if (event.what == "arrived") return "arrive";
    if (event.what == "loading" || event.what == "unloading" || event.what == "resting") return "begin";
    if (event.what == "boarded" || event.what == "completed" || event.what == "rested") return "finish";
    if (event.what == "no-show") return "no_show";
    return "";
  }

  // What the server's plans are now, as a decision for the simulated world.
  Result<dispatch::Decision> ask(Situation const& situation) {
    Seconds const now = situation.fleet.now;
    Result<Json> const run = api_.post(api_.company("/dispatch:run"), Json::object({{"at", at(now)}, {"date", date_}}));
    if (!run) return run.error();
    Result<Json> const plans = api_.get(api_.company("/assignments?date=" + date_));
    if (!plans) return plans.error();
    std::map<BookingId, BookingId> ours;
    for (auto const& [mine, theirs] : ids_) ours[theirs] = mine;
    dispatch::Decision decision;
    for (Json const& plan : plans->find("drivers")->as_array()) {
      DriverRoute route{.driver = static_cast<DriverId>(plan.find("driver")->as_integer()), .stops = {}};
      DriverState const& present =
          situation.fleet.drivers[static_cast<std::size_t>(day_.driver_position(route.driver))];
      std::size_t k = 0;
      for (Json const& item : plan.find("stops")->as_array()) {
        Stop stop;
        std::string const& kind = item.find("kind")->as_string();
        stop.kind = kind == "pickup" ? StopKind::pickup : kind == "dropoff" ? StopKind::dropoff : StopKind::rest;
        if (stop.kind == StopKind::rest) {
          stop.index = static_cast<std::int32_t>(item.find("break")->as_integer());
        } else {
          auto const mine = ours.find(static_cast<BookingId>(item.find("booking")->as_integer()));
          if (mine == ours.end()) continue;
          stop.index = mine->second;
        }
        if (Json const* planned = item.find("planned"); planned->is_string()) {
          stop.planned = zone_.moment_of(server::parse_instant(planned->as_string()).take(), date_);
        }
        // Locked is what the world has locked.
        stop.locked = k < present.stops.size() && present.stops[k].locked;
        ++k;
        route.stops.push_back(stop);
      }
      if (route.stops != present.stops) decision.routes.push_back(std::move(route));
    }
    for (Json const& item : plans->find("items")->as_array()) {
      auto const mine = ours.find(static_cast<BookingId>(item.find("booking")->as_integer()));
      if (mine == ours.end()) continue;
      std::string const& status = item.find("status")->as_string();
      BookingState const& state =
          situation.fleet.bookings[static_cast<std::size_t>(day_.booking_position(mine->second))];
      if (status == "partner" && state.status == BookingStatus::pending) decision.overflow.push_back(mine->second);
      if (status == "unserved" && state.status == BookingStatus::pending) decision.unserved.push_back(mine->second);
    }
    std::ranges::sort(decision.overflow);
    std::ranges::sort(decision.unserved);
    return decision;
  }

  Api& api_;
  Day const& day_;
  server::TimeZone zone_;
  std::string date_;
  TravelTimes times_;
  std::vector<sim::TraceEvent> events_;
  std::vector<std::string> refusals_;
  std::map<BookingId, BookingId> ids_;  // the day's -> the server's
  std::set<BookingId> waiting_;         // whose call has not come
  std::set<BookingId> boarded_;
  std::map<DriverId, int> rested_;
  sim::DayResult result_;
};

// A token of its own, when none was given.
Result<std::string> make_token(State const& state) {
  Result<std::filesystem::path> const path = state.database.path();
  if (!path) return path.error();
  if (!std::filesystem::exists(*path)) {
    return Error{ErrorKind::not_found,
                 fmt::format("--database = {}: there is no such file; start regulus serve first, or give --token",
                             path->string())};
  }
  Result<std::unique_ptr<store::Database>> database = store::Database::open(*path);
  if (!database) return database.error();
  store::TokenRights const rights{
      .name = "demo",
      .scopes = {"companies:read", "companies:write", "drivers:read", "drivers:write", "bookings:read",
                 "bookings:write", "dispatch:read", "dispatch:write", "rl:read"},
      .companies = std::vector<std::int64_t>{state.company},
      .expires_us = server::system_now() + 86'400 * server::one_second,
      .created_by = "demo"};
  auto const issued = issue_token(**database, rights);
  if (!issued) return issued.error();
  return issued->secret;
}

// A server that was started a moment ago may still be opening its database.
Status wait_until_ready(travel::HttpClient& client) {
  auto const ask = [&] { return client.get("/readyz", std::chrono::steady_clock::now() + patience); };
  Result<travel::HttpAnswer> ready = ask();
  for (int k = 0; k < 100 && (!ready || ready->status != 200) && !interrupted(); ++k) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ready = ask();
  }
  if (!ready) return ready.error();
  if (ready->status != 200) return Error{ErrorKind::io, fmt::format("/readyz answers {}", ready->status)};
  return ok();
}

Status fill(Api& api, State const& state, Day const& day) {
  Result<Json> const company = api.post("/api/v1/companies", Json::object({{"id", state.company},
                                                                           {"name", "Demo " + state.family},
                                                                           {"time_zone", std::string(zone_name)},
                                                                           {"is_test", true},
                                                                           {"scenario", state.family}}));
  if (!company) {
    if (company.error().kind != ErrorKind::conflict) return company.error();
    return invalid(fmt::format("--company = {} exists already; name another one", state.company));
  }
  // The plans change when the day asks, not in between: a simulated driver hears of nothing else.
  Result<Json> const set = api.send("PUT", api.company("/settings"),
                                    Json::object({{"policy", state.policy},
                                                  {"auto_dispatch", false},
                                                  {"improve", false},
                                                  {"partner_rides", day.partner.rides},
                                                  {"partner_notice_seconds", day.partner.notice},
                                                  {"partner_wheelchairs", day.partner.wheelchairs}}));
  if (!set) return set.error();
  for (Driver const& driver : day.drivers) {
    server::DriverBody body = server::driver_body_of(day, driver);
    body.driver.name = fmt::format("Driver {}", driver.id);
    Json json = server::to_json(body);
    json["id"] = driver.id;
    Result<Json> const made = api.post(api.company("/drivers"), json);
    if (!made) return made.error();
  }
  return ok();
}

Status run(Common const& common, State const& state) {
  Result<sim::Family const*> const family = sim::find_family(state.family);
  if (!family) return family.error().in("--family");
  if (!server::is_date(state.date)) return invalid(fmt::format("--date = {} is no date", state.date));
  Result<travel::HttpClient> client = travel::HttpClient::open(state.url);
  if (!client) return client.error().in("--url");
  catch_interrupts();
  if (Status const ready = wait_until_ready(*client); !ready) return ready;
  Result<std::string> token = state.token.empty() ? make_token(state) : Result<std::string>(state.token);
  if (!token) return token.error();
  client->authorize(*token);
  Api api(client.take(), state.company);
  Day const day = (*family)->generate(state.seed);
  if (Status const filled = fill(api, state, day); !filled) return filled;
  Performance performance(api, day, state.date);
  if (Status const played = performance.play(); !played) return played;
  Result<Json> const status = api.get(fmt::format("/api/company_dispatch/rl/status?company_id={}", state.company));
  if (!status) return status.error();
  sim::DayResult const& result = performance.result();
  Json const json = Json::object({{"company", state.company},
                                  {"family", state.family},
                                  {"seed", static_cast<std::int64_t>(state.seed)},
                                  {"bookings", result.kpi.requested},
                                  {"served", result.kpi.served},
                                  {"cost_francs", static_cast<double>(result.kpi.cost.total()) / 100},
                                  {"decisions", result.decisions},
                                  {"refused_decisions", result.refused_decisions},
                                  {"refusals", Json::array_of(performance.refusals())},
                                  {"requests", api.requests()},
                                  {"conflicts", api.refused()},
                                  {"rl", *status}});
  return print_result(common, json,
                      fmt::format("company {} lived through a day of {}: {} of {} rides served, {:.0f} francs, {} "
                                  "questions, {} requests\n  curl {}/api/v1/companies/{}/assignments?date={} -H "
                                  "\"Authorization: Bearer $TOKEN\"",
                                  state.company, state.family, result.kpi.served, result.kpi.requested,
                                  static_cast<double>(result.kpi.cost.total()) / 100, result.decisions, api.requests(),
                                  state.url, state.company, state.date));
}

}  // namespace

Run add_demo(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("--url", state->url, "The server")->shows_default();
  flags.add("--token", state->token, "Token to use; without it one is made in --database")
      ->or_environment("REGULUS_TOKEN");
  state->database.declare(flags);
  flags.add("--company", state->company, "Number of the company to make")->between(1, 1'000'000'000)->shows_default();
  flags.add("--family", state->family, "Family of days, as regulus scenario list names them")->shows_default();
  flags.add("--policy", state->policy, "The rule that the company runs")
      ->one_of({"insertion", "nearest", "regret", "lns", "lns_futures", "rollout"})
      ->shows_default();
  flags.add("--date", state->date, "The day's date at the company")->shows_default();
  add_seed(flags, state->seed, "Seed of the day");
  flags.footer(
      "Examples:\n  regulus serve --port 5000 &\n  regulus demo\n  regulus demo --company 2 --family paratransit");
  return [state](Common const& common) { return run(common, *state); };
}

}  // namespace regulus::app
