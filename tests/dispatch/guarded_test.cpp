#include "dispatch/guarded.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/support/random_situations.h"

namespace regulus::dispatch {
namespace {

using regulus::testing::RandomWorld;

// Answers as told, whatever the situation.
class Fixed final : public Policy {
 public:
  explicit Fixed(Decision decision) : decision_(std::move(decision)) {}
  Decision decide(Situation const&, Rng) const override { return decision_; }

 private:
  Decision decision_;
};

class Thrower final : public Policy {
 public:
  Decision decide(Situation const&, Rng) const override { throw std::runtime_error("weights are no numbers"); }
};

void expect_the_rules_answer(RandomWorld& world, Policy const& policy, std::string const& reason) {
  Decision const answer = policy.decide(world.situation(), Rng(5));
  Decision const rule = make_policy("insertion", {}).take()->decide(world.situation(), Rng(5));
  EXPECT_EQ(answer.routes, rule.routes);
  EXPECT_EQ(answer.overflow, rule.overflow);
  EXPECT_EQ(answer.unserved, rule.unserved);
  EXPECT_NE(answer.replaced.find(reason), std::string::npos) << answer.replaced;
}

TEST(Guarded, lets_a_legal_answer_pass_as_it_is) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    RandomWorld world(seed, {.drivers = 3, .bookings = 10});
    Decision const lone = make_policy("regret", {}).take()->decide(world.situation(), Rng(seed));
    Decision const guarded = Guarded(make_policy("regret", {}).take()).decide(world.situation(), Rng(seed));
    EXPECT_EQ(guarded.routes, lone.routes);
    EXPECT_EQ(guarded.replaced, "");
  }
}

TEST(Guarded, answers_with_the_rule_in_place_of_an_illegal_answer) {
  RandomWorld world(3, {.drivers = 3, .bookings = 10});
  Decision unknown_driver;
  unknown_driver.routes = {{.driver = 4'711, .stops = {}}};
  expect_the_rules_answer(world, Guarded(std::make_unique<Fixed>(unknown_driver)), "illegal: ");
  Decision unknown_ride;
  unknown_ride.unserved = {4'711};
  expect_the_rules_answer(world, Guarded(std::make_unique<Fixed>(unknown_ride)), "illegal: ");
}

TEST(Guarded, answers_with_the_rule_when_the_policy_throws) {
  RandomWorld world(4, {.drivers = 3, .bookings = 10});
  expect_the_rules_answer(world, Guarded(std::make_unique<Thrower>()), "failed: weights are no numbers");
}

TEST(Guarded, stands_in_front_of_any_policy_by_name) {
  EXPECT_TRUE(make_policy("guarded", {}));
  EXPECT_TRUE(make_policy("guarded:lns_futures", {}));
  auto const unknown = make_policy("guarded:lns_futurs", {});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("lns_futures"), std::string::npos) << unknown.error().message;
  EXPECT_FALSE(make_policy("guarded:dqn:no_such_file", {}));
}

}  // namespace
}  // namespace regulus::dispatch
