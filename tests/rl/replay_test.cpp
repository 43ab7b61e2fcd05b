#include "rl/replay.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <optional>

namespace regulus::rl {
namespace {

Observation numbered(int number) {
  Observation o;
  o.rows = 1;
  o.features = {static_cast<float>(number)};
  o.legal = {1, 1, 1};
  return o;
}

int number_of(Observation const& o) { return static_cast<int>(o.features[0]); }

Replay replay_of(int size, int n_step, double gamma) {
  ReplayConfig config;
  config.buffer_size = size;
  config.n_step = n_step;
  return {config, gamma};
}

Replay prioritized(int size, double alpha = 0.6) {
  ReplayConfig config;
  config.buffer_size = size;
  config.n_step = 1;
  config.prioritized = true;
  config.per_alpha = alpha;
  return {config, 0.9};
}

void add_terminal_steps(Replay& replay, int count) {
  for (int i = 0; i < count; ++i) replay.add(numbered(i), 0, {.reward = 1.0 * i, .terminal = true, .over = true});
}

// The naive twin: keeps everything that was ever added and answers from the definition.
struct NaiveReplay {
  struct Entry {
    int number = 0;
    int choice = 0;
    StepResult step;
    bool closing = false;
  };
  std::size_t capacity;
  int n_step;
  double gamma;
  std::vector<Entry> entries;

  bool is_kept(std::size_t i) const { return i + capacity >= entries.size(); }

  struct Answer {
    double reward = 0, bootstrap = 0;
    std::optional<int> next;
  };
  // None while the window is incomplete, and for the state that closes an episode.
  std::optional<Answer> answer(std::size_t i) const {
    if (entries[i].closing) return std::nullopt;
    Answer a;
    double elapsed = 0;
    for (std::size_t k = i; k < i + static_cast<std::size_t>(n_step); ++k) {
      if (k >= entries.size()) return std::nullopt;
      if (entries[k].closing) {
        a.bootstrap = std::pow(gamma, elapsed);
        a.next = entries[k].number;
        return a;
      }
      a.reward += std::pow(gamma, elapsed) * entries[k].step.reward;
      elapsed += entries[k].step.elapsed;
      if (entries[k].step.terminal) return a;
    }
    std::size_t const last = i + static_cast<std::size_t>(n_step);
    if (last >= entries.size()) return std::nullopt;
    a.bootstrap = std::pow(gamma, elapsed);
    a.next = entries[last].number;
    return a;
  }
};

RC_GTEST_PROP(Replay, agrees_with_the_naive_twin_on_every_window, ()) {
  int const n_step = *rc::gen::inRange(1, 8);
  int const capacity = *rc::gen::inRange(n_step + 2, 40);
  double const gamma = *rc::gen::element(0.5, 0.9, 0.99, 1.0);
  Replay replay = replay_of(capacity, n_step, gamma);
  NaiveReplay twin{static_cast<std::size_t>(capacity), n_step, gamma, {}};

  int const additions = *rc::gen::inRange(1, 120);
  for (int i = 0; i < additions; ++i) {
    // 0: on, 1: terminal, 2: cut by a time limit.
    int const end = *rc::gen::weightedElement<int>({{8, 0}, {1, 1}, {1, 2}});
    StepResult const step{.reward = *rc::gen::inRange(-5, 6) * 1.0,
                          .elapsed = *rc::gen::element(0.0, 1.0, 1.0, 2.5),
                          .terminal = end == 1,
                          .over = end != 0};
    auto const number = static_cast<int>(twin.entries.size());
    int const choice = *rc::gen::inRange(0, 3);
    replay.add(numbered(number), choice, step);
    twin.entries.push_back({number, choice, step, false});
    if (end == 2) {
      replay.close_episode(numbered(number + 1));
      twin.entries.push_back({number + 1, 0, {}, true});
    }

    std::size_t ready = 0;
    for (std::size_t e = 0; e < twin.entries.size(); ++e) {
      if (!twin.is_kept(e)) continue;
      std::size_t const index = e % static_cast<std::size_t>(capacity);
      auto const expected = twin.answer(e);
      RC_ASSERT(replay.is_ready(index) == expected.has_value());
      if (!expected) continue;
      ++ready;
      Transition const t = replay.transition(index);
      RC_ASSERT(t.index == index);
      RC_ASSERT(number_of(*t.state) == twin.entries[e].number);
      RC_ASSERT(t.choice == twin.entries[e].choice);
      RC_ASSERT(std::abs(t.reward - expected->reward) < 1e-9);
      RC_ASSERT(std::abs(t.bootstrap - expected->bootstrap) < 1e-12);
      RC_ASSERT((t.next != nullptr) == expected->next.has_value());
      if (t.next != nullptr) RC_ASSERT(number_of(*t.next) == *expected->next);
    }
    RC_ASSERT(replay.ready() == ready);
    RC_ASSERT(replay.size() == std::min(twin.entries.size(), static_cast<std::size_t>(capacity)));
  }
}

TEST(Replay, a_three_step_window_sums_rewards_by_elapsed_time) {
  // gamma 1/2; rewards 4, 8, 16 that take 1, 2 and 1 units: 4 + 8/2 + 16/2^3 = 10, bootstrap 1/2^4.
  Replay replay = replay_of(64, 3, 0.5);
  replay.add(numbered(0), 1, {.reward = 4, .elapsed = 1});
  replay.add(numbered(1), 1, {.reward = 8, .elapsed = 2});
  replay.add(numbered(2), 1, {.reward = 16, .elapsed = 1});
  EXPECT_EQ(replay.ready(), 0U);
  replay.add(numbered(3), 1, {.reward = 100, .elapsed = 1});
  ASSERT_TRUE(replay.is_ready(0));
  Transition const t = replay.transition(0);
  EXPECT_EQ(t.reward, 10);
  EXPECT_EQ(t.bootstrap, 0.0625);
  EXPECT_EQ(number_of(*t.next), 3);
}

TEST(Replay, a_window_that_meets_the_end_is_worth_its_rewards_alone) {
  Replay replay = replay_of(64, 3, 0.5);
  replay.add(numbered(0), 1, {.reward = 4});
  replay.add(numbered(1), 1, {.reward = 8, .terminal = true, .over = true});
  replay.add(numbered(2), 1, {.reward = 1000});
  EXPECT_EQ(replay.transition(0).reward, 8);
  EXPECT_EQ(replay.transition(0).bootstrap, 0);
  EXPECT_EQ(replay.transition(0).next, nullptr);
}

TEST(Replay, a_limit_of_time_is_no_end_of_value) {
  Replay replay = replay_of(64, 3, 0.5);
  replay.add(numbered(0), 1, {.reward = 4, .over = true});
  replay.close_episode(numbered(7));
  EXPECT_EQ(replay.ready(), 1U);
  EXPECT_EQ(replay.transition(0).reward, 4);
  EXPECT_EQ(replay.transition(0).bootstrap, 0.5);
  EXPECT_EQ(number_of(*replay.transition(0).next), 7);
}

TEST(Replay, keeps_whole_episodes_of_demonstrations_whatever_comes_after_them) {
  // 64 steps, of which 32 may be kept: three episodes of 9 steps fit (27), the fourth would end at 36.
  Replay replay(ReplayConfig{.buffer_size = 64, .n_step = 3}, 0.5);
  auto const play = [&](int first) {
    for (int i = 0; i < 9; ++i) {
      replay.add(numbered(first + i), 1, {.reward = static_cast<double>(i), .terminal = i == 8, .over = i == 8});
    }
  };
  for (int episode = 0; episode < 5; ++episode) play(9 * episode);
  replay.keep();
  EXPECT_EQ(replay.kept(), 27U);
  for (int episode = 5; episode < 60; ++episode) play(9 * episode);
  EXPECT_EQ(replay.size(), 64U);
  for (std::size_t i = 0; i < 27; ++i) EXPECT_EQ(number_of(*replay.transition(i).state), static_cast<int>(i));
  // The other 37 are the newest steps, each with its own window: 1 + 1/2 of the next + 1/4 of the one after it.
  std::set<int> numbers;
  for (std::size_t i = 27; i < 64; ++i) {
    ASSERT_TRUE(replay.is_ready(i));
    Transition const t = replay.transition(i);
    int const number = number_of(*t.state);
    numbers.insert(number);
    int const k = number % 9;
    double const expected = k + (k < 8 ? (k + 1) / 2.0 : 0) + (k < 7 ? (k + 2) / 4.0 : 0);
    EXPECT_EQ(t.reward, expected) << number;
    EXPECT_EQ(t.next == nullptr, k >= 6) << number;
    if (t.next != nullptr) {
      EXPECT_EQ(number_of(*t.next), number + 3);
    }
  }
  EXPECT_EQ(*numbers.begin(), 540 - 37);
  EXPECT_EQ(numbers.size(), 37U);
  // What is kept is part of what a resumed run continues from.
  ArchiveWriter out;
  replay.save(out);
  Result<ArchiveReader> in = ArchiveReader::open(std::move(out).finish());
  ASSERT_TRUE(in);
  Replay copy(ReplayConfig{.buffer_size = 64, .n_step = 3}, 0.5);
  copy.load(*in);
  ASSERT_TRUE(in->finish());
  EXPECT_EQ(copy.kept(), 27U);
}

TEST(Replay, samples_every_ready_step_and_nothing_else_uniformly) {
  Replay replay = replay_of(64, 2, 0.9);
  for (int i = 0; i < 90; ++i) {
    bool const cut = i % 9 == 8;
    replay.add(numbered(i), 0, {.reward = 1, .terminal = false, .over = cut});
    if (cut) replay.close_episode(numbered(1000 + i));
  }
  std::vector<int> counts(64, 0);
  Rng rng(3);
  std::vector<Transition> batch(100);
  for (int i = 0; i < 1'000; ++i) {
    replay.sample(rng, 0.4, batch);
    for (Transition const& t : batch) {
      ASSERT_TRUE(replay.is_ready(t.index));
      ASSERT_EQ(t.weight, 1);
      ++counts[t.index];
    }
  }
  double chi_squared = 0;
  double const expected = 100'000.0 / static_cast<double>(replay.ready());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (replay.is_ready(i)) chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  boost::math::chi_squared const distribution(static_cast<double>(replay.ready()) - 1);
  EXPECT_GT(1 - boost::math::cdf(distribution, chi_squared), 0.001);
}

RC_GTEST_PROP(SumTree, sums_its_leaves_exactly_and_finds_the_leaf_of_a_mass, ()) {
  auto const leaves = static_cast<std::size_t>(*rc::gen::inRange(1, 70));
  SumTree tree(leaves);
  std::vector<double> naive(leaves, 0.0);
  for (int i = *rc::gen::inRange(1, 200); i > 0; --i) {
    auto const leaf = static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(leaves)));
    // Multiples of 1/1024: their sums have no rounding, whatever the order.
    naive[leaf] = *rc::gen::inRange(0, 5000) / 1024.0;
    tree.set(leaf, naive[leaf]);
  }
  double sum = 0;
  for (std::size_t i = 0; i < leaves; ++i) {
    RC_ASSERT(tree.get(i) == naive[i]);
    if (naive[i] > 0) {
      RC_ASSERT(tree.find(sum) == i);
      RC_ASSERT(tree.find(sum + naive[i] / 2) == i);
    }
    sum += naive[i];
  }
  RC_ASSERT(tree.total() == sum);
}

TEST(SumTree, a_mass_of_the_whole_total_finds_the_last_leaf_with_weight) {
  SumTree tree(5);
  tree.set(1, 2);
  tree.set(3, 1);
  EXPECT_EQ(tree.find(3), 3U);
}

TEST(PrioritizedReplay, samples_in_proportion_to_priority) {
  Replay replay = prioritized(64);
  add_terminal_steps(replay, 64);
  std::vector<Transition> all(64);
  std::vector<float> errors(64);
  for (std::size_t i = 0; i < 64; ++i) {
    all[i].index = i;
    errors[i] = 0.1F + static_cast<float>(i % 7);
  }
  replay.update_priorities(all, errors);

  std::vector<int> counts(64, 0);
  Rng rng(5);
  std::vector<Transition> batch(100);
  for (int i = 0; i < 2'000; ++i) {
    replay.sample(rng, 0.4, batch);
    for (Transition const& t : batch) ++counts[t.index];
  }
  double chi_squared = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    double const expected = 200'000 * replay.priority(i) / replay.priority_sum();
    chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_GT(1 - boost::math::cdf(boost::math::chi_squared(63), chi_squared), 0.001);
}

TEST(PrioritizedReplay, a_priority_is_the_error_and_a_thousandth_raised_to_alpha_at_the_sampled_index) {
  Replay replay = prioritized(64, 0.5);
  add_terminal_steps(replay, 10);
  std::vector<Transition> batch(2);
  batch[0].index = 7;
  batch[1].index = 2;
  replay.update_priorities(batch, std::vector<float>{4, 0});
  // New steps have priority 1; sqrt(4.001) = 2.000250, sqrt(0.001) = 0.031623.
  EXPECT_NEAR(replay.priority(7), 2.000250, 1e-6);
  EXPECT_NEAR(replay.priority(2), 0.031623, 1e-6);
  EXPECT_EQ(replay.priority(3), 1);
  EXPECT_NEAR(replay.priority_sum(), 8 + 2.000250 + 0.031623, 1e-6);
  // The next new step starts with the largest so far.
  add_terminal_steps(replay, 1);
  EXPECT_NEAR(replay.priority(10), 2.000250, 1e-6);
}

TEST(PrioritizedReplay, weights_undo_the_preference_and_never_exceed_one) {
  Replay replay = prioritized(64);
  add_terminal_steps(replay, 20);
  std::vector<Transition> all(20);
  std::vector<float> errors(20);
  for (std::size_t i = 0; i < 20; ++i) {
    all[i].index = i;
    errors[i] = static_cast<float>(i + 1);
  }
  replay.update_priorities(all, errors);
  Rng rng(5);
  std::vector<Transition> batch(32);
  for (double beta : {0.0, 0.4, 1.0}) {
    replay.sample(rng, beta, batch);
    double largest = 0;
    for (Transition const& t : batch)
      largest = std::max(largest, std::pow(20 * replay.priority(t.index) / replay.priority_sum(), -beta));
    for (Transition const& t : batch) {
      double const raw = std::pow(20 * replay.priority(t.index) / replay.priority_sum(), -beta);
      EXPECT_NEAR(t.weight, raw / largest, 1e-12);
      EXPECT_LE(t.weight, 1);
    }
  }
}

RC_GTEST_PROP(PrioritizedReplay, only_ready_steps_have_weight, ()) {
  Replay replay = prioritized(*rc::gen::inRange(8, 30));
  Rng rng(*rc::gen::arbitrary<std::uint64_t>());
  for (int i = 0; i < 100; ++i) {
    bool const cut = rng.chance(0.1);
    bool const terminal = !cut && rng.chance(0.1);
    replay.add(numbered(i), 0, {.reward = rng.normal(), .terminal = terminal, .over = cut || terminal});
    if (cut) replay.close_episode(numbered(i));
    double sum = 0;
    for (std::size_t k = 0; k < replay.size(); ++k) {
      RC_ASSERT((replay.priority(k) > 0) == replay.is_ready(k));
      sum += replay.priority(k);
    }
    RC_ASSERT(std::abs(replay.priority_sum() - sum) < 1e-9 * (1 + sum));
    if (replay.ready() == 0) continue;
    std::vector<Transition> batch(4);
    std::vector<float> errors(4);
    replay.sample(rng, 0.4, batch);
    for (std::size_t k = 0; k < 4; ++k) {
      RC_ASSERT(replay.is_ready(batch[k].index));
      errors[k] = static_cast<float>(rng.uniform(0, 3));
    }
    replay.update_priorities(batch, errors);
  }
}

RC_GTEST_PROP(Replay, a_stored_replay_continues_bit_for_bit, (bool with_priorities)) {
  ReplayConfig config;
  config.buffer_size = *rc::gen::inRange(8, 40);
  config.n_step = *rc::gen::inRange(1, 5);
  config.prioritized = with_priorities;
  Replay replay(config, 0.9);
  Rng rng(*rc::gen::arbitrary<std::uint64_t>());
  auto const live = [](Replay& r, Rng& chance, int steps) {
    for (int i = 0; i < steps; ++i) {
      bool const terminal = chance.chance(0.2);
      r.add(numbered(i), 0, {.reward = chance.normal(), .terminal = terminal, .over = terminal});
      if (r.ready() == 0) continue;
      std::vector<Transition> batch(3);
      r.sample(chance, 0.5, batch);
      r.update_priorities(batch, std::vector<float>{1, static_cast<float>(i), 0.5F});
    }
  };
  auto const bytes_of = [](Replay const& r) {
    ArchiveWriter out;
    r.save(out);
    return std::move(out).finish();
  };
  auto const equal = [&](Replay const& a, Replay const& b) { return bytes_of(a) == bytes_of(b); };
  live(replay, rng, *rc::gen::inRange(0, 100));

  // Also into a replay that was in use: nothing of its past may stay.
  Replay restored(config, 0.9);
  Rng other(1);
  live(restored, other, *rc::gen::inRange(0, 50));
  auto reader = ArchiveReader::open(bytes_of(replay)).take();
  restored.load(reader);
  RC_ASSERT(static_cast<bool>(reader.finish()));
  RC_ASSERT(equal(restored, replay));
  Rng again = rng;
  live(replay, rng, 30);
  live(restored, again, 30);
  RC_ASSERT(equal(restored, replay));
}

TEST(Replay, refuses_an_archive_of_a_larger_replay) {
  Replay large = replay_of(64, 1, 0.9);
  add_terminal_steps(large, 60);
  ArchiveWriter out;
  large.save(out);
  Replay small = replay_of(32, 1, 0.9);
  auto reader = ArchiveReader::open(std::move(out).finish()).take();
  small.load(reader);
  EXPECT_FALSE(reader.finish());
}

}  // namespace
}  // namespace regulus::rl
