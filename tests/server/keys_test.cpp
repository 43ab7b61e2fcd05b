// A long operation and the answer under its Idempotency-Key are one transaction: no moment in between at which a
// process that is killed has done the one and not the other.
#include <gtest/gtest.h>

#include "tests/server/world.h"

namespace regulus::server {
namespace {

class LongOperations : public ::testing::Test {
 protected:
  // No answer can be kept from here on.
  void break_keys() {
    sql("CREATE TRIGGER broken BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT, 'in this test'); END");
  }
  void mend_keys() { sql("DROP TRIGGER broken"); }
  void sql(std::string const& text) {
    test_.write([&](store::Transaction& tx) -> Result<int> {
      tx.run(text);
      return tx.failed() ? Result<int>(tx.error()) : Result<int>(0);
    });
  }
  std::int64_t decisions() {
    return test_.read([](store::Transaction& tx) -> Result<std::int64_t> {
      return tx.integer("SELECT COUNT(*) FROM decisions").value_or(-1);
    });
  }

  void expect_both_or_neither(std::string_view id, std::int64_t company, Json body) {
    auto const op = std::ranges::find(operations(), id, &Operation::id);
    std::string const path = path_of(*op, world_.names(company));
    auto const ask = [&] {
      return test_.post(path, test_.administrator(), body, {{"idempotency-key", std::string(id)}});
    };
    std::int64_t const before = decisions();
    break_keys();
    EXPECT_GE(ask().status, 400) << id;
    EXPECT_EQ(decisions(), before) << id;
    mend_keys();
    Response const first = ask();
    EXPECT_EQ(first.status, 200) << id << " " << first.body;
    EXPECT_EQ(decisions(), before + 1) << id;
    Response const again = ask();
    EXPECT_EQ(again.body, first.body) << id;
    EXPECT_EQ(header_of(again, "Idempotency-Replayed"), "true") << id;
    EXPECT_EQ(decisions(), before + 1) << id;
  }

  OpenApi api_;
  World world_{api_};
  ServerUnderTest& test_ = world_.test();
};

TEST_F(LongOperations, an_assignment_by_hand_and_its_key_are_one_transaction) {
  expect_both_or_neither("assign_by_hand", 1,
                         Json::object({{"booking", std::stoi(world_.names(1).at("undecided"))}, {"driver", 1}}));
}

TEST_F(LongOperations, accepting_a_suggestion_and_its_key_are_one_transaction) {
  expect_both_or_neither("accept_suggestion", 2, Json::object());
}

TEST_F(LongOperations, a_decision_and_its_key_are_one_transaction) {
  Say const off{.token = test_.administrator(), .json = Json::object({{"mode", "off"}})};
  ASSERT_EQ(test_.ask("PUT", "/api/v1/companies/1/rl", off).status, 200);
  expect_both_or_neither("run_dispatch", 1, Json::object({{"date", "2026-03-02"}}));
}

}  // namespace
}  // namespace regulus::server
