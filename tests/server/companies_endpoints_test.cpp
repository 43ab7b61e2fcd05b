#include <gtest/gtest.h>

#include "dispatch/guarded.h"
#include "tests/server/support.h"

namespace regulus::server {
namespace {

// A company for which a model may decide on days of one kind.
class Scenario : public ::testing::Test {
 protected:
  void prepare(bool is_test) {
    test_.company(1, is_test);
    EXPECT_EQ(move_to("geneva-medical").status, 200);
    std::string const model =
        test_.model('a', parse_json(R"({"passed": true, "families": ["geneva-medical", "paratransit"]})").take());
    test_.server().replace_candidate(model, dispatch::make_policy("insertion", {}).take());
    EXPECT_EQ(turn(Json::object({{"enabled", true}, {"company_id", 1}, {"mode", "shadow"}, {"model_id", model}})), 200);
  }
  int turn(Json body) {
    return test_.post("/api/company_dispatch/rl/toggle", test_.administrator(), std::move(body)).status;
  }
  Response move_to(std::string const& scenario) {
    return test_.ask("PATCH", "/api/v1/companies/1",
                     {.token = test_.administrator(), .json = Json::object({{"scenario", scenario}})});
  }

  ServerUnderTest test_;
};

TEST_F(Scenario, a_model_that_is_asked_stays_with_days_whose_gate_it_passed) {
  prepare(false);
  Response const refused = move_to("airport");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(problem_of(refused), "gate-not-passed");
  EXPECT_EQ(move_to("paratransit").status, 200) << "its gate has this kind as well";
  EXPECT_EQ(move_to("").status, 409);
  EXPECT_EQ(turn(Json::object({{"enabled", false}, {"company_id", 1}})), 200);
  EXPECT_EQ(move_to("airport").status, 200);
}

TEST_F(Scenario, a_company_for_tests_may_have_any_days) {
  prepare(true);
  EXPECT_EQ(move_to("airport").status, 200);
}

}  // namespace
}  // namespace regulus::server
