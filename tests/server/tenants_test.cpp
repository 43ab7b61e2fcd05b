// Every operation against everybody who should not get through, and against the one who should.
#include "tests/server/world.h"

namespace regulus::server {
namespace {

// The scopes with which an operation can be done: its own, or for the switch, which asks for itself, rl:write.
std::vector<std::string> right_scopes(Operation const& op) {
  return {op.scope == "*" ? "rl:write" : std::string(op.scope)};
}
std::vector<std::string> all_but_right_scopes(Operation const& op) {
  std::vector<std::string> scopes = ServerUnderTest::every_scope();
  std::erase_if(
      scopes, [&](std::string const& scope) { return op.scope == "*" ? scope.starts_with("rl:") : scope == op.scope; });
  return scopes;
}
bool needs_a_token(Operation const& op) { return !op.scope.empty(); }

// A world for all refusals: they change nothing.
class Tenants : public ::testing::Test {
 protected:
  OpenApi api_;
  World world_{api_};

  Response ask(Operation const& op, Names const& names, std::string const& secret, std::int64_t company = 1) {
    return world_.ask(op, names, world_.say(op, secret), World::query(op, company));
  }
};

TEST_F(Tenants, nobody_gets_in_without_a_valid_token) {
  ServerUnderTest& test = world_.test();
  std::vector<std::string> const scopes = ServerUnderTest::every_scope();
  std::string const valid = test.token(scopes);
  std::string malformed = valid;
  malformed.back() = malformed.back() == 'x' ? 'y' : 'x';
  store::IssuedToken const expired = test.issue(scopes, {}, test.now() + one_second);
  store::IssuedToken const revoked = test.issue(scopes);
  test.write([&](store::Transaction& tx) { return store::revoke_token(tx, revoked.token.id, test.now()); });
  test.advance(2 * one_second);
  std::string const unknown = store::make_secret(store::FillRandom([](std::span<std::uint8_t> bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(7 * i);
  }));
  ASSERT_TRUE(store::is_well_formed_secret(unknown));
  ASSERT_FALSE(store::is_well_formed_secret(malformed));
  std::string const before = test.digest();
  for (Operation const& op : operations()) {
    if (!needs_a_token(op)) continue;
    std::string first;
    for (std::string const& secret : {std::string(), malformed, unknown, expired.secret, revoked.secret}) {
      Response const response = ask(op, world_.names(1), secret);
      EXPECT_EQ(response.status, 401) << op.id << " " << response.body;
      EXPECT_EQ(problem_of(response), "unauthenticated") << op.id;
      EXPECT_TRUE(header_of(response, "WWW-Authenticate").starts_with("Bearer")) << op.id;
      // The answer does not tell why.
      if (first.empty()) first = without_request_id(response);
      EXPECT_EQ(without_request_id(response), first) << op.id;
    }
  }
  EXPECT_EQ(test.digest(), before);
}

TEST_F(Tenants, another_companys_things_are_as_absent_as_what_does_not_exist) {
  ServerUnderTest& test = world_.test();
  std::vector<std::int64_t> const first_only{1};
  std::string const unscoped = test.token({"tokens:read"}, first_only);
  std::map<std::string_view, std::string> secrets;
  for (Operation const& op : operations()) {
    if (is_about_a_company(op)) secrets[op.id] = test.token(right_scopes(op), first_only);
  }
  std::string const before = test.digest();
  for (Operation const& op : operations()) {
    if (!is_about_a_company(op)) continue;
    Names nowhere = world_.names(2);
    nowhere["company"] = "999";
    std::string const absent = without_request_id(ask(op, nowhere, secrets[op.id], 2));
    Response const other = ask(op, world_.names(2), secrets[op.id], 2);
    EXPECT_EQ(other.status, 404) << op.id << " " << other.body;
    EXPECT_EQ(without_request_id(other), absent) << op.id;
    // Nor does the scope matter: what is not there is not forbidden.
    EXPECT_EQ(without_request_id(ask(op, world_.names(2), unscoped, 2)), absent) << op.id;
  }
  EXPECT_GT(secrets.size(), 35U);
  EXPECT_EQ(test.digest(), before);
}

// The same where a company stands elsewhere than in the path, and where the thing itself belongs to one.
TEST_F(Tenants, another_company_is_as_unknown_by_any_other_way) {
  ServerUnderTest& test = world_.test();
  std::string const secret = test.token(ServerUnderTest::every_scope(), std::vector<std::int64_t>{1});
  struct Pair {
    std::string method, other, absent;
    Json body_other = {}, body_absent = {};
  };
  Names const& theirs = world_.names(2);
  auto const toggle = [](std::int64_t company) { return Json::object({{"enabled", false}, {"company_id", company}}); };
  auto const study = [](std::int64_t company) {
    return Json::object({{"scenario", "geneva-medical"}, {"company", company}});
  };
  std::string const no_job = "job_01JNB7V0K3Z5Q8W1XYRE4TGHMP", no_token = "tok_01JNB7V0K3Z5Q8W1XYRE4TGHMP";
  std::string const job = theirs.at("job"), run = theirs.at("run"), token = theirs.at("token");
  std::vector<Pair> const pairs = {
      {"GET", "/api/company_dispatch/rl/status?company_id=2", "/api/company_dispatch/rl/status?company_id=999"},
      {"GET", "/api/v1/company_dispatch/rl/status?company_id=2", "/api/v1/company_dispatch/rl/status?company_id=999"},
      {"POST", "/api/company_dispatch/rl/toggle", "/api/company_dispatch/rl/toggle", toggle(2), toggle(999)},
      {"POST", "/api/v1/company_dispatch/rl/toggle", "/api/v1/company_dispatch/rl/toggle", toggle(2), toggle(999)},
      {"GET", "/api/v1/audit?company=2", "/api/v1/audit?company=999"},
      {"GET", "/api/v1/audit/export?company=2", "/api/v1/audit/export?company=999"},
      {"GET", "/api/v1/jobs/" + job, "/api/v1/jobs/" + no_job},
      {"DELETE", "/api/v1/jobs/" + job, "/api/v1/jobs/" + no_job},
      {"GET", "/api/v1/studies/" + job, "/api/v1/studies/" + no_job},
      {"GET", "/api/v1/studies/" + job + "/trials", "/api/v1/studies/" + no_job + "/trials"},
      {"GET", "/api/v1/studies/" + job + "/importances", "/api/v1/studies/" + no_job + "/importances"},
      {"POST", "/api/v1/studies/" + job + "/stop", "/api/v1/studies/" + no_job + "/stop"},
      {"GET", "/api/v1/training-runs/" + run, "/api/v1/training-runs/" + no_job},
      {"DELETE", "/api/v1/tokens/" + token, "/api/v1/tokens/" + no_token},
      {"POST", "/api/v1/tokens/" + token + "/rotate", "/api/v1/tokens/" + no_token + "/rotate"},
      {"POST", "/api/v1/studies", "/api/v1/studies", study(2), study(999)},
      {"POST", "/api/v1/training-runs", "/api/v1/training-runs", study(2), study(999)},
  };
  std::string const before = test.digest();
  for (Pair const& pair : pairs) {
    Say other{.token = secret}, absent{.token = secret};
    if (!pair.body_other.is_null()) {
      other.json = pair.body_other;
      absent.json = pair.body_absent;
    }
    std::string const here = without_request_id(test.ask(pair.method, pair.other, other));
    std::string there = without_request_id(test.ask(pair.method, pair.absent, absent));
    // An answer may repeat the number that was asked about.
    for (auto at = there.find("999"); at != std::string::npos; at = there.find("999")) there.replace(at, 3, "2");
    EXPECT_EQ(here, there) << pair.method << " " << pair.other;
    EXPECT_TRUE(here.starts_with("404") || here.starts_with("422")) << pair.other << " " << here;
  }
  EXPECT_EQ(test.digest(), before);
}

TEST_F(Tenants, lists_show_nothing_of_another_company) {
  ServerUnderTest& test = world_.test();
  std::string const secret = test.token(ServerUnderTest::every_scope(), std::vector<std::int64_t>{1});
  Names const& theirs = world_.names(2);
  for (std::string const path :
       {"companies", "jobs", "studies", "training-runs", "tokens", "audit?limit=500", "audit/export?limit=500"}) {
    Response const response = test.get("/api/v1/" + path, secret);
    ASSERT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.body.find("Company 2"), std::string::npos) << path;
    EXPECT_EQ(response.body.find("\"company\":2"), std::string::npos) << path;
    EXPECT_EQ(response.body.find("\"company\":null"), std::string::npos) << path << ": the whole installation's";
    for (char const* name : {"job", "run", "token", "suggestion", "decision"}) {
      EXPECT_EQ(response.body.find(theirs.at(name)), std::string::npos) << path << " shows a " << name;
    }
  }
}

TEST_F(Tenants, who_lacks_the_scope_is_told_so_where_the_thing_is_his) {
  ServerUnderTest& test = world_.test();
  int compared = 0;
  for (Operation const& op : operations()) {
    if (!needs_a_token(op) || op.id == "me") continue;
    std::optional<std::vector<std::int64_t>> companies;
    if (is_about_a_company(op)) companies = {1};
    std::string const secret = test.token(all_but_right_scopes(op), companies);
    std::string const before = test.digest();
    Response const response = ask(op, world_.names(1), secret);
    EXPECT_EQ(response.status, 403) << op.id << " " << response.body;
    EXPECT_EQ(problem_of(response), "forbidden") << op.id;
    EXPECT_TRUE(api_.is_documented(op, response.status, problem_of(response))) << op.id;
    EXPECT_EQ(test.digest(), before) << op.id;
    ++compared;
  }
  EXPECT_GT(compared, 55);
}

TEST_F(Tenants, guessed_ids_find_nothing) {
  ServerUnderTest& test = world_.test();
  std::string const secret = test.token(ServerUnderTest::every_scope(), std::vector<std::int64_t>{1});
  Rng rng(9);
  for (int k = 0; k < 300; ++k) {
    store::Entropy const entropy = store::entropy_from(rng);
    Instant const at = test.now() - static_cast<Instant>(rng.next() % 1'000'000'000);
    EXPECT_EQ(test.get("/api/v1/jobs/" + store::make_id("job", at, entropy), secret).status, 404);
    EXPECT_EQ(test.get("/api/v1/companies/1/decisions/" + store::make_id("dec", at, entropy), secret).status, 404);
    EXPECT_EQ(test.get(fmt::format("/api/v1/companies/{}", 2 + rng.next() % 100), secret).status, 404);
    EXPECT_EQ(test.get(fmt::format("/api/v1/companies/1/bookings/{}", 3 + rng.next() % 1'000'000), secret).status, 404);
  }
  for (char const* odd : {"0", "-1", "01", "1.0", "1e0", "%2B1", "99999999999999999999", "1%20", "%C2%B9"}) {
    EXPECT_EQ(test.get(fmt::format("/api/v1/companies/{}", odd), secret).status, 404) << odd;
    EXPECT_EQ(test.get(fmt::format("/api/v1/companies/1/drivers/{}", odd), secret).status, 404) << odd;
  }
}

// Each operation in a fresh world: what succeeds changes it.
TEST(TenantsRight, who_may_gets_what_the_description_says) {
  OpenApi const api;
  for (Operation const& op : operations()) {
    World world(api);
    std::optional<std::vector<std::int64_t>> companies;
    if (is_about_a_company(op)) companies = {1};
    std::vector<std::string> scopes = right_scopes(op);
    // Nobody gives what he does not have.
    if (op.id == "create_token" || op.id == "rotate_token") scopes = ServerUnderTest::every_scope();
    if (op.scope.empty()) scopes = {"bookings:read"};
    std::string const secret = world.test().token(scopes, companies);
    Names const& names = world.names(1);
    if (op.id == "complete_assignment") {
      // A ride ends after it has begun.
      Response const begun = world.test().post("/api/v1/companies/1/assignments/" + names.at("booking") + "/board",
                                               world.test().administrator(), Json::object({{"date", "2026-03-02"}}));
      EXPECT_EQ(begun.status, 200) << begun.body;
    }
    Response const response = world.ask(op, names, world.say(op, secret), World::query(op, 1));
    std::string const problem = problem_of(response);
    EXPECT_TRUE(api.is_documented(op, response.status, problem))
        << op.id << " " << response.status << " " << response.body;
    EXPECT_LT(response.status, 400) << op.id << " " << response.body;
    if (Json const* schema = api.answer_schema(op, response.status)) {
      EXPECT_EQ(response.content_type, "application/json") << op.id;
      EXPECT_EQ(api.fault(json_of(response), *schema), "") << op.id << " " << response.body;
    }
    if (op.effect == Effect::read) {
      EXPECT_EQ(response.body.find(secret), std::string::npos) << op.id;
    }
  }
}

}  // namespace
}  // namespace regulus::server
