#include "dispatch/learned/value_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/json.h"
#include "dispatch/learned/plan_features.h"

namespace regulus::dispatch {

namespace {

std::string architecture_of(nn::Shape const& shape) {
  return fmt::format("relu {}-{}{}{}", shape.inputs, fmt::join(shape.hidden, "-"), shape.hidden.empty() ? "" : "-",
                     shape.outputs);
}

std::string hash_text(std::string_view text) { return fmt::format("{:016x}", key_of(text)); }

std::string scales_text() {
  return Json::array_of(std::vector(feature_scales().begin(), feature_scales().end())).dump();
}

Result<std::string> entry(nn::ModelFile const& file, std::string const& key) {
  auto const found = file.metadata.find(key);
  if (found != file.metadata.end()) return found->second;
  return invalid(fmt::format("metadata \"{}\" is missing: not a dispatch model of this program", key));
}

Status expect(nn::ModelFile const& file, std::string const& key, std::string_view ours, std::string_view what) {
  Result<std::string> const theirs = entry(file, key);
  if (!theirs) return theirs.error();
  if (*theirs == ours) return ok();
  return invalid(
      fmt::format("{} is {}, this program uses {}; train the model again with this program", what, *theirs, ours));
}

// A number that is not negative.
Result<double> number(nn::ModelFile const& file, std::string const& key) {
  Result<std::string> const text = entry(file, key);
  if (!text) return text.error();
  Result<Json> const json = parse_json(*text);
  if (json && json->is_number() && json->as_number() >= 0 && std::isfinite(json->as_number())) return json->as_number();
  return invalid(fmt::format("{} = {} is no number from 0 on", key, *text));
}

// Files of one kind of day, and older ones, have the number alone.
Result<Trust> trust_of(nn::ModelFile const& file) {
  Result<double> const otherwise = number(file, "trust");
  if (!otherwise) return otherwise.error();
  Trust trust(*otherwise);
  auto const found = file.metadata.find("trust_by_kind");
  if (found == file.metadata.end()) return trust;
  Result<Json> const json = parse_json(found->second);
  auto const wrong = [&] {
    return invalid(fmt::format("trust_by_kind = {} is no object of numbers from 0 on by kind of day", found->second));
  };
  if (!json || !json->is_object()) return wrong();
  for (auto const& [kind, value] : json->as_object()) {
    if (!value.is_number() || value.as_number() < 0 || !std::isfinite(value.as_number())) return wrong();
    trust.by_kind[kind] = value.as_number();
  }
  return trust;
}

// Units of the hidden layers, from metadata.
Result<std::vector<int>> hidden_of(nn::ModelFile const& file) {
  Result<std::string> const text = entry(file, "hidden");
  if (!text) return text.error();
  Result<Json> const json = parse_json(*text);
  auto const wrong = [&] { return invalid(fmt::format("hidden = {} is no list of layer sizes from 1 to 512", *text)); };
  if (!json || !json->is_array() || json->as_array().size() > 8) return wrong();
  std::vector<int> hidden;
  for (Json const& units : json->as_array()) {
    if (!units.is_integer() || units.as_integer() < 1 || units.as_integer() > 512) return wrong();
    hidden.push_back(static_cast<int>(units.as_integer()));
  }
  return hidden;
}

}  // namespace

double Trust::in(std::string_view kind) const {
  auto const found = by_kind.find(kind);
  return found == by_kind.end() ? otherwise : found->second;
}

double Trust::highest() const {
  double highest = otherwise;
  for (auto const& [kind, trust] : by_kind) highest = std::max(highest, trust);
  return highest;
}

double Opinion::value(std::span<float const> row) const { return trust * model.value(row); }

std::optional<Opinion> ValueModel::opinion_on(FleetSnapshot const& fleet) const {
  auto const drivers = static_cast<std::int64_t>(fleet.drivers.size());
  if (knows_nothing() || drivers < fleet_.fewest || drivers > fleet_.most) return std::nullopt;
  double const trust = trust_.in(fleet.day->name);
  if (trust == 0) return std::nullopt;
  return Opinion{*this, trust};
}

ValueModel::ValueModel(ValueNetwork const& value)
    : francs_(value.reward_scale), trust_(value.trust), fleet_(value.fleet) {
  if (value.trust.highest() == 0) return;
  nn::Network const& network = value.network;
  nn::Shape const& shape = network.shape();
  REGULUS_CHECK(shape.outputs == 1 && !shape.layer_norm);
  auto const parameters = network.parameters();
  for (nn::Block const& block : network.blocks()) {
    auto const values = parameters.subspan(block.offset, block.size());
    if (block.name.ends_with(".bias")) {
      REGULUS_CHECK(!layers_.empty() && layers_.back().bias.empty());
      layers_.back().bias.assign(values.begin(), values.end());
      continue;
    }
    Layer& layer = layers_.emplace_back();
    layer.inputs = block.cols;
    layer.outputs = block.rows;
    layer.weight.resize(block.size());
    for (int o = 0; o < layer.outputs; ++o) {
      for (int i = 0; i < layer.inputs; ++i) {
        layer.weight[static_cast<std::size_t>(i * layer.outputs + o)] =
            values[static_cast<std::size_t>(o * layer.inputs + i)];
      }
    }
  }
}

std::size_t ValueModel::parameters() const {
  std::size_t count = 0;
  for (Layer const& layer : layers_) count += layer.weight.size() + layer.bias.size();
  return count;
}

double ValueModel::value(std::span<float const> row) const {
  if (layers_.empty()) return 0;
  constexpr std::size_t widest = 512;
  std::array<float, widest> a, b;
  float* out = a.data();
  float* spare = b.data();
  std::span<float const> in = row;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Layer const& layer = layers_[l];
    auto const width = static_cast<std::size_t>(layer.outputs);
    std::copy(layer.bias.begin(), layer.bias.end(), out);
    for (std::size_t i = 0; i < static_cast<std::size_t>(layer.inputs); ++i) {
      float const x = in[i];
      if (x == 0) continue;
      float const* const w = layer.weight.data() + i * width;
      for (std::size_t o = 0; o < width; ++o) out[o] += x * w[o];
    }
    if (l + 1 == layers_.size()) break;
    for (std::size_t o = 0; o < width; ++o) out[o] = std::max(out[o], 0.0F);
    in = {out, width};
    std::swap(out, spare);
  }
  // Weights of a crafted file may be finite and still add up to nothing finite: such a value has no opinion.
  double const francs = francs_ * static_cast<double>(out[0]);
  return std::isfinite(francs) ? std::clamp(francs, -1e7, 1e7) : 0;
}

nn::ModelFile encode_model(ValueNetwork const& value) {
  nn::Network const& network = value.network;
  nn::ModelFile file;
  std::string const architecture = architecture_of(network.shape());
  file.metadata = {{"format", std::string(model_format)},
                   {"schema", std::string(plan_schema)},
                   {"feature_scales", scales_text()},
                   {"hidden", Json::array_of(network.shape().hidden).dump()},
                   {"architecture", architecture},
                   {"architecture_hash", hash_text(architecture)},
                   {"reward_scale", Json(value.reward_scale).dump()},
                   {"trust", Json(value.trust.otherwise).dump()},
                   {"fewest_drivers", Json(value.fleet.fewest).dump()},
                   {"most_drivers", Json(value.fleet.most).dump()}};
  if (!value.trust.by_kind.empty()) {
    Json kinds = Json::object();
    for (auto const& [kind, trust] : value.trust.by_kind) kinds[kind] = trust;
    file.metadata["trust_by_kind"] = kinds.dump();
  }
  file.tensors = nn::tensors_of(network);
  return file;
}

Result<ValueNetwork> decode_network(nn::ModelFile const& file) {
  // Step 1. Ours, and of the same meaning.
  if (Status s = expect(file, "format", model_format, "format"); !s) return s.error();
  if (Status s = expect(file, "schema", plan_schema, "feature schema"); !s) return s.error();
  if (Status s = expect(file, "feature_scales", scales_text(), "the scaling of features"); !s) return s.error();
  Result<std::vector<int>> const hidden = hidden_of(file);
  if (!hidden) return hidden.error();
  ValueNetwork value;
  value.network = nn::Network({.inputs = plan_features, .hidden = *hidden, .outputs = 1}, Rng(0));
  nn::Network& network = value.network;
  std::string const architecture = architecture_of(network.shape());
  if (Status s = expect(file, "architecture_hash", hash_text(architecture), "architecture hash"); !s) return s.error();
  if (network.parameters().size() > most_parameters) {
    return invalid(
        fmt::format("{} parameters; a dispatch model has at most {}", network.parameters().size(), most_parameters));
  }
  Result<double> const scale = number(file, "reward_scale");
  if (!scale) return scale.error();
  Result<Trust> trust = trust_of(file);
  if (!trust) return trust.error();
  if (*scale == 0) return invalid("reward_scale = 0 is not positive");
  value.reward_scale = *scale;
  value.trust = trust.take();
  Result<double> const fewest = number(file, "fewest_drivers"), most = number(file, "most_drivers");
  if (!fewest) return fewest.error();
  if (!most) return most.error();
  if (*fewest > *most || *most > 1e6) {
    return invalid(fmt::format("fewest_drivers = {} and most_drivers = {} are no range of fleets", *fewest, *most));
  }
  value.fleet = {.fewest = static_cast<int>(*fewest), .most = static_cast<int>(*most)};

  // Step 2. The weights.
  if (Status loaded = nn::load_tensors(file, network); !loaded) return loaded.error();
  return value;
}

Result<ValueModel> decode_model(nn::ModelFile const& file) {
  Result<ValueNetwork> const value = decode_network(file);
  if (!value) return value.error();
  return ValueModel(*value);
}

Result<std::shared_ptr<ValueModel const>> load_value_model(std::filesystem::path const& path) {
  Result<nn::ModelFile> const file = nn::read_model(path);
  if (!file) return file.error();
  Result<ValueModel> model = decode_model(*file);
  if (!model) return model.error().in(path.string());
  return std::shared_ptr<ValueModel const>(std::make_shared<ValueModel const>(model.take()));
}

}  // namespace regulus::dispatch
