#include "lab/report.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "store/study_store.h"
#include "tests/lab/builders.h"

namespace regulus::lab {
namespace {

std::string metrics(std::string const& run, int seed, double gamma, std::string const& evaluations) {
  return R"({"run": ")" + run + R"(", "seed": )" + std::to_string(seed) + R"(, "config": {"agent": {"gamma": )" +
         std::to_string(gamma) + R"(}}, "evaluations": )" + evaluations +
         R"(, "best_eval": {"avg_reward": 12.0, "ci95": [10.0, 14.0], "episodes": 6}, "training_steps": 7})";
}

std::string const two_evaluations = R"([{"episode": 5, "avg_reward": 1.0}, {"episode": 10, "avg_reward": 2.0}])";

TEST(ReportOfRuns, puts_runs_that_differ_in_their_seed_alone_into_one_band) {
  TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder.path("metrics_1.json"), metrics("a", 1, 0.9, two_evaluations)));
  ASSERT_TRUE(write_file(folder.path("metrics_2.json"), metrics("b", 2, 0.9, two_evaluations)));
  ASSERT_TRUE(write_file(folder.path("metrics_3.json"), metrics("c", 1, 0.8, two_evaluations)));
  ASSERT_TRUE(write_file(folder.path("notes.json"), "not looked at"));
  Report report;
  ASSERT_TRUE(add_runs(report, folder.path()));
  ASSERT_EQ(report.curves.size(), 1U);
  std::vector<std::size_t> bands;
  for (auto const& curve : report.curves.front().curves) {
    bands.push_back(curve.runs.size());
    EXPECT_EQ(curve.x, (std::vector<double>{5, 10}));
  }
  std::ranges::sort(bands);
  EXPECT_EQ(bands, (std::vector<std::size_t>{1, 2}));
  EXPECT_FALSE(render(report).empty());
}

TEST(ReportOfRuns, survives_runs_of_another_length_and_members_of_another_kind) {
  TemporaryFolder folder;
  // One was stopped early; one is damaged where nobody looks twice.
  ASSERT_TRUE(write_file(folder.path("metrics_1.json"), metrics("a", 1, 0.9, two_evaluations)));
  ASSERT_TRUE(
      write_file(folder.path("metrics_2.json"), metrics("b", 2, 0.9, R"([{"episode": 5, "avg_reward": 1.5}])")));
  ASSERT_TRUE(write_file(folder.path("metrics_3.json"), metrics("c", 3, 0.9, "[]")));
  ASSERT_TRUE(write_file(folder.path("metrics_4.json"), metrics("d", 4, 0.7, "[1, \"x\", null]")));
  ASSERT_TRUE(write_file(folder.path("metrics_5.json"), metrics("e", 5, 0.6, "\"x\"")));
  Report report;
  ASSERT_TRUE(add_runs(report, folder.path()));
  EXPECT_FALSE(render(report).empty());
}

TEST(ReportOfAStudy, of_another_program_shows_its_trials_without_our_figures) {
  TemporaryFolder folder;
  std::string const url = "sqlite:///" + folder.path("s.db").string();
  auto store = store::StudyStore::open(url, store::StudyStore::Mode::create).take();
  auto const study = store.create_or_load(
      {.name = "foreign", .directions = {Direction::minimize}, .user_attributes = {}, .system_attributes = {}});
  ASSERT_TRUE(study);
  Report empty;
  ASSERT_TRUE(add_study(empty, url, "foreign"));
  EXPECT_FALSE(render(empty).empty()) << "a study without trials";
  for (int i = 0; i < 3; ++i) {
    Trial t;
    t.state = i == 2 ? TrialState::fail : TrialState::complete;
    if (i < 2) t.values = {1.0 * i};
    t.distributions = {{"x", FloatDistribution{.low = 0, .high = 1, .log = false, .step = std::nullopt}}};
    t.params = {{"x", 0.25 * i}};
    ASSERT_TRUE(store.add_trial(study->id, t));
  }
  Report report;
  ASSERT_TRUE(add_study(report, url, "foreign"));
  ASSERT_EQ(report.studies.size(), 1U);
  EXPECT_EQ(report.studies.front().trials.size(), 3U);
  EXPECT_TRUE(report.key_figures.empty());
  EXPECT_FALSE(report.optimism);
  EXPECT_NE(render(report).find("foreign"), std::string::npos);
}

}  // namespace
}  // namespace regulus::lab
