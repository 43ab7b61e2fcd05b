#include "tune/samplers/random.h"

#include "tune/numeric_domain.h"
#include "tune/sampler.h"
#include "tune/space.h"

namespace regulus::tune {

double random_value(Distribution const& distribution, UniformSource& source) {
  if (is_single(distribution)) return single_value(distribution);
  if (auto const* categorical = std::get_if<CategoricalDistribution>(&distribution)) {
    std::vector<double> draws(categorical->choices.size());
    for (double& draw : draws) draw = source.uniform();
    return static_cast<double>(std::ranges::max_element(draws) - draws.begin());
  }
  NumericDomain const domain = numeric_domain(distribution);
  return domain.from_model(source.uniform(domain.model_low(), domain.model_high()));
}

namespace {

class RandomSampler final : public Sampler {
 public:
  std::map<std::string, double> propose(SearchSpace const& space, std::span<Trial const>, Rng rng,
                                        Direction) const override {
    RngSource source(rng);
    std::map<std::string, double> params;
    for (auto const& [name, distribution] : space) params.emplace(name, random_value(distribution, source));
    return params;
  }
};

}  // namespace

std::unique_ptr<Sampler> make_random_sampler(SamplerConfig const&) { return std::make_unique<RandomSampler>(); }

}  // namespace regulus::tune
