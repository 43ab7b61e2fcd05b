#include "core/config.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "tests/core/sample_config.h"

namespace regulus {
namespace {

Json json(std::string_view text) { return parse_json(text).value(); }

template <class Apply>
std::string message_of(Apply const& apply) {
  SampleConfig config;
  auto const list = settings(config);
  Status const status = apply(list);
  EXPECT_FALSE(status);
  return status ? "" : status.error().message;
}

std::string json_message(std::string_view text) {
  return message_of([&](auto const& list) { return apply_json(list, json(text)); });
}
std::string flat_message(std::string_view text) {
  return message_of([&](auto const& list) { return apply_flat(list, json(text)); });
}

TEST(Config, is_written_as_a_nested_object_in_declaration_order) {
  SampleConfig config;
  EXPECT_EQ(to_json(settings(config)).dump(),
            R"({"hidden_sizes":[512,256,128],"learning_rate":0.001,"dueling":false,"batch_size":64,"seed":1,)"
            R"("note":"none","network":"slots","replay":{"buffer_size":100000,"per_alpha":0.6}})");
}

RC_GTEST_PROP(Config, what_is_written_reads_back_to_the_same_config, ()) {
  SampleConfig config;
  config.hidden_sizes = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 4097));
  config.learning_rate = static_cast<double>(*rc::gen::inRange(0, 1'000'001)) / 1e6;
  config.dueling = *rc::gen::arbitrary<bool>();
  config.batch_size = *rc::gen::inRange(1, 1'000'000);
  config.network = *rc::gen::element(SampleShape::slots, SampleShape::pairs);
  config.replay.buffer_size = *rc::gen::inRange(1'000, 2'000'001);
  config.replay.per_alpha = static_cast<float>(*rc::gen::inRange(0, 1'001)) / 1000.0F;
  SampleConfig copy;
  Json const written = json(to_json(settings(config)).dump());
  RC_ASSERT(apply_json(settings(copy), written));
  RC_ASSERT(copy.hidden_sizes == config.hidden_sizes);
  RC_ASSERT(copy.learning_rate == config.learning_rate);
  RC_ASSERT(copy.network == config.network);
  RC_ASSERT(copy.replay.per_alpha == config.replay.per_alpha);
  RC_ASSERT(to_json(settings(copy)) == to_json(settings(config)));
}

TEST(Config, an_object_changes_only_what_it_names) {
  SampleConfig config;
  EXPECT_TRUE(apply_json(settings(config), json(R"({"batch_size": 32, "replay": {"per_alpha": 0.5}})")));
  EXPECT_EQ(config.batch_size, 32);
  EXPECT_EQ(config.replay.per_alpha, 0.5F);
  EXPECT_EQ(config.replay.buffer_size, 100'000);
  EXPECT_EQ(config.learning_rate, 0.001);
}

TEST(Config, an_unknown_key_names_itself_its_value_and_the_nearest_key_of_its_section) {
  EXPECT_EQ(json_message(R"({"replay": {"per_alhpa": 0.5}})"),
            "replay.per_alhpa = 0.5 is not a known setting, did you mean replay.per_alpha?");
  EXPECT_EQ(json_message(R"({"replays": {}})"), "replays = {} is not a known setting, did you mean replay?");
  EXPECT_EQ(json_message(R"({"zzzzzz": 1})"), "zzzzzz = 1 is not a known setting");
}

TEST(Config, a_key_in_the_wrong_section_is_sent_to_the_right_one) {
  EXPECT_EQ(json_message(R"({"buffer_size": 5000})"),
            "buffer_size = 5000 is not a known setting, did you mean replay.buffer_size?");
}

TEST(Config, what_should_be_an_object_must_be_one) {
  EXPECT_EQ(json_message("[1]"), "configuration = [1] should be an object");
  EXPECT_EQ(json_message(R"({"replay": 5})"), "replay = 5 should be an object");
}

TEST(Config, flag_beats_environment_beats_file_beats_default) {
  SampleConfig config;
  auto const list = settings(config);
  std::map<std::string, std::string> const environment{{"REGULUS_BATCH_SIZE", "96"},
                                                       {"REGULUS_REPLAY_PER_ALPHA", "0.7"}};
  auto const lookup = [&](char const* name) {
    auto const it = environment.find(name);
    return it == environment.end() ? nullptr : it->second.c_str();
  };
  ASSERT_TRUE(apply_json(list, json(R"({"batch_size": 32, "learning_rate": 0.5, "replay": {"per_alpha": 0.5}})")));
  ASSERT_TRUE(apply_environment(list, lookup));
  ASSERT_TRUE(apply_text(list, "batch_size", "16"));
  EXPECT_EQ(config.batch_size, 16);               // flag
  EXPECT_EQ(config.replay.per_alpha, 0.7F);       // environment
  EXPECT_EQ(config.learning_rate, 0.5);           // file
  EXPECT_EQ(config.replay.buffer_size, 100'000);  // default
}

TEST(Config, a_wrong_environment_variable_is_named) {
  EXPECT_EQ(message_of([](auto const& list) {
              return apply_environment(list, [](char const* name) {
                return std::string_view(name) == "REGULUS_BATCH_SIZE" ? "many" : nullptr;
              });
            }),
            "environment variable REGULUS_BATCH_SIZE: batch_size = \"many\" should be an integer");
}

TEST(Config, text_is_read_as_the_setting_needs_it) {
  SampleConfig config;
  auto const list = settings(config);
  EXPECT_TRUE(apply_text(list, "learning_rate", ".5"));
  EXPECT_EQ(config.learning_rate, 0.5);
  EXPECT_TRUE(apply_text(list, "learning_rate", "1e-3"));
  EXPECT_EQ(config.learning_rate, 0.001);
  EXPECT_TRUE(apply_text(list, "hidden_sizes", "64,32"));
  EXPECT_EQ(config.hidden_sizes, (std::vector<int>{64, 32}));
  EXPECT_TRUE(apply_text(list, "hidden_sizes", "[8, 4]"));
  EXPECT_EQ(config.hidden_sizes, (std::vector<int>{8, 4}));
  EXPECT_TRUE(apply_text(list, "note", "12"));
  EXPECT_EQ(config.note, "12");
  EXPECT_TRUE(apply_text(list, "dueling", "true"));
  EXPECT_TRUE(config.dueling);
  EXPECT_TRUE(apply_text(list, "replay.buffer_size", "2000"));
  EXPECT_TRUE(apply_text(list, "per_alpha", "0.25"));  // by leaf name
  EXPECT_EQ(config.replay.per_alpha, 0.25F);
}

TEST(Config, text_that_does_not_fit_names_field_and_value) {
  auto const message = [](char const* name, char const* text) {
    return message_of([&](auto const& list) { return apply_text(list, name, text); });
  };
  EXPECT_EQ(message("batch_size", "many"), "batch_size = \"many\" should be an integer");
  EXPECT_EQ(message("batch_size", ""), "batch_size = \"\" should be an integer");
  EXPECT_EQ(message("learning_rate", "inf"), "learning_rate = infinity is outside [0, 1]");
  EXPECT_EQ(message("dueling", "yes"), "dueling = \"yes\" should be true or false");
  EXPECT_EQ(message("network", "slot"), "network = \"slot\" should be one of slots pairs, did you mean slots?");
  EXPECT_EQ(message("hidden_sizes", "64,x"), "hidden_sizes = \"64,x\" should be a list of integers");
  EXPECT_EQ(message("batch_sise", "3"), "batch_sise is not a known setting, did you mean batch_size?");
}

TEST(ApplyFlat, reads_leaf_names_and_layers) {
  SampleConfig config;
  EXPECT_TRUE(apply_flat(settings(config), json(R"({"per_alpha": 0.5, "batch_size": 32.0, "hidden_size_1": 64,
                                                    "hidden_size_2": 32.0, "hidden_size_3": 16})")));
  EXPECT_EQ(config.replay.per_alpha, 0.5F);
  EXPECT_EQ(config.batch_size, 32);
  EXPECT_EQ(config.hidden_sizes, (std::vector<int>{64, 32, 16}));
}

TEST(ApplyFlat, a_half_given_list_keeps_the_other_layers) {
  SampleConfig config;
  EXPECT_TRUE(apply_flat(settings(config), json(R"({"hidden_size_2": 32})")));
  EXPECT_EQ(config.hidden_sizes, (std::vector<int>{512, 32, 128}));
}

TEST(ApplyFlat, a_layer_behind_the_last_extends_the_list_and_fills_the_gap_with_itself) {
  SampleConfig config;
  EXPECT_TRUE(apply_flat(settings(config), json(R"({"hidden_size_5": 32.0})")));
  EXPECT_EQ(config.hidden_sizes, (std::vector<int>{512, 256, 128, 32, 32}));
}

TEST(ApplyFlat, a_layer_that_does_not_fit_is_named_and_nothing_is_written) {
  EXPECT_EQ(flat_message(R"({"hidden_size_1": 0})"), "hidden_size_1: hidden_sizes = 0 is outside [1, 4096]");
  EXPECT_EQ(flat_message(R"({"hidden_size_1": 64.5})"),
            "hidden_size_1: hidden_sizes = [64.5,256,128] should be a list of integers");
  EXPECT_EQ(flat_message(R"({"hidden_size_1": "wide"})"),
            "hidden_size_1: hidden_sizes = [\"wide\",256,128] should be a list of integers");
}

TEST(ApplyFlat, unknown_names_get_the_nearest_suggested) {
  EXPECT_EQ(flat_message(R"({"learning_rat": 0.1})"),
            "learning_rat = 0.1 is not a known setting, did you mean learning_rate?");
  EXPECT_EQ(flat_message("3"), "parameters should be an object, not an integer");
}

TEST(Config, names_of_flags_and_variables_follow_from_the_path) {
  SampleConfig config;
  auto const list = settings(config);
  EXPECT_EQ(flag_name(list.back()), "--per-alpha");
  EXPECT_EQ(environment_variable(list.back()), "REGULUS_REPLAY_PER_ALPHA");
}

TEST(Config, reference_page_has_a_row_for_every_setting) {
  SampleConfig config;
  std::string const page = reference_page(settings(config));
  auto const has = [&](std::string const& row) { EXPECT_NE(page.find(row), std::string::npos) << row << "\n" << page; };
  has("| setting | flag | environment variable | default | allowed | tuned in | meaning |\n");
  has("| `hidden_sizes` | `--hidden-sizes` | `REGULUS_HIDDEN_SIZES` | `[512,256,128]` | list, each 1 to 4096 | "
      "{128, 512}; {64, 256} | Units of each hidden layer. |\n");
  has("| `learning_rate` | `--learning-rate` | `REGULUS_LEARNING_RATE` | `0.001` | 0 to 1 | 1e-05 to 0.01, log | "
      "Step of Adam. |\n");
  has("| `dueling` | `--dueling` | `REGULUS_DUELING` | `false` | true or false | on, off | Value and advantage heads. "
      "|\n");
  has("| `batch_size` | `--batch-size` | `REGULUS_BATCH_SIZE` | `64` | 1 or more | {32, 64, 128} | "
      "Transitions per update. |\n");
  has("| `network` | `--network` | `REGULUS_NETWORK` | `\"slots\"` | slots, pairs |  | Shape of the network. |\n");
  has("| `replay.per_alpha` | `--per-alpha` | `REGULUS_REPLAY_PER_ALPHA` | `0.6` | 0 to 1 | 0.4 to 0.8 | "
      "0 is uniform. |\n");
  EXPECT_EQ(std::count(page.begin(), page.end(), '\n'), 2 + 9);
}

TEST(TunedDimensions, carry_flat_names_that_apply_flat_reads) {
  SampleConfig config;
  Json flat = Json::object();
  std::vector<std::string> names;
  for (Setting const& s : settings(config)) {
    for (TunedDimension const& d : tuned_dimensions(s)) {
      names.push_back(d.name);
      flat[d.name] = d.tuning == FieldOptions::Tuning::on_off ? Json(true)
                     : d.candidates.empty()                   ? Json(d.high)
                                                              : Json(d.candidates.back());
    }
  }
  EXPECT_EQ(names, (std::vector<std::string>{"hidden_size_1", "hidden_size_2", "learning_rate", "dueling", "batch_size",
                                             "per_alpha"}));
  ASSERT_TRUE(apply_flat(settings(config), flat));
  EXPECT_EQ(config.hidden_sizes, (std::vector<int>{512, 256, 128}));
  EXPECT_EQ(config.learning_rate, 0.01);
  EXPECT_TRUE(config.dueling);
  EXPECT_EQ(config.batch_size, 128);
  EXPECT_EQ(config.replay.per_alpha, 0.8F);
}

TEST(TunedDimensions, know_range_kind_and_default) {
  SampleConfig config;
  auto const list = settings(config);
  auto const rate = tuned_dimensions(list[1]);
  ASSERT_EQ(rate.size(), 1U);
  EXPECT_EQ(rate[0].tuning, FieldOptions::Tuning::log);
  EXPECT_EQ(rate[0].low, 1e-5);
  EXPECT_EQ(rate[0].high, 1e-2);
  EXPECT_FALSE(rate[0].integer);
  EXPECT_EQ(rate[0].default_value, Json(0.001));
  auto const layers = tuned_dimensions(list[0]);
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers[1].candidates, (std::vector<double>{64, 256}));
  EXPECT_EQ(layers[1].default_value, Json(256));
  EXPECT_TRUE(layers[1].integer);
  EXPECT_TRUE(tuned_dimensions(list[4]).empty());  // seed
}

TEST(TunedDimensions, a_layer_that_is_not_there_has_no_default) {
  SampleConfig config;
  config.hidden_sizes = {64};
  EXPECT_TRUE(tuned_dimensions(settings(config)[0])[1].default_value.is_null());
}

TEST(NearestName, is_the_one_with_the_fewest_edits) {
  std::vector<std::string> const known{"gamma", "batch_size", "buffer_size", "tau"};
  EXPECT_EQ(nearest_name("gama", known), "gamma");             // one letter missing
  EXPECT_EQ(nearest_name("bacth_size", known), "batch_size");  // two letters exchanged: two edits; buffer_size: five
  EXPECT_EQ(nearest_name("gamma", known), "gamma");
}

TEST(NearestName, nothing_far_away_is_suggested) {
  std::vector<std::string> const known{"gamma", "batch_size"};
  EXPECT_EQ(nearest_name("temperature", known), std::nullopt);
  EXPECT_EQ(nearest_name("gamma", {}), std::nullopt);
  EXPECT_EQ(suggestion("temperature", known), "");
  EXPECT_EQ(suggestion("gama", known), ", did you mean gamma?");
}

// Levenshtein by its definition, in exponential time.
std::size_t edits(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  std::size_t const same = edits(a.substr(1), b.substr(1)) + (a[0] == b[0] ? 0 : 1);
  return std::min({same, edits(a.substr(1), b) + 1, edits(a, b.substr(1)) + 1});
}

RC_GTEST_PROP(NearestName, agrees_with_the_definition_of_edit_distance, ()) {
  auto const word = rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c'));
  std::string const name = (*word).substr(0, 5);
  std::vector<std::string> known = *rc::gen::container<std::vector<std::string>>(word);
  for (std::string& k : known) k = k.substr(0, 5);
  auto const nearest = nearest_name(name, known);
  std::size_t best = std::max<std::size_t>(2, name.size() / 3) + 1;
  std::optional<std::string> expected;
  for (std::string const& k : known) {
    if (edits(name, k) < best) {
      best = edits(name, k);
      expected = k;
    }
  }
  RC_ASSERT(nearest == expected);
}

}  // namespace
}  // namespace regulus
