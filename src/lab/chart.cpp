#include "lab/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

namespace regulus::lab {
namespace {

// The plot area in its own units; whole ones are fine enough for any screen.
constexpr int plot_width = 2000;
constexpr int plot_height = 1000;
constexpr std::size_t table_rows = 200;       // of the data under a chart
constexpr std::size_t hover_points = 160;     // of a line: beyond, tooltips would lie on top of each other
constexpr std::string_view minus = "\u2212";  // a true minus
constexpr std::string_view narrow_space = "\u202F";
constexpr std::string_view absent = "\u2013";  // for what is no number
constexpr int colours = 6;

std::string_view say(Language language, std::string_view english, std::string_view french) {
  return language == Language::french ? french : english;
}

template <class... Args>
void append(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

// Beyond, differences and ratios would overflow; no quantity of ours comes near.
bool drawable(double value) { return std::isfinite(value) && std::abs(value) <= 1e150; }

// --- numbers as text -------------------------------------------------------------------------------------------------

// "1234.5" as the language writes it: grouped digits, decimal sign, true minus.
std::string localised(std::string_view plain, Language language) {
  std::string_view const group = say(language, ",", narrow_space);
  std::string out;
  if (plain.starts_with('-')) {
    out += minus;
    plain.remove_prefix(1);
  }
  std::size_t const whole = std::min(plain.find_first_not_of("0123456789"), plain.size());
  for (std::size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % 3 == 0) out += group;
    out.push_back(plain[i]);
  }
  for (char c : plain.substr(whole)) {
    if (c == '.') out += say(language, ".", ",");
    else if (c == '-') out += minus;
    else out.push_back(c);
  }
  return out;
}

// "1.2e-05" -> "1.2e-5".
std::string short_exponent(std::string text) {
  std::size_t const e = text.find('e');
  if (e == std::string::npos) return text;
  std::size_t digits = e + 1;
  if (text[digits] == '+') text.erase(digits, 1);
  else if (text[digits] == '-') ++digits;
  while (digits + 1 < text.size() && text[digits] == '0') text.erase(digits, 1);
  return text;
}

// A tick's text with the decimals that its neighbours need.
std::string tick_text(double value, double step, Language language) {
  double const size = std::max(std::abs(value), std::abs(step));
  if (size >= 1e10 || (value != 0 && std::abs(step) < 1e-4)) {
    return localised(short_exponent(fmt::format("{:.3g}", value)), language);
  }
  bool const millions = std::abs(step) >= 1e5 && size >= 1e6;
  double const unit = millions ? 1e6 : 1;
  int const decimals = std::clamp(static_cast<int>(-std::floor(std::log10(std::abs(step) / unit) + 1e-9)), 0, 6);
  double const shown = value / unit;
  std::string const text = fmt::format("{:.{}f}", shown == 0 ? 0.0 : shown, decimals);
  return localised(text, language) + (millions ? std::string(say(language, "M", "\u202FM")) : "");
}

// --- axes ------------------------------------------------------------------------------------------------------------

// Where a value lies on an axis, as a share of its length.
struct Scale {
  double low = 0, high = 1;
  bool log = false;

  bool shows(double value) const { return drawable(value) && (!log || value >= 1e-150); }
  double share(double value) const {
    auto const at = [this](double v) { return log ? std::log10(v) : v; };
    return std::clamp((at(value) - at(low)) / (at(high) - at(low)), 0.0, 1.0);
  }
};

struct Tick {
  double share = 0;
  std::string text;
};

// The range of `values` that an axis shows, with some air at both ends.
Scale scale_of(std::vector<double> values, Axis const& axis, double air) {
  Scale scale;
  scale.log = axis.log && axis.categories.empty();
  if (!axis.categories.empty()) {
    scale.low = -0.5;
    scale.high = static_cast<double>(axis.categories.size()) - 0.5;
    return scale;
  }
  if (!axis.values.empty()) values = axis.values;
  std::erase_if(values, [&](double v) { return !scale.shows(v); });
  if (values.empty()) {
    if (scale.log) scale = {.low = 0.1, .high = 10, .log = true};
    return scale;
  }
  auto [low, high] = std::pair(*std::ranges::min_element(values), *std::ranges::max_element(values));
  if (axis.clip != Axis::Clip::none && values.size() >= 8) {
    double const q1 = quantile(values, 0.25);
    double const q3 = quantile(values, 0.75);
    double const fence = 3 * (q3 - q1);
    // The axis ends at the last value that is no outlier, so that the fence itself costs no room.
    auto const inside = [&](double v) { return axis.clip == Axis::Clip::low ? v >= q1 - fence : v <= q3 + fence; };
    std::erase_if(values, [&](double v) { return !inside(v); });
    auto const [least, most] = std::pair(*std::ranges::min_element(values), *std::ranges::max_element(values));
    if (high - low > 2 * (most - least) && most > least) {
      low = least;
      high = most;
    }
  }
  if (scale.log) {
    if (high / low < 1.0001) return {.low = low / 2, .high = high * 2, .log = true};
    double const factor = std::pow(high / low, air);
    return {.low = low / factor, .high = high * factor, .log = true};
  }
  if (high - low <= std::max(1e-150, 1e-9 * std::max(std::abs(low), std::abs(high)))) {
    double const room = low == 0 ? 1 : std::max(1e-100, std::abs(low) * 0.1);
    return {.low = low - room, .high = high + room};
  }
  return {.low = low - air * (high - low), .high = high + air * (high - low)};
}

std::vector<Tick> ticks_of(Scale const& scale, Axis const& axis, int count, Language language) {
  std::vector<Tick> ticks;
  if (!axis.categories.empty()) {
    for (std::size_t i = 0; i < axis.categories.size(); ++i) {
      ticks.push_back({scale.share(static_cast<double>(i)), axis.categories[i]});
    }
    return ticks;
  }
  std::vector<double> const values =
      scale.log ? log_ticks(scale.low, scale.high) : nice_ticks(scale.low, scale.high, count);
  double const step = values.size() > 1 ? values[1] - values[0] : scale.high - scale.low;
  for (double value : values) {
    // On a log axis every value has its own size, and so its own decimals.
    std::string text = scale.log ? number_text(value, language) : tick_text(value, step, language);
    ticks.push_back({scale.share(value), std::move(text)});
  }
  return ticks;
}

std::size_t utf8_length(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// --- drawing ---------------------------------------------------------------------------------------------------------

std::string classes(Series const& series) {
  switch (series.tone) {
    case Tone::series:
      return fmt::format("c{}", ((series.colour % colours) + colours) % colours);
    case Tone::better:
      return "good";
    case Tone::worse:
      return "bad";
    case Tone::muted:
      return "muted";
  }
  return "";
}

std::string opacity(Series const& series) {
  return series.opacity > 0 ? fmt::format(" style=\"opacity:{:.2g}\"", series.opacity) : "";
}

class Drawing {
 public:
  Drawing(Chart const& chart, Scale x, Scale y, Language language) : chart_(chart), x_(x), y_(y), language_(language) {}

  std::string marks() {
    for (Tone tone : {Tone::muted, Tone::series, Tone::worse, Tone::better}) {
      for (Series const& series : chart_.series) {
        if (series.tone == tone) draw_band(series);
      }
      for (Series const& series : chart_.series) {
        if (series.tone != tone) continue;
        if (series.kind == Series::Kind::points) draw_points(series);
        else draw_line(series);
      }
    }
    return std::move(out_);
  }

  int left(double value) const { return static_cast<int>(std::lround(x_.share(value) * plot_width)); }
  int top(double value) const { return static_cast<int>(std::lround((1 - y_.share(value)) * plot_height)); }

 private:
  bool shows(Point const& point) const { return x_.shows(point.x) && y_.shows(point.y); }

  void draw_line(Series const& series) {
    bool const steps = series.kind == Series::Kind::steps;
    std::string path;
    bool pen_down = false;
    int shown = 0;
    int last_x = 0, last_y = 0;
    for (Point const& point : series.points) {
      if (!shows(point)) {
        pen_down = false;
        continue;
      }
      ++shown;
      int const x = left(point.x);
      int const y = top(point.y);
      if (!pen_down) append(path, "M{} {}h0", x, y);  // h0: a point between two gaps is still a dot
      else if (steps && y == last_y) append(path, "H{}", x);
      else if (steps) append(path, "H{}V{}", x, y);
      else if (x != last_x || y != last_y) append(path, "L{} {}", x, y);
      pen_down = true;
      last_x = x;
      last_y = y;
    }
    if (shown == 0) return;
    if (shown == 1) {
      auto const lone = std::ranges::find_if(series.points, [this](Point const& point) { return shows(point); });
      draw_dot("dot", series, *lone, series.thin ? series.points[0].note : lone->note);
      return;
    }
    if (series.thin) {
      append(out_, "<path class=\"line thin {}\"{} d=\"{}\">{}</path>", classes(series), opacity(series), path,
             series.points[0].note.empty() ? "" : "<title>" + escaped(series.points[0].note) + "</title>");
      return;
    }
    append(out_, "<path class=\"line {}\"{} d=\"{}\"/>", classes(series), opacity(series), path);
    if (series.points.size() > hover_points) return;
    for (std::size_t i = 0; i < series.points.size(); ++i) {
      if (shows(series.points[i])) draw_dot("hover", series, series.points[i], note_of(series, i));
    }
  }

  void draw_band(Series const& series) {
    std::string forward, back;
    auto const close = [&] {
      if (!forward.empty())
        append(out_, "<path class=\"band {}\" d=\"M{}{}Z\"/>", classes(series), forward.substr(1), back);
      forward.clear();
      back.clear();
    };
    for (std::size_t i = 0; i < std::min(series.points.size(), series.intervals.size()); ++i) {
      auto const& [low, high] = series.intervals[i];
      if (!x_.shows(series.points[i].x) || !y_.shows(low) || !y_.shows(high)) {
        close();
        continue;
      }
      int const x = left(series.points[i].x);
      append(forward, "L{} {}", x, top(high));
      back.insert(0, fmt::format("L{} {}", x, top(low)));
    }
    close();
  }

  void draw_points(Series const& series) {
    std::string plain;  // points without a note share one path
    for (Point const& point : series.points) {
      if (!shows(point)) continue;
      if (point.note.empty()) append(plain, "M{} {}h0", left(point.x), top(point.y));
    }
    if (!plain.empty()) append(out_, "<path class=\"dot {}\"{} d=\"{}\"/>", classes(series), opacity(series), plain);
    for (Point const& point : series.points) {
      if (shows(point) && !point.note.empty()) draw_dot("dot", series, point, point.note);
    }
  }

  void draw_dot(std::string_view kind, Series const& series, Point const& point, std::string_view note) {
    append(out_, "<path class=\"{} {}\"{} d=\"M{} {}h0\"><title>{}</title></path>", kind, classes(series),
           kind == "dot" ? opacity(series) : "", left(point.x), top(point.y), escaped(note));
  }

  std::string note_of(Series const& series, std::size_t i) const {
    Point const& point = series.points[i];
    if (!point.note.empty()) return point.note;
    std::string note = series.name.empty() ? "" : series.name + "\n";
    append(note, "{} {}: {}", chart_.x.label, number_text(point.x, language_), number_text(point.y, language_));
    if (i < series.intervals.size()) append(note, " {}", interval_text(series.intervals[i], language_));
    return note;
  }

  Chart const& chart_;
  Scale x_, y_;
  Language language_;
  std::string out_;
};

std::string legend(Chart const& chart) {
  std::string items;
  std::set<std::pair<std::string, std::string>> seen;  // several lines of one name share an entry
  for (Series const& series : chart.series) {
    if (series.name.empty() || !seen.emplace(series.name, classes(series)).second) continue;
    append(items, "<span class=\"key {} {}\">{}</span>", series.kind == Series::Kind::points ? "key-dot" : "key-line",
           classes(series), escaped(series.name));
  }
  return items.empty() ? "" : "<div class=\"legend\">" + items + "</div>";
}

std::string value_text(double value, Axis const& axis, Language language) {
  if (axis.categories.empty()) return number_text(value, language);
  bool const known = value >= 0 && value < static_cast<double>(axis.categories.size());
  return known ? axis.categories[static_cast<std::size_t>(value)] : std::string(absent);
}

Table data_of(Chart const& chart, Language language) {
  Table table;
  table.columns = {std::string(say(language, "Series", "Série")), chart.x.label, chart.y.label};
  std::size_t count = 0;
  for (Series const& series : chart.series) {
    if (series.name.empty()) continue;
    for (std::size_t i = 0; i < series.points.size(); ++i) {
      if (++count > table_rows) continue;
      std::string y = value_text(series.points[i].y, chart.y, language);
      if (i < series.intervals.size()) y += " " + interval_text(series.intervals[i], language);
      table.rows.push_back({series.name, value_text(series.points[i].x, chart.x, language), std::move(y)});
    }
  }
  for (ReferenceLine const& line : chart.references) {
    table.rows.push_back({line.name, std::string(absent), number_text(line.y, language)});
  }
  if (count > table_rows) {
    table.note =
        fmt::format(fmt::runtime(say(language, "The first {} of {} values.", "Les {} premières valeurs sur {}.")),
                    table_rows, number_text(static_cast<double>(count), language));
  }
  return table;
}

std::string details(Table const& table, Language language) {
  if (table.rows.empty()) return "";
  return fmt::format("<details><summary>{}</summary>{}</details>", say(language, "Data", "Données"), table_html(table));
}

std::string caption_html(std::string_view caption) {
  return caption.empty() ? "" : fmt::format("<p class=\"small\">{}</p>", escaped(caption));
}

bool looks_like_number(std::string_view text) {
  if (text.empty()) return false;
  return (text[0] >= '0' && text[0] <= '9') || text[0] == '+' || text[0] == '[' || text.starts_with(minus) ||
         text == absent;
}

}  // namespace

Language language_of(std::string_view tag) {
  bool const french = tag == "fr" || tag.starts_with("fr-") || tag.starts_with("fr_");
  return french ? Language::french : Language::english;
}

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    auto const byte = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U; };
    unsigned const first = byte(0);
    std::size_t const length = first < 0x80                    ? 1
                               : first >= 0xC2 && first < 0xE0 ? 2
                               : (first & 0xF0) == 0xE0        ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    bool valid = length > 0;
    for (std::size_t k = 1; k < length; ++k) valid = valid && (byte(k) & 0xC0) == 0x80;
    // Overlong forms, surrogates and what lies beyond U+10FFFF; control characters, which HTML forbids.
    if (first == 0xE0 && byte(1) < 0xA0) valid = false;
    if (first == 0xED && byte(1) >= 0xA0) valid = false;
    if (first == 0xF0 && byte(1) < 0x90) valid = false;
    if (first == 0xF4 && byte(1) >= 0x90) valid = false;
    if (first == 0xC2 && byte(1) < 0xA0) valid = false;
    if ((first < 0x20 && first != '\n' && first != '\t') || first == 0x7F) valid = false;
    if (!valid) {
      out += "\uFFFD";
      ++i;
      continue;
    }
    switch (text[i]) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += text.substr(i, length);
        break;
    }
    i += length;
  }
  return out;
}

std::string number_text(double value, Language language) {
  if (std::isnan(value)) return std::string(absent);
  if (std::isinf(value)) return std::string(value < 0 ? minus : "") + "∞";
  double const size = std::abs(value);
  if (size >= 1e15) return localised(short_exponent(fmt::format("{:.3e}", value)), language);
  if (size >= 999.95 || value == std::nearbyint(value)) {
    return localised(fmt::format("{:.0f}", value == 0 ? 0.0 : value), language);
  }
  return localised(short_exponent(fmt::format("{:.4g}", value)), language);
}

std::string signed_text(double value, Language language) {
  std::string text = number_text(value, language);
  return value > 0 && text != "0" ? "+" + text : text;
}

std::string percent_text(double value, Language language) {
  return number_text(value, language) + std::string(say(language, "%", "\u00A0%"));
}

std::vector<std::string> column_text(std::vector<double> const& values, Language language) {
  double largest = 0;
  bool all_whole = true;
  for (double value : values) {
    if (!std::isfinite(value)) continue;
    largest = std::max(largest, std::abs(value));
    all_whole = all_whole && value == std::nearbyint(value);
  }
  int const lead = largest > 0 ? static_cast<int>(std::floor(std::log10(largest))) : 0;
  int decimals = all_whole || lead >= 3 ? 0 : std::max(1, 2 - lead);
  // A last decimal that is zero in the whole column says nothing.
  auto const ends_in_zero = [&](double value) {
    return !std::isfinite(value) || fmt::format("{:.{}f}", value, decimals).ends_with('0');
  };
  while (decimals > 1 && decimals <= 6 && std::ranges::all_of(values, ends_in_zero)) --decimals;
  std::vector<std::string> texts;
  for (double value : values) {
    bool const plain = std::isfinite(value) && lead < 15 && decimals <= 6;
    std::string const text = plain ? fmt::format("{:.{}f}", value, decimals) : "";
    bool const is_minus_zero = text.starts_with('-') && text.find_first_of("123456789") == std::string::npos;
    texts.push_back(plain ? localised(is_minus_zero ? std::string_view(text).substr(1) : text, language)
                          : number_text(value, language));
  }
  return texts;
}

std::string interval_text(Interval interval, Language language) {
  return fmt::format("[{}{}{}]", number_text(interval.low, language), say(language, ", ", " ; "),
                     number_text(interval.high, language));
}

std::vector<double> nice_ticks(double low, double high, int count) {
  if (!(high > low)) return {low};
  double const rough = (high - low) / std::max(count, 1);
  double const power = std::pow(10.0, std::floor(std::log10(rough)));
  double const lead = rough / power;
  double const step = power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
  // Below this a step is lost in the digits of the values.
  if (!(step > 0) || std::max(std::abs(low), std::abs(high)) / step > 1e14) return {low};
  std::vector<double> ticks;
  for (double k = std::ceil(low / step - 1e-9); k <= std::floor(high / step + 1e-9); ++k)
    ticks.push_back(k * step + 0.0);
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  auto const first = static_cast<int>(std::floor(std::log10(low) + 1e-9));
  auto const last = static_cast<int>(std::ceil(std::log10(high) - 1e-9));
  auto const collect = [&](std::vector<double> const& leads, int stride) {
    std::vector<double> ticks;
    for (int power = first; power <= last; power += stride) {
      for (double lead : leads) {
        double const value = lead * std::pow(10.0, power);
        if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) ticks.push_back(value);
      }
    }
    return ticks;
  };
  int const stride = std::max(1, (last - first + 5) / 6);
  std::vector<double> ticks = collect({1}, stride);
  if (ticks.size() < 2) ticks = collect({1, 2, 5}, 1);
  if (ticks.size() < 2) ticks = nice_ticks(low, high, 4);
  return ticks;
}

std::string chart_html(Chart const& chart, Language language) {
  std::vector<double> xs, ys;
  for (Series const& series : chart.series) {
    for (Point const& point : series.points) {
      xs.push_back(point.x);
      ys.push_back(point.y);
    }
    for (Interval const& interval : series.intervals) {
      ys.push_back(interval.low);
      ys.push_back(interval.high);
    }
  }
  for (ReferenceLine const& line : chart.references) ys.push_back(line.y);
  Scale const x = scale_of(xs, chart.x, 0.02);
  Scale const y = scale_of(ys, chart.y, 0.06);
  Drawing drawing(chart, x, y, language);
  std::vector<Tick> const x_ticks = ticks_of(x, chart.x, 5, language);
  std::vector<Tick> const y_ticks = ticks_of(y, chart.y, std::max(3, chart.height / 60), language);

  std::size_t widest = 1;
  for (Tick const& tick : y_ticks) widest = std::max(widest, utf8_length(tick.text));
  std::string out = fmt::format(
      "<figure class=\"chart\">{}<div class=\"y-label\">{}</div><div class=\"frame\" style=\"--h:{}px;--w:{}ch\">",
      legend(chart), escaped(chart.y.label), chart.height, std::min<std::size_t>(widest, 16));
  for (Tick const& tick : y_ticks) {
    append(out, "<span class=\"y-tick\" aria-hidden=\"true\" style=\"top:{:.2f}%\">{}</span>", 100 * (1 - tick.share),
           escaped(tick.text));
  }
  append(out,
         "<svg class=\"plot\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\"><path "
         "class=\"grid\" d=\"",
         escaped(chart.label), plot_width, plot_height);
  for (Tick const& tick : y_ticks) append(out, "M0 {}H{}", std::lround((1 - tick.share) * plot_height), plot_width);
  out += "\"/>";
  for (ReferenceLine const& line : chart.references) {
    if (!y.shows(line.y)) continue;
    append(out, "<path class=\"reference\" d=\"M0 {}H{}\"><title>{}: {}</title></path>", drawing.top(line.y),
           plot_width, escaped(line.name), number_text(line.y, language));
  }
  out += drawing.marks();
  out += "</svg>";
  for (ReferenceLine const& line : chart.references) {
    if (!y.shows(line.y)) continue;
    append(out, "<span class=\"reference-name\" style=\"top:{:.2f}%\">{}</span>", 100 * (1 - y.share(line.y)),
           escaped(line.name));
  }
  out += "</div>";
  append(out, "<div class=\"x-ticks{}\" style=\"--w:{}ch\" aria-hidden=\"true\">",
         chart.x.categories.size() > 4 ? " crowded" : "", std::min<std::size_t>(widest, 16));
  for (Tick const& tick : x_ticks)
    append(out, "<span style=\"left:{:.2f}%\">{}</span>", 100 * tick.share, escaped(tick.text));
  append(out, "</div><div class=\"x-label\">{}</div>", escaped(chart.x.label));

  auto const beyond = std::ranges::count_if(ys, [&](double v) { return y.shows(v) && (v < y.low || v > y.high); });
  std::string caption = chart.caption;
  if (beyond > 0 && chart.height >= 200) {  // small charts come in groups, which say it once
    if (!caption.empty()) caption += ' ';
    caption += say(language, "Values far beyond the axis are drawn at its edge.",
                   "Les valeurs très au-delà de l’axe sont dessinées à son bord.");
  }
  out += caption_html(caption);
  out += details(chart.data ? *chart.data : data_of(chart, language), language);
  return out + "</figure>";
}

std::string row_chart_html(RowChart const& chart, Language language) {
  std::vector<double> values;
  if (chart.reference) values.push_back(*chart.reference);
  if (chart.bars) values.push_back(0);
  for (RowChart::Row const& row : chart.rows) {
    values.push_back(row.value);
    if (row.interval) values.insert(values.end(), {row.interval->low, row.interval->high});
  }
  Scale const scale = scale_of(values, {}, chart.bars ? 0.0 : 0.05);
  auto const left = [&](double value) { return std::lround(scale.share(value) * plot_width); };
  auto const write = [&](double value) {
    return chart.signs ? signed_text(value, language) : number_text(value, language);
  };
  std::vector<Tick> const ticks = ticks_of(scale, {}, 4, language);
  std::string grid;
  for (Tick const& tick : ticks) append(grid, "M{} 0V100", std::lround(tick.share * plot_width));

  Table data;
  data.columns = {chart.label, chart.axis, std::string(say(language, "95% interval", "Intervalle à 95\u00A0%"))};
  std::string out =
      fmt::format("<figure class=\"chart\"><table class=\"rows\"><caption class=\"hidden\">{}</caption><tbody>",
                  escaped(chart.label));
  for (RowChart::Row const& row : chart.rows) {
    std::string const tone = classes({.name = "", .points = {}, .intervals = {}, .colour = 0, .tone = row.tone});
    std::string const written = write(row.value) + (row.interval ? " " + interval_text(*row.interval, language) : "");
    std::string const text = row.text.empty() ? written : row.text;
    append(out,
           "<tr><th scope=\"row\">{}</th><td class=\"track\"><svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} "
           "100\" preserveAspectRatio=\"none\">"
           "<title>{}: {}</title><path class=\"grid\" d=\"{}\"/>",
           escaped(row.label), escaped(text), plot_width, escaped(row.label), escaped(written), grid);
    if (chart.reference) append(out, "<path class=\"reference\" d=\"M{0} 0V100\"/>", left(*chart.reference));
    if (chart.bars && drawable(row.value)) {
      long const from = std::min(left(0), left(row.value));
      append(out, "<rect class=\"bar {}\" x=\"{}\" y=\"22\" width=\"{}\" height=\"56\"/>", tone, from,
             std::max(left(0), left(row.value)) - from);
    }
    if (row.interval && drawable(row.interval->low) && drawable(row.interval->high)) {
      append(out, "<path class=\"whisker {}\" d=\"M{} 50H{}\"/>", chart.bars ? "ink" : tone, left(row.interval->low),
             left(row.interval->high));
    }
    if (!chart.bars && drawable(row.value))
      append(out, "<path class=\"marker {}\" d=\"M{} 50h0\"/>", tone, left(row.value));
    append(out, "</svg></td><td class=\"value\">{}</td></tr>", escaped(text));
    data.rows.push_back(
        {row.label, write(row.value), row.interval ? interval_text(*row.interval, language) : std::string(absent)});
  }
  out += "<tr class=\"axis\" aria-hidden=\"true\"><td></td><td class=\"track\"><div>";
  for (Tick const& tick : ticks)
    append(out, "<span style=\"left:{:.2f}%\">{}</span>", 100 * tick.share, escaped(tick.text));
  append(out, "</div><p>{}</p></td><td></td></tr></tbody></table>{}{}</figure>", escaped(chart.axis),
         caption_html(chart.caption), details(chart.data ? *chart.data : data, language));
  return out;
}

std::string table_html(Table const& table) {
  std::vector<bool> right(table.columns.size(),
                          true);  // a column is right-aligned when all of its cells look like numbers
  for (auto const& row : table.rows) {
    for (std::size_t i = 0; i < std::min(row.size(), right.size()); ++i)
      right[i] = right[i] && (row[i].empty() || looks_like_number(row[i]));
  }
  auto const align = [&](std::size_t i) {
    return i < right.size() && right[i] && !table.rows.empty() ? " class=\"number\"" : "";
  };
  std::string out = "<div class=\"scroll\" tabindex=\"0\"><table class=\"data\"><thead><tr>";
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    append(out, "<th scope=\"col\"{}>{}</th>", align(i), escaped(table.columns[i]));
  out += "</tr></thead><tbody>";
  for (auto const& row : table.rows) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i == 0) append(out, "<th scope=\"row\"{}>{}</th>", align(i), escaped(row[i]));
      else append(out, "<td{}>{}</td>", align(i), escaped(row[i]));
    }
    out += "</tr>";
  }
  out += "</tbody></table></div>";
  if (!table.note.empty()) append(out, "<p class=\"small\">{}</p>", escaped(table.note));
  return out;
}

std::vector<Point> thinned(std::vector<Point> const& points, Axis const& x, Axis const& y, std::size_t limit) {
  if (points.size() <= limit) return points;
  std::vector<double> xs, ys;
  for (Point const& point : points) {
    xs.push_back(point.x);
    ys.push_back(point.y);
  }
  Scale const x_scale = scale_of(xs, x, 0);
  Scale const y_scale = scale_of(ys, y, 0);
  // Step 1. Of points that would cover each other, cells of about two pixels, the first stands for all.
  constexpr double columns = 512, rows = 256;
  std::set<std::pair<int, int>> taken;
  std::vector<Point> apart;
  for (Point const& point : points) {
    if (!x_scale.shows(point.x) || !y_scale.shows(point.y)) continue;
    auto const cell =
        std::pair(static_cast<int>(x_scale.share(point.x) * columns), static_cast<int>(y_scale.share(point.y) * rows));
    if (taken.insert(cell).second) apart.push_back(point);
  }
  if (apart.size() <= limit) return apart;
  // Step 2. Still too many: every k-th, which keeps their density; a coarser grid would draw stripes.
  std::vector<Point> kept;
  for (std::size_t i = 0; i < limit; ++i) kept.push_back(apart[i * apart.size() / limit]);
  return kept;
}

std::string_view chart_style() {
  return R"css(
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--ink:#1b2430;--soft:#5a6675;--line:#dfe3e8;--grid:#e9ecf0;
--c0:#2563b0;--c1:#d0660a;--c2:#0f8a72;--c3:#a8327f;--c4:#6b57c4;--c5:#8a7000;--good:#12805c;--bad:#c2362f;--muted:#98a2ae}
@media (prefers-color-scheme:dark){:root{--page:#12161c;--card:#1a2028;--ink:#e6eaf0;--soft:#9ba7b6;--line:#2d3641;--grid:#28303a;
--c0:#6aa5ee;--c1:#f09a4d;--c2:#46c2a6;--c3:#e07fc0;--c4:#a898f2;--c5:#d3b84a;--good:#4fc796;--bad:#f0827b;--muted:#6d7886}}
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}
.good{--c:var(--good)}.bad{--c:var(--bad)}.muted{--c:var(--muted)}.ink{--c:var(--ink)}
.chart{margin:0;min-width:0}
.chart svg{display:block;overflow:visible}
.chart svg *{vector-effect:non-scaling-stroke}
.frame{position:relative;height:var(--h);margin:.5rem .5rem 0 calc(var(--w) + 1rem)}
.plot{width:100%;height:100%}
.grid{stroke:var(--grid);stroke-width:1;fill:none}
.reference{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:5 4;fill:none}
.reference-name{position:absolute;left:.25rem;transform:translateY(-105%);font-size:.75rem;color:var(--soft);pointer-events:none;
text-shadow:0 0 3px var(--card),0 0 3px var(--card),0 0 3px var(--card)}
.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.line.thin{stroke-width:1.25;opacity:.55}.line.thin:hover{stroke-width:3;opacity:1}
.band{fill:var(--c);opacity:.16;stroke:none}
.dot,.hover,.marker{fill:none;stroke:var(--c);stroke-linecap:round;stroke-width:6}
.dot{opacity:.75}.dot.muted{stroke-width:5;opacity:.6}.dot.good{stroke-width:10;opacity:1}
.hover{stroke-width:12;opacity:0}.hover:hover{opacity:.45}.dot:hover{opacity:1;stroke-width:9}
.y-label{color:var(--soft);font-size:.8rem}
.y-tick{position:absolute;right:calc(100% + .5rem);transform:translateY(-50%);color:var(--soft);font-size:.75rem;white-space:nowrap;
font-variant-numeric:tabular-nums;max-width:16ch;overflow:hidden;text-overflow:ellipsis}
.x-ticks{position:relative;height:1.3rem;margin:.3rem .5rem 0 calc(var(--w) + 1rem);font-size:.75rem;color:var(--soft)}
.x-ticks span,.rows .axis span{position:absolute;transform:translateX(-50%);white-space:nowrap;font-variant-numeric:tabular-nums}
.x-ticks.crowded{height:4.5rem}
.x-ticks.crowded span{transform:translateX(-100%) rotate(-40deg);transform-origin:100% 0;max-width:6rem;overflow:hidden;text-overflow:ellipsis}
.x-label{text-align:center;color:var(--soft);font-size:.8rem}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1rem;font-size:.8rem;margin-bottom:.4rem}
.key{display:inline-flex;align-items:center;gap:.4rem}
.key::before{content:"";flex:none;width:1rem;height:0;border-top:3px solid var(--c);border-radius:2px}
.key-dot::before{width:.55rem;height:.55rem;border:0;border-radius:50%;background:var(--c)}
.rows{width:100%;border-collapse:collapse;font-size:.875rem}
.rows th{font-weight:500;text-align:left;padding:.1rem .75rem .1rem 0;min-width:9rem;overflow-wrap:anywhere}
.rows td{padding:0}
.rows .track{width:48%;min-width:6rem;height:1.9rem;position:relative}
.rows svg{position:absolute;left:0;top:0;width:100%;height:100%}
.rows .value{padding:.1rem 0 .1rem 1rem;white-space:nowrap;font-variant-numeric:tabular-nums}
.bar{fill:var(--c);opacity:.75}
.whisker{stroke:var(--c);stroke-width:2;fill:none}
.marker{stroke-width:9}
.rows .axis .track{height:auto}
.rows .axis div{position:relative;height:1.2rem;font-size:.75rem;color:var(--soft)}
.rows .axis p{margin:0;text-align:center;font-size:.8rem;color:var(--soft)}
.scroll{overflow-x:auto;max-height:30rem;overflow-y:auto}
.data{border-collapse:collapse;font-size:.85rem;min-width:40%}
.data th,.data td{padding:.35rem .75rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
.data th:first-child{padding-left:0}
.data thead th{color:var(--soft);font-weight:500;font-size:.8rem;vertical-align:bottom}
.data tbody th{font-weight:500;min-width:8rem}.data tbody th.number{min-width:0}
.data .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.small{color:var(--soft);font-size:.8rem;margin:.4rem 0 0}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
details{margin-top:.5rem;font-size:.8rem}
summary{cursor:pointer;color:var(--soft);width:max-content}
@media (max-width:36rem){.rows tr{display:grid;grid-template-columns:1fr auto;align-items:baseline}.rows .track{grid-area:2/1/3/3;width:auto}
.rows .axis .track{grid-area:1/1/2/3}.rows .axis td:not(.track){display:none}.rows th{padding-right:.5rem;min-width:0}.rows .value{padding-left:.5rem;white-space:normal;text-align:right}}
@media print{details:not([open]){display:none}}
)css";
}

}  // namespace regulus::lab
