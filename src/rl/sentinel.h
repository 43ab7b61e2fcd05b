// The divergence sentinel: an observer that says when training has gone wrong, before the weights are worth nothing.
//
// It is shown every update, a reading of fixed probe states every `probe_interval` updates, the returns of finished
// episodes and each evaluation. It changes nothing itself. After an alarm the caller restores the learner last saved
// while nothing was suspicious, multiplies the learning rate by `slow_down`, says rolled_back(), and stops for good
// once gave_up() is true.
//
//   S0  not finite      loss, gradient, weight or value is no number                              alarm at once
//   S1  out of range    highest or lowest Q of probe states × legal choices further than
//                       range_margin · R beyond the returns seen; R is their range                alarm, 2 in a row
//   S2  overestimation  mean of Q − realised return over evaluation states > 0.5 · std of returns alarm, 3 in a row
//   S3  growing errors  smoothed |TD error| > 5 times its smallest so far, for 2,000 updates      alarm
//   S4  clipping        gradient clipped in more than 90 % of 1,000 updates                       warning
//   S5  churn           best choice changed in more than 30 % of probe states within 1,000
//                       updates, in the second half of training                                   warning
//   S6  dead units      more than half of the hidden units silent on all probe states, or an
//                       effective rank of the last hidden layer below 10 % of its width           warning
//   S7  regression      upper end of the 95 % interval of (current − best) below 0, paired by
//                       scenario; widened by Bonferroni's rule for the evaluations so far,
//                       for the best is also the luckiest of them                                 alarm, 2 in a row
//
// Soft divergence, S1: van Hasselt et al. 2018, with returns seen in place of the bound 1 / (1 − γ). Effective rank,
// S6: Kumar et al. 2021, srank with δ = 0.01. Values and returns are in scaled units (reward / reward_scale); values
// include the baseline of a residual network, so that they estimate the return itself. A reading at update 0 shows
// where the network starts, which is no divergence: its extremes count as returns seen.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/archive.h"
#include "core/fields.h"
#include "rl/dqn.h"
#include "rl/environment.h"
#include "rl/q_network.h"

namespace regulus::rl {

struct SentinelConfig {
  bool enabled = true;
  int probe_states = 256;
  int probe_interval = 500;
  double range_margin = 0.5;
  int range_patience = 2;
  double overestimation = 0.5;
  int overestimation_patience = 3;
  double error_growth = 5;
  int error_patience = 2000;
  double least_error = 0.1;
  double clipped_share = 0.9;
  int clip_window = 1000;
  double churn_share = 0.3;
  double dead_share = 0.5;
  double rank_share = 0.1;
  int regression_patience = 2;
  int max_rollbacks = 3;
  double slow_down = 0.3;

  static constexpr auto fields() {
    return std::tuple{
        field(&SentinelConfig::enabled, "sentinel", "Watch for divergence; on an alarm go back and learn slower."),
        field(&SentinelConfig::probe_states, "probe_states", "States of the warm-up on which values are read.",
              range(1, 100'000)),
        field(&SentinelConfig::probe_interval, "probe_interval", "Updates between two readings of the probe states.",
              range(1, 1'000'000)),
        field(&SentinelConfig::range_margin, "range_margin",
              "Share of the range of returns seen by which values may lie beyond it.", range(0, 1000)),
        field(&SentinelConfig::range_patience, "range_patience", "Readings out of range in a row that raise S1.",
              range(1, 1000)),
        field(&SentinelConfig::overestimation, "overestimation",
              "Standard deviations of return by which values may exceed returns on average.", range(0, 1000)),
        field(&SentinelConfig::overestimation_patience, "overestimation_patience",
              "Evaluations with overestimation in a row that raise S2.", range(1, 1000)),
        field(&SentinelConfig::error_growth, "error_growth",
              "Factor over the smallest smoothed error so far that counts as growth.", range(1, 1e6)),
        field(&SentinelConfig::error_patience, "error_patience", "Updates of grown errors in a row that raise S3.",
              range(1, 1'000'000)),
        field(
            &SentinelConfig::least_error, "least_error",
            "Errors and spreads of return below this, in scaled reward, count as this: S2 and S3 do not compare noise.",
            range(0, 1e6)),
        field(&SentinelConfig::clipped_share, "clipped_share",
              "Share of clipped gradients that is worth a warning, S4.", range(0, 1)),
        field(&SentinelConfig::clip_window, "clip_window", "Updates over which clipped gradients are counted.",
              range(1, 1'000'000)),
        field(&SentinelConfig::churn_share, "churn_share",
              "Share of probe states whose best choice may change within 1,000 updates, S5.", range(0, 1)),
        field(&SentinelConfig::dead_share, "dead_share", "Share of silent hidden units that is worth a warning, S6.",
              range(0, 1)),
        field(&SentinelConfig::rank_share, "rank_share", "Least effective rank as a share of the layer's width, S6.",
              range(0, 1)),
        field(&SentinelConfig::regression_patience, "regression_patience",
              "Evaluations significantly below the best in a row that raise S7.", range(1, 1000)),
        field(&SentinelConfig::max_rollbacks, "max_rollbacks",
              "Alarms that are answered by going back; the next stops.", range(0, 1000)),
        field(&SentinelConfig::slow_down, "slow_down", "Factor on the learning rate after an alarm.", range(1e-6, 1)),
    };
  }
  friend bool operator==(SentinelConfig const&, SentinelConfig const&) = default;
};
static_assert(describes_every_member<SentinelConfig>());

// Its number is its id: S0 to S7.
enum class Signal : std::uint8_t {
  not_finite,
  out_of_range,
  overestimation,
  growing_errors,
  clipping,
  churn,
  dead_units,
  regression
};

struct Alarm {
  Signal signal = Signal::not_finite;
  std::int64_t updates = 0;
  std::string message;  // with its numbers: "S1 at update 4500: highest Q 12.4 is above 8.1 (returns seen: -3.2 to 5)"
  std::string id() const { return "S" + std::to_string(static_cast<int>(signal)); }
  friend bool operator==(Alarm const&, Alarm const&) = default;
};

// What the network says about the probe states.
struct ProbeReading {
  bool finite = true;              // every weight and every value of a legal choice
  double lowest = 0, highest = 0;  // over states × legal choices
  std::vector<int> choices;        // the best of each state
  double dead_share = 0;           // hidden units that no state activates
  double rank_share = 1;           // effective rank of the last hidden layer over its width
};
ProbeReading probe(QNetwork const& network, std::span<Observation const> states, QScratch& scratch);

// Smallest number of leading singular values of the matrix that hold 99 % of their sum; 0 for a matrix of zeros.
int effective_rank(nn::MatrixView matrix);

// The discounted return from each step of one episode, in scaled units. An episode cut by a time limit (over without
// terminal) is taken to go on for ever at its mean reward per unit of time.
std::vector<double> discounted_returns(std::span<StepResult const> episode, double gamma, double reward_scale);

// One evaluation of the learner.
struct EvaluationReading {
  // Q of the choice taken and realised discounted return, one each a state visited; for S2. May be empty.
  std::span<double const> values, returns;
  // One score a scenario, and those of the best learner so far on the same scenarios; for S7. best_scores is empty
  // while there is none.
  std::span<double const> scores, best_scores;
};

// Deterministic; not thread-safe. A disabled sentinel never alarms nor warns.
class Sentinel {
 public:
  // max_grad_norm is the learner's: a gradient longer than that counts as clipped.
  Sentinel(SentinelConfig const& config, double max_grad_norm) : config_(config), max_grad_norm_(max_grad_norm) {}

  // `updates` is the learner's own count, after the update.
  void on_update(UpdateReport const& report, std::int64_t updates);
  bool probe_is_due(std::int64_t updates) const { return config_.enabled && updates % config_.probe_interval == 0; }
  // `progress` is the share of training done, in [0, 1].
  void on_probe(ProbeReading const& reading, std::int64_t updates, double progress);
  // Returns from every state of a finished episode, training or warm-up; see discounted_returns.
  void on_returns(std::span<double const> returns);
  void on_evaluation(EvaluationReading const& reading, std::int64_t updates);

  // The first alarm since the last rolled_back().
  std::optional<Alarm> const& alarm() const { return alarm_; }
  // Warnings since the last call, oldest first; each signal at most once in `clip_window` updates.
  std::vector<Alarm> take_warnings() { return std::exchange(warnings_, {}); }
  // True while an alarm stands or one of its conditions has begun to hold: no moment to save a good learner.
  bool is_suspicious() const;

  // The caller has restored an earlier learner: forget the alarm and the recent past, keep returns and minima.
  void rolled_back();
  int rollbacks() const { return rollbacks_; }
  // The alarm that stands is one too many.
  bool gave_up() const { return alarm_ && rollbacks_ >= config_.max_rollbacks; }

  SentinelConfig const& config() const { return config_; }
  void save(ArchiveWriter& out) const;
  void load(ArchiveReader& in);

 private:
  struct Churn {
    std::int64_t updates = 0;
    std::vector<int> choices;
  };
  void raise(Signal signal, std::int64_t updates, std::string_view message);
  void warn(Signal signal, std::int64_t updates, std::string_view message);
  void judge_range(ProbeReading const& reading, std::int64_t updates);
  void judge_churn(ProbeReading const& reading, std::int64_t updates, double progress);
  void judge_overestimation(EvaluationReading const& reading, std::int64_t updates);
  void judge_regression(EvaluationReading const& reading, std::int64_t updates);

  SentinelConfig config_;
  double max_grad_norm_;
  std::optional<Alarm> alarm_;
  std::vector<Alarm> warnings_;
  std::array<std::int64_t, 8> warned_at_{};  // update of each signal's last warning, 0 for none
  int rollbacks_ = 0;

  std::int64_t episodes_ = 0;
  int evaluations_ = 0;  // with scores
  double lowest_return_ = 0, highest_return_ = 0;
  double start_low_ = 0, start_high_ = 0;  // extremes of the reading at update 0
  bool has_start_ = false;

  int out_of_range_ = 0, overestimated_ = 0, regressed_ = 0;  // in a row
  double error_ = 0;                                          // smoothed
  std::int64_t errors_seen_ = 0;                              // since the start or the last rollback
  double least_error_seen_ = 0;
  bool has_least_error_ = false;
  int grown_ = 0;  // updates in a row
  int clip_updates_ = 0, clipped_ = 0;
  std::vector<Churn> readings_;  // of the last 1,000 updates, oldest first
};

}  // namespace regulus::rl
