// Samplers propose the parameters of the next trial.
//
// A sampler is a function: the same space, the same visible trials, the same random stream, the same proposal. It keeps
// nothing between calls, so a study resumed after a crash, or served by another process, goes on exactly as it would
// have. Which trials may be seen is the business of tune/schedule.h.
//
// To add one: a file samplers/<name>.cpp that defines make_<name>_sampler, a line in samplers.def, and it is a choice
// of
// --sampler, is listed in the reference and runs through tests/contracts/samplers_test.cpp.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/fields.h"
#include "core/rng.h"
#include "domain/trial.h"

namespace regulus::tune {

class Sampler {
 public:
  virtual ~Sampler() = default;

  // One value for each parameter of `space`, inside its distribution. `visible` holds finished trials and running ones,
  // of which only the parameters are known, in order of number. Failed trials are ignored: they carry no value to learn
  // from.
  virtual std::map<std::string, double> propose(SearchSpace const& space, std::span<Trial const> visible, Rng rng,
                                                Direction direction) const = 0;
};

struct SamplerConfig {
  int tpe_startup_trials = 10;
  int tpe_candidates = 24;
  bool tpe_multivariate = true;

  static constexpr auto fields() {
    return std::tuple{
        field(&SamplerConfig::tpe_startup_trials, "tpe_startup_trials",
              "Trials proposed at random before the model takes over; complete and pruned ones count.",
              range(0, 10'000)),
        field(&SamplerConfig::tpe_candidates, "tpe_candidates",
              "Points drawn from the good mixture, of which the most promising is proposed.", range(1, 10'000)),
        field(&SamplerConfig::tpe_multivariate, "tpe_multivariate",
              "Model the parameters jointly; off models each by itself."),
    };
  }
};
static_assert(describes_every_member<SamplerConfig>());

// Errors: invalid, naming the known samplers.
Result<std::unique_ptr<Sampler>> make_sampler(std::string_view name, SamplerConfig const& config = {});
std::vector<std::string> sampler_names();

// The stream for the proposal of one trial.
inline Rng proposal_rng(std::uint64_t study_seed, int number) {
  return Rng(study_seed).stream(Purpose::sampler, static_cast<std::uint64_t>(number));
}

}  // namespace regulus::tune
