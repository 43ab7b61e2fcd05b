#include "tune/space.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/tune/builders.h"
#include "tune/samplers/random.h"

namespace regulus::tune {
namespace {

struct AgentConfig {
  double learning_rate = 1e-3;
  double dropout = 0.1;
  int batch_size = 64;
  int replay_size = 4096;
  bool dueling = true;
  std::vector<int> hidden_sizes{128, 64};
  double untouched = 7;

  static constexpr auto fields() {
    return std::tuple{
        field(&AgentConfig::learning_rate, "learning_rate", "", range(0, 1), tunable_log(1e-5, 1e-2)),
        field(&AgentConfig::dropout, "dropout", "", range(0, 1), tunable(0, 0.5)),
        field(&AgentConfig::batch_size, "batch_size", "", range(1, 1024), tunable_among(32, 64, 128)),
        field(&AgentConfig::replay_size, "replay_size", "", range(1, 1e6), tunable_log(1024, 8192)),
        field(&AgentConfig::dueling, "dueling", "", tunable_flag()),
        field(&AgentConfig::hidden_sizes, "hidden_sizes", "", range(1, 4096),
              tunable_layers(std::array{64.0, 128.0}, std::array{32.0, 64.0}, std::array{16.0, 32.0})),
        field(&AgentConfig::untouched, "untouched", ""),
    };
  }
};
static_assert(describes_every_member<AgentConfig>());

std::vector<TunedDimension> dimensions_of(AgentConfig& config) {
  std::vector<TunedDimension> dimensions;
  for (Setting const& setting : settings(config)) {
    for (TunedDimension& dimension : tuned_dimensions(setting)) dimensions.push_back(std::move(dimension));
  }
  return dimensions;
}

TEST(Space, each_kind_of_tunable_setting_becomes_its_distribution) {
  AgentConfig config;
  EXPECT_EQ(search_space(dimensions_of(config)), (SearchSpace{
                                                     {"learning_rate", log_real(1e-5, 1e-2)},
                                                     {"dropout", real(0, 0.5)},
                                                     {"batch_size", one_of({Json(32), Json(64), Json(128)})},
                                                     {"replay_size", log_whole(1024, 8192)},
                                                     {"dueling", one_of({Json(false), Json(true)})},
                                                     {"hidden_size_1", one_of({Json(64), Json(128)})},
                                                     {"hidden_size_2", one_of({Json(32), Json(64)})},
                                                     {"hidden_size_3", one_of({Json(16), Json(32)})},
                                                 }));
}

TEST(Space, the_point_of_the_defaults_leaves_out_what_has_none) {
  AgentConfig config;
  config.batch_size = 100;  // none of the candidates
  std::map<std::string, double> const expected{{"learning_rate", 1e-3}, {"dropout", 0.1},     {"replay_size", 4096},
                                               {"dueling", 1},          {"hidden_size_1", 1}, {"hidden_size_2", 1}};
  EXPECT_EQ(default_params(dimensions_of(config)), expected);
}

TEST(Space, external_params_are_what_the_settings_read) {
  AgentConfig config;
  SearchSpace const space = search_space(dimensions_of(config));
  Json const flat =
      external_params(space, {{"learning_rate", 0.002}, {"batch_size", 2}, {"dueling", 0}, {"replay_size", 2000}});
  EXPECT_EQ(flat.dump(), R"({"batch_size":128,"dueling":false,"learning_rate":0.002,"replay_size":2000})");
  ASSERT_TRUE(apply_flat(settings(config), flat));
  EXPECT_EQ(config.batch_size, 128);
  EXPECT_EQ(config.replay_size, 2000);
  EXPECT_FALSE(config.dueling);
}

TEST(Space, contains_knows_bounds_grids_and_choices) {
  EXPECT_TRUE(contains(real(0, 1), 1));
  EXPECT_FALSE(contains(real(0, 1), 1.0000001));
  EXPECT_TRUE(contains(stepped(0, 0.3, 0.1), 0.3));  // a decimal grid, inexact in binary
  EXPECT_FALSE(contains(stepped(0, 0.3, 0.1), 0.25));
  EXPECT_TRUE(contains(whole(1, 9, 4), 9));
  EXPECT_FALSE(contains(whole(1, 10, 4), 10));
  EXPECT_FALSE(contains(one_of({Json("a"), Json("b")}), 2));
  EXPECT_FALSE(contains(one_of({Json("a"), Json("b")}), 0.5));
  EXPECT_FALSE(contains(real(0, 1), std::nan("")));
}

TEST(Space, a_grid_with_room_for_one_value_is_single) {
  EXPECT_TRUE(is_single(whole(3, 3)));
  EXPECT_TRUE(is_single(whole(3, 6, 4)));
  EXPECT_EQ(single_value(whole(3, 6, 4)), 3);
  EXPECT_TRUE(is_single(one_of({Json("only")})));
  EXPECT_FALSE(is_single(log_real(1e-3, 1e-2)));
}

// A source that gives the same number for ever.
class Constant final : public UniformSource {
 public:
  explicit Constant(double value) : value_(value) {}
  double uniform() override { return value_; }

 private:
  double value_;
};

TEST(RandomValue, ends_of_a_grid_get_as_much_room_as_the_middle) {
  // {1, 2, 3, 4} over [0.5, 4.5): the first quarter of the uniforms is 1.
  auto const draw = [](Distribution const& distribution, double u) {
    Constant source(u);
    return random_value(distribution, source);
  };
  EXPECT_EQ(draw(whole(1, 4), 0.0), 1);
  EXPECT_EQ(draw(whole(1, 4), 0.249), 1);
  EXPECT_EQ(draw(whole(1, 4), 0.251), 2);
  EXPECT_EQ(draw(whole(1, 4), 0.9999), 4);
  EXPECT_DOUBLE_EQ(draw(log_real(1e-4, 1e-2), 0.5), 1e-3);
  EXPECT_EQ(draw(stepped(0, 1, 0.25), 0.3), 0.25);  // -0.125 + 0.3 · 1.25 = 0.25
  EXPECT_EQ(draw(stepped(0, 1, 0.25), 0.19), 0);    // -0.125 + 0.19 · 1.25 = 0.1125, nearer to 0
}

}  // namespace
}  // namespace regulus::tune
