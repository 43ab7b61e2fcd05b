// Small problems whose answer is known, and the shortest loop that lets a learner learn on them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <vector>

#include "core/rng.h"
#include "rl/dqn.h"
#include "rl/environment.h"

namespace regulus::rl::toys {

// A finite decision problem in tables, each state seen as a one-hot vector (slots shape).
struct TabularProblem {
  struct Outcome {
    int next = 0;
    double probability = 1;
    double reward = 0;
    double elapsed = 1;
    bool terminal = false;
  };
  int states = 0;
  int actions = 0;
  double gamma = 0.9;
  std::vector<std::vector<Outcome>> outcomes;  // [state · actions + action]; none where the action is illegal

  TabularProblem(int state_count, int action_count, double discount)
      : states(state_count),
        actions(action_count),
        gamma(discount),
        outcomes(static_cast<std::size_t>(state_count) * static_cast<std::size_t>(action_count)) {}

  std::size_t index(int state, int action) const {
    return static_cast<std::size_t>(state) * static_cast<std::size_t>(actions) + static_cast<std::size_t>(action);
  }
  std::vector<Outcome>& at(int state, int action) { return outcomes[index(state, action)]; }
  std::vector<Outcome> const& at(int state, int action) const { return outcomes[index(state, action)]; }
  bool is_legal(int state, int action) const { return !at(state, action).empty(); }

  Observation observe(int state) const {
    Observation o;
    o.rows = 1;
    o.features.assign(static_cast<std::size_t>(states), 0.0F);
    o.features[static_cast<std::size_t>(state)] = 1;
    for (int a = 0; a < actions; ++a) o.legal.push_back(is_legal(state, a) ? 1 : 0);
    return o;
  }

  // Q* by value iteration (Bellman 1957) over legal actions; 0 where the action is illegal.
  std::vector<double> solve() const {
    std::vector<double> q(outcomes.size(), 0.0);
    for (double change = 1; change > 1e-13;) {
      change = 0;
      for (std::size_t i = 0; i < outcomes.size(); ++i) {
        double value = 0;
        for (Outcome const& o : outcomes[i]) {
          value += o.probability * (o.reward + (o.terminal ? 0 : std::pow(gamma, o.elapsed) * best(q, o.next)));
        }
        change = std::max(change, std::abs(value - q[i]));
        q[i] = value;
      }
    }
    return q;
  }
  double best(std::vector<double> const& q, int state) const {
    double value = -1e300;
    for (int a = 0; a < actions; ++a) {
      if (is_legal(state, a)) value = std::max(value, q[index(state, a)]);
    }
    return value;
  }
};

// Plays a tabular problem from `start`; a time limit of 0 is none.
class TabularEnvironment : public Environment {
 public:
  TabularEnvironment(TabularProblem problem, int start, int time_limit)
      : problem_(std::move(problem)), start_(start), time_limit_(time_limit) {}

  int width() const override { return problem_.states; }
  int actions() const override { return problem_.actions; }
  void reset(std::uint64_t seed) override {
    rng_ = Rng(seed).stream(Purpose::test);
    state_ = start_;
    steps_ = 0;
  }
  void observe(Observation& out) const override { out = problem_.observe(state_); }
  StepResult step(int choice) override {
    double mass = rng_.uniform();
    auto const& outcomes = problem_.at(state_, choice);
    TabularProblem::Outcome outcome = outcomes.back();
    for (auto const& o : outcomes) {
      mass -= o.probability;
      if (mass < 0) {
        outcome = o;
        break;
      }
    }
    state_ = outcome.next;
    ++steps_;
    bool const late = time_limit_ > 0 && steps_ >= time_limit_;
    return {.reward = outcome.reward,
            .elapsed = outcome.elapsed,
            .terminal = outcome.terminal,
            .over = outcome.terminal || late};
  }
  int suggested_choice() const override {
    int a = 0;
    while (!problem_.is_legal(state_, a)) ++a;
    return a;
  }

 private:
  TabularProblem problem_;
  int start_, time_limit_;
  Rng rng_;
  int state_ = 0;
  int steps_ = 0;
};

// The state is a number; 1 point for the action of that number, half a point for the next one (modulo n). With `masked`
// each action but one is illegal half of the time.
class IdentityEnvironment : public Environment {
 public:
  IdentityEnvironment(int n, bool masked) : n_(n), masked_(masked) {}
  int width() const override { return n_; }
  int actions() const override { return n_; }
  void reset(std::uint64_t seed) override {
    rng_ = Rng(seed).stream(Purpose::test);
    steps_ = 0;
    draw();
  }
  void observe(Observation& out) const override {
    out.rows = 1;
    out.features.assign(static_cast<std::size_t>(n_), 0.0F);
    out.features[static_cast<std::size_t>(state_)] = 1;
    out.legal = legal_;
  }
  StepResult step(int choice) override {
    double const reward = points(choice);
    draw();
    return {.reward = reward, .elapsed = 1, .terminal = false, .over = ++steps_ >= 20};
  }
  int suggested_choice() const override {
    return static_cast<int>(std::ranges::find(legal_, std::uint8_t{1}) - legal_.begin());
  }
  double points(int choice) const { return choice == state_ ? 1 : choice == (state_ + 1) % n_ ? 0.5 : 0; }
  double best_points() const {
    double best = 0;
    for (int a = 0; a < n_; ++a) best = std::max(best, legal_[static_cast<std::size_t>(a)] != 0 ? points(a) : 0);
    return best;
  }

 private:
  void draw() {
    state_ = static_cast<int>(rng_.below(static_cast<std::uint64_t>(n_)));
    legal_.assign(static_cast<std::size_t>(n_), 1);
    if (!masked_) return;
    for (auto& bit : legal_) bit = rng_.chance(0.5) ? 1 : 0;
    legal_[rng_.below(static_cast<std::uint64_t>(n_))] = 1;
  }

  int n_;
  bool masked_;
  Rng rng_;
  int state_ = 0;
  int steps_ = 0;
  std::vector<std::uint8_t> legal_;
};

// One decision an episode: a few candidates of random features, worth the sine of the first plus the product of the
// next two (pairs shape); or three actions of which each is worth another linear function of the context (slots shape).
class BanditEnvironment : public Environment {
 public:
  explicit BanditEnvironment(bool candidates) : candidates_(candidates) {}
  int width() const override { return 4; }
  int actions() const override { return candidates_ ? 0 : 3; }
  void reset(std::uint64_t seed) override {
    Rng rng = Rng(seed).stream(Purpose::test);
    rows_ = candidates_ ? static_cast<int>(rng.between(1, 6)) : 1;
    features_.resize(static_cast<std::size_t>(rows_) * 4);
    for (float& f : features_) f = static_cast<float>(rng.uniform(-1, 1));
  }
  void observe(Observation& out) const override {
    out.rows = rows_;
    out.features = features_;
    out.legal.assign(candidates_ ? 0 : 3, 1);
    out.baseline.clear();
  }
  StepResult step(int choice) override {
    return {.reward = worth(choice), .elapsed = 1, .terminal = true, .over = true};
  }
  int suggested_choice() const override { return 0; }
  double worth(int choice) const {
    if (!candidates_) {
      constexpr double weights[3][4] = {{1, 0, 0, 0.5}, {0, 1, 0, -0.5}, {-0.5, -0.5, 1, 0}};
      double sum = 0;
      for (std::size_t i = 0; i < 4; ++i) sum += weights[choice][i] * static_cast<double>(features_[i]);
      return sum;
    }
    auto const x = std::span(features_).subspan(static_cast<std::size_t>(choice) * 4, 4);
    return std::sin(static_cast<double>(x[0])) + static_cast<double>(x[1]) * static_cast<double>(x[2]);
  }
  double best_worth() const {
    double best = -1e300;
    for (int c = 0; c < (candidates_ ? rows_ : 3); ++c) best = std::max(best, worth(c));
    return best;
  }

 private:
  bool candidates_;
  int rows_ = 0;
  std::vector<float> features_;
};

// The pole on the cart (Barto, Sutton, Anderson 1983) with the constants of Gymnasium's CartPole-v1: 1 point a step,
// failure beyond 12 degrees or 2.4 units is terminal, 500 steps are the limit of time.
class CartPole : public Environment {
 public:
  int width() const override { return 4; }
  int actions() const override { return 2; }
  void reset(std::uint64_t seed) override {
    Rng rng = Rng(seed).stream(Purpose::test);
    for (double* x : {&position_, &velocity_, &angle_, &spin_}) *x = rng.uniform(-0.05, 0.05);
    steps_ = 0;
  }
  void observe(Observation& out) const override {
    out.rows = 1;
    out.features = {static_cast<float>(position_), static_cast<float>(velocity_), static_cast<float>(angle_),
                    static_cast<float>(spin_)};
    out.legal = {1, 1};
  }
  StepResult step(int choice) override {
    constexpr double gravity = 9.8;
    constexpr double pole_mass = 0.1;
    constexpr double total_mass = 1.1;
    constexpr double half_length = 0.5;
    constexpr double seconds = 0.02;
    double const force = choice == 1 ? 10 : -10;
    double const cosine = std::cos(angle_);
    double const sine = std::sin(angle_);
    double const push = (force + pole_mass * half_length * spin_ * spin_ * sine) / total_mass;
    double const angular =
        (gravity * sine - cosine * push) / (half_length * (4.0 / 3.0 - pole_mass * cosine * cosine / total_mass));
    double const linear = push - pole_mass * half_length * angular * cosine / total_mass;
    position_ += seconds * velocity_;
    velocity_ += seconds * linear;
    angle_ += seconds * spin_;
    spin_ += seconds * angular;
    ++steps_;
    bool const fallen = std::abs(position_) > 2.4 || std::abs(angle_) > 12 * std::numbers::pi / 180;
    return {.reward = 1, .elapsed = 1, .terminal = fallen, .over = fallen || steps_ >= 500};
  }
  int suggested_choice() const override { return angle_ + spin_ > 0 ? 1 : 0; }

  double position() const { return position_; }
  double velocity() const { return velocity_; }
  double angle() const { return angle_; }
  double spin() const { return spin_; }

 private:
  double position_ = 0, velocity_ = 0, angle_ = 0, spin_ = 0;
  int steps_ = 0;
};

struct Lessons {
  int steps = 5'000;
  int warm_up = 100;  // steps before the first update
  double epsilon_start = 1, epsilon_end = 0.05;
  double epsilon_share = 0.5;  // of the steps, over which epsilon falls linearly
  int steps_an_update = 1;
};

// What a watcher of the lessons is shown.
struct Moment {
  int step = 0;
  double progress = 0;
  StepResult result;
  bool updated = false;
  UpdateReport report;
};

// Plays and learns; `watch` is called after each step and may stop the lessons by returning false.
inline void learn(Dqn& learner, Environment& environment, Lessons const& lessons, std::uint64_t seed,
                  std::function<bool(Moment const&)> const& watch = {}) {
  Observation state;
  std::uint64_t episode = 0;
  environment.reset(mix(seed, episode));
  environment.observe(state);
  for (int step = 0; step < lessons.steps; ++step) {
    Moment moment;
    moment.step = step;
    moment.progress = static_cast<double>(step) / lessons.steps;
    double const fallen = std::min(1.0, moment.progress / lessons.epsilon_share);
    double const epsilon = lessons.epsilon_start + (lessons.epsilon_end - lessons.epsilon_start) * fallen;
    int const choice = learner.act(state, epsilon, environment.suggested_choice());
    moment.result = environment.step(choice);
    learner.remember(state, choice, moment.result);
    environment.observe(state);
    if (moment.result.over) {
      if (!moment.result.terminal) learner.close_episode(state);
      environment.reset(mix(seed, ++episode));
      environment.observe(state);
    }
    if (step >= lessons.warm_up && step % lessons.steps_an_update == 0 && learner.can_learn()) {
      moment.report = learner.update(moment.progress);
      moment.updated = true;
    }
    if (watch && !watch(moment)) return;
  }
}

// The sum of rewards of one episode played greedily.
inline double play_greedily(Dqn& learner, Environment& environment, std::uint64_t seed) {
  Observation state;
  double sum = 0;
  environment.reset(seed);
  for (bool over = false; !over;) {
    environment.observe(state);
    StepResult const result = environment.step(learner.act_greedily(state));
    sum += result.reward;
    over = result.over;
  }
  return sum;
}

// A slots network without the frills; no hidden sizes is a linear model.
inline NetworkConfig slots(std::vector<int> hidden) {
  NetworkConfig config;
  config.kind = NetworkKind::slots;
  config.slots.hidden_sizes = std::move(hidden);
  return config;
}

inline NetworkConfig pairs(std::vector<int> hidden, bool residual = true) {
  NetworkConfig config;
  config.kind = NetworkKind::pairs;
  config.pairs.pair_hidden_sizes = std::move(hidden);
  config.pairs.residual = residual;
  return config;
}

// A random observation of either shape with at least one legal choice.
inline Observation random_observation(Rng& rng, NetworkKind kind, int width, int actions) {
  Observation o;
  o.rows = kind == NetworkKind::slots ? 1 : static_cast<int>(rng.between(1, 9));
  o.features.resize(static_cast<std::size_t>(o.rows) * static_cast<std::size_t>(width));
  for (float& f : o.features) f = static_cast<float>(rng.normal());
  if (kind == NetworkKind::slots) {
    double const share = rng.uniform();
    for (int a = 0; a < actions; ++a) o.legal.push_back(rng.chance(share) ? 1 : 0);
    o.legal[rng.below(static_cast<std::uint64_t>(actions))] = 1;
  } else {
    for (int r = 0; r < o.rows; ++r) o.baseline.push_back(static_cast<float>(10 * rng.normal()));
  }
  return o;
}

}  // namespace regulus::rl::toys
