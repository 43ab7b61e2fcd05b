#include "store/study_reports.h"

#include <limits>

#include "store/jobs.h"
#include "tests/store/serving.h"

namespace regulus::store {
namespace {

// A trial of one real and one categorical parameter.
Trial a_trial(int number, TrialState state, std::vector<double> values) {
  Trial trial;
  trial.number = number;
  trial.state = state;
  trial.values = std::move(values);
  trial.params = {{"gamma", 0.5}, {"network", 1}};
  trial.distributions = {{"gamma", FloatDistribution{0, 1, false, {}}},
                         {"network", CategoricalDistribution{{Json("plain"), Json("slots")}}}};
  trial.started_us = morning_us;
  return trial;
}

class StudyReports : public ::testing::Test {
 protected:
  std::string job() {
    return served_
        .write([&](Transaction& tx) { return enqueue_job(tx, {.kind = "tune"}, morning_us, entropy_from(rng_)); })
        .id;
  }
  void report(std::string const& job, StudyReport const& report, std::vector<Trial> const& trials) {
    served_.write([&](Transaction& tx) -> Status {
      std::vector<StudyTrial> changed;
      for (Trial const& trial : trials) changed.push_back(reported_trial(trial));
      write_study_report(tx, job, report, changed);
      return ok();
    });
  }
  StudyCount count(std::string const& job, bool maximizes = true) {
    return served_.read([&](Transaction& tx) -> Result<StudyCount> { return study_count(tx, job, maximizes); });
  }
  std::vector<StudyTrial> trials(std::string const& job, std::int64_t after = -1, int limit = 500) {
    return served_.read(
        [&](Transaction& tx) -> Result<std::vector<StudyTrial>> { return study_trials(tx, job, after, limit); });
  }
  std::optional<StudyReport> reported(std::string const& job) {
    return served_.read([&](Transaction& tx) -> Result<std::optional<StudyReport>> { return study_report(tx, job); });
  }

  ServedFolder served_;
  Rng rng_{3};
};

TEST_F(StudyReports, a_trial_is_reported_as_a_user_sees_it) {
  StudyTrial const reported = reported_trial(a_trial(4, TrialState::complete, {-12.5}));
  EXPECT_EQ(reported.number, 4);
  EXPECT_EQ(reported.value, -12.5);
  EXPECT_EQ(reported.parameters, Json::object({{"gamma", 0.5}, {"network", "slots"}}));
  EXPECT_EQ(reported.started_us, morning_us);
  EXPECT_EQ(reported.ended_us, std::nullopt);  // 0 is unknown, not 1970
  // JSON has no such number.
  EXPECT_EQ(reported_trial(a_trial(4, TrialState::complete, {std::numeric_limits<double>::infinity()})).value,
            std::nullopt);
}

TEST_F(StudyReports, what_was_written_is_read_and_a_later_report_takes_its_place) {
  std::string const id = job();
  EXPECT_EQ(reported(id), std::nullopt);
  StudyReport first{.name = "s", .maximizes = false, .problem = "torn", .reported_us = morning_us};
  report(id, first, {a_trial(0, TrialState::complete, {1}), a_trial(1, TrialState::running, {})});
  EXPECT_EQ(reported(id), first);
  StudyReport second = first;
  second.problem = {};
  second.importances = Json::object({{"trials", 2}});
  second.reported_us = morning_us + second_us;
  report(id, second, {a_trial(1, TrialState::pruned, {0.5}), a_trial(2, TrialState::waiting, {})});
  EXPECT_EQ(reported(id), second);
  EXPECT_EQ(trials(id), (std::vector<StudyTrial>{reported_trial(a_trial(0, TrialState::complete, {1})),
                                                 reported_trial(a_trial(1, TrialState::pruned, {0.5})),
                                                 reported_trial(a_trial(2, TrialState::waiting, {}))}));
}

TEST_F(StudyReports, trials_are_counted_and_the_first_of_the_best_complete_ones_is_best) {
  std::string const id = job();
  report(id, {.name = "s"},
         {a_trial(0, TrialState::complete, {3}), a_trial(1, TrialState::complete, {7}),
          a_trial(2, TrialState::complete, {7}), a_trial(3, TrialState::pruned, {9}), a_trial(4, TrialState::fail, {}),
          a_trial(5, TrialState::running, {})});
  StudyCount const found = count(id);
  EXPECT_EQ(found.by_state, (std::array<std::int64_t, 5>{1, 3, 1, 1, 0}));
  ASSERT_TRUE(found.best);
  EXPECT_EQ(found.best->number, 1);
  EXPECT_EQ(count(id, false).best->number, 0);
}

TEST_F(StudyReports, pages_go_by_number) {
  std::string const id = job(), other = job();
  std::vector<Trial> many;
  for (int n = 0; n < 5; ++n) many.push_back(a_trial(n, TrialState::complete, {1.0 * n}));
  report(id, {.name = "s"}, many);
  report(other, {.name = "o"}, {a_trial(3, TrialState::complete, {99})});
  std::vector<std::int64_t> numbers;
  for (StudyTrial const& trial : trials(id, 1, 2)) numbers.push_back(trial.number);
  EXPECT_EQ(numbers, (std::vector<std::int64_t>{2, 3}));
}

TEST_F(StudyReports, forgetting_leaves_the_other_studies) {
  std::string const id = job(), other = job();
  for (std::string const& one : {id, other}) report(one, {.name = "s"}, {a_trial(0, TrialState::complete, {1})});
  served_.write([&](Transaction& tx) -> Status {
    forget_study(tx, id);
    return ok();
  });
  EXPECT_EQ(reported(id), std::nullopt);
  EXPECT_TRUE(trials(id).empty());
  EXPECT_EQ(trials(other).size(), 1U);
}

}  // namespace
}  // namespace regulus::store
