#include "tune/space.h"

#include <cmath>

#include "core/check.h"
#include "tune/numeric_domain.h"

namespace regulus::tune {
namespace {

Distribution distribution_of(TunedDimension const& dimension) {
  bool const log = dimension.tuning == FieldOptions::Tuning::log;
  switch (dimension.tuning) {
    case FieldOptions::Tuning::uniform:
    case FieldOptions::Tuning::log:
      if (dimension.integer) {
        return IntDistribution{
            .low = std::llround(dimension.low), .high = std::llround(dimension.high), .log = log, .step = 1};
      }
      return FloatDistribution{.low = dimension.low, .high = dimension.high, .log = log, .step = std::nullopt};
    case FieldOptions::Tuning::among: {
      CategoricalDistribution categorical;
      for (double candidate : dimension.candidates) {
        if (dimension.integer) {
          categorical.choices.emplace_back(std::llround(candidate));
        } else {
          categorical.choices.emplace_back(candidate);
        }
      }
      return categorical;
    }
    case FieldOptions::Tuning::on_off:
      return CategoricalDistribution{{Json(false), Json(true)}};
    case FieldOptions::Tuning::none:
    case FieldOptions::Tuning::per_layer:
      break;  // tuned_dimensions never gives these
  }
  check_failed("a dimension is uniform, log, among or on_off", __FILE__, __LINE__);
}

}  // namespace

NumericDomain numeric_domain(Distribution const& distribution) {
  if (auto const* i = std::get_if<IntDistribution>(&distribution)) {
    auto const steps = (i->high - i->low) / i->step;
    return {static_cast<double>(i->low), static_cast<double>(i->low + steps * i->step), static_cast<double>(i->step),
            i->log};
  }
  auto const& f = std::get<FloatDistribution>(distribution);
  if (!f.step) return {f.low, f.high, 0, f.log};
  // Decimal steps are inexact in binary: (0.3 - 0) / 0.1 is a little below 3 and means 3.
  double const steps = std::floor((f.high - f.low) / *f.step + 1e-9);
  return {f.low, std::min(f.high, f.low + steps * *f.step), *f.step, false};
}

SearchSpace search_space(std::span<TunedDimension const> dimensions) {
  SearchSpace space;
  for (TunedDimension const& dimension : dimensions) space.emplace(dimension.name, distribution_of(dimension));
  return space;
}

std::map<std::string, double> default_params(std::span<TunedDimension const> dimensions) {
  std::map<std::string, double> params;
  for (TunedDimension const& dimension : dimensions) {
    Distribution const distribution = distribution_of(dimension);
    Result<double> const value = internal_value(distribution, dimension.default_value);
    if (value && contains(distribution, *value)) params.emplace(dimension.name, *value);
  }
  return params;
}

Json external_params(SearchSpace const& space, std::map<std::string, double> const& params) {
  Json external = Json::object();
  for (auto const& [name, value] : params) {
    auto const found = space.find(name);
    REGULUS_CHECK(found != space.end());
    external[name] = external_value(found->second, value);
  }
  return external;
}

bool is_single(Distribution const& distribution) {
  if (auto const* categorical = std::get_if<CategoricalDistribution>(&distribution))
    return categorical->choices.size() == 1;
  NumericDomain const domain = numeric_domain(distribution);
  return domain.low == domain.high;
}

double single_value(Distribution const& distribution) {
  return std::holds_alternative<CategoricalDistribution>(distribution) ? 0.0 : numeric_domain(distribution).low;
}

bool contains(Distribution const& distribution, double internal) {
  if (auto const* categorical = std::get_if<CategoricalDistribution>(&distribution)) {
    return internal >= 0 && internal < static_cast<double>(categorical->choices.size()) &&
           std::nearbyint(internal) == internal;
  }
  NumericDomain const domain = numeric_domain(distribution);
  if (!(internal >= domain.low && internal <= domain.high)) return false;
  if (domain.step == 0) return true;
  double const steps = (internal - domain.low) / domain.step;
  return std::abs(steps - std::nearbyint(steps)) < 1e-8;
}

bool is_observable(Distribution const& distribution, double internal) {
  if (std::holds_alternative<CategoricalDistribution>(distribution)) return contains(distribution, internal);
  return std::isfinite(internal) && (!numeric_domain(distribution).log || internal > 0);
}

}  // namespace regulus::tune
