#include "store/study_store.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>
#include <csignal>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "tests/store/support.h"

namespace regulus::store {
namespace {

double const infinity = std::numeric_limits<double>::infinity();
double const not_a_number = std::nan("");
std::int64_t const some_time = 1'772'352'900'250'000;  // 2026-03-01 08:15:00.25 UTC

Trial a_trial(TrialState state) {
  Trial trial;
  trial.state = state;
  trial.started_us = some_time;
  trial.finished_us = trial.finished() ? some_time + 60'000'000 : 0;
  return trial;
}

Json constraints(std::vector<double> const& values) { return Json::array_of(values); }

// One trial of each shape that Optuna knows, for a study of one objective.
std::vector<Trial> every_shape() {
  std::vector<Trial> shapes;
  Trial full = a_trial(TrialState::complete);
  full.values = {0.1};
  full.distributions = {{"batch", IntDistribution{.low = 32, .high = 512, .log = true, .step = 1}},
                        {"gamma", FloatDistribution{.low = 0.9, .high = 1, .log = false, .step = 0.01}},
                        {"lr", FloatDistribution{.low = 1e-5, .high = 0.1, .log = true, .step = {}}},
                        {"net", CategoricalDistribution{{"small", Json(), true, 3, 2.5}}}};
  full.params = {{"batch", 64}, {"gamma", 0.97}, {"lr", 0.1 + 0.2}, {"net", 4}};
  full.intermediate = {{0, 1.5}, {7, not_a_number}, {-3, infinity}, {1'000'000, -infinity}};
  full.user_attributes = {{"note", "Grüße \"quoted\" \n"}, {"seeds", Json(Json::Array{1, 2.5, Json(), false})}};
  full.system_attributes = {{"constraints", constraints({-1, 0.5})}, {"constraints:ride", 0.5}};
  shapes.push_back(full);
  for (double value : {infinity, -infinity, 0.0, 5e-324, std::numeric_limits<double>::max()}) {
    shapes.push_back(a_trial(TrialState::complete));
    shapes.back().values = {value};
  }
  shapes.push_back(a_trial(TrialState::pruned));
  shapes.push_back(a_trial(TrialState::pruned));
  shapes.back().values = {3};
  shapes.back().intermediate = {{1, 3}};
  shapes.push_back(a_trial(TrialState::fail));
  shapes.push_back(a_trial(TrialState::running));
  shapes.back().intermediate = {{1, not_a_number}};
  shapes.push_back(Trial{});
  shapes.back().state = TrialState::waiting;
  shapes.back().system_attributes = {{"fixed_params", Json::object({{"lr", 0.002}, {"net", "small"}})}};
  return shapes;
}

TEST(StorageUrl, names_a_relative_or_an_absolute_file) {
  EXPECT_EQ(*parse_storage_url("sqlite:///studies.db"), "studies.db");
  EXPECT_EQ(*parse_storage_url("sqlite:///runs/a b.db"), "runs/a b.db");
  EXPECT_EQ(*parse_storage_url("sqlite:////tmp/studies.db"), "/tmp/studies.db");
}

TEST(StorageUrl, anything_else_is_refused_with_the_text_and_a_remedy) {
  for (char const* url : {"", "studies.db", "sqlite://studies.db", "sqlite:///", "sqlite:////",
                          "sqlite:///:memory:", "mysql://host/db", "sqlite:///a.db?mode=ro", "sqlite:///folder/"}) {
    Result<std::filesystem::path> const path = parse_storage_url(url);
    ASSERT_FALSE(path) << url;
    EXPECT_EQ(path.error().kind, ErrorKind::invalid);
    EXPECT_NE(path.error().message.find(fmt::format("\"{}\"", url)), std::string::npos);
    EXPECT_NE(path.error().message.find("write sqlite:///"), std::string::npos);
  }
}

TEST(StudyStore, a_storage_that_does_not_exist_is_made_only_when_asked) {
  TemporaryFolder const folder;
  Result<StudyStore> const store = StudyStore::open(folder.url(), StudyStore::Mode::existing);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::not_found);
  EXPECT_TRUE(folder.names().empty());
  open_store(folder, StudyStore::Mode::create);
  EXPECT_EQ(folder.names(), std::set<std::string>{"studies.db"});
}

TEST(StudyStore, who_has_little_patience_soon_hears_that_others_write) {
  TemporaryFolder const folder;
  StudyStore first = open_store(folder);
  Study const study = a_study(first);
  auto const other = Connection::open(folder.file("studies.db")).take();
  Transaction const writes(*other, Transaction::Kind::write);
  StudyStore store = StudyStore::open(folder.url(), StudyStore::Mode::existing, std::chrono::milliseconds(50)).take();
  auto const begun = std::chrono::steady_clock::now();
  EXPECT_EQ(store.requeue_dead(study.id, std::chrono::seconds(60)).error().kind, ErrorKind::busy);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));  // the usual patience is a minute
}

TEST(StudyStore, a_study_is_made_once_and_then_loaded_with_its_attributes) {
  TemporaryFolder const folder;
  StudyInfo info;
  info.name = "dispatch";
  info.directions = {Direction::minimize, Direction::maximize};
  info.user_attributes = {{"seed", 7}};
  info.system_attributes = {{"study:metric_names", Json(Json::Array{"wait", "served"})}};
  Study const made = open_store(folder).create_or_load(info).take();
  EXPECT_EQ(made.info, info);

  StudyStore store = open_store(folder);
  StudyInfo again = info;
  again.user_attributes = {{"seed", 8}};
  Study const loaded = store.create_or_load(again).take();
  EXPECT_EQ(loaded.id, made.id);
  EXPECT_EQ(loaded.info, info);
  ASSERT_TRUE(store.set_attributes(made.id, {{"seed", 9}, {"best", "x"}}, {{"study:metric_names", Json()}}));
  Study const changed = store.load("dispatch").take();
  EXPECT_EQ(changed.info.user_attributes, (std::map<std::string, Json>{{"best", "x"}, {"seed", 9}}));
  EXPECT_EQ(changed.info.system_attributes, (std::map<std::string, Json>{{"study:metric_names", Json()}}));
}

TEST(StudyStore, studies_are_listed_in_order_of_creation_and_an_unknown_one_names_them) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  for (char const* name : {"b", "a"}) {
    StudyInfo info;
    info.name = name;
    ASSERT_TRUE(store.create_or_load(info));
  }
  std::vector<Study> const studies = store.studies().take();
  ASSERT_EQ(studies.size(), 2U);
  EXPECT_EQ(studies[0].info.name, "b");
  EXPECT_EQ(studies[1].info.name, "a");
  Result<Study> const unknown = store.load("c");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::not_found);
  EXPECT_NE(unknown.error().message.find("no study \"c\"; it holds b, a"), std::string::npos)
      << unknown.error().message;
}

TEST(StudyStore, a_study_of_other_directions_or_without_a_name_is_refused) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  a_study(store, {Direction::maximize});
  StudyInfo info;
  info.name = "dispatch";
  info.directions = {Direction::minimize};
  Result<Study> const other = store.create_or_load(info);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("has the directions MAXIMIZE, not MINIMIZE"), std::string::npos);
  EXPECT_FALSE(store.create_or_load(StudyInfo{}));
  info.name = std::string(513, 'x');
  EXPECT_FALSE(store.create_or_load(info));
  info.name = "none";
  info.directions = {};
  EXPECT_FALSE(store.create_or_load(info));
}

TEST(StudyStore, a_trial_of_every_shape_reads_back_bit_by_bit) {
  TemporaryFolder const folder;
  std::vector<Trial> shapes = every_shape();
  {
    StudyStore store = open_store(folder);
    StudyId const study = a_study(store).id;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      Result<int> const number = store.add_trial(study, shapes[i]);
      ASSERT_TRUE(number) << number.error().message;
      EXPECT_EQ(*number, static_cast<int>(i));
      shapes[i].number = *number;
    }
  }
  StudyStore store = open_store(folder);
  std::vector<Trial> const read = trials_of(store, a_study(store).id);
  ASSERT_EQ(read.size(), shapes.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) EXPECT_EQ(facts_of(read[i]), facts_of(shapes[i]));
}

TEST(StudyStore, two_objectives_keep_their_order) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  StudyId const study = a_study(store, {Direction::minimize, Direction::maximize}).id;
  Trial trial = a_trial(TrialState::complete);
  trial.values = {-infinity, 7};
  ASSERT_TRUE(store.add_trial(study, trial));
  EXPECT_EQ(trials_of(store, study).at(0).values, (std::vector<double>{-infinity, 7}));
  trial.values = {1};
  EXPECT_FALSE(store.add_trial(study, trial));
}

RC_GTEST_PROP(StudyStore, any_trial_reads_back, ()) {
  static TemporaryFolder const folder;
  static StudyStore store = open_store(folder);
  static StudyId const study = a_study(store).id;

  auto const real =
      rc::gen::map(rc::gen::arbitrary<std::uint64_t>(), [](std::uint64_t bits) { return std::bit_cast<double>(bits); });
  auto const text = rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  Trial trial;
  trial.state = *rc::gen::element(TrialState::running, TrialState::complete, TrialState::pruned, TrialState::fail,
                                  TrialState::waiting);
  double const value = *real;
  bool const has_value = trial.finished() && !std::isnan(value);
  if (trial.state == TrialState::complete || has_value) trial.values = {std::isnan(value) ? 0 : value};
  trial.intermediate = *rc::gen::container<std::map<int, double>>(rc::gen::arbitrary<int>(), real);
  for (std::string const& name : *rc::gen::container<std::vector<std::string>>(text)) {
    trial.user_attributes[name] = *text;
    trial.system_attributes[name] = *rc::gen::inRange(-1000, 1000);
    // Another name for each kind of distribution: within a study a name keeps its kind.
    trial.params["f" + name] = *rc::gen::map(rc::gen::inRange(-1000, 1000), [](int i) { return i / 7.0; });
    trial.distributions["f" + name] = FloatDistribution{.low = -150, .high = 150, .log = false, .step = {}};
    trial.params["c" + name] = *rc::gen::inRange(0, 3);
    trial.distributions["c" + name] = CategoricalDistribution{{"x", 1, Json()}};
  }
  if (trial.state != TrialState::waiting) trial.started_us = *rc::gen::inRange<std::int64_t>(1, some_time);
  if (trial.finished()) trial.finished_us = *rc::gen::inRange<std::int64_t>(1, some_time);

  Result<int> const number = store.add_trial(study, trial);
  RC_ASSERT(static_cast<bool>(number));
  trial.number = *number;
  std::vector<Trial> const read = trials_of(store, study);
  RC_ASSERT(facts_of(read.at(static_cast<std::size_t>(*number))) == facts_of(trial));
}

TEST(StudyStore, what_optuna_could_not_read_is_refused_and_nothing_is_written) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  StudyId const study = a_study(store).id;
  Trial trial = a_trial(TrialState::complete);
  EXPECT_FALSE(store.add_trial(study, trial));  // no value
  trial.values = {not_a_number};
  EXPECT_FALSE(store.add_trial(study, trial));
  trial.values = {1, 2};
  EXPECT_FALSE(store.add_trial(study, trial));
  trial.values = {1};
  trial.params = {{"lr", 0.1}};
  EXPECT_FALSE(store.add_trial(study, trial));  // no distribution
  trial.distributions = {{"lr", CategoricalDistribution{{"a", "b"}}}};
  trial.params = {{"lr", 2}};
  EXPECT_FALSE(store.add_trial(study, trial));  // a third of two choices
  trial.params = {{"lr", not_a_number}};
  EXPECT_FALSE(store.add_trial(study, trial));
  trial.params = {};
  trial.user_attributes = {{std::string(513, 'k'), 1}};
  EXPECT_FALSE(store.add_trial(study, trial));
  EXPECT_TRUE(trials_of(store, study).empty());
}

TEST(StudyStore, odd_attributes_of_a_python_worker_do_not_hide_the_study) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  StudyId const study = a_study(store).id;
  ASSERT_TRUE(store.add_trial(study, a_trial(TrialState::running)));
  {
    auto connection = Connection::open(folder.file()).take();
    Transaction tx(*connection, Transaction::Kind::write);
    tx.run("INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (1, 'loss', 'NaN')");
    tx.run("INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (1, 'range', '[-Infinity, 3]')");
    tx.run("INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (1, 'best', 'Infinity')");
    ASSERT_TRUE(tx.commit());
  }
  Trial const trial = trials_of(store, study).at(0);
  EXPECT_TRUE(trial.user_attributes.at("loss").is_null());
  EXPECT_EQ(trial.user_attributes.at("range").dump(), "[null,3]");
  EXPECT_TRUE(a_study(store).info.user_attributes.at("best").is_null());
}

void expect_odd(std::string const& sql, std::string const& reason) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  StudyId const study = a_study(store).id;
  ASSERT_TRUE(store.add_trial(study, every_shape().at(0)));
  {
    auto connection = Connection::open(folder.file()).take();
    Transaction tx(*connection, Transaction::Kind::write);
    tx.run(sql);
    ASSERT_TRUE(tx.commit());
  }
  Result<std::span<Trial const>> const trials = store.trials(study);
  ASSERT_FALSE(trials) << sql;
  EXPECT_EQ(trials.error().kind, ErrorKind::corrupt);
  EXPECT_NE(trials.error().message.find(reason), std::string::npos) << trials.error().message;
}

TEST(StudyStore, rows_that_make_no_trial_are_named) {
  expect_odd("UPDATE trials SET state = 'DONE'", "trial 0 (trial_id 1): unknown state DONE");
  expect_odd("UPDATE trials SET number = 3", "its number should be 0");
  expect_odd("UPDATE trial_params SET param_value = 5 WHERE param_name = 'net'", "parameter net is 5");
  expect_odd("UPDATE trial_params SET param_value = NULL WHERE param_name = 'lr'", "parameter lr");
  expect_odd("UPDATE trial_params SET distribution_json = '{}' WHERE param_name = 'lr'", "parameter lr: ");
  expect_odd("UPDATE trial_values SET value_type = 'COMPLEX'", "unknown kind COMPLEX");
}

TEST(StudyStore, reports_overwrite_steps_and_keys_and_the_end_is_written_at_once) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  StudyId const study = a_study(store).id;
  Claim const claim = store.claim_next(study, rules_for(1), plain_proposal).take();
  ASSERT_EQ(claim.kind, Claim::Kind::trial);
  EXPECT_EQ(*store.report(claim.lease,
                          {.intermediate = {{1, 5}, {2, 6}}, .user_attributes = {{"a", 1}}, .system_attributes = {}}),
            Write::stored);
  EXPECT_EQ(
      *store.report(claim.lease, {.intermediate = {{2, 7}}, .user_attributes = {{"a", 2}}, .system_attributes = {}}),
      Write::stored);
  EXPECT_EQ(*store.heartbeat(claim.lease), Write::stored);
  EXPECT_EQ(
      *store.finish(
          claim.lease, TrialState::complete, {8},
          {.intermediate = {{3, 8}}, .user_attributes = {}, .system_attributes = {{"constraints", constraints({-1})}}}),
      Write::stored);
  Trial const trial = trials_of(store, study).at(0);
  EXPECT_EQ(trial.state, TrialState::complete);
  EXPECT_EQ(trial.values, std::vector<double>{8});
  EXPECT_EQ(trial.intermediate, (std::map<int, double>{{1, 5}, {2, 7}, {3, 8}}));
  EXPECT_EQ(trial.user_attributes.at("a"), Json(2));
  EXPECT_EQ(trial.system_attributes.at("constraints"), constraints({-1}));
  EXPECT_EQ(trial.params, claim.trial.params);
  EXPECT_EQ(trial.started_us, claim.trial.started_us);
  EXPECT_GE(trial.finished_us, trial.started_us);
}

TEST(StudyStore, an_end_that_does_not_fit_writes_nothing_and_the_lease_stays) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  StudyId const study = a_study(store).id;
  Claim const claim = store.claim_next(study, rules_for(1), plain_proposal).take();
  TrialUpdate const update{.intermediate = {{1, 1}}, .user_attributes = {}, .system_attributes = {}};
  EXPECT_FALSE(store.finish(claim.lease, TrialState::complete, {not_a_number}, update));
  EXPECT_FALSE(store.finish(claim.lease, TrialState::complete, {}, update));
  EXPECT_FALSE(store.finish(claim.lease, TrialState::complete, {1, 2}, update));
  EXPECT_FALSE(store.finish(claim.lease, TrialState::waiting, {}, update));
  EXPECT_FALSE(store.report(
      claim.lease,
      {.intermediate = {{1, 1}}, .user_attributes = {{std::string(600, 'k'), 1}}, .system_attributes = {}}));
  Trial const trial = trials_of(store, study).at(0);
  EXPECT_EQ(trial.state, TrialState::running);
  EXPECT_TRUE(trial.intermediate.empty());
  EXPECT_EQ(*store.finish(claim.lease, TrialState::fail, {}), Write::stored);
}

TEST(StudyStore, a_pruned_trial_without_value_gets_its_last_reported_one_unless_that_is_nan) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  StudyId const study = a_study(store).id;
  std::vector<std::map<int, double>> const reports = {
      {{1, 5}, {2, 4}}, {{1, 5}, {2, not_a_number}}, {{1, infinity}}, {}};
  std::vector<std::vector<double>> const expected = {{4}, {}, {infinity}, {}};
  for (auto const& intermediate : reports) {
    Claim const claim = store.claim_next(study, rules_for(4), plain_proposal).take();
    ASSERT_EQ(*store.finish(claim.lease, TrialState::pruned, {},
                            {.intermediate = intermediate, .user_attributes = {}, .system_attributes = {}}),
              Write::stored);
  }
  std::vector<Trial> const trials = trials_of(store, study);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(trials.at(i).values, expected[i]) << i;
}

TEST(StudyStore, a_write_after_the_lease_was_lost_says_so_and_changes_nothing) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  StudyId const study = a_study(store).id;
  Claim const claim = store.claim_next(study, rules_for(1), plain_proposal).take();
  {
    // As a Python worker does with a trial whose heartbeat is stale.
    auto connection = Connection::open(folder.file()).take();
    Transaction tx(*connection, Transaction::Kind::write);
    tx.run("UPDATE trials SET state = 'FAIL', datetime_complete = '2026-03-01 08:15:00.000000'");
    ASSERT_TRUE(tx.commit());
  }
  TrialUpdate const update{.intermediate = {{1, 1}}, .user_attributes = {{"a", 1}}, .system_attributes = {{"b", 1}}};
  EXPECT_EQ(*store.report(claim.lease, update), Write::lease_lost);
  EXPECT_EQ(*store.heartbeat(claim.lease), Write::lease_lost);
  EXPECT_EQ(*store.finish(claim.lease, TrialState::complete, {1}, update), Write::lease_lost);
  EXPECT_EQ(*store.give_back(claim.lease), Write::lease_lost);
  Trial const trial = trials_of(store, study).at(0);
  EXPECT_EQ(trial.state, TrialState::fail);
  EXPECT_TRUE(trial.values.empty());
  EXPECT_TRUE(trial.intermediate.empty());
  EXPECT_TRUE(trial.user_attributes.empty());
}

TEST(StudyStore, an_old_lease_is_lost_even_when_the_same_process_holds_the_trial_again) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  StudyId const study = a_study(store).id;
  Claim const first = store.claim_next(study, rules_for(1), plain_proposal).take();
  ASSERT_EQ(*store.give_back(first.lease), Write::stored);
  Claim const second = store.claim_next(study, rules_for(1), plain_proposal).take();
  EXPECT_EQ(second.trial.number, first.trial.number);
  EXPECT_EQ(*store.finish(first.lease, TrialState::complete, {1}), Write::lease_lost);
  EXPECT_EQ(*store.finish(second.lease, TrialState::complete, {2}), Write::stored);
  EXPECT_EQ(trials_of(store, study).at(0).values, std::vector<double>{2});
}

TEST(StudyStore, a_study_that_was_deleted_is_named) {
  TemporaryFolder const folder;
  StudyStore store = open_store(folder);
  Result<std::span<Trial const>> const trials = store.trials(StudyId{5});
  ASSERT_FALSE(trials);
  EXPECT_EQ(trials.error().kind, ErrorKind::not_found);
  EXPECT_FALSE(store.claim_next(StudyId{5}, rules_for(1), plain_proposal));
}

TEST(StudyStore, a_full_disk_keeps_every_trial_that_was_stored) {
  TemporaryFolder const folder;
  {
    StudyStore store = open_store(folder);
    a_study(store);
  }
  pid_t const child = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{.rlim_cur = 600'000, .rlim_max = 600'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    StudyStore store = open_store(folder, StudyStore::Mode::existing);
    StudyId const study = store.load("dispatch").take().id;
    while (true) {
      Result<Claim> const claim = store.claim_next(study, rules_for(1000), plain_proposal);
      if (!claim) return claim.error().kind == ErrorKind::io ? 0 : 2;
      Result<Write> const written = store.finish(
          claim->lease, TrialState::complete, {1.0 * claim->trial.number},
          {.intermediate = {{1, 1}}, .user_attributes = {{"curve", std::string(2000, 'c')}}, .system_attributes = {}});
      if (!written) return written.error().kind == ErrorKind::io ? 0 : 3;
      append_line(folder.file("stored"), "1");
    }
  });
  ASSERT_EQ(exit_code_of(child), 0);
  std::string const stored = *read_file(folder.file("stored"));
  auto const count = static_cast<std::size_t>(std::ranges::count(stored, '\n'));
  ASSERT_GT(count, 5U);
  StudyStore store = open_store(folder, StudyStore::Mode::existing);
  StudyId const study = store.load("dispatch").take().id;
  std::vector<Trial> const trials = trials_of(store, study);
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_EQ(trials.at(i).state, TrialState::complete);
    EXPECT_EQ(trials.at(i).values, std::vector<double>{1.0 * static_cast<double>(i)});
    EXPECT_EQ(trials.at(i).user_attributes.size(), 1U);
  }
  EXPECT_TRUE(store.claim_next(study, rules_for(1000), plain_proposal));
}

}  // namespace
}  // namespace regulus::store
