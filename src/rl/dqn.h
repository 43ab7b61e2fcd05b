// The Double-DQN learner (van Hasselt, Guez, Silver 2016) with legal actions everywhere: in acting, exploring and in
// the bootstrap.
//
// One update: sample a batch; choose the best legal choice of each next state with the online network, value it with
// the target network; Huber loss on the difference to the online value of the choice taken; clip the gradient's global
// norm; Adam; update priorities; every `target_update_steps` updates copy the online network to the target (or move it
// by `tau` at every update). An exponential average of the online weights is kept beside them: it acts when evaluated
// and is what a model file holds, since it swings less than the last iterate (Polyak and Juditsky 1992).
//
// Where observations bring a known part of each choice's value, what is learned on top can be anchored: with each state
// of a batch the learned part of one random legal choice is pulled towards that of the choice taken. A choice tried
// often is moved by what it earned; one hardly ever tried keeps its known rank instead of an extrapolation, of which a
// maximum over dozens of choices would pick the most wrong one.
//
// All randomness comes from streams of one root by purpose, so that a learner restored by load() continues bit for bit.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "core/archive.h"
#include "core/fields.h"
#include "core/rng.h"
#include "nn/training.h"
#include "rl/environment.h"
#include "rl/q_network.h"
#include "rl/replay.h"

namespace regulus::rl {

struct AgentConfig {
  double learning_rate = 0.0002;
  double learning_rate_end = 0.1;
  double gamma = 0.99;
  int batch_size = 64;
  double epsilon_start = 0.3;
  double epsilon_end = 0.01;
  double epsilon_decay = 0.995;
  double guided_exploration = 0.5;
  bool double_dqn = true;
  int target_update_steps = 250;
  double tau = 1.0;
  double huber_delta = 1.0;
  double max_grad_norm = 10.0;
  double adam_epsilon = 1e-5;
  double updates_per_step = 0.25;
  double averaging = 0.995;
  double anchoring = 300.0;

  static constexpr auto fields() {
    return std::tuple{
        field(&AgentConfig::learning_rate, "learning_rate", "Adam's step size at the start.", range(1e-8, 1),
              tunable_log(3e-5, 1e-3)),
        field(&AgentConfig::learning_rate_end, "learning_rate_end",
              "Share of the step size left at the end; in between it falls linearly.", range(0, 1)),
        field(&AgentConfig::gamma, "gamma", "Discount a step of time.", range(0, 1), tunable(0.95, 0.999)),
        field(&AgentConfig::batch_size, "batch_size", "Transitions an update.", range(1, 4096),
              tunable_among(32, 64, 128)),
        field(&AgentConfig::epsilon_start, "epsilon_start", "Share of exploring choices in the first episode.",
              range(0, 1), tunable(0.1, 1.0)),
        field(&AgentConfig::epsilon_end, "epsilon_end", "Least share of exploring choices.", range(0, 1),
              tunable(0.01, 0.1)),
        field(&AgentConfig::epsilon_decay, "epsilon_decay", "Factor on epsilon after each episode.", range(0, 1),
              tunable(0.97, 0.999)),
        field(&AgentConfig::guided_exploration, "guided_exploration",
              "Share of exploring choices that follow the environment's own rule; the others are uniform over legal "
              "ones.",
              range(0, 1)),
        field(&AgentConfig::double_dqn, "double_dqn", "Choose with the online network, value with the target network.",
              tunable_flag()),
        field(&AgentConfig::target_update_steps, "target_update_steps",
              "Updates between two copies to the target network.", range(1, 1'000'000), tunable_among(100, 250, 500)),
        field(&AgentConfig::tau, "tau",
              "Below 1: at every update move the target network by this share instead of copying it.", range(1e-6, 1)),
        field(&AgentConfig::huber_delta, "huber_delta", "Error beyond which the loss is linear, in scaled reward.",
              range(1e-3, 1e6)),
        field(&AgentConfig::max_grad_norm, "max_grad_norm", "Global norm to which gradients are clipped.",
              range(1e-6, 1e9)),
        field(&AgentConfig::adam_epsilon, "adam_epsilon", "Adam's epsilon.", range(1e-12, 1)),
        field(&AgentConfig::updates_per_step, "updates_per_step", "Updates for each step in the environment.",
              range(0, 64)),
        field(&AgentConfig::averaging, "averaging",
              "Decay of the average of weights that acts in evaluation; 0 evaluates the last iterate.",
              range(0, 0.999999)),
        field(
            &AgentConfig::anchoring, "anchoring",
            "Pull of the learned part of a random legal choice towards that of the choice taken; it keeps choices that "
            "were hardly tried at their known part. Only where there is a known part.",
            range(0, 1000)),
    };
  }
  friend bool operator==(AgentConfig const&, AgentConfig const&) = default;
};
static_assert(describes_every_member<AgentConfig>());

struct UpdateReport {
  double loss = 0;            // mean weighted Huber loss of the batch
  double mean_abs_error = 0;  // mean |TD error|, scaled
  double grad_norm = 0;       // before clipping
  bool finite = true;         // loss and gradient norm are finite
};

class Dqn {
 public:
  Dqn(AgentConfig const& agent, NetworkConfig const& network, ReplayConfig const& replay, int width, int actions,
      Rng root);

  // Explores with probability epsilon (guided by `suggested` in its share of cases), else the best legal choice.
  int act(Observation const& observation, double epsilon, int suggested);
  // Best legal choice of the averaged network.
  int act_greedily(Observation const& observation) { return evaluator().best_choice(observation, scratch_); }

  void remember(Observation const& state, int choice, StepResult const& step) { replay_.add(state, choice, step); }
  void close_episode(Observation const& last) { replay_.close_episode(last); }
  bool can_learn() const { return replay_.ready() >= static_cast<std::size_t>(agent_.batch_size); }

  // One gradient step. `progress` in [0, 1] is the share of training done: it drives learning rate and PER's beta.
  UpdateReport update(double progress);

  // Divides rewards by this from now on; must be set before the first update.
  void set_reward_scale(float scale);

  QNetwork const& online() const { return online_; }
  QNetwork& online() { return online_; }
  QNetwork const& target() const { return target_; }
  // The network that is evaluated and saved: the average, or the online one when averaging is off.
  QNetwork const& evaluator() const { return agent_.averaging > 0 ? average_ : online_; }
  Replay& replay() { return replay_; }
  Replay const& replay() const { return replay_; }
  void keep_demonstrations() { replay_.keep(); }
  AgentConfig const& config() const { return agent_; }
  std::int64_t updates() const { return updates_; }
  // Scales the learning rate; the sentinel's response to divergence.
  void set_rate_factor(double factor) { rate_factor_ = factor; }

  // Weights, moments and counters, without the replay: what a rollback restores.
  void save_learner(ArchiveWriter& out) const;
  void load_learner(ArchiveReader& in);
  // Everything.
  void save(ArchiveWriter& out) const;
  void load(ArchiveReader& in);

 private:
  double replay_beta(double progress) const;
  void anchor();

  AgentConfig agent_;
  Replay replay_;
  QNetwork online_, target_, average_;
  nn::Adam adam_;
  Rng exploration_, sampling_, dropout_;
  std::int64_t updates_ = 0;
  double rate_factor_ = 1;

  // Buffers of update().
  QScratch scratch_, next_scratch_;
  std::vector<Transition> batch_;
  std::vector<Observation const*> states_, nexts_;
  std::vector<int> choices_, next_choices_;
  std::vector<float> values_, next_values_, derivatives_, gradients_, absolute_errors_;
  std::vector<int> others_;
  std::vector<float> other_values_;
};

}  // namespace regulus::rl
