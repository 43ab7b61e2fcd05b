// Live dispatch through the interface, in every mode, with healthy and sick candidates.
#include "server/live.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>

#include "dispatch/guarded.h"
#include "server/improvement.h"
#include "server/pace.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

constexpr std::string_view base = "/api/v1/companies/1";

Json place(double latitude) { return Json::object({{"latitude", latitude}, {"longitude", 6.14}}); }

Json a_driver(std::string const& name) {
  return parse_json(R"({"name": ")" + name +
                    R"(", "vehicle": {"layouts": [{"ambulatory": 4}]}, "shift": {"from": "07:00", "to": "17:00"},
                        "start": {"latitude": 46.2, "longitude": 6.14}})")
      .take();
}

// At `hour`:00 local time of the Monday (UTC+1).
Json a_ride(int hour) {
  return Json::object({{"class", "on_demand"},
                       {"pickup", place(46.2)},
                       {"dropoff", place(46.21)},
                       {"pickup_window", Json(Json::Array{Json(fmt::format("2026-03-02T{:02}:00:00Z", hour - 1)),
                                                          Json(fmt::format("2026-03-02T{:02}:20:00Z", hour - 1))})}});
}

// A company for tests with two drivers; nothing is decided unless somebody asks.
class Live : public ::testing::Test {
 protected:
  Live()
      : world_([](Server::Options& options) {
          options.watchdog.patience = std::chrono::milliseconds(2'000);
          options.improve_iterations = 400;
          options.workers = 1;  // settle()
        }) {
    world_.company(1, true);
    expect(200, put("/settings", Json::object({{"auto_dispatch", false}, {"improve", false}})));
    expect(201, post("/drivers", a_driver("A")));
    expect(201, post("/drivers", a_driver("B")));
  }

  Response ask(std::string const& method, std::string const& rest, std::optional<Json> json, Pairs headers = {}) {
    return world_.ask(method, std::string(base) + rest,
                      {.token = world_.administrator(), .json = std::move(json), .headers = std::move(headers)});
  }
  Response post(std::string const& rest, Json json) { return ask("POST", rest, std::move(json)); }
  Response put(std::string const& rest, Json json) { return ask("PUT", rest, std::move(json)); }
  Json get(std::string const& rest) { return json_of(expect(200, ask("GET", rest, {}))); }
  static Response expect(int status, Response response) {
    EXPECT_EQ(response.status, status) << response.body;
    return response;
  }
  Json run() { return json_of(expect(200, post("/dispatch:run", Json::object()))); }
  std::int64_t booked(Json ride) {
    return json_of(expect(201, post("/bookings", std::move(ride)))).find("id")->as_integer();
  }
  std::int64_t book(int hour) { return booked(a_ride(hour)); }

  // A registered model whose policy is the test's; the company's mode as wanted.
  void switch_to(std::string const& mode, std::shared_ptr<dispatch::Policy const> policy) {
    if (model_.empty()) model_ = world_.model();
    world_.server().replace_candidate(model_, std::move(policy));
    Json const json = json_of(expect(
        200, toggle(Json::object({{"enabled", true}, {"company_id", 1}, {"mode", mode}, {"model_id", model_}}))));
    EXPECT_EQ(text_at(json, "mode"), mode);
  }
  Response toggle(Json body) {
    return world_.ask("POST", "/api/company_dispatch/rl/toggle",
                      {.token = world_.administrator(), .json = std::move(body)});
  }
  Json status() {
    return json_of(expect(200, world_.get("/api/company_dispatch/rl/status?company_id=1", world_.administrator())));
  }
  void give(std::int64_t ride, int driver) {
    expect(200, post("/assignments", Json::object({{"booking", ride}, {"driver", driver}})));
  }
  std::int64_t driver_of(std::int64_t ride) {
    Json const booking = get(fmt::format("/bookings/{}", ride));
    return booking.find("driver")->is_null() ? 0 : booking.find("driver")->as_integer();
  }
  std::string status_of(std::int64_t ride) { return text_at(get(fmt::format("/bookings/{}", ride)), "status"); }
  // What the search in the background does, while the test waits for it.
  void improve() { improve_day(world_.server(), 1, {.date = "2026-03-02", .now = world_.now()}); }
  // The second driver begins 11 km away, where the second ride begins, and each has the other's ride: who has decided
  // so is `by`.
  std::array<std::int64_t, 2> a_wasteful_day(std::string const& by) {
    expect(200, ask("PATCH", "/drivers/2", Json::object({{"start", place(46.3)}}), {{"if-match", "*"}}));
    Json there = a_ride(10);
    there["pickup"] = place(46.3);
    there["dropoff"] = place(46.31);
    std::array const rides = {book(10), booked(there)};
    give(rides[0], 2);
    give(rides[1], 1);
    for (std::int64_t const ride : rides) {
      world_.write([&](store::Transaction& tx) -> Result<store::StoredBooking> {
        auto const row = store::load_booking(tx, 1, static_cast<BookingId>(ride));
        Json body = row->body;
        body["decided_by"] = by;
        return store::change_booking(tx, {.company = 1, .id = row->id, .body = body}, row->version, world_.now());
      });
    }
    return rides;
  }
  Json replay(std::string const& decision) {
    return json_of(expect(200, post("/decisions/" + decision + "/replay", Json::object())));
  }
  // Waits until the only thread that decides has done what it was asked so far, and what that asked of it; the same of
  // the thread in the background.
  void settle() {
    for (int k = 0; k < 3; ++k) {
      for (Pool* pool : {&world_.server().pool(), &world_.server().background()}) {
        std::promise<void> done;
        ASSERT_TRUE(pool->run([&] { done.set_value(); }));
        done.get_future().wait();
      }
    }
  }
  void decide_by_itself() {
    expect(200, put("/settings", Json::object({{"auto_dispatch", true}, {"improve", false}})));
  }
  void tidy() {
    ASSERT_TRUE(world_.server().tidy());
    settle();
  }
  // One by whoever is said; null when there is none.
  Json decision_by(std::string_view who) {
    Json const page = get("/decisions");
    for (Json const& item : page.find("items")->as_array()) {
      if (text_at(item, "decided_by") == who) return item;
    }
    return {};
  }
  std::int64_t counter(std::string_view name) { return status().find("counters")->find(name)->as_integer(); }

  ServerUnderTest world_;
  std::string model_;
};

std::shared_ptr<dispatch::Policy const> healthy() {
  return std::make_shared<dispatch::Guarded const>(dispatch::make_policy("regret", {}).take());
}

// Answers with a driver who does not exist; the guard in front of it answers in its place.
class Illegal final : public dispatch::Policy {
 public:
  dispatch::Decision decide(Situation const&, Rng) const override {
    dispatch::Decision decision;
    decision.routes = {{.driver = 4'711, .stops = {}}};
    return decision;
  }
};

// Gives every ride to the first driver, whenever his shift ends.
class Overworking final : public dispatch::Policy {
 public:
  dispatch::Decision decide(Situation const& situation, Rng) const override {
    Day const& day = *situation.fleet.day;
    DriverRoute route{.driver = day.drivers.front().id, .stops = situation.fleet.drivers.front().stops};
    for (std::int32_t const p : situation.fleet.undecided) {
      BookingId const id = day.bookings[static_cast<std::size_t>(p)].id;
      for (StopKind const kind : {StopKind::pickup, StopKind::dropoff}) {
        Stop& stop = route.stops.emplace_back();
        stop.kind = kind;
        stop.index = id;
      }
    }
    dispatch::Decision decision;
    decision.routes = {route};
    return decision;
  }
};

// Does not answer until it is let go.
class Hanging final : public dispatch::Policy {
 public:
  ~Hanging() override { let_go(); }
  dispatch::Decision decide(Situation const&, Rng) const override {
    std::unique_lock lock(mutex_);
    gone_.wait(lock, [this] { return free_; });
    return {};
  }
  void let_go() const {
    std::unique_lock const lock(mutex_);
    free_ = true;
    gone_.notify_all();
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable gone_;
  mutable bool free_ = false;
};

// Notes what kind of day it is asked about.
class Curious final : public dispatch::Policy {
 public:
  dispatch::Decision decide(Situation const& situation, Rng rng) const override {
    std::unique_lock const lock(mutex_);
    heard_ = situation.fleet.day->name;
    return rule_->decide(situation, rng);
  }
  std::string heard() const {
    std::unique_lock const lock(mutex_);
    return heard_;
  }

 private:
  std::unique_ptr<dispatch::Policy> rule_ = dispatch::make_policy("insertion", {}).take();
  mutable std::mutex mutex_;
  mutable std::string heard_;
};

TEST_F(Live, a_policy_is_told_what_kind_of_days_the_company_has) {
  expect(200, ask("PATCH", "", Json::object({{"scenario", "geneva-medical"}})));
  auto const curious = std::make_shared<Curious const>();
  switch_to("on", curious);
  book(10);
  EXPECT_EQ(text_at(run(), "decided_by"), "model");
  EXPECT_EQ(curious->heard(), "geneva-medical");
}

TEST_F(Live, a_ride_is_booked_decided_driven_and_counted) {
  std::int64_t const ride = book(10);
  Json const done = run();
  EXPECT_EQ(text_at(done, "decided_by"), "rule");
  EXPECT_EQ(done.find("bookings")->dump(), fmt::format("[{}]", ride));
  Json const booked = get(fmt::format("/bookings/{}", ride));
  EXPECT_EQ(text_at(booked, "status"), "assigned");
  std::int64_t const driver = booked.find("driver")->as_integer();
  Json const plan = get("/assignments");
  EXPECT_EQ(plan.find("items")->as_array().size(), 1U);

  std::string const assignment = fmt::format("/assignments/{}", ride);
  for (auto const& [step, status] :
       {std::pair{"/start", "en_route"}, {"/arrive", "waiting"}, {"/board", "on_board"}, {"/complete", "completed"}}) {
    Json const json = json_of(expect(200, post(assignment + step, Json::object())));
    EXPECT_EQ(text_at(json, "status"), status);
    EXPECT_EQ(json.find("driver")->as_integer(), driver);
  }
  EXPECT_EQ(post(assignment + "/complete", Json::object()).status, 409);
  EXPECT_EQ(counter("bookings_completed"), 1);
  EXPECT_EQ(run().find("decision")->is_null(), true);
}

TEST_F(Live, a_decision_is_asked_of_another_model_by_the_body_or_the_query) {
  if (model_.empty()) model_ = world_.model();
  world_.server().replace_candidate(model_, std::make_shared<dispatch::Guarded const>(std::make_unique<Illegal>()));
  book(10);
  std::string const path = "/decisions/" + text_at(run(), "decision") + "/replay";
  for (auto const& [query, body] : {std::pair{"?model=" + model_, Json::object()},
                                    {std::string(), Json::object({{"model", model_}})},
                                    {"?model=" + model_, Json::object({{"model", model_}})}}) {
    EXPECT_FALSE(json_of(expect(200, post(path + query, body))).find("same")->as_bool());
  }
  EXPECT_EQ(post(path + "?model=mdl_other", Json::object({{"model", model_}})).status, 422);
  EXPECT_EQ(post(path + "?model=mdl_other", Json::object()).status, 404);
}

TEST_F(Live, any_decision_replays_to_the_same_bytes_and_explains_itself) {
  for (int hour : {9, 10, 11, 12}) book(hour);
  std::string const id = text_at(run(), "decision");
  Json const again = json_of(expect(200, post("/decisions/" + id + "/replay", Json::object())));
  EXPECT_TRUE(again.find("same")->as_bool());
  Json const why = get("/decisions/" + id + "/explain");
  EXPECT_EQ(why.find("items")->as_array().size(), 4U);
  for (Json const& item : why.find("items")->as_array()) EXPECT_FALSE(text_at(item, "text").empty());
  Json const decision = get("/decisions/" + id);
  EXPECT_EQ(decision.find("bookings")->as_array().size(), 4U);
  EXPECT_TRUE(decision.find("question")->has("day"));
}

TEST_F(Live, another_time_than_now_is_for_test_companies_only) {
  book(10);
  Json const at = Json::object({{"at", "2026-03-02T06:30:00Z"}});
  expect(200, post("/dispatch:run", at));
  world_.company(2, false);
  Response const refused =
      world_.ask("POST", "/api/v1/companies/2/dispatch:run", {.token = world_.administrator(), .json = at});
  EXPECT_EQ(refused.status, 422) << refused.body;
}

TEST_F(Live, in_shadow_the_rule_acts_and_the_candidate_is_written_down) {
  switch_to("shadow", healthy());
  book(10);
  Json const done = run();
  EXPECT_EQ(text_at(done, "decided_by"), "rule");
  // Beside the response: once more, where a test can wait for it.
  shadow_decision(world_.server(), 1, text_at(done, "decision"));
  Json const decision = get("/decisions/" + text_at(done, "decision"));
  EXPECT_EQ(decision.find("agreement")->as_number(), 1);
  EXPECT_EQ(decision.find("cost_difference_cents")->as_integer(), 0);
  EXPECT_GE(counter("shadow_decisions"), 1);
  EXPECT_EQ(text_at(status(), "decided_by"), "rule");
}

TEST_F(Live, suggestions_wait_for_a_person_who_accepts_or_rejects) {
  switch_to("suggest_only", healthy());
  std::int64_t const first = book(10), second = book(12);
  Json const done = run();
  ASSERT_EQ(done.find("suggestions")->as_array().size(), 2U);
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", first)), "status"), "pending");

  Json const items = get("/suggestions");
  std::string accepted, rejected;
  for (Json const& item : items.find("items")->as_array()) {
    (item.find("booking")->as_integer() == first ? accepted : rejected) = text_at(item, "id");
  }
  expect(200, post("/suggestions/" + accepted + "/accept", Json::object()));
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", first)), "status"), "assigned");
  EXPECT_EQ(post("/suggestions/" + accepted + "/accept", Json::object()).status, 409);
  EXPECT_EQ(post("/suggestions/" + rejected + "/reject", Json::object()).status, 422);
  expect(200, post("/suggestions/" + rejected + "/reject", Json::object({{"reason", "local_knowledge"}})));
  EXPECT_EQ(counter("suggestions"), 2);
  EXPECT_EQ(counter("suggestions_accepted"), 1);
  EXPECT_EQ(counter("suggestions_rejected"), 1);
  std::string const told = world_.read([&](store::Transaction& tx) -> Result<std::string> {
    return tx.text("SELECT GROUP_CONCAT(data) FROM outbox WHERE type = 'suggestion.accepted'").value_or("");
  });
  EXPECT_NE(told.find(accepted), std::string::npos) << told;
  // What was turned down is the rule's.
  run();
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", second)), "status"), "assigned");
}

TEST_F(Live, switched_on_the_candidate_decides_and_off_takes_it_back) {
  switch_to("on", healthy());
  book(10);
  EXPECT_EQ(text_at(run(), "decided_by"), "model");
  EXPECT_EQ(text_at(status(), "decided_by"), "model");
  Json const off = json_of(expect(200, toggle(Json::object({{"enabled", false}, {"company_id", 1}}))));
  EXPECT_TRUE(off.find("changed")->as_bool());
  Json const again = json_of(expect(200, toggle(Json::object({{"enabled", false}, {"company_id", 1}}))));
  EXPECT_FALSE(again.find("changed")->as_bool());
  book(12);
  EXPECT_EQ(text_at(run(), "decided_by"), "rule");
  EXPECT_EQ(counter("decisions"), 2);
}

TEST_F(Live, an_illegal_answer_costs_no_ride_and_three_of_them_end_it) {
  switch_to("on", std::make_shared<dispatch::Guarded const>(std::make_unique<Illegal>()));
  for (int k = 0; k < 3; ++k) {
    std::int64_t const ride = book(10 + k);
    Json const done = run();
    EXPECT_EQ(text_at(done, "decided_by"), "rule");
    EXPECT_EQ(text_at(done, "fallback").substr(0, 8), "illegal:");
    EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", ride)), "status"), "assigned");
  }
  Json const now = status();
  EXPECT_TRUE(now.find("fallback")->find("active")->as_bool());
  EXPECT_EQ(text_at(*now.find("fallback"), "reason"), "illegal");
  EXPECT_EQ(counter("fallbacks"), 3);
  EXPECT_EQ(text_at(now.find("audit")->as_array().front(), "action"), "rl.fallback");
  book(14);
  EXPECT_TRUE(run().find("fallback")->is_null());
  // A person resumes it.
  switch_to("on", healthy());
  book(15);
  EXPECT_EQ(text_at(run(), "decided_by"), "model");
}

// A and B go home at five. C works until ten, so the rule has somebody for every ride of the evening.
TEST_F(Live, a_plan_beyond_the_end_of_a_shift_reaches_no_driver_and_ends_it) {
  Json late = a_driver("C");
  late["shift"] = Json::object({{"from", "07:00"}, {"to", "22:00"}});
  std::int64_t const c = json_of(expect(201, post("/drivers", late))).find("id")->as_integer();
  switch_to("on", std::make_shared<dispatch::Guarded const>(std::make_unique<Overworking>()));
  std::int64_t const in_time = book(16);
  EXPECT_EQ(text_at(run(), "decided_by"), "model") << "while A is at work the same policy is as good as any";
  EXPECT_EQ(get(fmt::format("/bookings/{}", in_time)).find("driver")->as_integer(), 1);
  std::int64_t const ride = book(18);
  Json const done = run();
  EXPECT_EQ(text_at(done, "decided_by"), "rule");
  std::string const why = text_at(done, "fallback");
  EXPECT_TRUE(why.starts_with("illegal: driver 1")) << why;
  EXPECT_TRUE(why.ends_with("the driver is back after the end of the shift")) << why;
  EXPECT_EQ(driver_of(ride), c);
  EXPECT_EQ(text_at(*status().find("fallback"), "reason"), "off_duty");
  Json const noted = status().find("audit")->as_array().front();
  EXPECT_EQ(text_at(noted, "action"), "rl.fallback");
  EXPECT_EQ(text_at(noted, "reason"), "off_duty");
  book(21);
  EXPECT_TRUE(run().find("fallback")->is_null()) << "the candidate is not asked any more";
}

// Takes the break out of the first driver's plan and gives him every ride.
class Restless final : public dispatch::Policy {
 public:
  dispatch::Decision decide(Situation const& situation, Rng rng) const override {
    dispatch::Decision decision = overworking_.decide(situation, rng);
    std::erase_if(decision.routes.front().stops, [](Stop const& stop) { return stop.kind == StopKind::rest; });
    return decision;
  }

 private:
  Overworking overworking_;
};

TEST_F(Live, a_plan_without_a_drivers_break_reaches_nobody) {
  Json const lunch = Json::object({{"from", "11:00"}, {"to", "13:00"}, {"duration", 1'800}});
  expect(200, ask("PATCH", "/drivers/1", Json::object({{"breaks", Json(Json::Array{lunch})}}), {{"if-match", "*"}}));
  expect(200, ask("PATCH", "/drivers/2", Json::object({{"available", false}}), {{"if-match", "*"}}));
  std::int64_t const first = book(10);
  book(14);
  run();
  expect(200, post(fmt::format("/assignments/{}/start", first), Json::object()));
  switch_to("on", std::make_shared<dispatch::Guarded const>(std::make_unique<Restless>()));
  std::int64_t const ride = book(15);
  Json const done = run();
  EXPECT_EQ(text_at(done, "decided_by"), "rule");
  EXPECT_EQ(text_at(done, "fallback"), "illegal: driver 1: break 0 is in the plan and is left out");
  EXPECT_EQ(text_at(*status().find("fallback"), "reason"), "rest_breach");
  EXPECT_EQ(get(fmt::format("/bookings/{}", ride)).find("driver")->as_integer(), 1);
}

TEST(LiveWatchdog, a_candidate_that_hangs_is_replaced_and_off_does_not_wait_for_it) {
  ServerUnderTest world([](Server::Options& options) { options.watchdog.patience = std::chrono::milliseconds(20); });
  world.company(1, true);
  auto const ask = [&](std::string const& method, std::string const& target, std::optional<Json> json) {
    return world.ask(method, target, {.token = world.administrator(), .json = std::move(json)});
  };
  std::string const company(base);
  ask("PUT", company + "/settings", Json::object({{"auto_dispatch", false}, {"improve", false}}));
  ask("POST", company + "/drivers", a_driver("A"));
  std::string const model = world.model();
  auto const hanging = std::make_shared<Hanging const>();
  world.server().replace_candidate(model, hanging);
  Json const on = Json::object({{"enabled", true}, {"company_id", 1}, {"model_id", model}});
  ASSERT_EQ(ask("POST", "/api/company_dispatch/rl/toggle", on).status, 200);
  ask("POST", company + "/bookings", a_ride(10));
  Json const done = json_of(ask("POST", company + "/dispatch:run", Json::object()));
  EXPECT_EQ(text_at(done, "decided_by"), "rule");
  EXPECT_EQ(text_at(done, "fallback").substr(0, 5), "late:");
  EXPECT_EQ(world.server().watchdog().stuck(), 1);
  // Asked what it would have said, it hangs again: in nobody's way but another replay's.
  std::string const replay = company + "/decisions/" + text_at(done, "decision") + "/replay?model=" + model;
  EXPECT_EQ(ask("POST", replay, Json::object()).status, 409);
  EXPECT_EQ(world.server().watchdog().stuck(), 1);
  EXPECT_EQ(world.server().replays().stuck(), 1);
  Response const off =
      ask("POST", "/api/company_dispatch/rl/toggle", Json::object({{"enabled", false}, {"company_id", 1}}));
  EXPECT_EQ(off.status, 200);
  hanging->let_go();
}

TEST_F(Live, raising_needs_a_passed_gate_unless_the_company_is_a_test) {
  world_.company(2, false);
  world_.write([&](store::Transaction& tx) -> Result<store::Company> {
    store::Company company = store::load_company(tx, 2).take();
    company.scenario = "geneva-medical";
    return store::update_company(tx, company, std::nullopt);
  });
  auto const model = [&](char digit, Json gate) {
    std::string const id = world_.model(digit, std::move(gate));
    world_.server().replace_candidate(id, healthy());
    return id;
  };
  auto const raise = [&](std::string const& id) {
    return toggle(Json::object({{"enabled", true}, {"company_id", 2}, {"mode", "shadow"}, {"model_id", id}}));
  };
  EXPECT_EQ(problem_of(raise(model('1', Json()))), "gate-not-passed");
  EXPECT_EQ(problem_of(raise(model('2', parse_json(R"({"passed": false, "families": ["geneva-medical"]})").take()))),
            "gate-not-passed");
  EXPECT_EQ(problem_of(raise(model('3', parse_json(R"({"passed": true, "families": ["paratransit"]})").take()))),
            "gate-not-passed");
  EXPECT_EQ(raise(model('4', parse_json(R"({"passed": true, "families": ["geneva-medical"]})").take())).status, 200);
}

TEST_F(Live, the_toggle_takes_booleans_and_integers_to_the_letter) {
  for (char const* body : {R"({"enabled": "false", "company_id": 1})", R"({"enabled": 1, "company_id": 1})",
                           R"({"company_id": 1})", R"({"enabled": true, "company_id": "1"})",
                           R"({"enabled": true, "company_id": 1.5})", R"({"enabled": true, "company": 1})",
                           R"({"enabled": null, "company_id": 1})", R"({"enabled": true, "mode": "off"})", "[]"}) {
    Response const refused = toggle(parse_json(body).take());
    EXPECT_EQ(refused.status, 400) << body << refused.body;
  }
  EXPECT_EQ(text_at(status(), "mode"), "off");
  EXPECT_EQ(toggle(Json::object({{"enabled", false}, {"company_id", 77}})).status, 404);
}

TEST_F(Live, off_needs_only_its_own_scope_and_on_more) {
  std::string const guard = world_.token({"rl:off", "rl:read"}, std::vector<std::int64_t>{1});
  auto const ask = [&](Json body) {
    return world_.ask("POST", "/api/company_dispatch/rl/toggle", {.token = guard, .json = std::move(body)});
  };
  EXPECT_EQ(ask(Json::object({{"enabled", false}, {"company_id", 1}})).status, 200);
  EXPECT_EQ(ask(Json::object({{"enabled", true}, {"company_id", 1}})).status, 403);
  EXPECT_EQ(ask(Json::object({{"enabled", false}})).status, 200);  // the token's only company
  EXPECT_EQ(ask(Json::object({{"enabled", false}, {"company_id", 2}})).status, 404);
}

TEST_F(Live, status_survives_a_restart) {
  switch_to("on", healthy());
  for (int hour : {9, 10, 11}) {
    book(hour);
    run();
  }
  std::string const before = status().find("counters")->dump();
  Server::Options options = world_.server().options();
  // Another process on the same file.
  Result<std::unique_ptr<Server>> second = Server::open(options);
  ASSERT_TRUE(second);
  (*second)->replace_candidate(model_, healthy());
  Request request;
  request.method = "GET";
  request.path = "/api/company_dispatch/rl/status";
  request.headers = {{"authorization", "Bearer " + world_.administrator()}};
  request.query = {{"company_id", "1"}};
  Json const after = json_of((*second)->ask(request));
  EXPECT_EQ(after.find("counters")->dump(), before);
  EXPECT_EQ(text_at(after, "decided_by"), "model");
}

TEST_F(Live, a_person_assigns_what_is_possible_and_is_told_when_it_is_not) {
  std::int64_t const ride = book(10);
  Json const json = json_of(expect(200, post("/assignments", Json::object({{"booking", ride}, {"driver", 2}}))));
  EXPECT_EQ(json.find("driver")->as_integer(), 2);
  expect(200, post("/assignments", Json::object({{"booking", ride}, {"driver", 1}})));
  EXPECT_EQ(get(fmt::format("/bookings/{}", ride)).find("driver")->as_integer(), 1);
  std::int64_t const night = book(22);  // nobody works then
  EXPECT_EQ(post("/assignments", Json::object({{"booking", night}, {"driver", 1}})).status, 409);
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", night)), "status"), "pending");
  EXPECT_EQ(counter("decisions"), 2);
}

TEST_F(Live, a_ride_that_its_driver_refuses_goes_to_another_with_its_promise) {
  expect(200, put("/settings", Json::object({{"auto_dispatch", true}, {"improve", false}})));
  std::int64_t const ride = book(10);
  settle();
  std::string const path = fmt::format("/assignments/{}", ride);
  std::int64_t const driver = driver_of(ride);
  ASSERT_NE(driver, 0);
  std::string const promised = text_at(get(fmt::format("/bookings/{}", ride)), "promised_pickup");
  EXPECT_EQ(post(path + "/reject", Json::object()).status, 422) << "a reason is asked for";
  EXPECT_EQ(post(path + "/reject", Json::object({{"reason", "mood"}})).status, 422);
  Response const refused =
      expect(200, post(path + "/reject", Json::object({{"reason", "timing"}, {"note", "school run"}})));
  EXPECT_EQ(text_at(json_of(refused), "status"), "pending");
  EXPECT_TRUE(json_of(refused).find("driver")->is_null());
  settle();
  EXPECT_EQ(driver_of(ride), 3 - driver);
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", ride)), "promised_pickup"), promised);
  expect(200, post(path + "/reject", Json::object({{"reason", "other"}})));
  settle();
  EXPECT_EQ(driver_of(ride), 0) << "nobody is asked twice";
  std::int64_t const rejected = world_.read([&](store::Transaction& tx) -> Result<std::int64_t> {
    return tx.integer("SELECT value FROM counters WHERE company = 1 AND name = 'assignments_rejected'").value_or(0);
  });
  EXPECT_EQ(rejected, 2);
  EXPECT_EQ(post(path + "/reject", Json::object({{"reason", "other"}})).status, 409) << "nobody has it";
  // Whoever insists can give it to him all the same, and what he said is forgotten.
  if (status_of(ride) == "pending") give(ride, static_cast<int>(driver));
  EXPECT_EQ(driver_of(ride), driver);
  std::string const row = world_.read([&](store::Transaction& tx) -> Result<std::string> {
    return store::load_booking(tx, 1, static_cast<BookingId>(ride))->body.dump();
  });
  EXPECT_NE(row.find(fmt::format("\"refused_by\":[{}]", 3 - driver)), std::string::npos) << row;
}

TEST_F(Live, an_accepted_suggestion_that_its_driver_refuses_is_the_rules) {
  switch_to("suggest_only", healthy());
  std::int64_t const ride = book(10);
  std::string const suggestion = run().find("suggestions")->as_array().front().as_string();
  expect(200, post("/suggestions/" + suggestion + "/accept", Json::object()));
  std::int64_t const driver = driver_of(ride);
  expect(200, post(fmt::format("/assignments/{}/reject", ride), Json::object({{"reason", "timing"}})));
  run();
  EXPECT_EQ(driver_of(ride), 3 - driver);
}

TEST_F(Live, a_refused_ride_of_another_day_waits_for_that_day) {
  expect(200, put("/settings", Json::object({{"auto_dispatch", true}, {"improve", false}})));
  Json tuesday = a_ride(10);
  tuesday["pickup_window"] = Json(Json::Array{Json("2026-03-03T09:00:00Z"), Json("2026-03-03T09:20:00Z")});
  std::int64_t const ride = booked(tuesday);
  give(ride, 1);
  expect(200, post(fmt::format("/assignments/{}/reject", ride), Json::object({{"reason", "timing"}})));
  settle();
  EXPECT_EQ(status_of(ride), "pending");
}

// Half past midnight, an hour before the clock is turned back.
TEST_F(Live, a_ride_of_the_long_night_can_be_spoken_of) {
  Json night = a_ride(10);
  night["pickup_window"] = Json(Json::Array{Json("2026-10-24T22:30:00Z"), Json("2026-10-24T22:50:00Z")});
  std::int64_t const ride = booked(night);
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", ride)), "date"), "2026-10-24");
  EXPECT_EQ(get("/bookings?date=2026-10-24").find("items")->as_array().size(), 1U);
  EXPECT_EQ(get("/bookings?date=2026-10-25").find("items")->as_array().size(), 0U);
  EXPECT_EQ(post("/assignments", Json::object({{"booking", ride}, {"driver", 1}})).status, 409) << "nobody works then";
  EXPECT_EQ(post(fmt::format("/assignments/{}/start", ride), Json::object()).status, 409);
}

TEST_F(Live, what_a_driver_accepts_is_his_until_somebody_else_has_it) {
  std::int64_t const ride = book(10);
  std::string const path = fmt::format("/assignments/{}/accept", ride);
  EXPECT_EQ(post(path, Json::object()).status, 409) << "nobody has it";
  give(ride, 1);
  auto const accepted = [&] { return get(fmt::format("/bookings/{}", ride)).find("accepted")->as_bool(); };
  auto const told = [&] {
    return world_.read([&](store::Transaction& tx) -> Result<std::int64_t> {
      return tx.integer("SELECT COUNT(*) FROM outbox WHERE type = 'assignment.accepted'").value_or(0);
    });
  };
  EXPECT_FALSE(accepted());
  expect(200, post(path, Json::object()));
  expect(200, post(path, Json::object()));
  EXPECT_TRUE(accepted());
  EXPECT_EQ(told(), 1) << "said twice, it is told once";
  give(ride, 2);
  EXPECT_FALSE(accepted());
  expect(200, post(path, Json::object()));
  world_.advance(2LL * 3'600 * one_second);
  expect(200, post(fmt::format("/assignments/{}/start", ride), Json::object()));
  EXPECT_TRUE(accepted());
  EXPECT_EQ(post(fmt::format("/assignments/{}/reject", ride), Json::object({{"reason", "timing"}})).status, 409)
      << "he is on his way";
  EXPECT_EQ(driver_of(ride), 2);
}

TEST_F(Live, another_ride_is_offered_again_to_whoever_refused_the_old_one) {
  std::int64_t const ride = book(10);
  give(ride, 1);
  expect(200, post(fmt::format("/assignments/{}/reject", ride), Json::object({{"reason", "timing"}})));
  Json const later = Json::object({{"pickup_window", *a_ride(15).find("pickup_window")}, {"required", Json::Array{1}}});
  expect(200, ask("PATCH", fmt::format("/bookings/{}", ride), later, {{"if-match", "*"}}));
  run();
  EXPECT_EQ(driver_of(ride), 1);
}

TEST_F(Live, a_driver_taken_out_of_service_gives_his_rides_back) {
  std::int64_t const ride = book(10);
  expect(200, post("/assignments", Json::object({{"booking", ride}, {"driver", 1}})));
  expect(200, ask("PATCH", "/drivers/1", Json::object({{"available", false}})));
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", ride)), "status"), "pending");
  run();
  EXPECT_EQ(get(fmt::format("/bookings/{}", ride)).find("driver")->as_integer(), 2);
}

TEST_F(Live, a_cancelled_ride_is_out_of_the_plan_and_stays_so) {
  std::int64_t const ride = book(10);
  run();
  expect(200, post(fmt::format("/bookings/{}/cancel", ride), Json::object({{"reason", "called"}})));
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", ride)), "status"), "cancelled");
  Json const assignments = get("/assignments");
  for (Json const& driver : assignments.find("drivers")->as_array()) {
    EXPECT_TRUE(driver.find("stops")->as_array().empty());
  }
  EXPECT_EQ(post(fmt::format("/assignments/{}/start", ride), Json::object()).status, 409);
}

TEST_F(Live, the_same_key_makes_one_booking_and_the_same_answer) {
  Pairs const key = {{"idempotency-key", "7f1c"}};
  Response const first = ask("POST", "/bookings", a_ride(10), key);
  Response const second = ask("POST", "/bookings", a_ride(10), key);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(header_of(second, "Idempotency-Replayed"), "true");
  EXPECT_EQ(ask("POST", "/bookings", a_ride(11), key).status, 422);
  EXPECT_EQ(get("/bookings").find("items")->as_array().size(), 1U);
}

TEST_F(Live, long_operations_too_have_one_effect_under_one_key) {
  std::int64_t const ride = book(10);
  Pairs const key = {{"idempotency-key", "a1"}};
  Json const choice = Json::object({{"booking", ride}, {"driver", 2}});
  Response const first = ask("POST", "/assignments", choice, key);
  Response const second = ask("POST", "/assignments", choice, key);
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(header_of(second, "Idempotency-Replayed"), "true");
  EXPECT_EQ(counter("decisions"), 1);
  EXPECT_EQ(ask("POST", "/assignments", Json::object({{"booking", ride}, {"driver", 1}}), key).status, 422);
}

TEST_F(Live, suggestions_under_one_key_are_made_once_and_told_twice) {
  switch_to("suggest_only", healthy());
  book(10);
  Pairs const key = {{"idempotency-key", "s1"}};
  Response const first = ask("POST", "/suggestions:compute", Json::object(), key);
  book(12);
  Response const second = ask("POST", "/suggestions:compute", Json::object(), key);
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(json_of(first).find("items")->as_array().size(), 1U);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(header_of(second, "Idempotency-Replayed"), "true");
  EXPECT_EQ(counter("suggestions"), 1);
}

// A disk without room: the database may not grow by a page more.
TEST_F(Live, off_holds_at_once_when_the_disk_is_full_and_is_kept_once_there_is_room) {
  switch_to("on", healthy());
  auto const pages = [&](std::int64_t most) {
    world_.write([&](store::Transaction& tx) -> Result<std::int64_t> {
      return tx.integer(fmt::format("PRAGMA max_page_count = {}", most)).value_or(0);
    });
  };
  std::int64_t const ride = book(10);
  std::int64_t const used = world_.read(
      [](store::Transaction& tx) -> Result<std::int64_t> { return tx.integer("PRAGMA page_count").value_or(0); });
  pages(used);
  // Until the free space of the last pages is used up.
  Response full;
  for (int k = 0; k < 500 && full.status != 507; ++k) full = post("/bookings", a_ride(11));
  ASSERT_EQ(full.status, 507) << full.body;
  Response off = toggle(Json::object({{"enabled", false}, {"company_id", 1}}));
  EXPECT_TRUE(off.status == 507 || off.status == 200) << off.body;
  EXPECT_EQ(text_at(status(), "mode"), "off");
  EXPECT_EQ(text_at(status(), "decided_by"), "rule");
  EXPECT_EQ(get(fmt::format("/bookings/{}", ride)).find("id")->as_integer(), ride);  // reads go on
  pages(1'000'000);
  EXPECT_EQ(toggle(Json::object({{"enabled", false}, {"company_id", 1}})).status, 200);
  EXPECT_FALSE(status().find("forced_off")->as_bool());
  EXPECT_EQ(text_at(run(), "decided_by"), "rule");
}

TEST_F(Live, what_was_kept_long_enough_goes_and_suggestions_end) {
  switch_to("suggest_only", healthy());
  book(10);
  ASSERT_EQ(run().find("suggestions")->as_array().size(), 1U);
  ask("POST", "/bookings", a_ride(11), {{"idempotency-key", "k"}});
  world_.advance(8LL * 24 * 3'600 * one_second);
  ASSERT_TRUE(world_.server().tidy());
  EXPECT_EQ(text_at(get("/suggestions").find("items")->as_array().front(), "status"), "expired");
  std::int64_t const left = world_.read([](store::Transaction& tx) -> Result<std::int64_t> {
    return tx
        .integer("SELECT (SELECT COUNT(*) FROM idempotency) + (SELECT COUNT(*) FROM outbox WHERE type LIKE 'booking%')")
        .value_or(-1);
  });
  EXPECT_EQ(left, 0);
}

TEST(LiveLog, names_request_operation_and_token_and_nothing_secret) {
  std::promise<std::string> logged;
  ServerUnderTest world([&](Server::Options& options) {
    options.log = [&](Answered const& answered) { logged.set_value(answered.line().dump()); };
  });
  world.company(1, true);
  Json ride = a_ride(10);
  ride["reference"] = "room 12";
  world.ask("POST", std::string(base) + "/bookings", {.token = world.administrator(), .json = ride});
  std::string const line = logged.get_future().get();  // after the answer, which waits for no log
  EXPECT_NE(line.find("\"operation\":\"create_booking\",\"status\":201"), std::string::npos) << line;
  EXPECT_NE(line.find("\"request\":\"req_1\""), std::string::npos) << line;
  EXPECT_EQ(line.find("room"), std::string::npos);
  EXPECT_EQ(line.find(world.administrator()), std::string::npos);
}

TEST_F(Live, improvement_in_the_background_never_makes_a_plan_dearer) {
  for (int hour : {9, 9, 10, 10, 11, 11, 12}) book(hour);
  run();
  auto const cost = [&] {
    return world_.server().database().read([&](store::Transaction& tx) -> Result<double> {
      Result<LoadedDay> const day = load_day(tx, 1, "2026-03-02", world_.now());
      if (!day) return day.error();
      return day->desk->cost();
    });
  };
  auto const before = cost();
  ASSERT_TRUE(before);
  improve();
  auto const after = cost();
  ASSERT_TRUE(after);
  EXPECT_LE(*after, *before);
}

TEST_F(Live, an_improvement_is_a_decision_that_replays_to_the_same_bytes) {
  auto const rides = a_wasteful_day("rule");
  improve();
  EXPECT_EQ(driver_of(rides[0]), 1);
  EXPECT_EQ(driver_of(rides[1]), 2);
  Json const made = decision_by("improvement");
  EXPECT_EQ(text_at(made, "policy"), "improve");
  EXPECT_TRUE(replay(text_at(made, "id")).find("same")->as_bool());
  Json const moved = *get("/decisions/" + text_at(made, "id")).find("bookings");
  EXPECT_EQ(moved.dump(),
            fmt::format(R"([{{"booking":{},"driver":1}},{{"booking":{},"driver":2}}])", rides[0], rides[1]));
  std::int64_t const told = world_.read([&](store::Transaction& tx) -> Result<std::int64_t> {
    return tx.integer("SELECT COUNT(*) FROM outbox WHERE type = 'decision.made' AND data LIKE '%improvement%'")
        .value_or(0);
  });
  EXPECT_EQ(told, 1);
  improve();
  EXPECT_EQ(counter("improvements"), 1) << "what is as cheap as can be is left alone";
}

TEST_F(Live, an_improvement_gives_way_to_a_decision_that_is_under_way) {
  a_wasteful_day("rule");
  {
    auto const deciding = world_.server().at_work("decide/1/2026-03-02");
    auto const another = world_.server().at_work("decide/1/2026-03-02");
    improve();
    EXPECT_EQ(counter("improvements"), 0);
  }
  improve();
  EXPECT_EQ(counter("improvements"), 1);
}

TEST_F(Live, an_improvement_that_was_ended_early_changes_nothing) {
  a_wasteful_day("rule");
  auto const day = world_.server().database().read(
      [&](store::Transaction& tx) { return load_day(tx, 1, "2026-03-02", world_.now()); });
  ASSERT_TRUE(day);
  auto const answer = [&](std::function<bool()> go_on) {
    return to_json(server::ask(improvement(400, std::move(go_on)), *day->desk, 7).decision).dump();
  };
  std::string const whole = answer({});
  EXPECT_EQ(answer([] { return true; }), whole);
  int left = 399;
  std::string const early = answer([&] { return left-- > 0; });
  EXPECT_NE(early, whole);
  EXPECT_EQ(early, to_json(dispatch::Decision{}).dump());
}

TEST_F(Live, a_search_looks_up_when_its_slice_is_over) {
  Pace pace(world_.server());
  std::int64_t const before = world_.server().asked();
  get("/drivers");
  EXPECT_EQ(world_.server().asked(), before + 1);
  while (!pace.rest()) {
  }
}

// Asks the server whether a decision is under way while it makes one.
class Asking final : public dispatch::Policy {
 public:
  explicit Asking(Server& server) : server_(server) {}
  dispatch::Decision decide(Situation const&, Rng) const override {
    was_at_work = server_.is_at_work("decide/1/2026-03-02");
    return {};
  }
  mutable std::atomic<bool> was_at_work = false;

 private:
  Server& server_;
};

TEST_F(Live, a_decision_is_under_way_while_its_policy_is_asked) {
  auto const asking = std::make_shared<Asking const>(world_.server());
  switch_to("on", asking);
  book(10);
  run();
  EXPECT_TRUE(asking->was_at_work);
  EXPECT_FALSE(world_.server().is_at_work("decide/1/2026-03-02"));
}

TEST_F(Live, what_a_person_gave_to_a_driver_nobody_else_takes) {
  auto const rides = a_wasteful_day("person");
  improve();
  EXPECT_EQ(driver_of(rides[0]), 2);
  EXPECT_EQ(driver_of(rides[1]), 1);
  // A search that decides about a third ride may not either.
  expect(200, put("/settings", Json::object({{"auto_dispatch", false}, {"improve", false}, {"policy", "lns"}})));
  book(11);
  EXPECT_EQ(text_at(run(), "decided_by"), "rule");
  EXPECT_EQ(driver_of(rides[0]), 2);
  EXPECT_EQ(driver_of(rides[1]), 1);
  // Another person may.
  give(rides[1], 2);
  EXPECT_EQ(driver_of(rides[1]), 2);
  EXPECT_TRUE(replay(text_at(decision_by("person"), "id")).find("same")->as_bool());
}

// Gives every ride to the driver with the higher number, those of the other driver too.
class Greedy final : public dispatch::Policy {
 public:
  dispatch::Decision decide(Situation const& situation, Rng rng) const override {
    FleetSnapshot everything = situation.fleet;
    Day day = *situation.fleet.day;
    for (Booking& b : day.bookings) b.required = {2};
    everything.day = &day;
    for (std::size_t b = 0; b < everything.bookings.size(); ++b) {
      if (everything.bookings[b].status != BookingStatus::assigned || everything.bookings[b].driver == 2) continue;
      everything.bookings[b].status = BookingStatus::pending;
      everything.bookings[b].driver = 0;
      everything.undecided.push_back(static_cast<std::int32_t>(b));
    }
    std::ranges::sort(everything.undecided);
    everything.drivers[0].stops.clear();
    dispatch::Decision decision = rule_->decide({everything, situation.times}, rng);
    decision.routes.insert(decision.routes.begin(), DriverRoute{.driver = 1, .stops = {}});
    return decision;
  }

 private:
  std::unique_ptr<dispatch::Policy> rule_ = dispatch::make_policy("insertion", {}).take();
};

TEST_F(Live, a_candidate_too_takes_no_ride_from_whom_a_person_gave_it) {
  std::int64_t const mine = book(12);
  give(mine, 1);
  switch_to("on", std::make_shared<Greedy const>());
  book(14);
  Json const done = run();
  EXPECT_EQ(text_at(done, "decided_by"), "rule");
  EXPECT_EQ(text_at(done, "fallback"), fmt::format("illegal: a person gave booking {} to driver 1", mine));
  EXPECT_EQ(driver_of(mine), 1);
}

TEST_F(Live, what_waits_for_a_person_the_search_in_the_background_leaves_alone) {
  switch_to("suggest_only", healthy());
  std::int64_t const ride = book(10);
  ASSERT_EQ(run().find("suggestions")->as_array().size(), 1U);
  improve();
  EXPECT_EQ(status_of(ride), "pending");
  std::string const suggestion = text_at(get("/suggestions").find("items")->as_array().front(), "id");
  expect(200, post("/suggestions/" + suggestion + "/accept", Json::object()));
  EXPECT_EQ(status_of(ride), "assigned");
}

TEST_F(Live, suggestions_are_told_beside_what_the_rule_decides) {
  switch_to("suggest_only", healthy());
  std::int64_t const refused = book(10);
  std::string const suggestion = run().find("suggestions")->as_array().front().as_string();
  expect(200, post("/suggestions/" + suggestion + "/reject", Json::object({{"reason", "timing"}})));
  book(14);
  Json const done = run();
  EXPECT_EQ(text_at(done, "decided_by"), "rule");
  EXPECT_EQ(done.find("bookings")->dump(), fmt::format("[{}]", refused));
  EXPECT_EQ(done.find("suggestions")->as_array().size(), 1U);
}

Json on_tuesday(int hour) {
  Json ride = a_ride(hour);
  ride["pickup_window"] = Json(Json::Array{Json(fmt::format("2026-03-03T{:02}:00:00Z", hour - 1)),
                                           Json(fmt::format("2026-03-03T{:02}:20:00Z", hour - 1))});
  return ride;
}

TEST_F(Live, a_ride_booked_ahead_is_decided_when_its_day_comes) {
  decide_by_itself();
  std::int64_t const ride = booked(on_tuesday(10));
  tidy();
  EXPECT_EQ(status_of(ride), "pending");
  world_.advance(16LL * 3'600 * one_second);  // one o'clock in the night
  tidy();
  EXPECT_EQ(status_of(ride), "assigned");
}

TEST_F(Live, who_wants_to_be_asked_is_not_asked_by_the_clock) {
  std::int64_t const ride = book(10);
  tidy();
  EXPECT_EQ(status_of(ride), "pending");
}

TEST_F(Live, a_ride_that_nobody_can_take_costs_one_decision_and_not_one_a_minute) {
  decide_by_itself();
  std::int64_t const ride = book(22);  // nobody works then
  settle();
  EXPECT_EQ(counter("decisions"), 1);
  for (int k = 0; k < 3; ++k) {
    world_.advance(60 * one_second);
    tidy();
  }
  EXPECT_EQ(counter("decisions"), 1);
  EXPECT_EQ(status_of(ride), "pending");
  // Half an hour late is the latest that may be planned: ten to eleven, local time.
  world_.advance(13LL * 3'600 * one_second + 3'000 * one_second);
  tidy();
  EXPECT_EQ(status_of(ride), "unserved");
  EXPECT_EQ(counter("decisions"), 2);
}

TEST_F(Live, who_waits_for_a_driver_is_asked_about_again_when_one_comes) {
  decide_by_itself();
  std::int64_t const ride = book(20);  // nobody works then
  settle();
  tidy();
  EXPECT_EQ(status_of(ride), "pending");
  Json late = a_driver("C");
  late["shift"] = Json::object({{"from", "07:00"}, {"to", "22:00"}});
  expect(201, post("/drivers", late));
  tidy();
  EXPECT_EQ(status_of(ride), "assigned");
}

TEST_F(Live, a_list_for_today_is_decided_about) {
  decide_by_itself();
  Response const imported = world_.ask(
      "POST", std::string(base) + "/bookings/import?date=2026-03-02",
      {.token = world_.administrator(),
       .bytes =
           "pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,pickup_from,pickup_until,dropoff_from,dropoff_until,class\n"
           "46.20,6.14,46.21,6.14,10:00,10:10,10:00,10:40,on_demand\n",
       .content_type = "text/csv"});
  ASSERT_EQ(imported.status, 201) << imported.body;
  settle();
  EXPECT_EQ(status_of(json_of(imported).find("bookings")->as_array().front().as_integer()), "assigned");
}

TEST_F(Live, what_people_turn_down_or_let_lie_the_rule_decides_by_itself) {
  decide_by_itself();
  switch_to("suggest_only", healthy());
  std::int64_t const refused = book(14);
  settle();
  Json const items = get("/suggestions");
  ASSERT_EQ(items.find("items")->as_array().size(), 1U);
  std::int64_t const forgotten = book(15);
  settle();
  std::string const id = text_at(items.find("items")->as_array().front(), "id");
  expect(200, post("/suggestions/" + id + "/reject", Json::object({{"reason", "timing"}})));
  settle();
  EXPECT_EQ(status_of(refused), "assigned");
  EXPECT_EQ(status_of(forgotten), "pending");
  world_.advance(901 * one_second);
  tidy();
  EXPECT_EQ(status_of(forgotten), "assigned");
}

// The first driver is to bring somebody 44 km away at ten and to be back at two. He leaves at half past one.
TEST_F(Live, a_late_drivers_next_ride_goes_to_somebody_else) {
  Json const by_search = Json::object({{"auto_dispatch", true}, {"improve", false}, {"policy", "lns"}});
  expect(200, put("/settings", by_search));
  expect(200, ask("PATCH", "/drivers/2", Json::object({{"available", false}}), {{"if-match", "*"}}));
  Json far = a_ride(10);
  far["dropoff"] = place(46.6);
  std::int64_t const first = booked(far), second = book(14);
  settle();
  ASSERT_EQ(driver_of(first), 1);
  ASSERT_EQ(driver_of(second), 1);
  expect(200, ask("PATCH", "/drivers/2", Json::object({{"available", true}}), {{"if-match", "*"}}));
  world_.advance(4LL * 3'600 * one_second + 1'800 * one_second);
  expect(200, post(fmt::format("/assignments/{}/board", first), Json::object()));
  settle();
  EXPECT_EQ(driver_of(second), 2);
}

TEST_F(Live, whoever_comes_within_a_day_is_promised_once_and_anew_when_the_ride_changes) {
  std::int64_t const ride = book(10);
  EXPECT_TRUE(get(fmt::format("/bookings/{}", ride)).find("promised_pickup")->is_null());
  run();
  Json const plan = get("/assignments").find("items")->as_array().front();
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", ride)), "promised_pickup"), text_at(plan, "pickup"));
  // Reported an hour and a half late: what was promised stays promised.
  std::string const said = text_at(plan, "pickup");
  world_.advance(2LL * 3'600 * one_second);
  expect(200, post(fmt::format("/assignments/{}/start", ride), Json::object()));
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", ride)), "promised_pickup"), said);
  std::int64_t const other = book(15);
  run();
  Json const later = Json::object({{"pickup_window", *a_ride(16).find("pickup_window")}});
  Response const changed = expect(200, ask("PATCH", fmt::format("/bookings/{}", other), later, {{"if-match", "*"}}));
  EXPECT_TRUE(json_of(changed).find("promised_pickup")->is_null());
  run();
  EXPECT_EQ(text_at(get(fmt::format("/bookings/{}", other)), "promised_pickup"), "2026-03-02T15:00:00Z");
}

TEST_F(Live, whoever_comes_later_is_promised_when_a_day_is_left) {
  std::int64_t const ride = booked(on_tuesday(12));
  expect(200, post("/dispatch:run", Json::object({{"date", "2026-03-03"}})));
  ASSERT_EQ(status_of(ride), "assigned");
  auto const promised = [&] { return !get(fmt::format("/bookings/{}", ride)).find("promised_pickup")->is_null(); };
  EXPECT_FALSE(promised());
  decide_by_itself();
  tidy();
  EXPECT_FALSE(promised());
  world_.advance(3LL * 3'600 * one_second);
  tidy();
  EXPECT_TRUE(promised());
}

// Puts every ride into both drivers' plans.
class Twice final : public dispatch::Policy {
 public:
  dispatch::Decision decide(Situation const& situation, Rng rng) const override {
    dispatch::Decision decision = overworking_.decide(situation, rng);
    decision.routes.push_back({.driver = 2, .stops = decision.routes.front().stops});
    return decision;
  }

 private:
  Overworking overworking_;
};

TEST_F(Live, one_ride_for_two_drivers_ends_it_at_once) {
  switch_to("on", std::make_shared<dispatch::Guarded const>(std::make_unique<Twice>()));
  book(10);
  EXPECT_EQ(text_at(run(), "decided_by"), "rule");
  EXPECT_EQ(text_at(*status().find("fallback"), "reason"), "double_assignment");
}

// Two answers that nobody can carry out, and from then on the rule's.
class Beginner final : public dispatch::Policy {
 public:
  dispatch::Decision decide(Situation const& situation, Rng rng) const override {
    return asked_++ < 2 ? Illegal().decide(situation, rng) : rule_->decide(situation, rng);
  }

 private:
  std::unique_ptr<dispatch::Policy> rule_ = dispatch::make_policy("insertion", {}).take();
  mutable std::atomic<int> asked_ = 0;
};

TEST_F(Live, two_replaced_answers_of_twenty_are_too_many) {
  switch_to("on", std::make_shared<dispatch::Guarded const>(std::make_unique<Beginner>()));
  for (int k = 0; k < 19; ++k) {
    book(10 + k % 6);
    run();
  }
  EXPECT_FALSE(status().find("fallback")->find("active")->as_bool()) << "nineteen say nothing yet";
  book(10);
  run();
  EXPECT_EQ(text_at(*status().find("fallback"), "reason"), "fallback_rate");
}

TEST(LiveLimits, a_candidate_that_takes_too_long_is_turned_off) {
  ServerUnderTest world(
      [](Server::Options& options) { options.limits = {.enough = 2, .decide_us = -1, .fewest_slow = 2}; });
  world.company(1, true);
  auto const ask = [&](std::string const& method, std::string const& target, std::optional<Json> json) {
    return world.ask(method, target, {.token = world.administrator(), .json = std::move(json)});
  };
  std::string const company(base);
  ask("PUT", company + "/settings", Json::object({{"auto_dispatch", false}, {"improve", false}}));
  ask("POST", company + "/drivers", a_driver("A"));
  std::string const model = world.model();
  world.server().replace_candidate(model, healthy());
  Json const on = Json::object({{"enabled", true}, {"company_id", 1}, {"model_id", model}});
  ASSERT_EQ(ask("POST", "/api/company_dispatch/rl/toggle", on).status, 200);
  std::vector<std::string> who;
  for (int hour : {10, 12, 14}) {
    ask("POST", company + "/bookings", a_ride(hour));
    who.push_back(text_at(json_of(ask("POST", company + "/dispatch:run", Json::object())), "decided_by"));
  }
  EXPECT_EQ(who, (std::vector<std::string>{"model", "model", "rule"}));
  Json const status = json_of(world.get("/api/company_dispatch/rl/status?company_id=1", world.administrator()));
  EXPECT_EQ(text_at(*status.find("fallback"), "reason"), "latency");
  EXPECT_EQ(text_at(status.find("audit")->as_array().front(), "reason"), "latency");
}

// A model whose file is gone, put in place past the switch that would refuse it.
TEST_F(Live, a_model_that_cannot_be_loaded_is_missed_in_every_mode) {
  std::string const lost = world_.model();
  auto const set = [&](store::Mode mode) {
    world_.write([&](store::Transaction& tx) {
      return store::set_mode(tx, {.company = 1, .mode = mode, .model_id = lost}, std::nullopt, world_.now());
    });
  };
  auto const counted = [&] {
    return world_.server().metrics().value("dispatch_fallback_total", "reason=\"unloadable\"");
  };
  set(store::Mode::shadow);
  book(10);
  run();
  EXPECT_EQ(counted(), 1);
  EXPECT_EQ(status().find("statistics")->find("errors")->as_integer(), 1);
  set(store::Mode::suggest_only);
  book(11);
  Json const done = run();
  EXPECT_EQ(text_at(done, "decided_by"), "rule");
  EXPECT_EQ(text_at(done, "fallback").substr(0, 11), "unloadable:");
  EXPECT_EQ(counted(), 2);
  EXPECT_EQ(counter("fallbacks"), 1);
}

TEST_F(Live, a_suggestion_that_the_rule_made_is_written_down_as_the_rules) {
  switch_to("suggest_only", std::make_shared<dispatch::Guarded const>(std::make_unique<Illegal>()));
  book(10);
  Json const done = run();
  ASSERT_EQ(done.find("suggestions")->as_array().size(), 1U);
  Json const made = decision_by("suggestion");
  EXPECT_EQ(text_at(made, "policy"), "insertion");
  EXPECT_TRUE(made.find("model_sha256")->is_null());
  EXPECT_EQ(text_at(made, "fallback").substr(0, 8), "illegal:");
  EXPECT_TRUE(replay(text_at(made, "id")).find("same")->as_bool());
}

}  // namespace
}  // namespace regulus::server
