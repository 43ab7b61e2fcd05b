#include "core/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace regulus {
namespace {

std::vector<std::string> names_of(std::span<Setting const> settings, bool leaf) {
  std::vector<std::string> names;
  for (Setting const& s : settings) names.push_back(leaf ? s.name : s.path);
  return names;
}

Setting const* find(std::span<Setting const> settings, std::string_view name) {
  for (Setting const& s : settings) {
    if (s.path == name || s.name == name) return &s;
  }
  return nullptr;
}

std::string text_of(double value) { return Json(value).dump(); }

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "infinity" : "-infinity";
  if (std::nearbyint(value) == value && std::abs(value) < 1e15)
    return fmt::format("{}", static_cast<std::int64_t>(value));
  return text_of(value);
}

// "hidden_sizes" spans hidden_size_1, hidden_size_2, …
std::string layer_name(Setting const& setting, std::size_t layer) {
  std::string stem = setting.name;
  if (!stem.empty() && stem.back() == 's') stem.pop_back();
  return fmt::format("{}_{}", stem, layer + 1);
}

struct LayerRef {
  Setting const* setting;
  std::size_t layer;
};

std::optional<LayerRef> find_layer(std::span<Setting const> settings, std::string_view name) {
  for (Setting const& s : settings) {
    if (s.type != SettingType::list) continue;
    for (std::size_t layer = 0; layer < 8; ++layer) {
      if (layer_name(s, layer) == name) return LayerRef{&s, layer};
    }
  }
  return std::nullopt;
}

Status apply_object(std::span<Setting const> settings, Json const& object, std::string const& prefix) {
  if (!object.is_object()) {
    return invalid(
        fmt::format("{} = {} should be an object", prefix.empty() ? "configuration" : prefix, object.dump()));
  }
  for (auto const& [key, value] : object.as_object()) {
    std::string const path = prefix.empty() ? key : prefix + "." + key;
    auto const leaf = std::ranges::find(settings, path, &Setting::path);
    if (leaf != settings.end()) {
      if (Status set = leaf->set(value); !set) return set;
      continue;
    }
    bool const inner = std::ranges::any_of(settings, [&](Setting const& s) { return s.path.starts_with(path + "."); });
    if (!inner) {
      // Suggest among the keys that this object may hold, then among all.
      std::vector<std::string> here;
      for (Setting const& s : settings) {
        if (prefix.empty() || s.path.starts_with(prefix + ".")) {
          std::string const rest = s.path.substr(prefix.empty() ? 0 : prefix.size() + 1);
          here.push_back(path.substr(0, path.size() - key.size()) + rest.substr(0, rest.find('.')));
        }
      }
      std::string hint = suggestion(path, here);
      if (hint.empty()) hint = suggestion(path, names_of(settings, false));
      if (hint.empty()) {
        // The right leaf in the wrong section.
        for (Setting const& s : settings) {
          if (s.name == key) hint = fmt::format(", did you mean {}?", s.path);
        }
      }
      return invalid(fmt::format("{} = {} is not a known setting{}", path, value.dump(), hint));
    }
    if (Status set = apply_object(settings, value, path); !set) return set;
  }
  return ok();
}

}  // namespace

Status check_number(Setting const& setting, double value) {
  if (std::isfinite(value) && value >= setting.options.lowest && value <= setting.options.highest) return ok();
  return invalid(fmt::format("{} = {} is outside [{}, {}]", setting.path, number_text(value),
                             number_text(setting.options.lowest), number_text(setting.options.highest)));
}

Status wrong_kind(Setting const& setting, Json const& value, std::string_view expected) {
  std::string hint;
  if (value.is_string() && !setting.choices.empty()) hint = suggestion(value.as_string(), setting.choices);
  return invalid(fmt::format("{} = {} should be {}{}", setting.path, value.dump(), expected, hint));
}

std::optional<std::int64_t> whole_number(Json const& value) {
  if (value.is_integer()) return value.as_integer();
  if (!value.is_number()) return std::nullopt;
  double const real = value.as_number();
  // Beyond 2^53 a real no longer says which integer was meant.
  if (std::nearbyint(real) != real || std::abs(real) > 0x1p53) return std::nullopt;
  return static_cast<std::int64_t>(real);
}

double shortest(float value) {
  std::string const text = fmt::format("{}", value);
  double real = value;
  std::from_chars(text.data(), text.data() + text.size(), real);
  return real;
}

Json to_json(std::span<Setting const> settings) {
  Json root = Json::object();
  for (Setting const& s : settings) {
    Json* at = &root;
    std::string_view rest = s.path;
    for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      at = &(*at)[rest.substr(0, dot)];
      rest.remove_prefix(dot + 1);
    }
    (*at)[rest] = s.get();
  }
  return root;
}

Status apply_json(std::span<Setting const> settings, Json const& object) { return apply_object(settings, object, ""); }

Status apply_flat(std::span<Setting const> settings, Json const& object) {
  if (!object.is_object()) return invalid(fmt::format("parameters should be an object, not {}", object.kind()));
  for (auto const& [key, value] : object.as_object()) {
    if (Setting const* s = find(settings, key)) {
      if (Status set = s->set(value); !set) return set;
    } else if (auto const layer = find_layer(settings, key)) {
      Json list = layer->setting->get();
      while (list.as_array().size() <= layer->layer) list.push_back(value);
      list.as_array()[layer->layer] = value;
      if (Status set = layer->setting->set(list); !set) return set.error().in(key);
    } else {
      return invalid(fmt::format("{} = {} is not a known setting{}", key, value.dump(),
                                 suggestion(key, names_of(settings, true))));
    }
  }
  return ok();
}

Status apply_text(std::span<Setting const> settings, std::string_view name, std::string_view text) {
  Setting const* s = find(settings, name);
  if (s == nullptr) {
    return invalid(fmt::format("{} is not a known setting{}", name, suggestion(name, names_of(settings, true))));
  }
  switch (s->type) {
    case SettingType::text:
    case SettingType::choice:
      return s->set(Json(text));
    case SettingType::list: {
      std::string listed(text);
      if (listed.empty() || listed.front() != '[') listed = "[" + listed + "]";
      Result<Json> value = parse_json(listed);
      return s->set(value ? *value : Json(text));
    }
    case SettingType::flag:
    case SettingType::integer:
    case SettingType::real: {
      Result<Json> value = parse_json(text);
      // Command lines write .5 and 1e-3 in ways JSON does not know; from_chars does.
      double number = 0;
      auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (!value && problem == std::errc() && end == text.data() + text.size()) return s->set(Json(number));
      return s->set(value ? *value : Json(text));
    }
  }
  return ok();
}

Status apply_environment(std::span<Setting const> settings, std::function<char const*(char const*)> const& lookup) {
  for (Setting const& s : settings) {
    std::string const variable = environment_variable(s);
    char const* const text = lookup(variable.c_str());
    if (text == nullptr) continue;
    if (Status set = apply_text(settings, s.path, text); !set)
      return set.error().in("environment variable " + variable);
  }
  return ok();
}

std::string environment_variable(Setting const& setting) {
  std::string name = "REGULUS_";
  for (char c : setting.path) name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string flag_name(Setting const& setting) {
  std::string name = "--" + setting.name;
  std::ranges::replace(name, '_', '-');
  return name;
}

std::string allowed_values(Setting const& setting) {
  switch (setting.type) {
    case SettingType::flag:
      return "true or false";
    case SettingType::text:
      return "text";
    case SettingType::choice:
      return fmt::format("{}", fmt::join(setting.choices, ", "));
    case SettingType::integer:
    case SettingType::real:
    case SettingType::list:
      break;
  }
  bool const low = std::isfinite(setting.options.lowest);
  bool const high = std::isfinite(setting.options.highest);
  std::string const lists = setting.type == SettingType::list ? "list, each " : "";
  if (low && high)
    return fmt::format("{}{} to {}", lists, number_text(setting.options.lowest), number_text(setting.options.highest));
  if (low) return fmt::format("{}{} or more", lists, number_text(setting.options.lowest));
  if (high) return fmt::format("{}{} or less", lists, number_text(setting.options.highest));
  return lists + "any number";
}

std::string reference_page(std::span<Setting const> settings) {
  std::string page =
      "| setting | flag | environment variable | default | allowed | tuned in | meaning "
      "|\n|---|---|---|---|---|---|---|\n";
  for (Setting const& s : settings) {
    std::string tuned;
    for (TunedDimension const& d : tuned_dimensions(s)) {
      if (!tuned.empty()) tuned += "; ";
      if (!d.candidates.empty()) {
        std::vector<std::string> texts;
        for (double c : d.candidates) texts.push_back(number_text(c));
        tuned += fmt::format("{{{}}}", fmt::join(texts, ", "));
      } else if (d.tuning == FieldOptions::Tuning::on_off) {
        tuned += "on, off";
      } else {
        tuned += fmt::format("{} to {}{}", number_text(d.low), number_text(d.high),
                             d.tuning == FieldOptions::Tuning::log ? ", log" : "");
      }
    }
    page += fmt::format("| `{}` | `{}` | `{}` | `{}` | {} | {} | {} |\n", s.path, flag_name(s), environment_variable(s),
                        s.get().dump(), allowed_values(s), tuned, s.help);
  }
  return page;
}

std::string value_table(std::span<Setting const> settings) {
  std::string page = "| name | default | allowed | meaning |\n|---|---|---|---|\n";
  for (Setting const& s : settings) {
    page += fmt::format("| `{}` | `{}` | {} | {} |\n", s.path, s.get().dump(), allowed_values(s), s.help);
  }
  return page;
}

std::optional<std::string> nearest_name(std::string_view name, std::span<std::string const> known) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (std::string const& candidate : known) {
    // Levenshtein distance, one row at a time.
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        std::size_t const replaced = diagonal + (name[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, std::span<std::string const> known) {
  auto const nearest = nearest_name(name, known);
  return nearest ? fmt::format(", did you mean {}?", *nearest) : "";
}

std::vector<TunedDimension> tuned_dimensions(Setting const& setting) {
  FieldOptions const& o = setting.options;
  auto const slice = [&](std::size_t from, std::size_t count) {
    return std::vector<double>(o.candidates.begin() + static_cast<std::ptrdiff_t>(from),
                               o.candidates.begin() + static_cast<std::ptrdiff_t>(from + count));
  };
  bool const integer = setting.type == SettingType::integer || setting.type == SettingType::list;
  switch (o.tuning) {
    case FieldOptions::Tuning::none:
      return {};
    case FieldOptions::Tuning::uniform:
    case FieldOptions::Tuning::log:
    case FieldOptions::Tuning::on_off:
      return {{.name = setting.name,
               .tuning = o.tuning,
               .low = o.tune_low,
               .high = o.tune_high,
               .candidates = {},
               .integer = integer,
               .default_value = setting.get()}};
    case FieldOptions::Tuning::among:
      return {{.name = setting.name,
               .tuning = o.tuning,
               .low = 0,
               .high = 0,
               .candidates = slice(0, o.candidate_count),
               .integer = integer,
               .default_value = setting.get()}};
    case FieldOptions::Tuning::per_layer: {
      std::vector<TunedDimension> layers;
      Json const value = setting.get();
      for (std::size_t layer = 0; layer * o.per_layer_count < o.candidate_count; ++layer) {
        bool const present = layer < value.as_array().size();
        layers.push_back({.name = layer_name(setting, layer),
                          .tuning = FieldOptions::Tuning::among,
                          .low = 0,
                          .high = 0,
                          .candidates = slice(layer * o.per_layer_count, o.per_layer_count),
                          .integer = true,
                          .default_value = present ? value.as_array()[layer] : Json()});
      }
      return layers;
    }
  }
  return {};
}

}  // namespace regulus
