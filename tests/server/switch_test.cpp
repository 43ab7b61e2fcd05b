// The switch while everybody else waits: off works in the process before the writer comes to it.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "dispatch/guarded.h"
#include "store/audit_log.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

constexpr std::string_view toggle = "/api/company_dispatch/rl/toggle";
constexpr std::string_view toggle_v1 = "/api/v1/company_dispatch/rl/toggle";
constexpr std::string_view put = "/api/v1/companies/1/rl";

// Decides as a rule does, and counts how often it was asked.
class Counted final : public dispatch::Policy {
 public:
  dispatch::Decision decide(Situation const& situation, Rng rng) const override {
    ++asked_;
    return rule_->decide(situation, rng);
  }
  int asked() const { return asked_; }

 private:
  std::unique_ptr<dispatch::Policy> rule_ = dispatch::make_policy("insertion", {}).take();
  mutable std::atomic<int> asked_ = 0;
};

class Switch : public ::testing::Test {
 protected:
  Switch() {
    world_.company(1, true);
    world_.company(2, true);
    world_.server().replace_candidate(model_, policy_);
    EXPECT_EQ(ask("PUT", "/api/v1/companies/1/settings",
                  parse_json(R"({"auto_dispatch": false, "improve": false})").take(), {{"if-match", "*"}})
                  .status,
              200);
    EXPECT_EQ(ask("POST", "/api/v1/companies/1/drivers",
                  parse_json(R"({"name": "A", "vehicle": {"layouts":
                  [{"ambulatory": 4}]}, "shift": {"from": "07:00", "to": "17:00"},
                  "start": {"latitude": 46.2, "longitude": 6.14}})")
                      .take())
                  .status,
              201);
    turn_on();
  }

  Say say(Json body, Pairs headers = {}) {
    return {.token = world_.administrator(), .json = std::move(body), .headers = std::move(headers)};
  }
  Response ask(std::string_view method, std::string_view target, Json body, Pairs headers = {}) {
    return world_.ask(std::string(method), std::string(target), say(std::move(body), std::move(headers)));
  }
  void turn_on() {
    Response const on = ask("POST", toggle, on_body());
    EXPECT_EQ(on.status, 200) << on.body;
  }
  Json on_body() { return Json::object({{"enabled", true}, {"company_id", 1}, {"model_id", model_}}); }
  static Json off_body() { return Json::object({{"enabled", false}, {"company_id", 1}}); }
  void book() {
    Json const ride = parse_json(R"({"class": "on_demand", "pickup": {"latitude": 46.2, "longitude": 6.14},
        "dropoff": {"latitude": 46.21, "longitude": 6.14},
        "pickup_window": ["2026-03-02T09:00:00Z", "2026-03-02T09:20:00Z"]})")
                          .take();
    EXPECT_EQ(ask("POST", "/api/v1/companies/1/bookings", ride).status, 201);
  }
  Json status() { return json_of(world_.get(std::string(put), world_.administrator())); }
  bool is_forced_off() { return world_.server().is_forced_off(1); }

  ServerUnderTest world_;
  std::string model_ = world_.model();
  std::shared_ptr<Counted const> policy_ = std::make_shared<Counted const>();
};

TEST_F(Switch, off_works_at_once_while_the_writer_is_busy) {
  struct Way {
    std::string_view method, target;
    Json body;
  };
  for (Way const& way : {Way{"POST", toggle, off_body()}, Way{"POST", toggle_v1, off_body()},
                         Way{"PUT", put, Json::object({{"mode", "off"}})}}) {
    turn_on();
    book();
    BusyWriter writer(world_.server());
    auto off = world_.ask_ahead(std::string(way.method), std::string(way.target), say(way.body));
    EXPECT_TRUE(is_forced_off()) << way.target;
    EXPECT_EQ(text_at(status(), "mode"), "off");
    EXPECT_EQ(text_at(status(), "stage"), "on") << "the row says so only when the writer is free";

    auto decided = world_.ask_ahead("POST", "/api/v1/companies/1/dispatch:run", say(Json::object()));
    // Both have said what they want to write and wait for the writer.
    while (world_.server().database().queue_length() < 2) std::this_thread::yield();
    EXPECT_EQ(policy_->asked(), 0) << way.target;

    writer.let_go();
    EXPECT_EQ(off.get().status, 200);
    EXPECT_EQ(text_at(json_of(decided.get()), "decided_by"), "rule");
    EXPECT_EQ(policy_->asked(), 0);
    EXPECT_FALSE(is_forced_off()) << "the row says it now";
    EXPECT_EQ(text_at(status(), "stage"), "off");
  }
}

TEST_F(Switch, a_refused_request_turns_nothing_off) {
  std::string const reader = world_.token({"rl:read"}, std::vector<std::int64_t>{1});
  std::string const neighbour = world_.token({"rl:off", "rl:write"}, std::vector<std::int64_t>{2});
  std::string const guard = world_.token({"rl:off"}, std::vector<std::int64_t>{1});
  Json const wish = Json::object({{"mode", "off"}});
  Json more = off_body(), wish_more = wish, text = off_body();
  more["not_known"] = wish_more["not_known"] = 1;
  text["enabled"] = "false";
  Pairs const long_key{{"idempotency-key", std::string(256, 'k')}};
  struct Refused {
    std::string_view method, target;
    Say say;
    int status;
  };
  for (Refused const& r : {Refused{"POST", toggle, {.token = reader, .json = off_body()}, 403},
                           Refused{"POST", toggle_v1, {.token = reader, .json = off_body()}, 403},
                           Refused{"PUT", put, {.token = reader, .json = wish}, 403},
                           Refused{"POST", toggle, {.token = neighbour, .json = off_body()}, 404},
                           Refused{"PUT", put, {.token = neighbour, .json = wish}, 404},
                           Refused{"POST", toggle, {.json = off_body()}, 401}, Refused{"PUT", put, {.json = wish}, 401},
                           Refused{"POST", toggle, {.token = guard, .json = more}, 400},
                           Refused{"POST", toggle, {.token = guard, .json = text}, 400},
                           Refused{"POST", toggle, {.token = guard, .bytes = "{"}, 400},
                           Refused{"PUT", put, {.token = guard, .json = wish_more}, 422},
                           Refused{"PUT", put, {.token = guard, .json = wish, .content_type = "text/plain"}, 415},
                           Refused{"POST", toggle, {.token = guard, .json = off_body(), .headers = long_key}, 422}}) {
    Response const response = world_.ask(std::string(r.method), std::string(r.target), r.say);
    EXPECT_EQ(response.status, r.status) << r.target << " " << response.body;
    EXPECT_FALSE(is_forced_off()) << r.target << " " << r.status;
    EXPECT_EQ(text_at(status(), "mode"), "on");
  }
}

TEST_F(Switch, what_was_turned_on_before_does_not_undo_an_off_after_it) {
  Server& server = world_.server();
  std::uint64_t const asked_on = server.offs_asked();
  std::uint64_t const asked_off = server.force_off(1);
  server.lift_off(1, asked_on);
  EXPECT_TRUE(server.is_forced_off(1));
  server.lift_off(1, asked_off);
  EXPECT_FALSE(server.is_forced_off(1));
}

TEST_F(Switch, an_off_that_is_repeated_after_an_on_is_answered_and_has_no_effect) {
  Pairs const key{{"idempotency-key", "k"}};
  EXPECT_EQ(ask("POST", toggle, off_body(), key).status, 200);
  turn_on();
  Response const again = ask("POST", toggle, off_body(), key);
  EXPECT_EQ(header_of(again, "Idempotency-Replayed"), "true");
  EXPECT_FALSE(is_forced_off());
  EXPECT_EQ(text_at(status(), "mode"), "on");
}

TEST_F(Switch, status_changes_with_every_decision_and_is_never_unchanged) {
  Response const first = world_.get(std::string(put), world_.administrator());
  Response const again =
      world_.ask("GET", std::string(put),
                 {.token = world_.administrator(), .headers = {{"if-none-match", header_of(first, "ETag")}}});
  EXPECT_EQ(again.status, 200);
}

}  // namespace
}  // namespace regulus::server
