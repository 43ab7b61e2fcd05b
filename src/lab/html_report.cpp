#include "lab/html_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "core/progress.h"

namespace regulus::lab {
namespace {

// What a screen can show and 2 MB can hold.
constexpr std::size_t noted_trials = 300;  // up to here every trial has a tooltip
constexpr std::size_t history_points = 5'000;
constexpr std::size_t slice_points = 500;
constexpr std::size_t learning_curves = 160;  // of trials
constexpr std::size_t curve_points = 300;
constexpr std::size_t listed_trials = 100;
constexpr std::size_t best_trials = 5;
constexpr std::size_t shown_runs = 12;  // single runs behind a mean

template <class... Args>
void append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

// Evenly spaced indices of [0, count), the last one included.
std::vector<std::size_t> spread(std::size_t count, std::size_t limit) {
  std::vector<std::size_t> indices;
  if (count <= limit) {
    for (std::size_t i = 0; i < count; ++i) indices.push_back(i);
    return indices;
  }
  for (std::size_t i = 0; i < limit; ++i) indices.push_back(i * (count - 1) / (limit - 1));
  return indices;
}

// --- a study's trials, sorted out once ------------------------------------------------------------------------------

struct StudyView {
  StudySection const& section;
  std::vector<Trial const*> complete{};  // by number, with a finite first value
  std::vector<Trial const*> ranked{};    // the same, best first
  std::size_t pruned = 0, failed = 0, unfinished = 0;
  bool maximize = true;

  double value(Trial const& trial) const { return trial.values[0]; }
  bool better(double a, double b) const { return maximize ? a > b : a < b; }
  bool is_best(Trial const& trial) const { return !ranked.empty() && ranked[0]->number == trial.number; }
  Axis::Clip clip() const { return maximize ? Axis::Clip::low : Axis::Clip::high; }
};

bool has_value(Trial const& trial, std::size_t objective) {
  return trial.state == TrialState::complete && trial.values.size() > objective &&
         std::isfinite(trial.values[objective]);
}

StudyView view_of(StudySection const& section) {
  StudyView view{.section = section};
  view.maximize = section.info.directions.empty() || section.info.directions[0] == Direction::maximize;
  for (Trial const& trial : section.trials) {
    switch (trial.state) {
      case TrialState::complete:
        break;
      case TrialState::pruned:
        ++view.pruned;
        break;
      case TrialState::fail:
        ++view.failed;
        break;
      case TrialState::running:
      case TrialState::waiting:
        ++view.unfinished;
        break;
    }
    if (has_value(trial, 0)) view.complete.push_back(&trial);
  }
  std::ranges::sort(view.complete, {}, &Trial::number);
  view.ranked = view.complete;
  std::ranges::stable_sort(view.ranked,
                           [&](Trial const* a, Trial const* b) { return view.better(view.value(*a), view.value(*b)); });
  return view;
}

// In English and French.
std::pair<std::string_view, std::string_view> state_name(TrialState state) {
  switch (state) {
    case TrialState::complete:
      return {"complete", "complet"};
    case TrialState::pruned:
      return {"pruned", "élagué"};
    case TrialState::fail:
      return {"failed", "échoué"};
    case TrialState::running:
      return {"running", "en cours"};
    case TrialState::waiting:
      return {"waiting", "en attente"};
  }
  return {};
}

std::string choice_text(Json const& choice, Language language) {
  if (choice.is_string()) return choice.as_string();
  return choice.is_number() ? number_text(choice.as_number(), language) : choice.dump();
}

// A parameter's value as its user wrote it.
std::string parameter_text(Trial const& trial, std::string const& name, Language language) {
  auto const value = trial.params.find(name);
  if (value == trial.params.end()) return "–";
  auto const distribution = trial.distributions.find(name);
  if (distribution == trial.distributions.end()) return number_text(value->second, language);
  if (auto const* categorical = std::get_if<CategoricalDistribution>(&distribution->second)) {
    bool const known = value->second >= 0 && value->second < static_cast<double>(categorical->choices.size());
    if (!known) return "–";
    return choice_text(categorical->choices[static_cast<std::size_t>(value->second)], language);
  }
  return number_text(value->second, language);
}

// Names of all parameters: the important ones first, then by name.
std::vector<std::string> parameters_of(StudySection const& section) {
  std::set<std::string> names;
  for (Trial const& trial : section.trials) {
    for (auto const& [name, value] : trial.params) names.insert(name);
  }
  std::vector<tune::Importance> important = section.importances;
  std::ranges::stable_sort(important, [](auto const& a, auto const& b) { return a.share > b.share; });
  std::vector<std::string> ordered;
  for (tune::Importance const& importance : important) {
    if (names.erase(importance.name) > 0) ordered.push_back(importance.name);
  }
  ordered.insert(ordered.end(), names.begin(), names.end());
  return ordered;
}

Axis parameter_axis(StudySection const& section, std::string const& name, Language language) {
  Axis axis{.label = name};
  for (Trial const& trial : section.trials) {
    auto const found = trial.distributions.find(name);
    if (found == trial.distributions.end()) continue;
    if (auto const* real = std::get_if<FloatDistribution>(&found->second)) axis.log = real->log;
    if (auto const* integer = std::get_if<IntDistribution>(&found->second)) axis.log = integer->log;
    if (auto const* categorical = std::get_if<CategoricalDistribution>(&found->second)) {
      for (Json const& choice : categorical->choices) axis.categories.push_back(choice_text(choice, language));
    }
    return axis;
  }
  return axis;
}

// --- the page --------------------------------------------------------------------------------------------------------

// A share as per cent with one decimal.
double hundredths(double part) { return std::round(1000 * part) / 10; }

// Writes the body of a page, section by section.
class Page {
 public:
  explicit Page(Report const& report) : report_(report) {}

  std::string write();

 private:
  std::string_view say(std::string_view english, std::string_view french) const {
    return report_.language == Language::french ? french : english;
  }
  std::string words(std::string_view english, std::string_view french) const {
    return std::string(say(english, french));
  }
  // The chosen sentence with its {} filled.
  template <class... Args>
  std::string fill(std::string_view english, std::string_view french, Args const&... args) const {
    return fmt::format(fmt::runtime(say(english, french)), args...);
  }
  std::string number(double value) const { return number_text(value, report_.language); }
  std::string count(std::int64_t value) const { return number_text(static_cast<double>(value), report_.language); }
  std::string percent(double part) const { return percent_text(hundredths(part), report_.language); }
  std::string interval(Interval value) const { return interval_text(value, report_.language); }
  std::string trial_name(int trial) const { return fill("trial {}", "essai {}", trial); }

  void open_section(std::string const& title) {
    ++sections_;
    append(body_, "<section id=\"s{}\"><h2>{}</h2>", sections_, escaped(title));
    append(contents_, "<a href=\"#s{}\">{}</a>", sections_, escaped(title));
  }
  void close_section() { body_ += "</section>"; }
  void paragraph(std::string_view text, std::string_view css_class = "") {
    if (!text.empty())
      append(body_, "<p{}>{}</p>", css_class.empty() ? "" : fmt::format(" class=\"{}\"", css_class), escaped(text));
  }
  void heading(std::string_view text) { append(body_, "<h3>{}</h3>", escaped(text)); }
  void add(Chart const& chart) { body_ += chart_html(chart, report_.language); }
  void add(RowChart const& chart) { body_ += row_chart_html(chart, report_.language); }
  void add(Table const& table) { body_ += table_html(table); }

  void key_figures();
  void comparison(ComparisonSection const& section);
  void optimism(OptimismSection const& section);
  void curves(CurveSection const& section);
  void study(StudySection const& section);
  void history(StudyView const& view, std::size_t objective);
  void front(StudyView const& view);
  void intermediate(StudyView const& view);
  void importances(StudyView const& view);
  void best(StudyView const& view);
  void slices(StudyView const& view);
  void budget(BudgetSection const& section);
  void key_values(KeyValueSection const& section);

  Report const& report_;
  std::string body_, contents_;
  int sections_ = 0;
};

// --- sections --------------------------------------------------------------------------------------------------------

// Where the paired difference puts the candidate: an interval that excludes zero decides.
Tone tone_of(PairedDifference const& difference, bool higher_is_better) {
  double const sign = higher_is_better ? 1 : -1;
  if (std::min(sign * difference.ci95.low, sign * difference.ci95.high) > 0) return Tone::better;
  if (std::max(sign * difference.ci95.low, sign * difference.ci95.high) < 0) return Tone::worse;
  return Tone::muted;
}

void Page::comparison(ComparisonSection const& section) {
  open_section(section.title.empty() ? words("Comparison", "Comparaison") : section.title);
  if (section.verdict != report_.verdict) paragraph(section.verdict, "answer");
  paragraph(section.setting, "small");

  if (!section.differences.empty()) {
    heading(fill("Paired differences in {}", "Différences appariées : {}", section.metric));
    RowChart forest;
    forest.label = words("Paired differences with 95% intervals", "Différences appariées avec intervalles à 95\u00A0%");
    forest.axis = fill("{}: candidate minus reference", "{} : candidat moins référence", section.metric);
    forest.reference = 0;
    forest.signs = true;
    for (auto const& [candidate, reference, paired] : section.differences) {
      Tone const tone = tone_of(paired, section.higher_is_better);
      std::string_view const judged = tone == Tone::better  ? say("better", "meilleur")
                                      : tone == Tone::worse ? say("worse", "moins bon")
                                                            : say("no clear difference", "pas de différence nette");
      forest.rows.push_back({.label = fill("{} vs {}", "{} contre {}", candidate, reference),
                             .value = paired.mean,
                             .interval = paired.ci95,
                             .tone = tone,
                             .text = fmt::format("{} {} · {}", signed_text(paired.mean, report_.language),
                                                 interval(paired.ci95), judged)});
    }
    forest.caption = words(
        "Both sides faced the same days. The line is the 95% interval of the mean difference; where it does not "
        "touch zero, the difference is more than chance.",
        "Les deux côtés ont affronté les mêmes journées. Le trait est l’intervalle à 95\u00A0% de la différence "
        "moyenne ; s’il ne touche pas zéro, la différence n’est pas due au hasard.");
    forest.data = Table{};  // the table below says it all
    add(forest);

    Table pairs;
    pairs.columns = {words("Pair", "Paire"), words("Difference", "Différence"),
                     words("95% interval", "Intervalle à 95\u00A0%"),
                     words("Candidate better on", "Candidat meilleur sur"), words("Correlation", "Corrélation")};
    std::vector<double> correlations;
    for (auto const& difference : section.differences) correlations.push_back(difference.paired.correlation);
    std::vector<std::string> const correlation_texts = column_text(correlations, report_.language);
    for (std::size_t i = 0; i < section.differences.size(); ++i) {
      auto const& [candidate, reference, paired] = section.differences[i];
      double const wins =
          section.higher_is_better ? paired.probability_of_improvement : 1 - paired.probability_of_improvement;
      pairs.rows.push_back({fill("{} vs {}", "{} contre {}", candidate, reference),
                            signed_text(paired.mean, report_.language), interval(paired.ci95), percent(wins),
                            correlation_texts[i]});
    }
    pairs.note = words(
        "“Better on” is the share of days, ties counting half; the correlation is what facing the same days bought.",
        "« Meilleur sur » est la part des journées, les égalités comptant pour moitié ; la corrélation est ce que "
        "rapportent des journées communes.");
    add(pairs);
  }

  if (!section.rows.empty()) {
    heading(say("Results", "Résultats"));
    Table results;
    results.columns = {words("Policy", "Politique"), section.metric, words("95% interval", "Intervalle à 95\u00A0%")};
    results.columns.insert(results.columns.end(), section.figure_names.begin(), section.figure_names.end());
    std::vector<double> means;
    for (ComparisonSection::Row const& row : section.rows) means.push_back(row.mean);
    std::vector<std::string> const mean_texts = column_text(means, report_.language);
    for (std::size_t i = 0; i < section.rows.size(); ++i) {
      results.rows.push_back({section.rows[i].name, mean_texts[i], interval(section.rows[i].ci95)});
    }
    for (std::size_t f = 0; f < section.figure_names.size(); ++f) {
      std::vector<double> figures;
      for (ComparisonSection::Row const& row : section.rows) {
        figures.push_back(f < row.figures.size() ? row.figures[f] : std::numeric_limits<double>::quiet_NaN());
      }
      std::vector<std::string> const texts = column_text(figures, report_.language);
      for (std::size_t i = 0; i < texts.size(); ++i) results.rows[i].push_back(texts[i]);
    }
    add(results);
  }
  paragraph(section.note, "small");
  close_section();
}

void Page::optimism(OptimismSection const& section) {
  open_section(words("Optimism of the selection", "Optimisme de la sélection"));
  paragraph(
      say("The best of many noisy scores is partly luck. What counts is the score on fresh seeds, which chose nothing.",
          "Le meilleur de nombreux scores bruités doit une part au hasard. Ce qui compte est le score sur des graines "
          "neuves, qui n’ont rien choisi."));
  RowChart chart;
  chart.label = words("Selection score and score on fresh seeds", "Score de sélection et score sur graines neuves");
  chart.axis = section.metric;
  Table table;
  table.columns = {words("Configuration", "Configuration"), words("Selection score", "Score de sélection"),
                   words("Fresh seeds", "Graines neuves"), words("95% interval", "Intervalle à 95\u00A0%"),
                   words("Fresh − selection", "Neuves − sélection")};
  for (OptimismSection::Row const& row : section.rows) {
    chart.rows.push_back(
        {.label = row.name + words(", selection", ", sélection"), .value = row.selection, .tone = Tone::muted});
    chart.rows.push_back({.label = row.name + words(", fresh seeds", ", graines neuves"),
                          .value = row.fresh,
                          .interval = row.fresh_ci95});
    table.rows.push_back({row.name, number(row.selection), number(row.fresh), interval(row.fresh_ci95),
                          signed_text(row.fresh - row.selection, report_.language)});
  }
  chart.data = Table{};  // the table below says it all
  add(chart);
  add(table);
  paragraph(section.note, "small");
  close_section();
}

// Mean over the runs that reached each x, with Student's interval.
Series mean_curve(CurveSection::Curve const& curve, int colour) {
  Series line{.name = curve.name, .colour = colour};
  bool any_interval = false;
  for (std::size_t i : spread(curve.x.size(), curve_points)) {
    std::vector<double> values;
    for (auto const& run : curve.runs) {
      if (i < run.size() && std::isfinite(run[i])) values.push_back(run[i]);
    }
    double const centre = values.empty() ? std::numeric_limits<double>::quiet_NaN() : mean(values);
    line.points.push_back({.x = curve.x[i], .y = centre});
    line.intervals.push_back(values.size() > 1 ? mean_interval(values) : Interval{centre, centre});
    any_interval = any_interval || values.size() > 1;
  }
  if (!any_interval) line.intervals.clear();
  return line;
}

void Page::curves(CurveSection const& section) {
  open_section(section.title.empty() ? words("Learning curves", "Courbes d’apprentissage") : section.title);
  Chart chart{.label = fill("Learning curves: {}", "Courbes d’apprentissage : {}", section.y_label),
              .x = {.label = section.x_label},
              .y = {.label = section.y_label, .clip = Axis::Clip::low},
              .references = section.references,
              .height = 340};
  std::size_t runs = 0;
  for (std::size_t c = 0; c < section.curves.size(); ++c) {
    CurveSection::Curve const& curve = section.curves[c];
    auto const colour = static_cast<int>(c);
    runs = std::max(runs, curve.runs.size());
    bool const show_runs = section.curves.size() <= 3 && curve.runs.size() > 1 && curve.runs.size() <= shown_runs;
    for (std::size_t r = 0; show_runs && r < curve.runs.size(); ++r) {
      Series line{.colour = colour, .opacity = 0.3, .thin = true};
      for (std::size_t i : spread(std::min(curve.x.size(), curve.runs[r].size()), curve_points)) {
        line.points.push_back({.x = curve.x[i],
                               .y = curve.runs[r][i],
                               .note = fill("{}, run {}", "{}, exécution {}", curve.name, r + 1)});
      }
      chart.series.push_back(std::move(line));
    }
    chart.series.push_back(mean_curve(curve, colour));
  }
  if (runs > 1) {
    chart.caption =
        words("Thick lines are means over the runs, bands their 95% intervals, thin lines single runs.",
              "Les traits épais sont les moyennes des exécutions, les bandes leurs intervalles à 95\u00A0%, les traits "
              "fins des exécutions seules.");
  }
  add(chart);
  paragraph(section.note, "small");
  close_section();
}

// Every trial's value in the order of the trials, and the best so far as steps.
void Page::history(StudyView const& view, std::size_t objective) {
  StudySection const& section = view.section;
  bool const maximize =
      objective >= section.info.directions.size() || section.info.directions[objective] == Direction::maximize;
  std::string const name = objective < section.objectives.size() ? section.objectives[objective] : section.objective;
  Series complete{.name = words("complete", "complet"), .kind = Series::Kind::points, .opacity = 0.6};
  Series pruned{.name = words("pruned, last reported value", "élagué, dernière valeur rapportée"),
                .kind = Series::Kind::points,
                .tone = Tone::muted};
  Series best{.name = words("best so far", "meilleur jusqu’ici"), .kind = Series::Kind::steps, .colour = 1};
  Series marked{.kind = Series::Kind::points, .tone = Tone::better};
  Table improvements;
  improvements.columns = {words("Trial", "Essai"), words("Best so far", "Meilleur jusqu’ici")};

  bool const noted = section.trials.size() <= noted_trials;
  std::vector<Trial const*> by_number;
  for (Trial const& trial : section.trials) by_number.push_back(&trial);
  std::ranges::stable_sort(by_number, {}, &Trial::number);
  for (Trial const* trial : by_number) {
    auto const x = static_cast<double>(trial->number);
    if (has_value(*trial, objective)) {
      double const value = trial->values[objective];
      std::string const note = fmt::format("{}: {}", trial_name(trial->number), number(value));
      complete.points.push_back({x, value, noted ? note : ""});
      if (best.points.empty() || (maximize ? value > best.points.back().y : value < best.points.back().y)) {
        best.points.push_back({x, value, note});
        improvements.rows.push_back({std::to_string(trial->number), number(value)});
      }
    } else if (trial->state == TrialState::pruned && objective == 0 && !trial->intermediate.empty()) {
      double const value = trial->intermediate.rbegin()->second;
      std::string const note =
          fmt::format("{}, {}: {}", trial_name(trial->number), say("pruned", "élagué"), number(value));
      pruned.points.push_back({x, value, noted ? note : ""});
    }
  }
  if (complete.points.empty() && pruned.points.empty()) return;
  if (pruned.points.empty()) pruned.name.clear();
  if (!best.points.empty()) {
    Point const top = best.points.back();
    marked.name = fill("best: {}", "meilleur : {}", trial_name(static_cast<int>(top.x)));
    marked.points.push_back(top);
    best.points.push_back({static_cast<double>(by_number.back()->number), top.y, top.note});
  }

  Chart chart{.label = fill("{} of every trial and the best so far", "{} de chaque essai et meilleur jusqu’ici", name),
              .x = {.label = words("trial", "essai")},
              .y = {.label = name, .clip = maximize ? Axis::Clip::low : Axis::Clip::high},
              .height = 320,
              .data = std::move(improvements)};
  for (Series* series : {&complete, &pruned})
    series->points = thinned(series->points, chart.x, chart.y, history_points);
  chart.series = {std::move(pruned), std::move(complete), std::move(best), std::move(marked)};
  if (section.selected && objective == 0 && !(!view.ranked.empty() && view.ranked[0]->number == *section.selected)) {
    for (Trial const* trial : view.complete) {
      if (trial->number != *section.selected) continue;
      std::string const chosen = fill("chosen: {}", "retenu : {}", trial_name(trial->number));
      chart.series.push_back({.name = chosen,
                              .kind = Series::Kind::points,
                              .points = {{static_cast<double>(trial->number), view.value(*trial), chosen}},
                              .colour = 3,
                              .opacity = 1});
    }
  }
  heading(section.info.directions.size() > 1
              ? fill("Optimisation history: {}", "Historique de l’optimisation : {}", name)
              : words("Optimisation history", "Historique de l’optimisation"));
  add(chart);
}

// Several objectives: the first two against each other, with the trials that no other beats in both.
void Page::front(StudyView const& view) {
  StudySection const& section = view.section;
  std::vector<Trial const*> trials;
  for (Trial const* trial : view.complete) {
    if (has_value(*trial, 1)) trials.push_back(trial);
  }
  if (trials.empty()) return;
  double const sign = section.info.directions[1] == Direction::maximize ? 1 : -1;
  // Best first value first; a trial is on the front when its second value beats all before it.
  std::ranges::stable_sort(trials, [&](Trial const* a, Trial const* b) {
    if (a->values[0] != b->values[0]) return view.better(a->values[0], b->values[0]);
    return sign * a->values[1] > sign * b->values[1];
  });
  Series all{.name = words("trials", "essais"), .kind = Series::Kind::points, .tone = Tone::muted};
  Series best{.name = words("Pareto front", "front de Pareto"), .kind = Series::Kind::points, .tone = Tone::better};
  double reached = -std::numeric_limits<double>::infinity();
  for (Trial const* trial : trials) {
    Point point{trial->values[0], trial->values[1]};
    if (sign * point.y > reached) {
      reached = sign * point.y;
      point.note = fmt::format("{}: {} · {}", trial_name(trial->number), number(point.x), number(point.y));
      best.points.push_back(std::move(point));
    } else {
      all.points.push_back(std::move(point));
    }
  }
  auto const name = [&](std::size_t i) {
    return i < section.objectives.size() ? section.objectives[i] : section.objective;
  };
  Chart chart{.label = words("Trials by their first two objectives", "Essais selon leurs deux premiers objectifs"),
              .x = {.label = name(0)},
              .y = {.label = name(1)}};
  all.points = thinned(all.points, chart.x, chart.y, history_points);
  best.points = thinned(best.points, chart.x, chart.y, noted_trials);
  chart.series = {std::move(all), std::move(best)};
  heading(words("Pareto front", "Front de Pareto"));
  add(chart);
}

void Page::intermediate(StudyView const& view) {
  StudySection const& section = view.section;
  std::vector<Trial const*> with_curve;
  for (Trial const& trial : section.trials) {
    if (!trial.intermediate.empty()) with_curve.push_back(&trial);
  }
  if (with_curve.empty()) return;
  std::vector<Trial const*> shown;
  for (std::size_t i : spread(with_curve.size(), learning_curves)) shown.push_back(with_curve[i]);
  Trial const* const top = view.ranked.empty() || view.ranked[0]->intermediate.empty() ? nullptr : view.ranked[0];
  if (top != nullptr && std::ranges::find(shown, top) == shown.end()) shown.push_back(top);

  Chart chart{.label = words("Intermediate values of the trials, pruned ones grey",
                             "Valeurs intermédiaires des essais, élagués en gris"),
              .x = {.label = section.step},
              .y = {.label = section.objective, .clip = view.clip()},
              .height = 300};
  chart.data = Table{.columns = {words("Trial", "Essai"), words("State", "État"), words("Values", "Valeurs"),
                                 words("Last value", "Dernière valeur")}};
  std::size_t const points = std::clamp<std::size_t>(20'000 / shown.size(), 16, curve_points);
  for (Trial const* trial : shown) {
    bool const stopped = trial->state == TrialState::pruned || trial->state == TrialState::fail;
    Series line{.name = stopped ? words("pruned or failed", "élagué ou échoué")
                                : words("complete or running", "complet ou en cours"),
                .tone = stopped ? Tone::muted : Tone::series,
                .opacity = std::clamp(15.0 / static_cast<double>(shown.size()), 0.25, 0.6),
                .thin = true};
    if (trial == top) {
      line.name = fill("best: {}", "meilleur : {}", trial_name(trial->number));
      line.tone = Tone::better;
      line.opacity = 1;
      line.thin = false;
    }
    chart.data->rows.push_back(
        {std::to_string(trial->number), words(state_name(trial->state).first, state_name(trial->state).second),
         count(static_cast<std::int64_t>(trial->intermediate.size())), number(trial->intermediate.rbegin()->second)});
    std::vector<std::pair<int, double>> const values(trial->intermediate.begin(), trial->intermediate.end());
    for (std::size_t i : spread(values.size(), points)) {
      line.points.push_back({static_cast<double>(values[i].first), values[i].second});
    }
    if (line.thin)
      line.points[0].note = stopped ? fill("{}, pruned or failed", "{}, élagué ou échoué", trial_name(trial->number))
                                    : trial_name(trial->number);
    chart.series.push_back(std::move(line));
  }
  if (shown.size() < with_curve.size()) {
    chart.caption =
        fill("{} of {} trials are drawn, evenly spaced.", "{} essais sur {} sont dessinés, régulièrement espacés.",
             shown.size(), count(static_cast<std::int64_t>(with_curve.size())));
  }
  heading(words("Intermediate values", "Valeurs intermédiaires"));
  add(chart);
}

void Page::importances(StudyView const& view) {
  StudySection const& section = view.section;
  if (section.importances.empty()) return;
  RowChart bars{.label = words("Parameter importances", "Importance des paramètres"),
                .axis = words("share of the explained variation, %", "part de la variation expliquée, %"),
                .bars = true};
  std::vector<tune::Importance> ordered = section.importances;
  std::ranges::stable_sort(ordered, [](auto const& a, auto const& b) { return a.share > b.share; });
  for (auto const& [name, part, ci95] : ordered) {
    Interval const shown{hundredths(ci95.low), hundredths(ci95.high)};
    bars.rows.push_back(
        {.label = name, .value = hundredths(part), .interval = shown, .text = percent(part) + " " + interval(shown)});
  }
  heading(words("Parameter importances", "Importance des paramètres"));
  if (std::ranges::all_of(ordered, [](auto const& importance) { return importance.share == 0; })) {
    paragraph(say("Too few complete trials to tell.", "Trop peu d’essais complets pour le dire."));
    return;
  }
  bars.caption = section.importance_note;
  add(bars);
}

void Page::best(StudyView const& view) {
  if (view.ranked.empty()) return;
  std::vector<Trial const*> const top(view.ranked.begin(), view.ranked.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                                     best_trials, view.ranked.size())));
  Table table;
  table.columns = {words("Parameter", "Paramètre")};
  std::vector<std::string> values{view.section.objective};
  for (Trial const* trial : top) {
    table.columns.push_back(trial_name(trial->number));
    values.push_back(number(view.value(*trial)));
  }
  table.rows.push_back(std::move(values));
  for (std::string const& name : parameters_of(view.section)) {
    std::vector<std::string> row{name};
    for (Trial const* trial : top) row.push_back(parameter_text(*trial, name, report_.language));
    table.rows.push_back(std::move(row));
  }
  heading(words("Best trials", "Meilleurs essais"));
  add(table);
}

void Page::slices(StudyView const& view) {
  StudySection const& section = view.section;
  std::vector<std::string> const names = parameters_of(section);
  if (view.complete.empty() || names.empty()) return;
  heading(words("Slices: one parameter at a time", "Coupes : un paramètre à la fois"));
  paragraph(
      say("Each dot is a complete trial; stronger dots are later ones, the green one is the best. Values far beyond "
          "an axis are drawn at its edge.",
          "Chaque point est un essai complet ; les plus soutenus sont les plus récents, le vert est le meilleur. Les "
          "valeurs très au-delà d’un axe sont dessinées à son bord."),
      "small");
  std::vector<double> values;  // one y axis for all slices
  for (Trial const* trial : view.complete) values.push_back(view.value(*trial));
  body_ += "<div class=\"slices\">";
  for (std::string const& name : names) {
    Chart chart{.label = fill("{} against {}", "{} selon {}", section.objective, name),
                .x = parameter_axis(section, name, report_.language),
                .y = {.label = section.objective, .clip = view.clip(), .values = values},
                .height = 170,
                .data = Table{}};  // the table of trials below serves all slices
    for (std::size_t third = 0; third < 3; ++third) {
      Series dots{.kind = Series::Kind::points, .opacity = 0.3 + 0.3 * static_cast<double>(third)};
      for (std::size_t i = third * view.complete.size() / 3; i < (third + 1) * view.complete.size() / 3; ++i) {
        Trial const& trial = *view.complete[i];
        auto const value = trial.params.find(name);
        if (value == trial.params.end() || view.is_best(trial)) continue;
        std::string note;
        if (view.complete.size() <= noted_trials / 2) {
          note = fmt::format("{}: {} · {}", trial_name(trial.number), parameter_text(trial, name, report_.language),
                             number(view.value(trial)));
        }
        dots.points.push_back({value->second, view.value(trial), std::move(note)});
      }
      dots.points = thinned(dots.points, chart.x, chart.y, slice_points / 3);
      chart.series.push_back(std::move(dots));
    }
    Trial const& top = *view.ranked[0];
    if (auto const value = top.params.find(name); value != top.params.end()) {
      std::string note = fmt::format("{}: {} · {}", trial_name(top.number), parameter_text(top, name, report_.language),
                                     number(view.value(top)));
      chart.series.push_back({.kind = Series::Kind::points,
                              .points = {{value->second, view.value(top), std::move(note)}},
                              .tone = Tone::better});
    }
    add(chart);
  }
  body_ += "</div>";

  Table trials;
  trials.columns = {words("Trial", "Essai"), section.objective};
  trials.columns.insert(trials.columns.end(), names.begin(), names.end());
  for (std::size_t i = 0; i < std::min(listed_trials, view.ranked.size()); ++i) {
    Trial const& trial = *view.ranked[i];
    std::vector<std::string> row{std::to_string(trial.number), number(view.value(trial))};
    for (std::string const& name : names) row.push_back(parameter_text(trial, name, report_.language));
    trials.rows.push_back(std::move(row));
  }
  if (view.ranked.size() > listed_trials) {
    trials.note = fill("The best {} of {} complete trials.", "Les {} meilleurs essais complets sur {}.", listed_trials,
                       count(static_cast<std::int64_t>(view.ranked.size())));
  }
  append(body_, "<details><summary>{}</summary>{}</details>", say("Trials", "Essais"), table_html(trials));
}

void Page::study(StudySection const& section) {
  StudyView const view = view_of(section);
  auto const amount = [this](std::size_t n) { return count(static_cast<std::int64_t>(n)); };
  open_section(section.info.name.empty() ? words("Study", "Étude") : fill("Study {}", "Étude {}", section.info.name));
  std::size_t const complete = section.trials.size() - view.pruned - view.failed - view.unfinished;
  std::string summary =
      fill("{} trials: {} complete, {} pruned, {} failed", "{} essais : {} complets, {} élagués, {} échoués",
           amount(section.trials.size()), amount(complete), amount(view.pruned), amount(view.failed));
  if (view.unfinished > 0) summary += fill(", {} unfinished", ", {} inachevés", amount(view.unfinished));
  summary += ".";
  if (!view.ranked.empty()) {
    summary += fill(" Best: {} with {} {}.", " Meilleur : {} avec {} {}.", trial_name(view.ranked[0]->number),
                    section.objective, number(view.value(*view.ranked[0])));
  }
  if (section.selected) summary += fill(" Chosen: {}.", " Retenu : {}.", trial_name(*section.selected));
  paragraph(summary);
  std::size_t const objectives = std::max<std::size_t>(1, section.info.directions.size());
  for (std::size_t i = 0; i < objectives; ++i) history(view, i);
  if (objectives > 1) front(view);
  intermediate(view);
  importances(view);
  best(view);
  slices(view);
  close_section();
}

void Page::budget(BudgetSection const& section) {
  open_section(words("Budget spent", "Budget dépensé"));
  BudgetSection::Phase total{.name = words("Total", "Total")};
  for (BudgetSection::Phase const& phase : section.phases) {
    total.tried += phase.tried;
    total.pruned += phase.pruned;
    total.failed += phase.failed;
    total.environment_steps += phase.environment_steps;
    total.gradient_steps += phase.gradient_steps;
    total.cpu_seconds += phase.cpu_seconds;
    total.wall_seconds += phase.wall_seconds;
  }
  std::vector<BudgetSection::Phase> rows = section.phases;
  if (rows.size() > 1) rows.push_back(total);
  auto const duration = [](double seconds) {
    return std::abs(seconds) < 1e15 ? duration_text(seconds) : std::string("–");
  };

  Table table;
  table.columns = {words("Phase", "Phase")};
  for (BudgetSection::Phase const& phase : rows) table.rows.push_back({phase.name});
  auto const column = [&](std::string title, bool used, auto const& text) {
    if (!used) return;
    table.columns.push_back(std::move(title));
    for (std::size_t i = 0; i < rows.size(); ++i) table.rows[i].push_back(text(rows[i]));
  };
  column(words("Configurations tried", "Configurations essayées"), total.tried > 0,
         [&](auto const& p) { return count(p.tried); });
  column(words("Pruned", "Élaguées"), total.tried > 0, [&](auto const& p) { return count(p.pruned); });
  column(words("Failed", "Échouées"), total.tried > 0, [&](auto const& p) { return count(p.failed); });
  column(words("Environment steps", "Pas d’environnement"), total.environment_steps > 0,
         [&](auto const& p) { return count(p.environment_steps); });
  column(words("Gradient steps", "Pas de gradient"), total.gradient_steps > 0,
         [&](auto const& p) { return count(p.gradient_steps); });
  column(words("CPU time", "Temps processeur"), total.cpu_seconds > 0,
         [&](auto const& p) { return duration(p.cpu_seconds); });
  column(words("Wall time", "Temps réel"), total.wall_seconds > 0,
         [&](auto const& p) { return duration(p.wall_seconds); });
  add(table);
  paragraph(section.note, "small");
  close_section();
}

void Page::key_values(KeyValueSection const& section) {
  open_section(section.title);
  body_ += "<dl class=\"pairs\">";
  for (auto const& [key, value] : section.rows)
    append(body_, "<div><dt>{}</dt><dd>{}</dd></div>", escaped(key), escaped(value));
  body_ += "</dl>";
  paragraph(section.note, "small");
  close_section();
}

// --- the whole -------------------------------------------------------------------------------------------------------

constexpr std::string_view page_style = R"css(
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main,header,footer{max-width:70rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.25rem}
h1{font-size:1.9rem;line-height:1.2;margin:0;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:0 0 .75rem;overflow-wrap:anywhere}
h3{font-size:1rem;margin:1.75rem 0 .6rem}
p{margin:.5rem 0;max-width:48rem;overflow-wrap:anywhere}
.subtitle{color:var(--soft);margin:.35rem 0 0}
.answer{font-size:1.1rem;font-weight:500;border-left:4px solid var(--c0);padding:.1rem 0 .1rem .9rem;margin:1rem 0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.9rem;margin:1.25rem 0}
.card{background:var(--card);border:1px solid var(--line);border-top:3px solid var(--c,var(--line));border-radius:.5rem;padding:.9rem 1.1rem}
.card b{display:block;font-size:1.75rem;line-height:1.2;font-weight:650;color:var(--c,var(--ink));font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.card span{display:block;margin-top:.2rem}
.card small{color:var(--soft);font-size:.8rem}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;font-size:.9rem;margin:.75rem 0 0}
a{color:var(--c0);text-decoration:none}a:hover{text-decoration:underline}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1.25rem 1.4rem 1.4rem;margin:1.1rem 0}
.slices{margin-top:1rem;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(19rem,100%),1fr));gap:1.5rem 1.75rem}
pre{background:var(--page);border:1px solid var(--line);border-radius:.4rem;padding:.8rem 1rem;margin:0;white-space:pre-wrap;overflow-wrap:anywhere;
font:.85rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;user-select:all}
.pairs{columns:22rem;column-gap:2.5rem;margin:0;font-size:.875rem}
.pairs div{display:flex;justify-content:space-between;gap:1rem;border-bottom:1px solid var(--line);padding:.3rem 0;break-inside:avoid}
.pairs dt{color:var(--soft);overflow-wrap:anywhere}.pairs dd{margin:0;text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
footer{color:var(--soft);font-size:.8rem;padding-bottom:2.5rem}
@media (max-width:36rem){main,header,footer{padding-left:.8rem;padding-right:.8rem}section{padding:1rem .9rem}h1{font-size:1.5rem}.cards{grid-template-columns:1fr 1fr}
.card b{font-size:1.35rem}.card{padding:.7rem .8rem}}
@media print{body{background:#fff}section{border:0;padding:0;break-inside:auto}nav{display:none}.scroll{max-height:none;overflow:visible}}
)css";

void Page::key_figures() {
  if (report_.key_figures.empty()) return;
  body_ += "<div class=\"cards\">";
  for (KeyFigure const& figure : report_.key_figures) {
    std::string_view const mood = figure.mood == KeyFigure::Mood::good  ? " good"
                                  : figure.mood == KeyFigure::Mood::bad ? " bad"
                                                                        : "";
    append(body_, "<div class=\"card{}\"><b>{}</b><span>{}</span>", mood, escaped(figure.value), escaped(figure.label));
    if (!figure.note.empty()) append(body_, "<small>{}</small>", escaped(figure.note));
    body_ += "</div>";
  }
  body_ += "</div>";
}

std::string Page::write() {
  for (ComparisonSection const& section : report_.comparisons) comparison(section);
  if (report_.optimism) optimism(*report_.optimism);
  for (CurveSection const& section : report_.curves) curves(section);
  for (StudySection const& section : report_.studies) study(section);
  if (report_.budget) budget(*report_.budget);
  for (KeyValueSection const& section : report_.tables) key_values(section);
  if (!report_.command.empty()) {
    open_section(words("How to reproduce it", "Comment le reproduire"));
    append(body_, "<pre><code>{}</code></pre>", escaped(report_.command));
    close_section();
  }
  std::string const sections = std::exchange(body_, "");
  key_figures();

  std::string const title = report_.title.empty() ? words("Report", "Rapport") : report_.title;
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\"><title>{}</title><style>{}{}</style></head>\n<body><header><h1>{}</h1>",
      say("en", "fr"), escaped(title), chart_style(), page_style, escaped(title));
  if (!report_.subtitle.empty()) append(page, "<p class=\"subtitle\">{}</p>", escaped(report_.subtitle));
  if (!report_.verdict.empty()) append(page, "<p class=\"answer\">{}</p>", escaped(report_.verdict));
  page += body_;
  if (sections_ > 1) append(page, "<nav aria-label=\"{}\">{}</nav>", say("Contents", "Sommaire"), contents_);
  append(page, "</header>\n<main>{}</main>\n<footer><p>{}</p></footer></body></html>\n", sections,
         escaped(report_.generated));
  return page;
}

}  // namespace

std::string render(Report const& report) { return Page(report).write(); }

}  // namespace regulus::lab
