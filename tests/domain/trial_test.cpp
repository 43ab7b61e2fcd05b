#include "domain/trial.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

namespace regulus {
namespace {

Json json(std::string_view text) { return parse_json(text).value(); }

std::string refusal(std::string_view text) {
  Result<Distribution> const read = distribution_from_json(json(text));
  EXPECT_FALSE(read) << text;
  return read ? "" : read.error().message;
}

Distribution some_distribution() {
  switch (*rc::gen::inRange(0, 4)) {
    case 0: {
      double const low = *rc::gen::inRange(1, 1'000) / 1'000.0;
      return FloatDistribution{
          .low = low, .high = low + *rc::gen::inRange(0, 100), .log = *rc::gen::arbitrary<bool>(), .step = {}};
    }
    case 1: {
      double const low = *rc::gen::inRange(-1'000, 1'000) / 8.0;
      return FloatDistribution{.low = low, .high = low + 4, .log = false, .step = 0.25};
    }
    case 2: {
      std::int64_t const low = *rc::gen::inRange(1, 1'000'000);
      bool const log = *rc::gen::arbitrary<bool>();
      return IntDistribution{.low = low, .high = low + *rc::gen::inRange(0, 100), .log = log, .step = log ? 1 : 3};
    }
    default:
      return CategoricalDistribution{{Json(), true, 64, 0.5, "slots"}};
  }
}

RC_GTEST_PROP(Distribution, comes_back_from_its_json, ()) {
  Distribution const distribution = some_distribution();
  auto const read = distribution_from_json(json(distribution_to_json(distribution).dump()));
  RC_ASSERT(static_cast<bool>(read));
  RC_ASSERT(*read == distribution);
}

TEST(Distribution, is_written_as_optuna_writes_it) {
  EXPECT_EQ(distribution_to_json(FloatDistribution{.low = 1e-5, .high = 0.01, .log = true, .step = {}}).dump(),
            R"({"name":"FloatDistribution","attributes":{"step":null,"low":1e-05,"high":0.01,"log":true}})");
  EXPECT_EQ(distribution_to_json(FloatDistribution{.low = 0, .high = 1, .log = false, .step = 0.5}).dump(),
            R"({"name":"FloatDistribution","attributes":{"step":0.5,"low":0.0,"high":1.0,"log":false}})");
  EXPECT_EQ(distribution_to_json(IntDistribution{.low = 1, .high = 5, .log = false, .step = 2}).dump(),
            R"({"name":"IntDistribution","attributes":{"log":false,"step":2,"low":1,"high":5}})");
  EXPECT_EQ(distribution_to_json(CategoricalDistribution{{32, "a", Json()}}).dump(),
            R"({"name":"CategoricalDistribution","attributes":{"choices":[32,"a",null]}})");
}

TEST(Distribution, integers_written_as_reals_are_read_and_missing_options_have_their_defaults) {
  EXPECT_EQ(*distribution_from_json(json(R"({"name":"IntDistribution","attributes":{"low":1,"high":5.0}})")),
            Distribution(IntDistribution{.low = 1, .high = 5, .log = false, .step = 1}));
  EXPECT_EQ(*distribution_from_json(json(R"({"name":"FloatDistribution","attributes":{"low":1,"high":5}})")),
            Distribution(FloatDistribution{.low = 1, .high = 5, .log = false, .step = {}}));
}

TEST(Distribution, what_is_no_distribution_is_refused) {
  EXPECT_EQ(refusal("[]"), "a distribution needs \"name\" and \"attributes\"");
  EXPECT_EQ(refusal(R"({"name": 3, "attributes": {}})"), "a distribution needs \"name\" and \"attributes\"");
  EXPECT_EQ(refusal(R"({"name":"FloatDistribution","attributes":{"low":1}})"),
            "distribution attribute high is not a number");
  EXPECT_EQ(refusal(R"({"name":"FloatDistribution","attributes":{"low":2,"high":1}})"),
            "distribution low 2 is above high 1");
  EXPECT_EQ(refusal(R"({"name":"CategoricalDistribution","attributes":{"choices":[]}})"),
            "distribution without choices");
  EXPECT_EQ(refusal(R"({"name":"NormalDistribution","attributes":{"low":0,"high":1}})"),
            "unknown distribution NormalDistribution");
}

TEST(Distribution, what_no_sampler_could_draw_from_is_refused) {
  EXPECT_EQ(refusal(R"({"name":"FloatDistribution","attributes":{"low":0,"high":1,"log":true}})"),
            "a logarithmic distribution cannot start at 0");
  EXPECT_EQ(refusal(R"({"name":"IntDistribution","attributes":{"low":-3,"high":1,"log":true}})"),
            "a logarithmic distribution cannot start at -3");
  EXPECT_EQ(refusal(R"({"name":"IntDistribution","attributes":{"low":0,"high":1,"step":0}})"),
            "distribution step 0 is not above 0");
  EXPECT_EQ(refusal(R"({"name":"FloatDistribution","attributes":{"low":0,"high":1,"step":-0.5}})"),
            "distribution step -0.5 is not above 0");
  EXPECT_EQ(refusal(R"({"name":"FloatDistribution","attributes":{"low":1,"high":2,"log":true,"step":0.5}})"),
            "a logarithmic distribution has no step, but 0.5 is given");
  EXPECT_NE(refusal(R"({"name":"IntDistribution","attributes":{"low":0,"high":1e300}})"), "");
  EXPECT_NE(refusal(R"({"name":"IntDistribution","attributes":{"low":0.5,"high":3}})"), "");
}

TEST(ParameterValue, of_a_categorical_is_the_choice_outside_and_its_index_inside) {
  Distribution const distribution = CategoricalDistribution{{Json(), false, 64, 0.5, "slots"}};
  std::vector<Json> const choices{Json(), false, 64, 0.5, "slots"};
  for (std::size_t i = 0; i < choices.size(); ++i) {
    EXPECT_EQ(external_value(distribution, static_cast<double>(i)), choices[i]);
    EXPECT_EQ(*internal_value(distribution, choices[i]), static_cast<double>(i));
  }
  EXPECT_EQ(*internal_value(distribution, 64.0), 2);  // JSON writers differ in how they write a whole number
  EXPECT_EQ(internal_value(distribution, "pairs").error().message, "\"pairs\" is not one of the choices");
  EXPECT_FALSE(internal_value(distribution, 0));  // 0 is not false
}

TEST(ParameterValue, of_an_int_is_an_integer_outside) {
  Distribution const distribution = IntDistribution{.low = 1, .high = 100, .log = false, .step = 1};
  EXPECT_EQ(external_value(distribution, 64.0).dump(), "64");
  EXPECT_EQ(external_value(distribution, 63.9999999).dump(), "64");
  EXPECT_EQ(*internal_value(distribution, 64), 64.0);
  EXPECT_EQ(internal_value(distribution, "many").error().message, "\"many\" is not a number");
}

TEST(ParameterValue, of_a_float_is_itself) {
  Distribution const distribution = FloatDistribution{.low = 0, .high = 1, .log = false, .step = {}};
  EXPECT_EQ(external_value(distribution, 0.1), Json(0.1));
  EXPECT_EQ(*internal_value(distribution, 0.1), 0.1);
}

TEST(ParameterValueDeathTest, an_index_that_is_no_choice_is_a_bug_of_ours) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Distribution const distribution = CategoricalDistribution{{1, 2}};
  for (double const index : {-1.0, 2.0, 1e300, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_DEATH((void)external_value(distribution, index), "internal error") << index;
  }
}

TEST(Trial, is_finished_when_it_is_complete_pruned_or_failed) {
  Trial trial;
  for (TrialState const state : {TrialState::complete, TrialState::pruned, TrialState::fail}) {
    trial.state = state;
    EXPECT_TRUE(trial.finished());
  }
  for (TrialState const state : {TrialState::running, TrialState::waiting}) {
    trial.state = state;
    EXPECT_FALSE(trial.finished());
  }
}

TEST(Trial, states_and_directions_have_optunas_numbers) {
  EXPECT_EQ(static_cast<int>(TrialState::running), 0);
  EXPECT_EQ(static_cast<int>(TrialState::complete), 1);
  EXPECT_EQ(static_cast<int>(TrialState::pruned), 2);
  EXPECT_EQ(static_cast<int>(TrialState::fail), 3);
  EXPECT_EQ(static_cast<int>(TrialState::waiting), 4);
  EXPECT_EQ(static_cast<int>(Direction::minimize), 1);
  EXPECT_EQ(static_cast<int>(Direction::maximize), 2);
}

}  // namespace
}  // namespace regulus
