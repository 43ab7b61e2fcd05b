// What api.cpp does for every operation: counting and logging, keys, preconditions, strangers, readiness.
#include "server/api.h"

#include <gtest/gtest.h>

#include "tests/server/support.h"

namespace regulus::server {
namespace {

constexpr std::string_view import_at = "/api/v1/companies/1/bookings/import";

Say a_file(std::string const& secret, std::string const& key) {
  return {.token = secret,
          .bytes =
              "pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,pickup_from,class\n"
              "46.20,6.14,46.21,6.15,9:00,outbound\n",
          .content_type = "text/csv",
          .headers = {{"idempotency-key", key}}};
}

TEST(Api, a_request_for_nothing_that_there_is_is_counted_and_logged) {
  std::vector<std::string> lines;
  ServerUnderTest test([&](Server::Options& options) {
    options.log = [&](Answered const& answered) { lines.push_back(answered.line().dump()); };
  });
  EXPECT_EQ(test.ask("GET", "/no/such/thing").status, 404);
  EXPECT_EQ(test.ask("TRACE", "/healthz").status, 405);
  std::string const metrics = test.ask("GET", "/metrics").body;
  for (char const* status : {"404", "405"}) {
    std::string const line =
        fmt::format("dispatch_http_requests_total{{operation=\"none\",status=\"{}\"}} 1\n", status);
    EXPECT_NE(metrics.find(line), std::string::npos) << metrics;
  }
  ASSERT_GE(lines.size(), 2U);
  EXPECT_NE(lines[0].find("\"operation\":\"none\",\"status\":404"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("\"operation\":\"none\",\"status\":405"), std::string::npos) << lines[1];
}

TEST(Api, whoever_reads_the_log_slowly_keeps_no_answer_waiting) {
  std::vector<std::string> order;
  ServerUnderTest test(
      [&](Server::Options& options) { options.log = [&](Answered const&) { order.emplace_back("log"); }; });
  test.server().handle(test.request_of("GET", "/healthz"), [&](Response const&) { order.emplace_back("answer"); });
  EXPECT_EQ(order, (std::vector<std::string>{"answer", "log"}));
}

TEST(Api, what_says_nothing_of_the_database_does_not_ask_it) {
  ServerUnderTest test;
  auto const reads = [&] { return test.server().database().counts().reads; };
  std::uint64_t const before = reads();
  for (char const* path :
       {"/healthz", "/version", "/metrics", "/openapi.json", "/openapi.yaml", "/problems/not-found"}) {
    EXPECT_EQ(test.ask("GET", path).status, 200) << path;
    EXPECT_EQ(reads(), before) << path;
  }
  EXPECT_EQ(test.ask("GET", "/readyz").status, 200);
  EXPECT_EQ(reads(), before + 1);
}

TEST(Api, is_not_ready_from_a_write_that_the_disk_refused_until_one_that_it_takes) {
  for (ErrorKind const kind : {ErrorKind::full, ErrorKind::io}) {
    ServerUnderTest test;
    auto const ready = [&] { return test.ask("GET", "/readyz").status; };
    EXPECT_EQ(ready(), 200);
    auto const fails_with = [&](ErrorKind why) {
      Status const failed = test.server().database().write_and_wait([&](store::Transaction&) -> Status {
        return Error{why, "in this test"};
      });
      EXPECT_FALSE(failed);
    };
    fails_with(ErrorKind::conflict);
    EXPECT_EQ(ready(), 200) << "a mistake of somebody's is none of the disk's";
    fails_with(kind);
    EXPECT_EQ(ready(), 503);
    test.write([](store::Transaction&) -> Result<int> { return 0; });
    EXPECT_EQ(ready(), 503) << "who writes nothing does not show that there is room";
    EXPECT_TRUE(test.server().tidy());
    EXPECT_EQ(ready(), 200);
  }
}

TEST(Api, a_key_is_for_one_query_in_any_order) {
  ServerUnderTest test;
  test.company(1);
  std::string const& admin = test.administrator();
  auto const import = [&](std::string const& query) {
    return test.ask("POST", std::string(import_at) + query, a_file(admin, "k"));
  };
  EXPECT_EQ(import("?date=2026-03-02&dry_run=true").status, 200);
  EXPECT_EQ(header_of(import("?dry_run=true&date=2026-03-02"), "Idempotency-Replayed"), "true");
  Response const other = import("?date=2026-03-02&dry_run=false");
  EXPECT_EQ(other.status, 422) << other.body;
  EXPECT_EQ(test.ask("POST", std::string(import_at) + "?date=2026-03-02&dry_run=false", a_file(admin, "l")).status,
            201);
}

TEST(Api, understands_lists_of_tags) {
  ServerUnderTest test;
  test.company(1);
  auto const get = [&](std::string const& tags) {
    return test.ask("GET", "/api/v1/companies/1", {.token = test.administrator(), .headers = {{"if-none-match", tags}}})
        .status;
  };
  for (char const* tags : {"\"1\"", "W/\"1\"", "\"7\", \"1\"", "\"7\" ,W/\"1\"", "*"})
    EXPECT_EQ(get(tags), 304) << tags;
  for (char const* tags : {"\"2\"", "1", "\"11\"", "W/\"7\",\"8\"", ""}) EXPECT_EQ(get(tags), 200) << tags;
  auto const patch = [&](std::string const& tags) {
    return test
        .ask("PATCH", "/api/v1/companies/1",
             {.token = test.administrator(), .json = Json::object(), .headers = {{"if-match", tags}}})
        .status;
  };
  EXPECT_EQ(patch("W/\"1\""), 412) << "a weak tag is not good enough for a change (RFC 9110 §13.1.1)";
  EXPECT_EQ(patch("\"7\""), 412);
  EXPECT_EQ(patch("\"7\", \"1\""), 200);
}

TEST(Api, a_guess_from_an_address_without_credit_does_not_reach_the_database) {
  ServerUnderTest test([](Server::Options& options) { options.strangers = {.burst = 1, .per_second = 1}; });
  // Right by its checksum, and no longer valid.
  store::IssuedToken const gone = test.issue({"me"});
  test.write([&](store::Transaction& tx) { return store::revoke_token(tx, gone.token.id, test.now()); });
  auto const me = [&](std::string const& secret) { return test.get("/api/v1/me", secret).status; };
  auto const reads = [&] { return test.server().database().counts().reads; };
  EXPECT_EQ(me(test.administrator()), 200);
  EXPECT_EQ(me(gone.secret), 401);
  std::uint64_t const before = reads();
  EXPECT_EQ(me(gone.secret), 429);
  EXPECT_EQ(reads(), before);
  EXPECT_EQ(me(test.administrator()), 200) << "who was let in is not shut out by his neighbour";
  test.advance(2 * one_second);
  EXPECT_EQ(me(gone.secret), 401);
}

TEST(Api, what_needs_no_token_is_as_limited_as_a_stranger_but_for_the_health) {
  ServerUnderTest test([](Server::Options& options) { options.strangers = {.burst = 2, .per_second = 1}; });
  auto const ask = [&](char const* path) { return test.ask("GET", path); };
  for (char const* path : {"/metrics", "/openapi.json", "/openapi.yaml", "/version", "/problems/not-found"}) {
    test.advance(2 * one_second);
    EXPECT_EQ(ask(path).status, 200) << path;
    EXPECT_EQ(ask(path).status, 200) << path;
    Response const third = ask(path);
    EXPECT_EQ(problem_of(third), "rate-limited") << path;
    EXPECT_EQ(header_of(third, "Retry-After"), "1") << path;
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(ask("/healthz").status, 200);
      EXPECT_EQ(ask("/readyz").status, 200);
    }
  }
}

// Answers of one of the server's two doors, without sockets.
int status_at(ServerUnderTest& test, Server::Door door, std::string const& method, std::string const& path) {
  std::promise<int> status;
  test.server().handle(
      test.request_of(method, path), [&](Response const& response) { status.set_value(response.status); }, door);
  return status.get_future().get();
}

TEST(Api, metrics_with_a_port_of_their_own_are_nowhere_else_and_nothing_else_is_there) {
  ServerUnderTest test([](Server::Options& options) {
    options.metrics_listener.emplace();
    options.strangers = {.burst = 1, .per_second = 1};
  });
  using Door = Server::Door;
  EXPECT_EQ(status_at(test, Door::front, "GET", "/metrics"), 404);
  EXPECT_EQ(status_at(test, Door::front, "POST", "/metrics"), 404) << "nor told of in Allow";
  EXPECT_EQ(status_at(test, Door::front, "GET", "/healthz"), 200);
  EXPECT_EQ(status_at(test, Door::front, "GET", "/version"), 200);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(status_at(test, Door::metrics, "GET", "/metrics"), 200) << "as often as it likes";
  }
  EXPECT_EQ(status_at(test, Door::metrics, "GET", "/healthz"), 200);
  EXPECT_EQ(status_at(test, Door::metrics, "GET", "/readyz"), 200);
  for (char const* path : {"/version", "/openapi.json", "/openapi.yaml", "/api/v1/companies", "/api/v1/me"}) {
    EXPECT_EQ(status_at(test, Door::metrics, "GET", path), 404) << path;
  }
  ASSERT_TRUE(test.server().listen());
  EXPECT_NE(test.server().metrics_port(), 0);
  EXPECT_NE(test.server().metrics_port(), test.server().port());
}

TEST(Api, tells_what_is_wrong_with_a_member_in_the_readers_language) {
  ServerUnderTest test;
  auto const error = [&](char const* language, Json json) {
    Response const response =
        test.post("/api/v1/companies", test.administrator(), std::move(json), {{"accept-language", language}});
    EXPECT_EQ(response.status, 422);
    return json_of(response).find("errors")->as_array().at(0).dump();
  };
  Json const company = Json::object({{"id", 0.5}, {"name", "A"}, {"time_zone", "Europe/Zurich"}});
  EXPECT_EQ(error("en", company), R"({"pointer":"/id","code":"invalid","message":"id = 0.5 is no whole number"})");
  EXPECT_EQ(error("fr-CH", company),
            R"({"pointer":"/id","code":"invalid","message":"id = 0.5 n’est pas un nombre entier"})");
  EXPECT_EQ(error("fr", Json::object({{"id", 1}})),
            "{\"pointer\":\"\",\"code\":\"invalid\",\"message\":\"le document n’a pas de membre «\u00A0name\u00A0»"
            "\u202F; ajoutez-le\"}");
}

TEST(Api, tells_problems_in_french) {
  ServerUnderTest test;
  test.company(1, true);
  auto const detail = [&](std::string const& method, std::string const& target, Say say) {
    say.token = test.administrator();
    say.headers.emplace_back("accept-language", "fr");
    Json const json = json_of(test.ask(method, target, say));
    Json const* const errors = json.find("errors");
    return errors == nullptr ? text_at(json, "detail") : text_at(errors->as_array().front(), "message");
  };
  std::string const company = "/api/v1/companies/1";
  Json const at = Json::object({{"at", "noon"}}), date = Json::object({{"date", "today"}});
  Json const again = Json::object({{"id", 1}, {"name", "A"}, {"time_zone", "Europe/Zurich"}});
  Json const policy = Json::object({{"policy", "x"}}), improve = Json::object({{"improve", 1}});
  Json const both = Json::object({{"enabled", true}, {"mode", "off"}});
  std::string const key(256, 'k');
  struct Case {
    std::string method, target, word;
    Say say = {};
  };
  for (Case const& c :
       {Case{"GET", company + "/drivers?limit=0", "nombre entier"},
        Case{"GET", company + "/drivers?after=x", "curseur"}, Case{"GET", company + "/bookings?after=6162", "curseur"},
        Case{"GET", company + "/bookings?date=x", "n’est pas une date"},
        Case{"GET", company + "/bookings?status=x", "n’est aucun"},
        Case{"GET", company + "/assignments?date=x", "n’est pas une date"},
        Case{"POST", company + "/dispatch:run", "heure", {.json = at}},
        Case{"POST", company + "/dispatch:run", "date", {.json = date}},
        Case{"POST", "/api/company_dispatch/rl/toggle", "contredit", {.json = both}},
        Case{"POST", company + "/bookings", "ce n’est pas du JSON\u00A0: texte ou fin inattendus", {.bytes = "{"}},
        Case{"POST", "/api/v1/companies", "l’entreprise 1 existe déjà", {.json = again}},
        Case{"PUT", company + "/settings", "policy = x n’est aucun de", {.json = policy}},
        Case{"PUT", company + "/settings", "improve = 1 devrait être true ou false", {.json = improve}},
        Case{"POST", company + "/suggestions:compute", "aucun modèle n’est choisi", {.json = Json::object()}},
        Case{"POST",
             company + "/bookings",
             "caractères",
             {.json = Json::object(), .headers = {{"idempotency-key", key}}}}}) {
    std::string const text = detail(c.method, c.target, c.say);
    EXPECT_NE(text.find(c.word), std::string::npos) << c.target << ": " << text;
    EXPECT_EQ(text.find(" is no "), std::string::npos) << c.target << ": " << text;
  }
}

}  // namespace
}  // namespace regulus::server
