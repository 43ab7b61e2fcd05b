#include "lab/train.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/seeds.h"
#include "tests/lab/builders.h"

namespace regulus::lab {
namespace {

TrainOptions options_in(TemporaryFolder const& folder, Config const& config) {
  return {.config = config,
          .seed = 8,
          .folders = {folder.path("models"), folder.path("logs"), folder.path("tensorboard")},
          .stamp = "20260101_000000",
          .timestamp = "2026-01-01T00:00:00Z",
          .resume = false,
          .threads = 2};
}

TEST(Training, delivers_a_best_network_that_is_what_its_figures_say) {
  TemporaryFolder folder;
  Config const config = a_small_config();
  std::vector<int> told;
  Result<TrainOutcome> const o =
      train(options_in(folder, config), [&](int done, int, std::optional<double>) { told.push_back(done); });
  ASSERT_TRUE(o) << o.error().message;
  EXPECT_EQ(told.size(), 12U);
  EXPECT_EQ(told.back(), 12);
  EXPECT_EQ(o->evaluations.size(), 4U);  // every third of twelve days
  // The files on the disk play the days of the report and earn what it says.
  auto const days = scenario_seeds(Role::validate, 8, config.training.final_episodes);
  for (auto const& [file, figure] : {std::pair{o->best_file, o->best}, std::pair{o->final_file, o->final_network}}) {
    Result<Model> model = load_model(file);
    ASSERT_TRUE(model);
    EXPECT_EQ(mean(rewards_of(
                  play_days(model_factory(std::make_shared<Model const>(model.take())), config.environment, days, 1))),
              figure.reward.mean);
  }
  EXPECT_EQ(load_model(o->best_file)->episodes, o->best_episode);
  EXPECT_EQ(load_model(o->final_file)->episodes, 12);
  for (char const* name : {"dqn_ep0005", "dqn_ep0010", "dqn_best", "dqn_final"}) {
    EXPECT_TRUE(std::filesystem::exists(folder.path("models") / (std::string(name) + ".safetensors"))) << name;
  }
  EXPECT_FALSE(o->leads.empty());
}

TEST(Training, of_one_candidate_delivers_the_one_that_wins_on_fresh_days) {
  TemporaryFolder folder;
  Config config = a_small_config();
  config.training.confirm_candidates = 1;
  Result<TrainOutcome> const o = train(options_in(folder, config));
  ASSERT_TRUE(o);
  // Two finalists: the best of all evaluations and what training started from, and the final network.
  auto const best = std::ranges::max_element(o->evaluations, {}, &TrainOutcome::Evaluation::mean);
  EXPECT_TRUE(o->best_episode == 0 || o->best_episode == best->episode || o->best_episode == 12) << o->best_episode;
}

TEST(Training, stops_when_its_patience_ends) {
  TemporaryFolder folder;
  Config config = a_small_config();
  config.training.episodes = 300;
  config.training.patience = 2;
  config.agent.learning_rate = 1e-8;  // learns next to nothing: a new best is soon a matter of luck alone
  Result<TrainOutcome> const o = train(options_in(folder, config));
  ASSERT_TRUE(o);
  EXPECT_LT(o->episodes.size(), 300U);
  auto const count = o->evaluations.size();
  ASSERT_GE(count, 2U);
  // What counts as the best before the first evaluation is what training started from.
  auto const days = scenario_seeds(Role::tune, 8, config.training.eval_episodes);
  double best = mean(rewards_of(play_days(untrained_policy(config, 8), config.environment, days, 1)));
  for (std::size_t i = 0; i < count - 2; ++i) best = std::max(best, o->evaluations[i].mean);
  EXPECT_LE(o->evaluations[count - 2].mean, best);
  EXPECT_LE(o->evaluations[count - 1].mean, best);
}

TEST(Training, resumed_in_one_process_equals_a_whole_one) {
  TemporaryFolder whole;
  TemporaryFolder other;
  Config const config = a_small_config(rl::NetworkKind::slots);
  ASSERT_TRUE(train(options_in(whole, config)));
  TrainOptions options = options_in(other, config);
  ASSERT_TRUE(train(options));
  std::string const at_end = read_file(other.path("models/dqn_checkpoint.rgls")).take();
  EXPECT_TRUE(at_end == read_file(whole.path("models/dqn_checkpoint.rgls")).take());
  options.resume = true;
  options.config.reset();
  options.seed.reset();
  ASSERT_TRUE(train(options));
  EXPECT_TRUE(read_file(other.path("models/dqn_checkpoint.rgls")).take() == at_end);
}

TEST(Training, refuses_what_it_cannot_do_before_it_writes_anything) {
  TemporaryFolder folder;
  Config config = a_small_config();
  config.agent.batch_size = 1000;
  Result<TrainOutcome> const o = train(options_in(folder, config));
  ASSERT_FALSE(o);
  EXPECT_EQ(o.error().kind, ErrorKind::invalid);
  EXPECT_FALSE(std::filesystem::exists(folder.path("models")));
  TrainOptions resume = options_in(folder, a_small_config());
  resume.resume = true;
  Result<TrainOutcome> const nothing = train(resume);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind, ErrorKind::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder.path("models")));
}

}  // namespace
}  // namespace regulus::lab
