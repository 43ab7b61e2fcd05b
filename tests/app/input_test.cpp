// What the program says to input that is wrong: one clear sentence, exit code 2, and no file written.
#include "tests/app/support.h"

namespace regulus::app {
namespace {

struct Wrong {
  Words words;
  Words said;
};

TEST(Input, an_unknown_command_or_flag_is_answered_with_the_nearest) {
  Workspace workspace;
  for (Wrong const& w : std::vector<Wrong>{
           {{"tun"}, {"command tun", "did you mean tune?"}},
           {{"trian", "--episodes", "3"}, {"command trian", "did you mean train?"}},
           {{"train", "--gama", "0.9"}, {"flag --gama", "did you mean --gamma?"}},
           {{"train", "--gama=0.9"}, {"flag --gama", "did you mean --gamma?"}},
           {{"tune", "--trails", "3"}, {"flag --trails", "did you mean --trials?"}},
           {{"compare", "--episode", "3"}, {"flag --episode", "did you mean --episodes?"}},
           {{"evaluate", "--modle", "x"}, {"flag --modle", "did you mean --model?"}},
           {{"simulate", "--polcy", "x"}, {"flag --polcy", "did you mean --policy?"}},
           {{"report", "--studdy", "x"}, {"flag --studdy", "did you mean --study?"}},
           {{"bench", "--jsn"}, {"flag --jsn", "did you mean --json?"}},
           {{"config", "print", "--bach-size", "3"}, {"flag --bach-size", "did you mean --batch-size?"}},
           {{"train", "now"}, {"argument now"}},
           {{"--verbose"}, {"flag --verbose"}},
       }) {
    workspace.refuse(w.words, 2, w.said);
  }
}

TEST(Input, an_unknown_name_is_answered_with_the_nearest_and_the_known_ones) {
  Workspace workspace;
  for (Wrong const& w : std::vector<Wrong>{
           {{"simulate", "--policy", "neares"}, {"neares", "did you mean nearest?", "score_rule", "model:FILE"}},
           {{"tune", "--policy", "dqm"}, {"--policy", "dqm", "dqn", "score_rule"}},
           {{"tune", "--sampler", "tpee"}, {"sampler", "tpee", "did you mean tpe?", "random"}},
           {{"tune", "--pruner", "medain"}, {"pruner", "medain", "did you mean median?", "wilcoxon", "halving"}},
           {{"simulate", "--scenario", "clasic"}, {"--scenario", "clasic", "classic"}},
           {{"train", "--scenario", "paris"}, {"--scenario", "paris", "classic"}},
           {{"train", "--network", "pair"}, {"--network", "pair", "did you mean pairs?", "slots"}},
           {{"train", "--reward", "V4"}, {"--reward", "V4", "V3.3"}},
           {{"report", "--study", "x", "--language", "de"}, {"--language", "de", "fr"}},
           {{"config", "frint"}, {"frint", "print"}},
       }) {
    workspace.refuse(w.words, 2, w.said);
  }
}

TEST(Input, a_value_out_of_range_or_of_another_kind_is_named_with_its_flag) {
  Workspace workspace;
  for (Wrong const& w : std::vector<Wrong>{
           {{"train", "--gamma", "1.5"}, {"--gamma", "1.5", "[0, 1]"}},
           {{"train", "--gamma", "-1"}, {"--gamma", "-1", "[0, 1]"}},
           {{"train", "--gamma", "nan"}, {"--gamma", "nan"}},
           {{"train", "--gamma", "high"}, {"--gamma", "high", "number"}},
           {{"train", "--gamma"}, {"--gamma", "missing"}},
           {{"train", "--gamma="}, {"--gamma"}},
           {{"train", "--gamma", "0.9", "--gamma", "0.8"}, {"--gamma"}},
           {{"train", "--episodes", "0"}, {"--episodes", "0"}},
           {{"train", "--episodes", "many"}, {"--episodes", "many", "integer"}},
           {{"train", "--batch-size", "2.5"}, {"--batch-size", "2.5", "integer"}},
           {{"train", "--batch-size", "99999999999999999999"}, {"--batch-size"}},
           {{"train", "--batch-size", "400", "--buffer-size", "300"}, {"batch_size = 400", "buffer_size = 300"}},
           {{"train", "--epsilon-start", "0.1", "--epsilon-end", "0.5"}, {"epsilon_end = 0.5", "epsilon_start = 0.1"}},
           {{"train", "--hidden-sizes", "64,zero"}, {"--hidden-sizes", "zero"}},
           {{"train", "--hidden-sizes", "64,0"}, {"--hidden-sizes", "0", "4096"}},
           {{"train", "--hidden-sizes", ""}, {"--hidden-sizes"}},
           {{"train", "--pair-hidden-sizes", "8,8,8,8,8,8,8,8,8"}, {"pair_hidden_sizes", "9", "8"}},
           {{"train", "--dueling", "perhaps"}, {"--dueling", "perhaps", "true or false"}},
           {{"train", "--learning-rate", "0"}, {"--learning-rate", "0"}},
           {{"train", "--max-steps", "5"}, {"--max-steps", "5", "24"}},
           {{"train", "--num-drivers", "0"}, {"--num-drivers", "0"}},
           {{"train", "--seed", "-1"}, {"--seed", "-1"}},
           {{"train", "--seed", "9223372036854775808"}, {"--seed", "9223372036854775808"}},
           {{"train", "--threads", "0"}, {"--threads", "0"}},
           {{"simulate", "--episodes", "0"}, {"--episodes", "0"}},
           {{"simulate", "--seed", "18446744073709551615"}, {"--seed", "18446744073709551615"}},
           {{"evaluate", "--episodes", "1"}, {"--episodes", "1"}},
           {{"tune", "--trials", "0"}, {"--trials", "0"}},
           {{"tune", "--jobs", "0"}, {"--jobs", "0"}},
           {{"tune", "--eval-episodes", "1"}, {"--eval-episodes", "1"}},
           {{"tune", "--episodes", "-5"}, {"--episodes", "-5"}},
           {{"tune", "--storage", "mysql://host/db"}, {"mysql://host/db", "sqlite:///"}},
           {{"tune", "--study-name", ""}, {"--study-name"}},
           {{"compare", "--training-seeds", "0"}, {"--training-seeds", "0"}},
           {{"compare", "--test-days", "1"}, {"--test-days", "1"}},
           {{"bench", "--seconds", "0"}, {"--seconds", "0"}},
           {{"report"}, {"--study"}},
           {{"config"}, {"action"}},
           {{"config", "check"}, {"file"}},
           {{"config", "print", "c.json"}, {"c.json", "--config"}},
       }) {
    workspace.refuse(w.words, 2, w.said);
  }
}

TEST(Input, a_configuration_file_that_is_wrong_is_named_with_the_place) {
  Workspace workspace;
  std::map<std::string, Wrong> const files{
      {"unknown.json", {{R"({"agent": {"gama": 0.9}})"}, {"agent.gama = 0.9", "did you mean agent.gamma?"}}},
      {"section.json", {{R"({"agnt": {"gamma": 0.9}})"}, {"agnt", "did you mean agent"}}},
      {"misplaced.json", {{R"({"agent": {"n_step": 3}})"}, {"agent.n_step", "replay.n_step"}}},
      {"type.json", {{R"({"agent": {"gamma": "high"}})"}, {"agent.gamma = \"high\"", "number"}}},
      {"list.json", {{R"({"network": {"slots": {"hidden_sizes": 5}}})"}, {"hidden_sizes = 5", "list"}}},
      {"range.json", {{R"({"agent": {"gamma": 1.5}})"}, {"agent.gamma = 1.5", "[0, 1]"}}},
      {"choice.json", {{R"({"network": {"network": "slot"}})"}, {"network.network", "slot", "did you mean slots?"}}},
      {"twice.json", {{R"({"agent": {"gamma": 0.9, "gamma": 0.8}})"}, {"gamma", "twice"}}},
      {"nothing.json", {{""}, {"not JSON"}}},
      {"text.json", {{"dear aunt,"}, {"not JSON"}}},
      {"cut.json", {{R"({"agent": {)"}, {"not JSON"}}},
      {"array.json", {{"[1, 2]"}, {"[1,2]", "object"}}},
      {"tuned.json", {{R"({"best_params": {"gammma": 0.9}})"}, {"best_params", "gammma", "did you mean gamma?"}}},
      {"tuned_range.json", {{R"({"best_params": {"gamma": 9}})"}, {"best_params", "agent.gamma = 9", "[0, 1]"}}},
      {"tuned_none.json", {{R"({"best_params": null})"}, {"best_params"}}},
      {"together.json", {{R"({"agent": {"batch_size": 512}, "replay": {"buffer_size": 100}})"}, {"512", "100"}}},
  };
  for (auto const& [name, wrong] : files) workspace.put(name, wrong.words.front());
  for (auto const& [name, wrong] : files) {
    bool const names_file = name != "together.json";  // that one is about two settings, wherever they come from
    Words const said = wrong.said + (names_file ? Words{name} : Words{});
    workspace.refuse({"train", "--config", name}, 2, said);
    workspace.refuse({"config", "check", name}, 2, said);
    workspace.refuse({"tune", "--config", name}, 2, said);
    workspace.refuse({"compare", "--optimal-config", name}, 2, said);
  }
  workspace.refuse({"train", "--config", "missing.json"}, 2, {"missing.json", "No such file"});
  std::filesystem::create_directory(workspace.path("folder"));
  workspace.refuse({"train", "--config", "folder"}, 1, {"folder", "directory"});
}

TEST(Input, a_configuration_of_another_environment_than_the_flags_is_refused_naming_both) {
  Workspace workspace;
  workspace.put("c.json", R"({"environment": {"num_drivers": 4}})");
  workspace.refuse({"train", "--config", "c.json", "--num-drivers", "5"}, 2, {"num_drivers = 4", "c.json", "5"});
  workspace.refuse({"train", "--config", "c.json"}, 2, {"num_drivers = 4", "6"},
                   {.environment = {"REGULUS_ENVIRONMENT_NUM_DRIVERS=6"}});
  // What a file does not name, it does not fix.
  workspace.put("agent.json", R"({"agent": {"gamma": 0.9}})");
  Json const c =
      workspace.succeed({"config", "print", "--json", "--config", "agent.json", "--num-drivers", "5"}).json();
  EXPECT_EQ(c.find("environment")->find("num_drivers")->as_integer(), 5);
}

TEST(Input, a_wrong_environment_variable_is_named) {
  Workspace workspace;
  workspace.refuse({"train"}, 2, {"REGULUS_AGENT_GAMMA", "agent.gamma = 7"},
                   {.environment = {"REGULUS_AGENT_GAMMA=7"}});
  workspace.refuse({"tune"}, 2, {"REGULUS_REPLAY_N_STEP", "\"few\""}, {.environment = {"REGULUS_REPLAY_N_STEP=few"}});
}

TEST(Input, with_json_an_error_is_the_last_line_of_stdout_too) {
  Workspace workspace;
  for (Words const& words : {Words{"train", "--json", "--gamma", "7"}, Words{"train", "--json", "--gamma"},
                             Words{"tune", "--json", "--trials", "x"}, Words{"evaluate", "--json", "--model", "none"},
                             Words{"simulate", "--json", "--policy", "x"}, Words{"report", "--json"},
                             Words{"config", "check", "none", "--json"}, Words{"compare", "--nonsense", "--json"},
                             Words{"bench", "--seconds", "x", "--json"}, Words{"tun", "--json"}}) {
    Outcome const o = workspace.refuse(words, 2, {"regulus: "});
    Json const printed = o.json();
    Json const* const error = printed.find("error");
    ASSERT_NE(error, nullptr) << o;
    EXPECT_EQ("regulus: " + error->find("message")->as_string() + "\n", o.err);
  }
}

}  // namespace
}  // namespace regulus::app
