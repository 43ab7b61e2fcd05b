#include "dispatch/learned/value_model.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/random_values.h"

namespace regulus::dispatch {
namespace {

using regulus::testing::a_random_value;
using regulus::testing::with_a_silent_head;

using Row = std::vector<float>;

Row a_random_row(Rng& rng) {
  Row row(plan_features);
  for (float& x : row) x = rng.chance(0.2) ? 0.0F : static_cast<float>(rng.uniform(-8, 8));
  return row;
}

FleetSnapshot fleet_of(std::size_t drivers, Day const& day) {
  FleetSnapshot fleet;
  fleet.day = &day;
  fleet.drivers.resize(drivers);
  return fleet;
}
bool has_opinion(ValueModel const& model, std::size_t drivers) {
  Day const day;
  return model.opinion_on(fleet_of(drivers, day)).has_value();
}

// The same by the network that was trained, in francs.
double by_network(ValueNetwork const& value, Row const& row) {
  nn::Tape tape;
  nn::Matrix out;
  value.network.head(value.network.body({row.data(), 1, plan_features}, tape), out);
  return value.reward_scale * static_cast<double>(out.row(0)[0]);
}

RC_GTEST_PROP(ValueModel, says_what_the_trained_network_says, (std::uint64_t seed)) {
  Rng rng = Rng(seed).stream(Purpose::test);
  std::vector<int> hidden(rng.below(4));
  for (int& units : hidden) units = static_cast<int>(rng.between(1, 20));
  ValueNetwork const value = a_random_value(seed, hidden);
  ValueModel const model(value);
  RC_ASSERT(model.parameters() == value.network.parameters().size());
  for (int k = 0; k < 5; ++k) {
    Row const row = a_random_row(rng);
    double const expected = by_network(value, row);
    RC_ASSERT(std::abs(model.value(row) - expected) <= 1e-5 * (1 + std::abs(expected)) * value.reward_scale);
  }
}

TEST(ValueModel, that_is_untrained_or_not_trusted_knows_nothing) {
  ValueNetwork doubted = a_random_value(1);
  doubted.trust = 0;
  Rng rng(1);
  Row const row = a_random_row(rng);
  for (ValueModel const& model : {ValueModel(), ValueModel(doubted)}) {
    EXPECT_TRUE(model.knows_nothing());
    EXPECT_EQ(model.value(row), 0);
    EXPECT_EQ(model.parameters(), 0U);
    for (std::size_t drivers : {0, 1, 5, 1'000}) EXPECT_FALSE(has_opinion(model, drivers));
  }
}

TEST(ValueModel, speaks_for_fleets_of_the_sizes_it_was_trained_on) {
  ValueNetwork value = a_random_value(1);
  value.fleet = {.fewest = 3, .most = 5};
  ValueModel const model(value);
  for (std::size_t drivers : {0, 1, 2, 6, 200}) EXPECT_FALSE(has_opinion(model, drivers)) << drivers;
  for (std::size_t drivers : {3, 4, 5}) EXPECT_TRUE(has_opinion(model, drivers)) << drivers;
}

TEST(ValueModel, is_believed_as_far_as_was_chosen_for_the_kind_of_day) {
  ValueNetwork value = a_random_value(1);
  value.trust = Trust(0.1);
  value.trust.by_kind = {{"calm", 0.6}, {"wild", 0}};
  ValueModel const model(value);
  Rng rng(1);
  Row const row = a_random_row(rng);
  struct Kind {
    char const* name;
    double trust;
  };
  for (Kind const& kind : {Kind{"calm", 0.6}, Kind{"another", 0.1}, Kind{"", 0.1}}) {
    Day day;
    day.name = kind.name;
    auto const opinion = model.opinion_on(fleet_of(3, day));
    ASSERT_TRUE(opinion) << kind.name;
    EXPECT_EQ(opinion->value(row), kind.trust * model.value(row)) << kind.name;
  }
  Day day;
  day.name = "wild";
  EXPECT_FALSE(model.opinion_on(fleet_of(3, day)));
}

TEST(ValueModel, that_is_believed_on_one_kind_of_day_is_kept) {
  ValueNetwork value = a_random_value(1);
  value.trust = Trust(0);
  value.trust.by_kind = {{"calm", 0.3}};
  ValueModel const model(value);
  EXPECT_FALSE(model.knows_nothing());
  Day day;
  EXPECT_FALSE(model.opinion_on(fleet_of(3, day)));
  day.name = "calm";
  EXPECT_TRUE(model.opinion_on(fleet_of(3, day)));
}

TEST(ValueModel, with_a_silent_head_says_nothing) {
  ValueModel const model(with_a_silent_head(a_random_value(2)));
  Rng rng(2);
  for (int k = 0; k < 20; ++k) EXPECT_EQ(model.value(a_random_row(rng)), 0);
  EXPECT_FALSE(model.knows_nothing());
}

RC_GTEST_PROP(ValueModelFile, read_back_says_the_same, (std::uint64_t seed)) {
  ValueNetwork value = a_random_value(seed);
  value.fleet = {.fewest = 2, .most = 14};
  if (seed % 2 == 0) value.trust.by_kind = {{"geneva", 0.3}, {"an \"odd\" name, é", 0}};
  Result<nn::ModelFile> const file = nn::decode_safetensors(nn::encode_safetensors(encode_model(value)));
  RC_ASSERT(static_cast<bool>(file));
  Result<ValueNetwork> const read = decode_network(*file);
  RC_ASSERT(static_cast<bool>(read));
  RC_ASSERT(std::ranges::equal(read->network.parameters(), value.network.parameters()));
  RC_ASSERT(read->reward_scale == value.reward_scale);
  RC_ASSERT(read->trust == value.trust);
  RC_ASSERT(read->fleet.fewest == 2);
  RC_ASSERT(read->fleet.most == 14);
  Rng rng(seed);
  Row const row = a_random_row(rng);
  Result<ValueModel> const model = decode_model(*file);
  RC_ASSERT(static_cast<bool>(model));
  RC_ASSERT(model->value(row) == ValueModel(value).value(row));
}

// What is said of a file with one thing changed.
struct Damage {
  std::string said;
  ErrorKind kind;
  std::function<void(nn::ModelFile&)> change;
};

void expect_refused(Damage const& damage) {
  nn::ModelFile file = encode_model(a_random_value(3));
  damage.change(file);
  Result<ValueModel> const read = decode_model(file);
  ASSERT_FALSE(read) << damage.said;
  EXPECT_EQ(static_cast<int>(read.error().kind), static_cast<int>(damage.kind)) << read.error().message;
  EXPECT_NE(read.error().message.find(damage.said), std::string::npos) << read.error().message;
}

TEST(ValueModelFile, without_an_entry_is_refused_by_the_name_of_the_entry) {
  for (char const* key : {"format", "schema", "feature_scales", "hidden", "architecture_hash", "reward_scale", "trust",
                          "fewest_drivers", "most_drivers"}) {
    expect_refused({key, ErrorKind::invalid, [&](nn::ModelFile& f) { f.metadata.erase(key); }});
  }
}

TEST(ValueModelFile, of_another_meaning_is_refused_with_both_values) {
  struct Entry {
    std::string key, value, ours;
  };
  for (Entry const& e :
       {Entry{"format", "regulus-dqn-1", "regulus-dispatch-1"},
        Entry{"schema", "regulus-plan-1", "regulus-plan-features-2"}, Entry{"feature_scales", "[1,2]", "[10"},
        Entry{"architecture_hash", "00ff", "this program uses"}}) {
    auto const change = [&](nn::ModelFile& f) { f.metadata[e.key] = e.value; };
    expect_refused({e.value, ErrorKind::invalid, change});
    expect_refused({e.ours, ErrorKind::invalid, change});
  }
  // Layers that the hash does not belong to.
  expect_refused({"architecture hash", ErrorKind::invalid, [](nn::ModelFile& f) { f.metadata["hidden"] = "[6,12]"; }});
}

TEST(ValueModelFile, with_a_number_that_is_none_is_refused) {
  for (char const* key : {"reward_scale", "trust", "fewest_drivers", "most_drivers"}) {
    for (char const* value : {"-1", "\"1\"", "one", "", "[1]", "1e999", "null", "nan"}) {
      expect_refused({key, ErrorKind::invalid, [&](nn::ModelFile& f) { f.metadata[key] = value; }});
    }
  }
  expect_refused({"reward_scale = 0", ErrorKind::invalid, [](nn::ModelFile& f) { f.metadata["reward_scale"] = "0"; }});
  expect_refused({"fewest_drivers = 6 and most_drivers = 5", ErrorKind::invalid, [](nn::ModelFile& f) {
                    f.metadata["fewest_drivers"] = "6";
                    f.metadata["most_drivers"] = "5";
                  }});
  expect_refused(
      {"most_drivers = 1000000000", ErrorKind::invalid, [](nn::ModelFile& f) { f.metadata["most_drivers"] = "1e9"; }});
}

TEST(ValueModelFile, with_trust_that_is_none_is_refused) {
  for (char const* value : {"[]", "1", "{\"a\": -1}", "{\"a\": \"1\"}", "{\"a\": null}", "{", ""}) {
    expect_refused({std::string("trust_by_kind = ") + value, ErrorKind::invalid,
                    [&](nn::ModelFile& f) { f.metadata["trust_by_kind"] = value; }});
  }
}

TEST(ValueModelFile, with_layers_that_are_none_is_refused) {
  for (char const* value : {"-1", "[0]", "[513]", "[1.5]", "[1,1,1,1,1,1,1,1,1]", "{}", "[[8]]", "[", ""}) {
    expect_refused({std::string("hidden = ") + value, ErrorKind::invalid,
                    [&](nn::ModelFile& f) { f.metadata["hidden"] = value; }});
  }
}

// 43 inputs and two layers of 128: 43 × 128 + 128 + 128 × 128 + 128 + 128 + 1 = 22'273 parameters, and with 160 units
// 43 × 160 + 160 + 160 × 160 + 160 + 160 + 1 = 32'961.
TEST(ValueModelFile, of_more_parameters_than_dispatch_has_time_for_is_refused) {
  ASSERT_EQ(plan_features, 43);
  EXPECT_TRUE(decode_model(encode_model(a_random_value(4, {128, 128}))));
  Result<ValueModel> const large = decode_model(encode_model(a_random_value(4, {160, 160})));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().kind, ErrorKind::invalid);
  EXPECT_NE(large.error().message.find("32961 parameters"), std::string::npos) << large.error().message;
  EXPECT_NE(large.error().message.find("25000"), std::string::npos);
}

TEST(ValueModelFile, with_weights_that_do_not_fit_or_are_no_numbers_is_corrupt) {
  expect_refused({"tensors", ErrorKind::corrupt, [](nn::ModelFile& f) { f.tensors.pop_back(); }});
  expect_refused(
      {"layers.0.bias", ErrorKind::corrupt, [](nn::ModelFile& f) { f.tensors[1].name = "layers.0.biases"; }});
  expect_refused({"layers.0.bias", ErrorKind::corrupt, [](nn::ModelFile& f) { f.tensors[1].values.pop_back(); }});
  for (float weight : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    expect_refused({"layers.0.weight", ErrorKind::corrupt, [&](nn::ModelFile& f) { f.tensors[0].values[7] = weight; }});
  }
}

// A file that was cut, or in which bytes were changed, is refused or read; it is never read beyond its end. Behind the
// checksum lies the format, so the checksum is taken off.
TEST(ValueModelFile, cut_or_changed_anywhere_is_refused_or_read) {
  nn::ModelFile const file = encode_model(a_random_value(5, {3}));
  std::string const bytes = nn::encode_safetensors(file);
  for (std::size_t length = 0; length < bytes.size(); length += 1 + length / 97) {
    EXPECT_FALSE(nn::decode_safetensors(bytes.substr(0, length))) << length;
  }
  std::string unchecked = bytes;
  if (auto const writer = unchecked.find("\"writer\""); writer != std::string::npos) unchecked[writer + 1] = 'W';
  if (auto const sum = unchecked.find("\"crc32c\""); sum != std::string::npos) unchecked[sum + 1] = 'C';
  ASSERT_TRUE(nn::decode_safetensors(unchecked));
  Rng rng(6);
  int read = 0, refused = 0;
  for (int k = 0; k < 4'000; ++k) {
    std::string changed = k % 2 == 0 ? bytes : unchecked;
    for (auto flips = rng.between(1, 3); flips > 0; --flips) {
      changed[rng.below(changed.size())] = static_cast<char>(rng.below(256));
    }
    Result<nn::ModelFile> const decoded = nn::decode_safetensors(changed);
    if (!decoded) {
      ++refused;
      continue;
    }
    Result<ValueModel> const model = decode_model(*decoded);
    (model ? read : refused) += 1;
    if (model) model->value(Row(plan_features, 1.0F));
  }
  EXPECT_GT(read, 0);
  EXPECT_GT(refused, 2'000);
}

TEST(ValueModelFile, that_is_not_there_is_named) {
  auto const missing = load_value_model("/nowhere/value.safetensors");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("/nowhere/value.safetensors"), std::string::npos);
}

}  // namespace
}  // namespace regulus::dispatch
