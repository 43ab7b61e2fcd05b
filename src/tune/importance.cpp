#include "tune/importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/rng.h"
#include "tune/gaussian.h"
#include "tune/numeric_domain.h"
#include "tune/space.h"

namespace regulus::tune {
namespace {

constexpr int finest_grid = 50;

// One parameter: which cell of its grid each trial falls into, or -1 for a trial without it.
struct Column {
  int cells = 1;
  bool ordered = true;  // a number; the cells of a categorical have no neighbours
  std::vector<int> cell;
};

int cell_count(Distribution const& distribution) {
  if (auto const* categorical = std::get_if<CategoricalDistribution>(&distribution))
    return static_cast<int>(categorical->choices.size());
  if (is_single(distribution)) return 1;
  NumericDomain const domain = numeric_domain(distribution);
  if (domain.step == 0) return finest_grid;
  double const range = domain.high - domain.low;
  double const cells = domain.log ? std::ceil(std::log2(range + 1)) + 1 : std::nearbyint(range / domain.step) + 1;
  return static_cast<int>(std::min<double>(finest_grid, cells));
}

Column column_of(std::string const& name, Distribution const& distribution, std::span<Trial const* const> trials) {
  Column column{.cells = cell_count(distribution),
                .ordered = !std::holds_alternative<CategoricalDistribution>(distribution),
                .cell = std::vector<int>(trials.size(), -1)};
  for (std::size_t i = 0; i < trials.size(); ++i) {
    auto const param = trials[i]->params.find(name);
    if (param == trials[i]->params.end() || !is_observable(distribution, param->second)) continue;
    if (!column.ordered || column.cells == 1) {
      column.cell[i] = column.ordered ? 0 : static_cast<int>(param->second);
      continue;
    }
    NumericDomain const domain = numeric_domain(distribution);
    double const low = domain.to_model(domain.low);
    double const high = domain.to_model(domain.high);
    double const share = std::clamp((domain.to_model(param->second) - low) / (high - low), 0.0, 1.0);
    column.cell[i] = static_cast<int>(std::nearbyint(share * (column.cells - 1)));
  }
  return column;
}

// Kernels of one common width (Scott's rule, robust by the quartiles) on the cells, plus one for the prior.
std::vector<double> smoothed(std::vector<double> const& counts) {
  auto const cells = static_cast<int>(counts.size());
  double n = 0, sum = 0;
  for (int c = 0; c < cells; ++c) {
    n += counts[c];
    sum += c * counts[c];
  }
  double squares = 0, lower_quartile = -1, upper_quartile = -1, seen = 0;
  for (int c = 0; c < cells; ++c) {
    squares += counts[c] * (c - sum / n) * (c - sum / n);
    seen += counts[c];
    if (lower_quartile < 0 && seen >= n / 4) lower_quartile = c;
    if (upper_quartile < 0 && seen >= n * 3 / 4) upper_quartile = c;
  }
  double const deviation = std::sqrt(squares / std::max(1.0, n - 1));
  double const spread = std::min((upper_quartile - lower_quartile) / 1.34, deviation);
  double const width = std::max(0.5 / 1.64, 1.059 * spread * std::pow(n, -0.2));

  std::vector<double> density(counts.size(), 0.0);
  auto const spread_out = [&](double centre, double kernel_width, double weight) {
    auto const edge = [&](double x) { return (x - centre) / kernel_width; };
    double const whole = std::exp(log_normal_mass(edge(-0.5), edge(cells - 0.5)));
    for (int i = 0; i < cells; ++i) {
      // Cells farther than this many widths get nothing that a double could tell.
      if (std::abs(edge(i)) > 12 + 1 / kernel_width) continue;
      density[i] += weight / (n + 1) * std::exp(log_normal_mass(edge(i - 0.5), edge(i + 0.5))) / whole;
    }
  };
  for (int c = 0; c < cells; ++c) {
    if (counts[c] > 0) spread_out(c, width, counts[c]);
  }
  spread_out((cells - 1) / 2.0, cells, 1);
  return density;
}

std::vector<double> density_of(Column const& column, std::span<std::size_t const> trials) {
  std::vector<double> counts(static_cast<std::size_t>(column.cells), 0.0);
  double n = 0;
  for (std::size_t i : trials) {
    if (column.cell[i] < 0) continue;
    ++counts[static_cast<std::size_t>(column.cell[i])];
    ++n;
  }
  if (n == 0) return {};
  if (column.ordered) return smoothed(counts);
  for (double& count : counts) count = (count + 1.0 / column.cells) / (n + 1);
  return counts;
}

// The share of each parameter; `trials` are indices with repetitions, best first.
std::vector<double> shares_of(std::span<Column const> columns, std::span<std::size_t const> trials, double best_share) {
  auto const best = static_cast<std::size_t>(std::ceil(best_share * static_cast<double>(trials.size())));
  std::vector<double> shares;
  for (Column const& column : columns) {
    double divergence = 0;
    if (column.cells > 1) {
      std::vector<double> const all = density_of(column, trials);
      std::vector<double> const top = density_of(column, trials.first(std::min(best, trials.size())));
      for (std::size_t i = 0; i < top.size(); ++i) divergence += (top[i] - all[i]) * (top[i] - all[i]) / all[i];
    }
    shares.push_back(divergence);
  }
  double const total = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share = total > 0 ? share / total : 0;
  return shares;
}

}  // namespace

std::vector<Importance> importances(std::span<Trial const> trials, SearchSpace const& space, Direction direction,
                                    ImportanceOptions const& options) {
  std::vector<Trial const*> complete;
  for (Trial const& trial : trials) {
    if (trial.state == TrialState::complete && !trial.values.empty() && std::isfinite(trial.values.front()))
      complete.push_back(&trial);
  }
  double const sign = direction == Direction::minimize ? 1 : -1;
  std::ranges::stable_sort(complete, {}, [sign](Trial const* trial) { return sign * trial->values.front(); });

  std::vector<Importance> out;
  std::vector<Column> columns;
  for (auto const& [name, distribution] : space) {
    out.push_back({.name = name, .share = 0, .ci95 = {}});
    columns.push_back(column_of(name, distribution, complete));
  }
  if (complete.size() < 2) return out;

  std::vector<std::size_t> order(complete.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<double> const shares = shares_of(columns, order, options.best_share);

  std::vector<std::vector<double>> replicates(columns.size());
  Rng rng = Rng(options.seed).stream(Purpose::bootstrap);
  for (int r = 0; r < options.replicates; ++r) {
    for (std::size_t& index : order) index = rng.below(complete.size());
    std::ranges::sort(order);  // trials are best first, so their indices are too
    std::vector<double> const resampled = shares_of(columns, order, options.best_share);
    for (std::size_t d = 0; d < columns.size(); ++d) replicates[d].push_back(resampled[d]);
  }
  for (std::size_t d = 0; d < columns.size(); ++d) {
    out[d].share = shares[d];
    out[d].ci95 = options.replicates > 0 ? Interval{quantile(replicates[d], 0.025), quantile(replicates[d], 0.975)}
                                         : Interval{shares[d], shares[d]};
  }
  std::ranges::stable_sort(out, std::ranges::greater{}, &Importance::share);
  return out;
}

}  // namespace regulus::tune
