#include "core/config.h"
#include "lab/config.h"
#include "tests/app/support.h"

namespace regulus::app {
namespace {

TEST(Config, what_print_writes_is_accepted_by_check_and_train_and_reads_back_the_same) {
  Workspace workspace;
  Words const flags = Words{"--network", "slots", "--dueling", "--gamma", "0.123"} + small_training;
  std::string const page = workspace.succeed(Words{"config", "print"} + flags).out;
  workspace.put("c.json", page);
  EXPECT_EQ(workspace.succeed({"config", "print", "--config", "c.json"}).out, page);
  Json const checked = workspace.succeed({"config", "check", "c.json", "--json"}).json();
  EXPECT_TRUE(checked.find("valid")->as_bool());
  EXPECT_TRUE(*checked.find("config") == parse_json(page).take());
  workspace.succeed({"train", "--config", "c.json", "--episodes", "2"});
  Json expected = parse_json(page).take();
  expected["training"]["episodes"] = 2;
  EXPECT_TRUE(parse_json(workspace.bytes("data/rl/models/dqn_config.json")).take() == expected);
}

TEST(Config, lists_are_read_with_and_without_brackets) {
  Workspace workspace;
  for (std::string const text : {"512,128,128", "[512,128,128]", "[512, 128, 128]", "512, 128, 128"}) {
    Json const c = workspace.succeed({"config", "print", "--json", "--hidden-sizes", text}).json();
    EXPECT_EQ(c.find("network")->find("slots")->find("hidden_sizes")->dump(), "[512,128,128]") << text;
  }
}

TEST(Config, a_switch_may_stand_alone_or_say_what_it_is) {
  Workspace workspace;
  for (auto const& [words, value] : std::vector<std::pair<Words, bool>>{{{"--dueling"}, true},
                                                                        {{"--dueling", "true"}, true},
                                                                        {{"--dueling", "false"}, false},
                                                                        {{"--dueling=false"}, false}}) {
    Json const c = workspace.succeed(Words{"config", "print", "--json"} + words).json();
    EXPECT_EQ(c.find("network")->find("dueling")->as_bool(), value) << words.back();
  }
}

TEST(Config, docs_mention_every_setting_with_its_flag_and_variable) {
  Workspace workspace;
  std::string const page = workspace.succeed({"config", "docs"}).out;
  lab::Config defaults;
  for (Setting const& s : settings(defaults)) {
    EXPECT_NE(page.find("`" + s.path + "`"), std::string::npos) << s.path;
    EXPECT_NE(page.find("`" + flag_name(s) + "`"), std::string::npos) << s.path;
    EXPECT_NE(page.find("`" + environment_variable(s) + "`"), std::string::npos) << s.path;
    EXPECT_FALSE(s.help.empty()) << s.path;
  }
  EXPECT_TRUE(workspace.files().empty());
}

TEST(Config, every_variable_of_the_docs_is_read) {
  lab::Config defaults;
  Words environment;
  lab::Config other;
  // Another valid value for every number: its neighbour.
  for (Setting const& s : settings(other)) {
    Json value = s.get();
    if (s.type == SettingType::flag) value = Json(!value.as_bool());
    if (s.type == SettingType::integer)
      value = Json(value.as_integer() + (value.as_number() + 1 <= s.options.highest ? 1 : -1));
    if (s.type == SettingType::real) {
      double const v = value.as_number();
      value = Json(v > s.options.lowest && v > 0 ? v * 0.9 : v + 0.05);
    }
    if (s.type == SettingType::list) value.as_array()[0] = Json(77);
    if (s.type == SettingType::choice)
      value = Json(s.choices.back() == value.as_string() ? s.choices.front() : s.choices.back());
    ASSERT_TRUE(s.set(value)) << s.path;
    std::string const text = value.is_string() ? value.as_string() : value.dump();
    environment.push_back(environment_variable(s) + "=" + text);
  }
  ASSERT_FALSE(lab::to_json(defaults) == lab::to_json(other));
  Workspace workspace;
  Json const c = workspace.succeed({"config", "print", "--json"}, {.environment = environment}).json();
  EXPECT_EQ(c.dump(), lab::to_json(other).dump());
}

}  // namespace
}  // namespace regulus::app
