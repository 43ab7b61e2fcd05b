#include "core/fields.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/core/sample_config.h"

namespace regulus {
namespace {

struct Forgetful {
  int kept = 1;
  std::string forgotten;
  static constexpr auto fields() { return std::tuple{field(&Forgetful::kept, "kept", "Described.")}; }
};
static_assert(!describes_every_member<Forgetful>());

Setting const& at(std::vector<Setting> const& list, std::string_view path) {
  for (Setting const& s : list) {
    if (s.path == path) return s;
  }
  ADD_FAILURE() << "no setting " << path;
  return list.front();
}

std::string refusal(Setting const& setting, Json const& value) {
  Json const before = setting.get();
  Status const set = setting.set(value);
  EXPECT_FALSE(set) << value.dump();
  EXPECT_EQ(setting.get(), before) << "a refused value was written";
  return set ? "" : set.error().message;
}

TEST(Fields, settings_are_the_leaves_in_declaration_order) {
  SampleConfig config;
  std::vector<std::string> paths;
  for (Setting const& s : settings(config)) paths.push_back(s.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"hidden_sizes", "learning_rate", "dueling", "batch_size", "seed", "note",
                                             "network", "replay.buffer_size", "replay.per_alpha"}));
}

TEST(Fields, each_kind_reads_and_writes_its_member) {
  SampleConfig config;
  auto const list = settings(config);
  EXPECT_TRUE(at(list, "hidden_sizes").set(Json::array_of(std::vector<int>{8, 4})));
  EXPECT_TRUE(at(list, "learning_rate").set(0.5));
  EXPECT_TRUE(at(list, "dueling").set(true));
  EXPECT_TRUE(at(list, "batch_size").set(128));
  EXPECT_TRUE(at(list, "note").set("second try"));
  EXPECT_TRUE(at(list, "network").set("pairs"));
  EXPECT_TRUE(at(list, "replay.buffer_size").set(5'000));
  EXPECT_EQ(config.hidden_sizes, (std::vector<int>{8, 4}));
  EXPECT_EQ(config.learning_rate, 0.5);
  EXPECT_TRUE(config.dueling);
  EXPECT_EQ(config.batch_size, 128);
  EXPECT_EQ(config.note, "second try");
  EXPECT_EQ(config.network, SampleShape::pairs);
  EXPECT_EQ(config.replay.buffer_size, 5'000);
  EXPECT_EQ(at(list, "network").get(), Json("pairs"));
}

TEST(Fields, both_ends_of_a_range_are_valid_and_the_next_value_is_not) {
  SampleConfig config;
  auto const list = settings(config);
  Setting const& size = at(list, "replay.buffer_size");
  EXPECT_TRUE(size.set(1'000));
  EXPECT_TRUE(size.set(2'000'000));
  EXPECT_EQ(refusal(size, 999), "replay.buffer_size = 999 is outside [1000, 2000000]");
  EXPECT_EQ(refusal(size, 2'000'001), "replay.buffer_size = 2000001 is outside [1000, 2000000]");
}

TEST(Fields, a_range_open_above_says_so) {
  SampleConfig config;
  auto const list = settings(config);
  EXPECT_EQ(refusal(at(list, "batch_size"), 0), "batch_size = 0 is outside [1, infinity]");
}

TEST(Fields, infinite_and_undefined_numbers_are_refused_by_their_name) {
  SampleConfig config;
  auto const list = settings(config);
  double const infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(refusal(at(list, "learning_rate"), infinity), "learning_rate = infinity is outside [0, 1]");
  EXPECT_EQ(refusal(at(list, "learning_rate"), -infinity), "learning_rate = -infinity is outside [0, 1]");
  EXPECT_EQ(refusal(at(list, "learning_rate"), std::numeric_limits<double>::quiet_NaN()),
            "learning_rate = nan is outside [0, 1]");
}

TEST(Fields, a_whole_real_is_an_integer_and_a_broken_one_is_not) {
  SampleConfig config;
  auto const list = settings(config);
  EXPECT_TRUE(at(list, "batch_size").set(32.0));
  EXPECT_EQ(config.batch_size, 32);
  EXPECT_EQ(refusal(at(list, "batch_size"), 32.5), "batch_size = 32.5 should be an integer");
}

TEST(Fields, an_integer_beyond_the_members_type_is_refused) {
  SampleConfig config;
  auto const list = settings(config);
  EXPECT_TRUE(at(list, "batch_size").set(2'147'483'647));
  EXPECT_NE(refusal(at(list, "batch_size"), 2'147'483'648LL), "");
  EXPECT_TRUE(at(list, "seed").set(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(config.seed, 9'223'372'036'854'775'807U);
  EXPECT_NE(refusal(at(list, "seed"), -1), "");
}

TEST(Fields, every_kind_refuses_every_other_kind_and_names_value_and_expectation) {
  SampleConfig config;
  auto const list = settings(config);
  EXPECT_EQ(refusal(at(list, "dueling"), 1), "dueling = 1 should be true or false");
  EXPECT_EQ(refusal(at(list, "batch_size"), "64"), "batch_size = \"64\" should be an integer");
  EXPECT_EQ(refusal(at(list, "learning_rate"), true), "learning_rate = true should be a number");
  EXPECT_EQ(refusal(at(list, "note"), 7), "note = 7 should be a text");
  EXPECT_EQ(refusal(at(list, "network"), 1), "network = 1 should be one of slots pairs");
  EXPECT_EQ(refusal(at(list, "hidden_sizes"), 64), "hidden_sizes = 64 should be a list of integers");
  EXPECT_EQ(refusal(at(list, "hidden_sizes"), Json::Array{64, "x"}),
            "hidden_sizes = [64,\"x\"] should be a list of integers");
}

TEST(Fields, an_unknown_choice_gets_the_nearest_one_suggested) {
  SampleConfig config;
  auto const list = settings(config);
  EXPECT_EQ(refusal(at(list, "network"), "pair"),
            "network = \"pair\" should be one of slots pairs, did you mean pairs?");
}

TEST(Fields, elements_of_a_list_are_checked_one_by_one) {
  SampleConfig config;
  auto const list = settings(config);
  Setting const& sizes = at(list, "hidden_sizes");
  EXPECT_EQ(refusal(sizes, Json::Array{64, 0}), "hidden_sizes = 0 is outside [1, 4096]");
  EXPECT_TRUE(sizes.set(Json::Array{64.0, 32}));  // a study stores every number as a real
  EXPECT_EQ(config.hidden_sizes, (std::vector<int>{64, 32}));
  EXPECT_NE(refusal(sizes, Json::Array{64.5}), "");
}

struct Unbounded {
  std::vector<int> sizes;
  float rate = 0.6F;
  static constexpr auto fields() {
    return std::tuple{field(&Unbounded::sizes, "sizes", "Any."), field(&Unbounded::rate, "rate", "Any.")};
  }
};

TEST(Fields, without_a_range_the_members_type_is_the_limit) {
  Unbounded config;
  auto const list = settings(config);
  EXPECT_NE(refusal(at(list, "sizes"), Json::Array{4'294'967'297LL}), "");  // 2^32 + 1 would become 1
  EXPECT_NE(refusal(at(list, "rate"), 1e39), "");                           // beyond the largest float
}

TEST(Fields, a_float_reads_as_the_shortest_decimal_that_names_it) {
  Unbounded config;  // 0.6F is 0.60000002384… as a double
  auto const list = settings(config);
  EXPECT_EQ(at(list, "rate").get().dump(), "0.6");
  EXPECT_TRUE(at(list, "rate").set(at(list, "rate").get()));
  EXPECT_EQ(config.rate, 0.6F);
}

}  // namespace
}  // namespace regulus
