// Live dispatch through the interface, in every mode, with healthy and sick candidates.
#include "server/live.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "dispatch/guarded.h"
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
  Live() : world_([](Server::Options& options) { options.watchdog.patience = std::chrono::milliseconds(2'000); }) {
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
  std::int64_t book(int hour) { return json_of(expect(201, post("/bookings", a_ride(hour)))).find("id")->as_integer(); }

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
TEST_F(Live, a_plan_beyond_the_end_of_a_shift_reaches_no_driver_and_three_of_them_end_it) {
  Json late = a_driver("C");
  late["shift"] = Json::object({{"from", "07:00"}, {"to", "22:00"}});
  std::int64_t const c = json_of(expect(201, post("/drivers", late))).find("id")->as_integer();
  switch_to("on", std::make_shared<dispatch::Guarded const>(std::make_unique<Overworking>()));
  std::int64_t const in_time = book(16);
  EXPECT_EQ(text_at(run(), "decided_by"), "model") << "while A is at work the same policy is as good as any";
  EXPECT_EQ(get(fmt::format("/bookings/{}", in_time)).find("driver")->as_integer(), 1);
  for (int k = 0; k < 3; ++k) {
    std::int64_t const ride = book(18 + k);
    Json const done = run();
    EXPECT_EQ(text_at(done, "decided_by"), "rule");
    std::string const why = text_at(done, "fallback");
    EXPECT_TRUE(why.starts_with("illegal: driver 1")) << why;
    EXPECT_TRUE(why.ends_with("the driver is back after the end of the shift")) << why;
    EXPECT_EQ(get(fmt::format("/bookings/{}", ride)).find("driver")->as_integer(), c);
  }
  EXPECT_EQ(text_at(*status().find("fallback"), "reason"), "illegal");
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
  std::vector<std::string> lines;
  ServerUnderTest world([&](Server::Options& options) {
    options.log = [&](Answered const& answered) { lines.push_back(answered.line().dump()); };
  });
  world.company(1, true);
  Json ride = a_ride(10);
  ride["reference"] = "room 12";
  world.ask("POST", std::string(base) + "/bookings", {.token = world.administrator(), .json = ride});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("\"operation\":\"create_booking\",\"status\":201"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("\"request\":\"req_1\""), std::string::npos) << lines[0];
  EXPECT_EQ(lines[0].find("room"), std::string::npos);
  EXPECT_EQ(lines[0].find(world.administrator()), std::string::npos);
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
  improve_day(world_.server(), 1, {.date = "2026-03-02", .now = world_.now()});
  auto const after = cost();
  ASSERT_TRUE(after);
  EXPECT_LE(*after, *before);
}

}  // namespace
}  // namespace regulus::server
