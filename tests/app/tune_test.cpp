#include <atomic>
#include <set>

#include "domain/trial.h"
#include "store/study_store.h"
#include "tests/app/support.h"
#include "tests/support/sanitized.h"

namespace regulus::app {
namespace {

std::string const database = "data/rl/studies.db";
std::string const result_file = "data/rl/optimal_config.json";

Words tune(int trials, Words const& more = {}) {
  return Words{"tune",
               "--trials",
               std::to_string(trials),
               "--episodes",
               "20",
               "--eval-episodes",
               "4",
               "--select-top",
               "2",
               "--select-seeds",
               "1",
               "--validate-seeds",
               "1",
               "--warmup-episodes",
               "3"} +
         small_world + more;
}

std::vector<Trial> trials_of(Workspace const& workspace, std::string const& study = "dqn_optimization") {
  auto store =
      store::StudyStore::open("sqlite:///" + workspace.path(database).string(), store::StudyStore::Mode::existing);
  EXPECT_TRUE(store);
  if (!store) return {};
  auto const found = store->load(study);
  EXPECT_TRUE(found);
  if (!found) return {};
  auto const trials = store->trials(found->id);
  EXPECT_TRUE(trials);
  return trials ? std::vector<Trial>(trials->begin(), trials->end()) : std::vector<Trial>{};
}

// What the table of trials says, without times: number, state, values, parameters, reports.
std::vector<std::string> table_of(std::vector<Trial> const& trials) {
  std::vector<std::string> rows;
  for (Trial const& t : trials) {
    std::string row = fmt::format("{} {}", t.number, static_cast<int>(t.state));
    for (double v : t.values) row += fmt::format(" {}", v);
    for (auto const& [name, value] : t.params) row += fmt::format(" {}={}", name, value);
    for (auto const& [step, value] : t.intermediate) row += fmt::format(" {}:{}", step, value);
    rows.push_back(row);
  }
  return rows;
}

// What the result file says that does not depend on how long it took.
std::string result_of(Workspace const& workspace) {
  Json result = parse_json(workspace.bytes(result_file)).take();
  result["budget"] = Json();
  result["command"] = Json();
  return result.dump();
}

int finished_in(Workspace const& workspace) {
  if (!workspace.has(database)) return 0;
  auto store =
      store::StudyStore::open("sqlite:///" + workspace.path(database).string(), store::StudyStore::Mode::existing);
  if (!store) return 0;
  auto const study = store->load("dqn_optimization");
  if (!study) return 0;
  auto const trials = store->trials(study->id);
  return trials ? static_cast<int>(std::ranges::count_if(*trials, &Trial::finished)) : 0;
}

TEST(Tune, writes_the_same_table_of_trials_at_any_number_of_jobs_and_processes) {
  // wilcoxon prunes early and compares single days: the pruner that would notice most.
  for (std::string const pruner : {"median", "wilcoxon"}) {
    Words const command = tune(10, {"--pruner", pruner});
    Workspace one;
    one.succeed(command + Words{"--jobs", "1"});
    auto const expected = table_of(trials_of(one));
    ASSERT_EQ(expected.size(), 10U);
    for (std::string const jobs : {"2", "3"}) {
      Workspace several;
      several.succeed(command + Words{"--jobs", jobs});
      EXPECT_EQ(table_of(trials_of(several)), expected) << pruner << " at " << jobs << " jobs";
      EXPECT_EQ(result_of(several), result_of(one));
    }
    Workspace shared;
    Child first = shared.start(command + Words{"--jobs", "1"});
    Child second = shared.start(command + Words{"--jobs", "2"});
    for (Child* process : {&first, &second}) {
      Outcome const end = process->wait();
      EXPECT_EQ(end.exit_code, 0) << end;
    }
    EXPECT_EQ(table_of(trials_of(shared)), expected) << pruner << " in two processes";
    EXPECT_EQ(result_of(shared), result_of(one));
  }
}

TEST(Tune, killed_again_and_again_ends_with_the_same_trials_and_none_twice) {
  for (std::string const pruner : {"halving", "wilcoxon"}) {
    Words const command = tune(12, {"--pruner", pruner, "--jobs", "2"});
    Workspace whole;
    whole.succeed(command);
    Workspace killed;
    int kills = 0;
    for (int finished : {1, 4, 8}) {
      Child life = killed.start(command);
      life.until([&] { return finished_in(killed) >= finished; });
      life.signal(SIGKILL);
      kills += life.wait().exit_code == 128 + SIGKILL ? 1 : 0;
    }
    EXPECT_GE(kills, 2) << "the program was too fast for this test to mean anything";
    killed.succeed(command);
    EXPECT_EQ(table_of(trials_of(killed)), table_of(trials_of(whole))) << pruner;
    EXPECT_EQ(result_of(killed), result_of(whole));
  }
}

TEST(Tune, interrupted_by_ctrl_c_says_how_to_continue_and_continues) {
  Words const command = tune(12, {"--jobs", "2"});
  Workspace whole;
  whole.succeed(command);
  Workspace stopped;
  Child life = stopped.start(command);
  ASSERT_TRUE(life.until([&] { return finished_in(stopped) >= 3; }));
  life.signal(SIGINT);
  Outcome const end = life.wait();
  EXPECT_EQ(end.exit_code, 130) << end;
  EXPECT_NE(end.err.find("continues"), std::string::npos) << end;
  EXPECT_FALSE(stopped.has(result_file));
  for (Trial const& t : trials_of(stopped)) EXPECT_NE(t.state, TrialState::running) << t.number;
  stopped.succeed(command);
  EXPECT_EQ(table_of(trials_of(stopped)), table_of(trials_of(whole)));
  EXPECT_EQ(result_of(stopped), result_of(whole));
}

TEST(Tune, continues_to_more_trials_as_if_asked_for_them_at_once) {
  Workspace once;
  once.succeed(tune(9));
  Workspace twice;
  twice.succeed(tune(4));
  twice.succeed(tune(9));
  EXPECT_EQ(table_of(trials_of(twice)), table_of(trials_of(once)));
  EXPECT_EQ(result_of(twice), result_of(once));
}

TEST(Tune, a_study_keeps_its_lag_when_none_is_asked_for) {
  Workspace workspace;
  workspace.succeed(tune(3, {"--lag", "2"}));
  workspace.succeed(tune(4));
  workspace.refuse(tune(5, {"--lag", "3"}), 2, {"lag = 2", "has 3"});
}

TEST(Tune, continuing_with_other_settings_is_refused_naming_both) {
  Workspace workspace;
  workspace.succeed(tune(1, {"--gamma", "0.95"}));
  struct Case {
    Words more, texts;
  };
  Words const base = {"tune", "--trials",       "2", "--warmup-episodes",  "3", "--gamma",
                      "0.95", "--max-bookings", "4", "--simulation-hours", "1"};
  auto const with = [&](std::map<std::string, std::string> const& changes, Words const& texts) {
    std::map<std::string, std::string> flags{{"--num-drivers", "3"}, {"--episodes", "20"}, {"--eval-episodes", "4"}};
    for (auto const& [flag, value] : changes) flags[flag] = value;
    Words words = base;
    for (auto const& [flag, value] : flags) words = words + Words{flag, value};
    workspace.refuse(words, 2, texts + Words{"dqn_optimization", "--study-name"});
  };
  with({{"--seed", "43"}}, {"seed = 42", "has 43"});
  with({{"--num-drivers", "5"}}, {"environment.num_drivers = 3", "has 5"});
  with({{"--reward", "V2"}}, {"environment.reward = \"V1\"", "has \"V2\""});
  with({{"--episodes", "30"}}, {"training.episodes = 20", "has 30"});
  with({{"--eval-episodes", "6"}}, {"eval_episodes = 4", "has 6"});
  with({{"--network", "slots"}}, {"network.network = \"pairs\"", "has \"slots\""});
  with({{"--sampler", "random"}}, {"sampler = \"tpe\"", "has \"random\""});
  with({{"--pruner", "none"}}, {"pruner = \"median\"", "has \"none\""});
  with({{"--huber-delta", "7.5"}}, {"agent.huber_delta", "has 7.5"});  // not tuned, but it shapes every trial
  workspace.refuse({"tune", "--policy", "score_rule", "--trials", "2", "--eval-episodes", "4"}, 2,
                   {"subject = \"dqn\"", "\"score_rule\""});
}

TEST(Tune, every_sampler_runs_with_every_pruner_and_jq_best_params_works) {
  for (std::string const sampler : {"tpe", "random"}) {
    for (std::string const pruner : {"median", "halving", "wilcoxon", "percentile", "none"}) {
      Workspace workspace;
      Json const printed =
          workspace.succeed(tune(4, {"--json", "--sampler", sampler, "--pruner", pruner, "--policy", "score_rule"}))
              .json();
      Json const written = parse_json(workspace.bytes(result_file)).take();
      EXPECT_TRUE(printed == written);
      for (char const* key : {"best_reward", "best_trial_number", "best_params", "n_trials_total", "n_trials_completed",
                              "n_trials_pruned", "optimization_history", "best_reward_ci95", "tuning_score", "optimism",
                              "environment", "budget", "plan", "command"}) {
        EXPECT_TRUE(written.has(key)) << key;
      }
      EXPECT_EQ(written.find("n_trials_total")->as_integer(), 4);
      EXPECT_EQ(written.find("n_trials_completed")->as_integer() + written.find("n_trials_pruned")->as_integer(), 4);
      Json const& first = written.find("optimization_history")->as_array().front();
      for (char const* key : {"trial", "value", "params", "state"}) EXPECT_TRUE(first.has(key)) << key;
      EXPECT_FALSE(written.find("best_params")->as_object().empty());
      // What was tuned can be played.
      workspace.succeed({"simulate", "--policy", "score_rule:" + result_file, "--episodes", "3"});
    }
  }
}

TEST(Tune, the_median_pruner_stops_some_trials_of_a_longer_study) {
  Workspace workspace;
  Json const result = workspace.succeed(tune(is_sanitized ? 16 : 40, {"--json", "--sampler", "random"})).json();
  EXPECT_GT(result.find("n_trials_pruned")->as_integer(), 0);
  for (Trial const& t : trials_of(workspace)) {
    if (t.state != TrialState::pruned) continue;
    EXPECT_FALSE(t.intermediate.empty());
    EXPECT_LT(t.intermediate.rbegin()->first, 20) << "a trial pruned at its end was run in full for nothing";
  }
}

TEST(Tune, the_reported_reward_is_not_the_score_that_won) {
  Workspace workspace;
  Outcome const o = workspace.succeed(tune(5, {"--json"}));
  EXPECT_DOUBLE_EQ(o.number({"optimism"}), o.number({"tuning_score"}) - o.number({"best_reward"}));
  Json const result = o.json();
  Json const& ends = *result.find("best_reward_ci95");
  EXPECT_LE(ends.as_array()[0].as_number(), o.number({"best_reward"}));
  EXPECT_GE(ends.as_array()[1].as_number(), o.number({"best_reward"}));
}

TEST(Tune, a_damaged_database_is_refused_and_left_alone) {
  Workspace workspace;
  workspace.succeed(tune(2));
  std::string const good = workspace.bytes(database);
  Words damaged{good.substr(0, good.size() / 2), good.substr(0, 50), std::string(4096, 'x'), "no database"};
  // The header, a page in the middle, the schema.
  for (std::size_t at : {std::size_t{0}, std::size_t{20}, std::size_t{105}}) {
    damaged.push_back(good);
    for (std::size_t i = at; i < at + 40; ++i) damaged.back()[i] ^= 0x55;
  }
  for (std::size_t i = 0; i < damaged.size(); ++i) {
    workspace.put(database, damaged[i]);
    SCOPED_TRACE(i);
    Outcome const tuned = workspace.refuse(tune(3), 1, {"studies.db"});
    Outcome const reported = workspace.refuse({"report", "--study", "dqn_optimization"}, 1, {"studies.db"});
  }
}

TEST(Tune, on_a_full_disk_says_so_and_the_study_stays_whole) {
  Workspace workspace;
  workspace.succeed(tune(3));
  auto const rows = table_of(trials_of(workspace));
  std::string const good = workspace.bytes(result_file);
  Outcome const failed = workspace.run(tune(30), {.largest_file = workspace.bytes(database).size()});
  EXPECT_EQ(failed.exit_code, 1) << failed;
  EXPECT_NE(failed.err.find("studies.db"), std::string::npos) << failed;
  EXPECT_EQ(workspace.bytes(result_file), good);
  auto const after = table_of(trials_of(workspace));
  ASSERT_GE(after.size(), 3U);
  EXPECT_EQ(std::vector<std::string>(after.begin(), after.begin() + 3), rows);
  workspace.succeed(tune(5));
  EXPECT_EQ(trials_of(workspace).size(), 5U);
}

}  // namespace
}  // namespace regulus::app
