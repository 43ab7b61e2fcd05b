#include "domain/trial.h"

#include <fmt/format.h>

#include <cmath>

#include "core/fields.h"

namespace regulus {
namespace {

Result<double> number_at(Json const& attributes, std::string_view key) {
  Json const* member = attributes.find(key);
  if (member == nullptr || !member->is_number())
    return invalid(fmt::format("distribution attribute {} is not a number", key));
  return member->as_number();
}

bool flag_at(Json const& attributes, std::string_view key) {
  Json const* member = attributes.find(key);
  return member != nullptr && member->is_bool() && member->as_bool();
}

}  // namespace

Json external_value(Distribution const& distribution, double internal) {
  if (auto const* categorical = std::get_if<CategoricalDistribution>(&distribution)) {
    REGULUS_CHECK(internal >= 0 && internal < static_cast<double>(categorical->choices.size()));
    return categorical->choices[static_cast<std::size_t>(internal)];
  }
  if (std::holds_alternative<IntDistribution>(distribution))
    return Json(static_cast<std::int64_t>(std::llround(internal)));
  return Json(internal);
}

Result<double> internal_value(Distribution const& distribution, Json const& external) {
  if (auto const* categorical = std::get_if<CategoricalDistribution>(&distribution)) {
    for (std::size_t i = 0; i < categorical->choices.size(); ++i) {
      Json const& choice = categorical->choices[i];
      bool const same_number = choice.is_number() && external.is_number() && choice.as_number() == external.as_number();
      if (choice == external || same_number) return static_cast<double>(i);
    }
    return invalid(fmt::format("{} is not one of the choices", external.dump()));
  }
  if (!external.is_number()) return invalid(fmt::format("{} is not a number", external.dump()));
  return external.as_number();
}

Json distribution_to_json(Distribution const& distribution) {
  if (auto const* f = std::get_if<FloatDistribution>(&distribution)) {
    return Json::object(
        {{"name", "FloatDistribution"},
         {"attributes",
          Json::object(
              {{"step", f->step ? Json(*f->step) : Json()}, {"low", f->low}, {"high", f->high}, {"log", f->log}})}});
  }
  if (auto const* i = std::get_if<IntDistribution>(&distribution)) {
    return Json::object(
        {{"name", "IntDistribution"},
         {"attributes", Json::object({{"log", i->log}, {"step", i->step}, {"low", i->low}, {"high", i->high}})}});
  }
  auto const& categorical = std::get<CategoricalDistribution>(distribution);
  return Json::object(
      {{"name", "CategoricalDistribution"}, {"attributes", Json::object({{"choices", Json(categorical.choices)}})}});
}

Result<Distribution> distribution_from_json(Json const& json) {
  Json const* name = json.find("name");
  Json const* attributes = json.find("attributes");
  if (name == nullptr || !name->is_string() || attributes == nullptr || !attributes->is_object()) {
    return invalid("a distribution needs \"name\" and \"attributes\"");
  }
  if (name->as_string() == "CategoricalDistribution") {
    Json const* choices = attributes->find("choices");
    if (choices == nullptr || !choices->is_array() || choices->as_array().empty())
      return invalid("distribution without choices");
    return Distribution(CategoricalDistribution{choices->as_array()});
  }
  Result<double> const low = number_at(*attributes, "low");
  if (!low) return low.error();
  Result<double> const high = number_at(*attributes, "high");
  if (!high) return high.error();
  if (!(*low <= *high)) return invalid(fmt::format("distribution low {} is above high {}", *low, *high));
  bool const log = flag_at(*attributes, "log");
  if (log && *low <= 0) return invalid(fmt::format("a logarithmic distribution cannot start at {}", *low));
  Json const* step = attributes->find("step");
  bool const stepped = step != nullptr && step->is_number();
  if (stepped && !(step->as_number() > 0)) {
    return invalid(fmt::format("distribution step {} is not above 0", step->as_number()));
  }
  if (name->as_string() == "FloatDistribution") {
    FloatDistribution f{.low = *low, .high = *high, .log = log, .step = std::nullopt};
    if (stepped) f.step = step->as_number();
    if (log && stepped) return invalid(fmt::format("a logarithmic distribution has no step, but {} is given", *f.step));
    return Distribution(f);
  }
  if (name->as_string() == "IntDistribution") {
    auto const first = whole_number(*attributes->find("low"));
    auto const last = whole_number(*attributes->find("high"));
    auto const stride = stepped ? whole_number(*step) : 1;
    if (!first || !last || !stride) return invalid("an integer distribution needs integers as low, high and step");
    return Distribution(IntDistribution{.low = *first, .high = *last, .log = log, .step = *stride});
  }
  return invalid(fmt::format("unknown distribution {}", name->as_string()));
}

}  // namespace regulus
