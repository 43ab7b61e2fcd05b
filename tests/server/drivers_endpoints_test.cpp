#include <gtest/gtest.h>

#include "server/civil_time.h"
#include "store/outbox.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

class Positions : public ::testing::Test {
 protected:
  Positions() { prepare(1, false); }

  void prepare(std::int64_t company, bool is_test) {
    test_.company(company, is_test);
    Json const driver = parse_json(R"({"name": "A", "vehicle": {"layouts": [{"ambulatory": 4}]}, "shift": {"from":
        "07:00", "to": "17:00"}, "start": {"latitude": 46.2, "longitude": 6.14}})")
                            .take();
    EXPECT_EQ(test_.post(fmt::format("/api/v1/companies/{}/drivers", company), test_.administrator(), driver).status,
              201);
  }
  Response report(std::vector<Instant> const& moments, std::int64_t company = 1) {
    Json list = Json::array();
    for (Instant const at : moments) {
      list.push_back(Json::object({{"latitude", 46.2}, {"longitude", 6.14}, {"at", instant_text(at)}}));
    }
    return test_.post(fmt::format("/api/v1/companies/{}/drivers/1/positions", company), test_.administrator(),
                      Json::object({{"positions", std::move(list)}}));
  }
  std::int64_t accepted(std::vector<Instant> const& moments) {
    Response const response = report(moments);
    EXPECT_EQ(response.status, 200) << response.body;
    return json_of(response).find("accepted")->as_integer();
  }
  std::int64_t events() {
    return test_.read([](store::Transaction& tx) -> Result<std::int64_t> {
      return tx.integer("SELECT COUNT(*) FROM outbox WHERE type = 'driver.position'").value_or(-1);
    });
  }

  ServerUnderTest test_;
};

TEST_F(Positions, what_is_ahead_of_time_is_refused_and_what_comes_after_it_counts) {
  Response const refused = report({test_.now() + 5 * 60 * one_second + 1});
  EXPECT_EQ(refused.status, 422);
  Json const problem = json_of(refused);
  Json const& error = problem.find("errors")->as_array().front();
  EXPECT_EQ(text_at(error, "pointer"), "/positions/0/at");
  for (char const* word : {"2026-03-02T08:05:00.000001Z", "5 minutes ahead", "clock"}) {
    EXPECT_NE(text_at(error, "message").find(word), std::string::npos) << error.dump();
  }
  EXPECT_EQ(accepted({test_.now() + 5 * 60 * one_second}), 1);
}

TEST_F(Positions, a_company_for_tests_may_live_in_another_time) {
  prepare(2, true);
  EXPECT_EQ(report({test_.now() + 3'600 * one_second}, 2).status, 200);
}

TEST_F(Positions, only_what_is_applied_is_counted) {
  Instant const now = test_.now();
  EXPECT_EQ(accepted({now - 9 * one_second, now - 8 * one_second}), 2);
  EXPECT_EQ(accepted({now - 10 * one_second}), 0);
  EXPECT_EQ(accepted({now - 8 * one_second, now - 20 * one_second, now}), 2);
  EXPECT_EQ(accepted({}), 0);
}

TEST_F(Positions, there_is_at_most_one_event_a_second) {
  Instant const now = test_.now();
  for (int tenth = 0; tenth < 20; ++tenth) EXPECT_EQ(accepted({now + tenth * one_second / 10}), 1);
  EXPECT_EQ(events(), 2);
  EXPECT_EQ(accepted({now}), 0);
  EXPECT_EQ(events(), 2);
}

}  // namespace
}  // namespace regulus::server
