// A report as one HTML file: what was found, how sure we are, what it cost and how to get it again.
//
// The file loads nothing: no script, font, style or image from elsewhere, and a content-security policy that forbids
// it. It reads on a phone and on paper, in light and dark. Everything is a plain value here; what is absent (an empty
// list, no optional) leaves no trace in the page. Headings, labels and explanations come in the report's language;
// names, sentences and notes are shown as given, all escaped.
//
// Long studies are thinned to what a screen can show, so that 10,000 trials stay below 2 MB; the page says where it did
// so. Equal reports give equal bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/stats.h"
#include "domain/trial.h"
#include "lab/chart.h"
#include "tune/importance.h"

namespace regulus::lab {

// A figure on top of the page: {"+1,652", "mean reward on 1,000 unseen days"}.
struct KeyFigure {
  enum class Mood : std::uint8_t { neutral, good, bad };
  std::string value{};
  std::string label{};
  std::string note{};  // small print: an interval, a sample size
  Mood mood = Mood::neutral;
};

// One study: history with best so far, intermediate values with pruned trials greyed, importances, slices, best trials.
struct StudySection {
  StudyInfo info{};
  std::vector<Trial> trials{};
  std::string objective = "objective value";  // what values[0] is; several objectives: see `objectives`
  std::vector<std::string> objectives{};      // names of all values, for several objectives
  std::string step = "step";                  // what an intermediate value's key counts: "episode"
  std::vector<tune::Importance> importances{};
  std::string importance_note{};  // how they were computed
  std::optional<int> selected{};  // number of the trial that was chosen in the end
};

// Learning curves: one line a name, the mean over runs (training seeds) with its 95 % interval as a band.
struct CurveSection {
  struct Curve {
    std::string name{};
    std::vector<double> x{};
    std::vector<std::vector<double>> runs{};  // runs[seed][i] belongs to x[i]; a run that stopped early is shorter
  };
  std::string title{};  // empty: "Learning curves"
  std::string x_label{}, y_label{};
  std::vector<Curve> curves{};
  std::vector<ReferenceLine> references{};  // for example what a rule scores
  std::string note{};
};

// Who did how well on the same days, and the paired differences that decide.
struct ComparisonSection {
  struct Row {
    std::string name{};
    double mean = 0;
    Interval ci95;
    std::vector<double> figures{};  // one for each of figure_names; NaN where it does not apply
  };
  struct Difference {
    std::string candidate{}, reference{};
    PairedDifference paired{};
  };
  std::string title{};  // empty: "Comparison"
  std::string metric{};
  bool higher_is_better = true;
  std::string verdict{};  // one sentence
  std::string setting{};  // "1,000 test days from seed 900000, 10 training seeds"
  std::vector<std::string> figure_names{};
  std::vector<Row> rows{};
  std::vector<Difference> differences{};
  std::string note{};
};

// How much of a selection score survives on fresh seeds: the best of many noisy scores is always partly luck.
struct OptimismSection {
  struct Row {
    std::string name{};
    double selection = 0;  // the score by which it was chosen
    double fresh = 0;      // the score on seeds that chose nothing
    Interval fresh_ci95;
  };
  std::string metric{};
  std::vector<Row> rows{};
  std::string note{};
};

struct BudgetSection {
  struct Phase {
    std::string name{};                              // "search", "final training", "test"
    std::int64_t tried = 0, pruned = 0, failed = 0;  // configurations; tried counts all of them
    std::int64_t environment_steps = 0, gradient_steps = 0;
    double cpu_seconds = 0, wall_seconds = 0;
  };
  std::vector<Phase> phases{};
  std::string note{};
};

// Environment, seeds, configuration: names and values.
struct KeyValueSection {
  std::string title{};
  std::vector<std::pair<std::string, std::string>> rows{};
  std::string note{};
};

struct Report {
  Language language = Language::english;
  std::string title{};
  std::string subtitle{};
  std::string verdict{};  // the answer in one or two sentences
  std::string command{};  // the command that reproduces the page
  std::string
      generated{};  // "2025-11-22 18:04 UTC, regulus 0.1.0"; given, so that the bytes do not depend on the clock
  std::vector<KeyFigure> key_figures{};
  std::vector<ComparisonSection> comparisons{};
  std::optional<OptimismSection> optimism{};
  std::vector<CurveSection> curves{};
  std::vector<StudySection> studies{};
  std::optional<BudgetSection> budget{};
  std::vector<KeyValueSection> tables{};
};

std::string render(Report const& report);

}  // namespace regulus::lab
