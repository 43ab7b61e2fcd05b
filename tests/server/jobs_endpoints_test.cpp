#include "store/jobs.h"
#include "tests/server/world.h"

namespace regulus::server {
namespace {

class Jobs : public ::testing::Test {
 protected:
  Jobs() {
    for (std::int64_t const company : {1, 2}) test_.company(company);
  }
  static Json study(Json company = {}) {
    return Json::object({{"scenario", "geneva-medical"}, {"company", std::move(company)}});
  }
  std::string make(std::string const& kind, Json body) {
    Response const response = test_.post("/api/v1/" + kind, test_.administrator(), std::move(body));
    EXPECT_EQ(response.status, 202) << response.body;
    EXPECT_EQ(header_of(response, "Location"), "/api/v1/jobs/" + text_at(json_of(response), "id"));
    return text_at(json_of(response), "id");
  }
  std::vector<std::string> ids(std::string const& path, std::string const& secret) {
    std::vector<std::string> found;
    std::string next = path;
    for (int pages = 0; !next.empty() && pages < 20; ++pages) {
      Json const page = json_of(test_.get(next, secret));
      for (Json const& job : page.find("items")->as_array()) found.push_back(text_at(job, "id"));
      next = text_at(page, "next");
    }
    return found;
  }
  using Ids = std::vector<std::string>;

  ServerUnderTest test_;
};

TEST_F(Jobs, an_order_is_a_job_that_a_worker_can_take) {
  std::string const id = make("studies", Json::object({{"scenario", "geneva-medical"}, {"trials", 5}, {"seed", 9}}));
  auto const claimed = test_.write([&](store::Transaction& tx) {
    return store::claim_job(tx, {.worker = "w", .lease_us = one_second}, {"tune", "train", "evaluate"}, test_.now());
  });
  ASSERT_TRUE(claimed.has_value());
  EXPECT_EQ(claimed->id, id);
  EXPECT_EQ(claimed->kind, "tune");
  // What was not said has its usual value, so that the row is the whole order.
  EXPECT_EQ(claimed->arguments,
            Json::object({{"scenario", "geneva-medical"}, {"trials", 5}, {"episodes", 1'000}, {"seed", 9}}));
}

TEST_F(Jobs, a_scenario_is_never_taken_for_a_flag_or_a_path) {
  for (char const* scenario : {"--output=/tmp/x", "-h", "", "a b", "../x", "/etc/passwd", "a=b", "a\nb"}) {
    Response const refused =
        test_.post("/api/v1/studies", test_.administrator(), Json::object({{"scenario", scenario}}));
    EXPECT_EQ(refused.status, 422) << scenario;
  }
}

TEST_F(Jobs, a_seed_that_nobody_gave_is_drawn_and_written_down) {
  Json const first = json_of(test_.post("/api/v1/training-runs", test_.administrator(), study()));
  Json const second = json_of(test_.post("/api/v1/training-runs", test_.administrator(), study()));
  Json const* const a = first.find("arguments")->find("seed");
  Json const* const b = second.find("arguments")->find("seed");
  ASSERT_TRUE(a && a->is_integer() && b && b->is_integer());
  EXPECT_NE(*a, *b);
  EXPECT_LT(a->as_integer(), std::int64_t{1} << 53);
}

TEST_F(Jobs, an_evaluation_is_of_a_model_that_exists_and_names_its_bytes) {
  EXPECT_EQ(test_
                .post("/api/v1/evaluations", test_.administrator(),
                      Json::object({{"scenario", "geneva-medical"}, {"model", "mdl_01JNB7V0K3Z5Q8W1XYRE4TGHMP"}}))
                .status,
            422);
  Json const model = json_of(test_.post("/api/v1/models", test_.administrator(),
                                        Json::object({{"name", "m"}, {"bytes_base64", model_base64(test_, 1)}})));
  std::string const id =
      make("evaluations", Json::object({{"scenario", "geneva-medical"}, {"model", text_at(model, "id")}}));
  Json const job = json_of(test_.get("/api/v1/jobs/" + id, test_.administrator()));
  EXPECT_EQ(text_at(*job.find("arguments"), "model"), text_at(model, "sha256"));
  // Its worker gets the file itself.
  auto const stored = test_.read([&](store::Transaction& tx) { return store::load_job(tx, id); });
  EXPECT_EQ(store::hex_of(store::sha256(read_file(text_at(stored.arguments, "model")).take())),
            text_at(model, "sha256"));
  EXPECT_EQ(text_at(job, "kind"), "evaluate");
}

TEST_F(Jobs, lists_are_by_kind_and_by_whose_it_is) {
  std::string const a = make("studies", study(1)), b = make("training-runs", study(2)), c = make("studies", study()),
                    d = make("training-runs", study(1));
  std::string const of_one = test_.token({"jobs:read", "studies:read"}, std::vector<std::int64_t>{1});
  auto const sorted = [](Ids list) {
    std::ranges::sort(list);
    return list;
  };
  for (char const* limit : {"?limit=1", "?limit=500"}) {
    EXPECT_EQ(sorted(ids(std::string("/api/v1/jobs") + limit, test_.administrator())), sorted({a, b, c, d}));
    EXPECT_EQ(sorted(ids(std::string("/api/v1/studies") + limit, test_.administrator())), sorted({a, c}));
    EXPECT_EQ(sorted(ids(std::string("/api/v1/jobs") + limit, of_one)), sorted({a, d}));
    EXPECT_EQ(sorted(ids(std::string("/api/v1/training-runs") + limit, of_one)), sorted({d}));
  }
  EXPECT_EQ(test_.get("/api/v1/jobs/" + a, of_one).status, 200);
  EXPECT_EQ(test_.get("/api/v1/jobs/" + b, of_one).status, 404);
  EXPECT_EQ(test_.get("/api/v1/jobs/" + c, of_one).status, 404);
}

TEST_F(Jobs, a_token_for_some_companies_says_for_which) {
  std::string const of_one = test_.token({"studies:write"}, std::vector<std::int64_t>{1});
  EXPECT_EQ(test_.post("/api/v1/studies", of_one, Json::object({{"scenario", "x"}})).status, 422);
  EXPECT_EQ(test_.post("/api/v1/studies", of_one, study(2)).status, 422);
  EXPECT_EQ(test_.post("/api/v1/studies", of_one, study(1)).status, 202);
}

TEST_F(Jobs, a_queued_job_ends_at_once_and_a_running_one_when_its_worker_notices) {
  std::string const queued = make("studies", study(1)), running = make("training-runs", study(1));
  test_.write([&](store::Transaction& tx) {
    return store::claim_job(tx, {.worker = "w", .lease_us = one_second}, {"train"}, test_.now());
  });
  auto const cancel = [&](std::string const& id) {
    return test_.ask("DELETE", "/api/v1/jobs/" + id, {.token = test_.administrator()});
  };
  Response const first = cancel(queued);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(text_at(json_of(first), "state"), "cancelled");
  Response const second = cancel(running);
  EXPECT_EQ(second.status, 202);
  EXPECT_EQ(text_at(json_of(second), "state"), "running");
  EXPECT_EQ(*json_of(second).find("cancel_requested"), Json(true));
  EXPECT_EQ(cancel(queued).status, 409);
}

TEST_F(Jobs, an_order_that_is_sent_again_is_one_order) {
  Pairs const key = {{"idempotency-key", "once"}};
  Response const first = test_.post("/api/v1/studies", test_.administrator(), study(1), key);
  Response const again = test_.post("/api/v1/studies", test_.administrator(), study(1), key);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(header_of(again, "Idempotency-Replayed"), "true");
  EXPECT_EQ(ids("/api/v1/jobs", test_.administrator()).size(), 1U);
  EXPECT_EQ(test_.post("/api/v1/studies", test_.administrator(), study(2), key).status, 422);
}

}  // namespace
}  // namespace regulus::server
