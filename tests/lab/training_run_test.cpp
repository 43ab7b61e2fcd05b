#include "lab/training_run.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "tests/lab/builders.h"
#include "tests/support/sanitized.h"

namespace regulus::lab {
namespace {

std::string archive_of(TrainingRun const& run) {
  ArchiveWriter out;
  run.save(out);
  return std::move(out).finish();
}

TrainingRun restored(Config const& config, std::uint64_t seed, std::string const& archive) {
  TrainingRun run(config, seed);
  Result<ArchiveReader> in = ArchiveReader::open(archive);
  EXPECT_TRUE(in);
  run.load(*in);
  EXPECT_TRUE(in->finish());
  return run;
}

struct Variant {
  std::string name;
  std::function<void(Config&)> change;
};
std::ostream& operator<<(std::ostream& stream, Variant const& v) { return stream << v.name; }

class RunOf : public ::testing::TestWithParam<Variant> {
 protected:
  RunOf() : config_(a_small_config()) { GetParam().change(config_); }
  // An episode, and every third time an evaluation, as training does.
  void live(TrainingRun& run) const {
    run.run_episode();
    if (run.episode() % 3 == 0) run.evaluate(scenario_seeds(Role::tune, 9, 4), 1);
  }
  Config config_;
};

INSTANTIATE_TEST_SUITE_P(Variants, RunOf,
                         ::testing::Values(Variant{"pairs", [](Config&) {}},
                                           Variant{"pairs_prioritized_dueling",
                                                   [](Config& c) {
                                                     c.replay.prioritized = true;
                                                     c.network.dueling = true;
                                                   }},
                                           Variant{"slots_prioritized_dueling_dropout_norm_soft_target",
                                                   [](Config& c) {
                                                     c.network.kind = rl::NetworkKind::slots;
                                                     c.replay.prioritized = true;
                                                     c.network.dueling = true;
                                                     c.network.dropout = 0.2;
                                                     c.network.layer_norm = true;
                                                     c.agent.tau = 0.02;
                                                   }},
                                           Variant{"slots_last_iterate_fractional_updates",
                                                   [](Config& c) {
                                                     c.network.kind = rl::NetworkKind::slots;
                                                     c.agent.averaging = 0;
                                                     c.agent.updates_per_step = 0.7;
                                                   }},
                                           Variant{"pairs_alarmed",
                                                   [](Config& c) {
                                                     // So quick to take fright that it rolls back within a few
                                                     // episodes.
                                                     c.agent.learning_rate = 0.5;
                                                     c.sentinel.range_margin = 0;
                                                     c.sentinel.range_patience = 1;
                                                     c.sentinel.probe_interval = 5;
                                                   }}),
                         [](auto const& tested) { return tested.param.name; });

TEST_P(RunOf, saved_at_any_episode_and_loaded_continues_to_the_last_bit) {
  int const episodes = config_.training.episodes;
  TrainingRun whole(config_, 21);
  std::vector<std::string> archives{archive_of(whole)};
  for (int e = 0; e < episodes; ++e) {
    live(whole);
    archives.push_back(archive_of(whole));
  }
  std::mt19937 dice(3);  // NOLINT(cert-msc51-cpp): the same points each time
  for (int trial = 0; trial < (is_sanitized ? 2 : 5); ++trial) {
    auto const at = dice() % static_cast<unsigned>(episodes);
    TrainingRun run = restored(config_, 21, archives[at]);
    ASSERT_EQ(run.episode(), static_cast<int>(at));
    EXPECT_TRUE(archive_of(run) == archives[at]) << "loading is not the inverse of saving";
    while (run.episode() < episodes) live(run);
    EXPECT_TRUE(archive_of(run) == archives.back()) << "restored at " << at;
    EXPECT_EQ(run.events(), whole.events());
  }
  EXPECT_TRUE(GetParam().name != "pairs_alarmed" || !whole.events().empty()) << "this variant shall be alarmed";
}

TEST_P(RunOf, of_the_same_seed_is_the_same_and_of_another_is_not) {
  TrainingRun a(config_, 5);
  TrainingRun b(config_, 5);
  TrainingRun c(config_, 6);
  for (TrainingRun* run : {&a, &b, &c}) {
    for (int e = 0; e < 3; ++e) run->run_episode();
  }
  EXPECT_TRUE(archive_of(a) == archive_of(b));
  EXPECT_FALSE(archive_of(a) == archive_of(c));
}

TEST(TrainingRun, evaluation_changes_no_weight_and_does_not_depend_on_threads) {
  Config config = a_small_config(rl::NetworkKind::slots);
  config.network.dropout = 0.5;  // off outside of updates, or evaluations would differ
  TrainingRun run(config, 4);
  for (int e = 0; e < 3; ++e) run.run_episode();
  auto const days = scenario_seeds(Role::tune, 1, 23);
  auto const once = run.evaluate(days, 1);
  EXPECT_EQ(run.evaluate(days, 3), once);
  TrainingRun unwatched(config, 4);
  for (int e = 0; e < 3; ++e) unwatched.run_episode();
  EXPECT_TRUE(std::ranges::equal(run.snapshot()->network.network().parameters(),
                                 unwatched.snapshot()->network.network().parameters()));
  EXPECT_EQ(std::bit_cast<std::uint64_t>(run.run_episode().reward),
            std::bit_cast<std::uint64_t>(unwatched.run_episode().reward));
}

TEST(TrainingRun, an_archive_of_another_seed_or_network_is_not_taken) {
  Config const config = a_small_config();
  TrainingRun run(config, 5);
  std::string const archive = archive_of(run);
  TrainingRun other_seed(config, 6);
  ArchiveReader in = ArchiveReader::open(archive).take();
  other_seed.load(in);
  EXPECT_FALSE(in.finish());
  TrainingRun other_network(a_small_config(rl::NetworkKind::slots), 5);
  in = ArchiveReader::open(archive).take();
  other_network.load(in);
  EXPECT_FALSE(in.finish());
}

TEST(TrainingRun, counts_what_it_cost) {
  Config config = a_small_config();
  config.agent.updates_per_step = 1;
  TrainingRun run(config, 5);
  EXPECT_EQ(run.environment_steps(), 4 * 12);  // four days of warm-up, an hour each, in steps of five minutes
  EpisodeRecord const day = run.run_episode();
  EXPECT_EQ(day.steps, 12);
  EXPECT_EQ(run.environment_steps(), 5 * 12);
  EXPECT_EQ(run.gradient_steps(), 12);  // one for each step: the warm-up filled more than a batch
  EXPECT_EQ(day.buffer, static_cast<std::int64_t>(run.learner().replay().size()));
  EXPECT_EQ(day.epsilon, config.agent.epsilon_start);
  EXPECT_EQ(run.run_episode().epsilon, config.agent.epsilon_start * config.agent.epsilon_decay);
  run.evaluate(scenario_seeds(Role::tune, 1, 5), 1);
  EXPECT_EQ(run.evaluation_steps(), 5 * 12);
}

}  // namespace
}  // namespace regulus::lab
