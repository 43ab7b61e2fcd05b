// The reference vectors of Optuna 5 in tests/golden/tpe_golden.json, and NumPy's way of drawing uniforms.
#pragma once

#include <random>
#include <string>

#include "core/files.h"
#include "core/json.h"
#include "domain/trial.h"
#include "tune/uniform_source.h"

namespace regulus::tune {

inline Json const& golden() {
  static Json const json = *parse_json(*read_file(REGULUS_SOURCE_DIR "/tests/golden/tpe_golden.json"));
  return json;
}

inline Json const& at(Json const& object, std::string_view key) {
  Json const* member = object.find(key);
  REGULUS_CHECK(member != nullptr);
  return *member;
}

inline std::vector<double> numbers(Json const& list) {
  std::vector<double> out;
  for (Json const& item : list.as_array()) out.push_back(item.as_number());
  return out;
}

// numpy.random.RandomState(seed): MT19937 seeded by init_genrand, 53 bits from two words. Its state lives on between
// trials.
class NumpySource final : public UniformSource {
 public:
  explicit NumpySource(unsigned seed) : generator_(seed) {}
  using UniformSource::uniform;
  double uniform() override {
    auto const high = static_cast<double>(generator_() >> 5U);
    auto const low = static_cast<double>(generator_() >> 6U);
    return (high * 67108864.0 + low) / 9007199254740992.0;
  }

 private:
  std::mt19937 generator_;
};

}  // namespace regulus::tune
