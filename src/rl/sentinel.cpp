#include "rl/sentinel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/check.h"
#include "core/stats.h"

namespace regulus::rl {
namespace {

constexpr std::int64_t least_episodes = 10;      // before the range of returns says anything
constexpr std::int64_t smoothing_updates = 100;  // memory of the smoothed error
constexpr std::int64_t churn_updates = 1000;
constexpr double churn_from_progress = 0.5;
constexpr double rank_energy = 0.99;

// Householder's reduction of a symmetric matrix (n × n, row-major, spent) to a tridiagonal one with the same
// eigenvalues (Golub and Van Loan, algorithm 8.3.1).
void tridiagonalize(std::vector<double>& a, std::size_t n, std::vector<double>& diagonal, std::vector<double>& beside) {
  std::vector<double> v(n);
  std::vector<double> p(n);
  for (std::size_t k = 0; k + 2 < n; ++k) {
    double squares = 0;
    for (std::size_t i = k + 1; i < n; ++i) squares += a[i * n + k] * a[i * n + k];
    double const length = std::sqrt(squares);
    if (length == 0) continue;
    // Reflect column k, below its diagonal, onto its first entry; the sign avoids cancellation.
    double const image = a[(k + 1) * n + k] > 0 ? -length : length;
    for (std::size_t i = k + 1; i < n; ++i) v[i] = a[i * n + k];
    v[k + 1] -= image;
    double const beta = 2 / std::inner_product(v.begin() + static_cast<std::ptrdiff_t>(k + 1), v.end(),
                                               v.begin() + static_cast<std::ptrdiff_t>(k + 1), 0.0);
    double along = 0;
    for (std::size_t i = k + 1; i < n; ++i) {
      p[i] = 0;
      for (std::size_t j = k + 1; j < n; ++j) p[i] += beta * a[i * n + j] * v[j];
      along += p[i] * v[i];
    }
    for (std::size_t i = k + 1; i < n; ++i) p[i] -= 0.5 * beta * along * v[i];
    for (std::size_t i = k + 1; i < n; ++i) {
      for (std::size_t j = k + 1; j < n; ++j) a[i * n + j] -= v[i] * p[j] + p[i] * v[j];
    }
    a[(k + 1) * n + k] = image;
  }
  diagonal.resize(n);
  beside.assign(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    diagonal[i] = a[i * n + i];
    if (i > 0) beside[i] = a[i * n + i - 1];
  }
}

// Eigenvalues of a tridiagonal matrix below x, by the signs of its leading minors' ratios (Sturm).
std::size_t eigenvalues_below(std::span<double const> diagonal, std::span<double const> beside, double x) {
  std::size_t below = 0;
  double ratio = 1;
  for (std::size_t i = 0; i < diagonal.size(); ++i) {
    ratio = diagonal[i] - x - (i > 0 ? beside[i] * beside[i] / ratio : 0);
    if (ratio == 0) ratio = std::numeric_limits<double>::min();
    below += ratio < 0 ? 1 : 0;
  }
  return below;
}

// Singular values in descending order, as roots of the Gram matrix's eigenvalues, each found by bisection.
std::vector<double> singular_values(nn::MatrixView matrix) {
  auto const rows = static_cast<std::size_t>(matrix.rows);
  auto const n = static_cast<std::size_t>(matrix.cols);
  std::vector<double> gram(n * n, 0.0);
  for (std::size_t r = 0; r < rows; ++r) {
    auto const row = matrix.row(static_cast<int>(r));
    for (std::size_t i = 0; i < n; ++i) {
      if (row[i] == 0) continue;
      for (std::size_t j = 0; j < n; ++j) gram[i * n + j] += static_cast<double>(row[i]) * row[j];
    }
  }
  double trace = 0;
  for (std::size_t i = 0; i < n; ++i) trace += gram[i * n + i];
  std::vector<double> diagonal;
  std::vector<double> beside;
  tridiagonalize(gram, n, diagonal, beside);
  std::vector<double> values(n);
  for (std::size_t k = 0; k < n; ++k) {
    // No eigenvalue of a Gram matrix is negative or above its trace.
    double low = 0;
    double high = trace;
    for (int step = 0; step < 40; ++step) {
      double const middle = (low + high) / 2;
      (eigenvalues_below(diagonal, beside, middle) >= n - k ? high : low) = middle;
    }
    values[k] = std::sqrt(low);
  }
  return values;
}

bool all_finite(std::span<float const> values) {
  return std::ranges::all_of(values, [](float v) { return std::isfinite(v); });
}

Alarm make_alarm(Signal signal, std::int64_t updates, std::string_view message) {
  Alarm alarm;
  alarm.signal = signal;
  alarm.updates = updates;
  alarm.message = fmt::format("{} at update {}: {}", alarm.id(), updates, message);
  return alarm;
}

void save_alarm(ArchiveWriter& out, Alarm const& alarm) {
  out.put(alarm.signal);
  out.put(alarm.updates);
  out.put(alarm.message);
}

Alarm load_alarm(ArchiveReader& in) {
  Alarm alarm;
  in.get(alarm.signal);
  in.get(alarm.updates);
  in.get(alarm.message);
  return alarm;
}

}  // namespace

int effective_rank(nn::MatrixView matrix) {
  std::vector<double> const values = singular_values(matrix);
  double const all = std::accumulate(values.begin(), values.end(), 0.0);
  double sum = 0;
  int rank = 0;
  while (sum < rank_energy * all) sum += values[static_cast<std::size_t>(rank++)];
  return rank;
}

ProbeReading probe(QNetwork const& network, std::span<Observation const> states, QScratch& scratch) {
  REGULUS_CHECK(!states.empty());
  ProbeReading reading;
  reading.finite = all_finite(network.network().parameters());
  reading.lowest = std::numeric_limits<double>::infinity();
  reading.highest = -reading.lowest;
  std::vector<int> const& hidden = network.config().hidden();
  int const width = hidden.empty() ? 0 : hidden.back();
  nn::Matrix last(static_cast<int>(states.size()), width);
  std::vector<std::vector<std::uint8_t>> active;
  for (int units : hidden) active.emplace_back(static_cast<std::size_t>(units));

  for (std::size_t s = 0; s < states.size(); ++s) {
    auto const values = network.values(states[s], scratch);
    int best = -1;
    for (int c = 0; c < states[s].choices(); ++c) {
      if (!states[s].is_legal(c)) continue;
      double const value = values[static_cast<std::size_t>(c)];
      reading.finite = reading.finite && std::isfinite(value);
      reading.lowest = std::min(reading.lowest, value);
      reading.highest = std::max(reading.highest, value);
      if (best < 0 || value > values[static_cast<std::size_t>(best)]) best = c;
    }
    reading.choices.push_back(best);
    for (std::size_t layer = 0; layer < active.size(); ++layer) {
      for (int r = 0; r < states[s].rows; ++r) {
        auto const row = scratch.tape.hidden[layer].row(r);
        for (std::size_t unit = 0; unit < row.size(); ++unit) {
          if (row[unit] > 0) active[layer][unit] = 1;
        }
      }
    }
    if (width > 0) {
      int const row = states[s].has_candidates() ? best : 0;
      std::ranges::copy(scratch.tape.hidden.back().row(row), last.row(static_cast<int>(s)).begin());
    }
  }
  if (width == 0 || !reading.finite) return reading;
  int units = 0;
  int dead = 0;
  for (auto const& layer : active) {
    units += static_cast<int>(layer.size());
    dead += static_cast<int>(std::ranges::count(layer, 0));
  }
  reading.dead_share = static_cast<double>(dead) / units;
  reading.rank_share = static_cast<double>(effective_rank(last)) / width;
  return reading;
}

std::vector<double> discounted_returns(std::span<StepResult const> episode, double gamma, double reward_scale) {
  std::vector<double> returns(episode.size());
  if (episode.empty()) return returns;
  double tail = 0;
  if (!episode.back().terminal && gamma < 1) {
    double reward = 0;
    double elapsed = 0;
    for (StepResult const& step : episode) {
      reward += step.reward;
      elapsed += step.elapsed;
    }
    if (elapsed > 0) tail = reward / elapsed / (1 - gamma);
  }
  for (std::size_t i = episode.size(); i-- > 0;) {
    tail = episode[i].reward + std::pow(gamma, episode[i].elapsed) * tail;
    returns[i] = tail / reward_scale;
  }
  return returns;
}

void Sentinel::raise(Signal signal, std::int64_t updates, std::string_view message) {
  if (alarm_ || !config_.enabled) return;
  alarm_ = make_alarm(signal, updates, message);
}

void Sentinel::warn(Signal signal, std::int64_t updates, std::string_view message) {
  std::int64_t& last = warned_at_[static_cast<std::size_t>(signal)];
  if (!config_.enabled || (last > 0 && updates - last < config_.clip_window)) return;
  last = updates;
  warnings_.push_back(make_alarm(signal, updates, message));
}

void Sentinel::on_update(UpdateReport const& report, std::int64_t updates) {
  if (!report.finite || !std::isfinite(report.mean_abs_error)) {
    raise(
        Signal::not_finite, updates,
        fmt::format("loss {}, gradient norm {}, mean error {}", report.loss, report.grad_norm, report.mean_abs_error));
    return;
  }

  ++errors_seen_;
  double const share = 1.0 / static_cast<double>(std::min(errors_seen_, smoothing_updates));
  error_ += share * (report.mean_abs_error - error_);
  if (errors_seen_ >= smoothing_updates) {
    least_error_seen_ = has_least_error_ ? std::min(least_error_seen_, error_) : error_;
    has_least_error_ = true;
    double const limit = config_.error_growth * std::max(least_error_seen_, config_.least_error);
    grown_ = error_ > limit ? grown_ + 1 : 0;
    if (grown_ >= config_.error_patience) {
      raise(Signal::growing_errors, updates,
            fmt::format("smoothed error {:.4g} is above {:.4g} for {} updates (its least was {:.4g})", error_, limit,
                        grown_, least_error_seen_));
    }
  }

  clipped_ += report.grad_norm > max_grad_norm_ ? 1 : 0;
  if (++clip_updates_ >= config_.clip_window) {
    double const clipped = static_cast<double>(clipped_) / clip_updates_;
    if (clipped > config_.clipped_share) {
      warn(Signal::clipping, updates,
           fmt::format("{:.0f} % of the last {} gradients were longer than {}: reward scale or learning rate is wrong",
                       100 * clipped, clip_updates_, max_grad_norm_));
    }
    clip_updates_ = clipped_ = 0;
  }
}

void Sentinel::on_probe(ProbeReading const& reading, std::int64_t updates, double progress) {
  if (!reading.finite) {
    raise(Signal::not_finite, updates, "a weight or the value of a legal choice is no number");
    return;
  }
  if (updates == 0) {
    has_start_ = true;
    start_low_ = reading.lowest;
    start_high_ = reading.highest;
  }
  judge_range(reading, updates);
  judge_churn(reading, updates, progress);
  if (reading.dead_share > config_.dead_share || reading.rank_share < config_.rank_share) {
    warn(
        Signal::dead_units, updates,
        fmt::format("{:.0f} % of the hidden units are silent, the last layer's effective rank is {:.0f} % of its width",
                    100 * reading.dead_share, 100 * reading.rank_share));
  }
}

void Sentinel::judge_range(ProbeReading const& reading, std::int64_t updates) {
  if (episodes_ < least_episodes) return;
  double const low = has_start_ ? std::min(lowest_return_, start_low_) : lowest_return_;
  double const high = has_start_ ? std::max(highest_return_, start_high_) : highest_return_;
  double const margin = config_.range_margin * std::max(high - low, config_.least_error);
  bool const above = reading.highest > high + margin;
  bool const below = reading.lowest < low - margin;
  out_of_range_ = above || below ? out_of_range_ + 1 : 0;
  if (out_of_range_ < config_.range_patience) return;
  raise(Signal::out_of_range, updates,
        above ? fmt::format("highest Q {:.4g} is above {:.4g} (returns seen: {:.4g} to {:.4g})", reading.highest,
                            high + margin, low, high)
              : fmt::format("lowest Q {:.4g} is below {:.4g} (returns seen: {:.4g} to {:.4g})", reading.lowest,
                            low - margin, low, high));
}

void Sentinel::judge_churn(ProbeReading const& reading, std::int64_t updates, double progress) {
  // The reading to compare with is the last one that is at least 1,000 updates old; older ones have served.
  while (readings_.size() > 1 && updates - readings_[1].updates >= churn_updates) readings_.erase(readings_.begin());
  if (!readings_.empty() && updates - readings_.front().updates >= churn_updates && progress > churn_from_progress) {
    Churn const& before = readings_.front();
    int changed = 0;
    for (std::size_t i = 0; i < reading.choices.size(); ++i) changed += reading.choices[i] != before.choices[i] ? 1 : 0;
    // A longer way than 1,000 updates may change more.
    double const per_1000 = static_cast<double>(changed) / static_cast<double>(reading.choices.size()) *
                            static_cast<double>(churn_updates) / static_cast<double>(updates - before.updates);
    if (per_1000 > config_.churn_share) {
      warn(Signal::churn, updates,
           fmt::format("the best choice changes in {:.0f} % of the probe states within {} updates", 100 * per_1000,
                       churn_updates));
    }
  }
  readings_.push_back({.updates = updates, .choices = reading.choices});
}

void Sentinel::on_returns(std::span<double const> returns) {
  if (returns.empty()) return;
  auto const [low, high] = std::ranges::minmax(returns);
  lowest_return_ = episodes_ == 0 ? low : std::min(lowest_return_, low);
  highest_return_ = episodes_ == 0 ? high : std::max(highest_return_, high);
  ++episodes_;
}

void Sentinel::on_evaluation(EvaluationReading const& reading, std::int64_t updates) {
  on_returns(reading.returns);
  judge_overestimation(reading, updates);
  judge_regression(reading, updates);
}

void Sentinel::judge_overestimation(EvaluationReading const& reading, std::int64_t updates) {
  REGULUS_CHECK(reading.values.size() == reading.returns.size());
  if (reading.values.empty()) return;
  double const excess = mean(reading.values) - mean(reading.returns);
  double const spread = std::max(standard_deviation(reading.returns), config_.least_error);
  overestimated_ = excess > config_.overestimation * spread ? overestimated_ + 1 : 0;
  if (overestimated_ < config_.overestimation_patience) return;
  raise(Signal::overestimation, updates,
        fmt::format("values exceed realised returns by {:.4g} on average in {} evaluations, more than {} of their "
                    "deviation {:.4g}",
                    excess, overestimated_, config_.overestimation, spread));
}

void Sentinel::judge_regression(EvaluationReading const& reading, std::int64_t updates) {
  if (reading.scores.empty()) return;
  ++evaluations_;
  if (reading.best_scores.empty()) return;
  REGULUS_CHECK(reading.scores.size() == reading.best_scores.size());
  std::vector<double> differences;
  for (std::size_t i = 0; i < reading.scores.size(); ++i)
    differences.push_back(reading.scores[i] - reading.best_scores[i]);
  auto const n = static_cast<double>(differences.size());
  if (n < 2) return;  // one scenario has no interval and says nothing
  double const half = student_t(1 - 0.05 / evaluations_, n - 1) * standard_deviation(differences) / std::sqrt(n);
  double const loss = -mean(differences);
  regressed_ = loss > half ? regressed_ + 1 : 0;
  if (regressed_ < config_.regression_patience) return;
  raise(Signal::regression, updates,
        fmt::format("the score is below the best by {:.4g} (interval {:.4g} to {:.4g}) in {} evaluations", loss,
                    loss - half, loss + half, regressed_));
}

bool Sentinel::is_suspicious() const {
  return alarm_ || out_of_range_ > 0 || overestimated_ > 0 || regressed_ > 0 || grown_ > 0;
}

void Sentinel::rolled_back() {
  if (alarm_) ++rollbacks_;
  alarm_.reset();
  out_of_range_ = overestimated_ = regressed_ = grown_ = 0;
  error_ = 0;
  errors_seen_ = 0;
  clip_updates_ = clipped_ = 0;
  readings_.clear();
  warned_at_ = {};  // the count of updates goes back with the learner
}

void Sentinel::save(ArchiveWriter& out) const {
  out.tag("sentinel");
  out.put(alarm_.has_value());
  if (alarm_) save_alarm(out, *alarm_);
  out.put(static_cast<std::uint64_t>(warnings_.size()));
  for (Alarm const& warning : warnings_) save_alarm(out, warning);
  out.put(warned_at_);
  out.put(rollbacks_);
  out.put(episodes_);
  out.put(evaluations_);
  for (double value : {lowest_return_, highest_return_, start_low_, start_high_}) out.put(value);
  out.put(has_start_);
  for (int count : {out_of_range_, overestimated_, regressed_, grown_, clip_updates_, clipped_}) out.put(count);
  out.put(error_);
  out.put(errors_seen_);
  out.put(least_error_seen_);
  out.put(has_least_error_);
  out.put(static_cast<std::uint64_t>(readings_.size()));
  for (Churn const& reading : readings_) {
    out.put(reading.updates);
    out.put(reading.choices);
  }
}

void Sentinel::load(ArchiveReader& in) {
  in.tag("sentinel");
  bool has_alarm = false;
  in.get(has_alarm);
  alarm_.reset();
  if (has_alarm) alarm_ = load_alarm(in);
  std::uint64_t size = 0;
  in.get(size);
  warnings_.clear();
  for (; size > 0 && !in.failed(); --size) warnings_.push_back(load_alarm(in));
  in.get(warned_at_);
  in.get(rollbacks_);
  in.get(episodes_);
  in.get(evaluations_);
  for (double* value : {&lowest_return_, &highest_return_, &start_low_, &start_high_}) in.get(*value);
  in.get(has_start_);
  for (int* count : {&out_of_range_, &overestimated_, &regressed_, &grown_, &clip_updates_, &clipped_}) in.get(*count);
  in.get(error_);
  in.get(errors_seen_);
  in.get(least_error_seen_);
  in.get(has_least_error_);
  in.get(size);
  readings_.clear();
  for (; size > 0 && !in.failed(); --size) {
    Churn& reading = readings_.emplace_back();
    in.get(reading.updates);
    in.get(reading.choices);
  }
}

}  // namespace regulus::rl
