#include "lab/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/files.h"
#include "store/study_store.h"
#include "tune/importance.h"

namespace regulus::lab {
namespace {

// Reads members of a document that another command wrote; what is missing reads as nothing.
double number(Json const* object, std::string_view key) {
  Json const* value = object != nullptr ? object->find(key) : nullptr;
  return value != nullptr && value->is_number() ? value->as_number() : 0;
}

Interval interval(Json const* object, std::string_view key) {
  Json const* value = object != nullptr ? object->find(key) : nullptr;
  if (value == nullptr || !value->is_array() || value->as_array().size() != 2) return {};
  auto const& ends = value->as_array();
  if (!ends[0].is_number() || !ends[1].is_number()) return {};
  return {ends[0].as_number(), ends[1].as_number()};
}

std::string text(Json const* object, std::string_view key) {
  Json const* value = object != nullptr ? object->find(key) : nullptr;
  return value != nullptr && value->is_string() ? value->as_string() : "";
}

std::vector<double> numbers(Json const* list) {
  std::vector<double> values;
  if (list == nullptr || !list->is_array()) return values;
  for (Json const& item : list->as_array()) {
    if (item.is_number()) values.push_back(item.as_number());
  }
  return values;
}

std::string points(double value) { return fmt::format("{:+.0f}", value); }

Result<Json> read_json(std::filesystem::path const& path) {
  Result<std::string> bytes = read_file(path);
  if (!bytes) return bytes.error();
  Result<Json> document = parse_json(*bytes);
  if (!document) return document.error().in(path.string());
  if (!document->is_object()) return invalid(path.string() + ": not an object");
  return document;
}

KeyValueSection table_of(std::string title, Json const& object) {
  KeyValueSection section{.title = std::move(title)};
  if (!object.is_object()) return section;
  for (auto const& [key, value] : object.as_object()) {
    if (value.is_object()) {
      for (auto const& row : table_of("", value).rows) section.rows.emplace_back(key + "." + row.first, row.second);
    } else {
      section.rows.emplace_back(key, value.is_string() ? value.as_string() : value.dump());
    }
  }
  return section;
}

BudgetSection::Phase phase_of(std::string name, Json const* ledger) {
  BudgetSection::Phase phase{.name = std::move(name)};
  phase.environment_steps = static_cast<std::int64_t>(number(ledger, "environment_steps"));
  phase.gradient_steps = static_cast<std::int64_t>(number(ledger, "gradient_steps"));
  phase.cpu_seconds = number(ledger, "cpu_seconds");
  phase.wall_seconds = number(ledger, "wall_seconds");
  return phase;
}

void add_phase(Report& report, BudgetSection::Phase phase) {
  if (!report.budget) report.budget.emplace();
  report.budget->phases.push_back(std::move(phase));
}

bool is_trained(std::string const& name) { return name == "default" || name == "tuned"; }

ComparisonSection::Row row_of(std::string name, Json const* s, bool trained) {
  Json const* reward = trained ? nullptr : s->find("reward");
  ComparisonSection::Row row;
  row.name = std::move(name);
  if (trained) {
    row.mean = number(s, "mean_reward");
    row.ci95 = mean_interval(numbers(s->find("mean_by_seed")));
    row.figures = {number(s, "mean_assignments"), number(s, "mean_late_pickups"), number(s, "mean_cancellations"),
                   number(s, "mean_refused"), number(s, "mean_distance")};
  } else {
    row.mean = number(reward, "mean");
    row.ci95 = interval(reward, "ci95");
    row.figures = {number(s, "assignments"), number(s, "late_pickups"), number(s, "cancellations"),
                   number(s, "refused"), number(s, "distance_km")};
  }
  return row;
}

}  // namespace

Status add_study(Report& report, std::string const& storage, std::string const& name) {
  Result<store::StudyStore> opened = store::StudyStore::open(storage, store::StudyStore::Mode::existing);
  if (!opened) return opened.error();
  Result<store::Study> study = opened->load(name);
  if (!study) return study.error();
  Result<std::span<Trial const>> trials = opened->trials(study->id);
  if (!trials) return trials.error();

  StudySection section{.info = study->info};
  section.trials.assign(trials->begin(), trials->end());
  section.objective = "mean reward on the tuning days";
  section.step = "episode";
  SearchSpace space;
  for (Trial const& t : section.trials) {
    for (auto const& [parameter, distribution] : t.distributions) space.emplace(parameter, distribution);
  }
  Direction const direction = study->info.directions.front();
  section.importances = tune::importances(section.trials, space, direction);
  section.importance_note =
      "PED-ANOVA: how far the values among the best tenth of the trials differ from those among all.";
  report.title = report.title.empty() ? "Study " + name : report.title;

  auto const attribute = [&](char const* key) -> Json const* {
    auto const found = study->info.user_attributes.find(key);
    return found == study->info.user_attributes.end() ? nullptr : &found->second;
  };
  Json const* const result = attribute("regulus:result");
  if (result != nullptr) {
    section.selected = static_cast<int>(number(result, "best_trial_number"));
    double const fresh = number(result, "best_reward");
    Interval const ci = interval(result, "best_reward_ci95");
    report.key_figures.push_back({.value = points(fresh),
                                  .label = "mean reward of the tuned configuration on unseen days",
                                  .note = fmt::format("95 % interval {:.0f} to {:.0f}", ci.low, ci.high)});
    Json const* const base = result->find("default");
    Interval const lead = interval(base, "best_minus_default_ci95");
    report.key_figures.push_back({.value = points(number(base, "best_minus_default")),
                                  .label = "over the default configuration",
                                  .note = fmt::format("95 % interval {:+.0f} to {:+.0f}", lead.low, lead.high),
                                  .mood = lead.low > 0    ? KeyFigure::Mood::good
                                          : lead.high < 0 ? KeyFigure::Mood::bad
                                                          : KeyFigure::Mood::neutral});
    report.key_figures.push_back({.value = points(-number(result, "optimism")),
                                  .label = "what the winning score loses on fresh seeds",
                                  .note = "the score that won the search is never the one reported"});
    OptimismSection optimism{.metric = "mean reward"};
    optimism.rows.push_back({.name = fmt::format("trial {}", *section.selected),
                             .selection = number(result, "tuning_score"),
                             .fresh = fresh,
                             .fresh_ci95 = ci});
    if (Json const* candidates = result->find("candidates"); candidates != nullptr && candidates->is_array()) {
      for (Json const& c : candidates->as_array()) {
        if (static_cast<int>(number(&c, "trial")) == *section.selected) continue;
        optimism.rows.push_back({.name = fmt::format("trial {:.0f}", number(&c, "trial")),
                                 .selection = number(&c, "tuning_score"),
                                 .fresh = number(&c, "selection_score"),
                                 .fresh_ci95 = mean_interval(numbers(c.find("selection_by_seed")))});
      }
    }
    optimism.note =
        "The chosen trial's fresh figure is from validation days; the others' from the days of the selection.";
    report.optimism = std::move(optimism);
    Json const* const budget = result->find("budget");
    for (auto const& [key, title] :
         {std::pair{"search", "search"}, {"select", "selection"}, {"validate", "validation"}}) {
      BudgetSection::Phase phase = phase_of(title, budget != nullptr ? budget->find(key) : nullptr);
      if (std::string_view(key) == "search") {
        phase.tried = static_cast<std::int64_t>(section.trials.size());
        for (Trial const& t : section.trials) {
          phase.pruned += t.state == TrialState::pruned ? 1 : 0;
          phase.failed += t.state == TrialState::fail ? 1 : 0;
        }
      }
      add_phase(report, std::move(phase));
    }
    if (Json const* best = result->find("best_params")) report.tables.push_back(table_of("Chosen parameters", *best));
  }
  if (Json const* plan = attribute("regulus:plan")) report.tables.push_back(table_of("Plan of the study", *plan));
  report.studies.push_back(std::move(section));
  return ok();
}

Status add_runs(Report& report, std::filesystem::path const& path) {
  std::vector<std::filesystem::path> files;
  std::error_code problem;
  if (std::filesystem::is_directory(path, problem)) {
    for (auto const& entry : std::filesystem::directory_iterator(path, problem)) {
      std::string const name = entry.path().filename().string();
      if (name.starts_with("metrics") && name.ends_with(".json")) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    if (files.empty())
      return Error{ErrorKind::not_found,
                   fmt::format("{} holds no metrics_*.json; train writes them to its --log-dir", path.string())};
  } else {
    files.push_back(path);
  }
  // Runs that differ in nothing but their seed are repetitions of each other.
  std::map<std::string, std::vector<Json>> groups;
  for (auto const& file : files) {
    Result<Json> metrics = read_json(file);
    if (!metrics) return metrics.error();
    Json const* config = metrics->find("config");
    if (config == nullptr || metrics->find("evaluations") == nullptr)
      return invalid(file.string() + ": not the metrics of a training");
    groups[config->dump()].push_back(metrics.take());
  }
  CurveSection curves{.title = {}, .x_label = "episode", .y_label = "mean reward of an evaluation"};
  for (auto const& [key, runs] : groups) {
    Json const& last = runs.back();
    CurveSection::Curve curve{.name = groups.size() == 1 ? "evaluation" : text(&last, "run")};
    for (Json const& run : runs) {
      curve.x.clear();
      std::vector<double> values;
      Json const* const evaluations = run.find("evaluations");
      if (!evaluations->is_array()) continue;
      for (Json const& e : evaluations->as_array()) {
        curve.x.push_back(number(&e, "episode"));
        values.push_back(number(&e, "avg_reward"));
      }
      curve.runs.push_back(std::move(values));
    }
    curves.curves.push_back(std::move(curve));
    Json const* const best = last.find("best_eval");
    Interval const ci = interval(best, "ci95");
    report.key_figures.push_back(
        {.value = points(number(best, "avg_reward")),
         .label = fmt::format("mean reward of {} on {:.0f} unseen days", text(&last, "run"), number(best, "episodes")),
         .note = fmt::format("95 % interval {:.0f} to {:.0f}", ci.low, ci.high)});
    BudgetSection::Phase phase = phase_of("training " + text(&last, "run"), &last);
    phase.tried = static_cast<std::int64_t>(runs.size());
    phase.gradient_steps = static_cast<std::int64_t>(number(&last, "training_steps"));
    add_phase(report, std::move(phase));
  }
  curves.note = "Evaluations on the same days, without exploration. The bands are 95 % intervals over training seeds.";
  report.curves.push_back(std::move(curves));
  Json const& latest = groups.rbegin()->second.back();
  if (Json const* config = latest.find("config"))
    report.tables.push_back(table_of("Configuration of training", *config));
  if (report.title.empty()) report.title = "Training " + text(&latest, "run");
  return ok();
}

Status add_comparison(Report& report, std::filesystem::path const& path) {
  Result<Json> const document = read_json(path);
  if (!document) return document.error();
  Json const* const baseline = document->find("baseline");
  Json const* const optimized = document->find("optimized");
  Json const* const references = document->find("references");
  Json const* const differences = document->find("differences");
  if (baseline == nullptr || references == nullptr || !references->is_object() || differences == nullptr ||
      !differences->is_array()) {
    return invalid(path.string() + ": not a comparison; compare writes one to --output");
  }
  ComparisonSection section{.metric = "mean reward a day"};
  section.verdict = text(&*document, "verdict");
  section.setting = fmt::format("{:.0f} test days from seed {:.0f}, {:.0f} training seeds of {:.0f} episodes",
                                number(&*document, "test_days"), number(&*document, "first_test_seed"),
                                number(&*document, "training_seeds"), number(baseline, "training_episodes"));
  section.figure_names = {"assigned", "late", "cancelled", "refused", "km empty"};
  if (optimized != nullptr && optimized->is_object()) section.rows.push_back(row_of("tuned", optimized, true));
  section.rows.push_back(row_of("default", baseline, true));
  for (auto const& [name, s] : references->as_object()) section.rows.push_back(row_of(name, &s, false));
  std::ranges::stable_sort(section.rows, std::ranges::greater{}, &ComparisonSection::Row::mean);
  std::string const delivered = optimized != nullptr && optimized->is_object() ? "tuned" : "default";
  for (Json const& d : differences->as_array()) {
    if (text(&d, "candidate") != delivered) continue;
    section.differences.push_back({.candidate = text(&d, "candidate"),
                                   .reference = text(&d, "reference"),
                                   .paired = {.mean = number(&d, "mean"),
                                              .ci95 = interval(&d, "ci95"),
                                              .probability_of_improvement = number(&d, "probability_of_improvement"),
                                              .correlation = number(&d, "correlation")}});
    bool const strongest = text(&d, "reference") == "score_rule";
    if (!strongest) continue;
    Interval const ci = interval(&d, "ci95");
    report.key_figures.push_back({.value = points(number(&d, "mean")),
                                  .label = fmt::format("{} agent over score_rule", delivered),
                                  .note = fmt::format("95 % interval {:+.0f} to {:+.0f}", ci.low, ci.high),
                                  .mood = ci.low > 0    ? KeyFigure::Mood::good
                                          : ci.high < 0 ? KeyFigure::Mood::bad
                                                        : KeyFigure::Mood::neutral});
  }
  section.note = "Intervals of trained agents are over training seeds; all play the same days.";
  report.verdict = section.verdict;
  report.comparisons.push_back(std::move(section));

  if (Json const* learning = document->find("learning_curves"); learning != nullptr && learning->is_object()) {
    CurveSection curves{.title = {}, .x_label = "episode", .y_label = "mean reward of an evaluation"};
    std::vector<double> const episodes = numbers(learning->find("episodes"));
    for (auto const& [name, rows] : learning->as_object()) {
      if (!is_trained(name) || !rows.is_array()) continue;
      CurveSection::Curve curve{.name = name, .x = episodes, .runs = {}};
      for (Json const& row : rows.as_array()) curve.runs.push_back(numbers(&row));
      curves.curves.push_back(std::move(curve));
    }
    if (Json const* rule = references->find("score_rule")) {
      curves.references.push_back({.name = "score_rule", .y = number(rule->find("reward"), "mean")});
    }
    curves.note = "Training of both configurations, evaluated without exploration; bands over training seeds.";
    report.curves.push_back(std::move(curves));
  }
  if (Json const* environment = document->find("environment"))
    report.tables.push_back(table_of("Environment", *environment));
  if (report.title.empty()) report.title = "Comparison";
  return ok();
}

}  // namespace regulus::lab
