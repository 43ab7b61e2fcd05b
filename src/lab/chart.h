// Charts as HTML fragments with inline SVG, drawn here so that a report needs no script and no network.
//
// Text stays at reading size at any width: only the plot area is stretched (a viewBox with preserveAspectRatio="none"
// and strokes that do not scale), while titles, ticks and labels are HTML placed by percentages. A point is a
// zero-length line with round caps, which the stretching leaves a circle. Colours are the CSS variables of
// chart_style(), which follow prefers-color-scheme. Every chart carries role="img" with a label for screen readers and
// its numbers in a table that unfolds; single points have tooltips (<title>).
//
// Values that are NaN or infinite are left out of the drawing: they break a line, and never move an axis. Equal charts
// give equal bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/stats.h"

namespace regulus::lab {

enum class Language : std::uint8_t { english, french };
// "fr" and "fr-CH" are French, everything else English.
Language language_of(std::string_view tag);

// Text for HTML content and quoted attributes: & < > " ' become entities; bytes that are not UTF-8 and control
// characters become U+FFFD.
std::string escaped(std::string_view text);

// A number for people, four significant digits or all digits of the whole part: "1,652", "0.0123", "1.2e-5"; in French
// "1 652" with a narrow no-break space and "0,0123". NaN is "–".
std::string number_text(double value, Language language);
// The same with a sign: "+63", "−12" (a true minus), "0".
std::string signed_text(double value, Language language);
// "71.4%"; in French "71,4 %" with a no-break space.
std::string percent_text(double value, Language language);
// A column of numbers with the same decimals: two digits after the largest one's leading digit, none above 1,000 or
// when all are whole.
std::vector<std::string> column_text(std::vector<double> const& values, Language language);
// "[41, 85]"; in French "[41 ; 85]".
std::string interval_text(Interval interval, Language language);

// Ticks at 1, 2 or 5 times a power of ten inside [low, high], about `count` of them; for low == high that one value.
std::vector<double> nice_ticks(double low, double high, int count);
// Powers of ten inside [low, high], 0 < low <= high; for less than two of them also 2 and 5 times, then nice_ticks.
std::vector<double> log_ticks(double low, double high);

struct Axis {
  // On this side, values that lie far off (3 interquartile ranges) and would more than double the axis are drawn at its
  // edge instead.
  enum class Clip : std::uint8_t { none, low, high };

  std::string label{};
  bool log = false;  // values <= 0 are left out
  Clip clip = Clip::none;
  std::vector<std::string> categories{};  // when not empty: value i is category i
  std::vector<double> values{};           // when not empty: laid out for these and not for what is drawn
};

struct Point {
  double x = 0, y = 0;
  std::string note{};  // tooltip
};

enum class Tone : std::uint8_t { series, better, worse, muted };

// One set of marks. `colour` picks among six; muted ones are grey and lie behind the others.
struct Series {
  enum class Kind : std::uint8_t { line, steps, points };
  std::string name{};  // in the legend and the table; empty keeps it out of both
  Kind kind = Kind::line;
  std::vector<Point> points{};
  std::vector<Interval> intervals{};  // empty, or one for each point: a band around a line
  int colour = 0;
  Tone tone = Tone::series;
  double opacity = 0;  // 0 is the usual one
  bool thin = false;   // one of many lines: no tooltip at its points, the first point's note for the whole line
};

// A dashed horizontal line with its name on it.
struct ReferenceLine {
  std::string name{};
  double y = 0;
};

struct Table {
  std::vector<std::string> columns{};
  std::vector<std::vector<std::string>> rows{};  // text already formatted; cells that start like a number align right
  std::string note{};
};

struct Chart {
  std::string label{};  // what a screen reader says
  Axis x{}, y{};
  std::vector<Series> series{};
  std::vector<ReferenceLine> references{};
  int height = 280;       // of the plot area, in CSS pixels
  std::string caption{};  // how to read it, under the plot
  std::optional<Table>
      data{};  // shown under the chart instead of the named series' points; one without rows is not shown
};
std::string chart_html(Chart const& chart, Language language);

// Rows with a value and an interval: a forest plot (a line at `reference`), or bars from zero.
struct RowChart {
  struct Row {
    std::string label{};
    double value = 0;
    std::optional<Interval> interval{};
    Tone tone = Tone::series;
    std::string text{};  // at the right end; empty writes the value and its interval
  };
  std::string label{};
  std::string axis{};
  std::string caption{};
  std::vector<Row> rows{};
  std::optional<double> reference{};
  bool bars = false;
  bool signs = false;           // write values with their sign
  std::optional<Table> data{};  // shown under the chart instead of the rows' values; one without rows is not shown
};
std::string row_chart_html(RowChart const& chart, Language language);

// An HTML table in a box that scrolls sideways; the first column is the row's heading.
std::string table_html(Table const& table);

// At most `limit` of the points, chosen so that the picture stays: of points about two pixels apart the first is kept,
// and of those, when they are still too many, every k-th. Keeps the order; drops what the axes cannot show.
std::vector<Point> thinned(std::vector<Point> const& points, Axis const& x, Axis const& y, std::size_t limit);

// CSS of all of the above, with the colour variables for light and dark.
std::string_view chart_style();

}  // namespace regulus::lab
