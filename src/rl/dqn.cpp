#include "rl/dqn.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace regulus::rl {
namespace {

void save_weights(ArchiveWriter& out, QNetwork const& network) {
  auto const p = network.network().parameters();
  out.put(std::vector<float>(p.begin(), p.end()));
}

void load_weights(ArchiveReader& in, QNetwork& network) {
  std::vector<float> weights;
  in.get(weights);
  if (weights.size() != network.network().parameters().size()) {
    in.fail();
    return;
  }
  std::ranges::copy(weights, network.network().parameters().begin());
}

int random_legal_choice(Observation const& observation, Rng& rng) {
  if (observation.has_candidates()) return static_cast<int>(rng.below(static_cast<std::uint64_t>(observation.rows)));
  int legal = 0;
  for (int c = 0; c < observation.choices(); ++c) legal += observation.is_legal(c) ? 1 : 0;
  auto pick = static_cast<int>(rng.below(static_cast<std::uint64_t>(legal)));
  for (int c = 0;; ++c) {
    if (observation.is_legal(c) && pick-- == 0) return c;
  }
}

}  // namespace

Dqn::Dqn(AgentConfig const& agent, NetworkConfig const& network, ReplayConfig const& replay, int width, int actions,
         Rng root)
    : agent_(agent),
      replay_(replay, agent.gamma),
      online_(network, width, actions, root.stream(Purpose::weights)),
      target_(online_),
      average_(online_),
      adam_(online_.network().parameters().size(), {.epsilon = static_cast<float>(agent.adam_epsilon)}),
      exploration_(root.stream(Purpose::exploration)),
      sampling_(root.stream(Purpose::replay)),
      dropout_(root.stream(Purpose::dropout)),
      gradients_(online_.network().parameters().size()) {}

void Dqn::set_reward_scale(float scale) {
  REGULUS_CHECK(scale > 0 && updates_ == 0);
  for (QNetwork* network : {&online_, &target_, &average_}) network->set_reward_scale(scale);
}

int Dqn::act(Observation const& observation, double epsilon, int suggested) {
  if (!exploration_.chance(epsilon)) return online_.best_choice(observation, scratch_);
  if (exploration_.chance(agent_.guided_exploration)) return suggested;
  return random_legal_choice(observation, exploration_);
}

UpdateReport Dqn::update(double progress) {
  REGULUS_CHECK(can_learn());
  auto const size = static_cast<std::size_t>(agent_.batch_size);
  float const scale = online_.reward_scale();

  // Step 1. Sample, and set aside the states that have a successor: a terminal state is worth nothing, exactly.
  batch_.resize(size);
  double const beta = replay_beta(progress);
  replay_.sample(sampling_, beta, batch_);
  states_.clear();
  choices_.clear();
  nexts_.clear();
  for (Transition const& t : batch_) {
    states_.push_back(t.state);
    choices_.push_back(t.choice);
    if (t.bootstrap > 0) nexts_.push_back(t.next);
  }

  // Step 2. Choose in the next states with the online network (with the target network in plain DQN).
  next_choices_.resize(nexts_.size());
  next_values_.resize(nexts_.size());
  if (!nexts_.empty()) {
    (agent_.double_dqn ? online_ : target_).best_choices(nexts_, next_scratch_, next_choices_);
    // Step 3. Value that choice with the target network: the online one would chase itself.
    target_.values_at(nexts_, next_choices_, next_scratch_, next_values_);
  }

  // Step 4. Compare with the value of the choice taken.
  values_.resize(size);
  derivatives_.resize(size);
  absolute_errors_.resize(size);
  online_.forward(states_, choices_, scratch_, dropout_, values_);
  UpdateReport report;
  std::size_t next = 0;
  for (std::size_t i = 0; i < size; ++i) {
    Transition const& t = batch_[i];
    float target = static_cast<float>(t.reward) / scale;
    if (t.bootstrap > 0) target += static_cast<float>(t.bootstrap) * next_values_[next++];
    nn::LossValue const loss = nn::huber(values_[i] - target, static_cast<float>(agent_.huber_delta));
    derivatives_[i] = loss.derivative * static_cast<float>(t.weight) / static_cast<float>(size);
    absolute_errors_[i] = std::abs(values_[i] - target);
    report.loss += t.weight * static_cast<double>(loss.loss) / static_cast<double>(size);
    report.mean_abs_error += static_cast<double>(absolute_errors_[i]) / static_cast<double>(size);
  }

  // Step 5. Follow the gradient, unless it is no number: then the sentinel must decide, on weights still intact.
  std::ranges::fill(gradients_, 0.0F);
  online_.backward(states_, choices_, derivatives_, scratch_, gradients_);
  if (agent_.anchoring > 0 && online_.has_known_part(*states_.front())) anchor();
  report.grad_norm = nn::clip_norm(gradients_, agent_.max_grad_norm);
  report.finite = std::isfinite(report.loss) && std::isfinite(report.grad_norm);
  ++updates_;
  if (!report.finite) return report;
  double const rate = agent_.learning_rate * rate_factor_ * (1 - (1 - agent_.learning_rate_end) * progress);
  adam_.step(online_.network().parameters(), gradients_, static_cast<float>(rate));
  replay_.update_priorities(batch_, absolute_errors_);

  // Step 6. Let the slower copies follow.
  if (agent_.tau < 1) {
    nn::move_towards(target_.network().parameters(), online_.network().parameters(), static_cast<float>(agent_.tau));
  } else if (updates_ % agent_.target_update_steps == 0) {
    std::ranges::copy(online_.network().parameters(), target_.network().parameters().begin());
  }
  if (agent_.averaging > 0) {
    // Early on the average reaches back only as far as there is something to average.
    double const decay = std::min(agent_.averaging, static_cast<double>(updates_) / static_cast<double>(updates_ + 9));
    nn::move_towards(average_.network().parameters(), online_.network().parameters(), static_cast<float>(1 - decay));
  }
  return report;
}

// Adds the gradient of anchoring / 2 · mean of (learned part of another choice − that of the choice taken)²; the choice
// taken is held fixed.
void Dqn::anchor() {
  std::size_t const size = states_.size();
  others_.resize(size);
  other_values_.resize(size);
  for (std::size_t i = 0; i < size; ++i) others_[i] = random_legal_choice(*states_[i], sampling_);
  online_.forward(states_, others_, scratch_, dropout_, other_values_);
  for (std::size_t i = 0; i < size; ++i) {
    float const other = other_values_[i] - online_.known_part(*states_[i], others_[i]);
    float const taken = values_[i] - online_.known_part(*states_[i], choices_[i]);
    derivatives_[i] = static_cast<float>(agent_.anchoring) * (other - taken) / static_cast<float>(size);
  }
  online_.backward(states_, others_, derivatives_, scratch_, gradients_);
}

double Dqn::replay_beta(double progress) const {
  return replay_.config().per_beta_start + (replay_.config().per_beta_end - replay_.config().per_beta_start) * progress;
}

void Dqn::save_learner(ArchiveWriter& out) const {
  out.tag("learner");
  save_weights(out, online_);
  save_weights(out, target_);
  save_weights(out, average_);
  adam_.save(out);
  out.put(online_.reward_scale());
  out.put(updates_);
  out.put(rate_factor_);
}

void Dqn::load_learner(ArchiveReader& in) {
  in.tag("learner");
  load_weights(in, online_);
  load_weights(in, target_);
  load_weights(in, average_);
  adam_.load(in);
  float scale = 1;
  in.get(scale);
  for (QNetwork* network : {&online_, &target_, &average_}) network->set_reward_scale(scale);
  in.get(updates_);
  in.get(rate_factor_);
}

void Dqn::save(ArchiveWriter& out) const {
  save_learner(out);
  out.put(exploration_);
  out.put(sampling_);
  out.put(dropout_);
  replay_.save(out);
}

void Dqn::load(ArchiveReader& in) {
  load_learner(in);
  in.get(exploration_);
  in.get(sampling_);
  in.get(dropout_);
  replay_.load(in);
}

}  // namespace regulus::rl
