// Replay memory: the last `capacity` steps, from which n-step transitions are put together when they are sampled.
//
// A step keeps its own observation once; the state n steps later is the observation of a later step of the same
// episode. Windows look only forward, to newer steps, which are overwritten later: a window is never torn. A step is
// ready to be sampled once its window is complete: n steps follow, or its episode has ended.
//
// n-step return (Sutton 1988), semi-Markov form: R = Σ_k γ^(t_k) r_k over the window, t_k the time elapsed before step
// k; the bootstrap factor is γ^(whole time), or 0 when the window reaches a terminal state.
//
// Priorities (Schaul et al. 2016, proportional variant): P(i) ∝ p_i^α in a sum tree, importance weights (N·P(i))^-β
// divided by the largest of the batch. New steps get the largest priority so far.
#pragma once

#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "core/archive.h"
#include "core/fields.h"
#include "core/rng.h"
#include "rl/environment.h"

namespace regulus::rl {

struct ReplayConfig {
  int buffer_size = 50'000;
  bool prioritized = false;
  double per_alpha = 0.6;
  double per_beta_start = 0.4;
  double per_beta_end = 1.0;
  int n_step = 3;
  bool keep_demonstrations = false;

  static constexpr auto fields() {
    return std::tuple{
        field(&ReplayConfig::buffer_size, "buffer_size", "Steps kept before the oldest is overwritten.",
              range(64, 2'000'000), tunable_among(10'000, 20'000, 50'000)),
        field(&ReplayConfig::prioritized, "prioritized", "Sample by priority (PER) instead of uniformly.",
              tunable_flag()),
        field(&ReplayConfig::per_alpha, "per_alpha", "How strongly priorities bend sampling; 0 is uniform.",
              range(0, 1), tunable(0.3, 0.8)),
        field(&ReplayConfig::per_beta_start, "per_beta_start", "Importance correction at the start of training.",
              range(0, 1), tunable(0.3, 0.6)),
        field(&ReplayConfig::per_beta_end, "per_beta_end", "Importance correction at the end of training.", range(0, 1),
              tunable(0.8, 1.0)),
        field(&ReplayConfig::n_step, "n_step", "Rewards summed before the bootstrap; 1 is plain Q-learning.",
              range(1, 50), tunable_among(1, 2, 3, 5)),
        field(&ReplayConfig::keep_demonstrations, "keep_demonstrations",
              "The days of warm-up are never overwritten, up to half of the buffer."),
    };
  }
  friend bool operator==(ReplayConfig const&, ReplayConfig const&) = default;
};
static_assert(describes_every_member<ReplayConfig>());

// Binary tree of partial sums over priorities; leaf counts need not be powers of two.
class SumTree {
 public:
  SumTree() = default;
  explicit SumTree(std::size_t leaves);
  void set(std::size_t leaf, double value);
  double get(std::size_t leaf) const { return nodes_[first_leaf_ + leaf]; }
  double total() const { return nodes_.size() > 1 ? nodes_[1] : 0; }
  // The leaf in whose share of [0, total) `mass` lies.
  std::size_t find(double mass) const;

 private:
  std::size_t first_leaf_ = 0;
  std::vector<double> nodes_;
};

// One sampled n-step transition. Pointers are valid until the next add.
struct Transition {
  std::size_t index = 0;  // of its step; for update_priorities
  Observation const* state = nullptr;
  int choice = 0;
  double reward = 0;                  // discounted sum over the window, in reward units
  double bootstrap = 0;               // factor on the value of `next`; 0 when the window ends in a terminal state
  Observation const* next = nullptr;  // null when bootstrap is 0
  double weight = 1;                  // importance weight, at most 1
};

class Replay {
 public:
  Replay(ReplayConfig const& config, double gamma);

  // Adds the step taken in `state`. After a step that is over but not terminal, close_episode must follow.
  void add(Observation const& state, int choice, StepResult const& step);
  // The state in which a time limit cut the episode: worth a bootstrap, never sampled itself.
  void close_episode(Observation const& last);

  // What is in the memory now is never overwritten: whole episodes, of at most half of the capacity (demonstrations
  // beside the learner's own steps, as in Hester et al. 2018, DQfD). Bug check: no episode is open.
  void keep();
  std::size_t kept() const { return kept_; }

  ReplayConfig const& config() const { return config_; }
  std::size_t size() const { return steps_.size(); }
  std::size_t ready() const { return ready_; }  // steps that can be sampled

  // Fills `out` (its size is the batch), each drawn independently. beta is only used with priorities. ready() must be >
  // 0.
  void sample(Rng& rng, double beta, std::span<Transition> out) const;
  void update_priorities(std::span<Transition const> batch, std::span<float const> absolute_errors);

  // The transition that starts at step `index`, as sample would build it; for tests and the reward scale.
  Transition transition(std::size_t index) const;
  bool is_ready(std::size_t index) const { return steps_[index].state == StepState::ready; }
  double priority(std::size_t index) const { return tree_.get(index); }
  double priority_sum() const { return tree_.total(); }

  void save(ArchiveWriter& out) const;
  void load(ArchiveReader& in);

 private:
  enum class StepState : std::uint8_t { pending, ready, closing };
  struct Step {
    Observation observation;
    int choice = 0;
    double reward = 0;
    double elapsed = 1;
    bool terminal = false;
    StepState state = StepState::pending;
  };

  Step& append();
  void make_ready(std::size_t index);
  void finish_pending();

  ReplayConfig config_;
  double gamma_;
  std::vector<Step> steps_;
  std::size_t after(std::size_t index) const;
  std::size_t oldest_pending() const;  // pending_ must be > 0

  std::size_t kept_ = 0;     // the first so many are never overwritten; the others are a ring
  std::size_t next_ = 0;     // where the next step goes
  std::size_t pending_ = 0;  // newest steps whose windows are incomplete
  std::size_t ready_ = 0;
  double largest_priority_ = 1;  // already raised to alpha
  SumTree tree_;
};

}  // namespace regulus::rl
