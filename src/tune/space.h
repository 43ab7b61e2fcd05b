// Search spaces: from the declared tunable settings to distributions, and from a proposed point back to settings.
//
// A point is a map from name to *internal* value (domain/trial.h): what samplers compute with and what a study stores.
// External values are what the settings read.
#pragma once

#include <map>
#include <span>
#include <string>

#include "core/config.h"
#include "domain/trial.h"

namespace regulus::tune {

// uniform and log become Float or Int, among a categorical over numbers, on_off a categorical [false, true].
SearchSpace search_space(std::span<TunedDimension const> dimensions);

// The point of the declared defaults, for the first trial of a study. Dimensions whose default is no member of the
// search (an absent layer, a value that is none of the candidates) are left out and remain for the sampler.
std::map<std::string, double> default_params(std::span<TunedDimension const> dimensions);

// A flat object of external values in order of name, as apply_flat reads it. Every name of `params` must be in `space`.
Json external_params(SearchSpace const& space, std::map<std::string, double> const& params);

// One possible value only: never sampled, and no information for a model.
bool is_single(Distribution const& distribution);
double single_value(Distribution const& distribution);

// Whether an internal value can be drawn from the distribution: inside the bounds, on the grid, the index of a choice.
bool contains(Distribution const& distribution, double internal);

// Whether a stored value can be shown on the distribution's scale at all: finite, positive for a logarithm, the index
// of a choice. A value outside the bounds can, as an enqueued trial may have one.
bool is_observable(Distribution const& distribution, double internal);

}  // namespace regulus::tune
