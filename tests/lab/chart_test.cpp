#include "lab/chart.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace regulus::lab {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Language english = Language::english;
constexpr Language french = Language::french;

std::size_t count_of(std::string const& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

bool contains(std::string const& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Language, is_french_for_french_tags_and_english_for_all_others) {
  EXPECT_EQ(language_of("fr"), french);
  EXPECT_EQ(language_of("fr-CH"), french);
  EXPECT_EQ(language_of("fr_FR.UTF-8"), french);
  EXPECT_EQ(language_of("en"), english);
  EXPECT_EQ(language_of("fry"), english);
  EXPECT_EQ(language_of(""), english);
}

TEST(Escaped, turns_markup_into_entities_and_leaves_letters_alone) {
  EXPECT_EQ(escaped("<a href=\"x\">R&D's</a>"), "&lt;a href=&quot;x&quot;&gt;R&amp;D&#39;s&lt;/a&gt;");
  EXPECT_EQ(escaped("Genève 10×20 −5 😀"), "Genève 10×20 −5 😀");
  EXPECT_EQ(escaped("two\nlines"), "two\nlines");
}

TEST(Escaped, replaces_what_is_not_utf8_and_control_characters) {
  EXPECT_EQ(escaped("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(escaped("a\xC3"), "a\uFFFD");                    // cut off
  EXPECT_EQ(escaped("\xC0\xAF"), "\uFFFD\uFFFD");            // '/' in two bytes: overlong
  EXPECT_EQ(escaped("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(escaped(std::string("a\0b\x1B", 4)), "a\uFFFDb\uFFFD");
  EXPECT_EQ(escaped("\x7F\xC2\x85"), "\uFFFD\uFFFD\uFFFD");  // DEL and a C1 control
}

RC_GTEST_PROP(Escaped, never_lets_a_special_character_through, (std::string const& text)) {
  std::string const safe = escaped(text);
  RC_ASSERT(safe.find_first_of("<>\"'") == std::string::npos);
  RC_ASSERT(escaped(escaped(text)).find('\xFF') == std::string::npos);
}

TEST(NumberText, shows_four_digits_or_the_whole_part) {
  EXPECT_EQ(number_text(1652.4, english), "1,652");
  EXPECT_EQ(number_text(999.96, english), "1,000");
  EXPECT_EQ(number_text(12345678, english), "12,345,678");
  EXPECT_EQ(number_text(71.43, english), "71.43");
  EXPECT_EQ(number_text(0.0123456, english), "0.01235");
  EXPECT_EQ(number_text(1.2e-5, english), "1.2e\u22125");
  EXPECT_EQ(number_text(-3, english), "\u22123");
  EXPECT_EQ(number_text(-0.0, english), "0");
  EXPECT_EQ(number_text(1e300, english), "1.000e300");
}

TEST(NumberText, speaks_french) {
  EXPECT_EQ(number_text(-1652, french), "\u22121\u202F652");
  EXPECT_EQ(number_text(0.5, french), "0,5");
  EXPECT_EQ(interval_text({-4.5, 85}, french), "[\u22124,5 ; 85]");
  EXPECT_EQ(percent_text(71.4, french), "71,4\u00A0%");
}

TEST(NumberText, names_what_is_no_number) {
  EXPECT_EQ(number_text(nan, english), "–");
  EXPECT_EQ(number_text(infinity, english), "∞");
  EXPECT_EQ(number_text(-infinity, english), "\u2212∞");
}

TEST(SignedText, carries_a_sign_except_for_zero) {
  EXPECT_EQ(signed_text(63, english), "+63");
  EXPECT_EQ(signed_text(-12, english), "\u221212");
  EXPECT_EQ(signed_text(0, english), "0");
}

TEST(ColumnText, gives_a_column_the_same_decimals) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(column_text({94.2, 88, nan}, english), (Texts{"94.2", "88.0", "–"}));
  EXPECT_EQ(column_text({1652.3, 986.4}, english), (Texts{"1,652", "986"}));
  EXPECT_EQ(column_text({0.08, 0.01}, english), (Texts{"0.08", "0.01"}));
  EXPECT_EQ(column_text({3, 120}, english), (Texts{"3", "120"}));
  EXPECT_EQ(column_text({-0.001, 5.25}, english), (Texts{"0.00", "5.25"}));
}

TEST(NiceTicks, are_round_numbers_inside_the_range) {
  EXPECT_EQ(nice_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(nice_ticks(-230, 1710, 4), (std::vector<double>{0, 500, 1000, 1500}));  // step 485 -> 500
  EXPECT_EQ(nice_ticks(3, 3, 5), (std::vector<double>{3}));
}

RC_GTEST_PROP(NiceTicks, lie_in_any_range_and_are_few, ()) {
  double const low = *rc::gen::map(rc::gen::inRange(-1'000'000, 1'000'000), [](int v) { return v / 1000.0; });
  double const width = std::pow(10.0, *rc::gen::inRange(-6, 7));
  std::vector<double> const ticks = nice_ticks(low, low + width, 5);
  RC_ASSERT(!ticks.empty());
  RC_ASSERT(ticks.size() <= 10U);
  RC_ASSERT(std::ranges::is_sorted(ticks));
  RC_ASSERT(ticks.front() >= low - 1e-6 * width);
  RC_ASSERT(ticks.back() <= low + width * (1 + 1e-6));
}

TEST(LogTicks, are_powers_of_ten_or_finer_ones_in_a_short_range) {
  EXPECT_EQ(log_ticks(1, 1000), (std::vector<double>{1, 10, 100, 1000}));
  EXPECT_EQ(log_ticks(2, 60), (std::vector<double>{2, 5, 10, 20, 50}));
  EXPECT_EQ(log_ticks(1e-12, 1e12).size(), 7U);  // 24 decades: every fourth
}

TEST(Chart, draws_line_band_points_and_reference_and_tabulates_them) {
  Chart chart{.label = "A test", .x = {.label = "episode"}, .y = {.label = "reward"}, .references = {{"rule", 15}}};
  chart.series.push_back({.name = "agent", .points = {{0, 10}, {1, 20}}, .intervals = {{8, 12}, {18, 22}}});
  chart.series.push_back({.name = "trials", .kind = Series::Kind::points, .points = {{0.5, 12, "trial 3"}}});
  std::string const html = chart_html(chart, english);
  EXPECT_TRUE(contains(html, "role=\"img\" aria-label=\"A test\""));
  EXPECT_TRUE(contains(html, "class=\"band c0\""));
  EXPECT_TRUE(contains(html, "class=\"line c0\""));
  EXPECT_TRUE(contains(html, "<title>trial 3</title>"));
  EXPECT_TRUE(contains(html, "rule: 15"));
  EXPECT_TRUE(contains(html, "<details><summary>Data</summary>"));
  EXPECT_TRUE(contains(html, "10 [8, 12]"));
}

TEST(Chart, places_points_by_their_share_of_the_axes) {
  // x from 0 to 10 with 2% of air: 5 is the middle, 1000 of 2000. y the same with 6%: 500 of 1000.
  Chart chart;
  chart.series.push_back({.kind = Series::Kind::points, .points = {{0, 0}, {5, 5}, {10, 10}}});
  EXPECT_TRUE(contains(chart_html(chart, english), "M1000 500h0"));
}

TEST(Chart, breaks_a_line_at_values_that_are_no_number) {
  Chart chart;
  chart.series.push_back({.name = "a", .points = {{0, 1}, {1, 2}, {2, nan}, {3, infinity}, {4, 1}, {5, 2}}});
  std::string const html = chart_html(chart, english);
  std::size_t const from = html.find("class=\"line c0\"");
  std::string const path = html.substr(from, html.find("/>", from) - from);
  EXPECT_EQ(count_of(path, "M"), 2U);
  EXPECT_FALSE(contains(html, "nan"));
  EXPECT_FALSE(contains(html, "inf"));
}

TEST(Chart, shows_a_line_of_one_point_as_a_dot) {
  Chart chart;
  chart.series.push_back({.points = {{3, 1, "trial 3"}}, .tone = Tone::muted, .thin = true});
  EXPECT_TRUE(contains(chart_html(chart, english),
                       "<path class=\"dot muted\" d=\"M1000 500h0\"><title>trial 3</title></path>"));
}

TEST(Chart, leaves_values_that_a_log_axis_cannot_show_out) {
  Chart chart{.x = {.log = true}};
  chart.series.push_back({.kind = Series::Kind::points, .points = {{-1, 1}, {0, 1}, {0.001, 1}, {10, 2}}});
  std::string const html = chart_html(chart, english);
  std::size_t const from = html.find("class=\"dot c0\"");
  EXPECT_EQ(count_of(html.substr(from, html.find("/>", from) - from), "h0"), 2U);
}

TEST(Chart, draws_far_outliers_on_the_clipped_side_at_the_edge_and_says_so) {
  Chart chart{.y = {.clip = Axis::Clip::low}};
  Series dots{.kind = Series::Kind::points};
  for (int i = 0; i < 20; ++i) dots.points.push_back({static_cast<double>(i), 100.0 + i});
  dots.points.push_back({20, -50'000});
  chart.series.push_back(dots);
  std::string const clipped = chart_html(chart, english);
  EXPECT_TRUE(contains(clipped, "beyond the axis"));
  EXPECT_TRUE(contains(clipped, " 1000h0"));  // at the lower edge
  EXPECT_FALSE(contains(clipped, "\u221250"));
  chart.y.clip = Axis::Clip::none;
  EXPECT_FALSE(contains(chart_html(chart, english), "beyond the axis"));
}

RC_GTEST_PROP(Chart, survives_any_numbers, ()) {
  auto const number = rc::gen::oneOf(
      rc::gen::arbitrary<double>(), rc::gen::element(nan, infinity, -infinity, 0.0, -0.0, 1e308, -1e308, 5e-324),
      rc::gen::map(rc::gen::inRange(-100, 100), [](int v) { return static_cast<double>(v); }));
  Chart chart{.x = {.log = *rc::gen::arbitrary<bool>()},
              .y = {.log = *rc::gen::arbitrary<bool>(),
                    .clip = *rc::gen::element(Axis::Clip::none, Axis::Clip::low, Axis::Clip::high)},
              .references = {{"r", *number}}};
  if (*rc::gen::arbitrary<bool>()) chart.x.categories = {"a", "b"};
  for (Series::Kind kind : {Series::Kind::line, Series::Kind::steps, Series::Kind::points}) {
    Series series{.name = "s", .kind = kind};
    for (auto const& [x, y] :
         *rc::gen::container<std::vector<std::pair<double, double>>>(rc::gen::pair(number, number))) {
      series.points.push_back({x, y});
      series.intervals.push_back({*number, *number});
    }
    chart.series.push_back(series);
  }
  RowChart rows{.rows = {{.label = "a", .value = *number, .interval = Interval{*number, *number}}},
                .reference = *number,
                .bars = *rc::gen::arbitrary<bool>()};
  for (std::string const& html : {chart_html(chart, english), row_chart_html(rows, french)}) {
    RC_ASSERT(!contains(html, "nan"));
    RC_ASSERT(!contains(html, "inf"));
    RC_ASSERT(html.size() < 200'000U);
  }
}

TEST(RowChart, writes_value_interval_and_reference) {
  RowChart const chart{
      .label = "Differences",
      .axis = "reward",
      .rows = {{.label = "dqn vs rule", .value = 63, .interval = Interval{41, 85}, .tone = Tone::better}},
      .reference = 0,
      .signs = true};
  std::string const html = row_chart_html(chart, english);
  EXPECT_TRUE(contains(html, "+63 [41, 85]"));
  EXPECT_TRUE(contains(html, "class=\"marker good\""));
  EXPECT_TRUE(contains(html, "class=\"reference\""));
}

TEST(Table, aligns_columns_of_numbers_right_and_escapes_cells) {
  std::string const html = table_html({.columns = {"name", "value"}, .rows = {{"<b>", "+63"}, {"x", "–"}}});
  EXPECT_TRUE(contains(html, "<th scope=\"row\">&lt;b&gt;</th><td class=\"number\">+63</td>"));
}

TEST(Thinned, keeps_few_points_as_they_are) {
  std::vector<Point> const points{{1, 1}, {2, 2}};
  EXPECT_EQ(thinned(points, {}, {}, 2).size(), 2U);
}

TEST(Thinned, keeps_one_of_points_that_cover_each_other_before_it_drops_any_other) {
  std::vector<Point> points(1000, Point{0, 0});
  points.push_back({1, 0});
  points.push_back({0, 1});
  std::vector<Point> const kept = thinned(points, {}, {}, 100);
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[1].x, 1);
  EXPECT_EQ(kept[2].y, 1);
}

RC_GTEST_PROP(Thinned, stays_within_the_limit_and_in_order, ()) {
  auto const limit = static_cast<std::size_t>(*rc::gen::inRange(1, 40));
  std::vector<Point> points;
  for (int y : *rc::gen::arbitrary<std::vector<int>>())
    points.push_back({static_cast<double>(points.size()), static_cast<double>(y)});
  std::vector<Point> const kept = thinned(points, {}, {}, limit);
  RC_ASSERT(kept.size() <= limit);
  RC_ASSERT(kept.empty() == points.empty());
  RC_ASSERT(std::ranges::is_sorted(kept, {}, &Point::x));
}

}  // namespace
}  // namespace regulus::lab
