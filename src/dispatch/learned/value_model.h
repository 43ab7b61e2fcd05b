// A trained value of plans, as dispatch uses it: what a plan will cost beyond what it says.
//
// A model file (safetensors) holds the weights of a small ReLU network over a row of plan features, the constants by
// which the features were scaled, and the full configuration it was trained with. A file of another format, feature
// schema, scaling or architecture is refused by name: a value is only worth something for the numbers it was trained
// on.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "domain/snapshot.h"
#include "nn/model_file.h"
#include "nn/network.h"

namespace regulus::dispatch {

inline constexpr std::string_view model_format = "regulus-dispatch-1";
inline constexpr std::size_t most_parameters = 25'000;

// Numbers of drivers.
struct FleetSizes {
  int fewest = 1, most = 1'000;
};

// How much of a value is believed, by the kind of day (Day::name). A value learned from noisy days overstates
// differences, and a search finds the plan that it overstates most; training chooses how far to go along for each
// family that it learned on (lab/trust.h), and where it is not worth it, not at all.
struct Trust {
  Trust(double everywhere = 1) : otherwise(everywhere) {}  // NOLINT(google-explicit-constructor): a number is a trust
  double otherwise;                                        // on days of a kind that nothing was chosen for
  std::map<std::string, double, std::less<>> by_kind;
  double in(std::string_view kind) const;
  double highest() const;
  friend bool operator==(Trust const&, Trust const&) = default;
};

// A network with what it needs to be a value: one unit of its output is reward_scale francs.
struct ValueNetwork {
  nn::Network network;
  double reward_scale = 1;
  Trust trust{};
  FleetSizes fleet;  // on which it was trained
};

class ValueModel;

// What a value says about the plans of one situation, as far as it is believed there.
struct Opinion {
  ValueModel const& model;
  double trust = 1;  // above 0
  // Francs by which a plan with these features is better than it says; `row` has plan_features values.
  double value(std::span<float const> row) const;
};

class ValueModel {
 public:
  // The value that knows nothing: 0 everywhere.
  ValueModel() = default;
  // Bug check: one output, no LayerNorm.
  explicit ValueModel(ValueNetwork const& value);

  // Francs as they were learned; who decides asks for its opinion.
  double value(std::span<float const> row) const;
  bool knows_nothing() const { return layers_.empty(); }
  // Nothing where it is not believed, and of fleets of a size on which it was not trained: what it would say there is
  // an extrapolation. The model must outlive it.
  std::optional<Opinion> opinion_on(FleetSnapshot const& fleet) const;
  std::size_t parameters() const;

 private:
  struct Layer {
    int inputs = 0, outputs = 0;
    std::vector<float> weight;  // inputs × outputs, so that the inner loop runs over outputs
    std::vector<float> bias;
  };
  std::vector<Layer> layers_;
  double francs_ = 1;
  Trust trust_;
  FleetSizes fleet_;
};

// The file of a model: everything but the configuration, which is its owner's.
nn::ModelFile encode_model(ValueNetwork const& value);
// Errors: invalid (another program's file, format, schema, scaling, architecture; too many parameters), corrupt
// (weights that do not fit or are no numbers). Names the entry and both values.
Result<ValueModel> decode_model(nn::ModelFile const& file);
Result<ValueNetwork> decode_network(nn::ModelFile const& file);
Result<std::shared_ptr<ValueModel const>> load_value_model(std::filesystem::path const& path);

}  // namespace regulus::dispatch
