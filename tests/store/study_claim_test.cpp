#include <poll.h>
#include <csignal>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/rng.h"
#include "store/encoding.h"
#include "store/sqlite.h"
#include "store/worker.h"
#include "tests/store/support.h"

namespace regulus::store {
namespace {

using Kind = Claim::Kind;

void run_sql(TemporaryFolder const& folder, std::string const& sql) {
  auto connection = Connection::open(folder.file()).take();
  Transaction tx(*connection, Transaction::Kind::write);
  tx.run(sql);
  Status const done = tx.commit();
  ASSERT_TRUE(done) << done.error().message;
}

Claim claim(StudyStore& store, StudyId study, ClaimRules const& rules, Propose const& propose = plain_proposal) {
  Result<Claim> claim = store.claim_next(study, rules, propose);
  if (!claim) ADD_FAILURE() << claim.error().message;
  return claim.take();
}

void complete(StudyStore& store, Claim const& claim, double value = 1) {
  ASSERT_EQ(*store.finish(claim.lease, TrialState::complete, {value}), Write::stored);
}

Trial queued(Json::Object fixed) {
  Trial trial;
  trial.state = TrialState::waiting;
  trial.system_attributes = {{"fixed_params", Json(std::move(fixed))}};
  return trial;
}

class Claiming : public ::testing::Test {
 protected:
  TemporaryFolder folder;
  StudyStore store = open_store(folder);
  StudyId study = a_study(store).id;
};

TEST_F(Claiming, new_trials_count_up_to_the_limit_and_then_the_study_is_finished) {
  for (int number = 0; number < 3; ++number) {
    Claim const next = claim(store, study, rules_for(3));
    ASSERT_EQ(next.kind, Kind::trial);
    EXPECT_EQ(next.trial.number, number);
    EXPECT_EQ(next.trial.state, TrialState::running);
    EXPECT_EQ(next.trial.params, (std::map<std::string, double>{{"lr", 0.001 * (number + 1)}, {"net", 1}}));
    EXPECT_EQ(next.trial.distributions, two_dimensions());
    complete(store, next);
  }
  EXPECT_EQ(claim(store, study, rules_for(3)).kind, Kind::finished);
}

TEST_F(Claiming, while_the_last_trials_run_others_wait_since_one_may_come_back) {
  Claim const last = claim(store, study, rules_for(1));
  EXPECT_EQ(claim(store, study, rules_for(1)).kind, Kind::wait);
  complete(store, last);
  EXPECT_EQ(claim(store, study, rules_for(1)).kind, Kind::finished);
}

TEST_F(Claiming, a_trial_waits_until_all_but_the_lag_have_ended) {
  // Lag 3: trial 3 needs trial 0, trial 4 needs 0 and 1.
  std::vector<Claim> open;
  for (int i = 0; i < 3; ++i) open.push_back(claim(store, study, rules_for(9, 3)));
  EXPECT_EQ(claim(store, study, rules_for(9, 3)).kind, Kind::wait);
  complete(store, open[1]);
  EXPECT_EQ(claim(store, study, rules_for(9, 3)).kind, Kind::wait);
  complete(store, open[0]);
  EXPECT_EQ(claim(store, study, rules_for(9, 3)).trial.number, 3);
  EXPECT_EQ(claim(store, study, rules_for(9, 3)).trial.number, 4);
  EXPECT_EQ(claim(store, study, rules_for(9, 3)).kind, Kind::wait);
}

TEST_F(Claiming, a_proposal_knows_old_outcomes_and_only_the_parameters_of_the_young) {
  ClaimRules const rules = rules_for(9, 3);
  std::vector<Claim> open;
  for (int i = 0; i < 3; ++i) open.push_back(claim(store, study, rules));
  complete(store, open[0], 10);
  ASSERT_EQ(*store.finish(open[1].lease, TrialState::complete, {11},
                          {.intermediate = {{1, 1}}, .user_attributes = {{"a", 1}}, .system_attributes = {{"b", 1}}}),
            Write::stored);
  ASSERT_EQ(*store.finish(open[2].lease, TrialState::fail, {}), Write::stored);
  std::vector<Trial> seen;
  claim(store, study, rules, [&](std::span<Trial const> known, int number) {
    seen.assign(known.begin(), known.end());
    return plain_proposal(known, number);
  });
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].values, std::vector<double>{10});
  for (std::size_t young : {1U, 2U}) {
    EXPECT_EQ(seen[young].state, TrialState::running);
    EXPECT_EQ(seen[young].params, open[young].trial.params);
    EXPECT_TRUE(seen[young].values.empty() && seen[young].intermediate.empty());
    EXPECT_TRUE(seen[young].user_attributes.empty() && seen[young].system_attributes.empty());
    EXPECT_EQ(seen[young].started_us, 0);
  }
  // What was hidden from the proposal is not hidden from the reader.
  EXPECT_EQ(trials_of(store, study).at(1).values, std::vector<double>{11});
}

TEST_F(Claiming, a_proposal_that_fails_or_does_not_fit_adds_no_trial) {
  auto const refusing = [](std::span<Trial const>, int) -> Result<Proposal> { return invalid("the grid is used up"); };
  Result<Claim> const refused = store.claim_next(study, rules_for(5), refusing);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "the grid is used up");

  auto const outside = [](std::span<Trial const>, int) -> Result<Proposal> {
    return Proposal{.params = {{"net", 3}}, .distributions = two_dimensions(), .system_attributes = {}};
  };
  EXPECT_FALSE(store.claim_next(study, rules_for(5), outside));
  EXPECT_FALSE(store.claim_next(study, rules_for(5, 0), plain_proposal));
  EXPECT_TRUE(trials_of(store, study).empty());
}

TEST_F(Claiming, a_parameter_that_changed_its_kind_or_choices_is_refused_by_name) {
  complete(store, claim(store, study, rules_for(5)));
  auto const changed = [](std::span<Trial const>, int) -> Result<Proposal> {
    return Proposal{.params = {{"net", 0}},
                    .distributions = {{"net", CategoricalDistribution{{"small", "large"}}}},
                    .system_attributes = {}};
  };
  Result<Claim> const refused = store.claim_next(study, rules_for(5), changed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_NE(refused.error().message.find("parameter net"), std::string::npos);
  EXPECT_EQ(trials_of(store, study).size(), 1U);
  // Bounds may change: Optuna allows it.
  auto const wider = [](std::span<Trial const>, int) -> Result<Proposal> {
    return Proposal{.params = {{"lr", 0.5}},
                    .distributions = {{"lr", FloatDistribution{.low = 1e-5, .high = 1, .log = true, .step = {}}}},
                    .system_attributes = {}};
  };
  EXPECT_TRUE(store.claim_next(study, rules_for(5), wider));
}

TEST_F(Claiming, queued_trials_come_first_lowest_number_first_and_regardless_of_the_limit) {
  for (double lr : {0.03, 0.04}) ASSERT_TRUE(store.add_trial(study, queued({{"lr", lr}, {"net", 3}})));
  Claim const first = claim(store, study, rules_for(0));
  EXPECT_EQ(first.trial.number, 0);
  EXPECT_EQ(first.trial.params, (std::map<std::string, double>{{"lr", 0.03}, {"net", 2}}));  // the third choice
  EXPECT_EQ(claim(store, study, rules_for(0)).trial.number, 1);
  EXPECT_EQ(claim(store, study, rules_for(0)).kind, Kind::wait);
  EXPECT_EQ(trials_of(store, study).at(0).params, first.trial.params);
}

TEST_F(Claiming, what_a_queued_trial_leaves_open_is_proposed_and_then_the_lag_holds) {
  Claim const running = claim(store, study, rules_for(5));
  ASSERT_TRUE(store.add_trial(study, queued({{"net", "medium"}, {"colour", "red"}})));
  EXPECT_EQ(claim(store, study, rules_for(5)).kind, Kind::wait);
  complete(store, running);
  int asked_for = -1;
  Claim const next = claim(store, study, rules_for(5), [&](std::span<Trial const> known, int number) {
    asked_for = number;
    EXPECT_EQ(known.size(), 1U);
    return Result<Proposal>(Proposal{.params = {{"lr", 0.05}, {"net", 0}},
                                     .distributions = two_dimensions(),
                                     .system_attributes = {{"tpe:x", "y"}}});
  });
  EXPECT_EQ(asked_for, 1);
  // net as fixed, lr as proposed, and colour is no parameter of this space.
  EXPECT_EQ(next.trial.params, (std::map<std::string, double>{{"lr", 0.05}, {"net", 1}}));
  EXPECT_EQ(next.trial.system_attributes.at("tpe:x"), Json("y"));
}

TEST_F(Claiming, a_queued_value_outside_the_bounds_is_used_but_an_impossible_one_fails_with_its_reason) {
  ASSERT_TRUE(store.add_trial(study, queued({{"lr", 5.0}, {"net", "small"}})));
  ASSERT_TRUE(store.add_trial(study, queued({{"lr", 0.01}, {"net", "huge"}})));
  ASSERT_TRUE(store.add_trial(study, queued({{"lr", "fast"}, {"net", "small"}})));
  EXPECT_EQ(claim(store, study, rules_for(4)).trial.params.at("lr"), 5.0);
  Claim const next = claim(store, study, rules_for(4, 4));
  EXPECT_EQ(next.trial.number, 3);
  std::vector<Trial> const trials = trials_of(store, study);
  for (std::size_t i : {1U, 2U}) EXPECT_EQ(trials.at(i).state, TrialState::fail);
  EXPECT_NE(trials[1].user_attributes.at("failure").as_string().find("net = \"huge\""), std::string::npos);
  EXPECT_NE(trials[2].user_attributes.at("failure").as_string().find("lr = \"fast\""), std::string::npos);
}

TEST_F(Claiming, a_given_back_trial_runs_again_in_place_with_its_parameters) {
  Claim const first = claim(store, study, rules_for(5));
  ASSERT_EQ(
      *store.report(first.lease,
                    {.intermediate = {{1, 5}}, .user_attributes = {}, .system_attributes = {{"completed_rung_0", 5}}}),
      Write::stored);
  ASSERT_EQ(*store.give_back(first.lease), Write::stored);

  Trial const waiting = trials_of(store, study).at(0);
  EXPECT_EQ(waiting.state, TrialState::waiting);
  EXPECT_EQ(waiting.params, first.trial.params);
  EXPECT_TRUE(waiting.intermediate.empty());
  EXPECT_EQ(waiting.started_us, 0);
  EXPECT_EQ(waiting.system_attributes,
            (std::map<std::string, Json>{{"fixed_params", Json::object({{"lr", 0.001}, {"net", "medium"}})},
                                         {"regulus:requeued", 1}}));
  {
    auto connection = Connection::open(folder.file()).take();
    Transaction tx(*connection, Transaction::Kind::read);
    EXPECT_EQ(tx.integer("SELECT COUNT(*) FROM trial_heartbeats"), 0);
  }
  auto const never = [](std::span<Trial const>, int) -> Result<Proposal> { return invalid("asked for a proposal"); };
  Claim const second = claim(store, study, rules_for(5), never);
  EXPECT_EQ(second.trial.number, 0);
  EXPECT_EQ(second.trial.params, first.trial.params);
  EXPECT_EQ(second.trial.distributions, first.trial.distributions);
}

TEST_F(Claiming, the_trial_of_a_process_that_ended_is_run_again) {
  ASSERT_EQ(exit_code_of(in_child([&] {
              StudyStore childs_store = open_store(folder);
              Claim const mine = claim(childs_store, study, rules_for(5));
              return *childs_store.report(mine.lease,
                                          {.intermediate = {{1, 5}}, .user_attributes = {}, .system_attributes = {}}) ==
                             Write::stored
                         ? 0
                         : 1;
            })),
            0);
  EXPECT_EQ(trials_of(store, study).at(0).state, TrialState::running);
  EXPECT_EQ(store.requeue_dead(study, std::chrono::hours(1))->waiting, std::vector<int>{0});
  EXPECT_EQ(trials_of(store, study).at(0).state, TrialState::waiting);
  EXPECT_TRUE(store.requeue_dead(study, std::chrono::hours(1))->waiting.empty());
  EXPECT_EQ(claim(store, study, rules_for(5)).trial.number, 0);
}

TEST_F(Claiming, the_trial_of_a_living_process_is_never_taken_however_silent) {
  claim(store, study, rules_for(5));
  run_sql(folder, "UPDATE trial_heartbeats SET heartbeat = '2020-01-01 00:00:00'");
  Requeued const changed = store.requeue_dead(study, std::chrono::seconds(1)).take();
  EXPECT_TRUE(changed.waiting.empty() && changed.failed.empty());
}

TEST_F(Claiming, the_trial_of_another_machine_comes_back_when_its_heartbeat_is_too_old) {
  Claim const mine = claim(store, study, rules_for(5));
  Worker elsewhere = this_worker();
  elsewhere.host = "another";
  run_sql(folder, fmt::format("UPDATE trial_system_attributes SET value_json = '{}' WHERE \"key\" = 'regulus:owner'",
                              to_json(elsewhere).dump()));
  EXPECT_TRUE(store.requeue_dead(study, std::chrono::seconds(60))->waiting.empty());
  run_sql(folder, "UPDATE trial_heartbeats SET heartbeat = '2020-01-01 00:00:00'");
  EXPECT_EQ(store.requeue_dead(study, std::chrono::seconds(60))->waiting, std::vector<int>{0});
  EXPECT_EQ(*store.report(mine.lease, {}), Write::lease_lost);
}

TEST_F(Claiming, a_python_workers_trial_is_left_alone_unless_its_heartbeat_is_stale) {
  Trial python;
  python.state = TrialState::running;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store.add_trial(study, python));
  run_sql(folder, "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (2, CURRENT_TIMESTAMP)");
  run_sql(folder, "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (3, '2020-01-01 00:00:00.000000')");
  Requeued const changed = store.requeue_dead(study, std::chrono::seconds(60)).take();
  EXPECT_TRUE(changed.waiting.empty());
  EXPECT_EQ(changed.failed, std::vector<int>{2});
  std::vector<Trial> const trials = trials_of(store, study);
  EXPECT_EQ(trials[0].state, TrialState::running);
  EXPECT_EQ(trials[1].state, TrialState::running);
  EXPECT_EQ(trials[2].state, TrialState::fail);
  EXPECT_GT(trials[2].finished_us, 0);
  // Nor does anybody wait for one: it may have died without a trace.
  EXPECT_EQ(claim(store, study, rules_for(4)).trial.number, 3);
}

TEST_F(Claiming, a_failed_claim_does_not_leave_stale_trials_in_memory) {
  Trial python;
  python.state = TrialState::running;
  ASSERT_TRUE(store.add_trial(study, python));
  run_sql(folder, "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (1, '2020-01-01 00:00:00')");
  // The sweep fails trial 0, but the proposal's error rolls that back.
  auto const refusing = [](std::span<Trial const>, int) -> Result<Proposal> { return invalid("no"); };
  EXPECT_FALSE(store.claim_next(study, rules_for(5), refusing));
  EXPECT_EQ(trials_of(store, study).at(0).state, TrialState::running);
}

// A run whose outcome depends on its parameters alone; a proposal that depends on every outcome the lag rule shows. If
// any process saw more or less than the rule allows, the parameters of all later trials would differ.
Result<Proposal> chained_proposal(std::span<Trial const> known, int number) {
  std::uint64_t state = mix(7, static_cast<std::uint64_t>(number));
  for (Trial const& trial : known) state = mix(state, key_of(facts_of(trial, false)));
  Rng rng(state);
  return Proposal{.params = {{"lr", rng.uniform(1e-5, 0.1)}, {"net", static_cast<double>(rng.below(3))}},
                  .distributions = two_dimensions(),
                  .system_attributes = {}};
}

// Works until the study is finished, calling `after_step` between any two steps.
int work(TemporaryFolder const& folder, ClaimRules const& rules, int reports,
         std::function<void(std::string const&)> const& after_step) {
  Result<StudyStore> store = StudyStore::open(folder.url(), StudyStore::Mode::existing);
  auto const give_up = [&](Error const& error) {
    append_line(folder.file("errors"), error.message);
    return 1;
  };
  if (!store) return give_up(store.error());
  Result<Study> const study = store->load("dispatch");
  if (!study) return give_up(study.error());
  while (true) {
    Result<Claim> const next = store->claim_next(study->id, rules, chained_proposal);
    if (!next) return give_up(next.error());
    if (next->kind == Kind::finished) return 0;
    if (next->kind == Kind::wait) {
      ::poll(nullptr, 0, 1);
      continue;
    }
    after_step(fmt::format("claimed {}", next->trial.number));
    double value = next->trial.params.at("lr");
    for (int step = 1; step <= reports; ++step) {
      value = std::sin(1000 * value);
      Result<Write> const written =
          store->report(next->lease, {.intermediate = {{step, value}}, .user_attributes = {}, .system_attributes = {}});
      if (!written) return give_up(written.error());
      if (*written == Write::lease_lost) return give_up({ErrorKind::io, "lease lost"});
      after_step(fmt::format("reported {}", next->trial.number));
    }
    Result<Write> const written =
        next->trial.number % 5 == 4
            ? store->finish(next->lease, TrialState::pruned, {})
            : store->finish(next->lease, TrialState::complete, {value},
                            {.intermediate = {}, .user_attributes = {{"steps", 3}}, .system_attributes = {}});
    if (!written) return give_up(written.error());
    if (*written == Write::lease_lost) return give_up({ErrorKind::io, "lease lost at the end"});
    after_step(fmt::format("finished {}", next->trial.number));
  }
}

std::vector<std::string> lines_of(std::filesystem::path const& path) {
  std::vector<std::string> lines;
  Result<std::string> const text = read_file(path);
  if (!text) return lines;
  for (std::size_t at = 0; at < text->size(); at = text->find('\n', at) + 1) {
    lines.push_back(text->substr(at, text->find('\n', at) - at));
  }
  return lines;
}

std::vector<std::string> table_of(TemporaryFolder const& folder) {
  StudyStore store = open_store(folder, StudyStore::Mode::existing);
  std::vector<std::string> table;
  for (Trial const& trial : trials_of(store, store.load("dispatch").take().id)) table.push_back(facts_of(trial, false));
  return table;
}

TEST(Workers, eight_processes_run_a_thousand_queued_and_a_hundred_new_trials_once_each) {
  TemporaryFolder const folder;
  constexpr int trials = 1100;
  {
    StudyStore store = open_store(folder);
    StudyId const study = a_study(store).id;
    for (int i = 0; i < 1000; ++i)
      ASSERT_TRUE(store.add_trial(study, queued({{"lr", 0.0001 * (i % 900 + 1)}, {"net", "small"}})));
  }
  std::vector<pid_t> workers;
  for (int worker = 0; worker < 8; ++worker) {
    workers.push_back(in_child([&] {
      return work(folder, rules_for(trials, 8), 0, [&](std::string const& step) {
        if (step.starts_with("claimed")) append_line(folder.file("claimed"), step);
      });
    }));
  }
  for (pid_t worker : workers) EXPECT_EQ(exit_code_of(worker), 0);
  EXPECT_EQ(lines_of(folder.file("errors")), std::vector<std::string>{});
  std::vector<std::string> const claimed = lines_of(folder.file("claimed"));
  EXPECT_EQ(claimed.size(), static_cast<std::size_t>(trials));
  EXPECT_EQ(std::set<std::string>(claimed.begin(), claimed.end()).size(), static_cast<std::size_t>(trials));
  StudyStore store = open_store(folder, StudyStore::Mode::existing);
  for (Trial const& trial : trials_of(store, store.load("dispatch").take().id)) {
    EXPECT_TRUE(trial.finished() && trial.state != TrialState::fail);
  }
}

TEST(Workers, one_and_many_processes_make_the_same_study) {
  ClaimRules const rules = rules_for(40, 4);
  TemporaryFolder const alone;
  {
    StudyStore store = open_store(alone);
    a_study(store);
  }
  ASSERT_EQ(exit_code_of(in_child([&] { return work(alone, rules, 3, [](std::string const&) {}); })), 0);

  TemporaryFolder const together;
  {
    StudyStore store = open_store(together);
    a_study(store);
  }
  std::vector<pid_t> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.push_back(in_child([&] { return work(together, rules, 3, [](std::string const&) {}); }));
  }
  for (pid_t worker : workers) EXPECT_EQ(exit_code_of(worker), 0);
  EXPECT_EQ(table_of(together), table_of(alone));
}

// Kills whichever worker made a chosen step, at whatever it is doing when the signal arrives, and starts another in its
// place. The steps are drawn from a seed; the exact moment is the scheduler's.
TEST(Workers, after_kills_at_random_points_the_study_equals_an_undisturbed_one) {
  ClaimRules const rules = rules_for(60, 4);
  TemporaryFolder const alone;
  {
    StudyStore store = open_store(alone);
    a_study(store);
  }
  ASSERT_EQ(exit_code_of(in_child([&] { return work(alone, rules, 3, [](std::string const&) {}); })), 0);

  TemporaryFolder const folder;
  {
    StudyStore store = open_store(folder);
    a_study(store);
  }
  std::array<int, 2> steps{};
  ASSERT_EQ(::pipe(steps.data()), 0);
  auto const start = [&] {
    return in_child([&] {
      ::close(steps[0]);
      return work(folder, rules, 3, [&](std::string const&) {
        pid_t const self = ::getpid();
        REGULUS_CHECK(::write(steps[1], &self, sizeof self) == static_cast<ssize_t>(sizeof self));
      });
    });
  };
  std::set<pid_t> workers;
  for (int i = 0; i < 4; ++i) workers.insert(start());
  Rng rng(11);
  int kills = 0;
  std::uint64_t until_kill = rng.below(8);
  while (!workers.empty()) {
    pollfd ready{.fd = steps[0], .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 20) > 0) {
      pid_t worker = 0;
      ASSERT_EQ(::read(steps[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
      if (kills < 40 && workers.contains(worker) && until_kill-- == 0) {
        until_kill = rng.below(8);
        ++kills;
        ::kill(worker, SIGKILL);
      }
    }
    int status = 0;
    for (pid_t ended = ::waitpid(-1, &status, WNOHANG); ended > 0; ended = ::waitpid(-1, &status, WNOHANG)) {
      workers.erase(ended);
      if (WIFSIGNALED(status)) {
        workers.insert(start());
      } else {
        EXPECT_EQ(WEXITSTATUS(status), 0);
      }
    }
  }
  ::close(steps[0]);
  ::close(steps[1]);
  EXPECT_EQ(kills, 40);
  StudyStore store = open_store(folder, StudyStore::Mode::existing);
  std::vector<Trial> const trials = trials_of(store, store.load("dispatch").take().id);
  EXPECT_TRUE(std::ranges::any_of(
      trials, [](Trial const& trial) { return trial.system_attributes.contains(std::string(requeued_key)); }));
  EXPECT_EQ(lines_of(folder.file("errors")), std::vector<std::string>{});
  EXPECT_EQ(table_of(folder), table_of(alone));
}

}  // namespace
}  // namespace regulus::store
