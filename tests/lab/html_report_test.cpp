#include "lab/html_report.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <set>

#include "core/files.h"
#include "core/rng.h"

namespace regulus::lab {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// --- a small reader of markup, strict where browsers are lenient
// ------------------------------------------------------

struct Element {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;
};

struct Markup {
  std::vector<Element> elements;
  std::string text;     // all text outside of tags and of <style>
  std::string problem;  // the first one; empty for well-formed
};

bool is_entity(std::string_view at) {
  return std::ranges::any_of(std::vector<std::string_view>{"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"},
                             [&](auto e) { return at.starts_with(e); });
}

// Every tag closed in order, every attribute quoted, no stray < > & or quote anywhere.
Markup read_markup(std::string_view page) {
  Markup markup;
  std::vector<std::string> open;
  std::size_t at = 0;
  auto const fail = [&](std::string const& what) {
    markup.problem = what + " at byte " + std::to_string(at) + ": " + std::string(page.substr(at, 60));
    return markup;
  };
  std::string_view const doctype = "<!DOCTYPE html>\n";
  if (!page.starts_with(doctype)) return fail("no doctype");
  at = doctype.size();
  while (at < page.size()) {
    if (page[at] != '<') {
      if (page[at] == '>') return fail("stray >");
      if (page[at] == '&' && !is_entity(page.substr(at))) return fail("bare &");
      markup.text.push_back(page[at++]);
      continue;
    }
    std::size_t const end = page.find('>', at);
    if (end == std::string_view::npos) return fail("tag without end");
    std::string_view tag = page.substr(at + 1, end - at - 1);
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return fail("closes what is not open");
      open.pop_back();
      at = end + 1;
      continue;
    }
    bool const alone = tag.ends_with('/');
    if (alone) tag.remove_suffix(1);
    Element element;
    std::size_t const name_end = std::min(tag.find(' '), tag.size());
    element.name = tag.substr(0, name_end);
    if (element.name.empty() ||
        element.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") != std::string::npos)
      return fail("odd tag name");
    tag.remove_prefix(name_end);
    while (!tag.empty()) {
      std::size_t const equals = tag.find("=\"");
      std::size_t const close = equals == std::string_view::npos ? equals : tag.find('"', equals + 2);
      if (tag[0] != ' ' || close == std::string_view::npos) return fail("attribute without quotes");
      std::string_view const value = tag.substr(equals + 2, close - equals - 2);
      if (value.find('<') != std::string_view::npos) return fail("< in an attribute");
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '&' && !is_entity(value.substr(i))) return fail("bare & in an attribute");
      }
      element.attributes.emplace_back(tag.substr(1, equals - 1), value);
      tag.remove_prefix(close + 1);
    }
    at = end + 1;
    if (element.name == "style") {
      std::size_t const style_end = page.find("</style>", at);
      if (style_end == std::string_view::npos) return fail("style without end");
      at = style_end;
    }
    if (!alone && element.name != "meta") open.push_back(element.name);
    markup.elements.push_back(std::move(element));
  }
  if (!open.empty()) return fail("never closed: " + open.back());
  return markup;
}

// The reason why a page could load, run or go anywhere; empty when it cannot.
std::string danger_in(Markup const& markup) {
  static std::set<std::string> const elements{
      "html",    "head",    "meta",    "title", "style",   "body",  "header", "main", "footer", "nav",
      "section", "h1",      "h2",      "h3",    "p",       "a",     "b",      "span", "small",  "div",
      "figure",  "details", "summary", "table", "caption", "thead", "tbody",  "tr",   "th",     "td",
      "dl",      "dt",      "dd",      "pre",   "code",    "svg",   "path",   "rect"};
  static std::set<std::string> const attributes{
      "lang", "charset", "name",       "content",     "http-equiv", "id",       "class",   "style",
      "href", "role",    "aria-label", "aria-hidden", "scope",      "tabindex", "viewBox", "preserveAspectRatio",
      "d",    "x",       "y",          "width",       "height"};
  for (Element const& element : markup.elements) {
    if (!elements.contains(element.name)) return "element " + element.name;
    for (auto const& [name, value] : element.attributes) {
      if (!attributes.contains(name)) return "attribute " + name;
      if (name == "href" && !value.starts_with('#')) return "link to " + value;
      if (name == "style" && (contains(value, "url") || contains(value, "\\"))) return "style " + value;
    }
  }
  return "";
}

void expect_sound(std::string const& page) {
  Markup const markup = read_markup(page);
  EXPECT_EQ(markup.problem, "");
  EXPECT_EQ(danger_in(markup), "");
  std::string const style = page.substr(page.find("<style>"), page.find("</style>") - page.find("<style>"));
  EXPECT_FALSE(contains(style, "url(") || contains(style, "@import") || contains(style, "//"));
}

// --- reports
// ----------------------------------------------------------------------------------------------------------

Trial a_trial(int number, TrialState state, double value, std::map<int, double> intermediate = {}) {
  Trial trial;
  trial.number = number;
  trial.state = state;
  if (state == TrialState::complete) trial.values = {value};
  trial.params = {
      {"gamma", 0.9 + 0.01 * number}, {"learning_rate", std::pow(10.0, -2 - number % 3)}, {"network", number % 2}};
  trial.distributions = {{"gamma", FloatDistribution{.low = 0.9, .high = 1, .step = {}}},
                         {"learning_rate", FloatDistribution{.low = 1e-5, .high = 1e-2, .log = true, .step = {}}},
                         {"network", CategoricalDistribution{{"slots", "pairs"}}}};
  trial.intermediate = std::move(intermediate);
  return trial;
}

StudySection a_study() {
  StudySection section{.objective = "mean reward", .step = "episode"};
  section.info.name = "classic";
  section.trials = {a_trial(0, TrialState::complete, 900, {{20, 300}, {40, 700}}),
                    a_trial(1, TrialState::pruned, 0, {{20, -250}, {40, -100}}),
                    a_trial(2, TrialState::complete, 1475, {{20, 800}, {40, 1300}}), a_trial(3, TrialState::fail, 0),
                    a_trial(4, TrialState::complete, 1400, {{20, 700}, {40, 1200}})};
  section.importances = {{"gamma", 0.2, {0.1, 0.3}}, {"learning_rate", 0.7, {0.6, 0.8}}, {"network", 0.1, {0, 0.2}}};
  section.importance_note = "PED-ANOVA over the best 10% of the complete trials.";
  section.selected = 4;
  return section;
}

Report a_small_report() {
  Report report;
  report.title = "Tuned dispatcher";
  report.subtitle = "classic, 10 drivers and 20 slots";
  report.verdict = "The tuned agent beats the rule by 63 a day.";
  report.command = "regulus compare --model best.model --against score_rule --episodes 1000";
  report.generated = "2025-11-22 18:04 UTC";
  report.key_figures = {{"+1,652", "mean reward on 1,000 unseen days"},
                        {"+63", "over score_rule", "[41, 85]", KeyFigure::Mood::good}};
  report.comparisons = {{.metric = "mean reward",
                         .setting = "1,000 test days from seed 900000",
                         .figure_names = {"late, %"},
                         .rows = {{"dqn", 1652.3, {1620, 1684}, {8.1}}, {"score_rule", 1589, {1557, 1621}, {nan}}},
                         .differences = {{"dqn", "score_rule", {63.2, {41, 85}, 0.714, 0.83}}}}};
  report.optimism = OptimismSection{.metric = "mean reward", .rows = {{"trial 4", 1721, 1652, {1620, 1684}}}};
  report.curves = {{.x_label = "episode",
                    .y_label = "reward",
                    .curves = {{.name = "dqn", .x = {0, 50, 100}, .runs = {{-900, 800, 1500}, {-700, 900, 1600}}}},
                    .references = {{"score_rule", 1589}}}};
  report.studies = {a_study()};
  report.budget =
      BudgetSection{.phases = {{"search", 5, 1, 1, 2400, 590, 38, 20}, {"test", 0, 0, 0, 24000, 0, 6, 3.5}}};
  report.tables = {{.title = "Environment", .rows = {{"drivers", "10"}, {"slots", "20"}}}};
  return report;
}

TEST(Report, matches_the_golden_page_byte_for_byte) {
  std::filesystem::path const golden = std::filesystem::path(REGULUS_SOURCE_DIR) / "tests/golden/report/small.html";
  std::string const page = render(a_small_report());
  char const* const accept = std::getenv("REGULUS_ACCEPT");
  if (accept != nullptr && std::string_view(accept) == "1") {
    ASSERT_TRUE(write_file(golden, page));
  }
  Result<std::string> const expected = read_file(golden);
  ASSERT_TRUE(expected);
  EXPECT_EQ(page, *expected) << "look at the page, then run with REGULUS_ACCEPT=1 to accept it";
}

TEST(Report, is_well_formed_and_loads_nothing) { expect_sound(render(a_small_report())); }

TEST(Report, shows_every_section_of_its_data) {
  std::string const text = read_markup(render(a_small_report())).text;
  for (std::string_view const part :
       {"+63.2 [41, 85] · better", "71.4%", "Optimism of the selection", "Learning curves", "Study classic",
        "5 trials: 3 complete, 1 pruned, 1 failed. Best: trial 2 with mean reward 1,475. Chosen: trial 4.",
        "Optimisation history", "Intermediate values", "Parameter importances", "70% [60, 80]", "Best trials", "Slices",
        "Budget spent", "26,400", "How to reproduce it", "Environment", "regulus compare --model best.model"}) {
    EXPECT_TRUE(contains(text, part)) << part;
  }
}

TEST(Report, leaves_out_sections_that_have_no_data) {
  std::string const page = render({.title = "Nothing yet"});
  expect_sound(page);
  EXPECT_FALSE(contains(page, "<section"));
  EXPECT_FALSE(contains(page, "<nav"));
  EXPECT_FALSE(contains(page, "class=\"card\""));
}

TEST(Report, speaks_french_when_asked) {
  Report report = a_small_report();
  report.language = Language::french;
  std::string const page = render(report);
  expect_sound(page);
  EXPECT_TRUE(contains(page, "<html lang=\"fr\">"));
  std::string const text = read_markup(page).text;
  for (std::string_view const part : {"Courbes d’apprentissage", "Historique de l’optimisation", "Budget dépensé",
                                      "1\u202F652", "[41 ; 85]", "71,4\u00A0%"}) {
    EXPECT_TRUE(contains(text, part)) << part;
  }
  EXPECT_FALSE(contains(text, "Learning curves"));
}

TEST(Report, greys_pruned_trials) {
  std::string const page = render(a_small_report());
  // Trial 1 reported -250 and -100 and was pruned: a grey point in the history, a grey line among the curves.
  EXPECT_TRUE(contains(page, "<path class=\"dot muted\""));
  EXPECT_TRUE(contains(page, "trial 1, pruned: \u2212100"));
  EXPECT_TRUE(contains(page, "<path class=\"line thin muted\""));
  EXPECT_TRUE(contains(page, "<title>trial 1, pruned or failed</title>"));
}

TEST(Report, says_when_importances_cannot_be_told) {
  Report report{.studies = {a_study()}};
  report.studies[0].importances = {{"gamma", 0, {0, 0}}, {"network", 0, {0, 0}}};
  EXPECT_TRUE(contains(render(report), "Too few complete trials to tell."));
}

TEST(Report, finds_the_best_trial_in_the_direction_of_the_study) {
  Report report{.studies = {a_study()}};
  report.studies[0].info.directions = {Direction::minimize};
  EXPECT_TRUE(contains(render(report), "Best: trial 0 with mean reward 900."));
}

TEST(Report, calls_a_lower_value_better_when_it_is) {
  Report report{.comparisons = {
                    {.metric = "late, min",
                     .higher_is_better = false,
                     .differences = {{"dqn", "rule", {-4, {-6, -2}, 0.25, 0.5}}, {"a", "b", {1, {-1, 3}, 0.5, 0.5}}}}}};
  std::string const text = read_markup(render(report)).text;
  EXPECT_TRUE(contains(text, "\u22124 [\u22126, \u22122] · better"));
  EXPECT_TRUE(contains(text, "75%"));  // below on 75% of the days
  EXPECT_TRUE(contains(text, "no clear difference"));
}

TEST(Report, draws_the_pareto_front_of_two_objectives) {
  StudySection section{.objectives = {"wait", "distance"}};
  section.info.directions = {Direction::minimize, Direction::minimize};
  // By hand: (1, 9), (2, 5) and (4, 4) are on the front; (3, 6) is beaten by (2, 5).
  for (auto const& [wait, distance] : std::vector<std::pair<double, double>>{{3, 6}, {2, 5}, {1, 9}, {4, 4}}) {
    Trial trial;
    trial.number = static_cast<int>(section.trials.size());
    trial.state = TrialState::complete;
    trial.values = {wait, distance};
    section.trials.push_back(trial);
  }
  std::string const page = render({.studies = {section}});
  expect_sound(page);
  EXPECT_TRUE(contains(page, "Optimisation history: distance"));
  std::string const front = page.substr(page.find("<h3>Pareto front</h3>"));
  for (std::string_view const on :
       {"<title>trial 1: 2 · 5</title>", "<title>trial 2: 1 · 9</title>", "<title>trial 3: 4 · 4</title>"}) {
    EXPECT_TRUE(contains(front, on)) << on;
  }
  EXPECT_FALSE(contains(front, "<title>trial 0"));
}

TEST(Report, an_empty_study_says_so) {
  StudySection section;
  section.info.name = "new";
  std::string const page = render({.studies = {section}});
  expect_sound(page);
  EXPECT_TRUE(contains(page, "0 trials: 0 complete"));
  EXPECT_FALSE(contains(page, "<svg"));
}

TEST(Report, a_study_whose_trials_all_failed_has_no_best) {
  StudySection section;
  section.trials = {a_trial(0, TrialState::fail, 0), a_trial(1, TrialState::running, 0),
                    a_trial(2, TrialState::complete, nan)};
  std::string const page = render({.studies = {section}});
  expect_sound(page);
  EXPECT_FALSE(contains(page, "Best"));
}

TEST(Report, values_that_are_no_number_do_not_break_it) {
  Report report = a_small_report();
  for (double odd : {nan, infinity, -infinity}) {
    Trial trial = a_trial(static_cast<int>(report.studies[0].trials.size()), TrialState::complete, odd,
                          {{20, odd}, {40, 5}, {60, odd}});
    trial.params["network"] = odd;
    trial.params["gamma"] = odd;
    report.studies[0].trials.push_back(trial);
    report.curves[0].curves[0].runs.push_back({odd, odd, odd});
    report.comparisons[0].rows.push_back({"odd", odd, {odd, odd}, {odd}});
    report.comparisons[0].differences.push_back({"odd", "odd", {odd, {odd, odd}, odd, odd}});
    report.optimism->rows.push_back({"odd", odd, odd, {odd, odd}});
    report.studies[0].importances.push_back({"odd", odd, {odd, odd}});
    report.budget->phases.push_back({"odd", 1, 0, 0, 0, 0, odd, odd});
    report.curves[0].references.push_back({"odd", odd});
  }
  std::string const page = render(report);
  expect_sound(page);
  Markup const markup = read_markup(page);
  for (Element const& element : markup.elements) {
    for (auto const& [name, value] : element.attributes) {
      if (name != "d" && name != "style") continue;
      EXPECT_FALSE(contains(value, "nan") || contains(value, "inf")) << value;
    }
  }
}

TEST(Report, ten_thousand_trials_stay_below_two_megabytes) {
  StudySection section = a_study();
  section.trials.clear();
  Rng rng(11);
  for (int i = 0; i < 10'000; ++i) {
    TrialState const state = rng.chance(0.3) ? TrialState::pruned : TrialState::complete;
    Trial trial = a_trial(i, state, 1000 + 300 * rng.normal());
    for (int step = 20; step <= 2000; step += 20) trial.intermediate[step] = 1000 * rng.uniform();
    for (int p = 0; p < 20; ++p) {
      trial.params["parameter_" + std::to_string(p)] = rng.uniform();
      trial.distributions["parameter_" + std::to_string(p)] = FloatDistribution{.low = 0, .high = 1, .step = {}};
    }
    section.trials.push_back(std::move(trial));
  }
  std::string const page = render({.title = "Large", .studies = {section}});
  expect_sound(page);
  EXPECT_LT(page.size(), 2'000'000U);
  EXPECT_TRUE(contains(page, "of 10,000 trials are drawn"));
}

TEST(Report, equal_reports_give_equal_bytes) { EXPECT_EQ(render(a_small_report()), render(a_small_report())); }

RC_GTEST_PROP(Report, no_text_breaks_the_markup, ()) {
  auto const text = rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(
          rc::gen::arbitrary<std::string>(),
          rc::gen::element<std::string>("<script>alert(1)</script>", "\"", "'", "&", "&amp;", ">", "</style>", "]]>",
                                        "<!--", "{}", "{0:>9999}", "\" onload=\"x", "url(http://x)", "\xFF", "é"))),
      [](std::vector<std::string> const& parts) {
        std::string joined;
        for (std::string const& part : parts) joined += part;
        return joined;
      });
  Report report = a_small_report();
  report.language = *rc::gen::element(Language::english, Language::french);
  for (std::string* field : {&report.title,
                             &report.subtitle,
                             &report.verdict,
                             &report.command,
                             &report.generated,
                             &report.key_figures[0].value,
                             &report.key_figures[0].label,
                             &report.key_figures[1].note,
                             &report.comparisons[0].title,
                             &report.comparisons[0].metric,
                             &report.comparisons[0].verdict,
                             &report.comparisons[0].setting,
                             &report.comparisons[0].figure_names[0],
                             &report.comparisons[0].rows[0].name,
                             &report.comparisons[0].differences[0].candidate,
                             &report.comparisons[0].note,
                             &report.optimism->metric,
                             &report.optimism->rows[0].name,
                             &report.optimism->note,
                             &report.curves[0].title,
                             &report.curves[0].x_label,
                             &report.curves[0].y_label,
                             &report.curves[0].curves[0].name,
                             &report.curves[0].references[0].name,
                             &report.studies[0].info.name,
                             &report.studies[0].objective,
                             &report.studies[0].step,
                             &report.studies[0].importance_note,
                             &report.studies[0].importances[0].name,
                             &report.budget->phases[0].name,
                             &report.budget->note,
                             &report.tables[0].title,
                             &report.tables[0].rows[0].first,
                             &report.tables[0].rows[0].second,
                             &report.tables[0].note}) {
    *field = *text;
  }
  std::string const parameter = *text;
  for (Trial& trial : report.studies[0].trials) {
    trial.params[parameter] = 0;
    trial.distributions[parameter] = CategoricalDistribution{{*text, Json(true), Json()}};
  }
  Markup const markup = read_markup(render(report));
  RC_ASSERT(markup.problem == "");
  RC_ASSERT(danger_in(markup) == "");
}

TEST(MarkupReader, finds_what_it_is_there_to_find) {
  auto const problem = [](std::string const& body) { return read_markup("<!DOCTYPE html>\n" + body).problem; };
  EXPECT_EQ(problem("<p class=\"a\">x &lt; y</p>"), "");
  EXPECT_NE(problem("<p>"), "");
  EXPECT_NE(problem("<p></b></p>"), "");
  EXPECT_NE(problem("a & b"), "");
  EXPECT_NE(problem("a > b"), "");
  EXPECT_NE(problem("<p class=a></p>"), "");
  EXPECT_NE(danger_in(read_markup("<!DOCTYPE html>\n<script></script>")), "");
  EXPECT_NE(danger_in(read_markup("<!DOCTYPE html>\n<a href=\"http://x\"></a>")), "");
  EXPECT_NE(danger_in(read_markup("<!DOCTYPE html>\n<p onload=\"x\"></p>")), "");
}

}  // namespace
}  // namespace regulus::lab
