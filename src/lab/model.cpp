#include "lab/model.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/rng.h"
#include "dispatch/learned/value_model.h"
#include "lab/classic_environment.h"
#include "lab/scenarios.h"
#include "nn/model_file.h"

namespace regulus::lab {
namespace {

constexpr std::string_view format_name = "regulus-dqn-1";

std::string hash_text(std::string_view text) { return fmt::format("{:016x}", key_of(text)); }

class ModelPolicy : public sim::ClassicPolicy {
 public:
  explicit ModelPolicy(std::shared_ptr<Model const> model)
      : model_(std::move(model)), describer_(model_->config.environment, model_->config.network.kind) {}

  int choose(sim::ClassicWorld const& world, Rng) const override {
    describer_.describe(world, observation_, actions_);
    int const choice = model_->network.best_choice(observation_, scratch_);
    return observation_.has_candidates() ? actions_[static_cast<std::size_t>(choice)] : choice;
  }

 private:
  std::shared_ptr<Model const> model_;
  ClassicEnvironment describer_;
  mutable rl::Observation observation_;
  mutable std::vector<int> actions_;
  mutable rl::QScratch scratch_;
};

Result<std::string> entry(nn::ModelFile const& file, std::string const& key) {
  auto const found = file.metadata.find(key);
  if (found == file.metadata.end()) {
    return invalid(fmt::format("metadata \"{}\" is missing: not a model of this program", key));
  }
  return found->second;
}

// The configuration a model was trained with, its seed, and the days it learned on.
Result<Model> decode_origin(nn::ModelFile const& file) {
  Model model;
  for (auto const& [key, apply] : std::map<std::string, std::function<Status(Json const&)>>{
           {"config", [&](Json const& j) { return apply_document(model.config, j); }},
           {"seeds",
            [&](Json const& j) -> Status {
              Json const* seed = j.find("agent");
              if (seed == nullptr || !seed->is_integer()) return invalid("seeds.agent is missing");
              model.seed = static_cast<std::uint64_t>(seed->as_integer());
              return ok();
            }},
           {"episodes", [&](Json const& j) -> Status {
              if (!j.is_integer()) return invalid("episodes is not an integer");
              model.episodes = static_cast<int>(j.as_integer());
              return ok();
            }}}) {
    Result<std::string> const text = entry(file, key);
    if (!text) return text.error();
    Result<Json> const json = parse_json(*text);
    if (!json) return json.error().in("metadata " + key);
    if (Status applied = apply(*json); !applied) return applied.error().in("metadata " + key);
  }
  return model;
}

Result<Model> decode_dispatch(nn::ModelFile const& file) {
  Result<Model> model = decode_origin(file);
  if (!model) return model;
  if (!is_dispatch(model->config)) return invalid("config: scenario = classic, which no dispatch model learns on");
  if (auto const families = families_of(model->config.scenario); !families) return families.error().in("config");
  Result<dispatch::ValueNetwork> value = dispatch::decode_network(file);
  if (!value) return value.error();
  if (model->config.network.hidden() != value->network.shape().hidden) {
    return invalid("the configuration names other hidden layers than the weights have");
  }
  model->network = rl::QNetwork(model->config.network, dispatch::plan_features, 0, Rng(0));
  std::ranges::copy(value->network.parameters(), model->network.network().parameters().begin());
  model->network.set_reward_scale(static_cast<float>(value->reward_scale));
  model->trust = value->trust;
  model->fleet = value->fleet;
  return model;
}

Result<Model> decode(nn::ModelFile const& file) {
  // 1. Ours at all?
  Result<std::string> const format = entry(file, "format");
  if (!format) return format.error();
  if (*format != format_name) return invalid(fmt::format("format is {}, this program reads {}", *format, format_name));

  // 2. The configuration it was trained with.
  Result<Model> origin = decode_origin(file);
  if (!origin) return origin;
  Model model = origin.take();
  Result<std::string> const scale_text = entry(file, "reward_scale");
  if (!scale_text) return scale_text.error();
  Result<Json> const scale = parse_json(*scale_text);
  if (!scale || !scale->is_number() || !(scale->as_number() > 0))
    return invalid(fmt::format("reward_scale = {} is no positive number", *scale_text));

  // 3. The same meaning of features, the same architecture.
  Result<std::string> const schema = entry(file, "schema");
  if (!schema) return schema.error();
  std::string_view const ours = classic_schema(model.config.network.kind);
  if (*schema != ours) return invalid(fmt::format("feature schema is {}, this program computes {}", *schema, ours));
  ClassicEnvironment const environment(model.config.environment, model.config.network.kind);
  model.network = rl::QNetwork(model.config.network, environment.width(), environment.actions(), Rng(0));
  model.network.set_reward_scale(static_cast<float>(scale->as_number()));
  Result<std::string> const hash = entry(file, "architecture_hash");
  if (!hash) return hash.error();
  if (*hash != hash_text(model.network.architecture())) {
    return invalid(fmt::format("architecture hash is {}, the configuration gives {} ({})", *hash,
                               hash_text(model.network.architecture()), model.network.architecture()));
  }

  // 4. The weights.
  if (Status loaded = nn::load_tensors(file, model.network.network()); !loaded) return loaded.error();
  return model;
}

}  // namespace

dispatch::ValueNetwork value_network(Model const& model) {
  return {.network = model.network.network(),
          .reward_scale = static_cast<double>(model.network.reward_scale()),
          .trust = model.trust,
          .fleet = model.fleet};
}

std::map<std::string, std::string> metadata_of(Model const& model) {
  Config config = model.config;
  Json const document = to_json(config);
  if (is_dispatch(config)) {
    std::map<std::string, std::string> metadata = dispatch::encode_model(value_network(model)).metadata;
    metadata["config"] = document.dump();
    metadata["seeds"] = Json::object({{"agent", model.seed}}).dump();
    metadata["episodes"] = std::to_string(model.episodes);
    return metadata;
  }
  std::string const architecture = model.network.architecture();
  return {
      {"format", std::string(format_name)},
      {"architecture", architecture},
      {"architecture_hash", hash_text(architecture)},
      {"schema", std::string(classic_schema(config.network.kind))},
      {"config", document.dump()},
      {"environment", document.find("environment")->dump()},
      {"reward",
       std::string(sim::enum_names(config.environment.reward)[static_cast<std::size_t>(config.environment.reward)])},
      {"reward_scale", Json(static_cast<double>(model.network.reward_scale())).dump()},
      {"seeds", Json::object({{"agent", model.seed}}).dump()},
      {"episodes", std::to_string(model.episodes)},
  };
}

Status save_model(std::filesystem::path const& path, Model const& model) {
  return nn::write_model(path, {metadata_of(model), nn::tensors_of(model.network.network())});
}

Result<Model> load_model(std::filesystem::path const& path) {
  Result<nn::ModelFile> file = nn::read_model(path);
  if (!file) return file.error();
  auto const format = file->metadata.find("format");
  bool const of_dispatch = format != file->metadata.end() && format->second == dispatch::model_format;
  Result<Model> model = of_dispatch ? decode_dispatch(*file) : decode(*file);
  if (!model) return model.error().in(path.string());
  return model;
}

std::unique_ptr<sim::ClassicPolicy> make_model_policy(std::shared_ptr<Model const> model) {
  return std::make_unique<ModelPolicy>(std::move(model));
}

}  // namespace regulus::lab
