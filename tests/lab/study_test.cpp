#include "lab/study.h"

#include <fmt/format.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>

#include "store/study_store.h"
#include "tests/lab/builders.h"

namespace regulus::lab {
namespace {

// Something to tune whose truth is known: a day earns -(x - 3)², and five points more in the search, whose days are
// lucky ones. No other day knows of that luck.
class Parabola : public Subject {
 public:
  std::vector<TunedDimension> dimensions() const override {
    return {{.name = "x",
             .tuning = FieldOptions::Tuning::uniform,
             .low = 0,
             .high = 10,
             .candidates = {},
             .default_value = Json(9.0)}};
  }
  Json identity() const override { return Json::object({{"subject", "parabola"}}); }
  Result<SubjectResult> run(Json const& params, std::uint64_t agent_seed, Role role, int days,
                            Reporter const& report) const override {
    double const x = params.find("x")->as_number();
    {
      std::lock_guard const lock(mutex_);
      seeds_[role].push_back(agent_seed);
      ++runs_;
    }
    if (fails_above_ > 0 && x > fails_above_) return invalid(fmt::format("x = {} is too large to play", x));
    SubjectResult result;
    for (int day = 0; day < days; ++day)
      result.rewards.push_back(-(x - 3) * (x - 3) + 0.01 * std::sin(day) + (role == Role::tune ? 5 : 0));
    if (broken_) result.rewards.front() = std::nan("");
    for (int step = 1; step <= 3 && report; ++step) {
      if (report(step, result.rewards)) {
        result.stopped = true;
        break;
      }
    }
    result.ledger.environment_steps = days;
    return result;
  }
  std::map<Role, std::vector<std::uint64_t>> seeds() const { return seeds_; }
  int runs() const { return runs_; }
  double fails_above_ = 0;
  bool broken_ = false;

 private:
  mutable std::mutex mutex_;
  mutable std::map<Role, std::vector<std::uint64_t>> seeds_;
  mutable int runs_ = 0;
};

class StudyOf : public ::testing::Test {
 protected:
  StudyOptions options(int trials) const {
    StudyOptions o{.name = "s", .storage = "sqlite:///" + folder_.path("s.db").string(), .trials = trials};
    o.eval_episodes = 6;
    o.pruner = "none";
    o.select_top = 3;
    o.select_seeds = 2;
    o.select_days = 5;
    o.validate_seeds = 2;
    o.validate_days = 7;
    return o;
  }
  TemporaryFolder folder_;
  Parabola subject_;
};

TEST_F(StudyOf, finds_the_known_optimum_and_reports_a_figure_without_the_luck_of_the_search) {
  Result<StudyOutcome> const o = run_study(subject_, options(40), {});
  ASSERT_TRUE(o) << o.error().message;
  EXPECT_EQ(o->trials.size(), 40U);
  double const x = o->candidates[o->winner].params.find("x")->as_number();
  EXPECT_NEAR(x, 3, 0.5);
  // The mean of 0.01 sin(day) is far below a tenth; the search's five points of luck are the optimism.
  EXPECT_NEAR(o->validation_score(), -(x - 3) * (x - 3), 0.1);
  EXPECT_NEAR(o->optimism(), 5, 0.1);
  // The default is x = 9 and earns 36 less than the best.
  EXPECT_NEAR(o->winner_minus_default.mean, 36 - (x - 3) * (x - 3), 1e-9);
  EXPECT_EQ(o->trials.front().params.at("x"), 9) << "trial 0 is the default";
}

TEST_F(StudyOf, never_lets_two_phases_share_an_agents_seed) {
  ASSERT_TRUE(run_study(subject_, options(5), {}));
  std::set<std::uint64_t> all;
  std::size_t distinct = 0;
  for (auto const& [role, seeds] : subject_.seeds()) {
    std::set<std::uint64_t> const of_role(seeds.begin(), seeds.end());
    distinct += of_role.size();
    all.insert(of_role.begin(), of_role.end());
  }
  EXPECT_EQ(all.size(), distinct);
  EXPECT_EQ(all.size(), 1U + 2U + 2U);  // one for the search: trials differ by their parameters alone
}

TEST_F(StudyOf, that_is_complete_runs_no_trial_again) {
  ASSERT_TRUE(run_study(subject_, options(6), {}));
  int const before = subject_.runs();
  Result<StudyOutcome> const again = run_study(subject_, options(6), {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->resumed_trials, 6);
  EXPECT_EQ(subject_.runs() - before, 3 * 2 + 2 * 2);  // selection and validation
}

TEST_F(StudyOf, keeps_a_failed_trial_with_its_reason_and_goes_on) {
  subject_.fails_above_ = 5;  // the default, x = 9, among them
  StudyOptions o = options(12);
  o.sampler = "random";
  Result<StudyOutcome> const outcome = run_study(subject_, o, {});
  ASSERT_FALSE(outcome) << "the default fails in validation, which must be said";
  EXPECT_NE(outcome.error().message.find("x = 9"), std::string::npos) << outcome.error().message;
  auto store = store::StudyStore::open(o.storage, store::StudyStore::Mode::existing).take();
  auto const trials = store.trials(store.load("s")->id);
  ASSERT_TRUE(trials);
  ASSERT_EQ(trials->size(), 12U);
  for (Trial const& t : *trials) {
    bool const too_large = t.params.at("x") > 5;
    EXPECT_EQ(t.state, too_large ? TrialState::fail : TrialState::complete);
    EXPECT_EQ(t.user_attributes.contains("failure"), too_large);
  }
}

TEST_F(StudyOf, without_a_single_complete_trial_says_so) {
  subject_.broken_ = true;
  Result<StudyOutcome> const o = run_study(subject_, options(3), {});
  ASSERT_FALSE(o);
  EXPECT_NE(o.error().message.find("no complete trial"), std::string::npos) << o.error().message;
}

TEST_F(StudyOf, refuses_unknown_names_before_it_makes_a_database) {
  for (auto const& [sampler, pruner] : {std::pair{"tpx", "none"}, {"tpe", "nome"}}) {
    StudyOptions o = options(3);
    o.sampler = sampler;
    o.pruner = pruner;
    EXPECT_FALSE(run_study(subject_, o, {}));
    EXPECT_FALSE(std::filesystem::exists(folder_.path("s.db")));
  }
}

TEST_F(StudyOf, tells_its_progress_without_going_back) {
  std::vector<int> done;
  std::vector<double> best;
  std::vector<std::string> phases;
  StudyOptions o = options(10);
  o.jobs = 3;
  ASSERT_TRUE(run_study(subject_, o,
                        {.trials =
                             [&](int finished, int total, std::optional<double> value) {
                               EXPECT_EQ(total, 10);
                               done.push_back(finished);
                               if (value) best.push_back(*value);
                             },
                         .phases = [&](std::string const& phase, int, int) { phases.push_back(phase); }}));
  EXPECT_TRUE(std::ranges::is_sorted(best));
  EXPECT_EQ(*std::ranges::max_element(done), 10);
  EXPECT_EQ(std::ranges::count(phases, "selecting"), 6);
  EXPECT_EQ(std::ranges::count(phases, "validating"), 4);
}

}  // namespace
}  // namespace regulus::lab
