// The promotion gate, with rules as candidates.
#include "tests/app/support.h"
#include "tests/support/random_values.h"

namespace regulus::app {
namespace {

// Wall clock is the one thing that may differ between two runs.
Json without_timing(Json const& json) {
  if (json.is_array()) {
    Json list = Json::array();
    for (Json const& item : json.as_array()) {
      Json const* check = item.find("check");
      if (check != nullptr && *check == Json("decide_ms_p99")) continue;
      list.push_back(without_timing(item));
    }
    return list;
  }
  if (!json.is_object()) return json;
  Json object = Json::object();
  for (auto const& [key, value] : json.as_object()) {
    if (key != "timing") object[key] = without_timing(value);
  }
  return object;
}

// A rule that searches takes longer than one that does not, and how long depends on the machine.
Words const in_any_time{"--max-decide-ms", "100000"};

TEST(Gate, passes_a_search_against_insertion) {
  Workspace workspace;
  Words const words =
      Words{"gate", "lns", "--rules", "wait,insertion", "--scenario", "geneva-medical-traffic", "--days", "40"} +
      in_any_time;
  std::string const text = workspace.succeed(words).out;
  for (char const* said : {"lns against wait, insertion, 40 days a family from seed 900000", "geneva-medical-traffic",
                           "ok     saving over all families", "not checked", "\nPASS\n"}) {
    EXPECT_NE(text.find(said), std::string::npos) << said << "\n" << text;
  }
  Outcome const outcome = workspace.succeed(words + Words{"--json"});
  EXPECT_EQ(outcome.json().find("verdict")->as_string(), "pass");
  EXPECT_GT(outcome.json().find("ci95")->as_array()[0].as_number(), 0);
  EXPECT_TRUE(workspace.files().empty());
}

// A model that is believed on no such day plays the rule: played by itself and taken over from the rule's days, the
// figures are the same.
TEST(Gate, takes_a_silent_models_days_from_the_rule_that_it_plays) {
  Workspace workspace;
  dispatch::ValueNetwork value = regulus::testing::a_random_value(1);
  value.trust.by_kind = {{"geneva-medical", 0}};
  ASSERT_TRUE(nn::write_model(workspace.path("m.safetensors"), dispatch::encode_model(value)));
  auto const family_of = [&](std::string const& rules) {
    Outcome const outcome = workspace.run(Words{"gate", "m.safetensors", "--rules", rules, "--scenario",
                                                "geneva-medical", "--days", "6", "--no-write", "--json"});
    return without_timing(outcome.json().find("families")->as_array()[0]);
  };
  Json const played = family_of("insertion"), taken = family_of("insertion,lns_futures");
  EXPECT_EQ(played.find("cost_cents")->find("candidate")->as_number(),
            taken.find("cost_cents")->find("candidate")->as_number());
  EXPECT_EQ(taken.find("best_rule")->as_string(), "lns_futures");
  EXPECT_EQ(taken.find("saving")->as_number(), 0) << taken.dump();
}

TEST(Gate, fails_a_bad_candidate_with_an_exit_code_of_its_own) {
  Workspace workspace;
  for (char const* bad : {"random", "wait"}) {
    Words const words{"gate", bad, "--rules", "lns", "--scenario", "geneva-medical", "--days", "8"};
    Outcome const outcome = workspace.run(words + in_any_time);
    EXPECT_EQ(outcome.exit_code, 3) << outcome;
    EXPECT_EQ(outcome.err, "");
    for (char const* said : {"FAILED saving over all families", "FAILED saving in the worst family",
                             "failed in geneva-medical", "\nFAIL: the heuristic stays\n"}) {
      EXPECT_NE(outcome.out.find(said), std::string::npos) << said << "\n" << outcome;
    }
    Outcome const json = workspace.run(words + in_any_time + Words{"--json"});
    EXPECT_EQ(json.exit_code, 3);
    EXPECT_EQ(json.json().find("verdict")->as_string(), "fail");
  }
}

TEST(Gate, fails_who_takes_too_long_to_decide) {
  Workspace workspace;
  Outcome const outcome = workspace.run({"gate", "lns", "--rules", "insertion", "--scenario", "geneva-medical",
                                         "--days", "3", "--max-decide-ms", "0.001"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.out.find("FAILED time to decide"), std::string::npos) << outcome;
}

TEST(Gate, says_the_same_at_any_number_of_threads) {
  Workspace workspace;
  auto const said = [&](char const* threads) {
    return without_timing(
        workspace
            .run(Words{"gate", "regret", "random", "--rules", "nearest,insertion", "--scenario",
                       "geneva-medical,valley", "--days", "4", "--json", "--clairvoyant", "50", "--threads", threads} +
                 in_any_time)
            .json());
  };
  Json const one = said("1");
  EXPECT_EQ(said("3"), one);
  EXPECT_EQ(one.find("families")->as_array().size(), 2U);
  EXPECT_EQ(one.find("saving_by_candidate")->as_array().size(), 2U);
  EXPECT_TRUE(one.find("families")->as_array()[0].has("gap_closed"));
}

TEST(Gate, goes_on_from_finished_families_and_comes_to_the_same_verdict) {
  Workspace workspace;
  auto const words = [](char const* families, char const* file) {
    return Words{"gate",   "insertion", "--rules", "nearest",   "--scenario", families,
                 "--days", "5",         "--json",  "--results", file} +
           in_any_time;
  };
  Json const whole = workspace.run(words("geneva-medical-scarce,geneva-medical", "whole.json")).json();
  workspace.run(words("geneva-medical", "parts.json"));
  std::string const first = workspace.bytes("parts.json");
  Json const resumed = workspace.run(words("geneva-medical-scarce,geneva-medical", "parts.json")).json();
  EXPECT_EQ(without_timing(resumed), without_timing(whole));
  EXPECT_GT(workspace.bytes("parts.json").size(), first.size());
  // Everything is there: nothing is played, and what the clock said is what it said then.
  std::string const before = workspace.bytes("parts.json");
  Json const again = workspace.run(words("geneva-medical-scarce,geneva-medical", "parts.json")).json();
  EXPECT_EQ(again, resumed);
  EXPECT_EQ(workspace.bytes("parts.json"), before);
}

TEST(Gate, plays_the_rules_once_for_all_candidates) {
  Workspace workspace;
  auto const words = [](char const* candidate, char const* file) {
    return Words{"gate",   candidate, "--rules", "nearest,regret", "--scenario", "geneva-medical",
                 "--days", "5",       "--json",  "--results",      file} +
           in_any_time;
  };
  Json const alone = workspace.run(words("random", "alone.json")).json();
  workspace.run(words("insertion", "both.json"));
  Json const second = workspace.run(words("random", "both.json")).json();
  EXPECT_EQ(without_timing(second), without_timing(alone));
  // Two rules and two candidates: nobody has played twice.
  EXPECT_EQ(parse_json(workspace.bytes("both.json"))->find("played")->as_array().size(), 4U);
}

TEST(Gate, keeps_what_was_played_when_it_is_interrupted) {
  Workspace workspace;
  Child child = workspace.start({"gate", "insertion", "--rules", "nearest", "--scenario", "geneva-medical,paratransit",
                                 "--days", "300", "--threads", "1", "--results", "kept.json"});
  EXPECT_TRUE(child.until([&] { return workspace.has("kept.json"); }));
  child.signal(SIGINT);
  Outcome const outcome = child.wait();
  EXPECT_EQ(outcome.exit_code, 130) << outcome;
  EXPECT_NE(outcome.err.find("what was played is kept in kept.json"), std::string::npos) << outcome;
  EXPECT_EQ(workspace.files().size(), 1U);
  Result<Json> const kept = parse_json(workspace.bytes("kept.json"));
  ASSERT_TRUE(kept);
  EXPECT_GE(kept->find("played")->as_array().size(), 1U);
}

TEST(Gate, refuses_what_does_not_fit) {
  Workspace workspace;
  Words const small{"gate", "nearest", "--rules", "insertion", "--scenario", "geneva-medical", "--days", "2"};
  workspace.run(small + Words{"--results", "good.json"});
  std::string const good = workspace.bytes("good.json");
  workspace.put("cut.json", good.substr(0, good.size() / 2));
  workspace.put("text.json", "{\"format\":\"else\"}");
  workspace.put("bad.safetensors", "nothing");
  struct Wrong {
    int exit_code;
    Words words;
    Words said;
  };
  for (Wrong const& w : std::vector<Wrong>{
           {2, {"gate"}, {"MODEL"}},
           {2, {"gate", "nearst"}, {"nearst", "nearest"}},
           {2, {"gate", "nearest", "nearest"}, {"nearest", "twice"}},
           {2, {"gate", "nearest", "--rules", "insertoin"}, {"--rules", "insertoin", "insertion"}},
           {2, {"gate", "nearest", "--rules", "lns,lns"}, {"--rules", "lns", "twice"}},
           {2, {"gate", "nearest", "--scenario", "genva-medical"}, {"--scenario", "genva-medical", "geneva-medical"}},
           {2, {"gate", "nearest", "--scenario", "valley,,valley"}, {"--scenario"}},
           {2, {"gate", "nearest", "--scenario", "valley,valley"}, {"--scenario", "valley", "twice"}},
           {2, {"gate", "nearest", "--scenario", "classic"}, {"--scenario", "classic"}},
           {2, {"gate", "nearest", "--scenario", "day.json"}, {"--scenario", "day.json"}},
           {2, {"gate", "nearest", "--days", "1"}, {"--days", "1"}},
           {2, {"gate", "nearest", "--rules", "lns", "--clairvoyant", "5"}, {"--clairvoyant", "insertion"}},
           {2, {"gate", "none.safetensors"}, {"none.safetensors"}},
           {1, {"gate", "bad.safetensors"}, {"bad.safetensors"}},
           {1, small + Words{"--results", "cut.json"}, {"--results cut.json", "damaged"}},
           {1, small + Words{"--results", "text.json"}, {"--results text.json", "format"}},
           {2, small + Words{"--results", "good.json", "--seed", "5"}, {"good.json", "seed = 900000 there and 5 here"}},
       }) {
    workspace.refuse(w.words, w.exit_code, w.said);
  }
}

TEST(Gate, explains_itself) {
  Workspace workspace;
  std::string const help = workspace.succeed({"gate", "--help"}).out;
  for (char const* said : {"3 fail", "call-taxi", "\n  regulus gate", "--no-write", "25,000"})
    EXPECT_NE(help.find(said), std::string::npos) << said << "\n" << help;
  EXPECT_NE(workspace.succeed({"--help"}).out.find("\n  gate"), std::string::npos);
}

}  // namespace
}  // namespace regulus::app
