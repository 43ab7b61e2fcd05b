#include "rl/replay.h"

#include <algorithm>
#include <cmath>

namespace regulus::rl {
namespace {

void save_observation(ArchiveWriter& out, Observation const& o) {
  out.put(o.rows);
  out.put(o.features);
  out.put(o.legal);
  out.put(o.baseline);
}

void load_observation(ArchiveReader& in, Observation& o) {
  in.get(o.rows);
  in.get(o.features);
  in.get(o.legal);
  in.get(o.baseline);
}

}  // namespace

SumTree::SumTree(std::size_t leaves) {
  first_leaf_ = 1;
  while (first_leaf_ < leaves) first_leaf_ *= 2;
  nodes_.assign(2 * first_leaf_, 0.0);
}

void SumTree::set(std::size_t leaf, double value) {
  std::size_t node = first_leaf_ + leaf;
  nodes_[node] = value;
  // Each parent is the sum of its children, never a running difference: rounding cannot accumulate.
  for (node /= 2; node >= 1; node /= 2) nodes_[node] = nodes_[2 * node] + nodes_[2 * node + 1];
}

std::size_t SumTree::find(double mass) const {
  std::size_t node = 1;
  while (node < first_leaf_) {
    node *= 2;
    // Rounding may leave a mass at the very end of a subtree without weight: turn to the side that has some.
    if (mass >= nodes_[node] && nodes_[node + 1] > 0) {
      mass -= nodes_[node];
      ++node;
    }
  }
  return node - first_leaf_;
}

Replay::Replay(ReplayConfig const& config, double gamma)
    : config_(config), gamma_(gamma), tree_(config.prioritized ? static_cast<std::size_t>(config.buffer_size) : 0) {}

Replay::Step& Replay::append() {
  if (steps_.size() < static_cast<std::size_t>(config_.buffer_size)) {
    steps_.emplace_back();
  } else {
    Step& old = steps_[next_];
    if (old.state == StepState::ready) --ready_;
    if (config_.prioritized) tree_.set(next_, 0);
    old.terminal = false;
  }
  Step& step = steps_[next_];
  step.state = StepState::pending;
  next_ = after(next_);
  return step;
}

std::size_t Replay::after(std::size_t index) const {
  return index + 1 < static_cast<std::size_t>(config_.buffer_size) ? index + 1 : kept_;
}

std::size_t Replay::oldest_pending() const {
  std::size_t const ring = static_cast<std::size_t>(config_.buffer_size) - kept_;
  return kept_ + (next_ - kept_ + ring - pending_) % ring;
}

void Replay::keep() {
  REGULUS_CHECK(pending_ == 0);
  kept_ = 0;
  std::size_t const most = std::min(steps_.size(), static_cast<std::size_t>(config_.buffer_size) / 2);
  for (std::size_t i = 0; i < most; ++i) {
    if (steps_[i].terminal || steps_[i].state == StepState::closing) kept_ = i + 1;
  }
  next_ = std::max(next_, kept_);
}

void Replay::make_ready(std::size_t index) {
  steps_[index].state = StepState::ready;
  ++ready_;
  if (config_.prioritized) tree_.set(index, largest_priority_);
}

void Replay::finish_pending() {
  for (; pending_ > 0; --pending_) make_ready(oldest_pending());
}

void Replay::add(Observation const& state, int choice, StepResult const& step) {
  REGULUS_CHECK(state.is_legal(choice));
  Step& stored = append();
  stored.observation = state;
  stored.choice = choice;
  stored.reward = step.reward;
  stored.elapsed = step.elapsed;
  stored.terminal = step.terminal;
  ++pending_;
  if (step.terminal) {
    finish_pending();
  } else if (pending_ > static_cast<std::size_t>(config_.n_step)) {
    make_ready(oldest_pending());
    --pending_;
  }
}

void Replay::close_episode(Observation const& last) {
  Step& closing = append();
  closing.observation = last;
  closing.state = StepState::closing;
  ++pending_;  // so that the positions of the pending steps before it are counted from the right place
  for (; pending_ > 1; --pending_) make_ready(oldest_pending());
  pending_ = 0;
}

Transition Replay::transition(std::size_t index) const {
  Transition t;
  t.index = index;
  t.state = &steps_[index].observation;
  t.choice = steps_[index].choice;
  double discount = 1;
  std::size_t at = index;
  for (int k = 0; k < config_.n_step; ++k) {
    Step const& step = steps_[at];
    if (step.state == StepState::closing) break;
    t.reward += discount * step.reward;
    discount *= std::pow(gamma_, step.elapsed);
    if (step.terminal) return t;
    at = after(at);
  }
  t.bootstrap = discount;
  t.next = &steps_[at].observation;
  return t;
}

void Replay::sample(Rng& rng, double beta, std::span<Transition> out) const {
  REGULUS_CHECK(ready_ > 0);
  if (!config_.prioritized) {
    for (Transition& t : out) {
      std::size_t index = rng.below(steps_.size());
      while (!is_ready(index)) index = rng.below(steps_.size());
      t = transition(index);
    }
    return;
  }
  double largest = 0;
  for (Transition& t : out) {
    std::size_t const index = tree_.find(rng.uniform() * tree_.total());
    t = transition(index);
    double const probability = tree_.get(index) / tree_.total();
    t.weight = std::pow(static_cast<double>(ready_) * probability, -beta);
    largest = std::max(largest, t.weight);
  }
  for (Transition& t : out) t.weight /= largest;
}

void Replay::update_priorities(std::span<Transition const> batch, std::span<float const> absolute_errors) {
  if (!config_.prioritized) return;
  constexpr double smallest = 1e-3;  // no step becomes unreachable
  for (std::size_t i = 0; i < batch.size(); ++i) {
    double const priority = std::pow(static_cast<double>(absolute_errors[i]) + smallest, config_.per_alpha);
    tree_.set(batch[i].index, priority);
    largest_priority_ = std::max(largest_priority_, priority);
  }
}

void Replay::save(ArchiveWriter& out) const {
  out.tag("replay");
  out.put(static_cast<std::uint64_t>(steps_.size()));
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Step const& s = steps_[i];
    save_observation(out, s.observation);
    out.put(s.choice);
    out.put(s.reward);
    out.put(s.elapsed);
    out.put(s.terminal);
    out.put(s.state);
    if (config_.prioritized) out.put(tree_.get(i));
  }
  out.put(kept_);
  out.put(next_);
  out.put(pending_);
  out.put(ready_);
  out.put(largest_priority_);
}

void Replay::load(ArchiveReader& in) {
  in.tag("replay");
  std::uint64_t size = 0;
  in.get(size);
  if (size > static_cast<std::uint64_t>(config_.buffer_size)) {
    in.fail();
    return;
  }
  steps_.clear();
  tree_ = SumTree(config_.prioritized ? static_cast<std::size_t>(config_.buffer_size) : 0);
  for (std::uint64_t i = 0; i < size && !in.failed(); ++i) {
    Step& s = steps_.emplace_back();
    load_observation(in, s.observation);
    in.get(s.choice);
    in.get(s.reward);
    in.get(s.elapsed);
    in.get(s.terminal);
    in.get(s.state);
    if (config_.prioritized) {
      double priority = 0;
      in.get(priority);
      tree_.set(i, priority);
    }
  }
  in.get(kept_);
  in.get(next_);
  in.get(pending_);
  in.get(ready_);
  in.get(largest_priority_);
  if (kept_ > static_cast<std::size_t>(config_.buffer_size) / 2 || kept_ > steps_.size() || next_ < kept_ ||
      next_ >= static_cast<std::size_t>(config_.buffer_size) || pending_ > steps_.size() || ready_ > steps_.size())
    in.fail();
}

}  // namespace regulus::rl
