#include "core/rng.h"
#include "store/audit_log.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

class Tokens : public ::testing::Test {
 protected:
  Tokens() {
    test_.company(1);
    test_.company(2);
  }
  Response make(std::string const& secret, Json body, Pairs headers = {}) {
    return test_.post("/api/v1/tokens", secret, std::move(body), std::move(headers));
  }
  static Json wish(std::vector<std::string> const& scopes, Json companies, Json expires = {}) {
    return Json::object({{"name", "desk"},
                         {"scopes", Json::array_of(scopes)},
                         {"companies", std::move(companies)},
                         {"expires", std::move(expires)}});
  }
  static Json only(std::int64_t company) { return Json(Json::Array{Json(company)}); }
  // Whether a text stands anywhere in the database.
  bool is_stored(std::string const& text) {
    return test_.read([&](store::Transaction& tx) -> Result<bool> {
      bool found = false;
      for (std::string const& table : tx.tables()) {
        std::vector<std::string> columns;
        tx.query("SELECT name FROM pragma_table_info(?)", {table},
                 [&](store::Row const& row) { columns.push_back(row.text(0)); });
        for (std::string const& column : columns) {
          auto const rows = tx.integer(
              fmt::format("SELECT COUNT(*) FROM \"{}\" WHERE instr(CAST(\"{}\" AS TEXT), ?) > 0", table, column),
              {text});
          found = found || rows.value_or(1) > 0;
        }
      }
      return found;
    });
  }

  ServerUnderTest test_;
};

TEST_F(Tokens, a_new_token_works_at_once_and_as_far_as_it_says) {
  Response const made = make(test_.administrator(), wish({"drivers:read"}, only(1)));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(header_of(made, "Cache-Control"), "no-store");
  std::string const secret = text_at(json_of(made), "secret");
  ASSERT_TRUE(store::is_well_formed_secret(secret));
  EXPECT_EQ(test_.get("/api/v1/companies/1/drivers", secret).status, 200);
  EXPECT_EQ(test_.get("/api/v1/companies/1/bookings", secret).status, 403);
  EXPECT_EQ(test_.get("/api/v1/companies/2/drivers", secret).status, 404);
}

TEST_F(Tokens, a_secret_stands_in_one_answer_and_nowhere_else) {
  Response const made = make(test_.administrator(), wish({"drivers:read"}, only(1)));
  Json const json = json_of(made);
  std::string const secret = text_at(json, "secret");
  Response const rotated =
      test_.ask("POST", "/api/v1/tokens/" + text_at(json, "id") + "/rotate", {.token = test_.administrator()});
  ASSERT_EQ(rotated.status, 201) << rotated.body;
  std::string const second = text_at(json_of(rotated), "secret");
  ASSERT_NE(second, secret);
  for (std::string const& one : {secret, second}) {
    EXPECT_FALSE(is_stored(one));
    // Nor a part that would be enough to guess the rest.
    EXPECT_FALSE(is_stored(one.substr(13, 20)));
    for (char const* path : {"/api/v1/tokens", "/api/v1/audit", "/api/v1/audit/export"}) {
      EXPECT_EQ(test_.get(path, test_.administrator()).body.find(one.substr(13, 20)), std::string::npos) << path;
    }
  }
  // The search finds what is there: the token's name stands in its row and in the trail.
  EXPECT_TRUE(is_stored(text_at(json, "id")));
}

TEST_F(Tokens, an_idempotency_key_is_refused_because_its_answer_would_be_kept) {
  std::string const before = test_.digest();
  Response const made = make(test_.administrator(), wish({"drivers:read"}, only(1)), {{"idempotency-key", "k1"}});
  EXPECT_EQ(made.status, 422) << made.body;
  EXPECT_NE(text_at(json_of(made), "detail").find("Idempotency-Key"), std::string::npos);
  Response const rotated = test_.ask("POST", "/api/v1/tokens/tok_x/rotate",
                                     {.token = test_.administrator(), .headers = {{"idempotency-key", "k1"}}});
  EXPECT_EQ(rotated.status, 422) << rotated.body;
  EXPECT_EQ(test_.digest(), before);
}

TEST_F(Tokens, nobody_gives_what_he_does_not_have) {
  std::string const his = test_.token({"tokens:write", "bookings:read"}, std::vector<std::int64_t>{1});
  EXPECT_EQ(make(his, wish({"bookings:read"}, only(1))).status, 201);
  std::string const before = test_.digest();
  EXPECT_EQ(make(his, wish({"bookings:write"}, only(1))).status, 403);
  EXPECT_EQ(make(his, wish({"bookings:read"}, only(2))).status, 403);
  EXPECT_EQ(make(his, wish({"bookings:read"}, only(999))).status, 403);
  EXPECT_EQ(make(his, wish({"bookings:read"}, Json())).status, 403);
  EXPECT_EQ(test_.digest(), before);
}

TEST_F(Tokens, nobody_gives_longer_than_he_has) {
  Instant const end = test_.now() + 3'600 * one_second;
  std::string const his = test_.issue({"tokens:write"}, {}, end).secret;
  EXPECT_EQ(make(his, wish({"tokens:write"}, Json())).status, 403);
  EXPECT_EQ(make(his, wish({"tokens:write"}, Json(), instant_text(end + one_second))).status, 403);
  EXPECT_EQ(make(his, wish({"tokens:write"}, Json(), instant_text(end))).status, 201);
}

TEST_F(Tokens, nobody_gets_more_by_rotating_a_stronger_token) {
  store::IssuedToken const stronger = test_.issue({"bookings:write", "rl:write"}, std::vector<std::int64_t>{1});
  std::string const his = test_.token({"tokens:write", "bookings:write"}, std::vector<std::int64_t>{1});
  EXPECT_EQ(test_.ask("POST", "/api/v1/tokens/" + stronger.token.id + "/rotate", {.token = his}).status, 403);
  EXPECT_EQ(test_.get("/api/v1/me", stronger.secret).status, 200);
}

TEST_F(Tokens, a_scope_that_is_none_is_named_with_the_one_that_was_meant) {
  Response const refused = make(test_.administrator(), wish({"bookings:raed"}, only(1)));
  EXPECT_EQ(refused.status, 422);
  Json const error = json_of(refused).find("errors")->as_array().front();
  EXPECT_EQ(text_at(error, "pointer"), "/scopes/0");
  EXPECT_NE(text_at(error, "message").find("did you mean bookings:read?"), std::string::npos) << error.dump();
}

TEST_F(Tokens, what_is_incomplete_or_over_is_refused) {
  std::string const admin = test_.administrator();
  std::string const before = test_.digest();
  Json no_companies = wish({"drivers:read"}, only(1));
  std::erase_if(no_companies.as_object(), [](auto const& m) { return m.first == "companies"; });
  for (Json const& body :
       {no_companies, wish({}, only(1)), wish({"drivers:read"}, Json::array()), wish({"drivers:read"}, only(999)),
        wish({"drivers:read", "drivers:read"}, only(1)), wish({"*"}, only(1)), wish({""}, only(1)),
        wish({"drivers:read"}, only(1), instant_text(test_.now())), wish({"drivers:read"}, only(1), "tomorrow")}) {
    EXPECT_EQ(make(admin, body).status, 422) << body.dump();
  }
  EXPECT_EQ(test_.digest(), before);
}

TEST_F(Tokens, a_token_ends_when_it_says) {
  std::string const secret =
      text_at(json_of(make(test_.administrator(),
                           wish({"drivers:read"}, only(1), instant_text(test_.now() + 60 * one_second)))),
              "secret");
  test_.advance(60 * one_second - 1);
  EXPECT_EQ(test_.get("/api/v1/me", secret).status, 200);
  test_.advance(1);
  EXPECT_EQ(test_.get("/api/v1/me", secret).status, 401);
}

TEST_F(Tokens, revoking_takes_effect_on_the_next_request_and_once) {
  store::IssuedToken const token = test_.issue({"drivers:read"}, std::vector<std::int64_t>{1});
  EXPECT_EQ(test_.get("/api/v1/me", token.secret).status, 200);
  std::string const path = "/api/v1/tokens/" + token.token.id;
  EXPECT_EQ(test_.ask("DELETE", path, {.token = test_.administrator()}).status, 200);
  EXPECT_EQ(test_.get("/api/v1/me", token.secret).status, 401);
  EXPECT_EQ(test_.ask("DELETE", path, {.token = test_.administrator()}).status, 409);
}

TEST_F(Tokens, rotating_leaves_the_old_secret_for_as_long_as_was_asked) {
  store::IssuedToken const token = test_.issue({"drivers:read"}, std::vector<std::int64_t>{1});
  std::string const path = "/api/v1/tokens/" + token.token.id + "/rotate?overlap_seconds=";
  EXPECT_EQ(test_.ask("POST", path + "604801", {.token = test_.administrator()}).status, 422);
  EXPECT_EQ(test_.ask("POST", path + "1.5", {.token = test_.administrator()}).status, 422);
  Response const rotated = test_.ask("POST", path + "60", {.token = test_.administrator()});
  ASSERT_EQ(rotated.status, 201) << rotated.body;
  Json const json = json_of(rotated);
  EXPECT_NE(text_at(json, "id"), token.token.id);
  EXPECT_EQ(*json.find("scopes"), Json::array_of(token.token.rights.scopes));
  test_.advance(59 * one_second);
  EXPECT_EQ(test_.get("/api/v1/me", token.secret).status, 200);
  test_.advance(one_second);
  EXPECT_EQ(test_.get("/api/v1/me", token.secret).status, 401);
  EXPECT_EQ(test_.get("/api/v1/me", text_at(json, "secret")).status, 200);
  EXPECT_EQ(test_.ask("POST", path + "0", {.token = test_.administrator()}).status, 409);
}

TEST_F(Tokens, every_change_is_in_the_trail) {
  Json const made = json_of(make(test_.administrator(), wish({"drivers:read"}, only(1))));
  std::string const path = "/api/v1/tokens/" + text_at(made, "id");
  Json const second = json_of(test_.ask("POST", path + "/rotate", {.token = test_.administrator()}));
  test_.ask("DELETE", "/api/v1/tokens/" + text_at(second, "id"), {.token = test_.administrator()});
  std::vector<std::string> actions;
  Json const rows = json_of(test_.get("/api/v1/audit", test_.administrator()));
  for (Json const& row : rows.find("items")->as_array()) {
    actions.push_back(text_at(row, "action") + " " + text_at(row, "object"));
  }
  EXPECT_EQ(actions,
            (std::vector<std::string>{
                "token.create token/" + text_at(made, "id"), "token.rotate token/" + text_at(made, "id"),
                "token.create token/" + text_at(second, "id"), "token.revoke token/" + text_at(second, "id")}));
}

TEST_F(Tokens, a_list_goes_on_where_it_stopped) {
  std::set<std::string> made, listed;
  made.insert(text_at(json_of(test_.get("/api/v1/me", test_.administrator())), "id"));
  for (int k = 0; k < 7; ++k) made.insert(test_.issue({"drivers:read"}).token.id);
  std::string next = "/api/v1/tokens?limit=3";
  for (int pages = 0; !next.empty() && pages < 10; ++pages) {
    Json const page = json_of(test_.get(next, test_.administrator()));
    for (Json const& token : page.find("items")->as_array()) {
      EXPECT_TRUE(listed.insert(text_at(token, "id")).second);
      EXPECT_FALSE(token.has("secret"));
    }
    next = text_at(page, "next");
  }
  EXPECT_EQ(listed, made);
}

TEST(TokenGuesses, are_turned_away_without_a_look_at_the_database) {
  // With the bucket that a server has: a few guesses are told 401, the others 429.
  ServerUnderTest test([](Server::Options& options) { options.strangers = Server::Options{}.strangers; });
  test.company(1);
  EXPECT_EQ(test.get("/api/v1/companies/1/bookings", test.administrator()).status, 200);
  std::uint64_t const before = test.server().database().counts().reads;
  Rng rng(5);
  std::map<int, int> answers;
  int guesses = 0;
  while (guesses < 50'000) {
    std::string guess = test.administrator();
    for (int changes = 0; changes < 3; ++changes) guess[13 + rng.below(36)] = "0123456789ABCDEFabcdef"[rng.below(22)];
    if (guess == test.administrator()) continue;
    ++guesses;
    ++answers[test.get("/api/v1/companies/1/bookings", guess).status];
  }
  EXPECT_EQ(test.server().database().counts().reads, before);
  EXPECT_GE(answers[401], Server::Options{}.strangers.burst);
  EXPECT_EQ(answers[401] + answers[429], guesses);
  // Whoever was let in before is served meanwhile.
  EXPECT_EQ(test.get("/api/v1/companies/1/bookings", test.administrator()).status, 200);
}

class Quota : public ::testing::Test {
 protected:
  Quota() { test_.company(1); }
  static std::pair<std::string, std::string> fields(Response const& response) {
    return {header_of(response, "RateLimit-Policy"), header_of(response, "RateLimit")};
  }
  static std::pair<std::string, std::string> left(std::string const& what) {
    return {R"("default";q=3;w=3)", R"("default";)" + what};
  }
  // Three at once and one a second.
  ServerUnderTest test_{[](Server::Options& options) { options.callers = {.burst = 3, .per_second = 1}; }};
  std::string const companies_ = "/api/v1/companies";
};

TEST_F(Quota, every_answer_to_a_token_says_what_is_left) {
  std::string const secret = test_.token({"bookings:read", "companies:read"});
  EXPECT_EQ(fields(test_.get(companies_ + "/1/bookings", secret)), left("r=2;t=1"));
  // A refusal counts and says so as well, whether the door or the operation refuses.
  Response const absent = test_.get(companies_ + "/1/bookings/9", secret);
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(fields(absent), left("r=1;t=2"));
  Response const forbidden = test_.post(companies_ + "/1/bookings", secret, Json::object());
  EXPECT_EQ(forbidden.status, 403);
  EXPECT_EQ(fields(forbidden), left("r=0;t=3"));
  Response const refused = test_.get(companies_ + "/1/bookings", secret);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(problem_of(refused), "rate-limited");
  EXPECT_EQ(header_of(refused, "Retry-After"), "1");
  EXPECT_EQ(fields(refused), left("r=0;t=1"));
  test_.advance(one_second + one_second / 2);
  EXPECT_EQ(fields(test_.get(companies_ + "/1/bookings", secret)), left("r=0;t=3")) << "1.5 came back, one is taken";
  test_.advance(100 * one_second);
  EXPECT_EQ(fields(test_.get(companies_ + "/1/bookings", secret)), left("r=2;t=1"));
}

TEST_F(Quota, what_was_answered_before_says_what_is_left_now) {
  std::string const secret = test_.token({"companies:write"});
  Json const company = Json::object({{"id", 7}, {"name", "Seventh"}, {"time_zone", "Europe/Zurich"}});
  Response const made = test_.post(companies_, secret, company, {{"idempotency-key", "k"}});
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(fields(made), left("r=2;t=1"));
  Response const again = test_.post(companies_, secret, company, {{"idempotency-key", "k"}});
  EXPECT_EQ(header_of(again, "Idempotency-Replayed"), "true");
  EXPECT_EQ(fields(again), left("r=1;t=2"));
  EXPECT_EQ(std::ranges::count(again.headers, "RateLimit", &Pairs::value_type::first), 1);
}

TEST_F(Quota, who_has_no_token_is_told_nothing) {
  for (Response const& response :
       {test_.get("/healthz", ""), test_.get(companies_, ""), test_.get("/nowhere", test_.administrator())}) {
    EXPECT_EQ(fields(response), (std::pair<std::string, std::string>()));
  }
}

}  // namespace
}  // namespace regulus::server
