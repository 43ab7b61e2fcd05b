#include "lab/training_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <numeric>

#include "core/parallel.h"
#include "core/seeds.h"
#include "core/stats.h"
#include "lab/classic_environment.h"
#include "lab/dispatch_environment.h"
#include "lab/scenarios.h"

namespace regulus::lab {
namespace {

double progress_of(int episode, int episodes) { return std::min(1.0, static_cast<double>(episode) / episodes); }

// One greedy day with what the network thought of each choice.
struct GreedyDay {
  std::vector<rl::StepResult> steps;
  std::vector<double> values;
  double reward = 0;
};

GreedyDay play_greedily(rl::Environment& environment, rl::QNetwork const& network, std::uint64_t seed,
                        rl::QScratch& scratch) {
  GreedyDay day;
  rl::Observation observation;
  environment.reset(seed);
  do {
    environment.observe(observation);
    auto const values = network.values(observation, scratch);
    auto const best = static_cast<int>(std::ranges::max_element(values) - values.begin());
    day.values.push_back(static_cast<double>(values[static_cast<std::size_t>(best)]));
    day.steps.push_back(environment.step(best));
    day.reward += day.steps.back().reward;
  } while (!day.steps.back().over);
  return day;
}

// Processor time of the calling thread.
double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

Ledger& Ledger::operator+=(Ledger const& other) {
  environment_steps += other.environment_steps;
  gradient_steps += other.gradient_steps;
  evaluation_steps += other.evaluation_steps;
  cpu_seconds += other.cpu_seconds;
  wall_seconds += other.wall_seconds;
  return *this;
}

std::unique_ptr<rl::Environment> make_environment(Config const& config) {
  if (!is_dispatch(config)) return std::make_unique<ClassicEnvironment>(config.environment, config.network.kind);
  std::string const& teacher = config.training.teacher;
  return std::make_unique<DispatchEnvironment>(
      day_maker(config.scenario), teacher == rule_as_teacher ? nullptr : dispatch::make_policy(teacher, {}).take());
}

PolicyFactory untrained_policy(Config const& config, std::uint64_t seed) {
  return model_factory(TrainingRun(config, seed).snapshot());
}

Stopwatch::Stopwatch() : cpu_(thread_cpu_seconds()), wall_(std::chrono::steady_clock::now()) {}

void Stopwatch::read(Ledger& ledger) const {
  ledger.cpu_seconds = thread_cpu_seconds() - cpu_;
  ledger.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count();
}

TrainingRun::TrainingRun(Config const& config, std::uint64_t seed)
    : config_(config),
      seed_(seed),
      root_(seed),
      environment_(make_environment(config)),
      fleet_(is_dispatch(config) ? fleet_sizes(config.scenario) : dispatch::FleetSizes{}),
      dqn_(config.agent, config.network, config.replay, environment_->width(), environment_->actions(), root_),
      sentinel_(config.sentinel, config.agent.max_grad_norm),
      epsilon_(config.agent.epsilon_start) {
  warm_up();
}

void TrainingRun::warm_up() {
  // 1. The rule plays, with some random choices so that the replay also knows what a mistake costs.
  Rng choices = root_.stream(Purpose::exploration, 1);
  Rng probe_choice = root_.stream(Purpose::probe);
  std::vector<std::vector<rl::StepResult>> days;
  std::vector<double> sizes;
  int seen = 0;
  for (int day = 0; day < config_.training.warmup_episodes; ++day) {
    environment_->reset(scenario_seed(Role::warmup, seed_, static_cast<std::uint64_t>(day)));
    days.emplace_back();
    do {
      environment_->observe(observation_);
      int choice = environment_->suggested_choice();
      if (choices.chance(config_.training.warmup_exploration)) {
        do {
          choice = static_cast<int>(choices.below(static_cast<std::uint64_t>(observation_.choices())));
        } while (!observation_.is_legal(choice));
      }
      // 2. A uniform sample of the states seen becomes the sentinel's probe (reservoir sampling, Vitter 1985).
      auto const wanted = static_cast<std::size_t>(config_.sentinel.probe_states);
      ++seen;
      if (probes_.size() < wanted) {
        probes_.push_back(observation_);
      } else if (auto const place = probe_choice.below(static_cast<std::uint64_t>(seen)); place < wanted) {
        probes_[place] = observation_;
      }
      rl::StepResult const step = environment_->step(choice);
      dqn_.remember(observation_, choice, step);
      sizes.push_back(std::abs(step.reward));
      days.back().push_back(step);
      ++environment_steps_;
    } while (!days.back().back().over);
  }
  // 3. Rewards are divided by the 95th percentile of their size, once and for all.
  double const scale = std::max(1e-6, quantile(std::move(sizes), 0.95));
  dqn_.set_reward_scale(static_cast<float>(scale));
  for (auto const& steps : days) sentinel_.on_returns(rl::discounted_returns(steps, config_.agent.gamma, scale));
  // 4. What the teacher's choices are worth is learned before the agent makes its own.
  if (config_.replay.keep_demonstrations) dqn_.keep_demonstrations();
  read_probes();
}

void TrainingRun::pretrain() {
  for (int k = 0; k < config_.training.pretraining_updates && dqn_.can_learn() && !stopped_; ++k) update();
}

EpisodeRecord TrainingRun::run_episode() {
  EpisodeRecord record{.epsilon = epsilon_};
  day_loss_ = 0;
  day_updates_ = 0;
  day_steps_.clear();
  if (episode_ == 0) pretrain();
  environment_->reset(scenario_seed(Role::train, seed_, static_cast<std::uint64_t>(episode_)));
  do {
    environment_->observe(observation_);
    // A teacher is asked only where his answer is used.
    int const suggested = config_.agent.guided_exploration > 0 ? environment_->suggested_choice() : 0;
    int const choice = dqn_.act(observation_, epsilon_, suggested);
    rl::StepResult const step = environment_->step(choice);
    dqn_.remember(observation_, choice, step);
    day_steps_.push_back(step);
    record.reward += step.reward;
    ++environment_steps_;
    learn();
  } while (!day_steps_.back().over && !stopped_);
  ++episode_;
  epsilon_ = std::max(config_.agent.epsilon_end, epsilon_ * config_.agent.epsilon_decay);
  if (!stopped_)
    sentinel_.on_returns(
        rl::discounted_returns(day_steps_, config_.agent.gamma, static_cast<double>(dqn_.online().reward_scale())));
  record.loss = day_updates_ > 0 ? day_loss_ / day_updates_ : 0;
  record.steps = static_cast<std::int64_t>(day_steps_.size());
  record.buffer = static_cast<std::int64_t>(dqn_.replay().size());
  return record;
}

void TrainingRun::learn() {
  if (!dqn_.can_learn()) return;
  for (owed_updates_ += config_.agent.updates_per_step; owed_updates_ >= 1 && !stopped_; owed_updates_ -= 1) {
    update();
  }
}

void TrainingRun::update() {
  rl::UpdateReport const report = dqn_.update(progress_of(episode_, config_.training.episodes));
  day_loss_ += report.loss;
  ++day_updates_;
  sentinel_.on_update(report, dqn_.updates());
  if (sentinel_.probe_is_due(dqn_.updates())) read_probes();
  respond();
}

void TrainingRun::read_probes() {
  if (!config_.sentinel.enabled) return;
  sentinel_.on_probe(rl::probe(dqn_.online(), probes_, scratch_), dqn_.updates(),
                     progress_of(episode_, config_.training.episodes));
  if (sentinel_.is_suspicious()) return;
  ArchiveWriter out;
  dqn_.save_learner(out);
  good_state_ = std::move(out).finish();
}

void TrainingRun::respond() {
  for (rl::Alarm const& warning : sentinel_.take_warnings()) events_.push_back("warning " + warning.message);
  if (!sentinel_.alarm()) return;
  bool const last = sentinel_.gave_up();
  events_.push_back(fmt::format("alarm {}; {}", sentinel_.alarm()->message,
                                last ? "too many, training stops" : "back to the last good state, learning slower"));
  if (!good_state_.empty()) {
    Result<ArchiveReader> in = ArchiveReader::open(good_state_);
    REGULUS_CHECK(static_cast<bool>(in));
    dqn_.load_learner(*in);
    REGULUS_CHECK(static_cast<bool>(in->finish()));
    dqn_.set_rate_factor(std::pow(config_.sentinel.slow_down, sentinel_.rollbacks() + 1));
  }
  if (last) {
    stopped_ = true;
  } else {
    sentinel_.rolled_back();
  }
}

std::shared_ptr<Model const> TrainingRun::snapshot() const {
  return std::make_shared<Model const>(
      Model{.config = config_, .seed = seed_, .episodes = episode_, .network = dqn_.evaluator(), .fleet = fleet_});
}

std::vector<double> TrainingRun::evaluate(std::span<std::uint64_t const> days, int threads) {
  constexpr std::size_t chunk = 10;
  rl::QNetwork const& network = dqn_.evaluator();
  std::vector<GreedyDay> played(days.size());
  parallel_for((days.size() + chunk - 1) / chunk, threads, [&](std::size_t c) {
    std::unique_ptr<rl::Environment> const environment = make_environment(config_);
    rl::QScratch scratch;
    for (std::size_t i = c * chunk; i < std::min(days.size(), (c + 1) * chunk); ++i) {
      played[i] = play_greedily(*environment, network, days[i], scratch);
    }
  });
  std::vector<double> scores, values, returns;
  auto const scale = static_cast<double>(network.reward_scale());
  for (GreedyDay const& day : played) {
    scores.push_back(day.reward);
    values.insert(values.end(), day.values.begin(), day.values.end());
    auto const realised = rl::discounted_returns(day.steps, config_.agent.gamma, scale);
    returns.insert(returns.end(), realised.begin(), realised.end());
    evaluation_steps_ += static_cast<std::int64_t>(day.steps.size());
  }
  bool const comparable = best_scores_.size() == scores.size();
  sentinel_.on_evaluation(
      {.values = values,
       .returns = returns,
       .scores = scores,
       .best_scores = comparable ? std::span<double const>(best_scores_) : std::span<double const>{}},
      dqn_.updates());
  if (!comparable || mean(scores) > mean(best_scores_)) best_scores_ = scores;
  respond();
  return scores;
}

void TrainingRun::save(ArchiveWriter& out) const {
  out.tag("run");
  out.put(seed_);
  dqn_.save(out);
  sentinel_.save(out);
  out.tag("progress");
  out.put(good_state_);
  out.put(best_scores_);
  out.put(episode_);
  out.put(epsilon_);
  out.put(owed_updates_);
  out.put(environment_steps_);
  out.put(evaluation_steps_);
  out.put(stopped_);
  out.put(static_cast<std::uint64_t>(events_.size()));
  for (std::string const& event : events_) out.put(event);
}

void TrainingRun::load(ArchiveReader& in) {
  in.tag("run");
  std::uint64_t seed = 0;
  in.get(seed);
  if (seed != seed_) in.fail();
  dqn_.load(in);
  sentinel_.load(in);
  in.tag("progress");
  in.get(good_state_);
  in.get(best_scores_);
  in.get(episode_);
  in.get(epsilon_);
  in.get(owed_updates_);
  in.get(environment_steps_);
  in.get(evaluation_steps_);
  in.get(stopped_);
  std::uint64_t count = 0;
  in.get(count);
  events_.clear();
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) in.get(events_.emplace_back());
}

}  // namespace regulus::lab
